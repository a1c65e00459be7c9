package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"switchboard/internal/errs"
)

// sqliteEngine is SQLite with one writer and several readers.
//
// Group commit: transactions queue for the writer, which runs as many as are waiting inside one SQLite transaction, each
// in a savepoint of its own, and commits them with one fsync. A transaction that fails is rolled back to its savepoint
// and does not disturb its neighbours; nobody is told of success before the shared commit has returned.
type sqliteEngine struct {
	readers *stmtPool
	writer  *sqliteWriter
	copier  *checkpointer
	dbs     []*sql.DB
	once    sync.Once
	path    string
}

const (
	// maxBatch bounds how many transactions share a commit, and with it how long the first of them waits.
	maxBatch = 128
	// maxBatchTime closes a batch early when its transactions are slow ones.
	maxBatchTime = 20 * time.Millisecond
)

func openSQLite(ctx context.Context, path string, opts Options) (*sqliteEngine, error) {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("creating the data folder: %w", err)
		}
	}
	if err := private(path); err != nil {
		return nil, err
	}
	conns := opts.MaxConns
	if conns == 0 {
		conns = 4
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, "immediate", -8000))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	conn, err := write.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database %s: %w", path, err), write.Close())
	}
	read, err := sql.Open("sqlite", sqliteDSN(path, "deferred", -2000))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(conns)
	read.SetMaxIdleConns(conns)
	check, err := sql.Open("sqlite", sqliteDSN(path, "deferred", -64))
	if err != nil {
		return nil, errors.Join(err, write.Close(), read.Close())
	}
	check.SetMaxOpenConns(1)
	w := newSQLiteWriter(conn)
	return &sqliteEngine{
		readers: &stmtPool{prepare: read.PrepareContext, direct: read},
		writer:  w,
		copier:  newCheckpointer(check, w),
		dbs:     []*sql.DB{write, read, check},
		path:    path,
	}, nil
}

// private makes the file of a new database, so that nobody else may read it. SQLite gives the files beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return f.Close()
}

