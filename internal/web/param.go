package web

import (
	"encoding"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/web/schema"
)

// ValuesUnmarshaler is a query parameter of several values that reads all of them itself: repeated ones and those
// between commas. The error's text is shown to the caller.
type ValuesUnmarshaler interface{ UnmarshalValues(values []string) error }

// maxQueryValues bounds how many parameters a request may have.
const maxQueryValues = 1000

// param is one parameter of an operation and how it is read.
type param struct {
	in       errs.Place
	name     string
	index    []int
	typ      reflect.Type
	required bool
	hidden   bool
	multi    bool     // repeated and comma-separated values
	fallback []string // nil: none
	schema   *huma.Schema
	check    *schema.Checker
	set      setter
}

// setter reads values into dst. It returns the value as JSON would have it, for the schema to check (nil: nothing to
// check), or what is wrong.
type setter func(dst reflect.Value, values []string) (plain any, problem string)

func findParams(reg huma.Registry, op *Operation, t reflect.Type, at []int) []param {
	var out []param
	for f := range t.Fields() {
		index := append(append([]int(nil), at...), f.Index...)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			out = append(out, findParams(reg, op, f.Type, index)...)
			continue
		}
		if p, ok := newParam(reg, op, f, index); ok {
			out = append(out, p)
		}
	}
	return out
}

func newParam(reg huma.Registry, op *Operation, f reflect.StructField, index []int) (param, bool) {
	p := param{index: index, typ: f.Type, required: f.Tag.Get("required") == "true", hidden: f.Tag.Get("hidden") == "true"}
	switch {
	case f.Tag.Get("path") != "":
		p.in, p.name, p.required = errs.InPath, f.Tag.Get("path"), true
		if p.name == "*" {
			p.name = lastWildcard(op.Path)
		}
		if p.name == "" || !strings.Contains(op.Path, "{"+p.name) {
			panic("web: " + op.Route() + " has no wildcard for " + f.Name)
		}
	case f.Tag.Get("query") != "":
		p.in, p.name = errs.InQuery, f.Tag.Get("query")
	case f.Tag.Get("header") != "":
		p.in, p.name = errs.InHeader, http.CanonicalHeaderKey(f.Tag.Get("header"))
	default:
		return p, false
	}
	p.schema = huma.SchemaFromField(reg, f, "")
	p.schema.Nullable = false
	if d, ok := f.Tag.Lookup("default"); ok {
		p.fallback = []string{d}
	}
	if r, ok := op.Ranges[p.name]; ok {
		p.narrow(r)
	}
	p.set, p.multi = newSetter(f.Type, op.Route()+" "+p.name)
	p.check = schema.Compile(reg, p.schema)
	if problem := p.bind(reflect.New(f.Type).Elem(), nil, nil); p.fallback != nil && problem != "" {
		panic("web: " + op.Route() + ": the default of " + p.name + " " + problem)
	}
	return p, true
}

func (p *param) narrow(r Range) {
	least, most := float64(r.Min), float64(r.Max)
	p.schema.Minimum, p.schema.Maximum = &least, &most
	p.fallback, p.schema.Default = nil, nil
	if r.Default >= r.Min {
		p.fallback, p.schema.Default = []string{strconv.Itoa(r.Default)}, r.Default
	}
}

// newSetter returns how a parameter of type t is read, and whether it takes several values.
func newSetter(t reflect.Type, what string) (set setter, multi bool) {
	ptr := reflect.PointerTo(t)
	switch {
	case ptr.Implements(reflect.TypeFor[ValuesUnmarshaler]()):
		return setValues, true
	case ptr.Implements(reflect.TypeFor[optional]()):
		inner, multi := newSetter(reflect.New(t).Interface().(optional).inner(), what)
		return func(dst reflect.Value, values []string) (any, string) {
			target, isSet := dst.Addr().Interface().(optional).target()
			*isSet = true
			return inner(target, values)
		}, multi
	case ptr.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return setText, false
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner, multi := newSetter(t.Elem(), what)
		return func(dst reflect.Value, values []string) (any, string) {
			dst.Set(reflect.New(t.Elem()))
			return inner(dst.Elem(), values)
		}, multi
	case reflect.Slice:
		inner, _ := newSetter(t.Elem(), what)
		return sliceSetter(inner), true
	case reflect.String:
		return setString, false
	case reflect.Bool:
		return setBool, false
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt, false
	case reflect.Float64, reflect.Float32:
		return setFloat, false
	default:
		panic("web: " + what + ": a parameter cannot be a " + t.String())
	}
}

// optional is what Opt adds to a type.
type optional interface {
	inner() reflect.Type
	target() (reflect.Value, *bool)
}

func setValues(dst reflect.Value, values []string) (plain any, problem string) {
	if err := dst.Addr().Interface().(ValuesUnmarshaler).UnmarshalValues(values); err != nil {
		return nil, said(dst.Type(), err)
	}
	return nil, ""
}

func setText(dst reflect.Value, values []string) (plain any, problem string) {
	if values[0] == "" {
		return nil, "must not be empty"
	}
	if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(values[0])); err != nil {
		return nil, said(dst.Type(), err)
	}
	if z, ok := reflect.TypeAssert[interface{ IsZero() bool }](dst); ok && z.IsZero() {
		return nil, "is not an identifier" // a zero UUID would be read as no parameter at all
	}
	return nil, ""
}

