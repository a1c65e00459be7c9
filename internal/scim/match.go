package scim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Match implements Filter. Of a list it is enough that one element fits.
func (f Compare) Match(o Object) bool {
	values := f.Attribute.values(o)
	if f.Operator == NotEqual {
		return !slices.ContainsFunc(values, func(v any) bool { return f.equal(v) })
	}
	if f.Operator == Equal && f.Value == nil {
		return len(values) == 0
	}
	return slices.ContainsFunc(values, f.holds)
}

// Match implements Filter.
func (f And) Match(o Object) bool { return f.Left.Match(o) && f.Right.Match(o) }

// Match implements Filter.
func (f Or) Match(o Object) bool { return f.Left.Match(o) || f.Right.Match(o) }

// Match implements Filter.
func (f Not) Match(o Object) bool { return !f.Filter.Match(o) }

// Match implements Filter.
func (f Has) Match(o Object) bool {
	return slices.ContainsFunc(Objects(f.Attribute.value(o)), f.Filter.Match)
}

// value returns what stands at the path without its last part.
func (a Attribute) value(o Object) any {
	if a.URN != "" {
		extension, _ := Get(o, a.URN).(Object)
		if a.Name == "" {
			return extension
		}
		o = extension
	}
	return Get(o, a.Name)
}

// values returns what is compared: the value, the elements of a list, and of elements that are objects their value.
func (a Attribute) values(o Object) []any {
	var out []any
	for _, v := range list(a.value(o)) {
		if inner, ok := v.(Object); ok && (a.Sub != "" || Get(inner, "value") != nil) {
			v = Get(inner, cmp.Or(a.Sub, "value"))
		}
		out = append(out, list(v)...)
	}
	return slices.DeleteFunc(out, func(v any) bool {
		inner, object := v.(Object)
		return v == nil || v == "" || object && len(inner) == 0
	})
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func (f Compare) holds(v any) bool {
	switch f.Operator {
	case Present:
		return true
	case Equal:
		return f.equal(v)
	case Contains:
		return f.texts(v, strings.Contains)
	case StartsWith:
		return f.texts(v, strings.HasPrefix)
	case EndsWith:
		return f.texts(v, strings.HasSuffix)
	case Greater, GreaterOrEqual, Less, LessOrEqual:
		n, ok := order(v, f.Value)
		return ok && (n > 0 && (f.Operator == Greater || f.Operator == GreaterOrEqual) ||
			n < 0 && (f.Operator == Less || f.Operator == LessOrEqual) ||
			n == 0 && (f.Operator == GreaterOrEqual || f.Operator == LessOrEqual))
	case NotEqual: // is no matter of a single value
	}
	return false
}

// exact tells of attributes whose case counts.
func (a Attribute) exact() bool { return a.Is("id") || a.Is("externalId") }

func (f Compare) equal(v any) bool {
	if want, ok := Bool(f.Value); ok {
		if have, isBool := v.(bool); isBool {
			return have == want
		}
	}
	have, ok := v.(string)
	want, text := f.Value.(string)
	if ok && text && !f.Attribute.exact() {
		return strings.EqualFold(have, want)
	}
	switch v.(type) {
	case string, bool, float64:
		return v == f.Value
	}
	return false
}

func (f Compare) texts(v any, holds func(s, part string) bool) bool {
	have, ok := v.(string)
	want, text := f.Value.(string)
	if !ok || !text {
		return false
	}
	if !f.Attribute.exact() {
		have, want = strings.ToLower(have), strings.ToLower(want)
	}
	return holds(have, want)
}

// order compares instants, numbers and texts.
func order(a, b any) (int, bool) {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return cmp.Compare(a, b), ok
	case string:
		b, ok := b.(string)
		if !ok {
			return 0, false
		}
		at, errA := time.Parse(time.RFC3339, a)
		bt, errB := time.Parse(time.RFC3339, b)
		if errA == nil && errB == nil {
			return at.Compare(bt), true
		}
		return strings.Compare(strings.ToLower(a), strings.ToLower(b)), true
	}
	return 0, false
}
