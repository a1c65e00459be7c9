package setting

import (
	"fmt"
	"log/slog"
)

// Redacted stands in the place of what is not shown.
const Redacted = "[redacted]"

// Secret is a text that never prints: not by fmt with any verb, not by slog, not as JSON or text. Only Reveal shows it.
// The empty Secret prints as the empty string, so that one can see that it is not set.
type Secret string

// Reveal returns the text, for the one place that must send it or sign with it.
func (s Secret) Reveal() string { return string(s) }

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Redacted
}

// Format hides the text under every verb, %x and %#v too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText hides the text; encoding/json uses it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
