package delivery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type noJitter struct{}

func (noJitter) Float64() float64 { return 0 }

var policy = transport.Policy{Attempts: 3, First: 10 * time.Second, Factor: 2, Max: time.Hour}

// about returns news about a message that an attempt explains, or does not.
func about(providerID string, s transport.State, known bool) news {
	n := news{Callback{Provider: "carrier", ProviderID: providerID, State: s, Reason: reason.OK}, known}
	if stateOf(s) == Failed {
		n.callback.Reason = reason.AddressDead
	}
	return n
}

// heard applies news in order, as consider does: what is unsettled comes again after everything that moves.
func heard(d Delivery, list ...news) Delivery {
	var waiting []news
	for _, n := range list {
		after, changed, settled := hear(d, n, policy, noJitter{}, noon)
		if !settled {
			waiting = append(waiting, n)
		}
		if changed {
			d = after
			again := waiting
			waiting = nil
			d = heard(d, again...)
		}
	}
	return d
}

// permutations calls fn with every order of list.
func permutations[T any](list []T, fn func([]T)) {
	if len(list) < 2 {
		fn(list)
		return
	}
	for i := range list {
		rest := slices.Delete(slices.Clone(list), i, i+1)
		permutations(rest, func(tail []T) { fn(append([]T{list[i]}, tail...)) })
	}
}

// Whatever the order in which the callbacks of one attempt come, however often, and whether or not the answer was stored
// first, the delivery ends in the same state.
func TestHear_everyOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		states []transport.State
		want   State
	}{
		"read":              {[]transport.State{transport.Accepted, transport.Sent, transport.Delivered, transport.Read}, Read},
		"delivered":         {[]transport.State{transport.Accepted, transport.Sent, transport.Delivered, transport.Delivered}, Delivered},
		"late delivery":     {[]transport.State{transport.Sent, transport.Undelivered, transport.Delivered}, Delivered},
		"undelivered":       {[]transport.State{transport.Accepted, transport.Sent, transport.Undelivered, transport.Undelivered}, Failed},
		"two failures":      {[]transport.State{transport.Undelivered, transport.Failed}, Failed},
		"read after a fail": {[]transport.State{transport.Failed, transport.Read}, Read},
	} {
		for _, start := range []State{Sent, Sending} {
			var list []news
			for _, s := range c.states {
				list = append(list, about("SM1", s, start == Sent))
			}
			permutations(list, func(order []news) {
				d := Delivery{ID: id.New(), State: start, Provider: "carrier", Attempts: 1, DueAt: noon}
				if start == Sent {
					d.ProviderID, d.SentAt, d.DueAt = "SM1", noon, time.Time{}
				}
				got := heard(d, order...)
				if start == Sending && got.State.Waiting() { // no good news: the answer itself brings the failure to bear
					got.State, got.ProviderID = Sent, "SM1"
					for i := range order {
						order[i].known = true
					}
					got = heard(got, order...)
				}
				if got.State != c.want || got.State != Failed && got.SentAt.IsZero() {
					t.Errorf("%s from %s, in the order %s: %s", name, start, spell(order), got.State)
				}
				if !got.DueAt.IsZero() && !got.State.Waiting() {
					t.Errorf("%s from %s: a delivery that is %s is due", name, start, got.State)
				}
			})
		}
	}
}

func spell(list []news) string {
	var out []transport.State
	for _, n := range list {
		out = append(out, n.callback.State)
	}
	return fmt.Sprint(out)
}

