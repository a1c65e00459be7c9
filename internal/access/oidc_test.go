package access_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// The people of the world, for signing in.

func (p *people) OrganizationsNamed(_ context.Context, name string, _ int) ([]directory.Organization, error) {
	found := map[string]int{"one": 1, "two": 2}[strings.ToLower(name)]
	out := make([]directory.Organization, found)
	for i := range out {
		out[i].ID = p.organization
	}
	return out, nil
}

func (p *people) UsersWithEmail(_ context.Context, organization id.ID, emails []string) (map[string][]directory.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string][]directory.User{}
	for _, u := range p.users {
		if key := directory.FoldName(u.Email); u.OrganizationID == organization && key == directory.FoldName(emails[0]) {
			out[key] = append(out[key], u)
		}
	}
	return out, nil
}

func (p *people) UsersNamed(_ context.Context, organization id.ID, names []string) (map[string]directory.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]directory.User{}
	for _, u := range p.users {
		if key := directory.FoldName(u.Username); u.OrganizationID == organization && key == directory.FoldName(names[0]) {
			out[key] = u
		}
	}
	return out, nil
}

// UserKnownAs knows everybody as "1", in the one source that there is.
func (p *people) UserKnownAs(_ context.Context, _ id.ID, source, externalID string) (id.ID, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for user := range p.users {
		if source == "hr" && externalID == "1" {
			return user, true, nil
		}
	}
	return id.Nil, false, nil
}

// believer takes what a token says. A token whose signature is not "ok" is refused, and "down" cannot be checked.
type believer struct{ checks int }

func (b *believer) Verify(_ context.Context, token string) (access.Assertion, error) {
	b.checks++
	part := strings.Split(token, ".")
	switch part[2] {
	case "ok":
	case "down":
		return access.Assertion{}, errs.CodeUnavailable.Errorf("no keys; see access.oidc.corp.issuer")
	default:
		return access.Assertion{}, errs.CodeUnauthenticated.Errorf("no").Because(errors.New("forged"))
	}
	raw, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return access.Assertion{}, err
	}
	said := access.Assertion{}
	err = json.Unmarshal(raw, &said.Claims)
	said.Issuer, _ = said.Claims["iss"].(string)
	said.Subject, _ = said.Claims["sub"].(string)
	exp, _ := said.Claims["exp"].(float64)
	said.ExpiresAt = time.Unix(int64(exp), 0)
	return said, err
}

const issuerURL = "https://id.example.org"

// abroad is a world with an issuer.
type abroad struct {
	*world
	*believer
}

func newAbroad(t *testing.T, change func(r *access.Rules)) *abroad {
	t.Helper()
	r := access.Rules{Organization: "One", Match: access.ByEmail, Claim: "email", Ceiling: []string{"*"}}
	if change != nil {
		change(&r)
	}
	b := &believer{}
	w := newWorld(t, dbtest.SQLite(t), access.Issuer{Name: "corp", URL: issuerURL, Verifier: b, Rules: r})
	w.people.organization = w.org
	w.change(t, func(u *directory.User) { u.Email, u.Username = "Ann@demo.example", "ann" })
	return &abroad{w, b}
}

// token is one for Ann, with changes; a nil takes a claim away.
func (w *abroad) token(t *testing.T, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": issuerURL, "sub": "1", "exp": w.clock().Add(time.Hour).Unix(), "email": "ann@demo.example", "email_verified": true,
		"preferred_username": "ANN", "org": w.org.String(), "groups": []string{"staff", "admins"},
		"realm_access": map[string]any{"roles": []string{"nurse"}}, "https://example.org/role": "head", "boss": true,
		"scope": "openid messages:read events profile messages:write logs:write",
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return "e30." + base64.RawURLEncoding.EncodeToString(raw) + ".ok"
}

