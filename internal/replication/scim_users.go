package replication

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/scim"
)

// SCIMUser returns a user. NotFound.
func (s *Service) SCIMUser(ctx context.Context, base string, user id.ID) (Resource, error) {
	ctx, org, err := pushed(ctx, "read")
	if err != nil {
		return Resource{}, err
	}
	r, _, err := s.scimUser(ctx, org, base, user)
	return r, err
}

// scimUser reads a user with what was pushed of it.
func (s *Service) scimUser(ctx context.Context, org id.ID, base string, user id.ID) (Resource, pushedUser, error) {
	found, err := s.pushedUsers(ctx, org, []id.ID{user})
	if err != nil {
		return Resource{}, pushedUser{}, err
	}
	if len(found) == 0 {
		return Resource{}, pushedUser{}, errs.MissingRecord("user")
	}
	return showUser(base, found[0]), found[0], nil
}

// pushedUser is a user with its primary individual and what was pushed of it.
type pushedUser struct {
	user   directory.User
	person directory.Individual
	link   Link
	groups []directory.Group // heads, by identifier
}

// pushedUsers reads those of the users that exist, in the order given.
func (s *Service) pushedUsers(ctx context.Context, org id.ID, ids []id.ID) ([]pushedUser, error) {
	users, err := s.people.Users(ctx, org, ids)
	if err != nil {
		return nil, err
	}
	var persons []id.ID
	for _, u := range users {
		if !u.PrimaryIndividualID.IsZero() {
			persons = append(persons, u.PrimaryIndividualID)
		}
	}
	individuals, err := s.people.Individuals(ctx, org, persons)
	if err != nil {
		return nil, err
	}
	links, err := s.store.FindLinksOf(ctx, org, PushedBySCIM, ids)
	if err != nil {
		return nil, err
	}
	groups, err := s.groupsOfUsers(ctx, org, ids)
	var out []pushedUser
	for _, i := range ids {
		if u, ok := users[i]; ok {
			out = append(out, pushedUser{u, individuals[u.PrimaryIndividualID], links[i], groups[i]})
		}
	}
	return out, err
}

// groupsOfUsers returns the groups that each user is in by any of its individuals, without their members. What it costs does not
// depend on how many users they are.
func (s *Service) groupsOfUsers(ctx context.Context, org id.ID, users []id.ID) (map[id.ID][]directory.Group, error) {
	owned, err := s.people.IndividualsOfUsers(ctx, org, users)
	if err != nil {
		return nil, err
	}
	of := map[id.ID]id.ID{} // individual → user
	for u, list := range owned {
		for _, i := range list {
			of[i.ID] = u
		}
	}
	places, err := s.people.Memberships(ctx, org, slices.Collect(maps.Keys(of)))
	if err != nil {
		return nil, err
	}
	heads, err := s.people.GroupHeads(ctx, org, groupsIn(places))
	out := map[id.ID][]directory.Group{}
	for _, p := range places {
		if g, ok := heads[p.GroupID]; ok {
			out[of[p.IndividualID]] = append(out[of[p.IndividualID]], g)
		}
	}
	for u, list := range out {
		slices.SortFunc(list, byID)
		out[u] = slices.CompactFunc(list, func(a, b directory.Group) bool { return a.ID == b.ID })
	}
	return out, err
}

func byID(a, b directory.Group) int { return bytes.Compare(a.ID[:], b.ID[:]) }

// groupsIn returns each group of the places once.
func groupsIn(places []directory.Membership) []id.ID {
	out := make([]id.ID, len(places))
	for n, p := range places {
		out[n] = p.GroupID
	}
	slices.SortFunc(out, func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// SCIMMe returns the user whose token the actor has. NobodysToken. NotFound: the user is gone.
func (s *Service) SCIMMe(ctx context.Context, base string) (Resource, error) {
	a, err := mayUse(ctx, scopeSCIM, "read")
	if err != nil {
		return Resource{}, err
	}
	if a.UserID.IsZero() {
		return Resource{}, NobodysToken.Errorf("this key is no user's")
	}
	return s.SCIMUser(ctx, base, a.UserID)
}

// CreateSCIMUser makes a user of a resource. DuplicateUsername, DuplicateExternalID, InvalidSCIM. One transaction.
func (s *Service) CreateSCIMUser(ctx context.Context, base string, o scim.Object) (Resource, error) {
	ctx, org, err := pushed(ctx, "write")
	if err != nil {
		return Resource{}, err
	}
	p, err := PersonOf(o)
	if err != nil {
		return Resource{}, refused(err)
	}
	var out Resource
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		n := p.synced()
		n.Person.ExternalID = &p.ExternalID
		u, _, err := s.people.CreateSynced(ctx, n)
		if err != nil {
			return err
		}
		if err := s.keep(ctx, Link{RecordID: u.ID, OrganizationID: org, Source: PushedBySCIM, Kind: Users}, p.ExternalID, o); err != nil {
			return err
		}
		out, _, err = s.scimUser(ctx, org, base, u.ID)
		return err
	})
	return out, refused(err)
}

