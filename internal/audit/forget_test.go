package audit_test

import (
	"context"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/audit/audittest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// TestService_Forget purges before and after the rows have their places, and the chain stays whole.
func TestService_Forget(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := audittest.New(d)
		who := audittest.Administrator(w.Org)
		placed := w.Write(t, who, "test.thing.done", 5)
		w.Chain(t)
		waiting := w.Write(t, who, "test.thing.done", 5)
		other := audittest.Administrator(id.New())
		theirs := w.Write(t, other, "test.thing.done", 1)
		purge := id.New()
		err := d.Do(t.Context(), func(ctx context.Context) error {
			gone := []id.ID{placed[1], placed[3], waiting[0], theirs[0], id.New()}
			for _, want := range []int64{3, 0} { // what is gone cannot go again
				if n, err := w.Forget(ctx, w.Org, gone, purge); err != nil || n != want {
					t.Errorf("Forget = %d, %v; want %d", n, err, want)
				}
			}
			return w.Log.Audit(actor.With(ctx, who), event.Change{OrganizationID: w.Org, Type: "test.person.purged", Subject: purge})
		})
		if err != nil {
			t.Fatal(err)
		}
		if report, err := w.Verify(t.Context()); err != nil || report.Purged != 2 {
			t.Errorf("at once: %+v, %v", report, err)
		}
		w.Chain(t)
		if report, err := w.Verify(t.Context()); err != nil || report.Rows != 12 || report.Purged != 3 {
			t.Errorf("afterwards: %+v, %v", report, err)
		}
		left, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from audit where detail like '%secret%'")
		if err != nil || left != 8 {
			t.Errorf("%d rows still say what they said, %v", left, err)
		}
	})
}

// TestService_Forget_organization takes what the audit says of an organization, a few rows at a time, with and without places;
// what it says of others stays, and the chain stays whole.
func TestService_Forget_organization(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, store := audittest.New(d), auditdb.New(d)
		ours, theirs := audittest.Administrator(w.Org), audittest.Administrator(id.New())
		write := func() {
			w.Write(t, theirs, "test.thing.done", 2)
			w.Write(t, ours, "test.thing.done", 3)
		}
		write()
		w.Chain(t)
		write()
		purge := id.New()
		for _, want := range []int64{4, 2, 0} {
			if n, err := store.ForgetOrganization(t.Context(), w.Org, purge, 4); err != nil || n != want {
				t.Errorf("ForgetOrganization = %d, %v; want %d", n, err, want)
			}
		}
		for org, want := range map[id.ID]int64{w.Org: 0, theirs.OrganizationID: 4} {
			left, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64],
				"select count(*) from audit where organization_id = $1 and detail like '%secret%' and purge_id is null", org)
			if err != nil || left != want {
				t.Errorf("%d rows still say what they said, want %d, %v", left, want, err)
			}
		}
		if err := w.Log.Audit(actor.With(t.Context(), ours), event.Change{OrganizationID: w.Org, Type: "test.organization.purged", Subject: purge}); err != nil {
			t.Fatal(err)
		}
		w.Chain(t)
		if report, err := w.Verify(t.Context()); err != nil || report.Rows != 11 || report.Purged != 6 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}
