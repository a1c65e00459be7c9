package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"switchboard/internal/errs"
)

// sqliteWriter owns the only writing connection. One goroutine runs every transaction, so the statements and the
// connection need no lock.
type sqliteWriter struct {
	conn  *sql.Conn
	stmts *stmtPool
	jobs  chan *writeJob
	turns chan func()   // work that wants nothing to be written meanwhile
	wrote chan struct{} // holds something when there was a commit
	quit  chan struct{} // closed by stop
	done  chan struct{} // closed when the goroutine has returned
	once  sync.Once
}

// writeJob is one transaction waiting for its turn.
type writeJob struct {
	ctx   context.Context
	fn    func(context.Context) error
	state atomic.Int32 // jobWaiting, jobRunning or jobCancelled
	err   error
	panic any
	done  chan struct{}
}

const (
	jobWaiting int32 = iota
	jobRunning
	jobCancelled
)

func newSQLiteWriter(conn *sql.Conn) *sqliteWriter {
	w := &sqliteWriter{
		conn:  conn,
		stmts: &stmtPool{prepare: conn.PrepareContext, direct: conn},
		jobs:  make(chan *writeJob, 4*maxBatch),
		turns: make(chan func()),
		wrote: make(chan struct{}, 1),
		quit:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go w.run()
	return w
}

func (w *sqliteWriter) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}

// pause runs fn between two commits, and returns at once when the writer has stopped.
func (w *sqliteWriter) pause(fn func()) {
	done := make(chan struct{})
	select {
	case w.turns <- func() { defer close(done); fn() }:
		<-done
	case <-w.done:
	}
}

// do queues fn and waits for the commit. A transaction that is still waiting when ctx ends is withdrawn; one that has begun
// is waited for, because only its end tells whether it is stored.
func (w *sqliteWriter) do(ctx context.Context, fn func(context.Context) error) error {
	j := &writeJob{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case w.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return errWriterStopped
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(jobWaiting, jobCancelled) {
			return ctx.Err()
		}
		<-j.done
	case <-w.done:
		select {
		case <-j.done:
		default:
			return errWriterStopped
		}
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

func (w *sqliteWriter) run() {
	defer close(w.done)
	for {
		select {
		case j := <-w.jobs:
			w.batch(j)
		case fn := <-w.turns:
			fn()
		case <-w.quit:
			for { // what was queued before Close is still done
				select {
				case j := <-w.jobs:
					w.batch(j)
				default:
					return
				}
			}
		}
	}
}

// batch runs first and whatever else is waiting, and commits them together.
func (w *sqliteWriter) batch(first *writeJob) {
	var ran []*writeJob
	finish := func(err error) {
		for _, j := range ran {
			if err != nil && j.err == nil {
				j.err = err
			}
			close(j.done)
		}
	}
	ctx := context.Background()
	if _, err := w.stmts.exec(ctx, "begin immediate", nil); err != nil {
		ran = append(ran, first)
		finish(errs.CodeUnavailable.Errorf("the database takes no writes now").Because(err))
		return
	}
	deadline := time.Now().Add(maxBatchTime)
	stored := 0
	for j := first; j != nil; j = w.next(len(ran), deadline) {
		if !j.state.CompareAndSwap(jobWaiting, jobRunning) {
			continue // withdrawn; its caller has gone
		}
		ran = append(ran, j)
		if err := w.member(j); err != nil {
			w.abort(ctx)
			finish(errs.CodeUnavailable.Errorf("the database lost the transaction").Because(err))
			return
		}
		if j.err == nil {
			stored++
		}
	}
	if stored == 0 {
		w.abort(ctx)
		finish(nil)
		return
	}
	if _, err := w.stmts.exec(ctx, "commit", nil); err != nil {
		w.abort(ctx)
		finish(errs.CodeUnavailable.Errorf("the database could not store this").Because(err))
		return
	}
	finish(nil)
	select {
	case w.wrote <- struct{}{}:
	default:
	}
}

// next returns another transaction for the batch, or nil when it is time to commit.
func (w *sqliteWriter) next(ran int, deadline time.Time) *writeJob {
	if ran >= maxBatch || time.Now().After(deadline) {
		return nil
	}
	select {
	case j := <-w.jobs:
		return j
	default:
		return nil
	}
}

// member runs one transaction in its savepoint. The error it returns is not the transaction's (that is j.err) but the
// batch's: SQLite has rolled everything back, as it does when the disk is full.
func (w *sqliteWriter) member(j *writeJob) error {
	ctx := context.Background()
	if _, err := w.stmts.exec(ctx, "savepoint member", nil); err != nil {
		return err
	}
	j.err = w.call(j)
	if j.err != nil {
		if _, err := w.stmts.exec(ctx, "rollback to member", nil); err != nil {
			return errors.Join(j.err, err)
		}
	}
	_, err := w.stmts.exec(ctx, "release member", nil)
	return err
}

// call runs the function of a transaction. Its statements are never interrupted: an interrupted write makes SQLite roll
// back the whole batch, neighbours included.
func (w *sqliteWriter) call(j *writeJob) (err error) {
	defer func() {
		if p := recover(); p != nil {
			j.panic = p
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	t := &transaction{querier: sqliteTx{w}}
	return j.fn(context.WithValue(j.ctx, transactionKey{}, t))
}

// abort ends whatever transaction is open; there may be none.
func (w *sqliteWriter) abort(ctx context.Context) {
	_, _ = w.stmts.exec(ctx, "rollback", nil)
}

// sqliteTx runs statements on the writing connection; only the writer's goroutine uses it.
type sqliteTx struct{ w *sqliteWriter }

func (t sqliteTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return t.w.stmts.exec(context.WithoutCancel(ctx), query, args)
}

func (t sqliteTx) Defer(ctx context.Context, query string, args ...any) error {
	_, err := t.w.stmts.exec(context.WithoutCancel(ctx), query, args)
	return err
}

func (t sqliteTx) Query(ctx context.Context, scan func(Row) error, query string, args ...any) error {
	return t.w.stmts.query(context.WithoutCancel(ctx), scan, query, args)
}
