package replicationapi_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/replication"
	"switchboard/internal/replication/replicationapi"
	"switchboard/internal/replication/replicationdb"
	"switchboard/internal/vault/vaulttest"
	"switchboard/internal/web"
)

// world is a server over a real database with two organizations. A bearer token is the name of one of its actors.
type world struct {
	*web.Server
	t          *testing.T
	db         *db.DB
	people     *directory.Service
	service    *replication.Service
	store      *replicationdb.Store
	ours, them directory.Organization
	actors     map[string]actor.Actor
	now        time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, dbtest.SQLite(t))
}

func newWorldOn(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{
		t: t, db: d, now: directorytest.At.Add(time.Hour), ours: directorytest.Organization("Ours"), them: directorytest.Organization("Theirs"),
		store: replicationdb.New(d),
	}
	now := func() time.Time { return clock.At(w.now)() }
	events, people := eventlog.New(d, now, slog.New(slog.DiscardHandler)), directorydb.New(d, vaulttest.Box())
	w.people = directory.New(people, d, events, now)
	w.must(people.InsertOrganization(t.Context(), w.ours))
	w.must(people.InsertOrganization(t.Context(), w.them))
	w.service = replication.New(replication.Options{
		Store: w.store, Tx: d, Directory: w.people, Events: events, Clock: now,
		Replicators: map[string]replication.Replicator{"hr": {
			Settings: replication.Settings{Organization: "Ours", Interval: time.Hour}, Kind: "directory.test", Opener: &feed{},
		}},
	})
	w.Server = web.New(web.Options{Wrap: w.authenticate, Codes: replication.Codes(), BaseURL: "https://x.test"})
	replicationapi.Mount(w.Server, w.service, "https://x.test")
	all := []string{"*"}
	w.actors = map[string]actor.Actor{
		"administrator": {KeyID: id.New(), OrganizationID: w.ours.ID, Role: actor.Administrator, Scopes: all},
		"pushing":       {KeyID: id.New(), OrganizationID: w.ours.ID, Role: actor.Administrator, Scopes: []string{"scim"}},
		"machine":       {OrganizationID: w.ours.ID, Role: actor.Service, Scopes: all},
		"leader":        {OrganizationID: w.ours.ID, Role: actor.Leader, UserID: id.New(), Scopes: all},
		"member":        {OrganizationID: w.ours.ID, Role: actor.Member, UserID: id.New(), Scopes: all},
		"stranger":      {OrganizationID: w.them.ID, Role: actor.Administrator, Scopes: all},
		"reader":        {OrganizationID: w.ours.ID, Role: actor.Administrator, Scopes: []string{"*:read"}},
		"unscoped":      {OrganizationID: w.ours.ID, Role: actor.Administrator, Scopes: []string{"users", "individual-groups"}},
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) as(who string) context.Context { return actor.With(w.t.Context(), w.actors[who]) }

func (w *world) authenticate(_ web.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a, ok := w.actors[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok {
			web.WriteError(rw, r, errs.CodeUnauthenticated.Errorf("no key was sent"))
			return
		}
		next.ServeHTTP(rw, r.WithContext(actor.With(r.Context(), a)))
	})
}

// feed has one person, and one record that is wrong.
type feed struct{ at int }

func (f *feed) Open(context.Context, replication.Place) (replication.Feed, error) {
	return &feed{}, nil
}

func (f *feed) Next(context.Context) (replication.Record, error) {
	username := "ada"
	switch f.at++; f.at {
	case 1:
		return replication.Record{Line: 1, Person: &replication.Person{ExternalID: "1", Username: &username}}, nil
	case 2:
		return replication.Record{}, &replication.RecordError{Line: 2, Field: "email", Message: "is not valid UTF-8"}
	}
	return replication.Record{}, io.EOF
}

func (f *feed) Place() replication.Place { return replication.Place{} }
func (f *feed) Close() error             { return nil }
