// Package db is the database seam: one Go implementation of every store runs on SQLite (inside the process, the
// default) and on PostgreSQL (for several nodes).
//
// Stores write plain SQL with $1, $2 … placeholders, which both databases take as they are, and get transactions, errors,
// times and identifiers in one form from both. There is no query builder between: on the hot paths its inlined
// arguments would defeat prepared statements, and one way of writing SQL everywhere is easier to read than two.
//
// Conventions that every table keeps:
//   - a uuid column is an id.ID, and NULL is id.Nil;
//   - a timestamptz column is a time.Time in UTC, and NULL is the zero time. SQLite stores microseconds since 1970;
//   - text is NOT NULL DEFAULT ”; JSON is text;
//   - booleans are boolean.
//
// The package knows no table but goose's own.
package db

import (
	"context"
	"fmt"
	"strings"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine engine
	watch  func(query string, args []any)
}

// engine is what differs between the two databases.
type engine interface {
	// do runs fn as a transaction of its own; see tx.Runner for the contract.
	do(ctx context.Context, fn func(context.Context) error) error
	// pool answers statements outside a transaction.
	pool() Querier
	dialect() Dialect
	ping(ctx context.Context) error
	migrate(ctx context.Context) error
	close() error
}

// Open opens the database that url names and checks that it answers: a file path or "sqlite:<path>" for SQLite,
// "postgres://…" for PostgreSQL. It does not migrate.
//
// Errors name what to do; they never contain the password of the URL.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		e, err := openPostgres(ctx, url, opts)
		if err != nil {
			return nil, err
		}
		return &DB{engine: e, watch: opts.Watch}, nil
	}
	e, err := openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), opts)
	if err != nil {
		return nil, err
	}
	return &DB{engine: e, watch: opts.Watch}, nil
}

// Options are what code, not an operator, chooses about a database. The zero value is right for a server.
type Options struct {
	// MaxConns bounds open connections: readers on SQLite (default 4), all on PostgreSQL (default 16).
	MaxConns int
	// Schema is the PostgreSQL schema to live in; tests give each database of theirs one. Default: the server's.
	Schema string
	// Watch, when set, is told of every statement before it runs; for tests of what is sent. It may be called by several
	// goroutines at once and must not keep args.
	Watch func(query string, args []any)
}

// Dialect tells the databases apart for the few statements that must differ.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Dialect returns which database this is.
func (d *DB) Dialect() Dialect { return d.engine.dialect() }

// SkipLocked ends a SELECT whose rows are about to be claimed by this transaction: rows that another transaction holds
// are passed over. SQLite has one writer and needs nothing.
func (d *DB) SkipLocked() string {
	if d.Dialect() == Postgres {
		return " for update skip locked"
	}
	return ""
}

// ForUpdate ends a SELECT whose rows are about to be changed by this transaction.
func (d *DB) ForUpdate() string {
	if d.Dialect() == Postgres {
		return " for update"
	}
	return ""
}

// Scrub makes what was deleted before unreadable in the files of the database. On SQLite deleting overwrites at once, and what
// is left is the write-ahead log, which is brought into the database and emptied; a reader that is at work keeps it from
// being emptied wholly until the next time. PostgreSQL leaves this to its own vacuuming, and Scrub does nothing there.
func (d *DB) Scrub(ctx context.Context) error {
	if d.Dialect() != SQLite {
		return nil
	}
	return d.engine.pool().Query(ctx, func(Row) error { return nil }, "pragma wal_checkpoint(truncate)")
}

// Ping tells whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.engine.ping(ctx) }

// Close waits for running transactions and closes every connection. It may be called twice.
func (d *DB) Close() error { return d.engine.close() }

// Migrate brings the schema to what this binary knows, one node at a time. A schema newer than the binary is refused
// with ErrNewerSchema and left alone.
func (d *DB) Migrate(ctx context.Context) error { return d.engine.migrate(ctx) }

// transaction is the state of one Do, found in the context value.
type transaction struct {
	querier Querier
	owner   *DB
	failed  error // an inner Do failed: the outer one must not commit
	after   []func()
}

type transactionKey struct{}

// Do runs fn in a transaction; it implements tx.Runner, which has the contract.
func (d *DB) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	if t := d.current(ctx); t != nil {
		err := fn(ctx)
		if err != nil && t.failed == nil {
			t.failed = err
		}
		return err
	}
	var t *transaction
	err := d.engine.do(ctx, func(ctx context.Context) error {
		t, _ = ctx.Value(transactionKey{}).(*transaction)
		t.owner = d
		if err := fn(ctx); err != nil {
			return err
		}
		if t.failed != nil {
			return fmt.Errorf("an inner transaction failed: %w", t.failed)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range t.after {
		f()
	}
	return nil
}

// current returns the transaction of ctx when it is one of this database.
func (d *DB) current(ctx context.Context) *transaction {
	if t, ok := ctx.Value(transactionKey{}).(*transaction); ok && t.owner == d {
		return t
	}
	return nil
}

// Q returns the transaction of ctx, or the pool when there is none.
func (d *DB) Q(ctx context.Context) Querier {
	q := d.engine.pool()
	if t := d.current(ctx); t != nil {
		q = t.querier
	}
	if d.watch != nil {
		return watched{q, d.watch}
	}
	return q
}

// watched tells of what it runs.
type watched struct {
	Querier
	watch func(query string, args []any)
}

func (w watched) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	w.watch(query, args)
	return w.Querier.Exec(ctx, query, args...)
}

func (w watched) Defer(ctx context.Context, query string, args ...any) error {
	w.watch(query, args)
	return w.Querier.Defer(ctx, query, args...)
}

func (w watched) Query(ctx context.Context, scan func(Row) error, query string, args ...any) error {
	w.watch(query, args)
	return w.Querier.Query(ctx, scan, query, args...)
}

// InTx tells whether ctx carries a transaction of this database.
func (d *DB) InTx(ctx context.Context) bool { return d.current(ctx) != nil }

// AfterCommit runs fn once the transaction of ctx is committed, and never if it is not; at once when there is none. fn
// must be quick: it runs before Do returns.
func (d *DB) AfterCommit(ctx context.Context, fn func()) {
	if t := d.current(ctx); t != nil {
		t.after = append(t.after, fn)
		return
	}
	fn()
}
