package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

type span struct{ From, To string }

// UnmarshalValues reads "a,b".
func (s *span) UnmarshalValues(values []string) error {
	if len(values) != 2 {
		return errors.New("must be two values")
	}
	s.From, s.To = values[0], values[1]
	return nil
}

type kind string

type common struct {
	Trace string `header:"x-trace" maxLength:"3"`
}

type everything struct {
	common
	Path  id.ID        `path:"*"`
	Text  string       `query:"text" minLength:"2"`
	Kind  kind         `query:"kind" enum:"a,b" default:"b"`
	Flag  bool         `query:"flag" default:"true"`
	Maybe *bool        `query:"maybe"`
	Opt   web.Opt[int] `query:"opt" maximum:"5"`
	Small int8         `query:"small"`
	Ratio float64      `query:"ratio"`
	ID    id.ID        `query:"id"`
	IDs   []id.ID      `query:"ids" maxItems:"2"`
	Kinds []kind       `query:"kinds" enum:"a,b"`
	Nums  []int        `query:"nums" minItems:"2"`
	Span  span         `query:"span"`
	At    web.Time     `query:"at"`
	Need  string       `query:"need" required:"true"`
	Limit int          `query:"limit" default:"10" minimum:"1" maximum:"100"`
	Free  int          `query:"free" default:"10" minimum:"1" maximum:"100"`
}

func (e *everything) Check() error {
	if e.Text == "conflict" {
		return errs.InvalidParameter("text", "cannot be that")
	}
	return nil
}

func bindServer(t *testing.T) (http.Handler, *everything) {
	t.Helper()
	got := new(everything)
	s := web.New(web.Options{})
	op := web.NewOperation(nil, "GET /a/{x}/b/{id}", "Get", 200, "f", web.Limits("limit", web.Range{Min: 0, Max: 5, Default: 3}), web.Limits("free", web.Range{Min: 1, Max: 50}))
	web.Register(s, op, func(_ context.Context, in *everything) (string, error) {
		*got = *in
		return "ok", nil
	})
	return s, got
}

func TestBind_parameters(t *testing.T) {
	t.Parallel()
	h, in := bindServer(t)
	one, two := id.New(), id.New()
	path := "GET /a/1/b/" + one.String() + "?need="
	show := func(v any) string { return strings.ReplaceAll(fmt.Sprintf("%+v", v), " ", "") }
	for _, tc := range []struct {
		query string
		field func() any
		want  any
	}{
		{"", func() any { return in.Path }, one},
		{"", func() any { return []any{in.Kind, in.Flag, in.Maybe == nil, in.Opt, in.Limit, in.Free} }, []any{"b", true, true, web.Opt[int]{}, 3, 0}},
		{"&text=a%20b", func() any { return in.Text }, "a b"},
		{"&flag=false&maybe=false", func() any { return []any{in.Flag, *in.Maybe} }, []any{false, false}},
		{"&opt=0", func() any { return in.Opt }, web.Some(0)},
		{"&small=-128&ratio=1e3", func() any { return []any{in.Small, in.Ratio} }, []any{-128, 1000.0}},
		{"&id=" + two.String(), func() any { return in.ID }, two},
		{"&ids=" + one.String() + "," + two.String(), func() any { return in.IDs }, []id.ID{one, two}},
		{"&ids=" + one.String() + "&ids=" + two.String(), func() any { return in.IDs }, []id.ID{one, two}},
		{"&kinds[]=a&kinds[]=b", func() any { return in.Kinds }, []kind{"a", "b"}},
		{"&kinds=a%2Cb", func() any { return in.Kinds }, []kind{"a", "b"}},
		{"&nums=1,2&nums=3", func() any { return in.Nums }, []int{1, 2, 3}},
		{"&span=x,y", func() any { return in.Span }, span{"x", "y"}},
		{"&at=2026-11-22%2010:00:00", func() any { return in.At.Format(web.TimeLayout) }, "2026-11-22T10:00:00.000Z"},
		{"&limit=0&free=50", func() any { return []any{in.Limit, in.Free} }, []any{0, 50}},
		{"&&", func() any { return in.Need }, ""},
	} {
		if r := webtest.Do(t, h, "", path+tc.query, nil); r.Status != 200 {
			t.Errorf("%s: %d %s", tc.query, r.Status, r.Body)
		} else if got := tc.field(); show(got) != show(tc.want) {
			t.Errorf("%s: %v, want %v", tc.query, show(got), show(tc.want))
		}
	}
}

