package directory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// GroupEdit is what is to change of a group; nil leaves a value alone, and a pointer to nothing clears it.
type GroupEdit struct {
	Name          *string // required, 1 to 255 characters
	Description   *string // at most 4,096 characters
	AvatarURL     *string
	ParentID      *id.ID
	LeaderIDs     *[]id.ID // replaced as a whole; providers
	IndividualIDs *[]id.ID // likewise; participants
	ArchivedAt    *time.Time
	syncedAt      time.Time // when another system made it
}

// apply changes everything of g but its members and its parent, and checks it.
func (e GroupEdit) apply(g *Group) error {
	setTrimmed(&g.Name, e.Name)
	setTrimmed(&g.Description, e.Description)
	setTrimmed(&g.AvatarURL, e.AvatarURL)
	set(&g.ArchivedAt, e.ArchivedAt)
	var f errs.Fields
	line(&f, "name", g.Name, 1, maxName)
	prose(&f, "description", g.Description, maxText)
	link(&f, "avatar_url", g.AvatarURL)
	return f.Err()
}

// applyGroup changes all of g and checks it.
func (s *Service) applyGroup(ctx context.Context, e GroupEdit, g *Group) error {
	return gather(e.apply(g), s.setParent(ctx, g, e.ParentID), s.setMembers(ctx, g, e))
}

// CreateGroup makes a group with its members. One transaction.
func (s *Service) CreateGroup(ctx context.Context, e GroupEdit) (Group, error) {
	a, err := mayWrite(ctx, groupScopes())
	if err != nil {
		return Group{}, err
	}
	now := s.now()
	group := id.New()
	var g Group
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		g = Group{
			ID: group, OrganizationID: a.OrganizationID, LeaderIDs: []id.ID{}, IndividualIDs: []id.ID{}, CreatedAt: now, ModifiedAt: now,
			LastSyncAt: e.syncedAt,
		}
		if err := s.applyGroup(ctx, e, &g); err != nil {
			return err
		}
		if err := s.store.InsertGroup(ctx, g); err != nil {
			return err
		}
		data := GroupEvent{GroupID: g.ID, LeadersAdded: g.LeaderIDs, IndividualsAdded: g.IndividualIDs}
		if err := s.record(ctx, g.OrganizationID, EventGroupCreated, g.ID, data, nil, data.after(g.snapshot())); err != nil {
			return err
		}
		return s.share(ctx, entering(g))
	})
	return g, err
}

// UpdateGroup changes a group. NotFound, GroupCycle. One transaction.
func (s *Service) UpdateGroup(ctx context.Context, group id.ID, e GroupEdit) (Group, error) {
	a, err := mayWrite(ctx, groupScopes())
	if err != nil {
		return Group{}, err
	}
	var g Group
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if e.ParentID != nil { // before the group itself, so that locks are taken in one order
			if _, err := s.store.LockOrganization(ctx, a.OrganizationID); err != nil {
				return err
			}
		}
		old, err := s.store.LockGroup(ctx, a.OrganizationID, group)
		if err != nil {
			return err
		}
		g = old
		if err := s.applyGroup(ctx, e, &g); err != nil {
			return err
		}
		return s.putGroup(ctx, old, &g)
	})
	return g, err
}

// putGroup stores a change of a group and of its members.
func (s *Service) putGroup(ctx context.Context, old Group, g *Group) error {
	g.ModifiedAt = s.now()
	if err := s.store.UpdateGroup(ctx, *g); err != nil {
		return err
	}
	data := GroupEvent{GroupID: g.ID}
	data.LeadersAdded, data.LeadersRemoved = compare(old.LeaderIDs, g.LeaderIDs)
	data.IndividualsAdded, data.IndividualsRemoved = compare(old.IndividualIDs, g.IndividualIDs)
	var add []Membership
	for _, i := range data.LeadersAdded {
		add = append(add, Membership{GroupID: g.ID, IndividualID: i, Leader: true})
	}
	for _, i := range data.IndividualsAdded {
		add = append(add, Membership{GroupID: g.ID, IndividualID: i})
	}
	remove := slices.Concat(data.LeadersRemoved, data.IndividualsRemoved)
	if err := s.store.SetMembers(ctx, g.OrganizationID, g.ID, add, remove); err != nil {
		return err
	}
	if err := s.recordGroup(ctx, data, old, *g); err != nil {
		return err
	}
	return s.share(ctx, moving(old, *g))
}

