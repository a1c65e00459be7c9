package accessapi

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/errs"
)

// Limiter bounds how often one key may call, and how often one address may show a secret that opens nothing. It counts in
// this process alone: with several nodes a key has that much on each. A nil Limiter limits nothing.
type Limiter struct {
	now      clock.Clock
	perKey   rate.Limit
	burst    int
	mu       sync.Mutex
	keys     map[string]*bucket
	guessers map[string]*bucket
}

type bucket struct {
	limiter *rate.Limiter
	seen    time.Time
}

const (
	guessesPerSecond = 1
	guessBurst       = 20
	maxBuckets       = 50_000
	idleBucket       = 10 * time.Minute
)

// NewLimiter lets each key make perSecond requests a second, and twice as many at once. Zero means without limit; guessing
// secrets is limited all the same.
func NewLimiter(perSecond int, now clock.Clock) *Limiter {
	l := &Limiter{now: now, perKey: rate.Limit(perSecond), burst: 2 * perSecond, keys: map[string]*bucket{}, guessers: map[string]*bucket{}}
	if perSecond == 0 {
		l.perKey = rate.Inf
	}
	return l
}

// allow counts a request of a.
func (l *Limiter) allow(a actor.Actor) error {
	if l == nil || l.perKey == rate.Inf {
		return nil
	}
	now := l.now()
	return verdict(l.bucket(l.keys, string(a.KeyID[:]), l.perKey, l.burst, now).ReserveN(now, 1), now, "this key has made too many requests")
}

// guessed counts a secret that opened nothing and returns what to answer: err, or that this address has shown too many. Only
// such answers are limited: many callers can share an address, and one with a stale key must not shut out the others.
func (l *Limiter) guessed(r *http.Request, err error) error {
	if l == nil {
		return err
	}
	now := l.now()
	if l.bucket(l.guessers, remoteHost(r), guessesPerSecond, guessBurst, now).AllowN(now, 1) {
		return err
	}
	return errs.CodeRateLimited.Errorf("this address has sent too many keys that are unknown").After(time.Second)
}

func verdict(r *rate.Reservation, now time.Time, text string) error {
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	return errs.CodeRateLimited.Errorf("%s", text).After(max(wait, time.Second))
}

func (l *Limiter) bucket(in map[string]*bucket, name string, limit rate.Limit, burst int, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := in[name]
	if !ok {
		if len(in) >= maxBuckets {
			sweep(in, now)
		}
		b = &bucket{limiter: rate.NewLimiter(limit, burst)}
		in[name] = b
	}
	b.seen = now
	return b.limiter
}

// sweep forgets who has not called for long; an idle bucket is full again anyway.
func sweep(in map[string]*bucket, now time.Time) {
	for name, b := range in {
		if now.Sub(b.seen) > idleBucket {
			delete(in, name)
		}
	}
}
