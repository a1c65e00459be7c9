package apptest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"switchboard/internal/id"
)

// Omit stands for a member that a sample leaves out.
type Omit struct{}

// Overrides replace what a sample would have at a path, for what no schema tells: members that exclude each other, values
// that must fit others. Paths are steps between dots, below the attributes of a courier document: "notifiables.channel".
type Overrides map[string]any

// Sampler makes requests that a server accepts, of what its document says and of records that there are.
type Sampler struct {
	World     *World
	Overrides map[string]Overrides // by route
}

// numbers makes what must be unique different.
var numbers atomic.Int64

// Unique returns a number that no other sample of this process has.
func Unique() int64 { return numbers.Add(1) }

// Request is a request that is to be accepted.
type Request struct {
	Operation *Operation
	Wildcards map[string]string
	Query     url.Values
	Body      any // as encoding/json decodes it; nil for none
}

// Do is the method and the target.
func (r *Request) Do() string {
	return r.Operation.Method + " " + r.Operation.Target(r.Wildcards, r.Query)
}

// Clone returns a copy whose body can be changed.
func (r *Request) Clone() *Request {
	out := *r
	out.Wildcards = maps.Clone(r.Wildcards)
	out.Query = url.Values{}
	for k, v := range r.Query {
		out.Query[k] = slices.Clone(v)
	}
	out.Body = clone(r.Body)
	return &out
}

func clone(v any) any {
	switch node := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(node))
		for k, m := range node {
			out[k] = clone(m)
		}
		return out
	case []any:
		out := make([]any, len(node))
		for i, m := range node {
			out[i] = clone(m)
		}
		return out
	}
	return v
}

// Sample makes a request for an operation: its wildcards, the query parameters that it requires, and every member of its
// body that no override takes out.
func (s Sampler) Sample(t *testing.T, o *Operation) *Request {
	t.Helper()
	r := &Request{Operation: o, Wildcards: map[string]string{}, Query: url.Values{}}
	g := generator{Sampler: s, o: o, t: t}
	for _, p := range o.Wildcards() {
		r.Wildcards[p.Name] = g.text(p.Schema, "{"+p.Name+"}")
	}
	for _, p := range o.Query() {
		if _, overridden := s.Overrides[o.Route()]["?"+p.Name]; p.Required || overridden {
			r.Query.Set(p.Name, g.text(p.Schema, "?"+p.Name))
		}
	}
	if o.Body != nil {
		r.Body = g.document(o.Body, r.Wildcards)
	}
	return r
}

type generator struct {
	Sampler
	o *Operation
	t *testing.T
}

// text is a value as it stands in an address.
func (g generator) text(s *Schema, name string) string {
	switch v := g.value(s, name).(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = fmt.Sprint(e)
		}
		return strings.Join(parts, ",")
	default:
		return fmt.Sprint(v)
	}
}

// document makes a body. A courier document names the record of the path again.
func (g generator) document(s *Schema, wildcards map[string]string) any {
	data := s.Properties["data"]
	if g.o.API != "courier" || data == nil || data.Properties["attributes"] == nil {
		return g.value(s, "")
	}
	out := map[string]any{"attributes": g.value(data.Properties["attributes"], "")}
	if kind := data.Properties["type"]; kind != nil && len(kind.Enum) > 0 {
		out["type"] = kind.Enum[0]
	}
	if data.Properties["id"] != nil {
		out["id"] = wildcards["id"]
	}
	return map[string]any{"data": out}
}

// value makes a value of a schema at a path.
func (g generator) value(s *Schema, path string) any {
	if v, ok := g.Overrides[g.o.Route()][path]; ok {
		if reference, ok := v.(Kind); ok {
			return g.World.Spell(g.t, g.o.API, reference)
		}
		if produce, ok := v.(func() any); ok {
			return produce()
		}
		return clone(v)
	}
	if kind := KindOf(g.o, path, s); kind != "" {
		return g.World.Spell(g.t, g.o.API, kind)
	}
	switch {
	case len(s.Enum) > 0:
		return first(s.Enum)
	case len(s.Any) > 0:
		return g.value(s.Any[0], path)
	}
	switch s.Type {
	case "boolean":
		return false
	case "integer", "number":
		n := 1.0
		if s.Minimum != nil {
			n = max(n, *s.Minimum)
		}
		return n
	case "array":
		return []any{g.value(s.Items, path)}
	case "string":
		return g.word(s, path)
	}
	return g.object(s, path)
}

// first is the first value that says something.
func first(enum []any) any {
	for _, v := range enum {
		if v != "" && v != nil {
			return v
		}
	}
	return enum[0]
}

func (g generator) object(s *Schema, path string) any {
	out := map[string]any{}
	for name, member := range s.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		if v := g.value(member, at); v != (Omit{}) {
			out[name] = v
		}
	}
	if len(s.Properties) == 0 && s.Open {
		out["note"] = "a sample"
	}
	return out
}

// word makes a text that fits what its name and its schema say.
func (g generator) word(s *Schema, path string) any {
	n := Unique()
	name := path[strings.LastIndexByte(path, '.')+1:]
	name = strings.ReplaceAll(name, "-", "_")
	switch {
	case s.Identifier():
		return Spelled(g.o.API, id.New()) // of something that the world has none of
	case s.Format == "date-time":
		return "2026-11-22T10:00:00.000Z"
	case s.Format == "date" || name == "birth_date":
		return "1970-01-02"
	case strings.Contains(name, "email"):
		return fmt.Sprintf("sample%d@demo.example", n)
	case strings.Contains(name, "phone"):
		return Phone()
	case strings.HasSuffix(name, "url"):
		return "https://sample.example/" + strconv.FormatInt(n, 10)
	case name == "timezone" || name == "tz":
		return "Europe/Berlin"
	case name == "locale":
		return "en_US"
	case name == "day":
		return "monday"
	case name == "start":
		return "08:00"
	case name == "end":
		return "17:00"
	case name == "key":
		return "sample-" + strconv.FormatInt(n, 10)
	case strings.HasSuffix(name, "_at") || strings.HasSuffix(name, "_time") || name == "at" || name == "from":
		return "2026-11-22T10:00:00.000Z"
	case name == "to":
		return "2026-11-23T10:00:00.000Z"
	case len(s.Examples) > 0:
		return s.Examples[0]
	}
	return fmt.Sprintf("Sample %s %d", strings.ReplaceAll(strings.Trim(name, "{}?"), "_", " "), n)
}

// Phone returns a telephone number that nobody has yet: valid to a checker, of the range kept for fiction, and taken by
// the sandbox. There are 800,000.
func Phone() string {
	n := Unique() + 200
	return fmt.Sprintf("+1%03d555%04d", areaCodes[n/100%int64(len(areaCodes))], 100+n%100)
}

// areaCodes are some of the North American numbering plan.
var areaCodes = []int{201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 331, 334, 336, 337, 339, 347, 351, 352, 360, 361, 385, 386, 401, 402, 404, 405, 406, 407, 408, 409, 410, 412, 413, 414, 415, 417, 419, 423, 424, 425, 430, 432, 434, 435, 440, 443, 469, 478, 479, 480}
