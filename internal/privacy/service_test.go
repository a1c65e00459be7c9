package privacy_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/privacy"
)

func TestRequestPurge_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.traces()
	_, err := w.RequestPurge(w.admin(), privacy.NewPurge{
		Kind: "pet", ReferenceID: strings.Repeat("x", 256), RequestID: strings.Repeat("x", 256),
	})
	for _, field := range []string{"entity_type", "entity_id", "reference_id", "request_id"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
	_, theirs := w.ask(privacy.Individual, w.eve)
	_, nobodys := w.ask(privacy.Individual, id.New())
	w.refused("another organization's", theirs, errs.CodeNotFound)
	if theirs.Error() != nobodys.Error() {
		t.Errorf("another organization's is %q, nobody's %q", theirs, nobodys)
	}
	_, err = w.ask(privacy.Organization, w.them)
	w.refused("another organization", err, errs.CodeNotFound)
	_, err = w.RequestPurge(w.as(actor.Administrator, "purge-data:read"), privacy.NewPurge{Kind: privacy.User, EntityID: w.ann})
	w.refused("a reader", err, errs.CodeDenied)
	_, err = w.RequestPurge(t.Context(), privacy.NewPurge{Kind: privacy.User, EntityID: w.ann})
	w.refused("nobody", err, errs.CodeUnauthenticated)
	if after := w.traces(); after != before {
		t.Errorf("refusals left %s, was %s", after, before)
	}
}

func TestRequestPurge_again(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := privacy.NewPurge{Kind: privacy.User, EntityID: w.ann, RequestID: "r"}
	first, err := w.RequestPurge(w.admin(), n)
	w.must(err)
	events := w.count("events")
	again, err := w.RequestPurge(w.admin(), n)
	if err != nil || again.ID != first.ID || w.count("purges") != 1 || w.count("events") != events {
		t.Errorf("asked again: %v, %v", again.ID, err)
	}
	_, err = w.RequestPurge(w.admin(), privacy.NewPurge{Kind: privacy.Individual, EntityID: w.ben, RequestID: "r"})
	w.refused("the id for another entity", err, errs.CodeInvalid)
	_, err = w.ask(privacy.User, w.ann)
	if w.refused("without the id", err, privacy.PurgeRunning); metaID(err) != first.ID {
		t.Errorf("it names %v", metaID(err))
	}
	theirs, err := w.RequestPurge(w.stranger(), privacy.NewPurge{Kind: privacy.Individual, EntityID: w.eve, RequestID: "r"})
	if err != nil || theirs.ID == first.ID {
		t.Errorf("another organization's request of that id: %v", err)
	}
	_, err = w.GetPurge(w.stranger(), first.ID)
	w.refused("a stranger", err, errs.CodeNotFound)
	l, err := w.ListPurges(w.stranger(), page.Offset{Limit: 10})
	if err != nil || l.Total != 1 || l.Items[0].ID != theirs.ID {
		t.Errorf("a stranger's list: %v, %v", l, err)
	}
	n2, err := w.Work(t.Context())
	if err != nil || n2 != 2 {
		t.Errorf("Work = %d, %v", n2, err)
	}
	done, err := w.RequestPurge(w.admin(), n)
	if err != nil || done.ID != first.ID || done.State != privacy.Completed {
		t.Errorf("asked again when it is done: %s, %v", done.State, err)
	}
}

func TestWork_leavesTombstones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := id.Derived("what another system calls Ann")
	w.Names = func(_ context.Context, s privacy.Subject) ([]id.ID, error) {
		if s.Kind == privacy.User {
			return []id.ID{name}, nil
		}
		return nil, nil
	}
	p, err := w.ask(privacy.User, w.ann)
	w.must(err)
	_, err = w.Work(t.Context())
	w.must(err)
	purged, err := w.Purged(t.Context(), []id.ID{w.ann, w.person, name, w.ben})
	if err != nil || len(purged) != 3 || purged[name].PurgeID != p.ID {
		t.Errorf("purged = %v, %v", purged, err)
	}
	if _, err := privacy.VerifyReport(t.Context(), []byte(w.purge(p.ID).Report), signer{}.Verify); err != nil {
		t.Error(err)
	}
}