func TestBind_parametersRefused(t *testing.T) {
	t.Parallel()
	h, _ := bindServer(t)
	path := "GET /a/1/b/" + id.New().String() + "?need=&"
	for query, want := range map[string]string{
		"text=a": "text must have at least 2 characters", "kind=c": "kind must be one of a, b", "flag=1": "flag must be true or false",
		"flag": "flag must be true or false", "maybe=TRUE": "maybe must be", "opt=6": "opt must be at most 5", "opt=": "opt must be a whole number",
		"small=128": "small must be a whole number", "small=%2B1": "small must be a whole number", "ratio=NaN": "ratio must be a number", "ratio=Inf": "ratio must be a number",
		"id=": "id must not be empty", "id=x": "id is not an identifier", "ids=a": "ids is not an identifier", "ids=,": "ids has an empty value",
		"ids=" + strings.Repeat(id.New().String()+",", 2) + id.New().String(): "",
		"kinds=c": "kinds must be one of a, b", "nums=1": "nums must have at least 2", "nums=x,y": "nums must be a whole number", "span=x": "span must be two values",
		"at=soon": "at is not an instant", "limit=6": "limit must be at most 5", "limit=-1": "limit must be at least 0", "free=0": "free must be at least 1", "text=aa&text=bb": "text is given more than once",
		"Text=aa": "Text is not a parameter", "text=%zz": "text cannot be read", "text=%00aa": "text cannot be read", "text=%ff": "text cannot be read", "%ff=1": "is not a name that can be read",
		"text=conflict": "text cannot be that", "x;y=1": "x;y is not a parameter",
		strings.Repeat("text=a&", 1001): "too many parameters",
	} {
		r := webtest.Do(t, h, "", path+query, nil)
		if r.Status != 400 && want != "" || !strings.Contains(string(r.Body), want) {
			t.Errorf("%.40s: %d %s, want %q", query, r.Status, r.Body, want)
		}
	}
	webtest.Run(t, h, []webtest.Scenario{
		{Name: "missing", Do: strings.TrimSuffix(path, "?need=&"), Want: 400, Contains: []string{"need is required"}},
		{Name: "header", Do: path, Header: map[string]string{"X-Trace": "long"}, Want: 400, Contains: []string{"X-Trace must have at most 3"}},
		{Name: "path", Do: "GET /a/1/b/nope?need=", Want: 404},
		{Name: "too many of an array", Do: path + "ids=" + strings.Repeat(id.New().String()+",", 2) + id.New().String(), Want: 200},
	})
}

