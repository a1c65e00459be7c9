package web

import (
	"strings"

	"switchboard/internal/id"
)

// longestWord is the longest part of an address that is shown without being an identifier.
const longestWord = 40

// shownPath returns the path of a request as the log may have it. Parts that are words, as in our routes, or identifiers stay;
// whatever else a caller has put there may be a secret that was meant for elsewhere.
func shownPath(path string) string {
	parts := strings.Split(path, "/")
	const most = 20
	if len(parts) > most {
		parts = append(parts[:most], "…")
	}
	for i, part := range parts {
		if !word(part) && !identifier(part) {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

func word(s string) bool {
	return len(s) <= longestWord && strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.'
	}) < 0 || s == "v1"
}

func identifier(s string) bool {
	if i := strings.IndexByte(s, '_'); i >= 0 && i < 8 && word(s[:i]) { // a prefix such as usr_
		s = s[i+1:]
	}
	if _, err := id.Parse(s); err == nil {
		return true
	}
	short, err := id.ParseShort(s)
	return err == nil && short[6]>>4 == 7 // as all of ours are: a UUID of version 7
}
