package directory_test

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/vault/vaulttest"
)

var first100 = page.Offset{Limit: 100}

// TestPolicy_writing tries every write as everybody: only the administrator gets through.
func TestPolicy_writing(t *testing.T) {
	t.Parallel()
	site := func(w *world) id.ID {
		v, err := w.CreateSite(w.admin(), directory.SiteEdit{Name: new("HQ")})
		w.must(err)
		return v.ID
	}
	writes := map[string]func(context.Context, *world) error{
		"create organization": func(ctx context.Context, w *world) error {
			_, err := w.CreateOrganization(ctx, directory.OrganizationEdit{Name: new("New")})
			return err
		},
		"update organization": func(ctx context.Context, w *world) error {
			_, err := w.UpdateOrganization(ctx, w.org.ID, directory.OrganizationEdit{Name: new("New")})
			return err
		},
		"delete organization": func(ctx context.Context, w *world) error { return w.DeleteOrganization(ctx, w.org.ID) },
		"create user": func(ctx context.Context, w *world) error {
			_, err := w.CreateUser(ctx, directory.NewUser{UserEdit: directory.UserEdit{Username: new("new")}})
			return err
		},
		"update user": func(ctx context.Context, w *world) error {
			_, err := w.UpdateUser(ctx, w.ann.OwnerID, directory.UserEdit{Username: new("new")})
			return err
		},
		"delete user": func(ctx context.Context, w *world) error { return w.DeleteUser(ctx, w.ann.OwnerID) },
		"create individual": func(ctx context.Context, w *world) error {
			_, err := w.CreateIndividual(ctx, directory.NewIndividual{})
			return err
		},
		"update individual": func(ctx context.Context, w *world) error {
			_, err := w.UpdateIndividual(ctx, w.ann.ID, directory.IndividualEdit{FirstName: new("x")})
			return err
		},
		"delete individual": func(ctx context.Context, w *world) error { return w.DeleteIndividual(ctx, w.ann.ID) },
		"create group": func(ctx context.Context, w *world) error {
			_, err := w.CreateGroup(ctx, directory.GroupEdit{Name: new("x")})
			return err
		},
		"update group": func(ctx context.Context, w *world) error {
			_, err := w.UpdateGroup(ctx, w.group.ID, directory.GroupEdit{Name: new("x")})
			return err
		},
		"delete group": func(ctx context.Context, w *world) error { return w.DeleteGroup(ctx, w.group.ID) },
		"create site": func(ctx context.Context, w *world) error {
			_, err := w.CreateSite(ctx, directory.SiteEdit{Name: new("x")})
			return err
		},
		"update site": func(ctx context.Context, w *world) error {
			_, err := w.UpdateSite(ctx, site(w), directory.SiteEdit{Name: new("x")})
			return err
		},
		"delete site": func(ctx context.Context, w *world) error { return w.DeleteSite(ctx, site(w)) },
		"create contact": func(ctx context.Context, w *world) error {
			_, err := w.CreateContact(ctx, directory.NewContact{Username: "x", Phone: "+14155552671"})
			return err
		},
		"update contact": func(ctx context.Context, w *world) error {
			_, err := w.UpdateContact(ctx, w.ann.ID, directory.ContactEdit{DisplayName: new("x")})
			return err
		},
		"delete contact": func(ctx context.Context, w *world) error { return w.DeleteContact(ctx, w.ann.ID) },
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for who, ctx := range w.everyone() {
				if who == "administrator" || who == "stranger" {
					continue
				}
				before := len(w.entries())
				want := errs.Denied
				if who == "nobody" {
					want = errs.Unauthenticated
				}
				if err := write(ctx, w); errs.KindOf(err) != want {
					t.Errorf("%s: %v", who, err)
				}
				if n := len(w.entries()) - before; n > 1 { // a site may have been made to try on
					t.Errorf("%s: %d events", who, n)
				}
			}
			w.must(write(w.admin(), w))
			if w.audits() == 0 {
				t.Error("the audit is empty")
			}
		})
	}
}