func TestService_Authenticate_issuer(t *testing.T) {
	t.Parallel()
	w := newAbroad(t, nil)
	a, err := w.Authenticate(t.Context(), w.token(t, nil))
	if err != nil || a.UserID != w.user || a.OrganizationID != w.org || a.Role != actor.Member || len(a.Individuals) != 2 ||
		a.Via != actor.ViaOIDC || a.KeyID.IsZero() || !a.Has("messages", "write") {
		t.Fatalf("Authenticate = %+v, %v", a, err)
	}
	again, err := w.Authenticate(t.Context(), w.token(t, map[string]any{"exp": w.clock().Add(2 * time.Hour).Unix()}))
	if err != nil || again.KeyID != a.KeyID {
		t.Errorf("the next token of the person is another caller: %v, %v", again.KeyID, err)
	}
	other, err := w.Authenticate(t.Context(), w.token(t, map[string]any{"sub": "2"}))
	if err != nil || other.KeyID == a.KeyID {
		t.Errorf("two subjects are one caller: %v", err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Errorf("what has no key is noted as used: %v", err)
	}
}

// TestService_issuer_refuses goes through tokens that are the issuer's and stand for nobody.
func TestService_issuer_refuses(t *testing.T) {
	t.Parallel()
	w := newAbroad(t, nil)
	for name, changes := range map[string]map[string]any{
		"another issuer":        {"iss": "https://evil.example"},
		"no issuer":             {"iss": nil},
		"an unknown address":    {"email": "eve@demo.example"},
		"no address":            {"email": nil},
		"an address of spaces":  {"email": "  "},
		"several addresses":     {"email": []string{"ann@demo.example"}},
		"an unverified address": {"email_verified": false},
		"nothing of verifying":  {"email_verified": nil},
		"a lie of verifying":    {"email_verified": 1},
	} {
		if _, err := w.Authenticate(t.Context(), w.token(t, changes)); errs.KindOf(err) != errs.Unauthenticated || !strings.HasPrefix(err.Error(), "the key is unknown, expired or revoked") {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := w.token(t, nil)
	forged := strings.TrimSuffix(good, "ok") + "forged"
	for name, secret := range map[string]string{
		"forged": forged, "no payload": "a..ok", "no base64": "a.%.ok", "no JSON": "a.e30x.ok", "too long": good + strings.Repeat("x", 20_000), "two parts": "a.b",
	} {
		if _, err := w.Authenticate(t.Context(), secret); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Authenticate(t.Context(), strings.TrimSuffix(good, "ok")+"down"); errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "access.oidc.corp.issuer") {
		t.Errorf("while the issuer is down: %v", err)
	}
	twin := id.New()
	w.people.mu.Lock()
	w.people.users[twin] = directory.User{ID: twin, OrganizationID: w.org, Email: "ann@demo.example", State: directory.Active}
	w.people.mu.Unlock()
	if _, err := w.Authenticate(t.Context(), w.token(t, nil)); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("two users with one address: %v", err)
	}
}

func TestService_issuer_states(t *testing.T) {
	t.Parallel()
	for _, state := range directory.UserStates() {
		w := newAbroad(t, nil)
		w.change(t, func(u *directory.User) { u.State = state })
		if _, err := w.Authenticate(t.Context(), w.token(t, nil)); (err == nil) != (state == directory.Active) {
			t.Errorf("a user who is %s: %v", state, err)
		}
	}
}

func TestService_issuer_rules(t *testing.T) {
	t.Parallel()
	rule := func(text string) []access.RoleRule {
		r, err := access.ParseRoleRule(text)
		if err != nil {
			t.Fatal(err)
		}
		return []access.RoleRule{r}
	}
	for name, tc := range map[string]struct {
		rules  func(r *access.Rules)
		token  map[string]any
		role   actor.Role // "" is refused
		scopes string
	}{
		"by username":               {func(r *access.Rules) { r.Match, r.Claim = access.ByUsername, "preferred_username" }, map[string]any{"email_verified": false}, actor.Member, "*"},
		"by an unknown username":    {func(r *access.Rules) { r.Match, r.Claim = access.ByUsername, "sub" }, nil, "", ""},
		"by external id":            {func(r *access.Rules) { r.Match, r.Claim, r.Source = access.ByExternalID, "sub", "hr" }, map[string]any{"email": nil}, actor.Member, "*"},
		"by another external id":    {func(r *access.Rules) { r.Match, r.Claim, r.Source = access.ByExternalID, "sub", "hr" }, map[string]any{"sub": "2"}, "", ""},
		"by another source":         {func(r *access.Rules) { r.Match, r.Claim, r.Source = access.ByExternalID, "sub", "crm" }, nil, "", ""},
		"an unverified address":     {func(r *access.Rules) { r.AllowUnverifiedEmail = true }, map[string]any{"email_verified": false}, actor.Member, "*"},
		"verified as a text":        {nil, map[string]any{"email_verified": "true"}, actor.Member, "*"},
		"the organization by id":    {func(r *access.Rules) { r.Organization, r.OrganizationClaim = "", "org" }, nil, actor.Member, "*"},
		"the organization by name":  {func(r *access.Rules) { r.Organization, r.OrganizationClaim = "", "org" }, map[string]any{"org": "ONE"}, actor.Member, "*"},
		"another organization":      {func(r *access.Rules) { r.Organization, r.OrganizationClaim = "", "org" }, map[string]any{"org": id.New().String()}, "", ""},
		"no organization":           {func(r *access.Rules) { r.Organization, r.OrganizationClaim = "", "org" }, map[string]any{"org": nil}, "", ""},
		"a name of two":             {func(r *access.Rules) { r.Organization = "two" }, nil, "", ""},
		"a name of none":            {func(r *access.Rules) { r.Organization = "none" }, nil, "", ""},
		"a group":                   {func(r *access.Rules) { r.Roles = rule("administrator if groups=admins") }, nil, actor.Administrator, "*"},
		"not a part of a group":     {func(r *access.Rules) { r.Roles = rule("administrator if groups=admin") }, nil, actor.Member, "*"},
		"nested":                    {func(r *access.Rules) { r.Roles = rule("leader if realm_access.roles=nurse") }, nil, actor.Leader, "*"},
		"a name with dots":          {func(r *access.Rules) { r.Roles = rule("leader if https://example.org/role=head") }, nil, actor.Leader, "*"},
		"yes":                       {func(r *access.Rules) { r.Roles = rule("leader if boss=true") }, nil, actor.Leader, "*"},
		"a claim that is not there": {func(r *access.Rules) { r.Roles = rule("leader if a.b.c=d") }, nil, actor.Member, "*"},
		"the first rule of several": {func(r *access.Rules) {
			r.Roles = append(rule("member if groups=staff"), rule("administrator if groups=admins")...)
		}, nil, actor.Member, "*"},
		"a ceiling":                  {func(r *access.Rules) { r.Ceiling = []string{"messages:read"} }, nil, actor.Member, "messages:read"},
		"scopes of the token":        {func(r *access.Rules) { r.ScopesClaim = "scope" }, nil, actor.Member, "messages:read events messages:write"},
		"scopes below the ceiling":   {func(r *access.Rules) { r.ScopesClaim, r.Ceiling = "scope", []string{"*:read"} }, nil, actor.Member, "messages:read events:read"},
		"scopes in a list":           {func(r *access.Rules) { r.ScopesClaim = "scp" }, map[string]any{"scp": []string{"logs", "x"}}, actor.Member, "logs"},
		"no scopes":                  {func(r *access.Rules) { r.ScopesClaim = "scp" }, nil, actor.Member, ""},
		"everything, as if it could": {func(r *access.Rules) { r.ScopesClaim, r.Ceiling = "scope", []string{"events"} }, map[string]any{"scope": "*"}, actor.Member, "events"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAbroad(t, tc.rules)
			a, err := w.Authenticate(t.Context(), w.token(t, tc.token))
			if tc.role == "" {
				if errs.KindOf(err) != errs.Unauthenticated {
					t.Errorf("Authenticate = %+v, %v", a, err)
				}
				return
			}
			if err != nil || a.Role != tc.role || strings.Join(a.Scopes, " ") != tc.scopes {
				t.Errorf("Authenticate = %s %q, %v", a.Role, a.Scopes, err)
			}
		})
	}
}

// TestService_issuer_cache verifies a token once in five seconds, and at once when the log tells of a change to its person.
func TestService_issuer_cache(t *testing.T) {
	t.Parallel()
	w := newAbroad(t, nil)
	token := w.token(t, map[string]any{"exp": w.clock().Add(8 * time.Second).Unix()})
	for range 3 {
		if !w.opens(t, token) {
			t.Fatal("a good token is refused")
		}
	}
	if w.checks != 1 {
		t.Errorf("it was verified %d times", w.checks)
	}
	w.pass(5 * time.Second)
	w.opens(t, token)
	if w.checks != 2 {
		t.Errorf("five seconds later it was verified %d times", w.checks)
	}
	w.people.mu.Lock()
	w.people.leads = true
	w.people.mu.Unlock()
	w.Follow([]event.Entry{{OrganizationID: w.org, Type: directory.EventGroupUpdated}})
	if a, err := w.Authenticate(t.Context(), token); err != nil || a.Role != actor.Leader {
		t.Errorf("who leads now is a %s, %v", a.Role, err)
	}
	w.change(t, func(u *directory.User) { u.State = directory.Archived })
	w.Follow([]event.Entry{{OrganizationID: w.org, Type: directory.EventUserUpdated}})
	if w.opens(t, token) {
		t.Error("an archived user is let in")
	}
}

func TestParseRoleRule_refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "administrator", "administrator if", "administrator if groups", "administrator if =x", "administrator if groups=", "king if a=b", "service if a=b", " if a=b"} {
		if r, err := access.ParseRoleRule(text); err == nil {
			t.Errorf("%q is read as %+v", text, r)
		}
	}
}

