package delivery_test

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/directory"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// texted is a message that is to reach three people by SMS, one of whom is just being sent it.
func (c *conversation) texted(text string) (message id.ID, sending delivery.Delivery) {
	c.t.Helper()
	ctx := c.t.Context()
	message = c.post(c.Member(c.t, c.Nurse), messaging.NewMessage{Text: text, Destinations: []string{"sms"}})
	c.plan()
	now := c.Clock.Now()
	claimed, err := c.store.Claim(ctx, []transport.Name{transport.SMS}, now, time.Minute, 1)
	c.must(err)
	sending = claimed.Deliveries[0]
	attempt := delivery.Attempt{ID: id.New(), DeliveryID: sending.ID, Provider: "script", StartedAt: now, Outcome: delivery.Open}
	c.must(c.store.Begin(ctx, claimed.Lease, []delivery.Attempt{attempt}, now))
	return message, sending
}

func (c *conversation) changes(message id.ID, change messaging.MessageChange) {
	c.t.Helper()
	_, err := c.ChangeMessage(c.Member(c.t, c.Nurse), message, change)
	c.must(err)
}

// outcomes is what wants takes: one state for who is being sent the message, another for the rest.
func (c *conversation) outcomes(sending id.ID, rest delivery.State, why reason.Reason) []planned {
	var out []planned
	for _, who := range []directory.Individual{c.Doctor, c.Ada, c.visitor} {
		p := planned{who.ID, transport.SMS, rest, why}
		if who.ID == sending {
			p.state, p.reason = delivery.Sending, ""
		}
		out = append(out, p)
	}
	return out
}

// What waits of a message that is removed is not sent.
func TestPlanner_removed(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	message, sending := c.texted("to the wrong people")
	other := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "stays", Destinations: []string{"sms"}})
	c.plan()
	before := c.planned(other)
	c.changes(message, messaging.MessageChange{Removed: new(true)})
	c.plan()
	c.wants("removed", message, c.outcomes(sending.IndividualID, delivery.Suppressed, reason.Cancelled)...)
	c.wants("the other message", other, before...)
	_, content, err := c.store.Get(t.Context(), c.Org, sending.ID)
	c.must(err)
	if content.ExpiresAt.After(c.Clock.Now()) {
		t.Error("what is being sent would be sent again")
	}
	told := 0
	for _, e := range c.entries() {
		if e.Type == delivery.EventPrefix+string(delivery.Suppressed) {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d entries tell of it, want 2", told)
	}
	again := []event.Entry{{Type: messaging.EventRemoved, OrganizationID: c.Org, Data: []byte(`{"message-id":"` + message.String() + `"}`)}}
	c.must(c.DB.Do(t.Context(), func(ctx context.Context) error { return c.planner.Handle(ctx, again) }))
	c.wants("removed twice", message, c.outcomes(sending.IndividualID, delivery.Suppressed, reason.Cancelled)...)
}

// What waits of a message that is edited says the new text; what was sent keeps the old one.
func TestPlanner_edited(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	message, sending := c.texted("take 100 mg")
	says := func(what string, rest string) {
		t.Helper()
		list, err := c.store.OfSource(t.Context(), c.Org, delivery.Source{Type: delivery.SourceMessage, ID: message})
		c.must(err)
		if len(list) != 3 {
			t.Errorf("%s: %d deliveries", what, len(list))
		}
		for _, d := range list {
			_, content, err := c.store.Get(t.Context(), c.Org, d.ID)
			c.must(err)
			want := rest
			if d.ID == sending.ID {
				want = "take 100 mg"
			}
			if content.Body != want || content.Title != "nurse" || !content.Followed || content.ExpiresAt.IsZero() || content.Data["message_id"] != message.String() {
				t.Errorf("%s: a %s delivery says %+v, want %q", what, d.State, content, want)
			}
		}
	}
	c.changes(message, messaging.MessageChange{Text: new("take 10 mg")})
	c.plan()
	says("edited", "take 10 mg")
	c.wants("edited", message, c.outcomes(sending.IndividualID, delivery.Queued, "")...)
	c.changes(message, messaging.MessageChange{Text: new("take 1 mg")})
	c.plan()
	says("edited again", "take 1 mg")
	c.changes(message, messaging.MessageChange{Removed: new(true)})
	c.plan()
	c.wants("removed", message, c.outcomes(sending.IndividualID, delivery.Suppressed, reason.Cancelled)...)
}

// Who leaves a channel is not told of what waits; the others are.
func TestPlanner_left(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	message, sending := c.texted("for whoever is here")
	elsewhere, err := c.CreateChannel(c.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{c.visitor.ID}, EventsEnabled: true})
	c.must(err)
	other, err := c.Post(c.Machine(t), messaging.NewMessage{ChannelID: elsewhere.ID, Text: "x", Destinations: []string{"sms"}})
	c.must(err)
	_, err = c.Unsubscribe(c.Admin(t), c.channel, []id.ID{c.visitor.ID})
	c.must(err)
	c.plan()
	want := c.outcomes(sending.IndividualID, delivery.Queued, "")
	for i := range want {
		if want[i].individual == c.visitor.ID {
			want[i].state, want[i].reason = delivery.Suppressed, reason.NotSubscribed
		}
	}
	c.wants("left", message, want...)
	c.wants("in another channel", other.ID, planned{c.visitor.ID, transport.SMS, delivery.Queued, ""})
}

// What waits of a channel that is deleted is not sent.
func TestPlanner_deleted(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	message, sending := c.texted("one")
	c.must(c.DeleteChannel(c.Admin(t), c.channel))
	c.plan()
	c.wants("deleted", message, c.outcomes(sending.IndividualID, delivery.Suppressed, reason.Cancelled)...)
}
