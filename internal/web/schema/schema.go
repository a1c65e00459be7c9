// Package schema checks decoded JSON against the schemas that huma makes of Go types, and says what is wrong in the
// words and with the codes of package errs.
//
// It replaces huma.Validate, which compares member names without regard to case, panics on unique arrays of objects,
// reports only texts (from which a code would have to be guessed) and loses its place when a name contains a dot.
// It knows the keywords that the generator writes and no others.
package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web/strictjson"
)

// A Checker checks values against one schema. It is immutable and safe for concurrent use.
type Checker struct {
	typ      string
	nullable bool
	// Objects. A nil extra with open set admits any further member.
	members  map[string]*Checker
	required []string
	open     bool
	extra    *Checker
	minProps *int
	maxProps *int
	// Arrays.
	items    *Checker
	minItems *int
	maxItems *int
	unique   bool
	// Texts.
	minLen      *int
	maxLen      *int
	pattern     *regexp.Regexp
	patternText string
	format      string
	// Numbers.
	min, max   *float64
	above      *float64
	below      *float64
	multipleOf *float64

	enum  []any
	enums string
	anyOf []*Checker
	oneOf []*Checker
	allOf []*Checker
}

// Compile prepares a schema for checking. It panics on a pattern that is no regular expression.
func Compile(r huma.Registry, s *huma.Schema) *Checker {
	c := compiler{registry: r, refs: map[string]*Checker{}}
	return c.compile(s)
}

type compiler struct {
	registry huma.Registry
	refs     map[string]*Checker
}

func (c *compiler) compile(s *huma.Schema) *Checker {
	if s == nil {
		return &Checker{}
	}
	if s.Ref == "" {
		out := new(Checker)
		c.fill(out, s)
		return out
	}
	if known, ok := c.refs[s.Ref]; ok {
		return known
	}
	out := new(Checker)
	c.refs[s.Ref] = out // before its members, which may refer back
	c.fill(out, c.registry.SchemaFromRef(s.Ref))
	return out
}

func (c *compiler) fill(out *Checker, s *huma.Schema) {
	*out = Checker{
		typ: s.Type, nullable: s.Nullable && s.Type != huma.TypeArray, // huma calls every array nullable
		required: s.Required, minProps: s.MinProperties, maxProps: s.MaxProperties,
		minItems: s.MinItems, maxItems: s.MaxItems, unique: s.UniqueItems,
		minLen: s.MinLength, maxLen: s.MaxLength, patternText: cmp.Or(s.PatternDescription, s.Pattern), format: s.Format,
		min: s.Minimum, max: s.Maximum, above: s.ExclusiveMinimum, below: s.ExclusiveMaximum, multipleOf: s.MultipleOf,
		open: true,
	}
	if s.Pattern != "" {
		out.pattern = regexp.MustCompile(s.Pattern)
	}
	if s.ContentEncoding == "base64" {
		out.format = "base64"
	}
	if s.Properties != nil {
		out.members = make(map[string]*Checker, len(s.Properties))
		for name, member := range s.Properties {
			out.members[name] = c.compile(member)
		}
	}
	switch more := s.AdditionalProperties.(type) {
	case bool:
		out.open = more
	case *huma.Schema:
		out.extra = c.compile(more)
	}
	if s.Items != nil {
		out.items = c.compile(s.Items)
	}
	for _, v := range s.Enum {
		out.enum = append(out.enum, plain(v))
	}
	out.enums = join(out.enum)
	out.anyOf, out.oneOf, out.allOf = c.all(s.AnyOf), c.all(s.OneOf), c.all(s.AllOf)
}

func (c *compiler) all(list []*huma.Schema) []*Checker {
	var out []*Checker
	for _, s := range list {
		out = append(out, c.compile(s))
	}
	return out
}

// plain turns a value of a named or sized Go type into the one that a parser of JSON would make.
func plain(v any) any {
	switch r := reflect.ValueOf(v); {
	case !r.IsValid():
		return nil
	case r.Kind() == reflect.String:
		return r.String()
	case r.CanInt():
		return float64(r.Int())
	case r.CanUint():
		return float64(r.Uint())
	case r.CanFloat():
		return r.Float()
	}
	return v
}

