package directory_test

import (
	"strings"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

func TestService_CreateGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g, err := w.CreateGroup(w.admin(), directory.GroupEdit{
		Name: new(" Ward 8 "), Description: new("two\nlines"), AvatarURL: new("https://x.test/a.png"), ParentID: &w.group.ID,
		LeaderIDs: &[]id.ID{w.leader.ID}, IndividualIDs: &[]id.ID{w.cy.ID, w.ann.ID, w.cy.ID},
	})
	w.must(err)
	want := directory.Group{
		ID: g.ID, OrganizationID: w.org.ID, ParentID: w.group.ID, Name: "Ward 8", Description: "two\nlines", AvatarURL: "https://x.test/a.png",
		LeaderIDs: []id.ID{w.leader.ID}, IndividualIDs: []id.ID{w.ann.ID, w.cy.ID}, CreatedAt: w.now, ModifiedAt: w.now,
	}
	same(t, "answered", g, want)
	stored, err := w.GetGroup(w.admin(), g.ID)
	w.must(err)
	same(t, "stored", stored, want)
	same(t, "events", w.events(), []string{"directory.group.created"})
	same(t, "told", w.last("directory.group.created"), `{"group-id":"`+g.ID.String()+`","leaders-added":["`+w.leader.ID.String()+
		`"],"individuals-added":["`+w.ann.ID.String()+`","`+w.cy.ID.String()+`"]}`)
	same(t, "everybody in it", len(g.Members()), 3)
}

func TestService_CreateGroup_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tc := range map[string]struct {
		e      directory.GroupEdit
		fields []string
	}{
		"nothing": {directory.GroupEdit{}, []string{"name"}},
		"all at once": {directory.GroupEdit{
			Name: new(strings.Repeat("x", 256)), Description: new(strings.Repeat("x", 4097)), AvatarURL: new("x"), ParentID: new(id.New()),
			LeaderIDs: &[]id.ID{w.ann.ID, w.leader.ID, id.New()}, IndividualIDs: &[]id.ID{w.ann.ID, w.leader.ID, w.theirs.ID},
		}, []string{"name", "description", "avatar_url", "parent_id", "leader_ids[0]", "leader_ids[2]", "individual_ids[1]", "individual_ids[2]"}},
		"another organization's parent": {directory.GroupEdit{Name: new("x"), ParentID: &w.theirGroup.ID}, []string{"parent_id"}},
	} {
		_, err := w.CreateGroup(w.admin(), tc.e)
		w.refused(name, err, errs.CodeInvalid, tc.fields...)
	}
	l, err := w.ListGroups(w.admin(), directory.GroupQuery{}, first100)
	w.must(err)
	same(t, "groups", l.Total, 1)
}

func TestService_UpdateGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g, err := w.UpdateGroup(w.admin(), w.group.ID, directory.GroupEdit{
		Name: new("Ward 9"), IndividualIDs: &[]id.ID{w.ben.ID, w.cy.ID}, LeaderIDs: &[]id.ID{}, ArchivedAt: &w.now,
	})
	w.must(err)
	want := w.group
	want.Name, want.IndividualIDs, want.LeaderIDs, want.ArchivedAt, want.ModifiedAt = "Ward 9", []id.ID{w.ben.ID, w.cy.ID}, []id.ID{}, w.now, w.now
	same(t, "answered", g, want)
	stored, err := w.GetGroup(w.admin(), g.ID)
	w.must(err)
	same(t, "stored", stored, want)
	same(t, "told", w.last("directory.group.updated"), `{"group-id":"`+g.ID.String()+`","leaders-removed":["`+w.leader.ID.String()+
		`"],"individuals-added":["`+w.cy.ID.String()+`"],"individuals-removed":["`+w.ann.ID.String()+`"]}`)
	archived := true
	l, err := w.ListGroups(w.admin(), directory.GroupQuery{Archived: &archived}, first100)
	w.must(err)
	same(t, "archived", l.Total, 1)
	same(t, "is archived", g.Archived(), true)

	before := len(w.entries())
	for what, tc := range map[string]struct {
		group id.ID
		e     directory.GroupEdit
	}{
		"no name": {w.group.ID, directory.GroupEdit{Name: new("")}}, "theirs": {w.theirGroup.ID, directory.GroupEdit{}}, "none": {id.New(), directory.GroupEdit{}},
		"wrong member": {w.group.ID, directory.GroupEdit{Name: new("changed"), IndividualIDs: &[]id.ID{w.theirs.ID}}},
	} {
		if _, err := w.UpdateGroup(w.admin(), tc.group, tc.e); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	same(t, "events of refusals", len(w.entries()), before)
	stored, err = w.GetGroup(w.admin(), w.group.ID)
	w.must(err)
	same(t, "after refusals", stored, want)
}

