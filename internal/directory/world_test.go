package directory_test

import (
	"context"
	"log/slog"
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
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
)

// world is a service over a real database with two organizations. In ours a provider leads a group with two participants;
// a third participant is in no group.
type world struct {
	*directory.Service
	t            *testing.T
	db           *db.DB
	log          *eventlog.Log
	org, other   directory.Organization
	leader       directory.Individual
	ann, ben, cy directory.Individual
	group        directory.Group
	theirs       directory.Individual
	theirGroup   directory.Group
	theirUser    directory.User
	now          time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, dbtest.SQLite(t))
}

func newWorldOn(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{t: t, db: d, now: directorytest.At.Add(time.Hour), org: directorytest.Organization("Ours"), other: directorytest.Organization("Theirs")}
	w.log = eventlog.New(d, func() time.Time { return w.now }, slog.New(slog.DiscardHandler))
	store := directorydb.New(d, vaulttest.Box())
	w.Service = directory.New(store, d, w.log, func() time.Time { return clock.At(w.now)() })
	ctx := t.Context()
	w.must(store.InsertOrganization(ctx, w.org))
	w.must(store.InsertOrganization(ctx, w.other))
	_, w.leader = directorytest.Person(ctx, t, store, w.org.ID, "leader", directory.Provider)
	_, w.ann = directorytest.Person(ctx, t, store, w.org.ID, "ann", directory.Participant)
	_, w.ben = directorytest.Person(ctx, t, store, w.org.ID, "ben", directory.Participant)
	_, w.cy = directorytest.Person(ctx, t, store, w.org.ID, "cy", directory.Participant)
	w.theirUser, w.theirs = directorytest.Person(ctx, t, store, w.other.ID, "theirs", directory.Participant)
	w.group = directorytest.Group(w.org.ID, "Ward 7")
	w.group.LeaderIDs, w.group.IndividualIDs = []id.ID{w.leader.ID}, []id.ID{w.ann.ID, w.ben.ID}
	w.must(store.InsertGroup(ctx, w.group))
	w.theirGroup = directorytest.Group(w.other.ID, "Theirs")
	w.theirGroup.IndividualIDs = []id.ID{w.theirs.ID}
	w.must(store.InsertGroup(ctx, w.theirGroup))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// as returns a context with an actor of our organization.
func (w *world) as(role actor.Role, person *directory.Individual, scopes ...string) context.Context {
	a := actor.Actor{KeyID: id.New(), OrganizationID: w.org.ID, Role: role, Scopes: scopes, RequestID: "test"}
	if len(scopes) == 0 {
		a.Scopes = []string{"*"}
	}
	if person != nil {
		a.UserID, a.Individuals = person.OwnerID, []id.ID{person.ID}
	}
	return actor.With(w.t.Context(), a)
}

func (w *world) admin() context.Context { return w.as(actor.Administrator, nil) }

// everyone is the role matrix: one context for each kind of caller, by name. Nobody has no actor at all.
func (w *world) everyone() map[string]context.Context {
	stranger := actor.Actor{KeyID: id.New(), OrganizationID: w.other.ID, Role: actor.Administrator, Scopes: []string{"*"}}
	return map[string]context.Context{
		"nobody":        w.t.Context(),
		"stranger":      actor.With(w.t.Context(), stranger),
		"member":        w.as(actor.Member, &w.ann),
		"provider":      w.as(actor.Member, &w.leader),
		"leader":        w.as(actor.Leader, &w.leader),
		"machine":       w.as(actor.Service, nil),
		"administrator": w.admin(),
		"unscoped":      w.as(actor.Administrator, nil, "texts"),
	}
}

// events returns the types of what was recorded, in order, but for who entered and left; see shares.
func (w *world) events() []string {
	w.t.Helper()
	out := []string{}
	for _, e := range w.entries() {
		if e.Type != directory.EventIndividualShared && e.Type != directory.EventIndividualUnshared {
			out = append(out, e.Type)
		}
	}
	return out
}

func (w *world) entries() []event.Entry {
	w.t.Helper()
	entries, err := w.log.Read(w.t.Context(), 0, 1000)
	w.must(err)
	return entries
}

// last returns the data of the newest event of a type.
func (w *world) last(typ string) string {
	w.t.Helper()
	out := ""
	for _, e := range w.entries() {
		if e.Type == typ {
			out = string(e.Data)
		}
	}
	return out
}

// audits counts the rows of the audit.
func (w *world) audits() int64 {
	w.t.Helper()
	n, err := db.Get(w.t.Context(), w.db.Q(w.t.Context()), db.Scalar[int64], "select count(*) from audit")
	w.must(err)
	return n
}

// refused checks that an error has a kind and blames exactly these fields, and that nothing was recorded.
func (w *world) refused(what string, err error, code errs.Code, fields ...string) {
	w.t.Helper()
	e, ok := err.(*errs.Error) //nolint:errorlint // the service returns it bare
	if !ok {
		w.t.Errorf("%s: %v, want %s", what, err, code.Name)
		return
	}
	got := map[string]bool{}
	for _, f := range e.Fields {
		got[f.Path] = true
	}
	want := map[string]bool{}
	for _, f := range fields {
		want[f] = true
	}
	if e.Code.Name != code.Name || !cmp.Equal(got, want) {
		w.t.Errorf("%s: %v (%s, %v), want %s blaming %v", what, e, e.Code.Name, got, code.Name, fields)
	}
	if n := len(w.entries()); n != 0 {
		w.t.Errorf("%s: %d events after a refusal", what, n)
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
