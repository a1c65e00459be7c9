package directory_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
)

// TestLargeGroupTimes prints what a group of SWITCHBOARD_BENCH_MEMBERS people costs: to fill it at once, to add one, to see who
// leads it, and to delete it. Without the variable it does nothing.
func TestLargeGroupTimes(t *testing.T) {
	people, err := strconv.Atoi(os.Getenv("SWITCHBOARD_BENCH_MEMBERS"))
	if err != nil {
		t.Skip("SWITCHBOARD_BENCH_MEMBERS is not set")
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		list, all := make([]directory.Individual, people), make([]id.ID, people)
		for n := range list {
			list[n] = directorytest.Individual(w.org.ID, "Somebody", fmt.Sprint(n))
			all[n] = list[n].ID
		}
		timed := func(what string, fn func() error) {
			began := time.Now()
			w.must(fn())
			t.Logf("%-40s %v", what, time.Since(began).Round(time.Millisecond))
		}
		timed("individuals inserted in bulk", func() error {
			return d.Do(t.Context(), func(ctx context.Context) error {
				return directorydb.New(d, vaulttest.Box()).InsertIndividuals(ctx, w.org.ID, list)
			})
		})
		var g directory.Group
		timed("a group of them", func() (err error) {
			g, err = w.CreateGroup(w.admin(), directory.GroupEdit{Name: new("everybody"), IndividualIDs: &all})
			return err
		})
		timed("one added", func() error { return w.ChangeMembers(w.admin(), g.ID, edit([]id.ID{w.leader.ID})) })
		timed("who leads it", func() error { return second(w.Leads(t.Context(), w.org.ID, g.ID, []id.ID{w.leader.ID})) })
		timed("half of them replaced", func() error {
			half := all[:people/2]
			return second(w.UpdateGroup(w.admin(), g.ID, directory.GroupEdit{IndividualIDs: &half}))
		})
		timed("deleted", func() error { return w.DeleteGroup(w.admin(), g.ID) })
	})
}
