package delivery

import (
	"context"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/reason"
)

// maxResults bounds how many results are stored in one transaction.
const maxResults = 200

// writeResults stores results as they come, as many at a time as have come, until the dispatcher stops.
func (r *running) writeResults() {
	for {
		var first result
		select {
		case first = <-r.results:
		case <-r.closed:
			select {
			case first = <-r.results:
			default:
				return
			}
		}
		r.storeResults(r.gather(first))
	}
}

func (r *running) gather(first result) []result {
	out := []result{first}
	for len(out) < maxResults {
		select {
		case next := <-r.results:
			out = append(out, next)
		default:
			return out
		}
	}
	return out
}

// storeResults stores results until it succeeds: the provider has been called, and the ledger must say so. Meanwhile their
// leases are extended and their slots are taken, so a database that is gone stops the sending. Only a dispatcher that
// was told to give up does so; the attempts then stay open and are closed as unknown by whoever claims them.
func (r *running) storeResults(results []result) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := r.write(ctx, results)
		cancel()
		if err == nil {
			break
		}
		r.opt.Logger.Error("the results of sends could not be stored; trying again", "results", len(results), "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			continue
		case <-r.aborted:
			timer.Stop()
		}
		break
	}
	again := false
	for _, res := range results {
		res.lane.drop(res.lease, res.delivery.ID)
		r.metrics.attempt(res.delivery.Transport, res.attempt)
		again = again || res.delivery.State.Waiting()
	}
	if again {
		r.bell.ring() // the lanes know the end of the lease as the next thing that is due
	}
}

// write stores results in one transaction. How an attempt ended is stored in any case, since it is a fact; what follows
// for the delivery only where the lease still holds: otherwise somebody else has decided about it since, a callback or
// a dispatcher that took it over.
func (r *running) write(ctx context.Context, results []result) error {
	attempts := make([]Attempt, len(results))
	byLease := map[id.ID][]Delivery{}
	contents := map[id.ID]Content{}
	accepted := map[string][]string{} // provider → its ids
	for i, res := range results {
		attempts[i] = res.attempt
		byLease[res.lease] = append(byLease[res.lease], res.delivery)
		contents[res.content.ID] = res.content
		if res.attempt.ProviderID != "" {
			accepted[res.attempt.Provider] = append(accepted[res.attempt.Provider], res.attempt.ProviderID)
		}
	}
	return r.opt.Tx.Do(ctx, func(ctx context.Context) error {
		if err := r.opt.Store.Finish(ctx, attempts); err != nil {
			return err
		}
		for lease, deliveries := range byLease {
			ours, err := r.opt.Store.Leased(ctx, lease, idsOf(deliveries))
			if err != nil {
				return err
			}
			held := make([]Delivery, 0, len(deliveries))
			for _, d := range deliveries {
				if why, leased := ours[d.ID]; leased {
					held = append(held, d.unlessWithdrawn(why))
				}
			}
			if err := r.opt.Store.Save(ctx, lease, held); err != nil {
				return err
			}
			if err := r.record(ctx, contents, ended(held)...); err != nil {
				return err
			}
		}
		return r.explained(ctx, accepted)
	})
}

// unlessWithdrawn is what becomes of a delivery after an attempt when it was taken back meanwhile: no other attempt follows.
func (d Delivery) unlessWithdrawn(why reason.Reason) Delivery {
	if why != "" && d.State.Waiting() {
		d.State, d.Reason, d.DueAt = Suppressed, why, time.Time{}
	}
	return d
}

// ended leaves out what is merely tried again, of which nobody needs to hear.
func ended(deliveries []Delivery) []Delivery {
	var out []Delivery
	for _, d := range deliveries {
		if !d.State.Waiting() {
			out = append(out, d)
		}
	}
	return out
}

func idsOf(deliveries []Delivery) []id.ID {
	out := make([]id.ID, len(deliveries))
	for i, d := range deliveries {
		out[i] = d.ID
	}
	return out
}
