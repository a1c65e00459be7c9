package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
	"switchboard/internal/web/jsonapi"
	"switchboard/internal/web/plainjson"
	"switchboard/internal/web/webtest"
)

type tree struct {
	Name     string          `json:"name" maxLength:"5" doc:"What it is called"`
	Children []tree          `json:"children,omitempty"`
	Parent   web.Opt[id.ID]  `json:"parent,omitzero"`
	Any      json.RawMessage `json:"any,omitempty"`
	Labels   map[string]int  `json:"labels,omitempty"`
}

type listTrees struct {
	jsonapi.Page
	OrganizationID id.ID           `query:"organization-id" required:"true"`
	States         []string        `query:"filter[states]" enum:"green,bare"`
	Modified       jsonapi.Compare `query:"filter[cmp-modified]"`
	Old            string          `query:"old" hidden:"true"`
	Trace          string          `header:"X-Trace"`
}

// leaf is read and answered.
type leaf struct {
	ID     id.ID                 `json:"id" nullable:"false"`
	Tree   id.ID                 `json:"tree"`
	Fallen web.Time              `json:"fallen"`
	Green  web.Time              `json:"green,omitzero"`
	Colour *string               `json:"colour" enum:"red,brown"`
	On     *listed               `json:"on" doc:"Where"`
	Off    *listed               `json:"off,omitempty"`
	Veins  []string              `json:"veins"`
	Notes  map[string]string     `json:"notes" nullable:"true"`
	Owner  plainjson.ID[ofOwner] `json:"owner,omitempty"` //nolint:modernize // that it has no effect is what is shown
	Any    any                   `json:"any"`
}

type listed struct {
	Name string `json:"name"`
}

type ofOwner struct{}

func (ofOwner) Prefix() string { return "own" }

type listLeaves struct {
	cursorjson.Page
	Green web.Opt[bool] `query:"green"`
}

type byRest struct {
	Rest string `path:"rest"`
}

// documented is a server with an operation of each sort.
func documented() *web.Server {
	s := web.New(web.Options{Title: "Talk", Version: "1", BaseURL: "https://talk.example"})
	c, n, g := jsonapi.New(s), plainjson.New(s), cursorjson.New(s)
	type resource = jsonapi.Resource[tree]
	jsonapi.List(c, "GET /v1/trees/", func(context.Context, *listTrees) (page.List[resource], error) { return page.List[resource]{}, nil }, jsonapi.PageLimit(1, 50, 0))
	jsonapi.Get(c, "GET /v1/trees/{id}/", func(context.Context, *jsonapi.ByID) (resource, error) { return resource{}, nil })
	jsonapi.Create(c, "POST /v1/trees/", func(context.Context, tree) (resource, error) { return resource{}, nil }, web.Doc("Plants a *tree*."))
	jsonapi.Update(c, "PATCH /v1/trees/{id}/", func(context.Context, id.ID, tree) (resource, error) { return resource{}, nil }, web.Deprecated())
	jsonapi.Delete(c, "DELETE /v1/trees/{id}/", func(context.Context, id.ID) error { return nil })
	jsonapi.Action(c, "POST /v1/trees/{id}/fell/", func(context.Context, id.ID, struct{}) (any, error) { return nil, nil })
	jsonapi.Action(c, "POST /v1/trees/{id}/get-logs/", func(context.Context, id.ID, struct{}) (jsonapi.Collection[tree], error) {
		return jsonapi.Collection[tree]{}, nil
	}, jsonapi.Type("logs"))
	plainjson.Update(n, "PUT /notifications/{groupId}", func(context.Context, string, tree) (tree, error) { return tree{}, nil })
	plainjson.List(n, "GET /", func(context.Context, *struct{}) ([]tree, error) { return nil, nil })
	plainjson.Handle(n, "GET /sounds/{voice}/{name}", func(http.ResponseWriter, *http.Request) error { return nil }, web.Answers("audio/wav"), web.Public())
	cursorjson.List(g, "GET /v1/leaves", func(context.Context, *listLeaves) (page.List[tree], error) { return page.List[tree]{}, nil })
	cursorjson.Upload(g, "POST /v1/leaves", func(context.Context, cursorjson.File) (tree, error) { return tree{}, nil })
	cursorjson.Do(g, "GET /files/{rest...}", func(context.Context, *byRest) (web.Blob, error) { return web.Blob{}, nil })
	return s
}

