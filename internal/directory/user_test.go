package directory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

func TestService_CreateUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, err := w.CreateUser(w.admin(), directory.NewUser{AccountType: directory.Provider, UserEdit: directory.UserEdit{
		Username: new(" Hector "), Email: new("h@example.org"), Phone: new("+1 415 555 2671"), FirstName: new("Hector"), LastName: new("B"),
		WebhookURL: new("https://x.test/hook"), EmailVerified: new(true), Notifications: &[]string{"sms", "email", "sms"},
	}})
	w.must(err)
	want := directory.User{
		ID: u.ID, OrganizationID: w.org.ID, PrimaryIndividualID: u.PrimaryIndividualID, Username: "Hector", Email: "h@example.org",
		Phone: "+14155552671", WebhookURL: "https://x.test/hook", FirstName: "Hector", LastName: "B", Locale: "en_US", TZ: "Europe/Berlin",
		EmailVerified: true, State: directory.Active, SMSMode: directory.SMSEnabled, Notifications: []string{"email", "sms"},
		Preferences: map[string]directory.Preference{}, CreatedAt: w.now, ModifiedAt: w.now,
	}
	same(t, "answered", u, want)
	stored, err := w.GetUser(w.admin(), u.ID)
	w.must(err)
	same(t, "stored", stored, want)
	i, err := w.GetIndividual(w.admin(), u.PrimaryIndividualID)
	w.must(err)
	same(t, "individual", i, directory.Individual{
		ID: u.PrimaryIndividualID, OrganizationID: w.org.ID, OwnerID: u.ID, OwnerType: directory.OwnedByUser,
		AccountType: directory.Provider, FirstName: "Hector", LastName: "B", CreatedAt: w.now, ModifiedAt: w.now,
	})
	same(t, "events", w.events(), []string{"directory.user.created", "directory.individual.created"})
	same(t, "event data", w.last("directory.individual.created"), `{"user-id":"`+u.ID.String()+`","individual-id":"`+i.ID.String()+`"}`)
	same(t, "audited", w.audits(), 2)
}

func TestService_CreateUser_defaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, err := w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("a")}})
	w.must(err)
	same(t, "transports", u.Notifications, directory.Transports())
	i, err := w.GetIndividual(w.admin(), u.PrimaryIndividualID)
	w.must(err)
	same(t, "account type", i.AccountType, directory.Participant)
	alone, err := w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("b")}, Alone: true})
	w.must(err)
	same(t, "individual of a user that wants none", alone.PrimaryIndividualID, id.Nil)
	// The organization's zone and locale hold for whoever has chosen none, whenever it changes.
	_, err = w.UpdateOrganization(w.admin(), w.org.ID, directory.OrganizationEdit{Timezone: new("Asia/Tokyo"), Locale: new("ja")})
	w.must(err)
	u, err = w.GetUser(w.admin(), u.ID)
	w.must(err)
	if u.TZ != "Asia/Tokyo" || u.Locale != "ja" || u.TZExplicit || u.LocaleExplicit {
		t.Errorf("%+v", u)
	}
}

