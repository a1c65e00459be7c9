package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchboard/internal/cli"
	"switchboard/internal/db/dbtest"
)

// run runs a command and returns what it printed.
func run(t *testing.T, ctx context.Context, env []string, args ...string) (stdout, stderr string, err error) { //nolint:revive // a test helper's t comes first
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := cli.New(cli.Env{Stdout: &out, Stderr: &errOut, Environ: env})
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(ctx)
	return out.String(), errOut.String(), err
}

func TestVersion(t *testing.T) {
	t.Parallel()
	out, _, err := run(t, t.Context(), nil, "version")
	if err != nil || !strings.HasPrefix(out, "switchboard ") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	out, _, err := run(t, t.Context(), nil, "routes")
	if err != nil || !strings.Contains(out, "POST /v1/messaging-messages/ courier internal/messaging/messagingapi/courier_") {
		t.Errorf("%v:\n%.2000s", err, out)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good, bad := filepath.Join(t.TempDir(), "good.yaml"), filepath.Join(t.TempDir(), "bad.yaml")
	write(t, good, "listen: 127.0.0.1:0\nproviders: {mail: {kind: smtp, host: localhost, port: 25, tls: none, from: a@example.org}}\n")
	write(t, bad, "lisen: x\n")
	if out, _, err := run(t, t.Context(), nil, "config", "check", "--config", good); err != nil || out != "the settings are fine\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, _, err := run(t, t.Context(), nil, "config", "check", "--config", bad); err == nil || !strings.Contains(err.Error(), "lisen") {
		t.Errorf("a wrong key: %v", err)
	}
	wrong := []string{"SWITCHBOARD_PROVIDERS_TEXT_KIND=twilio", "SWITCHBOARD_PROVIDERS_TEXT_AUTH_TOKEN=hush-hush"}
	if _, _, err := run(t, t.Context(), wrong, "config", "check"); err == nil || !strings.Contains(err.Error(), "account_sid") || strings.Contains(err.Error(), "hush-hush") {
		t.Errorf("a provider without its settings: %v", err)
	}
	out, _, err := run(t, t.Context(), nil, "config", "reference")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/settings.md")
	if err != nil || string(page) != out {
		t.Errorf("docs/settings.md is not what `switchboard config reference` prints; run `make docs` (%v)", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"SWITCHBOARD_DATABASE_URL=" + url, "SWITCHBOARD_DATA=" + t.TempDir()}
			tool := func(args ...string) (string, error) {
				out, _, err := run(t, t.Context(), env, args...)
				return out, err
			}
			if _, err := tool("token", "create"); err == nil || !strings.Contains(err.Error(), "--organization") {
				t.Errorf("without any organization: %v", err)
			}
			secret, err := tool("token", "create", "--organization", "First")
			if err != nil || !strings.HasPrefix(secret, "sbk_") {
				t.Fatalf("%q, %v", secret, err)
			}
			out, err := tool("token", "create", "--json", "--role", "service", "--scope", "events:write", "--expires", "1h", "--name", "billing")
			var made struct {
				ID     string   `json:"id"`
				Key    string   `json:"key"`
				Scopes []string `json:"scopes"`
			}
			if err := json.Unmarshal([]byte(out), &made); err != nil || !strings.HasPrefix(made.Key, "sbk_") || len(made.Scopes) != 1 {
				t.Fatalf("%s, %v", out, err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tool("token", "create", "--organization", "Second"); err == nil {
				t.Error("a misspelt organization is made beside the first")
			}
			if _, err := tool("token", "create", "--role", "king"); err == nil {
				t.Error("a role that is none")
			}
			if _, err := tool("token", "revoke", made.ID); err != nil {
				t.Error(err)
			}
			if _, err := tool("token", "revoke", made.ID); err == nil {
				t.Error("revoked twice")
			}
			if _, err := tool("token", "revoke", "x"); err == nil {
				t.Error("revoked nonsense")
			}
			list, err := tool("token", "list", "--organization", "first")
			if err != nil || strings.Count(list, "\n") != 3 || !strings.Contains(list, "revoked") || strings.Contains(list, "sbk_") {
				t.Errorf("%v:\n%s", err, list)
			}
			if asJSON, err := tool("token", "list", "--json"); err != nil || strings.Contains(asJSON, "sbk_") {
				t.Errorf("%v:\n%s", err, asJSON)
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, _, err := run(t, t.Context(), nil, "migrate", "--data", dir); err != nil || !strings.Contains(out, "up to date") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "switchboard.db")); err != nil {
		t.Error(err)
	}
	if _, _, err := run(t, t.Context(), nil, "migrate", "--database-url", "mysql://x"); err == nil {
		t.Error("a database that is not supported")
	}
}

// TestServe runs the demo twice on one folder, as somebody does who comes back to it.
func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var keys []string
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, _, err := run(t, ctx, nil, "serve", "--demo", "--data", dir, "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--log-level", "error")
			done <- err
		}()
		demo := waitForDemo(t, filepath.Join(dir, "demo.json"), done)
		keys = append(keys, demo.Keys.Administrator)
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, "demo.json"), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if keys[0] == "" || keys[0] != keys[1] {
		t.Error("the keys of the demo changed with the second start")
	}
}

type demo struct {
	URL        string `json:"url"`
	SandboxURL string `json:"sandbox_url"`
	Keys       struct {
		Administrator string `json:"administrator"`
	} `json:"keys"`
}

// waitForDemo waits until a server that wrote a fresh demo.json is ready.
func waitForDemo(t *testing.T, path string, done <-chan error) demo {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * time.Minute)
	for {
		select {
		case err := <-done:
			t.Fatalf("the server stopped: %v", err)
		case <-end:
			t.Fatal("the server is not ready")
		case <-tick.C:
		}
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Unix() == 0 {
			continue
		}
		var d demo
		raw, err := os.ReadFile(path)
		if err != nil || json.Unmarshal(raw, &d) != nil {
			continue
		}
		answer, err := http.Get(d.URL + "/readyz")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return d
		}
	}
}

func TestServe_refusesADatabaseThatIsNoDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := run(t, t.Context(), nil, "token", "create", "--organization", "Real", "--data", dir); err != nil {
		t.Fatal(err)
	}
	_, _, err := run(t, t.Context(), nil, "serve", "--demo", "--data", dir, "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "not a demo") {
		t.Errorf("serve --demo on real data: %v", err)
	}
}