func FuzzParseRoleRule(f *testing.F) {
	f.Add("administrator if groups=admins")
	f.Add("leader if a.b=c=d if e")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := access.ParseRoleRule(text)
		if err != nil {
			return
		}
		again, err := access.ParseRoleRule(string(r.Role) + " if " + r.Claim + "=" + r.Value)
		if err != nil || again != r {
			t.Errorf("%q is read as %+v and, written again, as %+v, %v", text, r, again, err)
		}
	})
}

func FuzzService_Authenticate_issuer(f *testing.F) {
	f.Add("e30.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIn0.ok")
	f.Add("..")
	s := access.New(access.Options{Clock: clock.System, Issuers: []access.Issuer{{Name: "corp", URL: issuerURL, Verifier: &believer{}}}})
	f.Fuzz(func(t *testing.T, token string) {
		if strings.HasSuffix(token, ".ok") || strings.HasPrefix(token, "sb") {
			t.Skip("believed, or for the store")
		}
		if _, err := s.Authenticate(t.Context(), token); err == nil {
			t.Errorf("%q opens something", token)
		}
	})
}

// TestService_issuer_log looks for the reason of a refusal in the log, where no claim may be.
func TestService_issuer_log(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := access.New(access.Options{
		Clock: clock.System, Logger: slog.New(slog.NewTextHandler(&out, nil)), SignIn: &people{},
		Issuers: []access.Issuer{{Name: "corp", URL: issuerURL, Verifier: &believer{}, Rules: access.Rules{
			Organization: id.New().String(), Match: access.ByEmail, Claim: "email",
		}}},
	})
	token := (&abroad{world: &world{}}).token(t, map[string]any{"email": "eve@demo.example"})
	for _, tc := range []struct{ token, want string }{
		{token, "0 users of the organization have the address in email"},
		{strings.TrimSuffix(token, "ok") + "forged", "reason=forged"},
		{"e30.e30.ok", "not one of access.oidc"},
	} {
		out.Reset()
		_, err := s.Authenticate(t.Context(), tc.token)
		if errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(out.String(), tc.want) || strings.Contains(out.String(), "eve@") || strings.Contains(out.String(), tc.token) {
			t.Errorf("%v; the log says %s", err, out.String())
		}
	}
}
