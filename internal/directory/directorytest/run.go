package directorytest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/tx"
)

// Run runs the suite on an empty store whose transactions are those of runner.
func Run(t *testing.T, s directory.Store, runner tx.Runner) {
	for name, test := range map[string]func(*testing.T, suite){
		"organizations":        organizations,
		"organization names":   organizationNames,
		"users":                users,
		"usernames":            usernames,
		"last active":          lastActive,
		"ever":                 ever,
		"contacts":             contacts,
		"individuals":          individuals,
		"visibility":           visibility,
		"names":                names,
		"groups":               groups,
		"memberships":          memberships,
		"nesting":              nesting,
		"group cursors":        groupCursors,
		"sites":                sites,
		"preferences":          preferences,
		"photos":               photos,
		"many":                 many,
		"transactions":         transactions,
		"another organization": anotherOrganization,
		"deleted records":      deletedRecords,
		"deleted organization": deletedOrganization,
		"for other systems":    syncing,
	} {
		t.Run(name, func(t *testing.T) {
			su := suite{Store: s, tx: runner, org: Organization("ours"), other: Organization("theirs")}
			must(t, s.InsertOrganization(t.Context(), su.org))
			must(t, s.InsertOrganization(t.Context(), su.other))
			test(t, su)
		})
	}
}

// suite is a store with two organizations.
type suite struct {
	directory.Store
	tx         tx.Runner
	org, other directory.Organization
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantKind(t *testing.T, what string, err error, kind errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind {
		t.Errorf("%s: %v, want kind %v", what, err, kind)
	}
}

func wantCode(t *testing.T, what string, err error, code errs.Code) {
	t.Helper()
	if !errs.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code.Name)
	}
}

var first100 = page.Offset{Limit: 100}

func organizations(t *testing.T, s suite) {
	ctx := t.Context()
	got, err := s.GetOrganization(ctx, s.org.ID)
	must(t, err)
	same(t, "stored", got, s.org)

	o := s.org
	o.Name, o.DisplayName, o.Timezone, o.Locale, o.Classification, o.ProviderType = "n", "d", "UTC", "es_US", "c", "p"
	o.ModifiedAt = At.Add(1e9)
	must(t, s.UpdateOrganization(ctx, o))
	got, err = s.LockOrganization(ctx, o.ID)
	must(t, err)
	same(t, "updated", got, o)

	must(t, s.DeleteOrganization(ctx, o.ID, At))
	_, err = s.GetOrganization(ctx, o.ID)
	wantKind(t, "get after delete", err, errs.NotFound)
	wantKind(t, "update after delete", s.UpdateOrganization(ctx, o), errs.NotFound)
	wantKind(t, "second delete", s.DeleteOrganization(ctx, o.ID, At), errs.NotFound)
	_, err = s.GetOrganization(ctx, s.other.ID)
	must(t, err)
	listed := map[id.ID]bool{}
	for w := (directory.Walk{Limit: 2}); ; {
		some, err := s.WalkOrganizations(ctx, w)
		must(t, err)
		if len(some) == 0 {
			break
		}
		for _, o := range some {
			if listed[o.ID] || o.ID.String() <= w.After.String() {
				t.Errorf("%s comes twice, or out of order", o.ID)
			}
			listed[o.ID], w.After = true, o.ID
		}
	}
	named := Organization("One of a Kind")
	must(t, s.InsertOrganization(ctx, named))
	for name, want := range map[string]int{"one of a KIND": 1, "one of a": 0, o.Name: 0} {
		found, err := s.FindOrganizationsNamed(ctx, name, 5)
		must(t, err)
		same(t, "named "+name, len(found), want)
	}
	if listed[s.org.ID] || !listed[s.other.ID] {
		t.Errorf("listed: %v", listed)
	}
}

func lastActive(t *testing.T, s suite) {
	ctx := t.Context()
	u, other := User(s.org.ID, "here"), User(s.other.ID, "here")
	must(t, s.InsertUser(ctx, u))
	must(t, s.InsertUser(ctx, other))
	later := At.Add(1e9)
	must(t, s.SetLastActive(ctx, map[id.ID]time.Time{u.ID: later, other.ID: At, id.New(): At}))
	must(t, s.SetLastActive(ctx, map[id.ID]time.Time{u.ID: At, other.ID: later}))
	must(t, s.SetLastActive(ctx, nil))
	for org, want := range map[id.ID]directory.User{s.org.ID: u, s.other.ID: other} {
		want.LastActiveAt = later
		found, err := s.FindUsers(ctx, org, []id.ID{want.ID})
		must(t, err)
		same(t, "last active", found[want.ID], want)
	}
}

