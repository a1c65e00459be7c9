package apptest

import (
	"fmt"
	"slices"
	"strconv"
)

// Conform returns what of a decoded answer is not as the document says, each once and with the elements of lists taken
// together: "data[].attributes.parent-id is null".
func (s *Schema) Conform(v any) []string {
	c := conformity{}
	c.check("", s, v)
	slices.Sort(c.found)
	return slices.Compact(c.found)
}

type conformity struct{ found []string }

func (c *conformity) say(path, what string) { c.found = append(c.found, path+" "+what) }

func (c *conformity) check(path string, s *Schema, v any) {
	if len(s.Any) > 0 {
		if !slices.ContainsFunc(s.Any, func(a *Schema) bool { return len(a.Conform(v)) == 0 }) {
			c.say(path, "is none of the alternatives")
		}
		return
	}
	if v == nil {
		if !s.Nullable && s.Type != "" {
			c.say(path, "is null")
		}
		return
	}
	kind := jsonType(v)
	if kind == "integer" && s.Type == "number" {
		kind = "number"
	}
	if s.Type != "" && s.Type != kind {
		c.say(path, "is of the type "+kind+", not "+s.Type)
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		c.say(path, fmt.Sprintf("is %v, which is not one of %v", v, s.Enum))
	}
	switch node := v.(type) {
	case map[string]any:
		c.object(path, s, node)
	case []any:
		for _, element := range node {
			if s.Items != nil {
				c.check(path+"[]", s.Items, element)
			}
		}
	}
}

func (c *conformity) object(path string, s *Schema, node map[string]any) {
	for _, name := range s.Required {
		if _, ok := node[name]; !ok {
			c.say(path+"."+name, "is missing")
		}
	}
	for name, member := range node {
		inner, known := s.Properties[name]
		switch {
		case known:
			c.check(path+"."+name, inner, member)
		case !s.Open:
			c.say(path+"."+name, "is not in the document")
		}
	}
}

func jsonType(v any) string {
	switch n := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if _, err := strconv.ParseInt(strconv.FormatFloat(n, 'f', -1, 64), 10, 64); err == nil {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}
