package directory

import (
	"context"
	"maps"
	"slices"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// What another system says of the directory. It differs from what a person edits in one way: it is said again and again,
// mostly without anything new in it. A change here that changes nothing leaves no trace: no event, no audit row, and
// the time of the last modification stays.

// Synced is a user as another system knows it: the account, and the person who is its primary individual. Nil leaves a
// value alone.
type Synced struct {
	User UserEdit
	// Person is what is known of the individual beyond the names, which are the account's. OwnerID is not looked at.
	Person IndividualEdit
	// AccountType is that of an individual that has to be made; empty means participant.
	AccountType AccountType
}

// CheckSynced returns what would be wrong with a user made of n, beside a username that is taken.
func (s *Service) CheckSynced(o Organization, n Synced) error {
	var u User
	u.State, u.SMSMode = Active, SMSEnabled
	var f errs.Fields
	errs.OneOf(&f, "account_type", n.AccountType, "", Participant, Provider)
	i := Individual{AccountType: Participant}
	return gather(n.User.apply(&u, o), s.applyIndividual(n.person(), &i), f.Err())
}

// person is the edit of the individual, with the names of the account.
func (n Synced) person() IndividualEdit {
	e := n.Person
	e.OwnerID = nil
	e.FirstName, e.LastName = n.User.FirstName, n.User.LastName
	return e
}

// CreateSynced makes a user with its primary individual. DuplicateUsername. One transaction.
func (s *Service) CreateSynced(ctx context.Context, n Synced) (User, Individual, error) {
	a, err := mayWrite(ctx, userScopes())
	if err != nil {
		return User{}, Individual{}, err
	}
	var (
		u User
		i Individual
	)
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		person := Individual{AccountType: Participant}
		wrong := s.applyIndividual(n.person(), &person)
		u, i, err = s.addUser(ctx, a, NewUser{UserEdit: n.User, AccountType: n.AccountType, syncedAt: s.now()}, person)
		return gather(err, wrong)
	})
	return u, i, err
}

// AmendSynced changes a user and its primary individual where they differ from n, and tells whether they did. NotFound,
// DuplicateUsername. One transaction.
func (s *Service) AmendSynced(ctx context.Context, user id.ID, n Synced) (u User, i Individual, changed bool, err error) {
	a, err := mayWrite(ctx, userScopes())
	if err != nil {
		return User{}, Individual{}, false, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		o, err := s.store.GetOrganization(ctx, a.OrganizationID)
		if err != nil {
			return err
		}
		old, err := s.store.LockUser(ctx, o.ID, user)
		if err != nil {
			return err
		}
		u = old
		wrong := n.User.apply(&u, o)
		var person Individual
		if i, person, err = s.primary(ctx, old); err != nil {
			return err
		}
		if err := gather(wrong, s.amendPerson(n, &i)); err != nil {
			return err
		}
		changed, err = s.putSynced(ctx, old, &u, person, &i)
		return err
	})
	return u, i, changed, err
}

// amendPerson applies n to an individual, if there is one.
func (s *Service) amendPerson(n Synced, i *Individual) error {
	if i.ID.IsZero() {
		return nil
	}
	return s.applyIndividual(n.person(), i)
}

// primary reads the primary individual of a user, twice; zero when it has none.
func (s *Service) primary(ctx context.Context, u User) (now, old Individual, err error) {
	if u.PrimaryIndividualID.IsZero() {
		return now, old, nil
	}
	found, err := s.store.LockIndividuals(ctx, u.OrganizationID, []id.ID{u.PrimaryIndividualID})
	old = found[u.PrimaryIndividualID]
	return old, old, err
}

// putSynced stores what differs.
func (s *Service) putSynced(ctx context.Context, old User, u *User, person Individual, i *Individual) (bool, error) {
	userDiffers, personDiffers := differ(old.snapshot(), u.snapshot()), differ(person.snapshot(), i.snapshot())
	if userDiffers || personDiffers {
		u.LastSyncAt = s.now()
		if err := s.putUser(ctx, old, u); err != nil {
			return false, err
		}
	}
	if personDiffers {
		if err := s.putIndividual(ctx, person, i); err != nil {
			return false, err
		}
	}
	return userDiffers || personDiffers, nil
}

