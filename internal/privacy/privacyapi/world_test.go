package privacyapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/db/personal"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/privacy"
	"switchboard/internal/privacy/privacyapi"
	"switchboard/internal/privacy/privacydb"
	"switchboard/internal/vault/vaulttest"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

// world is a server over a directory of which only the individuals are declared to be anybody's. A bearer token is the name of
// one of its actors.
type world struct {
	*web.Server
	t          *testing.T
	db         *db.DB
	privacy    *privacy.Service
	ours, them directory.Organization
	ann, ben   directory.User
	anns       directory.Individual
	eve        directory.User
	ward       directory.Group
	actors     map[string]actor.Actor
	archives   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, db: dbtest.SQLite(t), ours: directorytest.Organization("Ours"), them: directorytest.Organization("Theirs"), archives: t.TempDir(),
		actors: map[string]actor.Actor{},
	}
	now := clock.At(directorytest.At.Add(time.Hour))
	events, rows := eventlog.New(w.db, now, slog.New(slog.DiscardHandler)), directorydb.New(w.db, vaulttest.Box())
	must(t, rows.InsertOrganization(t.Context(), w.ours))
	must(t, rows.InsertOrganization(t.Context(), w.them))
	w.ann, w.anns = directorytest.Person(t.Context(), t, rows, w.ours.ID, "ann", directory.Participant)
	w.ben, _ = directorytest.Person(t.Context(), t, rows, w.ours.ID, "ben", directory.Participant)
	w.eve, _ = directorytest.Person(t.Context(), t, rows, w.them.ID, "eve", directory.Participant)
	w.ward = directorytest.Group(w.ours.ID, "Ward 7")
	w.ward.IndividualIDs = []id.ID{w.anns.ID}
	must(t, rows.InsertGroup(t.Context(), w.ward))
	w.privacy = privacy.New(privacy.Options{
		Store: privacydb.New(w.db), Data: privacydb.NewData(w.db, personal.New(w.db, directorydb.Personal()), rows.FindSubjects), Tx: w.db,
		Events: events, People: groups{directory.New(rows, w.db, events, now)}, Audit: auditdb.New(w.db), Signer: signer{}, Clock: now, Folder: w.archives,
	})
	for name, a := range map[string]actor.Actor{
		"administrator": {Role: actor.Administrator, Scopes: []string{"*"}},
		"reader":        {Role: actor.Administrator, Scopes: []string{"*:read"}},
		"unscoped":      {Role: actor.Administrator, Scopes: []string{"users"}},
		"machine":       {Role: actor.Service, Scopes: []string{"*"}},
		"leader":        {Role: actor.Leader, Scopes: []string{"*"}, UserID: w.ben.ID},
		"ann":           {Role: actor.Member, Scopes: []string{"*"}, UserID: w.ann.ID, Individuals: []id.ID{w.anns.ID}},
		"stranger":      {Role: actor.Administrator, Scopes: []string{"*"}, OrganizationID: w.them.ID},
	} {
		if a.OrganizationID.IsZero() {
			a.OrganizationID = w.ours.ID
		}
		a.KeyID, a.RequestID = id.New(), "request"
		w.actors[name] = a
	}
	w.Server = web.New(web.Options{Wrap: w.authenticate, Codes: privacy.Codes()})
	privacyapi.Mount(w.Server, w.privacy)
	return w
}

// groups is who stands where.
type groups struct{ directory *directory.Service }

// GroupsOf implements privacy.People.
func (g groups) GroupsOf(ctx context.Context, organization id.ID, individuals []id.ID) ([]id.ID, error) {
	found, err := g.directory.Memberships(ctx, organization, individuals)
	var out []id.ID
	for _, m := range found {
		out = append(out, m.GroupID)
	}
	return out, err
}

// signer signs everything alike.
type signer struct{}

// Sign implements privacy.Signer.
func (signer) Sign(context.Context, []byte) (string, []byte, error) {
	return "key-1", []byte("signature"), nil
}

// Verify implements privacy.Signer.
func (signer) Verify(context.Context, string, []byte, []byte) error { return nil }

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

// rows counts what requests could change.
func (w *world) rows() int64 {
	w.t.Helper()
	n, err := db.Get(w.t.Context(), w.db.Q(w.t.Context()), db.Scalar[int64], `select (select count(*) from purges) + (select count(*) from legal_holds)
		+ (select count(*) from tombstones) + (select count(*) from events) + (select count(*) from users)`)
	must(w.t, err)
	return n
}

// refusals runs scenarios of which none may change anything.
func (w *world) refusals(scenarios []webtest.Scenario) {
	w.t.Helper()
	before := w.rows()
	for i := range scenarios {
		scenarios[i].Then = func(t *testing.T, _ *webtest.Response) {
			t.Helper()
			if after := w.rows(); after != before {
				t.Errorf("rows went from %d to %d", before, after)
			}
		}
	}
	webtest.Run(w.t, w, scenarios)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type members = map[string]any

// of is the document of a create.
func of(kind string, attributes members) members {
	return members{"data": members{"type": kind, "attributes": attributes}}
}

func idOf(t *testing.T, r *webtest.Response) string {
	t.Helper()
	var doc struct{ Data struct{ ID id.ID } }
	must(t, json.Unmarshal(r.Body, &doc))
	return doc.Data.ID.String()
}
