package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/audit"
	"switchboard/internal/audit/audittest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
)

// written returns a world with three blocks of ten rows.
func written(t *testing.T, d *db.DB) *audittest.World {
	t.Helper()
	w := audittest.New(d)
	for range 3 {
		w.Write(t, audittest.Administrator(w.Org), "test.thing.done", 10)
		w.Chain(t)
	}
	return w
}

// TestService_Verify_findsTampering changes the database in every way that somebody may who owns it, and has Verify find it.
func TestService_Verify_findsTampering(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tamper func(t *testing.T, w *audittest.World)
		fault  audit.Fault
		place  int64
		block  int64
	}{
		"a changed detail": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, `update audit set detail = '{"after":{"text":"harmless"}}' where place = 15`)
		}, audit.FaultChanged, 15, 0},
		"a changed actor": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit set user_id = $1 where place = 15", id.New())
		}, audit.FaultChanged, 15, 0},
		"nobody in place of an individual": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit set as_individual_id = null where place = 15")
		}, audit.FaultChanged, 15, 0},
		"a changed time": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit set at = $1 where place = 15", audittest.Noon.Add(-time.Hour))
		}, audit.FaultChanged, 15, 0},
		"a changed salt": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit set salt = $1 where place = 15", []byte("0123456789abcdef"))
		}, audit.FaultChanged, 15, 0},
		"a removed row": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit where place = 11")
		}, audit.FaultRemoved, 11, 0},
		"the last row removed": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit where place = 30")
		}, audit.FaultRemoved, 30, 0},
		"a removed row, and the gap closed": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit where place = 15")
			w.Exec(t, "drop index audit_place")
			w.Exec(t, "update audit set place = place - 1 where place > 15")
		}, audit.FaultReordered, 15, 0},
		"all rows removed": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit")
		}, audit.FaultRemoved, 1, 0},
		"an inserted row at a place that is taken": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "drop index audit_place")
			w.Exec(t, "insert into audit (id, organization_id, action, at, place) values ($1, $2, 'x', $3, 15)", id.New(), w.Org, w.Clock())
		}, audit.FaultInserted, 15, 0},
		"an inserted row beyond the blocks": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "insert into audit (id, organization_id, action, at, place) values ($1, $2, 'x', $3, 31)", id.New(), w.Org, w.Clock())
		}, audit.FaultInserted, 31, 0},
		"an inserted row before the blocks": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "insert into audit (id, organization_id, action, at, place) values ($1, $2, 'x', $3, 0)", id.New(), w.Org, w.Clock())
		}, audit.FaultInserted, 31, 0},
		"reordered rows": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit set place = 1000 where place = 12")
			w.Exec(t, "update audit set place = 12 where place = 18")
			w.Exec(t, "update audit set place = 18 where place = 1000")
		}, audit.FaultReordered, 12, 0},
		"rows that stay unchained": {func(t *testing.T, w *audittest.World) {
			w.Write(t, audittest.Administrator(w.Org), "test.thing.late", 1)
			w.Pass(time.Hour)
		}, audit.FaultUnchained, 0, 0},
		"a block's list of hashes": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_blocks set leaves = root where number = 2")
		}, audit.FaultBlock, 0, 2},
		"a block without a list of hashes": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_blocks set leaves = $1 where number = 2", []byte{})
		}, audit.FaultBlock, 0, 2},
		"a block's time": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_blocks set at = $1 where number = 2", audittest.Noon)
		}, audit.FaultBlock, 0, 2},
		"a block's hash": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_blocks set hash = root where number = 2")
		}, audit.FaultBlock, 0, 2},
		"a removed block": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit_blocks where number = 2")
		}, audit.FaultBlock, 0, 3},
		"the first block removed with its rows": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit_blocks where number = 1")
			w.Exec(t, "delete from audit where place <= 10")
		}, audit.FaultBlock, 0, 2},
		"a removed tail": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit_blocks where number = 3")
			w.Exec(t, "delete from audit where place > 20")
		}, audit.FaultCut, 21, 0},
		"everything removed": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit_blocks")
			w.Exec(t, "delete from audit")
		}, audit.FaultCut, 1, 0},
		"a changed head": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_head set hash = (select root from audit_blocks where number = 1)")
		}, audit.FaultBlock, 0, 3},
		"a broken signature": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_blocks set signature = root where number = 2")
		}, audit.FaultSignature, 0, 2},
		"the signature of another block": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_blocks set signature = (select signature from audit_blocks where number = 1) where number = 2")
		}, audit.FaultSignature, 0, 2},
		"a missing signature": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "update audit_blocks set signature = null, key_id = '' where number = 2")
		}, audit.FaultUnsigned, 0, 2},
		"a chain made anew with another key": {func(t *testing.T, w *audittest.World) {
			rechain(t, w, audittest.NewSigner())
		}, audit.FaultSignature, 0, 1},
		"a chain made anew from the second block on, unsigned": {func(t *testing.T, w *audittest.World) {
			w.Exec(t, "delete from audit_blocks where number > 1")
			w.Exec(t, "update audit set place = null where place > 10")
			w.Exec(t, "update audit set action = 'test.thing.forged' where place is null")
			w.Exec(t, "update audit_head set block = 1, place = 10, seq = 10, hash = (select hash from audit_blocks)")
			if _, err := audit.NewChainer(w.Store, w.DB, nil, w.Clock, slog.New(slog.DiscardHandler)).Chain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, audit.FaultUnsigned, 0, 2},
		"a detail taken by a purge that never was": {func(t *testing.T, w *audittest.World) {
			if n, err := w.Forget(t.Context(), w.Org, subjectsOf(t, w, 15), id.New()); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}, audit.FaultPurge, 15, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w := written(t, d)
				if _, err := w.Verify(t.Context()); err != nil {
					t.Fatalf("before: %v", err)
				}
				w.Disarm(t)
				tc.tamper(t, w)
				_, err := w.Verify(t.Context())
				p, ok := errors.AsType[*audit.Problem](err)
				if !ok || p.Fault != tc.fault || p.Place != tc.place || p.Block != tc.block {
					t.Errorf("Verify = %v (%+v)", err, p)
				}
			})
		})
	}
}

