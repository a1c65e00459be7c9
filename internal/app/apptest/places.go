package apptest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Place is where a request holds a value: a wildcard "{id}", a parameter "?channel-id", or a path into the body, with
// steps between slashes.
type Place struct {
	At     string
	Kind   Kind // of the identifier there; empty when it is none
	Schema *Schema
}

// InBody tells whether the place is in the body.
func (p Place) InBody() bool { return strings.HasPrefix(p.At, "/") }

// Places lists every value that a sample of the operation holds or could hold: its wildcards, every parameter of the
// query, and what stands in the body, containers included and the outermost left out.
func (r *Request) Places() []Place {
	var out []Place
	for _, p := range r.Operation.Wildcards() {
		out = append(out, Place{"{" + p.Name + "}", KindOf(r.Operation, "{"+p.Name+"}", p.Schema), p.Schema})
	}
	for _, p := range r.Operation.Query() {
		s := p.Schema
		if s.Type == "array" && s.Items != nil {
			s = s.Items
		}
		out = append(out, Place{"?" + p.Name, KindOf(r.Operation, "?"+p.Name, s), p.Schema})
	}
	if r.Operation.Body != nil {
		walk(r.Operation, r.Operation.Body, r.Body, "", "", &out)
	}
	return out
}

// walk notes where the members of a value are. at is the place, path the same in the words of samples.
func walk(o *Operation, s *Schema, v any, at, path string, out *[]Place) {
	if at != "" {
		*out = append(*out, Place{at, KindOf(o, path, s), s})
	}
	if len(s.Any) > 0 && s.Properties == nil && s.Items == nil {
		s = s.fitting(v)
	}
	switch node := v.(type) {
	case map[string]any:
		for name, member := range node {
			if inner := s.Properties[name]; inner != nil {
				walk(o, inner, member, at+"/"+name, within(path, at, name), out)
			}
		}
	case []any:
		if s.Items == nil {
			return
		}
		for i, element := range node {
			walk(o, s.Items, element, at+"/"+strconv.Itoa(i), path, out)
		}
	}
}

// within is the path of a member, in the words of samples: the envelope of a courier document does not count.
func within(path, at, name string) string {
	if at == "" && name == "data" || at == "/data" && (name == "attributes" || name == "type") {
		return ""
	}
	if at == "/data" && name == "id" {
		return "{id}" // it repeats the one of the address
	}
	return strings.TrimPrefix(path+"."+name, ".")
}

// fitting is the alternative that a value is of.
func (s *Schema) fitting(v any) *Schema {
	for _, alternative := range s.Any {
		switch v.(type) {
		case map[string]any:
			if alternative.Type == "object" {
				return alternative
			}
		case []any:
			if alternative.Type == "array" {
				return alternative
			}
		case string:
			if alternative.Type == "string" {
				return alternative
			}
		}
	}
	return s.Any[0]
}

// With returns the request with another value at a place. Parameters and wildcards take the text of the value.
func (r *Request) With(t *testing.T, p Place, value any) *Request {
	t.Helper()
	out := r.Clone()
	switch {
	case strings.HasPrefix(p.At, "{"):
		out.Wildcards[strings.Trim(p.At, "{}")] = fmt.Sprint(value)
	case strings.HasPrefix(p.At, "?"):
		out.Query.Set(p.At[1:], fmt.Sprint(value))
	default:
		out.Body = put(t, out.Body, strings.Split(p.At[1:], "/"), value)
	}
	return out
}

// put returns node with a value at the end of steps.
func put(t *testing.T, node any, steps []string, value any) any {
	t.Helper()
	if len(steps) == 0 {
		return value
	}
	switch v := node.(type) {
	case map[string]any:
		v[steps[0]] = put(t, v[steps[0]], steps[1:], value)
	case []any:
		i, err := strconv.Atoi(steps[0])
		if err != nil || i >= len(v) {
			t.Fatalf("there is no element %s", steps[0])
		}
		v[i] = put(t, v[i], steps[1:], value)
	default:
		t.Fatalf("there is nothing below %v", node)
	}
	return node
}

// Value is what the request's body has at a place; nil elsewhere.
func (r *Request) Value(p Place) any {
	if !p.InBody() {
		return nil
	}
	v := r.Body
	for step := range strings.SplitSeq(p.At[1:], "/") {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(node) {
				return nil
			}
			v = node[i]
		}
	}
	return v
}
