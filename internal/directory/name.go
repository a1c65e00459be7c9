package directory

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxWords and maxWordLength bound what is indexed of one name.
const (
	maxWords      = 16
	maxWordLength = 64 // bytes
)

// FoldName is the form by which usernames and e-mail addresses are compared: without regard to case, or to how an
// accented letter is composed.
func FoldName(s string) string { return strings.ToLower(norm.NFC.String(strings.TrimSpace(s))) }

// Words cuts texts into the words by which a record is found: runs of letters and digits in lower case, without accents,
// each once, at most 16.
func Words(texts ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(fold(text), isBetween) {
			if word = clip(word); !seen[word] && len(out) < maxWords {
				seen[word] = true
				out = append(out, word)
			}
		}
	}
	return out
}

// Matches tells whether every word of wanted begins a word of name: what the filters by name mean.
func Matches(name, wanted string) bool {
	have := Words(name)
	for _, w := range Words(wanted) {
		found := false
		for _, h := range have {
			found = found || strings.HasPrefix(h, w)
		}
		if !found {
			return false
		}
	}
	return true
}

func isBetween(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// fold takes accents off: what is composed is taken apart and the marks are dropped.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
}

// clip cuts a word to maxWordLength, between two letters.
func clip(word string) string {
	if len(word) <= maxWordLength {
		return word
	}
	return strings.ToValidUTF8(word[:maxWordLength], "")
}
