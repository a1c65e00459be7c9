// Package strictjson reads JSON that came from outside, once and without mercy: it refuses what encoding/json lets
// pass or repairs in silence (invalid UTF-8, NUL characters, lone surrogates, a member given twice, trailing data,
// nesting without end) and says where in the document the trouble is.
//
// The result is a tree to be checked against a schema. It is not a decoder into Go types; once a document passed here,
// encoding/json may decode the same bytes.
package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how deep objects and arrays may nest.
const MaxDepth = 64

// Kind says what is wrong with a document.
type Kind uint8

// The kinds of trouble.
const (
	Syntax    Kind = iota // not JSON
	Encoding              // invalid UTF-8 or a lone surrogate
	NUL                   // a NUL character in a text or a name
	Duplicate             // a member given twice
	Depth                 // nested deeper than MaxDepth
	Range                 // a number that no float64 holds
)

// Error is why a document was refused.
type Error struct {
	Kind    Kind
	Pointer string // JSON pointer to the value at fault; "" is the document
	Offset  int    // of the byte where reading stopped
	Message string
}

// Error returns the message with its place.
func (e *Error) Error() string {
	where := "at byte " + strconv.Itoa(e.Offset)
	if e.Pointer != "" {
		where = e.Pointer
	}
	return e.Message + " (" + where + ")"
}

// Parse reads one document: nil, bool, float64, string, []any or map[string]any. Members whose value is null are left
// out of their object; elements of arrays that are null stay.
//
// The texts of the tree share memory with data, so it must not change while the tree is in use. Errors are *Error.
func Parse(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, &Error{Kind: Encoding, Offset: firstInvalid(data), Message: "the body is not valid UTF-8"}
	}
	p := parser{data: data}
	p.space()
	v, err := p.value()
	if err == nil {
		if p.space(); p.at < len(data) {
			err = p.fail(Syntax, "something follows the end of the document")
		}
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

type parser struct {
	data  []byte
	at    int
	depth int
}

func (p *parser) fail(k Kind, message string) *Error {
	return &Error{Kind: k, Offset: p.at, Message: message}
}

// in puts a step of the path in front of an error that came from below.
func (e *Error) in(step string) *Error {
	e.Pointer = "/" + Escape(step) + e.Pointer
	return e
}

// Escape spells a member name as one step of a JSON pointer.
func Escape(step string) string {
	if !strings.ContainsAny(step, "~/") {
		return step
	}
	return strings.ReplaceAll(strings.ReplaceAll(step, "~", "~0"), "/", "~1")
}

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek returns the next byte, and 0 at the end, which begins no value.
func (p *parser) peek() byte {
	if p.at < len(p.data) {
		return p.data[p.at]
	}
	return 0
}

func (p *parser) value() (any, *Error) {
	switch c := p.peek(); {
	case c == '{':
		return p.nested(p.object)
	case c == '[':
		return p.nested(p.array)
	case c == '"':
		return p.text()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return true, p.word("true")
	case c == 'f':
		return false, p.word("false")
	case c == 'n':
		return nil, p.word("null")
	case p.at >= len(p.data):
		return nil, p.fail(Syntax, "the document ends too early")
	}
	return nil, p.fail(Syntax, "not a JSON value")
}

func (p *parser) nested(read func() (any, *Error)) (any, *Error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, p.fail(Depth, "is nested deeper than "+strconv.Itoa(MaxDepth)+" levels")
	}
	p.at++
	v, err := read()
	p.depth--
	return v, err
}

func (p *parser) word(w string) *Error {
	if len(p.data)-p.at < len(w) || string(p.data[p.at:p.at+len(w)]) != w {
		return p.fail(Syntax, "not a JSON value")
	}
	p.at += len(w)
	return nil
}

func (p *parser) object() (any, *Error) {
	out := map[string]any{}
	nulls := false
	for first := true; ; first = false {
		p.space()
		if p.peek() == '}' && first {
			p.at++
			return out, nil
		}
		name, v, err := p.member(out)
		if err != nil {
			return nil, err
		}
		out[name] = v
		nulls = nulls || v == nil
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			if nulls {
				prune(out)
			}
			return out, nil
		default:
			return nil, p.fail(Syntax, "a comma or the end of the object is missing")
		}
	}
}

