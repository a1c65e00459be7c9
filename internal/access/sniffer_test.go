package access_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/access"
	"switchboard/internal/access/accessdb"
	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/vault/vaulttest"
)

// sniffing is the rules of sniffers in a world.
type sniffing struct {
	*access.Sniffers
	*world
	store   access.SnifferStore
	log     *eventlog.Log
	metrics *prometheus.Registry
}

func newSniffing(t *testing.T, d *db.DB, wrap func(access.SnifferStore) access.SnifferStore) *sniffing {
	t.Helper()
	w := &sniffing{world: newWorld(t, d), metrics: prometheus.NewRegistry()}
	w.store = accessdb.New(d, vaulttest.Box())
	if wrap != nil {
		w.store = wrap(w.store)
	}
	w.log = eventlog.New(d, w.clock, slog.New(slog.DiscardHandler))
	w.Sniffers = access.NewSniffers(access.SnifferOptions{
		Store: w.store, Tx: d, Events: w.log, Directory: w.people, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Metrics: w.metrics,
	})
	t.Cleanup(w.Stop)
	return w
}

func (w *sniffing) as(t *testing.T, role actor.Role, scopes ...string) context.Context {
	t.Helper()
	a := actor.Actor{KeyID: id.New(), OrganizationID: w.org, UserID: id.New(), Role: role, Scopes: scopes, RequestID: "r-1"}
	return actor.With(t.Context(), a)
}

