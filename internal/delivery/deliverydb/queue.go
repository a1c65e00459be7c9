package deliverydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/queue"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// Claim implements delivery.QueueStore.
func (s *Store) Claim(ctx context.Context, transports []transport.Name, now time.Time, lease time.Duration, limit int) (delivery.Claimed, error) {
	var out delivery.Claimed
	err := s.db.Do(ctx, func(ctx context.Context) error {
		filter, args := transportsFrom(5, transports)
		c, err := s.queue.Claim(ctx, queue.Claim{Now: now, Lease: lease, Limit: limit, Filter: filter, Args: args})
		out = delivery.Claimed{Lease: c.Lease}
		if err != nil || len(c.Rows) == 0 {
			return err
		}
		err = byID(c.Rows, nil, func(list string, args []any) error {
			part, err := db.All(ctx, s.q(ctx), scanDelivery,
				"select "+deliveryColumns+" from deliveries d where d.id in ("+list+") order by d.id", args...)
			out.Deliveries = append(out.Deliveries, part...)
			return err
		})
		if err != nil {
			return err
		}
		for i := range out.Deliveries {
			out.Deliveries[i].Attempts-- // the claim has counted one that may not be made
		}
		out.Contents, err = s.contentsOf(ctx, out.Deliveries)
		return err
	})
	return out, err
}

// transportsFrom is the condition that a row goes by one of the transports, with placeholders from a number on.
func transportsFrom(number int, transports []transport.Name) (string, []any) {
	args := make(db.Args, number-1)
	list := db.List(&args, asText(transports))
	if len(transports) == 1 {
		return "transport = " + list, args[number-1:]
	}
	return "transport in (" + list + ")", args[number-1:]
}

func asText[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// NextDue implements delivery.QueueStore.
func (s *Store) NextDue(ctx context.Context, transports []transport.Name) (time.Time, bool, error) {
	filter, args := transportsFrom(1, transports)
	return s.queue.Next(ctx, filter, args...)
}

// Extend implements delivery.QueueStore.
func (s *Store) Extend(ctx context.Context, lease id.ID, deliveries []id.ID, until time.Time) (int64, error) {
	return s.queue.Extend(ctx, queue.Claimed{Lease: lease, Rows: deliveries}, until)
}

// Leased implements delivery.QueueStore.
func (s *Store) Leased(ctx context.Context, lease id.ID, deliveries []id.ID) (map[id.ID]reason.Reason, error) {
	out := map[id.ID]reason.Reason{}
	err := byID(deliveries, []any{lease}, func(list string, args []any) error {
		return s.q(ctx).Query(ctx, func(r db.Row) error {
			var (
				leased id.ID
				why    reason.Reason
			)
			err := r.Scan(&leased, &why)
			out[leased] = why
			return err
		}, "select id, withdrawn from deliveries where lease_id = $1 and id in ("+list+") order by id"+s.db.ForUpdate(), args...)
	})
	return out, err
}

// Begin implements delivery.QueueStore.
func (s *Store) Begin(ctx context.Context, lease id.ID, attempts []delivery.Attempt, at time.Time) error {
	rows := make([][]any, len(attempts))
	by := map[string][]id.ID{}
	for i, a := range attempts {
		by[a.Provider] = append(by[a.Provider], a.DeliveryID)
		rows[i] = []any{a.DeliveryID, a.ID, a.Provider, a.Address, a.StartedAt, string(a.Outcome)}
	}
	return s.db.Do(ctx, func(ctx context.Context) error {
		for provider, ids := range by {
			err := byID(ids, []any{lease, provider, at}, func(list string, args []any) error {
				return s.q(ctx).Defer(ctx, `update deliveries set state = 'sending', reason = '', provider = $2, updated_at = $3
					where lease_id = $1 and id in (`+list+`)`, args...)
			})
			if err != nil {
				return err
			}
		}
		return db.InsertMany(ctx, s.db, "delivery_attempts (delivery_id, id, provider, address, started_at, outcome)", rows, "")
	})
}

// Abandon implements delivery.QueueStore.
func (s *Store) Abandon(ctx context.Context, deliveries []id.ID, at time.Time) (int64, error) {
	var total int64
	err := byID(deliveries, []any{at, string(delivery.Unknown)}, func(list string, args []any) error {
		n, err := s.q(ctx).Exec(ctx, `update delivery_attempts set outcome = $2, finished_at = $1
			where finished_at is null and delivery_id in (`+list+`)`, args...)
		total += n
		return err
	})
	return total, err
}

// Finish implements delivery.QueueStore.
func (s *Store) Finish(ctx context.Context, attempts []delivery.Attempt) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		for _, a := range attempts {
			err := s.q(ctx).Defer(ctx, `update delivery_attempts set finished_at = $1, outcome = $2, reason = $3, code = $4, provider_id = $5, detail = $6
				where delivery_id = $7 and id = $8`,
				a.FinishedAt, string(a.Outcome), string(a.Reason), a.Code, a.ProviderID, a.Detail, a.DeliveryID, a.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const setDelivery = `update deliveries set lease_id = null, state = $1, reason = $2, address = $3, due_at = $4, attempts = $5, provider = $6,
	provider_id = $7, sent_at = $8, updated_at = $9 where id = $10`

func setArgs(d delivery.Delivery) []any {
	return []any{
		string(d.State), string(d.Reason), d.Address, d.DueAt, d.Attempts, d.Provider, d.ProviderID, d.SentAt, d.UpdatedAt, d.ID,
	}
}

// Save implements delivery.QueueStore.
func (s *Store) Save(ctx context.Context, lease id.ID, deliveries []delivery.Delivery) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		for _, d := range deliveries {
			if err := s.q(ctx).Defer(ctx, setDelivery+" and lease_id = $11", append(setArgs(d), lease)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// SentSince implements delivery.QueueStore.
func (s *Store) SentSince(ctx context.Context, users []id.ID, n transport.Name, since time.Time) (map[id.ID]int, error) {
	out := map[id.ID]int{}
	err := byID(users, []any{string(n), since}, func(list string, args []any) error {
		return s.q(ctx).Query(ctx, func(r db.Row) error {
			var (
				user  id.ID
				count int
			)
			err := r.Scan(&user, &count)
			out[user] = count
			return err
		}, "select user_id, count(*) from deliveries where transport = $1 and sent_at >= $2 and user_id in ("+list+") group by user_id", args...)
	})
	return out, err
}

// Depth implements delivery.QueueStore.
func (s *Store) Depth(ctx context.Context, now time.Time) (map[transport.Name]delivery.Depth, error) {
	out := map[transport.Name]delivery.Depth{}
	err := s.q(ctx).Query(ctx, func(r db.Row) error {
		var (
			name  transport.Name
			depth delivery.Depth
		)
		err := r.Scan(&name, &depth.Due, &depth.Oldest)
		out[name] = depth
		return err
	}, "select transport, count(*), min(due_at) from deliveries where due_at <= $1 group by transport", now)
	return out, err
}
