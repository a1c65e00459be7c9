package directory

import (
	"context"
	"slices"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Who may do what in the directory.
//
// Reading. Administrators, machines and providers (leaders are providers) see everything in their own organization:
// that is what they serve people with. A participant sees itself, who stands in a group with it, and these groups; of
// the others' dates of birth and external ids nothing; of users, which hold addresses, only its own, and of the others no more than
// the username. What somebody may not see does not exist for them. Everybody sees their own organization and its sites, and nobody another one.
//
// Writing is for administrators, with one exception: people decide themselves how they are reached (transports,
// preferences, SMS mode, locale and time zone of their own user).
//
// A profile is for the individual itself and administrators, and for who shares a channel with the individual, which package
// messaging decides.
//
// A new organization is a tenant of its own from its first moment. Any administrator may create one, because somebody
// must and a server's first administrator is an organization's too; but its creator has no more rights in it than in any
// other, and sees it in the answer to the creation only. Its first key is made on the server with `switchboard token
// create`. An administrator may change and delete only the organization that the key belongs to.
//
// Beside the role, a key's scopes must cover the resource, under the name that any of the APIs has for it.

// The resources, by the names that scopes may have for them.
func organizationScopes() []string { return []string{"organizations"} }
func userScopes() []string         { return []string{"users", "contacts"} }
func individualScopes() []string   { return []string{"individuals", "contacts"} }
func groupScopes() []string        { return []string{"individual-groups", "groups"} }
func siteScopes() []string         { return []string{"sites"} }
func profileScopes() []string      { return []string{"individual-profiles"} }
func preferenceScopes() []string   { return []string{"org-preferences"} }

// covered tells whether a scope of the actor covers the action on a resource.
func covered(a actor.Actor, action string, names []string) error {
	if a.IsZero() {
		return errs.CodeUnauthenticated.Errorf("no key was sent")
	}
	for _, name := range names {
		if a.Has(name, action) {
			return nil
		}
	}
	return errs.Forbidden("the scopes of this key do not cover %s:%s", names[0], action)
}

// mayWrite lets administrators through.
func mayWrite(ctx context.Context, scopes []string) (actor.Actor, error) {
	a := actor.From(ctx)
	if err := covered(a, "write", scopes); err != nil {
		return a, err
	}
	if a.Role != actor.Administrator {
		return a, errs.Forbidden("only administrators change the directory")
	}
	return a, nil
}

// mayEditUser lets administrators edit every user, and people the part of their own that says how they are reached.
func mayEditUser(ctx context.Context, user id.ID, e UserEdit) (actor.Actor, error) {
	a := actor.From(ctx)
	if a.UserID.IsZero() || a.UserID != user || a.Role == actor.Administrator {
		return mayWrite(ctx, userScopes())
	}
	if err := covered(a, "write", userScopes()); err != nil {
		return a, err
	}
	if !e.onlyReach() {
		return a, errs.Forbidden("only administrators change more of a user than notifications, communication preferences, SMS mode, locale and time zone")
	}
	return a, nil
}

// view is what an actor may see.
type view struct {
	organization id.ID
	user         id.ID
	everything   bool
	own          []id.ID // individuals; never nil
}

// mayRead lets everybody with the scope through and says how far they see.
func (s *Service) mayRead(ctx context.Context, scopes []string) (view, error) {
	if err := covered(actor.From(ctx), "read", scopes); err != nil {
		return view{}, err
	}
	return s.view(ctx)
}

// shown hides the addresses and wishes of a user who may not be seen.
func (v view) shown(u User) User {
	if v.everything || u.ID == v.user {
		return u
	}
	return User{
		ID: u.ID, OrganizationID: u.OrganizationID, PrimaryIndividualID: u.PrimaryIndividualID, Username: u.Username,
		State: u.State, CreatedAt: u.CreatedAt, ModifiedAt: u.ModifiedAt,
	}
}

// person hides what is nobody's business of an individual who is not the actor's own.
func (v view) person(i Individual) Individual {
	if !v.everything && !slices.Contains(v.own, i.ID) {
		i.BirthDate, i.ExternalID = "", ""
	}
	return i
}

// view says how far the actor sees.
func (s *Service) view(ctx context.Context) (view, error) {
	a := actor.From(ctx)
	v := view{organization: a.OrganizationID, user: a.UserID, own: append([]id.ID{}, a.Individuals...)}
	if v.everything = a.Everyone() || a.Role == actor.Leader; v.everything || len(v.own) == 0 {
		return v, nil
	}
	found, err := s.store.FindIndividuals(ctx, v.organization, v.own)
	for _, i := range found {
		v.everything = v.everything || i.AccountType == Provider
	}
	return v, err
}

// ActAs answers for whom a request acts that names an individual, or none: it is how every context resolves
// `individual-id`.
//
//   - none named: the actor's own primary individual, zero for a machine;
//   - one of the actor's own: that one;
//   - an administrator or a machine: anybody of the organization; NotFound when there is no such individual;
//   - a leader: the individuals of the groups that one of the leader's own leads. Fellow leaders are not among them: a nurse who
//     leads a group beside a doctor serves its patients, and does not write in the doctor's name. Of a group that is archived
//     everybody has left, so it gives no right; one that comes back gives it again;
//   - anything else is Denied, whether or not the individual exists.
//
// The answer is noted in ctx for the audit; see actor.ActAs.
func (s *Service) ActAs(ctx context.Context, individual id.ID) (id.ID, error) {
	acting, err := s.actAs(ctx, individual)
	if err == nil {
		actor.ActAs(ctx, acting)
	}
	return acting, err
}

func (s *Service) actAs(ctx context.Context, individual id.ID) (id.ID, error) {
	a := actor.From(ctx)
	switch {
	case individual.IsZero():
		return a.Individual(), nil
	case a.Owns(individual):
		return individual, nil
	case a.Everyone():
		found, err := s.store.FindIndividuals(ctx, a.OrganizationID, []id.ID{individual})
		if err == nil && len(found) == 0 {
			err = errs.MissingRecord("individual")
		}
		if err != nil {
			return id.Nil, err
		}
		return individual, nil
	case a.Role == actor.Leader:
		leads, err := s.store.LeadsIndividual(ctx, a.OrganizationID, a.Individuals, individual)
		if err != nil {
			return id.Nil, err
		}
		if leads {
			return individual, nil
		}
	}
	return id.Nil, errs.Forbidden("this key may not act for that individual")
}