// TestPolicy_strangers gives the administrator of another organization our identifiers: nothing is there for them.
func TestPolicy_strangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, err := w.CreateSite(w.admin(), directory.SiteEdit{Name: new("HQ")})
	w.must(err)
	ctx := w.everyone()["stranger"]
	before := len(w.entries())
	for what, err := range map[string]error{
		"get organization":    second(w.GetOrganization(ctx, w.org.ID)),
		"update organization": second(w.UpdateOrganization(ctx, w.org.ID, directory.OrganizationEdit{Name: new("x")})),
		"delete organization": w.DeleteOrganization(ctx, w.org.ID),
		"get user":            second(w.GetUser(ctx, w.ann.OwnerID)),
		"update user":         second(w.UpdateUser(ctx, w.ann.OwnerID, directory.UserEdit{Username: new("x")})),
		"delete user":         w.DeleteUser(ctx, w.ann.OwnerID),
		"get individual":      second(w.GetIndividual(ctx, w.ann.ID)),
		"update individual":   second(w.UpdateIndividual(ctx, w.ann.ID, directory.IndividualEdit{})),
		"delete individual":   w.DeleteIndividual(ctx, w.ann.ID),
		"get group":           second(w.GetGroup(ctx, w.group.ID)),
		"update group":        second(w.UpdateGroup(ctx, w.group.ID, directory.GroupEdit{})),
		"delete group":        w.DeleteGroup(ctx, w.group.ID),
		"get site":            second(w.GetSite(ctx, v.ID)),
		"update site":         second(w.UpdateSite(ctx, v.ID, directory.SiteEdit{})),
		"delete site":         w.DeleteSite(ctx, v.ID),
		"get contact":         second(w.GetContact(ctx, w.ann.ID)),
		"update contact":      second(w.UpdateContact(ctx, w.ann.ID, directory.ContactEdit{})),
		"delete contact":      w.DeleteContact(ctx, w.ann.ID),
		"act as":              second(w.ActAs(ctx, w.ann.ID)),
	} {
		if !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("%s: %v, want not found", what, err)
		}
	}
	if n := len(w.entries()); n != before {
		t.Errorf("%d events", n-before)
	}
	sites, err := w.ListSites(ctx)
	w.must(err)
	same(t, "their sites", len(sites), 0)
}

func second[T any](_ T, err error) error { return err }

// TestPolicy_reading says how much each role sees of ours: users, individuals, groups and contacts.
func TestPolicy_reading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type seen struct{ Users, Individuals, Groups, Contacts int }
	want := map[string]seen{
		"stranger": {1, 1, 1, 1}, // of their own
		"member":   {1, 3, 1, 2}, // herself; herself, ben and the leader; the group they share
		"provider": {4, 4, 1, 3}, "leader": {4, 4, 1, 3}, "machine": {4, 4, 1, 3}, "administrator": {4, 4, 1, 3},
	}
	for who, ctx := range w.everyone() {
		users, err := w.ListUsers(ctx, directory.UserQuery{}, first100)
		expected, allowed := want[who]
		if !allowed {
			if k := errs.KindOf(err); err == nil || k != errs.Denied && k != errs.Unauthenticated {
				t.Errorf("%s: %v", who, err)
			}
			continue
		}
		w.must(err)
		individuals, err := w.ListIndividuals(ctx, directory.IndividualQuery{}, first100)
		w.must(err)
		groups, err := w.ListGroups(ctx, directory.GroupQuery{}, first100)
		w.must(err)
		contacts, err := w.ListContacts(ctx, false, page.Cursor{Limit: 100})
		w.must(err)
		same(t, who, seen{users.Total, individuals.Total, groups.Total, len(contacts.Items)}, expected)
	}

	member := w.as(actor.Member, &w.ann)
	for what, tc := range map[string]struct {
		err error
		ok  bool
	}{
		"own user":             {second(w.GetUser(member, w.ann.OwnerID)), true},
		"another's user":       {second(w.GetUser(member, w.ben.OwnerID)), false},
		"oneself":              {second(w.GetIndividual(member, w.ann.ID)), true},
		"of the same group":    {second(w.GetIndividual(member, w.ben.ID)), true},
		"leader of the group":  {second(w.GetIndividual(member, w.leader.ID)), true},
		"in no common group":   {second(w.GetIndividual(member, w.cy.ID)), false},
		"own group":            {second(w.GetGroup(member, w.group.ID)), true},
		"another's group":      {second(w.GetGroup(w.as(actor.Member, &w.cy), w.group.ID)), false},
		"contact in the group": {second(w.GetContact(member, w.ben.ID)), true},
		"contact elsewhere":    {second(w.GetContact(member, w.cy.ID)), false},
		"leader as a contact":  {second(w.GetContact(member, w.leader.ID)), false},
		"own organization":     {second(w.GetOrganization(member, w.org.ID)), true},
	} {
		if tc.ok != (tc.err == nil) || !tc.ok && !errs.Is(tc.err, errs.CodeNotFound) {
			t.Errorf("%s: %v", what, tc.err)
		}
	}
	empty, err := w.ListUsers(w.as(actor.Member, nil), directory.UserQuery{}, first100)
	w.must(err)
	same(t, "a member's key without a user sees", empty.Total, 0)
}

