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
	// Wants, if set, tells by an entry alone whether Handle has a use for it. Entries that nobody wants cost no transaction.
	// It must not change its mind.
	Wants func(event.Entry) bool
	// Handle acts on entries, oldest first. An error leaves the position where it was, and the same entries come again after
	// a growing pause: an entry is never skipped. It must not change the entries, which others read too.
	Handle func(ctx context.Context, entries []event.Entry) error
}

const (
	consumerBatch = 200
	maxPause      = 30 * time.Second
	// keepEvery is how often a position is written down that moved over unwanted entries alone. After a crash these are
	// looked at once more.
	keepEvery = time.Second
)

// place is how far a consumer has come on this node: everything up to seq was handled here or elsewhere, or is not wanted.
type place struct {
	seq    int64
	known  bool
	stored int64 // what this node last read or wrote of the position
	at     time.Time
}

// Consume runs a consumer until ctx ends. Of several nodes one works at a time for a given name. A new name starts at the end
// of the log.
func (l *Log) Consume(ctx context.Context, c Consumer) {
	var (
		pause time.Duration
		at    place
	)
	defer func() {
		if err := l.keep(context.WithoutCancel(ctx), c.Name, &at, 0); err != nil {
			l.logger.Warn("the position of a consumer was not kept; it will pass over some entries once more", "consumer", c.Name, "error", err)
		}
	}()
	for ctx.Err() == nil {
		woken := l.readable.next()
		more, err := l.consume(ctx, c, &at)
		switch {
		case err != nil && ctx.Err() == nil:
			pause = min(max(2*pause, 100*time.Millisecond), maxPause)
			l.logger.Error("a consumer of the event log failed and will try again", "consumer", c.Name, "error", err, "pause", pause)
			wait(ctx, nil, pause+rand.N(pause/4))
		case more:
			pause = 0
		default:
			wait(ctx, woken, pollInterval)
		}
	}
}

// consume goes one batch further and tells whether there may be more.
func (l *Log) consume(ctx context.Context, c Consumer, at *place) (bool, error) {
	if !at.known {
		return l.resume(ctx, c.Name, at)
	}
	entries, err := l.read(ctx, at.seq, consumerBatch)
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		return false, l.keep(ctx, c.Name, at, keepEvery)
	}
	last := entries[len(entries)-1].Seq
	wanted := c.wanted(entries)
	if len(wanted) == 0 {
		at.seq = last
		return true, l.keep(ctx, c.Name, at, keepEvery)
	}
	var stored int64
	err = l.db.Do(ctx, func(ctx context.Context) error {
		stored, err = l.handle(ctx, c, wanted, last)
		return err
	})
	if err != nil || stored == 0 {
		return false, err
	}
	at.seq, at.stored, at.at = last, stored, time.Now()
	return true, nil
}

// handle acts on entries unless another node is at it, and returns the position that is stored then; 0 when another node
// is at it. last is the seq of the last entry that was looked at.
func (l *Log) handle(ctx context.Context, c Consumer, wanted []event.Entry, last int64) (int64, error) {
	q := l.db.Q(ctx)
	current, mine, err := db.Find(ctx, q, db.Scalar[int64], "select position from consumers where name = $1"+l.db.SkipLocked(), c.Name)
	if err != nil || !mine {
		return 0, err
	}
	for len(wanted) > 0 && wanted[0].Seq <= current { // another node was faster
		wanted = wanted[1:]
	}
	if len(wanted) == 0 {
		return current, nil
	}
	if err := c.Handle(ctx, wanted); err != nil {
		return 0, err
	}
	return last, l.move(ctx, c.Name, last)
}

// resume finds out where a consumer is.
func (l *Log) resume(ctx context.Context, name string, at *place) (bool, error) {
	position, known, err := db.Find(ctx, l.db.Q(ctx), db.Scalar[int64], "select position from consumers where name = $1", name)
	if err != nil {
		return false, err
	}
	if !known {
		return true, l.register(ctx, name)
	}
	*at = place{seq: position, known: true, stored: position, at: time.Now()}
	return true, nil
}

// keep writes the position down when it has moved, but not oftener than every so often.
func (l *Log) keep(ctx context.Context, name string, at *place, every time.Duration) error {
	if at.seq == at.stored || time.Since(at.at) < every {
		return nil
	}
	if err := l.move(ctx, name, at.seq); err != nil {
		return err
	}
	at.stored, at.at = at.seq, time.Now()
	return nil
}

// move never moves back: another node may be further.
func (l *Log) move(ctx context.Context, name string, to int64) error {
	_, err := l.db.Q(ctx).Exec(ctx, "update consumers set position = $1, updated_at = $2 where name = $3 and position < $1", to, l.now(), name)
	return err
}

func (c Consumer) wanted(entries []event.Entry) []event.Entry {
	if c.Wants == nil {
		return entries
	}
	var out []event.Entry
	for _, e := range entries {
		if c.Wants(e) {
			out = append(out, e)
		}
	}
	return out
}

// Register makes a consumer known at the present end of the log, unless it is known already. Entries written after it returns
// will be handled.
func (l *Log) Register(ctx context.Context, name string) error { return l.register(ctx, name) }

func (l *Log) register(ctx context.Context, name string) error {
	_, err := l.db.Q(ctx).Exec(ctx, `insert into consumers (name, position, updated_at)
		select cast($1 as text), coalesce(max(seq), 0), cast($2 as timestamptz) from events where seq is not null on conflict (name) do nothing`, name, l.now())
	return err
}

// Position returns how far a consumer has come; entries that it does not want may be missing from that for some seconds.
func (l *Log) Position(ctx context.Context, name string) (int64, error) {
	return db.Get(ctx, l.db.Q(ctx), db.Scalar[int64], "select position from consumers where name = $1", name)
}

// Tail calls fn with every entry written from now on, in order and without gaps, until ctx ends; for what each node must know
// (its live subscribers, its caches). ready is closed once the tail stands at the end of the log; it may be nil. fn must
// not block for long, and must not change the entries, which others read too.
func (l *Log) Tail(ctx context.Context, ready chan<- struct{}, fn func([]event.Entry)) {
	var (
		position int64
		placed   bool
	)
	for ctx.Err() == nil {
		woken := l.readable.next()
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
		entries, err := l.read(ctx, position, consumerBatch)
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
