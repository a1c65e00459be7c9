// Package redact takes secrets out of what is stored or shown of requests and answers: keys, tokens, passwords, private keys,
// credentials in URLs. A value is one by what it looks like (Text), or by the name that it stands under (JSON, Form).
//
// It errs on the side of hiding, and it is no proof: a password in the middle of a sentence looks like any other word. What
// must not be read at all must not be recorded. It hides secrets, not what people say to each other.
package redact

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"switchboard/internal/setting"
)

// telling are the words that make a name one of a secret wherever they stand in it. Names are folded before: apiKey and
// api_key are apikey.
func telling() []string {
	return []string{
		"password", "passwd", "passphrase", "secret", "token", "credential", "authorization", "cookie",
		"apikey", "privatekey", "accesskey", "signingkey", "assertion", "webhookurl", // whose path is the permission to post there
	}
}

// Name tells whether a member, parameter or header of this name holds a secret: client_secret, apiKey, X-Auth-Token.
func Name(name string) bool {
	words := words(name)
	if len(words) == 0 {
		return false
	}
	switch words[len(words)-1] {
	case "key", "keys", "auth", "jwt", "otp", "pwd", "sig", "signature", "verifier":
		return true
	}
	folded := strings.Join(words, "")
	return slices.ContainsFunc(telling(), func(part string) bool { return strings.Contains(folded, part) })
}

// words cuts a name into its words, in lower case: at whatever is no letter, and before a capital.
func words(name string) []string {
	var b strings.Builder
	previous := ' '
	for _, c := range name {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			b.WriteByte(' ')
		case unicode.IsUpper(c) && unicode.IsLower(previous):
			b.WriteByte(' ')
			fallthrough
		default:
			b.WriteRune(unicode.ToLower(c))
		}
		previous = c
	}
	return strings.Fields(b.String())
}

// The looks of secrets. Each is found in one that was cut off at its end, too.
var (
	pemPattern = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*-----|\z)`)
	// keyPattern finds the keys and signing secrets that carry their kind in front.
	keyPattern = regexp.MustCompile(`(sb[a-z]_)[A-Za-z0-9_-]+|(whsec_|whsk_)[A-Za-z0-9+/=_-]+`)
	// jwtPattern finds JSON Web Tokens: what begins like {" in base64, or has three long parts and begins like {.
	jwtPattern = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)+|\be[yw][A-Za-z0-9_-]{14,}\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]*)+`)
	// schemePattern finds what follows the name of an authorization scheme, in a header or quoted from one.
	schemePattern = regexp.MustCompile(`(?i)\b(bearer|basic|digest)\s+[a-z0-9+/=._~-]{8,}`)
	// userinfoPattern finds the name and password of a URL.
	userinfoPattern = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'<>?#]*@`)
	// pairPattern finds what stands before a value whose name may tell: "name=", "name: ", with or without quotes.
	pairPattern = regexp.MustCompile(`(?i)([a-z0-9_.%-]*(?:passw|passphrase|secret|token|credential|authorization|cookie|key|jwt|otp|pwd|sig|auth|assertion|verifier|webhook)[a-z0-9_.%-]*)` +
		`\\*["']?\s*[:=]\s*\\*`)
	// hiddenPattern is what hiding leaves of a value.
	hiddenPattern = regexp.MustCompile(`^(?:sb[a-z]_|whsec_|whsk_)?\[redacted`)
)

// Text returns s with what looks like a secret replaced by [redacted]. It keeps the lines, and it is idempotent.
func Text(s string) string {
	s = pemPattern.ReplaceAllString(s, setting.Redacted)
	s = keyPattern.ReplaceAllString(s, "${1}${2}"+setting.Redacted)
	s = jwtPattern.ReplaceAllString(s, setting.Redacted)
	s = schemePattern.ReplaceAllString(s, "${1} "+setting.Redacted)
	s = userinfoPattern.ReplaceAllString(s, "${1}"+setting.Redacted+"@")
	return hidePairs(s)
}

// hidePairs hides the values of pairs whose names tell.
func hidePairs(s string) string {
	var b strings.Builder
	done := 0
	for _, at := range pairPattern.FindAllStringSubmatchIndex(s, -1) {
		if at[0] < done || !Name(s[at[2]:at[3]]) { // a value that was hidden may have looked like a name
			continue
		}
		end := at[1] + valueLength(s[at[1]:])
		b.WriteString(s[done:at[1]])
		b.WriteString(hideValue(s[at[1]:end]))
		done = end
	}
	return b.String() + s[done:]
}

// valueLength returns how long the value is that s begins with: to the closing quote, or a word.
func valueLength(s string) int {
	if s == "" {
		return 0
	}
	if q := s[0]; q == '"' || q == '\'' {
		if end := strings.IndexByte(s[1:], q); end >= 0 {
			return end + 2
		}
		return len(s)
	}
	if end := strings.IndexAny(s, " \t\r\n\f\v,;&<>\"'}])"); end >= 0 {
		return end
	}
	return len(s)
}

// hideValue hides a value and keeps its quotes. The scheme of an authorization header stays.
func hideValue(value string) string {
	bare := strings.Trim(value, `"'\`)
	switch strings.ToLower(bare) {
	case "", "bearer", "basic", "digest":
		return value
	}
	if hiddenPattern.MatchString(bare) {
		return value
	}
	start, end := len(value)-len(strings.TrimLeft(value, `"'`)), len(strings.TrimRight(value, `"'\`))
	return value[:start] + setting.Redacted + value[max(start, end):]
}
