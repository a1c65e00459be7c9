package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// The tests use the table consumers (name primary key, position, updated_at) as a plain table.

func put(ctx context.Context, d *db.DB, name string, position int64) error {
	_, err := d.Q(ctx).Exec(ctx, "insert into consumers (name, position, updated_at) values ($1,$2,$3)", name, position, time.Now())
	return err
}

func names(t *testing.T, d *db.DB) map[string]bool {
	t.Helper()
	all, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], "select name from consumers")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, n := range all {
		out[n] = true
	}
	return out
}

func TestDB_Do_commitsAllOrNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		boom := errors.New("boom")
		err := d.Do(ctx, func(ctx context.Context) error {
			if err := put(ctx, d, "lost", 1); err != nil {
				return err
			}
			if !d.InTx(ctx) {
				t.Error("the context given to fn carries no transaction")
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("Do = %v", err)
		}
		if err := d.Do(ctx, func(ctx context.Context) error { return put(ctx, d, "kept", 1) }); err != nil {
			t.Fatal(err)
		}
		if got := names(t, d); got["lost"] || !got["kept"] {
			t.Errorf("stored %v", got)
		}
	})
}

func TestDB_Do_failuresDoNotDisturbNeighbours(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const n = 200
		var wg sync.WaitGroup
		fail := errors.New("odd ones fail")
		for i := range n {
			wg.Go(func() {
				err := d.Do(context.Background(), func(ctx context.Context) error {
					if err := put(ctx, d, fmt.Sprint(i), int64(i)); err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return fail
					case 3: // a statement that fails inside the transaction
						return put(ctx, d, fmt.Sprint(i), 0)
					}
					return nil
				})
				if stored := err == nil; stored != (i%2 == 0) {
					t.Errorf("%d: %v", i, err)
				}
				if i%4 == 3 && !errs.Is(err, errs.CodeDuplicate) {
					t.Errorf("%d: %v, want a duplicate", i, err)
				}
			})
		}
		wg.Wait()
		got := names(t, d)
		for i := range n {
			if got[fmt.Sprint(i)] != (i%2 == 0) {
				t.Errorf("%d stored: %v", i, got[fmt.Sprint(i)])
			}
		}
	})
}

func TestDB_Do_nested(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		err := d.Do(t.Context(), func(ctx context.Context) error {
			if err := put(ctx, d, "outer", 1); err != nil {
				return err
			}
			_ = d.Do(ctx, func(context.Context) error { return boom }) // swallowed
			return nil
		})
		if !errors.Is(err, boom) {
			t.Errorf("Do = %v: an inner failure must keep the outer transaction from committing", err)
		}
		if names(t, d)["outer"] {
			t.Error("the outer transaction was committed")
		}
		err = d.Do(t.Context(), func(ctx context.Context) error {
			return d.Do(ctx, func(ctx context.Context) error { return put(ctx, d, "joined", 1) })
		})
		if err != nil || !names(t, d)["joined"] {
			t.Errorf("Do = %v", err)
		}
	})
}

func TestDB_Do_deferredStatements(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		later := func(ctx context.Context, name string) error {
			return d.Q(ctx).Defer(ctx, "insert into consumers (name, position, updated_at) values ($1,0,$2)", name, time.Now())
		}
		err := d.Do(t.Context(), func(ctx context.Context) error {
			if err := later(ctx, "a"); err != nil {
				return err
			}
			seen, err := db.Get(ctx, d.Q(ctx), db.Scalar[int64], "select count(*) from consumers")
			if err != nil || seen != 1 {
				t.Errorf("a later statement sees %d rows, %v; deferred ones come first", seen, err)
			}
			return later(ctx, "b")
		})
		if got := names(t, d); err != nil || !got["a"] || !got["b"] {
			t.Fatalf("Do = %v, stored %v", err, got)
		}
		err = d.Do(t.Context(), func(ctx context.Context) error {
			if err := later(ctx, "c"); err != nil {
				return err
			}
			return later(ctx, "a")
		})
		if !errs.Is(err, errs.CodeDuplicate) || names(t, d)["c"] {
			t.Errorf("Do = %v: a deferred statement that fails must fail the commit", err)
		}
	})
}

func TestDB_Do_panics(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not reach the caller")
				}
			}()
			_ = d.Do(t.Context(), func(ctx context.Context) error {
				_ = put(ctx, d, "lost", 1)
				panic("in a transaction")
			})
		}()
		if err := d.Do(t.Context(), func(ctx context.Context) error { return put(ctx, d, "kept", 1) }); err != nil {
			t.Fatal(err)
		}
		if got := names(t, d); got["lost"] || !got["kept"] {
			t.Errorf("stored %v", got)
		}
	})
}

func TestDB_Do_cancelled(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ran := false
		err := d.Do(ctx, func(ctx context.Context) error { ran = true; return put(ctx, d, "x", 1) })
		if err == nil && !names(t, d)["x"] || err != nil && names(t, d)["x"] {
			t.Errorf("Do = %v, ran %v, stored %v: the answer must tell what is stored", err, ran, names(t, d))
		}
		if err := d.Do(t.Context(), func(ctx context.Context) error { return put(ctx, d, "y", 1) }); err != nil {
			t.Errorf("after a cancelled transaction: %v", err)
		}
	})
}

