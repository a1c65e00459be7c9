package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/db/dbtest"
)

// TestPrivacy takes a user out, purges the user, checks the report, and brings the user back.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, dir := newShell(t, url), t.TempDir()
			s.does("org", "create", "Hospital")
			user, _ := s.record("user", "create", "ann")["id"].(string)
			out, report := filepath.Join(dir, "ann.tar.gz"), filepath.Join(dir, "report.json")

			s.ends(2, "export", "--out", out)
			s.ends(2, "export", "--user", "ann", "--out", out)
			s.ends(1, "export", "--user", user, "--group", user, "--out", out)
			s.does("export", "--user", user, "--out", out)
			s.ends(1, "export", "--user", user, "--out", out) // it exists

			s.ends(2, "purge", "--user", user)
			if err := os.WriteFile(report, []byte(s.does("purge", "--user", user, "--request-id", "r", "--yes")), 0o600); err != nil {
				t.Fatal(err)
			}
			s.ends(3, "purge", "--user", user, "--yes")
			s.ends(3, "user", "show", "ann")

			s.does("purge", "verify", report)
			var keys []struct {
				PublicKey string `json:"public_key"`
			}
			if err := json.Unmarshal([]byte(s.does("secrets", "public-keys", "--json")), &keys); err != nil {
				t.Fatal(err)
			}
			key := keys[0].PublicKey
			s.does("purge", "verify", report, "--public-key", key)
			s.ends(2, "purge", "verify", report, "--public-key", "x")
			raw, err := os.ReadFile(report)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(report, []byte(strings.Replace(string(raw), `"deleted": 1`, `"deleted": 9`, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			s.ends(1, "purge", "verify", report)

			s.ends(5, "import", out)
			if dry := s.record("import", out, "--dry-run", "--force-tombstoned"); dry["added"] == 0.0 {
				t.Errorf("a dry run would add nothing: %v", dry)
			}
			s.ends(3, "user", "show", "ann")
			s.does("import", out, "--force-tombstoned")
			s.does("user", "show", "ann")
			if again := s.record("import", out); again["added"] != 0.0 {
				t.Errorf("importing again adds %v", again["added"])
			}
			s.does("user", "update", "ann", "--first-name", "Another")
			s.ends(5, "import", out)
		})
	}
}
