package redact

import (
	"bytes"
	"encoding/json"
	"strings"

	"switchboard/internal/setting"
)

const (
	mostDepth = 500 // of objects and lists; what is deeper is hidden whole
	mostInner = 4   // of JSON inside of strings
)

// JSON returns a JSON text without secrets: without the values of members whose names tell, without texts that look like
// secrets, and without the "value" of an object whose "name" or "path" tells, as in a patch. Nothing else changes, and what
// was valid stays so.
//
// The text may be broken or cut off; it is hidden all the same, with Text once more over the whole for what broken quotes
// may have let through.
func JSON(s string) string { return hideJSON(s, mostInner) }

func hideJSON(s string, inner int) string {
	j := scanner{in: s, inner: inner}
	for j.at < len(j.in) {
		j.items()
	}
	if out := string(j.out); json.Valid(j.out) {
		return out
	}
	return Text(string(j.out))
}

// scanner copies a text and leaves out what is secret. It takes what comes: it must not stop at what no parser would read.
type scanner struct {
	in    string
	at    int
	out   []byte
	depth int
	inner int
}

// pair is what an object has told of a name and its value, each a member of its own.
type pair struct {
	tells      bool // "path": "/password"
	told       bool // there was a name
	start, end int  // of the value, in the output
}

// items copies the members of an object, the items of a list or what stands outside of both, and the bracket that ends it.
func (j *scanner) items() {
	var p pair
	for j.at < len(j.in) {
		switch c := j.in[j.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':', '=':
			j.copy(1)
		case '}', ']':
			j.copy(1)
			return
		case '"':
			j.member(&p)
		default:
			j.value()
		}
	}
	if p.end > 0 && !p.told { // cut off before it said what it is the value of
		j.replace(p.start, p.end)
	}
}

func (j *scanner) copy(n int) {
	j.out = append(j.out, j.in[j.at:j.at+n]...)
	j.at += n
}

func (j *scanner) replace(start, end int) {
	j.out = append(j.out[:start], append([]byte(`"`+setting.Redacted+`"`), j.out[end:]...)...)
}

// member copies a member, or an item that is a string.
func (j *scanner) member(p *pair) {
	raw := j.peekString(j.at)
	sep := j.separator(j.at + len(raw))
	if sep == 0 {
		j.value()
		return
	}
	name := decode(raw)
	j.string(raw)
	j.copy(sep)
	if Name(name) && !j.harmless() {
		j.hide()
		return
	}
	start, next := len(j.out), j.at
	j.value()
	switch strings.ToLower(name) {
	case "value":
		if scalar := next < len(j.in) && j.in[next] != '{' && j.in[next] != '['; scalar || j.at < len(j.in) {
			p.start, p.end = start, len(j.out)
		}
	case "name", "path", "field":
		if next < len(j.in) && j.in[next] == '"' {
			p.told, p.tells = true, p.tells || Name(decode(j.peekString(next)))
		}
	}
	if p.tells && p.end > 0 {
		j.replace(p.start, p.end)
		p.start, p.end = 0, 0
	}
}

// separator returns the length of what follows a name: blanks, a colon (or what one may have written for it), blanks. 0: none
// follows.
func (j *scanner) separator(from int) int {
	i := from
	for i < len(j.in) && strings.IndexByte(" \t\r\n", j.in[i]) >= 0 {
		i++
	}
	if i == len(j.in) || j.in[i] != ':' && j.in[i] != '=' {
		return 0
	}
	i++
	for i < len(j.in) && strings.IndexByte(" \t\r\n", j.in[i]) >= 0 {
		i++
	}
	return i - from
}

// harmless tells whether what comes is nothing to hide: null, true, false, "".
func (j *scanner) harmless() bool {
	rest := j.in[j.at:]
	for _, word := range []string{"null", "true", "false", `""`} {
		if after, ok := strings.CutPrefix(rest, word); ok && (after == "" || strings.IndexByte(",}] \t\r\n", after[0]) >= 0) {
			return true
		}
	}
	return false
}

// hide passes over a value and writes what stands for it.
func (j *scanner) hide() {
	j.at = j.end(j.at)
	j.out = append(j.out, `"`+setting.Redacted+`"`...)
}

// end returns where the value that begins at i ends.
func (j *scanner) end(i int) int {
	depth := 0
	for i < len(j.in) {
		switch c := j.in[i]; c {
		case '"':
			i += len(j.peekString(i))
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', '\n':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// value copies one value.
func (j *scanner) value() {
	if j.at >= len(j.in) {
		return
	}
	switch j.in[j.at] {
	case '"':
		raw := j.peekString(j.at)
		j.string(raw)
	case '{', '[':
		if j.depth >= mostDepth {
			j.hide()
			return
		}
		j.depth++
		j.copy(1)
		j.items()
		j.depth--
	case '}', ']', ',':
	default:
		n := strings.IndexAny(j.in[j.at+1:], " \t\r\n,:={}[]\"")
		if n < 0 {
			n = len(j.in) - j.at - 1
		}
		word := j.in[j.at : j.at+1+n]
		j.out = append(j.out, Text(word)...)
		j.at += len(word)
	}
}

// string writes a string without the secrets in it and passes over it. One that has none is copied as it was spelled.
func (j *scanner) string(raw string) {
	j.at += len(raw)
	text := decode(raw)
	clean := hideInner(text, j.inner)
	if clean == text {
		j.out = append(j.out, raw...)
		return
	}
	j.out = append(j.out, quote(clean)...)
}

// hideInner hides what is secret in a text that may be JSON itself.
func hideInner(s string, inner int) string {
	if start := strings.TrimSpace(s); inner > 0 && start != "" && (start[0] == '{' || start[0] == '[') {
		return hideJSON(s, inner-1)
	}
	return Text(s)
}

// peekString returns the string that begins at i, with its quotes; up to the end when it has none there.
func (j *scanner) peekString(i int) string {
	for end := i + 1; end < len(j.in); end++ {
		switch j.in[end] {
		case '\\':
			end++
		case '"':
			return j.in[i : end+1]
		}
	}
	return j.in[i:]
}

// decode returns what a string says; what cannot be read as one stays as it is written.
func decode(raw string) string {
	if !strings.Contains(raw, `\`) {
		return strings.Trim(raw, `"`)
	}
	var s string
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return strings.Trim(raw, `"`)
	}
	return s
}

func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string can always be
		return []byte(`"` + setting.Redacted + `"`)
	}
	return bytes.TrimSpace(b.Bytes())
}
