package cursorjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"switchboard/internal/errs"
	"switchboard/internal/web/schema"
	"switchboard/internal/web/strictjson"
)

// The bounds of a form.
const (
	maxPairs = 1000
	maxSteps = 8
)

// readForm reads application/x-www-form-urlencoded: contacts[]=a&contacts[]=b, reactions[love][]=x, address[city]=z.
func readForm(body []byte, _ map[string]string, want *schema.Checker) (tree any, asJSON []byte, err error) {
	f := form{}
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if errors.Join(err1, err2) != nil {
			return nil, nil, errs.CodeMalformed.Errorf("the form has a broken escape")
		}
		if err := f.add(name, value); err != nil {
			return nil, nil, err
		}
	}
	return f.finish(want)
}

// readMultipart reads the text fields of multipart/form-data, with the same names.
func readMultipart(body []byte, params map[string]string, want *schema.Checker) (tree any, asJSON []byte, err error) {
	f := form{}
	reader := multipart.NewReader(untilClosed(bytes.NewReader(body)), params["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return f.finish(want)
		}
		if err != nil {
			return nil, nil, errs.CodeMalformed.Errorf("the form cannot be read").Because(err)
		}
		if part.FileName() != "" {
			return nil, nil, blame(part.FormName(), errs.CodeInvalid, "a file is not taken here")
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, errs.CodeMalformed.Errorf("the form cannot be read").Because(err)
		}
		if err := f.add(part.FormName(), string(value)); err != nil {
			return nil, nil, err
		}
	}
}