func TestOpenAPI_isValid(t *testing.T) {
	t.Parallel()
	raw, err := documented().OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

// TestOpenAPI_golden keeps the whole document: programs are generated from it.
func TestOpenAPI_golden(t *testing.T) {
	t.Parallel()
	raw, err := documented().OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	webtest.Golden(t, "openapi.json", raw)
}

// TestOpenAPI_structure checks what validators of 3.0 do not: every reference resolves, ids are unique, each wildcard
// is a parameter, each operation has an answer, an error and a security, and each tag is listed.
func TestOpenAPI_structure(t *testing.T) {
	t.Parallel()
	raw, err := documented().OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	walk(doc, func(m map[string]any) {
		if ref, ok := m["$ref"].(string); ok {
			if schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
	})
	tags := fmt.Sprint(doc["tags"])
	ids := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			checkOperation(t, method+" "+path, op.(map[string]any), ids, tags)
		}
	}
	if len(ids) != 13 {
		t.Errorf("the document has %d operations: %v", len(ids), slices.Sorted(maps.Keys(ids)))
	}
}

func checkOperation(t *testing.T, route string, op map[string]any, ids map[string]bool, tags string) {
	t.Helper()
	name, _ := op["operationId"].(string)
	if name == "" || ids[name] {
		t.Errorf("%s: operationId %q is empty or taken", route, name)
	}
	ids[name] = true
	if op["summary"] == "" || op["security"] == nil || op["x-api"] == nil {
		t.Errorf("%s lacks a summary, a security or its API: %v", route, op)
	}
	for _, tag := range op["tags"].([]any) {
		if !strings.Contains(tags, tag.(string)) {
			t.Errorf("%s: tag %v is not listed", route, tag)
		}
	}
	parameters := fmt.Sprint(op["parameters"])
	for seg := range strings.SplitSeq(route, "/") {
		if strings.HasPrefix(seg, "{") && !strings.Contains(parameters, "in:path name:"+strings.Trim(seg, "{}")) {
			t.Errorf("%s: no parameter for %s: %s", route, seg, parameters)
		}
	}
	if strings.Contains(parameters, "name:old") || strings.Contains(parameters, "endding") {
		t.Errorf("%s shows what is hidden", route)
	}
	answers := op["responses"].(map[string]any)
	if len(answers) != 2 || answers["default"] == nil {
		t.Errorf("%s: answers %v", route, slices.Collect(maps.Keys(answers)))
	}
}

func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, w := range v {
			walk(w, visit)
		}
	case []any:
		for _, w := range v {
			walk(w, visit)
		}
	}
}

func TestOpenAPI_says(t *testing.T) {
	t.Parallel()
	raw, err := documented().OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "\"array\",\n") {
		t.Error("an array may be null")
	}
	for _, want := range []string{
		`"summary": "List trees"`, `"summary": "Create one of the trees"`, `"summary": "Get logs (trees)"`, `"summary": "Fell (trees)"`,
		`"description": "Plants a *tree*."`, `"deprecated": true`, `"audio/wav"`, `"multipart/form-data"`, `"application/vnd.api+json"`,
		`"courier.Error"`, `"notifications.Error"`, `"groups.Error"`, `"maximum": 50`, `"url": "https://talk.example"`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the document lacks %s", want)
		}
	}
}

