package twilio

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the provider's choice; HMAC-SHA1 is not broken
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"switchboard/internal/setting"
)

// Sign returns the X-Twilio-Signature of a request: base64 of the HMAC-SHA1, with the auth token, of the URL followed
// by each parameter of a form body, name and value, in the order of the names. A parameter that comes several times
// stands once per different value, in order (https://www.twilio.com/docs/usage/webhooks/webhooks-security).
func Sign(token setting.Secret, publicURL string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token.Reveal()))
	mac.Write([]byte(publicURL))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			mac.Write([]byte(name))
			mac.Write([]byte(value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signed tells whether any of the tokens made the signature. Twilio is not consistent about the default port, so the
// URL is tried as it is, with the port and without.
func signed(tokens []setting.Secret, publicURL string, form url.Values, signature string) bool {
	ok := false
	for _, token := range tokens {
		for _, candidate := range spellings(publicURL) {
			if hmac.Equal([]byte(Sign(token, candidate, form)), []byte(signature)) {
				ok = true
			}
		}
	}
	return ok && signature != "" && len(tokens) > 0
}

// spellings lists a URL as it is, with the default port of its scheme and without any port. Nothing else of it changes:
// the signature is over its very characters.
func spellings(raw string) []string {
	out := []string{raw}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return out
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if _, _, err := net.SplitHostPort(authority); err != nil {
		port := ":443"
		if strings.EqualFold(scheme, "http") {
			port = ":80"
		}
		return append(out, scheme+"://"+authority+port+tail)
	}
	return append(out, scheme+"://"+authority[:strings.LastIndexByte(authority, ':')]+tail)
}

// bodyMatches checks the hash of a body that is no form, which Twilio puts into the signed URL.
func bodyMatches(publicURL string, body []byte) bool {
	u, err := url.Parse(publicURL)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(body)
	return hmac.Equal([]byte(hex.EncodeToString(sum[:])), []byte(u.Query().Get("bodySHA256")))
}
