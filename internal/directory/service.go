package directory

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/tx"
)

// Service keeps the directory's rules. It is safe for concurrent use.
type Service struct {
	store  Store
	tx     tx.Runner
	events event.Recorder
	now    clock.Clock
	studio chan struct{} // holds the one picture that is worked on
}

// New returns a service. The recorder must write in the transactions of runner, and the store must take part in them.
func New(store Store, runner tx.Runner, events event.Recorder, now clock.Clock) *Service {
	return &Service{store: store, tx: runner, events: events, now: now, studio: make(chan struct{}, 1)}
}

// Organization returns an organization. NotFound: there is none, or it was deleted.
func (s *Service) Organization(ctx context.Context, organization id.ID) (Organization, error) {
	return s.store.GetOrganization(ctx, organization)
}

// WalkOrganizations returns organizations of the server, oldest first. It is for its operator.
func (s *Service) WalkOrganizations(ctx context.Context, w Walk) ([]Organization, error) {
	return s.store.WalkOrganizations(ctx, w)
}

// Seen notes when users were last here; an older time than is known changes nothing, and who is not there is passed over. It
// is no change of the user: nobody is told, and the time of the last modification stays.
func (s *Service) Seen(ctx context.Context, users map[id.ID]time.Time) error {
	return s.tx.Do(ctx, func(ctx context.Context) error { return s.store.SetLastActive(ctx, users) })
}

// IndividualsEver returns those individuals that exist, and of those that were deleted, until they are purged, what their
// history needs: the names and the account type. It is for showing who once wrote what the caller may read.
func (s *Service) IndividualsEver(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]Individual, error) {
	return s.store.FindIndividualsEver(ctx, organization, individuals)
}

// Organizations returns every organization of the server, oldest first. It is for what is done once, when a server starts.
func (s *Service) Organizations(ctx context.Context) ([]Organization, error) {
	var out []Organization
	for w := (Walk{Limit: 1000}); ; {
		some, err := s.store.WalkOrganizations(ctx, w)
		if err != nil || len(some) == 0 {
			return out, err
		}
		out = append(out, some...)
		w.After = some[len(some)-1].ID
	}
}

// UsernamesFrom returns the usernames that begin with a text, whatever its case, ordered and at most limit of them. It is for
// the operator, who types them.
func (s *Service) UsernamesFrom(ctx context.Context, organization id.ID, text string, limit int) ([]string, error) {
	return s.store.FindUsernamesFrom(ctx, organization, text, limit)
}

// Individuals returns those individuals that exist.
func (s *Service) Individuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]Individual, error) {
	return s.store.FindIndividuals(ctx, organization, individuals)
}

// ActiveUsers returns which of the users exist and are Active; it costs less than Users.
func (s *Service) ActiveUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]bool, error) {
	return s.store.FindActiveUsers(ctx, organization, users)
}

// Users returns those users that exist.
func (s *Service) Users(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]User, error) {
	return s.store.FindUsers(ctx, organization, users)
}

// UsersNamed returns those users that exist, by FoldName of their usernames.
func (s *Service) UsersNamed(ctx context.Context, organization id.ID, usernames []string) (map[string]User, error) {
	return s.store.FindUsersByName(ctx, organization, usernames)
}

// UsersWithPhone returns the users of every organization who have this number, in E.164.
func (s *Service) UsersWithPhone(ctx context.Context, phone string) ([]User, error) {
	if phone == "" {
		return nil, nil
	}
	return s.store.FindUsersByPhone(ctx, phone)
}

// SetPhoneUnsubscribed notes that a user takes no more messages at the number, or does again. Setting what is set already
// does nothing. NotFound. It checks no permission: the person has said so by text. One transaction.
func (s *Service) SetPhoneUnsubscribed(ctx context.Context, organization, user id.ID, unsubscribed bool) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.store.LockUser(ctx, organization, user)
		if err != nil || old.PhoneUnsubscribed == unsubscribed {
			return err
		}
		u := old
		u.PhoneUnsubscribed = unsubscribed
		return s.putUser(ctx, old, &u)
	})
}

// IndividualsOfUsers returns the individuals of each user that has any: the primary one first, then oldest first.
func (s *Service) IndividualsOfUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID][]Individual, error) {
	found, err := s.store.FindIndividualsOfUsers(ctx, organization, users)
	if err != nil || len(found) == 0 {
		return found, err
	}
	accounts, err := s.store.FindUsers(ctx, organization, users)
	if err != nil {
		return nil, err
	}
	for user, individuals := range found {
		primary := accounts[user].PrimaryIndividualID
		slices.SortStableFunc(individuals, func(a, b Individual) int {
			switch {
			case a.ID == primary && b.ID != primary:
				return -1
			case b.ID == primary && a.ID != primary:
				return 1
			}
			return 0
		})
	}
	return found, nil
}

// Group returns a group with its members. NotFound: there is none.
func (s *Service) Group(ctx context.Context, organization, group id.ID) (Group, error) {
	found, err := s.store.FindGroups(ctx, organization, []id.ID{group})
	if err != nil {
		return Group{}, err
	}
	g, ok := found[group]
	if !ok {
		return Group{}, errs.MissingRecord("individual-group")
	}
	return g, nil
}

// Groups returns those groups that exist, with their members.
func (s *Service) Groups(ctx context.Context, organization id.ID, groups []id.ID) (map[id.ID]Group, error) {
	return s.store.FindGroups(ctx, organization, groups)
}

// Memberships returns every place that the individuals have in groups.
func (s *Service) Memberships(ctx context.Context, organization id.ID, individuals []id.ID) ([]Membership, error) {
	return s.store.FindMemberships(ctx, organization, individuals)
}

// Leads tells whether any of the individuals leads the group. Nobody leads one that is archived.
func (s *Service) Leads(ctx context.Context, organization, group id.ID, individuals []id.ID) (bool, error) {
	return s.store.Leads(ctx, organization, group, individuals)
}

// Sites returns those sites that exist.
func (s *Service) Sites(ctx context.Context, organization id.ID, sites []id.ID) (map[id.ID]Site, error) {
	return s.store.FindSites(ctx, organization, sites)
}