// TestWork_forgets takes what the audit says of all that is purged, and of nothing else, and has the report count it.
func TestWork_forgets(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind   privacy.Kind
		entity func(w *world) id.ID
		want   int64
		left   func(w *world) map[id.ID]int64
	}{
		"a user, with the individual": {privacy.User, func(w *world) id.ID { return w.ann }, 5, func(w *world) map[id.ID]int64 {
			return map[id.ID]int64{w.ben: 7, w.ours: 1201, w.them: 11}
		}},
		"an organization, in parts": {privacy.Organization, func(w *world) id.ID { return w.ours }, 1201, func(w *world) map[id.ID]int64 {
			return map[id.ID]int64{w.ann: 2, w.person: 3, w.ben: 7, w.ours: 0, w.them: 11} // records and organizations are counted apart here
		}},
	} {
		w := newWorld(t)
		w.audited = map[id.ID]int64{w.ann: 2, w.person: 3, w.ben: 7, w.ours: 1201, w.them: 11}
		p, err := w.ask(tc.kind, tc.entity(w))
		w.must(err)
		_, err = w.Work(t.Context())
		w.must(err)
		if p = w.purge(p.ID); p.State != privacy.Completed || p.Counts["audit"].Blanked != tc.want {
			t.Errorf("%s: %s, %+v; want %d rows of the audit", name, p.State, p.Counts["audit"], tc.want)
		}
		if left := tc.left(w); !maps.Equal(w.audited, left) {
			t.Errorf("%s: %v are left, want %v", name, w.audited, left)
		}
	}
}

func (w *world) purge(purge id.ID) privacy.Purge {
	w.t.Helper()
	p, err := w.GetPurge(w.admin(), purge)
	w.must(err)
	return p
}

// TestWork_waitsForTheDatabase shows that only a hold ends a purge; what cannot be read now is tried again.
func TestWork_waitsForTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold(privacy.Individual, w.ben)
	p, err := w.ask(privacy.User, w.ann)
	w.must(err)
	broken := errors.New("the database is away")
	w.data.fails = broken
	if _, err := w.Work(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Work = %v", err)
	}
	w.data.fails = nil
	if got := w.purge(p.ID); got.State != privacy.Requested {
		t.Fatalf("it is %s: %s", got.State, got.Failure)
	}
	w.pass(time.Minute)
	if n, err := w.Work(t.Context()); n != 1 || err != nil {
		t.Errorf("Work = %d, %v", n, err)
	}
}

// leases counts renewals, and refuses them when it is told that the purge was taken over.
type leases struct {
	privacy.Store
	renewed int
	until   time.Time
	lost    bool
}

// RenewPurge implements privacy.Store.
func (l *leases) RenewPurge(_ context.Context, _, _ id.ID, until time.Time) error {
	l.renewed++
	l.until = until
	if l.lost {
		return privacy.ErrLeaseLost
	}
	return nil
}

// memory is a store of one purge, for tests in which time passes only as they let it.
type memory struct {
	privacy.Store
	purge privacy.Purge
	taken bool
}

func (m *memory) ClaimPurge(context.Context, id.ID, time.Time, time.Time) (privacy.Purge, bool, error) {
	defer func() { m.taken = true }()
	return m.purge, !m.taken, nil
}

func (m *memory) SavePurge(_ context.Context, p privacy.Purge, _ id.ID, _ time.Time) error {
	m.purge = p
	return nil
}

func (m *memory) ActiveHolds(context.Context, id.ID, time.Time) ([]privacy.Hold, error) {
	return nil, nil
}
func (m *memory) InsertTombstones(context.Context, []privacy.Tombstone) error { return nil }