func TestRegister_panicsOnMistakes(t *testing.T) {
	t.Parallel()
	type noWildcard struct {
		ID string `path:"id"`
	}
	type noStar struct {
		ID string `path:"*"`
	}
	type badType struct {
		C chan int `query:"c"`
	}
	type badDefault struct {
		N int `query:"n" minimum:"5" default:"1"`
	}
	type badBodyDefault struct {
		Body struct {
			At web.Time `json:"at,omitzero" default:"soon"`
		}
	}
	type hiddenEmbedded struct {
		Body struct{ common }
	}
	for name, register := range map[string]func(*web.Server){
		"no wildcard":      func(s *web.Server) { web.Register(s, web.NewOperation(nil, "GET /x", "", 200, ""), answer[noWildcard]) },
		"no last wildcard": func(s *web.Server) { web.Register(s, web.NewOperation(nil, "GET /x", "", 200, ""), answer[noStar]) },
		"type":             func(s *web.Server) { web.Register(s, web.NewOperation(nil, "GET /x", "", 200, ""), answer[badType]) },
		"default":          func(s *web.Server) { web.Register(s, web.NewOperation(nil, "GET /x", "", 200, ""), answer[badDefault]) },
		"body default": func(s *web.Server) {
			web.Register(s, web.NewOperation(nil, "POST /x", "", 200, ""), answer[badBodyDefault])
		},
		"embedded": func(s *web.Server) {
			web.Register(s, web.NewOperation(nil, "POST /x", "", 200, ""), answer[hiddenEmbedded])
		},
		"no struct":    func(s *web.Server) { web.Register(s, web.NewOperation(nil, "GET /x", "", 200, ""), answer[int]) },
		"no route":     func(*web.Server) { web.NewOperation(nil, "/x", "", 200, "") },
		"small method": func(*web.Server) { web.NewOperation(nil, "get /x", "", 200, "") },
		"twice": func(s *web.Server) {
			for range 2 {
				web.Register(s, web.NewOperation(nil, "GET /x", "", 200, ""), answer[struct{}])
			}
		},
		"codes": func(*web.Server) { web.New(web.Options{Codes: []errs.Code{{Name: "NotFound", Doc: "other"}}}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			register(web.New(web.Options{}))
		}()
	}
}

func answer[I any](context.Context, *I) (string, error) { return "", nil }

type deep struct {
	On    bool     `json:"on,omitempty" default:"true"`
	Size  int      `json:"size,omitempty" default:"7"`
	Name  string   `json:"name,omitempty" default:"x y"`
	Tags  []string `json:"tags,omitempty" default:"[\"a\"]"`
	Below *deep    `json:"below,omitempty"`
	Inner struct {
		Mode string `json:"mode,omitempty" default:"quiet"`
	} `json:"inner,omitzero"`
	List []struct {
		Count *int `json:"count,omitempty" default:"3"`
	} `json:"list,omitempty"`
	When  time.Time        `json:"when,omitzero"`
	Bytes []byte           `json:"bytes,omitempty"`
	Map   map[string]id.ID `json:"map,omitempty"`
	Embedded
}

// Embedded is part of a body.
type Embedded struct {
	Extra string `json:"extra,omitempty" default:"e"`
}

func TestBind_defaults(t *testing.T) {
	t.Parallel()
	var got deep
	s := web.New(web.Options{})
	type input struct{ Body deep }
	op := web.NewOperation(nil, "POST /x", "", 200, "")
	op.BodyOptional = true
	web.Register(s, op, func(_ context.Context, in *input) (string, error) {
		got = in.Body
		return "", nil
	})
	for body, check := range map[string]func() bool{
		``: func() bool {
			return got.On && got.Size == 7 && got.Name == "x y" && got.Tags[0] == "a" && got.Inner.Mode == "quiet" && got.Extra == "e"
		},
		`null`:                      func() bool { return got.On },
		`{}`:                        func() bool { return got.On && got.Below == nil },
		`{"on":false,"size":0}`:     func() bool { return !got.On && got.Size == 0 },
		`{"on":null,"inner":null}`:  func() bool { return got.On && got.Inner.Mode == "quiet" },
		`{"name":"","tags":[]}`:     func() bool { return got.Name == "" && len(got.Tags) == 0 },
		`{"inner":{"mode":"loud"}}`: func() bool { return got.Inner.Mode == "loud" },
		`{"list":[{},{"count":0}]}`: func() bool { return *got.List[0].Count == 3 && *got.List[1].Count == 0 },
		`{"below":{"on":false}}`:    func() bool { return got.On && !got.Below.On },
		`{"extra":"z"}`:             func() bool { return got.Extra == "z" },
	} {
		got = deep{}
		if r := webtest.Do(t, s, "", "POST /x", body); r.Status != 200 || !check() {
			t.Errorf("%s: %d %s, %+v", body, r.Status, r.Body, got)
		}
	}
	webtest.Do(t, s, "", "POST /x", `{}`)
	got.Tags[0] = "changed by a handler"
	if webtest.Do(t, s, "", "POST /x", `{}`); got.Tags[0] != "a" {
		t.Error("requests share a default")
	}
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "instant", Do: "POST /x", Body: `{"when":"soon"}`, Want: 422, Contains: []string{"when must be an instant"}},
		{Name: "base64", Do: "POST /x", Body: `{"bytes":"%%%"}`, Want: 422, Contains: []string{"bytes"}},
		{Name: "too large a number", Do: "POST /x", Body: `{"size":1e30}`, Want: 422, Contains: []string{"size must be a whole number"}},
		{Name: "a number spelled as a fraction", Do: "POST /x", Body: `{"below":{"size":1.0}}`, Want: 422, Contains: []string{"size must be a whole number"}},
		{Name: "in a map", Do: "POST /x", Body: `{"map":{"a/b":"x"}}`, Want: 422, Contains: []string{"map.a/b must be a UUID"}},
	})
}

