package notifyapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

func schedule(name string) object {
	return object{
		"name": name, "timezone": "Europe/Berlin",
		"hours": []object{{"day": "monday", "start": "09:00", "end": "17:00"}, {"day": "friday", "start": "22:00", "end": "06:00"}, {"day": "sunday", "start": "00:00", "end": "24:00"}},
		"exceptions": []object{
			{"date": "2026-12-25", "active": false},
			{"from": "2026-12-27", "to": "2026-12-31", "active": true, "slots": []object{{"start": "08:00", "end": "12:00"}}},
			{"from": "2026-11-23T09:30:00+01:00", "to": "2026-11-23T12:00:00Z", "active": false},
		},
		"metadata": []object{{"key": "team", "value": "night"}, {"key": "site", "value": ""}},
	}
}

func TestSchedules_goldens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	created := s.do(t, admin, "POST /chrono/schedules", schedule("nights"))
	webtest.Golden(t, "schedule_created.json", created.Body)
	path := "/chrono/schedules/" + created.Text(t, "id")
	webtest.Golden(t, "schedules.json", s.do(t, member, "GET /chrono/schedules", nil).Body)
	webtest.GoldenText(t, "schedule_preview.json", append(indent(t, s.do(t, member, "GET "+path+"/preview?from=2026-12-24T00:00:00Z&to=2027-01-02T00:00:00Z", nil).Body), '\n'))
	webtest.Golden(t, "schedule_updated.json", s.do(t, admin, "PUT "+path, object{
		"timezone": "Asia/Kathmandu", "hours": []object{}, "metadata": []object{{"key": "team", "value": nil}, {"key": "new", "value": "n"}},
	}).Body)
	s.made(t, "POST /notifications", with(s.group(), "schedule_id", created.Text(t, "id")))
	webtest.Golden(t, "schedule_in_use.json", s.do(t, admin, "DELETE "+path, nil).Body)
}

func indent(t *testing.T, raw []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchedules_lifecycle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	bare := s.made(t, "POST /chrono/schedules", object{"name": "bare"})
	path := "/chrono/schedules/" + bare
	days := "/chrono/schedules/" + s.Days.ID.Prefixed("sch")
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "defaults", As: member, Do: "GET " + path, Want: 200, Contains: []string{`"timezone":"Europe/Berlin","active":false,"hours":[],"exceptions":[],"metadata":[]`}},
		{Name: "active now", As: member, Do: "GET " + days, Want: 200, Contains: []string{`"active":true`}},
		{Name: "the list, newest first", As: member, Do: "GET /chrono/schedules", Want: 200, Then: func(t *testing.T, r *webtest.Response) {
			if r.Len(t, "data") != 2 || r.Text(t, "data.0.id") != bare || r.Text(t, "data.1.active") != "true" {
				t.Errorf("the list is %s", r.Body)
			}
		}},
		{Name: "nothing changes nothing", As: admin, Do: "PUT " + days, Body: object{}, Want: 200, Contains: []string{`"name":"days"`, `"day":"monday","start":"09:00","end":"17:00"`, `"key":"team"`}},
		{Name: "null changes nothing", As: admin, Do: "PUT " + days, Body: `{"name":null,"timezone":null,"hours":null,"exceptions":null,"metadata":null}`, Want: 200, Contains: []string{`"name":"days"`, `"day":"monday"`}},
		{
			Name: "hours whole", As: admin, Do: "PUT " + days, Body: object{"hours": []object{{"day": "sunday", "start": "08:00", "end": "00:00"}}}, Want: 200,
			Contains: []string{`"hours":[{"day":"sunday","start":"08:00","end":"00:00"}]`, `"active":false`, `"key":"team"`},
		},
		{
			Name: "metadata merged", As: admin, Do: "PUT " + days, Body: `{"metadata":[{"key":"team","value":null},{"key":"empty","value":"e"},{"key":"more","value":"m"}]}`, Want: 200,
			Contains: []string{`"metadata":[{"key":"empty","value":"e"},{"key":"more","value":"m"}]`, `"day":"sunday"`},
		},
		{Name: "exceptions", As: admin, Do: "PUT " + days, Body: object{"exceptions": []object{{"date": "2026-11-23", "active": true}}}, Want: 200, Contains: []string{`"active":true`, `"exceptions":[{"date":"2026-11-23","active":true}]`}},
		{Name: "no exceptions", As: admin, Do: "PUT " + days, Body: object{"exceptions": []object{}}, Want: 200, Contains: []string{`"exceptions":[]`, `"active":false`}},
		{Name: "a name taken", As: admin, Do: "PUT " + days, Body: object{"name": "bare"}, Want: 422, Error: "name", Contains: []string{"already been taken"}},
		{Name: "a name taken by a new one", As: admin, Do: "POST /chrono/schedules", Body: object{"name": "bare"}, Want: 422, Error: "name"},
		{Name: "their names are free", As: other, Do: "POST /chrono/schedules", Body: object{"name": "bare"}, Want: 201},
		{Name: "delete", As: admin, Do: "DELETE " + path, Want: 204},
		{Name: "deleted", As: admin, Do: "DELETE " + path, Want: 404},
	})
	s.made(t, "POST /notifications", s.group())
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "in use", As: admin, Do: "DELETE " + days, Want: 409, Contains: []string{"Primary On-Call Team Alerts"}},
		{Name: "still there", As: admin, Do: "GET " + days, Want: 200},
	})
}

