package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/errs"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

func TestServer_malformedBodies(t *testing.T) {
	t.Parallel()
	s := server(web.Options{})
	for body, want := range map[string]string{
		`{`:                           "the body is not valid JSON: a member's name is missing (at byte 1)",
		`{"text": }`:                  "the body is not valid JSON: not a JSON value (text)",
		"{\"text\": \"a\nb\"}":        "the body is not valid JSON: a control character stands bare in a text (text)",
		`{"text": "\u0000"}`:          "the body cannot be read: text contains a NUL character",
		`{"text": "a", "text": "b"}`:  "the body cannot be read: text is given more than once",
		strings.Repeat("[", 100):      "is nested deeper than 64 levels",
		"{\"text\": \"\xff\"}":        "the body is not valid JSON: the body is not valid UTF-8 (at byte 10)",
		`{"text": "a"} {"text": "b"}`: "something follows the end of the document",
	} {
		if r := webtest.Do(t, s, "", "PUT /v1/things/a/", body); r.Status != 400 || !strings.Contains(string(r.Body), want) {
			t.Errorf("%q: %d %s", body, r.Status, r.Body)
		}
	}
}

type echoInput struct {
	ID   string `path:"id"`
	Name string `query:"name"`
	Body struct {
		Text string `json:"text"`
	}
}

// server is one with an operation for each way to end.
func server(o web.Options) *web.Server {
	s := web.New(o)
	web.Register(s, web.NewOperation(nil, "PUT /v1/things/{id}/", "Update", 200, "echo"), func(_ context.Context, in *echoInput) (map[string]string, error) {
		return map[string]string{"id": in.ID, "name": in.Name, "text": in.Body.Text}, nil
	})
	ends := map[string]error{
		"internal": errors.New("password=hunter2"),
		"busy":     errs.CodeRateLimited.Errorf("slow down").After(1500 * time.Millisecond),
		"off":      errs.CodeUnavailable.Errorf("set smtp.host").After(time.Minute),
		"nobody":   errs.CodeUnauthenticated.Errorf("who are you"),
		"denied":   errs.Forbidden("no"),
		"hidden":   errs.CodeInternal.Errorf("secret"),
	}
	for name, err := range ends {
		s.Handle(web.NewOperation(nil, "GET /ends/"+name, "", 200, name), func(http.ResponseWriter, *http.Request) error { return err })
	}
	s.Handle(web.NewOperation(nil, "GET /ends/panic", "", 200, "panic"), func(http.ResponseWriter, *http.Request) error { panic("boom") })
	s.Handle(web.NewOperation(nil, "GET /ends/late-panic", "", 200, "panic"), func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write([]byte("half"))
		panic("boom")
	})
	s.Handle(web.NewOperation(nil, "GET /ends/late-error", "", 200, "late"), func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write([]byte("whole"))
		return errors.New("after the fact")
	})
	s.Handle(web.NewOperation(nil, "GET /ends/slow", "", 200, "slow", web.Timeout(time.Nanosecond)), func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	})
	s.Handle(web.NewOperation(nil, "GET /files/{rest...}", "", 200, "files"), func(w http.ResponseWriter, r *http.Request) error {
		_, err := w.Write([]byte(r.PathValue("rest")))
		return err
	})
	web.Register(s, web.NewOperation(nil, "GET /unencodable", "", 200, "bad"), func(context.Context, *struct{}) (func(), error) { return func() {}, nil })
	web.Register(s, web.NewOperation(nil, "POST /found", "", 201, "found"), func(context.Context, *struct{}) (any, error) {
		return web.WithStatus{Status: 200, Value: []int{1}}, nil
	})
	web.Register(s, web.NewOperation(nil, "POST /blob", "", 201, "blob", web.Answers("audio/wav")), func(context.Context, *struct{}) (web.Blob, error) {
		return web.Blob{ContentType: "audio/wav", Data: []byte("RIFF"), Header: http.Header{"X-Voice": {"en"}}}, nil
	})
	return s
}

