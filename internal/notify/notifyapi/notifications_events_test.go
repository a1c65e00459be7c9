package notifyapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/web/webtest"
)

func TestEvents_goldens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.made(t, "POST /notifications", with(s.group(), "notifiables", []object{
		{"id": s.Ann.ID.String(), "channel": "sms"}, {"id": s.Ben.ID.String(), "channel": "email"},
	}))
	s.made(t, "POST /notifications", with(with(s.group(), "name", "Muted"), "mute", "always"))
	body := object{
		"topic": s.Heartbeat.ID.Prefixed("top"), "site": s.Berlin.ID.Prefixed("site"), "severity": "critical", "title": "Router is gone",
		"body": "since 10:00", "data": object{"device": "r1", "loss": 0.5}, "dedup_key": "r1", "occurred_at": "2026-11-23 09:59:00",
	}
	created := s.do(t, service, "POST /events", body)
	webtest.Golden(t, "event_created.json", created.Body)
	event, err := id.ParsePrefixed("evt", created.Text(t, "id"))
	if err != nil {
		t.Fatal(err)
	}
	s.Outbox.Attempted(notify.Source{Type: notify.SourceAlert, ID: event}, "delivered", notify.Attempt{At: s.Now(), Outcome: "accepted", ProviderID: "SM1"})
	s.do(t, service, "POST /events", with(body, "status", "resolved"))
	webtest.Golden(t, "event.json", s.do(t, member, "GET /events/"+created.Text(t, "id"), nil).Body)
	s.made(t, "POST /events", s.event())
	webtest.Golden(t, "events.json", s.do(t, member, "GET /events", nil).Body)
	webtest.Golden(t, "event_refused.json", s.do(t, service, "POST /events", object{"topic": "x", "severity": "bad", "data": []any{}}).Body)
}

// Numbers that no float64 holds are identifiers of somebody's, and others are written as their author wrote them.
func TestEvents_digits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const data = `{"deep":[{"price":1.10}],"serial":12345678901234567890}`
	body := with(s.event(), "data", json.RawMessage(data))
	created := s.do(t, service, "POST /events", body)
	for _, r := range []*webtest.Response{created, s.do(t, member, "GET /events/"+created.Text(t, "id"), nil)} {
		if !strings.Contains(string(r.Body), data) {
			t.Errorf("answered %s", r.Body)
		}
	}
	raw, err := json.Marshal(s.Outbox.All()[0].Content.Data["data"])
	if err != nil || string(raw) != data {
		t.Errorf("told %s, %v", raw, err)
	}
}

func TestEvents_dedup(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.made(t, "POST /notifications", s.group())
	body := with(s.event(), "dedup_key", "r1")
	resolved := with(body, "status", "resolved")
	var first string
	remember := func(t *testing.T, r *webtest.Response) { first = r.Text(t, "id") }
	isFirst := func(t *testing.T, r *webtest.Response) {
		if r.Text(t, "id") != first || r.Len(t, "matched_groups") != 1 {
			t.Errorf("answered %s, the first is %s", r.Body, first)
		}
	}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "nothing to resolve", As: service, Do: "POST /events", Body: resolved, Want: 404, Contains: []string{`"message"`}},
		{Name: "first", As: service, Do: "POST /events", Body: body, Want: 202, Then: remember},
		{Name: "again", As: service, Do: "POST /events", Body: with(body, "title", "Router is still gone"), Want: 200, Then: isFirst, Contains: []string{"Router is gone"}},
		{Name: "again by the topic's id", As: service, Do: "POST /events", Body: with(body, "topic", s.Heartbeat.ID.String()), Want: 200, Then: isFirst},
		{Name: "another site", As: service, Do: "POST /events", Body: with(body, "site", s.Lukla.ID.String()), Want: 202},
		{Name: "resolved", As: service, Do: "POST /events", Body: with(resolved, "title", nil), Want: 202, Then: isFirst, Contains: []string{`"status":"resolved"`, "Router is gone"}},
		{Name: "resolved again", As: service, Do: "POST /events", Body: resolved, Want: 200, Then: isFirst},
		{Name: "opened again", As: service, Do: "POST /events", Body: body, Want: 202, Contains: []string{`"status":"open"`}},
	})
	if n := len(s.Outbox.All()); n != 4 {
		t.Errorf("sent %d times", n)
	}
}

