package app

import (
	"context"
	"fmt"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// walkStep is how many records the walks below read at a time.
const walkStep = 500

// ambiguous is for names that several records have.
func ambiguous(what, name string) error {
	return errs.CodeDuplicate.Errorf("several %ss are called %q; name the one by its id", what, name)
}

// FindOrganization finds an organization by id or name, whatever the case; the only one there is for an empty text. Its
// errors are NotFound, and Duplicate when several fit.
func (a *Admin) FindOrganization(ctx context.Context, nameOrID string) (directory.Organization, error) {
	if nameOrID == "" {
		some, err := a.Directory.WalkOrganizations(ctx, directory.Walk{Limit: 2})
		switch {
		case err != nil:
			return directory.Organization{}, err
		case len(some) == 0:
			return directory.Organization{}, errs.CodeNotFound.Errorf("there is no organization yet")
		case len(some) > 1:
			return directory.Organization{}, errs.CodeDuplicate.Errorf("there are several organizations; say which with --organization")
		}
		return some[0], nil
	}
	if i, err := id.Parse(nameOrID); err == nil {
		return a.Directory.Organization(ctx, i)
	}
	found, err := a.Directory.OrganizationsNamed(ctx, nameOrID, 2)
	switch {
	case err != nil:
		return directory.Organization{}, err
	case len(found) == 0:
		return directory.Organization{}, errs.CodeNotFound.Errorf("there is no organization %q", nameOrID)
	case len(found) > 1:
		return directory.Organization{}, ambiguous("organization", nameOrID)
	}
	return found[0], nil
}

// EachOrganization calls fn for every organization, oldest first, until it fails. They are read a few hundred at a time.
func (a *Admin) EachOrganization(ctx context.Context, fn func(directory.Organization) error) error {
	return each(func(after id.ID) ([]directory.Organization, error) {
		return a.Directory.WalkOrganizations(ctx, directory.Walk{After: after, Limit: walkStep})
	}, func(o directory.Organization) id.ID { return o.ID }, fn)
}

// EachUser calls fn for every user of an organization, oldest first, until it fails.
func (a *Admin) EachUser(ctx context.Context, organization id.ID, fn func(directory.User) error) error {
	return each(func(after id.ID) ([]directory.User, error) {
		l, err := a.Directory.WalkUsers(ctx, organization, directory.Walk{After: after, Limit: walkStep})
		return l.Items, err
	}, func(u directory.User) id.ID { return u.ID }, fn)
}

// EachGroup calls fn for every group of an organization, oldest first and without members, until it fails.
func (a *Admin) EachGroup(ctx context.Context, organization id.ID, fn func(directory.Group) error) error {
	return each(func(after id.ID) ([]directory.Group, error) {
		l, err := a.Directory.WalkGroups(ctx, organization, directory.Walk{After: after, Limit: walkStep})
		return l.Items, err
	}, func(g directory.Group) id.ID { return g.ID }, fn)
}

// each walks through records, a page after the other.
func each[T any](read func(after id.ID) ([]T, error), key func(T) id.ID, fn func(T) error) error {
	for after := id.Nil; ; {
		some, err := read(after)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, one := range some {
			if err := fn(one); err != nil {
				return err
			}
			after = key(one)
		}
	}
}

// FindUser finds a user by id or username. NotFound.
func (a *Admin) FindUser(ctx context.Context, organization id.ID, nameOrID string) (directory.User, error) {
	if i, err := id.Parse(nameOrID); err == nil {
		found, err := a.Directory.Users(ctx, organization, []id.ID{i})
		if u, ok := found[i]; ok || err != nil {
			return u, err
		}
	}
	found, err := a.Directory.UsersNamed(ctx, organization, []string{nameOrID})
	u, ok := found[directory.FoldName(nameOrID)]
	if err == nil && !ok {
		err = errs.CodeNotFound.Errorf("the organization has no user %q", nameOrID)
	}
	return u, err
}

// FindGroup finds a group by id or name, without its members. NotFound; Duplicate when several have the name.
func (a *Admin) FindGroup(ctx context.Context, organization id.ID, nameOrID string) (directory.Group, error) {
	if i, err := id.Parse(nameOrID); err == nil {
		found, err := a.Directory.GroupHeads(ctx, organization, []id.ID{i})
		if g, ok := found[i]; ok || err != nil {
			return g, err
		}
	}
	found, err := a.Directory.GroupsNamed(ctx, organization, nameOrID, 2)
	switch {
	case err != nil:
		return directory.Group{}, err
	case len(found) == 0:
		return directory.Group{}, errs.CodeNotFound.Errorf("the organization has no group %q", nameOrID)
	case len(found) > 1:
		return directory.Group{}, ambiguous("group", nameOrID)
	}
	return found[0], nil
}

// FindIndividuals finds individuals by their ids, or by the ids or usernames of the users whose primary individuals they are.
// NotFound: the first that there is not.
func (a *Admin) FindIndividuals(ctx context.Context, organization id.ID, namesOrIDs []string) ([]id.ID, error) {
	out := make([]id.ID, len(namesOrIDs))
	for n, name := range namesOrIDs {
		if i, err := id.Parse(name); err == nil {
			found, err := a.Directory.Individuals(ctx, organization, []id.ID{i})
			if err != nil {
				return nil, err
			}
			if _, ok := found[i]; ok {
				out[n] = i
				continue
			}
		}
		u, err := a.FindUser(ctx, organization, name)
		if err != nil {
			return nil, err
		}
		if out[n] = u.PrimaryIndividualID; out[n].IsZero() {
			return nil, fmt.Errorf("the user %q has no individual", name)
		}
	}
	return out, nil
}

// Suggest returns names that begin with a text, for the shell to complete: of organizations, users or groups.
func (a *Admin) Suggest(ctx context.Context, what string, organization id.ID, text string) ([]string, error) {
	const most = 50
	switch what {
	case "user":
		return a.Directory.UsernamesFrom(ctx, organization, text, most)
	case "group":
		l, err := a.Directory.ListGroups(a.As(ctx, organization), directory.GroupQuery{Name: text}, page.Offset{Limit: most})
		return names(l.Items, func(g directory.Group) string { return g.Name }), err
	}
	some, err := a.Directory.WalkOrganizations(ctx, directory.Walk{Limit: walkStep})
	return names(some, func(o directory.Organization) string { return o.Name }), err
}

func names[T any](list []T, name func(T) string) []string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = name(one)
	}
	return out
}
