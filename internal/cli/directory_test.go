package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/internal/cli"
	"switchboard/internal/db/dbtest"
)

// shell runs commands on one database.
type shell struct {
	t   *testing.T
	env []string
}

func newShell(t *testing.T, url string) shell {
	return shell{t, []string{"SWITCHBOARD_DATABASE_URL=" + url, "SWITCHBOARD_DATA=" + t.TempDir()}}
}

// does runs a command that must succeed, and returns what it printed.
func (s shell) does(args ...string) string {
	s.t.Helper()
	out, stderr, err := run(s.t, s.t.Context(), s.env, args...)
	if err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, stderr)
	}
	return strings.TrimSpace(out)
}

// ends runs a command that must end with a code.
func (s shell) ends(code int, args ...string) {
	s.t.Helper()
	if _, _, err := run(s.t, s.t.Context(), s.env, args...); cli.ExitCode(err) != code {
		s.t.Errorf("%v: code %d, want %d: %v", args, cli.ExitCode(err), code, err)
	}
}

// record is the one record that a command prints.
func (s shell) record(args ...string) map[string]any {
	s.t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(s.does(append(args, "--json")...)), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// records are those that a command prints, one a line.
func (s shell) records(args ...string) []map[string]any {
	s.t.Helper()
	out := []map[string]any{}
	for line := range strings.SplitSeq(s.does(append(args, "--json")...), "\n") {
		var one map[string]any
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		out = append(out, one)
	}
	return out
}

func (s shell) want(what string, got, want any) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestDirectory scripts the directory: organizations, users, groups and who is in them.
func TestDirectory(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t, url)
			s.organizations()
			s.users()
			s.groups()
			s.completion()
		})
	}
}

func (s shell) organizations() {
	s.t.Helper()
	s.ends(cli.ExitMissing, "user", "list")
	ours := s.does("org", "create", "Ours", "--timezone", "Europe/Berlin")
	theirs := s.record("org", "create", "Theirs")["id"].(string) //nolint:forcetypeassert // the test fails all the same
	s.want("show by name", s.record("org", "show", "OURS")["id"], ours)
	s.want("show by id", s.record("org", "show", theirs)["name"], "Theirs")
	s.want("timezone", s.record("org", "show", ours)["timezone"], "Europe/Berlin")
	s.want("update", s.record("org", "update", "theirs", "--display-name", "Them", "--name", "Others")["display_name"], "Them")
	s.want("list", len(s.records("org", "list")), 2)
	s.want("list by name", len(s.records("org", "list", "--name", "oth")), 1)
	if text := s.does("org", "list"); !strings.HasPrefix(text, "ID") || !strings.Contains(text, "Ours") {
		s.t.Errorf("the table:\n%s", text)
	}
	s.does("org", "create", "Others")
	for code, args := range map[int][]string{
		cli.ExitUsage: {"org", "show"}, cli.ExitMissing: {"org", "show", "Nobody"}, cli.ExitConflict: {"org", "show", "others"},
		cli.ExitInvalid: {"org", "update", "Ours", "--timezone", "Moon"},
	} {
		s.ends(code, args...)
	}
	s.ends(cli.ExitUsage, "org", "list", "--colour", "red")
	s.ends(cli.ExitConflict, "user", "list") // several organizations, and none is named
	s.does("org", "delete", theirs)
	s.ends(cli.ExitMissing, "org", "show", theirs)
	s.ends(cli.ExitMissing, "org", "delete", theirs)
	s.does("org", "delete", "Others")
}

