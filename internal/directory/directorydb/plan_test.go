package directorydb_test

import (
	"context"
	"fmt"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/vault/vaulttest"
)

// TestPlans shows that no statement of the store reads all people, groups or members.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) { directorytest.Run(t, directorydb.New(d, vaulttest.Box()), d) },
		Fill:  crowd,
		Tables: []string{
			"users", "individuals", "individual_groups", "individual_group_members", "directory_words", "individual_photos",
		},
		Allowed: map[string]string{
			"t.deleted_at is null and 1 = 0":             "decided before a row is read",
			"t.deleted_at is null and t.archived_at is ": "counts groups in an index; there are as many as wards, not people",
		},
	}.Check(t)
}

// crowd stores a few thousand people in one organization, in groups of fifty, and a neighbour of a hundred.
func crowd(t *testing.T, d *db.DB) {
	t.Helper()
	s := directorydb.New(d, vaulttest.Box())
	for name, people := range map[string]int{"Large": 3000, "Small": 100} {
		org := directorytest.Organization(name)
		users, individuals := make([]directory.User, people), make([]directory.Individual, people)
		for n := range people {
			users[n] = directorytest.User(org.ID, fmt.Sprint("person", n))
			individuals[n] = directorytest.Individual(org.ID, fmt.Sprint("First", n%100), fmt.Sprint("Last", n/100))
			individuals[n].OwnerID, individuals[n].OwnerType = users[n].ID, directory.OwnedByUser
			users[n].PrimaryIndividualID, users[n].Email = individuals[n].ID, fmt.Sprintf("person%d@example.org", n)
		}
		err := d.Do(t.Context(), func(ctx context.Context) error {
			if err := s.InsertOrganization(ctx, org); err != nil {
				return err
			}
			if err := s.InsertUsers(ctx, org.ID, users); err != nil {
				return err
			}
			if err := s.InsertIndividuals(ctx, org.ID, individuals); err != nil {
				return err
			}
			for at := 0; at < people; at += 50 {
				g := directorytest.Group(org.ID, fmt.Sprint("Group ", at))
				for _, i := range individuals[at : at+50] {
					g.IndividualIDs = append(g.IndividualIDs, i.ID)
				}
				if err := s.InsertGroup(ctx, g); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestStore_InsertUsers shows that many users at once are what they are one by one.
func TestStore_InsertUsers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), directorydb.New(d, vaulttest.Box())
		org := directorytest.Organization("Hospital")
		if err := s.InsertOrganization(ctx, org); err != nil {
			t.Fatal(err)
		}
		list := make([]directory.User, 450)
		for n := range list {
			list[n] = directorytest.User(org.ID, fmt.Sprint("Person", n))
			list[n].Email, list[n].WebhookURL = fmt.Sprintf("P%d@example.org", n), "https://example.org/secret"
		}
		insert := func(users []directory.User) error {
			return d.Do(ctx, func(ctx context.Context) error { return s.InsertUsers(ctx, org.ID, users) })
		}
		if err := insert(list); err != nil {
			t.Fatal(err)
		}
		found, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: org.ID}, page.Offset{Limit: 1000})
		if err != nil || found.Total != len(list) || len(found.Items) != len(list) || found.Items[0].WebhookURL != "https://example.org/secret" {
			t.Errorf("%d of %d, %v", len(found.Items), found.Total, err)
		}
		if one, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: org.ID, Email: "p7@EXAMPLE.org"}, page.Offset{Limit: 1000}); err != nil || one.Total != 1 {
			t.Errorf("by e-mail: %+v, %v", one, err)
		}
		again := directorytest.User(org.ID, "PERSON7")
		fresh := directorytest.User(org.ID, "fresh")
		if err := insert([]directory.User{fresh, again}); err == nil {
			t.Error("a username was taken twice")
		}
		if users, err := s.FindUsers(ctx, org.ID, []id.ID{fresh.ID}); err != nil || len(users) != 0 {
			t.Errorf("half of what failed was kept: %v, %v", users, err)
		}
		if found, err = s.ListUsers(ctx, directory.UserFilter{OrganizationID: org.ID}, page.Offset{Limit: 1000}); err != nil || found.Total != len(list) {
			t.Errorf("counted %d, %v", found.Total, err)
		}
	})
}