// TestService_CreateUser_refuses names every value that is wrong, all at once, and stores nothing.
func TestService_CreateUser_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	quiet := func(day, start, end string) *map[string]directory.Preference {
		return &map[string]directory.Preference{"sms": {QuietHours: []directory.QuietHour{{Day: day, Start: start, End: end}}}}
	}
	many := map[string]directory.Preference{"sms": {QuietHours: make([]directory.QuietHour, 51)}}
	for n := range many["sms"].QuietHours {
		many["sms"].QuietHours[n] = directory.QuietHour{Day: "monday", Start: "01:00", End: "02:00"}
	}
	long := strings.Repeat("x", 256)
	for name, tc := range map[string]struct {
		e      directory.UserEdit
		fields []string
	}{
		"nothing":              {directory.UserEdit{}, []string{"username"}},
		"blank":                {directory.UserEdit{Username: new("  ")}, []string{"username"}},
		"too long":             {directory.UserEdit{Username: &long, FirstName: &long, LastName: &long}, []string{"username", "first_name", "last_name"}},
		"control characters":   {directory.UserEdit{Username: new("a\nb")}, []string{"username"}},
		"addresses":            {directory.UserEdit{Username: new("a"), Email: new("Ada <a@b.test>"), Phone: new("call me"), WebhookURL: new("ftp://x")}, []string{"email", "phone", "webhook_url"}},
		"two e-mail addresses": {directory.UserEdit{Username: new("a"), Email: new("a@b.test, c@d.test")}, []string{"email"}},
		"verified nothing":     {directory.UserEdit{Username: new("a"), EmailVerified: new(true), PhoneVerified: new(true)}, []string{"email_verified", "phone_verified"}},
		"place":                {directory.UserEdit{Username: new("a"), Locale: new("English"), TZ: new("Local")}, []string{"locale", "tz"}},
		"enums":                {directory.UserEdit{Username: new("a"), State: new(directory.UserState("x")), SMSMode: new(directory.SMSMode("x"))}, []string{"state", "sms_mode"}},
		"transports":           {directory.UserEdit{Username: new("a"), Notifications: &[]string{"sms", "fax"}}, []string{"notifications[1]"}},
		"preference":           {directory.UserEdit{Username: new("a"), Preferences: &map[string]directory.Preference{"fax": {}}}, []string{"communication_preferences.fax"}},
		"day":                  {directory.UserEdit{Username: new("a"), Preferences: quiet("someday", "01:00", "02:00")}, []string{"communication_preferences.sms.quiet_hours[0].day"}},
		"start":                {directory.UserEdit{Username: new("a"), Preferences: quiet("monday", "24:00", "02:00")}, []string{"communication_preferences.sms.quiet_hours[0].start"}},
		"end":                  {directory.UserEdit{Username: new("a"), Preferences: quiet("monday", "01:00", "2:00")}, []string{"communication_preferences.sms.quiet_hours[0].end"}},
		"empty quiet hour":     {directory.UserEdit{Username: new("a"), Preferences: quiet("monday", "01:00", "01:00")}, []string{"communication_preferences.sms.quiet_hours[0].end"}},
		"many quiet hours":     {directory.UserEdit{Username: new("a"), Preferences: &many}, []string{"communication_preferences.sms.quiet_hours"}},
	} {
		_, err := w.CreateUser(w.admin(), directory.NewUser{UserEdit: tc.e})
		w.refused(name, err, errs.CodeInvalid, tc.fields...)
	}
	_, err := w.CreateUser(w.admin(), directory.NewUser{AccountType: "boss"})
	w.refused("account type", err, errs.CodeInvalid, "account_type", "username")
	_, err = w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("ANN")}})
	w.refused("taken", err, directory.DuplicateUsername, "username")
	l, err := w.ListUsers(w.admin(), directory.UserQuery{}, first100)
	w.must(err)
	same(t, "users", l.Total, 4)
}

func TestService_UpdateUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.ann.OwnerID
	update := func(e directory.UserEdit) directory.User {
		t.Helper()
		u, err := w.UpdateUser(w.admin(), user, e)
		w.must(err)
		stored, err := w.GetUser(w.admin(), user)
		w.must(err)
		same(t, "stored", stored, u)
		return u
	}
	update(directory.UserEdit{Email: new("Ann@example.org"), Phone: new("+14155552671"), EmailVerified: new(true), PhoneVerified: new(true)})
	if u := update(directory.UserEdit{FirstName: new("A"), Email: new("ann@Example.org")}); !u.EmailVerified || !u.PhoneVerified {
		t.Errorf("verification was lost without another address: %+v", u)
	}
	if u := update(directory.UserEdit{Email: new("other@example.org"), Phone: new("+14155552672")}); u.EmailVerified || u.PhoneVerified {
		t.Errorf("another address is verified: %+v", u)
	}
	if u := update(directory.UserEdit{Email: new(""), Phone: new("")}); u.Email != "" || u.Phone != "" {
		t.Errorf("addresses remain: %+v", u)
	}
	if u := update(directory.UserEdit{Locale: new("de-DE"), TZ: new("Asia/Tokyo")}); u.Locale != "de_DE" || !u.LocaleExplicit || !u.TZExplicit {
		t.Errorf("place: %+v", u)
	}
	if u := update(directory.UserEdit{Phone: new("030 123456")}); u.Phone != "+4930123456" {
		t.Errorf("a number of the user's country: %+v", u)
	}
	if u := update(directory.UserEdit{Locale: new(""), TZ: new("")}); u.Locale != "en_US" || u.TZ != "Europe/Berlin" || u.LocaleExplicit || u.TZExplicit {
		t.Errorf("place of the organization: %+v", u)
	}
	if u := update(directory.UserEdit{Preferences: &map[string]directory.Preference{"sms": {Enabled: true}}, Notifications: &[]string{}}); u.Preferences["sms"].QuietHours == nil || len(u.Notifications) != 0 {
		t.Errorf("preferences: %+v", u)
	}
	overlapping := []directory.QuietHour{{Day: "sunday", Start: "22:00", End: "07:00"}, {Day: "sunday", Start: "20:00", End: "23:00"}, {Day: "monday", Start: "00:00", End: "24:00"}}
	if u := update(directory.UserEdit{Preferences: &map[string]directory.Preference{"sms": {QuietHours: overlapping}}}); !slices.Equal(u.Preferences["sms"].QuietHours, overlapping) {
		t.Errorf("overlapping quiet hours are kept as they are given: %+v", u.Preferences)
	}
	before := len(w.entries())
	for what, err := range map[string]error{
		"taken":  second(w.UpdateUser(w.admin(), user, directory.UserEdit{Username: new("BEN")})),
		"theirs": second(w.UpdateUser(w.admin(), w.theirUser.ID, directory.UserEdit{})),
		"nobody": second(w.UpdateUser(w.admin(), id.New(), directory.UserEdit{})),
		"wrong":  second(w.UpdateUser(w.admin(), user, directory.UserEdit{TZ: new("x")})),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	same(t, "events of refusals", len(w.entries()), before)
	if _, err := w.UpdateUser(w.admin(), user, directory.UserEdit{Username: new("ANN")}); err != nil {
		t.Errorf("one's own name in another case: %v", err)
	}
}

