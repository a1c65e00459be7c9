package deliverytest

import (
	"testing"
	"time"

	"switchboard/internal/consent"

	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func findsAttempted(t *testing.T, s suite) {
	s.enqueue(t, 2)
	_, attempts := s.begin(t, Noon)
	one, two := "SM1"+s.org.Short(), "SM2"+s.org.Short()
	attempts[0].ProviderID, attempts[1].ProviderID = one, two
	must(t, s.Finish(t.Context(), attempts))
	got, err := s.FindAttempted(t.Context(), "twilio", []string{one, two, "none", ""})
	must(t, err)
	same(t, "found", got, map[string]id.ID{one: attempts[0].DeliveryID, two: attempts[1].DeliveryID})
	got, err = s.FindAttempted(t.Context(), "another", []string{one})
	must(t, err)
	same(t, "of another provider", got, map[string]id.ID{})
}

func advances(t *testing.T, s suite) {
	s.enqueue(t, 2)
	c, attempts := s.begin(t, Noon)
	locked, contents, err := s.Lock(t.Context(), append(c.IDs(), id.New()))
	must(t, err)
	if len(locked) != 2 || len(contents) != 1 {
		t.Fatalf("locked %d deliveries with %d contents", len(locked), len(contents))
	}
	want := locked[c.Deliveries[0].ID]
	want.State, want.DueAt, want.ProviderID = delivery.Delivered, time.Time{}, "SM9"
	want.SentAt, want.UpdatedAt = Noon.Add(time.Second), Noon.Add(time.Second)
	must(t, s.Advance(t.Context(), want, "SM9"))
	want.Address = attempts[0].Address // where it went, as the attempt knows
	same(t, "advanced", s.get(t, want.ID), want)
	closed := attempts[0]
	closed.Outcome, closed.ProviderID, closed.FinishedAt = delivery.Accepted, "SM9", want.UpdatedAt
	same(t, "its attempt", s.attempts(t, want.ID), []delivery.Attempt{closed})
	held, err := s.Leased(t.Context(), c.Lease, c.IDs())
	must(t, err)
	same(t, "the lease is gone", held, map[id.ID]reason.Reason{c.Deliveries[1].ID: ""})

	other := locked[c.Deliveries[1].ID]
	other.State = delivery.Queued
	must(t, s.Advance(t.Context(), other, ""))
	same(t, "its attempt stays open", s.attempts(t, other.ID), attempts[1:])
}

// callback returns news about a message of a provider.
func callback(providerID string, state transport.State, at time.Time) delivery.Callback {
	return delivery.Callback{ID: id.New(), Provider: "twilio", ProviderID: providerID, State: state, Reason: reason.OK, ReceivedAt: at}
}

func keepsCallbacks(t *testing.T, s suite) {
	_, list := s.enqueue(t, 1)
	first, second := callback("SM1", transport.Sent, Noon), callback("SM1", transport.Undelivered, Noon)
	first.OrganizationID, first.DeliveryID, first.Settled = s.org, list[0].ID, true
	second.OrganizationID, second.DeliveryID, second.Settled = s.org, list[0].ID, true
	second.Reason, second.Retry, second.Code, second.Detail = reason.AddressDead, true, "30003", "30003: unreachable"
	must(t, s.InsertCallback(t.Context(), first))
	must(t, s.InsertCallback(t.Context(), second))
	got, err := s.Callbacks(t.Context(), list[0].ID)
	must(t, err)
	same(t, "in the order in which they came", got, []delivery.Callback{first, second})
}

func findsPending(t *testing.T, s suite) {
	_, list := s.enqueue(t, 1)
	known, unknown := "SM1"+s.org.Short(), "SM2"+s.org.Short()
	early, strange := callback(known, transport.Sent, Noon), callback(unknown, transport.Delivered, Noon)
	settled := callback(known, transport.Accepted, Noon)
	settled.Settled = true
	for _, c := range []delivery.Callback{early, strange, settled} {
		must(t, s.InsertCallback(t.Context(), c))
	}
	got, err := s.Pending(t.Context(), "twilio", []string{known})
	must(t, err)
	same(t, "pending", got, []delivery.Callback{early})
	got, err = s.Pending(t.Context(), "another", []string{known})
	must(t, err)
	same(t, "of another provider", len(got), 0)

	since := func(at time.Time) []delivery.Callback {
		t.Helper()
		got, err := s.PendingSince(t.Context(), at, 100)
		must(t, err)
		return got
	}
	same(t, "while nothing explains it", len(since(Noon)), 0)
	_, attempts := s.begin(t, Noon)
	attempts[0].ProviderID = known
	must(t, s.Finish(t.Context(), attempts))
	same(t, "explained by now", since(Noon), []delivery.Callback{early})
	same(t, "but too old", len(since(Noon.Add(time.Second))), 0)

	must(t, s.Settle(t.Context(), early.ID, s.org, list[0].ID))
	same(t, "settled", len(since(Noon)), 0)
	early.Settled, early.OrganizationID, early.DeliveryID = true, s.org, list[0].ID
	of, err := s.Callbacks(t.Context(), list[0].ID)
	must(t, err)
	same(t, "and the delivery's", of, []delivery.Callback{early})

	hinted := callback(unknown, transport.Failed, Noon)
	hinted.OrganizationID, hinted.DeliveryID = s.org, list[0].ID
	must(t, s.InsertCallback(t.Context(), hinted))
	must(t, s.Forget(t.Context(), Noon.Add(-time.Second)))
	if got, _ := s.Pending(t.Context(), "twilio", []string{unknown}); len(got) != 2 {
		t.Errorf("%d wait, want 2: they came later", len(got))
	}
	must(t, s.Forget(t.Context(), Noon.Add(time.Second)))
	if got, _ := s.Pending(t.Context(), "twilio", []string{unknown}); len(got) != 0 {
		t.Errorf("%d wait after they were forgotten", len(got))
	}
	hinted.Settled = true
	of, err = s.Callbacks(t.Context(), list[0].ID)
	must(t, err)
	same(t, "what belongs to a delivery stays", of, []delivery.Callback{early, hinted})
}

func keepsTexts(t *testing.T, s suite) {
	text := delivery.Text{
		ID: id.New(), OrganizationID: s.org, UserID: id.New(), Provider: "twilio", ProviderID: "SM" + s.org.Short(), Transport: transport.SMS,
		From: "+491701234567", To: "+15551230000", Body: "stop", Keyword: consent.Stop, ReceivedAt: Noon,
	}
	for i, want := range []bool{true, false} {
		text.ID = id.New()
		if isNew, err := s.InsertText(t.Context(), text); isNew != want || err != nil {
			t.Errorf("time %d: %v, %v", i, isNew, err)
		}
	}
	text.ID, text.Provider = id.New(), "another"
	if isNew, err := s.InsertText(t.Context(), text); !isNew || err != nil {
		t.Errorf("by another provider: %v, %v", isNew, err)
	}
	for range 2 { // without an id nothing tells them apart, and none may be lost
		text.ID, text.ProviderID, text.OrganizationID, text.UserID = id.New(), "", id.Nil, id.Nil
		if isNew, err := s.InsertText(t.Context(), text); !isNew || err != nil {
			t.Errorf("without an id: %v, %v", isNew, err)
		}
	}
}
