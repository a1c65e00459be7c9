package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
)

// made is what a command prints of a key that it made.
type made struct {
	ID      string `json:"id"`
	Key     string `json:"key"`
	Secrets []struct {
		ExpiresAt *string `json:"expires_at"`
	} `json:"secrets"`
}

func read[T any](t *testing.T, printed string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(printed), &out); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	return out
}

func TestToken_rotate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tool := func(args ...string) (string, error) {
		out, _, err := run(t, t.Context(), nil, append(args, "--data", dir)...)
		return out, err
	}
	out, err := tool("token", "create", "--organization", "First", "--json")
	if err != nil {
		t.Fatal(err)
	}
	k := read[made](t, out)
	out, err = tool("token", "rotate", k.ID, "--json")
	if err != nil {
		t.Fatal(err)
	}
	rotated := read[made](t, out)
	if rotated.ID != k.ID || rotated.Key == k.Key || len(rotated.Secrets) != 2 || rotated.Secrets[0].ExpiresAt != nil || rotated.Secrets[1].ExpiresAt == nil {
		t.Errorf("rotated: %s", out)
	}
	if _, err := tool("token", "rotate", k.ID); err == nil || !strings.Contains(err.Error(), "two secrets") {
		t.Errorf("rotated twice: %v", err)
	}
	if secret, err := tool("token", "rotate", k.ID, "--overlap", "0"); err != nil || !strings.HasPrefix(secret, "sbk_") || strings.Count(secret, "\n") != 1 {
		t.Errorf("at once: %q, %v", secret, err)
	}
	for name, args := range map[string][]string{
		"nonsense": {"token", "rotate", "x"}, "no key": {"token", "rotate", "0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"},
		"too long": {"token", "rotate", k.ID, "--overlap", "169h"}, "a misspelt scope": {"token", "create", "--scope", "mesages:read"},
	} {
		if out, err := tool(args...); err == nil || strings.Contains(out, "sbk_") {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	if out, err := tool("token", "revoke", k.ID, "--json"); err != nil || !strings.Contains(out, `"revoked": true`) {
		t.Errorf("revoke: %q, %v", out, err)
	}
}

func TestToken_scopes(t *testing.T) {
	t.Parallel()
	out, _, err := run(t, t.Context(), nil, "token", "scopes")
	if err != nil || !strings.Contains(out, "messaging-messages:write") || !strings.Contains(out, "api-keys:read") {
		t.Errorf("%v:\n%s", err, out)
	}
	out, _, err = run(t, t.Context(), nil, "token", "scopes", "--json")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for text := range strings.Lines(out) {
		r := read[struct {
			Resource, Doc string
			Actions       []string
		}](t, text)
		if r.Resource == "" || r.Doc == "" || len(r.Actions) == 0 || seen[r.Resource] {
			t.Errorf("%+v is incomplete, or is there twice", r)
		}
		seen[r.Resource] = true
	}
}

func TestToken_user(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	organization, user := s.Demo.OrganizationID.String(), s.Demo.Users[0].ID.String()
	key, _ := s.IssueKey(t, s.Demo.OrganizationID, "service", "--scope", "topics:read", "--scope", "sites:read")
	raw := s.Command(t, "token", "user", "create", "--key", key.String(), "--user", user, "--scope", "sites:read", "--json")
	one := read[struct {
		ID, Token string
		UserID    string `json:"user_id"`
	}](t, string(raw))
	if !strings.HasPrefix(one.Token, "sbu_") || one.UserID != user {
		t.Fatalf("made: %s", raw)
	}
	s.Want(t, 200, one.Token, "GET /sites", nil)
	s.Want(t, 403, one.Token, "GET /topics", nil)
	all := strings.TrimSpace(string(s.Command(t, "token", "user", "create", "--key", key.String(), "--user", user)))
	if !strings.HasPrefix(all, "sbu_") {
		t.Fatalf("made: %s", all)
	}
	s.Want(t, 200, all, "GET /topics", nil) // it may what the key may
	s.Want(t, 403, all, "GET /v1/groups", nil)
	if out := s.Command(t, "token", "user", "list", "--organization", organization, "--user", user, "--json"); strings.Count(string(out), key.String()) != 2 || strings.Contains(string(out), "sbu_") {
		t.Errorf("listed: %s", out)
	}
	if out := s.Command(t, "token", "user", "list", "--organization", organization, "--user", user); strings.Count(string(out), "\n") != 3 {
		t.Errorf("listed: %s", out)
	}
	if out := s.Command(t, "token", "user", "revoke", "--organization", organization, "--user", user); string(out) != "revoked 2\n" {
		t.Errorf("revoked: %s", out)
	}
	if out := s.Command(t, "token", "user", "revoke", "--organization", organization, "--user", user, "--json"); !strings.Contains(string(out), `"revoked": 0`) {
		t.Errorf("revoked: %s", out)
	}
	apptest.Eventually(t, "the server refuses the token", func() error {
		if r := s.Do(t, one.Token, "GET /sites", nil); r.Status != 401 {
			return apptest.Errorf("it answers %d", r.Status)
		}
		return nil
	})
}

// TestConfig_exampleOfAccess checks the example of the page about access.
func TestConfig_exampleOfAccess(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(example, "```")
	file := filepath.Join(t.TempDir(), "example.yaml")
	write(t, file, example)
	if out, _, err := run(t, t.Context(), nil, "config", "check", "--config", file); err != nil || !found {
		t.Errorf("%s %v", out, err)
	}
	write(t, file, strings.Replace(example, "issuer: https", "issuer: http", 1))
	if _, _, err := run(t, t.Context(), nil, "config", "check", "--config", file); err == nil || !strings.Contains(err.Error(), "access.oidc.keycloak.issuer") {
		t.Errorf("a wrong example: %v", err)
	}
}