func TestBind_rawBody(t *testing.T) {
	t.Parallel()
	type input struct{ Body web.RawBody }
	s := web.New(web.Options{})
	web.Register(s, web.NewOperation(nil, "POST /raw", "", 200, "", web.MaxBody(5)), func(_ context.Context, in *input) (string, error) {
		return in.Body.ContentType + ":" + string(in.Body.Data), nil
	})
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "any type", Do: "POST /raw", Header: map[string]string{"Content-Type": "text/x"}, Body: "\x00\xff", Want: 200, Contains: []string{"text/x:"}},
		{Name: "exactly the limit", Do: "POST /raw", Body: "12345", Want: 200},
		{Name: "over the limit", Do: "POST /raw", Body: "123456", Want: 413},
	})
	for name, body := range map[string]struct {
		io.Reader
		status int
	}{
		"over the limit without a length": {strings.NewReader("123456"), 413},
		"cut off":                         {io.MultiReader(strings.NewReader("1"), failing{io.ErrUnexpectedEOF}), 400},
		"middleware's limit":              {failing{&http.MaxBytesError{Limit: 3}}, 413},
		"middleware's own error":          {failing{errs.CodeUnavailable.Errorf("later")}, 503},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/raw", io.NopCloser(body.Reader))
		r.ContentLength = -1
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != body.status {
			t.Errorf("%s: status %d, want %d", name, w.Code, body.status)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestServer_callerThatWentAway(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	web.Register(s, web.NewOperation(nil, "GET /x", "", 200, ""), func(ctx context.Context, _ *struct{}) (string, error) {
		cancel()
		return "", fmt.Errorf("querying: %w", ctx.Err())
	})
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/x", nil)); w.Code != 499 {
		t.Errorf("status %d", w.Code)
	}
}

func TestServer_deadlines(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	for path, limit := range map[string]time.Duration{"stream": -1, "long": time.Hour, "usual": 0} {
		web.Register(s, web.NewOperation(nil, "GET /"+path, "", 200, "", web.Timeout(limit)), answer[struct{}])
	}
	for path, check := range map[string]func([]time.Time) bool{
		"/stream": func(d []time.Time) bool { return len(d) == 1 && d[0].IsZero() },
		"/long":   func(d []time.Time) bool { return len(d) == 1 && time.Until(d[0]) > time.Minute },
		"/usual":  func(d []time.Time) bool { return len(d) == 0 },
	} {
		w := &memory{header: http.Header{}}
		if s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)); !check(w.deadlines) {
			t.Errorf("%s: deadlines %v", path, w.deadlines)
		}
	}
	base, cancel := context.WithCancel(t.Context())
	defer cancel()
	if h := web.HTTPServer(base, s, nil); h.ReadHeaderTimeout == 0 || h.ReadTimeout == 0 || h.IdleTimeout == 0 || h.MaxHeaderBytes == 0 || h.BaseContext(nil) != base {
		t.Errorf("server = %+v", h)
	}
}

func TestServer_origins(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		allow  []string
		origin string
		want   string
	}{
		{nil, "https://a.example", ""},
		{[]string{"https://a.example"}, "https://a.example", "https://a.example"},
		{[]string{"https://a.example"}, "https://b.example", ""},
		{[]string{"*"}, "https://b.example", "*"},
		{[]string{"*"}, "", ""},
	} {
		s := web.New(web.Options{AllowOrigins: tc.allow})
		for _, do := range []string{"OPTIONS /docs", "GET /docs"} {
			r := webtest.Scenario{Do: do, Header: map[string]string{"Origin": tc.origin}}.Send(t, s)
			if got := r.Header.Get("Access-Control-Allow-Origin"); got != tc.want {
				t.Errorf("%v admits %s as %q, want %q", tc.allow, tc.origin, got, tc.want)
			}
			if preflight := r.Header.Get("Access-Control-Allow-Methods") != ""; preflight != (tc.want != "" && do == "OPTIONS /docs") {
				t.Errorf("%s: preflight is answered: %v", do, preflight)
			}
		}
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("need=x&kinds=a,b&span=a,b&limit=3")
	f.Add("need=%00&x;y&=&%zz")
	s := web.New(web.Options{})
	web.Register(s, web.NewOperation(nil, "GET /a/{id}", "", 200, "f"), func(_ context.Context, in *everything) (string, error) {
		if strings.ContainsRune(in.Text+in.Need+in.Span.From, 0) || in.Limit < 1 || in.Limit > 100 || in.Kind != "a" && in.Kind != "b" {
			return "", fmt.Errorf("let through: %+v", in)
		}
		return "ok", nil
	})
	one := id.New().String()
	f.Fuzz(func(t *testing.T, query string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a/"+one, nil)
		r.URL = &url.URL{Path: "/a/" + one, RawQuery: query}
		if s.ServeHTTP(w, r); w.Code != 200 && w.Code != 400 {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}
