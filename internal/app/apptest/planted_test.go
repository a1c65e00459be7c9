package apptest_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// planted is secrets that must show nowhere, by what each of them is.
type planted struct {
	mu    sync.Mutex
	forms map[string][]string
}

// plant makes a secret that is found again. It is of small letters alone, as words are: the hardest to tell from what may be
// shown.
func (p *planted) plant(what string) string {
	letters := strings.Map(func(c rune) rune {
		if c <= '9' {
			return c - '2' + 'a'
		}
		return c - 'A' + 'a'
	}, rand.Text())
	return p.know(what, "planted"+letters)
}

// know adds a secret that something else made.
func (p *planted) know(what, text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.forms == nil {
		p.forms = map[string][]string{}
	}
	p.forms[what] = append(p.forms[what], formsOf(text)...)
	return text
}

// formsOf spells a secret in the ways in which it could be written down: as it is, escaped, in hexadecimal, and in base64
// with up to two bytes in front.
func formsOf(text string) []string {
	quoted, _ := json.Marshal(text)
	out := []string{text, url.QueryEscape(text), url.PathEscape(text), strings.Trim(string(quoted), `"`), hex.EncodeToString([]byte(text))}
	for shift := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.EncodeToString(append(make([]byte, shift), text...))
			out = append(out, encoded[(shift*8+5)/6:len(encoded)-2]) // what neighbours have no part in
		}
	}
	return out
}

// in returns what of the secrets stands in a text, each with what is around it.
func (p *planted) in(text []byte) map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]string{}
	for what, forms := range p.forms {
		for _, form := range forms {
			if i := bytes.Index(text, []byte(form)); i >= 0 {
				out[what] = string(text[max(0, i-120):min(len(text), i+len(form)+80)])
				break
			}
		}
	}
	return out
}

func TestPlanted(t *testing.T) {
	t.Parallel()
	var p planted
	secret := p.plant("a secret")
	basic := base64.StdEncoding.EncodeToString([]byte("me:" + secret))
	for _, text := range []string{
		"key " + secret, `{"a":"` + secret + `"}`, basic, basic[1:], hex.EncodeToString([]byte("x" + secret)),
		base64.RawURLEncoding.EncodeToString([]byte("ab" + secret + "cd")), "sealed." + secret,
	} {
		if len(p.in([]byte(text))) != 1 {
			t.Errorf("it is not seen in %q", text)
		}
	}
	if found := p.in([]byte(secret[:len(secret)-3])); len(found) != 0 {
		t.Errorf("it is seen in a part of itself: %v", found)
	}
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}