func TestServer_errors(t *testing.T) {
	t.Parallel()
	header := func(name, want string) func(*testing.T, *webtest.Response) {
		return func(t *testing.T, r *webtest.Response) {
			t.Helper()
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
	}
	webtest.Run(t, server(web.Options{}), []webtest.Scenario{
		{Name: "internal", Do: "GET /ends/internal", Want: 500, Lacks: []string{"hunter2"}, Contains: []string{"logged as request"}},
		{Name: "internal by code", Do: "GET /ends/hidden", Want: 500, Lacks: []string{"secret"}},
		{Name: "rate limited", Do: "GET /ends/busy", Want: 429, Then: header("Retry-After", "2")},
		{Name: "unavailable", Do: "GET /ends/off", Want: 503, Contains: []string{"smtp.host"}, Then: header("Retry-After", "60")},
		{Name: "unauthenticated", Do: "GET /ends/nobody", Want: 401, Then: header("Www-Authenticate", `Bearer realm="switchboard"`)},
		{Name: "denied", Do: "GET /ends/denied", Want: 403},
		{Name: "panic", Do: "GET /ends/panic", Want: 500, Lacks: []string{"boom"}},
		{Name: "error after the answer", Do: "GET /ends/late-error", Want: 200, Contains: []string{"whole"}, Lacks: []string{"message"}},
		{Name: "too slow", Do: "GET /ends/slow", Want: 503},
		{Name: "unencodable", Do: "GET /unencodable", Want: 500, Contains: []string{"message"}},
		{Name: "other status", Do: "POST /found", Want: 200, Contains: []string{"[1]"}},
		{Name: "blob", Do: "POST /blob", Want: 201, Contains: []string{"RIFF"}, Then: header("Content-Type", "audio/wav")},
		{Name: "no such path", Do: "GET /v1/nothing", Want: 404, Contains: []string{`{"message":`}},
		{Name: "wrong method", Do: "POST /v1/things/a", Body: "{}", Want: 405, Then: header("Allow", "PUT, OPTIONS")},
		{Name: "options", Do: "OPTIONS /ends/denied/", Want: 204, Then: header("Allow", "GET, HEAD, OPTIONS")},
		{Name: "options of nothing", Do: "OPTIONS /nope", Want: 404},
		{Name: "dots", Do: "GET /v1/../ends/denied", Want: 404},
		{Name: "dot at the end", Do: "GET /ends/.", Want: 404},
		{Name: "slashes", Do: "GET //ends/denied", Want: 404},
		{Name: "rest of the path", Do: "GET /files/a/b.txt", Want: 200, Contains: []string{"a/b.txt"}},
		{Name: "security", Do: "GET /ends/denied", Want: 403, Then: header("X-Content-Type-Options", "nosniff")},
	})
}

func TestServer_paths(t *testing.T) {
	t.Parallel()
	webtest.Run(t, server(web.Options{}), []webtest.Scenario{
		{Name: "as registered", Do: "PUT /v1/things/a/?name=b", Body: `{"text":"c"}`, Want: 200, Contains: []string{`{"id":"a","name":"b","text":"c"}`}},
		{Name: "without slash", Do: "PUT /v1/things/a?name=b", Body: `{"text":"c"}`, Want: 200},
		{Name: "escaped", Do: "PUT /v1/things/a%2Fb%20c", Body: `{"text":"c"}`, Want: 200, Contains: []string{`"a/b c"`}},
		{Name: "NUL in the path", Do: "PUT /v1/things/a%00", Body: `{"text":"c"}`, Want: 404},
		{Name: "not UTF-8 in the path", Do: "PUT /v1/things/a%ff", Body: `{"text":"c"}`, Want: 404},
		{Name: "two segments", Do: "PUT /v1/things/a/b", Body: `{"text":"c"}`, Want: 404},
		{Name: "both wrong", Do: "PUT /v1/things/a?nome=b", Body: `{}`, Want: 422, Contains: []string{"nome", "text is required"}},
		{Name: "body without type is JSON", Do: "PUT /v1/things/a", Header: map[string]string{"Content-Type": ""}, Body: `{"text":"c"}`, Want: 200},
	})
}

func TestServer_requestID(t *testing.T) {
	t.Parallel()
	h := server(web.Options{})
	for given, kept := range map[string]bool{"abc-1.2_3": true, "": false, "has space": false, "a\"b": false, strings.Repeat("x", 65): false} {
		r := webtest.Scenario{Do: "GET /ends/denied", Header: map[string]string{"X-Request-Id": given}}.Send(t, h)
		if got := r.Header.Get("X-Request-Id"); (got == given) != kept || got == "" {
			t.Errorf("given %q, answered %q", given, got)
		}
	}
}

func TestServer_log(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	h := server(web.Options{
		Logger: slog.New(slog.NewJSONHandler(&out, nil)),
		Wrap: func(_ web.Operation, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				web.Annotate(r.Context(), slog.String("key", "k1"))
				next.ServeHTTP(w, r)
			})
		},
	})
	for path, want := range map[string][]string{
		"GET /ends/internal?token=geheim": {`"error":"password=hunter2"`, `"level":"ERROR"`, `"status":500`, `"code":"InternalError"`, `"route":"GET /ends/internal"`, `"key":"k1"`},
		"GET /ends/panic":                 {`panic: boom`, `web_test.go`},
		"GET /ends/late-error":            {`after the fact`, `"status":200`},
		"GET /ends/denied":                {`"code":"Denied"`, `"level":"INFO"`},
		"GET /nope":                       {`"status":404`},
	} {
		out.Reset()
		r := webtest.Do(t, h, "", path, nil)
		for _, text := range append(want, r.Header.Get("X-Request-Id")) {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: the log lacks %s: %s", path, text, &out)
			}
		}
		if strings.Contains(out.String(), "geheim") {
			t.Errorf("the log has the query: %s", &out)
		}
	}
}