func join(values []any) string {
	out := make([]string, len(values))
	for i, v := range values {
		if out[i] = fmt.Sprint(v); v == "" {
			out[i] = `""`
		}
	}
	return strings.Join(out, ", ")
}

// Type is the JSON type that the schema asks for; empty when it leaves that open.
func (c *Checker) Type() string { return c.typ }

// Member returns the checker of a member of an object, and nil for a name that the schema does not know.
// For an object of any names it is the checker of their values.
func (c *Checker) Member(name string) *Checker {
	if m, ok := c.members[name]; ok {
		return m
	}
	if c.extra != nil {
		return c.extra
	}
	if c.open && c.members == nil {
		return &Checker{open: true}
	}
	return nil
}

// Items returns the checker of the elements of an array; nil when the schema is not of one.
func (c *Checker) Items() *Checker { return c.items }

// Check returns what is wrong with a value as package strictjson makes them. The paths of the fields are JSON pointers;
// their order is that of the pointers.
func (c *Checker) Check(v any) errs.Fields {
	var r result
	r.path = r.room[:0]
	c.check(&r, v)
	if len(r.fields) > 1 {
		slices.SortStableFunc(r.fields, func(a, b errs.Field) int { return cmp.Compare(a.Path, b.Path) })
	}
	return r.fields
}

// maxFields bounds an answer about a body in which everything is wrong.
const maxFields = 100

// result gathers what is wrong and knows where the check is. The path is a stack that is spelled only on an error, so
// that checking what is right allocates once.
type result struct {
	fields errs.Fields
	path   []step
	room   [8]step
}

// step is a member's name, or an index when it is not negative.
type step struct {
	name  string
	index int
}

func (r *result) member(name string) { r.path = append(r.path, step{name, -1}) }
func (r *result) element(i int)      { r.path = append(r.path, step{"", i}) }
func (r *result) up()                { r.path = r.path[:len(r.path)-1] }

func (r *result) pointer() string {
	var b strings.Builder
	for _, s := range r.path {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(strictjson.Escape(s.name))
		}
	}
	return b.String()
}

func (r *result) add(code errs.Code, format string, args ...any) {
	if len(r.fields) < maxFields {
		r.fields = append(r.fields, errs.Field{Path: r.pointer(), Code: code, Message: fmt.Sprintf(format, args...)})
	}
}

func (r *result) invalid(format string, args ...any) { r.add(errs.CodeInvalid, format, args...) }

func (c *Checker) check(r *result, v any) {
	if c.nullable && v == nil {
		return
	}
	c.combined(r, v)
	if !c.typed(r, v) {
		return
	}
	if c.enum != nil && !slices.ContainsFunc(c.enum, func(e any) bool { return reflect.DeepEqual(e, v) }) {
		r.invalid("must be one of %s", c.enums)
	}
}

// typed checks the type and what depends on it; it returns false when the type is another.
func (c *Checker) typed(r *result, v any) bool {
	ok := true
	switch c.typ {
	case huma.TypeBoolean:
		if _, ok = v.(bool); !ok {
			r.invalid("must be true or false")
		}
	case huma.TypeInteger, huma.TypeNumber:
		var n float64
		if n, ok = v.(float64); !ok || c.typ == huma.TypeInteger && n != math.Trunc(n) {
			r.invalid("must be %s", map[bool]string{true: "a whole number", false: "a number"}[c.typ == huma.TypeInteger])
			return false
		}
		c.number(r, n)
	case huma.TypeString:
		var s string
		if s, ok = v.(string); !ok {
			r.invalid("must be a text")
			return false
		}
		c.text(r, s)
	case huma.TypeArray:
		var list []any
		if list, ok = v.([]any); !ok {
			r.invalid("must be an array")
			return false
		}
		c.array(r, list)
	case huma.TypeObject:
		var m map[string]any
		if m, ok = v.(map[string]any); !ok {
			r.invalid("must be an object")
			return false
		}
		c.object(r, m)
	}
	return ok
}

