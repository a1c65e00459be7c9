package consent

import (
	"context"
	"slices"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Who may do what with consents:
//
//	                 administrator  service  leader                             member
//	ask for one      yes            yes      no                                 no
//	see one          all            all      their groups' individuals', own    own
//	take one back    yes            yes      own                                own
//	get its proof    yes            yes      own                                own
//	whole numbers    yes            no       no                                 no
//
// What somebody may not see does not exist for them. Texts from a person come without an actor: their number is what
// they are known by.

// resource is how scopes name consents.
const resource = "user-consents"

// require returns the actor when a scope of theirs covers an action.
func require(ctx context.Context, action string) (actor.Actor, error) {
	a := actor.From(ctx)
	if a.IsZero() {
		return a, errs.CodeUnauthenticated.Errorf("no key was sent")
	}
	if !a.Has(resource, action) {
		return a, errs.Forbidden("the scopes of this key do not cover %s:%s", resource, action)
	}
	return a, nil
}

// mayAsk lets those through who ask people for consent.
func mayAsk(ctx context.Context) (actor.Actor, error) {
	a, err := require(ctx, "write")
	if err == nil && !a.Everyone() {
		err = errs.Forbidden("only administrators and services ask for consent")
	}
	return a, err
}

// decides tells whether a consent is the actor's to take back and to show proof of.
func decides(a actor.Actor, c Consent) bool { return a.Everyone() || owns(a, c) }

func owns(a actor.Actor, c Consent) bool { return !c.UserID.IsZero() && a.UserID == c.UserID }

// visible tells whether the actor may see a consent of its organization.
func (s *Service) visible(ctx context.Context, a actor.Actor, c Consent) (bool, error) {
	if decides(a, c) {
		return true, nil
	}
	return s.leads(ctx, a, c.UserID)
}

// leads tells whether the actor leads a group in which an individual of a user stands.
func (s *Service) leads(ctx context.Context, a actor.Actor, user id.ID) (bool, error) {
	if a.Role != actor.Leader {
		return false, nil
	}
	individuals, err := s.people.IndividualsOfUsers(ctx, a.OrganizationID, []id.ID{user})
	if err != nil {
		return false, err
	}
	for _, i := range individuals[user] {
		_, err := s.people.ActAs(ctx, i.ID)
		if err == nil {
			return true, nil
		}
		if errs.KindOf(err) != errs.Denied {
			return false, err
		}
	}
	return false, nil
}

// maxLed is how many people a leader's list is gathered from.
const maxLed = 1000

// audience are the users whose consents a list shows an actor; nil is everybody.
func (s *Service) audience(ctx context.Context, a actor.Actor, user id.ID) ([]id.ID, error) {
	switch {
	case !user.IsZero() && user == a.UserID, a.Everyone() && !user.IsZero():
		return []id.ID{user}, nil
	case a.Everyone():
		return nil, nil
	case !user.IsZero():
		if leads, err := s.leads(ctx, a, user); err != nil || !leads {
			return []id.ID{}, err
		}
		return []id.ID{user}, nil
	}
	users := []id.ID{}
	if !a.UserID.IsZero() {
		users = append(users, a.UserID)
	}
	if a.Role != actor.Leader {
		return users, nil
	}
	led, err := s.led(ctx, a)
	return append(users, led...), err
}

// led are the users of the individuals of the groups that the actor leads.
func (s *Service) led(ctx context.Context, a actor.Actor) ([]id.ID, error) {
	places, err := s.people.Memberships(ctx, a.OrganizationID, a.Individuals)
	if err != nil {
		return nil, err
	}
	var groups []id.ID
	for _, p := range places {
		if p.Leader {
			groups = append(groups, p.GroupID)
		}
	}
	found, err := s.people.Groups(ctx, a.OrganizationID, groups)
	if err != nil {
		return nil, err
	}
	var people []id.ID
	for _, g := range found {
		people = append(people, g.IndividualIDs...) // not those who lead beside them
	}
	if len(people) > maxLed {
		return nil, errs.InvalidParameter("filter[user-id]", "is needed: the groups that you lead have more than %d people", maxLed)
	}
	individuals, err := s.people.Individuals(ctx, a.OrganizationID, people)
	if err != nil {
		return nil, err
	}
	var users []id.ID
	for _, i := range individuals {
		if u := i.UserID(); !u.IsZero() && u != a.UserID && !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	return users, nil
}

// shown hides the number from those who are not to see addresses.
func shown(a actor.Actor, c Consent) Consent {
	if a.Role != actor.Administrator && !owns(a, c) {
		c.Number = mask(c.Number)
	}
	return c
}

// CheckOrganization refuses a list that is asked for of another organization than the actor's. Zero is the actor's.
func CheckOrganization(ctx context.Context, organization id.ID) error {
	if organization.IsZero() || organization == actor.From(ctx).OrganizationID {
		return nil
	}
	return errs.MissingRecord("organization")
}
