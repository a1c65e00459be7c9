package delivery_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func TestDispatcher_crashBetweenAttemptAndResult(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		dying := &dead{Store: deliverydb.New(w.db)}
		w.providers.first(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			dying.die() // the provider takes the message and the process is gone before it knows
			return accept(ctx, m)
		})
		first := w.start(w.another(dying), delivery.DispatcherOptions{})
		synctest.Wait()
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		d := w.delivery(source)
		w.is(d, delivery.Sending, "")
		if got := w.outcomes(d); !slices.Equal(got, []delivery.Outcome{delivery.Open}) {
			t.Fatalf("outcomes %v: an attempt is on record before the call", got)
		}
		time.Sleep(59 * time.Second)
		if n := len(w.providers.messages()); n != 1 {
			t.Errorf("%d calls before the lease has ended", n)
		}
		time.Sleep(3 * time.Second)
		d = w.delivery(source)
		w.is(d, delivery.Sent, "")
		if got := w.outcomes(d); !slices.Equal(got, []delivery.Outcome{delivery.Unknown, delivery.Accepted}) {
			t.Errorf("outcomes %v", got)
		}
		sent := w.providers.messages()
		if len(sent) != 2 || sent[0].DeliveryID != sent[1].DeliveryID || sent[0].AttemptID == sent[1].AttemptID {
			t.Errorf("%d calls; both must have the delivery's id and each its own", len(sent))
		}
		if got := w.counter("switchboard_delivery_ambiguous_total"); got != 1 {
			t.Errorf("%v ambiguous attempts counted", got)
		}
		stopped, cancel := context.WithCancel(context.Background())
		cancel()
		first.Stop(stopped)
	})
}

func TestDispatcher_crashLoopEnds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		stopped, cancel := context.WithCancel(context.Background())
		cancel()
		for range 5 {
			dying := &dead{Store: deliverydb.New(w.db)}
			w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
				dying.die()
				return accept(ctx, m)
			})
			d := w.start(w.another(dying), delivery.DispatcherOptions{})
			time.Sleep(61 * time.Second)
			d.Stop(stopped)
		}
		d := w.delivery(source)
		w.is(d, delivery.Failed, reason.GaveUp)
		if got := w.outcomes(d); !slices.Equal(got, []delivery.Outcome{delivery.Unknown, delivery.Unknown, delivery.Unknown}) {
			t.Errorf("outcomes %v", got)
		}
	})
}

func TestDispatcher_slowSendKeepsItsLease(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			time.Sleep(5 * time.Minute)
			return accept(ctx, m)
		})
		source := w.enqueue(w.alert(), transport.SMS, w.user(1), w.user(2))
		o := delivery.DispatcherOptions{SendTimeout: time.Hour}
		w.start(w.service, o)
		w.start(w.another(nil), o)
		time.Sleep(4 * time.Minute)
		for _, d := range w.deliveries(source) {
			w.is(d, delivery.Sending, "")
		}
		time.Sleep(2 * time.Minute)
		for _, d := range w.deliveries(source) {
			w.is(d, delivery.Sent, "")
		}
		if n := len(w.providers.messages()); n != 2 {
			t.Errorf("%d calls for two deliveries", n)
		}
	})
}

// extending counts how often the ends of leases are put off.
type extending struct {
	delivery.Store
	times atomic.Int64
}

func (e *extending) Extend(ctx context.Context, lease id.ID, ids []id.ID, until time.Time) (int64, error) {
	e.times.Add(1)
	return e.Store.Extend(ctx, lease, ids, until)
}

// A lease of which everything is sent is nobody's concern any more.
func TestDispatcher_endsItsLeases(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		store := &extending{Store: deliverydb.New(w.db)}
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			time.Sleep(2 * time.Minute) // longer than a lease
			return accept(ctx, m)
		})
		source := w.enqueue(w.alert(), transport.SMS, w.user(1), w.user(2))
		w.start(w.another(store), delivery.DispatcherOptions{SendTimeout: time.Hour})
		time.Sleep(3 * time.Minute)
		for _, d := range w.deliveries(source) {
			w.is(d, delivery.Sent, "")
		}
		whileSending := store.times.Load()
		time.Sleep(time.Hour)
		if after := store.times.Load(); whileSending == 0 || after != whileSending {
			t.Errorf("put off %d times while sending, and %d times afterwards", whileSending, after-whileSending)
		}
	})
}

