package access

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/actor"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

const (
	// snifferQueue bounds what waits to be written: each waiting exchange holds at most two bodies of mostKept.
	snifferQueue = 256
	// snifferBatch is how many exchanges one transaction stores.
	snifferBatch = 64
	// snifferRefresh is how often the live sniffers are read although the log told of no change; it also drops ended ones.
	snifferRefresh = time.Minute
	// snifferPatience is how long a batch may take to be stored, and what waits at the end all together.
	snifferPatience = 5 * time.Second
)

// recorder hands what goes by to the live sniffers. A request must feel nothing of it: looking whether there is a sniffer is
// one atomic load when there is none, and what is recorded is put into a bounded queue, from which a goroutine of its own
// redacts and stores it. When the queue is full, what came last is dropped and counted.
type recorder struct {
	live    atomic.Pointer[map[id.ID][]Sniffer] // by user; nil while there is none
	queue   chan Exchange
	changed chan struct{} // the live sniffers must be read anew
	dropped prometheus.Counter
	run     context.CancelFunc
	done    sync.WaitGroup
	mu      sync.Mutex // over run
}

func newRecorder(o SnifferOptions) recorder {
	dropped := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "switchboard", Subsystem: "sniffer", Name: "dropped_total",
		Help: "Requests that a sniffer should have recorded and did not, because too many waited or the database refused them.",
	})
	if o.Metrics != nil {
		o.Metrics.MustRegister(dropped)
	}
	return recorder{queue: make(chan Exchange, snifferQueue), changed: make(chan struct{}, 1), dropped: dropped}
}

// Of returns the live sniffers of an actor's user. It is called for every request, and costs nothing while nobody is
// recorded anywhere. The result must not be changed.
func (s *Sniffers) Of(a actor.Actor) []Sniffer {
	if s == nil {
		return nil
	}
	live := s.live.Load()
	if live == nil || a.UserID.IsZero() {
		return nil
	}
	all := (*live)[a.UserID]
	now := s.o.Clock()
	for _, n := range all {
		if n.OrganizationID != a.OrganizationID || !now.Before(n.ValidUntil) {
			return current(all, a.OrganizationID, now)
		}
	}
	return all
}

func current(all []Sniffer, organization id.ID, now time.Time) []Sniffer {
	var out []Sniffer
	for _, n := range all {
		if n.OrganizationID == organization && now.Before(n.ValidUntil) {
			out = append(out, n)
		}
	}
	return out
}

// Begin returns what is known of an exchange when it begins: when, and for which sniffers.
func (s *Sniffers) Begin(live []Sniffer) Exchange { return Exchange{Sniffers: live, At: s.o.Clock()} }

// Record takes an exchange for the sniffers that Of returned. It never waits.
func (s *Sniffers) Record(e Exchange) {
	select {
	case s.queue <- e:
	default:
		s.dropped.Inc()
	}
}

// Follow has the live sniffers read anew when the log tells of a change.
func (s *Sniffers) Follow(entries []event.Entry) {
	for _, e := range entries {
		if e.Type == snifferCreated || e.Type == snifferDeleted {
			s.wake()
			return
		}
	}
}

func (s *Sniffers) wake() {
	select {
	case s.changed <- struct{}{}:
	default: // somebody has said so already
	}
}

// Start begins to record for the sniffers that are live, and for those that come. A second Start does nothing.
func (s *Sniffers) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.run = cancel
	s.refresh(ctx)
	s.done.Go(func() { s.work(ctx) })
}

// Stop stores what waits, for a few seconds at most, and ends the recording. It may be called early and twice.
func (s *Sniffers) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		s.run()
		s.done.Wait()
		s.run = nil
	}
}

func (s *Sniffers) work(ctx context.Context) {
	tick := time.NewTicker(snifferRefresh)
	defer tick.Stop()
	for {
		select {
		case <-s.changed:
			s.refresh(ctx)
		case <-tick.C:
			s.refresh(ctx)
		case e := <-s.queue:
			s.store(e)
		case <-ctx.Done():
			s.flush()
			return
		}
	}
}

// refresh reads which sniffers are live.
func (s *Sniffers) refresh(ctx context.Context) {
	found, err := s.o.Store.LiveSniffers(ctx, s.o.Clock())
	if err != nil {
		if ctx.Err() == nil {
			s.o.Logger.Error("the live sniffers cannot be read; trying again", "error", err)
		}
		return // at the next tick
	}
	if len(found) == 0 {
		s.live.Store(nil)
		return
	}
	live := map[id.ID][]Sniffer{}
	for _, n := range found {
		live[n.UserID] = append(live[n.UserID], n)
	}
	s.live.Store(&live)
}

// store writes an exchange together with those that wait behind it. The end of the recorder does not interrupt it.
func (s *Sniffers) store(e Exchange) {
	batch, exchanges := e.logs(), 1
	for exchanges < snifferBatch {
		select {
		case e := <-s.queue:
			batch, exchanges = append(batch, e.logs()...), exchanges+1
			continue
		default:
		}
		break
	}
	ctx, cancel := context.WithTimeout(context.Background(), snifferPatience)
	defer cancel()
	if err := s.o.Store.AppendLogs(ctx, batch, SnifferLogs); err != nil {
		s.dropped.Add(float64(exchanges))
		s.o.Logger.Error("what sniffers recorded could not be stored", "error", err, "requests", exchanges)
	}
}

// flush writes what waits.
func (s *Sniffers) flush() {
	for start := time.Now(); time.Since(start) < snifferPatience; {
		select {
		case e := <-s.queue:
			s.store(e)
		default:
			return
		}
	}
}