// TestPolicy_scopes lets a key work through the scopes of either API, and for its action only.
func TestPolicy_scopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for scope, want := range map[string]bool{
		"individual-groups:read": true, "groups": true, "groups:write": false, "users": false, "*:read": true,
	} {
		_, err := w.GetGroup(w.as(actor.Service, nil, scope), w.group.ID)
		if got := err == nil; got != want {
			t.Errorf("%s: %v", scope, err)
		}
	}
	_, err := w.CreateContact(w.as(actor.Administrator, nil, "contacts:write"), directory.NewContact{Username: "x", Phone: "+14155552671"})
	w.must(err)
	_, err = w.CreateContact(w.as(actor.Administrator, nil, "contacts:read"), directory.NewContact{Username: "y", Phone: "+14155552671"})
	if errs.KindOf(err) != errs.Denied {
		t.Errorf("a key that may only read: %v", err)
	}
}

// TestPolicy_ownReach lets people say how they are reached, and nothing more.
func TestPolicy_ownReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for who, ctx := range map[string]context.Context{"member": w.as(actor.Member, &w.ann), "leader": w.as(actor.Leader, &w.leader)} {
		own := actor.From(ctx).UserID
		u, err := w.UpdateUser(ctx, own, directory.UserEdit{
			Notifications: &[]string{"email"}, SMSMode: new(directory.SMSDisabled), TZ: new("Asia/Tokyo"), Locale: new("ja"),
			Preferences: &map[string]directory.Preference{"email": {Enabled: true}},
		})
		w.must(err)
		if len(u.Notifications) != 1 || u.TZ != "Asia/Tokyo" || !u.TZExplicit || u.SMSMode != directory.SMSDisabled {
			t.Errorf("%s: %+v", who, u)
		}
		for what, e := range map[string]directory.UserEdit{
			"username": {Username: new("x")}, "email": {Email: new("a@b.test")}, "phone": {Phone: new("+14155552671")},
			"webhook": {WebhookURL: new("https://x.test/")}, "first name": {FirstName: new("x")}, "last name": {LastName: new("x")},
			"e-mail verified": {EmailVerified: new(true)}, "phone verified": {PhoneVerified: new(true)}, "state": {State: new(directory.Archived)},
		} {
			if _, err := w.UpdateUser(ctx, own, e); errs.KindOf(err) != errs.Denied {
				t.Errorf("%s changes own %s: %v", who, what, err)
			}
		}
		if _, err := w.UpdateUser(ctx, w.cy.OwnerID, directory.UserEdit{TZ: new("UTC")}); errs.KindOf(err) != errs.Denied {
			t.Errorf("%s changes another's zone: %v", who, err)
		}
	}
	unscoped := w.as(actor.Member, &w.ann, "users:read")
	if _, err := w.UpdateUser(unscoped, w.ann.OwnerID, directory.UserEdit{TZ: new("UTC")}); errs.KindOf(err) != errs.Denied {
		t.Errorf("without the scope: %v", err)
	}
}

func TestService_ActAs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leader, member := w.as(actor.Leader, &w.leader), w.as(actor.Member, &w.leader)
	_, fellow := directorytest.Person(t.Context(), t, directorydb.New(w.db, vaulttest.Box()), w.org.ID, "fellow", directory.Provider)
	_, err := w.UpdateGroup(w.admin(), w.group.ID, directory.GroupEdit{LeaderIDs: &[]id.ID{w.leader.ID, fellow.ID}})
	w.must(err)
	for name, tc := range map[string]struct {
		ctx  context.Context
		whom id.ID
		want id.ID
		kind errs.Kind // of the error, when want is zero and kind is not Internal
	}{
		"own":                                  {leader, id.Nil, w.leader.ID, 0},
		"own, named":                           {leader, w.leader.ID, w.leader.ID, 0},
		"a machine without a person":           {w.as(actor.Service, nil), id.Nil, id.Nil, 0},
		"leader for an individual":             {leader, w.ann.ID, w.ann.ID, 0},
		"leader for who is in no group of his": {leader, w.cy.ID, id.Nil, errs.Denied},
		"leader for a fellow leader":           {leader, fellow.ID, id.Nil, errs.Denied},
		"leader for another organization's":    {leader, w.theirs.ID, id.Nil, errs.Denied},
		"leader for nobody there is":           {leader, id.New(), id.Nil, errs.Denied},
		"a key that is no leader's":            {member, w.ann.ID, id.Nil, errs.Denied},
		"member for another":                   {w.as(actor.Member, &w.ann), w.ben.ID, id.Nil, errs.Denied},
		"machine for anybody":                  {w.as(actor.Service, nil), w.cy.ID, w.cy.ID, 0},
		"administrator for anybody":            {w.admin(), w.cy.ID, w.cy.ID, 0},
		"administrator for another's":          {w.admin(), w.theirs.ID, id.Nil, errs.NotFound},
		"nobody":                               {t.Context(), w.ann.ID, id.Nil, errs.Denied},
	} {
		got, err := w.ActAs(tc.ctx, tc.whom)
		if got != tc.want || tc.kind == 0 && err != nil || tc.kind != 0 && (err == nil || errs.KindOf(err) != tc.kind) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if noted := actor.Acting(tc.ctx); err == nil && noted != got {
			t.Errorf("%s: the audit would say %v", name, noted)
		}
	}
}

