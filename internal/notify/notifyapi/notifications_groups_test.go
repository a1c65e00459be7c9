package notifyapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/reason"
	"switchboard/internal/web/webtest"
)

func (s *server) count(t *testing.T, do string) int {
	t.Helper()
	list, ok := s.do(t, admin, do, nil).JSON(t).([]any)
	if !ok {
		t.Fatalf("%s is not an array", do)
	}
	return len(list)
}

func TestGroups_goldens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := s.group()
	body["sites"] = []string{s.Berlin.ID.String(), s.Lukla.ID.Prefixed("site")}
	body["topics"] = []string{s.Links.ID.Prefixed("top"), s.Heartbeat.ID.String()}
	body["schedule_id"] = s.Days.ID.String()
	created := s.do(t, admin, "POST /notifications", body)
	webtest.Golden(t, "group_created.json", created.Body)
	path := "/notifications/" + created.Text(t, "id")
	webtest.Golden(t, "group.json", s.do(t, member, "GET "+path, nil).Body)
	body["notifiables"] = []object{{"id": s.Ann.ID.String(), "channel": "email"}, {"id": s.Ben.ID.String(), "channel": "sms"}}
	webtest.Golden(t, "group_updated.json", s.do(t, admin, "PUT "+path, body).Body)
	webtest.Golden(t, "groups.json", s.do(t, admin, "GET /notifications", nil).Body)
	s.Outbox.Reasons = map[notify.Notifiable]reason.Reason{{UserID: s.Ben.ID, Channel: notify.SMS}: reason.QuietHours}
	ask := object{"topic": "heartbeat", "site": s.Berlin.ID.String(), "severity": "high"}
	webtest.Golden(t, "group_explained.json", s.do(t, member, "POST "+path+"/explain", ask).Body)
	webtest.Golden(t, "group_explained_muted.json", s.do(t, member, "POST "+path+"/explain", with(ask, "at", "2026-11-22T10:00:00Z")).Body)
	webtest.Golden(t, "group_tested.json", s.do(t, admin, "POST "+path+"/test", nil).Body)
	webtest.Golden(t, "group_refused.json", s.do(t, admin, "PUT "+path, object{
		"name": "", "schedule_id": "x", "mute": "sometimes", "sites": []string{}, "notifiables": []object{{"id": s.Ann.ID.String(), "channel": "fax"}},
	}).Body)
	webtest.Golden(t, "group_missing.json", s.do(t, admin, "GET /notifications/"+id.New().String(), nil).Body)
}

// The answer has exactly the members of the contract, and the instants its milliseconds.
func TestGroups_shape(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := s.do(t, admin, "POST /notifications", s.group())
	want := []string{"id", "name", "schedule_id", "mute", "notifiables", "topics", "sites", "created_at", "updated_at"}
	if r.Len(t, "") != 0 || len(r.JSON(t).(object)) != len(want) { //nolint:forcetypeassert // a panic fails the test
		t.Errorf("the answer is %s", r.Body)
	}
	for _, name := range want {
		if r.Path(t, name) == nil {
			t.Errorf("the answer lacks %s: %s", name, r.Body)
		}
	}
	if got := r.Text(t, "created_at"); got != "2026-11-23T10:00:00.123Z" {
		t.Errorf("created_at is %s", got)
	}
}

func TestGroups_identifiers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	prefixed := s.made(t, "POST /notifications", s.group())
	bare := strings.TrimPrefix(prefixed, "ntfgrp_")
	if prefixed == bare {
		t.Fatalf("the new path answers %s", bare)
	}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "prefixed", As: member, Do: "GET /notifications/" + prefixed, Want: 200, Contains: []string{`"id":"` + prefixed + `"`}},
		{Name: "bare", As: member, Do: "GET /notifications/" + bare, Want: 200, Contains: []string{`"id":"` + prefixed + `"`}},
		{Name: "with a slash", As: member, Do: "GET /notifications/" + bare + "/", Want: 200},
		{Name: "upper case", As: member, Do: "GET /notifications/" + strings.ToUpper(bare), Want: 200},
		{Name: "another's prefix", As: member, Do: "GET /notifications/sch_" + bare, Want: 404},
		{Name: "in the legacy list", As: member, Do: "GET /", Want: 200, Contains: []string{`"id":"` + bare + `"`}, Lacks: []string{"_0", "usr_", "ntfgrp_"}},
	})
}