func ever(t *testing.T, s suite) {
	ctx := t.Context()
	here, gone, theirs := Individual(s.org.ID, "Here", "H"), Individual(s.org.ID, "Gone", "G"), Individual(s.other.ID, "Theirs", "T")
	gone.PreferredName, gone.BirthDate, gone.AvatarURL = "Gigi", "1970-01-01", "https://x.test/g.png"
	for _, i := range []directory.Individual{here, gone, theirs} {
		must(t, s.InsertIndividual(ctx, i))
	}
	_, err := s.DeleteIndividual(ctx, s.org.ID, gone.ID, At)
	must(t, err)
	got, err := s.FindIndividualsEver(ctx, s.org.ID, []id.ID{here.ID, gone.ID, theirs.ID, id.New()})
	must(t, err)
	same(t, "ever", got, map[id.ID]directory.Individual{here.ID: here, gone.ID: {
		ID: gone.ID, OrganizationID: s.org.ID, AccountType: gone.AccountType, FirstName: "Gone", LastName: "G", PreferredName: "Gigi",
	}})
	got, err = s.FindIndividualsEver(ctx, s.other.ID, []id.ID{gone.ID})
	must(t, err)
	same(t, "for another organization", len(got), 0)
}

func usernames(t *testing.T, s suite) {
	ctx := t.Context()
	for _, name := range []string{"Zoe.b", "zoe.a", "zoë", "zo", "zz"} {
		must(t, s.InsertUser(ctx, User(s.org.ID, name)))
	}
	must(t, s.InsertUser(ctx, User(s.other.ID, "zoe.theirs")))
	for _, tc := range []struct {
		from  string
		limit int
		want  []string
	}{{"ZOE.", 10, []string{"zoe.a", "Zoe.b"}}, {"zoe.", 1, []string{"zoe.a"}}, {"zz", 10, []string{"zz"}}, {"zzz", 10, []string{}}} {
		got, err := s.FindUsernamesFrom(ctx, s.org.ID, tc.from, tc.limit)
		must(t, err)
		same(t, "from "+tc.from, got, tc.want)
	}
}

