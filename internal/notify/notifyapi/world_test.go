package notifyapi_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify/notifyapi"
	"switchboard/internal/notify/notifytest"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

// Bearer tokens: the roles of the organization, and an administrator of the other one.
const (
	admin   = "administrator"
	service = "service"
	leader  = "leader"
	member  = "member"
	other   = "other"
)

// server is the context's endpoints over a world.
type server struct {
	http.Handler
	*notifytest.World
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{World: notifytest.NewWorld(t)}
	w := web.New(web.Options{Wrap: s.wrap})
	notifyapi.Mount(w, s.Notify)
	s.Handler = w
	return s
}

// wrap lets in whoever names a role.
func (s *server) wrap(_ web.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		switch as := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); as {
		case "":
			web.WriteError(w, r, errs.CodeUnauthenticated.Errorf("a key is needed"))
			return
		case other:
			ctx = s.AsOther(ctx)
		default:
			ctx = s.As(ctx, actor.Role(as))
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *server) do(t *testing.T, as, do string, body any) *webtest.Response {
	t.Helper()
	return webtest.Do(t, s, as, do, body)
}

// made posts a body that must be accepted and returns the id of what it made, as it was answered.
func (s *server) made(t *testing.T, do string, body any) string {
	t.Helper()
	r := s.do(t, admin, do, body)
	if r.Status/100 != 2 {
		t.Fatalf("%s: %d %s", do, r.Status, r.Body)
	}
	return r.Text(t, "id")
}

type object = map[string]any

// group is the body of a valid group: heartbeats at Berlin to ann by WhatsApp.
func (s *server) group() object {
	return object{
		"name": "Primary On-Call Team Alerts", "schedule_id": s.Days.ID.Prefixed("sch"), "mute": "schedule-active",
		"topics": []string{s.Heartbeat.ID.Prefixed("top")}, "sites": []string{s.Berlin.ID.Prefixed("site")},
		"notifiables": []object{{"id": s.Ann.ID.Prefixed("usr"), "channel": "whatsapp"}},
	}
}

func (s *server) event() object {
	return object{"topic": "heartbeat", "site": s.Berlin.ID.String(), "title": "Router is gone"}
}

// with returns a body with one member replaced; nil takes it out.
func with(body object, name string, value any) object {
	out := maps.Clone(body)
	if out[name] = value; value == nil {
		delete(out, name)
	}
	return out
}

