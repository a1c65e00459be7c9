package accessapi

import (
	"net/http"
	"net/netip"
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
	keys     buckets
	guessers buckets
}

const (
	guessesPerSecond = 1
	guessBurst       = 20
)

// NewLimiter lets each key make perSecond requests a second, and twice as many at once. Zero means without limit; guessing
// secrets is limited all the same.
func NewLimiter(perSecond int, now clock.Clock) *Limiter {
	l := &Limiter{now: now, perKey: rate.Limit(perSecond), burst: 2 * perSecond}
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
	return verdict(l.bucket(&l.keys, string(a.KeyID[:]), l.perKey, l.burst, now).ReserveN(now, 1), now, "this key has made too many requests")
}

// guessed counts a secret that opened nothing and returns what to answer: err, or that this address has shown too many. Only
// such answers are limited: many callers can share an address, and one with a stale key must not shut out the others.
func (l *Limiter) guessed(r *http.Request, err error) error {
	if l == nil {
		return err
	}
	now := l.now()
	if l.bucket(&l.guessers, guesser(r), guessesPerSecond, guessBurst, now).AllowN(now, 1) {
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

// guesser names who shows secrets: an address, or the network of an IPv6 address, all of which is one customer's.
func guesser(r *http.Request) string {
	host := remoteHost(r)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().Is6() {
		network, _ := ip.WithZone("").Prefix(64) // an IPv6 address has that many bits
		return network.String()
	}
	return host
}

func (l *Limiter) bucket(in *buckets, name string, limit rate.Limit, burst int, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return in.get(name, now, func() *rate.Limiter { return rate.NewLimiter(limit, burst) })
}

// buckets remembers who has called in the last one or two generations. It never holds more than two generations' worth, and never
// looks through them, so that a flood of addresses costs neither memory nor the time of others; the price is that in one a
// caller may be forgotten early and have its burst again.
type buckets struct {
	young, old map[string]*rate.Limiter
	began      time.Time
}

// A generation ends when it is full, or so old that a bucket which nobody has taken from since is full again.
const (
	maxGeneration  = 50_000
	generationLife = time.Minute
)

func (b *buckets) get(name string, now time.Time, fresh func() *rate.Limiter) *rate.Limiter {
	if l, ok := b.young[name]; ok && now.Sub(b.began) < generationLife {
		return l
	}
	if len(b.young) >= maxGeneration || now.Sub(b.began) >= generationLife {
		b.old, b.young, b.began = b.young, map[string]*rate.Limiter{}, now
	}
	l, ok := b.old[name]
	if !ok {
		l = fresh()
	}
	b.young[name] = l
	return l
}
