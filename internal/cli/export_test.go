package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/cli"
	"switchboard/internal/db/dbtest"
)

// records reads the records of an export of everything, by the names of their files.
func records(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".jsonl") {
			return err
		}
		raw, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, folder)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExport_everything takes every organization from each kind of database to an empty one of each kind, by a folder and by a tar.
func TestExport_everything(t *testing.T) {
	t.Parallel()
	for from := range dbtest.URLs(t) {
		for to := range dbtest.URLs(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				moveEverything(t, newShell(t, dbtest.URLs(t)[from]), newShell(t, dbtest.URLs(t)[to]), "all."+map[bool]string{true: "tar.gz", false: "folder"}[from == to])
			})
		}
	}
}

func moveEverything(t *testing.T, s, empty shell, name string) {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	s.ends(3, "export", "--everything", "--out", path("none")) // there is no organization
	for _, org := range []string{"Hospital", "Clinic"} {
		s.does("org", "create", org)
		s.does("user", "create", "ann", "--organization", org)
		s.does("group", "create", "Ward 7", "--organization", org)
	}
	s.ends(2, "export", "--everything", "--user", "ann", "--out", path("none"))
	s.ends(2, "import", "--everything", "--organization", "Clinic", path("none"))

	out, progress, err := run(t, t.Context(), s.env, "export", "--everything", "--out", path(name), "--json")
	if err != nil || !strings.Contains(progress, "Hospital: users: 1\n") || !strings.Contains(progress, "Clinic: individual_groups: 1\n") {
		t.Fatalf("%v\n%s", err, progress)
	}
	var made struct {
		Index struct {
			Organizations []struct {
				ID     string
				Counts map[string]int
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil || len(made.Index.Organizations) != 2 || made.Index.Organizations[1].Counts["users"] != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	s.ends(1, "export", "--everything", "--out", path(name)) // it exists
	empty.ends(1, "import", path(name))                      // it is not one organization's

	if dry := empty.record("import", "--everything", path(name), "--dry-run", "--json"); dry["added"] == 0.0 || dry["dry-run"] != true {
		t.Errorf("a dry run: %v", dry)
	}
	if list := empty.does("org", "list", "--json"); list != "" {
		t.Errorf("a dry run has written %s", list)
	}
	empty.does("import", "--everything", path(name))
	for _, org := range []string{"Hospital", "Clinic"} {
		empty.does("user", "show", "ann", "--organization", org)
		empty.does("group", "show", "Ward 7", "--organization", org)
	}
	if again := empty.record("import", "--everything", path(name), "--json"); again["added"] != 0.0 {
		t.Errorf("importing again adds %v", again["added"])
	}
	s.does("export", "--everything", "--out", path("before"))
	empty.does("export", "--everything", "--out", path("after"))
	before, after := records(t, path("before")), records(t, path("after"))
	if diff := cmp.Diff(before, after); diff != "" || len(before) < 8 {
		t.Errorf("%d files; (-before +after):\n%s", len(before), diff)
	}
	// Each part is an export of its own.
	s.does("import", filepath.Join(path("before"), "organizations", made.Index.Organizations[0].ID))

	// What differs in one organization keeps the others from being written.
	empty.does("user", "create", "new", "--organization", "Hospital")
	s.does("user", "update", "ann", "--organization", "Clinic", "--first-name", "Another")
	s.does("user", "create", "ben", "--organization", "Hospital")
	s.does("export", "--everything", "--out", path("later.tar"))
	empty.ends(5, "import", "--everything", path("later.tar"))
	empty.ends(3, "user", "show", "ben", "--organization", "Hospital")

	// Who changes a part is found out.
	manifest := filepath.Join(path("after"), "organizations", made.Index.Organizations[1].ID, "manifest.json")
	raw, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	write(t, manifest, string(raw)+" ")
	empty.ends(1, "import", "--everything", path("after"))
}

// canceller cancels when it is written to.
type canceller context.CancelFunc

// Write implements io.Writer.
func (c canceller) Write(p []byte) (int, error) {
	c()
	return len(p), nil
}

// TestExport_cancelled cancels an export that has told of its first table: it leaves nothing behind.
func TestExport_cancelled(t *testing.T) {
	t.Parallel()
	s, dir := newShell(t, dbtest.URLs(t)["sqlite"]), t.TempDir()
	s.does("org", "create", "Hospital")
	s.does("user", "create", "ann")
	for _, name := range []string{"all", "all.tar.gz"} {
		ctx, cancel := context.WithCancel(t.Context())
		cmd := cli.New(cli.Env{Stdout: io.Discard, Stderr: canceller(cancel), Environ: s.env})
		cmd.SetArgs([]string{"export", "--everything", "--out", filepath.Join(dir, name)})
		if err := cmd.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("it ends with %v", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}