// TestWork_letsOthersPass shows that a purge which cannot go on keeps no younger one waiting, and is tried again after longer and
// longer pauses until it can.
func TestWork_letsOthersPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.data.stuck = w.ann
	stuck, err := w.ask(privacy.User, w.ann)
	w.must(err)
	younger, err := w.ask(privacy.Individual, w.ben)
	w.must(err)
	if n, err := w.Work(t.Context()); n != 1 || err == nil || !strings.Contains(err.Error(), w.ann.String()) {
		t.Errorf("Work = %d, %v", n, err)
	}
	state := func(purge id.ID) (privacy.State, int) {
		t.Helper()
		p, err := w.GetPurge(w.admin(), purge)
		w.must(err)
		return p.State, p.FailedAttempts
	}
	if s, n := state(younger.ID); s != privacy.Completed || n != 0 {
		t.Errorf("the younger is %s after %d failures", s, n)
	}
	pause := 30 * time.Second
	for failures := 1; failures < 10; failures++ { // the first of them, getting as far as the user, counts anew
		if s, n := state(stuck.ID); s != privacy.Running || n != failures {
			t.Errorf("the purge is %s after %d failures, want %d", s, n, failures)
		}
		w.pass(pause - time.Second)
		if n, err := w.Work(t.Context()); n != 0 || err != nil {
			t.Errorf("before the end of its pause of %s: %d, %v", pause, n, err)
		}
		w.pass(time.Second)
		if _, err := w.Work(t.Context()); err == nil {
			t.Errorf("it is not tried after %s", pause)
		}
		pause = min(2*pause, time.Hour)
	}
	w.data.stuck = id.Nil
	w.pass(time.Hour)
	if n, err := w.Work(t.Context()); n != 1 || err != nil {
		t.Errorf("Work = %d, %v", n, err)
	}
	if s, _ := state(stuck.ID); s != privacy.Completed {
		t.Errorf("it is %s", s)
	}
}

// TestWork_countsFailuresAnewWhenItGotOn keeps one that gets on from waiting as long as one that gets nowhere.
func TestWork_countsFailuresAnewWhenItGotOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.data.stuck = w.person
	p, err := w.ask(privacy.User, w.ann)
	w.must(err)
	fails := func() {
		t.Helper()
		if _, err := w.Work(t.Context()); err == nil {
			t.Error("nothing failed")
		}
		w.pass(time.Hour)
	}
	for range 3 {
		fails()
	}
	w.data.stuck = w.ann
	fails()
	if p, err = w.GetPurge(w.admin(), p.ID); err != nil || p.FailedAttempts != 1 || p.Done != 1 {
		t.Errorf("%d failures after %d subjects, %v", p.FailedAttempts, p.Done, err)
	}
}

// TestWork_renewsItsLease lets a closing step and the scrubbing take far longer than a lease.
func TestWork_renewsItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l, d := slow(t)
		d.scrub = func(context.Context) error { time.Sleep(time.Hour); return nil }
		if n, err := s.Work(t.Context()); n != 1 || err != nil {
			t.Errorf("Work = %d, %v", n, err)
		}
		if l.renewed < 200 || time.Since(l.until) > 0 {
			t.Errorf("the lease was renewed %d times in two hours, until %v", l.renewed, l.until)
		}
		renewed := l.renewed
		time.Sleep(time.Hour)
		if l.renewed != renewed {
			t.Error("it is renewed although nothing is done")
		}
	})
}

// TestWork_stopsWhenItsLeaseIsLost shows that a worker whose purge another one has taken does not go on with it.
func TestWork_stopsWhenItsLeaseIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l, d := slow(t)
		d.scrub = func(ctx context.Context) error {
			l.lost = true
			<-ctx.Done()
			return ctx.Err()
		}
		if n, err := s.Work(t.Context()); n != 0 || !errors.Is(err, privacy.ErrLeaseLost) {
			t.Errorf("Work = %d, %v", n, err)
		}
	})
}

// direct runs transactions that are none.
type direct struct{}

func (direct) Do(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }

// slow returns a service with one purge to do, of which closing takes an hour.
func slow(t *testing.T) (*privacy.Service, *leases, *data) {
	t.Helper()
	org, who := id.New(), id.New()
	subject := privacy.Subject{Kind: privacy.Individual, ID: who, OrganizationID: org}
	l := &leases{Store: &memory{purge: privacy.Purge{
		ID: id.New(), OrganizationID: org, Kind: privacy.Individual, EntityID: who, State: privacy.Requested, Stage: privacy.Archiving,
		Subjects: []privacy.Subject{subject},
	}}}
	d := &data{subjects: map[id.ID][]privacy.Subject{who: {subject}}}
	closer := privacy.CloserFunc(func(context.Context, privacy.Subject) error { time.Sleep(time.Hour); return nil })
	return privacy.New(privacy.Options{
		Store: l, Data: d, Tx: direct{}, Events: discard{}, People: &world{}, Audit: &world{}, Signer: signer{}, Clock: time.Now,
		Closers: []privacy.Closer{closer},
	}), l, d
}

