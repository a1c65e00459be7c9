// Package queue claims rows of a table for work, for a time.
//
// The rows themselves are the queue: a row is waiting while its due_at is not NULL and in the past. Claiming pushes due_at
// into the future by the length of the lease and marks the row with the lease, so a worker that dies gives its rows back by
// doing nothing. Whoever finishes a row does so with the lease in its condition (`where id = … and lease_id = …`): a worker
// that was too slow finds its lease gone and changes nothing.
//
// A table to be claimed from has the columns id uuid, due_at timestamptz, lease_id uuid and attempts integer, and an index
// that starts with whatever the claim filters by and due_at. The package knows nothing else of it.
package queue

import (
	"context"
	"fmt"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// Table is a table of rows to claim. Name is trusted text.
type Table struct {
	DB   *db.DB
	Name string
}

// Claim says what to claim.
type Claim struct {
	Now   time.Time     // the database's time; nodes with clocks of their own must not decide leases
	Lease time.Duration // how long the rows are ours
	Limit int
	// Filter is a further condition with placeholders from $5 on for Args; empty for none.
	Filter string
	Args   []any
}

// Claimed is a batch of rows that is ours until the lease ends.
type Claimed struct {
	Lease id.ID
	Rows  []id.ID // oldest due first is not promised
}

// Claim takes up to Limit waiting rows, oldest due first. Several workers, on several nodes, never get the same row. It is one
// statement; in a transaction the rows are ours once it commits.
func (t Table) Claim(ctx context.Context, c Claim) (Claimed, error) {
	lease := id.New()
	filter := ""
	if c.Filter != "" {
		filter = " and " + c.Filter
	}
	query := fmt.Sprintf(`update %[1]s set due_at = $1, lease_id = $2, attempts = attempts + 1
		where id in (select id from %[1]s where due_at <= $3%[2]s order by due_at limit $4%[3]s) returning id`,
		t.Name, filter, t.DB.SkipLocked())
	rows, err := db.All(ctx, t.DB.Q(ctx), db.Scalar[id.ID], query,
		append([]any{c.Now.Add(c.Lease), lease, c.Now, c.Limit}, c.Args...)...)
	return Claimed{Lease: lease, Rows: rows}, err
}

// Extend keeps rows for longer and returns how many are still ours.
func (t Table) Extend(ctx context.Context, c Claimed, until time.Time) (int64, error) {
	return t.reschedule(ctx, c, "due_at = $1", until)
}

// Release gives rows back unworked, to be claimed again from due on, without counting the attempt. It returns how many were
// still ours.
func (t Table) Release(ctx context.Context, c Claimed, due time.Time) (int64, error) {
	return t.reschedule(ctx, c, "due_at = $1, lease_id = null, attempts = attempts - 1", due)
}

func (t Table) reschedule(ctx context.Context, c Claimed, set string, due time.Time) (int64, error) {
	var total int64
	err := db.Chunks(c.Rows, 500, func(ids []id.ID) error {
		args := db.Args{due, c.Lease}
		query := fmt.Sprintf("update %s set %s where lease_id = $2 and id in (%s)", t.Name, set, db.List(&args, ids))
		n, err := t.DB.Q(ctx).Exec(ctx, query, args...)
		total += n
		return err
	})
	return total, err
}

// Next returns when the next row falls due that matches filter (placeholders from $1 on), and whether there is one; leased
// rows count with the end of their lease.
func (t Table) Next(ctx context.Context, filter string, args ...any) (time.Time, bool, error) {
	where := "where due_at is not null"
	if filter != "" {
		where += " and " + filter
	}
	due, err := db.Get(ctx, t.DB.Q(ctx), func(r db.Row) (v time.Time, err error) { return v, r.Scan(&v) },
		fmt.Sprintf("select min(due_at) from %s %s", t.Name, where), args...)
	return due, !due.IsZero(), err
}
