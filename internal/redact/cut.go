package redact

import (
	"strings"
	"unicode/utf8"
)

// longestWord bounds how much of the end of a text is given up so that no half of a secret stays.
const longestWord = 8 << 10

// Clip takes the last word off a text that was cut off somewhere: half a secret does not look like one.
func Clip(s string) string {
	end := strings.LastIndexAny(s, " \t\r\n\"',;{}[]()<>&")
	if len(s)-end > longestWord {
		return s
	}
	return s[:end+1]
}

// Cut returns at most most bytes of s, whole characters, with note at the end when something had to go. The note counts.
func Cut(s string, most int, note string) string {
	if len(s) <= most {
		return s
	}
	keep := max(0, most-len(note))
	for keep > 0 && !utf8.RuneStart(s[keep]) {
		keep--
	}
	return s[:keep] + note
}
