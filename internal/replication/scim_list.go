package replication

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/scim"
)

// The limits of lists: of what a filter that no index answers may look at, of what an index may find, and of the members in
// one answer.
const (
	maxScanned = 1000
	maxFound   = 1000
	maxMembers = 10_000
)

// listed is what lists of users and of groups do differently.
type listed struct {
	walk func(context.Context, id.ID, directory.Walk) ([]id.ID, int, error)
	find func(ctx context.Context, org id.ID, f scim.Compare) (ids []id.ID, ok bool, err error)
	show func(ctx context.Context, org id.ID, ids []id.ID) ([]scim.Object, error)
}

// SCIMUsers lists users. InvalidSCIM: the filter cannot be read, or would look at too many.
func (s *Service) SCIMUsers(ctx context.Context, base string, q Query) (Listing, error) {
	return s.list(ctx, Users, q, listed{
		walk: func(ctx context.Context, org id.ID, w directory.Walk) ([]id.ID, int, error) {
			l, err := s.people.WalkUsers(ctx, org, w)
			return identifiers(l, func(u directory.User) id.ID { return u.ID }), l.Total, err
		},
		find: s.findUsers,
		show: func(ctx context.Context, org id.ID, ids []id.ID) ([]scim.Object, error) {
			found, err := s.pushedUsers(ctx, org, ids)
			out := make([]scim.Object, len(found))
			for n, u := range found {
				out[n] = showUser(base, u).Object
			}
			return out, err
		},
	})
}

// SCIMGroups lists groups. InvalidSCIM as SCIMUsers; also when the groups of one answer have too many members.
func (s *Service) SCIMGroups(ctx context.Context, base string, q Query) (Listing, error) {
	return s.list(ctx, Groups, q, listed{
		walk: func(ctx context.Context, org id.ID, w directory.Walk) ([]id.ID, int, error) {
			l, err := s.people.WalkGroups(ctx, org, w)
			return identifiers(l, func(g directory.Group) id.ID { return g.ID }), l.Total, err
		},
		find: s.findGroups,
		show: func(ctx context.Context, org id.ID, ids []id.ID) ([]scim.Object, error) {
			members := q.Choice.Wants("members")
			if members {
				n, err := s.people.CountMembers(ctx, org, ids, maxMembers+1)
				if err != nil {
					return nil, err
				}
				if n > maxMembers && len(ids) > 1 {
					return nil, invalid(scim.TooMany, fmt.Sprintf("these groups have more than %d members: use excludedAttributes=members, or a smaller count", maxMembers))
				}
			}
			list, err := s.scimGroups(ctx, org, base, ids, members)
			out := make([]scim.Object, len(list))
			for n, r := range list {
				out[n] = r.Object
			}
			return out, err
		},
	})
}

// SCIMSearch lists users and, behind them, groups, as if they were one list. What a filter says of an attribute that the other kind
// has does not hold. InvalidSCIM as SCIMUsers and SCIMGroups.
func (s *Service) SCIMSearch(ctx context.Context, base string, q Query) (Listing, error) {
	q.tidy()
	users, err := s.SCIMUsers(ctx, base, q)
	if err != nil {
		return Listing{}, err
	}
	rest := q
	rest.Start, rest.Count = max(q.Start-users.Total, 1), q.Count-max(min(users.Total-q.Start+1, q.Count), 0)
	groups, err := s.SCIMGroups(ctx, base, rest)
	return Listing{users.Total + groups.Total, q.Start, append(users.Resources, groups.Resources...)}, err
}

func identifiers[T any](l page.List[T], of func(T) id.ID) []id.ID {
	out := make([]id.ID, len(l.Items))
	for n, v := range l.Items {
		out[n] = of(v)
	}
	return out
}

func (s *Service) list(ctx context.Context, kind Kind, q Query, l listed) (Listing, error) {
	ctx, org, err := pushed(ctx, "read")
	if err != nil {
		return Listing{}, err
	}
	q.tidy()
	out, err := s.selectFrom(ctx, org, kind, q, l)
	for n, o := range out.Resources {
		out.Resources[n] = q.Choice.Of(o)
	}
	return out, refused(err)
}

