package directory_test

import (
	"sync"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// atOnce runs functions together and returns their errors, in order.
func atOnce(all ...func() error) []error {
	out := make([]error, len(all))
	var wg sync.WaitGroup
	for n, f := range all {
		wg.Go(func() { out[n] = f() })
	}
	wg.Wait()
	return out
}

// TestService_movesAtOnce moves two groups below each other at the same time: one of the two is refused.
func TestService_movesAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		ctx := w.admin()
		for range 5 {
			a, err := w.CreateGroup(ctx, directory.GroupEdit{Name: new("a")})
			w.must(err)
			b, err := w.CreateGroup(ctx, directory.GroupEdit{Name: new("b")})
			w.must(err)
			failed := atOnce(
				func() error { return second(w.UpdateGroup(ctx, a.ID, directory.GroupEdit{ParentID: &b.ID})) },
				func() error { return second(w.UpdateGroup(ctx, b.ID, directory.GroupEdit{ParentID: &a.ID})) },
			)
			if (failed[0] == nil) == (failed[1] == nil) {
				t.Fatalf("both or none: %v", failed)
			}
		}
	})
}

// TestService_joinsAndDeletesAtOnce lets people join groups while they are deleted: whoever is gone is in no group.
func TestService_joinsAndDeletesAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		ctx := w.admin()
		for range 10 {
			u, err := w.CreateUser(ctx, directory.NewUser{UserEdit: directory.UserEdit{Username: new("leaver")}})
			w.must(err)
			i := u.PrimaryIndividualID
			failed := atOnce(
				func() error {
					return second(w.UpdateGroup(ctx, w.group.ID, directory.GroupEdit{IndividualIDs: &[]id.ID{w.ann.ID, i}}))
				},
				func() error { return w.DeleteUser(ctx, u.ID) },
			)
			if failed[1] != nil || failed[0] != nil && errs.KindOf(failed[0]) != errs.Invalid {
				t.Fatalf("%v", failed)
			}
			places, err := w.Memberships(ctx, w.org.ID, []id.ID{i})
			w.must(err)
			g, err := w.GetGroup(ctx, w.group.ID)
			w.must(err)
			if len(places) != 0 || len(g.IndividualIDs) == 0 || g.IndividualIDs[0] != w.ann.ID {
				t.Fatalf("places of the deleted: %v; the group: %v", places, g.IndividualIDs)
			}
		}
	})
}

// TestService_namesAtOnce gives several users the same name at the same time: one gets it.
func TestService_namesAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		ctx := w.admin()
		make := func(name string) func() error {
			return func() error {
				return second(w.CreateUser(ctx, directory.NewUser{UserEdit: directory.UserEdit{Username: &name}}))
			}
		}
		made := 0
		for _, err := range atOnce(make("twin"), make("Twin"), make("TWIN"), make("twiN")) {
			switch {
			case err == nil:
				made++
			case !errs.Is(err, directory.DuplicateUsername):
				t.Errorf("%v", err)
			}
		}
		l, err := w.ListUsers(ctx, directory.UserQuery{}, first100)
		w.must(err)
		if made != 1 || l.Total != 5 || len(l.Items) != 5 {
			t.Errorf("%d made; %d of %d listed", made, len(l.Items), l.Total)
		}
	})
}

// TestService_firstIndividualsAtOnce gives a user several first individuals at the same time: one of them is primary.
func TestService_firstIndividualsAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		ctx := w.admin()
		u, err := w.CreateUser(ctx, directory.NewUser{UserEdit: directory.UserEdit{Username: new("new")}, Alone: true})
		w.must(err)
		add := func(kind directory.AccountType) func() error {
			return func() error {
				n := directory.NewIndividual{IndividualEdit: directory.IndividualEdit{OwnerID: &u.ID}, AccountType: kind}
				return second(w.CreateIndividual(ctx, n))
			}
		}
		failed := atOnce(add(directory.Provider), add(directory.Provider), add(directory.Participant))
		if (failed[0] == nil) == (failed[1] == nil) || failed[2] != nil {
			t.Errorf("two providers, or none: %v", failed)
		}
		owned, err := w.IndividualsOfUsers(ctx, w.org.ID, []id.ID{u.ID})
		w.must(err)
		u, err = w.GetUser(ctx, u.ID)
		w.must(err)
		if len(owned[u.ID]) != 2 || owned[u.ID][0].ID != u.PrimaryIndividualID {
			t.Errorf("%d individuals, primary %v", len(owned[u.ID]), u.PrimaryIndividualID)
		}
	})
}