func differ(before, after snapshot) bool {
	was, _ := differing(before, after)
	return len(was) > 0
}

// CreateSyncedGroup is CreateGroup for a group of another system.
func (s *Service) CreateSyncedGroup(ctx context.Context, e GroupEdit) (Group, error) {
	e.syncedAt = s.now()
	return s.CreateGroup(ctx, e)
}

// MemberEdit says who comes into a group and who goes. An individual that stands in it already keeps its place.
type MemberEdit struct {
	// Add are individuals of the organization: providers come in as leaders, participants as members.
	Add []id.ID
	// Remove are individuals; those who are not in the group are passed over.
	Remove []id.ID
}

// AmendGroup changes a group where it differs from e, and who is in it, and tells whether anything differed. Members are
// changed by edit alone: those of e are not looked at. It costs as much as the members named, however many there are. The
// group that is returned has no members in it.
//
// NotFound, GroupCycle; Invalid: somebody to add is no individual of the organization; members is blamed. One
// transaction.
func (s *Service) AmendGroup(ctx context.Context, group id.ID, e GroupEdit, members MemberEdit) (g Group, changed bool, err error) {
	a, err := mayWrite(ctx, groupScopes())
	if err != nil {
		return Group{}, false, err
	}
	e.LeaderIDs, e.IndividualIDs = nil, nil
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if e.ParentID != nil {
			if _, err := s.store.LockOrganization(ctx, a.OrganizationID); err != nil {
				return err
			}
		}
		old, err := s.store.LockGroupHead(ctx, a.OrganizationID, group)
		if err != nil {
			return err
		}
		g = old
		coming, going, err := s.moves(ctx, g, members)
		if err := gather(e.apply(&g), s.setParent(ctx, &g, e.ParentID), err); err != nil {
			return err
		}
		if changed = differ(old.snapshot(), g.snapshot()) || len(coming)+len(going) > 0; !changed {
			return nil
		}
		g.LastSyncAt = s.now()
		return s.amend(ctx, old, &g, coming, going)
	})
	return g, changed, err
}

// amend stores a group with those who come and go.
func (s *Service) amend(ctx context.Context, old Group, g *Group, coming, going []Membership) error {
	told, err := s.turning(ctx, old, *g, coming, going)
	if err != nil {
		return err
	}
	g.ModifiedAt = s.now()
	if err := s.store.UpdateGroup(ctx, *g); err != nil {
		return err
	}
	data := GroupEvent{GroupID: g.ID}
	data.LeadersAdded, data.IndividualsAdded = sides(coming)
	data.LeadersRemoved, data.IndividualsRemoved = sides(going)
	if err := s.store.SetMembers(ctx, g.OrganizationID, g.ID, coming, slices.Concat(data.LeadersRemoved, data.IndividualsRemoved)); err != nil {
		return err
	}
	if err := s.recordGroup(ctx, data, old, *g); err != nil {
		return err
	}
	return s.share(ctx, told)
}

// sides parts leaders from individuals.
func sides(places []Membership) (leaders, individuals []id.ID) {
	for _, m := range places {
		if m.Leader {
			leaders = append(leaders, m.IndividualID)
		} else {
			individuals = append(individuals, m.IndividualID)
		}
	}
	return leaders, individuals
}

// moves returns who really comes and who really goes.
func (s *Service) moves(ctx context.Context, g Group, e MemberEdit) (coming, going []Membership, err error) {
	add, remove := ordered(e.Add), ordered(e.Remove)
	known, err := s.store.LockIndividuals(ctx, g.OrganizationID, add)
	if err != nil {
		return nil, nil, err
	}
	has, err := s.store.FindPlaces(ctx, g.OrganizationID, g.ID, ordered(append(add, remove...)))
	if err != nil {
		return nil, nil, err
	}
	var f errs.Fields
	stays := make(map[id.ID]bool, len(add))
	for _, i := range add {
		stays[i] = true
		person, ok := known[i]
		if !ok {
			f.Add("members", "must be individuals of the organization; %s is none", i)
		}
		if _, already := has[i]; !already {
			coming = append(coming, Membership{GroupID: g.ID, IndividualID: i, Leader: person.AccountType == Provider})
		}
	}
	for _, i := range remove {
		if m, in := has[i]; in && !stays[i] {
			going = append(going, m)
		}
	}
	return coming, going, f.Err()
}