func TestRun_doesWhatIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.data.scrub = func(context.Context) error { cancel(); return nil }
	_, err := w.ask(privacy.User, w.ann)
	w.must(err)
	w.Run(ctx, time.Hour, func(err error) { t.Errorf("failed: %v", err) })
	if len(w.data.erased) != 2 {
		t.Errorf("erased %v", w.data.erased)
	}
}

// TestImport_refuses brings nothing back that is not the organization's own, whole and signed.
func TestImport_refuses(t *testing.T) {
	t.Parallel()
	row := `{"id":"` + id.New().String() + `"}` + "\n"
	for name, c := range map[string]struct {
		line   string
		change func(t *testing.T, folder string)
		as     func(w *world) context.Context
		o      privacy.ImportOptions
		want   string
	}{
		"a changed row":              {line: row, want: "changed", change: rewrite("records/people.jsonl", `{"id"`, `{"ID"`)},
		"a shortened file":           {line: row, want: "changed", change: rewrite("records/people.jsonl", row, "")},
		"a manifest of other hashes": {line: row, want: "signature", change: rewrite("manifest.json", `"sha256":"`, `"sha256":"0`)},
		"a manifest without files":   {line: row, want: "no switchboard-export-1", change: rewrite("manifest.json", `"format":"switchboard-export-1"`, `"format":"switchboard-purge-report-1"`)},
		"no manifest":                {line: row, want: "not whole", change: remove("manifest.json")},
		"a file that is gone":        {line: row, want: "no such file", change: remove("records/people.jsonl")},
		"what is no JSON":            {line: "rubbish\n", want: "cannot be read"},
		"another's row":              {line: `{"organization_id":"` + id.New().String() + `"}` + "\n", want: "another organization"},
		"another's export":           {line: row, want: "only an administrator", as: (*world).stranger},
		"not the one that was named": {line: row, want: "is of organization", o: privacy.ImportOptions{OrganizationID: id.New()}},
		"a member":                   {line: row, want: "only administrators", as: func(w *world) context.Context { return w.as(actor.Member, "*") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.data.lines = []privacy.Line{{Table: "people", JSON: []byte(c.line)}}
			folder := filepath.Join(t.TempDir(), "export")
			_, err := w.Export(w.admin(), privacy.Individual, w.ben, folder, nil)
			w.must(err)
			if c.change != nil {
				c.change(t, folder)
			}
			ctx := w.admin()
			if c.as != nil {
				ctx = c.as(w)
			}
			c.o.Verify = signer{}.Verify
			if _, err = w.Import(ctx, folder, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Import = %v, want %q", err, c.want)
			}
			if len(w.data.imported) > 0 || w.count("events where type = 'privacy.data.imported'") > 0 {
				t.Error("something was brought back")
			}
		})
	}
}

func rewrite(name, old, with string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		path := filepath.Join(folder, name)
		raw, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(raw), old) {
			t.Fatalf("%s has no %q, %v", name, old, err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(raw), old, with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, folder string) {
		t.Helper()
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExport_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "x")
	for name, c := range map[string]struct {
		ctx    context.Context
		entity id.ID
		want   errs.Code
	}{
		"another organization's": {w.admin(), w.eve, errs.CodeNotFound},
		"nobody's":               {w.admin(), id.New(), errs.CodeNotFound},
		"as a leader":            {w.as(actor.Leader, "*"), w.ben, errs.CodeDenied},
		"without the scope":      {w.as(actor.Administrator, "users"), w.ben, errs.CodeDenied},
	} {
		_, err := w.Export(c.ctx, privacy.Individual, c.entity, path, nil)
		w.refused(name, err, c.want)
	}
	if _, err := os.Lstat(path); err == nil || w.count("audit where action = 'privacy.data.exported'") != 0 {
		t.Error("a refused export was written or audited")
	}
	w.data.lines = []privacy.Line{{Table: "../people", JSON: []byte("{}\n")}, {Table: "../../../people", JSON: []byte("{}\n")}}
	if _, err := w.Export(w.admin(), privacy.Individual, w.ben, path, nil); err == nil {
		t.Error("a table may leave the folder")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) > 0 {
		t.Errorf("an export that failed leaves %v, %v", left, err)
	}
	if n := w.count("audit where action = 'privacy.data.exported'"); n != 1 {
		t.Errorf("it is audited %d times", n)
	}
}