// rechain makes the whole chain anew with another signer, as somebody would who has changed a row.
func rechain(t *testing.T, w *audittest.World, signer audit.Signer) {
	t.Helper()
	w.Exec(t, "delete from audit_blocks")
	w.Exec(t, "update audit set place = null")
	w.Exec(t, "update audit set role = 'member' where action = 'test.thing.done'")
	w.Exec(t, "update audit_head set block = 0, place = 0, seq = 0, hash = $1", make([]byte, 32))
	if _, err := audit.NewChainer(w.Store, w.DB, signer, w.Clock, slog.New(slog.DiscardHandler)).Chain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// subjectsOf returns the subject of the row at a place.
func subjectsOf(t *testing.T, w *audittest.World, place int64) []id.ID {
	t.Helper()
	rows, err := w.Store.Placed(t.Context(), id.Nil, audit.Span{First: place, Last: place})
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	return []id.ID{rows[0].Subject}
}

// TestService_Verify_againstHeads shows what a head proves that was kept elsewhere, and that without one a chain which was cut
// and given its old head looks whole.
func TestService_Verify_againstHeads(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := audittest.New(d)
		var marks []audit.Mark
		for range 3 {
			w.Write(t, audittest.Administrator(w.Org), "test.thing.done", 10)
			w.Chain(t)
			m, err := w.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			marks = append(marks, m)
		}
		report, err := w.Verify(t.Context(), marks...)
		if err != nil || report.Rows != 30 || report.Blocks != 3 || report.Signed != 3 || report.Head != marks[2] {
			t.Fatalf("Verify = %+v, %v", report, err)
		}
		fault := func(name string, want audit.Fault, keep ...audit.Mark) {
			t.Helper()
			_, err := w.Verify(t.Context(), keep...)
			if p, ok := errors.AsType[*audit.Problem](err); !ok || p.Fault != want {
				t.Errorf("%s: %v", name, err)
			}
		}
		fault("a head of another chain", audit.FaultOtherChain, audit.Mark{Place: 20, Hash: marks[0].Hash})
		fault("a head where no block ends", audit.FaultOtherChain, audit.Mark{Place: 15, Hash: marks[0].Hash})
		w.Disarm(t)
		w.Exec(t, "delete from audit_blocks where number = 3")
		w.Exec(t, "delete from audit where place > 20")
		w.Exec(t, "update audit_head set block = 2, place = 20, hash = (select hash from audit_blocks where number = 2)")
		if _, err := w.Verify(t.Context(), marks[:2]...); err != nil {
			t.Errorf("cut at a block's end, head and all: %v; this is what heads are kept for", err)
		}
		fault("the same, against a head", audit.FaultCut, marks[2])
	})
}

func TestService_Verify_anEmptyAudit(t *testing.T) {
	t.Parallel()
	w := audittest.New(dbtest.SQLite(t))
	if report, err := w.Verify(t.Context()); err != nil || report != (audit.Report{}) {
		t.Errorf("Verify = %+v, %v", report, err)
	}
	w.Write(t, audittest.Administrator(w.Org), "test.thing.done", 2)
	if report, err := w.Verify(t.Context()); err != nil || report.Waiting != 2 {
		t.Errorf("with rows that wait: %+v, %v", report, err)
	}
	w.Pass(time.Hour)
	w.Chain(t)
	if report, err := w.Verify(t.Context()); err != nil || report.Late != 2 || report.FirstLate != 1 {
		t.Errorf("placed an hour late: %+v, %v", report, err)
	}
}

