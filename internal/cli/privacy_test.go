package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
)

// TestPurge_waiting tells of a purge that could not go on that it waits, and not that somebody is at it.
func TestPurge_waiting(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t, url)
			s.does("org", "create", "Hospital")
			user, _ := s.record("user", "create", "ann")["id"].(string)
			purge := []string{"purge", "--user", user, "--request-id", "r", "--yes"}
			s.does(purge...)
			d, err := db.Open(t.Context(), url, db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if _, err := d.Q(t.Context()).Exec(t.Context(), "update purges set state = 'running', stage = 'erasing', failed_attempts = 2, lease_until = $1",
				time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			_, _, err = run(t, t.Context(), s.env, purge...)
			if err == nil || !strings.Contains(err.Error(), "failures in a row: 2") {
				t.Errorf("purge ends with %v", err)
			}
		})
	}
}

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
			s.ends(3, "export", "--user", "bob", "--out", out)
			s.ends(3, "export", "--user", "ann", "--organization", "Clinic", "--out", out)
			s.ends(3, "export", "--group", "Ward 7", "--out", out)
			s.ends(3, "export", "--user", "00000000-0000-7000-8000-000000000001", "--out", out)
			s.ends(2, "export", "--user", user, "--group", user, "--out", out)
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
			s.ends(3, "import", out, "--organization", "Clinic")
			s.does("import", out, "--organization", "hospital")
			if again := s.record("import", out); again["added"] != 0.0 {
				t.Errorf("importing again adds %v", again["added"])
			}
			s.does("user", "update", "ann", "--first-name", "Another")
			s.ends(5, "import", out)
		})
	}
}

// TestPrivacy_names takes people and groups by their names, and those that were deleted by their ids.
func TestPrivacy_names(t *testing.T) {
	t.Parallel()
	s, dir := newShell(t, dbtest.URLs(t)["sqlite"]), t.TempDir()
	s.does("org", "create", "Hospital")
	s.does("org", "create", "Clinic")
	user, _ := s.record("user", "create", "ann", "--organization", "Hospital")["id"].(string)
	s.does("user", "create", "ben", "--organization", "Hospital")
	s.does("group", "create", "Ward 7", "--organization", "Hospital")
	subject := func(of ...string) string {
		t.Helper()
		var made struct {
			Manifest struct{ Subject struct{ ID, Type string } }
		}
		args := append([]string{"export", "--json", "--organization", "hospital", "--out", filepath.Join(t.TempDir(), "x")}, of...)
		if err := json.Unmarshal([]byte(s.does(args...)), &made); err != nil {
			t.Fatal(err)
		}
		return made.Manifest.Subject.Type + " " + made.Manifest.Subject.ID
	}
	if got := subject("--user", "ANN"); got != "user "+user {
		t.Errorf("ann is %s, not %s", got, user)
	}
	if got, want := subject("--individual", "ann"), subject("--individual", user); got != want || !strings.HasPrefix(got, "individual ") {
		t.Errorf("ann's individual is %s and %s", got, want)
	}
	if got := subject("--group", "ward 7"); !strings.HasPrefix(got, "individual-group ") {
		t.Errorf("the ward is %s", got)
	}
	s.ends(5, "export", "--user", "ann", "--out", filepath.Join(dir, "x")) // whose?
	s.ends(3, "export", "--user", "ann", "--organization", "Clinic", "--out", filepath.Join(dir, "x"))
	s.ends(3, "purge", "--user", user, "--organization", "Clinic", "--yes")

	s.does("user", "delete", "ann", "--organization", "Hospital")
	s.ends(3, "purge", "--user", "ann", "--organization", "Hospital", "--yes")
	s.does("purge", "--user", user, "--organization", "Hospital", "--yes")
	s.does("purge", "--group", "Ward 7", "--organization", "Hospital", "--yes")
	s.does("purge", "--user", "ben", "--organization", "Hospital", "--yes")
	s.ends(3, "user", "show", "ben", "--organization", "Hospital")
}
