package consentapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchboard/internal/vault/vaulttest"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/consent"
	"switchboard/internal/consent/consentapi"
	"switchboard/internal/consent/consentdb"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

// world is a server over consents. A bearer token is the name of one of its actors.
type world struct {
	*web.Server
	t          *testing.T
	db         *db.DB
	consent    *consent.Service
	org, other directory.Organization
	ann, ben   directory.User
	bare       directory.User // without a number
	theirs     directory.User
	actors     map[string]actor.Actor
}

// silence sends nothing.
type silence struct{}

func (silence) Invite(context.Context, consent.Invitation) error { return nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.SQLite(t), org: directorytest.Organization("Ours"), other: directorytest.Organization("Theirs")}
	now := clock.At(directorytest.At.Add(time.Hour))
	log := eventlog.New(w.db, now, slog.New(slog.DiscardHandler))
	rows := directorydb.New(w.db, vaulttest.Box())
	people := directory.New(rows, w.db, log, now)
	w.consent = consent.New(consent.NewLedger(consentdb.New(w.db), w.db, log, people, now), silence{}, nil)
	must(t, rows.InsertOrganization(t.Context(), w.org))
	must(t, rows.InsertOrganization(t.Context(), w.other))
	w.actors = map[string]actor.Actor{}
	add := func(name string, org id.ID, role actor.Role, scopes ...string) *actor.Actor {
		a := actor.Actor{KeyID: id.New(), OrganizationID: org, Role: role, Scopes: scopes, RequestID: "request", RemoteAddr: "192.0.2.7"}
		w.actors[name] = a
		return &a
	}
	person := func(name string, org id.ID, number string, kind directory.AccountType, role actor.Role) (directory.User, directory.Individual) {
		u, i := directorytest.Person(t.Context(), t, rows, org, name, kind)
		u.Phone, u.PhoneVerified = number, number != ""
		must(t, rows.UpdateUser(t.Context(), u))
		a := add(name, org, role, "*")
		a.UserID, a.Individuals = u.ID, []id.ID{i.ID}
		w.actors[name] = *a
		return u, i
	}
	add("administrator", w.org.ID, actor.Administrator, "*")
	add("machine", w.org.ID, actor.Service, "*")
	add("reader", w.org.ID, actor.Administrator, "*:read")
	add("unscoped", w.org.ID, actor.Administrator, "texts")
	add("stranger", w.other.ID, actor.Administrator, "*")
	_, leader := person("leader", w.org.ID, "+12015550100", directory.Provider, actor.Leader)
	var anns directory.Individual
	w.ann, anns = person("ann", w.org.ID, "+12015550101", directory.Participant, actor.Member)
	w.ben, _ = person("ben", w.org.ID, "+12015550102", directory.Participant, actor.Member)
	w.bare, _ = person("bare", w.org.ID, "", directory.Participant, actor.Member)
	w.theirs, _ = person("theirs", w.other.ID, "+12015550103", directory.Participant, actor.Member)
	g := directorytest.Group(w.org.ID, "Ward 7")
	g.LeaderIDs, g.IndividualIDs = []id.ID{leader.ID}, []id.ID{anns.ID}
	must(t, rows.InsertGroup(t.Context(), g))
	w.Server = web.New(web.Options{Wrap: w.authenticate, Codes: consent.Codes()})
	consentapi.Mount(w.Server, w.consent)
	return w
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

// rows counts what consents are stored in.
func (w *world) rows() int64 {
	w.t.Helper()
	n, err := db.Get(w.t.Context(), w.db.Q(w.t.Context()), db.Scalar[int64], `select (select count(*) from consents) + (select count(*) from consent_entries)
		+ (select count(*) from consent_numbers) + (select count(*) from events)`)
	must(w.t, err)
	return n
}

// refusals runs scenarios of which none may store anything.
func (w *world) refusals(scenarios []webtest.Scenario) {
	w.t.Helper()
	before := w.rows()
	for i := range scenarios {
		scenarios[i].Then = func(t *testing.T, _ *webtest.Response) {
			t.Helper()
			if after := w.rows(); after != before {
				t.Errorf("stored rows went from %d to %d", before, after)
			}
		}
	}
	webtest.Run(w.t, w, scenarios)
}

// says is a text of ann's.
func (w *world) says(words string) {
	w.t.Helper()
	_, err := w.consent.Hear(w.t.Context(), consent.Text{
		ID: id.New(), Provider: "text", ProviderID: "SM1", Transport: consent.SMS, From: w.ann.Phone, Words: words, Input: consent.Read(words),
		At: directorytest.At.Add(2 * time.Hour),
	}, []directory.User{w.ann})
	must(w.t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type members = map[string]any

// asking is the document of a create.
func asking(attributes members) members {
	return members{"data": members{"type": "user-consents", "attributes": attributes}}
}

func idOf(t *testing.T, r *webtest.Response) string {
	t.Helper()
	var doc struct{ Data struct{ ID id.ID } }
	must(t, json.Unmarshal(r.Body, &doc))
	return doc.Data.ID.String()
}
