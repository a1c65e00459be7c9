package notify_test

import (
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/notify"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range append(errs.Common(), notify.Codes()...) {
		if c.Name == "" || c.Doc == "" || seen[c.Name] {
			t.Errorf("code %+v lacks a name or a text, or stands twice", c)
		}
		seen[c.Name] = true
	}
}
