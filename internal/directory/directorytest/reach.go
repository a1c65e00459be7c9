package directorytest

import (
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/directory/photo"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// records are one of each kind, and bound to each other: who is led by individual stands in the group.
type records struct {
	user       directory.User
	individual directory.Individual
	led        directory.Individual
	group      directory.Group
	site       directory.Site
}

func insertRecords(t *testing.T, s suite, phone string) records {
	t.Helper()
	ctx, org := t.Context(), s.org.ID
	r := records{led: Individual(org, "led", ""), group: Group(org, "the group"), site: Site(org, "the site")}
	r.user, r.individual = Person(ctx, t, s, org, "reached", directory.Participant)
	r.user.Email, r.user.Phone = "reached@example.org", phone
	must(t, s.UpdateUser(ctx, r.user))
	must(t, s.InsertIndividual(ctx, r.led))
	must(t, s.PutPhoto(ctx, org, r.individual.ID, photo.Photo{MediaType: "image/png", Bytes: []byte{1}}, At))
	r.group.LeaderIDs, r.group.IndividualIDs = []id.ID{r.individual.ID}, []id.ID{r.led.ID}
	must(t, s.InsertGroup(ctx, r.group))
	must(t, s.InsertSite(ctx, r.site))
	return r
}

// search notes how many records each way of looking for them finds.
type search map[string]int

// by returns what notes the answer of one way; NotFound is an answer.
func (f search) by(t *testing.T, way string) func(n int, err error) {
	return func(n int, err error) {
		t.Helper()
		if err != nil && errs.KindOf(err) != errs.NotFound {
			t.Errorf("%s: %v", way, err)
		}
		f[way] = n
	}
}

func size[K comparable, V any](m map[K]V, err error) (int, error) { return len(m), err }

func length[T any](l []T, err error) (int, error) { return len(l), err }

func whole[T any](l page.List[T], err error) (int, error) { return l.Total + len(l.Items), err }

func one[T any](_ T, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

func truth(ok bool, err error) (int, error) {
	if ok {
		return 1, err
	}
	return 0, err
}

// reach looks for the records of an organization in every way there is.
func (s suite) reach(t *testing.T, org id.ID, r records) search {
	t.Helper()
	f := search{}
	s.reachPeople(t, f, org, r)
	s.reachGroups(t, f, org, r)
	ctx := t.Context()
	f.by(t, "sites")(size(s.FindSites(ctx, org, []id.ID{r.site.ID})))
	f.by(t, "a list of sites")(length(s.ListSites(ctx, org)))
	f.by(t, "the lock of a site")(one(s.LockSite(ctx, org, r.site.ID)))
	return f
}

func (s suite) reachPeople(t *testing.T, f search, org id.ID, r records) {
	t.Helper()
	ctx, users, individuals := t.Context(), []id.ID{r.user.ID}, []id.ID{r.individual.ID}
	f.by(t, "users")(size(s.FindUsers(ctx, org, users)))
	f.by(t, "active users")(size(s.FindActiveUsers(ctx, org, users)))
	f.by(t, "users by name")(size(s.FindUsersByName(ctx, org, []string{r.user.Username})))
	f.by(t, "users by e-mail")(size(s.FindUsersByEmail(ctx, org, []string{r.user.Email})))
	f.by(t, "usernames")(length(s.FindUsernamesFrom(ctx, org, r.user.Username[:3], 5)))
	f.by(t, "a list of users")(whole(s.ListUsers(ctx, directory.UserFilter{OrganizationID: org}, first100)))
	f.by(t, "a list of users by e-mail")(whole(s.ListUsers(ctx, directory.UserFilter{OrganizationID: org, Email: r.user.Email}, first100)))
	f.by(t, "a walk along users")(whole(s.WalkUsers(ctx, org, directory.Walk{Limit: 5})))
	f.by(t, "contacts")(whole(s.ListContacts(ctx, directory.ContactFilter{OrganizationID: org}, page.Cursor{Limit: 5})))
	f.by(t, "the lock of a user")(one(s.LockUser(ctx, org, r.user.ID)))
	f.by(t, "individuals")(size(s.FindIndividuals(ctx, org, individuals)))
	f.by(t, "individuals of users")(size(s.FindIndividualsOfUsers(ctx, org, users)))
	f.by(t, "a list of individuals")(whole(s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: org}, first100)))
	f.by(t, "the lock of individuals")(size(s.LockIndividuals(ctx, org, individuals)))
	f.by(t, "who shares a group")(truth(s.SharesGroup(ctx, org, individuals, r.led.ID)))
	f.by(t, "who leads somebody")(truth(s.LeadsIndividual(ctx, org, individuals, r.led.ID)))
	shown, err := s.FindPhoto(ctx, org, r.individual.ID)
	f.by(t, "photos")(len(shown.Bytes), err)
}