func users(t *testing.T, s suite) {
	ctx := t.Context()
	u := User(s.org.ID, "Hector")
	u.PrimaryIndividualID = id.New()
	u.Email, u.Phone, u.WebhookURL, u.FirstName, u.LastName = "h@Example.com", "+4930123456", "https://x.test/", "H", "E"
	u.EmailVerified, u.PhoneVerified, u.PhoneUnsubscribed, u.LocaleExplicit, u.TZExplicit, u.AutoSignUp = true, true, true, true, true, true
	u.State, u.SMSMode, u.Notifications = directory.Invited, directory.SMSTwoWay, []string{"email", "sms"}
	u.Preferences = map[string]directory.Preference{"sms": {Enabled: true, QuietHours: []directory.QuietHour{{Day: "monday", Start: "22:00", End: "06:00"}}, UrgentOverride: true}}
	u.LastSyncAt, u.LastActiveAt = At, At.Add(1e6)
	must(t, s.InsertUser(ctx, u))
	found, err := s.FindUsers(ctx, s.org.ID, []id.ID{u.ID, id.New()})
	must(t, err)
	same(t, "found", found, map[id.ID]directory.User{u.ID: u})

	theirs := User(s.other.ID, "hector")
	must(t, s.InsertUser(ctx, theirs))
	wantCode(t, "same name, other case", s.InsertUser(ctx, User(s.org.ID, "HECTOR")), directory.DuplicateUsername)
	second := User(s.org.ID, "Cedric")
	must(t, s.InsertUser(ctx, second))
	renamed := second
	renamed.Username = "hector"
	wantCode(t, "renamed to a taken name", s.UpdateUser(ctx, renamed), directory.DuplicateUsername)

	found, err = s.FindUsers(ctx, s.org.ID, []id.ID{theirs.ID})
	must(t, err)
	same(t, "another organization's", len(found), 0)
	active, err := s.FindActiveUsers(ctx, s.org.ID, []id.ID{u.ID, second.ID, theirs.ID, id.New()})
	must(t, err)
	same(t, "active", active, map[id.ID]bool{second.ID: true})
	byName, err := s.FindUsersByName(ctx, s.org.ID, []string{"HECTOR", "nobody"})
	must(t, err)
	same(t, "by name", byName, map[string]directory.User{"hector": u})

	theirs.Phone = u.Phone
	must(t, s.UpdateUser(ctx, theirs))
	phones, err := s.FindUsersByPhone(ctx, u.Phone)
	must(t, err)
	same(t, "by phone, of every organization", phones, []directory.User{u, theirs})

	for name, f := range map[string]directory.UserFilter{
		"username": {Username: "hECTOR"}, "e-mail": {Email: "H@example.COM"}, "only": {Only: []id.ID{u.ID, theirs.ID}},
	} {
		f.OrganizationID = s.org.ID
		l, err := s.ListUsers(ctx, f, first100)
		must(t, err)
		same(t, name, l, page.List[directory.User]{Items: []directory.User{u}, Total: 1})
	}
	all, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: s.org.ID}, page.Offset{Limit: 1, Offset: 1})
	must(t, err)
	same(t, "second page", all, page.List[directory.User]{Items: []directory.User{u}, Total: 2})
	none, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: s.org.ID, Only: []id.ID{}}, first100)
	must(t, err)
	same(t, "only nobody", none.Total, 0)

	u.Username, u.State, u.PrimaryIndividualID, u.LastSyncAt, u.Preferences = "H2", directory.Archived, id.Nil, At.Add(1e9), map[string]directory.Preference{}
	must(t, s.UpdateUser(ctx, u))
	got, err := s.LockUser(ctx, s.org.ID, u.ID)
	must(t, err)
	same(t, "updated", got, u)
	_, err = s.LockUser(ctx, s.other.ID, u.ID)
	wantKind(t, "lock by another organization", err, errs.NotFound)
	stolen := u
	stolen.OrganizationID = s.other.ID
	wantKind(t, "update by another organization", s.UpdateUser(ctx, stolen), errs.NotFound)

	wantKind(t, "delete by another organization", s.DeleteUser(ctx, s.other.ID, u.ID, At), errs.NotFound)
	must(t, s.DeleteUser(ctx, s.org.ID, u.ID, At))
	wantKind(t, "second delete", s.DeleteUser(ctx, s.org.ID, u.ID, At), errs.NotFound)
	all, err = s.ListUsers(ctx, directory.UserFilter{OrganizationID: s.org.ID}, first100)
	must(t, err)
	same(t, "after delete", all, page.List[directory.User]{Items: []directory.User{second}, Total: 1})
	must(t, s.InsertUser(ctx, User(s.org.ID, "h2"))) // the name is free again
}

func contacts(t *testing.T, s suite) {
	ctx := t.Context()
	var people []directory.Individual
	for _, name := range []string{"a", "b", "c", "d"} {
		_, i := Person(ctx, t, s, s.org.ID, name, directory.Participant)
		people = append(people, i)
	}
	Person(ctx, t, s, s.org.ID, "provider", directory.Provider)
	Person(ctx, t, s, s.other.ID, "theirs", directory.Participant)
	must(t, s.InsertIndividual(ctx, Individual(s.org.ID, "without", "user")))
	archived, gone := people[1], people[2]
	u, err := s.LockUser(ctx, s.org.ID, archived.OwnerID)
	must(t, err)
	u.State = directory.Archived
	must(t, s.UpdateUser(ctx, u))
	must(t, s.DeleteUser(ctx, s.org.ID, gone.OwnerID, At))

	list := func(f directory.ContactFilter, p page.Cursor) []string {
		f.OrganizationID = s.org.ID
		l, err := s.ListContacts(ctx, f, p)
		must(t, err)
		out := []string{}
		for _, c := range l.Items {
			if c.User.ID != c.Individual.OwnerID {
				t.Errorf("%s has the user %s", c.Individual.FirstName, c.User.Username)
			}
			out = append(out, c.User.Username)
		}
		if l.More {
			out = append(out, "…")
		}
		return out
	}
	same(t, "all", list(directory.ContactFilter{}, page.Cursor{Limit: 10}), []string{"d", "b", "a"})
	same(t, "active", list(directory.ContactFilter{ActiveOnly: true}, page.Cursor{Limit: 10}), []string{"d", "a"})
	same(t, "first page", list(directory.ContactFilter{}, page.Cursor{Limit: 2}), []string{"d", "b", "…"})
	same(t, "next page", list(directory.ContactFilter{}, page.Cursor{Limit: 2, After: people[1].ID}), []string{"a"})
	same(t, "page before", list(directory.ContactFilter{}, page.Cursor{Limit: 1, Before: people[0].ID}), []string{"b", "…"})
	same(t, "seen by a", list(directory.ContactFilter{Only: []id.ID{people[0].ID}, GroupsOf: []id.ID{people[0].ID}}, page.Cursor{Limit: 9}), []string{"a"})
	_, err = s.ListContacts(ctx, directory.ContactFilter{OrganizationID: s.org.ID}, page.Cursor{Limit: 1, After: gone.ID})
	wantKind(t, "unknown cursor", err, errs.NotFound)
}