func TestGroups_refusals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := "/notifications/" + s.made(t, "POST /notifications", s.group())
	before := s.do(t, admin, "GET "+path, nil).Body
	person := func(u directory.User, channel string) object { return object{"id": u.ID.String(), "channel": channel} }
	for _, tc := range []struct {
		name  string
		body  any
		blame string
		want  int
	}{
		{"no name", with(s.group(), "name", nil), "name", 422},
		{"an empty name", with(s.group(), "name", ""), "name", 422},
		{"a blank name", with(s.group(), "name", "  "), "name", 422},
		{"a long name", with(s.group(), "name", long(101)), "name", 422},
		{"a name of another type", with(s.group(), "name", 7), "name", 422},
		{"no schedule", with(s.group(), "schedule_id", nil), "schedule_id", 422},
		{"a schedule that is no id", with(s.group(), "schedule_id", "days"), "schedule_id", 422},
		{"a schedule with another prefix", with(s.group(), "schedule_id", s.Days.ID.Prefixed("top")), "schedule_id", 422},
		{"an unknown schedule", with(s.group(), "schedule_id", id.New().String()), "schedule_id", 422},
		{"no mute", with(s.group(), "mute", nil), "mute", 422},
		{"an unknown mute", with(s.group(), "mute", "Never"), "mute", 422},
		{"no topics", with(s.group(), "topics", nil), "topics", 422},
		{"null topics", with(s.group(), "topics", (*int)(nil)), "topics", 422},
		{"topics that are no array", with(s.group(), "topics", s.Heartbeat.ID.String()), "topics", 422},
		{"too many topics", with(s.group(), "topics", repeat(s.Heartbeat.ID.String(), 21)), "topics", 422},
		{"an unknown topic", with(s.group(), "topics", []string{id.New().String()}), "topics.0", 422},
		{"a topic's key", with(s.group(), "topics", []string{"heartbeat"}), "topics.0", 422},
		{"a topic twice", with(s.group(), "topics", repeat(s.Heartbeat.ID.String(), 2)), "topics.1", 422},
		{"no sites", with(s.group(), "sites", nil), "sites", 422},
		{"an unknown site", with(s.group(), "sites", []string{s.Berlin.ID.String(), s.Elsewhere.ID.String()}), "sites.1", 422},
		{"a null site", with(s.group(), "sites", []any{nil}), "sites.0", 422},
		{"too many sites", with(s.group(), "sites", repeat(s.Berlin.ID.String(), 801)), "sites", 422},
		{"no notifiables", with(s.group(), "notifiables", nil), "notifiables", 422},
		{"an unknown user", with(s.group(), "notifiables", []object{person(s.Stranger, "sms")}), "notifiables.0.id", 422},
		{"an inactive user", with(s.group(), "notifiables", []object{person(s.Ann, "sms"), person(s.Arno, "sms")}), "notifiables.1.id", 422},
		{"no channel", with(s.group(), "notifiables", []object{{"id": s.Ann.ID.String()}}), "notifiables.0.channel", 422},
		{"an unknown channel", with(s.group(), "notifiables", []object{person(s.Ann, "fax")}), "notifiables.0.channel", 422},
		{"no user", with(s.group(), "notifiables", []object{{"channel": "sms"}}), "notifiables.0.id", 422},
		{"a schedule for a user", with(s.group(), "notifiables", []object{{"id": s.Days.ID.Prefixed("sch"), "channel": "sms"}}), "notifiables.0.id", 422},
		{"the same twice", with(s.group(), "notifiables", []object{person(s.Ann, "sms"), person(s.Ann, "email"), person(s.Ann, "sms")}), "notifiables.2", 422},
		{"too many notifiables", with(s.group(), "notifiables", repeat(person(s.Ann, "sms"), 201)), "notifiables", 422},
		{"recipients on the new path", with(s.group(), "recipients", []string{s.Ann.ID.String()}), "recipients", 422},
		{"an unknown member", with(s.group(), "escalate", []any{}), "escalate", 422},
		{"an array", []any{}, "", 422},
		{"no JSON", `{"name":`, "", 400},
		{"nothing", nil, "", 400},
		{"a member twice", `{"name":"a","name":"b"}`, "", 400},
	} {
		for _, do := range []string{"POST /notifications", "PUT " + path} {
			webtest.Run(t, s, []webtest.Scenario{{Name: tc.name + ", " + do[:4], As: admin, Do: do, Body: tc.body, Want: tc.want, Error: tc.blame, Contains: []string{`"message":`}}})
		}
	}
	if n := s.count(t, "GET /notifications"); n != 1 || string(s.do(t, admin, "GET "+path, nil).Body) != string(before) {
		t.Errorf("after refusals there are %d groups, and ours is %s", n, s.do(t, admin, "GET "+path, nil).Body)
	}
}

