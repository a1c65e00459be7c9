package transport

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"switchboard/internal/reason"
)

// Policy is how often and how far apart the attempts of one delivery are. The gaps grow by Factor from First to Max and
// are spread by Jitter, so that what failed together does not come back together.
type Policy struct {
	Attempts int           // in all, the first included
	First    time.Duration // gap after the first attempt
	Factor   float64       // of each gap to the one before
	Max      time.Duration // longest gap
	Jitter   float64       // 0..1: the part of a gap that is random; a gap is drawn from gap·(1-Jitter)..gap
}

// Messages is the policy for what a person waits for: seven attempts within about half an hour.
func Messages() Policy {
	return Policy{Attempts: 7, First: 5 * time.Second, Factor: 3, Max: 15 * time.Minute, Jitter: 0.3}
}

// Mail is the policy for e-mail: twelve attempts over about a day, because greylisting and full queues take their time.
func Mail() Policy {
	return Policy{Attempts: 12, First: 30 * time.Second, Factor: 3, Max: 4 * time.Hour, Jitter: 0.3}
}

// Webhooks is the policy for calls to other people's servers: ten attempts over about three days, as Standard Webhooks
// advises, so that a receiver that is down for a weekend misses nothing.
func Webhooks() Policy {
	return Policy{Attempts: 10, First: 5 * time.Second, Factor: 6, Max: 20 * time.Hour, Jitter: 0.2}
}

// Random yields numbers in [0, 1). *rand.Rand of math/rand/v2 is one.
type Random interface{ Float64() float64 }

// Backoff returns the gap after the given attempt, counted from 1. It is a function of its arguments and of the one
// number that it draws.
func (p Policy) Backoff(attempt int, random Random) time.Duration {
	gap := float64(p.First) * math.Pow(max(p.Factor, 1), float64(max(attempt, 1)-1))
	gap = min(gap, float64(p.Max))
	return time.Duration(gap * (1 - p.Jitter*random.Float64()))
}

// Next says what follows the given attempt, counted from 1, that failed with e: whether to try again, and after what
// gap, which is never shorter than the provider asked for. An ambiguous failure is retried like any other; a caller
// that would rather lose a message than repeat it looks at e.Ambiguous first.
func (p Policy) Next(attempt int, e *Error, random Random) (wait time.Duration, again bool) {
	if e == nil || !e.Retry || attempt >= p.Attempts {
		return 0, false
	}
	return max(p.Backoff(attempt, random), e.RetryAfter), true
}

// MaxRetryAfter bounds what a provider may ask for.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter reads a Retry-After header (RFC 9110 §10.2.3: seconds or a date) as a time from now. Anything that cannot
// be read, and the past, is zero; more than MaxRetryAfter is MaxRetryAfter.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		if seconds > uint64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

// StatusError is the policy for HTTP answers that every provider starts from, and nil for 2xx. The caller adds the
// detail, and what its provider means by a status where that differs.
//
//	401            provider-not-configured, retried: the key was refused, and an operator can mend that
//	408, 425       provider-unavailable, retried
//	429            provider-rate-limited, retried
//	5xx            provider-unavailable, retried; ambiguous but for 503
//	anything else  provider-rejected, not retried; redirects too, which are never followed
func StatusError(status int, h http.Header, now time.Time) *Error {
	if status >= 200 && status <= 299 {
		return nil
	}
	e := &Error{Reason: reason.ProviderRejected, Code: strconv.Itoa(status), RetryAfter: RetryAfter(h, now)}
	switch {
	case status == http.StatusUnauthorized:
		e.Reason, e.Retry = reason.ProviderUnset, true
	case status == http.StatusTooManyRequests:
		e.Reason, e.Retry = reason.ProviderRateLimited, true
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly:
		e.Reason, e.Retry = reason.ProviderUnavailable, true
	case status >= 500 && status <= 599:
		e.Reason, e.Retry, e.Ambiguous = reason.ProviderUnavailable, true, status != http.StatusServiceUnavailable
	}
	if !e.Retry {
		e.RetryAfter = 0
	}
	return e
}
