package scimpull_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/replication"
	"switchboard/internal/replication/scimpull"
	"switchboard/internal/setting"
)

// TestRead_failures: what a server does wrong ends as an error that says so, or as a problem of the report, in bounded time.
func TestRead_failures(t *testing.T) {
	t.Parallel()
	always := func(answer func(w http.ResponseWriter, r *http.Request)) func(int, http.ResponseWriter, *http.Request) bool {
		return func(_ int, w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }
	}
	body := func(text string) func(int, http.ResponseWriter, *http.Request) bool {
		return always(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	status := func(code int, header ...string) func(int, http.ResponseWriter, *http.Request) bool {
		return always(func(w http.ResponseWriter, _ *http.Request) {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			fail(w, code, "the token "+token.Reveal()+" is mine")
		})
	}
	for name, c := range map[string]struct {
		before   func(int, http.ResponseWriter, *http.Request) bool
		err      string // in the error; empty: the reading ends well
		problem  string
		requests int
		passes   bool // whether it is tried again soon
		after    time.Duration
	}{
		"slow":            {before: always(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), err: "no answer in time", requests: 4, passes: true},
		"500":             {before: status(500), err: "500 Internal Server Error", requests: 5, passes: true},
		"503 for an hour": {before: status(503, "Retry-After", "3600"), err: "503 Service Unavailable", requests: 1, passes: true, after: time.Hour},
		"429, then well": {before: func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n < 3 {
				w.Header().Set("Retry-After", "7")
				fail(w, 429, "")
			}
			return n < 3
		}, requests: 4},
		"500 once in a page": {before: func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n == 2 {
				fail(w, 500, "")
			}
			return n == 2
		}, requests: 3},
		"401":             {before: status(401), err: "does not take the token (401); see the setting token", requests: 1},
		"403":             {before: status(403), err: "403 Forbidden: the token [redacted]", requests: 1},
		"404":             {before: status(404), err: "404 Not Found", requests: 1},
		"501":             {before: status(501), err: "501 Not Implemented", requests: 1},
		"a redirect":      {before: status(302, "Location", "https://evil.example.org/"), err: "no redirect is followed", requests: 1},
		"garbage":         {before: body("<html>"), err: "not one of a SCIM server", requests: 1, passes: true},
		"half a document": {before: body(`{"totalResults": 1, "Resources": [{"id"`), err: "not one of a SCIM server", requests: 1, passes: true},
		"no total":        {before: body(`{"Resources": []}`), err: "totalResults", requests: 1, passes: true},
		"less than none":  {before: body(`{"totalResults": -1}`), err: "totalResults", requests: 1, passes: true},
		"the same page":   {before: body(`{"totalResults": 9, "Resources": [{"id": "u1", "userName": "x"}]}`), err: "does not turn pages", requests: 2, passes: true},
		"too great a total": {before: func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/Groups") {
				return false
			}
			if r.URL.Query().Get("startIndex") == "1" {
				show(w, object{"totalResults": 9, "Resources": []any{user(1)}})
			} else {
				show(w, object{"totalResults": 9})
			}
			return true
		}, problem: "totalResults is 9 for Users, of which the server gave 1", requests: 3},
		"too small a total": {before: func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/Groups") {
				return false
			}
			show(w, object{"totalResults": 1, "Resources": []any{user(1), user(2)}})
			return true
		}, problem: "totalResults is 1 for Users, of which the server gave 2", requests: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newServer(2, 1)
				s.before = c.before
				began := time.Now()
				got := read(t.Context(), t, s.opener(), replication.Place{}, everything)
				if took := time.Since(began); took > 80*time.Second {
					t.Errorf("took %s", took)
				}
				same(t, "requests", len(s.requests), c.requests)
				same(t, "problems", strings.Join(got.problems, "\n"), c.problem)
				if c.problem != "" && got.place.Mark != "" {
					t.Error("the next reading would trust this one")
				}
				if (got.err == nil) != (c.err == "") {
					t.Fatalf("failed with %v, want %q", got.err, c.err)
				}
				if got.err == nil {
					return
				}
				if text := got.err.Error(); !strings.Contains(text, c.err) || strings.Contains(text, token.Reveal()) {
					t.Errorf("failed with %s", text)
				}
				e, ours := errors.AsType[*errs.Error](got.err)
				if ours != c.passes || ours && (e.Code.Kind != errs.Unavailable || e.RetryAfter != c.after) {
					t.Errorf("failed with %#v", got.err)
				}
			})
		})
	}
}

// TestRead_calledOff: a pause between two attempts ends with the context.
func TestRead_calledOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(1, 0)
		s.before = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "60")
			fail(w, 429, "")
			return true
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		if got := read(ctx, t, s.opener(), replication.Place{}, everything); got.err == nil || time.Since(began) != time.Second {
			t.Errorf("%v after %s", got.err, time.Since(began))
		}
	})
}

