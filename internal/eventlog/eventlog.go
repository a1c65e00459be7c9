// Package eventlog stores what happened and hands it on, in order, to whoever must act on it.
//
// Writing is part of the transaction that made the change. Reading is by seq, which has no holes that could fill up later: a
// reader that has seen seq n has seen all below it. SQLite's single writer gives that for nothing. On PostgreSQL a number
// taken while writing would not: transactions commit in another order than they take numbers. A filter on the oldest
// running transaction does not mend it (one that holds a lower number may have the younger transaction id), so rows are
// written without seq and a sequencer numbers them once they are committed, one node at a time, in the order of row_id.
// For one stream that is also the order of its offsets: the writer holds the lock of the stream's object from taking the
// offset until its commit, so a later entry has a greater row_id and is never visible without the earlier one.
//
// The package does not decide what is worth an entry, and it prunes nothing yet.
package eventlog

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// Log is the event log of one database. It implements event.Recorder.
type Log struct {
	db     *db.DB
	now    clock.Clock
	logger *slog.Logger
	newest newest
	run    context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex

	written  *signal // something was committed here
	numbered *signal // something may have got its seq, here or on another node
	readable *signal // readers find more
}

// channel is what nodes on one PostgreSQL wake each other by.
const channel = "switchboard_events"

// pollInterval bounds how late an entry is seen whose wake-up was lost.
const pollInterval = time.Second

// New returns the log of d. Readers work at once, by asking the database each for itself; Start is needed for entries to be
// numbered on PostgreSQL, and for readers to share what they read.
func New(d *db.DB, now clock.Clock, logger *slog.Logger) *Log {
	return &Log{db: d, now: now, logger: logger, written: newSignal(), numbered: newSignal(), readable: newSignal()}
}

// Start begins gathering entries for the readers, numbering them and listening to other nodes. A second Start does nothing.
func (l *Log) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.run = cancel
	l.done.Go(func() { l.gather(ctx) })
	if l.db.Dialect() == db.Postgres {
		l.done.Go(func() { l.sequence(ctx) })
		l.done.Go(func() { l.db.Listen(ctx, channel, l.numbered.set) })
	}
}

// Stop ends what Start began and waits for it. It may be called early and twice.
func (l *Log) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run != nil {
		l.run()
		l.done.Wait()
		l.run = nil
	}
}

const insertEvent = `insert into events (id, organization_id, type, stream, stream_offset, subject, actor_id, at, data)
	values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`

const insertAudit = `insert into audit (id, organization_id, actor_id, user_id, as_individual_id, role, via, action, subject, at,
	request_id, remote_addr, salt, detail) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`

// saltSize is enough to keep what a row said from being guessed by its hash, once the salt is gone.
const saltSize = 16

// Record implements event.Recorder.
func (l *Log) Record(ctx context.Context, changes ...event.Change) error {
	return l.db.Do(ctx, func(ctx context.Context) error {
		q, who, now := l.db.Q(ctx), actor.From(ctx), l.now()
		for _, c := range changes {
			data, err := encode(c.Data)
			if err != nil {
				return err
			}
			if err := q.Defer(ctx, insertEvent, id.New(), c.OrganizationID, c.Type, c.Stream, c.Offset, c.Subject, who.KeyID, now, data); err != nil {
				return err
			}
			if err := l.audit(ctx, q, who, now, c); err != nil {
				return err
			}
		}
		l.db.AfterCommit(ctx, l.committed)
		return nil
	})
}

// committed passes on that entries were written: to the sequencer, where there is one, and else to who gathers them.
func (l *Log) committed() {
	if l.db.Dialect() == db.Postgres {
		l.written.set()
		return
	}
	l.numbered.set()
	if !l.newest.gathers() {
		l.readable.set()
	}
}

// Append implements event.Recorder.
func (l *Log) Append(ctx context.Context, changes ...event.Change) error {
	if len(changes) == 0 {
		return nil
	}
	return l.db.Do(ctx, func(ctx context.Context) error {
		who, now := actor.From(ctx), l.now()
		rows := make([][]any, len(changes))
		for i, c := range changes {
			data, err := encode(c.Data)
			if err != nil {
				return err
			}
			rows[i] = []any{id.New(), c.OrganizationID, c.Type, c.Stream, c.Offset, c.Subject, who.KeyID, now, data}
		}
		l.db.AfterCommit(ctx, l.committed)
		return db.InsertMany(ctx, l.db, "events (id, organization_id, type, stream, stream_offset, subject, actor_id, at, data)", rows, "")
	})
}

