package web

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// asAnswered turns what huma says of the types in a registry, which is what it would have us read, into what is true of
// them when they are written:
//
//   - A member whose zero value is written as null (an instant, an identifier, a pointer) may be null, unless the field says
//     nullable:"false" because it always has a value. Lists and maps are never null: handlers make them.
//   - A member is required when it is always written.
//   - Objects are open: a later version may answer more members, and clients made today are to take that.
func asAnswered(r huma.Registry) {
	for name, form := range r.Map() {
		if t := r.TypeFromRef(schemaPrefix + name); t != nil && t.Kind() == reflect.Struct {
			answeredStruct(form, t)
		}
	}
}

func answeredStruct(form *huma.Schema, t reflect.Type) {
	if form.AdditionalProperties != true { // as a type says of itself that answers with what nobody here has named
		form.AdditionalProperties = nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		member := form.Properties[name]
		if member == nil || leftOut(f.Type, options) {
			continue
		}
		if !slices.Contains(form.Required, name) {
			form.Required = append(form.Required, name)
		}
		if f.Tag.Get("nullable") != "false" && zeroIsNull(f.Type) {
			form.Properties[name] = orNull(member)
		}
	}
}

// leftOut tells whether encoding/json leaves out a zero value of a type, by the options of its tag.
func leftOut(t reflect.Type, options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitzero":
			return true
		case "omitempty":
			return t.Kind() != reflect.Struct && (t.Kind() != reflect.Array || t.Len() == 0)
		}
	}
	return false
}

func zeroIsNull(t reflect.Type) bool {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		return false
	}
	raw, err := json.Marshal(reflect.Zero(t).Interface())
	return err == nil && string(raw) == "null"
}

// orNull admits null beside what a schema admits.
func orNull(s *huma.Schema) *huma.Schema {
	switch {
	case s.Ref != "":
		description := s.Description
		s.Description = ""
		return &huma.Schema{AnyOf: []*huma.Schema{s, {Type: "null"}}, Description: description}
	case s.Type != "": // without one, anything is admitted
		s.Nullable = true
	}
	return s
}

// spellNull mends how huma spells what may be null. It says so of every array; ours never are. (The switch for it is a
// variable of huma's package, which two servers in one process would race for.) And it leaves null out of enumerations,
// where a validator looks for it.
func spellNull(s *huma.Schema, seen map[*huma.Schema]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	if s.Nullable && s.Enum != nil && !slices.Contains(s.Enum, nil) {
		s.Enum = append(slices.Clone(s.Enum), nil)
	}
	spellNull(s.Items, seen)
	for _, member := range s.Properties {
		spellNull(member, seen)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		spellNull(more, seen)
	}
	for _, list := range [][]*huma.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, sub := range list {
			spellNull(sub, seen)
		}
	}
}
