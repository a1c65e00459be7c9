package delivery_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// handle gives the planner one entry, which on PostgreSQL the log would have to number first.
func (c *conversation) handle(typ string, subject id.ID, data any) {
	c.t.Helper()
	raw, err := json.Marshal(data)
	c.must(err)
	e := event.Entry{Type: typ, OrganizationID: c.Org, Subject: subject, Data: raw}
	if !c.planner.Wants(e) {
		return
	}
	c.must(c.DB.Do(c.t.Context(), func(ctx context.Context) error { return c.planner.Handle(ctx, []event.Entry{e}) }))
}

// say posts a message by SMS, and plans it.
func (c *conversation) say(text string) messaging.Message {
	c.t.Helper()
	message := c.post(c.Member(c.t, c.Nurse), messaging.NewMessage{Text: text, Destinations: []string{"sms"}})
	c.handle(messaging.EventPosted, message, messaging.Posted{MessageID: message, ChannelID: c.channel, Destinations: []string{"sms"}})
	m, err := c.World.Store.GetMessage(c.t.Context(), c.Org, message)
	c.must(err)
	return m
}

// reads acknowledges a message, or moves the mark back to it, and tells the planner.
func (c *conversation) reads(who directory.Individual, m messaging.Message, back bool) {
	c.t.Helper()
	_, err := c.Ack(c.Admin(c.t), messaging.AckRequest{MessageID: m.ID, IndividualID: who.ID, AllowPast: back})
	c.must(err)
	c.handle(messaging.EventAcknowledged, c.channel, messaging.Acknowledged{
		ChannelID: c.channel, MessageID: m.ID, IndividualID: who.ID, Sequence: m.Seq, Back: back,
	})
}

// to is the delivery of a message to somebody.
func (c *conversation) to(m messaging.Message, who id.ID) delivery.Delivery {
	c.t.Helper()
	list, err := c.store.OfSource(c.t.Context(), c.Org, delivery.Source{Type: delivery.SourceMessage, ID: m.ID})
	c.must(err)
	for _, d := range list {
		if d.IndividualID == who {
			return d
		}
	}
	c.t.Fatal("no delivery")
	return delivery.Delivery{}
}

func (c *conversation) isTo(what string, m messaging.Message, who id.ID, state delivery.State, why reason.Reason) {
	c.t.Helper()
	if d := c.to(m, who); d.State != state || d.Reason != why || state.Waiting() == d.DueAt.IsZero() {
		c.t.Errorf("%s: the delivery is %s (%s), due at %v; want %s (%s)", what, d.State, d.Reason, d.DueAt, state, why)
	}
}

// What somebody has read in the channel is not sent to them any more, the messages before it included; others are still told,
// and nothing is sent again when the mark goes back.
func TestPlanner_read(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newConversation(t, d)
		zero, one, two, three := c.say("zero"), c.say("one"), c.say("two"), c.say("three")
		held := c.to(one, c.Doctor.ID)
		held.State, held.Reason, held.DueAt = delivery.Held, reason.QuietHours, c.Clock.Now().Add(time.Hour)
		c.must(c.store.Advance(t.Context(), held, ""))
		retried := c.to(two, c.Doctor.ID)
		retried.Reason, retried.Attempts = reason.ProviderUnavailable, 1
		c.must(c.store.Advance(t.Context(), retried, ""))
		for range 2 {
			c.reads(c.Doctor, two, false)
			for what, m := range map[string]messaging.Message{"queued": zero, "held": one, "to be tried again": two} {
				c.isTo(what, m, c.Doctor.ID, delivery.Suppressed, reason.ReadElsewhere)
				c.isTo(what+", to another", m, c.Ada.ID, delivery.Queued, "")
			}
			c.isTo("later", three, c.Doctor.ID, delivery.Queued, "")
		}
		if n := c.Count(t, "select count(*) from events where type = $1", delivery.EventPrefix+string(delivery.Suppressed)); n != 3 {
			t.Errorf("%d entries tell of it, want 3", n)
		}
		c.reads(c.Doctor, zero, true)
		c.isTo("the mark goes back", two, c.Doctor.ID, delivery.Suppressed, reason.ReadElsewhere)
		c.reads(c.Doctor, three, false)
		c.isTo("read on", three, c.Doctor.ID, delivery.Suppressed, reason.ReadElsewhere)
		c.isTo("read on, to another", three, c.Ada.ID, delivery.Queued, "")
	})
}

