// Package setting is settings as structs: their names, defaults, documentation and checks stand in the tags of the fields,
// and one decoder fills them in from what a file or an environment gives. Secret is the type of those that must not show.
//
// It reads neither files nor variables: package config does, and each provider decodes its own part.
package setting

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchboard/internal/errs"
)

// Setting describes one setting, for the reference page.
type Setting struct {
	Key      string
	Type     string // "text", "secret", "list of texts", "list of secrets", "number", "yes or no", "duration"
	Default  string // as one would write it; empty means none
	Required bool
	Doc      string
}

// Secret tells whether the value must not show.
func (s Setting) Secret() bool { return s.Type == typeSecret || s.Type == typeSecrets }

// The types of secrets.
const (
	typeSecret  = "secret"
	typeSecrets = "list of secrets"
)

// Settings are a struct. Each field has the tags
//
//	key:"auth_token"          the name in the configuration; ",required" after it when it must be set
//	default:"15s"             as one would write it; absent means the zero value
//	doc:"What it is."         for the reference page
//
// and one of the types string, Secret, []string, []Secret, bool, int, time.Duration.

// Checker is a settings struct with rules beyond the types of its fields.
type Checker interface {
	// Check records each value that cannot be used, by its key.
	Check(f *errs.Fields)
}

// Describe lists the settings of a struct. It panics when v is no settings struct, which a test of every one would show.
func Describe(v any) []Setting {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var out []Setting
	for field := range t.Fields() {
		key, required := keyOf(field)
		out = append(out, Setting{
			Key: key, Required: required, Type: typeName(field.Type),
			Default: field.Tag.Get("default"), Doc: field.Tag.Get("doc"),
		})
	}
	return out
}

func keyOf(field reflect.StructField) (key string, required bool) {
	key, option, _ := strings.Cut(field.Tag.Get("key"), ",")
	if key == "" || field.Tag.Get("doc") == "" {
		panic(fmt.Sprintf("setting: setting %s has no key or no doc", field.Name))
	}
	return key, option == "required"
}

// Decode fills a settings struct of type T with the defaults and then with raw, in which numbers, booleans,
// durations and lists may also be texts, as an environment gives them (lists separated by commas). It returns every
// mistake at once: unknown keys, missing ones, wrong types and whatever T's Check finds.
//
// The error is an errs.Error whose fields are named by their keys. No secret is in it.
func Decode[T any](raw map[string]any) (T, error) {
	var (
		out    T
		faults errs.Fields
		value  = reflect.ValueOf(&out).Elem()
		known  = map[string]bool{}
	)
	for field, target := range value.Fields() {
		key, required := keyOf(field)
		known[key] = true
		given, set := raw[key]
		if !set || given == nil {
			setDefault(field, target)
		} else if problem := assign(target, given); problem != "" {
			faults.Add(key, "%s", problem)
			continue
		}
		if required && target.IsZero() {
			faults.Require(key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if !known[key] {
			faults = append(faults, errs.Field{Path: key, Code: errs.CodeUnknown, Message: "is no setting here"})
		}
	}
	if c, ok := any(&out).(Checker); ok && len(faults) == 0 {
		c.Check(&faults)
	}
	return out, faults.Err()
}

func setDefault(field reflect.StructField, target reflect.Value) {
	text, ok := field.Tag.Lookup("default")
	if !ok {
		return
	}
	if problem := assign(target, text); problem != "" {
		panic(fmt.Sprintf("setting: the default of %s %s", field.Name, problem))
	}
}

var durationType = reflect.TypeFor[time.Duration]()

// assign sets target from given and returns what is wrong with it, without quoting it.
func assign(target reflect.Value, given any) (problem string) {
	switch {
	case target.Type() == durationType:
		return assignDuration(target, given)
	case target.Kind() == reflect.String:
		text, ok := given.(string)
		if !ok {
			return "must be a text"
		}
		target.SetString(text)
	case target.Kind() == reflect.Bool:
		return assignBool(target, given)
	case target.Kind() == reflect.Int:
		return assignInt(target, given)
	case target.Kind() == reflect.Slice:
		return assignList(target, given)
	default:
		panic(fmt.Sprintf("setting: settings cannot have the type %s", target.Type()))
	}
	return ""
}

func assignDuration(target reflect.Value, given any) string {
	switch v := given.(type) {
	case time.Duration:
		target.SetInt(int64(v))
		return ""
	case string:
		if d, err := time.ParseDuration(v); err == nil {
			target.SetInt(int64(d))
			return ""
		}
	}
	return `must be a duration such as "15s"`
}

func assignBool(target reflect.Value, given any) string {
	switch v := given.(type) {
	case bool:
		target.SetBool(v)
		return ""
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			target.SetBool(b)
			return ""
		}
	}
	return "must be true or false"
}

func assignInt(target reflect.Value, given any) string {
	const problem = "must be a whole number"
	switch v := given.(type) {
	case int:
		target.SetInt(int64(v))
	case int64:
		target.SetInt(v)
	case uint64:
		if v > 1<<53 {
			return problem
		}
		target.SetInt(int64(v))
	case float64:
		if v != float64(int64(v)) || v > 1<<53 || v < -1<<53 {
			return problem
		}
		target.SetInt(int64(v))
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return problem
		}
		target.SetInt(n)
	default:
		return problem
	}
	return ""
}

func assignList(target reflect.Value, given any) string {
	var items []string
	switch v := given.(type) {
	case string:
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
	case []string:
		items = v
	case []any:
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return "must be a list of texts"
			}
			items = append(items, text)
		}
	default:
		return "must be a list of texts"
	}
	list := reflect.MakeSlice(target.Type(), len(items), len(items))
	for i, item := range items {
		list.Index(i).SetString(item)
	}
	target.Set(list)
	return ""
}

func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == reflect.TypeFor[Secret]():
		return typeSecret
	case t == reflect.TypeFor[[]Secret]():
		return typeSecrets
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "yes or no"
	case t.Kind() == reflect.Int:
		return "number"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "list of texts"
	}
	panic(fmt.Sprintf("setting: settings cannot have the type %s", t))
}
