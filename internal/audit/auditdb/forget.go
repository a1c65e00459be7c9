package auditdb

import (
	"context"

	"switchboard/internal/audit"
	"switchboard/internal/db"
	"switchboard/internal/id"
)

// ForgetOrganization does what Forget does for rows about anything in an organization, up to limit of them in one transaction,
// and returns how many.
func (s *Store) ForgetOrganization(ctx context.Context, organization, purge id.ID, limit int) (forgotten int64, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		forgotten = 0
		for _, state := range []string{"place is not null", "place is null"} {
			n, err := s.forgetAny(ctx, organization, purge, state, limit-int(forgotten))
			if forgotten += n; err != nil {
				return err
			}
		}
		return nil
	})
	return forgotten, err
}

func (s *Store) forgetAny(ctx context.Context, organization, purge id.ID, state string, limit int) (int64, error) {
	var w db.Where
	w.Raw(state)
	w.Raw("purge_id is null")
	w.Raw("detail <> '{}'")
	w.And("organization_id = %s", organization)
	order := " order by at, seq" // as the index of rows with a place
	if state == "place is null" {
		head, err := s.Head(ctx)
		if err != nil {
			return 0, err
		}
		w.And("seq > %s", s.floor(head))
		order = " order by seq"
	}
	query := "select " + columns + " from audit" + w.String() + order + " limit " + w.Args.Add(limit)
	events, err := db.All(ctx, s.db.Q(ctx), scanEvent, query, w.Args...)
	if err != nil {
		return 0, err
	}
	return int64(len(events)), s.takeDetails(ctx, events, purge)
}

// takeDetails leaves of what rows said the hash, and the purge that took it.
func (s *Store) takeDetails(ctx context.Context, events []audit.Event, purge id.ID) error {
	for _, e := range events {
		if err := s.db.Q(ctx).Defer(ctx, "update audit set detail = '{}', salt = null, detail_hash = $1, purge_id = $2 where seq = $3 and purge_id is null",
			e.DetailSum(), purge, e.Seq); err != nil {
			return err
		}
	}
	return nil
}