// keep stores what was pushed of a record. Conflict: a record of that external id was purged.
func (s *Service) keep(ctx context.Context, l Link, externalID string, o scim.Object) error {
	document, err := keptOf(o)
	if err != nil {
		return err
	}
	if l.ExternalID == externalID && bytes.Equal(l.Document, document) {
		return nil
	}
	if l.ExternalID != externalID {
		if err := s.unpurged(ctx, l.OrganizationID, l.Source, l.Kind, externalID); err != nil {
			return err
		}
	}
	now := s.now()
	if l.CreatedAt.IsZero() {
		l.CreatedAt = now
	}
	before := l
	l.ExternalID, l.Document, l.SyncedAt = externalID, document, now
	if err := s.store.PutLink(ctx, l); err != nil {
		return err
	}
	return s.events.Audit(ctx, keptChange(before, l))
}

// ReplaceSCIMUser makes a user what a resource says. What the identity provider had said and says no more is cleared; what it
// never spoke of stays. NotFound, VersionMismatch, and as CreateSCIMUser. One transaction.
func (s *Service) ReplaceSCIMUser(ctx context.Context, base string, user id.ID, condition string, o scim.Object) (Resource, error) {
	return s.changeUser(ctx, base, user, condition, func(u pushedUser, _ scim.Object) (before, after, kept scim.Object, err error) {
		return said[scim.Object](u.link), o, o, nil
	})
}

// PatchSCIMUser changes a user by operations, all or none. NotFound, VersionMismatch, and as CreateSCIMUser. One transaction.
func (s *Service) PatchSCIMUser(ctx context.Context, base string, user id.ID, condition string, ops []scim.Op) (Resource, error) {
	for _, op := range ops {
		if a := op.Path.Attribute; a.URN == "" && strings.EqualFold(a.Name, "groups") {
			return Resource{}, refused(invalid(scim.Mutability, "groups follow from the members of the groups, where they are changed"))
		}
	}
	return s.changeUser(ctx, base, user, condition, func(u pushedUser, shown scim.Object) (before, after, kept scim.Object, err error) {
		after, _ = scim.Clone(shown).(scim.Object)
		err = cmp.Or(scim.Apply(after, ops), unremoved(after, "userName"))
		return shown, after, saidBy(said[scim.Object](u.link), shown, after), err
	})
}

// unremoved refuses a PATCH that has taken away what a resource must have.
func unremoved(o scim.Object, name string) error {
	if v, text := scim.Get(o, name).(string); text && v == "" || scim.Get(o, name) == nil {
		return invalid(scim.Mutability, name+" is required and cannot be removed")
	}
	return nil
}

// changeUser changes a user. what returns the resource that a value must have been in to be cleared, the one that is to be, and
// what of it the identity provider has said.
func (s *Service) changeUser(ctx context.Context, base string, user id.ID, condition string,
	what func(u pushedUser, shown scim.Object) (before, after, kept scim.Object, err error),
) (Resource, error) {
	ctx, org, err := pushed(ctx, "write")
	if err != nil {
		return Resource{}, err
	}
	var out Resource
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		shown, u, err := s.scimUser(ctx, org, base, user)
		if err != nil {
			return err
		}
		if err := shown.matches(condition); err != nil {
			return err
		}
		before, after, kept, err := what(u, shown.Object)
		if err != nil {
			return err
		}
		if err := s.storeUser(ctx, u, before, after, kept); err != nil {
			return err
		}
		out, _, err = s.scimUser(ctx, org, base, user)
		return err
	})
	return out, refused(err)
}

func (s *Service) storeUser(ctx context.Context, u pushedUser, before, after, kept scim.Object) error {
	had, err := PersonOf(before)
	if err != nil {
		return err
	}
	p, err := PersonOf(after)
	if err != nil {
		return err
	}
	if p.Username == nil {
		return invalid(scim.InvalidValue, "userName is required")
	}
	p = p.without(had).over(had)
	if value(p.State) == string(directory.Active) && u.user.State != directory.Archived {
		p.State = nil // who is invited, or is only reached, is active too
	}
	if _, _, _, err := s.people.AmendSynced(ctx, u.user.ID, p.synced()); err != nil {
		return err
	}
	l := u.link
	if l.RecordID.IsZero() {
		l = Link{RecordID: u.user.ID, OrganizationID: u.user.OrganizationID, Source: PushedBySCIM, Kind: Users}
	}
	return s.keep(ctx, l, p.ExternalID, kept)
}

// DeleteSCIMUser deletes a user with its individuals. NotFound, VersionMismatch. One transaction.
func (s *Service) DeleteSCIMUser(ctx context.Context, user id.ID, condition string) error {
	ctx, org, err := pushed(ctx, "write")
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		shown, _, err := s.scimUser(ctx, org, "", user)
		if err != nil {
			return err
		}
		if err := shown.matches(condition); err != nil {
			return err
		}
		if err := s.people.DeleteUser(ctx, user); err != nil {
			return err
		}
		return s.store.DeleteLink(ctx, org, PushedBySCIM, user)
	})
}