func TestGroups_lifecycle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	first := s.made(t, "POST /notifications", s.group())
	s.Pass(1e9)
	second := s.made(t, "POST /notifications", with(with(s.group(), "sites", []string{}), "topics", []string{}))
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "newest first", As: member, Do: "GET /notifications", Want: 200, Then: func(t *testing.T, r *webtest.Response) {
			if r.Text(t, "0.id") != second || r.Text(t, "1.id") != first || r.Len(t, "0.sites") != 0 {
				t.Errorf("the list is %s", r.Body)
			}
		}},
		{
			Name: "update replaces", As: admin, Do: "PUT /notifications/" + first, Body: with(s.group(), "notifiables", []any{}), Want: 200,
			Contains: []string{`"notifiables":[]`, `"created_at":"2026-11-23T10:00:00.123Z","updated_at":"2026-11-23T10:00:01.123Z"`},
		},
		{Name: "an empty answer can be sent back", As: admin, Do: "PUT /notifications/" + second, Body: with(with(with(s.group(), "sites", []string{}), "topics", []string{}), "notifiables", []any{}), Want: 200},
		{Name: "delete", As: admin, Do: "DELETE /notifications/" + first, Want: 204},
		{Name: "deleted", As: admin, Do: "GET /notifications/" + first, Want: 404},
		{Name: "deleted twice", As: admin, Do: "DELETE /notifications/" + first, Want: 404},
		{Name: "an unknown parameter", As: admin, Do: "GET /notifications?page=1", Want: 400, Contains: []string{"page"}},
	})
}

// TestGroups_ofNoSite shows that a group which lost its last site says so, matches nothing, and can be written back as it was
// read, whole or by the members of the contract, without widening.
func TestGroups_ofNoSite(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	made := s.made(t, "POST /notifications", with(s.group(), "sites", []string{s.Berlin.ID.String()}))
	path := "/notifications/" + made
	if err := s.People.DeleteSite(t.Context(), s.Org, s.Berlin.ID, s.Now()); err != nil {
		t.Fatal(err)
	}
	read := s.do(t, admin, "GET "+path, nil).Body
	ask := object{"topic": "heartbeat", "site": s.Lukla.ID.String()}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "read", As: member, Do: "GET " + path, Want: 200, Contains: []string{`"sites":[],"covers_no_site":true`}},
		{Name: "listed", As: member, Do: "GET /notifications", Want: 200, Contains: []string{`"sites":[],"covers_no_site":true`}},
		{Name: "in the legacy list", As: member, Do: "GET /", Want: 200, Contains: []string{`"sites":[],"covers_no_site":true`}},
		{Name: "written back as it was read", As: admin, Do: "PUT " + path, Body: read, Want: 200, Contains: []string{`"sites":[],"covers_no_site":true`}},
		{Name: "written back without the word", As: admin, Do: "PUT " + path, Body: with(s.group(), "sites", []string{}), Want: 422, Error: "sites", Contains: []string{"covers_no_site"}},
		{Name: "of another type", As: admin, Do: "PUT " + path, Body: with(s.group(), "covers_no_site", "no"), Want: 422, Error: "covers_no_site"},
		{Name: "in a new group", As: admin, Do: "POST /notifications", Body: with(s.group(), "covers_no_site", true), Want: 422, Error: "covers_no_site"},
		{Name: "matches nothing", As: member, Do: "POST " + path + "/explain", Body: ask, Want: 200, Contains: []string{`"deliver":false,"reason":"` + string(reason.SiteNotCovered)}, Lacks: []string{`"deliver":true`}},
		{Name: "for every site", As: admin, Do: "PUT " + path, Body: with(with(s.group(), "sites", []string{}), "covers_no_site", false), Want: 200, Contains: []string{`"sites":[]`}, Lacks: []string{"covers_no_site"}},
		{Name: "matches everything", As: member, Do: "POST " + path + "/explain", Body: ask, Want: 200, Contains: []string{`"deliver":true`}},
		{Name: "as before", As: admin, Do: "PUT " + path, Body: with(s.group(), "sites", []string{}), Want: 200, Lacks: []string{"covers_no_site"}},
	})
}

