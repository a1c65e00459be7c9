package directory_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
)

// shares spells who entered (+) and left (-) what since the entry of a number, ordered: "+ann ward", "-leader! org".
func (w *world) shares(since int) []string {
	w.t.Helper()
	names := map[id.ID]string{
		w.leader.ID: "leader", w.ann.ID: "ann", w.ben.ID: "ben", w.cy.ID: "cy", w.group.ID: "ward", id.Nil: "org", w.theirs.ID: "theirs",
	}
	name := func(i id.ID) string {
		if n, ok := names[i]; ok {
			return n
		}
		return "new"
	}
	out := []string{}
	for _, e := range w.entries()[since:] {
		sign := map[string]string{directory.EventIndividualShared: "+", directory.EventIndividualUnshared: "-"}[e.Type]
		if sign == "" {
			continue
		}
		var s directory.Sharing
		w.must(json.Unmarshal(e.Data, &s))
		if s.IndividualID != e.Subject || s.OrganizationID != e.OrganizationID {
			w.t.Errorf("entry of %v in %v says %+v", e.Subject, e.OrganizationID, s)
		}
		lead := ""
		if s.Leader {
			lead = "!"
		}
		out = append(out, sign+name(s.IndividualID)+lead+" "+name(s.GroupID))
	}
	slices.Sort(out)
	return out
}

// edit adds and takes out members.
func edit(add []id.ID, remove ...id.ID) directory.MemberEdit {
	return directory.MemberEdit{Add: add, Remove: remove}
}

// TestService_shares holds every way of entering and leaving to exactly one entry, in the transaction of the act.
func TestService_shares(t *testing.T) {
	t.Parallel()
	ids := func(list ...id.ID) *[]id.ID { return &list }
	for name, tc := range map[string]struct {
		act  func(w *world) error
		want []string
	}{
		"a new individual": {func(w *world) error {
			return second(w.CreateIndividual(w.admin(), directory.NewIndividual{}))
		}, []string{"+new org"}},
		"a new user": {func(w *world) error {
			return second(w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("n")}}))
		}, []string{"+new org"}},
		"a new user without a person": {func(w *world) error {
			return second(w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("n")}, Alone: true}))
		}, []string{}},
		"a new contact": {func(w *world) error {
			return second(w.CreateContact(w.admin(), directory.NewContact{Username: "n", Phone: "+14155552671"}))
		}, []string{"+new org"}},
		"a new group": {func(w *world) error {
			return second(w.CreateGroup(w.admin(), directory.GroupEdit{Name: new("g"), LeaderIDs: ids(w.leader.ID), IndividualIDs: ids(w.ann.ID, w.cy.ID, w.ann.ID)}))
		}, []string{"+ann new", "+cy new", "+leader! new"}},
		"a new group that is archived": {func(w *world) error {
			return second(w.CreateGroup(w.admin(), directory.GroupEdit{Name: new("g"), IndividualIDs: ids(w.ann.ID), ArchivedAt: &w.now}))
		}, []string{}},
		"another name": {func(w *world) error {
			return second(w.UpdateGroup(w.admin(), w.group.ID, directory.GroupEdit{Name: new("g")}))
		}, []string{}},
		"other members": {func(w *world) error {
			return second(w.UpdateGroup(w.admin(), w.group.ID, directory.GroupEdit{LeaderIDs: ids(), IndividualIDs: ids(w.ben.ID, w.cy.ID)}))
		}, []string{"+cy ward", "-ann ward", "-leader! ward"}},
		"members one by one": {func(w *world) error {
			return w.ChangeMembers(w.admin(), w.group.ID, edit([]id.ID{w.cy.ID, w.ben.ID}, w.leader.ID, w.ben.ID, w.theirs.ID))
		}, []string{"+cy ward", "-leader! ward"}},
		"members another system has": {func(w *world) error {
			_, _, err := w.AmendGroup(w.admin(), w.group.ID, directory.GroupEdit{}, edit([]id.ID{w.cy.ID}, w.ann.ID))
			return err
		}, []string{"+cy ward", "-ann ward"}},
		"another system archives the group": {func(w *world) error {
			_, _, err := w.AmendGroup(w.admin(), w.group.ID, directory.GroupEdit{ArchivedAt: &w.now}, edit([]id.ID{w.cy.ID}, w.ann.ID))
			return err
		}, []string{"-ann ward", "-ben ward", "-leader! ward"}},
		"the group is archived": {func(w *world) error {
			return second(w.UpdateGroup(w.admin(), w.group.ID, directory.GroupEdit{ArchivedAt: &w.now}))
		}, []string{"-ann ward", "-ben ward", "-leader! ward"}},
		"the group is archived with fewer": {func(w *world) error {
			return second(w.UpdateGroup(w.admin(), w.group.ID, directory.GroupEdit{ArchivedAt: &w.now, IndividualIDs: ids(w.ben.ID, w.cy.ID)}))
		}, []string{"-ann ward", "-ben ward", "-leader! ward"}},
		"the group is deleted": {func(w *world) error { return w.DeleteGroup(w.admin(), w.group.ID) }, []string{"-ann ward", "-ben ward", "-leader! ward"}},
		"an individual is deleted": {func(w *world) error {
			return w.DeleteIndividual(w.admin(), w.leader.ID)
		}, []string{"-leader org", "-leader! ward"}},
		"a user is deleted":    {func(w *world) error { return w.DeleteUser(w.admin(), w.ann.OwnerID) }, []string{"-ann org", "-ann ward"}},
		"a contact is deleted": {func(w *world) error { return w.DeleteContact(w.admin(), w.cy.ID) }, []string{"-cy org"}},
		"another owner": {func(w *world) error {
			return second(w.UpdateIndividual(w.admin(), w.ann.ID, directory.IndividualEdit{OwnerID: &w.cy.OwnerID}))
		}, []string{}},
		"the organization is deleted": {func(w *world) error { return w.DeleteOrganization(w.admin(), w.org.ID) }, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must(tc.act(w))
			same(t, "entries", w.shares(0), tc.want)
		})
	}
}

