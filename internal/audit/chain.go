package audit

import (
	"context"
	"log/slog"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/tx"
)

const (
	// blockSize bounds a block, and with it how long its transaction keeps the one writer of SQLite from others.
	blockSize = 100
	// interval is how often the chainer looks. What it finds it takes at once, so this is about how long rows wait.
	interval = time.Second
	// announceEvery is how often the head is logged while it moves.
	announceEvery = time.Minute
)

// Chainer gives committed rows their places. Every node may run one: they take turns.
type Chainer struct {
	store  Store
	tx     tx.Runner
	signer Signer // nil: blocks are not signed
	now    clock.Clock
	log    *slog.Logger
}

// NewChainer returns a chainer. signer may be nil.
func NewChainer(store Store, runner tx.Runner, signer Signer, now clock.Clock, log *slog.Logger) *Chainer {
	return &Chainer{store: store, tx: runner, signer: signer, now: now, log: log}
}

// Chain gives a place to every row that is waiting, unless another node is at it, and returns how many it was.
func (c *Chainer) Chain(ctx context.Context) (int, error) {
	total := 0
	for {
		n, err := c.block(ctx)
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
}

// block makes one block and returns its size. The rows are read, hashed and signed for before the transaction, which keeps the
// one writer of SQLite from others: what a row is hashed by never changes, and whoever seals another block meanwhile moves
// the head.
func (c *Chainer) block(ctx context.Context) (n int, err error) {
	head, events, err := c.store.Waiting(ctx, blockSize)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	b, err := seal(ctx, c.signer, head, events, c.now())
	if err != nil {
		return 0, err
	}
	err = c.tx.Do(ctx, func(ctx context.Context) error {
		n = 0
		mine, err := c.store.Place(ctx, head, events)
		if err != nil || !mine {
			return err
		}
		n = len(events)
		return c.store.Append(ctx, b, events)
	})
	return n, err
}

// Run chains about once a second until ctx ends, and what is left then. While the head moves it is logged every minute, and at
// the end: logs that are shipped elsewhere hold marks of the chain that nobody who changes the database can change.
func (c *Chainer) Run(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var told time.Time
	moved := true // what a crash left to tell
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		now, last := c.now(), ctx.Err() != nil
		moved = c.turn(context.WithoutCancel(ctx)) || moved
		if moved && (last || now.Sub(told) >= announceEvery) {
			c.announce(context.WithoutCancel(ctx))
			told, moved = now, false
		}
	}
}

func (c *Chainer) turn(ctx context.Context) (moved bool) {
	n, err := c.Chain(ctx)
	if err != nil {
		c.log.Error("chaining the audit failed; trying again", "error", err)
	}
	return n > 0
}

func (c *Chainer) announce(ctx context.Context) {
	if head, err := c.store.Head(ctx); err == nil && head.Place > 0 {
		c.log.Info("the head of the audit", "head", head.Mark().String())
	}
}