func TestService_UpdateGroup_cycles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chain := []id.ID{w.group.ID}
	for range 3 {
		g, err := w.CreateGroup(w.admin(), directory.GroupEdit{Name: new("x"), ParentID: &chain[len(chain)-1]})
		w.must(err)
		chain = append(chain, g.ID)
	}
	for _, parent := range chain {
		if _, err := w.UpdateGroup(w.admin(), chain[0], directory.GroupEdit{ParentID: &parent}); !errs.Is(err, directory.GroupCycle) {
			t.Errorf("below its own: %v", err)
		}
	}
	g, err := w.UpdateGroup(w.admin(), chain[2], directory.GroupEdit{ParentID: new(id.Nil)})
	w.must(err)
	same(t, "moved to the top", g.ParentID, id.Nil)
	_, err = w.UpdateGroup(w.admin(), chain[0], directory.GroupEdit{ParentID: &chain[3]})
	w.must(err)
	w.must(w.DeleteGroup(w.admin(), chain[0]))
	g, err = w.GetGroup(w.admin(), chain[1])
	w.must(err)
	same(t, "parent after it was deleted", g.ParentID, id.Nil)
}

func TestService_DeleteGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.DeleteGroup(w.admin(), w.group.ID))
	same(t, "told", w.last("directory.group.deleted"), `{"group-id":"`+w.group.ID.String()+`","leaders-removed":["`+w.leader.ID.String()+
		`"],"individuals-removed":["`+w.ann.ID.String()+`","`+w.ben.ID.String()+`"]}`)
	if _, err := w.GetGroup(w.admin(), w.group.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("get: %v", err)
	}
	if err := w.DeleteGroup(w.admin(), w.group.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("second delete: %v", err)
	}
	if _, err := w.ActAs(w.as(actor.Leader, &w.leader), w.ann.ID); errs.KindOf(err) != errs.Denied {
		t.Errorf("its leader still acts for its individuals: %v", err)
	}
}

func TestService_TurnGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		_, err := w.CreateGroup(w.admin(), directory.GroupEdit{Name: new("x")})
		w.must(err)
	}
	l, err := w.TurnGroups(w.admin(), directory.GroupQuery{}, page.Cursor{Limit: 2})
	w.must(err)
	if len(l.Items) != 2 || !l.More {
		t.Errorf("%+v", l)
	}
	l, err = w.TurnGroups(w.admin(), directory.GroupQuery{}, page.Cursor{Limit: 2, After: l.Items[1].ID})
	w.must(err)
	if len(l.Items) != 1 || l.More || l.Items[0].ID != w.group.ID {
		t.Errorf("%+v", l)
	}
	if _, err := w.TurnGroups(w.as(actor.Member, &w.cy), directory.GroupQuery{}, page.Cursor{Limit: 2, After: w.group.ID}); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("a cursor that one may not see: %v", err)
	}
	if _, err := w.TurnGroups(t.Context(), directory.GroupQuery{}, page.Cursor{Limit: 2}); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("nobody: %v", err)
	}
}