// TestService_sharesWhileArchived shows that a group that is archived has nobody to leave it: what changes in it meanwhile is
// told when it comes back.
func TestService_sharesWhileArchived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.admin()
	w.must(second(w.UpdateGroup(ctx, w.group.ID, directory.GroupEdit{ArchivedAt: &w.now})))
	since := len(w.entries())
	w.must(second(w.UpdateGroup(ctx, w.group.ID, directory.GroupEdit{IndividualIDs: &[]id.ID{w.ann.ID, w.ben.ID, w.cy.ID}})))
	w.must(w.ChangeMembers(ctx, w.group.ID, edit(nil, w.ann.ID)))
	w.must(w.DeleteIndividual(ctx, w.ben.ID))
	same(t, "while it is archived", w.shares(since), []string{"-ben org"})
	since = len(w.entries())
	_, _, err := w.AmendGroup(ctx, w.group.ID, directory.GroupEdit{ArchivedAt: &w.group.ArchivedAt}, directory.MemberEdit{})
	w.must(err)
	same(t, "when it is back", w.shares(since), []string{"+cy ward", "+leader! ward"})
	w.must(second(w.UpdateGroup(ctx, w.group.ID, directory.GroupEdit{ArchivedAt: &w.now})))
	since = len(w.entries())
	w.must(w.DeleteGroup(ctx, w.group.ID))
	same(t, "when it is deleted", w.shares(since), []string{})
}

func TestService_ChangeMembers_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refused("a stranger", w.ChangeMembers(w.admin(), w.group.ID, edit([]id.ID{w.cy.ID, w.theirs.ID, id.New()})), errs.CodeInvalid, "members")
	w.refused("their group", w.ChangeMembers(w.admin(), w.theirGroup.ID, edit([]id.ID{w.cy.ID})), errs.CodeNotFound)
	w.refused("their group with theirs", w.ChangeMembers(w.admin(), w.theirGroup.ID, edit(nil, w.theirs.ID)), errs.CodeNotFound)
	for who, ctx := range w.everyone() {
		if who != "administrator" && who != "stranger" && w.ChangeMembers(ctx, w.group.ID, edit([]id.ID{w.cy.ID})) == nil {
			t.Errorf("%s may", who)
		}
	}
	w.must(w.ChangeMembers(w.admin(), w.group.ID, edit([]id.ID{w.ann.ID, w.leader.ID}, w.cy.ID)))
	same(t, "entries when nothing changes", len(w.entries()), 0)
	g, err := w.GetGroup(w.admin(), w.group.ID)
	w.must(err)
	same(t, "the group", g, w.group)
}

// TestService_sharesAtOnce archives a group, changes it and deletes one of its people at the same time: whoever wins, that
// person leaves the group once.
func TestService_sharesAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		w.log.Start()
		defer w.log.Stop()
		ctx := w.admin()
		for round := range 8 {
			i, err := w.CreateIndividual(ctx, directory.NewIndividual{})
			w.must(err)
			g, err := w.CreateGroup(ctx, directory.GroupEdit{Name: new("g"), IndividualIDs: &[]id.ID{i.ID}})
			w.must(err)
			failed := atOnce(
				func() error { return w.DeleteIndividual(ctx, i.ID) },
				func() error { return second(w.UpdateGroup(ctx, g.ID, directory.GroupEdit{ArchivedAt: &w.now})) },
				func() error { return w.ChangeMembers(ctx, g.ID, edit(nil, i.ID)) },
			)
			for _, err := range failed {
				w.must(err)
			}
			n, err := db.Get(ctx, d.Q(ctx), db.Scalar[int64], "select count(*) from events where type = $1 and subject = $2 and data like '%'||$3||'%'",
				directory.EventIndividualUnshared, i.ID, g.ID.String())
			w.must(err)
			same(t, fmt.Sprint("entries of leaving, round ", round), n, int64(1))
		}
	})
}

// TestService_largeGroup fills and empties a group of thousands. What it costs is in the benchmark of directorydb.
func TestService_largeGroup(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const people = 3000
		w := newWorldOn(t, d)
		list := make([]directory.Individual, people)
		all := make([]id.ID, people)
		for n := range list {
			list[n] = directorytest.Individual(w.org.ID, "Somebody", fmt.Sprint(n))
			all[n] = list[n].ID
		}
		w.must(directorydb.New(d, vaulttest.Box()).InsertIndividuals(t.Context(), w.org.ID, list))
		g, err := w.CreateGroup(w.admin(), directory.GroupEdit{Name: new("everybody"), IndividualIDs: &all})
		w.must(err)
		w.must(w.DeleteGroup(w.admin(), g.ID))
		for _, typ := range []string{directory.EventIndividualShared, directory.EventIndividualUnshared} {
			n, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(distinct subject) from events where type = $1", typ)
			w.must(err)
			same(t, typ, n, people)
		}
		n, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from events")
		w.must(err)
		same(t, "entries", n, 2*people+2)
		same(t, "rows of the audit", w.audits(), 2)
	})
}