// What was read before the planner came to it is not sent. To who joined since it is no news, but they have not read it.
func TestPlanner_readBefore(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	message := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "x", Destinations: []string{"sms"}})
	_, err := c.Ack(c.Member(t, c.Doctor), messaging.AckRequest{MessageID: message})
	c.must(err)
	_, err = c.Subscribe(c.Admin(t), c.channel, []id.ID{c.Clerk.ID})
	c.must(err)
	c.plan()
	c.wants("read before", message, planned{c.Doctor.ID, transport.SMS, delivery.Suppressed, reason.ReadElsewhere},
		planned{c.Ada.ID, transport.SMS, delivery.Queued, ""}, planned{c.visitor.ID, transport.SMS, delivery.Queued, ""},
		planned{c.Clerk.ID, transport.SMS, delivery.Queued, ""})
}

// One provider reads for all where acknowledgements are shared, and one individual for all that the same user is.
func TestPlanner_readForOthers(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	_, err := c.Directory.SetPreference(c.Admin(t), directory.NewPreference{
		Name: directory.GroupProviderAck, Type: directory.PreferenceBoolean, Value: "true",
	})
	c.must(err)
	child := directorytest.Individual(c.Org, "Cleo", "Child")
	child.OwnerID, child.OwnerType = c.Ada.UserID(), directory.OwnedByUser
	c.must(c.People.InsertIndividual(t.Context(), child))
	v, err := c.CreateChannel(c.Admin(t), messaging.NewChannel{
		GroupID: c.Ward.ID, IndividualIDs: []id.ID{c.Ada.ID, child.ID, c.visitor.ID}, Type: messaging.Open, EventsEnabled: true,
	})
	c.must(err)
	c.channel = v.ID
	message := c.post(c.Member(t, c.visitor), messaging.NewMessage{Text: "x", Destinations: []string{"sms"}})
	c.plan()
	_, err = c.Ack(c.Member(t, c.Nurse), messaging.AckRequest{MessageID: message})
	c.must(err)
	_, err = c.Ack(c.Admin(t), messaging.AckRequest{MessageID: message, IndividualID: child.ID})
	c.must(err)
	c.plan()
	for _, p := range c.planned(message) {
		if p.state != delivery.Suppressed || p.reason != reason.ReadElsewhere && p.reason != reason.Duplicate {
			t.Errorf("%+v", p)
		}
	}
}

// sends has a dispatcher send a message to Ada alone, and calls meanwhile while the provider is asked.
func (c *conversation) sends(answer func() (transport.Result, error), meanwhile func(m messaging.Message)) messaging.Message {
	c.t.Helper()
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.providers.set(func(context.Context, transport.Message) (transport.Result, error) {
		once.Do(func() { close(asked) })
		<-release
		return answer()
	})
	users, err := c.Directory.Users(c.t.Context(), c.Org, []id.ID{c.Ada.UserID()})
	c.must(err)
	user := users[c.Ada.UserID()]
	user.Phone, user.PhoneVerified, user.SMSMode = phone(1), true, directory.SMSEnabled
	c.must(c.People.UpdateUser(c.t.Context(), user))
	dispatcher := delivery.NewDispatcher(c.service, delivery.DispatcherOptions{})
	dispatcher.Start()
	c.t.Cleanup(func() { dispatcher.Stop(context.Background()) })
	m := c.say("x")
	<-asked
	c.isTo("while it is sent", m, c.Ada.ID, delivery.Sending, "")
	meanwhile(m)
	c.isTo("while it is still sent", m, c.Ada.ID, delivery.Sending, "")
	close(release)
	synctest.Wait()
	return m
}