// sqliteDSN sets what every connection needs. synchronous=FULL is the promise that what was acknowledged survives a power
// cut: in WAL mode it is one fsync a commit. secure_delete overwrites what is deleted, so that a purge leaves nothing in free
// pages; only deleting and shortening pays for it.
func sqliteDSN(path, lock string, cacheKiB int) string {
	q := url.Values{"_txlock": {lock}, "_pragma": {
		"busy_timeout(10000)", "secure_delete(on)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)",
		fmt.Sprintf("cache_size(%d)", cacheKiB), "journal_size_limit(67108864)", "temp_store(memory)", "wal_autocheckpoint(0)",
	}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func (e *sqliteEngine) dialect() Dialect { return SQLite }

func (e *sqliteEngine) ping(ctx context.Context) error { return e.dbs[1].PingContext(ctx) }

func (e *sqliteEngine) close() error {
	var err error
	e.once.Do(func() {
		e.copier.stop()
		e.writer.stop()
		for _, d := range e.dbs {
			err = errors.Join(err, d.Close())
		}
	})
	return err
}

func (e *sqliteEngine) pool() Querier { return sqlitePool{e} }

func (e *sqliteEngine) do(ctx context.Context, fn func(context.Context) error) error {
	return e.writer.do(ctx, fn)
}

// sqlitePool reads from the readers; a write outside a transaction becomes one.
type sqlitePool struct{ e *sqliteEngine }

func (p sqlitePool) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = p.e.writer.do(ctx, func(ctx context.Context) error {
		t, _ := ctx.Value(transactionKey{}).(*transaction)
		n, err = t.querier.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

func (p sqlitePool) Defer(ctx context.Context, query string, args ...any) error {
	_, err := p.Exec(ctx, query, args...)
	return err
}

func (p sqlitePool) Query(ctx context.Context, scan func(Row) error, query string, args ...any) error {
	return p.e.readers.query(ctx, scan, query, args)
}

// directQuerier is what *sql.DB and *sql.Conn share.
type directQuerier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// stmtPool keeps statements prepared by their text. Texts made of lists are as many as there are lengths, so it stops
// keeping them at a bound and runs further ones unprepared.
type stmtPool struct {
	mu      sync.RWMutex
	stmts   map[string]*statementText
	prepare func(context.Context, string) (*sql.Stmt, error)
	direct  directQuerier
}

const maxStatements = 512

// statementText is a statement with its placeholders by position.
type statementText struct {
	text  string
	order []int     // which argument each placeholder stands for, counted from 0
	stmt  *sql.Stmt // nil: not kept
}

// positional turns $1, $2 … into plain question marks. SQLite takes the numbers too, but its driver finds an argument by
// comparing the number with that of every other, in text, which a list of a thousand makes a million comparisons.
//
// The argument of a limit or an offset becomes (?+0). SQLite looks at the value of a bare one while it plans, and so
// compiles the statement anew each time that something is bound to it.
func positional(query string) *statementText {
	var (
		b     strings.Builder
		order []int
		quote byte
	)
	for i := 0; i < len(query); i++ {
		c := query[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '$':
			n, end := 0, i+1
			for ; end < len(query) && '0' <= query[end] && query[end] <= '9'; end++ {
				n = 10*n + int(query[end]-'0')
			}
			if n > 0 {
				order = append(order, n-1)
				if bounds(query[:i]) {
					b.WriteString("(?+0)")
				} else {
					b.WriteByte('?')
				}
				i = end - 1
				continue
			}
		}
		b.WriteByte(c)
	}
	return &statementText{text: b.String(), order: order}
}

// bounds tells whether what comes after this part of a query is how many rows it may return, or pass over.
func bounds(before string) bool {
	word := strings.TrimRight(before, " \n\t")
	if len(word) == len(before) {
		return false
	}
	word = word[strings.LastIndexAny(word, " \n\t)")+1:]
	return strings.EqualFold(word, "limit") || strings.EqualFold(word, "offset")
}

// args puts the arguments in the order of the placeholders.
func (s *statementText) args(given []any) ([]any, error) {
	values, err := sqliteArgs(given)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(s.order))
	for i, n := range s.order {
		if n >= len(values) {
			return nil, fmt.Errorf("db: %q wants argument %d of %d", s.text, n+1, len(values))
		}
		out[i] = values[n]
	}
	return out, nil
}

func (p *stmtPool) get(ctx context.Context, query string) (*statementText, error) {
	p.mu.RLock()
	s, ok := p.stmts[query]
	full := len(p.stmts) >= maxStatements
	p.mu.RUnlock()
	if ok {
		return s, nil
	}
	s = positional(query)
	if full {
		return s, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.stmts[query]; ok {
		return s, nil
	}
	stmt, err := p.prepare(context.WithoutCancel(ctx), s.text)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	if p.stmts == nil {
		p.stmts = map[string]*statementText{}
	}
	s.stmt = stmt
	p.stmts[query] = s
	return s, nil
}

func (p *stmtPool) query(ctx context.Context, scan func(Row) error, query string, args []any) error {
	s, err := p.get(ctx, query)
	if err != nil {
		return Translate(err)
	}
	values, err := s.args(args)
	if err != nil {
		return err
	}
	var rows *sql.Rows
	if s.stmt != nil {
		rows, err = s.stmt.QueryContext(ctx, values...)
	} else {
		rows, err = p.direct.QueryContext(ctx, s.text, values...)
	}
	if err != nil {
		return Translate(fmt.Errorf("%q: %w", query, err))
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(sqliteRow{rows}); err != nil {
			return err
		}
	}
	return Translate(rows.Err())
}

func (p *stmtPool) exec(ctx context.Context, query string, args []any) (int64, error) {
	s, err := p.get(ctx, query)
	if err != nil {
		return 0, Translate(err)
	}
	values, err := s.args(args)
	if err != nil {
		return 0, err
	}
	var res sql.Result
	if s.stmt != nil {
		res, err = s.stmt.ExecContext(ctx, values...)
	} else {
		res, err = p.direct.ExecContext(ctx, s.text, values...)
	}
	if err != nil {
		return 0, Translate(fmt.Errorf("%q: %w", query, err))
	}
	return res.RowsAffected()
}

type sqliteRow struct{ rows *sql.Rows }

func (r sqliteRow) Scan(dest ...any) error { return r.rows.Scan(destinations(dest)...) }

// sqliteArgs stores instants as microseconds and the zero time as NULL.
func sqliteArgs(args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case time.Time:
			if !v.IsZero() {
				out[i] = v.UnixMicro()
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

// errWriterStopped is what a transaction gets that comes after Close.
var errWriterStopped = errs.CodeUnavailable.Errorf("the database is closed")
