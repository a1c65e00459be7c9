package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
)

var quiet = slog.New(slog.DiscardHandler)

func newLog(t *testing.T, d *db.DB) *eventlog.Log {
	t.Helper()
	l := eventlog.New(d, clock.System, quiet)
	l.Start()
	t.Cleanup(l.Stop)
	return l
}

// within fails the test when ch does not deliver; the bound is only there so that a broken test ends.
func within[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(2 * time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func change(stream id.ID, offset int64) event.Change {
	return event.Change{
		OrganizationID: id.New(), Type: "test.thing.happened", Stream: stream, Offset: offset, Subject: id.New(),
		Data: map[string]any{"offset": offset},
	}
}

func TestLog_Tail_seesEverythingOnceAndInOrder(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := newLog(t, d)
		ready, seen := make(chan struct{}), make(chan event.Entry, 1000)
		ctx, cancel := context.WithCancel(t.Context())
		var tail sync.WaitGroup
		tail.Go(func() {
			l.Tail(ctx, ready, func(entries []event.Entry) {
				for _, e := range entries {
					seen <- e
				}
			})
		})
		defer tail.Wait()
		defer cancel()
		within(t, ready)

		// Writers race; each stream has its own lock, as the row of its object would be.
		const writers, each = 8, 40
		streams := make([]id.ID, writers/2)
		locks := make([]sync.Mutex, writers/2)
		offsets := make([]int64, writers/2)
		for i := range streams {
			streams[i] = id.New()
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				s := w % len(streams)
				for range each {
					locks[s].Lock()
					offsets[s]++
					if err := l.Record(t.Context(), change(streams[s], offsets[s])); err != nil {
						t.Error(err)
					}
					locks[s].Unlock()
				}
			})
		}
		wg.Wait()

		next := map[id.ID]int64{}
		var last int64
		for range writers * each {
			e := within(t, seen)
			if e.Seq <= last {
				t.Fatalf("seq %d after %d", e.Seq, last)
			}
			last = e.Seq
			if next[e.Stream]++; e.Offset != next[e.Stream] {
				t.Fatalf("stream %v: offset %d, want %d", e.Stream, e.Offset, next[e.Stream])
			}
		}
		if head, err := l.Head(t.Context()); err != nil || head != last {
			t.Errorf("Head = %d, %v; want %d", head, err, last)
		}
		for s, stream := range streams {
			entries, err := l.Stream(t.Context(), stream, offsets[s]-3, 10)
			head, err2 := l.StreamHead(t.Context(), stream)
			if err := errors.Join(err, err2); err != nil || len(entries) != 3 || head != offsets[s] || entries[2].Offset != head {
				t.Errorf("Stream = %d entries, head %d, %v", len(entries), head, err)
			}
		}
	})
}

func TestLog_Record_isPartOfTheTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := newLog(t, d)
		stream := id.New()
		boom := errors.New("boom")
		err := d.Do(t.Context(), func(ctx context.Context) error {
			if err := l.Record(ctx, change(stream, 1)); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		n, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from events")
		if err != nil || n != 0 {
			t.Errorf("%d entries stored, %v", n, err)
		}
	})
}

func TestLog_Record_audits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := newLog(t, d)
		who := actor.Actor{KeyID: id.New(), UserID: id.New(), Role: actor.Leader, Via: actor.ViaKey, RequestID: "system", RemoteAddr: "127.0.0.1"}
		c := change(id.Nil, 0)
		c.Before, c.After = map[string]string{"name": "a"}, map[string]string{"name": "b"}
		ctx, as := actor.With(t.Context(), who), id.New()
		actor.ActAs(ctx, as)
		if err := errors.Join(l.Record(ctx, c), l.Audit(ctx, c), l.Record(actor.With(ctx, actor.System(c.OrganizationID)), c)); err != nil {
			t.Fatal(err)
		}
		rows, err := db.All(ctx, d.Q(ctx), func(r db.Row) (s string, err error) {
			var row, key, user, acting, subject id.ID
			var role, via, request, addr, detail string
			var salt []byte
			err = r.Scan(&row, &key, &user, &acting, &role, &via, &subject, &request, &addr, &salt, &detail)
			if row.IsZero() || key != who.KeyID || user != who.UserID || acting != as || subject != c.Subject || len(salt) != 16 {
				t.Errorf("audit %v of %v by %v, %v as %v with a salt of %d bytes", row, subject, key, user, acting, len(salt))
			}
			return fmt.Sprintln(role, via, request, addr, detail), err
		}, "select id, actor_id, user_id, as_individual_id, role, via, subject, request_id, remote_addr, salt, detail from audit")
		// A caller may choose the id of a request; calling it "system" hides nothing.
		want := `leader key system 127.0.0.1 {"after":{"name":"b"},"before":{"name":"a"}}` + "\n"
		if err != nil || !slices.Equal(rows, []string{want, want}) {
			t.Errorf("audit = %q, %v; what the server does itself is not audited", rows, err)
		}
	})
}

