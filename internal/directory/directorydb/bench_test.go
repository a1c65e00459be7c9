package directorydb_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
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

// BenchmarkStore reads from one organization with SWITCHBOARD_BENCH_INDIVIDUALS individuals (10,000 unless set; the times
// are to be the same at 1,000,000), a tenth of them users, in groups of fifty.
func BenchmarkStore(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("SWITCHBOARD_BENCH_INDIVIDUALS"))
	if err != nil {
		n = 10_000
	}
	dbs := map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite}
	if os.Getenv(dbtest.Env) != "" {
		dbs["postgres"] = dbtest.Postgres
	}
	for name, open := range dbs {
		b.Run(name, func(b *testing.B) { benchmark(b, open(b), n) })
	}
}

func benchmark(b *testing.B, d *db.DB, n int) {
	ctx, s := b.Context(), directorydb.New(d, vaulttest.Box())
	org := directorytest.Organization("big")
	if err := s.InsertOrganization(ctx, org); err != nil {
		b.Fatal(err)
	}
	all, groups := fill(b, d, s, org.ID, n)
	if _, err := d.Q(ctx).Exec(ctx, "analyze"); err != nil { // as autovacuum does after a while
		b.Fatal(err)
	}
	middle := all[n/2]
	reads := map[string]func() error{
		"first page": func() error {
			_, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: org.ID}, page.Offset{Limit: 100})
			return err
		},
		"by name": func() error {
			_, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: org.ID, Name: "first77 last7"}, page.Offset{Limit: 100})
			return err
		},
		"of a group": func() error {
			_, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: org.ID, GroupID: groups[7]}, page.Offset{Limit: 100})
			return err
		},
		"what a participant sees": func() error {
			_, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: org.ID, Only: all[:1], GroupsOf: all[:1]}, page.Offset{Limit: 100})
			return err
		},
		"100 by id":  func() error { _, err := s.FindIndividuals(ctx, org.ID, all[n/2:n/2+100]); return err },
		"leads":      func() error { _, err := s.Leads(ctx, org.ID, groups[7], []id.ID{middle}); return err },
		"leads whom": func() error { _, err := s.LeadsIndividual(ctx, org.ID, []id.ID{middle}, all[1]); return err },
		"shares":     func() error { _, err := s.SharesGroup(ctx, org.ID, []id.ID{middle}, all[1]); return err },
		"groups": func() error {
			_, err := s.ListGroups(ctx, directory.GroupFilter{OrganizationID: org.ID}, page.Offset{Limit: 20})
			return err
		},
		"users": func() error {
			_, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: org.ID}, page.Offset{Limit: 100})
			return err
		},
		"user's name": func() error {
			_, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: org.ID, Username: "USER7"}, page.Offset{Limit: 100})
			return err
		},
		"user's mail": func() error {
			_, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: org.ID, Email: "User7@example.org"}, page.Offset{Limit: 100})
			return err
		},
		"contacts": func() error {
			_, err := s.ListContacts(ctx, directory.ContactFilter{OrganizationID: org.ID, ActiveOnly: true}, page.Cursor{Limit: 10, After: all[n/2-n/2%10]})
			return err
		},
	}
	for name, read := range reads {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func fill(b *testing.B, d *db.DB, s *directorydb.Store, org id.ID, n int) (all, groups []id.ID) {
	b.Helper()
	for at := 0; at < n; {
		err := d.Do(b.Context(), func(ctx context.Context) error {
			g := directorytest.Group(org, fmt.Sprint("Group ", at))
			for range 50 {
				i := directorytest.Individual(org, fmt.Sprint("first", at%1000), fmt.Sprint("last", at/1000))
				if at%10 == 0 {
					u := directorytest.User(org, fmt.Sprint("user", at))
					u.Email, u.PrimaryIndividualID = fmt.Sprintf("user%d@example.org", at), i.ID
					i.OwnerID, i.OwnerType = u.ID, directory.OwnedByUser
					if err := s.InsertUser(ctx, u); err != nil {
						return err
					}
				}
				if err := s.InsertIndividual(ctx, i); err != nil {
					return err
				}
				all, g.IndividualIDs = append(all, i.ID), append(g.IndividualIDs, i.ID)
				at++
			}
			groups = append(groups, g.ID)
			return s.InsertGroup(ctx, g)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return all, groups
}
