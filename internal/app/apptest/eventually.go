package apptest

import (
	"fmt"
	"testing"
	"time"
)

// Patience is how long Eventually waits: long enough for two busy cores, and for a retry of the slowest transport.
const Patience = 2 * time.Minute

// tick is how long Eventually waits between two looks.
const tick = 15 * time.Millisecond

// Eventually looks again and again until what holds, and fails the test with its last error when Patience is over.
func Eventually(t *testing.T, what string, holds func() error) {
	t.Helper()
	EventuallyWithin(t, Patience, what, holds)
}

// EventuallyWithin is Eventually with a bound of its own.
func EventuallyWithin(t *testing.T, bound time.Duration, what string, holds func() error) {
	t.Helper()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	over := time.NewTimer(bound)
	defer over.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-over.C:
			t.Fatalf("%s: not within %s: %v", what, bound, err)
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// Errorf is fmt.Errorf, for tests that import nothing else of it.
func Errorf(format string, values ...any) error { return fmt.Errorf(format, values...) }
