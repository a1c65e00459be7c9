package replication_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/replication"
	"switchboard/internal/replication/replicationdb"
	"switchboard/internal/vault/vaulttest"
)

// world is a service over a real database with two organizations; ours has one replicator, "hr", that reads feed.
type world struct {
	*replication.Service
	t          *testing.T
	db         *db.DB
	people     *directory.Service
	log        *eventlog.Log
	store      *replicationdb.Store
	ours, them directory.Organization
	feed       *feed
	now        time.Time
}

func newWorld(t *testing.T, change ...func(*replication.Replicator)) *world {
	t.Helper()
	return newWorldOn(t, dbtest.SQLite(t), change...)
}

func newWorldOn(t *testing.T, d *db.DB, change ...func(*replication.Replicator)) *world {
	t.Helper()
	w := &world{
		t: t, db: d, now: directorytest.At.Add(time.Hour), ours: directorytest.Organization("Ours"), them: directorytest.Organization("Theirs"),
		feed: &feed{fingerprint: "1"}, store: replicationdb.New(d),
	}
	now := func() time.Time { return clock.At(w.now)() }
	w.log = eventlog.New(d, now, slog.New(slog.DiscardHandler))
	w.people = directory.New(directorydb.New(d, vaulttest.Box()), d, w.log, now)
	w.must(directorydb.New(d, vaulttest.Box()).InsertOrganization(t.Context(), w.ours))
	w.must(directorydb.New(d, vaulttest.Box()).InsertOrganization(t.Context(), w.them))
	r := replication.Replicator{
		Settings: replication.Settings{Organization: "ours", Interval: time.Hour, OnDelete: "archive"}, Kind: "test", Opener: w.feed,
	}
	for _, f := range change {
		f(&r)
	}
	w.Service = replication.New(replication.Options{
		Store: w.store, Tx: d, Directory: w.people, Events: w.log, Clock: now, Replicators: map[string]replication.Replicator{"hr": r},
	})
	return w
}

func adopting(r *replication.Replicator) { r.Adopt = true }
func deleting(r *replication.Replicator) { r.OnDelete = "delete" }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// as returns a context with an actor of ours.
func (w *world) as(role actor.Role, scopes ...string) context.Context {
	a := actor.Actor{KeyID: id.New(), OrganizationID: w.ours.ID, Role: role, Scopes: scopes, RequestID: "test"}
	if len(scopes) == 0 {
		a.Scopes = []string{"*"}
	}
	return actor.With(w.t.Context(), a)
}

func (w *world) admin() context.Context { return w.as(actor.Administrator) }

// poll reads the records as one edition of the feed and returns the report.
func (w *world) poll(records ...any) replication.Report {
	w.t.Helper()
	w.feed.set(records...)
	w.now = w.now.Add(time.Hour)
	w.must(w.Register(w.t.Context()))
	report, err := w.PollNow(w.admin(), "hr", false)
	w.must(err)
	return report
}

// user returns a user by name, and the primary individual; zero when there is none.
func (w *world) user(name string) (directory.User, directory.Individual) {
	w.t.Helper()
	users, err := w.people.UsersNamed(w.t.Context(), w.ours.ID, []string{name})
	w.must(err)
	u := users[directory.FoldName(name)]
	persons, err := w.people.Individuals(w.t.Context(), w.ours.ID, []id.ID{u.PrimaryIndividualID})
	w.must(err)
	return u, persons[u.PrimaryIndividualID]
}

// group returns the group that the replicator knows by an external id; zero when there is none.
func (w *world) group(externalID string) directory.Group {
	w.t.Helper()
	links, err := w.store.FindLinks(w.t.Context(), w.ours.ID, "hr", replication.Groups, []string{externalID})
	w.must(err)
	groups, err := w.people.Groups(w.t.Context(), w.ours.ID, []id.ID{links[externalID].RecordID})
	w.must(err)
	return groups[links[externalID].RecordID]
}

// traces counts the events and the audit rows.
func (w *world) traces() [2]int64 {
	w.t.Helper()
	head, err := w.log.Head(w.t.Context())
	w.must(err)
	n, err := db.Get(w.t.Context(), w.db.Q(w.t.Context()), db.Scalar[int64], "select count(*) from audit")
	w.must(err)
	return [2]int64{head, n}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// person is what the source says of somebody.
func person(externalID, username string, more ...func(*replication.Person)) replication.Person {
	p := replication.Person{ExternalID: externalID, Username: &username}
	for _, f := range more {
		f(&p)
	}
	return p
}

func email(v string) func(*replication.Person) { return func(p *replication.Person) { p.Email = &v } }

func firstName(v string) func(*replication.Person) {
	return func(p *replication.Person) { p.FirstName = &v }
}

func account(v string) func(*replication.Person) {
	return func(p *replication.Person) { p.AccountType = &v }
}

func gone(externalID string) replication.Person {
	return replication.Person{ExternalID: externalID, Deleted: true}
}

// feed is one in memory. Its records are Persons, Teams and errors.
type feed struct {
	fingerprint string
	mark        string // given at the end
	records     []any
	openErr     error
	opened      []replication.Place
	during      func(n int) // called before each record
	at          int
}

func (f *feed) set(records ...any) { f.records = records }

func (f *feed) Open(_ context.Context, from replication.Place) (replication.Feed, error) {
	f.opened = append(f.opened, from)
	if f.openErr != nil {
		return nil, f.openErr
	}
	f.at = 0
	if n, err := strconv.Atoi(from.Position); err == nil && from.Fingerprint == f.fingerprint {
		f.at = n
	}
	return f, nil
}

func (f *feed) Next(ctx context.Context) (replication.Record, error) {
	if f.at == len(f.records) {
		return replication.Record{}, io.EOF
	}
	if f.during != nil {
		f.during(f.at)
	}
	if err := ctx.Err(); err != nil {
		return replication.Record{}, err
	}
	f.at++
	rec := replication.Record{Line: f.at}
	switch v := f.records[f.at-1].(type) {
	case replication.Person:
		rec.Person = &v
	case replication.Team:
		rec.Team = &v
	case error:
		if wrong, ok := errors.AsType[*replication.RecordError](v); ok {
			wrong.Line = f.at
		}
		return rec, v
	default:
		panic(fmt.Sprintf("a feed has no %T", v))
	}
	return rec, nil
}

func (f *feed) Place() replication.Place {
	if f.mark != "" && f.at == len(f.records) {
		return replication.Place{Mark: f.mark}
	}
	return replication.Place{Fingerprint: f.fingerprint, Position: strconv.Itoa(f.at)}
}

func (f *feed) Close() error { return nil }