func individuals(t *testing.T, s suite) {
	ctx := t.Context()
	u, provider := Person(ctx, t, s, s.org.ID, "nurse", directory.Provider)
	i := Individual(s.org.ID, "Ada", "Lovelace")
	i.OwnerID, i.OwnerType = u.ID, directory.OwnedByUser
	i.PreferredName, i.BirthDate, i.AvatarURL, i.ExternalID, i.Verified = "Ad", "1815-12-10", "https://x.test/a.png", "x1", true
	must(t, s.InsertIndividual(ctx, i))
	theirs := Individual(s.other.ID, "Ada", "Other")
	must(t, s.InsertIndividual(ctx, theirs))

	found, err := s.FindIndividuals(ctx, s.org.ID, []id.ID{i.ID, provider.ID, theirs.ID, id.New()})
	must(t, err)
	same(t, "found", found, map[id.ID]directory.Individual{i.ID: i, provider.ID: provider})
	locked, err := s.LockIndividuals(ctx, s.org.ID, []id.ID{i.ID, theirs.ID})
	must(t, err)
	same(t, "locked", locked, map[id.ID]directory.Individual{i.ID: i})
	of, err := s.FindIndividualsOfUsers(ctx, s.org.ID, []id.ID{u.ID, id.New()})
	must(t, err)
	same(t, "of the user", of, map[id.ID][]directory.Individual{u.ID: {provider, i}})
	of, err = s.FindIndividualsOfUsers(ctx, s.other.ID, []id.ID{u.ID})
	must(t, err)
	same(t, "asked for by another organization", len(of), 0)
	l, err := s.ListUsers(ctx, directory.UserFilter{OrganizationID: s.org.ID, IndividualID: i.ID}, first100)
	must(t, err)
	same(t, "users by individual", l.Total, 1)

	twice := Individual(s.org.ID, "second", "provider")
	twice.OwnerID, twice.OwnerType, twice.AccountType = u.ID, directory.OwnedByUser, directory.Provider
	wantCode(t, "second provider", s.InsertIndividual(ctx, twice), directory.SecondProvider)

	i.FirstName, i.OwnerID, i.OwnerType, i.ModifiedAt = "Augusta", s.org.ID, directory.OwnedByOrganization, At.Add(1e9)
	must(t, s.UpdateIndividual(ctx, i))
	found, err = s.FindIndividuals(ctx, s.org.ID, []id.ID{i.ID})
	must(t, err)
	same(t, "updated", found[i.ID], i)
	stolen := i
	stolen.OrganizationID = s.other.ID
	wantKind(t, "update by another organization", s.UpdateIndividual(ctx, stolen), errs.NotFound)

	_, err = s.DeleteIndividual(ctx, s.other.ID, i.ID, At)
	wantKind(t, "delete by another organization", err, errs.NotFound)
	_, err = s.DeleteIndividual(ctx, s.org.ID, i.ID, At)
	must(t, err)
	_, err = s.DeleteIndividual(ctx, s.org.ID, i.ID, At)
	wantKind(t, "second delete", err, errs.NotFound)
	all, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.org.ID}, first100)
	must(t, err)
	same(t, "after delete", all, page.List[directory.Individual]{Items: []directory.Individual{provider}, Total: 1})
}