// TestOpenAPI_answers tells what is said of a type that is written from what is said of the same type when it is read.
func TestOpenAPI_answers(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	n := plainjson.New(s)
	plainjson.Create(n, "POST /leaves", func(_ context.Context, l leaf) (leaf, error) { return l, nil }, web.Also(200), web.Fails[listed]())
	plainjson.Get(n, "GET /nothing", func(context.Context, *struct{}) (any, error) { return nil, nil }, web.ReturnsNull())
	raw, err := s.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties           map[string]any
				Required             []string
				AdditionalProperties any
			}
		}
		Paths map[string]map[string]struct{ Responses map[string]any }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	read, written := doc.Components.Schemas["web.Leaf"], doc.Components.Schemas["web.LeafAnswer"]
	if read.AdditionalProperties != false || written.AdditionalProperties != nil {
		t.Errorf("further members: %v of what is read, %v of what is written", read.AdditionalProperties, written.AdditionalProperties)
	}
	for member, want := range map[string]string{
		"id": `{"format":"uuid","type":"string"}`, "tree": `{"format":"uuid","type":["string","null"]}`,
		"fallen": `{"format":"date-time","type":["string","null"]}`, "green": `{"format":"date-time","type":"string"}`,
		"colour": `{"enum":["red","brown",null],"type":["string","null"]}`,
		"on":     `{"anyOf":[{"$ref":"#/components/schemas/web.ListedAnswer"},{"type":"null"}],"description":"Where"}`,
		"off":    `{"$ref":"#/components/schemas/web.ListedAnswer"}`,
		"veins":  `{"items":{"type":"string"},"type":"array"}`,
		"notes":  `{"additionalProperties":{"type":"string"},"type":["object","null"]}`, "any": `{}`,
	} {
		if got, _ := json.Marshal(written.Properties[member]); string(got) != want {
			t.Errorf("%s is said to be %s, want %s", member, got, want)
		}
	}
	if got, _ := json.Marshal(read.Properties["tree"]); string(got) != `{"format":"uuid","type":"string"}` {
		t.Errorf("a body may have null for tree: %s", got)
	}
	slices.Sort(written.Required) // omitempty does not leave out a struct
	if got := fmt.Sprint(written.Required); got != "[any colour fallen id notes on owner tree veins]" {
		t.Errorf("always there: %s", got)
	}
	created, nothing := doc.Paths["/leaves"]["post"].Responses, doc.Paths["/nothing"]["get"].Responses
	if created["200"] == nil || created["201"] == nil || !strings.Contains(fmt.Sprint(created["default"]), "web.ListedAnswer") {
		t.Errorf("creating answers %v", created)
	}
	if !strings.Contains(fmt.Sprint(nothing["200"]), "type:null") {
		t.Errorf("nothing is %v", nothing)
	}
}

func TestOpenAPI_yamlIsTheSame(t *testing.T) {
	t.Parallel()
	s := documented()
	raw, err := s.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var fromJSON, fromYAML any
	if err := json.Unmarshal(raw, &fromJSON); err != nil {
		t.Fatal(err)
	}
	w := &memory{header: http.Header{}}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.yaml", nil)
	s.ServeHTTP(w, r)
	if err := yaml.Unmarshal(w.body, &fromYAML); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(fromJSON)
	b, _ := json.Marshal(fromYAML)
	if string(a) != string(b) {
		t.Error("openapi.yaml and openapi.json differ")
	}
}

// memory is a response writer that also records deadlines.
type memory struct {
	header    http.Header
	body      []byte
	deadlines []time.Time
}

func (m *memory) Header() http.Header { return m.header }
func (m *memory) WriteHeader(int)     {}

// SetReadDeadline makes it one that http.ResponseController can set deadlines on.
func (m *memory) SetReadDeadline(t time.Time) error { m.deadlines = append(m.deadlines, t); return nil }

func (m *memory) Write(b []byte) (int, error) { m.body = append(m.body, b...); return len(b), nil }