func TestDB_AfterCommit(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var calls []string
		_ = d.Do(t.Context(), func(ctx context.Context) error {
			d.AfterCommit(ctx, func() { calls = append(calls, "never") })
			return errors.New("boom")
		})
		err := d.Do(t.Context(), func(ctx context.Context) error {
			d.AfterCommit(ctx, func() {
				if !names(t, d)["x"] {
					t.Error("called before the commit")
				}
				calls = append(calls, "after")
			})
			return put(ctx, d, "x", 1)
		})
		d.AfterCommit(t.Context(), func() { calls = append(calls, "now") })
		if err != nil || fmt.Sprint(calls) != "[after now]" {
			t.Errorf("%v, calls %v", err, calls)
		}
	})
}

func TestDB_valuesMakeTheRoundTrip(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		at := time.Date(2026, 3, 29, 1, 30, 0, 123456000, time.FixedZone("x", 7200))
		want := id.New()
		insert := "insert into events (id, organization_id, type, stream, subject, at, data) values ($1,$2,$3,$4,$5,$6,$7)"
		if _, err := d.Q(ctx).Exec(ctx, insert, want, want, "käse \U0001F9C0", id.Nil, want, at, db.JSON{V: map[string]int{"a": 1}}); err != nil {
			t.Fatal(err)
		}
		var (
			got, none id.ID
			typ       string
			when      time.Time
			data      map[string]int
		)
		err := d.Q(ctx).Query(ctx, func(r db.Row) error {
			return r.Scan(&got, &none, &typ, &when, db.JSON{V: &data})
		}, "select id, stream, type, at, data from events where subject = $1", want)
		if err != nil {
			t.Fatal(err)
		}
		if got != want || !none.IsZero() || typ != "käse \U0001F9C0" || !when.Equal(at) || when.Location() != time.UTC || data["a"] != 1 {
			t.Errorf("got %v %v %q %v %v", got, none, typ, when, data)
		}
		if latest, err := db.Get(ctx, d.Q(ctx), func(r db.Row) (v time.Time, err error) { return v, r.Scan(&v) },
			"select max(at) from events where subject = $1", id.New()); err != nil || !latest.IsZero() {
			t.Errorf("NULL reads as %v, %v", latest, err)
		}
	})
}

func TestGet_noRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if _, err := db.Get(ctx, d.Q(ctx), db.Scalar[string], "select name from consumers"); !errors.Is(err, db.ErrNoRows) {
			t.Errorf("Get = %v", err)
		}
		if _, found, err := db.Find(ctx, d.Q(ctx), db.Scalar[string], "select name from consumers"); found || err != nil {
			t.Errorf("Find = %v, %v", found, err)
		}
	})
}

func TestInsertMany(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		rows := make([][]any, 501)
		for i := range rows {
			rows[i] = []any{fmt.Sprint(i), i, time.Now()}
		}
		insert := func(suffix string) error {
			return d.Do(t.Context(), func(ctx context.Context) error {
				return db.InsertMany(ctx, d, "consumers (name, position, updated_at)", rows, suffix)
			})
		}
		if err := insert(""); err != nil {
			t.Fatal(err)
		}
		if err := insert(""); !errs.Is(err, errs.CodeDuplicate) {
			t.Errorf("again: %v", err)
		}
		if err := insert("on conflict (name) do nothing"); err != nil {
			t.Error(err)
		}
		if got := len(names(t, d)); got != len(rows) {
			t.Errorf("%d rows stored", got)
		}
	})
}

func TestWhere(t *testing.T) {
	t.Parallel()
	var w db.Where
	if w.String() != "" {
		t.Error("no conditions are no clause")
	}
	w.And("a = %s", 1)
	w.And("b between %s and %s", 2, 3)
	w.Raw("c in (" + db.List(&w.Args, []int{4, 5}) + ")")
	w.Raw("d in (" + db.List(&w.Args, []int{}) + ")")
	if got := w.String(); got != " where a = $1 and b between $2 and $3 and c in ($4,$5) and d in (null)" || len(w.Args) != 5 {
		t.Errorf("%q, %v", got, w.Args)
	}
}

func TestDB_Migrate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := d.Migrate(ctx); err != nil {
			t.Fatalf("migrating twice: %v", err)
		}
		if _, err := d.Q(ctx).Exec(ctx, "insert into goose_db_version (version_id, is_applied) values (99999, true)"); err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(ctx); !errors.Is(err, db.ErrNewerSchema) {
			t.Errorf("Migrate = %v, want ErrNewerSchema", err)
		}
	})
}

func TestDB_Close(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Do(t.Context(), func(ctx context.Context) error { return put(ctx, d, "x", 1) }); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s: after Close: %v", name, err)
		}
	}
}

func TestOpen_isPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := db.Open(t.Context(), filepath.Join(dir, "new.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := errors.Join(d.Migrate(t.Context()), d.Do(t.Context(), func(ctx context.Context) error { return put(ctx, d, "x", 1) })); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v; want the database and its log", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://user:secret@127.0.0.1:1/none", "postgres://user:secret@127.0.0.1:port/none", "/proc/nowhere/x.db"} {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err == nil {
			t.Errorf("Open(%q) = %v", url, d)
			continue
		}
		if got := err.Error(); len(got) == 0 || containsSecret(got) {
			t.Errorf("Open(%q): %q", url, got)
		}
	}
}

func containsSecret(s string) bool {
	for i := range len(s) - len("secret") + 1 {
		if s[i:i+len("secret")] == "secret" {
			return true
		}
	}
	return false
}

func BenchmarkDB_Do(b *testing.B) {
	d := dbtest.SQLite(b)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			name := id.New().String()
			if err := d.Do(context.Background(), func(ctx context.Context) error { return put(ctx, d, name, 1) }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
