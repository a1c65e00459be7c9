package accessoidc_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/access/accessoidc"
	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/errs"
)

func good() map[string]any {
	return map[string]any{"issuer": "https://id.example.org/realm", "audiences": []any{"switchboard"}, "organization": "Demo"}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	full := good()
	maps.Copy(full, map[string]any{
		"roles": []any{"administrator if groups=admins", "leader if realm_access.roles=nurse"}, "match": "username",
		"scopes_claim": "scope", "scopes": "messages,events:read", "clock_skew": "5s",
	})
	other := good()
	other["issuer"] = "http://127.0.0.1:5556"
	third := good()
	maps.Copy(third, map[string]any{"issuer": "https://third.example", "match": "external-id", "source": "hr"})
	set, err := accessoidc.Open(map[string]map[string]any{"a": full, "b": other, "c": third}, clock.System)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	issuers := set.Issuers()
	if len(issuers) != 3 || issuers[0].Name != "a" || issuers[0].URL != "https://id.example.org/realm" {
		t.Fatalf("issuers = %+v", issuers)
	}
	r := issuers[0].Rules
	if r.Claim != "preferred_username" || r.Match != access.ByUsername || len(r.Roles) != 2 || r.Roles[1] != (access.RoleRule{Role: actor.Leader, Claim: "realm_access.roles", Value: "nurse"}) ||
		r.ScopesClaim != "scope" || len(r.Ceiling) != 2 {
		t.Errorf("rules = %+v", r)
	}
	if r := issuers[2].Rules; r.Match != access.ByExternalID || r.Claim != "sub" || r.Source != "hr" {
		t.Errorf("rules by external id = %+v", r)
	}
	if r := issuers[1].Rules; r.Claim != "email" || r.AllowUnverifiedEmail || strings.Join(r.Ceiling, " ") != "*" || r.Organization != "Demo" {
		t.Errorf("rules without settings = %+v", r)
	}
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change map[string]any
		paths  []string
	}{
		"plain HTTP":           {map[string]any{"issuer": "http://id.example.org"}, []string{"issuer"}},
		"no address":           {map[string]any{"issuer": "id.example.org"}, []string{"issuer"}},
		"a query":              {map[string]any{"issuer": "https://id.example.org/?x=1"}, []string{"issuer"}},
		"a password":           {map[string]any{"issuer": "https://u:p@id.example.org/"}, []string{"issuer"}},
		"nothing":              {map[string]any{"issuer": nil, "audiences": nil}, []string{"issuer", "audiences"}},
		"a shared secret":      {map[string]any{"algorithms": "HS256"}, []string{"algorithms"}},
		"no signature":         {map[string]any{"algorithms": "none"}, []string{"algorithms"}},
		"no algorithm":         {map[string]any{"algorithms": ""}, []string{"algorithms"}},
		"a clock that is off":  {map[string]any{"clock_skew": "6m"}, []string{"clock_skew"}},
		"a negative skew":      {map[string]any{"clock_skew": "-1s"}, []string{"clock_skew"}},
		"two organizations":    {map[string]any{"organization_claim": "org"}, []string{"organization"}},
		"no organization":      {map[string]any{"organization": ""}, []string{"organization"}},
		"a match":              {map[string]any{"match": "shoe-size"}, []string{"match"}},
		"ids of nobody":        {map[string]any{"match": "external-id"}, []string{"source"}},
		"ids that are unused":  {map[string]any{"source": "hr"}, []string{"source"}},
		"a rule":               {map[string]any{"roles": []any{"groups=admins"}}, []string{"roles"}},
		"a machine's role":     {map[string]any{"roles": []any{"service if a=b"}}, []string{"roles"}},
		"a scope":              {map[string]any{"scopes": "Messages:Read"}, []string{"scopes"}},
		"an unknown setting":   {map[string]any{"audience": "x"}, []string{"audience"}},
		"a number for a text":  {map[string]any{"claim": 7}, []string{"claim"}},
		"several at once":      {map[string]any{"match": "x", "clock_skew": time.Hour}, []string{"match", "clock_skew"}},
		"a rule without value": {map[string]any{"roles": []any{"leader if a="}}, []string{"roles"}},
	} {
		raw := good()
		maps.Copy(raw, tc.change)
		_, err := accessoidc.Open(map[string]map[string]any{"corp": raw}, clock.System)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || len(e.Fields) != len(tc.paths) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, path := range tc.paths {
			if !strings.Contains(err.Error(), "access.oidc.corp."+path+":") {
				t.Errorf("%s: %s is not blamed: %v", name, path, err)
			}
		}
	}
	if _, err := accessoidc.Open(map[string]map[string]any{"a": good(), "b": good()}, clock.System); err == nil || !strings.Contains(err.Error(), "access.oidc.b.issuer: is that of a too") {
		t.Errorf("one issuer twice: %v", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, s := range accessoidc.Settings() {
		if s.Doc == "" || s.Default == "" && !s.Required && s.Type != "text" && s.Type != "list of texts" {
			t.Errorf("%+v lacks a text or a default", s)
		}
	}
}