func repeat[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func long(n int) string { return strings.Repeat("ä", n) }

// access is one request and who may send it; it succeeds for each of them.
type access struct {
	do   string // {group} and the like stand for a record of the organization
	body func(s *server) any
	who  string // roles, by their first letters
	want int
}

func accesses() []access {
	none := func(*server) any { return nil }
	group := func(s *server) any { return s.group() }
	return []access{
		{"GET /notifications", none, "aslm", 200},
		{"POST /notifications", group, "asl", 201},
		{"GET /notifications/{group}", none, "aslm", 200},
		{"PUT /notifications/{group}", group, "asl", 200},
		{"POST /notifications/{group}/explain", func(s *server) any { return object{"topic": "heartbeat", "site": s.Berlin.ID.String()} }, "aslm", 200},
		{"POST /notifications/{group}/test", none, "asl", 202},
		{"DELETE /notifications/{group}", none, "asl", 204},
		{"GET /", none, "aslm", 200},
		{"POST /", group, "asl", 201},
		{"GET /topics", none, "aslm", 200},
		{"POST /topics", func(*server) any { return object{"key": "k" + id.New().String()[24:], "name": "n"} }, "a", 201},
		{"GET /topics/{topic}", none, "aslm", 200},
		{"PUT /topics/{topic}", func(*server) any { return object{"name": "n"} }, "a", 200},
		{"DELETE /topics/{topic}", none, "a", 204},
		{"GET /chrono/schedules", none, "aslm", 200},
		{"POST /chrono/schedules", func(*server) any { return object{"name": id.New().String()} }, "asl", 201},
		{"GET /chrono/schedules/{schedule}", none, "aslm", 200},
		{"PUT /chrono/schedules/{schedule}", func(*server) any { return object{} }, "asl", 200},
		{"GET /chrono/schedules/{schedule}/preview", none, "aslm", 200},
		{"DELETE /chrono/schedules/{schedule}", none, "asl", 204},
		{"GET /events", none, "aslm", 200},
		{"POST /events", func(s *server) any { return s.event() }, "asl", 202},
		{"GET /events/{event}", none, "aslm", 200},
	}
}

// fill replaces a wildcard by a fresh record of the organization.
func (s *server) fill(t *testing.T, do string) string {
	t.Helper()
	for wildcard, record := range map[string]func() string{
		"{group}": func() string { return s.made(t, "POST /notifications", s.group()) },
		"{topic}": func() string {
			return s.made(t, "POST /topics", object{"key": "k" + id.New().String()[24:], "name": "n"})
		},
		"{schedule}": func() string { return s.made(t, "POST /chrono/schedules", object{"name": id.New().String()}) },
		"{event}":    func() string { return s.made(t, "POST /events", s.event()) },
	} {
		if strings.Contains(do, wildcard) {
			return strings.Replace(do, wildcard, record(), 1)
		}
	}
	return do
}

// The role matrix: each route as each role, as nobody, and as somebody of another organization.
func TestRoles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, a := range accesses() {
		for _, role := range []string{admin, service, leader, member} {
			want := 403
			if strings.Contains(a.who, role[:1]) {
				want = a.want
			}
			if r := s.do(t, role, s.fill(t, a.do), a.body(s)); r.Status != want {
				t.Errorf("%s as %s: %d, want %d: %s", a.do, role, r.Status, want, r.Body)
			}
		}
		if r := s.do(t, "", s.fill(t, a.do), a.body(s)); r.Status != 401 || r.Text(t, "message") == "" {
			t.Errorf("%s as nobody: %d %s", a.do, r.Status, r.Body)
		}
		if !strings.Contains(a.do, "{") {
			continue
		}
		if r := s.do(t, other, s.fill(t, a.do), a.body(s)); r.Status != 404 || r.Text(t, "message") == "" {
			t.Errorf("%s as another organization: %d %s", a.do, r.Status, r.Body)
		}
		wildcard := a.do[strings.Index(a.do, "{") : strings.Index(a.do, "}")+1]
		for _, unknown := range []string{id.New().String(), "usr_" + id.New().String(), "7", "none%20such"} {
			if r := s.do(t, admin, strings.Replace(a.do, wildcard, unknown, 1), a.body(s)); r.Status != 404 {
				t.Errorf("%s of %s: %d %s", a.do, unknown, r.Status, r.Body)
			}
		}
	}
}

// Lists of one organization hold nothing of another.
func TestLists_otherOrganization(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.made(t, "POST /notifications", s.group())
	s.made(t, "POST /events", s.event())
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "groups", As: other, Do: "GET /notifications", Want: 200, Contains: []string{"[]"}},
		{Name: "legacy", As: other, Do: "GET /", Want: 200, Contains: []string{"[]"}},
		{Name: "events", As: other, Do: "GET /events", Want: 200, Contains: []string{`{"data":[],"next_cursor":null}`}},
		{Name: "schedules", As: other, Do: "GET /chrono/schedules", Want: 200, Lacks: []string{s.Days.ID.String()}},
		{Name: "topics", As: other, Do: "GET /topics", Want: 200, Lacks: []string{s.Heartbeat.ID.String()}, Contains: []string{"heartbeat"}},
		{Name: "their references", As: other, Do: "POST /notifications", Body: s.group(), Want: 422, Error: "schedule_id", Contains: []string{"topics.0", "sites.0", "notifiables.0.id"}},
	})
}
