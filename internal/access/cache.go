package access

import (
	"sync"
	"time"

	"switchboard/internal/actor"
)

const (
	// cacheLife bounds how long another node's revocation can go unnoticed when its log entry is late.
	cacheLife = 5 * time.Second
	// cacheSize bounds memory against somebody who makes many tokens.
	cacheSize = 10_000
)

// cache remembers who holds a secret, by the secret's hash. The zero value is ready.
type cache struct {
	mu      sync.RWMutex
	entries map[string]cached
	drops   int // how often it was emptied
}

type cached struct {
	actor actor.Actor
	until time.Time
}

func (c *cache) get(fingerprint string, now time.Time) (actor.Actor, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[fingerprint]
	if !ok || !now.Before(e.until) {
		return actor.Actor{}, false
	}
	return e.actor, true
}

// generation is to be taken before looking an actor up, and given to put: what was read before a drop is not remembered
// after it.
func (c *cache) generation() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.drops
}

func (c *cache) put(fingerprint string, a actor.Actor, now, expires time.Time, generation int) {
	until := now.Add(cacheLife)
	if !expires.IsZero() && expires.Before(until) {
		until = expires
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.drops {
		return
	}
	if c.entries == nil || len(c.entries) >= cacheSize {
		c.entries = map[string]cached{}
	}
	c.entries[fingerprint] = cached{a, until}
}

func (c *cache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = nil
	c.drops++
}