// recordGroup records a change of a group and of who is in it.
func (s *Service) recordGroup(ctx context.Context, data GroupEvent, old, g Group) error {
	return s.record(ctx, g.OrganizationID, EventGroupUpdated, g.ID, data, data.before(old.snapshot()), data.after(g.snapshot()))
}

// compare tells who is new in a list and who is gone from it.
func compare(old, now []id.ID) (added, removed []id.ID) {
	return without(now, old), without(old, now)
}

func without(list, others []id.ID) []id.ID {
	in := make(map[id.ID]bool, len(others))
	for _, o := range others {
		in[o] = true
	}
	var out []id.ID
	for _, i := range list {
		if !in[i] {
			out = append(out, i)
		}
	}
	return out
}

// setParent moves g below another group. The organization is locked, because two moves at once could close a circle that
// neither of them sees.
func (s *Service) setParent(ctx context.Context, g *Group, parent *id.ID) error {
	if parent == nil || *parent == g.ParentID {
		return nil
	}
	g.ParentID = *parent
	if parent.IsZero() {
		return nil
	}
	if _, err := s.store.LockOrganization(ctx, g.OrganizationID); err != nil {
		return err
	}
	for above := *parent; !above.IsZero(); {
		if above == g.ID {
			return GroupCycle.Errorf("the group would be its own ancestor").At("parent_id")
		}
		found, err := s.store.FindGroups(ctx, g.OrganizationID, []id.ID{above})
		if err != nil {
			return err
		}
		up, ok := found[above]
		if !ok {
			return errs.InvalidField("parent_id", "is no group of the organization")
		}
		above = up.ParentID
	}
	return nil
}

// setMembers gives g the members of an edit and checks those that are new. They are locked, so that nobody is deleted
// while joining.
func (s *Service) setMembers(ctx context.Context, g *Group, e GroupEdit) error {
	var fresh []id.ID
	if e.LeaderIDs != nil {
		fresh = append(fresh, without(*e.LeaderIDs, g.LeaderIDs)...)
	}
	if e.IndividualIDs != nil {
		fresh = append(fresh, without(*e.IndividualIDs, g.IndividualIDs)...)
	}
	known, err := s.store.LockIndividuals(ctx, g.OrganizationID, ordered(fresh))
	if err != nil {
		return err
	}
	var f errs.Fields
	if e.LeaderIDs != nil {
		checkMembers(&f, "leader_ids", *e.LeaderIDs, g.LeaderIDs, known, Provider)
		g.LeaderIDs = ordered(*e.LeaderIDs)
	}
	if e.IndividualIDs != nil {
		checkMembers(&f, "individual_ids", *e.IndividualIDs, g.IndividualIDs, known, Participant)
		g.IndividualIDs = ordered(*e.IndividualIDs)
	}
	return f.Err()
}

// checkMembers names everyone in a list who is neither in the group already nor of the right kind.
func checkMembers(f *errs.Fields, path string, list, already []id.ID, known map[id.ID]Individual, kind AccountType) {
	in := make(map[id.ID]bool, len(already))
	for _, i := range already {
		in[i] = true
	}
	for n, i := range list {
		if in[i] {
			continue
		}
		switch found, ok := known[i]; {
		case !ok:
			f.Add(at(path, n), "is no individual of the organization")
		case found.AccountType != kind:
			f.Add(at(path, n), "must be a %s", kind)
		}
	}
}