// TestRead_groupAlone: a group that a list shows without members is asked for by itself.
func TestRead_groupAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer  func(w http.ResponseWriter)
		members *[]string // nil: no group
		problem string
		err     string
	}{
		"with members": {answer: func(w http.ResponseWriter) {
			show(w, object{"id": "g", "displayName": "W", "members": []any{object{"value": "u1"}}})
		}, members: &[]string{"u1"}},
		"without":         {answer: func(w http.ResponseWriter) { show(w, object{"id": "g", "displayName": "W"}) }, members: &[]string{}},
		"gone":            {answer: func(w http.ResponseWriter) { fail(w, 404, "") }},
		"another":         {answer: func(w http.ResponseWriter) { show(w, object{"id": "h", "displayName": "W"}) }, problem: "g id is another in the answer about the group itself"},
		"forbidden":       {answer: func(w http.ResponseWriter) { fail(w, 403, "no") }, problem: "g the server answers 403 Forbidden: no"},
		"far too large":   {answer: func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 33<<20)) }, problem: "g the answer of the server is larger than 33554432 bytes"},
		"an ill server":   {answer: func(w http.ResponseWriter) { fail(w, 500, "") }, err: "500"},
		"a revoked token": {answer: func(w http.ResponseWriter) { fail(w, 401, "") }, err: "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newServer(1, 0)
				s.lists["Groups"] = []any{object{"id": "g", "displayName": "W"}}
				s.before = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					alone := strings.HasSuffix(r.URL.Path, "/Groups/g")
					if alone {
						c.answer(w)
					}
					return alone
				}
				got := read(t.Context(), t, s.opener(), replication.Place{}, everything)
				same(t, "problems", strings.Join(got.problems, "\n"), c.problem)
				if (got.err == nil) != (c.err == "") || c.err != "" && !strings.Contains(got.err.Error(), c.err) {
					t.Errorf("failed with %v", got.err)
				}
				if rec, ok := got.records["g"]; ok != (c.members != nil) {
					t.Errorf("read %+v", got.records)
				} else if ok {
					same(t, "members", rec.Team.Members, c.members)
				}
			})
		})
	}
}

// TestOpen_overTheWire: private addresses are refused unless the setting permits them, before anything is sent.
func TestOpen_overTheWire(t *testing.T) {
	t.Parallel()
	s := newServer(2, 1)
	wire := httptest.NewServer(s)
	defer wire.Close()
	settings := scimpull.Settings{URL: wire.URL + "/scim/v2", Token: token, PageSize: 1, Timeout: 5 * time.Second}
	if got := read(t.Context(), t, scimpull.Open(settings), replication.Place{}, everything); got.err == nil ||
		!strings.Contains(got.err.Error(), "allow_private") || len(s.requests) > 0 {
		t.Errorf("%v after %v", got.err, s.requests)
	}
	settings.AllowPrivate = true
	if got := read(t.Context(), t, scimpull.Open(settings), replication.Place{}, everything); got.err != nil || len(got.ids) != 3 {
		t.Errorf("%+v", got)
	}
	settings.Token = "another"
	if got := read(t.Context(), t, scimpull.Open(settings), replication.Place{}, everything); got.err == nil || !strings.Contains(got.err.Error(), "401") {
		t.Errorf("%v", got.err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw  map[string]any
		want string // the settings that are blamed
	}{
		"right":           {map[string]any{"url": "https://id.example.org/scim/v2", "token": "x"}, ""},
		"nothing":         {map[string]any{}, "url token"},
		"in clear":        {map[string]any{"url": "http://id.example.org", "token": "x"}, "url"},
		"in clear, ours":  {map[string]any{"url": "http://10.0.0.1", "token": "x", "allow_private": "true"}, ""},
		"no address":      {map[string]any{"url": "id.example.org", "token": "x"}, "url"},
		"another scheme":  {map[string]any{"url": "file:///etc/passwd", "token": "x"}, "url"},
		"with a password": {map[string]any{"url": "https://a:b@id.example.org", "token": "x"}, "url"},
		"with a query":    {map[string]any{"url": "https://id.example.org/?a=b", "token": "x"}, "url"},
		"out of range":    {map[string]any{"url": "https://id.example.org", "token": "x", "page_size": 1001, "timeout": "2m"}, "page_size timeout"},
		"none at a time":  {map[string]any{"url": "https://id.example.org", "token": "x", "page_size": 0, "timeout": "1ms"}, "page_size timeout"},
	} {
		_, err := setting.Decode[scimpull.Settings](c.raw)
		var blamed []string
		if e, ok := errors.AsType[*errs.Error](err); ok {
			for _, f := range e.Fields {
				blamed = append(blamed, f.Path)
			}
		}
		same(t, name, strings.Join(blamed, " "), c.want)
	}
}

// FuzzDecodeList: whatever a server answers is a page with right and wrong records, or an error.
func FuzzDecodeList(f *testing.F) {
	for _, seed := range []string{
		`{"totalResults": 1, "startIndex": 1, "Resources": [{"id": "1", "userName": "ada", "active": true, "emails": [{"value": "a@b.c"}]}]}`,
		`{"totalResults": 1, "Resources": [{"id": "g", "displayName": "Ward", "members": [{"value": "1", "type": "User"}, "2", null]}]}`,
		`{"TOTALRESULTS": 2, "resources": [null, 7, [], "x", {"id": 7}, {"id": "\u0000"}]}`,
		`{"totalResults": 1e3}`, `{"totalResults": null, "Resources": {}}`, `[]`, ``, `{"Resources": [[[[`,
		`{"totalResults": 0, "Resources": [{"id": "1", "name": 3, "emails": 4, "phoneNumbers": [[]], "active": "yes"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		records, wrong, err := scimpull.DecodeList(raw)
		if wrong > records || err != nil && records > 0 {
			t.Errorf("%d of %d, %v", wrong, records, err)
		}
	})
}
