package notify

import (
	"context"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// CleanerName is the name under which the Cleaner's place in the log is kept.
const CleanerName = "notify.cleaner"

// Cleaner removes users and sites that were deleted from the groups. It is a consumer of the event log; see
// eventlog.Consumer. Doing the same entry twice changes nothing the second time.
type Cleaner struct{ s *Service }

// NewCleaner returns the cleaner of a service's groups.
func NewCleaner(s *Service) *Cleaner { return &Cleaner{s} }

// Wants tells whether an entry of the log is of the kinds that Handle acts on.
func (c *Cleaner) Wants(e event.Entry) bool {
	return e.Type == directory.EventUserDeleted || e.Type == directory.EventSiteDeleted
}

// Handle acts on entries of the log, in the transaction of ctx.
func (c *Cleaner) Handle(ctx context.Context, entries []event.Entry) error {
	for _, e := range entries {
		var err error
		switch e.Type {
		case directory.EventUserDeleted:
			err = c.remove(ctx, e, c.s.store.RemoveUser)
		case directory.EventSiteDeleted:
			err = c.remove(ctx, e, c.s.store.RemoveSite)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type remover func(ctx context.Context, organization, what id.ID, at time.Time) ([]id.ID, error)

func (c *Cleaner) remove(ctx context.Context, e event.Entry, from remover) error {
	ctx = actor.With(ctx, actor.System(e.OrganizationID))
	return c.s.tx.Do(ctx, func(ctx context.Context) error {
		groups, err := from(ctx, e.OrganizationID, e.Subject, c.s.now())
		if err != nil {
			return err
		}
		changes := make([]event.Change, len(groups))
		for i, g := range groups {
			changes[i] = event.Change{
				OrganizationID: e.OrganizationID, Type: "notify.group.updated", Subject: g,
				Data: map[string]any{"group-id": g, "removed": e.Subject, "because": e.Type},
			}
		}
		return c.s.events.Record(ctx, changes...)
	})
}