func TestDispatcher_lostLeaseChangesNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		deaf := &deafStore{Store: deliverydb.New(w.db)}
		w.providers.first(func(context.Context, transport.Message) (transport.Result, error) {
			time.Sleep(3 * time.Minute) // longer than the lease, which cannot be extended
			return transport.Result{}, transport.Rejected(reason.AddressDead, "no such number")
		})
		w.start(w.another(deaf), delivery.DispatcherOptions{SendTimeout: time.Hour})
		synctest.Wait()
		w.start(w.service, delivery.DispatcherOptions{})
		time.Sleep(2 * time.Minute)
		d := w.delivery(source)
		w.is(d, delivery.Sent, "")
		time.Sleep(2 * time.Minute)
		if after := w.delivery(source); after != d {
			t.Errorf("a result without a lease changed %+v to %+v", d, after)
		}
		if got := w.outcomes(d); !slices.Equal(got, []delivery.Outcome{delivery.Refused, delivery.Accepted}) {
			t.Errorf("outcomes %v: how an attempt ended is a fact", got)
		}
	})
}

// deafStore cannot extend leases.
type deafStore struct{ delivery.Store }

func (deafStore) Extend(context.Context, id.ID, []id.ID, time.Time) (int64, error) {
	return 0, errDead
}

func TestDispatcher_databaseGoneWhileStoring(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		flaky := &dead{Store: deliverydb.New(w.db)}
		w.providers.first(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			flaky.die()
			time.AfterFunc(30*time.Second, func() {
				flaky.mu.Lock()
				defer flaky.mu.Unlock()
				flaky.died = false
			})
			return accept(ctx, m)
		})
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		w.start(w.another(flaky), delivery.DispatcherOptions{})
		time.Sleep(29 * time.Second)
		w.is(w.delivery(source), delivery.Sending, "")
		time.Sleep(10 * time.Second)
		d := w.delivery(source)
		w.is(d, delivery.Sent, "")
		if n := len(w.providers.messages()); n != 1 {
			t.Errorf("%d calls: a result is kept until it is stored", n)
		}
	})
}

func TestDispatcher_processStoppedForLongerThanTheLease(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		sleepy := &sleepyStore{Store: deliverydb.New(w.db), nap: 2 * time.Minute}
		w.start(w.another(sleepy), delivery.DispatcherOptions{})
		time.Sleep(10 * time.Minute)
		d := w.delivery(source)
		w.is(d, delivery.Sent, "")
		if got := w.outcomes(d); !slices.Equal(got, []delivery.Outcome{delivery.Unknown, delivery.Accepted}) {
			t.Errorf("outcomes %v", got)
		}
		if n := len(w.providers.messages()); n != 1 {
			t.Errorf("%d calls: without a lease none is made", n)
		}
	})
}

// sleepyStore is that of a machine that sleeps right after it has opened its first attempt.
type sleepyStore struct {
	delivery.Store
	once sync.Once
	nap  time.Duration
}

func (s *sleepyStore) Begin(ctx context.Context, lease id.ID, attempts []delivery.Attempt, at time.Time) error {
	if len(attempts) > 0 {
		s.once.Do(func() { time.Sleep(s.nap) })
	}
	return s.Store.Begin(ctx, lease, attempts, at)
}