// TestService_Verify_unsignedThenSigned is the way of a server that was given a key later.
func TestService_Verify_unsignedThenSigned(t *testing.T) {
	t.Parallel()
	w := audittest.New(dbtest.SQLite(t))
	who := audittest.Administrator(w.Org)
	w.Write(t, who, "test.thing.done", 3)
	if _, err := audit.NewChainer(w.Store, w.DB, nil, w.Clock, slog.New(slog.DiscardHandler)).Chain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Write(t, who, "test.thing.done", 3)
	w.Chain(t)
	if report, err := w.Verify(t.Context()); err != nil || report.Blocks != 2 || report.Signed != 1 {
		t.Errorf("Verify = %+v, %v", report, err)
	}
	blind := audit.New(w.Store, w.Log, nil, w.Clock)
	if report, err := blind.Verify(t.Context()); err != nil || report.Blocks != 2 || report.Signed != 0 {
		t.Errorf("without a signer: %+v, %v", report, err)
	}
}

// TestTriggers shows that nobody changes the audit who does not take the triggers away first.
func TestTriggers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := written(t, d)
		w.Write(t, audittest.Administrator(w.Org), "test.thing.waiting", 1)
		refused := []string{
			"delete from audit", "delete from audit where place is null", "update audit set detail = '{}' where place = 1",
			"update audit set action = 'x' where place is null", "update audit set place = null where place = 1",
			"update audit set place = 99 where place = 1", "update audit set place = 31, role = 'x' where place is null",
			"update audit set user_id = null where place = 1", "update audit set salt = null where place = 1",
			"update audit set detail = '{}', salt = null, detail_hash = salt where place = 1",
			"update audit set detail = '{\"a\":1}', salt = null, detail_hash = salt, purge_id = id where place = 1",
			"update audit set detail = '{}', salt = null, purge_id = id where place = 1",
			"delete from audit_blocks", "update audit_blocks set hash = root",
		}
		if d.Dialect() == db.Postgres {
			refused = append(refused, "truncate audit", "truncate audit_blocks")
		}
		for _, query := range refused {
			if _, err := d.Q(t.Context()).Exec(t.Context(), query); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", query, err)
			}
		}
		w.Chain(t)
		if report, err := w.Verify(t.Context()); err != nil || report.Rows != 31 {
			t.Errorf("Verify = %+v, %v", report, err)
		}
	})
}

