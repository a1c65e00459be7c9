package delivery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"switchboard/internal/transport"
)

// DispatcherOptions is how a Dispatcher works. Zero values mean the defaults.
type DispatcherOptions struct {
	Concurrency int           // sends under way at once for each transport; default 32
	Lease       time.Duration // how long a delivery is held without a sign of life; default one minute
	SendTimeout time.Duration // of one attempt, beyond the provider's own; default two minutes
	Poll        time.Duration // how often to look for what no signal announced; default one second
	// Tick is how often the queue is measured, news that came too early is looked at again, and the database's clock is
	// read; default 15 seconds.
	Tick time.Duration
	// Rates limits transports, on this node; one that is not in it goes as fast as it can.
	Rates map[transport.Name]Rate
}

// Rate is how many sends are begun in a second, and how many may be begun at once after a rest.
type Rate struct {
	PerSecond float64
	Burst     int
}

func (o DispatcherOptions) withDefaults() DispatcherOptions {
	orElse := func(d *time.Duration, fallback time.Duration) {
		if *d <= 0 {
			*d = fallback
		}
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 32
	}
	orElse(&o.Lease, time.Minute)
	orElse(&o.SendTimeout, 2*time.Minute)
	orElse(&o.Poll, time.Second)
	orElse(&o.Tick, 15*time.Second)
	return o
}

// Dispatcher works the queue off: any number of them, in one process or in many, share it. Each transport has a lane of
// its own, so that a provider that hangs holds up nobody else.
//
// What it promises when the process dies at any moment is in the comment of the package.
type Dispatcher struct {
	service *Service
	options DispatcherOptions

	mu  sync.Mutex
	run *running // nil while stopped
}

// NewDispatcher returns a dispatcher that is not started.
func NewDispatcher(s *Service, o DispatcherOptions) *Dispatcher {
	return &Dispatcher{service: s, options: o.withDefaults()}
}

// running is one time from Start to Stop.
type running struct {
	*Service
	options DispatcherOptions
	skew    skew
	leases  leases
	timed   chan struct{} // the database's clock has been read
	results chan result
	closed  chan struct{}   // no further results are wanted
	aborted <-chan struct{} // sends are called off, and nothing is tried again

	lanes, sends, writers, rest   sync.WaitGroup
	stopClaiming, abort, stopRest context.CancelFunc
}

// Start begins to claim and send. A second Start does nothing.
func (d *Dispatcher) Start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.run != nil {
		return
	}
	r := &running{
		Service: d.service, options: d.options, leases: leases{length: d.options.Lease},
		timed: make(chan struct{}), results: make(chan result, maxResults), closed: make(chan struct{}),
	}
	claiming, stopClaiming := context.WithCancel(context.Background())
	sending, abort := context.WithCancel(context.Background())
	resting, stopRest := context.WithCancel(context.Background())
	r.stopClaiming, r.abort, r.stopRest, r.aborted = stopClaiming, abort, stopRest, sending.Done()
	for _, l := range r.makeLanes(sending) {
		r.lanes.Go(func() { l.run(claiming) })
	}
	r.writers.Go(r.writeResults)
	r.rest.Go(func() { r.extendLeases(resting) })
	r.rest.Go(func() { r.keepHouse(resting) })
	d.run = r
}

// gracePeriod is how long Stop waits for sends that it has called off.
const gracePeriod = 5 * time.Second

// Stop claims nothing more and waits for the sends that are under way until ctx ends; those that have not ended then are
// called off and tried again by whoever comes next. What a provider answered is stored before Stop returns, unless the
// database does not take it. Stop may be called early and twice.
func (d *Dispatcher) Stop(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.run
	if r == nil {
		return
	}
	d.run = nil
	r.stopClaiming()
	r.lanes.Wait()
	if !waitFor(&r.sends, ctx.Done()) {
		r.abort()
		grace, cancel := context.WithTimeout(context.Background(), gracePeriod)
		defer cancel()
		if !waitFor(&r.sends, grace.Done()) {
			r.opt.Logger.Error("a provider does not return when it is called off; its deliveries are taken up again when their lease ends")
		}
	}
	close(r.closed)
	if !waitFor(&r.writers, ctx.Done()) {
		r.abort()
		r.writers.Wait()
	}
	r.stopRest()
	r.rest.Wait()
	r.abort()
}

// waitFor waits for a group and returns whether it ended before the other channel was closed.
func waitFor(g *sync.WaitGroup, giveUp <-chan struct{}) bool {
	done := make(chan struct{})
	go func() {
		g.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-giveUp:
		return false
	}
}

// makeLanes returns a lane for each transport that is served, and one that turns away what nobody serves.
func (r *running) makeLanes(sending context.Context) []*lane {
	var (
		out      []*lane
		unserved []transport.Name
	)
	for _, n := range Transports() {
		if _, served := r.opt.Providers.Route(n); served {
			out = append(out, newLane(sending, r, r.options.Rates[n], n))
		} else {
			unserved = append(unserved, n)
		}
	}
	return append(out, newLane(sending, r, Rate{}, unserved...))
}

// sleep waits for a time, and returns false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// instant is the present by the database's clock, which decides leases.
func (r *running) instant() time.Time { return r.opt.Clock().Add(r.skew.get()) }

// skew is how far the database's clock is ahead of ours.
type skew struct{ nanoseconds atomic.Int64 }

func (s *skew) get() time.Duration {
	return time.Duration(s.nanoseconds.Load()).Truncate(time.Millisecond)
}
func (s *skew) set(d time.Duration) { s.nanoseconds.Store(int64(d)) }

// forgetAfter is how long news waits for the answer that explains it.
const forgetAfter = 3 * 24 * time.Hour

// lookBack is how old unexplained news may be to be looked at again by the clock. What is older has been looked for
// whenever an answer was stored; the clock is for news and answers that were stored at the same moment, of which
// neither transaction saw the other.
const lookBack = time.Hour

// keepHouse does now and then what nothing else brings about. Nothing is claimed before it has read the database's clock.
func (r *running) keepHouse(ctx context.Context) {
	for r.readClock(ctx) != nil {
		if !sleep(ctx, r.options.Poll) {
			return
		}
	}
	close(r.timed)
	for {
		r.tidy(ctx)
		if !sleep(ctx, r.options.Tick) {
			return
		}
	}
}

func (r *running) readClock(ctx context.Context) error {
	ahead, err := r.opt.Store.Skew(ctx, r.opt.Clock)
	if err != nil {
		if ctx.Err() == nil {
			r.opt.Logger.Error("the database's clock cannot be read; trying again", "error", err)
		}
		return err
	}
	r.skew.set(ahead)
	return nil
}

func (r *running) tidy(ctx context.Context) {
	if r.readClock(ctx) != nil {
		return
	}
	now := r.instant()
	depths, err := r.opt.Store.Depth(ctx, now)
	if err == nil {
		r.metrics.queue.set(depths, now)
		err = r.reconsider(ctx, now.Add(-lookBack))
	}
	if err == nil {
		err = r.opt.Store.Forget(ctx, now.Add(-forgetAfter))
	}
	if err != nil && ctx.Err() == nil {
		r.opt.Logger.Error("the delivery queue could not be looked after; trying again", "error", err)
	}
}