// untilClosed makes a multipart form that ends before its closing boundary an error. A multipart.Reader by itself takes the
// end of the body between two parts, and within the header of one, for the end of the form.
func untilClosed(body io.Reader) io.Reader {
	return io.MultiReader(body, strings.NewReader("\r\n"), cutOff{}) // the line of the boundary may lack its end
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func blame(name string, code errs.Code, message string) error {
	e := code.Errorf("the form cannot be taken")
	steps, err := steps(name)
	if err != nil {
		steps = []string{name}
	}
	var pointer strings.Builder
	for _, s := range steps {
		pointer.WriteString("/" + strictjson.Escape(s))
	}
	e.Fields = []errs.Field{{Path: pointer.String(), Code: code, Message: message}}
	return e
}

var errName = errors.New("bad name")

// steps cuts a name: a[b][] is a, b, "".
func steps(name string) ([]string, error) {
	head, rest, nested := strings.Cut(name, "[")
	out := []string{head}
	if head == "" || strings.Contains(head, "]") {
		return nil, errName
	}
	if !nested {
		return out, nil
	}
	if !strings.HasSuffix(rest, "]") {
		return nil, errName
	}
	for step := range strings.SplitSeq(strings.TrimSuffix(rest, "]"), "][") {
		if strings.ContainsAny(step, "[]") || len(out) >= maxSteps {
			return nil, errName
		}
		out = append(out, step)
	}
	return out, nil
}

// form gathers pairs into a tree of nodes, which the schema then gives types.
type form struct {
	root  node
	pairs int
}

// node is a text, a list of what was appended by [], or an object of what was named.
type node struct {
	text    *string
	list    []*node
	members map[string]*node
}

func (f *form) add(name, value string) error {
	if f.pairs++; f.pairs > maxPairs {
		return errs.CodeMalformed.Errorf("the form has more than %d fields", maxPairs)
	}
	path, err := steps(name)
	switch {
	case !sane(name):
		return errs.CodeMalformed.Errorf("the form has a name that is not valid UTF-8 or contains a NUL character")
	case err != nil:
		return blame(name, errs.CodeMalformed, "is not a name of a field, or nests too deep")
	case !sane(value):
		return blame(name, errs.CodeMalformed, "is not valid UTF-8 or contains a NUL character")
	}
	n := &f.root
	for i, step := range path {
		if n = n.at(step, path[i+1:]); n == nil {
			return blame(name, errs.CodeMalformed, "is given in two ways that exclude each other")
		}
	}
	if n.text != nil || n.list != nil || n.members != nil {
		return blame(name, errs.CodeMalformed, "is given more than once")
	}
	n.text = &value
	return nil
}

func sane(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// at goes one step down, making what is missing; nil when the node is already something else.
func (n *node) at(step string, rest []string) *node {
	if n.text != nil {
		return nil
	}
	if step == "" {
		if n.members != nil {
			return nil
		}
		if len(rest) == 0 || len(n.list) == 0 || !n.list[len(n.list)-1].takes(rest) {
			n.list = append(n.list, &node{})
		}
		return n.list[len(n.list)-1]
	}
	if n.list != nil {
		return nil
	}
	if n.members == nil {
		n.members = map[string]*node{}
	}
	child := n.members[step]
	if child == nil {
		child = &node{}
		n.members[step] = child
	}
	return child
}

// takes tells whether an element of a list can take one more field, or whether that field begins the next element.
func (n *node) takes(rest []string) bool {
	child, ok := n.members[rest[0]]
	return n.members != nil && (!ok || len(rest) > 1 && (rest[1] == "" || child.members != nil && child.takes(rest[1:])))
}

func (f *form) finish(want *schema.Checker) (tree any, asJSON []byte, err error) {
	if f.root.members == nil {
		f.root.members = map[string]*node{}
	}
	full := f.root.typed(want)
	asJSON, err = json.Marshal(full)
	return withoutNulls(full), asJSON, err
}

// typed turns a node into what the schema wants, as far as the texts allow; the schema reports the rest.
func (n *node) typed(want *schema.Checker) any {
	if want == nil {
		want = schema.Any()
	}
	if want.Type() == "array" || n.list != nil {
		return n.array(want.Items())
	}
	return n.single(want)
}

func (n *node) single(want *schema.Checker) any {
	if n.text != nil {
		return scalar(*n.text, want)
	}
	out := make(map[string]any, len(n.members))
	for name, child := range n.members {
		out[name] = child.typed(want.Member(name))
	}
	return out
}

// array reads a[]=x, a[0]=x, a=x as an array of one, a= as an empty one, and a[name]=x as an array of one object.
func (n *node) array(items *schema.Checker) any {
	if items == nil {
		items = schema.Any()
	}
	list := n.list
	if list == nil && n.members != nil {
		list = n.indexed()
	}
	switch {
	case n.empty() || len(list) == 1 && list[0].empty():
		return []any{}
	case list == nil:
		return []any{n.single(items)}
	}
	out := make([]any, len(list))
	for i, child := range list {
		out[i] = child.typed(items)
	}
	return out
}

func (n *node) empty() bool { return n.text != nil && *n.text == "" }

// indexed returns the members of a[0], a[1], … in order; nil when their names are others.
func (n *node) indexed() []*node {
	at := map[int]*node{}
	for name, child := range n.members {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= maxPairs || strconv.Itoa(i) != name {
			return nil
		}
		at[i] = child
	}
	out := make([]*node, 0, len(at))
	for _, i := range slices.Sorted(maps.Keys(at)) {
		out = append(out, at[i])
	}
	return out
}

// scalar reads a text as the type that is wanted. Empty stands for null where it cannot be a value.
func scalar(text string, want *schema.Checker) any {
	switch want.Type() {
	case "boolean":
		switch text {
		case "true":
			return true
		case "false":
			return false
		case "":
			return nil
		}
	case "integer", "number":
		if text == "" {
			return nil
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && text[0] != '+' {
			return n
		}
		if n, err := strconv.ParseFloat(text, 64); err == nil && n-n == 0 {
			return n
		}
	}
	return text
}

// withoutNulls turns a tree into what strictjson makes of the same JSON.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, m := range v {
			if m != nil {
				out[k] = withoutNulls(m)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			out[i] = withoutNulls(m)
		}
		return out
	case int64:
		return float64(v)
	}
	return v
}
