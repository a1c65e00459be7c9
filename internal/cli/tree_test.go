package cli_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"switchboard/internal/cli"
)

// TestExitCodes holds wrong command lines, of every kind, to the code that scripts know them by.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad.yaml"), "lisen: x\nlog: {levl: debug}\n")
	for _, tc := range []struct {
		args string
		want int
		text string
	}{
		{"orgg", cli.ExitUsage, `unknown command "orgg" for "switchboard"; perhaps org`},
		{"org lst", cli.ExitUsage, `unknown command "lst" for "switchboard org"; perhaps list`},
		{"token user x", cli.ExitUsage, "unknown command"},
		{"version x", cli.ExitUsage, "accepts 0 arg(s)"},
		{"token list x", cli.ExitUsage, "accepts 0 arg(s)"},
		{"purge x", cli.ExitUsage, "accepts 0 arg(s)"},
		{"token revoke", cli.ExitUsage, "accepts 1 arg(s)"},
		{"token user list", cli.ExitUsage, `"user" not set`},
		{"export --user a --group b", cli.ExitUsage, "none of the others can be"},
		{"serve --bogus", cli.ExitUsage, "--bogus"},
		{"token revoke x", cli.ExitInvalid, "switchboard token list"},
		{"consent show x", cli.ExitInvalid, "switchboard consent list"},
		{"audit list --subject x", cli.ExitInvalid, "--subject"},
		{"audit list --since soon", cli.ExitInvalid, "--since"},
		{"audit verify --head x", cli.ExitInvalid, "--head"},
		{"config check --config " + filepath.Join(dir, "bad.yaml"), cli.ExitInvalid, "lisen: is no setting; `switchboard config reference`"},
		{"consent list --organization Nobody", cli.ExitMissing, `"Nobody"`},
		{"token user revoke --organization Nobody --user x", cli.ExitMissing, `"Nobody"`},
	} {
		_, _, err := run(t, t.Context(), nil, append(strings.Fields(tc.args), "--data", dir)...)
		if got := cli.ExitCode(err); got != tc.want || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %d %v, want %d %s", tc.args, got, err, tc.want, tc.text)
		}
	}
	if out, _, err := run(t, t.Context(), nil, "org", "list", "--data", dir); err != nil || strings.Contains(out, "Nobody") {
		t.Errorf("a look made an organization: %s, %v", out, err)
	}
	if out, _, err := run(t, t.Context(), nil, "token", "user"); err != nil || !strings.Contains(out, "Available Commands") {
		t.Errorf("a family alone: %q, %v", out, err)
	}
}

// TestJSON holds every command but those that serve or complete to having --json.
func TestJSON(t *testing.T) {
	t.Parallel()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			switch below.Name() {
			case "serve", "completion", "help":
			default:
				walk(below)
			}
		}
		if !cmd.HasSubCommands() && cmd.Flags().Lookup("json") == nil && cmd.InheritedFlags().Lookup("json") == nil {
			t.Errorf("%s has no --json", cmd.CommandPath())
		}
	}
	walk(cli.New(cli.Env{}))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad.yaml"), "lisen: x\nlog: {levl: debug}\n")
	for args, want := range map[string]string{
		"version": `"version":`, "routes": `{"method":"GET","path":"/","api":"notifications"`, "migrate": `"migrated": true`, "config check": `"fine": true`,
		"config reference": `"key":"providers.<name>.auth_token","kind":"twilio","variable":"SWITCHBOARD_PROVIDERS_<NAME>_AUTH_TOKEN","file_variable":"SWITCHBOARD_PROVIDERS_<NAME>_AUTH_TOKEN_FILE","type":"secret"`,
		"config check --config " + filepath.Join(dir, "bad.yaml"): `"setting": "log.levl",`,
	} {
		out, _, err := run(t, t.Context(), nil, append(strings.Fields(args), "--json", "--data", dir)...)
		if (err != nil) != strings.Contains(args, "bad.yaml") || !strings.Contains(out, want) {
			t.Errorf("%s: %v %.300s", args, err, out)
		}
		d := json.NewDecoder(strings.NewReader(out))
		for d.More() {
			var v any
			if err := d.Decode(&v); err != nil {
				t.Errorf("%s is no JSON: %v", args, err)
				break
			}
		}
	}
}

// TestCompletion asks as a shell does.
func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, _, err := run(t, t.Context(), nil, "org", "create", "First", "--data", dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, t.Context(), nil, "user", "create", "ann", "--data", dir); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"token list --organization ": "First", "consent list --organization F": "First", "consent list --user ": "ann", "export --user a": "ann",
		"purge --organization ": "First", "audit list --organization ": "First", "user show ": "ann", "aud": "audit", "token user re": "revoke",
	} {
		words := strings.Split(args, " ")
		out, _, err := run(t, t.Context(), []string{"SWITCHBOARD_DATA=" + dir}, append([]string{"__complete"}, words...)...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %q, %v, want %s", args, out, err, want)
		}
	}
}