func TestEvents_refusals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.made(t, "POST /notifications", s.group())
	for _, tc := range []struct {
		name, blame string
		body        any
		want        int
	}{
		{"no topic", "topic", with(s.event(), "topic", nil), 422},
		{"an empty topic", "topic", with(s.event(), "topic", ""), 422},
		{"an unknown key", "topic", with(s.event(), "topic", "moon-phase"), 422},
		{"an unknown topic", "topic", with(s.event(), "topic", id.New().Prefixed("top")), 422},
		{"a topic of another type", "topic", with(s.event(), "topic", 7), 422},
		{"no site", "site", with(s.event(), "site", nil), 422},
		{"an unknown site", "site", with(s.event(), "site", id.New().String()), 422},
		{"their site", "site", with(s.event(), "site", s.Elsewhere.ID.String()), 422},
		{"a site that is no id", "site", with(s.event(), "site", "Berlin"), 422},
		{"no title", "title", with(s.event(), "title", nil), 422},
		{"a long title", "title", with(s.event(), "title", long(256)), 422},
		{"a long body", "body", with(s.event(), "body", long(10_001)), 422},
		{"a severity", "severity", with(s.event(), "severity", "Critical"), 422},
		{"a status", "status", with(s.event(), "status", "closed"), 422},
		{"data that is no object", "data", with(s.event(), "data", "x"), 422},
		{"much data", "data", with(s.event(), "data", object{"x": strings.Repeat("x", 64<<10)}), 422},
		{"a long key", "dedup_key", with(s.event(), "dedup_key", long(256)), 422},
		{"no instant", "occurred_at", with(s.event(), "occurred_at", "yesterday"), 422},
		{"resolved without a key", "dedup_key", with(s.event(), "status", "resolved"), 422},
		{"an unknown member", "sitee", with(s.event(), "sitee", "x"), 422},
		{"no JSON", "", "{", 400},
	} {
		webtest.Run(t, s, []webtest.Scenario{{Name: tc.name, As: service, Do: "POST /events", Body: tc.body, Want: tc.want, Error: tc.blame}})
	}
	if r := s.do(t, admin, "GET /events", nil); r.Len(t, "data") != 0 || len(s.Outbox.All()) != 0 {
		t.Errorf("refusals left %s and sent %d times", r.Body, len(s.Outbox.All()))
	}
}

func TestEvents_list(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	start := s.Now()
	var posted []string // newest first
	for i, body := range []object{
		s.event(), with(s.event(), "severity", "low"), with(s.event(), "topic", "packet-loss"), with(s.event(), "site", s.Lukla.ID.String()), with(s.event(), "dedup_key", "k"),
	} {
		s.SetNow(start.Add(time.Duration(i) * time.Minute))
		posted = append([]string{s.made(t, "POST /events", body)}, posted...)
	}
	s.made(t, "POST /events", with(with(s.event(), "dedup_key", "k"), "status", "resolved"))
	list := func(query string) []string {
		t.Helper()
		r := s.do(t, member, "GET /events"+query, nil)
		out := []string{}
		for i := range r.Len(t, "data") {
			out = append(out, r.Text(t, "data."+string(rune('0'+i))+".id"))
		}
		if r.Status != 200 || r.Path(t, "next_cursor") != nil {
			t.Errorf("%s: %d %s", query, r.Status, r.Body)
		}
		return out
	}
	for query, want := range map[string][]string{
		"":                                       posted,
		"?topic=packet-loss":                     posted[2:3],
		"?topic=" + s.Links.ID.Prefixed("top"):   posted[2:3],
		"?topic=moon-phase":                      {},
		"?site=" + s.Lukla.ID.Prefixed("site"):   posted[1:2],
		"?site=" + s.Elsewhere.ID.String():       {},
		"?status=resolved":                       posted[:1],
		"?severity=low":                          posted[3:4],
		"?from=2026-11-23T10:03:00.123Z":         posted[:2],
		"?to=2026-11-23T10:01:00.123Z":           posted[4:],
		"?status=open&severity=medium&limit=100": posted[1:3:3],
	} {
		got := list(query)
		if query == "?status=open&severity=medium&limit=100" {
			want = []string{posted[1], posted[2], posted[4]}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	var turned []string
	for cursor := ""; ; {
		r := s.do(t, member, "GET /events?limit=2"+cursor, nil)
		for i := range r.Len(t, "data") {
			turned = append(turned, r.Text(t, "data."+string(rune('0'+i))+".id"))
		}
		if r.Path(t, "next_cursor") == nil {
			break
		}
		cursor = "&cursor=" + r.Text(t, "next_cursor")
	}
	if strings.Join(turned, " ") != strings.Join(posted, " ") {
		t.Errorf("pages hold %v, want %v", turned, posted)
	}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "no limit", As: member, Do: "GET /events?limit=0", Want: 400, Contains: []string{"limit"}},
		{Name: "a high limit", As: member, Do: "GET /events?limit=101", Want: 400, Contains: []string{"limit"}},
		{Name: "a cursor of nothing", As: member, Do: "GET /events?cursor=" + id.New().String(), Want: 400, Contains: []string{"cursor"}},
		{Name: "a cursor that is none", As: member, Do: "GET /events?cursor=x", Want: 400, Contains: []string{"cursor"}},
		{Name: "a status", As: member, Do: "GET /events?status=closed", Want: 400, Contains: []string{"status"}},
		{Name: "a site that is no id", As: member, Do: "GET /events?site=x", Want: 400, Contains: []string{"site"}},
		{Name: "no instant", As: member, Do: "GET /events?from=x", Want: 400, Contains: []string{"from"}},
		{Name: "an unknown filter", As: member, Do: "GET /events?group=x", Want: 400, Contains: []string{"group"}},
	})
}
