package replication

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/scim"
)

// SCIMGroup returns a group, with its members if they are chosen. NotFound.
func (s *Service) SCIMGroup(ctx context.Context, base string, group id.ID, members bool) (Resource, error) {
	ctx, org, err := pushed(ctx, "read")
	if err != nil {
		return Resource{}, err
	}
	list, err := s.scimGroups(ctx, org, base, []id.ID{group}, members)
	if err == nil && len(list) == 0 {
		err = errs.MissingRecord("group")
	}
	if err != nil {
		return Resource{}, err
	}
	return list[0], nil
}

// scimGroups reads those of the groups that exist, in the order given.
func (s *Service) scimGroups(ctx context.Context, org id.ID, base string, ids []id.ID, members bool) ([]Resource, error) {
	read := s.people.GroupHeads
	if members {
		read = s.people.Groups
	}
	groups, err := read(ctx, org, ids)
	if err != nil {
		return nil, err
	}
	links, err := s.store.FindLinksOf(ctx, org, PushedBySCIM, ids)
	if err != nil {
		return nil, err
	}
	var out []Resource
	for _, i := range ids {
		g, ok := groups[i]
		if !ok {
			continue
		}
		r := showGroup(base, g, links[i])
		if members {
			if r.Object["members"], err = s.showMembers(ctx, org, base, g); err != nil {
				return nil, err
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// showGroup is a group without its members. The version is that of the record, so that it need not be read with them.
func showGroup(base string, g directory.Group, l Link) Resource {
	o := said[scim.Object](l)
	if o == nil {
		o = scim.Object{}
	}
	put(o, "displayName", g.Name)
	put(o, "externalId", l.ExternalID)
	modified := later(g.ModifiedAt, l.SyncedAt)
	return finish(o, scim.GroupSchema, "Group", g.ID, base+"/Groups/", g.CreatedAt, modified, version(o, g.ID, modified))
}

// showMembers lists the users in a group. Individuals without a user are not known to identity providers.
func (s *Service) showMembers(ctx context.Context, org id.ID, base string, g directory.Group) ([]any, error) {
	individuals, err := s.people.Individuals(ctx, org, g.Members())
	out := []any{}
	seen := map[id.ID]bool{}
	for _, m := range g.Members() {
		i := individuals[m]
		u := i.UserID()
		if u.IsZero() || seen[u] {
			continue
		}
		seen[u] = true
		o := scim.Object{"value": u.String(), "type": "User", "$ref": base + "/Users/" + u.String()}
		put(o, "display", i.Name())
		out = append(out, o)
	}
	return out, err
}

// roster is what is to become of the members of a group.
type roster struct {
	afresh bool           // nobody stays but those who come
	coming map[id.ID]bool // users: true comes, false goes
}

func (r *roster) set(users []id.ID, comes bool) {
	if r.coming == nil {
		r.coming = map[id.ID]bool{}
	}
	for _, u := range users {
		r.coming[u] = comes
	}
}

func (r *roster) replace(users []id.ID) {
	r.afresh, r.coming = true, nil
	r.set(users, true)
}

// usersOf reads the members of a document.
func usersOf(v any) ([]id.ID, error) {
	var out []id.ID
	for _, m := range scim.Objects(v) {
		text, _ := scim.Text(m, "value")
		u, err := id.Parse(text)
		if err != nil {
			return nil, invalid(scim.InvalidValue, "members must have the identifier of a user as their value")
		}
		out = append(out, u)
	}
	return out, nil
}

// CreateSCIMGroup makes a group of a resource. DuplicateExternalID, InvalidSCIM. One transaction.
func (s *Service) CreateSCIMGroup(ctx context.Context, base string, o scim.Object) (Resource, error) {
	ctx, org, err := pushed(ctx, "write")
	if err != nil {
		return Resource{}, err
	}
	var (
		out Resource
		r   roster
	)
	users, err := usersOf(scim.Get(o, "members"))
	if err != nil {
		return out, refused(err)
	}
	r.set(users, true)
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		name, external, err := namesOf(o)
		if err != nil {
			return err
		}
		g, err := s.people.CreateSyncedGroup(ctx, directory.GroupEdit{Name: name})
		if err != nil {
			return err
		}
		link := Link{RecordID: g.ID, OrganizationID: org, Source: PushedBySCIM, Kind: Groups}
		if err := s.storeGroup(ctx, g, link, external, o, directory.GroupEdit{}, r); err != nil {
			return err
		}
		list, err := s.scimGroups(ctx, org, base, []id.ID{g.ID}, true)
		if err == nil {
			out = list[0]
		}
		return err
	})
	return out, refused(err)
}

func namesOf(o scim.Object) (name *string, externalID string, err error) {
	if name, err = text(o, "displayName"); err != nil {
		return nil, "", err
	}
	external, err := text(o, "externalId")
	if name == nil {
		err = invalid(scim.InvalidValue, "displayName is required")
	}
	return name, value(external), err
}

// storeGroup stores the members of a group, a change, and what was pushed of it.
func (s *Service) storeGroup(ctx context.Context, g directory.Group, l Link, externalID string, o scim.Object, e directory.GroupEdit, r roster) error {
	members, err := s.moves(ctx, g, r)
	if err != nil {
		return err
	}
	if _, _, err := s.people.AmendGroup(ctx, g.ID, e, members); err != nil {
		return err
	}
	return s.keep(ctx, l, externalID, o)
}

// moves turns users into the individuals who come and go.
func (s *Service) moves(ctx context.Context, g directory.Group, r roster) (directory.MemberEdit, error) {
	var e directory.MemberEdit
	users, err := s.people.Users(ctx, g.OrganizationID, slices.Collect(maps.Keys(r.coming)))
	if err != nil {
		return e, err
	}
	for named, comes := range r.coming {
		u, ok := users[named]
		if comes && (!ok || u.PrimaryIndividualID.IsZero()) {
			return e, invalid(scim.InvalidValue, "members: "+named.String()+" is no user of the organization")
		}
		if comes {
			e.Add = append(e.Add, u.PrimaryIndividualID)
		} else if ok {
			e.Remove = append(e.Remove, u.PrimaryIndividualID)
		}
	}
	if !r.afresh {
		return e, nil
	}
	full, err := s.people.Group(ctx, g.OrganizationID, g.ID)
	if err != nil {
		return e, err
	}
	individuals, err := s.people.Individuals(ctx, g.OrganizationID, full.Members())
	for _, i := range individuals {
		if u := i.UserID(); !u.IsZero() && !r.coming[u] {
			e.Remove = append(e.Remove, i.ID)
		}
	}
	return e, err
}

// ReplaceSCIMGroup makes a group what a resource says; one without members empties it. The answer has members if they are
// asked for. NotFound, VersionMismatch, and as CreateSCIMGroup. One transaction.
func (s *Service) ReplaceSCIMGroup(ctx context.Context, base string, group id.ID, condition string, o scim.Object, members bool) (Resource, error) {
	users, err := usersOf(scim.Get(o, "members"))
	if err != nil {
		return Resource{}, refused(err)
	}
	return s.changeGroup(ctx, base, group, condition, members, func(scim.Object) (scim.Object, roster, error) {
		var r roster
		r.replace(users)
		return o, r, nil
	})
}

// PatchSCIMGroup changes a group by operations, all or none. It looks at no members but those that are named, unless all
// are to be replaced or asked for in the answer. NotFound, VersionMismatch, and as CreateSCIMGroup. One transaction.
func (s *Service) PatchSCIMGroup(ctx context.Context, base string, group id.ID, condition string, ops []scim.Op, members bool) (Resource, error) {
	return s.changeGroup(ctx, base, group, condition, members, func(shown scim.Object) (scim.Object, roster, error) {
		var (
			r    roster
			rest []scim.Op
		)
		for _, op := range ops {
			if a := op.Path.Attribute; a.URN != "" || !(scim.Attribute{Name: a.Name}).Is("members") {
				rest = append(rest, op)
			} else if err := r.apply(op); err != nil {
				return nil, r, err
			}
		}
		err := scim.Apply(shown, rest)
		return shown, r, cmp.Or(err, unremoved(shown, "displayName"))
	})
}

// apply notes what one operation on the members asks for.
func (r *roster) apply(op scim.Op) error {
	if sub := op.Path.Attribute.Sub; sub != "" && !op.Path.Attribute.Is("members.value") {
		return invalid(scim.Mutability, "of members only who they are can be changed")
	}
	if op.Path.Filter != nil {
		users, ok := selected(op.Path.Filter)
		if !ok || op.Kind != scim.Remove {
			return invalid(scim.InvalidPath, "members are selected by their value, to be removed")
		}
		r.set(users, false)
		return nil
	}
	users, err := usersOf(op.Value)
	switch {
	case err != nil:
		return err
	case op.Kind == scim.Replace, op.Kind == scim.Remove && op.Value == nil:
		r.replace(users)
	default:
		r.set(users, op.Kind == scim.Add)
	}
	return nil
}

// selected returns the users that a filter of members names: value eq "…", several of them joined by or.
func selected(f scim.Filter) ([]id.ID, bool) {
	switch f := f.(type) {
	case scim.Compare:
		text, _ := f.Value.(string)
		u, err := id.Parse(text)
		return []id.ID{u}, err == nil && f.Operator == scim.Equal && f.Attribute.Is("value")
	case scim.Or:
		left, ok := selected(f.Left)
		right, also := selected(f.Right)
		return append(left, right...), ok && also
	}
	return nil, false
}

func (s *Service) changeGroup(ctx context.Context, base string, group id.ID, condition string, members bool,
	what func(shown scim.Object) (scim.Object, roster, error),
) (Resource, error) {
	ctx, org, err := pushed(ctx, "write")
	if err != nil {
		return Resource{}, err
	}
	var out Resource
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		heads, err := s.people.GroupHeads(ctx, org, []id.ID{group})
		if err != nil {
			return err
		}
		links, err := s.store.FindLinksOf(ctx, org, PushedBySCIM, []id.ID{group})
		if err != nil {
			return err
		}
		g, ok := heads[group]
		if !ok {
			return errs.MissingRecord("group")
		}
		shown := showGroup(base, g, links[group])
		if err := shown.matches(condition); err != nil {
			return err
		}
		after, r, err := what(shown.Object)
		if err != nil {
			return err
		}
		name, external, err := namesOf(after)
		if err != nil {
			return err
		}
		edit := directory.GroupEdit{Name: name}
		if g.Archived() { // who is pushed is in use
			edit.ArchivedAt = new(time.Time)
		}
		link := links[group]
		if link.RecordID.IsZero() {
			link = Link{RecordID: g.ID, OrganizationID: org, Source: PushedBySCIM, Kind: Groups}
		}
		if err := s.storeGroup(ctx, g, link, external, after, edit, r); err != nil {
			return err
		}
		list, err := s.scimGroups(ctx, org, base, []id.ID{group}, members)
		if err == nil {
			out = list[0]
		}
		return err
	})
	return out, refused(err)
}

// DeleteSCIMGroup deletes a group. NotFound, VersionMismatch. One transaction.
func (s *Service) DeleteSCIMGroup(ctx context.Context, group id.ID, condition string) error {
	ctx, org, err := pushed(ctx, "write")
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		list, err := s.scimGroups(ctx, org, "", []id.ID{group}, false)
		if err == nil && len(list) == 0 {
			err = errs.MissingRecord("group")
		}
		if err != nil {
			return err
		}
		if err := list[0].matches(condition); err != nil {
			return err
		}
		if err := s.people.DeleteGroup(ctx, group); err != nil {
			return err
		}
		return s.store.DeleteLink(ctx, org, PushedBySCIM, group)
	})
}