// Audit implements event.Recorder.
func (l *Log) Audit(ctx context.Context, changes ...event.Change) error {
	return l.db.Do(ctx, func(ctx context.Context) error {
		for _, c := range changes {
			if err := l.audit(ctx, l.db.Q(ctx), actor.From(ctx), l.now(), c); err != nil {
				return err
			}
		}
		return nil
	})
}

// audit writes who did c. What the server does by itself is nobody's act and is told by the log alone. The row gets its place
// in the chain later; see package audit. That costs the transaction of c nothing but the salt.
func (l *Log) audit(ctx context.Context, q db.Querier, who actor.Actor, now time.Time, c event.Change) error {
	if who.Via == actor.ViaServer {
		return nil
	}
	detail := "{}"
	if c.Before != nil || c.After != nil {
		raw, err := json.Marshal(map[string]any{"before": c.Before, "after": c.After})
		if err != nil {
			return fmt.Errorf("encoding the audit of %s: %w", c.Type, err)
		}
		detail = string(raw)
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // it never fails
	return q.Defer(ctx, insertAudit, id.New(), c.OrganizationID, who.KeyID, who.UserID, actor.Acting(ctx), string(who.Role),
		string(who.Via), c.Type, c.Subject, now, who.RequestID, who.RemoteAddr, salt, detail)
}

// Redact implements event.Recorder.
func (l *Log) Redact(ctx context.Context, stream, subject id.ID, data any) error {
	text, err := encode(data)
	if err != nil {
		return err
	}
	if subject.IsZero() {
		return l.db.Q(ctx).Defer(ctx, "update events set data = $1 where stream = $2", text, stream)
	}
	return l.db.Q(ctx).Defer(ctx, "update events set data = $1 where stream = $2 and subject = $3", text, stream, subject)
}

func encode(data any) (string, error) {
	if data == nil {
		return "{}", nil
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return "", fmt.Errorf("encoding an event: %w", err)
	}
	return string(raw), nil
}

const columns = "seq, id, organization_id, type, stream, stream_offset, subject, actor_id, at, data"

func scan(r db.Row) (event.Entry, error) {
	var (
		e    event.Entry
		data string
	)
	err := r.Scan(&e.Seq, &e.ID, &e.OrganizationID, &e.Type, &e.Stream, &e.Offset, &e.Subject, &e.ActorID, &e.At, &data)
	e.Data = json.RawMessage(data)
	return e, err
}

// Read returns up to limit entries with a seq above after, in order.
func (l *Log) Read(ctx context.Context, after int64, limit int) ([]event.Entry, error) {
	return db.All(ctx, l.db.Q(ctx), scan, "select "+columns+" from events where seq > $1 order by seq limit $2", after, limit)
}

// Stream returns up to limit entries of one stream with an offset above after, in order.
func (l *Log) Stream(ctx context.Context, stream id.ID, after int64, limit int) ([]event.Entry, error) {
	return db.All(ctx, l.db.Q(ctx), scan, "select "+columns+` from events
		where stream = $1 and stream_offset > $2 and seq is not null order by stream_offset limit $3`, stream, after, limit)
}

// StreamHead returns the offset of the newest entry of a stream that readers can see; 0 for an empty one.
func (l *Log) StreamHead(ctx context.Context, stream id.ID) (int64, error) {
	return db.Get(ctx, l.db.Q(ctx), db.Scalar[int64],
		"select coalesce(max(stream_offset), 0) from events where stream = $1 and seq is not null", stream)
}

// Head returns the newest seq; 0 for an empty log.
func (l *Log) Head(ctx context.Context) (int64, error) {
	return db.Get(ctx, l.db.Q(ctx), db.Scalar[int64], "select coalesce(max(seq), 0) from events")
}

// signal wakes any number of waiters at once.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func newSignal() *signal { return &signal{ch: make(chan struct{})} }

func (s *signal) set() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ch)
	s.ch = make(chan struct{})
}

// next returns a channel that the next set closes. Take it before looking for work, or a wake-up may be missed.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}

// wait returns when woken, after the poll interval, or with false when ctx has ended.
func wait(ctx context.Context, woken <-chan struct{}, atMost time.Duration) bool {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
