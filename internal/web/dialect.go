package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/errs"
	"switchboard/internal/web/schema"
	"switchboard/internal/web/strictjson"
)

// Dialect is how one API spells what is common to its operations. It is immutable.
type Dialect struct {
	Name string // in the route table and the documentation: "courier", "notifications", "groups"
	// Reads maps media types of bodies to their readers.
	Reads map[string]Reader
	// Answer returns the media type of the answer to r; nil means application/json. Answers lists all it may return.
	Answer  func(r *http.Request) string
	Answers []string
	// Error returns the body of an error answer. Internal errors arrive with a neutral text.
	Error       func(r *http.Request, status int, e *errs.Error) any
	ErrorSchema func(huma.Registry) *huma.Schema
	Basic       bool // HTTP Basic is accepted beside bearer tokens
}

// Reader turns a body into a tree as package strictjson makes it and into JSON for decoding into Go types, which must
// not be kept after the request. The checker tells a reader of untyped text which types are wanted. Errors are
// *errs.Error.
type Reader func(body []byte, params map[string]string, want *schema.Checker) (tree any, asJSON []byte, err error)

// ReadJSON is the Reader of JSON.
func ReadJSON(body []byte, _ map[string]string, _ *schema.Checker) (tree any, asJSON []byte, err error) {
	tree, err = strictjson.Parse(body)
	if err != nil {
		return nil, nil, malformed(err)
	}
	return tree, body, nil
}

func malformed(err error) error {
	e, ok := err.(*strictjson.Error) //nolint:errorlint // Parse returns nothing else
	if !ok || e.Pointer == "" {
		return errs.CodeMalformed.Errorf("the body is not valid JSON: %v", err)
	}
	out := errs.CodeMalformed.Errorf("the body cannot be read")
	if e.Kind == strictjson.Syntax { // what is wrong is said of the text, not of the value at that place
		out = errs.CodeMalformed.Errorf("the body is not valid JSON: %s", e.Message)
		out.Fields = []errs.Field{{Path: e.Pointer, Code: errs.CodeMalformed, Message: out.Message}}
		return out
	}
	out.Fields = []errs.Field{{Path: e.Pointer, Code: errs.CodeMalformed, Message: e.Message}}
	return out
}

// neutral answers what belongs to no API.
var neutral = &Dialect{
	Name:  "-",
	Reads: map[string]Reader{"application/json": ReadJSON},
	Error: func(_ *http.Request, _ int, e *errs.Error) any {
		return map[string]any{"message": Sentence(e)}
	},
	ErrorSchema: func(huma.Registry) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, Required: []string{"message"}, Properties: map[string]*huma.Schema{"message": {Type: huma.TypeString}}}
	},
}

func (op *Operation) dialect() *Dialect {
	if op == nil || op.Dialect == nil {
		return neutral
	}
	return op.Dialect
}

// Sentence is the message of an error with the fields that it blames, as one line.
func Sentence(e *errs.Error) string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	parts := make([]string, 0, len(e.Fields))
	repeated := true
	for _, f := range e.Fields {
		name := DottedPath(f)
		if steps := Segments(f.Path); f.In == errs.InBody && len(steps) > 0 && IsIndex(steps[0]) {
			name = "element " + name
		}
		if f.Message != e.Message { // as it is when the error as a whole was put down to a value
			name, repeated = strings.TrimSpace(name+" "+f.Message), false
		}
		parts = append(parts, name)
	}
	if repeated {
		return e.Message + " (" + strings.Join(parts, ", ") + ")"
	}
	return e.Message + ": " + strings.Join(parts, "; ")
}

// Segments cuts the path of a field into its steps, be it in the domain's spelling ("notifiables[2].channel") or a
// JSON pointer ("/notifiables/2/channel"), which is how package web itself names what stood in a body.
func Segments(path string) []string {
	if path == "" {
		return nil
	}
	if path[0] == '/' {
		steps := strings.Split(path[1:], "/")
		for i, s := range steps {
			steps[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
		}
		return steps
	}
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// IsIndex tells whether a step of a path leads to an element of a list.
func IsIndex(step string) bool {
	n, err := strconv.Atoi(step)
	return err == nil && n >= 0
}

// DottedPath spells the path of a field with dots throughout: "notifiables.2.channel". Parameters keep their name.
func DottedPath(f errs.Field) string {
	if f.In != errs.InBody {
		return f.Path
	}
	return strings.Join(Segments(f.Path), ".")
}

// Pointer spells the path of a field as a JSON pointer below prefix, each step turned by spell. A path that is a
// pointer already is kept: it names what stood in the body.
func Pointer(prefix, path string, spell func(string) string) string {
	if path != "" && path[0] == '/' {
		return path
	}
	var b strings.Builder
	b.WriteString(prefix)
	for _, step := range Segments(path) {
		b.WriteByte('/')
		b.WriteString(strictjson.Escape(spell(step)))
	}
	return b.String()
}
