package redact

import (
	"net/url"
	"strings"

	"switchboard/internal/setting"
)

// Form returns a form or a query string without secrets: without the values of parameters whose names tell, and without what
// looks like a secret. The order and the spelling of the rest stay. What cannot be unescaped is judged as it is written.
func Form(s string) string {
	pairs := strings.Split(s, "&")
	for i, one := range pairs {
		name, value, given := strings.Cut(one, "=")
		text := unescape(value)
		clean := hideInner(text, mostInner)
		switch {
		case !given:
			pairs[i] = Text(one)
		case Name(unescape(name)) && value != "":
			pairs[i] = Text(name) + "=" + setting.Redacted
		case clean != text:
			pairs[i] = Text(name) + "=" + url.QueryEscape(clean)
		default:
			pairs[i] = Text(name) + "=" + value
		}
	}
	return strings.Join(pairs, "&")
}

func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}
