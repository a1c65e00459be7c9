package db

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"switchboard/internal/errs"
)

// withWriterHeld runs queue while the writer does nothing else, lets everything that queue started wait for its turn, then does
// last, and lets the writer go on.
func withWriterHeld(t *testing.T, d *DB, queue, last func()) {
	t.Helper()
	e, _ := d.engine.(*sqliteEngine)
	e.writer.pause(func() {
		queue()
		synctest.Wait()
		last()
		synctest.Wait()
	})
	synctest.Wait()
}

func addThing(ctx context.Context, d *DB, name string) error {
	_, err := d.Q(ctx).Exec(ctx, "insert into things (name) values ($1)", name)
	return err
}

func countThings(t *testing.T, d *DB) int64 {
	t.Helper()
	n, err := Get(context.Background(), d.Q(context.Background()), Scalar[int64], "select count(*) from things")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSQLiteWriter_withdrawn cancels a transaction that waits for its turn: its caller is told at once, and it is never run.
func TestSQLiteWriter_withdrawn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _ := openLogged(t)
		defer d.Close()
		ctx, cancel := context.WithCancel(t.Context())
		answered := make(chan error, 1)
		neighbour := make(chan error, 1)
		withWriterHeld(t, d, func() {
			go func() {
				answered <- d.Do(ctx, func(ctx context.Context) error { return addThing(ctx, d, "withdrawn") })
			}()
			go func() {
				neighbour <- d.Do(t.Context(), func(ctx context.Context) error { return addThing(ctx, d, "neighbour") })
			}()
		}, func() {
			cancel()
			synctest.Wait()
			select {
			case err := <-answered:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Do = %v, want that it was cancelled", err)
				}
			default:
				t.Error("a transaction that was withdrawn is still waited for")
			}
		})
		if err := <-neighbour; err != nil {
			t.Errorf("the neighbour: %v", err)
		}
		if n := countThings(t, d); n != 1 {
			t.Errorf("%d things are stored, want the neighbour's alone", n)
		}
	})
}

// TestSQLiteWriter_begun cancels a transaction that has begun: only its end tells whether it is stored.
func TestSQLiteWriter_begun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _ := openLogged(t)
		defer d.Close()
		ctx, cancel := context.WithCancel(t.Context())
		goOn, answered := make(chan struct{}), make(chan error, 1)
		go func() {
			answered <- d.Do(ctx, func(ctx context.Context) error {
				<-goOn
				return addThing(ctx, d, "begun")
			})
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		select {
		case err := <-answered:
			t.Errorf("Do = %v before the transaction had ended", err)
		default:
		}
		close(goOn)
		synctest.Wait()
		select {
		case err := <-answered:
			if n := countThings(t, d); err != nil || n != 1 {
				t.Errorf("Do = %v with %d things stored", err, n)
			}
		default:
			t.Error("Do has not returned")
		}
	})
}

// TestSQLiteWriter_stop closes the database while transactions wait for their turn: each is done.
func TestSQLiteWriter_stop(t *testing.T) {
	t.Parallel()
	const rounds = 12 // a stopped writer takes one of two ways; this many rounds see both
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			d, path := openLogged(t)
			answered := make(chan error, 1)
			withWriterHeld(t, d, func() {
				go func() {
					answered <- d.Do(t.Context(), func(ctx context.Context) error { return addThing(ctx, d, "queued") })
				}()
			}, func() {
				go d.Close()
			})
			if err := <-answered; err != nil {
				t.Fatalf("Do = %v; it waited before Close was called", err)
			}
			d.Close()
			again, err := Open(context.Background(), path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if n := countThings(t, again); n != 1 {
				t.Fatalf("%d things are stored, want 1", n)
			}
		})
	}
}

// TestSQLiteWriter_commitFails breaks the one commit of two transactions: neither is told that it is stored, neither is, what
// waits for the commit does not happen, and the next transaction does not notice.
func TestSQLiteWriter_commitFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _ := openLogged(t)
		defer d.Close()
		ctx := t.Context()
		if _, err := d.Q(ctx).Exec(ctx, "create table owners (name text primary key)"); err != nil {
			t.Fatal(err)
		}
		const owned = "create table owned (owner text references owners (name) deferrable initially deferred)"
		if _, err := d.Q(ctx).Exec(ctx, owned); err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 2)
		run := func(statement string) {
			answered <- d.Do(ctx, func(ctx context.Context) error {
				d.AfterCommit(ctx, func() { t.Errorf("after the commit of %q", statement) })
				_, err := d.Q(ctx).Exec(ctx, statement)
				return err
			})
		}
		withWriterHeld(t, d, func() {
			go run("insert into things (name) values ('neighbour')")
			go run("insert into owned (owner) values ('nobody')") // what refers to nobody is found out by the commit
		}, func() {})
		for range 2 {
			if err := <-answered; errs.KindOf(err) != errs.Unavailable {
				t.Errorf("Do = %v, want that the database could not store it", err)
			}
		}
		if n := countThings(t, d); n != 0 {
			t.Errorf("%d things are stored", n)
		}
		if err := d.Do(ctx, func(ctx context.Context) error { return addThing(ctx, d, "next") }); err != nil {
			t.Errorf("the next transaction: %v", err)
		}
	})
}

// TestSQLiteWriter_full fills the disk, upon which SQLite rolls back everything of that commit: who shares it is told so, and
// who comes after it is not concerned.
func TestSQLiteWriter_full(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _ := openLogged(t)
		defer d.Close()
		ctx := t.Context()
		if err := d.Do(ctx, func(ctx context.Context) error {
			return d.Q(ctx).Query(ctx, func(Row) error { return nil }, "pragma max_page_count = 20")
		}); err != nil {
			t.Fatal(err)
		}
		answers := map[string]chan error{"before": make(chan error, 1), "large": make(chan error, 1), "after": make(chan error, 1)}
		withWriterHeld(t, d, func() {
			for _, name := range []string{"before", "large", "after"} {
				go func() {
					answers[name] <- d.Do(ctx, func(ctx context.Context) error {
						if err := addThing(ctx, d, name); err != nil || name != "large" {
							return err
						}
						_, err := d.Q(ctx).Exec(ctx, "insert into things (name, body) values ('too large', zeroblob(1000000))")
						return err
					})
				}()
				synctest.Wait() // one queues behind the other
			}
		}, func() {})
		for _, name := range []string{"before", "large"} {
			if err := <-answers[name]; errs.KindOf(err) != errs.Unavailable {
				t.Errorf("%s: %v, want that it is not stored", name, err)
			}
		}
		if err := <-answers["after"]; err != nil {
			t.Errorf("after: %v", err)
		}
		if n := countThings(t, d); n != 1 {
			t.Errorf("%d things are stored, want what came after alone", n)
		}
	})
}