func TestService_DeleteUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.ann.OwnerID
	child, err := w.CreateIndividual(w.admin(), directory.NewIndividual{IndividualEdit: directory.IndividualEdit{OwnerID: &user}})
	w.must(err)
	before := len(w.events())
	w.must(w.DeleteUser(w.admin(), user))
	same(t, "events", w.events()[before:], []string{
		"directory.group.updated", "directory.individual.deleted", "directory.individual.deleted", "directory.user.deleted",
	})
	same(t, "told", w.last("directory.user.deleted"),
		`{"user-id":"`+user.String()+`","individual-ids":["`+w.ann.ID.String()+`","`+child.ID.String()+`"]}`)
	same(t, "group told", w.last("directory.group.updated"),
		`{"group-id":"`+w.group.ID.String()+`","individuals-removed":["`+w.ann.ID.String()+`"]}`)
	g, err := w.GetGroup(w.admin(), w.group.ID)
	w.must(err)
	same(t, "group", g.IndividualIDs, []id.ID{w.ben.ID})
	for what, err := range map[string]error{
		"user": second(w.GetUser(w.admin(), user)), "individual": second(w.GetIndividual(w.admin(), w.ann.ID)),
		"second delete": w.DeleteUser(w.admin(), user), "contact": second(w.GetContact(w.admin(), w.ann.ID)),
	} {
		if !errs.Is(err, errs.CodeNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = w.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: new("Ann")}})
	w.must(err)
}

func TestService_ListUsers_filters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.UpdateUser(w.admin(), w.ben.OwnerID, directory.UserEdit{Email: new("ben@example.org")})
	w.must(err)
	for name, tc := range map[string]struct {
		q    directory.UserQuery
		want int
	}{
		"all": {directory.UserQuery{}, 4}, "username": {directory.UserQuery{Username: "BEN"}, 1}, "e-mail": {directory.UserQuery{Email: "BEN@example.org"}, 1},
		"individual": {directory.UserQuery{IndividualID: w.ben.ID}, 1}, "another's individual": {directory.UserQuery{IndividualID: w.theirs.ID}, 0},
		"two that exclude each other": {directory.UserQuery{Username: "ann", IndividualID: w.ben.ID}, 0},
	} {
		l, err := w.ListUsers(w.admin(), tc.q, first100)
		w.must(err)
		same(t, name, l.Total, tc.want)
	}
	l, err := w.ListUsers(w.as(actor.Member, &w.ann), directory.UserQuery{Username: "ben"}, first100)
	w.must(err)
	same(t, "a member looks for another", l.Total, 0)
}

func TestService_Seen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.ann.OwnerID
	w.must(w.Seen(t.Context(), map[id.ID]time.Time{user: w.now, id.New(): w.now}))
	w.must(w.Seen(t.Context(), nil))
	u, err := w.GetUser(w.admin(), user)
	w.must(err)
	if !u.LastActiveAt.Equal(w.now) || !u.ModifiedAt.Equal(directorytest.At) {
		t.Errorf("last active %v, modified %v", u.LastActiveAt, u.ModifiedAt)
	}
	same(t, "entries", len(w.entries()), 0)
}
