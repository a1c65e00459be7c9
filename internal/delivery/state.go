package delivery

import (
	"slices"
	"time"

	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// State is how far a delivery has come.
//
//	queued, held → sending      a dispatcher claims it and no stage objects
//	queued, held → held         a stage objects for a time: quiet hours, pacing
//	queued, held → suppressed   a stage objects for good, or the message was taken back
//	sending      → sent, delivered (a webhook's answer is the arrival), failed, or after what may pass queued, or suppressed
//	               when it was taken back meanwhile
//	sending      → sending, held, suppressed, failed: a lease ran out and another dispatcher claimed it
//	sent         → delivered, read, failed, or queued after what may pass: callbacks
//	failed, suppressed → delivered, read: proof of arrival; queued: somebody retries it by hand
//
// Races. A row that waits (queued, held, sending) is written by whoever has its lease, and by callbacks, and while it is not
// being sent by what takes the message back; each write
// that ends the waiting takes the lease away, so of two the later finds no row with its lease and changes nothing.
// Every writer locks the row first, so the order of commits is the order of decisions. From "sent" on only callbacks
// write, and a state there only moves forward in the order of the list below. Therefore it makes no difference how
// often a callback comes, in which order, or whether it comes before the provider's own answer was stored:
//
//   - Proof of arrival (delivered, read) is believed whichever attempt it is about, and ends the waiting.
//   - That a message was taken or has left ("sent") ends the waiting only when it is about an attempt whose answer got
//     lost: the repetition that was planned for that is not made. About any other attempt it is old news.
//   - Proof of arrival also mends "failed" and "suppressed": a late "delivered" wins over an earlier failure, because
//     the person has the message, whoever gave up on it. "Sent" does not: a failure is later news than that.
//   - Bad news counts only against "sent" and only for the attempt that was sent last. While a row waits, it waits for
//     another attempt, of which news of an earlier one says nothing. Bad news that no attempt explains is kept until
//     the answer that does is stored (Callback.Settled).
//   - Bad news that may pass puts the row back to queued while attempts are left and nobody has taken it back. That is the
//     only step backwards.
//
// What is taken back from one recipient while it is being sent, or when it was sent, is marked (Delivery.Withdrawn) under the
// row's lock. Whoever decides about a further attempt has that lock and sees the mark, or decided before it was set, and then
// the row waits and is suppressed. Nothing takes the mark away.
type State string

// The states.
const (
	Queued     State = "queued"     // waits for its turn, or for its next attempt
	Held       State = "held"       // waits for a reason: quiet hours, pacing
	Sending    State = "sending"    // an attempt is under way
	Suppressed State = "suppressed" // is not sent, for the reason given
	Sent       State = "sent"       // a provider has taken it
	Failed     State = "failed"     // was tried and will not arrive
	Delivered  State = "delivered"  // has reached the person's device or the receiver
	Read       State = "read"       // the person has seen it
)

// States lists the states in the order in which they replace each other.
func States() []State {
	return []State{Queued, Held, Sending, Suppressed, Sent, Failed, Delivered, Read}
}

// Waiting tells whether something is still to be done about a delivery.
func (s State) Waiting() bool { return s == Queued || s == Held || s == Sending }

// Reached tells whether the person has been reached or still may be.
func (s State) Reached() bool { return s != Suppressed && s != Failed }

// before tells whether good news of s is news to a delivery in state known.
func (s State) before(known State) bool {
	if known == Suppressed {
		known = Failed // neither is mended by less than proof of arrival
	}
	return slices.Index(States(), s) <= slices.Index(States(), known)
}

// stateOf is what a provider's word means for the ledger.
func stateOf(s transport.State) State {
	switch s {
	case transport.Delivered:
		return Delivered
	case transport.Read:
		return Read
	case transport.Undelivered, transport.Failed:
		return Failed
	case transport.Accepted, transport.Sent:
	}
	return Sent
}

// news is a callback put beside the delivery that it is about.
type news struct {
	callback Callback
	known    bool // an attempt of the delivery has the callback's provider id
}

// hear decides what a callback changes. settled is false when it must be looked at again once more answers are stored.
// It is a function of its arguments and the number that it may draw.
func hear(d Delivery, n news, policy transport.Policy, random transport.Random, now time.Time) (after Delivery, changed, settled bool) {
	c := n.callback
	state := stateOf(c.State)
	if state == Failed {
		return hearFailure(d, n, policy, random, now)
	}
	oldNews := state == Sent && n.known && d.State.Waiting()
	if oldNews || state.before(d.State) {
		return d, false, true
	}
	d.State, d.Reason, d.DueAt, d.UpdatedAt = state, "", time.Time{}, now
	d.Provider = c.Provider
	if c.ProviderID != "" {
		d.ProviderID = c.ProviderID
	}
	if d.SentAt.IsZero() {
		d.SentAt = now
	}
	return d, true, true
}

func hearFailure(d Delivery, n news, policy transport.Policy, random transport.Random, now time.Time) (after Delivery, changed, settled bool) {
	if !n.known && d.State.Waiting() {
		return d, false, false
	}
	last := d.ProviderID == "" || d.ProviderID == n.callback.ProviderID
	if d.State != Sent || !last {
		return d, false, true
	}
	d.State, d.Reason, d.DueAt, d.UpdatedAt = Failed, n.callback.Reason, time.Time{}, now
	failure := &transport.Error{Reason: n.callback.Reason, Retry: n.callback.Retry}
	wait, again := policy.Next(d.Attempts, failure, random)
	switch {
	case d.Withdrawn != "": // none follows, and the reason is that of the failure
	case again:
		d.State, d.DueAt = Queued, now.Add(wait)
	case failure.Retry:
		d.Reason = reason.GaveUp
	}
	return d, true, true
}
