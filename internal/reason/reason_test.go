package reason_test

import (
	"regexp"
	"strings"
	"testing"

	"switchboard/internal/reason"
)

// published is the list as the contract prints it. It is written out here so that a change to it fails loudly.
const published = "ok, not-subscribed, site-not-covered, muted-always, muted-by-schedule, user-inactive, preference-off, " +
	"no-consent, opted-out, quiet-hours, capped, no-address, address-unverified, address-dead, window-closed, duplicate, " +
	"superseded, read-elsewhere, expired, cancelled, legal-hold, pacing, provider-not-configured, provider-rejected, " +
	"provider-rate-limited, provider-unavailable, gave-up"

func TestAll_isThePublishedList(t *testing.T) {
	var got []string
	for _, r := range reason.All() {
		got = append(got, string(r))
	}
	if joined := strings.Join(got, ", "); joined != published {
		t.Errorf("All() =\n%s\nwant\n%s", joined, published)
	}
}

func TestReason_Text(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]reason.Reason{}
	for _, r := range reason.All() {
		text := r.Text()
		if !form.MatchString(string(r)) {
			t.Errorf("%q is not lower-case words joined by hyphens", r)
		}
		if !strings.HasSuffix(text, ".") || strings.Count(text, ". ") > 0 {
			t.Errorf("%s: %q is not one sentence", r, text)
		}
		if other, twice := seen[text]; twice {
			t.Errorf("%s and %s say the same", r, other)
		}
		seen[text] = r
	}
}

func TestReason_Valid(t *testing.T) {
	for _, r := range reason.All() {
		if !r.Valid() {
			t.Errorf("%s is of the list and not valid", r)
		}
	}
	for _, r := range []reason.Reason{"", "OK", "okay", "provider_rejected"} {
		if r.Valid() || r.Text() != "" {
			t.Errorf("%q is valid", r)
		}
	}
}
