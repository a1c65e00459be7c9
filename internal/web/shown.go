package web

import (
	"strings"

	"switchboard/internal/id"
)

// words are the parts of the addresses that a server has: of a route's path, all that the caller does not choose.
type words map[string]struct{}

// add learns the words of a route's path.
func (w words) add(path string) {
	for part := range strings.SplitSeq(path, "/") {
		if !strings.HasPrefix(part, "{") {
			w[part] = struct{}{}
		}
	}
}

// shown returns the path of a request as the log may have it. Words of the server's own and identifiers stay; whatever else a
// caller has put there may be a secret that was meant for elsewhere, even if it looks like a word.
func (w words) shown(path string) string {
	parts := strings.Split(path, "/")
	const most = 20
	if len(parts) > most {
		parts = append(parts[:most], "…")
	}
	for i, part := range parts {
		if _, known := w[part]; !known && !identifier(part) {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

func identifier(s string) bool {
	const longestPrefix = 7 // "usr_"
	if i := strings.IndexByte(s, '_'); i > 0 && i <= longestPrefix && lower(s[:i]) {
		s = s[i+1:]
	}
	if _, err := id.Parse(s); err == nil {
		return true
	}
	short, err := id.ParseShort(s)
	return err == nil && short[6]>>4 == 7 // as all of ours are: a UUID of version 7
}

func lower(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < 'a' || c > 'z' }) < 0
}
