package directory_test

import (
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// TestService_lookups shows what the other contexts are given, without any actor.
func TestService_lookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, org := t.Context(), w.org.ID
	o, err := w.Organization(ctx, org)
	w.must(err)
	same(t, "organization", o, w.org)
	individuals, err := w.Individuals(ctx, org, []id.ID{w.ann.ID, w.theirs.ID})
	w.must(err)
	same(t, "individuals", individuals, map[id.ID]directory.Individual{w.ann.ID: w.ann})
	users, err := w.Users(ctx, org, []id.ID{w.ann.OwnerID, w.theirs.OwnerID})
	w.must(err)
	same(t, "users", len(users), 1)
	g, err := w.Group(ctx, org, w.group.ID)
	w.must(err)
	same(t, "group", g, w.group)
	if _, err := w.Group(ctx, org, w.theirGroup.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("their group: %v", err)
	}
	groups, err := w.Groups(ctx, org, []id.ID{w.group.ID, w.theirGroup.ID})
	w.must(err)
	same(t, "groups", groups, map[id.ID]directory.Group{w.group.ID: w.group})
	places, err := w.Memberships(ctx, org, []id.ID{w.leader.ID, w.cy.ID})
	w.must(err)
	same(t, "memberships", places, []directory.Membership{{GroupID: w.group.ID, IndividualID: w.leader.ID, Leader: true}})
	leads, err := w.Leads(ctx, org, w.group.ID, []id.ID{w.leader.ID})
	w.must(err)
	same(t, "leads", leads, true)
	v, err := w.CreateSite(w.admin(), directory.SiteEdit{Name: new("HQ")})
	w.must(err)
	sites, err := w.Sites(ctx, org, []id.ID{v.ID, id.New()})
	w.must(err)
	same(t, "sites", sites, map[id.ID]directory.Site{v.ID: v})
}

func TestService_IndividualsOfUsers_primaryFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.ann.OwnerID
	second, err := w.CreateIndividual(w.admin(), directory.NewIndividual{IndividualEdit: directory.IndividualEdit{OwnerID: &user}})
	w.must(err)
	third, err := w.CreateIndividual(w.admin(), directory.NewIndividual{IndividualEdit: directory.IndividualEdit{OwnerID: &user}})
	w.must(err)
	order := func() []id.ID {
		found, err := w.IndividualsOfUsers(t.Context(), w.org.ID, []id.ID{user})
		w.must(err)
		out := []id.ID{}
		for _, i := range found[user] {
			out = append(out, i.ID)
		}
		return out
	}
	same(t, "oldest is primary", order(), []id.ID{w.ann.ID, second.ID, third.ID})
	// The primary one goes to the organization and comes back: it is the youngest claim now.
	_, err = w.UpdateIndividual(w.admin(), w.ann.ID, directory.IndividualEdit{OwnerID: new(id.Nil)})
	w.must(err)
	same(t, "the next is primary", order(), []id.ID{second.ID, third.ID})
	_, err = w.UpdateIndividual(w.admin(), w.ann.ID, directory.IndividualEdit{OwnerID: &user})
	w.must(err)
	same(t, "and stays it", order(), []id.ID{second.ID, w.ann.ID, third.ID})
	none, err := w.IndividualsOfUsers(t.Context(), w.other.ID, []id.ID{user})
	w.must(err)
	same(t, "asked for by another organization", len(none), 0)
}

