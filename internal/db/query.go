package db

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Querier runs statements, in a transaction or outside of one. Its errors are those of Translate.
type Querier interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Defer runs a statement whose outcome the caller need not know before the commit: in order, before any later
	// statement of the transaction, failing the commit when it fails. On PostgreSQL all that was deferred travels with
	// the commit in one round trip. Outside a transaction it is Exec.
	Defer(ctx context.Context, query string, args ...any) error
	// Query calls scan for each row and stops at its first error.
	Query(ctx context.Context, scan func(Row) error, query string, args ...any) error
}

// Row is one row of an answer.
type Row interface {
	// Scan copies the columns. NULL becomes the zero value of an id.ID or a time.Time; times come back in UTC.
	Scan(dest ...any) error
}

// ErrNoRows is returned by Get when there is no row.
var ErrNoRows = errors.New("no rows")

// All returns every row.
func All[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	out := []T{}
	err := q.Query(ctx, func(r Row) error {
		v, err := scan(r)
		if err == nil {
			out = append(out, v)
		}
		return err
	}, query, args...)
	return out, err
}

// Get returns the first row, or ErrNoRows.
func Get[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) (T, error) {
	v, found, err := Find(ctx, q, scan, query, args...)
	if err == nil && !found {
		err = ErrNoRows
	}
	return v, err
}

// Find returns the first row and whether there was one.
func Find[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) (T, bool, error) {
	var (
		out   T
		found bool
	)
	err := q.Query(ctx, func(r Row) error {
		if found {
			return nil
		}
		v, err := scan(r)
		if err == nil {
			out, found = v, true
		}
		return err
	}, query, args...)
	return out, found, err
}

// Scalar scans the single column of a row; for Get, Find and All.
func Scalar[T any](r Row) (T, error) {
	var v T
	err := r.Scan(&v)
	return v, err
}

// JSON stores V as JSON text and reads it back into V, which must then be a pointer. NULL and empty text leave V alone. Numbers
// of no type are read as json.Number, with all their digits.
type JSON struct{ V any }

// Value implements driver.Valuer.
func (j JSON) Value() (driver.Value, error) {
	raw, err := json.Marshal(j.V)
	return string(raw), err
}

// Scan implements sql.Scanner.
func (j JSON) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
		return j.read(strings.NewReader(v))
	case []byte:
		if len(v) == 0 {
			return nil
		}
		return j.read(bytes.NewReader(v))
	}
	return fmt.Errorf("db: cannot read JSON from %T", src)
}

func (j JSON) read(text io.Reader) error {
	d := json.NewDecoder(text)
	d.UseNumber()
	return d.Decode(j.V)
}

// timeScanner reads an instant from either database.
type timeScanner struct{ to *time.Time }

func (t timeScanner) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t.to = time.Time{}
	case int64:
		*t.to = time.UnixMicro(v).UTC()
	case time.Time:
		*t.to = v.UTC()
	default:
		return fmt.Errorf("db: cannot read a time from %T", src)
	}
	return nil
}

// destinations wraps what a driver would read in its own way.
func destinations(dest []any) []any {
	for i, d := range dest {
		if t, ok := d.(*time.Time); ok {
			dest[i] = sql.Scanner(timeScanner{t})
		}
	}
	return dest
}

// Args numbers the arguments of a statement that is put together in pieces.
type Args []any

// Add appends an argument and returns its placeholder.
func (a *Args) Add(v any) string {
	*a = append(*a, v)
	return "$" + strconv.Itoa(len(*a))
}

// List appends every value and returns their placeholders, comma-separated, for "in (…)". An empty list becomes a NULL,
// which no value is in. Callers keep lists under 1,000 values (see Chunks).
func List[T any](a *Args, values []T) string {
	if len(values) == 0 {
		return "null"
	}
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.Add(v))
	}
	return b.String()
}

// Where gathers conditions; joined by "and".
type Where struct {
	Args  Args
	conds []string
}

// And adds a condition in which each %s stands for one of values.
func (w *Where) And(format string, values ...any) {
	marks := make([]any, len(values))
	for i, v := range values {
		marks[i] = w.Args.Add(v)
	}
	w.conds = append(w.conds, fmt.Sprintf(format, marks...))
}

// Raw adds a condition as it stands; its placeholders must come from w.Args.
func (w *Where) Raw(cond string) { w.conds = append(w.conds, cond) }

// Checked spells a column of a condition that only checks what another one finds, such as the organization of a record that
// is found by its channel. SQLite, which a server gives no statistics, takes an index of whole organizations for as good as
// one of the channel, and would read all of an organization along it; no index is sought for what this returns.
func Checked(column string) string { return "coalesce(" + column + ", " + column + ")" }

// String returns " where …", or nothing.
func (w *Where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " where " + strings.Join(w.conds, " and ")
}

// Chunks calls fn with at most size values at a time.
func Chunks[T any](values []T, size int, fn func([]T) error) error {
	for len(values) > 0 {
		n := min(size, len(values))
		if err := fn(values[:n]); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// InsertMany inserts rows into "table (column, …)", many to a statement where that is faster. The rows of one call are
// inserted in order and, in a transaction, all or none. suffix may hold an "on conflict" clause.
func InsertMany(ctx context.Context, d *DB, into string, rows [][]any, suffix string) error {
	perStatement := 1 // SQLite: a prepared single-row statement beats long lists of placeholders
	if d.Dialect() == Postgres {
		perStatement = 200
	}
	q := d.Q(ctx)
	return Chunks(rows, perStatement, func(part [][]any) error {
		var (
			args Args
			b    strings.Builder
		)
		b.WriteString("insert into " + into + " values ")
		for i, row := range part {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString("(" + List(&args, row) + ")")
		}
		if suffix != "" {
			b.WriteString(" " + suffix)
		}
		return q.Defer(ctx, b.String(), args...)
	})
}