func (s shell) users() {
	s.t.Helper()
	nurse := s.record("user", "create", "Nurse", "--account-type", "provider", "--email", "nurse@example.org", "--verified", "--first-name", "N")
	s.want("email", nurse["email"], "nurse@example.org")
	ada := s.does("user", "create", "ada", "--phone", "+14155552671", "--organization", "ours")
	s.want("show by name", s.record("user", "show", "ADA")["id"], ada)
	s.want("show by id", s.record("user", "show", ada)["username"], "ada")
	s.want("update", s.record("user", "update", "ada", "--last-name", "L", "--username", "ada.l")["last_name"], "L")
	s.want("list", len(s.records("user", "list")), 2)
	s.ends(cli.ExitConflict, "user", "create", "NURSE")
	s.ends(cli.ExitInvalid, "user", "create", "x", "--email", "nowhere")
	s.ends(cli.ExitInvalid, "user", "update", "nurse", "--state", "asleep")
	s.ends(cli.ExitMissing, "user", "show", "nobody")
	s.ends(cli.ExitMissing, "user", "show", "nurse", "--organization", "Nobody")
	s.ends(cli.ExitUsage, "user", "create")
	s.want("archive", s.record("user", "archive", "ada.l")["state"], "archived")
	s.want("back", s.record("user", "update", "ada.l", "--state", "active")["state"], "active")
	s.does("user", "create", "gone")
	s.does("user", "delete", "gone")
	s.ends(cli.ExitMissing, "user", "delete", "gone")
}

func (s shell) groups() {
	s.t.Helper()
	s.does("group", "create", "Hospital")
	ward := s.record("group", "create", "Ward 7", "--description", "Second floor", "--parent", "hospital")
	if ward["parent_id"] == nil {
		s.t.Errorf("%v", ward)
	}
	s.ends(cli.ExitConflict, "group", "update", "Hospital", "--parent", "Ward 7")
	both := s.record("group", "add", "Ward 7", "nurse", "ada.l")
	s.want("leaders", len(both["leader_ids"].([]any)), 1)         //nolint:forcetypeassert // as above
	s.want("individuals", len(both["individual_ids"].([]any)), 1) //nolint:forcetypeassert // as above
	s.want("the same again", s.does("group", "add", "Ward 7", "nurse"), s.does("group", "show", "Ward 7"))
	if left := s.record("group", "remove", ward["id"].(string), "nurse"); left["leader_ids"] != nil { //nolint:forcetypeassert // as above
		s.t.Errorf("%v", left)
	}
	s.want("update", s.record("group", "update", "ward 7", "--name", "Ward 8", "--parent", "")["parent_id"], nil)
	s.want("list", len(s.records("group", "list")), 2)
	s.ends(cli.ExitMissing, "group", "add", "Ward 8", "nobody")
	s.ends(cli.ExitMissing, "group", "show", "Ward 7")
	s.ends(cli.ExitUsage, "group", "add", "Ward 8")
	if archived := s.record("group", "archive", "Ward 8"); archived["archived_at"] == nil {
		s.t.Errorf("%v", archived)
	}
	s.does("group", "delete", "Ward 8")
	s.ends(cli.ExitMissing, "group", "show", "Ward 8")
	s.does("group", "create", "Twins")
	s.does("group", "create", "twins")
	s.ends(cli.ExitConflict, "group", "show", "Twins")
}

// completion asks for what a shell asks for.
func (s shell) completion() {
	s.t.Helper()
	for _, tc := range []struct{ args, want string }{
		{"org show ", "Ours"},
		{"user show NU", "Nurse"},
		{"user list --organization ", "Ours"},
		{"group show Hos", "Hospital"},
		{"group add Hospital ad", "ada.l"},
		{"group create x --parent Hos", "Hospital"},
	} {
		args := strings.Split(tc.args, " ")
		if out := s.does(append([]string{"__complete"}, args...)...); !strings.Contains(out, tc.want+"\n") {
			s.t.Errorf("%q is completed to %q, want %s", tc.args, out, tc.want)
		}
	}
	for _, kind := range []string{"bash", "zsh", "fish", "powershell"} {
		if script := s.does("completion", kind); !strings.Contains(script, "switchboard") {
			s.t.Errorf("the script for %s: %.100s", kind, script)
		}
	}
}