func (c *Checker) number(r *result, n float64) {
	switch {
	case c.min != nil && n < *c.min:
		r.invalid("must be at least %s", decimal(*c.min))
	case c.max != nil && n > *c.max:
		r.invalid("must be at most %s", decimal(*c.max))
	case c.above != nil && n <= *c.above:
		r.invalid("must be more than %s", decimal(*c.above))
	case c.below != nil && n >= *c.below:
		r.invalid("must be less than %s", decimal(*c.below))
	case c.multipleOf != nil && math.Mod(n, *c.multipleOf) != 0:
		r.invalid("must be a multiple of %s", decimal(*c.multipleOf))
	}
}

// decimal spells a bound without an exponent.
func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func (c *Checker) text(r *result, s string) {
	if c.minLen != nil || c.maxLen != nil {
		n := utf8.RuneCountInString(s)
		switch {
		case c.minLen != nil && n < *c.minLen && n == 0:
			r.add(errs.CodeRequired, "must not be empty")
			return
		case c.minLen != nil && n < *c.minLen:
			r.invalid("must have at least %d characters", *c.minLen)
			return
		case c.maxLen != nil && n > *c.maxLen:
			r.invalid("must have at most %d characters", *c.maxLen)
			return
		}
	}
	if c.pattern != nil && !c.pattern.MatchString(s) {
		r.invalid("must match %s", c.patternText)
		return
	}
	if c.format == "uuid" {
		if i, err := id.Parse(s); err != nil || i.IsZero() { // the zero UUID would be read as none
			r.invalid("must be a UUID")
		}
	}
}

func (c *Checker) array(r *result, list []any) {
	if c.minItems != nil && len(list) < *c.minItems {
		r.invalid("must have at least %d elements", *c.minItems)
	}
	if c.maxItems != nil && len(list) > *c.maxItems {
		r.invalid("must have at most %d elements", *c.maxItems)
		return // what is too long is not looked through
	}
	var seen map[any]bool
	if c.unique {
		seen = make(map[any]bool, len(list))
	}
	for i, v := range list {
		r.element(i)
		if c.items != nil {
			c.items.check(r, v)
		}
		if c.unique {
			key := keyOf(v)
			if seen[key] {
				r.invalid("is given more than once")
			}
			seen[key] = true
		}
		r.up()
	}
}

// composite keeps the spelling of an object apart from a text that reads the same.
type composite string

// keyOf returns a map key that equal values share.
func keyOf(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		raw, _ := json.Marshal(v) // sorts names; cannot fail on what was parsed
		return composite(raw)
	}
	return v
}

func (c *Checker) object(r *result, m map[string]any) {
	if c.minProps != nil && len(m) < *c.minProps {
		r.invalid("must have at least %d members", *c.minProps)
	}
	if c.maxProps != nil && len(m) > *c.maxProps {
		r.invalid("must have at most %d members", *c.maxProps)
		return
	}
	for _, name := range c.required {
		if _, ok := m[name]; !ok {
			r.member(name)
			r.add(errs.CodeRequired, "is required")
			r.up()
		}
	}
	for name, v := range m {
		r.member(name)
		switch member, ok := c.members[name]; {
		case ok:
			member.check(r, v)
		case c.extra != nil:
			c.extra.check(r, v)
		case !c.open:
			r.add(errs.CodeUnknown, "is not known here")
		}
		r.up()
	}
}

func (c *Checker) combined(r *result, v any) {
	for _, sub := range c.allOf {
		sub.check(r, v)
	}
	if c.anyOf != nil && matches(c.anyOf, v) == 0 {
		r.invalid("has none of the shapes that are allowed here")
	}
	if c.oneOf != nil && matches(c.oneOf, v) != 1 {
		r.invalid("must have exactly one of the shapes that are allowed here")
	}
}

func matches(list []*Checker, v any) int {
	n := 0
	for _, c := range list {
		var r result
		if c.check(&r, v); len(r.fields) == 0 {
			n++
		}
	}
	return n
}

// Any is the checker that finds nothing wrong.
func Any() *Checker { return &Checker{open: true} }
