package replication

import (
	"context"

	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Name is what a source calls a record.
type Name struct {
	OrganizationID id.ID
	Source         string
	Kind           Kind
	ExternalID     string
}

// Name returns what the source calls the record.
func (l Link) Name() Name { return Name{l.OrganizationID, l.Source, l.Kind, l.ExternalID} }

// Purged returns which of some names are those of records that were purged.
type Purged func(ctx context.Context, names []Name) ([]Name, error)

// purgedHere is what is told of a record that was purged here.
const purgedHere = "what has this external id was purged here; it is not made again"

// purgedAmong returns those of a source's external ids whose records were purged.
func (s *Service) purgedAmong(ctx context.Context, organization id.ID, source string, kind Kind, externalIDs []string) (map[string]bool, error) {
	out := map[string]bool{}
	if s.purged == nil {
		return out, nil
	}
	var names []Name
	for _, e := range externalIDs {
		if e != "" {
			names = append(names, Name{organization, source, kind, e})
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	found, err := s.purged(ctx, names)
	for _, name := range found {
		out[name.ExternalID] = true
	}
	return out, err
}

// unpurged fails for an external id whose record was purged.
func (s *Service) unpurged(ctx context.Context, organization id.ID, source string, kind Kind, externalID string) error {
	found, err := s.purgedAmong(ctx, organization, source, kind, []string{externalID})
	if err == nil && found[externalID] {
		return errs.CodeConflict.Errorf(purgedHere).At("external-id")
	}
	return err
}
