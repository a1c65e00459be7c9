package delivery

import (
	"context"
	"slices"
	"sync"
	"time"

	"switchboard/internal/id"
)

// leases is what this dispatcher has claimed and not finished. It is safe for concurrent use.
type leases struct {
	length time.Duration
	mu     sync.Mutex
	held   map[id.ID]*lease
}

type lease struct {
	until      time.Time
	deliveries []id.ID
}

func (l *leases) add(lid id.ID, until time.Time, deliveries []id.ID) {
	if len(deliveries) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[id.ID]*lease{}
	}
	l.held[lid] = &lease{until, deliveries}
}

func (l *leases) remove(lid, delivery id.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.held[lid]
	if !ok {
		return
	}
	if h.deliveries = slices.DeleteFunc(h.deliveries, func(d id.ID) bool { return d == delivery }); len(h.deliveries) == 0 {
		delete(l.held, lid)
	}
}

// valid tells whether a lease has not ended at now, for all that we know.
func (l *leases) valid(lid id.ID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.held[lid]
	return ok && now.Before(h.until)
}

// ending returns the leases that would end before an instant, as they are now.
func (l *leases) ending(before time.Time) map[id.ID][]id.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[id.ID][]id.ID{}
	for lid, h := range l.held {
		if h.until.Before(before) {
			out[lid] = slices.Clone(h.deliveries)
		}
	}
	return out
}

func (l *leases) extended(lid id.ID, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h, ok := l.held[lid]; ok {
		h.until = until
	}
}

// extendLeases keeps what is being sent, and what waits to be stored, from being claimed by others.
func (r *running) extendLeases(ctx context.Context) {
	for sleep(ctx, r.options.Lease/4) {
		now := r.instant()
		for lid, deliveries := range r.leases.ending(now.Add(r.options.Lease / 2)) {
			until := now.Add(r.options.Lease)
			limited, cancel := context.WithTimeout(ctx, r.options.Lease/4)
			n, err := r.opt.Store.Extend(limited, lid, deliveries, until)
			cancel()
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				r.opt.Logger.Error("a lease could not be extended", "lease", lid, "deliveries", len(deliveries), "error", err)
			default:
				r.leases.extended(lid, until)
			}
			if err == nil && n < int64(len(deliveries)) {
				// Finished in this moment, or told of by a callback; if the lease had run out, somebody else has them.
				r.opt.Logger.Debug("some deliveries of a lease are no longer held", "lease", lid, "held", n, "of", len(deliveries))
			}
		}
	}
}
