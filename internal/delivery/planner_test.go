package delivery_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// conversation is a channel of Nurse and Doctor with Ada and somebody who belongs to no user, and the planner behind it.
type conversation struct {
	*messagingtest.World
	t         *testing.T
	store     *deliverydb.Store
	service   *delivery.Service
	planner   *delivery.Planner
	channel   id.ID
	visitor   directory.Individual
	providers *script
	seen      int64 // how much of the log was planned
}

func newConversation(t *testing.T, d *db.DB) *conversation {
	t.Helper()
	c := &conversation{World: messagingtest.NewWorld(t, d), t: t, store: deliverydb.New(d), providers: newScript()}
	c.service = delivery.New(delivery.Options{
		Store: c.store, Tx: d, Directory: c.Directory, Phones: c.Directory,
		Consents: consent.NewLedger(consentdb.New(d), d, c.Log, c.Directory, c.Clock.Now), Events: c.Log, Providers: c.providers,
		Clock: c.Clock.Now, Logger: quietLog(),
	})
	c.planner = delivery.NewPlanner(c.service, c.World.Service)
	c.visitor = directorytest.Individual(c.Org, "Vera", "Visitor")
	c.must(c.People.InsertIndividual(t.Context(), c.visitor))
	v, err := c.CreateChannel(c.Admin(t), messaging.NewChannel{
		IndividualIDs: []id.ID{c.Nurse.ID, c.Doctor.ID, c.Ada.ID, c.visitor.ID}, Type: messaging.Open, EventsEnabled: true,
	})
	c.must(err)
	c.channel = v.ID
	return c
}

func (c *conversation) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *conversation) post(ctx context.Context, m messaging.NewMessage) id.ID {
	c.t.Helper()
	m.ChannelID = c.channel
	v, err := c.Post(ctx, m)
	c.must(err)
	return v.ID
}

// entries is the whole log.
func (c *conversation) entries() []event.Entry {
	c.t.Helper()
	entries, err := c.Log.Read(c.t.Context(), 0, 1000)
	c.must(err)
	return entries
}

// plan hands what was logged since the last time to the planner, as the log's consumer does.
func (c *conversation) plan() {
	c.t.Helper()
	entries, err := c.Log.Read(c.t.Context(), c.seen, 1000)
	c.must(err)
	c.must(c.DB.Do(c.t.Context(), func(ctx context.Context) error { return c.planner.Handle(ctx, entries) }))
	c.seen, err = c.Log.Head(c.t.Context())
	c.must(err)
}

// planned is who is told of a message, by what, or why not.
type planned struct {
	individual id.ID
	by         transport.Name
	state      delivery.State
	reason     reason.Reason
}

func (c *conversation) planned(message id.ID) []planned {
	c.t.Helper()
	list, err := c.store.OfSource(c.t.Context(), c.Org, delivery.Source{Type: delivery.SourceMessage, ID: message})
	c.must(err)
	var out []planned
	for _, d := range list {
		out = append(out, planned{d.IndividualID, d.Transport, d.State, d.Reason})
	}
	return out
}

