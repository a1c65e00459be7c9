package eventlog

import (
	"context"
	"math/rand/v2"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/event"
)

// Consumer acts on every entry of the log exactly once as far as the database is concerned: its position moves in the
// transaction in which Handle works. What Handle does outside the database may be repeated after a crash.
type Consumer struct {
	Name string // unique; the position is kept under it
	// Handle acts on entries, oldest first. An error leaves the position where it was, and the same entries come again after
	// a growing pause: an entry is never skipped.
	Handle func(ctx context.Context, entries []event.Entry) error
	// Prepare, if set, is called with the same entries before the transaction, for reading that need not hold it.
	Prepare func(ctx context.Context, entries []event.Entry) error
}

const (
	consumerBatch = 200
	maxPause      = 30 * time.Second
)

// Consume runs a consumer until ctx ends. Of several nodes one works at a time for a given name. A new name starts at the end
// of the log.
func (l *Log) Consume(ctx context.Context, c Consumer) {
	var pause time.Duration
	for ctx.Err() == nil {
		woken := l.wake.next()
		n, err := l.consume(ctx, c)
		switch {
		case err != nil && ctx.Err() == nil:
			pause = min(max(2*pause, 100*time.Millisecond), maxPause)
			l.logger.Error("a consumer of the event log failed and will try again", "consumer", c.Name, "error", err, "pause", pause)
			wait(ctx, nil, pause+rand.N(pause/4))
		case n > 0:
			pause = 0 // perhaps there is more
		default:
			wait(ctx, woken, pollInterval)
		}
	}
}

// consume handles one batch and returns its length.
func (l *Log) consume(ctx context.Context, c Consumer) (int, error) {
	position, known, err := db.Find(ctx, l.db.Q(ctx), db.Scalar[int64], "select position from consumers where name = $1", c.Name)
	if err != nil {
		return 0, err
	}
	if !known {
		return 0, l.register(ctx, c.Name)
	}
	entries, err := l.Read(ctx, position, consumerBatch)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	if c.Prepare != nil {
		if err := c.Prepare(ctx, entries); err != nil {
			return 0, err
		}
	}
	handled := 0
	err = l.db.Do(ctx, func(ctx context.Context) error {
		handled = 0
		q := l.db.Q(ctx)
		current, mine, err := db.Find(ctx, q, db.Scalar[int64],
			"select position from consumers where name = $1"+l.db.SkipLocked(), c.Name)
		if err != nil || !mine || current != position {
			return err // another node is at it, or was
		}
		if err := c.Handle(ctx, entries); err != nil {
			return err
		}
		handled = len(entries)
		_, err = q.Exec(ctx, "update consumers set position = $1, updated_at = $2 where name = $3",
			entries[len(entries)-1].Seq, l.now(), c.Name)
		return err
	})
	return handled, err
}

// Register makes a consumer known at the present end of the log, unless it is known already. Entries written after it returns
// will be handled.
func (l *Log) Register(ctx context.Context, name string) error { return l.register(ctx, name) }

func (l *Log) register(ctx context.Context, name string) error {
	_, err := l.db.Q(ctx).Exec(ctx, `insert into consumers (name, position, updated_at)
		select cast($1 as text), coalesce(max(seq), 0), cast($2 as timestamptz) from events where seq is not null on conflict (name) do nothing`, name, l.now())
	return err
}

// Position returns how far a consumer has come.
func (l *Log) Position(ctx context.Context, name string) (int64, error) {
	return db.Get(ctx, l.db.Q(ctx), db.Scalar[int64], "select position from consumers where name = $1", name)
}

// Tail calls fn with every entry written from now on, in order and without gaps, until ctx ends; for what each node must know
// (its live subscribers, its caches). ready is closed once the tail stands at the end of the log; it may be nil. fn must
// not block for long.
func (l *Log) Tail(ctx context.Context, ready chan<- struct{}, fn func([]event.Entry)) {
	var (
		position int64
		placed   bool
	)
	for ctx.Err() == nil {
		woken := l.wake.next()
		if !placed {
			head, err := l.Head(ctx)
			if err != nil {
				l.tailFailed(ctx, err)
				continue
			}
			position, placed = head, true
			if ready != nil {
				close(ready)
			}
		}
		entries, err := l.Read(ctx, position, consumerBatch)
		if err != nil {
			l.tailFailed(ctx, err)
			continue
		}
		if len(entries) > 0 {
			fn(entries)
			position = entries[len(entries)-1].Seq
			continue
		}
		wait(ctx, woken, pollInterval)
	}
}

func (l *Log) tailFailed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		l.logger.Error("the event log cannot be read; trying again", "error", err)
		wait(ctx, nil, pollInterval)
	}
}