func visibility(t *testing.T, s suite) {
	ctx := t.Context()
	me, friend, stranger, theirs := Individual(s.org.ID, "me", ""), Individual(s.org.ID, "friend", ""), Individual(s.org.ID, "stranger", ""), Individual(s.other.ID, "theirs", "")
	for _, i := range []directory.Individual{me, friend, stranger, theirs} {
		must(t, s.InsertIndividual(ctx, i))
	}
	g := Group(s.org.ID, "shared")
	g.IndividualIDs = []id.ID{me.ID, friend.ID}
	must(t, s.InsertGroup(ctx, g))
	see := func(only, groupsOf []id.ID) []string {
		l, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.org.ID, Only: only, GroupsOf: groupsOf}, first100)
		must(t, err)
		out := []string{}
		for _, i := range l.Items {
			out = append(out, i.FirstName)
		}
		if l.Total != len(out) {
			t.Errorf("total %d of %v", l.Total, out)
		}
		return out
	}
	same(t, "everybody", see(nil, nil), []string{"stranger", "friend", "me"})
	same(t, "me and my groups", see([]id.ID{me.ID}, []id.ID{me.ID}), []string{"friend", "me"})
	same(t, "stranger", see([]id.ID{stranger.ID}, []id.ID{stranger.ID}), []string{"stranger"})
	same(t, "nobody", see([]id.ID{}, nil), []string{})
	same(t, "another organization's", see([]id.ID{theirs.ID}, []id.ID{theirs.ID}), []string{})
	for other, want := range map[id.ID]bool{friend.ID: true, me.ID: true, stranger.ID: false, theirs.ID: false} {
		got, err := s.SharesGroup(ctx, s.org.ID, []id.ID{me.ID}, other)
		must(t, err)
		same(t, "shares a group", got, want)
	}
	got, err := s.SharesGroup(ctx, s.other.ID, []id.ID{me.ID}, friend.ID)
	must(t, err)
	same(t, "asked for by another organization", got, false)
}

func names(t *testing.T, s suite) {
	ctx := t.Context()
	for _, n := range [][2]string{{"José", "García Márquez"}, {"Josephine", "Baker"}, {"Ann", "O'Neil-Jones"}, {"山田", "太郎"}} {
		must(t, s.InsertIndividual(ctx, Individual(s.org.ID, n[0], n[1])))
	}
	must(t, s.InsertIndividual(ctx, Individual(s.other.ID, "José", "Theirs")))
	find := func(name string) []string {
		l, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.org.ID, Name: name}, first100)
		must(t, err)
		out := []string{}
		for _, i := range l.Items {
			out = append(out, i.FirstName)
		}
		if l.Total != len(out) {
			t.Errorf("%q: total %d of %v", name, l.Total, out)
		}
		return out
	}
	for name, want := range map[string][]string{
		"jose": {"Josephine", "José"}, "JOSÉ": {"Josephine", "José"}, "jo ga": {"José"}, "marquez jose": {"José"},
		"jones": {"Ann"}, "ann o'neil": {"Ann"}, "山": {"山田"}, "ose": {}, "%": {}, "baker x": {},
	} {
		same(t, name, find(name), want)
	}
	l, err := s.ListIndividuals(ctx, directory.IndividualFilter{OrganizationID: s.org.ID, Name: "baker"}, first100)
	must(t, err)
	i := l.Items[0]
	i.LastName = "Smith"
	must(t, s.UpdateIndividual(ctx, i))
	same(t, "old name", find("baker"), []string{})
	same(t, "new name", find("smith"), []string{"Josephine"})
	_, err = s.DeleteIndividual(ctx, s.org.ID, i.ID, At)
	must(t, err)
	same(t, "deleted", find("smith"), []string{})
}

// transactions shows that the store takes part in the transaction of its context.
func transactions(t *testing.T, s suite) {
	boom := errors.New("boom")
	u := User(s.org.ID, "rolled back")
	err := s.tx.Do(t.Context(), func(ctx context.Context) error {
		must(t, s.InsertUser(ctx, u))
		_, err := s.LockUser(ctx, s.org.ID, u.ID)
		must(t, err)
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	found, err := s.FindUsers(t.Context(), s.org.ID, []id.ID{u.ID})
	must(t, err)
	l, err := s.ListUsers(t.Context(), directory.UserFilter{OrganizationID: s.org.ID}, first100)
	must(t, err)
	if len(found) != 0 || l.Total != 0 {
		t.Errorf("%d users after a rollback, and a total of %d", len(found), l.Total)
	}
}