// ordered returns the identifiers in order, each once.
func ordered(ids []id.ID) []id.ID {
	out := append([]id.ID{}, ids...)
	slices.SortFunc(out, func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// ChangeMembers adds individuals to a group and takes others out, as MemberEdit says. It costs what the change is, however
// large the group, and does nothing where nothing changes. NotFound; Invalid: somebody to add is no individual of the
// organization; members is blamed. One transaction.
func (s *Service) ChangeMembers(ctx context.Context, group id.ID, e MemberEdit) error {
	a, err := mayWrite(ctx, groupScopes())
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		g, err := s.store.LockGroupHead(ctx, a.OrganizationID, group)
		if err != nil {
			return err
		}
		coming, going, err := s.moves(ctx, g, e)
		if err != nil || len(coming)+len(going) == 0 {
			return err
		}
		return s.amend(ctx, g, &g, coming, going)
	})
}

// DeleteGroup deletes a group; its children remain, without a parent. NotFound. One transaction.
func (s *Service) DeleteGroup(ctx context.Context, group id.ID) error {
	a, err := mayWrite(ctx, groupScopes())
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := s.store.LockOrganization(ctx, a.OrganizationID); err != nil { // nobody may be moved below it meanwhile
			return err
		}
		g, err := s.store.LockGroup(ctx, a.OrganizationID, group)
		if err != nil {
			return err
		}
		if err := s.store.DeleteGroup(ctx, g.OrganizationID, g.ID, s.now()); err != nil {
			return err
		}
		data := GroupEvent{GroupID: g.ID, LeadersRemoved: g.LeaderIDs, IndividualsRemoved: g.IndividualIDs}
		if err := s.record(ctx, g.OrganizationID, EventGroupDeleted, g.ID, data, data.before(g.snapshot()), nil); err != nil {
			return err
		}
		return s.share(ctx, leaving(g))
	})
}

// GetGroup returns a group that the actor may see. NotFound: any other.
func (s *Service) GetGroup(ctx context.Context, group id.ID) (Group, error) {
	v, err := s.mayRead(ctx, groupScopes())
	if err != nil {
		return Group{}, err
	}
	return s.visibleGroup(ctx, v, group)
}

func (s *Service) visibleGroup(ctx context.Context, v view, group id.ID) (Group, error) {
	g, err := s.Group(ctx, v.organization, group)
	if err != nil || v.everything {
		return g, err
	}
	for _, own := range v.own {
		if slices.Contains(g.IndividualIDs, own) || slices.Contains(g.LeaderIDs, own) {
			return g, nil
		}
	}
	return Group{}, errs.MissingRecord("individual-group")
}

// GroupQuery says which groups to list; what is empty is no matter.
type GroupQuery struct {
	Name         string // each of its words begins a word of the name
	Archived     *bool
	IndividualID id.ID // those in which this individual stands, as a leader or not
}

func (s *Service) groupFilter(ctx context.Context, q GroupQuery) (GroupFilter, error) {
	v, err := s.mayRead(ctx, groupScopes())
	f := GroupFilter{OrganizationID: v.organization, Name: q.Name, Archived: q.Archived, With: q.IndividualID}
	if !v.everything {
		f.Of = v.own
	}
	return f, err
}

// ListGroups returns the groups that the actor may see, newest first.
func (s *Service) ListGroups(ctx context.Context, q GroupQuery, p page.Offset) (page.List[Group], error) {
	f, err := s.groupFilter(ctx, q)
	if err != nil {
		return page.List[Group]{}, err
	}
	return s.store.ListGroups(ctx, f, p)
}

// TurnGroups is ListGroups by cursor. NotFound: the cursor names no group of the list.
func (s *Service) TurnGroups(ctx context.Context, q GroupQuery, p page.Cursor) (page.List[Group], error) {
	f, err := s.groupFilter(ctx, q)
	if err != nil {
		return page.List[Group]{}, err
	}
	return s.store.TurnGroups(ctx, f, p)
}
