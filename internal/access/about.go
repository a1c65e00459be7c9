package access

import (
	"slices"

	"switchboard/internal/id"
)

// About returns the records that an answer names, in whatever spelling, each once. They are kept beside the sealed body, so
// that the answers about a person can be found when the person's data is to go.
func (a Answer) About() []id.ID {
	var out []id.ID
	seen := map[id.ID]bool{}
	start := 0
	for i := 0; i <= len(a.Body); i++ {
		if i < len(a.Body) && spellsID(a.Body[i]) {
			continue
		}
		if named, ok := parseAny(a.Body[start:i]); ok && !seen[named] {
			seen[named] = true
			out = append(out, named)
		}
		start = i + 1
	}
	return slices.Clip(out)
}

func spellsID(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-'
}

// parseAny reads the canonical and the short spelling; most words have the length of neither.
func parseAny(word []byte) (id.ID, bool) {
	const canonical, short = 36, 22
	var (
		named id.ID
		err   error
	)
	switch len(word) {
	case canonical:
		named, err = id.Parse(string(word))
	case short:
		named, err = id.ParseShort(string(word))
	default:
		return id.Nil, false
	}
	return named, err == nil && !named.IsZero()
}
