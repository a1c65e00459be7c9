package crashtest

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/sandbox"
)

// outbox is what really left, as the other side of the wire saw it.
type outbox struct {
	last    int64
	taken   map[id.ID]int // how often each delivery was taken
	strange []sandbox.Capture
}

func newOutbox() *outbox { return &outbox{taken: map[id.ID]int{}} }

// most is more than any round sends; the sandbox keeps no more.
const most = 10_000

// collect counts what has come since the last time.
func (o *outbox) collect(t *testing.T, box *sandbox.Sandbox) {
	t.Helper()
	found := box.Outbox(sandbox.Filter{After: o.last, Limit: most})
	if len(found) == most {
		t.Fatal("more was sent than the sandbox keeps; it must be read more often")
	}
	for _, c := range found {
		o.last = c.Seq
		delivery, ok := deliveryOf(c)
		if !ok {
			o.strange = append(o.strange, c)
			continue
		}
		o.taken[delivery]++
	}
}

// deliveryOf tells which delivery a capture is of: it is the left side of a Message-ID, the id of a webhook, and in the
// address that a text asks to be reported on at.
func deliveryOf(c sandbox.Capture) (id.ID, bool) {
	text := c.ProviderID
	switch c.Transport {
	case "email":
		text, _, _ = strings.Cut(text, "@")
	case "sms", "whatsapp":
		report, err := url.Parse(c.Fields["StatusCallback"])
		if err != nil {
			return id.Nil, false
		}
		text = report.Query().Get("delivery")
	}
	delivery, err := id.Parse(text)
	return delivery, err == nil
}

// awaitText waits until something with a text has left.
func awaitText(t *testing.T, box *sandbox.Sandbox, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := box.Await(ctx, sandbox.Filter{Transport: "sms"}, func(found []sandbox.Capture) bool {
		for _, c := range found {
			if strings.Contains(c.Text, text) {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("the message %q did not leave: %v", text, err)
	}
}