func (c *conversation) wants(what string, message id.ID, want ...planned) {
	c.t.Helper()
	order := func(a, b planned) int {
		if a.individual != b.individual {
			return cmpText(a.individual.String(), b.individual.String())
		}
		return cmpText(string(a.by), string(b.by))
	}
	got := c.planned(message)
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(planned{})); diff != "" {
		c.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (c *conversation) notify(person directory.Individual, n messaging.Notify) {
	c.t.Helper()
	_, err := c.SetPreferences(c.Member(c.t, person), c.channel, id.Nil, messaging.Preferences{Notify: &n})
	c.must(err)
}

// TestPlanner_usernames tells whom a message is from also where the author has no name but the user's.
func TestPlanner_usernames(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	frank, err := c.Directory.CreateContact(c.Admin(t), directory.NewContact{Username: "frank", Phone: "+14155552671"})
	c.must(err)
	_, err = c.Subscribe(c.Admin(t), c.channel, []id.ID{frank.Individual.ID})
	c.must(err)
	said := c.post(c.Member(t, frank.Individual), messaging.NewMessage{Text: "hello", Destinations: []string{"sms"}})
	c.plan()
	list, err := c.store.OfSource(t.Context(), c.Org, delivery.Source{Type: delivery.SourceMessage, ID: said})
	c.must(err)
	_, content, err := c.store.Get(t.Context(), c.Org, list[0].ID)
	c.must(err)
	if content.Title != "frank" {
		t.Errorf("the message is from %q", content.Title)
	}
}

func TestPlanner(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	nurse := c.Member(t, c.Nurse)

	plain := c.post(nurse, messaging.NewMessage{Text: "just said"})
	asked := c.post(nurse, messaging.NewMessage{Text: "See you at 9", Destinations: []string{"sms", "email"}})
	c.plan()
	c.wants("a message that asks for nothing", plain)
	queued := func(who directory.Individual, by transport.Name) planned {
		return planned{who.ID, by, delivery.Queued, ""}
	}
	c.wants("everybody but the author", asked,
		queued(c.Doctor, "email"), queued(c.Doctor, "sms"), queued(c.Ada, "email"), queued(c.Ada, "sms"),
		queued(c.visitor, "email"), queued(c.visitor, "sms"))

	list, err := c.store.OfSource(t.Context(), c.Org, delivery.Source{Type: delivery.SourceMessage, ID: asked})
	c.must(err)
	_, content, err := c.store.Get(t.Context(), c.Org, list[0].ID)
	c.must(err)
	if content.Title != "nurse" || content.Body != "See you at 9" || !content.Followed || content.Urgent ||
		content.ExpiresAt.Sub(content.At) != 24*time.Hour || content.Data["channel_id"] != c.channel.String() {
		t.Errorf("content %+v", content)
	}
	for _, d := range list {
		if want := map[id.ID]id.ID{c.Doctor.ID: c.Doctor.OwnerID, c.Ada.ID: c.Ada.OwnerID}[d.IndividualID]; d.UserID != want {
			t.Errorf("the user of %v is %v, want %v", d.IndividualID, d.UserID, want)
		}
	}

	c.notify(c.Doctor, messaging.NotifyNone)
	c.notify(c.Ada, messaging.NotifyMentions)
	muted := c.post(nurse, messaging.NewMessage{Text: "x", Destinations: []string{"push"}})
	acked := c.post(nurse, messaging.NewMessage{Text: "x", Destinations: []string{"sms"}, AutoAck: messaging.AckGroup})
	machine := c.post(c.Machine(t), messaging.NewMessage{Text: "x", Destinations: []string{"sms", "sms"}})
	removed := c.post(nurse, messaging.NewMessage{Text: "x", Destinations: []string{"sms"}})
	gone := true
	_, err = c.ChangeMessage(nurse, removed, messaging.MessageChange{Removed: &gone})
	c.must(err)
	c.plan()
	none := func(who directory.Individual, by transport.Name, r reason.Reason) planned {
		return planned{who.ID, by, delivery.Suppressed, r}
	}
	c.wants("those who do not want it, with the reason", muted,
		none(c.Doctor, "push", reason.MutedAlways), none(c.Ada, "push", reason.NotSubscribed), queued(c.visitor, "push"))
	c.wants("those who need not read it are left out", acked, none(c.Ada, "sms", reason.NotSubscribed), queued(c.visitor, "sms"))
	c.wants("a machine's, to everybody, once", machine, queued(c.Nurse, "sms"), none(c.Doctor, "sms", reason.MutedAlways),
		none(c.Ada, "sms", reason.NotSubscribed), queued(c.visitor, "sms"))
	c.wants("removed before it was planned", removed)
	_, content, err = c.store.Get(t.Context(), c.Org, firstOf(t, c, machine))
	c.must(err)
	if content.Title != "Ours" {
		t.Errorf("a machine's messages are from %q, want the organization", content.Title)
	}
}

// What the planner was handed may have changed before it acts: whoever removed a message meanwhile did so in time. And whoever
// has left still is who it is from.
func TestPlanner_meanwhile(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	nurse := c.Member(t, c.Nurse)
	removed := c.post(nurse, messaging.NewMessage{Text: "to the wrong people", Destinations: []string{"sms"}})
	stays := c.post(nurse, messaging.NewMessage{Text: "good-bye", Destinations: []string{"sms"}})
	handed := c.entries()
	_, err := c.ChangeMessage(nurse, removed, messaging.MessageChange{Removed: new(true)})
	c.must(err)
	_, err = c.Unsubscribe(c.Admin(t), c.channel, []id.ID{c.Nurse.ID})
	c.must(err)
	c.must(c.DB.Do(t.Context(), func(ctx context.Context) error { return c.planner.Handle(ctx, handed) }))
	c.wants("removed meanwhile", removed)
	_, content, err := c.store.Get(t.Context(), c.Org, firstOf(t, c, stays))
	c.must(err)
	if content.Title != "nurse" {
		t.Errorf("the message of one who left is from %q", content.Title)
	}
}

func firstOf(t *testing.T, c *conversation, message id.ID) id.ID {
	t.Helper()
	list, err := c.store.OfSource(t.Context(), c.Org, delivery.Source{Type: delivery.SourceMessage, ID: message})
	c.must(err)
	return list[0].ID
}

func TestPlanner_oneUserOfTwoIndividuals(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	second := directorytest.Individual(c.Org, "Ada", "again")
	second.OwnerID, second.OwnerType = c.Ada.OwnerID, directory.OwnedByUser
	c.must(c.People.InsertIndividual(t.Context(), second))
	_, err := c.Subscribe(c.Admin(t), c.channel, []id.ID{second.ID})
	c.must(err)
	message := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "x", Destinations: []string{"sms"}})
	c.plan()
	count := map[delivery.State]int{}
	for _, p := range c.planned(message) {
		if p.individual == c.Ada.ID || p.individual == second.ID {
			count[p.state]++
			if p.state == delivery.Suppressed && p.reason != reason.Duplicate {
				t.Errorf("suppressed as %s", p.reason)
			}
		}
	}
	if count[delivery.Queued] != 1 || count[delivery.Suppressed] != 1 {
		t.Errorf("to the two individuals of one user: %v", count)
	}
}

