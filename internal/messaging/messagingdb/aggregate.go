package messagingdb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// CountUnread implements messaging.Store.
func (s *Store) CountUnread(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]int, error) {
	return byIndividual[int](ctx, s, organization, individuals, `select s.individual_id, cast(sum(c.message_seq - s.read_seq - s.exempt_after) as bigint)
		from subscribers s join channels c on c.id = s.channel_id and c.archived_at is null`,
		" having sum(c.message_seq - s.read_seq - s.exempt_after) > 0")
}

// LastMessages implements messaging.Store.
func (s *Store) LastMessages(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]time.Time, error) {
	return byIndividual[time.Time](ctx, s, organization, individuals, `select s.individual_id, max(m.posted_at)
		from subscribers s join channels c on c.id = s.channel_id join messages m on m.id = c.last_message_id`,
		" having max(m.posted_at) is not null")
}

// byIndividual runs a query that says one thing of each individual.
func byIndividual[V any](ctx context.Context, s *Store, organization id.ID, individuals []id.ID, query, having string) (map[id.ID]V, error) {
	out := map[id.ID]V{}
	err := db.Chunks(individuals, chunk, func(part []id.ID) error {
		var w db.Where
		w.And("s.organization_id = %s", organization)
		w.Raw("s.individual_id in (" + db.List(&w.Args, part) + ")")
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			var (
				individual id.ID
				value      V
			)
			err := r.Scan(&individual, &value)
			out[individual] = value
			return err
		}, query+w.String()+" group by s.individual_id"+having, w.Args...)
	})
	return out, err
}
