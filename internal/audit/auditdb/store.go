// Package auditdb keeps the audit's chain in SQL, on both databases. The rows are put in by package eventlog.
//
// Every index of the rows but the key leaves out those without a place, so that what writes them pays for none; the chainer pays
// later. The queries here say "place is not null" for that, each in the words of the indexes.
package auditdb

import (
	"context"
	"errors"

	"switchboard/internal/audit"
	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Store implements audit.Store.
type Store struct{ db *db.DB }

// New returns the store in d.
func New(d *db.DB) *Store { return &Store{db: d} }

var _ audit.Store = (*Store)(nil)

const columns = `seq, place, id, organization_id, actor_id, user_id, as_individual_id, role, via, action, subject, at, request_id,
	remote_addr, detail, salt, detail_hash, purge_id`

func scanEvent(r db.Row) (e audit.Event, err error) {
	var place *int64
	err = r.Scan(&e.Seq, &place, &e.ID, &e.OrganizationID, &e.KeyID, &e.UserID, &e.IndividualID, &e.Role, &e.Via, &e.Action, &e.Subject,
		&e.At, &e.RequestID, &e.RemoteAddr, &e.Detail, &e.Salt, &e.DetailHash, &e.PurgeID)
	if place != nil {
		e.Place = *place
	}
	return e, err
}

// Get implements audit.Store.
func (s *Store) Get(ctx context.Context, organization, event id.ID) (audit.Event, error) {
	e, err := db.Get(ctx, s.db.Q(ctx), scanEvent,
		"select "+columns+" from audit where id = $1 and organization_id = $2 and place is not null", event, organization)
	if errors.Is(err, db.ErrNoRows) {
		err = errs.MissingRecord("audit-event")
	}
	return e, err
}

// Forget implements audit.Store. The rows are read, because the hash of what they said is made here; a purge is rare.
func (s *Store) Forget(ctx context.Context, organization id.ID, subjects []id.ID, purge id.ID) (forgotten int64, err error) {
	err = s.db.Do(ctx, func(ctx context.Context) error {
		forgotten = 0
		return db.Chunks(subjects, forgetChunk, func(subjects []id.ID) error {
			for _, state := range []string{"place is not null", "place is null"} {
				n, err := s.forget(ctx, organization, subjects, purge, state)
				if forgotten += n; err != nil {
					return err
				}
			}
			return nil
		})
	})
	return forgotten, err
}

const forgetChunk = 200

// forget does it for the rows of one state, since the index of subjects knows those with a place only.
func (s *Store) forget(ctx context.Context, organization id.ID, subjects []id.ID, purge id.ID, state string) (int64, error) {
	q := s.db.Q(ctx)
	var w db.Where
	w.Raw(state)
	w.Raw("purge_id is null")
	w.And("organization_id = %s", organization)
	if state == "place is null" {
		head, err := s.Head(ctx)
		if err != nil {
			return 0, err
		}
		w.And("seq > %s", s.floor(head))
	}
	w.Raw("subject in (" + db.List(&w.Args, subjects) + ")")
	events, err := db.All(ctx, q, scanEvent, "select "+columns+" from audit"+w.String()+" order by seq", w.Args...)
	if err != nil {
		return 0, err
	}
	return int64(len(events)), s.takeDetails(ctx, events, purge)
}
