package main

import (
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// TestCrowd_fill checks that what is stored directly is what the server would have: counted, found by name and in its group.
func TestCrowd_fill(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := db.Open(t.Context(), url, db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			store := directorydb.New(d, noSecrets{})
			now := time.Now().UTC()
			org := directory.Organization{ID: id.New(), Name: "Bench", Timezone: "UTC", Locale: "en_US", CreatedAt: now, ModifiedAt: now}
			if err := store.InsertOrganization(t.Context(), org); err != nil {
				t.Fatal(err)
			}
			c := &crowd{organization: org.ID, people: 1200, group: 60, others: 3}
			if err := c.fill(t.Context(), url, t.Logf); err != nil {
				t.Fatal(err)
			}
			check(t, store, c)
		})
	}
}

func check(t *testing.T, store *directorydb.Store, c *crowd) {
	t.Helper()
	first := page.Offset{Limit: 1}
	for what, f := range map[string]directory.IndividualFilter{
		"all":     {OrganizationID: c.organization},
		"by name": {OrganizationID: c.organization, Name: "first5 last1"}, // First5 and First50 to First59
	} {
		found, err := store.ListIndividuals(t.Context(), f, first)
		if want := map[string]int{"all": c.people + 1, "by name": 11}[what]; err != nil || found.Total != want {
			t.Errorf("%s: %d individuals, want %d; %v", what, found.Total, want, err)
		}
	}
	if users, err := store.ListUsers(t.Context(), directory.UserFilter{OrganizationID: c.organization}, first); err != nil || users.Total != c.people+1 {
		t.Errorf("%d users, %v", users.Total, err)
	}
	groups, err := store.ListGroups(t.Context(), directory.GroupFilter{OrganizationID: c.organization}, first)
	if err != nil || groups.Total != 1 || len(groups.Items[0].IndividualIDs) != c.group || len(groups.Items[0].LeaderIDs) != 1 {
		t.Errorf("%+v, %v", groups, err)
	}
	if len(c.some) < asked || len(c.members) != c.group {
		t.Errorf("%d and %d are known", len(c.some), len(c.members))
	}
	leads, err := store.LeadsIndividual(t.Context(), c.organization, groups.Items[0].LeaderIDs, c.members[len(c.members)-1].individual)
	if err != nil || !leads {
		t.Errorf("the leader leads: %v, %v", leads, err)
	}
	if all, err := store.WalkOrganizations(t.Context(), directory.Walk{Limit: 10}); err != nil || len(all) != 1+c.others {
		t.Errorf("%d organizations, %v", len(all), err)
	}
}
