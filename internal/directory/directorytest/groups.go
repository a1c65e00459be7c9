package directorytest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

func groups(t *testing.T, s suite) {
	ctx := t.Context()
	_, leader := Person(ctx, t, s, s.org.ID, "leader", directory.Provider)
	a, b := Individual(s.org.ID, "a", ""), Individual(s.org.ID, "b", "")
	must(t, s.InsertIndividual(ctx, a))
	must(t, s.InsertIndividual(ctx, b))
	g := Group(s.org.ID, "Ward 7")
	g.Description, g.AvatarURL, g.ArchivedAt, g.LastSyncAt = "d", "https://x.test/a.png", At, At.Add(1e6)
	g.LeaderIDs, g.IndividualIDs = []id.ID{leader.ID}, []id.ID{a.ID, b.ID}
	must(t, s.InsertGroup(ctx, g))
	theirs := Group(s.other.ID, "Ward 7")
	must(t, s.InsertGroup(ctx, theirs))

	found, err := s.FindGroups(ctx, s.org.ID, []id.ID{g.ID, theirs.ID, id.New()})
	must(t, err)
	same(t, "found", found, map[id.ID]directory.Group{g.ID: g})
	g.Name, g.Description, g.AvatarURL, g.ArchivedAt = "Ward 8", "", "", At
	must(t, s.UpdateGroup(ctx, g))
	got, err := s.LockGroup(ctx, s.org.ID, g.ID)
	must(t, err)
	same(t, "updated", got, g)
	_, err = s.LockGroup(ctx, s.other.ID, g.ID)
	wantKind(t, "lock by another organization", err, errs.NotFound)
	stolen := g
	stolen.OrganizationID = s.other.ID
	wantKind(t, "update by another organization", s.UpdateGroup(ctx, stolen), errs.NotFound)

	live, archived := false, true
	for name, tc := range map[string]struct {
		f    directory.GroupFilter
		want int
	}{
		"all": {directory.GroupFilter{}, 1}, "by name": {directory.GroupFilter{Name: "ward"}, 1}, "by the old name": {directory.GroupFilter{Name: "7"}, 0},
		"live": {directory.GroupFilter{Archived: &live}, 0}, "archived": {directory.GroupFilter{Archived: &archived}, 1},
		"of a": {directory.GroupFilter{Of: []id.ID{a.ID}}, 1}, "of nobody": {directory.GroupFilter{Of: []id.ID{}}, 0},
	} {
		tc.f.OrganizationID = s.org.ID
		l, err := s.ListGroups(ctx, tc.f, first100)
		must(t, err)
		if l.Total != tc.want || len(l.Items) != tc.want {
			t.Errorf("%s: %+v, want %d", name, l, tc.want)
		}
		if tc.want == 1 {
			same(t, name, l.Items[0], g)
		}
	}

	wantKind(t, "delete by another organization", s.DeleteGroup(ctx, s.other.ID, g.ID, At), errs.NotFound)
	must(t, s.DeleteGroup(ctx, s.org.ID, g.ID, At))
	wantKind(t, "second delete", s.DeleteGroup(ctx, s.org.ID, g.ID, At), errs.NotFound)
	l, err := s.ListGroups(ctx, directory.GroupFilter{OrganizationID: s.org.ID}, first100)
	must(t, err)
	same(t, "after delete", l.Total, 0)
	places, err := s.FindMemberships(ctx, s.org.ID, []id.ID{a.ID, leader.ID})
	must(t, err)
	same(t, "memberships after delete", len(places), 0)
}

