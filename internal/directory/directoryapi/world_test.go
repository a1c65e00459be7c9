package directoryapi_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directoryapi"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
	"switchboard/internal/web"
)

// world is a server over a real database with two organizations. A bearer token is the name of one of its actors.
type world struct {
	*web.Server
	t           *testing.T
	directory   *directory.Service
	log         *eventlog.Log
	org, other  directory.Organization
	user, third directory.User
	leader, ann directory.Individual
	cy, theirs  directory.Individual
	group       directory.Group
	theirGroup  directory.Group
	actors      map[string]actor.Actor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := dbtest.SQLite(t)
	w := &world{t: t, org: directorytest.Organization("Ours"), other: directorytest.Organization("Theirs")}
	now := clock.At(directorytest.At)
	w.log = eventlog.New(d, now, slog.New(slog.DiscardHandler))
	w.directory = directory.New(directorydb.New(d, vaulttest.Box()), d, w.log, now)
	w.Server = web.New(web.Options{Wrap: w.authenticate, Codes: directory.Codes()})
	directoryapi.Mount(w.Server, w.directory)
	w.populate(d)
	return w
}

func (w *world) populate(d *db.DB) {
	ctx, s := w.t.Context(), directorydb.New(d, vaulttest.Box())
	w.must(s.InsertOrganization(ctx, w.org))
	w.must(s.InsertOrganization(ctx, w.other))
	_, w.leader = directorytest.Person(ctx, w.t, s, w.org.ID, "leader", directory.Provider)
	w.user, w.ann = directorytest.Person(ctx, w.t, s, w.org.ID, "ann", directory.Participant)
	_, w.cy = directorytest.Person(ctx, w.t, s, w.org.ID, "cy", directory.Participant)
	w.third, w.theirs = directorytest.Person(ctx, w.t, s, w.other.ID, "theirs", directory.Participant)
	w.group, w.theirGroup = directorytest.Group(w.org.ID, "Ward 7"), directorytest.Group(w.other.ID, "Theirs")
	w.group.LeaderIDs, w.group.IndividualIDs = []id.ID{w.leader.ID}, []id.ID{w.ann.ID}
	w.must(s.InsertGroup(ctx, w.group))
	w.must(s.InsertGroup(ctx, w.theirGroup))
	all := []string{"*"}
	w.actors = map[string]actor.Actor{
		"administrator": {OrganizationID: w.org.ID, Role: actor.Administrator, Scopes: all},
		"machine":       {OrganizationID: w.org.ID, Role: actor.Service, Scopes: all},
		"leader":        {OrganizationID: w.org.ID, Role: actor.Leader, UserID: w.leader.OwnerID, Individuals: []id.ID{w.leader.ID}, Scopes: all},
		"member":        {OrganizationID: w.org.ID, Role: actor.Member, UserID: w.ann.OwnerID, Individuals: []id.ID{w.ann.ID}, Scopes: all},
		"stranger":      {OrganizationID: w.other.ID, Role: actor.Administrator, Scopes: all},
		"reader":        {OrganizationID: w.org.ID, Role: actor.Administrator, Scopes: []string{"*:read"}},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

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

// events counts what was recorded.
func (w *world) events() int {
	w.t.Helper()
	entries, err := w.log.Read(w.t.Context(), 0, 1000)
	w.must(err)
	return len(entries)
}

// create is the document of a create.
func create(typ string, attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": typ, "attributes": attributes}}
}

// change is the document of an update.
func change(typ string, i id.ID, attributes map[string]any) map[string]any {
	doc := create(typ, attributes)
	doc["data"].(map[string]any)["id"] = i //nolint:forcetypeassert // made above
	return doc
}

type attributes = map[string]any
