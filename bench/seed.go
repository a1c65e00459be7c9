package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/id"
	"switchboard/internal/vault"
)

// crowd is an organization of many people, each a user with one individual.
type crowd struct {
	organization id.ID
	people       int
	others       int // further organizations, of one person each
	group        int // how many of the people are in one group
	leader       id.ID
	some         []person // a few from all over it
	members      []person // a few from all over the group
}

// person is one of them.
type person struct {
	user, individual id.ID
	email            string
}

const (
	// seedStep is how many people one transaction stores.
	seedStep = 10_000
	// asked is about how many are remembered to be asked for.
	asked = 256
)

// noSecrets stands where the store seals webhook addresses, of which nobody here has one.
type noSecrets struct{}

func (noSecrets) Seal(_ vault.Place, plain string) (string, error) {
	if plain != "" {
		return "", errors.New("nothing here is to be sealed")
	}
	return "", nil
}

func (noSecrets) Open(_ vault.Place, sealed string) (string, error) { return sealed, nil }

// seeder stores a crowd with the statements of the server's own store.
type seeder struct {
	db    *db.DB
	store *directorydb.Store
	crowd *crowd
	now   time.Time
	say   func(format string, args ...any)
}

// fill stores the crowd in a database that has the organization and little else.
func (c *crowd) fill(ctx context.Context, url string, say func(string, ...any)) (err error) {
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	s := &seeder{db: d, store: directorydb.New(d, noSecrets{}), crowd: c, now: time.Now().UTC(), say: say}
	group, err := s.lead(ctx)
	if err != nil {
		return err
	}
	for at := 0; at < c.people; at += seedStep {
		if err := s.step(ctx, group, at, min(at+seedStep, c.people)); err != nil {
			return err
		}
	}
	if err := s.neighbours(ctx); err != nil {
		return err
	}
	_, err = d.Q(ctx).Exec(ctx, "analyze") // as autovacuum does in the first minute, which the bench has not
	return err
}

// lead stores the leader and the group.
func (s *seeder) lead(ctx context.Context) (group id.ID, err error) {
	u, i := s.person(s.crowd.organization, "leader", "The", "Leader")
	i.AccountType = directory.Provider
	s.crowd.leader = u.ID
	g := directory.Group{
		ID: id.New(), OrganizationID: s.crowd.organization, Name: "Everybody", LeaderIDs: []id.ID{i.ID}, CreatedAt: s.now, ModifiedAt: s.now,
	}
	return g.ID, s.db.Do(ctx, func(ctx context.Context) error {
		if err := s.people(ctx, s.crowd.organization, []directory.User{u}, []directory.Individual{i}); err != nil {
			return err
		}
		return s.store.InsertGroup(ctx, g)
	})
}

// step stores the people with these numbers.
func (s *seeder) step(ctx context.Context, group id.ID, from, to int) error {
	var (
		users       []directory.User
		individuals []directory.Individual
		members     []directory.Membership
		c           = s.crowd
	)
	for n := from; n < to; n++ {
		u, i := s.person(c.organization, fmt.Sprintf("person%d", n), fmt.Sprintf("First%d", n%997), fmt.Sprintf("Last%d", n/997))
		users, individuals = append(users, u), append(individuals, i)
		if n%max(c.people/asked, 1) == 0 {
			c.some = append(c.some, person{u.ID, i.ID, u.Email})
		}
		if n >= c.group {
			continue
		}
		members = append(members, directory.Membership{GroupID: group, IndividualID: i.ID})
		if n%max(c.group/asked, 1) == 0 {
			c.members = append(c.members, person{u.ID, i.ID, u.Email})
		}
	}
	err := s.db.Do(ctx, func(ctx context.Context) error {
		if err := s.people(ctx, c.organization, users, individuals); err != nil {
			return err
		}
		return s.store.SetMembers(ctx, c.organization, group, members, nil)
	})
	if err == nil && to%(10*seedStep) == 0 {
		s.say("%d of %d people stored", to, c.people)
	}
	return err
}

// neighbours stores the other organizations.
func (s *seeder) neighbours(ctx context.Context) error {
	for at := 0; at < s.crowd.others; at += seedStep / 20 {
		err := s.db.Do(ctx, func(ctx context.Context) error {
			for n := at; n < min(at+seedStep/20, s.crowd.others); n++ {
				o := directory.Organization{
					ID: id.New(), Name: fmt.Sprint("Neighbour ", n), Timezone: "UTC", Locale: "en_US", CreatedAt: s.now, ModifiedAt: s.now,
				}
				if err := s.store.InsertOrganization(ctx, o); err != nil {
					return err
				}
				u, i := s.person(o.ID, fmt.Sprintf("person%d", n), "First", "Last")
				if err := s.people(ctx, o.ID, []directory.User{u}, []directory.Individual{i}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// people stores users with their individuals.
func (s *seeder) people(ctx context.Context, organization id.ID, users []directory.User, individuals []directory.Individual) error {
	if err := s.store.InsertUsers(ctx, organization, users); err != nil {
		return err
	}
	return s.store.InsertIndividuals(ctx, organization, individuals)
}

// person is a participant with a user, as the service would make them.
func (s *seeder) person(organization id.ID, username, first, last string) (directory.User, directory.Individual) {
	u := directory.User{
		ID: id.New(), OrganizationID: organization, Username: username, Email: username + "@sink.test", EmailVerified: true,
		FirstName: first, LastName: last, State: directory.Active, SMSMode: directory.SMSEnabled, Notifications: directory.Transports(),
		Preferences: map[string]directory.Preference{}, CreatedAt: s.now, ModifiedAt: s.now,
	}
	i := directory.Individual{
		ID: id.New(), OrganizationID: organization, OwnerID: u.ID, OwnerType: directory.OwnedByUser, AccountType: directory.Participant,
		FirstName: first, LastName: last, CreatedAt: s.now, ModifiedAt: s.now,
	}
	u.PrimaryIndividualID = i.ID
	return u, i
}
