package apptest

import (
	"sync/atomic"
	"time"

	"switchboard/internal/clock"
)

// Clock is the system's clock with an offset that a test can move, so that a server need not be waited for where it would
// wait itself.
type Clock struct{ offset atomic.Int64 }

// Now is the present as the server sees it.
func (c *Clock) Now() time.Time { return clock.System().Add(time.Duration(c.offset.Load())) }

// Advance moves the present.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }
