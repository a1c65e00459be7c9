// Package archtest holds the import law of this repository and the test that keeps it. The law is a table of who may
// import whom, read from top to bottom; a package that no line speaks of breaks it, so that a new one is given its place
// on purpose.
//
// It judges imports of the program. What tests import is theirs: a suite may build its world with whatever it needs.
package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Package is what the law looks at, with import paths as Go spells them.
type Package struct {
	Path    string
	Imports []string
	// Documented tells whether one of its files has a package comment.
	Documented bool
}

// Law is one line of the table.
type Law struct {
	// Name says what the line is for; a violation quotes it.
	Name string
	// Of are the packages that it speaks of, below internal/: patterns of path.Match, in which * does not cross a slash.
	Of []string
	// May are the packages of this module that they may import, likewise.
	May []string
	// Never are import paths outside of this module that they must not have; a path stands for those below it too.
	Never []string
}

// Kernel is the packages that every other may import, and that import only each other.
func Kernel() []string {
	return []string{"errs", "id", "page", "actor", "event", "clock", "tx", "reason", "setting", "redact"}
}

// context is the packages of one: name, name/namedb, name/nameapi and name/nametest.
type context struct {
	name  string
	parts []string // further packages of its rules
	lower []string // what is below it, beside the kernel
}

func contexts() []context {
	return []context{
		{name: "vault"},
		{name: "replication", parts: []string{"replication/feed", "scim"}, lower: []string{"directory", "setting"}},
		{name: "directory", parts: []string{"directory/photo"}},
		{name: "access", lower: []string{"directory"}},
		{name: "audit"},
		{name: "aggregate", lower: []string{"directory"}},
		{name: "privacy", parts: []string{"privacy/bundle"}},
		{name: "messaging", lower: []string{"directory"}},
		{name: "notify", parts: []string{"notify/schedule"}, lower: []string{"directory"}},
		{name: "consent", lower: []string{"directory"}},
		{name: "delivery", lower: []string{"directory", "messaging", "notify", "notify/schedule", "consent", "transport"}},
	}
}

// What a rule has no use for: the wire and the database.
func wires() []string { return append([]string{"net/http", "github.com/danielgtaylor/huma"}, sql()...) }

func sql() []string {
	return []string{"database/sql", "github.com/jackc/pgx", "modernc.org/sqlite", "github.com/pressly/goose"}
}

func (c context) laws() []Law {
	rules := append([]string{c.name}, c.parts...)
	known := slices.Clip(slices.Concat(Kernel(), rules, c.lower))
	return []Law{
		{
			Name: "the rules of a context know the kernel and the contexts below; neither SQL nor HTTP, nor who is above or beside",
			Of:   rules, May: known, Never: wires(),
		},
		{
			Name: "the SQL of a context knows its own rules, what is below them, and db; no HTTP, and no other context's SQL or endpoints",
			Of:   []string{c.name + "/" + c.name + "db"}, May: append(known, "db", "db/personal", "queue", "vault"), Never: []string{"net/http", "github.com/danielgtaylor/huma"},
		},
		{
			Name: "the endpoints of a context know its own rules, what is below them, and web; no SQL, and no other context's endpoints",
			Of:   []string{c.name + "/" + c.name + "api"}, May: append(known, "web", "web/*"), Never: sql(),
		},
		{
			Name: "the suite of a context's store builds its world of what is below it, and knows no HTTP",
			Of:   []string{c.name + "/" + c.name + "test"}, May: append(known, c.world()...), Never: wires()[:2],
		},
	}
}

// world is what a suite may be built of, beside the rules.
func (c context) world() []string {
	out := []string{"db", "db/dbtest", "eventlog", "vault", "vault/vaulttest", c.name + "/" + c.name + "db"}
	for _, l := range c.lower {
		out = append(out, l+"/"+l+"db", l+"/"+l+"test")
	}
	return out
}

// Laws is the table. The first line whose Of matches a package judges it.
func Laws() []Law {
	laws := []Law{{
		Name: "the kernel imports the kernel alone", Of: Kernel(), May: Kernel(), Never: wires()[:2],
	}}
	for _, c := range contexts() {
		laws = append(laws, c.laws()...)
	}
	return append(laws, infrastructure()...)
}