// TestPUT_whatWasRead writes back as they were answered the records that a PUT replaces as a whole.
func TestPUT_whatWasRead(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{
		"/notifications/" + s.made(t, "POST /notifications", s.group()),
		"/topics/" + s.made(t, "POST /topics", object{"key": "doors", "name": "Doors"}),
		"/topics/" + s.Heartbeat.ID.String(),
	} {
		read := s.do(t, admin, "GET "+path, nil)
		var body object
		if err := json.Unmarshal(read.Body, &body); err != nil {
			t.Fatal(err)
		}
		written := s.do(t, admin, "PUT "+path, read.Body)
		if written.Status != 200 || string(written.Body) != string(read.Body) {
			t.Errorf("%s: %d\n%s\n%s", path, written.Status, written.Body, read.Body)
		}
		if r := s.do(t, admin, "PUT "+path, with(body, "created-at", "x")); r.Status != 422 || !strings.Contains(string(r.Body), `"created-at":["is not known here"]`) {
			t.Errorf("%s with what there is not: %d %s", path, r.Status, r.Body)
		}
	}
}

func TestGroups_explain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := "POST /notifications/" + s.made(t, "POST /notifications", s.group()) + "/explain"
	ask := object{"topic": "heartbeat", "site": s.Berlin.ID.String()}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "by key", As: member, Do: path, Body: ask, Want: 200, Contains: []string{`"deliver":true,"reason":"ok"`, `"schedule_active":true,"muted":false`, `"at":"2026-11-23T10:00:00.123Z"`}},
		{Name: "by id", As: member, Do: path, Body: with(ask, "topic", s.Heartbeat.ID.Prefixed("top")), Want: 200, Contains: []string{`"reason":"ok"`}},
		{Name: "muted", As: member, Do: path, Body: with(ask, "at", "1999-12-31T23:59:59Z"), Want: 200, Contains: []string{`"deliver":false,"reason":"muted-by-schedule"`, `"schedule_active":false,"muted":true`}},
		{Name: "far away", As: member, Do: path, Body: with(ask, "at", "9999-12-31T23:59:59Z"), Want: 200},
		{Name: "another topic", As: member, Do: path, Body: with(ask, "topic", "packet-loss"), Want: 200, Contains: []string{`"reason":"not-subscribed"`}},
		{Name: "another site", As: member, Do: path, Body: with(ask, "site", s.Lukla.ID.String()), Want: 200, Contains: []string{`"reason":"site-not-covered"`}},
		{Name: "nothing", As: member, Do: path, Want: 422, Error: "topic", Contains: []string{`"site":["is required"]`}},
		{Name: "an unknown topic", As: member, Do: path, Body: with(ask, "topic", "moon-phase"), Want: 422, Error: "topic"},
		{Name: "an empty topic", As: member, Do: path, Body: with(ask, "topic", ""), Want: 422, Error: "topic"},
		{Name: "their site", As: member, Do: path, Body: with(ask, "site", s.Elsewhere.ID.String()), Want: 422, Error: "site"},
		{Name: "a severity", As: member, Do: path, Body: with(ask, "severity", "bad"), Want: 422, Error: "severity"},
		{Name: "no instant", As: member, Do: path, Body: with(ask, "at", "tomorrow"), Want: 422, Error: "at"},
	})
	if len(s.Outbox.All()) > 0 {
		t.Error("explaining sent something")
	}
}