func TestServer_panicAfterTheAnswerBreaksTheConnection(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // what the server compares with
			t.Error("half an answer must not look whole")
		}
	}()
	webtest.Do(t, server(web.Options{}), "", "GET /ends/late-panic", nil)
}

func TestServer_metrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h := server(web.Options{Metrics: reg})
	webtest.Do(t, h, "", "GET /ends/denied", nil)
	webtest.Do(t, h, "", "GET /ends/panic", nil)
	webtest.Do(t, h, "", "BREW /coffee", nil)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			out.WriteString(f.GetName())
			for _, l := range m.GetLabel() {
				out.WriteString(" " + l.GetName() + "=" + l.GetValue())
			}
			out.WriteString("\n")
			if g := m.GetGauge(); g != nil && g.GetValue() != 0 {
				t.Errorf("%v requests still in flight", g.GetValue())
			}
		}
	}
	for _, want := range []string{"method=GET route=/ends/denied status=403", "route=/ends/panic status=500", "method=other route=unknown status=404"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestServer_wrap(t *testing.T) {
	t.Parallel()
	seen := map[string]web.Operation{}
	d := &web.Dialect{Name: "test", Error: func(_ *http.Request, status int, e *errs.Error) any { return []any{status, e.Message} }, ErrorSchema: web.AnySchema, Basic: true}
	s := web.New(web.Options{Wrap: func(op web.Operation, next http.Handler) http.Handler {
		seen[op.Route()] = op
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !op.Public && r.Header.Get("Authorization") == "" {
				web.WriteError(w, r, errs.CodeUnauthenticated.Errorf("who"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	none := func(context.Context, *struct{}) (web.Nothing, error) { return web.Nothing{}, nil }
	web.Register(s, web.NewOperation(d, "POST /v2/channels/{id}/preview", "", 204, none, web.ReadOnly(), web.MaxBody(7)), none)
	web.Register(s, web.NewOperation(d, "GET /open", "", 204, none, web.Public(), web.Scope("doors")), none)
	if op := seen["POST /v2/channels/{id}/preview"]; op.Write || op.Public || op.MaxBody != 7 || op.Resource != "channels" || op.Dialect != d {
		t.Errorf("operation = %+v", op)
	}
	if op := seen["GET /open"]; !op.Public || op.Resource != "doors" {
		t.Errorf("operation = %+v", op)
	}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "refused in the dialect", Do: "POST /v2/channels/1/preview", Want: 401, Contains: []string{`[401,"who"]`}, Then: func(t *testing.T, r *webtest.Response) {
			if len(r.Header["Www-Authenticate"]) != 2 {
				t.Errorf("challenges = %v", r.Header["Www-Authenticate"])
			}
		}},
		{Name: "with a key", As: "k", Do: "POST /v2/channels/1/preview", Want: 204},
		{Name: "public", Do: "GET /open/", Want: 204},
	})
}

func TestServer_twoInOneProcess(t *testing.T) {
	t.Parallel()
	for range 4 {
		t.Run("server", func(t *testing.T) {
			t.Parallel()
			if r := webtest.Do(t, server(web.Options{}), "", "PUT /v1/things/a", `{"text":"x"}`); r.Status != 200 {
				t.Errorf("status %d", r.Status)
			}
		})
	}
}

func TestServer_pages(t *testing.T) {
	t.Parallel()
	s := server(web.Options{Title: "Talk", Version: "1.2", Codes: []errs.Code{{Name: "ChannelArchived", Kind: errs.Conflict, Doc: "It is <archived>."}}, Links: []web.Link{{"Console", "/console", "For people."}}})
	html := map[string]string{"Accept": "text/html,*/*"}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "landing", Do: "GET /", Header: html, Want: 200, Contains: []string{"<h1>Talk</h1>", "/console"}, Then: policyHolds},
		{Name: "landing for machines", Do: "GET /", Want: 200, Contains: []string{`"documentation":"http://example.com/docs"`}},
		{Name: "docs", Do: "GET /docs/", Header: html, Want: 200, Contains: []string{"openapi.json", "search"}, Lacks: []string{"https://", "//cdn"}, Then: policyHolds},
		{Name: "errors", Do: "GET /errors", Header: html, Want: 200, Contains: []string{"ChannelArchived", "It is &lt;archived&gt;.", "409", "InvalidParameter"}, Then: policyHolds},
		{Name: "errors for machines", Do: "GET /errors", Want: 200, Contains: []string{`{"code":"ChannelArchived","status":409,"meaning":`}},
		{Name: "an error", Do: "GET /errors/ChannelArchived", Header: html, Want: 200, Contains: []string{"<h1><code>ChannelArchived"}},
		{Name: "an error for machines", Do: "GET /errors/ChannelArchived", Want: 200, Contains: []string{`"status":409`}},
		{Name: "no error", Do: "GET /errors/None", Want: 404},
		{Name: "reasons", Do: "GET /reasons", Header: html, Want: 200, Contains: []string{`<a href="/reasons/no-consent">`, "has not agreed"}, Then: policyHolds},
		{Name: "reasons for machines", Do: "GET /reasons/", Want: 200, Contains: []string{`{"reasons":[{"reason":"ok","meaning":"`, `"gave-up"`}},
		{Name: "a reason", Do: "GET /reasons/quiet-hours", Header: html, Want: 200, Contains: []string{"<h1><code>quiet-hours", "until the person"}, Lacks: []string{"gave-up"}},
		{Name: "a reason for machines", Do: "GET /reasons/quiet-hours", Want: 200, Contains: []string{`{"reason":"quiet-hours","meaning":"It is held`}},
		{Name: "no reason", Do: "GET /reasons/none", Want: 404},
		{Name: "json", Do: "GET /openapi.json", Want: 200, Contains: []string{`"openapi": "3.1.0"`, "/v1/things/{id}/"}},
		{Name: "yaml", Do: "GET /openapi.yaml", Want: 200, Contains: []string{"openapi: 3.1.0"}},
	})
}

// policyHolds checks that the page's own policy admits its style and script.
func policyHolds(t *testing.T, r *webtest.Response) {
	t.Helper()
	policy := r.Header.Get("Content-Security-Policy")
	for _, m := range regexp.MustCompile(`(?s)<(style|script)>(.*?)</`).FindAllSubmatch(r.Body, -1) {
		sum := sha256.Sum256(m[2])
		if !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) {
			t.Errorf("the policy does not admit the %s of the page", m[1])
		}
	}
}

