package accessapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/access/accessapi"
	"switchboard/internal/actor"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

// sniffed begins to record a user, and returns a key of theirs and what was recorded once that is asked for.
func (d *door) sniffed(t *testing.T) (ada access.Key, secret string, logs func() []access.SnifferLog) {
	t.Helper()
	ada, secret = d.keyOf(t, access.NewKey{Role: actor.Member, UserID: id.New()})
	admin := actor.With(t.Context(), actor.System(d.org))
	n, err := d.sniffers.Create(admin, ada.UserID, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	d.sniffers.Start()
	t.Cleanup(d.sniffers.Stop)
	return ada, secret, func() []access.SnifferLog {
		t.Helper()
		d.sniffers.Stop() // which stores what waits
		l, err := d.sniffers.Logs(admin, n.ID, page.Offset{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		d.sniffers.Start()
		return l.Items
	}
}

func TestGuard_sniffs(t *testing.T) {
	t.Parallel()
	d := newDoorOf(t, 0, persons{})
	_, ada, logs := d.sniffed(t)
	_, ben := d.keyOf(t, access.NewKey{Role: actor.Member, UserID: id.New()})
	send := func(as, method, path, body string, header ...string) *httptest.ResponseRecorder {
		return d.do(method, path, body, append([]string{"Authorization", "Bearer " + as, "X-Request-Id", "r-1"}, header...)...)
	}
	for name, tc := range map[string]struct {
		method, path, body string
		header             []string
		status             int // as the caller sees it
		want               access.SnifferLog
	}{
		"a read": {
			"GET", "/who?token=SECRET&a=1", "",
			[]string{"User-Agent", "curl/8", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
			200,
			access.SnifferLog{Method: "GET", Path: "/who", Query: "token=[redacted]&a=1", UserAgent: "curl/8", Status: 200, RequestID: "r-1", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"},
		},
		"a write": {
			"POST", "/write", `{"password":"SECRET"}`,
			[]string{"Content-Type", "application/json", "Cookie", "a=SECRET"},
			201,
			access.SnifferLog{Method: "POST", Path: "/write", ContentType: "application/json", Body: `{"password":"[redacted]"}`, Response: `{"password":"[redacted]"}`, Status: 201, RequestID: "r-1"},
		},
		"with an idempotency key": {
			"POST", "/write", "hello",
			[]string{"Content-Type", "text/plain", "Idempotency-Key", "k"},
			201,
			access.SnifferLog{Method: "POST", Path: "/write", ContentType: "text/plain", Body: "hello", Response: "hello", Status: 201, RequestID: "r-1"},
		},
		"a refusal": {
			"POST", "/write", "bad",
			[]string{"Content-Type", "text/plain"},
			422,
			access.SnifferLog{Method: "POST", Path: "/write", ContentType: "text/plain", Body: "bad", Response: `{"code":"InvalidValue"}` + "\n", Status: 422, RequestID: "r-1", Message: "InvalidValue: the request has values that are not valid: body is bad"},
		},
		"a failure": {
			"POST", "/write", "broken",
			[]string{"Content-Type", "text/plain"},
			500,
			access.SnifferLog{Method: "POST", Path: "/write", ContentType: "text/plain", Body: "broken", Response: `{"code":"InternalError"}` + "\n", Status: 500, RequestID: "r-1", Message: "InternalError: something failed inside the server; it is logged as request r-1"},
		},
	} {
		before := len(logs())
		rec, other := send(ada, tc.method, tc.path, tc.body, tc.header...), send(ben, tc.method, tc.path, tc.body, tc.header...)
		if rec.Code != tc.status || tc.method == "POST" && rec.Body.String() != other.Body.String() || rec.Code != other.Code {
			t.Errorf("%s: the caller sees %d %s, others %d %s", name, rec.Code, rec.Body, other.Code, other.Body)
		}
		all := logs()
		if len(all) != before+1 {
			t.Errorf("%s: %d records", name, len(all)-before)
			continue
		}
		got := all[0]
		if got.CreatedAt.IsZero() || strings.Contains(got.Path+got.Query+got.Body+got.Response+got.Message, "SECRET") {
			t.Errorf("%s: %+v", name, got)
		}
		got.ID, got.OrganizationID, got.SnifferID, got.CreatedAt = id.Nil, id.Nil, id.Nil, time.Time{}
		if tc.method == "GET" { // it says who, in an order of its own
			got.Response = ""
		}
		if got != tc.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
	before := len(logs())
	d.do("GET", "/who", "", "Authorization", "Bearer "+ada+"x") // nobody knows whose this is
	d.do("GET", "/open", "", "Authorization", "Bearer "+ada)
	if n := len(logs()) - before; n != 0 {
		t.Errorf("%d records of requests without a caller", n)
	}
}

func TestGuard_sniffs_limited(t *testing.T) {
	t.Parallel()
	d := newDoorOf(t, 1, persons{})
	_, ada, logs := d.sniffed(t)
	for range 3 {
		d.do("POST", "/write", "hello", "Authorization", "Bearer "+ada)
	}
	if got := logs()[0]; got.Status != 429 || got.Body != "[5 bytes that were not read]" || !strings.HasPrefix(got.Message, "RateLimited") {
		t.Errorf("%+v", got)
	}
}

// TestGuard_sniffs_large shows that a large body costs the recorder no more than its beginning, and the caller nothing.
func TestGuard_sniffs_large(t *testing.T) {
	t.Parallel()
	d := newDoorOf(t, 0, persons{})
	s := web.New(web.Options{Wrap: d.guard.Wrap})
	s.Handle(web.NewOperation(nil, "POST /echo", "Do", 200, "echo"), func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", "text/plain")
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		_, err := io.Copy(w, r.Body)
		return err
	})
	s.Handle(web.NewOperation(nil, "GET /stream", "Do", 200, "stream"), func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/event-stream")
		_, err := io.WriteString(w, "data: hello\n\n")
		return err
	})
	s.Handle(web.NewOperation(nil, "GET /panic", "Do", 200, "panics"), func(http.ResponseWriter, *http.Request) error { panic("SECRET") })
	d.Handler = s
	_, ada, logs := d.sniffed(t)
	large := strings.Repeat("word ", 100_000)
	if rec := d.do("POST", "/echo", large, "Authorization", "Bearer "+ada, "Content-Type", "text/plain"); rec.Body.String() != large {
		t.Errorf("the caller was answered %d bytes", rec.Body.Len())
	}
	got := logs()[0]
	for name, body := range map[string]string{"the request": got.Body, "the answer": got.Response} {
		if len(body) > access.MaxSniffed || !strings.HasSuffix(body, "\n[cut off here; the whole has 500000 bytes]") {
			t.Errorf("%s: %d bytes, ending in %q", name, len(body), body[max(0, len(body)-60):])
		}
	}
	d.do("GET", "/stream", "", "Authorization", "Bearer "+ada)
	if got := logs()[0]; strings.Contains(got.Response, "hello") || got.Status != 200 {
		t.Errorf("of a stream: %+v", got)
	}
	d.do("GET", "/panic", "", "Authorization", "Bearer "+ada)
	if got := logs()[0]; got.Path != "/panic" || got.Status != 0 || strings.Contains(got.Message, "SECRET") {
		t.Errorf("of a panic: %+v", got)
	}
}

func TestGuard_Connected(t *testing.T) {
	t.Parallel()
	d := newDoorOf(t, 0, persons{})
	ada, _, logs := d.sniffed(t)
	a := actor.Actor{OrganizationID: d.org, UserID: ada.UserID, Role: actor.Member}
	d.guard.Connected(httptest.NewRequest("GET", "/live/sse?channel=x&token=SECRET", nil), a)
	socket := httptest.NewRequest("GET", "/live/websocket", nil)
	socket.Header.Set("Upgrade", "websocket")
	d.guard.Connected(socket, a)
	d.guard.Connected(socket, actor.Actor{OrganizationID: d.org, UserID: id.New()})
	got := logs()
	if len(got) != 2 || got[0].Status != 101 || got[1].Status != 200 || got[1].Query != "channel=x&token=[redacted]" || got[0].Response == "" {
		t.Errorf("%+v", got)
	}
}

// TestGuard_costsNothing holds the guard to its promise: while nobody is recorded, a request allocates nothing more than
// with no sniffers at all.
func TestGuard_costsNothing(t *testing.T) {
	d := newDoorOf(t, 0, persons{})
	_, secret := d.keyOf(t, access.NewKey{Role: actor.Member, UserID: id.New()})
	d.sniffers.Start()
	t.Cleanup(d.sniffers.Stop)
	op := web.NewOperation(nil, "GET /x", "Do", 200, "x")
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	measure := func(g *accessapi.Guard) float64 {
		h := g.Wrap(op, next)
		r := httptest.NewRequestWithContext(context.Background(), "GET", "/x", nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		return testing.AllocsPerRun(500, func() { h.ServeHTTP(w, r) })
	}
	with, without := measure(d.guard), measure(&accessapi.Guard{Access: d.access, Limits: d.guard.Limits})
	if with != without {
		t.Errorf("%v allocations with sniffers, %v without", with, without)
	}
}

func TestSniffers(t *testing.T) {
	t.Parallel()
	d := newDoorOf(t, 0, persons{})
	_, admin := d.keyOf(t, access.NewKey{Role: actor.Administrator})
	_, reader := d.keyOf(t, access.NewKey{Role: actor.Administrator, Scopes: []string{"sniffers:read"}})
	_, narrow := d.keyOf(t, access.NewKey{Role: actor.Administrator, Scopes: []string{"users"}})
	_, service := d.keyOf(t, access.NewKey{Role: actor.Service})
	ada, member := d.keyOf(t, access.NewKey{Role: actor.Member, UserID: id.New()})
	other := *d
	other.org = id.New()
	_, stranger := other.keyOf(t, access.NewKey{Role: actor.Administrator})

	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	body := func(until string) string {
		return document("sniffers", `{"user-id":"`+ada.UserID.String()+`","valid-until":"`+until+`"}`)
	}
	const all = "/v1/sniffers/"
	made := webtest.Do(t, d, admin, "POST "+all, body(until))
	if made.Status != 201 || made.Path(t, "data.attributes.user-id") != ada.UserID.String() {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	one := all + made.Path(t, "data.id").(string) + "/"
	d.sniffers.Start()
	t.Cleanup(d.sniffers.Stop)
	if r := webtest.Do(t, d, member, "GET /who?x=1", nil); r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	d.sniffers.Stop()
	logs := one + "get-logs/"
	webtest.Run(t, d, []webtest.Scenario{
		{Name: "nobody", Do: "GET " + logs, Want: 401},
		{Name: "a service", As: service, Do: "GET " + logs, Want: 403, Code: "Denied"},
		{Name: "the user", As: member, Do: "GET " + logs, Want: 403, Code: "Denied"},
		{Name: "without the scope", As: narrow, Do: "GET " + logs, Want: 403, Code: "Denied"},
		{Name: "another organization", As: stranger, Do: "GET " + logs, Want: 404, Code: "NotFound"},
		{Name: "another organization, get", As: stranger, Do: "GET " + one, Want: 404},
		{Name: "another organization, delete", As: stranger, Do: "DELETE " + one, Want: 404},
		{Name: "a reader deletes", As: reader, Do: "DELETE " + one, Want: 403},
		{Name: "a reader makes", As: reader, Do: "POST " + all, Body: body(until), Want: 403},
		{Name: "a service makes", As: service, Do: "POST " + all, Body: body(until), Want: 403},
		{Name: "too long", As: admin, Do: "POST " + all, Body: body("2999-01-01T00:00:00Z"), Want: 422, Error: "/data/attributes/valid-until"},
		{Name: "over already", As: admin, Do: "POST " + all, Body: body("2020-01-01T00:00:00Z"), Want: 422, Error: "/data/attributes/valid-until"},
		{Name: "no instant", As: admin, Do: "POST " + all, Body: body("soon"), Want: 422, Error: "/data/attributes/valid-until"},
		{Name: "no user", As: admin, Do: "POST " + all, Body: document("sniffers", `{"valid-until":"`+until+`"}`), Want: 422, Error: "/data/attributes/user-id"},
		{Name: "unknown", As: admin, Do: "POST " + all, Body: document("sniffers", `{"colour":1}`), Want: 422, Error: "/data/attributes/colour"},
		{Name: "logs", As: reader, Do: "GET " + logs, Want: 200, Contains: []string{`"query-string":"x=1"`}, Then: func(t *testing.T, r *webtest.Response) {
			webtest.Golden(t, "sniffer_logs.json", r.Body)
		}},
		{Name: "an empty page of logs", As: reader, Do: "GET " + logs + "?page[limit]=1&page[offset]=1", Want: 200, Contains: []string{`"data":[]`, `"page[total]":1`}},
		{Name: "an unknown parameter", As: reader, Do: "GET " + logs + "?color=red", Want: 400, Error: "color"},
		{Name: "list", As: reader, Do: "GET " + all + "?filter[user-id]=" + ada.UserID.String(), Want: 200, Contains: []string{`"valid-until":"` + until[:19]}},
		{Name: "of another user", As: reader, Do: "GET " + all + "?filter[user-id]=" + id.New().String(), Want: 200, Contains: []string{`"data":[]`}},
		{Name: "get", As: reader, Do: "GET " + one, Want: 200, Contains: []string{ada.UserID.String()}, Then: func(t *testing.T, r *webtest.Response) {
			webtest.Golden(t, "sniffer.json", r.Body)
		}},
		{Name: "delete", As: admin, Do: "DELETE " + one, Want: 204},
		{Name: "logs of a deleted one", As: reader, Do: "GET " + logs, Want: 404},
		{Name: "delete twice", As: admin, Do: "DELETE " + one, Want: 404},
	})
}
