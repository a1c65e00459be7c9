package transport_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

type fixed float64

func (f fixed) Float64() float64 { return float64(f) }

func TestPolicy_Backoff(t *testing.T) {
	p := transport.Policy{Attempts: 5, First: time.Second, Factor: 2, Max: 10 * time.Second, Jitter: 0.5}
	for _, c := range []struct {
		attempt int
		random  float64
		want    time.Duration
	}{
		{1, 0, time.Second},
		{2, 0, 2 * time.Second},
		{4, 0, 8 * time.Second},
		{5, 0, 10 * time.Second},
		{5000, 0, 10 * time.Second},
		{0, 0, time.Second},
		{-3, 0, time.Second},
		{2, 0.5, 1500 * time.Millisecond},
		{1, 0.9999999, 500 * time.Millisecond},
	} {
		got := p.Backoff(c.attempt, fixed(c.random))
		if (got - c.want).Abs() > time.Millisecond {
			t.Errorf("Backoff(%d, %v) = %v, want %v", c.attempt, c.random, got, c.want)
		}
	}
}

func TestPolicy_Backoff_staysWithinItsBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, p := range map[string]transport.Policy{
		"messages": transport.Messages(), "mail": transport.Mail(), "webhooks": transport.Webhooks(), "zero": {},
	} {
		for attempt := range 100 {
			gap := p.Backoff(attempt, random)
			if gap < 0 || gap > p.Max || (attempt > 0 && float64(gap) < float64(p.First)*(1-p.Jitter)-1) {
				t.Fatalf("%s: Backoff(%d) = %v", name, attempt, gap)
			}
		}
	}
}

func TestPolicies_lastAsLongAsTheySay(t *testing.T) {
	total := func(p transport.Policy) (sum time.Duration) {
		for attempt := 1; ; attempt++ {
			wait, again := p.Next(attempt, &transport.Error{Retry: true}, fixed(0))
			if !again {
				return sum
			}
			sum += wait
		}
	}
	for name, c := range map[string]struct {
		policy    transport.Policy
		low, high time.Duration
	}{
		"messages": {transport.Messages(), 20 * time.Minute, 45 * time.Minute},
		"mail":     {transport.Mail(), 18 * time.Hour, 30 * time.Hour},
		"webhooks": {transport.Webhooks(), 60 * time.Hour, 84 * time.Hour},
	} {
		if got := total(c.policy); got < c.low || got > c.high {
			t.Errorf("%s lasts %v, want %v to %v", name, got, c.low, c.high)
		}
	}
}

func TestPolicy_Next(t *testing.T) {
	p := transport.Policy{Attempts: 3, First: time.Second, Factor: 2, Max: time.Minute}
	for name, c := range map[string]struct {
		attempt int
		err     *transport.Error
		wait    time.Duration
		again   bool
	}{
		"passing":                  {1, &transport.Error{Retry: true}, time.Second, true},
		"second":                   {2, &transport.Error{Retry: true}, 2 * time.Second, true},
		"last":                     {3, &transport.Error{Retry: true}, 0, false},
		"final":                    {1, &transport.Error{}, 0, false},
		"success":                  {1, nil, 0, false},
		"provider asks for longer": {1, &transport.Error{Retry: true, RetryAfter: time.Hour}, time.Hour, true},
		"provider asks for less":   {2, &transport.Error{Retry: true, RetryAfter: time.Millisecond}, 2 * time.Second, true},
		"ambiguous is retried":     {1, &transport.Error{Retry: true, Ambiguous: true}, time.Second, true},
	} {
		wait, again := p.Next(c.attempt, c.err, fixed(0))
		if wait != c.wait || again != c.again {
			t.Errorf("%s: Next = %v, %v, want %v, %v", name, wait, again, c.wait, c.again)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		" 7 ":                           7 * time.Second,
		"-5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"99999999999999999999999":       0,
		"9999999999":                    transport.MaxRetryAfter,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Sun, 01 Mar 2037 11:00:00 GMT": transport.MaxRetryAfter,
	} {
		if got := transport.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("RetryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "-1", "Sun, 01 Mar 2026 12:00:30 GMT", "18446744073709551615"} {
		f.Add(seed)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		got := transport.RetryAfter(http.Header{"Retry-After": {value}}, now)
		if got < 0 || got > transport.MaxRetryAfter {
			t.Errorf("RetryAfter(%q) = %v", value, got)
		}
	})
}

func TestStatusError(t *testing.T) {
	type verdict struct {
		reason           reason.Reason
		retry, ambiguous bool
	}
	rejected := verdict{reason.ProviderRejected, false, false}
	special := map[int]verdict{
		401: {reason.ProviderUnset, true, false},
		408: {reason.ProviderUnavailable, true, false},
		425: {reason.ProviderUnavailable, true, false},
		429: {reason.ProviderRateLimited, true, false},
		503: {reason.ProviderUnavailable, true, false},
	}
	for status := 100; status < 700; status++ {
		e := transport.StatusError(status, nil, time.Now())
		if status/100 == 2 {
			if e != nil {
				t.Errorf("%d is an error", status)
			}
			continue
		}
		want, ok := special[status]
		switch {
		case ok:
		case status/100 == 5:
			want = verdict{reason.ProviderUnavailable, true, true}
		default:
			want = rejected
		}
		if got := (verdict{e.Reason, e.Retry, e.Ambiguous}); got != want {
			t.Errorf("%d: %+v, want %+v", status, got, want)
		}
	}
}

func TestStatusError_honoursRetryAfterOnlyWhenRetried(t *testing.T) {
	h := http.Header{"Retry-After": {"30"}}
	if e := transport.StatusError(429, h, time.Now()); e.RetryAfter != 30*time.Second {
		t.Errorf("429: RetryAfter = %v", e.RetryAfter)
	}
	if e := transport.StatusError(400, h, time.Now()); e.RetryAfter != 0 {
		t.Errorf("400: RetryAfter = %v", e.RetryAfter)
	}
}
