package web

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/web/strictjson"
)

// undecoded names what a document that fits its schema has that its Go type would not take: an identifier that is none,
// an instant that does not exist, a number too large.
func undecoded(t reflect.Type, tree any, err error) errs.Fields {
	var l locator
	l.walk(t, tree, "")
	if len(l.fields) > 0 {
		return l.fields
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return errs.Fields{{Path: Pointer("", te.Field, same), Code: errs.CodeInvalid, Message: typeMessage(te.Type)}}
	}
	return errs.Fields{{Code: errs.CodeInvalid, Message: "the body does not fit this operation"}}
}

func same(s string) string { return s }

func typeMessage(t reflect.Type) string {
	switch {
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "must be a whole number in range"
	case t.Kind() == reflect.Bool:
		return "must be true or false"
	case t.Kind() == reflect.String:
		return "must be a text"
	case t == reflect.TypeFor[time.Time]():
		return "must be an instant (2026-11-22T10:00:00Z)"
	}
	return "is not valid"
}

// locator decodes leaf by leaf to find those that fail. It runs only when a whole document did.
type locator struct{ fields errs.Fields }

func (l *locator) walk(t reflect.Type, tree any, at string) {
	if tree == nil || len(l.fields) >= 20 {
		return
	}
	switch v := reflect.New(t).Interface().(type) {
	case optional:
		l.walk(v.inner(), tree, at)
		return
	case json.Unmarshaler, encoding.TextUnmarshaler:
		l.try(t, tree, at)
		return
	}
	switch node := tree.(type) {
	case map[string]any:
		l.object(t, node, at)
		return
	case []any:
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			for i, v := range node {
				l.walk(t.Elem(), v, at+"/"+strconv.Itoa(i))
			}
			return
		}
	}
	if t.Kind() == reflect.Pointer {
		l.walk(t.Elem(), tree, at)
		return
	}
	l.try(t, tree, at)
}

func (l *locator) object(t reflect.Type, node map[string]any, at string) {
	switch t.Kind() {
	case reflect.Pointer:
		l.walk(t.Elem(), node, at)
	case reflect.Map:
		for _, k := range slices.Sorted(maps.Keys(node)) {
			l.walk(t.Elem(), node[k], at+"/"+strictjson.Escape(k))
		}
	case reflect.Struct:
		for f := range t.Fields() {
			if f.Anonymous && f.Tag.Get("json") == "" {
				l.object(f.Type, node, at)
			} else if name := memberName(f); name != "" {
				l.walk(f.Type, node[name], at+"/"+strictjson.Escape(name))
			}
		}
	default:
		l.try(t, node, at)
	}
}

func (l *locator) try(t reflect.Type, tree any, at string) {
	raw, err := json.Marshal(tree)
	if err == nil {
		err = json.Unmarshal(raw, reflect.New(t).Interface())
	}
	if err == nil {
		return
	}
	l.fields = append(l.fields, errs.Field{Path: at, Code: errs.CodeInvalid, Message: said(t, err)})
}

// said is what the caller hears of a type that would not read a value: the type's own words when it is one of ours,
// which are written to follow the name of the value ("must be …", "not an identifier").
func said(t reflect.Type, err error) string {
	_, mismatch := errors.AsType[*json.UnmarshalTypeError](err)
	text := err.Error()
	switch {
	case mismatch || strings.HasPrefix(text, "json: ") || !strings.HasPrefix(t.PkgPath(), modulePrefix):
		return typeMessage(t)
	case strings.HasPrefix(text, "not "):
		return "is " + text
	}
	return text
}

// memberName is the JSON name of a field; empty for one that is not encoded.
func memberName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name == "-" || !f.IsExported():
		return ""
	case name == "":
		return f.Name
	}
	return name
}

// defaults knows where a type of bodies has default tags. They are applied to members that are absent or null, never
// over a value that was given, be it false or 0. nil has none.
type defaults struct {
	members []memberDefault
	elem    *defaults // of slices and maps
}

type memberDefault struct {
	index []int
	name  string
	value func() reflect.Value // a fresh one each time, so that no two requests share a slice; nil: none here, but below
	below *defaults
}

func findDefaults(t reflect.Type) *defaults { return findDefaultsIn(t, map[reflect.Type]bool{}) }

func findDefaultsIn(t reflect.Type, seen map[reflect.Type]bool) *defaults {
	switch t.Kind() {
	case reflect.Pointer:
		return findDefaultsIn(t.Elem(), seen)
	case reflect.Slice, reflect.Map:
		if elem := findDefaultsIn(t.Elem(), seen); elem != nil {
			return &defaults{elem: elem}
		}
	case reflect.Struct:
		if seen[t] {
			return nil // a recursive type has defaults at its first level only
		}
		seen[t] = true
		defer delete(seen, t)
		if d := (&defaults{}).collect(t, nil, seen); len(d.members) > 0 {
			return d
		}
	default:
	}
	return nil
}

func (d *defaults) collect(t reflect.Type, at []int, seen map[reflect.Type]bool) *defaults {
	for f := range t.Fields() {
		index := append(slices.Clone(at), f.Index...)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("json") == "" {
			if !f.IsExported() { // huma leaves its members out of the schema, so they would be refused as unknown
				panic(fmt.Sprintf("web: the body %s embeds %s, which must be exported", t, f.Type))
			}
			d.collect(f.Type, index, seen)
			continue
		}
		name := memberName(f)
		if name == "" {
			continue
		}
		m := memberDefault{index: index, name: name, below: findDefaultsIn(f.Type, seen)}
		if text, ok := f.Tag.Lookup("default"); ok {
			m.value = parseDefault(f, text)
		}
		if m.value != nil || m.below != nil {
			d.members = append(d.members, m)
		}
	}
	return d
}

// parseDefault reads the text of a default tag: JSON, or bare text for a type that takes one.
func parseDefault(f reflect.StructField, text string) func() reflect.Value {
	raw := []byte(text)
	if json.Unmarshal(raw, reflect.New(f.Type).Interface()) != nil {
		raw, _ = json.Marshal(text)
	}
	decode := func() (reflect.Value, error) {
		v := reflect.New(f.Type)
		err := json.Unmarshal(raw, v.Interface())
		return v.Elem(), err
	}
	first, err := decode()
	if err != nil {
		panic(fmt.Sprintf("web: default of %s: %v", f.Name, err))
	}
	switch f.Type.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Struct:
		return func() reflect.Value {
			v, _ := decode() // as above
			return v
		}
	default:
		return func() reflect.Value { return first }
	}
}

func (d *defaults) apply(v reflect.Value, tree any) {
	if d == nil {
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch node := tree.(type) {
	case []any:
		for i := range min(len(node), v.Len()) {
			d.elem.apply(v.Index(i), node[i])
		}
	case map[string]any:
		if v.Kind() == reflect.Map {
			return // values of maps cannot be changed in place, and none of ours has defaults
		}
		for _, m := range d.members {
			member, given := node[m.name]
			if !given && m.value != nil {
				v.FieldByIndex(m.index).Set(m.value())
			} else if m.below != nil {
				if !given {
					member = map[string]any{} // an absent object still has the defaults of its members
				}
				m.below.apply(v.FieldByIndex(m.index), member)
			}
		}
	}
}