func TestPlanner_eventsOff(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	off := false
	_, err := c.ChangeChannel(c.Admin(t), c.channel, messaging.ChannelChange{EventsEnabled: &off})
	c.must(err)
	message := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "x", Destinations: []string{"sms"}})
	c.plan()
	c.wants("in a channel whose events are off", message)
}

func TestPlanner_entriesThatSayNothing(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	lost, err := json.Marshal(messaging.Posted{MessageID: id.New(), Destinations: []string{"sms"}})
	c.must(err)
	c.must(c.DB.Do(t.Context(), func(ctx context.Context) error {
		return c.planner.Handle(ctx, []event.Entry{
			{Type: messaging.EventPosted, OrganizationID: c.Org, Data: []byte(`{"removed":true}`)},
			{Type: messaging.EventPosted, OrganizationID: c.Org, Data: []byte(`[]`)},
			{Type: messaging.EventPosted, OrganizationID: c.Org, Data: lost}, // the channel was deleted
			{Type: messaging.EventEdited, OrganizationID: c.Org, Data: lost}, // was never planned
			{Type: messaging.EventEdited, OrganizationID: c.Org, Data: []byte(`{"removed":true}`)},
			{Type: messaging.EventRemoved, OrganizationID: c.Org, Data: lost},
			{Type: messaging.EventRemoved, OrganizationID: c.Org, Data: []byte(`{}`)},
			{Type: messaging.ChannelUnsubscribed, OrganizationID: c.Org, Data: []byte(`{}`)},
			{Type: messaging.ChannelUnsubscribed, OrganizationID: c.Org, Data: []byte(`[]`)},
			{Type: messaging.ChannelDeleted, OrganizationID: c.Org, Data: []byte(`[]`)},
			{Type: messaging.ChannelDeleted, OrganizationID: c.Org, Data: lost},
			{Type: "directory.user.created", Data: lost},
		})
	}))
}

// A consumer's batch may be handled more than once before it is committed; what is committed is planned once.
func TestPlanner_onceThroughTheLog(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newConversation(t, d)
		c.Log.Start()
		t.Cleanup(c.Log.Stop)
		c.must(c.Log.Register(t.Context(), delivery.PlannerName))
		message := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "x", Destinations: []string{"sms"}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done, failed := make(chan struct{}), false
		handle := func(ctx context.Context, entries []event.Entry) error {
			if err := c.planner.Handle(ctx, entries); err != nil {
				return err
			}
			for _, e := range entries {
				if e.Subject != message {
					continue
				}
				if !failed {
					failed = true
					return errDead
				}
				d.AfterCommit(ctx, func() { close(done) })
			}
			return nil
		}
		go c.Log.Consume(ctx, eventlog.Consumer{Name: delivery.PlannerName, Handle: handle})
		select {
		case <-done:
		case <-time.After(2 * time.Minute):
			t.Fatal("the message was not planned")
		}
		if n := len(c.planned(message)); n != 3 {
			t.Errorf("%d deliveries, want 3", n)
		}
	})
}

func TestDestinations_ForMessages(t *testing.T) {
	t.Parallel()
	c := newConversation(t, dbtest.SQLite(t))
	c.notify(c.Doctor, messaging.NotifyNone)
	message := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "x", Destinations: []string{"sms", "email"}})
	silent := c.post(c.Member(t, c.Nurse), messaging.NewMessage{Text: "x"})
	c.plan()
	states := func() map[string]messaging.DeliveryState {
		t.Helper()
		got, err := c.service.Destinations().ForMessages(t.Context(), c.Org, []id.ID{message, silent})
		c.must(err)
		if _, there := got[silent]; there {
			t.Error("a message that was sent nowhere has states")
		}
		return got[message]
	}
	if diff := cmp.Diff(map[string]messaging.DeliveryState{"sms": {State: "queued"}, "email": {State: "queued"}}, states()); diff != "" {
		t.Errorf("planned (-want +got):\n%s", diff)
	}
	// One fails and the other arrives: the failure is what must be seen.
	claimed, err := c.store.Claim(t.Context(), []transport.Name{"sms"}, c.Clock.Now(), time.Minute, 10)
	c.must(err)
	for i, d := range claimed.Deliveries {
		d.State, d.Reason, d.DueAt = delivery.Delivered, "", time.Time{}
		if i == 1 {
			d.State, d.Reason = delivery.Failed, reason.AddressDead
		}
		c.must(c.store.Save(t.Context(), claimed.Lease, []delivery.Delivery{d}))
	}
	want := map[string]messaging.DeliveryState{"sms": {State: "failed", Reason: "address-dead"}, "email": {State: "queued"}}
	if diff := cmp.Diff(want, states()); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	other, err := c.service.Destinations().ForMessages(actor.With(t.Context(), c.Actor(actor.Service, c.Alien)), c.OtherOrg, []id.ID{message})
	if err != nil || len(other) != 0 {
		t.Errorf("of another organization: %v, %v", other, err)
	}
}
