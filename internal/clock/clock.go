// Package clock tells the time to code that must be tested at an instant of the test's choosing.
//
// It is a function, not an interface with timers: waiting is tested with testing/synctest.
package clock

import "time"

// Clock returns the present instant in UTC, whole milliseconds, which is the resolution of every API: an instant
// that was answered once compares equal to what is stored.
type Clock func() time.Time

// System is the machine's clock.
func System() time.Time {
	return time.Now().UTC().Truncate(time.Millisecond)
}

// At returns a Clock that stands still.
func At(t time.Time) Clock {
	return func() time.Time { return t.UTC().Truncate(time.Millisecond) }
}
