package cli_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
)

// TestAudit works on an audit with what the command line itself did, with no server running, and then changes a row.
func TestAudit(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			env := []string{"SWITCHBOARD_DATABASE_URL=" + url, "SWITCHBOARD_DATA=" + dir}
			tool := func(args ...string) string {
				t.Helper()
				out, _, err := run(t, t.Context(), env, args...)
				if err != nil {
					t.Fatalf("%v: %v", args, err)
				}
				return out
			}
			fails := func(want string, args ...string) string {
				t.Helper()
				out, _, err := run(t, t.Context(), env, args...)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v: %v, want %q\n%s", args, err, want, out)
				}
				return out
			}
			tool("token", "create", "--organization", "First", "--name", "one")
			tool("token", "create", "--name", "two")

			var row struct {
				Action, Via, Hash string
				Place             int64
				Detail            map[string]any
			}
			lines := strings.Split(strings.TrimSpace(tool("audit", "list", "--json", "--action", "access.key.", "--since", "1h")), "\n")
			if err := json.Unmarshal([]byte(lines[0]), &row); err != nil || len(lines) != 2 || row.Action != "access.key.created" || row.Via != "command-line" || row.Place == 0 || len(row.Hash) != 64 {
				t.Errorf("list: %v, %+v\n%s", err, row, lines)
			}
			if out := tool("audit", "list", "--limit", "3"); strings.Count(out, "\n") != 4 || !strings.Contains(out, "access.key.created") {
				t.Errorf("list:\n%s", out)
			}
			if out := tool("audit", "list", "--until", "2001-01-01"); strings.Count(out, "\n") != 1 {
				t.Errorf("list of long ago:\n%s", out)
			}
			head := strings.TrimSpace(tool("audit", "head"))
			if out := tool("audit", "verify", "--head", head); !strings.Contains(out, "nothing was changed") {
				t.Errorf("verify:\n%s", out)
			}
			export, keys := filepath.Join(dir, "export.jsonl"), filepath.Join(dir, "keys.pem")
			write(t, export, tool("audit", "export", "--organization", "First"))
			write(t, keys, tool("secrets", "public-keys"))
			tool("audit", "verify", "--keys", keys)
			if out := tool("audit", "verify", "--file", export, "--keys", keys, "--head", head); !strings.Contains(out, "nothing was changed") || strings.Contains(out, " 0 of them signed") {
				t.Errorf("verify an export:\n%s", out)
			}

			fails("--since", "audit", "list", "--since", "yesterday")
			fails(`no user "me"`, "audit", "list", "--user", "me")
			fails("--head", "audit", "verify", "--head", "12:xyz")
			fails("PEM", "audit", "verify", "--keys", export)
			fails("no such file", "audit", "verify", "--file", filepath.Join(dir, "nothing"))
			fails("line 1", "audit", "verify", "--file", keys)
			fails("no organization", "audit", "export", "--organization", "Second")

			tamper(t, url)
			if out := fails("place 1", "audit", "verify"); !strings.Contains(out, "0 rows") {
				t.Errorf("verify after a change:\n%s", out)
			}
			var report struct {
				Whole   bool
				Problem struct{ Fault string }
			}
			if err := json.Unmarshal([]byte(fails("place 1", "audit", "verify", "--json")), &report); err != nil || report.Whole || report.Problem.Fault != "changed" {
				t.Errorf("as JSON: %+v, %v", report, err)
			}
			tool("audit", "verify", "--file", export) // what was exported before is still what it was
		})
	}
}

// tamper changes the first row behind the server's back.
func tamper(t *testing.T, url string) {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	drop := "drop trigger audit_fixed"
	if d.Dialect() == db.Postgres {
		drop += " on audit"
	}
	for _, query := range []string{drop, "update audit set role = 'member' where place = 1"} {
		if _, err := d.Q(ctx).Exec(ctx, query); err != nil {
			t.Fatal(err)
		}
	}
}
