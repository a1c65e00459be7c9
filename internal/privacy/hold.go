package privacy

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// NewHold is what a hold is made of.
type NewHold struct {
	Kind     Kind
	EntityID id.ID
	Reason   string
	Until    time.Time
}

func (n NewHold) validate(now time.Time) error {
	var f errs.Fields
	errs.OneOf(&f, "entity_type", n.Kind, Kinds()...)
	if n.EntityID.IsZero() {
		f.Require("entity_id")
	}
	f.Text("reason", n.Reason, 1, 1024)
	if !n.Until.IsZero() && !n.Until.After(now) {
		f.Add("until", "lies in the past")
	}
	return f.Err()
}

// CreateHold keeps an entity, and what is in it, from being purged. A purge that has begun is not stopped by it.
//
// Denied: not an administrator. Invalid. NotFound: no such entity. One transaction.
func (s *Service) CreateHold(ctx context.Context, n NewHold) (Hold, error) {
	a, err := require(ctx, holdScope, "write")
	if err != nil {
		return Hold{}, err
	}
	now := s.Clock()
	if err := n.validate(now); err != nil {
		return Hold{}, err
	}
	h := Hold{
		ID: id.New(), OrganizationID: a.OrganizationID, Kind: n.Kind, EntityID: n.EntityID, Reason: n.Reason, CreatedBy: a.KeyID,
		CreatedAt: now, Until: n.Until,
	}
	err = s.Tx.Do(ctx, func(ctx context.Context) error {
		subjects, err := s.Data.Find(ctx, h.OrganizationID, h.Kind, h.EntityID)
		if err != nil {
			return err
		}
		if len(subjects) == 0 {
			return errs.MissingRecord(string(h.Kind)).At("entity_id")
		}
		if err := s.Store.InsertHold(ctx, h); err != nil {
			return err
		}
		return s.Events.Audit(ctx, event.Change{OrganizationID: h.OrganizationID, Type: holdCreated, Subject: h.EntityID, After: h.snapshot()})
	})
	return h, err
}

func (h Hold) snapshot() map[string]any {
	return map[string]any{"id": h.ID, "entity-type": h.Kind, "entity-id": h.EntityID, "reason": h.Reason, "until": h.Until}
}

// GetHold returns a hold of the actor's organization. Denied. NotFound.
func (s *Service) GetHold(ctx context.Context, hold id.ID) (Hold, error) {
	a, err := require(ctx, holdScope, "read")
	if err != nil {
		return Hold{}, err
	}
	return s.Store.GetHold(ctx, a.OrganizationID, hold)
}

// ListHolds returns the holds of the actor's organization. Denied.
func (s *Service) ListHolds(ctx context.Context, p page.Offset) (page.List[Hold], error) {
	a, err := require(ctx, holdScope, "read")
	if err != nil {
		return page.List[Hold]{}, err
	}
	return s.Store.ListHolds(ctx, a.OrganizationID, p)
}

// ReleaseHold ends a hold. The audit keeps it. Denied. NotFound. One transaction.
func (s *Service) ReleaseHold(ctx context.Context, hold id.ID) error {
	a, err := require(ctx, holdScope, "write")
	if err != nil {
		return err
	}
	return s.Tx.Do(ctx, func(ctx context.Context) error {
		h, err := s.Store.GetHold(ctx, a.OrganizationID, hold)
		if err != nil {
			return err
		}
		if err := s.Store.DeleteHold(ctx, a.OrganizationID, hold); err != nil {
			return err
		}
		return s.Events.Audit(ctx, event.Change{OrganizationID: h.OrganizationID, Type: holdReleased, Subject: h.EntityID, Before: h.snapshot()})
	})
}

// unheld is LegalHold when a hold is in the way of a purge: one on the entity itself, on what it is in, or on something
// that is in it.
func (s *Service) unheld(ctx context.Context, p Purge) error {
	holds, err := s.Store.ActiveHolds(ctx, p.OrganizationID, s.Clock())
	if err != nil {
		return err
	}
	for _, h := range holds {
		covered, err := s.covers(ctx, h, p)
		if err != nil {
			return err
		}
		if covered {
			return LegalHold.Errorf("a legal hold keeps this from being purged").With("id", h.ID)
		}
	}
	return nil
}

func (s *Service) covers(ctx context.Context, h Hold, p Purge) (bool, error) {
	if h.Kind == Organization || p.Kind == Organization || h.EntityID == p.EntityID {
		return true, nil
	}
	found, err := s.Data.Find(ctx, h.OrganizationID, h.Kind, h.EntityID) // those deleted as well
	if err != nil {
		return false, err
	}
	held, concerned := individuals(found), individuals(p.Subjects)
	if slices.ContainsFunc(held, func(i id.ID) bool { return slices.Contains(concerned, i) }) {
		return true, nil
	}
	switch {
	case h.Kind == Group && len(concerned) > 0:
		return s.stands(ctx, p.OrganizationID, concerned, h.EntityID)
	case p.Kind == Group && len(held) > 0:
		return s.stands(ctx, p.OrganizationID, held, p.EntityID)
	}
	return false, nil
}

// stands tells whether any of the individuals is in a group.
func (s *Service) stands(ctx context.Context, organization id.ID, individuals []id.ID, group id.ID) (bool, error) {
	groups, err := s.People.GroupsOf(ctx, organization, individuals)
	return slices.Contains(groups, group), err
}

// individuals returns those among subjects; a user comes with its own.
func individuals(subjects []Subject) []id.ID {
	var out []id.ID
	for _, one := range subjects {
		if one.Kind == Individual {
			out = append(out, one.ID)
		}
	}
	return out
}
