package eventlog_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
)

// wants is a consumer of the entries of one type, which counts what it handled.
type wants struct {
	db      *db.DB
	mu      sync.Mutex
	subject []string
	done    chan string
}

func (w *wants) consumer(name string) eventlog.Consumer {
	return eventlog.Consumer{
		Name:  name,
		Wants: func(e event.Entry) bool { return e.Type == "test.thing.wanted" },
		Handle: func(ctx context.Context, entries []event.Entry) error {
			w.db.AfterCommit(ctx, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, e := range entries {
					w.subject = append(w.subject, e.Subject.String())
					w.done <- e.Type
				}
			})
			return nil
		},
	}
}

func wanted() event.Change {
	c := change(id.Nil, 0)
	c.Type = "test.thing.wanted"
	return c
}

// Two nodes share a consumer that wants few of many entries. One of them gathers entries and one asks the database.
func TestLog_Consume_wants(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		started, other := newLog(t, d), eventlog.New(d, clock.System, quiet)
		if err := started.Register(t.Context(), "picky"); err != nil {
			t.Fatal(err)
		}
		w := &wants{db: d, done: make(chan string, 1000)}
		ctx, cancel := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		for _, l := range []*eventlog.Log{started, other} {
			workers.Go(func() { l.Consume(ctx, w.consumer("picky")) })
		}
		var want []string
		for i := range 300 {
			c := change(id.Nil, 0)
			if i%60 == 0 {
				c = wanted()
				want = append(want, c.Subject.String())
			}
			if err := started.Record(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		for range want {
			within(t, w.done)
		}
		cancel()
		workers.Wait()
		if !slices.Equal(w.subject, want) {
			t.Errorf("handled %v; want %v", w.subject, want)
		}
	})
}

// A consumer that is not there for a while, in which only unwanted entries are written, goes on after them.
func TestLog_Consume_keepsItsPlace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := newLog(t, d)
		if err := l.Register(t.Context(), "picky"); err != nil {
			t.Fatal(err)
		}
		for range 500 {
			if err := l.Record(t.Context(), change(id.Nil, 0)); err != nil {
				t.Fatal(err)
			}
		}
		w := &wants{db: d, done: make(chan string, 10)}
		ctx, cancel := context.WithCancel(t.Context())
		var worker sync.WaitGroup
		worker.Go(func() { l.Consume(ctx, w.consumer("picky")) })
		var head int64
		ticks := time.NewTicker(20 * time.Millisecond)
		defer ticks.Stop()
		for deadline := time.Now().Add(2 * time.Minute); ; <-ticks.C {
			position, err := l.Position(t.Context(), "picky")
			if head, _ = l.Head(t.Context()); err == nil && head >= 500 && position == head {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the position stays at %d of %d, %v", position, head, err)
			}
		}
		if err := l.Record(t.Context(), wanted()); err != nil {
			t.Fatal(err)
		}
		within(t, w.done)
		cancel()
		worker.Wait()
		if position, err := l.Position(t.Context(), "picky"); err != nil || position != head+1 {
			t.Errorf("position %d, %v; want %d", position, err, head+1)
		}
	})
}
