package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite", which the server uses too

	"switchboard/internal/id"
)

// The limits: what the database alone does on this machine, with the driver and the promises that the server uses.

// bareText is as long as the message that the load posts.
const bareText = "bench 000000000000: the quick brown fox jumps over the lazy dog"

// bareDeliveries has the columns of a delivery, for rows of the same width.
const bareDeliveries = `create table bare_deliveries (id uuid primary key, organization_id uuid, content_id uuid, group_id uuid, user_id uuid,
	individual_id uuid, transport text, state text, reason text, address text, due_at timestamptz, lease_id uuid, attempts integer,
	provider text, provider_id text, sent_at timestamptz, created_at timestamptz, updated_at timestamptz)`

const bareCommits = "create table bare_commits (id uuid primary key, channel_id uuid, text text, created_at timestamptz)"

const insertCommit = "insert into bare_commits (id, channel_id, text, created_at) values ($1,$2,$3,$4)"

// people is how many deliveries one event makes.
const people = 100

// bare is a database without a server in front of it.
type bare interface {
	// commit stores one row and waits until it is durable. One goroutine uses one writer at a time.
	commit(ctx context.Context, writer int) error
	// bulk stores as many rows as an event makes deliveries, in one transaction.
	bulk(ctx context.Context, writer int) error
	close() error
}

// spin calls work on several writers for a time and returns how often it ended within it, and how long each call took.
func spin(ctx context.Context, writers int, window time.Duration, work func(ctx context.Context, writer int) error) (int, []time.Duration, time.Duration, error) {
	var (
		pool   sync.WaitGroup
		done   atomic.Int64
		begun  = time.Now()
		faults = make([]error, writers)
		took   = make([][]time.Duration, writers)
	)
	for i := range writers {
		pool.Go(func() {
			for time.Since(begun) < window && ctx.Err() == nil && faults[i] == nil {
				started := time.Now()
				if faults[i] = work(ctx, i); faults[i] == nil {
					done.Add(1)
					took[i] = append(took[i], time.Since(started))
				}
			}
		})
	}
	pool.Wait()
	var all []time.Duration
	for _, t := range took {
		all = append(all, t...)
	}
	return int(done.Load()), all, time.Since(begun), errors.Join(append(faults, ctx.Err())...)
}

// bareSQLite opens one connection for each writer.
type bareSQLite struct {
	db    *sql.DB
	conns []*sql.Conn
	rows  []*sql.Stmt
	many  []*sql.Stmt
}

func openBareSQLite(ctx context.Context, path string, writers int) (_ *bareSQLite, err error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)"}}
	d, err := sql.Open("sqlite", "file:"+path+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	b := &bareSQLite{db: d}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	for _, table := range []string{bareCommits, bareDeliveries} {
		if _, err := d.ExecContext(ctx, table); err != nil {
			return b, err
		}
	}
	for range writers {
		c, err := d.Conn(ctx)
		if err != nil {
			return b, err
		}
		b.conns = append(b.conns, c)
		row, err := c.PrepareContext(ctx, insertCommit)
		if err != nil {
			return b, err
		}
		many, err := c.PrepareContext(ctx, insertDelivery(1))
		if err != nil {
			return b, err
		}
		b.rows, b.many = append(b.rows, row), append(b.many, many)
	}
	return b, nil
}

// insertDelivery inserts rows into bare_deliveries.
func insertDelivery(rows int) string {
	text, n := "insert into bare_deliveries values ", 0
	for i := range rows {
		if i > 0 {
			text += ","
		}
		text += "("
		for column := range deliveryColumns {
			n++
			if column > 0 {
				text += ","
			}
			text += fmt.Sprintf("$%d", n)
		}
		text += ")"
	}
	return text
}

const deliveryColumns = 18

// delivery is the values of one row; instant makes a time what the driver takes.
func delivery(instant any) []any {
	return []any{
		id.New(), id.New(), id.New(), id.New(), id.New(), nil, "email", "queued", "", "", instant, nil, 0, "", "", nil, instant, instant,
	}
}

func (b *bareSQLite) commit(ctx context.Context, writer int) error {
	_, err := b.rows[writer].ExecContext(ctx, id.New(), id.New(), bareText, time.Now().UnixMicro())
	return err
}

func (b *bareSQLite) bulk(ctx context.Context, writer int) error {
	tx, err := b.conns[writer].BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	insert := tx.StmtContext(ctx, b.many[writer])
	for range people {
		if _, err := insert.ExecContext(ctx, delivery(time.Now().UnixMicro())...); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (b *bareSQLite) close() error {
	for _, c := range b.conns {
		_ = c.Close()
	}
	return b.db.Close()
}

// barePostgres has one connection for each writer.
type barePostgres struct {
	conns []*pgx.Conn
	many  string
}

func openBarePostgres(ctx context.Context, address string, writers int) (_ *barePostgres, err error) {
	b := &barePostgres{many: insertDelivery(people)}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	for range writers {
		c, err := pgx.Connect(ctx, address)
		if err != nil {
			return b, err
		}
		b.conns = append(b.conns, c)
	}
	for _, table := range []string{bareCommits, bareDeliveries} {
		if _, err := b.conns[0].Exec(ctx, table); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (b *barePostgres) commit(ctx context.Context, writer int) error {
	_, err := b.conns[writer].Exec(ctx, insertCommit, id.New(), id.New(), bareText, time.Now())
	return err
}

func (b *barePostgres) bulk(ctx context.Context, writer int) error {
	values := make([]any, 0, people*deliveryColumns)
	now := time.Now()
	for range people {
		values = append(values, delivery(now)...)
	}
	_, err := b.conns[writer].Exec(ctx, b.many, values...)
	return err
}

func (b *barePostgres) close() error {
	var err error
	for _, c := range b.conns {
		err = errors.Join(err, c.Close(context.Background()))
	}
	return err
}

// describe prints what the figures depend on: the machine, the toolchain and what a sync of the disk costs.
func describe(out io.Writer, dir string) {
	fmt.Fprintf(out, "%s, %s, %s/%s\n", processorCount(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if s, err := syncCost(dir, 60); err == nil {
		fmt.Fprintf(out, "one write of 4 KiB with fsync in %s: %s ms (median of %d; %s)\n\n", dir, figure(s.median()), len(s), s.spread())
	}
}

// syncCost measures how long writes of 4 KiB take to be durable, in milliseconds.
func syncCost(dir string, times int) (_ sample, err error) {
	path := filepath.Join(dir, "sync")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(path)) }()
	var s sample
	page := make([]byte, 4<<10)
	for range times {
		begun := time.Now()
		if _, err := f.Write(page); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		s = append(s, milliseconds(time.Since(begun)))
	}
	return s, nil
}