// UsersWithEmail returns the users who have one of the addresses, by FoldName of it.
func (s *Service) UsersWithEmail(ctx context.Context, organization id.ID, emails []string) (map[string][]User, error) {
	return s.store.FindUsersByEmail(ctx, organization, emails)
}

// GroupHeads returns those groups that exist, without their members.
func (s *Service) GroupHeads(ctx context.Context, organization id.ID, groups []id.ID) (map[id.ID]Group, error) {
	return s.store.FindGroupHeads(ctx, organization, groups)
}

// GroupsNamed returns the groups with this name, whatever its case, oldest first and at most limit of them, without
// members.
func (s *Service) GroupsNamed(ctx context.Context, organization id.ID, name string, limit int) ([]Group, error) {
	return s.store.FindGroupsNamed(ctx, organization, name, limit)
}

// Walk asks for records in the order in which they were made: Limit of those after the record After, or after the first
// Skip of all. A walk by After costs the same wherever it is, and nothing that is made or deleted meanwhile makes it
// miss or repeat a record.
type Walk struct {
	After       id.ID
	Skip, Limit int
}

// WalkUsers returns users, oldest first, with the number of all.
func (s *Service) WalkUsers(ctx context.Context, organization id.ID, w Walk) (page.List[User], error) {
	return s.store.WalkUsers(ctx, organization, w)
}

// WalkGroups is WalkUsers for groups, without members.
func (s *Service) WalkGroups(ctx context.Context, organization id.ID, w Walk) (page.List[Group], error) {
	return s.store.WalkGroups(ctx, organization, w)
}

// Places returns the places that the individuals have in a group.
func (s *Service) Places(ctx context.Context, organization, group id.ID, individuals []id.ID) (map[id.ID]Membership, error) {
	return s.store.FindPlaces(ctx, organization, group, individuals)
}

// CountMembers returns how many places several groups have together, but no more than most.
func (s *Service) CountMembers(ctx context.Context, organization id.ID, groups []id.ID, most int) (int, error) {
	return s.store.CountMembers(ctx, organization, groups, most)
}

// SyncStore is what the store does for other systems. In every respect that is not said it keeps to Store.
type SyncStore interface {
	// FindUsersByEmail returns the users who have one of the addresses, by FoldName of it, oldest first.
	FindUsersByEmail(ctx context.Context, organization id.ID, emails []string) (map[string][]User, error)
	// LockGroupHead is LockGroup without the members.
	LockGroupHead(ctx context.Context, organization, group id.ID) (Group, error)
	// FindGroupHeads is FindGroups without the members.
	FindGroupHeads(ctx context.Context, organization id.ID, groups []id.ID) (map[id.ID]Group, error)
	// FindGroupsNamed returns at most limit groups with this name, oldest first, without members. Case makes no difference
	// in letters of ASCII.
	FindGroupsNamed(ctx context.Context, organization id.ID, name string, limit int) ([]Group, error)
	// FindPlaces returns the places that the individuals have in the group.
	FindPlaces(ctx context.Context, organization, group id.ID, individuals []id.ID) (map[id.ID]Membership, error)
	// CountMembers counts the places of the groups and stops at most.
	CountMembers(ctx context.Context, organization id.ID, groups []id.ID, most int) (int, error)
	// WalkUsers and WalkGroups return records oldest first, with the number of all; groups without members.
	WalkUsers(ctx context.Context, organization id.ID, w Walk) (page.List[User], error)
	WalkGroups(ctx context.Context, organization id.ID, w Walk) (page.List[Group], error)
}

// SyncedDifferences names the values in which a user and its primary individual differ from n, in order. An individual that
// is zero is not looked at. Invalid: n has values that cannot be taken.
func (s *Service) SyncedDifferences(o Organization, u User, i Individual, n Synced) ([]string, error) {
	account, person := u, i
	if err := gather(n.User.apply(&account, o), s.amendPerson(n, &person)); err != nil {
		return nil, err
	}
	was, _ := differing(u.snapshot(), account.snapshot())
	more, _ := differing(i.snapshot(), person.snapshot())
	maps.Copy(was, more)
	return slices.Sorted(maps.Keys(was)), nil
}
