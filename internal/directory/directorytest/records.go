// Package directorytest holds what every directory.Store must do, as tests to be run on each implementation, and makes
// records for tests.
package directorytest

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// At is when everything that this package makes was made.
var At = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Organization returns a valid organization.
func Organization(name string) directory.Organization {
	return directory.Organization{ID: id.New(), Name: name, Timezone: "Europe/Berlin", Locale: "en_US", CreatedAt: At, ModifiedAt: At}
}

// User returns a valid user who accepts every transport.
func User(org id.ID, username string) directory.User {
	return directory.User{
		ID: id.New(), OrganizationID: org, Username: username, Locale: "en_US", TZ: "Europe/Berlin", State: directory.Active,
		SMSMode: directory.SMSEnabled, Notifications: directory.Transports(), Preferences: map[string]directory.Preference{},
		CreatedAt: At, ModifiedAt: At,
	}
}

// Individual returns a participant who belongs to the organization.
func Individual(org id.ID, first, last string) directory.Individual {
	return directory.Individual{
		ID: id.New(), OrganizationID: org, OwnerID: org, OwnerType: directory.OwnedByOrganization,
		AccountType: directory.Participant, FirstName: first, LastName: last, CreatedAt: At, ModifiedAt: At,
	}
}

// Group returns a group without members.
func Group(org id.ID, name string) directory.Group {
	return directory.Group{ID: id.New(), OrganizationID: org, Name: name, LeaderIDs: []id.ID{}, IndividualIDs: []id.ID{}, CreatedAt: At, ModifiedAt: At}
}

// Site returns a site without tags.
func Site(org id.ID, name string) directory.Site {
	return directory.Site{ID: id.New(), OrganizationID: org, Name: name, Timezone: "Europe/Berlin", Tags: []string{}, Metadata: map[string]any{}, CreatedAt: At, ModifiedAt: At}
}

// Person stores a user with its primary individual and returns both.
func Person(ctx context.Context, t testing.TB, s directory.Store, org id.ID, username string, kind directory.AccountType) (directory.User, directory.Individual) {
	t.Helper()
	u := User(org, username)
	i := Individual(org, username, "")
	i.OwnerID, i.OwnerType, i.AccountType = u.ID, directory.OwnedByUser, kind
	u.FirstName, u.PrimaryIndividualID = username, i.ID
	must(t, s.InsertUser(ctx, u))
	must(t, s.InsertIndividual(ctx, i))
	return u, i
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