func memberships(t *testing.T, s suite) {
	ctx := t.Context()
	_, leader := Person(ctx, t, s, s.org.ID, "leader", directory.Provider)
	_, second := Person(ctx, t, s, s.org.ID, "second", directory.Provider)
	a, b := Individual(s.org.ID, "a", ""), Individual(s.org.ID, "b", "")
	must(t, s.InsertIndividual(ctx, a))
	must(t, s.InsertIndividual(ctx, b))
	g, empty := Group(s.org.ID, "g"), Group(s.org.ID, "empty")
	g.LeaderIDs, g.IndividualIDs = []id.ID{leader.ID}, []id.ID{a.ID}
	must(t, s.InsertGroup(ctx, g))
	must(t, s.InsertGroup(ctx, empty))

	must(t, s.SetMembers(ctx, s.org.ID, g.ID, []directory.Membership{{IndividualID: b.ID}, {IndividualID: second.ID, Leader: true}}, []id.ID{a.ID}))
	got, err := s.LockGroup(ctx, s.org.ID, g.ID)
	must(t, err)
	same(t, "leaders", got.LeaderIDs, []id.ID{leader.ID, second.ID})
	same(t, "individuals", got.IndividualIDs, []id.ID{b.ID})
	must(t, s.SetMembers(ctx, s.org.ID, g.ID, []directory.Membership{{IndividualID: b.ID, Leader: true}}, nil))
	must(t, s.SetMembers(ctx, s.org.ID, g.ID, []directory.Membership{{IndividualID: b.ID}}, nil)) // a place is replaced
	must(t, s.SetMembers(ctx, s.other.ID, g.ID, nil, []id.ID{b.ID}))                              // and not taken by another organization

	locked, err := s.LockGroups(ctx, s.org.ID, []id.ID{empty.ID, id.New(), g.ID})
	must(t, err)
	head := g
	head.LeaderIDs, head.IndividualIDs = []id.ID{}, []id.ID{}
	same(t, "locked, without members", locked, []directory.Group{head, empty})
	locked, err = s.LockGroups(ctx, s.other.ID, []id.ID{g.ID})
	must(t, err)
	same(t, "locked by another organization", len(locked), 0)
	places, err := s.FindMemberships(ctx, s.org.ID, []id.ID{leader.ID, a.ID, b.ID})
	must(t, err)
	same(t, "memberships", places, []directory.Membership{
		{GroupID: g.ID, IndividualID: leader.ID, Leader: true}, {GroupID: g.ID, IndividualID: b.ID},
	})
	places, err = s.FindMemberships(ctx, s.other.ID, []id.ID{leader.ID})
	must(t, err)
	same(t, "asked for by another organization", len(places), 0)

	for _, tc := range []struct {
		name       string
		org, group id.ID
		who        []id.ID
		want       bool
	}{
		{"leader", s.org.ID, g.ID, []id.ID{a.ID, leader.ID}, true},
		{"individual", s.org.ID, g.ID, []id.ID{b.ID}, false},
		{"nobody", s.org.ID, g.ID, nil, false},
		{"another group", s.org.ID, empty.ID, []id.ID{leader.ID}, false},
		{"another organization", s.other.ID, g.ID, []id.ID{leader.ID}, false},
	} {
		got, err := s.Leads(ctx, tc.org, tc.group, tc.who)
		must(t, err)
		same(t, tc.name+" leads", got, tc.want)
	}
	for _, tc := range []struct {
		name string
		org  id.ID
		who  []id.ID
		whom id.ID
		want bool
	}{
		{"leader of individual", s.org.ID, []id.ID{leader.ID}, b.ID, true},
		{"leader of leader", s.org.ID, []id.ID{leader.ID}, second.ID, false},
		{"individual of leader", s.org.ID, []id.ID{b.ID}, leader.ID, false},
		{"leader of one who left", s.org.ID, []id.ID{leader.ID}, a.ID, false},
		{"nobody", s.org.ID, nil, b.ID, false},
		{"another organization", s.other.ID, []id.ID{leader.ID}, b.ID, false},
	} {
		got, err := s.LeadsIndividual(ctx, tc.org, tc.who, tc.whom)
		must(t, err)
		same(t, tc.name, got, tc.want)
	}

	for _, archived := range []bool{true, false} { // and back
		g.ArchivedAt = time.Time{}
		if archived {
			g.ArchivedAt = At
		}
		must(t, s.UpdateGroup(ctx, g))
		leads, err := s.Leads(ctx, s.org.ID, g.ID, []id.ID{leader.ID})
		must(t, err)
		over, err := s.LeadsIndividual(ctx, s.org.ID, []id.ID{leader.ID}, b.ID)
		must(t, err)
		same(t, fmt.Sprintf("a group that is archived (%v) is led", archived), []bool{leads, over}, []bool{!archived, !archived})
	}

	had, err := s.DeleteIndividual(ctx, s.org.ID, b.ID, At)
	must(t, err)
	same(t, "places of the deleted", had, []directory.Membership{{GroupID: g.ID, IndividualID: b.ID}})
	got, err = s.LockGroup(ctx, s.org.ID, g.ID)
	must(t, err)
	same(t, "individuals after delete", got.IndividualIDs, []id.ID{})
	l, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.org.ID, GroupID: g.ID}, first100)
	must(t, err)
	same(t, "list by group", l.Total, 2)
	l, err = s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.other.ID, GroupID: g.ID}, first100)
	must(t, err)
	same(t, "list by another organization's group", l.Total, 0)

	for what, f := range map[string]struct {
		f    directory.GroupFilter
		want int
	}{
		"of a leader":                    {directory.GroupFilter{OrganizationID: s.org.ID, With: leader.ID}, 1},
		"of who has left":                {directory.GroupFilter{OrganizationID: s.org.ID, With: a.ID}, 0},
		"of two":                         {directory.GroupFilter{OrganizationID: s.org.ID, With: second.ID, Of: []id.ID{leader.ID}}, 1},
		"of one who is in none with him": {directory.GroupFilter{OrganizationID: s.org.ID, With: leader.ID, Of: []id.ID{a.ID}}, 0},
		"of another organization's":      {directory.GroupFilter{OrganizationID: s.other.ID, With: leader.ID}, 0},
	} {
		l, err := s.ListGroups(ctx, f.f, first100)
		must(t, err)
		same(t, "groups "+what, l.Total, f.want)
	}
	mine, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.org.ID, UserID: leader.OwnerID}, first100)
	must(t, err)
	if mine.Total != 1 || mine.Items[0].ID != leader.ID {
		t.Errorf("individuals of a user: %+v", mine)
	}
	mine, err = s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.other.ID, UserID: leader.OwnerID}, first100)
	must(t, err)
	same(t, "individuals of another organization's user", mine.Total, 0)

	g2 := Group(s.org.ID, "refers to nobody")
	g2.IndividualIDs = []id.ID{id.New()}
	wantKind(t, "unknown member", s.tx.Do(ctx, func(ctx context.Context) error { return s.InsertGroup(ctx, g2) }), errs.NotFound)
}

