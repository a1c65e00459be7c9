package notifytest

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifydb"
	"switchboard/internal/vault/vaulttest"
)

// World is the context on a database of its own, with two organizations and people in them.
type World struct {
	DB        *db.DB
	Log       *eventlog.Log
	People    *directorydb.Store
	Directory *directory.Service
	Outbox    *Outbox
	Store     *notifydb.Store
	Notify    *notify.Service

	Org, Other       id.ID
	Ann, Ben, Cleo   directory.User // active, active, notification-only
	Ivy, Arno        directory.User // invited, archived
	Stranger         directory.User // of the other organization
	Berlin, Lukla    directory.Site
	Elsewhere        directory.Site // of the other organization
	now              atomic.Pointer[time.Time]
	Days             notify.Schedule // mondays to fridays, 09:00 to 17:00 in Berlin
	Theirs           notify.Schedule // of the other organization
	Heartbeat, Links notify.Topic    // built in
}

// NewWorld returns a world on SQLite in which it is monday, 10:00 in UTC, 11:00 in Berlin.
func NewWorld(t testing.TB) *World {
	t.Helper()
	return NewWorldOn(t, dbtest.SQLite(t))
}

// NewWorldOn is NewWorld on an empty database. On PostgreSQL nobody numbers the log, so that it reads as empty.
func NewWorldOn(t testing.TB, d *db.DB) *World {
	t.Helper()
	w := &World{DB: d}
	w.SetNow(time.Date(2026, 11, 23, 10, 0, 0, int(123*time.Millisecond), time.UTC))
	w.Log = eventlog.New(w.DB, w.Now, slog.New(slog.DiscardHandler))
	w.People, w.Store, w.Outbox = directorydb.New(w.DB, vaulttest.Box()), notifydb.New(w.DB), NewOutbox(w.DB)
	w.Directory = directory.New(w.People, w.DB, w.Log, w.Now)
	w.Notify = notify.New(w.Store, w.DB, w.Log, w.Directory, w.Outbox, w.Now)
	w.populate(t)
	return w
}

func (w *World) populate(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ours, theirs := directorytest.Organization("ours"), directorytest.Organization("theirs")
	check(w.People.InsertOrganization(ctx, ours))
	check(w.People.InsertOrganization(ctx, theirs))
	w.Org, w.Other = ours.ID, theirs.ID
	user := func(org id.ID, name string, state directory.UserState) directory.User {
		u := directorytest.User(org, name)
		u.State = state
		check(w.People.InsertUser(ctx, u))
		return u
	}
	site := func(org id.ID, name string) directory.Site {
		s := directorytest.Site(org, name)
		check(w.People.InsertSite(ctx, s))
		return s
	}
	w.Ann, w.Ben, w.Cleo = user(w.Org, "ann", directory.Active), user(w.Org, "ben", directory.Active), user(w.Org, "cleo", directory.NotificationOnly)
	w.Ivy, w.Arno = user(w.Org, "ivy", directory.Invited), user(w.Org, "arno", directory.Archived)
	w.Stranger = user(w.Other, "stranger", directory.Active)
	w.Berlin, w.Lukla, w.Elsewhere = site(w.Org, "Berlin"), site(w.Org, "Lukla"), site(w.Other, "Elsewhere")

	w.Days, w.Theirs = Schedule(w.Org, "days"), Schedule(w.Other, "days")
	w.Days.Hours, w.Days.Exceptions = OfficeHours(), nil
	check(w.Store.InsertSchedule(ctx, w.Days))
	check(w.Store.InsertSchedule(ctx, w.Theirs))
	topics, err := w.Notify.ListTopics(w.As(ctx, actor.Member))
	check(err)
	for _, topic := range topics {
		switch topic.Key {
		case "heartbeat":
			w.Heartbeat = topic
		case "packet-loss":
			w.Links = topic
		}
	}
}

// Now is the world's clock.
func (w *World) Now() time.Time { return *w.now.Load() }

// SetNow sets the world's clock.
func (w *World) SetNow(at time.Time) { w.now.Store(&at) }

// Pass moves the world's clock.
func (w *World) Pass(d time.Duration) { w.SetNow(w.Now().Add(d)) }

// As returns a context in which somebody of the organization acts, with every scope unless some are named.
func (w *World) As(ctx context.Context, role actor.Role, scopes ...string) context.Context {
	if len(scopes) == 0 {
		scopes = []string{"*"}
	}
	return actor.With(ctx, actor.Actor{KeyID: id.New(), OrganizationID: w.Org, Role: role, Scopes: scopes, RequestID: "test"})
}

// AsOther returns a context in which an administrator of the other organization acts.
func (w *World) AsOther(ctx context.Context) context.Context {
	return actor.With(ctx, actor.Actor{KeyID: id.New(), OrganizationID: w.Other, Role: actor.Administrator, Scopes: []string{"*"}, RequestID: "test"})
}

// Group returns what it takes to make a valid group: heartbeats at every site to ann by SMS, never muted.
func (w *World) Group() notify.GroupParams {
	return notify.GroupParams{
		Name: "Primary on-call", ScheduleID: w.Days.ID, Mute: notify.MuteNever, Topics: []id.ID{w.Heartbeat.ID},
		Notifiables: []notify.Notifiable{{UserID: w.Ann.ID, Channel: notify.SMS}},
	}
}

// Alert returns what it takes to make a valid alert: a heartbeat of Berlin.
func (w *World) Alert() notify.AlertParams {
	return notify.AlertParams{Topic: notify.TopicRef{ID: w.Heartbeat.ID}, SiteID: w.Berlin.ID, Title: "Router is gone"}
}

// Types returns the types of all entries of the log after seq, and the newest seq.
func (w *World) Types(t testing.TB, after int64) ([]string, int64) {
	t.Helper()
	entries, err := w.Log.Read(t.Context(), after, 1000)
	if err != nil {
		t.Fatal(err)
	}
	types := []string{}
	for _, e := range entries {
		types = append(types, e.Type)
		after = e.Seq
	}
	return types, after
}