func (s *Service) selectFrom(ctx context.Context, org id.ID, kind Kind, q Query, l listed) (Listing, error) {
	if q.Filter == "" {
		return s.walk(ctx, org, kind, q, l)
	}
	f, err := scim.ParseFilter(q.Filter)
	if err != nil {
		return Listing{}, err
	}
	ids, rest, err := l.resolve(ctx, org, f)
	if err != nil {
		return Listing{}, err
	}
	if ids == nil {
		var total int
		if ids, total, err = l.walk(ctx, org, directory.Walk{Limit: maxScanned}); err != nil {
			return Listing{}, err
		}
		if total > maxScanned {
			return Listing{}, invalid(scim.TooMany, "no index answers this filter; use userName, emails.value, phoneNumbers.value, externalId, id, displayName (of groups), members.value or groups.value with eq")
		}
	}
	if len(ids) > maxFound {
		return Listing{}, invalid(scim.TooMany, fmt.Sprintf("more than %d records fit", maxFound))
	}
	slices.SortFunc(ids, func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	all, err := l.show(ctx, org, slices.Compact(ids)) // which leaves out what is not there
	if rest != nil {
		all = slices.DeleteFunc(all, func(o scim.Object) bool { return !rest.Match(o) })
	}
	return Listing{Total: len(all), Start: q.Start, Resources: part(all, q)}, err
}

// part is the page of a list.
func part[T any](all []T, q Query) []T {
	from := min(q.Start-1, len(all))
	return all[from:min(from+q.Count, len(all))]
}

// resolve finds the records of a filter by indexes, and what of the filter they still have to be held to; nil when nothing is
// left. Without identifiers no index helps.
func (l listed) resolve(ctx context.Context, org id.ID, f scim.Filter) (ids []id.ID, rest scim.Filter, err error) {
	switch f := f.(type) {
	case scim.Compare:
		if f.Operator != scim.Equal {
			return nil, f, nil
		}
		ids, ok, err := l.find(ctx, org, f)
		if !ok {
			return nil, f, err
		}
		return append([]id.ID{}, ids...), nil, err // never nil, which would be no answer
	case scim.Has:
		ids, _, err = l.resolve(ctx, org, within(f.Attribute, f.Filter))
		return ids, f, err
	case scim.And:
		return l.both(ctx, org, f)
	case scim.Or:
		left, restLeft, err := l.resolve(ctx, org, f.Left)
		if err != nil || left == nil {
			return nil, f, err
		}
		right, restRight, err := l.resolve(ctx, org, f.Right)
		if err != nil || right == nil {
			return nil, f, err
		}
		if restLeft != nil || restRight != nil {
			rest = f
		}
		return append(left, right...), rest, nil
	}
	return nil, f, nil
}

func (l listed) both(ctx context.Context, org id.ID, f scim.And) (ids []id.ID, rest scim.Filter, err error) {
	left, restLeft, err := l.resolve(ctx, org, f.Left)
	if err != nil {
		return nil, f, err
	}
	right, restRight, err := l.resolve(ctx, org, f.Right)
	switch {
	case restLeft == nil:
		rest = restRight
	case restRight == nil:
		rest = restLeft
	default:
		rest = scim.And{Left: restLeft, Right: restRight}
	}
	switch {
	case left == nil:
		return right, rest, err
	case right == nil:
		return left, rest, err
	}
	in := make(map[id.ID]bool, len(right))
	for _, i := range right {
		in[i] = true
	}
	return slices.DeleteFunc(left, func(i id.ID) bool { return !in[i] }), rest, err
}

// within reads emails[value eq "…"] as emails.value eq "…", which finds every record that it selects.
func within(list scim.Attribute, f scim.Filter) scim.Filter {
	switch f := f.(type) {
	case scim.Compare:
		f.Attribute = scim.Attribute{URN: list.URN, Name: list.Name, Sub: f.Attribute.Name}
		return f
	case scim.And:
		return scim.And{Left: within(list, f.Left), Right: within(list, f.Right)}
	case scim.Or:
		return scim.Or{Left: within(list, f.Left), Right: within(list, f.Right)}
	}
	return f
}

// findUsers answers a comparison by an index, if there is one.
func (s *Service) findUsers(ctx context.Context, org id.ID, f scim.Compare) (ids []id.ID, ok bool, err error) {
	want, isText := f.Value.(string)
	if !isText {
		return nil, false, nil
	}
	switch a := f.Attribute; {
	case a.Is("id"):
		return one(want), true, nil
	case a.Is("externalId"):
		ids, err = s.byExternalID(ctx, org, Users, want)
		return ids, true, err
	case a.Is("userName"):
		users, err := s.people.UsersNamed(ctx, org, []string{want})
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		return ids, true, err
	case a.Is("emails"), a.Is("emails.value"):
		users, err := s.people.UsersWithEmail(ctx, org, []string{want})
		for _, u := range users[directory.FoldName(want)] {
			ids = append(ids, u.ID)
		}
		return ids, true, err
	case a.Is("phoneNumbers"), a.Is("phoneNumbers.value"):
		phone, _ := directory.ParsePhone(want, "")
		users, err := s.people.UsersWithPhone(ctx, phone)
		for _, u := range users {
			if u.OrganizationID == org {
				ids = append(ids, u.ID)
			}
		}
		return ids, true, err
	case a.Is("groups"), a.Is("groups.value"):
		ids, err = s.usersIn(ctx, org, want)
		return ids, true, err
	case a.Is("members"), a.Is("members.value"), a.Is("meta.resourceType") && !strings.EqualFold(want, "User"):
		return nil, true, nil // of groups alone
	}
	return nil, false, nil
}

func one(text string) []id.ID {
	if i, err := id.Parse(text); err == nil {
		return []id.ID{i}
	}
	return []id.ID{}
}

func (s *Service) byExternalID(ctx context.Context, org id.ID, kind Kind, externalID string) ([]id.ID, error) {
	links, err := s.store.FindLinks(ctx, org, PushedBySCIM, kind, []string{externalID})
	var ids []id.ID
	for _, l := range links {
		ids = append(ids, l.RecordID)
	}
	return ids, err
}

// findGroups is findUsers for groups.
func (s *Service) findGroups(ctx context.Context, org id.ID, f scim.Compare) (ids []id.ID, ok bool, err error) {
	want, isText := f.Value.(string)
	if !isText {
		return nil, false, nil
	}
	switch a := f.Attribute; {
	case a.Is("id"):
		return one(want), true, nil
	case a.Is("externalId"):
		ids, err = s.byExternalID(ctx, org, Groups, want)
		return ids, true, err
	case a.Is("displayName"):
		groups, err := s.people.GroupsNamed(ctx, org, want, maxFound+1)
		for _, g := range groups {
			ids = append(ids, g.ID)
		}
		return ids, true, err
	case a.Is("members"), a.Is("members.value"):
		ids, err = s.groupsOf(ctx, org, one(want))
		return ids, true, err
	case a.Is("userName"), a.Is("emails"), a.Is("emails.value"), a.Is("phoneNumbers"), a.Is("phoneNumbers.value"), a.Is("groups"), a.Is("groups.value"),
		a.Is("meta.resourceType") && !strings.EqualFold(want, "Group"):
		return nil, true, nil // of users alone
	}
	return nil, false, nil
}

// usersIn returns the users in a group.
func (s *Service) usersIn(ctx context.Context, org id.ID, group string) ([]id.ID, error) {
	groups := one(group)
	if n, err := s.people.CountMembers(ctx, org, groups, maxFound+1); err != nil || n > maxFound {
		return nil, cmp.Or(err, invalid(scim.TooMany, fmt.Sprintf("the group has more than %d members: read it", maxFound)))
	}
	found, err := s.people.Groups(ctx, org, groups)
	if err != nil {
		return nil, err
	}
	var out []id.ID
	for _, g := range found {
		individuals, err := s.people.Individuals(ctx, org, g.Members())
		if err != nil {
			return nil, err
		}
		for _, i := range individuals {
			if u := i.UserID(); !u.IsZero() {
				out = append(out, u)
			}
		}
	}
	return out, nil
}

// groupsOf returns the groups in which users stand.
func (s *Service) groupsOf(ctx context.Context, org id.ID, users []id.ID) ([]id.ID, error) {
	owned, err := s.people.IndividualsOfUsers(ctx, org, users)
	if err != nil {
		return nil, err
	}
	var individuals []id.ID
	for _, list := range owned {
		for _, i := range list {
			individuals = append(individuals, i.ID)
		}
	}
	places, err := s.people.Memberships(ctx, org, individuals)
	var out []id.ID
	for _, m := range places {
		out = append(out, m.GroupID)
	}
	return out, err
}

// walk turns the pages of the whole list, oldest first. Where a page ended is remembered, so that the next one costs no more
// than the first, however far down it is.
func (s *Service) walk(ctx context.Context, org id.ID, kind Kind, q Query, l listed) (Listing, error) {
	w := directory.Walk{Limit: q.Count, Skip: q.Start - 1}
	if after, known := s.walks.find(org, kind, q.Start); known {
		w.After, w.Skip = after, 0
	}
	ids, total, err := l.walk(ctx, org, w)
	if err != nil {
		return Listing{}, err
	}
	if len(ids) > 0 {
		s.walks.note(org, kind, q.Start+len(ids), ids[len(ids)-1])
	}
	all, err := l.show(ctx, org, ids)
	return Listing{Total: total, Start: q.Start, Resources: all}, err
}

// maxWalks bounds what is remembered of walks.
const maxWalks = 10_000

// walks remembers the record before the start of a page. It is a help, not a truth: a walk that nobody remembers skips.
type walks struct {
	mu    sync.Mutex
	after map[walkPlace]id.ID
}

type walkPlace struct {
	org   id.ID
	kind  Kind
	start int
}

func (w *walks) find(org id.ID, kind Kind, start int) (id.ID, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	after, ok := w.after[walkPlace{org, kind, start}]
	return after, ok
}

func (w *walks) note(org id.ID, kind Kind, start int, after id.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.after == nil || len(w.after) >= maxWalks {
		w.after = map[walkPlace]id.ID{}
	}
	w.after[walkPlace{org, kind, start}] = after
}