func nesting(t *testing.T, s suite) {
	ctx := t.Context()
	top, child := Group(s.org.ID, "top"), Group(s.org.ID, "child")
	child.ParentID = top.ID
	must(t, s.InsertGroup(ctx, top))
	must(t, s.InsertGroup(ctx, child))
	got, err := s.LockGroup(ctx, s.org.ID, child.ID)
	must(t, err)
	same(t, "parent", got.ParentID, top.ID)
	must(t, s.DeleteGroup(ctx, s.org.ID, top.ID, At))
	got, err = s.LockGroup(ctx, s.org.ID, child.ID)
	must(t, err)
	same(t, "parent after it was deleted", got.ParentID, id.Nil)
}

func groupCursors(t *testing.T, s suite) {
	ctx := t.Context()
	var all []directory.Group
	for i := range 5 {
		g := Group(s.org.ID, fmt.Sprint(i))
		if i == 2 {
			g.ArchivedAt = At
		}
		must(t, s.InsertGroup(ctx, g))
		all = append(all, g)
	}
	theirs := Group(s.other.ID, "theirs")
	must(t, s.InsertGroup(ctx, theirs))
	live := false
	turn := func(p page.Cursor) string {
		l, err := s.TurnGroups(ctx, directory.GroupFilter{OrganizationID: s.org.ID, Archived: &live}, p)
		must(t, err)
		var out strings.Builder
		for _, g := range l.Items {
			out.WriteString(g.Name)
		}
		if l.More {
			out.WriteString("+")
		}
		return out.String()
	}
	for _, tc := range []struct {
		p    page.Cursor
		want string
	}{
		{page.Cursor{Limit: 2}, "43+"},
		{page.Cursor{Limit: 4}, "4310"},
		{page.Cursor{Limit: 2, After: all[3].ID}, "10"},
		{page.Cursor{Limit: 1, After: all[3].ID}, "1+"},
		{page.Cursor{Limit: 2, After: all[0].ID}, ""},
		{page.Cursor{Limit: 2, Before: all[0].ID}, "31+"},
		{page.Cursor{Limit: 3, Before: all[0].ID}, "431"},
		{page.Cursor{Limit: 3, Before: all[4].ID}, ""},
	} {
		same(t, fmt.Sprintf("%+v", tc.p), turn(tc.p), tc.want)
	}
	for name, cursor := range map[string]id.ID{"unknown": id.New(), "not of the list": all[2].ID, "another organization's": theirs.ID} {
		_, err := s.TurnGroups(ctx, directory.GroupFilter{OrganizationID: s.org.ID, Archived: &live}, page.Cursor{Limit: 2, After: cursor})
		wantKind(t, name+" cursor", err, errs.NotFound)
	}
	// A page stays right while groups are added before it.
	must(t, s.InsertGroup(ctx, Group(s.org.ID, "9")))
	same(t, "after an addition", turn(page.Cursor{Limit: 2, After: all[3].ID}), "10")
}

