package archtest_test

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"switchboard/internal/archtest"
)

const module = "switchboard"

// TestLaw reads every package of the module and holds it to the table.
func TestLaw(t *testing.T) {
	t.Parallel()
	found := load(t)
	if len(found) < 40 {
		t.Fatalf("only %d packages were found", len(found))
	}
	for _, violation := range archtest.Check(module, archtest.Laws(), found) {
		t.Error(violation)
	}
}

// load lists the packages with what the program, not its tests, imports.
func load(t *testing.T) []archtest.Package {
	t.Helper()
	list, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports, Dir: "../..", Context: t.Context(),
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	var out []archtest.Package
	for _, p := range list {
		if len(p.GoFiles) == 0 { // nothing but tests
			continue
		}
		one := archtest.Package{Path: p.PkgPath, Documented: documented(t, p.GoFiles)}
		for path := range p.Imports {
			one.Imports = append(one.Imports, path)
		}
		out = append(out, one)
	}
	return out
}

func documented(t *testing.T, files []string) bool {
	t.Helper()
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != "" {
			return true
		}
	}
	return false
}

// TestCheck shows that the law bites: each import that must not be is told with the line that it breaks.
func TestCheck(t *testing.T) {
	t.Parallel()
	const in = module + "/internal/"
	for _, tc := range []struct {
		of, imported string
		breaks       string // part of the law's name; empty: the import is lawful
	}{
		{"notify", in + "directory", ""},
		{"notify", in + "errs", ""},
		{"notify", in + "notify/schedule", ""},
		{"notify", "net/url", ""},
		{"notify", in + "messaging", "nor who is above or beside"},
		{"notify", in + "delivery", "nor who is above or beside"},
		{"notify", in + "notify/notifydb", "nor who is above or beside"},
		{"notify", in + "db", "neither SQL nor HTTP"},
		{"notify", in + "web", "neither SQL nor HTTP"},
		{"notify", in + "app", "neither SQL nor HTTP"},
		{"notify", in + "cli", "neither SQL nor HTTP"},
		{"notify", in + "sandbox", "neither SQL nor HTTP"},
		{"notify", in + "transport/smtp", "neither SQL nor HTTP"},
		{"notify", "net/http", "neither SQL nor HTTP"},
		{"notify", "net/http/httptest", "neither SQL nor HTTP"},
		{"notify", "database/sql", "neither SQL nor HTTP"},
		{"notify/schedule", in + "directory", ""},
		{"directory", in + "notify", "nor who is above or beside"},
		{"directory", in + "access", "nor who is above or beside"},
		{"access", in + "directory", ""},
		{"access", in + "messaging", "nor who is above or beside"},
		{"messaging", in + "access", "nor who is above or beside"},
		{"delivery", in + "notify", ""},
		{"delivery", in + "transport", ""},
		{"delivery", in + "transport/twilio", "neither SQL nor HTTP"},
		{"notify/notifydb", in + "db", ""},
		{"notify/notifydb", in + "notify", ""},
		{"notify/notifydb", in + "directory/directorydb", "no other context's SQL"},
		{"notify/notifydb", in + "notify/notifyapi", "no other context's SQL or endpoints"},
		{"notify/notifydb", in + "web", "no HTTP"},
		{"messaging/messagingapi", in + "web/jsonapi", ""},
		{"messaging/messagingapi", "net/http", ""},
		{"messaging/messagingapi", in + "directory", ""},
		{"messaging/messagingapi", in + "db", "no SQL"},
		{"messaging/messagingapi", in + "messaging/messagingdb", "no SQL"},
		{"messaging/messagingapi", in + "directory/directoryapi", "no other context's endpoints"},
		{"messaging/messagingapi", in + "delivery", "what is below them"},
		{"errs", in + "id", ""},
		{"errs", in + "directory", "the kernel imports the kernel alone"},
		{"transport/smtp", in + "transport", ""},
		{"transport/smtp", in + "delivery", "neither a context"},
		{"transport/smtp", in + "transport/twilio", "nor another provider"},
		{"transport/all", in + "transport/smtp", ""},
		{"delivery", in + "transport/all", "neither SQL nor HTTP"},
		{"sandbox", in + "transport", "shares no code"},
		{"web", in + "directory", "web knows no resource"},
		{"app", in + "messaging/messagingdb", ""},
		{"cli", in + "messaging/messagingdb", "a command calls the application"},
		{"../cmd/switchboard", in + "cli", ""},
		{"../cmd/switchboard", in + "app", "main parses and delegates"},
	} {
		path := in + tc.of
		if beside, ok := strings.CutPrefix(tc.of, "../"); ok {
			path = module + "/" + beside
		}
		got := strings.Join(archtest.Check(module, archtest.Laws(), []archtest.Package{{Path: path, Imports: []string{tc.imported}, Documented: true}}), "\n")
		if tc.breaks == "" && got != "" || tc.breaks != "" && (!strings.Contains(got, tc.breaks) || !strings.Contains(got, path+" imports "+tc.imported)) {
			t.Errorf("%s importing %s: %q, want %q", tc.of, tc.imported, got, tc.breaks)
		}
	}
}

func TestCheck_placesAndComments(t *testing.T) {
	t.Parallel()
	got := archtest.Check(module, archtest.Laws(), []archtest.Package{
		{Path: module + "/internal/wonders", Documented: true},
		{Path: module + "/internal/notify"},
		{Path: "fmt"},
	})
	if len(got) != 2 || !strings.Contains(got[0], "no law speaks of this package") || !strings.Contains(got[1], "no package comment") {
		t.Errorf("Check = %q", got)
	}
}