func TestHear(t *testing.T) {
	t.Parallel()
	retriable := about("SM1", transport.Undelivered, true)
	retriable.callback.Retry = true
	for name, c := range map[string]struct {
		d       Delivery
		n       news
		state   State
		reason  reason.Reason
		due     time.Time
		settled bool
	}{
		"sent, of an attempt whose answer got lost, ends the waiting": {
			Delivery{State: Queued, Reason: reason.ProviderUnavailable, Attempts: 1, DueAt: noon},
			about("SM1", transport.Sent, false),
			Sent, "",
			time.Time{},
			true,
		},
		"sent, of an attempt that is over, is old news to what waits for the next": {
			Delivery{State: Queued, Reason: reason.AddressDead, Attempts: 1, ProviderID: "SM1", DueAt: noon},
			about("SM1", transport.Sent, true),
			Queued, reason.AddressDead, noon, true,
		},
		"delivered ends the waiting, whichever attempt it is of": {
			Delivery{State: Held, Reason: reason.QuietHours, Attempts: 1, ProviderID: "SM1", DueAt: noon},
			about("SM1", transport.Delivered, true),
			Delivered, "",
			time.Time{},
			true,
		},
		"delivered says nothing of when it was sent": {
			Delivery{State: Sent, Attempts: 1, ProviderID: "SM1", SentAt: noon.Add(-time.Minute)},
			about("SM1", transport.Delivered, true),
			Delivered, "",
			time.Time{},
			true,
		},
		"delivered mends what was suppressed meanwhile": {
			Delivery{State: Suppressed, Reason: reason.OptedOut, Attempts: 1},
			about("SM1", transport.Delivered, false),
			Delivered, "",
			time.Time{},
			true,
		},
		"sent does not": {
			Delivery{State: Suppressed, Reason: reason.OptedOut, Attempts: 1},
			about("SM1", transport.Sent, false),
			Suppressed, reason.OptedOut,
			time.Time{},
			true,
		},
		"a failure that may pass is tried again": {
			Delivery{State: Sent, Attempts: 1, ProviderID: "SM1"}, retriable, Queued, reason.AddressDead, noon.Add(10 * time.Second), true,
		},
		"until the attempts are used up": {
			Delivery{State: Sent, Attempts: 3, ProviderID: "SM1"}, retriable, Failed, reason.GaveUp, time.Time{}, true,
		},
		"a failure of an earlier attempt says nothing of the last": {
			Delivery{State: Sent, Attempts: 2, ProviderID: "SM2"}, about("SM1", transport.Failed, true), Sent, "", time.Time{}, true,
		},
		"a failure while the answer is still to come waits for it": {
			Delivery{State: Sending, Attempts: 1, DueAt: noon}, about("SM1", transport.Failed, false), Sending, "", noon, false,
		},
		"a failure that was heard before changes nothing for the next attempt": {
			Delivery{State: Queued, Attempts: 1, ProviderID: "SM1", DueAt: noon}, retriable, Queued, "", noon, true,
		},
		"a failure where the provider gave no id": {
			Delivery{State: Sent, Attempts: 1}, about("SM1", transport.Failed, false), Failed, reason.AddressDead, time.Time{}, true,
		},
	} {
		got, changed, settled := hear(c.d, c.n, policy, noJitter{}, noon)
		if got.State != c.state || got.Reason != c.reason || !got.DueAt.Equal(c.due) || settled != c.settled {
			t.Errorf("%s: %s (%s) due %v, settled %v", name, got.State, got.Reason, got.DueAt, settled)
		}
		if changed != (got != c.d) {
			t.Errorf("%s: changed %v", name, changed)
		}
		if !c.d.SentAt.IsZero() && !got.SentAt.Equal(c.d.SentAt) {
			t.Errorf("%s: sent at %v, and then at %v", name, c.d.SentAt, got.SentAt)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	for _, s := range States() {
		if s.Waiting() && !s.Reached() {
			t.Errorf("%s may still reach the person", s)
		}
		if urgency(s) < 0 {
			t.Errorf("%s has no urgency", s)
		}
	}
	for s, want := range map[transport.State]State{
		transport.Accepted: Sent, transport.Sent: Sent, transport.Delivered: Delivered, transport.Read: Read,
		transport.Undelivered: Failed, transport.Failed: Failed,
	} {
		if got := stateOf(s); got != want {
			t.Errorf("%s is %s, want %s", s, got, want)
		}
	}
}

func TestResult_failed(t *testing.T) {
	t.Parallel()
	passing := transport.Unavailable("come back")
	expiring := Content{ExpiresAt: noon.Add(15 * time.Second)}
	for name, c := range map[string]struct {
		attempts int
		content  Content
		failure  *transport.Error
		state    State
		reason   reason.Reason
		due      time.Time
	}{
		"first":              {1, Content{}, passing, Queued, reason.ProviderUnavailable, noon.Add(10 * time.Second)},
		"second":             {2, Content{}, passing, Queued, reason.ProviderUnavailable, noon.Add(20 * time.Second)},
		"last":               {3, Content{}, passing, Failed, reason.GaveUp, time.Time{}},
		"before the expiry":  {1, expiring, passing, Queued, reason.ProviderUnavailable, noon.Add(10 * time.Second)},
		"beyond the expiry":  {2, expiring, passing, Failed, reason.GaveUp, time.Time{}},
		"final":              {1, Content{}, transport.Rejected(reason.AddressDead, "no"), Failed, reason.AddressDead, time.Time{}},
		"asked to wait long": {1, Content{}, &transport.Error{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: time.Hour}, Queued, reason.ProviderRateLimited, noon.Add(time.Hour)},
	} {
		r := result{delivery: Delivery{State: Sending, Attempts: c.attempts}, content: c.content}
		r.failed(c.failure, policy, noJitter{}, noon)
		if d := r.delivery; d.State != c.state || d.Reason != c.reason || !d.DueAt.Equal(c.due) {
			t.Errorf("%s: %s (%s) due %v", name, d.State, d.Reason, d.DueAt)
		}
	}
}
