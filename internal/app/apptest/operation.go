package apptest

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"switchboard/internal/web/webtest"
)

// Operation is one operation as the server's OpenAPI document tells of it. What a test sends is made of it, so that an
// operation that is added later is tested without anybody thinking of it.
type Operation struct {
	Method, Path string
	API          string // the dialect: courier, notifications, groups, and "" or "web" for what belongs to none
	Params       []Param
	Body         *Schema  // of a JSON body; nil when there is none
	Reads        []string // media types of the body
	Public       bool     // needs no key
	Scope        string   // that a key needs, as "messages:read"; empty when Public
	Status       int      // of a success, the highest where several are listed
}

// Param is a parameter of the path or the query.
type Param struct {
	Name, In string
	Required bool
	Schema   *Schema
}

// Route is the operation as a test names it: "GET /v1/groups/{id}".
func (o *Operation) Route() string { return o.Method + " " + o.Path }

// Writes tells whether the operation is one that may change something.
func (o *Operation) Writes() bool { return o.Method != "GET" && o.Method != "HEAD" }

// Resource is the first segment of the path that is no version: "messaging-channels", "groups", "chrono".
func (o *Operation) Resource() string {
	for seg := range strings.SplitSeq(strings.Trim(o.Path, "/"), "/") {
		if seg != "v1" && seg != "v2" && !strings.HasPrefix(seg, "{") {
			return seg
		}
	}
	return ""
}

// Wildcards are the parameters in the path, in order.
func (o *Operation) Wildcards() []Param { return o.in("path") }

// Query are the parameters in the query.
func (o *Operation) Query() []Param { return o.in("query") }

func (o *Operation) in(place string) []Param {
	return slices.DeleteFunc(slices.Clone(o.Params), func(p Param) bool { return p.In != place })
}

// Target is the path with its wildcards filled in, and a query.
func (o *Operation) Target(wildcards map[string]string, query url.Values) string {
	path := o.Path
	for name, value := range wildcards {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// Schema is a JSON schema, as far as the document uses it, with its references followed.
type Schema struct {
	Type, Format, Pattern, Description string
	Nullable                           bool
	Enum                               []any
	Examples                           []any
	Default                            any
	MinLength, MaxLength               *int
	MinItems, MaxItems                 *int
	Minimum, Maximum                   *float64
	Properties                         map[string]*Schema
	Required                           []string
	Items                              *Schema
	Open                               bool // takes members that it does not name
	Any                                []*Schema
}

// document is what is read of an OpenAPI document.
type document struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Schemas map[string]json.RawMessage }
	read       map[string]*Schema
}

type rawOperation struct {
	API        string `json:"x-api"`
	Scope      string `json:"x-scope"`
	Parameters []struct {
		Name, In string
		Required bool
		Schema   json.RawMessage
	}
	RequestBody *rawContent
	Responses   map[string]json.RawMessage
	Security    []map[string]json.RawMessage
}

// Operations reads /openapi.json, in the order of paths and methods.
func Operations(t *testing.T, openapi []byte) []Operation {
	t.Helper()
	d := document{read: map[string]*Schema{}}
	if err := json.Unmarshal(openapi, &d); err != nil {
		t.Fatal(err)
	}
	var out []Operation
	for path, methods := range d.Paths {
		for method, raw := range methods {
			var o rawOperation
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			out = append(out, d.operation(t, strings.ToUpper(method), path, o))
		}
	}
	slices.SortFunc(out, func(a, b Operation) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method)) })
	return out
}

func (d *document) operation(t *testing.T, method, path string, raw rawOperation) Operation {
	t.Helper()
	o := Operation{Method: method, Path: path, API: raw.API, Scope: raw.Scope}
	for _, p := range raw.Parameters {
		o.Params = append(o.Params, Param{p.Name, p.In, p.Required, d.schema(t, p.Schema)})
	}
	if raw.RequestBody != nil {
		for kind, content := range raw.RequestBody.Content {
			o.Reads = append(o.Reads, kind)
			if kind == "application/json" {
				o.Body = d.schema(t, content.Schema)
			}
		}
		slices.Sort(o.Reads)
	}
	for status := range raw.Responses {
		if n, err := strconv.Atoi(status); err == nil && n/100 == 2 {
			o.Status = max(o.Status, n)
		}
	}
	o.Public = len(raw.Security) == 1 && len(raw.Security[0]) == 0
	return o
}

type rawContent struct {
	Content map[string]struct{ Schema json.RawMessage }
}

type rawSchema struct {
	Ref                  string `json:"$ref"`
	Type                 json.RawMessage
	Format               string
	Pattern              string
	Description          string
	Enum                 []any
	Examples             []any
	Default              any
	MinLength            *int
	MaxLength            *int
	MinItems             *int
	MaxItems             *int
	Minimum              *float64
	Maximum              *float64
	Properties           map[string]json.RawMessage
	Required             []string
	Items                json.RawMessage
	AdditionalProperties json.RawMessage
	AnyOf                []json.RawMessage
	OneOf                []json.RawMessage
	AllOf                []json.RawMessage
}

func (d *document) schema(t *testing.T, raw json.RawMessage) *Schema {
	t.Helper()
	if len(raw) == 0 || raw[0] != '{' {
		return &Schema{Open: true}
	}
	var r rawSchema
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	if r.Ref == "" {
		s := new(Schema)
		d.fill(t, s, r)
		return s
	}
	name := r.Ref[strings.LastIndexByte(r.Ref, '/')+1:]
	if s, known := d.read[name]; known {
		return s
	}
	s := new(Schema)
	d.read[name] = s // before its members, which may refer back
	var target rawSchema
	if err := json.Unmarshal(d.Components.Schemas[name], &target); err != nil {
		t.Fatalf("the schema %s: %v", name, err)
	}
	d.fill(t, s, target)
	return s
}

func (d *document) fill(t *testing.T, s *Schema, r rawSchema) {
	t.Helper()
	*s = Schema{
		Format: r.Format, Pattern: r.Pattern, Description: r.Description, Enum: r.Enum, Examples: r.Examples, Default: r.Default,
		MinLength: r.MinLength, MaxLength: r.MaxLength, MinItems: r.MinItems, MaxItems: r.MaxItems, Minimum: r.Minimum, Maximum: r.Maximum,
		Required: r.Required, Open: string(r.AdditionalProperties) != "false",
	}
	var one string
	var several []string
	if json.Unmarshal(r.Type, &one) == nil {
		s.Type = one
	} else if json.Unmarshal(r.Type, &several) == nil {
		s.Nullable = slices.Contains(several, "null")
		if several = slices.DeleteFunc(several, func(k string) bool { return k == "null" }); len(several) > 0 {
			s.Type = several[0]
		}
	}
	if r.Properties != nil {
		s.Properties = map[string]*Schema{}
		for name, member := range r.Properties {
			s.Properties[name] = d.schema(t, member)
		}
	}
	if len(r.Items) > 0 {
		s.Items = d.schema(t, r.Items)
	}
	for _, list := range [][]json.RawMessage{r.AnyOf, r.OneOf, r.AllOf} {
		for _, sub := range list {
			s.Any = append(s.Any, d.schema(t, sub))
		}
	}
}

// Operations are those of the server.
func (s *Server) Operations(t *testing.T) []Operation {
	t.Helper()
	r := webtest.Do(t, s.Handler(), "", "GET /openapi.json", nil)
	if r.Status != 200 {
		t.Fatalf("GET /openapi.json answers %d", r.Status)
	}
	return Operations(t, r.Body)
}
