package apptest_test

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"switchboard/internal/app"
	"switchboard/internal/app/apptest"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestProbes(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	for path, want := range map[string]string{
		"/livez": `"status":"ok"`, "/readyz": `"database":"ok"`, "/metrics": "go_goroutines",
	} {
		r := s.Want(t, 200, "", "GET "+path, nil)
		if !strings.Contains(string(r.Body), want) {
			t.Errorf("GET %s lacks %s: %.500s", path, want, r.Body)
		}
		if r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s may be cached: %v", path, r.Header)
		}
	}
	s.Want(t, 405, "", "POST /livez", nil)
}

// TestMetrics holds the page to the text format, and to counting without naming anybody.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	s.Want(t, 200, s.Demo.Keys.Administrator, "GET /sites", nil)
	s.Want(t, 404, s.Demo.Keys.Administrator, "GET /sites/nothing", nil)
	page := string(s.Want(t, 200, "", "GET /metrics", nil).Body)
	for _, name := range []string{"switchboard_http_request", "switchboard_delivery_", "process_", "go_"} {
		if !strings.Contains(page, "\n"+name) && !strings.HasPrefix(page, name) {
			t.Errorf("no metric begins with %s", name)
		}
	}
	sample := regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [0-9eE.+\-NaInf]+$`)
	for line := range strings.SplitSeq(strings.TrimSpace(page), "\n") {
		if !strings.HasPrefix(line, "#") && !sample.MatchString(line) {
			t.Errorf("not a sample: %s", line)
		}
	}
	if strings.Contains(page, s.Demo.OrganizationID.String()) || strings.Contains(page, "/sites/nothing") {
		t.Error("the metrics name a tenant or the path of a request")
	}
}

// TestOpenAPI holds the document to the standard, to the routes that there are, and to itself.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	raw := s.Want(t, 200, "", "GET /openapi.json", nil).Body
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("it is OpenAPI %s", doc.OpenAPI)
	}
	var tree, fromYAML any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(s.Want(t, 200, "", "GET /openapi.yaml", nil).Body, &fromYAML); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(fromYAML); err != nil || !sameJSON(raw, again) {
		t.Errorf("openapi.yaml says something else than openapi.json (%v)", err)
	}
	dangling(t, tree, tree, "")
	ids := map[string]bool{}
	for _, o := range operationsOf(doc) {
		if o.OperationID == "" || ids[o.OperationID] {
			t.Errorf("the operation id %q is empty or not unique", o.OperationID)
		}
		ids[o.OperationID] = true
		if o.Summary == "" {
			t.Errorf("%s has no summary", o.OperationID)
		}
	}
}

// TestOpenAPI_hasEveryRoute compares the document with the route table.
func TestOpenAPI_hasEveryRoute(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	routes, err := app.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, o := range s.Operations(t) {
		documented = append(documented, o.Route())
	}
	for _, r := range routes {
		route := r.Method + " " + strings.ReplaceAll(r.Path, "...}", "}")
		if !slices.Contains(documented, route) && !slices.Contains(undocumented(), route) {
			t.Errorf("%s is not in the document", route)
		}
	}
	if len(documented) > len(routes) {
		t.Errorf("%d operations are documented, and there are %d routes", len(documented), len(routes))
	}
}

// undocumented are the pages about the API, which are not of it.
func undocumented() []string {
	return []string{"GET /openapi.json", "GET /openapi.yaml", "GET /docs", "GET /errors", "GET /errors/{code}", "GET /reasons", "GET /reasons/{reason}"}
}

func operationsOf(doc *openapi3.T) []*openapi3.Operation {
	var out []*openapi3.Operation
	for _, item := range doc.Paths.Map() {
		for _, o := range item.Operations() {
			out = append(out, o)
		}
	}
	return out
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	first, err1 := json.Marshal(x)
	second, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && string(first) == string(second)
}

// dangling reports references that lead nowhere.
func dangling(t *testing.T, root, node any, at string) {
	t.Helper()
	switch v := node.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			target := root
			for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				m, _ := target.(map[string]any)
				target = m[step]
			}
			if target == nil {
				t.Errorf("%s refers to %s, which is not there", at, ref)
			}
		}
		for name, member := range v {
			dangling(t, root, member, at+"/"+name)
		}
	case []any:
		for _, member := range v {
			dangling(t, root, member, at+"/…")
		}
	}
}

// TestPages tells a browser from a client of the API: the front page is also the legacy list of notification groups.
func TestPages(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	front := s.Want(t, 200, "", "GET /", nil, "Accept", browser)
	if !strings.HasPrefix(front.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(front.Body), "<html") {
		t.Errorf("a browser gets %s %.200s", front.Header, front.Body)
	}
	for _, accept := range []string{"*/*", "application/json"} {
		s.Want(t, 401, "", "GET /", nil, "Accept", accept)
		list := s.Want(t, 200, s.Demo.Keys.Administrator, "GET /", nil, "Accept", accept)
		if groups, ok := list.JSON(t).([]any); !ok || len(groups) < 2 || !strings.HasPrefix(list.Header.Get("Content-Type"), "application/json") {
			t.Errorf("a client that accepts %s gets %s", accept, list.Body)
		}
	}
	for _, path := range []string{"/docs", "/errors", "/reasons", "/reasons/no-consent"} {
		page := s.Want(t, 200, "", "GET "+path, nil, "Accept", browser)
		if !strings.Contains(string(page.Body), "</html>") || !strings.Contains(page.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("GET %s: %v %.200s", path, page.Header, page.Body)
		}
		if strings.Contains(string(page.Body), "https://cdn") || regexp.MustCompile(`(src|href)="https?://`).Match(page.Body) {
			t.Errorf("GET %s needs something from elsewhere", path)
		}
	}
	codes := s.Want(t, 200, "", "GET /errors", nil)
	for i := range codes.Len(t, "errors") {
		s.Want(t, 200, "", "GET /errors/"+codes.Text(t, "errors."+itoa(i)+".code"), nil)
	}
	s.Want(t, 404, "", "GET /nowhere", nil)
	s.Want(t, 404, "", "GET /errors/NoSuchCode", nil)
}
