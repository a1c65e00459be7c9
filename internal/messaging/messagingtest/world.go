package messagingtest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingdb"
	"switchboard/internal/vault/vaulttest"
)

// World is a service over a real database and directory, for tests of rules and endpoints. In Org the providers Nurse and
// Doctor lead Ward, in which the participants Ada and Ben are; the provider Clerk and the participant Cy are in no group.
// Alien is the participant, and AlienGroup the group, of another organization.
type World struct {
	*messaging.Service
	DB        *db.DB
	Log       *eventlog.Log
	Store     messaging.Store
	Directory *directory.Service
	People    directory.Store
	Clock     *Clock

	Org, OtherOrg                      id.ID
	Nurse, Doctor, Clerk, Ada, Ben, Cy directory.Individual
	Alien                              directory.Individual
	Ward, AlienGroup                   directory.Group
}

// Clock is a clock that tests set. It moves by a millisecond whenever it is read, so that no two things happen at once.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return clock.At(c.now)()
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// NewWorld fills an empty, migrated database.
func NewWorld(t testing.TB, d *db.DB) *World {
	t.Helper()
	w := &World{DB: d, Clock: &Clock{now: directorytest.At.Add(time.Hour)}}
	w.Log = eventlog.New(d, w.Clock.Now, slog.New(slog.DiscardHandler))
	w.Store, w.People = messagingdb.New(d), directorydb.New(d, vaulttest.Box())
	w.Directory = directory.New(w.People, d, w.Log, w.Clock.Now)
	w.Service = messaging.New(w.Store, w.Directory, d, w.Log, w.Clock.Now)
	ours, others := directorytest.Organization("Ours"), directorytest.Organization("Others")
	ctx := t.Context()
	must(t, w.People.InsertOrganization(ctx, ours))
	must(t, w.People.InsertOrganization(ctx, others))
	w.Org, w.OtherOrg = ours.ID, others.ID
	for _, p := range []struct {
		to   *directory.Individual
		org  id.ID
		name string
		kind directory.AccountType
	}{
		{&w.Nurse, w.Org, "nurse", directory.Provider},
		{&w.Doctor, w.Org, "doctor", directory.Provider},
		{&w.Clerk, w.Org, "clerk", directory.Provider},
		{&w.Ada, w.Org, "ada", directory.Participant},
		{&w.Ben, w.Org, "ben", directory.Participant},
		{&w.Cy, w.Org, "cy", directory.Participant},
		{&w.Alien, w.OtherOrg, "alien", directory.Participant},
	} {
		_, *p.to = directorytest.Person(ctx, t, w.People, p.org, p.name, p.kind)
	}
	w.Ward = directorytest.Group(w.Org, "Ward")
	w.Ward.LeaderIDs, w.Ward.IndividualIDs = []id.ID{w.Nurse.ID, w.Doctor.ID}, []id.ID{w.Ada.ID, w.Ben.ID}
	must(t, w.People.InsertGroup(ctx, w.Ward))
	w.AlienGroup = directorytest.Group(w.OtherOrg, "Aliens")
	w.AlienGroup.IndividualIDs = []id.ID{w.Alien.ID}
	must(t, w.People.InsertGroup(ctx, w.AlienGroup))
	return w
}

// As returns a context in which a person acts in a role; without scopes, with all of them.
func (w *World) As(t testing.TB, role actor.Role, person directory.Individual, scopes ...string) context.Context {
	t.Helper()
	return actor.With(t.Context(), w.Actor(role, person, scopes...))
}

// Actor is the actor of As. The zero person is a machine of Org.
func (w *World) Actor(role actor.Role, person directory.Individual, scopes ...string) actor.Actor {
	a := actor.Actor{KeyID: id.New(), OrganizationID: w.Org, Role: role, Scopes: scopes, RequestID: "test"}
	if len(scopes) == 0 {
		a.Scopes = []string{"*"}
	}
	if !person.ID.IsZero() {
		a.OrganizationID, a.UserID, a.Individuals = person.OrganizationID, person.UserID(), []id.ID{person.ID}
	}
	return a
}

// Admin acts as an administrator who is nobody's individual, Machine as a service key, Member and Leader as a person.
func (w *World) Admin(t testing.TB) context.Context {
	return w.As(t, actor.Administrator, directory.Individual{})
}

// Machine acts as a service key.
func (w *World) Machine(t testing.TB) context.Context {
	return w.As(t, actor.Service, directory.Individual{})
}

// Member acts as a person who acts for nobody else.
func (w *World) Member(t testing.TB, person directory.Individual) context.Context {
	return w.As(t, actor.Member, person)
}

// Leader acts as a person who also acts for the groups that they lead.
func (w *World) Leader(t testing.TB, person directory.Individual) context.Context {
	return w.As(t, actor.Leader, person)
}

// Single opens Ada's single channel with Ward.
func (w *World) Single(t testing.TB, floating bool) messaging.View {
	t.Helper()
	v, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{
		GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ada.ID}, Floating: floating, EventsEnabled: true,
	})
	must(t, err)
	return v
}

// Say posts a message as a person.
func (w *World) Say(t testing.TB, channel id.ID, person directory.Individual, text string) messaging.MessageView {
	t.Helper()
	m, err := w.Post(w.Member(t, person), messaging.NewMessage{ChannelID: channel, Text: text})
	must(t, err)
	return m
}

// Unread is how many messages a person has not read.
func (w *World) Unread(t testing.TB, channel id.ID, person directory.Individual) int64 {
	t.Helper()
	v, err := w.GetChannel(w.Member(t, person), channel, id.Nil)
	must(t, err)
	return v.NewMessages
}

// Events returns the entries of a channel's stream, oldest first; on PostgreSQL only those that were numbered.
func (w *World) Events(t testing.TB, channel id.ID) []event.Entry {
	t.Helper()
	entries, err := w.Log.Stream(t.Context(), channel, 0, 10_000)
	must(t, err)
	return entries
}

// Count runs a query that counts.
func (w *World) Count(t testing.TB, query string, args ...any) int64 {
	t.Helper()
	n, err := db.Get(t.Context(), w.DB.Q(t.Context()), db.Scalar[int64], query, args...)
	must(t, err)
	return n
}

// Rows is how much is stored: to compare before and after what must change nothing. That somebody looked is stored and is no
// change.
func (w *World) Rows(t testing.TB) [7]int64 {
	t.Helper()
	var out [7]int64
	for i, table := range []string{
		"channels", "subscribers", "messages", "acks", "reactions", "events",
		"audit where action not like '%.read' and action not like '%.inspected'",
	} {
		out[i] = w.Count(t, "select count(*) from "+table)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
