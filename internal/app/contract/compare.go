// Package contract compares what the server answers with what the three APIs promise. What they promise stands in
// testdata: courier.json is the courier API's own description, shapes.json the answers of the other two. What is ours on
// top, and where a value may be missing, stands in a table beside the tests, each with its reason.
//
// It judges shapes: members, types, envelopes, statuses. What operations do is tested elsewhere.
package contract

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Rules are what a comparison allows beyond the sample, by the path of the member: names between dots, with [] for the
// elements of a list ("subscribers[].birth-date"). The values say why.
type Rules struct {
	Null  map[string]string // may be null
	Empty map[string]string // a list that may be empty
	Ours  map[string]string // not in the sample
}

// under returns the rules as they read from a path further out.
func (r Rules) under(prefix string) Rules {
	move := func(in map[string]string) map[string]string {
		out := map[string]string{}
		for path, why := range in {
			out[prefix+path] = why
		}
		return out
	}
	return Rules{move(r.Null), move(r.Empty), move(r.Ours)}
}

// And returns what either of two rules allows.
func (r Rules) And(more Rules) Rules {
	out := Rules{maps.Clone(r.Null), maps.Clone(r.Empty), maps.Clone(r.Ours)}
	for to, from := range map[*map[string]string]map[string]string{&out.Null: more.Null, &out.Empty: more.Empty, &out.Ours: more.Ours} {
		if *to == nil {
			*to = map[string]string{}
		}
		maps.Copy(*to, from)
	}
	return out
}

// Of is the rules for the documents of a resource: those of its attributes, for one and for a list.
func (r Rules) Of() Rules {
	return r.under("data.attributes.").And(r.under("data[].attributes."))
}

// Compare returns what differs between an answer and a sample of it, sorted; both are decoded JSON. Every member of the
// sample must be there with the same type, and no other. An empty object in a sample is one of any content. Every element
// of a list is held to the sample's first.
func Compare(sample, answer any, r Rules) []string {
	c := comparison{rules: r}
	c.value("", sample, answer)
	slices.Sort(c.found)
	return slices.Compact(c.found)
}

type comparison struct {
	rules Rules
	found []string
}

func (c *comparison) say(path, format string, values ...any) {
	if path == "" {
		path = "the body"
	}
	c.found = append(c.found, path+" "+fmt.Sprintf(format, values...))
}

func (c *comparison) value(path string, sample, answer any) {
	if answer == nil && sample != nil {
		if _, ok := c.rules.Null[path]; !ok {
			c.say(path, "is null")
		}
		return
	}
	switch want := sample.(type) {
	case map[string]any:
		got, ok := answer.(map[string]any)
		if !ok {
			c.say(path, "is %s, not an object", typeOf(answer))
			return
		}
		c.object(path, want, got)
	case []any:
		got, ok := answer.([]any)
		if !ok {
			c.say(path, "is %s, not a list", typeOf(answer))
			return
		}
		c.list(path, want, got)
	default:
		if problem := differs(want, answer); problem != "" {
			c.say(path, "%s", problem)
		}
	}
}

func (c *comparison) object(path string, sample, answer map[string]any) {
	if len(sample) == 0 {
		return
	}
	for name, want := range sample {
		at := strings.TrimPrefix(path+"."+name, ".")
		got, ok := answer[name]
		if !ok {
			c.say(at, "is missing")
			continue
		}
		c.value(at, want, got)
	}
	for name := range answer {
		at := strings.TrimPrefix(path+"."+name, ".")
		if _, known := sample[name]; known {
			continue
		}
		if _, ours := c.rules.Ours[at]; !ours {
			c.say(at, "is not in the contract")
		}
	}
}

func (c *comparison) list(path string, sample, answer []any) {
	if len(sample) == 0 {
		return
	}
	if len(answer) == 0 {
		if _, ok := c.rules.Empty[path]; !ok {
			c.say(path, "is empty, so that nothing is shown of its elements")
		}
		return
	}
	for _, element := range answer {
		c.value(path+"[]", sample[0], element)
	}
}

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	date = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
)

// What stands for values of a certain form in samples, beside any other text, number or boolean for its type.
const (
	Placeholder = "11111111-1111-1111-1111-111111111111" // a UUID; behind a prefix and a low line, one behind that prefix
	Short       = "aaaaaaaaaaaaaaaaaaaaaa"               // 16 to 22 letters and digits
	Instant     = "2026-11-22T10:00:00.000Z"             // RFC 3339, UTC, milliseconds
	Seconds     = 1700000000                             // since 1970
)

var (
	short   = regexp.MustCompile(`^[0-9A-Za-z]{16,22}$`)
	instant = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$`)
)

// differs compares two values that hold no others.
func differs(sample, answer any) string {
	if typeOf(sample) != typeOf(answer) {
		return fmt.Sprintf("is %s, not %s", typeOf(answer), typeOf(sample))
	}
	if got, ok := answer.(string); ok {
		return differsAsText(sample.(string), got)
	}
	if n, ok := answer.(float64); ok {
		return differsAsNumber(sample.(float64), n)
	}
	return ""
}

func differsAsText(sample, answer string) string {
	prefix, prefixed := strings.CutSuffix(sample, "_"+Placeholder)
	behind, ok := strings.CutPrefix(answer, prefix+"_")
	switch {
	case prefixed && (!ok || !uuid.MatchString(behind)):
		return fmt.Sprintf("is %q, not a UUID behind %s_", answer, prefix)
	case sample == Placeholder && !uuid.MatchString(answer):
		return fmt.Sprintf("is %q, not a UUID", answer)
	case sample == Short && !short.MatchString(answer):
		return fmt.Sprintf("is %q, not 16 to 22 letters and digits", answer)
	case sample == Instant && !instant.MatchString(answer):
		return fmt.Sprintf("is %q, not an instant in UTC with milliseconds", answer)
	case date.MatchString(sample) && !date.MatchString(answer):
		return fmt.Sprintf("is %q, not a date", answer)
	}
	return ""
}

func differsAsNumber(sample, answer float64) string {
	whole := answer == float64(int64(answer))
	switch {
	case sample == float64(int64(sample)) && !whole:
		return fmt.Sprintf("is %v, not a whole number", answer)
	case sample == Seconds && (answer < 1e9 || answer > 1e10):
		return fmt.Sprintf("is %v, not a number of seconds since 1970", answer)
	}
	return ""
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}

// Unproven lists the members of a sample that no answer has shown a value of, so that their type is not proven: those that
// were null, and those in lists that were empty.
func Unproven(sample any, answers []any) []string {
	all, shown := map[string]bool{}, map[string]bool{}
	members("", sample, all)
	for _, a := range answers {
		members("", a, shown)
	}
	var out []string
	for path := range all {
		if !shown[path] {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func members(path string, v any, into map[string]bool) {
	switch node := v.(type) {
	case map[string]any:
		for name, member := range node {
			at := strings.TrimPrefix(path+"."+name, ".")
			if member != nil {
				into[at] = true
			}
			members(at, member, into)
		}
	case []any:
		for _, element := range node {
			members(path+"[]", element, into)
		}
	}
}
