package accessapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/access"
	"switchboard/internal/access/accessapi"
	"switchboard/internal/access/accessdb"
	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
	"switchboard/internal/web"
)

type nobody struct{}

func (nobody) Organization(context.Context, id.ID) (directory.Organization, error) {
	return directory.Organization{}, nil
}

func (nobody) Users(context.Context, id.ID, []id.ID) (map[id.ID]directory.User, error) {
	return nil, nil
}

func (nobody) IndividualsOfUsers(context.Context, id.ID, []id.ID) (map[id.ID][]directory.Individual, error) {
	return nil, nil
}

func (nobody) Memberships(context.Context, id.ID, []id.ID) ([]directory.Membership, error) {
	return nil, nil
}

// door is a server with one read, one write and one public operation behind the guard.
type door struct {
	http.Handler
	access   *access.Service
	db       *db.DB
	sniffers *access.Sniffers
	guard    *accessapi.Guard
	org      id.ID
	writes   int
}

func newDoor(t *testing.T, perSecond int) *door {
	t.Helper()
	return newDoorOf(t, perSecond, nobody{})
}

func newDoorOf(t *testing.T, perSecond int, people access.Directory) *door {
	t.Helper()
	d := dbtest.SQLite(t)
	log := eventlog.New(d, clock.System, slog.New(slog.DiscardHandler))
	w := &door{db: d, org: id.New(), access: access.New(access.Options{Store: accessdb.New(d, vaulttest.Box()), Tx: d, Events: log, Directory: people, Clock: clock.System})}
	noon := clock.At(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	limits := accessapi.NewLimiter(perSecond, noon)
	w.sniffers = access.NewSniffers(access.SnifferOptions{
		Store: accessdb.New(d, vaulttest.Box()), Tx: d, Events: log, Directory: people, Clock: clock.System, Logger: slog.New(slog.DiscardHandler),
	})
	guard := &accessapi.Guard{Access: w.access, Sniffers: w.sniffers, Limits: limits, Logger: slog.New(slog.DiscardHandler)}
	w.guard = guard
	s := web.New(web.Options{Wrap: guard.Wrap})
	guard.Mount(s)
	handle := func(route string, h func(http.ResponseWriter, *http.Request) error, opts ...web.Option) {
		basic := &web.Dialect{
			Name: "test", Basic: true,
			Error:       func(_ *http.Request, _ int, e *errs.Error) any { return map[string]string{"code": e.Code.Name} },
			ErrorSchema: func(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeObject} },
		}
		s.Handle(web.NewOperation(basic, route, "Do", 200, h, opts...), h)
	}
	handle("GET /who", func(rw http.ResponseWriter, r *http.Request) error {
		a := actor.From(r.Context())
		return json.NewEncoder(rw).Encode(map[string]any{"key": a.KeyID, "org": a.OrganizationID, "from": a.RemoteAddr, "request": a.RequestID})
	})
	handle("GET /open", func(rw http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(rw, string(actor.From(r.Context()).Role))
		return err
	}, web.Public())
	handle("POST /write", func(rw http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if string(body) == "bad" {
			return errs.InvalidField("body", "is bad")
		}
		if string(body) == "denied" {
			return errs.Forbidden("not you")
		}
		if string(body) == "broken" {
			return errors.New("secret detail")
		}
		w.writes++
		rw.Header().Set("Content-Type", "text/plain")
		rw.WriteHeader(http.StatusCreated)
		_, err = rw.Write(body)
		return err
	}, web.MaxBody(100))
	w.Handler = s
	return w
}