func TestDispatcher_manyNeverSendTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, time.Now)
		const deliveries = 400
		var users []directory.User
		for i := range 20 {
			users = append(users, w.user(i))
		}
		done := make(chan struct{})
		var (
			mu   sync.Mutex
			seen = map[id.ID]int{}
		)
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			mu.Lock()
			defer mu.Unlock()
			if seen[m.DeliveryID]++; len(seen) == deliveries {
				select {
				case <-done:
				default:
					close(done)
				}
			}
			return accept(ctx, m)
		})
		var dispatchers []*delivery.Dispatcher
		for range 3 {
			dispatchers = append(dispatchers, w.start(w.another(nil), delivery.DispatcherOptions{Concurrency: 8, Poll: 5 * time.Millisecond}))
		}
		var sources []delivery.Source
		for range deliveries / len(users) {
			sources = append(sources, w.enqueue(w.alert(), transport.SMS, users...))
		}
		select {
		case <-done:
		case <-time.After(2 * time.Minute):
			t.Fatalf("%d of %d deliveries were sent", len(seen), deliveries)
		}
		for _, dispatcher := range dispatchers {
			dispatcher.Stop(context.Background())
		}
		for i, n := range seen {
			if n != 1 {
				t.Errorf("%v was sent %d times", i, n)
			}
		}
		for _, s := range sources {
			for _, one := range w.deliveries(s) {
				w.is(one, delivery.Sent, "")
				if one.Attempts != 1 {
					t.Errorf("%d attempts", one.Attempts)
				}
			}
		}
	})
}

// The same crash on both databases, with a clock that the test moves past the lease.
func TestDispatcher_crashOnBothDatabases(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var ahead atomic.Int64
		w := newWorld(t, d, func() time.Time { return time.Now().UTC().Add(time.Duration(ahead.Load())).Truncate(time.Millisecond) })
		content := w.alert()
		source := w.enqueue(content, transport.SMS, w.user(1), w.user(2))
		died, again := make(chan struct{}, 2), make(chan struct{}, 2)
		dying := &dead{Store: fastClock{deliverydb.New(d)}}
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			dying.die()
			died <- struct{}{}
			return accept(ctx, m)
		})
		o := delivery.DispatcherOptions{Poll: 10 * time.Millisecond}
		first := w.start(w.another(dying), o)
		within(t, died)
		within(t, died)
		stopped, cancel := context.WithCancel(context.Background())
		cancel()
		first.Stop(stopped)
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			again <- struct{}{}
			return accept(ctx, m)
		})
		o.Tick = time.Hour
		survivor := w.options()
		survivor.Store, survivor.Metrics = fastClock{deliverydb.New(d)}, nil
		second := w.start(delivery.New(survivor), o)
		ahead.Store(int64(61 * time.Second))
		within(t, again)
		within(t, again)
		second.Stop(context.Background())
		for _, one := range w.deliveries(source) {
			w.is(one, delivery.Sent, "")
			if got := w.outcomes(one); !slices.Equal(got, []delivery.Outcome{delivery.Unknown, delivery.Accepted}) {
				t.Errorf("outcomes %v", got)
			}
		}
	})
}

// fastClock is a database whose clock goes as the test's.
type fastClock struct{ delivery.Store }

func (fastClock) Skew(context.Context, func() time.Time) (time.Duration, error) { return 0, nil }

// A node whose clock is wrong neither takes what others hold nor leaves alone what is due.
func TestDispatcher_theDatabasesClockDecides(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]time.Duration{"fast": time.Hour, "slow": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dbtest.Postgres(t), clock.System)
			begun, finish := make(chan struct{}, 3), make(chan struct{})
			w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
				begun <- struct{}{}
				<-finish
				return accept(ctx, m)
			})
			source := w.enqueue(w.alert(), transport.SMS, w.user(1))
			o := delivery.DispatcherOptions{Poll: 5 * time.Millisecond}
			right := w.start(w.service, o)
			within(t, begun)
			off := w.options()
			off.Metrics, off.Clock = nil, func() time.Time { return clock.System().Add(wrong) }
			other := w.start(delivery.New(off), o)
			second := w.enqueue(w.alert(), transport.Email, w.user(2))
			within(t, begun)
			close(finish)
			right.Stop(context.Background())
			other.Stop(context.Background())
			for _, s := range []delivery.Source{source, second} {
				if got := w.outcomes(w.delivery(s)); !slices.Equal(got, []delivery.Outcome{delivery.Accepted}) {
					t.Errorf("outcomes %v", got)
				}
			}
		})
	}
}

// within fails the test when nothing comes; the bound is only there so that a broken test ends.
func within[T any](t *testing.T, ch <-chan T) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(2 * time.Minute):
		t.Fatal("nothing came")
	}
}
