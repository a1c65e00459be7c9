package access

import (
	"maps"
	"sync"
	"time"

	"switchboard/internal/id"
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
	drops   int // how often something was dropped
}

type cached struct {
	holder
	until time.Time
}

func (c *cache) get(fingerprint string, now time.Time) (holder, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[fingerprint]
	if !ok || !now.Before(e.until) {
		return holder{}, false
	}
	return e.holder, true
}

// generation is to be taken before looking a holder up, and given to put: what was read before a drop is not remembered
// after it.
func (c *cache) generation() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.drops
}

func (c *cache) put(fingerprint string, h holder, now time.Time, generation int) {
	until := now.Add(cacheLife)
	if !h.until.IsZero() && h.until.Before(until) {
		until = h.until
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.drops {
		return
	}
	if c.entries == nil || len(c.entries) >= cacheSize {
		c.entries = map[string]cached{}
	}
	c.entries[fingerprint] = cached{h, until}
}

// dropOf forgets everybody of an organization, so that a busy one does not empty the cache of the others.
func (c *cache) dropOf(organization id.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.entries, func(_ string, e cached) bool { return e.actor.OrganizationID == organization })
	c.drops++
}