func TestUser(t *testing.T) {
	t.Parallel()
	for state, want := range map[directory.UserState]bool{
		directory.Active: true, directory.NotificationOnly: true, directory.Invited: false, directory.Archived: false,
	} {
		if got := (directory.User{State: state}).Active(); got != want {
			t.Errorf("%s is active: %v", state, got)
		}
	}
	u := directory.User{Notifications: []string{"email", "sms"}, Preferences: map[string]directory.Preference{"sms": {}, "push": {Enabled: true}}}
	for transport, want := range map[string]bool{"email": true, "sms": false, "push": false} {
		if got := u.Accepts(transport); got != want {
			t.Errorf("accepts %s: %v", transport, got)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for want, i := range map[string]directory.Individual{
		"Ad": {FirstName: "Ada", LastName: "L", PreferredName: "Ad"}, "Ada L": {FirstName: "Ada", LastName: "L"}, "Ada": {FirstName: "Ada"}, "L": {LastName: "L"}, "": {},
	} {
		if got := i.Name(); got != want {
			t.Errorf("%+v is called %q", i, got)
		}
	}
	for want, o := range map[string]directory.Organization{"n": {Name: "n"}, "d": {Name: "n", DisplayName: "d"}} {
		if got := o.Title(); got != want {
			t.Errorf("%+v has the title %q", o, got)
		}
	}
	for _, tc := range []struct {
		name, wanted string
		want         bool
	}{
		{"José García", "jose", true}, {"José García", "gar jo", true}, {"José García", "ose", false}, {"Ann", "", true}, {"", "a", false},
	} {
		if got := directory.Matches(tc.name, tc.wanted); got != tc.want {
			t.Errorf("%q matches %q: %v", tc.name, tc.wanted, got)
		}
	}
}

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, locale, want string }{
		{"+1 (415) 555-2671", "", "+14155552671"},
		{"1-800-759-3000", "en_US", "+18007593000"},
		{"030 123456", "de_DE", "+4930123456"},
		{"+15550001111", "en_US", "+15550001111"}, // no such area yet; possible all the same
		{"030 123456", "de", ""},
		{"12", "en_US", ""},
		{"+0", "", ""},
		{"call me", "en_US", ""},
		{"", "en_US", ""},
	} {
		got, ok := directory.ParsePhone(tc.in, tc.locale)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("ParsePhone(%q, %q) = %q, %v", tc.in, tc.locale, got, ok)
		}
	}
}

func FuzzParsePhone(f *testing.F) {
	f.Add("+14155552671", "en_US")
	f.Add("1-800-FLOWERS", "de_DE")
	f.Fuzz(func(t *testing.T, number, locale string) {
		got, ok := directory.ParsePhone(number, locale)
		if !ok {
			return
		}
		if again, ok := directory.ParsePhone(got, ""); !ok || again != got {
			t.Errorf("%q became %q, which becomes %q", number, got, again)
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("José García-Márquez", "jose")
	f.Add("山田 太郎", "山")
	f.Add("İstanbul ǅ ﬃ", "i")
	f.Fuzz(func(t *testing.T, name, wanted string) {
		for _, w := range directory.Words(name) {
			if w == "" || len(w) > 64 {
				t.Errorf("%q has the word %q", name, w)
			}
		}
		_ = directory.Matches(name, wanted)
	})
}

// TestService_SetPhoneUnsubscribed is what a text of STOP does: in every organization that knows the number, once.
func TestService_SetPhoneUnsubscribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.UpdateUser(w.admin(), w.ann.OwnerID, directory.UserEdit{Phone: new("+14155552671")})
	w.must(err)
	found, err := w.UsersWithPhone(t.Context(), "+14155552671")
	w.must(err)
	same(t, "found", len(found), 1)
	before := len(w.entries())
	for range 2 {
		w.must(w.SetPhoneUnsubscribed(t.Context(), w.org.ID, w.ann.OwnerID, true))
	}
	same(t, "events", w.events()[before:], []string{"directory.user.updated"})
	u, err := w.GetUser(w.admin(), w.ann.OwnerID)
	w.must(err)
	same(t, "unsubscribed", u.PhoneUnsubscribed, true)
	u, err = w.UpdateUser(w.admin(), w.ann.OwnerID, directory.UserEdit{Phone: new("+14155552672")})
	w.must(err)
	same(t, "another number", u.PhoneUnsubscribed, false)
	if err := w.SetPhoneUnsubscribed(t.Context(), w.other.ID, w.ann.OwnerID, true); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("by another organization: %v", err)
	}
	none, err := w.UsersWithPhone(t.Context(), "")
	w.must(err)
	same(t, "without a number", len(none), 0)
	all, err := w.WalkOrganizations(t.Context(), directory.Walk{Limit: 10})
	w.must(err)
	same(t, "organizations", all, []directory.Organization{w.org, w.other})
}