func (d *door) key(t *testing.T, scopes ...string) (access.Key, string) {
	t.Helper()
	k, secret, err := d.access.CreateKey(actor.With(t.Context(), actor.System(d.org)), access.NewKey{OrganizationID: d.org, Name: "x", Role: actor.Service, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func (d *door) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:999"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "From" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	d.ServeHTTP(rec, r)
	return rec
}

func TestGuard_authenticates(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 0)
	k, secret := d.key(t)
	basic := func(user, password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	bare := secret[strings.LastIndexByte(secret, '_')+1:]
	for name, tc := range map[string]struct {
		header []string
		want   int
	}{
		"bearer":                         {[]string{"Authorization", "Bearer " + secret}, 200},
		"bearer in small letters":        {[]string{"Authorization", "bearer  " + secret}, 200},
		"basic with the id":              {[]string{"Authorization", basic(k.ID.String(), bare)}, 200},
		"basic with the whole key":       {[]string{"Authorization", basic("me", secret)}, 200},
		"basic from far without TLS":     {[]string{"Authorization", basic("me", secret), "From", "203.0.113.7:1"}, 401},
		"bearer from far":                {[]string{"Authorization", "Bearer " + secret, "From", "203.0.113.7:1"}, 200},
		"no header":                      {nil, 401},
		"an empty one":                   {[]string{"Authorization", "Bearer "}, 401},
		"another scheme":                 {[]string{"Authorization", "Digest " + secret}, 401},
		"a wrong secret":                 {[]string{"Authorization", "Bearer " + secret + "x"}, 401},
		"basic that can't be read":       {[]string{"Authorization", "Basic %%%"}, 401},
		"basic with a wrong pair":        {[]string{"Authorization", basic(k.ID.String(), "no")}, 401},
		"basic with a name that is none": {[]string{"Authorization", basic("x", bare)}, 401},
	} {
		rec := d.do("GET", "/who", "", tc.header...)
		if rec.Code != tc.want {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		if challenge := rec.Header().Values("WWW-Authenticate"); (tc.want == 401) != (len(challenge) == 2) {
			t.Errorf("%s: challenged with %v", name, challenge)
		}
		if tc.want == 401 && !strings.Contains(rec.Body.String(), "Unauthenticated") {
			t.Errorf("%s: not in the operation's dialect: %s", name, rec.Body)
		}
	}
	rec := d.do("GET", "/who", "", "Authorization", "Bearer "+secret, "X-Request-Id", "my-request-1")
	for _, want := range []string{k.ID.String(), d.org.String(), "127.0.0.1", "my-request-1"} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("the actor lacks %s: %s", want, rec.Body)
		}
	}
	if rec := d.do("GET", "/open", ""); rec.Code != 200 || rec.Body.String() != "" {
		t.Errorf("a public operation: %d %s", rec.Code, rec.Body)
	}
}

// TestGuard_audits has a caller denied something, with and without an Idempotency-Key: it is recorded once each time, and not
// rolled back with the request. A denial that cannot be recorded is still one.
func TestGuard_audits(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 0)
	k, secret := d.key(t)
	ask := func(header ...string) int {
		t.Helper()
		return d.do("POST", "/write", "denied", append(header, "Authorization", "Bearer "+secret, "X-Request-Id", "r-7", "Content-Type", "text/plain")...).Code
	}
	if plain, repeatable := ask(), ask("Idempotency-Key", "k1"); plain != 403 || repeatable != 403 {
		t.Errorf("denied with %d and %d", plain, repeatable)
	}
	if code := d.do("POST", "/write", "denied", "Authorization", "Bearer nobody's", "Content-Type", "text/plain").Code; code != 401 {
		t.Errorf("nobody: %d", code)
	}
	rows, err := db.All(t.Context(), d.db.Q(t.Context()), func(r db.Row) (s string, err error) {
		var key id.ID
		var request, detail string
		err = r.Scan(&key, &request, &detail)
		if key != k.ID || request != "r-7" {
			t.Errorf("denied to %v in %q", key, request)
		}
		return detail, err
	}, "select actor_id, request_id, detail from audit where action = $1", access.ActionDenied)
	want := `{"after":{"route":"POST /write","path":"/write","code":"Denied","reason":"not you"},"before":null}`
	if err != nil || !slices.Equal(rows, []string{want, want}) {
		t.Errorf("in the audit: %q, %v", rows, err)
	}
	if _, err := d.db.Q(t.Context()).Exec(t.Context(), "alter table audit rename to audit_elsewhere"); err != nil {
		t.Fatal(err)
	}
	if code := ask(); code != 403 {
		t.Errorf("when it cannot be recorded: %d", code)
	}
}

func TestGuard_limits(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 2) // and the clock stands still
	_, secret := d.key(t)
	_, other := d.key(t)
	for range 4 {
		if rec := d.do("GET", "/who", "", "Authorization", "Bearer "+secret); rec.Code != 200 {
			t.Fatalf("within the burst: %d", rec.Code)
		}
	}
	rec := d.do("GET", "/who", "", "Authorization", "Bearer "+secret)
	if rec.Code != 429 || rec.Header().Get("Retry-After") != "1" {
		t.Errorf("beyond the burst: %d, Retry-After %q", rec.Code, rec.Header().Get("Retry-After"))
	}
	if rec := d.do("GET", "/who", "", "Authorization", "Bearer "+other); rec.Code != 200 {
		t.Errorf("another key: %d", rec.Code)
	}
	for range 20 {
		d.do("GET", "/who", "", "Authorization", "Bearer guess", "From", "203.0.113.7:1")
	}
	if rec := d.do("GET", "/who", "", "Authorization", "Bearer guess", "From", "203.0.113.7:1"); rec.Code != 429 {
		t.Errorf("one guess too many: %d", rec.Code)
	}
	if rec := d.do("GET", "/who", "", "Authorization", "Bearer "+other, "From", "203.0.113.7:1"); rec.Code != 200 {
		t.Errorf("somebody with a key at the same address: %d", rec.Code)
	}
}