// What is just being sent when it is read, or when its recipient leaves, is not stopped. Should it fail no attempt follows,
// whatever the marks do then.
func TestDispatcher_withdrawnMeanwhile(t *testing.T) {
	t.Parallel()
	fails := func() (transport.Result, error) { return transport.Result{}, errUnavailable }
	for name, test := range map[string]struct {
		answer    func() (transport.Result, error)
		meanwhile func(c *conversation, m messaging.Message)
		state     delivery.State
		why       reason.Reason
	}{
		"read, and it fails": {
			fails, func(c *conversation, m messaging.Message) { c.reads(c.Ada, m, false) },
			delivery.Suppressed, reason.ReadElsewhere,
		},
		"left, and it fails": {
			fails, func(c *conversation, _ messaging.Message) {
				c.handle(messaging.ChannelUnsubscribed, c.channel, messaging.Membership{ChannelID: c.channel, IndividualIDs: []id.ID{c.Ada.ID}})
			},
			delivery.Suppressed, reason.NotSubscribed,
		},
		"read, and it is refused": {
			func() (transport.Result, error) {
				return transport.Result{}, transport.Rejected(reason.AddressDead, "gone")
			},
			func(c *conversation, m messaging.Message) { c.reads(c.Ada, m, false) },
			delivery.Failed, reason.AddressDead,
		},
		"read, and it is taken": {
			func() (transport.Result, error) {
				return transport.Result{ProviderID: "SM1", State: transport.Accepted}, nil
			},
			func(c *conversation, m messaging.Message) { c.reads(c.Ada, m, false) },
			delivery.Sent, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, w *world) {
				c := newConversation(t, w.db)
				before := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "before"})
				m := c.sends(test.answer, func(m messaging.Message) { test.meanwhile(c, m) })
				c.isTo("after it", m, c.Ada.ID, test.state, test.why)
				if name == "read, and it fails" {
					c.reads(c.Ada, messaging.Message{ID: before, Seq: 1}, true)
				}
				c.Clock.Add(time.Hour)
				time.Sleep(time.Minute)
				synctest.Wait()
				c.isTo("an hour after it", m, c.Ada.ID, test.state, test.why)
				if n := len(c.providers.messages()); n != 1 {
					t.Errorf("%d attempts, want 1", n)
				}
			})
		})
	}
}

// What a provider has taken before it was read is not sent again when the provider reports that it did not arrive.
func TestHear_failedAfterRead(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		c := newConversation(t, w.db)
		m := c.sends(func() (transport.Result, error) {
			return transport.Result{ProviderID: "SM1", State: transport.Accepted}, nil
		}, func(messaging.Message) {})
		c.reads(c.Ada, m, false)
		c.must(c.service.Hear(t.Context(), "carrier", c.to(m, c.Ada.ID).ID, transport.Callback{Statuses: []transport.Status{
			{ProviderID: "SM1", State: transport.Undelivered, Reason: reason.ProviderUnavailable, Retry: true},
		}}))
		c.isTo("reported", m, c.Ada.ID, delivery.Failed, reason.ProviderUnavailable)
	})
}

// What a process was sending when it died is not sent by another one when it was read meanwhile.
func TestDispatcher_readWhileDead(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		c := newConversation(t, w.db)
		message, sending := c.texted("x")
		m, err := c.World.Store.GetMessage(t.Context(), c.Org, message)
		c.must(err)
		for _, who := range []directory.Individual{c.Doctor, c.Ada, c.visitor} {
			c.reads(who, m, false)
		}
		c.isTo("read", m, sending.IndividualID, delivery.Sending, "")
		c.Clock.Add(2 * time.Minute)
		dispatcher := delivery.NewDispatcher(c.service, delivery.DispatcherOptions{})
		dispatcher.Start()
		defer dispatcher.Stop(context.Background())
		synctest.Wait()
		c.isTo("claimed again", m, sending.IndividualID, delivery.Suppressed, reason.ReadElsewhere)
		if n := len(c.providers.messages()); n != 0 {
			t.Errorf("%d attempts", n)
		}
	})
}
