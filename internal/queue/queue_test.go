package queue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/queue"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// work makes a table with n rows that are due one second apart, the last one at noon.
func work(t *testing.T, d *db.DB, n int) (queue.Table, []id.ID) {
	t.Helper()
	ctx := t.Context()
	q := d.Q(ctx)
	if _, err := q.Exec(ctx, "create table work (id uuid primary key, kind text not null, due_at timestamptz, lease_id uuid, attempts integer not null default 0)"); err != nil {
		t.Fatal(err)
	}
	ids := make([]id.ID, n)
	for i := range ids {
		ids[i] = id.New()
		kind := []string{"even", "odd"}[i%2]
		if _, err := q.Exec(ctx, "insert into work (id, kind, due_at) values ($1,$2,$3)", ids[i], kind, noon.Add(time.Duration(i-n+1)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return queue.Table{DB: d, Name: "work"}, ids
}

func TestTable_Claim_neverTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		table, ids := work(t, d, 100)
		var (
			mu   sync.Mutex
			got  = map[id.ID]int{}
			pool sync.WaitGroup
		)
		for range 6 {
			pool.Go(func() {
				for {
					c, err := table.Claim(context.Background(), queue.Claim{Now: noon, Lease: time.Minute, Limit: 7})
					if err != nil {
						t.Error(err)
					}
					if len(c.Rows) == 0 {
						return
					}
					mu.Lock()
					for _, row := range c.Rows {
						got[row]++
					}
					mu.Unlock()
				}
			})
		}
		pool.Wait()
		for _, row := range ids {
			if got[row] != 1 {
				t.Errorf("row %v was claimed %d times", row, got[row])
			}
		}
	})
}

func TestTable_lease(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		table, ids := work(t, d, 3)
		ctx := t.Context()
		claim := func(now time.Time) queue.Claimed {
			t.Helper()
			c, err := table.Claim(ctx, queue.Claim{Now: now, Lease: time.Minute, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if early := claim(noon.Add(-time.Second)); len(early.Rows) != 2 {
			t.Fatalf("a second before noon %d rows are due, want 2", len(early.Rows))
		}
		first := claim(noon)
		if len(first.Rows) != 1 || first.Rows[0] != ids[2] {
			t.Fatalf("at noon: %v", first.Rows)
		}
		if n, err := table.Extend(ctx, first, noon.Add(5*time.Minute)); n != 1 || err != nil {
			t.Errorf("Extend = %d, %v", n, err)
		}
		again := claim(noon.Add(2 * time.Minute))
		if len(again.Rows) != 2 {
			t.Fatalf("two leases have ended, %d rows came back", len(again.Rows))
		}
		lost := queue.Claimed{Lease: id.New(), Rows: ids}
		if n, err := table.Release(ctx, lost, noon); n != 0 || err != nil {
			t.Errorf("releasing with another lease = %d, %v", n, err)
		}
		due, found, err := table.Next(ctx, "kind = $1", "even")
		if err != nil || !found || !due.Equal(noon.Add(3*time.Minute)) {
			t.Errorf("Next = %v, %v, %v", due, found, err)
		}
		if n, err := table.Release(ctx, again, noon.Add(time.Hour)); n != 2 || err != nil {
			t.Errorf("Release = %d, %v", n, err)
		}
		attempts, err := db.All(ctx, d.Q(ctx), db.Scalar[int64], "select attempts from work order by attempts")
		if err != nil || len(attempts) != 3 || attempts[0] != 1 || attempts[2] != 1 {
			t.Errorf("attempts %v, %v: a released claim does not count", attempts, err)
		}
	})
}

func TestTable_Claim_filters(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		table, ids := work(t, d, 10)
		c, err := table.Claim(t.Context(), queue.Claim{Now: noon, Lease: time.Minute, Limit: 2, Filter: "kind = $5", Args: []any{"odd"}})
		if err != nil || len(c.Rows) != 2 {
			t.Fatalf("Claim = %v, %v", c, err)
		}
		oldest := map[id.ID]bool{ids[1]: true, ids[3]: true}
		for _, row := range c.Rows {
			if !oldest[row] {
				t.Errorf("claimed %v, which is not among the oldest odd ones", row)
			}
		}
		if _, found, err := table.Next(t.Context(), "kind = $1", "none"); found || err != nil {
			t.Errorf("Next of nothing = %v, %v", found, err)
		}
	})
}