func TestLegacy(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := object{
		"name": "Night watch", "schedule_id": s.Days.ID.String(), "mute": "schedule-inactive", "topics": []string{s.Heartbeat.ID.String()},
		"sites": []string{s.Berlin.ID.String()}, "recipients": []string{s.Ben.ID.String(), s.Ann.ID.String()},
	}
	created := s.do(t, admin, "POST /", body)
	webtest.Golden(t, "legacy_created.json", created.Body)
	webtest.Golden(t, "legacy_groups.json", s.do(t, admin, "GET /", nil).Body)
	webtest.Golden(t, "legacy_group_on_the_new_path.json", s.do(t, admin, "GET /notifications/"+created.Text(t, "id"), nil).Body)

	people := []object{{"id": s.Ann.ID.Prefixed("usr"), "channel": "sms"}, {"id": s.Ann.ID.String(), "channel": "email"}}
	webtest.Run(t, s, []webtest.Scenario{
		{
			Name: "recipients win, and both are answered", As: admin, Do: "POST /", Body: with(body, "notifiables", people), Want: 201,
			Contains: []string{`"recipients":["` + s.Ben.ID.String() + `","` + s.Ann.ID.String() + `"]`, `{"id":"` + s.Ben.ID.String() + `","channel":"whatsapp"}`}, Lacks: []string{"email"},
		},
		{
			Name: "notifiables alone", As: admin, Do: "POST /", Body: with(with(body, "recipients", nil), "notifiables", people), Want: 201,
			Contains: []string{`"recipients":["` + s.Ann.ID.String() + `"]`, `{"id":"` + s.Ann.ID.String() + `","channel":"email"}`}, Lacks: []string{"usr_"},
		},
		{Name: "null recipients are none", As: admin, Do: "POST /", Body: with(with(body, "recipients", (*int)(nil)), "notifiables", people), Want: 201},
		{Name: "empty recipients win too", As: admin, Do: "POST /", Body: with(with(body, "recipients", []string{}), "notifiables", people), Want: 201, Contains: []string{`"notifiables":[]`}},
		{Name: "neither", As: admin, Do: "POST /", Body: with(body, "recipients", nil), Want: 422, Error: "recipients"},
		{Name: "an unknown recipient", As: admin, Do: "POST /", Body: with(body, "recipients", []string{s.Ann.ID.String(), id.New().String()}), Want: 422, Error: "recipients.1", Lacks: []string{"notifiables"}},
		{Name: "an inactive recipient", As: admin, Do: "POST /", Body: with(body, "recipients", []string{s.Ivy.ID.String()}), Want: 422, Error: "recipients.0"},
		{Name: "a recipient twice", As: admin, Do: "POST /", Body: with(body, "recipients", repeat(s.Ann.ID.String(), 2)), Want: 422, Error: "recipients.1"},
		{Name: "too many recipients", As: admin, Do: "POST /", Body: with(body, "recipients", repeat(s.Ann.ID.String(), 201)), Want: 422, Error: "recipients"},
		{Name: "an unknown notifiable", As: admin, Do: "POST /", Body: with(with(body, "recipients", nil), "notifiables", []object{{"id": id.New().String(), "channel": "sms"}}), Want: 422, Error: "notifiables.0.id"},
		{Name: "wrong otherwise", As: admin, Do: "POST /", Body: with(body, "mute", "x"), Want: 422, Error: "mute"},
	})
	if n := s.count(t, "GET /"); n != 5 {
		t.Errorf("there are %d groups", n)
	}
}