// TestLog_Append writes more entries than one statement takes, in order and without the audit.
func TestLog_Append(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := newLog(t, d)
		stream, boom := id.New(), errors.New("boom")
		many := make([]event.Change, 450)
		for i := range many {
			many[i] = change(stream, int64(i+1))
		}
		err := d.Do(t.Context(), func(ctx context.Context) error { return errors.Join(l.Append(ctx, many...), boom) })
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		who := actor.Actor{KeyID: id.New(), Role: actor.Administrator}
		if err := errors.Join(l.Append(t.Context()), l.Append(actor.With(t.Context(), who), many...)); err != nil {
			t.Fatal(err)
		}
		entries, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[int64],
			"select stream_offset from events where stream = $1 and actor_id = $2 order by id", stream, who.KeyID)
		if err != nil || len(entries) != len(many) || !slices.IsSorted(entries) {
			t.Errorf("%d entries, %v", len(entries), err)
		}
		audits, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from audit")
		if err != nil || audits != 0 {
			t.Errorf("%d rows of the audit, %v", audits, err)
		}
	})
}

func TestLog_Redact(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := newLog(t, d)
		stream := id.New()
		kept, gone := change(stream, 1), change(stream, 2)
		elsewhere := change(id.New(), 3)
		elsewhere.Subject = gone.Subject
		if err := l.Record(t.Context(), kept, gone, elsewhere); err != nil {
			t.Fatal(err)
		}
		if err := l.Redact(t.Context(), stream, gone.Subject, map[string]bool{"removed": true}); err != nil {
			t.Fatal(err)
		}
		data, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], "select data from events order by stream_offset")
		if err != nil || !slices.Equal(data, []string{`{"offset":1}`, `{"removed":true}`, `{"offset":3}`}) {
			t.Errorf("data = %q, %v", data, err)
		}
		if err := l.Redact(t.Context(), stream, id.Nil, nil); err != nil {
			t.Fatal(err)
		}
		data, err = db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], "select data from events order by stream_offset")
		if err != nil || !slices.Equal(data, []string{"{}", "{}", `{"offset":3}`}) {
			t.Errorf("the whole stream: data = %q, %v", data, err)
		}
	})
}

func TestLog_Consume_handlesEachEntryOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := newLog(t, d)
		if err := l.Register(t.Context(), "counter"); err != nil {
			t.Fatal(err)
		}
		// Two workers, as on two nodes; the first attempt at each batch fails after writing.
		const entries = 60
		var mu sync.Mutex
		failed, count := map[int64]bool{}, 0
		done := make(chan struct{})
		handle := func(ctx context.Context, batch []event.Entry) error {
			for _, e := range batch {
				if _, err := d.Q(ctx).Exec(ctx, "insert into consumers (name, position, updated_at) values ($1, 0, $2)", e.ID.String(), e.At); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if first := batch[0].Seq; !failed[first] {
				failed[first] = true
				return errors.New("the first time fails")
			}
			d.AfterCommit(ctx, func() {
				mu.Lock()
				defer mu.Unlock()
				if count += len(batch); count == entries {
					close(done)
				}
			})
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		for range 2 {
			workers.Go(func() { l.Consume(ctx, eventlog.Consumer{Name: "counter", Handle: handle}) })
		}
		for i := range entries {
			if err := l.Record(t.Context(), change(id.Nil, int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		within(t, done)
		cancel()
		workers.Wait()
		stored, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from consumers where name <> 'counter'")
		if err != nil || stored != entries {
			t.Errorf("%d effects stored, %v; want %d", stored, err, entries)
		}
		head, _ := l.Head(t.Context())
		if position, err := l.Position(t.Context(), "counter"); err != nil || position != head {
			t.Errorf("position %d, %v; head %d", position, err, head)
		}
	})
}

func TestLog_StartStop(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := eventlog.New(d, clock.System, quiet)
		l.Stop()
		l.Start()
		l.Start()
		l.Stop()
		l.Stop()
		if err := l.Record(t.Context(), change(id.Nil, 0)); err != nil {
			t.Errorf("recording needs no Start: %v", err)
		}
	})
}
