// Package deliverydb keeps the ledger in SQL, on both databases.
//
// What differs between them is how rows are inserted in bulk: SQLite takes them as one JSON document, which spares it
// the binding of a dozen values for each row.
package deliverydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/queue"
)

// Store implements delivery.Store.
type Store struct {
	db    *db.DB
	queue queue.Table
}

var _ delivery.Store = (*Store)(nil)

// New returns a store over d.
func New(d *db.DB) *Store {
	return &Store{db: d, queue: queue.Table{DB: d, Name: "deliveries"}}
}

func (s *Store) q(ctx context.Context) db.Querier { return s.db.Q(ctx) }

const deliveryColumns = `d.id, d.organization_id, d.content_id, d.group_id, d.user_id, d.individual_id, d.transport, d.state, d.reason,
	d.address, d.due_at, d.attempts, d.provider, d.provider_id, d.sent_at, d.withdrawn, d.created_at, d.updated_at`

func deliveryFields(d *delivery.Delivery) []any {
	return []any{
		&d.ID, &d.OrganizationID, &d.ContentID, &d.GroupID, &d.UserID, &d.IndividualID, &d.Transport, &d.State, &d.Reason,
		&d.Address, &d.DueAt, &d.Attempts, &d.Provider, &d.ProviderID, &d.SentAt, &d.Withdrawn, &d.CreatedAt, &d.UpdatedAt,
	}
}

func scanDelivery(r db.Row) (d delivery.Delivery, err error) {
	return d, r.Scan(deliveryFields(&d)...)
}

const contentColumns = "c.id, c.organization_id, c.source_type, c.source_id, c.title, c.body, c.data, c.urgent, c.followed, c.expires_at, c.at"

func scanContent(r db.Row) (c delivery.Content, err error) {
	return c, r.Scan(&c.ID, &c.OrganizationID, &c.Source.Type, &c.Source.ID, &c.Title, &c.Body, db.JSON{V: &c.Data}, &c.Urgent,
		&c.Followed, &c.ExpiresAt, &c.At)
}

// perQuery bounds how many identifiers stand in one statement.
const perQuery = 256

// pad repeats the last of a short list, so that there are few texts of statements to prepare instead of one for each
// length. It is for lists in which a repetition changes nothing.
func pad[T any](list []T) []T {
	size := 1
	for size < len(list) {
		size *= 4
	}
	for len(list) < size {
		list = append(list, list[len(list)-1])
	}
	return list
}

// byID runs fn with the placeholders of the ids, some hundred at a time. args are the arguments before them.
func byID[T any](ids []T, args []any, fn func(list string, args []any) error) error {
	return db.Chunks(ids, perQuery, func(part []T) error {
		all := append(db.Args{}, args...)
		list := db.List(&all, pad(append([]T(nil), part...)))
		return fn(list, all)
	})
}

// contentsOf returns the contents of deliveries.
func (s *Store) contentsOf(ctx context.Context, deliveries []delivery.Delivery) (map[id.ID]delivery.Content, error) {
	out := map[id.ID]delivery.Content{}
	var wanted []id.ID
	for _, d := range deliveries {
		if _, seen := out[d.ContentID]; !seen {
			out[d.ContentID] = delivery.Content{}
			wanted = append(wanted, d.ContentID)
		}
	}
	err := byID(wanted, nil, func(list string, args []any) error {
		found, err := db.All(ctx, s.q(ctx), scanContent, "select "+contentColumns+" from delivery_contents c where c.id in ("+list+")", args...)
		for _, c := range found {
			out[c.ID] = c
		}
		return err
	})
	return out, err
}

// Skew implements delivery.QueueStore.
func (s *Store) Skew(ctx context.Context, now func() time.Time) (time.Duration, error) {
	if s.db.Dialect() == db.SQLite {
		return 0, nil
	}
	before := now()
	theirs, err := db.Get(ctx, s.q(ctx), func(r db.Row) (t time.Time, err error) { return t, r.Scan(&t) }, "select clock_timestamp()")
	if err != nil {
		return 0, err
	}
	return theirs.Sub(before.Add(now().Sub(before) / 2)), nil
}
