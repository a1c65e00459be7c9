package replication

import (
	"context"

	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Purged returns which of some identifiers, as Link.Name makes them, are those of records that were purged.
type Purged func(ctx context.Context, names []id.ID) ([]id.ID, error)

// Name is an identifier that stands for what a source calls a record. It stays when the record is purged, and tells
// nobody what the source called it but who asks for that very name.
func (l Link) Name() id.ID {
	return id.Derived("external-id", l.OrganizationID.String(), l.Source, string(l.Kind), l.ExternalID)
}

// purgedHere is what is told of a record that was purged here.
const purgedHere = "what has this external id was purged here; it is not made again"

// purgedAmong returns those of a source's external ids whose records were purged.
func (s *Service) purgedAmong(ctx context.Context, organization id.ID, source string, kind Kind, externalIDs []string) (map[string]bool, error) {
	out := map[string]bool{}
	if s.purged == nil {
		return out, nil
	}
	var (
		names    []id.ID
		external = map[id.ID]string{}
	)
	for _, e := range externalIDs {
		if e != "" {
			name := Link{OrganizationID: organization, Source: source, Kind: kind, ExternalID: e}.Name()
			names, external[name] = append(names, name), e
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	found, err := s.purged(ctx, names)
	for _, name := range found {
		out[external[name]] = true
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
