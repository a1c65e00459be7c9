package contract_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchboard/internal/app"
	"switchboard/internal/web/webtest"
)

// TestRoutes keeps internal/app/routes.golden, the list of every route and the function that answers it; -update writes
// it. Each route stands in the file that is named, as one literal.
func TestRoutes(t *testing.T) {
	t.Parallel()
	routes, err := app.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, r := range routes {
		lines.WriteString(r.String() + "\n")
		file, function, _ := strings.Cut(r.Function, ":")
		source, err := os.ReadFile(filepath.Join("..", "..", "..", file))
		if err != nil {
			t.Errorf("%s: %v", r, err)
			continue
		}
		if function == "" || !strings.Contains(string(source), `"`+r.Method+" "+r.Path+`"`) {
			t.Errorf("%s %s does not stand in %s as one literal", r.Method, r.Path, file)
		}
	}
	webtest.GoldenText(t, "../../routes.golden", []byte(lines.String()))
}

// TestRoutes_twice makes the table twice: it leaves nothing behind.
func TestRoutes_twice(t *testing.T) {
	t.Parallel()
	first, err := app.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := app.Routes(t.Context())
	if err != nil || len(first) != len(second) {
		t.Errorf("%d routes, then %d, %v", len(first), len(second), err)
	}
	seen := map[string]bool{}
	for _, r := range first {
		key := r.Method + " " + strings.TrimRight(r.Path, "/")
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
	}
}