func (w *sniffing) start(t *testing.T, life time.Duration) access.Sniffer {
	t.Helper()
	n, err := w.Sniffers.Create(w.as(t, actor.Administrator, "*"), w.user, w.clock().Add(life))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *sniffing) logs(t *testing.T, of access.Sniffer) []access.SnifferLog {
	t.Helper()
	l, err := w.Logs(w.as(t, actor.Administrator, "sniffers:read"), of.ID, page.Offset{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return l.Items
}

func (w *sniffing) caller() actor.Actor {
	return actor.Actor{OrganizationID: w.org, UserID: w.user, Role: actor.Member}
}

func (w *sniffing) audits(t *testing.T, action string) int {
	t.Helper()
	n, err := db.Get(t.Context(), w.db.Q(t.Context()), db.Scalar[int64], "select count(*) from audit where action = $1", action)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// dropped returns what the metric says.
func (w *sniffing) dropped(t *testing.T) float64 {
	t.Helper()
	all, err := w.metrics.Gather()
	if err != nil || len(all) != 1 || all[0].GetName() != "switchboard_sniffer_dropped_total" {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0].GetMetric()[0].GetCounter().GetValue()
}

func TestSniffers_roles(t *testing.T) {
	t.Parallel()
	w := newSniffing(t, dbtest.SQLite(t), nil)
	n := w.start(t, time.Hour)
	until := w.clock().Add(time.Hour)
	for name, tc := range map[string]struct {
		as          context.Context
		read, write errs.Kind
	}{
		"nobody":                     {t.Context(), errs.Unauthenticated, errs.Unauthenticated},
		"a member":                   {w.as(t, actor.Member, "*"), errs.Denied, errs.Denied},
		"a leader":                   {w.as(t, actor.Leader, "*"), errs.Denied, errs.Denied},
		"a machine":                  {w.as(t, actor.Service, "*"), errs.Denied, errs.Denied},
		"without the scope":          {w.as(t, actor.Administrator, "users"), errs.Denied, errs.Denied},
		"with the scope to read":     {w.as(t, actor.Administrator, "sniffers:read"), 0, errs.Denied},
		"with the scope to write":    {w.as(t, actor.Administrator, "sniffers:write"), errs.Denied, 0},
		"of another organization":    {actor.With(t.Context(), actor.System(id.New())), errs.NotFound, errs.NotFound},
		"the user who is recorded":   {actor.With(t.Context(), actor.Actor{OrganizationID: w.org, UserID: w.user, Role: actor.Member, Scopes: []string{"*"}}), errs.Denied, errs.Denied},
		"the administrator, with it": {w.as(t, actor.Administrator, "sniffers"), 0, 0},
	} {
		check := func(what string, err error, want errs.Kind) {
			t.Helper()
			if want == 0 && err != nil || want != 0 && errs.KindOf(err) != want {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		_, err := w.Get(tc.as, n.ID)
		check("get", err, tc.read)
		_, err = w.Logs(tc.as, n.ID, page.Offset{Limit: 1})
		check("logs", err, tc.read)
		l, err := w.List(tc.as, id.Nil, page.Offset{Limit: 1})
		if tc.read == errs.NotFound {
			if err != nil || l.Total != 0 {
				t.Errorf("%s lists %d: %v", name, l.Total, err)
			}
		} else {
			check("list", err, tc.read)
		}
		made, err := w.Sniffers.Create(tc.as, w.user, until)
		check("create", err, tc.write)
		if err == nil {
			check("delete", w.Sniffers.Delete(tc.as, made.ID), tc.write)
		} else {
			check("delete", w.Sniffers.Delete(tc.as, n.ID), tc.write)
		}
	}
	if _, err := w.Get(w.as(t, actor.Administrator, "*"), n.ID); err != nil {
		t.Errorf("a refusal deleted it: %v", err)
	}
}

func TestSniffers_Create_refuses(t *testing.T) {
	t.Parallel()
	w := newSniffing(t, dbtest.SQLite(t), nil)
	admin := w.as(t, actor.Administrator, "*")
	for name, tc := range map[string]struct {
		user  id.ID
		life  time.Duration
		code  errs.Code
		field string
	}{
		"in the past":        {w.user, -time.Second, errs.CodeInvalid, "valid_until"},
		"now":                {w.user, 0, errs.CodeInvalid, "valid_until"},
		"beyond seven days":  {w.user, 7*24*time.Hour + time.Millisecond, errs.CodeInvalid, "valid_until"},
		"a user of nobody's": {id.New(), time.Hour, errs.CodeNotFound, "user_id"},
	} {
		_, err := w.Sniffers.Create(admin, tc.user, w.clock().Add(tc.life))
		var e *errs.Error
		if !errors.As(err, &e) || e.Code.Name != tc.code.Name || len(e.Fields) != 1 || e.Fields[0].Path != tc.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.audits(t, "access.sniffer.created"); n != 0 {
		t.Errorf("%d refusals in the audit", n)
	}
	w.start(t, 7*24*time.Hour)
	for range access.LiveSniffers - 1 {
		w.start(t, time.Minute)
	}
	if _, err := w.Sniffers.Create(admin, w.user, w.clock().Add(time.Minute)); !errs.Is(err, access.CodeSniffers) {
		t.Errorf("one too many: %v", err)
	}
	w.pass(time.Minute)
	w.start(t, time.Minute)
}

func TestSniffers_record(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newSniffing(t, d, nil)
		n, again := w.start(t, time.Hour), w.start(t, 2*time.Hour)
		w.Start()
		w.Start()
		e := w.Begin(w.Of(w.caller()))
		e.Method, e.Path, e.Status = "POST", "/v1/x/", 201
		e.Request = access.Captured{ContentType: "application/json", Data: []byte(`{"password":"hunter2"}`), Size: 22}
		w.Record(e)
		w.Stop()
		w.Stop()
		for _, of := range []access.Sniffer{n, again} {
			got := w.logs(t, of)
			if len(got) != 1 || got[0].Body != `{"password":"[redacted]"}` || got[0].Status != 201 || !got[0].CreatedAt.Equal(w.clock()) {
				t.Errorf("recorded %+v", got)
			}
		}
		if got := w.audits(t, "access.sniffer.logs-read"); got != 2 {
			t.Errorf("%d readings in the audit", got)
		}
		if err := w.Sniffers.Delete(w.as(t, actor.Administrator, "*"), n.ID); err != nil {
			t.Fatal(err)
		}
		if left, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from sniffer_logs"); err != nil || left != 1 {
			t.Errorf("%d logs are left, %v", left, err)
		}
		if w.audits(t, "access.sniffer.created") != 2 || w.audits(t, "access.sniffer.deleted") != 1 {
			t.Error("the audit lacks what was done")
		}
		w.pass(access.SnifferLife)
		if pruned, err := w.Prune(t.Context()); err != nil || pruned != 0 {
			t.Errorf("pruned %d, %v", pruned, err)
		}
		w.pass(access.SnifferKept)
		if pruned, err := w.Prune(t.Context()); err != nil || pruned != 1 {
			t.Errorf("pruned %d, %v", pruned, err)
		}
	})
}

// unreadable is a recorder whose audit cannot be written.
type unreadable struct{ event.Recorder }

func (unreadable) Audit(context.Context, ...event.Change) error {
	return errs.CodeUnavailable.Errorf("down")
}

func TestSniffers_Logs_notWithoutAudit(t *testing.T) {
	t.Parallel()
	w := newSniffing(t, dbtest.SQLite(t), nil)
	n := w.start(t, time.Hour)
	s := access.NewSniffers(access.SnifferOptions{Store: w.store, Tx: w.db, Events: unreadable{w.log}, Directory: w.people, Clock: w.clock})
	if l, err := s.Logs(w.as(t, actor.Administrator, "*"), n.ID, page.Offset{Limit: 1}); errs.KindOf(err) != errs.Unavailable || l.Items != nil {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestSniffers_Of(t *testing.T) {
	t.Parallel()
	w := newSniffing(t, dbtest.SQLite(t), nil)
	short, long := w.start(t, time.Minute), w.start(t, time.Hour)
	if got := w.Of(w.caller()); got != nil {
		t.Errorf("before Start: %v", got)
	}
	w.Start()
	machine, stranger := w.caller(), w.caller()
	machine.UserID, stranger.OrganizationID = id.Nil, id.New()
	other := w.caller()
	other.UserID = id.New()
	for name, a := range map[string]actor.Actor{"a machine": machine, "the user's name in another organization": stranger, "another user": other, "nobody": {}} {
		if got := w.Of(a); got != nil {
			t.Errorf("%s is recorded by %v", name, got)
		}
	}
	if got := w.Of(w.caller()); len(got) != 2 {
		t.Errorf("recorded by %v", got)
	}
	w.pass(time.Minute - time.Millisecond)
	if got := w.Of(w.caller()); len(got) != 2 || got[0] != short {
		t.Errorf("just before the end: %v", got)
	}
	w.pass(time.Millisecond) // valid-until is exact, whatever this node has read last
	if got := w.Of(w.caller()); len(got) != 1 || got[0] != long {
		t.Errorf("at the end: %v", got)
	}
	w.pass(time.Hour)
	if got := w.Of(w.caller()); got != nil {
		t.Errorf("after all ended: %v", got)
	}
	if got := (*access.Sniffers)(nil).Of(w.caller()); got != nil {
		t.Errorf("without sniffers: %v", got)
	}
}

// TestSniffers_Follow shows that a node learns from the log of what another one did.
func TestSniffers_Follow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newSniffing(t, d, nil)
		here := newSniffing(t, d, nil)
		here.org, here.user, here.people = w.org, w.user, w.people
		here.Start()
		w.log.Start()
		t.Cleanup(w.log.Stop)
		ready, told := make(chan struct{}), make(chan struct{}, 8)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.log.Tail(ctx, ready, func(entries []event.Entry) {
			here.Follow(entries)
			told <- struct{}{}
		})
		<-ready
		eventually := func(what string, holds func() bool) {
			t.Helper()
			for deadline := time.Now().Add(2 * time.Minute); !holds(); {
				select {
				case <-told:
				case <-time.After(10 * time.Millisecond):
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s: not after two minutes", what)
				}
			}
		}
		n := w.start(t, time.Hour)
		eventually("a sniffer of another node", func() bool { return here.Of(here.caller()) != nil })
		if err := w.Sniffers.Delete(w.as(t, actor.Administrator, "*"), n.ID); err != nil {
			t.Fatal(err)
		}
		eventually("its deletion", func() bool { return here.Of(here.caller()) == nil })
	})
}

// stuck is a store that lets a test hold the recorder up, and fail.
type stuck struct {
	access.SnifferStore
	entered, release chan struct{}
	err              error
}

func (s *stuck) AppendLogs(ctx context.Context, logs []access.SnifferLog, keep int) error {
	s.entered <- struct{}{}
	<-s.release
	if s.err != nil {
		return s.err
	}
	return s.SnifferStore.AppendLogs(ctx, logs, keep)
}

// TestSniffers_Record_neverWaits fills the queue behind a database that hangs: what does not fit is dropped and counted.
func TestSniffers_Record_neverWaits(t *testing.T) {
	t.Parallel()
	hold := &stuck{entered: make(chan struct{}, 100), release: make(chan struct{})}
	w := newSniffing(t, dbtest.SQLite(t), func(s access.SnifferStore) access.SnifferStore { hold.SnifferStore = s; return hold })
	n := w.start(t, time.Hour)
	w.Start()
	live := w.Of(w.caller())
	w.Record(w.Begin(live))
	<-hold.entered
	const queue, more = 256, 7
	for range queue + more {
		w.Record(w.Begin(live))
	}
	if got := w.dropped(t); got != more {
		t.Errorf("%v were dropped", got)
	}
	close(hold.release)
	w.Stop()
	if l, err := w.Logs(w.as(t, actor.Administrator, "*"), n.ID, page.Offset{Limit: 1}); err != nil || l.Total != 1+queue {
		t.Errorf("%d were recorded, %v", l.Total, err)
	}
}

func TestSniffers_storeFails(t *testing.T) {
	t.Parallel()
	hold := &stuck{entered: make(chan struct{}, 100), release: make(chan struct{}), err: errors.New("no room")}
	close(hold.release)
	w := newSniffing(t, dbtest.SQLite(t), func(s access.SnifferStore) access.SnifferStore { hold.SnifferStore = s; return hold })
	w.start(t, time.Hour)
	w.Start()
	for range 3 {
		w.Record(w.Begin(w.Of(w.caller())))
	}
	w.Stop()
	if got := w.dropped(t); got != 3 {
		t.Errorf("%v were dropped", got)
	}
}

// TestSniffers_Of_costsNothing is the promise to everybody who is not recorded.
func TestSniffers_Of_costsNothing(t *testing.T) {
	w := newSniffing(t, dbtest.SQLite(t), nil)
	w.Start()
	a := w.caller()
	if n := testing.AllocsPerRun(1000, func() { w.Of(a) }); n != 0 {
		t.Errorf("%v allocations while nobody is recorded", n)
	}
}

func BenchmarkSniffers_Of(b *testing.B) {
	s := access.NewSniffers(access.SnifferOptions{Clock: time.Now})
	a := actor.Actor{OrganizationID: id.New(), UserID: id.New()}
	b.ReportAllocs()
	for b.Loop() {
		s.Of(a)
	}
}