func sites(t *testing.T, s suite) {
	ctx := t.Context()
	v, second, theirs := Site(s.org.ID, "HQ"), Site(s.org.ID, "Depot"), Site(s.other.ID, "theirs")
	v.Address, v.Tags, v.Metadata = "Main St 1", []string{"a", "b"}, map[string]any{"floor": json.Number("3")}
	for _, x := range []directory.Site{v, second, theirs} {
		must(t, s.InsertSite(ctx, x))
	}
	found, err := s.FindSites(ctx, s.org.ID, []id.ID{v.ID, theirs.ID})
	must(t, err)
	same(t, "found", found, map[id.ID]directory.Site{v.ID: v})
	l, err := s.ListSites(ctx, s.org.ID)
	must(t, err)
	same(t, "list", l, []directory.Site{second, v})
	v.Name, v.Address, v.Timezone, v.Tags, v.Metadata, v.ModifiedAt = "n", "", "UTC", []string{}, map[string]any{}, At.Add(1e9)
	must(t, s.UpdateSite(ctx, v))
	got, err := s.LockSite(ctx, s.org.ID, v.ID)
	must(t, err)
	same(t, "updated", got, v)
	stolen := v
	stolen.OrganizationID = s.other.ID
	wantKind(t, "update by another organization", s.UpdateSite(ctx, stolen), errs.NotFound)
	wantKind(t, "delete by another organization", s.DeleteSite(ctx, s.other.ID, v.ID, At), errs.NotFound)
	must(t, s.DeleteSite(ctx, s.org.ID, v.ID, At))
	_, err = s.LockSite(ctx, s.org.ID, v.ID)
	wantKind(t, "lock after delete", err, errs.NotFound)
	wantKind(t, "second delete", s.DeleteSite(ctx, s.org.ID, v.ID, At), errs.NotFound)
}

// many asks for more records at once than go into one statement.
func many(t *testing.T, s suite) {
	const n = 1200
	g := Group(s.org.ID, "crowd")
	must(t, s.tx.Do(t.Context(), func(ctx context.Context) error {
		for range n {
			i := Individual(s.org.ID, "x", "")
			if err := s.InsertIndividual(ctx, i); err != nil {
				return err
			}
			g.IndividualIDs = append(g.IndividualIDs, i.ID)
		}
		return s.InsertGroup(ctx, g)
	}))
	ctx := t.Context()
	found, err := s.FindIndividuals(ctx, s.org.ID, g.IndividualIDs)
	must(t, err)
	places, err := s.FindMemberships(ctx, s.org.ID, g.IndividualIDs)
	must(t, err)
	l, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.org.ID}, page.Offset{Limit: 7, Offset: n - 3})
	must(t, err)
	if len(found) != n || len(places) != n || l.Total != n || len(l.Items) != 3 || l.Items[2].ID != g.IndividualIDs[0] {
		t.Errorf("%d found, %d memberships, %d of %d on the last page", len(found), len(places), len(l.Items), l.Total)
	}
	must(t, s.SetMembers(ctx, s.org.ID, g.ID, nil, g.IndividualIDs[1:]))
	got, err := s.LockGroup(ctx, s.org.ID, g.ID)
	must(t, err)
	same(t, "left", got.IndividualIDs, g.IndividualIDs[:1])
}
