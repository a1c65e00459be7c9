package smtp

import (
	"context"
	"sync"
	"time"

	"switchboard/internal/transport"
)

// pool keeps connections for the next mail. Its invariant: whoever holds a slot may have one connection open; idle
// connections belong to nobody and are at most as many as there are slots, because each was put back by a holder.
type pool struct {
	slots chan struct{}
	keep  time.Duration
	limit int // mails per connection
	dial  func(context.Context) (*connection, error)

	mu     sync.Mutex
	idle   []*connection // the latest last
	closed bool
}

// quitTime is how long a server has to answer a good-bye.
const quitTime = time.Second

// acquire waits for a slot. The caller must release it.
func (p *pool) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &failure{connecting, err}
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &failure{connecting, ctx.Err()}
	}
}

func (p *pool) release() { <-p.slots }

// get returns a connection that was alive a moment ago, or a new one. The caller must hold a slot.
func (p *pool) get(ctx context.Context) (*connection, error) {
	for {
		c, err := p.pop()
		if err != nil {
			return nil, err
		}
		if c == nil {
			return p.dial(ctx)
		}
		if c.alive(ctx) {
			return c, nil
		}
		_ = c.raw.Close()
		if err := ctx.Err(); err != nil {
			return nil, &failure{connecting, err}
		}
	}
}

// pop takes the latest idle connection; nil when there is none.
func (p *pool) pop() (*connection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, transport.Unavailable("the provider is closed")
	}
	if len(p.idle) == 0 {
		return nil, nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	c.expiry.Stop()
	return c, nil
}

// put gives a connection back for the next mail, or ends it.
func (p *pool) put(c *connection) {
	p.mu.Lock()
	kept := !p.closed && p.keep > 0 && c.mails < p.limit
	if kept {
		c.expiry = time.AfterFunc(p.keep, func() { p.expire(c) })
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !kept {
		c.quit(time.Now().Add(quitTime))
	}
}

// expire ends a connection that nobody wanted for a while. A pop that came first wins.
func (p *pool) expire(c *connection) {
	p.mu.Lock()
	found := false
	for i, other := range p.idle {
		if other == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			found = true
			break
		}
	}
	p.mu.Unlock()
	if found {
		c.quit(time.Now().Add(quitTime))
	}
}

// close ends the idle connections within quitTime; those in use end when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	deadline := time.Now().Add(quitTime)
	for _, c := range idle {
		c.quit(deadline)
	}
}