// TestPolicy_privateData shows that a participant sees the date of birth and the external id of nobody but itself, and that no filter
// tells of groups that it is not in.
func TestPolicy_privateData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, i := range []directory.Individual{w.ann, w.ben} {
		born, external := "1950-05-05", "mrn-"+i.ID.String()
		_, err := w.UpdateIndividual(w.admin(), i.ID, directory.IndividualEdit{BirthDate: &born, ExternalID: &external})
		w.must(err)
	}
	name := "Oncology"
	other, err := w.CreateGroup(w.admin(), directory.GroupEdit{Name: &name, IndividualIDs: &[]id.ID{w.ben.ID}})
	w.must(err)
	for who, all := range map[string]bool{"member": false, "provider": true, "leader": true, "machine": true, "administrator": true} {
		ctx := w.everyone()[who]
		list, err := w.ListIndividuals(ctx, directory.IndividualQuery{}, first100)
		w.must(err)
		aggregated, err := w.VisibleIndividuals(ctx, []id.ID{w.ann.ID, w.ben.ID})
		w.must(err)
		seen := []directory.Individual{first(w.GetIndividual(ctx, w.ann.ID)), first(w.GetIndividual(ctx, w.ben.ID)), aggregated[w.ann.ID], aggregated[w.ben.ID]}
		for _, i := range append(seen, list.Items...) {
			if want := all || i.ID == w.ann.ID; (i.ID == w.ann.ID || i.ID == w.ben.ID) && ((i.BirthDate != "") != want || (i.ExternalID != "") != want) {
				t.Errorf("%s sees %q and %q of %s", who, i.BirthDate, i.ExternalID, i.Name())
			}
		}
		inOther, err := w.ListIndividuals(ctx, directory.IndividualQuery{GroupID: other.ID}, first100)
		w.must(err)
		of, err := w.ListGroups(ctx, directory.GroupQuery{IndividualID: w.ben.ID}, first100)
		w.must(err)
		same(t, who+" asks who is in another group, and for the groups of somebody", []int{inOther.Total, len(inOther.Items), of.Total},
			map[bool][]int{true: {1, 1, 2}, false: {0, 0, 1}}[all])
	}
	of, err := w.ListIndividuals(w.admin(), directory.IndividualQuery{UserID: w.ann.OwnerID}, first100)
	w.must(err)
	if of.Total != 1 || of.Items[0].ID != w.ann.ID {
		t.Errorf("the individuals of a user: %+v", of)
	}
	theirs, err := w.ListGroups(w.admin(), directory.GroupQuery{IndividualID: w.theirs.ID}, first100)
	w.must(err)
	same(t, "the groups of another organization's", theirs.Total, 0)
}

// first is the answer without the error, which shows in the answer.
func first[T any](v T, _ error) T { return v }

// TestService_ActAs_archived shows that an archived group gives its leaders no right, unless another group gives it, and that it
// does again when it comes back.
func TestService_ActAs_archived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leader := w.as(actor.Leader, &w.leader)
	archive := func(archived bool) {
		at := time.Time{}
		if archived {
			at = w.group.CreatedAt
		}
		_, err := w.UpdateGroup(w.admin(), w.group.ID, directory.GroupEdit{ArchivedAt: &at})
		w.must(err)
	}
	acts := func(what string, want bool) {
		t.Helper()
		_, err := w.ActAs(leader, w.ann.ID)
		if (err == nil) != want || err != nil && errs.KindOf(err) != errs.Denied {
			t.Errorf("%s: %v", what, err)
		}
		leads, err := w.Leads(leader, w.org.ID, w.group.ID, []id.ID{w.leader.ID})
		w.must(err)
		same(t, what+": leads the group", leads, want)
	}
	acts("before", true)
	archive(true)
	acts("archived", false)
	archive(false)
	acts("back", true)

	name := "Ward 8"
	_, err := w.CreateGroup(w.admin(), directory.GroupEdit{Name: &name, LeaderIDs: &[]id.ID{w.leader.ID}, IndividualIDs: &[]id.ID{w.ann.ID}})
	w.must(err)
	archive(true)
	_, err = w.ActAs(leader, w.ann.ID)
	w.must(err)
}
