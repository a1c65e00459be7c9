package privacy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/privacy"
	"switchboard/internal/privacy/privacydb"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a service over a real store, with data that is only said to be there: Ann, a user with an individual in a ward,
// Ben, who is in no group, and another organization's Eve.
type world struct {
	*privacy.Service
	t           *testing.T
	db          *db.DB
	data        *data
	ours, them  id.ID
	ann, person id.ID // the user and the individual
	ben, eve    id.ID
	ward        id.ID
	mu          sync.Mutex
	now         time.Time
	audited     map[id.ID]int64 // how many rows of the audit say something: about a record, or about the rest of an organization
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, db: dbtest.SQLite(t), ours: id.New(), them: id.New(), ann: id.New(), person: id.New(), ben: id.New(), eve: id.New(),
		ward: id.New(), now: start, audited: map[id.ID]int64{},
	}
	individual, eve := privacy.Subject{Kind: privacy.Individual, ID: w.person, OrganizationID: w.ours}, privacy.Subject{Kind: privacy.Individual, ID: w.eve, OrganizationID: w.them}
	w.data = &data{subjects: map[id.ID][]privacy.Subject{
		w.ann:    {individual, {Kind: privacy.User, ID: w.ann, OrganizationID: w.ours}},
		w.person: {individual},
		w.ben:    {{Kind: privacy.Individual, ID: w.ben, OrganizationID: w.ours}},
		w.ward:   {{Kind: privacy.Group, ID: w.ward, OrganizationID: w.ours}},
		w.ours:   {{Kind: privacy.Organization, ID: w.ours, OrganizationID: w.ours}},
		w.eve:    {eve},
	}}
	w.Service = privacy.New(privacy.Options{
		Store: privacydb.New(w.db), Data: w.data, Tx: w.db, Events: eventlog.New(w.db, w.clock, slog.New(slog.DiscardHandler)), People: w, Audit: w,
		Signer: signer{}, Clock: w.clock, Folder: t.TempDir(),
	})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// GroupsOf implements privacy.People.
func (w *world) GroupsOf(_ context.Context, _ id.ID, individuals []id.ID) ([]id.ID, error) {
	if slices.Contains(individuals, w.person) {
		return []id.ID{w.ward}, nil
	}
	return nil, nil
}

// Forget implements privacy.Audit.
func (w *world) Forget(_ context.Context, _ id.ID, records []id.ID, _ id.ID) (n int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range records {
		n += w.audited[r]
		delete(w.audited, r)
	}
	return n, nil
}

// ForgetOrganization implements privacy.Audit.
func (w *world) ForgetOrganization(_ context.Context, organization, _ id.ID, limit int) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(w.audited[organization], int64(limit))
	w.audited[organization] -= n
	return n, nil
}

func (w *world) as(role actor.Role, scopes ...string) context.Context {
	return actor.With(w.t.Context(), actor.Actor{KeyID: id.New(), OrganizationID: w.ours, Role: role, Scopes: scopes, RequestID: "test"})
}

func (w *world) admin() context.Context { return w.as(actor.Administrator, "*") }

func (w *world) stranger() context.Context {
	return actor.With(w.t.Context(), actor.Actor{KeyID: id.New(), OrganizationID: w.them, Role: actor.Administrator, Scopes: []string{"*"}})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(what string, err error, code errs.Code) {
	w.t.Helper()
	if !errs.Is(err, code) {
		w.t.Errorf("%s: %v, want %s", what, err, code.Name)
	}
}

func (w *world) hold(kind privacy.Kind, entity id.ID) privacy.Hold {
	w.t.Helper()
	h, err := w.CreateHold(w.admin(), privacy.NewHold{Kind: kind, EntityID: entity, Reason: "a court asks"})
	w.must(err)
	return h
}

func (w *world) ask(kind privacy.Kind, entity id.ID) (privacy.Purge, error) {
	return w.RequestPurge(w.admin(), privacy.NewPurge{Kind: kind, EntityID: entity})
}

// count counts rows; nothing changed while it stays.
func (w *world) count(what string) int64 {
	w.t.Helper()
	n, err := db.Get(w.t.Context(), w.db.Q(w.t.Context()), db.Scalar[int64], "select count(*) from "+what)
	w.must(err)
	return n
}

func (w *world) traces() string {
	return fmt.Sprint(w.count("purges"), w.count("legal_holds"), w.count("tombstones"), w.count("events"), w.count("audit where action like 'privacy.%'"))
}

// data is what is stored, of which only that it was erased matters here.
type data struct {
	subjects map[id.ID][]privacy.Subject
	lines    []privacy.Line
	imported []privacy.Line
	erased   []id.ID
	scrub    func(ctx context.Context) error
	fails    error
	stuck    id.ID // a subject that cannot be erased
}

// Find implements privacy.Data.
func (d *data) Find(_ context.Context, organization id.ID, kind privacy.Kind, entity id.ID) ([]privacy.Subject, error) {
	if d.fails != nil {
		return nil, d.fails
	}
	found := d.subjects[entity]
	if len(found) == 0 || found[len(found)-1].Kind != kind || found[0].OrganizationID != organization {
		return nil, nil
	}
	return found, nil
}

// Erase implements privacy.Data.
func (d *data) Erase(ctx context.Context, s privacy.Subject, _ json.RawMessage, _ int, save privacy.SaveProgress) (privacy.Erased, error) {
	if s.ID == d.stuck {
		return privacy.Erased{}, errors.New("a row cannot be deleted")
	}
	e := privacy.Erased{Progress: json.RawMessage("{}"), Counts: map[string]privacy.Tally{"people": {Deleted: 1}}, Done: true}
	d.erased = append(d.erased, s.ID)
	return e, save(ctx, e)
}

// Identities implements privacy.Data.
func (d *data) Identities(_ context.Context, s privacy.Subject, _ int, fn func([]id.ID) error) error {
	return fn([]id.ID{s.ID})
}

// Scrub implements privacy.Data.
func (d *data) Scrub(ctx context.Context) error {
	if d.scrub != nil {
		return d.scrub(ctx)
	}
	return nil
}

// Export implements privacy.Data.
func (d *data) Export(_ context.Context, _ []privacy.Subject, row func(string, []byte) error) error {
	for _, l := range d.lines {
		if err := row(l.Table, l.JSON); err != nil {
			return err
		}
	}
	return nil
}

// Compare implements privacy.Data.
func (d *data) Compare(_ context.Context, lines []privacy.Line) (privacy.Outcome, error) {
	return privacy.Outcome{Added: int64(len(lines))}, nil
}

// Import implements privacy.Data.
func (d *data) Import(_ context.Context, lines []privacy.Line) (privacy.Outcome, error) {
	d.imported = append(d.imported, lines...)
	return privacy.Outcome{Added: int64(len(lines))}, nil
}

// Link implements privacy.Data.
func (d *data) Link(context.Context, []privacy.Line) error { return nil }

// signer signs with the message itself, which is enough to see a changed one.
type signer struct{}

// Sign implements privacy.Signer.
func (signer) Sign(_ context.Context, message []byte) (string, []byte, error) {
	return "key", slices.Clone(message), nil
}

// Verify implements privacy.Signer.
func (signer) Verify(_ context.Context, _ string, message, signature []byte) error {
	if string(message) != string(signature) {
		return errors.New("it was changed")
	}
	return nil
}

// discard records nothing.
type discard struct{ event.Recorder }

func (discard) Record(context.Context, ...event.Change) error { return nil }
