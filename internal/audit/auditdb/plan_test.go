package auditdb_test

import (
	"testing"

	"switchboard/internal/audit"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/audit/audittest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// TestPlans shows that no statement of a store reads the whole audit, nor all of an organization's.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite:  life,
		Tables: []string{"audit", "audit_blocks"},
		Allowed: map[string]string{
			"select count(*), min(at) from audit where place is null": "a part of checking the audit, which reads every row besides",
			"coalesce(min(place), 1)":                                 "asked once by who checks or exports what it finds, row by row",
		},
	}.Check(t)
}

// life has an audit written, chained, read, searched, checked and forgotten: its conformance suite wants a database for
// each of its tests.
func life(t *testing.T, d *db.DB) {
	t.Helper()
	ctx, w, s := t.Context(), audittest.New(d), auditdb.New(d)
	who := audittest.Administrator(w.Org)
	subjects := w.Write(t, who, "test.thing.done", 4)
	_, _, unplaced := s.Waiting(ctx, 10)
	_, _, count := s.Unplaced(ctx)
	w.Chain(t)
	span := audit.Span{First: 1, Last: 4}
	placed, read := s.Placed(ctx, w.Org, span)
	_, all := s.Placed(ctx, id.Nil, span)
	_, beyond := s.Beyond(ctx, span)
	_, blocks := s.Blocks(ctx, 0, 10)
	_, block := s.BlockOf(ctx, 2)
	_, audited := s.Audited(ctx, w.Org, subjects[0])
	_, verified := w.Verify(ctx)
	for _, err := range []error{unplaced, count, read, all, beyond, blocks, block, audited, verified} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []audit.Filter{
		{},
		{Action: "test.thing.done"},
		{Action: "test."},
		{KeyID: who.KeyID},
		{UserID: who.UserID},
		{IndividualID: who.Individuals[0]},
		{Subject: subjects[1]},
		{From: audittest.Noon, Until: audittest.Noon.AddDate(0, 0, 1)},
		{KeyID: who.KeyID, Action: "test."},
	} {
		f.OrganizationID = w.Org
		_, listed := s.List(ctx, f, page.Offset{Limit: 10})
		_, spanned := s.Span(ctx, f)
		if listed != nil || spanned != nil {
			t.Fatal(listed, spanned)
		}
	}
	_, got := s.Get(ctx, w.Org, placed[0].ID)
	_, one := s.Forget(ctx, w.Org, subjects[:1], id.New())
	_, organization := s.ForgetOrganization(ctx, w.Org, id.New(), 10)
	if got != nil || one != nil || organization != nil {
		t.Fatal(got, one, organization)
	}
}