func (p *parser) member(seen map[string]any) (string, any, *Error) {
	if p.peek() != '"' {
		return "", nil, p.fail(Syntax, "a member's name is missing")
	}
	name, err := p.string()
	if err != nil {
		return "", nil, err
	}
	if _, twice := seen[name]; twice {
		return "", nil, p.fail(Duplicate, "is given more than once").in(name)
	}
	p.space()
	if p.peek() != ':' {
		return "", nil, p.fail(Syntax, "a colon is missing")
	}
	p.at++
	p.space()
	v, err := p.value()
	if err != nil {
		return "", nil, err.in(name)
	}
	return name, v, nil
}

// prune removes the members that are null; they had to stay until now to notice doubles.
func prune(m map[string]any) {
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
}

func (p *parser) array() (any, *Error) {
	out := []any{}
	for {
		p.space()
		if p.peek() == ']' && len(out) == 0 {
			p.at++
			return out, nil
		}
		v, err := p.value()
		if err != nil {
			return nil, err.in(strconv.Itoa(len(out)))
		}
		out = append(out, v)
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return out, nil
		default:
			return nil, p.fail(Syntax, "a comma or the end of the array is missing")
		}
	}
}

func (p *parser) number() (any, *Error) {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	ok := p.peek() == '0' && p.skip() || p.digits()
	if ok && p.peek() == '.' {
		p.at++
		ok = p.digits()
	}
	if c := p.peek(); ok && (c == 'e' || c == 'E') {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		ok = p.digits()
	}
	if !ok {
		return nil, p.fail(Syntax, "not a JSON number")
	}
	f, err := strconv.ParseFloat(share(p.data[start:p.at]), 64)
	if err != nil {
		return nil, p.fail(Range, "is a number out of range")
	}
	return f, nil
}

func (p *parser) skip() bool {
	p.at++
	return true
}

// digits skips at least one digit and tells whether there was one.
func (p *parser) digits() bool {
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > start
}

func (p *parser) text() (any, *Error) {
	s, err := p.string()
	if err != nil {
		return nil, err
	}
	return s, nil
}

// string reads a text whose opening quote is next. Without escapes it is a view of the data.
func (p *parser) string() (string, *Error) {
	p.at++
	for start := p.at; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; {
		case c == '"':
			s := share(p.data[start:p.at])
			p.at++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c == 0:
			return "", p.fail(NUL, "contains a NUL character")
		case c < ' ':
			return "", p.fail(Syntax, "a control character stands bare in a text")
		}
	}
	return "", p.fail(Syntax, "a text does not end")
}

func (p *parser) escaped(start int) (string, *Error) {
	out := append([]byte(nil), p.data[start:p.at]...)
	for p.at < len(p.data) {
		c := p.data[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c == 0:
			return "", p.fail(NUL, "contains a NUL character")
		case c < ' ':
			return "", p.fail(Syntax, "a control character stands bare in a text")
		case c != '\\':
			out = append(out, c)
			p.at++
			continue
		}
		p.at++
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
	}
	return "", p.fail(Syntax, "a text does not end")
}

// escape reads what follows a backslash.
func (p *parser) escape() (rune, *Error) {
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return p.unicode()
	}
	return 0, p.fail(Syntax, "an unknown escape in a text")
}

func (p *parser) unicode() (rune, *Error) {
	r, ok := p.hex4()
	switch {
	case !ok:
		return 0, p.fail(Syntax, "an escape needs four hexadecimal digits")
	case r == 0:
		return 0, p.fail(NUL, "contains a NUL character")
	case !utf16.IsSurrogate(r):
		return r, nil
	}
	if p.peek() == '\\' && p.at+1 < len(p.data) && p.data[p.at+1] == 'u' {
		p.at += 2
		if low, ok := p.hex4(); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, nil
			}
		}
	}
	return 0, p.fail(Encoding, "contains half of a surrogate pair")
}

func (p *parser) hex4() (rune, bool) {
	if len(p.data)-p.at < 4 {
		return 0, false
	}
	var r rune
	for _, c := range p.data[p.at : p.at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.at += 4
	return r, true
}

// share views bytes as a text without copying them.
func share(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