func TestServer_frontPageGoesToTheOperationUnlessABrowserAsks(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	list := func(context.Context, *struct{}) ([]int, error) { return []int{1}, nil }
	web.Register(s, web.NewOperation(nil, "GET /", "List", 200, list), list)
	web.Register(s, web.NewOperation(nil, "POST /", "Create", 201, list), list)
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "client", Do: "GET /", Want: 200, Contains: []string{"[1]"}},
		{Name: "client that accepts anything", Do: "GET /", Header: map[string]string{"Accept": "*/*"}, Want: 200, Contains: []string{"[1]"}},
		{Name: "browser", Do: "GET /", Header: map[string]string{"Accept": "text/html"}, Want: 200, Contains: []string{"<html"}},
		{Name: "post", Do: "POST /", Want: 201},
		{Name: "other", Do: "PUT /", Want: 405},
	})
}

func TestServer_stream(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	s.Handle(web.NewOperation(nil, "GET /stream", "", 200, "stream", web.Timeout(-1)), func(w http.ResponseWriter, r *http.Request) error {
		if _, ok := r.Context().Deadline(); ok {
			t.Error("a stream has no deadline")
		}
		w.(http.Flusher).Flush()
		return http.NewResponseController(w).Flush()
	})
	s.Handle(web.NewOperation(nil, "GET /socket", "", 200, "socket"), func(w http.ResponseWriter, _ *http.Request) error {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return err
		}
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
		return conn.Close()
	})
	ts := httptest.NewServer(s)
	defer ts.Close()
	for path, want := range map[string]int{"/stream": 200, "/socket": 101} {
		r, err := http.Get(ts.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, r.StatusCode, want)
		}
	}
	if r := webtest.Do(t, s, "", "GET /socket", nil); r.Status != 500 {
		t.Errorf("a connection that cannot be taken over: %d", r.Status)
	}
}

func TestOutsideOfARequest(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	web.Annotate(ctx, slog.Int("x", 1))
	if web.RequestID(ctx) != "" || web.Matched(ctx) != nil {
		t.Error("nothing is known outside of a request")
	}
	w := httptest.NewRecorder()
	web.WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), errs.Forbidden("no"))
	var v struct{ Message string }
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 403 || v.Message != "no" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
