package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"switchboard/internal/errs"
)

// postgresEngine is PostgreSQL through pgx. PostgreSQL groups commits by itself; what costs here is round trips, so a
// transaction sends its BEGIN with its first statement and what was deferred with its COMMIT.
type postgresEngine struct {
	conns *pgxpool.Pool
}

func openPostgres(ctx context.Context, url string, opts Options) (*postgresEngine, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read; it looks like postgres://user:password@host:5432/database")
	}
	cfg.MaxConns = 16
	if opts.MaxConns > 0 {
		cfg.MaxConns = int32(opts.MaxConns)
	}
	if opts.Schema != "" {
		cfg.ConnConfig.RuntimeParams["search_path"] = opts.Schema
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.ConnConfig.RuntimeParams["application_name"] = "switchboard"
	conns, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL at %s: %w", cfg.ConnConfig.Host, err)
	}
	if err := conns.Ping(ctx); err != nil {
		conns.Close()
		return nil, fmt.Errorf("PostgreSQL at %s:%d does not answer: %w", cfg.ConnConfig.Host, cfg.ConnConfig.Port, err)
	}
	return &postgresEngine{conns: conns}, nil
}

func (e *postgresEngine) dialect() Dialect               { return Postgres }
func (e *postgresEngine) ping(ctx context.Context) error { return e.conns.Ping(ctx) }
func (e *postgresEngine) pool() Querier                  { return postgresPool{e.conns} }

func (e *postgresEngine) close() error {
	e.conns.Close()
	return nil
}

// maxRetries bounds how often a transaction that lost a deadlock or a serialization race is run again.
const maxRetries = 4

func (e *postgresEngine) do(ctx context.Context, fn func(context.Context) error) error {
	for try := 0; ; try++ {
		err := e.once(ctx, fn)
		if err == nil || try == maxRetries || !lostRace(err) {
			return err
		}
	}
}

// lostRace tells whether running the transaction again may help.
func lostRace(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == pgDeadlockDetected || e.Code == pgSerializationFailure)
}

func (e *postgresEngine) once(ctx context.Context, fn func(context.Context) error) (err error) {
	conn, err := e.conns.Acquire(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errs.CodeUnavailable.Errorf("no connection to the database is to be had").Because(err)
	}
	defer conn.Release()
	t := &postgresTx{conn: conn.Conn()}
	finished := false
	defer func() {
		if !finished { // fn failed or panicked
			t.rollback(ctx)
		}
	}()
	if err := fn(context.WithValue(ctx, transactionKey{}, &transaction{querier: t})); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	finished = true
	return nil
}

// postgresTx is one transaction. It is used by one goroutine at a time, as its caller's function is.
type postgresTx struct {
	conn     *pgx.Conn
	begun    bool
	deferred []statement
}

type statement struct {
	query string
	args  []any
}

// batch starts a round trip with whatever must come before its own statement.
func (t *postgresTx) batch() (*pgx.Batch, int) {
	b := &pgx.Batch{}
	if !t.begun {
		b.Queue("begin")
	}
	for _, s := range t.deferred {
		b.Queue(s.query, s.args...)
	}
	return b, b.Len()
}

