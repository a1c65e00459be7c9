package delivery

import (
	"time"

	"switchboard/internal/reason"
)

// pacing: the provider takes more now. A delivery that must wait is given the next free moment and is not asked again
// when that has come, unless the provider has asked for a pause since. Urgent ones take a moment and do not wait for it.
func pacing(c *sendCase) verdict {
	if c.held == reason.Pacing && !c.pace.paused(c.now) {
		return pass()
	}
	at := c.pace.take(c.now)
	if c.urgent || !at.After(c.now) {
		return pass()
	}
	if !c.expiresAt.IsZero() && c.expiresAt.Before(at) {
		at = c.expiresAt
	}
	return hold(reason.Pacing, at)
}

// pacer hands out moments for sending, so that no more than a rate are sent in the long run and no more than burst at
// once. It is a plain value: a transaction that may run twice works on a copy. The zero pacer sets no limit.
type pacer struct {
	gap        time.Duration // between two moments; 0 means no limit
	burst      int
	next       time.Time // the moment after the last one that was handed out, if there were no burst
	pauseUntil time.Time
}

func newPacer(perSecond float64, burst int) pacer {
	if perSecond <= 0 {
		return pacer{}
	}
	return pacer{gap: time.Duration(float64(time.Second) / perSecond), burst: max(burst, 1)}
}

// take hands out the next moment; it is not before now.
func (p *pacer) take(now time.Time) time.Time {
	if p.pauseUntil.After(now) {
		now = p.pauseUntil
	}
	if p.gap == 0 {
		return now
	}
	if p.next.Before(now) {
		p.next = now
	}
	at := p.next.Add(-time.Duration(p.burst-1) * p.gap)
	p.next = p.next.Add(p.gap)
	if at.Before(now) {
		return now
	}
	return at
}

func (p *pacer) paused(now time.Time) bool { return p.pauseUntil.After(now) }

// pause keeps everything that is not urgent back until then.
func (p *pacer) pause(until time.Time) {
	if until.After(p.pauseUntil) {
		p.pauseUntil = until
	}
}
