package deliverydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/reason"
)

// FindAttempted implements delivery.CallbackStore.
func (s *Store) FindAttempted(ctx context.Context, provider string, providerIDs []string) (map[string]id.ID, error) {
	out := map[string]id.ID{}
	err := byID(providerIDs, []any{provider}, func(list string, args []any) error {
		return s.q(ctx).Query(ctx, func(r db.Row) error {
			var (
				providerID string
				found      id.ID
			)
			err := r.Scan(&providerID, &found)
			out[providerID] = found
			return err
		}, "select provider_id, delivery_id from delivery_attempts where provider_id <> '' and provider = $1 and provider_id in ("+list+")", args...)
	})
	return out, err
}

// Lock implements delivery.CallbackStore.
func (s *Store) Lock(ctx context.Context, deliveries []id.ID) (map[id.ID]delivery.Delivery, map[id.ID]delivery.Content, error) {
	var all []delivery.Delivery
	err := byID(deliveries, nil, func(list string, args []any) error {
		part, err := db.All(ctx, s.q(ctx), scanDelivery,
			"select "+deliveryColumns+" from deliveries d where d.id in ("+list+") order by d.id"+s.db.ForUpdate(), args...)
		all = append(all, part...)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	contents, err := s.contentsOf(ctx, all)
	out := make(map[id.ID]delivery.Delivery, len(all))
	for _, d := range all {
		out[d.ID] = d
	}
	return out, contents, err
}

// Forgo implements delivery.CallbackStore.
func (s *Store) Forgo(ctx context.Context, deliveries []id.ID, why reason.Reason) error {
	return byID(deliveries, []any{string(why)}, func(list string, args []any) error {
		return s.q(ctx).Defer(ctx, "update deliveries set withdrawn = $1 where withdrawn = '' and id in ("+list+")", args...)
	})
}

// Advance implements delivery.CallbackStore.
func (s *Store) Advance(ctx context.Context, d delivery.Delivery, providerID string) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		if err := s.q(ctx).Defer(ctx, setDelivery, setArgs(d)...); err != nil || providerID == "" {
			return err
		}
		// The answer to the attempt, which would have told the address, finds its lease gone.
		if err := s.q(ctx).Defer(ctx, `update deliveries set address = coalesce((select a.address from delivery_attempts a
			where a.delivery_id = deliveries.id order by a.started_at desc limit 1), '') where id = $1 and address = ''`, d.ID); err != nil {
			return err
		}
		return s.q(ctx).Defer(ctx, `update delivery_attempts set outcome = $1, provider_id = $2, finished_at = $3
			where delivery_id = $4 and finished_at is null`, string(delivery.Accepted), providerID, d.UpdatedAt, d.ID)
	})
}

const callbackColumns = `k.id, k.organization_id, k.delivery_id, k.provider, k.provider_id, k.state, k.reason, k.retry, k.code, k.detail,
	k.received_at, k.settled`

func scanCallback(r db.Row) (c delivery.Callback, err error) {
	return c, r.Scan(&c.ID, &c.OrganizationID, &c.DeliveryID, &c.Provider, &c.ProviderID, &c.State, &c.Reason, &c.Retry, &c.Code,
		&c.Detail, &c.ReceivedAt, &c.Settled)
}

// InsertCallback implements delivery.CallbackStore.
func (s *Store) InsertCallback(ctx context.Context, c delivery.Callback) error {
	return s.q(ctx).Defer(ctx, `insert into delivery_callbacks
		(id, organization_id, delivery_id, provider, provider_id, state, reason, retry, code, detail, received_at, settled)
		values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`,
		c.ID, c.OrganizationID, c.DeliveryID, c.Provider, c.ProviderID, string(c.State), string(c.Reason), c.Retry, c.Code, c.Detail,
		c.ReceivedAt, c.Settled)
}

// Pending implements delivery.CallbackStore.
func (s *Store) Pending(ctx context.Context, provider string, providerIDs []string) ([]delivery.Callback, error) {
	var out []delivery.Callback
	err := byID(providerIDs, []any{provider}, func(list string, args []any) error {
		part, err := db.All(ctx, s.q(ctx), scanCallback, "select "+callbackColumns+` from delivery_callbacks k
			where not k.settled and k.provider = $1 and k.provider_id in (`+list+`) order by k.id`, args...)
		out = append(out, part...)
		return err
	})
	return out, err
}

// PendingSince implements delivery.CallbackStore.
func (s *Store) PendingSince(ctx context.Context, since time.Time, limit int) ([]delivery.Callback, error) {
	return db.All(ctx, s.q(ctx), scanCallback, "select "+callbackColumns+` from delivery_callbacks k
		where not k.settled and k.received_at >= $1 and k.provider_id <> '' and exists (select 1 from delivery_attempts a
			where a.provider_id <> '' and a.provider_id = k.provider_id and a.provider = k.provider)
		order by k.received_at, k.id limit $2`, since, limit)
}

// Settle implements delivery.CallbackStore.
func (s *Store) Settle(ctx context.Context, callback, organization, about id.ID) error {
	return s.q(ctx).Defer(ctx, "update delivery_callbacks set settled = true, organization_id = $1, delivery_id = $2 where id = $3",
		organization, about, callback)
}

// Forget implements delivery.CallbackStore.
func (s *Store) Forget(ctx context.Context, before time.Time) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		err := s.q(ctx).Defer(ctx, "delete from delivery_callbacks where not settled and delivery_id is null and received_at < $1", before)
		if err != nil {
			return err
		}
		return s.q(ctx).Defer(ctx, "update delivery_callbacks set settled = true where not settled and received_at < $1", before)
	})
}

// InsertText implements delivery.CallbackStore.
func (s *Store) InsertText(ctx context.Context, t delivery.Text) (bool, error) {
	n, err := s.q(ctx).Exec(ctx, `insert into delivery_texts
		(id, organization_id, user_id, provider, provider_id, transport, sender, recipient, body, keyword, received_at)
		values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11) on conflict do nothing`,
		t.ID, t.OrganizationID, t.UserID, t.Provider, t.ProviderID, string(t.Transport), t.From, t.To, t.Body, string(t.Keyword), t.ReceivedAt)
	return n == 1, err
}