// export returns the lines of an export.
func export(t *testing.T, w *audittest.World, f audit.Filter) []string {
	t.Helper()
	var out []string
	err := w.Export(t.Context(), f, []id.ID{w.Org}, func(l audit.Line) error {
		raw, err := json.Marshal(l)
		out = append(out, string(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestService_Export(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := audittest.New(d)
		other := audittest.Administrator(id.New())
		for range 3 {
			w.Write(t, audittest.Administrator(w.Org), "test.thing.done", 4)
			w.Write(t, other, "test.thing.done", 4)
			w.Chain(t)
		}
		w.Write(t, other, "test.thing.done", 4)
		w.Chain(t)
		head, err := w.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		check := func(name string, f audit.Filter, want audit.Report, keep ...audit.Mark) {
			t.Helper()
			lines := export(t, w, f)
			report, err := audit.VerifyExport(t.Context(), strings.NewReader(strings.Join(lines, "\n")), w.Signer, keep...)
			report.Head = audit.Mark{}
			if err != nil || report != want {
				t.Errorf("%s: %+v, %v; want %+v", name, report, err, want)
			}
			if name == "one organization" && strings.Contains(strings.Join(lines, ""), other.OrganizationID.String()) {
				t.Error("another organization's rows are shown")
			}
		}
		check("everything", audit.Filter{}, audit.Report{Rows: 28, Blocks: 4, Signed: 4}, head)
		check("one organization", audit.Filter{OrganizationID: w.Org}, audit.Report{Rows: 12, Blocks: 3, Signed: 3, Hidden: 12})
		middle := audit.Filter{OrganizationID: w.Org, From: audittest.Noon.Add(9 * time.Millisecond), Until: audittest.Noon.Add(11 * time.Millisecond)}
		check("some time", middle, audit.Report{Rows: 2, Blocks: 1, Signed: 1, Hidden: 6})
		check("no time", audit.Filter{From: w.Clock().Add(time.Hour)}, audit.Report{})
		w.Chain(t)
		looks, err := w.Store.List(t.Context(), audit.Filter{OrganizationID: w.Org, Action: audit.ActionExported}, onePage)
		if err != nil || looks.Total != 4 || !strings.Contains(looks.Items[1].Detail, `"from":"2026-11-22T12:00:00.009Z"`) {
			t.Errorf("the exports are not in the audit: %+v, %v", looks, err)
		}
	})
}

// TestVerifyExport_findsTampering changes what was exported.
func TestVerifyExport_findsTampering(t *testing.T) {
	t.Parallel()
	w := written(t, dbtest.SQLite(t))
	lines := export(t, w, audit.Filter{})
	head, err := w.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const perBlock = 11
	for name, tc := range map[string]struct {
		change func([]string) []string
		fault  audit.Fault // empty: an error that is no problem
	}{
		"a changed row":     {func(l []string) []string { l[5] = strings.Replace(l[5], "secret", "secrat", 1); return l }, audit.FaultChanged},
		"a changed block":   {func(l []string) []string { l[0] = strings.Replace(l[0], `"at":"2026`, `"at":"2025`, 1); return l }, audit.FaultBlock},
		"a removed block":   {func(l []string) []string { return slices.Delete(l, perBlock, 2*perBlock) }, audit.FaultBlock},
		"a removed tail":    {func(l []string) []string { return l[:2*perBlock] }, audit.FaultCut},
		"nothing":           {func([]string) []string { return nil }, audit.FaultCut},
		"a row twice":       {func(l []string) []string { return slices.Insert(l, 5, l[5]) }, audit.FaultInserted},
		"a row elsewhere":   {func(l []string) []string { return append(l, l[5]) }, audit.FaultInserted},
		"rows swapped":      {func(l []string) []string { l[4], l[5] = l[5], l[4]; return l }, audit.FaultInserted},
		"hashes taken away": {func(l []string) []string { return append([]string{cutLeaves(t, l[0])}, l[1:]...) }, audit.FaultInserted},
		"a row first":       {func(l []string) []string { return l[1:] }, ""},
		"garbage":           {func(l []string) []string { l[3] = "{"; return l }, ""},
		"neither":           {func(l []string) []string { l[3] = "{}"; return l }, ""},
		"unknown members":   {func(l []string) []string { l[3] = `{"x":1}`; return l }, ""},
		"a block of nothing": {func(l []string) []string {
			return []string{`{"block":{"number":1,"first":1,"size":0,"at":"2026-11-22T12:00:00Z","root":"` + audit.Hash{}.String() + `","previous":"` + audit.Hash{}.String() + `","hash":"` + audit.Hash{}.String() + `"}}`}
		}, ""},
	} {
		changed := tc.change(slices.Clone(lines))
		_, err := audit.VerifyExport(t.Context(), strings.NewReader(strings.Join(changed, "\n")), w.Signer, head)
		p, ok := errors.AsType[*audit.Problem](err)
		if err == nil || ok != (tc.fault != "") || ok && p.Fault != tc.fault {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := audit.VerifyExport(t.Context(), strings.NewReader(strings.Join(lines, "\n")), audittest.NewSigner()); !audit.IsProblem(err) {
		t.Errorf("signed by a key that is not the server's: %v", err)
	}
}

func cutLeaves(t *testing.T, line string) string {
	t.Helper()
	var l audit.Line
	if err := json.Unmarshal([]byte(line), &l); err != nil {
		t.Fatal(err)
	}
	l.Block.Leaves = nil
	raw, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestService_Export_aBrokenDetail shows that a row which somebody broke is exported as it is and found.
func TestService_Export_aBrokenDetail(t *testing.T) {
	t.Parallel()
	w := written(t, dbtest.SQLite(t))
	w.Disarm(t)
	w.Exec(t, "update audit set detail = '{' where place = 5")
	lines := export(t, w, audit.Filter{})
	_, err := audit.VerifyExport(t.Context(), strings.NewReader(strings.Join(lines, "\n")), w.Signer)
	if p, ok := errors.AsType[*audit.Problem](err); !ok || p.Fault != audit.FaultChanged || p.Place != 5 {
		t.Errorf("VerifyExport = %v", err)
	}
}

func FuzzVerifyExport(f *testing.F) {
	f.Add([]byte(`{"block":{"number":1,"first":1,"size":1,"at":"2026-11-22T12:00:00Z","root":"","previous":"","hash":""}}`))
	f.Add([]byte(`{"event":{"place":1}}`))
	f.Add([]byte("{}\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		report, err := audit.VerifyExport(t.Context(), bytes.NewReader(raw), nil)
		if err == nil && report.Rows > 0 {
			t.Errorf("rows that nobody sealed pass: %+v", report)
		}
	})
}

func FuzzParseMark(f *testing.F) {
	f.Add("12:" + audit.Hash{}.String())
	f.Add("-1:ab")
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := audit.ParseMark(s); err == nil && m.String() != s {
			t.Errorf("%q is read as %v", s, m)
		}
	})
}
