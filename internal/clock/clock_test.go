package clock_test

import (
	"testing"
	"time"

	"switchboard/internal/clock"
)

func TestClock_UTCMilliseconds(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("east", 3600)
	at := time.Date(2026, 11, 22, 11, 0, 0, 123456789, zone)
	for name, now := range map[string]time.Time{"system": clock.System(), "fixed": clock.At(at)()} {
		if now.Location() != time.UTC || now.Nanosecond()%int(time.Millisecond) != 0 {
			t.Errorf("%s: %v is not UTC in whole milliseconds", name, now)
		}
	}
	if got := clock.At(at)(); got.Format(time.RFC3339Nano) != "2026-11-22T10:00:00.123Z" {
		t.Errorf("At = %v", got)
	}
}