func (s suite) reachGroups(t *testing.T, f search, org id.ID, r records) {
	t.Helper()
	ctx, groups, members := t.Context(), []id.ID{r.group.ID}, []id.ID{r.individual.ID, r.led.ID}
	f.by(t, "groups")(size(s.FindGroups(ctx, org, groups)))
	f.by(t, "heads of groups")(size(s.FindGroupHeads(ctx, org, groups)))
	f.by(t, "groups by name")(length(s.FindGroupsNamed(ctx, org, r.group.Name, 5)))
	f.by(t, "a list of groups")(whole(s.ListGroups(ctx, directory.GroupFilter{OrganizationID: org}, first100)))
	f.by(t, "a turn of groups")(whole(s.TurnGroups(ctx, directory.GroupFilter{OrganizationID: org}, page.Cursor{Limit: 5})))
	f.by(t, "a walk along groups")(whole(s.WalkGroups(ctx, org, directory.Walk{Limit: 5})))
	f.by(t, "memberships")(length(s.FindMemberships(ctx, org, members)))
	f.by(t, "places")(size(s.FindPlaces(ctx, org, r.group.ID, members)))
	f.by(t, "the number of members")(s.CountMembers(ctx, org, groups, 5))
	f.by(t, "who leads")(truth(s.Leads(ctx, org, r.group.ID, members)))
	f.by(t, "the lock of a group")(one(s.LockGroup(ctx, org, r.group.ID)))
	f.by(t, "the lock of groups")(length(s.LockGroups(ctx, org, groups)))
	f.by(t, "the lock of a group alone")(one(s.LockGroupHead(ctx, org, r.group.ID)))
}

// found shows that every way finds something, or that none does.
func (s suite) found(t *testing.T, what string, want bool, org id.ID, r records) {
	t.Helper()
	for way, n := range s.reach(t, org, r) {
		if (n > 0) != want {
			t.Errorf("%s: %s: %d found", what, way, n)
		}
	}
}

// changesNothing shows that no update reaches the records as those of an organization.
func (s suite) changesNothing(t *testing.T, what string, org id.ID, r records) {
	t.Helper()
	ctx := t.Context()
	r.user.OrganizationID, r.individual.OrganizationID, r.group.OrganizationID, r.site.OrganizationID = org, org, org, org
	wantKind(t, what+": a user", s.UpdateUser(ctx, r.user), errs.NotFound)
	wantKind(t, what+": an individual", s.UpdateIndividual(ctx, r.individual), errs.NotFound)
	wantKind(t, what+": a group", s.UpdateGroup(ctx, r.group), errs.NotFound)
	wantKind(t, what+": a site", s.UpdateSite(ctx, r.site), errs.NotFound)
}

// byPhone is how many users of any organization have the number.
func (s suite) byPhone(t *testing.T, r records) int {
	t.Helper()
	l, err := s.FindUsersByPhone(t.Context(), r.user.Phone)
	must(t, err)
	return len(l)
}

// anotherOrganization shows that nothing is reached from another one, in no way.
func anotherOrganization(t *testing.T, s suite) {
	r := insertRecords(t, s, "+14155550101")
	s.found(t, "from another organization", false, s.other.ID, r)
	s.changesNothing(t, "from another organization", s.other.ID, r)
	s.found(t, "from their own", true, s.org.ID, r)
	same(t, "by phone", s.byPhone(t, r), 1)
}

// deletedRecords shows that what is deleted is found and changed in no way.
func deletedRecords(t *testing.T, s suite) {
	ctx, org, r := t.Context(), s.org.ID, insertRecords(t, s, "+14155550102")
	for _, i := range []directory.Individual{r.individual, r.led} {
		_, err := s.DeleteIndividual(ctx, org, i.ID, At)
		must(t, err)
	}
	l, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: org, IndividualID: r.individual.ID}, first100)
	must(t, err)
	same(t, "users by a deleted individual", l.Total, 0)
	must(t, s.DeleteUser(ctx, org, r.user.ID, At))
	must(t, s.DeleteGroup(ctx, org, r.group.ID, At))
	must(t, s.DeleteSite(ctx, org, r.site.ID, At))
	s.found(t, "deleted", false, org, r)
	s.changesNothing(t, "deleted", org, r)
	same(t, "by phone", s.byPhone(t, r), 0)
}

// deletedOrganization shows that nothing is found in one: what is still queued for its people finds nobody.
func deletedOrganization(t *testing.T, s suite) {
	r := insertRecords(t, s, "+14155550103")
	must(t, s.DeleteOrganization(t.Context(), s.org.ID, At))
	s.found(t, "of a deleted organization", false, s.org.ID, r)
	same(t, "by phone", s.byPhone(t, r), 0)
}
