package directorytest

import (
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// syncing is what the store does for other systems.
func syncing(t *testing.T, s suite) {
	t.Run("users by e-mail", s.usersByEmail)
	t.Run("heads of groups", s.heads)
	t.Run("places", s.places)
	t.Run("walks", s.walks)
}

func (s suite) usersByEmail(t *testing.T) {
	ctx := t.Context()
	insert := func(org id.ID, name, email string) directory.User {
		u := User(org, name)
		u.Email = email
		must(t, s.InsertUser(ctx, u))
		return u
	}
	a, b := insert(s.org.ID, "mail-a", "Shared@example.org"), insert(s.org.ID, "mail-b", "shared@example.org")
	c := insert(s.org.ID, "mail-c", "own@example.org")
	gone := insert(s.org.ID, "mail-d", "gone@example.org")
	must(t, s.DeleteUser(ctx, s.org.ID, gone.ID, At))
	insert(s.other.ID, "mail-a", "theirs@example.org")
	got, err := s.FindUsersByEmail(ctx, s.org.ID, []string{"SHARED@example.org", "own@example.org", "gone@example.org", "theirs@example.org", "", "nobody@example.org"})
	must(t, err)
	same(t, "by e-mail", got, map[string][]directory.User{"shared@example.org": {a, b}, "own@example.org": {c}})
}

func (s suite) heads(t *testing.T) {
	ctx := t.Context()
	_, leader := Person(ctx, t, s, s.org.ID, "heads-leader", directory.Provider)
	full := Group(s.org.ID, "Heads Ä")
	full.LeaderIDs = []id.ID{leader.ID}
	must(t, s.InsertGroup(ctx, full))
	head := full
	head.LeaderIDs = []id.ID{}
	namesake := Group(s.org.ID, "heads Ä")
	must(t, s.InsertGroup(ctx, namesake))
	gone := Group(s.org.ID, "Heads Ä")
	must(t, s.InsertGroup(ctx, gone))
	must(t, s.DeleteGroup(ctx, s.org.ID, gone.ID, At))
	must(t, s.InsertGroup(ctx, Group(s.other.ID, "Heads Ä")))

	locked, err := s.LockGroupHead(ctx, s.org.ID, full.ID)
	must(t, err)
	same(t, "locked", locked, head)
	for _, group := range []id.ID{gone.ID, id.New()} {
		_, err = s.LockGroupHead(ctx, s.org.ID, group)
		wantKind(t, "lock of nothing", err, errs.NotFound)
	}
	_, err = s.LockGroupHead(ctx, s.other.ID, full.ID)
	wantKind(t, "lock by another organization", err, errs.NotFound)
	found, err := s.FindGroupHeads(ctx, s.org.ID, []id.ID{full.ID, gone.ID, id.New()})
	must(t, err)
	same(t, "heads", found, map[id.ID]directory.Group{full.ID: head})
	named, err := s.FindGroupsNamed(ctx, s.org.ID, "HEADS Ä", 10)
	must(t, err)
	same(t, "named", named, []directory.Group{head, namesake})
	named, err = s.FindGroupsNamed(ctx, s.org.ID, "heads Ä", 1)
	must(t, err)
	same(t, "named, at most one", named, []directory.Group{head})
	named, err = s.FindGroupsNamed(ctx, s.org.ID, "heads", 10)
	must(t, err)
	same(t, "part of a name", len(named), 0)
}

func (s suite) places(t *testing.T) {
	ctx := t.Context()
	_, leader := Person(ctx, t, s, s.org.ID, "places-leader", directory.Provider)
	_, member := Person(ctx, t, s, s.org.ID, "places-member", directory.Participant)
	_, outside := Person(ctx, t, s, s.org.ID, "places-outside", directory.Participant)
	g := Group(s.org.ID, "Places")
	g.LeaderIDs, g.IndividualIDs = []id.ID{leader.ID}, []id.ID{member.ID}
	must(t, s.InsertGroup(ctx, g))
	got, err := s.FindPlaces(ctx, s.org.ID, g.ID, []id.ID{leader.ID, member.ID, outside.ID})
	must(t, err)
	same(t, "places", got, map[id.ID]directory.Membership{
		leader.ID: {GroupID: g.ID, IndividualID: leader.ID, Leader: true}, member.ID: {GroupID: g.ID, IndividualID: member.ID},
	})
	got, err = s.FindPlaces(ctx, s.other.ID, g.ID, []id.ID{leader.ID})
	must(t, err)
	same(t, "places, asked by another organization", len(got), 0)
	for most, want := range map[int]int{10: 2, 1: 1} {
		n, err := s.CountMembers(ctx, s.org.ID, []id.ID{g.ID, id.New()}, most)
		must(t, err)
		same(t, "members", n, want)
	}
	n, err := s.CountMembers(ctx, s.other.ID, []id.ID{g.ID}, 10)
	must(t, err)
	same(t, "members, asked by another organization", n, 0)
}

func (s suite) walks(t *testing.T) {
	ctx := t.Context()
	org := Organization("walks")
	must(t, s.InsertOrganization(ctx, org))
	users, groups := make([]directory.User, 3), make([]directory.Group, 3)
	for n, name := range []string{"w1", "w2", "w3"} {
		users[n], groups[n] = User(org.ID, name), Group(org.ID, name)
		must(t, s.InsertUser(ctx, users[n]))
		must(t, s.InsertGroup(ctx, groups[n]))
	}
	for name, tc := range map[string]struct {
		w        directory.Walk
		from, to int
	}{
		"from the start":    {directory.Walk{Limit: 2}, 0, 2},
		"by skipping":       {directory.Walk{Skip: 1, Limit: 2}, 1, 3},
		"beyond the end":    {directory.Walk{Skip: 9, Limit: 2}, 0, 0},
		"the number of all": {directory.Walk{}, 0, 0},
	} {
		l, err := s.WalkUsers(ctx, org.ID, tc.w)
		must(t, err)
		same(t, name, l, page.List[directory.User]{Items: append([]directory.User{}, users[tc.from:tc.to]...), Total: 3})
		g, err := s.WalkGroups(ctx, org.ID, tc.w)
		must(t, err)
		same(t, name, g, page.List[directory.Group]{Items: append([]directory.Group{}, groups[tc.from:tc.to]...), Total: 3})
	}
	l, err := s.WalkUsers(ctx, org.ID, directory.Walk{After: users[0].ID, Limit: 5})
	must(t, err)
	same(t, "after a user", l.Items, users[1:])
	g, err := s.WalkGroups(ctx, org.ID, directory.Walk{After: groups[1].ID, Limit: 5})
	must(t, err)
	same(t, "after a group", g.Items, groups[2:])
}
