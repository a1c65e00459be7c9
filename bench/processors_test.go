package main

import (
	"testing"
	"time"
)

func TestParseProcessTime(t *testing.T) {
	t.Parallel()
	const stat = "42 (a) name (x) S 1 42 42 0 -1 4194560 1000 0 0 0 250 50 0 0 20 0 9 0 100 1000 500 18446744073709551615\n"
	if got := parseProcessTime([]byte(stat)); got != 3*time.Second {
		t.Errorf("%s, want 3s", got)
	}
	for _, raw := range []string{"", "42", "42 (x) S 1 2"} {
		if got := parseProcessTime([]byte(raw)); got != 0 {
			t.Errorf("%q: %s", raw, got)
		}
	}
}

func TestParseMachineTime(t *testing.T) {
	t.Parallel()
	const stat = "cpu  100 10 50 9000 400 5 5 30 7 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
	if got := parseMachineTime([]byte(stat)); got != 2*time.Second {
		t.Errorf("%s, want 2s: neither idle time nor that of guests, which is part of the user time", got)
	}
	if got := parseMachineTime([]byte("intr 5")); got != 0 {
		t.Errorf("%s", got)
	}
}

func TestParseResident(t *testing.T) {
	t.Parallel()
	if got := parseResident("Name:\tx\nVmRSS:\t   20480 kB\nThreads:\t9\n"); got != 20 {
		t.Errorf("%v, want 20", got)
	}
	if got := parseResident("Name:\tx\n"); got != 0 {
		t.Errorf("%v", got)
	}
}

func TestProcessors(t *testing.T) {
	t.Parallel()
	before := processors{own: time.Second, server: 2 * time.Second, all: 10 * time.Second}
	after := processors{own: 2 * time.Second, server: 5 * time.Second, all: 15 * time.Second}
	if got := after.since(before, 2*time.Second).String(); got != "server 150%, load 50%, others 50%" {
		t.Error(got)
	}
	if got := (processors{}).String(); got != "" {
		t.Errorf("where nothing is known: %q", got)
	}
}