func setString(dst reflect.Value, values []string) (plain any, problem string) {
	dst.SetString(values[0])
	return values[0], ""
}

func setBool(dst reflect.Value, values []string) (plain any, problem string) {
	switch values[0] {
	case "true":
		dst.SetBool(true)
		return true, ""
	case "false":
		dst.SetBool(false)
		return false, ""
	}
	return nil, "must be true or false"
}

func setInt(dst reflect.Value, values []string) (plain any, problem string) {
	n, err := strconv.ParseInt(values[0], 10, dst.Type().Bits())
	if err != nil || values[0][0] == '+' {
		return nil, "must be a whole number"
	}
	dst.SetInt(n)
	return float64(n), ""
}

func setFloat(dst reflect.Value, values []string) (plain any, problem string) {
	n, err := strconv.ParseFloat(values[0], 64)
	if err != nil || n != n || n-n != 0 { // NaN and the infinities are no numbers here
		return nil, "must be a number"
	}
	dst.SetFloat(n)
	return n, ""
}

func sliceSetter(inner setter) setter {
	return func(dst reflect.Value, values []string) (any, string) {
		list := reflect.MakeSlice(dst.Type(), len(values), len(values))
		plain := make([]any, 0, len(values))
		for i := range values {
			v, problem := inner(list.Index(i), values[i:i+1])
			if problem != "" {
				return nil, problem
			}
			if v != nil {
				plain = append(plain, v)
			}
		}
		dst.Set(list)
		if len(plain) < len(values) {
			return nil, ""
		}
		return plain, ""
	}
}

// bindParams fills the parameters of in. An error is final; fields may be added to.
func (b *binder) bindParams(r *http.Request, in reflect.Value) (errs.Fields, error) {
	var wrong errs.Fields
	given := b.query(r.URL.RawQuery, &wrong)
	for i := range b.params {
		p := &b.params[i]
		var values []string
		switch p.in {
		case errs.InQuery:
			if given != nil {
				values = given[i]
			}
		case errs.InHeader:
			values = r.Header[p.name]
		case errs.InPath:
			if !p.bindPath(r, in) {
				return nil, noAddress()
			}
			continue
		case errs.InBody:
		}
		if problem := p.bind(in, p.index, values); problem != "" {
			wrong = append(wrong, blame(p.in, p.name, problem))
		}
	}
	return wrong, nil
}

func blame(in errs.Place, name, problem string) errs.Field {
	return errs.Field{In: in, Path: name, Code: errs.CodeParameter, Message: problem}
}

// bindPath reads a wildcard. One that cannot be read names nothing, so it is not found.
func (p *param) bindPath(r *http.Request, in reflect.Value) bool {
	v := r.PathValue(p.name)
	if v == "" || !sane(v) {
		return false
	}
	plain, problem := p.set(in.FieldByIndex(p.index), []string{v})
	return problem == "" && (plain == nil || len(p.check.Check(plain)) == 0)
}

// bind reads values, or the default, into the field of in at index, and says what is wrong.
func (p *param) bind(in reflect.Value, index []int, values []string) (problem string) {
	if len(values) == 0 {
		if p.required {
			return "is required"
		}
		if values = p.fallback; values == nil {
			return ""
		}
	}
	if p.multi {
		if values, problem = split(values); problem != "" {
			return problem
		}
	} else if len(values) > 1 {
		return "is given more than once"
	}
	dst := in
	if index != nil {
		dst = in.FieldByIndex(index)
	}
	plain, problem := p.set(dst, values)
	if problem != "" || plain == nil {
		return problem
	}
	if fields := p.check.Check(plain); len(fields) > 0 {
		return fields[0].Message
	}
	return ""
}

// split cuts values at their commas.
func split(values []string) (out []string, problem string) {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part == "" {
				return nil, "has an empty value"
			}
			out = append(out, part)
		}
	}
	return out, ""
}

// query returns the values of each parameter by its place in b.params, and records what no parameter is.
func (b *binder) query(raw string, wrong *errs.Fields) [][]string {
	if raw == "" {
		return nil
	}
	out := make([][]string, len(b.params))
	n := 0
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxQueryValues {
			*wrong = append(*wrong, blame(errs.InQuery, "", "the address has too many parameters"))
			return out
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil || !sane(name) {
			*wrong = append(*wrong, blame(errs.InQuery, strings.ToValidUTF8(rawName, "�"), "is not a name that can be read"))
			continue
		}
		i, known := b.byName[name]
		if !known {
			*wrong = append(*wrong, blame(errs.InQuery, name, "is not a parameter of this operation"))
			continue
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil || !sane(value) {
			*wrong = append(*wrong, blame(errs.InQuery, name, "cannot be read: broken escape, invalid UTF-8 or a NUL character"))
			continue
		}
		out[i] = append(out[i], value)
	}
	return out
}

// sane tells whether a text may travel further: valid UTF-8 without NUL, which PostgreSQL stores nowhere.
func sane(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