// infrastructure is the lines of what is no context.
func infrastructure() []Law {
	var rules []string
	for _, c := range contexts() {
		rules = append(append(rules, c.name), c.parts...)
	}
	return []Law{
		{Name: "what is declared about people's data stands on db, and opens what is sealed", Of: []string{"db/personal"}, May: append(Kernel(), "db", "vault")},
		{
			Name: "identity providers are asked by a seam of access, which knows no SQL and no endpoint", Of: []string{"access/accessoidc", "access/accessoidc/*"},
			May: append(Kernel(), "access"), Never: sql(),
		},
		{
			Name: "other servers are read by a seam of replication, which knows no SQL and no endpoint", Of: []string{"replication/scimpull"},
			May: append(Kernel(), "replication", "scim", "transport", "transport/egress"), Never: sql(),
		},
		{Name: "db is below everything that stores", Of: []string{"db", "db/*", "db/dbtest/*"}, May: append(Kernel(), "db")},
		{Name: "eventlog and queue stand on db and know no context", Of: []string{"eventlog", "queue"}, May: append(Kernel(), "db", "db/personal")},
		{Name: "web knows no resource and no rule", Of: []string{"web", "web/*"}, May: append(Kernel(), "web", "web/schema", "web/strictjson"), Never: []string{"database/sql"}},
		{Name: "live asks others who may follow what", Of: []string{"live"}, May: append(Kernel(), "web"), Never: []string{"database/sql"}},
		{Name: "the list of providers is the one place that knows them all", Of: []string{"transport/all"}, May: []string{"transport", "transport/*"}},
		{Name: "the seam of transports knows no provider", Of: []string{"transport"}, May: Kernel(), Never: []string{"database/sql"}},
		{
			Name: "a provider knows the seam, and neither a context nor another provider", Of: []string{"transport/*"},
			May: append(Kernel(), "transport", "transport/egress"), Never: []string{"database/sql"},
		},
		{Name: "the sandbox shares no code with what it stands opposite to", Of: []string{"sandbox"}, May: []string{"id", "clock"}},
		{Name: "the settings of the server know the seam of transports and no more", Of: []string{"config"}, May: append(Kernel(), "transport")},
		{Name: "only the application knows every part", Of: []string{"app"}, May: []string{"*", "*/*"}},
		{Name: "helpers of tests know the application from outside", Of: []string{"app/*"}, May: []string{"app", "app/*", "cli", "clock", "config", "db", "db/dbtest", "id", "sandbox", "web", "web/*"}},
		{
			Name: "a command calls the application", Of: []string{"cli"},
			May: slices.Concat(Kernel(), rules, []string{"app", "config", "transport", "transport/all"}), Never: []string{"database/sql"},
		},
		{Name: "the law stands beside everything", Of: []string{"archtest"}},
		{Name: "main parses and delegates", Of: []string{"../cmd/*"}, May: []string{"cli"}, Never: []string{"net/http", "database/sql"}},
		{Name: "a benchmark drives the server from outside", Of: []string{"../bench", "../bench/*"}, May: []string{"*", "*/*"}},
		{Name: "the list of modules imports no code of ours", Of: []string{"deps"}},
	}
}

// Check returns every violation, one line each, in the order of the packages. module is the path of this module.
func Check(module string, laws []Law, packages []Package) []string {
	var out []string
	for _, p := range packages {
		name, ours := inside(module, p.Path)
		if !ours {
			continue
		}
		i := slices.IndexFunc(laws, func(l Law) bool { return matches(l.Of, name) })
		if i < 0 {
			out = append(out, fmt.Sprintf("%s: no law speaks of this package; give it its place in archtest.Laws", p.Path))
			continue
		}
		if !p.Documented {
			out = append(out, fmt.Sprintf("%s: has no package comment", p.Path))
		}
		for _, imported := range p.Imports {
			if !laws[i].allows(module, name, imported) {
				out = append(out, fmt.Sprintf("%s imports %s: %s", p.Path, imported, laws[i].Name))
			}
		}
	}
	return out
}

// inside returns the part of an import path below internal/, with ../ in front of what lies beside it.
func inside(module, importPath string) (name string, ours bool) {
	rest, ours := strings.CutPrefix(importPath, module+"/")
	if name, internal := strings.CutPrefix(rest, "internal/"); internal {
		return name, ours
	}
	return "../" + rest, ours
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

func (l Law) allows(module, of, imported string) bool {
	if name, ours := inside(module, imported); ours {
		return name == of || matches(l.May, name)
	}
	return !slices.ContainsFunc(l.Never, func(never string) bool {
		return imported == never || strings.HasPrefix(imported, never+"/")
	})
}
