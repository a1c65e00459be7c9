package accessapi

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// TestBuckets remembers who called lately, forgets who has not, and never holds more than two generations.
func TestBuckets(t *testing.T) {
	t.Parallel()
	var b buckets
	made := 0
	get := func(name string, now time.Time) *rate.Limiter {
		return b.get(name, now, func() *rate.Limiter { made++; return rate.NewLimiter(1, 1) })
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	kept, left := get("calls on", now), get("has left", now)
	if kept == left || made != 2 {
		t.Fatalf("two callers have %d buckets", made)
	}
	for range 10 { // at the end of each generation and the beginning of the next
		for _, d := range []time.Duration{generationLife - 1, 1} {
			if now = now.Add(d); get("calls on", now) != kept {
				t.Fatal("who calls on was forgotten")
			}
		}
	}
	if get("has left", now) == left {
		t.Error("who has left is remembered")
	}
	for i := range 3*maxGeneration + 1 {
		get(fmt.Sprint("flood ", i), now)
		if n := len(b.young) + len(b.old); n > 2*maxGeneration {
			t.Fatalf("%d buckets are held", n)
		}
	}
	recent := made
	if get(fmt.Sprint("flood ", 3*maxGeneration-1), now); made != recent {
		t.Error("who called last was forgotten")
	}
}

func TestGuesser(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ a, b string }{
		{"203.0.113.7:1", "203.0.113.7:2"},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:2"},
		{"[fe80::1%eth0]:1", "[fe80::2%eth0]:1"},
	} {
		if a, b := from(tc.a), from(tc.b); a != b {
			t.Errorf("%s and %s are two: %s, %s", tc.a, tc.b, a, b)
		}
	}
	for _, tc := range []struct{ a, b string }{
		{"203.0.113.7:1", "203.0.113.8:1"},
		{"[::ffff:203.0.113.7]:1", "[::ffff:203.0.113.8]:1"},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1"},
		{"@", "/run/other.sock"},
	} {
		if a, b := from(tc.a), from(tc.b); a == b {
			t.Errorf("%s and %s are one: %s", tc.a, tc.b, a)
		}
	}
}

func from(address string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = address
	return guesser(r)
}
