package delivery

import (
	"cmp"
	"context"
	"slices"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/transport"
)

// Hear takes in what a provider told us with one request, in one transaction. hint is the delivery that the request's
// address named; zero when it named none. Hearing the same again changes nothing but the list of callbacks. News of a
// message that is not known here is kept for a while, in case the answer that tells us its id is still to be stored.
//
// Errors: those of the database, on which the provider should be made to try again.
func (s *Service) Hear(ctx context.Context, provider string, hint id.ID, cb transport.Callback) error {
	now := s.opt.Clock()
	callbacks := make([]Callback, len(cb.Statuses))
	for i, status := range cb.Statuses {
		callbacks[i] = Callback{
			ID: id.New(), DeliveryID: hint, Provider: provider, ProviderID: status.ProviderID, State: status.State,
			Reason: status.Reason, Retry: status.Retry, Code: status.Code, Detail: status.Detail, ReceivedAt: now,
		}
	}
	return s.opt.Tx.Do(ctx, func(ctx context.Context) error {
		if err := s.consider(ctx, callbacks, true); err != nil {
			return err
		}
		for _, in := range cb.Inbound {
			if err := s.receive(ctx, provider, in, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// reconsiderBatch is how much unsettled news is looked at in one go.
const reconsiderBatch = 200

// reconsider looks again at news that came too early.
func (s *Service) reconsider(ctx context.Context, since time.Time) error {
	return s.opt.Tx.Do(ctx, func(ctx context.Context) error {
		pending, err := s.opt.Store.PendingSince(ctx, since, reconsiderBatch)
		if err != nil {
			return err
		}
		return s.consider(ctx, pending, false)
	})
}

// consider applies news, in order, in the transaction of ctx. fresh news is stored; other news is stored already.
func (s *Service) consider(ctx context.Context, callbacks []Callback, fresh bool) error {
	if len(callbacks) == 0 {
		return nil
	}
	known, err := s.attempted(ctx, callbacks)
	if err != nil {
		return err
	}
	var wanted []id.ID
	for i := range callbacks {
		if delivery, ok := known[keyOf(callbacks[i])]; ok {
			callbacks[i].DeliveryID = delivery
		}
		if !callbacks[i].DeliveryID.IsZero() {
			wanted = append(wanted, callbacks[i].DeliveryID)
		}
	}
	deliveries, contents, err := s.opt.Store.Lock(ctx, unrepeated(wanted))
	if err != nil {
		return err
	}
	taken, now := map[string][]string{}, s.opt.Clock()
	for _, c := range callbacks {
		_, isKnown := known[keyOf(c)]
		before := deliveries[c.DeliveryID].State
		if err := s.considerOne(ctx, news{c, isKnown}, fresh, now, deliveries, contents); err != nil {
			return err
		}
		if before.Waiting() && deliveries[c.DeliveryID].State == Sent {
			taken[c.Provider] = append(taken[c.Provider], c.ProviderID)
		}
	}
	return s.explained(ctx, taken)
}

// explained looks again at news that came before it was known here that the provider has taken the messages, which are
// given by its own ids for them.
func (s *Service) explained(ctx context.Context, taken map[string][]string) error {
	for provider, ids := range taken {
		pending, err := s.opt.Store.Pending(ctx, provider, ids)
		if err != nil {
			return err
		}
		if err := s.consider(ctx, pending, false); err != nil {
			return err
		}
	}
	return nil
}

// considerOne applies one piece of news to its delivery, which it changes in the map.
func (s *Service) considerOne(ctx context.Context, n news, fresh bool, now time.Time, deliveries map[id.ID]Delivery, contents map[id.ID]Content) error {
	c := &n.callback
	d, found := deliveries[c.DeliveryID]
	if !found || (!n.known && d.Provider != c.Provider) {
		// Nothing here explains it, or an address names a delivery that went another way.
		c.DeliveryID = id.Nil
		return s.keep(ctx, *c, fresh, "unknown")
	}
	c.OrganizationID = d.OrganizationID
	waited := d.State.Waiting()
	after, changed, settled := hear(d, n, s.opt.Providers.Retry(d.Transport), s.opt.Random, now)
	c.Settled = settled
	effect := "none"
	if changed {
		effect = "applied"
		deliveries[d.ID] = after
		taken := ""
		if waited {
			taken = c.ProviderID
		}
		if err := s.opt.Store.Advance(ctx, after, taken); err != nil {
			return err
		}
		if err := s.record(ctx, contents, ended([]Delivery{after})...); err != nil {
			return err
		}
		if after.State == Queued {
			s.opt.Tx.AfterCommit(ctx, s.bell.ring)
		}
	}
	return s.keep(ctx, *c, fresh, effect)
}

func (s *Service) keep(ctx context.Context, c Callback, fresh bool, effect string) error {
	if !fresh {
		if !c.Settled {
			return nil
		}
		return s.opt.Store.Settle(ctx, c.ID, c.OrganizationID, c.DeliveryID)
	}
	s.metrics.callbacks.WithLabelValues(c.Provider, string(c.State), effect).Inc()
	return s.opt.Store.InsertCallback(ctx, c)
}

// messageKey is a message as one provider names it.
type messageKey struct{ provider, providerID string }

func keyOf(c Callback) messageKey { return messageKey{c.Provider, c.ProviderID} }

// attempted finds the deliveries that callbacks are about by what their attempts were answered.
func (s *Service) attempted(ctx context.Context, callbacks []Callback) (map[messageKey]id.ID, error) {
	byProvider := map[string][]string{}
	for _, c := range callbacks {
		if c.ProviderID != "" {
			byProvider[c.Provider] = append(byProvider[c.Provider], c.ProviderID)
		}
	}
	out := map[messageKey]id.ID{}
	for provider, ids := range byProvider {
		found, err := s.opt.Store.FindAttempted(ctx, provider, ids)
		if err != nil {
			return nil, err
		}
		for providerID, delivery := range found {
			out[messageKey{provider, providerID}] = delivery
		}
	}
	return out, nil
}

// unrepeated sorts identifiers and leaves each once. Rows are locked in this order everywhere.
func unrepeated(ids []id.ID) []id.ID {
	slices.SortFunc(ids, func(a, b id.ID) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(ids)
}
