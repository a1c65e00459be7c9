package scim

import (
	"strings"
)

// Choice is which attributes an answer is to have. The zero Choice is all of them.
type Choice struct{ only, without []Attribute }

// Choose reads the parameters attributes and excludedAttributes, each a list with commas. Only one may be given; names
// that are none are passed over.
func Choose(attributes, excluded string) (Choice, error) {
	if attributes != "" && excluded != "" {
		return Choice{}, &Error{InvalidValue, "attributes and excludedAttributes exclude each other"}
	}
	return Choice{attributeList(attributes), attributeList(excluded)}, nil
}

func attributeList(text string) []Attribute {
	var out []Attribute
	for word := range strings.SplitSeq(text, ",") {
		if a, ok := attributeOf(strings.TrimSpace(word)); ok {
			out = append(out, a)
		}
	}
	return out
}

// Wants tells whether an attribute of the core schema is in the answer, in part at least.
func (c Choice) Wants(name string) bool {
	for _, a := range c.without {
		if a.URN == "" && a.Sub == "" && strings.EqualFold(a.Name, name) {
			return false
		}
	}
	if c.only == nil {
		return true
	}
	for _, a := range c.only {
		if a.URN == "" && strings.EqualFold(a.Name, name) {
			return true
		}
	}
	return false
}

// Of returns what is chosen of a resource. The identifier and the schemas always are.
func (c Choice) Of(o Object) Object {
	if c.only == nil && c.without == nil {
		return o
	}
	if c.only == nil {
		out, _ := Clone(o).(Object)
		for _, a := range c.without {
			if !a.Is("id") && !a.Is("schemas") {
				drop(out, a)
			}
		}
		return out
	}
	out := Object{}
	for _, name := range []string{"schemas", "id"} {
		if v := Get(o, name); v != nil {
			out[name] = v
		}
	}
	for _, a := range c.only {
		pick(out, o, a)
	}
	return out
}

func drop(o Object, a Attribute) {
	if a.URN != "" {
		inner, key := find(o, a.URN)
		extension, ok := inner.(Object)
		if a.Name == "" || !ok {
			delete(o, key)
			return
		}
		drop(extension, Attribute{Name: a.Name, Sub: a.Sub})
		return
	}
	v, key := find(o, a.Name)
	if a.Sub == "" {
		delete(o, key)
		return
	}
	for _, element := range Objects(v) {
		_, sub := find(element, a.Sub)
		delete(element, sub)
	}
}

func pick(out, o Object, a Attribute) {
	if a.URN != "" {
		inner, key := find(o, a.URN)
		extension, ok := inner.(Object)
		switch {
		case !ok:
		case a.Name == "":
			out[key] = extension
		default:
			chosen, ok := out[key].(Object)
			if !ok {
				chosen = Object{}
			}
			if pick(chosen, extension, Attribute{Name: a.Name, Sub: a.Sub}); len(chosen) > 0 {
				out[key] = chosen
			}
		}
		return
	}
	v, key := find(o, a.Name)
	switch {
	case v == nil:
	case a.Sub == "":
		out[key] = v
	default:
		pickSub(out, key, v, a.Sub)
	}
}

// pickSub takes one part of a complex attribute, beside the parts that were taken before.
func pickSub(out Object, key string, v any, sub string) {
	if inner, ok := v.(Object); ok {
		chosen, ok := out[key].(Object)
		if !ok {
			chosen = Object{}
			out[key] = chosen
		}
		if part, name := find(inner, sub); part != nil {
			chosen[name] = part
		}
		return
	}
	all, before := Objects(v), Objects(out[key])
	list := make([]any, len(all))
	for i, element := range all {
		chosen := Object{}
		if i < len(before) {
			chosen = before[i]
		}
		if part, name := find(element, sub); part != nil {
			chosen[name] = part
		}
		list[i] = chosen
	}
	out[key] = list
}