func TestSchedules_refusals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	days := "/chrono/schedules/" + s.Days.ID.String()
	before := string(s.do(t, admin, "GET "+days, nil).Body)
	slots := func(v ...object) object { return with(schedule("x"), "hours", v) }
	except := func(v ...object) object { return with(schedule("x"), "exceptions", v) }
	for _, tc := range []struct {
		name, blame string
		body        any
	}{
		{"an empty name", "name", with(schedule("x"), "name", "")},
		{"a long name", "name", schedule(long(201))},
		{"an unknown zone", "timezone", with(schedule("x"), "timezone", "Berlin")},
		{"a local zone", "timezone", with(schedule("x"), "timezone", "Local")},
		{"hours of another type", "hours", with(schedule("x"), "hours", "always")},
		{"an unknown day", "hours.0.day", slots(object{"day": "Monday", "start": "09:00", "end": "17:00"})},
		{"a day of another type", "hours.0.day", slots(object{"day": 1, "start": "09:00", "end": "17:00"})},
		{"no day", "hours.1.day", slots(object{"day": "monday", "start": "09:00", "end": "17:00"}, object{"start": "09:00", "end": "17:00"})},
		{"a short clock", "hours.0.start", slots(object{"day": "monday", "start": "9:00", "end": "17:00"})},
		{"a late start", "hours.0.start", slots(object{"day": "monday", "start": "24:00", "end": "17:00"})},
		{"a late end", "hours.0.end", slots(object{"day": "monday", "start": "09:00", "end": "24:01"})},
		{"no end", "hours.0.end", slots(object{"day": "monday", "start": "09:00"})},
		{"no time at all", "hours.0.end", slots(object{"day": "monday", "start": "09:00", "end": "09:00"})},
		{"too many slots", "hours", slots(repeat(object{"day": "monday", "start": "09:00", "end": "17:00"}, 51)...)},
		{"an exception of nothing", "exceptions.0.date", except(object{"active": true})},
		{"an exception without what it does", "exceptions.0.active", except(object{"date": "2026-12-24"})},
		{"a date that is none", "exceptions.0.date", except(object{"date": "2026-02-30", "active": true})},
		{"a date that is an instant", "exceptions.0.date", except(object{"date": "2026-12-24T00:00:00Z", "active": true})},
		{"a date and a from", "exceptions.0.date", except(object{"date": "2026-12-24", "from": "2026-12-24", "active": true})},
		{"a from alone", "exceptions.0.to", except(object{"from": "2026-12-24", "active": true})},
		{"a to alone", "exceptions.0.from", except(object{"to": "2026-12-24", "active": true})},
		{"a day and an instant", "exceptions.0.to", except(object{"from": "2026-12-24", "to": "2026-12-24T10:00:00Z", "active": true})},
		{"days that run back", "exceptions.0.to", except(object{"from": "2026-12-24", "to": "2026-12-23", "active": true})},
		{"instants that run back", "exceptions.0.to", except(object{"from": "2026-12-24T10:00:00Z", "to": "2026-12-24T10:00:00Z", "active": true})},
		{"slots with instants", "exceptions.0.slots", except(object{"from": "2026-12-24T10:00:00Z", "to": "2026-12-24T11:00:00Z", "active": true, "slots": []object{{"start": "08:00", "end": "12:00"}}})},
		{"an empty slot", "exceptions.0.slots.0.end", except(object{"date": "2026-12-24", "active": true, "slots": []object{{"start": "08:00", "end": "08:00"}}})},
		{"too many exceptions", "exceptions", except(repeat(object{"date": "2026-12-24", "active": true}, 101)...)},
		{"a value of another type", "metadata.0.value", with(schedule("x"), "metadata", []object{{"key": "a", "value": 7}})},
		{"no key", "metadata.0.key", with(schedule("x"), "metadata", []object{{"value": "a"}})},
		{"a key twice", "metadata.1.key", with(schedule("x"), "metadata", repeat(object{"key": "a", "value": "b"}, 2))},
		{"what is only read", "active", with(schedule("x"), "active", true)},
		{"what is not known", "rotation", with(schedule("x"), "rotation", object{})},
	} {
		for _, do := range []string{"POST /chrono/schedules", "PUT " + days} {
			webtest.Run(t, s, []webtest.Scenario{{Name: tc.name + ", " + do[:4], As: admin, Do: do, Body: tc.body, Want: 422, Error: tc.blame}})
		}
	}
	webtest.Run(t, s, []webtest.Scenario{{Name: "no name", As: admin, Do: "POST /chrono/schedules", Body: with(schedule("x"), "name", nil), Want: 422, Error: "name"}})
	if r := s.do(t, admin, "GET /chrono/schedules", nil); r.Len(t, "data") != 1 || string(s.do(t, admin, "GET "+days, nil).Body) != before {
		t.Errorf("refusals left %s", r.Body)
	}
}

