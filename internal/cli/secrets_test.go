package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/db/dbtest"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			env := []string{"SWITCHBOARD_DATABASE_URL=" + url, "SWITCHBOARD_DATA=" + data}
			tool := func(into any, args ...string) string {
				t.Helper()
				out, _, err := run(t, t.Context(), env, append([]string{"secrets"}, args...)...)
				if err == nil && into != nil {
					err = json.Unmarshal([]byte(out), into)
				}
				if err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
				return out
			}
			var status struct {
				KeyFile string `json:"key_file"`
				Keys    []struct {
					ID, State string
					Values    int64
				}
				Columns map[string]map[string]int64
			}
			tool(&status, "status", "--json")
			if status.KeyFile != filepath.Join(data, "secrets.key") || len(status.Keys) != 1 || status.Keys[0].Values != 2 || status.Columns["users.webhook_url"] == nil {
				t.Errorf("status = %+v", status)
			}
			first := status.Keys[0].ID
			var staged, rotated struct{ Key string }
			tool(&staged, "stage", "--json")
			tool(&rotated, "rotate", "--json")
			if staged.Key == "" || rotated.Key != staged.Key {
				t.Errorf("staged %q, rotated to %q", staged.Key, rotated.Key)
			}
			if out := tool(nil, "rotate", "--resume"); !strings.Contains(out, "everything is sealed") {
				t.Errorf("resuming what is finished: %s", out)
			}
			if out := tool(nil, "status"); !strings.Contains(out, first) || !strings.Contains(out, "retired") || !strings.Contains(out, "vault_signing_keys.private_key") {
				t.Errorf("status:\n%s", out)
			}
			var pruned struct{ Dropped []string }
			if tool(&pruned, "prune", "--json"); pruned.Dropped == nil || len(pruned.Dropped) != 0 {
				t.Errorf("a key that was just retired is dropped: %v", pruned.Dropped)
			}
			publicKeys(t, tool)
			auditOfSecrets(t, env, first, staged.Key)

			text, err := os.ReadFile(status.KeyFile)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.SplitSeq(string(text), "\n") {
				if line != "" && !strings.HasPrefix(line, "#") && strings.Contains(tool(nil, "status", "--json")+tool(nil, "public-keys"), line) {
					t.Error("a key is printed")
				}
			}
			if err := os.Remove(status.KeyFile); err != nil {
				t.Fatal(err)
			}
			if _, _, err := run(t, t.Context(), env, "secrets", "status"); err == nil || !strings.Contains(err.Error(), "docs/secrets.md") {
				t.Errorf("without the key file: %v", err)
			}
		})
	}
}

// auditOfSecrets shows that the acts on keys are in the audit, of no organization, and are verified with it.
func auditOfSecrets(t *testing.T, env []string, first, staged string) {
	t.Helper()
	tool := func(args ...string) string {
		t.Helper()
		out, _, err := run(t, t.Context(), env, append([]string{"audit"}, args...)...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	got := map[string][2]string{}
	for line := range strings.Lines(tool("list", "--installation", "--json", "--action", "vault.")) {
		var row struct {
			Action, Via string
			Detail      map[string]struct {
				KeyID string `json:"key-id"`
			}
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.Via != "command-line" {
			t.Errorf("%v in %s", err, line)
		}
		got[row.Action] = [2]string{row.Detail["before"].KeyID, row.Detail["after"].KeyID}
	}
	if len(got) != 3 || got["vault.key.staged"] != [2]string{"", staged} || got["vault.key.rotated"] != [2]string{first, staged} ||
		got["vault.signing-key.rotated"][0] == "" || got["vault.signing-key.rotated"][1] == "" {
		t.Errorf("the audit has %v", got)
	}
	if out := tool("list", "--installation"); !strings.Contains(out, "audit.events.read") {
		t.Errorf("the look into it is not in it:\n%s", out)
	}
	if out := tool("export"); strings.Count(out, "vault.key.rotated") != 1 {
		t.Errorf("the export of everything has\n%s", out)
	}
	if out := tool("export", "--installation"); strings.Count(out, "vault.key.rotated") != 1 {
		t.Errorf("the export of the installation has\n%s", out)
	}
	if out := tool("verify"); !strings.Contains(out, "nothing was changed") {
		t.Errorf("verify:\n%s", out)
	}
	if _, _, err := run(t, t.Context(), env, "audit", "list", "--installation", "--organization", "x"); err == nil {
		t.Error("two parts at once are listed")
	}
}

func publicKeys(t *testing.T, tool func(into any, args ...string) string) {
	t.Helper()
	type key struct {
		ID, PEM string
		Public  string `json:"public_key"`
		Retired bool
	}
	var before, after []key
	tool(&before, "public-keys", "--json")
	var made struct{ Key string }
	tool(&made, "rotate-signing-key", "--json")
	tool(&after, "public-keys", "--json")
	if len(before) != 1 || len(after) != 2 || after[0].ID != made.Key || after[1].ID != before[0].ID || !after[1].Retired ||
		after[1].Public != before[0].Public || !strings.Contains(after[0].PEM, "BEGIN PUBLIC KEY") {
		t.Errorf("before %+v, after %+v", before, after)
	}
}
