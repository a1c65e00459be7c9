package redact

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"switchboard/internal/setting"
)

// MaxLine is the longest line that Line returns, in characters.
const MaxLine = 500

// Redactor makes lines for a log or a record out of what others said, without the secrets that it knows and without what
// looks like one. The zero Redactor knows none.
type Redactor struct {
	secrets []string // longest first, so that a secret within another leaves nothing behind
}

// shortestSecret keeps a secret of a few letters from blacking out ordinary words.
const shortestSecret = 4

// New returns a Redactor that also takes out these secrets, plain, as a URL escapes them and in base64.
// Secrets shorter than four bytes are left alone.
func New(secrets ...setting.Secret) *Redactor {
	var r Redactor
	for _, secret := range secrets {
		r.add(secret.Reveal())
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return &r
}

// WithBasicAuth returns a copy that also takes out the Authorization header of these credentials.
func (r *Redactor) WithBasicAuth(user string, password setting.Secret) *Redactor {
	out := Redactor{secrets: slices.Clone(r.secrets)}
	if password != "" {
		out.add(password.Reveal())
		out.add(base64.StdEncoding.EncodeToString([]byte(user + ":" + password.Reveal())))
	}
	slices.SortFunc(out.secrets, func(a, b string) int { return len(b) - len(a) })
	return &out
}

func (r *Redactor) add(secret string) {
	if len(secret) < shortestSecret {
		return
	}
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	} {
		if !slices.Contains(r.secrets, form) {
			r.secrets = append(r.secrets, form)
		}
	}
}

var urlPattern = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*)://[^\s"'<>` + "`" + `]+`)

// Line returns s without secrets, with every URL cut after its host, as one line of at most MaxLine characters.
func (r *Redactor) Line(s string) string {
	// Before anything is cut, so that no secret is cut in two and missed; bounded, so that a hostile answer costs
	// little.
	const most = 64 << 10
	if len(s) > most {
		s = s[:most]
	}
	if r != nil {
		for _, secret := range r.secrets {
			s = strings.ReplaceAll(s, secret, setting.Redacted)
		}
	}
	return Line(Text(urlPattern.ReplaceAllStringFunc(s, URL)))
}

// URL returns the scheme and host of a URL and an ellipsis for the rest: paths and queries of webhooks are often
// the secret themselves. What cannot be read as a URL is withheld whole.
func URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "[URL withheld]"
	}
	tail := ""
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		tail = "/…"
	}
	return u.Scheme + "://" + u.Host + tail
}

// Line makes s one printable line of valid UTF-8 and at most MaxLine characters.
func Line(s string) string {
	const most = 4 * MaxLine * utf8.UTFMax // white space may yet shrink
	if len(s) > most {
		s = s[:most]
	}
	s = strings.Map(printable, strings.ToValidUTF8(s, "�"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > MaxLine {
		return string(runes[:MaxLine-1]) + "…"
	}
	return s
}

func printable(c rune) rune {
	switch {
	case unicode.IsSpace(c) || unicode.IsControl(c):
		return ' '
	case !unicode.IsPrint(c): // direction marks and the like can make a log lie
		return -1
	}
	return c
}
