package directory_test

import (
	"context"
	"errors"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
)

func TestService_Synced_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var none directory.MemberEdit
	name := "x"
	for who, ctx := range w.everyone() {
		_, _, create := w.CreateSynced(ctx, directory.Synced{User: directory.UserEdit{Username: &name}})
		_, _, _, amend := w.AmendSynced(ctx, w.ann.OwnerID, directory.Synced{})
		_, group := w.CreateSyncedGroup(ctx, directory.GroupEdit{Name: &name})
		_, _, amendGroup := w.AmendGroup(ctx, w.group.ID, directory.GroupEdit{}, none)
		for what, err := range map[string]error{"create": create, "amend": amend, "create a group": group, "amend a group": amendGroup} {
			want := map[string]errs.Kind{"nobody": errs.Unauthenticated, "stranger": errs.NotFound, "administrator": errs.Internal}
			kind, known := want[who]
			switch {
			case who == "administrator" || who == "stranger" && (what == "create" || what == "create a group"):
				if err != nil {
					t.Errorf("%s, %s: %v", who, what, err)
				}
			case !known && errs.KindOf(err) != errs.Denied, known && errs.KindOf(err) != kind:
				t.Errorf("%s, %s: %v", who, what, err)
			}
		}
	}
}

func TestService_CreateSynced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad, taken := "no address", "ANN"
	_, _, err := w.CreateSynced(w.admin(), directory.Synced{User: directory.UserEdit{Email: &bad}, Person: directory.IndividualEdit{BirthDate: &bad}, AccountType: "nurse"})
	w.refused("wrong values", err, errs.CodeInvalid, "username", "email", "birth_date", "account_type")
	_, _, err = w.CreateSynced(w.admin(), directory.Synced{User: directory.UserEdit{Username: &taken}})
	w.refused("a name that is taken", err, directory.DuplicateUsername, "username")

	username, first, preferred, external := "dora", "Dora", "Do", "e-1"
	u, i, err := w.CreateSynced(w.admin(), directory.Synced{
		User:   directory.UserEdit{Username: &username, FirstName: &first},
		Person: directory.IndividualEdit{PreferredName: &preferred, ExternalID: &external}, AccountType: directory.Provider,
	})
	w.must(err)
	if u.LastSyncAt != w.now || i.FirstName != first || i.PreferredName != preferred || i.ExternalID != external || i.AccountType != directory.Provider || u.PrimaryIndividualID != i.ID {
		t.Errorf("made %+v with %+v", u, i)
	}
}

func TestService_CheckSynced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad, good := "no address", "x"
	err := w.CheckSynced(w.org, directory.Synced{User: directory.UserEdit{Email: &bad}, Person: directory.IndividualEdit{BirthDate: &bad}, AccountType: "nurse"})
	w.refused("wrong values", err, errs.CodeInvalid, "username", "email", "birth_date", "account_type")
	w.must(w.CheckSynced(w.org, directory.Synced{User: directory.UserEdit{Username: &good}}))
}

func TestService_AmendSynced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	amend := func(n directory.Synced) (directory.User, directory.Individual, bool) {
		t.Helper()
		u, i, changed, err := w.AmendSynced(w.admin(), w.ann.OwnerID, n)
		w.must(err)
		return u, i, changed
	}
	same, space := "ann", " ann "
	if u, _, changed := amend(directory.Synced{User: directory.UserEdit{Username: &space, FirstName: &same}}); changed || !u.LastSyncAt.IsZero() {
		t.Errorf("the same again changed %+v", u)
	}
	if n, audits := len(w.events()), w.audits(); n != 0 || audits != 0 {
		t.Errorf("what changes nothing left %d events and %d audit rows", n, audits)
	}
	last := "Lee"
	u, i, changed := amend(directory.Synced{User: directory.UserEdit{LastName: &last}})
	if !changed || u.LastName != last || i.LastName != last || u.LastSyncAt != w.now || u.ModifiedAt != w.now {
		t.Errorf("changed %v: %+v, %+v", changed, u, i)
	}
	preferred := "Annie"
	if _, i, changed := amend(directory.Synced{Person: directory.IndividualEdit{PreferredName: &preferred}}); !changed || i.PreferredName != preferred {
		t.Errorf("changed %v: %+v", changed, i)
	}
	before := len(w.events())
	wrong, taken := "nowhere", "ben"
	if _, _, _, err := w.AmendSynced(w.admin(), w.ann.OwnerID, directory.Synced{User: directory.UserEdit{TZ: &wrong}}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a zone that is none: %v", err)
	}
	if _, _, _, err := w.AmendSynced(w.admin(), w.ann.OwnerID, directory.Synced{User: directory.UserEdit{Username: &taken}}); !errs.Is(err, directory.DuplicateUsername) {
		t.Errorf("a name that is taken: %v", err)
	}
	if _, _, _, err := w.AmendSynced(w.admin(), w.theirUser.ID, directory.Synced{User: directory.UserEdit{TZ: &wrong}}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("another organization's: %v", err)
	}
	if after := len(w.events()); after != before {
		t.Errorf("refusals left %d events", after-before)
	}
}