func TestSchedules_preview(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	do := "GET /chrono/schedules/" + s.Days.ID.String() + "/preview"
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to := func(d time.Duration) string {
		return do + "?from=2026-01-01T00:00:00Z&to=" + from.Add(d).Format(time.RFC3339)
	}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "by default a week", As: member, Do: do, Want: 200, Contains: []string{`"timezone":"Europe/Berlin","from":"2026-11-23T10:00:00.123Z","to":"2026-11-30T10:00:00.123Z","active":[{"start":"2026-11-23T10:00:00.123Z","end":"2026-11-23T16:00:00.000Z"},`}},
		{Name: "400 days", As: member, Do: to(400 * 24 * time.Hour), Want: 200},
		{Name: "longer", As: member, Do: to(400*24*time.Hour + time.Second), Want: 400, Contains: []string{"to must be at most 400 days after from"}},
		{Name: "backwards", As: member, Do: to(-time.Hour), Want: 400, Contains: []string{"to must be after from"}},
		{Name: "no instant", As: member, Do: do + "?from=today", Want: 400, Contains: []string{"from"}},
		{Name: "nothing in it", As: member, Do: do + "?from=2026-11-28T00:00:00Z&to=2026-11-29T00:00:00Z", Want: 200, Contains: []string{`"active":[]`}},
	})
}

// Whatever is sent as a schedule is answered in good order: it is stored and can be sent again with the same effect, or
// it is refused with the field named.
func FuzzSchedule(f *testing.F) {
	for _, v := range []object{schedule("x"), {"name": "x"}, {"name": "x", "hours": []object{{"day": "monday", "start": "00:00", "end": "24:00"}}}} {
		raw, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Add(`{"name":"x","exceptions":[{"from":"0001-01-01","to":"9999-12-31","active":true,"slots":[{"start":"23:59","end":"00:00"}]}]}`)
	f.Add(`{"name":"x","exceptions":[{"from":"0001-01-01T00:00:00Z","to":"9999-12-31T23:59:59.999Z","active":true}]}`)
	s := newServer(f)
	f.Fuzz(func(t *testing.T, body string) {
		r := s.do(t, admin, "POST /chrono/schedules", body)
		switch r.Status {
		case 201:
			path := "/chrono/schedules/" + r.Text(t, "id")
			again := object{"hours": r.Path(t, "hours"), "exceptions": r.Path(t, "exceptions"), "metadata": r.Path(t, "metadata"), "timezone": r.Path(t, "timezone"), "name": r.Path(t, "name")}
			u := s.do(t, admin, "PUT "+path, again)
			if u.Status != 200 || fmt.Sprint(u.Path(t, "hours"), u.Path(t, "exceptions"), u.Path(t, "metadata")) != fmt.Sprint(again["hours"], again["exceptions"], again["metadata"]) {
				t.Errorf("%s was answered with %s, and that again with %d %s", body, r.Body, u.Status, u.Body)
			}
			if p := s.do(t, admin, "GET "+path+"/preview", nil); p.Status != 200 {
				t.Errorf("the preview of %s is %d %s", body, p.Status, p.Body)
			}
			s.do(t, admin, "DELETE "+path, nil)
		case 400, 422:
			if !strings.Contains(string(r.Body), `"message":`) {
				t.Errorf("%q is refused with %s", body, r.Body)
			}
		default:
			t.Errorf("%q is answered with %d %s", body, r.Status, r.Body)
		}
	})
}

func FuzzTopicRef(f *testing.F) {
	f.Add("heartbeat")
	f.Add(id.New().String())
	f.Add(id.New().Prefixed("top"))
	f.Add("top_heartbeat")
	s := newServer(f)
	f.Fuzz(func(t *testing.T, ref string) {
		r := s.do(t, admin, "POST /events", with(s.event(), "topic", ref))
		known := r.Status == 202 && (r.Text(t, "topic") != "")
		if !known && r.Status != 422 && r.Status != 400 {
			t.Errorf("topic %q is answered with %d %s", ref, r.Status, r.Body)
		}
	})
}
