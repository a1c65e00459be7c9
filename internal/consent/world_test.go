package consent_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard/internal/vault/vaulttest"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
)

// world is a service over a real database with two organizations. In ours a leader leads a group with ann in it; ben is in
// no group. Theirs has a twin of ann: another account with the same number.
type world struct {
	*consent.Service
	t          *testing.T
	db         *db.DB
	store      *consentdb.Store
	people     *directory.Service
	rows       directory.Store
	outbox     *outbox
	org, other directory.Organization
	leader     directory.Individual
	ann, ben   directory.User
	annsSelf   directory.Individual
	bensSelf   directory.Individual
	twin       directory.User

	mu  sync.Mutex
	now time.Time
}

// outbox keeps what is to be sent.
type outbox struct {
	mu   sync.Mutex
	sent []consent.Invitation
	err  error
}

func (o *outbox) Invite(_ context.Context, i consent.Invitation) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, i)
	return o.err
}

const (
	annsNumber = "+12015550101"
	bensNumber = "+12015550102"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, dbtest.SQLite(t))
}

func newWorldOn(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{
		t: t, db: d, now: directorytest.At.Add(time.Hour), outbox: &outbox{}, store: consentdb.New(d), rows: directorydb.New(d, vaulttest.Box()),
		org: directorytest.Organization("Ours"), other: directorytest.Organization("Theirs"),
	}
	log := eventlog.New(d, w.clock, slog.New(slog.DiscardHandler))
	w.people = directory.New(w.rows, d, log, w.clock)
	w.Service = consent.New(consent.NewLedger(w.store, d, log, w.people, w.clock), w.outbox, nil)
	ctx := t.Context()
	w.must(w.rows.InsertOrganization(ctx, w.org))
	w.must(w.rows.InsertOrganization(ctx, w.other))
	_, w.leader = directorytest.Person(ctx, t, w.rows, w.org.ID, "leader", directory.Provider)
	w.ann, w.annsSelf = w.person(w.org.ID, "ann", annsNumber)
	w.ben, w.bensSelf = w.person(w.org.ID, "ben", bensNumber)
	w.twin, _ = w.person(w.other.ID, "twin", annsNumber)
	g := directorytest.Group(w.org.ID, "Ward 7")
	g.LeaderIDs, g.IndividualIDs = []id.ID{w.leader.ID}, []id.ID{w.annsSelf.ID}
	w.must(w.rows.InsertGroup(ctx, g))
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return clock.At(w.now)()
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// person stores a user with a verified number.
func (w *world) person(org id.ID, name, number string) (directory.User, directory.Individual) {
	w.t.Helper()
	u, i := directorytest.Person(w.t.Context(), w.t, w.rows, org, name, directory.Participant)
	u.Phone, u.PhoneVerified = number, true
	w.must(w.rows.UpdateUser(w.t.Context(), u))
	return u, i
}

func (w *world) actor(org id.ID, role actor.Role, person *directory.Individual) actor.Actor {
	a := actor.Actor{KeyID: id.New(), OrganizationID: org, Role: role, Scopes: []string{"*"}, RequestID: "request", RemoteAddr: "192.0.2.7"}
	if person != nil {
		a.UserID, a.Individuals = person.OwnerID, []id.ID{person.ID}
	}
	return a
}

func (w *world) as(role actor.Role, person *directory.Individual) context.Context {
	return actor.With(w.t.Context(), w.actor(w.org.ID, role, person))
}

func (w *world) admin() context.Context { return w.as(actor.Administrator, nil) }

// everyone is the role matrix: one context for each kind of caller, by name. Nobody has no actor at all.
func (w *world) everyone() map[string]context.Context {
	unscoped := w.actor(w.org.ID, actor.Administrator, nil)
	unscoped.Scopes = []string{"texts"}
	return map[string]context.Context{
		"nobody":        w.t.Context(),
		"stranger":      actor.With(w.t.Context(), w.actor(w.other.ID, actor.Administrator, nil)),
		"person":        w.as(actor.Member, &w.annsSelf),
		"other person":  w.as(actor.Member, &w.bensSelf),
		"leader":        w.as(actor.Leader, &w.leader),
		"machine":       w.as(actor.Service, nil),
		"administrator": w.admin(),
		"unscoped":      actor.With(w.t.Context(), unscoped),
	}
}

// ask asks a user of ours.
func (w *world) ask(user id.ID) consent.Consent {
	w.t.Helper()
	c, err := w.Create(w.admin(), consent.NewConsent{UserID: user, Type: consent.SMS, Messages: consent.Messages{
		Initial: "May we text you?", Accept: "Welcome", InvalidResponse: "YES or STOP?",
	}})
	w.must(err)
	return c
}

// says is a text of somebody, heard as delivery hears it. It returns what is answered.
func (w *world) says(number, words string) string {
	w.t.Helper()
	reply, err := w.hear(number, words, "")
	w.must(err)
	return told(reply)
}

func told(r *consent.Reply) string {
	if r == nil {
		return ""
	}
	return string(r.Kind) + ": " + r.Words
}

func (w *world) hear(number, words, optOut string) (*consent.Reply, error) {
	users, err := w.people.UsersWithPhone(w.t.Context(), number)
	if err != nil {
		return nil, err
	}
	return w.Hear(w.t.Context(), consent.Text{
		ID: id.New(), Provider: "text", ProviderID: "SM1", Transport: consent.SMS, From: number, Words: words,
		Input: consent.Understand(words, optOut, users), Handled: optOut != "", At: w.clock(),
	}, users)
}

// state is that of a consent.
func (w *world) state(c consent.Consent) consent.State {
	w.t.Helper()
	got, err := w.store.Get(w.t.Context(), c.OrganizationID, c.ID)
	w.must(err)
	return got.State
}

// unsubscribed tells whether a user is marked so.
func (w *world) unsubscribed(u directory.User) bool {
	w.t.Helper()
	found, err := w.people.Users(w.t.Context(), u.OrganizationID, []id.ID{u.ID})
	w.must(err)
	return found[u.ID].PhoneUnsubscribed
}

// ledger is what the entries of a consent say, in one line; their seals are checked.
func (w *world) ledger(c consent.Consent) string {
	w.t.Helper()
	entries, err := w.store.Entries(w.t.Context(), c.OrganizationID, c.ID)
	w.must(err)
	w.must(consent.CheckEntries(entries))
	got, err := w.store.Get(w.t.Context(), c.OrganizationID, c.ID)
	w.must(err)
	if last := entries[len(entries)-1]; got.Entries != len(entries) || got.Head != last.Hash || got.State != last.State {
		w.t.Errorf("the consent is not where its ledger is: %+v, %+v", got, last)
	}
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = string(e.What)
	}
	return strings.Join(out, " ")
}

// events are the types of this context's entries in the log.
func (w *world) events() []string {
	w.t.Helper()
	out, err := db.All(w.t.Context(), w.db.Q(w.t.Context()), db.Scalar[string], "select type from events where type like 'consent.%' order by at, id")
	w.must(err)
	return out
}

// refused checks an error's code and its fields.
func (w *world) refused(what string, err error, code errs.Code, fields ...string) {
	w.t.Helper()
	e, ok := err.(*errs.Error) //nolint:errorlint // the service returns it bare
	if !ok {
		w.t.Errorf("%s: %v, want %s", what, err, code.Name)
		return
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Path)
	}
	if e.Code.Name != code.Name || !cmp.Equal(got, fields) {
		w.t.Errorf("%s: %v (%s, %v), want %s blaming %v", what, e, e.Code.Name, got, code.Name, fields)
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
