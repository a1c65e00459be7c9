package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// result is how an attempt ended.
type result struct {
	lane     *lane
	lease    id.ID
	delivery Delivery // as it is to be stored
	content  Content
	attempt  Attempt
}

// send makes one attempt and hands its result to the writer. Its slot is free again once the result is stored.
func (l *lane) send(j job) {
	if !l.leases.valid(j.lease, l.instant()) {
		// The process was stopped for longer than the lease. Whoever claims the delivery finds the attempt open.
		l.drop(j.lease, j.delivery.ID)
		return
	}
	ctx, cancel := context.WithTimeout(l.sending, l.options.SendTimeout)
	defer cancel()
	answer, err := l.call(ctx, j.message)
	res := l.conclude(j, answer, transport.AsError(err), l.instant())
	select {
	case l.results <- res:
	case <-l.closed:
		l.drop(j.lease, j.delivery.ID)
	}
}

// drop gives up a delivery without a result; the slot is free again.
func (l *lane) drop(lease, delivery id.ID) {
	l.leases.remove(lease, delivery)
	l.release(1)
}

// call guards against a sender that panics: the process must not go down with it, over and over, because of one message.
func (l *lane) call(ctx context.Context, m transport.Message) (answer transport.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.opt.Logger.Error("a provider's sender panicked", "transport", m.Transport, "delivery", m.DeliveryID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return l.opt.Providers.Send(ctx, m)
}

// conclude turns an answer into what is stored.
func (l *lane) conclude(j job, answer transport.Result, failure *transport.Error, now time.Time) result {
	r := result{lane: l, lease: j.lease, delivery: j.delivery, content: j.content, attempt: j.attempt}
	r.attempt.FinishedAt, r.delivery.UpdatedAt = now, now
	if failure == nil {
		r.accepted(answer, now)
		return r
	}
	r.attempt.Outcome, r.attempt.Reason = Refused, failure.Reason
	r.attempt.Code, r.attempt.Detail = failure.Code, failure.Detail
	if failure.Ambiguous {
		r.attempt.Outcome = Ambiguous
	}
	if failure.Reason == reason.ProviderRateLimited && failure.RetryAfter > 0 {
		l.pause(now.Add(failure.RetryAfter))
	}
	r.failed(failure, l.opt.Providers.Retry(j.delivery.Transport), l.opt.Random, now)
	return r
}

func (r *result) accepted(answer transport.Result, now time.Time) {
	r.attempt.Outcome, r.attempt.ProviderID, r.attempt.Detail = Accepted, answer.ProviderID, answer.Detail
	r.delivery.State, r.delivery.Reason, r.delivery.DueAt = stateOf(answer.State), "", time.Time{}
	r.delivery.ProviderID, r.delivery.SentAt = answer.ProviderID, now
}

// failed decides whether and when to try again. An attempt that we called off ourselves, because the server stops, does
// not count unless the provider may have taken it, and is made again at once.
func (r *result) failed(failure *transport.Error, policy transport.Policy, random transport.Random, now time.Time) {
	d := &r.delivery
	calledOff := errors.Is(failure, context.Canceled)
	if calledOff && !failure.Ambiguous {
		d.Attempts--
	}
	wait, again := policy.Next(d.Attempts, failure, random)
	if calledOff {
		wait = 0
	}
	due := now.Add(wait)
	d.State, d.Reason, d.DueAt = Queued, failure.Reason, due
	expired := !r.content.ExpiresAt.IsZero() && !due.Before(r.content.ExpiresAt)
	switch {
	case !failure.Retry:
		d.State, d.DueAt = Failed, time.Time{}
	case !again || expired:
		d.State, d.Reason, d.DueAt = Failed, reason.GaveUp, time.Time{}
	}
}