func TestGuard_idempotency(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 0)
	_, secret := d.key(t)
	_, other := d.key(t)
	write := func(key, secret, body string) *httptest.ResponseRecorder {
		return d.do("POST", "/write", body, "Authorization", "Bearer "+secret, "Idempotency-Key", key, "Content-Type", "text/plain")
	}
	first, again := write("k1", secret, "hello"), write("k1", secret, "hello")
	switch {
	case first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String(), d.writes != 1,
		again.Header().Get("Content-Type") != "text/plain", again.Header().Get("Idempotent-Replayed") != "true", first.Header().Get("Idempotent-Replayed") != "":
		t.Errorf("first %d %s, again %d %s %v, %d writes", first.Code, first.Body, again.Code, again.Body, again.Header(), d.writes)
	}
	for name, tc := range map[string]struct {
		rec    *httptest.ResponseRecorder
		status int
		text   string
	}{
		"another body":        {write("k1", secret, "other"), 422, "IdempotencyKeyReused"},
		"another caller":      {write("k1", other, "hello"), 201, "hello"},
		"a refusal":           {write("k2", secret, "bad"), 422, "InvalidValue"},
		"mended":              {write("k2", secret, "good"), 201, "good"},
		"broken":              {write("k3", secret, "broken"), 500, "InternalError"},
		"too large":           {write("k4", secret, strings.Repeat("x", 101)), 413, "BodyTooLarge"},
		"a key with a space":  {write("a b", secret, "x"), 400, "InvalidParameter"},
		"a key that is long":  {write(strings.Repeat("k", 256), secret, "x"), 400, "InvalidParameter"},
		"the longest allowed": {write(strings.Repeat("k", 255), secret, "x"), 201, "x"},
	} {
		if tc.rec.Code != tc.status || !strings.Contains(tc.rec.Body.String(), tc.text) {
			t.Errorf("%s: %d %s", name, tc.rec.Code, tc.rec.Body)
		}
	}
	if d.writes != 4 {
		t.Errorf("%d writes", d.writes)
	}
	if rec := write("k3", secret, "broken"); strings.Contains(rec.Body.String(), "secret detail") {
		t.Errorf("an internal error leaks: %s", rec.Body)
	}
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 0)
	k, secret := d.key(t, "who", "groups:read")
	post := func(form url.Values, header ...string) (int, map[string]any) {
		rec := d.do("POST", "/oauth/token", form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
		var body map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
			t.Errorf("%v: %s", err, rec.Body)
		}
		if rec.Header().Get("Cache-Control") != "no-store" {
			t.Error("tokens must not be stored by caches (RFC 6749, section 5.1)")
		}
		return rec.Code, body
	}
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ID.String()}, "client_secret": {secret}}
	status, body := post(good)
	if status != 200 || body["token_type"] != "Bearer" || body["expires_in"] != 3600.0 || body["scope"] != "who groups:read" {
		t.Fatalf("%d %v", status, body)
	}
	bearer, _ := body["access_token"].(string)
	if rec := d.do("GET", "/who", "", "Authorization", "Bearer "+bearer); rec.Code != 200 {
		t.Errorf("the token opens nothing: %d", rec.Code)
	}
	for name, tc := range map[string]struct {
		change func(url.Values)
		status int
		code   string
	}{
		"another grant":     {func(v url.Values) { v.Set("grant_type", "password") }, 400, "unsupported_grant_type"},
		"no grant":          {func(v url.Values) { v.Del("grant_type") }, 400, "invalid_request"},
		"no secret":         {func(v url.Values) { v.Del("client_secret") }, 400, "invalid_request"},
		"a wrong secret":    {func(v url.Values) { v.Set("client_secret", "x") }, 401, "invalid_client"},
		"a scope too wide":  {func(v url.Values) { v.Set("scope", "*") }, 400, "invalid_scope"},
		"said twice":        {func(v url.Values) { v.Add("scope", "a"); v.Add("scope", "b") }, 400, "invalid_request"},
		"a scope that fits": {func(v url.Values) { v.Set("scope", "groups:read") }, 200, ""},
	} {
		form := url.Values{}
		for name, values := range good {
			form[name] = append([]string{}, values...)
		}
		tc.change(form)
		status, body := post(form)
		if code, _ := body["error"].(string); status != tc.status || code != tc.code {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(k.ID.String(), secret[strings.LastIndexByte(secret, '_')+1:])
	if status, _ := post(url.Values{"grant_type": {"client_credentials"}}, "Authorization", r.Header.Get("Authorization")); status != 200 {
		t.Errorf("credentials in HTTP Basic: %d", status)
	}
	if rec := d.do("POST", "/oauth/token", "{}", "Content-Type", "application/json"); rec.Code != 400 {
		t.Errorf("JSON: %d %s", rec.Code, rec.Body)
	}
	if rec := d.do("POST", "/oauth/token?grant_type=client_credentials&client_secret="+secret, "", "Content-Type", "application/x-www-form-urlencoded"); rec.Code != 400 {
		t.Errorf("secrets in the address are taken: %d", rec.Code)
	}
}
