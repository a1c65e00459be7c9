package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"switchboard/internal/app"
	"switchboard/internal/cli"
	"switchboard/internal/config"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/web/webtest"
)

// asked starts a server, asks its first person for consent and stops it. It returns the ids of the organization, the user and the consent.
func asked(t *testing.T, url, data string) (organization, user, consent string) {
	t.Helper()
	c, err := config.Load(config.Source{Flags: map[string]string{
		"listen": "127.0.0.1:0", "sandbox.listen": "127.0.0.1:0", "demo": "true", "data": data, "database.url": url,
	}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c, app.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(a.DemoFile())
	if err != nil {
		t.Fatal(err)
	}
	var demo struct {
		OrganizationID string `json:"organization_id"`
		Keys           struct{ Administrator string }
		Users          []struct{ ID, Name string }
	}
	if err := json.Unmarshal(raw, &demo); err != nil {
		t.Fatal(err)
	}
	made := webtest.Do(t, a.Handler(), demo.Keys.Administrator, "POST /v1/users/", map[string]any{"data": map[string]any{
		"type": "users", "attributes": map[string]any{"username": "texter", "phone": "+12015550199", "phone-verified": true},
	}})
	user = made.Text(t, "data.id")
	r := webtest.Do(t, a.Handler(), demo.Keys.Administrator, "POST /v1/user-consents/", map[string]any{"data": map[string]any{
		"type": "user-consents", "attributes": map[string]any{"user-id": user, "type": "sms"},
	}})
	return demo.OrganizationID, user, r.Text(t, "data.id")
}

func TestConsent(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			organization, user, made := asked(t, url, data)
			env := []string{"SWITCHBOARD_DATABASE_URL=" + url, "SWITCHBOARD_DATA=" + data}
			tool := func(args ...string) string {
				t.Helper()
				out, _, err := run(t, t.Context(), env, append([]string{"consent", "--organization", organization}, args...)...)
				if err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
				return out
			}
			refused := func(want string, args ...string) {
				t.Helper()
				_, _, err := run(t, t.Context(), env, append([]string{"consent", "--organization", organization}, args...)...)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v: %v, want %q", args, err, want)
				}
			}
			if out := tool("list"); strings.Count(out, "\n") != 2 || !strings.Contains(out, made) || !strings.Contains(out, "pending") {
				t.Errorf("list:\n%s", out)
			}
			var line struct {
				ID, State, Number string
				UserID            string `json:"user_id"`
			}
			for _, args := range [][]string{{"list", "--json", "--user", user}, {"show", made, "--json"}} {
				if err := json.Unmarshal([]byte(tool(args...)), &line); err != nil || line.ID != made || line.UserID != user || line.Number != "+12015550199" {
					t.Errorf("%v: %+v, %v", args, line, err)
				}
			}
			if out := tool("list", "--user", made); strings.Contains(out, "pending") {
				t.Errorf("of nobody:\n%s", out)
			}
			if out := tool("show", made); !strings.Contains(out, "Reply YES") {
				t.Errorf("show:\n%s", out)
			}
			refused(`no user "x"`, "list", "--user", "x")
			refused("consent list", "show", "x")
			refused("no such", "show", user)
			refused("no such", "proof", user)
			proof := tool("proof", made)
			verifies(t, proof, refused)
		})
	}
}

// verifies checks a proof with nothing at hand but the file.
func verifies(t *testing.T, proof string, refused func(want string, args ...string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "proof.json")
	write(t, file, proof)
	verify := func(args ...string) string {
		t.Helper()
		out, _, err := run(t, t.Context(), nil, append([]string{"consent", "verify"}, args...)...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	if out := verify(file); !strings.Contains(out, "Every entry is as it was written, signed at") || !strings.Contains(out, "requested") {
		t.Errorf("verify:\n%s", out)
	}
	var v struct {
		Whole, Signed bool
		State         string
		Entries       int
		KeyPinned     bool   `json:"key_pinned"`
		ConsentID     string `json:"consent_id"`
		IssuedAt      string `json:"issued_at"`
		KeyID         string `json:"key_id"`
		PublicKey     string `json:"public_key"`
	}
	if err := json.Unmarshal([]byte(verify("--json", file)), &v); err != nil || !v.Whole || !v.Signed || v.KeyPinned || v.State != "pending" || v.Entries != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	for _, said := range []string{v.ConsentID, v.IssuedAt, v.KeyID, v.PublicKey} {
		if said == "" || !strings.Contains(proof, strconv.Quote(said)) {
			t.Errorf("%+v says %q, which the proof does not", v, said)
		}
	}
	if out := verify("--key", v.PublicKey, file); !strings.Contains(out, "the expected key") {
		t.Errorf("with the key:\n%s", out)
	}
	refused("another key", "verify", "--key", "AAAA", file)
	refused("no such file", "verify", file+".none")
	write(t, file, strings.Replace(proof, "Reply YES", "Reply NO", 1))
	refused("entry 1", "verify", file)
	out, _, err := run(t, t.Context(), nil, "consent", "verify", "--json", file)
	if err == nil || !strings.Contains(out, `"whole": false`) || !strings.Contains(out, `"problem"`) {
		t.Errorf("changed: %v\n%s", err, out)
	}
	write(t, file, "[]")
	refused("not a proof", "verify", file)

	var printed bytes.Buffer
	cmd := cli.New(cli.Env{Stdout: &printed, Stderr: &printed})
	cmd.SetIn(strings.NewReader(proof))
	cmd.SetArgs([]string{"consent", "verify", "-"})
	if err := cmd.ExecuteContext(t.Context()); err != nil || !strings.Contains(printed.String(), "requested") {
		t.Errorf("from the standard input: %v\n%s", err, printed.String())
	}
}