func TestService_AmendGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	amend := func(e directory.GroupEdit, m directory.MemberEdit) (directory.Group, bool) {
		t.Helper()
		g, changed, err := w.AmendGroup(w.admin(), w.group.ID, e, m)
		w.must(err)
		return g, changed
	}
	name := "Ward 7"
	if _, changed := amend(directory.GroupEdit{Name: &name}, directory.MemberEdit{Add: []id.ID{w.ann.ID, w.leader.ID}, Remove: []id.ID{w.cy.ID, id.New()}}); changed {
		t.Error("the same again changed something")
	}
	if n, audits := len(w.events()), w.audits(); n != 0 || audits != 0 {
		t.Errorf("what changes nothing left %d events and %d audit rows", n, audits)
	}
	_, second := directorytest.Person(t.Context(), t, directorydb.New(w.db, vaulttest.Box()), w.org.ID, "second", directory.Provider)
	g, changed := amend(directory.GroupEdit{}, directory.MemberEdit{Add: []id.ID{w.cy.ID, second.ID, w.ben.ID}, Remove: []id.ID{w.ann.ID, w.ben.ID, w.leader.ID}})
	full, err := w.Group(w.t.Context(), w.org.ID, g.ID)
	w.must(err)
	if !changed || g.LastSyncAt != w.now || g.ModifiedAt != w.now || len(g.IndividualIDs) != 0 {
		t.Errorf("changed %v: %+v", changed, g)
	}
	same(t, "members: who is named on both sides stays", full.Members(), []id.ID{second.ID, w.ben.ID, w.cy.ID})
	same(t, "the event", w.last(directory.EventGroupUpdated), `{"group-id":"`+g.ID.String()+`","leaders-added":["`+second.ID.String()+
		`"],"leaders-removed":["`+w.leader.ID.String()+`"],"individuals-added":["`+w.cy.ID.String()+`"],"individuals-removed":["`+w.ann.ID.String()+`"]}`)

	renamed := "Ward 8"
	if g, changed := amend(directory.GroupEdit{Name: &renamed, IndividualIDs: &[]id.ID{}}, directory.MemberEdit{}); !changed || g.Name != renamed {
		t.Errorf("renamed to %q", g.Name)
	}
	full, err = w.Group(w.t.Context(), w.org.ID, g.ID)
	w.must(err)
	same(t, "members are changed by edit alone", len(full.IndividualIDs), 2)
}

func TestService_AmendGroup_refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	amend := func(e directory.GroupEdit, m directory.MemberEdit) error {
		_, _, err := w.AmendGroup(w.admin(), w.group.ID, e, m)
		return err
	}
	empty, own := "", w.group.ID
	w.refused("a stranger, and no name", amend(directory.GroupEdit{Name: &empty}, directory.MemberEdit{Add: []id.ID{w.theirs.ID}}), errs.CodeInvalid, "name", "members")
	w.refused("its own ancestor", amend(directory.GroupEdit{ParentID: &own}, directory.MemberEdit{}), directory.GroupCycle, "parent_id")
	_, _, err := w.AmendGroup(w.admin(), w.theirGroup.ID, directory.GroupEdit{}, directory.MemberEdit{})
	w.refused("another organization's", err, errs.CodeNotFound)
	broken := errors.New("broken")
	err = w.db.Do(w.admin(), func(ctx context.Context) error {
		if _, _, err := w.AmendGroup(ctx, w.group.ID, directory.GroupEdit{}, directory.MemberEdit{Remove: []id.ID{w.ann.ID}}); err != nil {
			return err
		}
		return broken
	})
	full, readErr := w.Group(actor.With(t.Context(), actor.System(w.org.ID)), w.org.ID, w.group.ID)
	w.must(readErr)
	if !errors.Is(err, broken) || len(full.IndividualIDs) != 2 {
		t.Errorf("a transaction that fails changes nothing: %v, %d members", err, len(full.IndividualIDs))
	}
}
