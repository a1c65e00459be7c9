package sandbox

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"switchboard/internal/id"
)

// The bounds of what is kept.
const (
	maxCaptures = 10_000
	maxBytes    = 256 << 20
	maxBody     = 256 << 10 // of a text, an HTML part, a raw body or a raw mail
)

// The directions of a capture.
const (
	Outbound = "outbound" // from the server to a person
	Inbound  = "inbound"  // from a person to the server, made with POST /inbound
)

// Capture is one message that came by. Its texts are cut at 256 KiB.
type Capture struct {
	Seq        int64             `json:"seq"` // counts from 1 and never repeats
	ID         id.ID             `json:"id"`
	Direction  string            `json:"direction"`
	Transport  string            `json:"transport"` // email, sms, whatsapp or webhook
	From       string            `json:"from"`
	To         string            `json:"to"` // an address; for webhooks the name of the receiver
	Title      string            `json:"title"`
	Text       string            `json:"text"`
	HTML       string            `json:"html,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"` // what else the service was given: media, template, callback
	ReceivedAt time.Time         `json:"received_at"`
	ProviderID string            `json:"provider_id"` // Twilio's sid, the Message-ID, the webhook-id
	Status     string            `json:"status,omitempty"`
	ErrorCode  int               `json:"error_code,omitempty"`
	Verified   *bool             `json:"verified,omitempty"` // of a webhook: whether the signature held, if a secret is known
	Callbacks  []Callback        `json:"callbacks,omitempty"`
	Raw        Raw               `json:"raw"`
}

// Callback is one status that was reported to the server.
type Callback struct {
	Status string    `json:"status"`
	At     time.Time `json:"at"`
	Answer int       `json:"answer"`          // the server's HTTP status; 0 when it did not answer
	Error  string    `json:"error,omitempty"` // why it did not answer
}

// Raw is the message as it was on the wire.
type Raw struct {
	Method  string            `json:"method,omitempty"`
	Path    string            `json:"path,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // with Authorization redacted
	Body    string            `json:"body"`              // of an HTTP request, or the source of a mail
	Cut     bool              `json:"cut,omitempty"`     // whether anything of the capture is longer than is kept
}

// size is about how much memory a capture takes.
func (c *Capture) size() int {
	n := 1024 + len(c.Text) + len(c.HTML) + len(c.Raw.Body) + len(c.Title)
	for k, v := range c.Fields {
		n += len(k) + len(v)
	}
	for k, v := range c.Raw.Headers {
		n += len(k) + len(v)
	}
	return n
}

// trim cuts what is too long.
func (c *Capture) trim() {
	for _, s := range []*string{&c.Title, &c.Text, &c.HTML, &c.Raw.Body} {
		if len(*s) > maxBody {
			n := maxBody
			for n > 0 && !utf8.RuneStart((*s)[n]) {
				n--
			}
			*s, c.Raw.Cut = (*s)[:n], true
		}
	}
}

// Filter chooses captures. Empty members choose everything, but for Direction.
type Filter struct {
	Transport string
	To        string    // exactly, without regard to case
	Direction string    // empty means Outbound; "all" means both
	After     int64     // those with a greater Seq
	Since     time.Time // those received at or after it
	Limit     int       // the newest so many; 0 means 100
}

func (f Filter) matches(c *Capture) bool {
	direction := f.Direction
	if direction == "" {
		direction = Outbound
	}
	return (direction == "all" || direction == c.Direction) &&
		(f.Transport == "" || f.Transport == c.Transport) &&
		(f.To == "" || strings.EqualFold(f.To, c.To)) &&
		c.Seq > f.After && !c.ReceivedAt.Before(f.Since)
}

// outbox keeps captures, oldest first.
type outbox struct {
	most, mostBytes int

	mu      sync.Mutex
	kept    []*Capture
	bytes   int
	seq     int64
	changed chan struct{} // closed at every change
}

func newOutbox(most, mostBytes int) *outbox {
	return &outbox{most: most, mostBytes: mostBytes, changed: make(chan struct{})}
}

// add keeps c and gives it its Seq and ID. What is oldest goes when there is too much.
func (o *outbox) add(c Capture) int64 {
	c.trim()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seq++
	c.Seq, c.ID = o.seq, id.New()
	o.kept = append(o.kept, &c)
	o.bytes += c.size()
	for len(o.kept) > 1 && (len(o.kept) > o.most || o.bytes > o.mostBytes) {
		o.bytes -= o.kept[0].size()
		o.kept[0] = nil
		o.kept = o.kept[1:]
	}
	o.wake()
	return c.Seq
}

// update changes a capture that is still kept.
func (o *outbox) update(seq int64, change func(*Capture)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range slices.Backward(o.kept) {
		if c.Seq == seq {
			o.bytes -= c.size()
			change(c)
			o.bytes += c.size()
			o.wake()
			return
		}
	}
}

func (o *outbox) wake() {
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *outbox) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept, o.bytes = nil, 0
	o.wake()
}

const defaultLimit = 100

// list returns the newest captures that f chooses, newest last, the last Seq of all, and a channel that is closed when
// that may no longer be so.
func (o *outbox) list(f Filter) (found []Capture, last int64, changed <-chan struct{}) {
	if f.Limit == 0 {
		f.Limit = defaultLimit
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	found = []Capture{}
	for _, c := range slices.Backward(o.kept) {
		if len(found) == f.Limit {
			break
		}
		if f.matches(c) {
			copied := *c
			copied.Callbacks = slices.Clone(c.Callbacks)
			found = append(found, copied)
		}
	}
	slices.Reverse(found)
	return found, o.seq, o.changed
}

// Outbox returns the newest captures that f chooses, newest last.
func (s *Sandbox) Outbox(f Filter) []Capture {
	found, _, _ := s.outbox.list(f)
	return found
}

// Clear forgets every capture. Seq goes on counting.
func (s *Sandbox) Clear() { s.outbox.clear() }

// Await returns what f chooses as soon as done says that it is enough, for tests that must not guess how long
// something takes. The error is that of ctx; what there is comes with it.
func (s *Sandbox) Await(ctx context.Context, f Filter, done func([]Capture) bool) ([]Capture, error) {
	for {
		found, _, changed := s.outbox.list(f)
		if done(found) {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, ctx.Err()
		}
	}
}

// AwaitCount is Await for n captures.
func (s *Sandbox) AwaitCount(ctx context.Context, f Filter, n int) ([]Capture, error) {
	f.Limit = max(f.Limit, n)
	return s.Await(ctx, f, func(found []Capture) bool { return len(found) >= n })
}