// lead reads the outcomes of what came before.
func lead(results pgx.BatchResults, n int) error {
	for range n {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	return nil
}

func (t *postgresTx) sent() {
	t.begun, t.deferred = true, nil
}

func (t *postgresTx) Defer(_ context.Context, query string, args ...any) error {
	values, err := postgresArgs(args)
	if err != nil {
		return err
	}
	t.deferred = append(t.deferred, statement{query, values})
	return nil
}

func (t *postgresTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	values, err := postgresArgs(args)
	if err != nil {
		return 0, err
	}
	b, before := t.batch()
	b.Queue(query, values...)
	results := t.conn.SendBatch(ctx, b)
	t.sent()
	err = lead(results, before)
	var tag pgconn.CommandTag
	if err == nil {
		tag, err = results.Exec()
	}
	if err := errors.Join(err, results.Close()); err != nil {
		return 0, Translate(fmt.Errorf("%q: %w", query, err))
	}
	return tag.RowsAffected(), nil
}

func (t *postgresTx) Query(ctx context.Context, scan func(Row) error, query string, args ...any) error {
	values, err := postgresArgs(args)
	if err != nil {
		return err
	}
	b, before := t.batch()
	b.Queue(query, values...)
	results := t.conn.SendBatch(ctx, b)
	t.sent()
	if err := lead(results, before); err != nil {
		return Translate(errors.Join(err, results.Close()))
	}
	rows, err := results.Query()
	if err != nil {
		return Translate(errors.Join(fmt.Errorf("%q: %w", query, err), results.Close()))
	}
	scanErr := scanRows(rows, scan)
	return errors.Join(scanErr, Translate(results.Close()))
}

// commit sends what was deferred and the COMMIT in one round trip. When any of it fails PostgreSQL skips the rest, so the
// transaction is still open and is rolled back by the caller.
func (t *postgresTx) commit(ctx context.Context) error {
	if !t.begun && len(t.deferred) == 0 {
		return nil
	}
	b, before := t.batch()
	b.Queue("commit")
	results := t.conn.SendBatch(ctx, b)
	t.sent()
	err := lead(results, before)
	var tag pgconn.CommandTag
	if err == nil {
		tag, err = results.Exec()
	}
	if err := errors.Join(err, results.Close()); err != nil {
		return Translate(err)
	}
	if tag.String() != "COMMIT" { // PostgreSQL answers ROLLBACK to the COMMIT of a failed transaction
		return errs.CodeUnavailable.Errorf("the database rolled the transaction back")
	}
	return nil
}

// rollback ends the transaction if it has begun. A connection that does not answer is closed, which ends it too.
func (t *postgresTx) rollback(ctx context.Context) {
	if !t.begun || t.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := t.conn.Exec(ctx, "rollback"); err != nil {
		_ = t.conn.Close(ctx)
	}
}

// postgresPool runs statements each on its own.
type postgresPool struct{ conns *pgxpool.Pool }

func (p postgresPool) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	values, err := postgresArgs(args)
	if err != nil {
		return 0, err
	}
	tag, err := p.conns.Exec(ctx, query, values...)
	if err != nil {
		return 0, Translate(fmt.Errorf("%q: %w", query, err))
	}
	return tag.RowsAffected(), nil
}

func (p postgresPool) Defer(ctx context.Context, query string, args ...any) error {
	_, err := p.Exec(ctx, query, args...)
	return err
}

func (p postgresPool) Query(ctx context.Context, scan func(Row) error, query string, args ...any) error {
	values, err := postgresArgs(args)
	if err != nil {
		return err
	}
	rows, err := p.conns.Query(ctx, query, values...)
	if err != nil {
		return Translate(fmt.Errorf("%q: %w", query, err))
	}
	return scanRows(rows, scan)
}

func scanRows(rows pgx.Rows, scan func(Row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(postgresRow{rows}); err != nil {
			return err
		}
	}
	return Translate(rows.Err())
}

type postgresRow struct{ rows pgx.Rows }

func (r postgresRow) Scan(dest ...any) error { return r.rows.Scan(destinations(dest)...) }

// postgresArgs stores the zero time as NULL and resolves valuers here, because pgx would look into an id.ID's bytes and
// store the zero one as a uuid of zeros.
func postgresArgs(args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case time.Time:
			if !v.IsZero() {
				out[i] = v
			}
		case driver.Valuer:
			stored, err := v.Value()
			if err != nil {
				return nil, err
			}
			out[i] = stored
		default:
			out[i] = a
		}
	}
	return out, nil
}

// Notify wakes whoever Listens on channel. It is a transaction of its own: inside one, NOTIFY takes a lock over the whole
// commit and would bring back one commit at a time. On SQLite there is nobody else to wake.
func (d *DB) Notify(ctx context.Context, channel string) error {
	if d.Dialect() != Postgres {
		return nil
	}
	_, err := d.engine.pool().Exec(ctx, "select pg_notify($1, '')", channel)
	return err
}

// Listen calls wake for each Notify of any node until ctx ends, reconnecting as needed. It returns at once on SQLite.
// Notifications may be lost while it reconnects, so callers poll as well.
func (d *DB) Listen(ctx context.Context, channel string, wake func()) {
	e, ok := d.engine.(*postgresEngine)
	if !ok {
		return
	}
	for ctx.Err() == nil {
		e.listen(ctx, channel, wake)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (e *postgresEngine) listen(ctx context.Context, channel string, wake func()) {
	pooled, err := e.conns.Acquire(ctx)
	if err != nil {
		return
	}
	conn := pooled.Hijack() // it would go back to the pool still listening
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "listen "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return
		}
		wake()
	}
}
