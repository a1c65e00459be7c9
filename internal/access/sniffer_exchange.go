package access

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard/internal/id"
	"switchboard/internal/redact"
)

const (
	// MaxSniffed is the longest body that is recorded, in bytes.
	MaxSniffed = 64 << 10
	// MaxCaptured is how much of a body to capture for that. The rest is for what redaction makes shorter.
	MaxCaptured = MaxSniffed + 8<<10
	// mostLine bounds what is recorded of paths, queries, headers and messages.
	mostLine = 4 << 10
)

// Exchange is a request and its answer as they went by, secrets and all. It is not stored as it is.
type Exchange struct {
	Sniffers               []Sniffer
	At                     time.Time
	Method, Path, Query    string
	UserAgent              string
	Request, Answer        Captured
	Status                 int
	RequestID, TraceParent string // TraceParent is the header of W3C Trace Context
	Message                string
	// Stream notes a connection that stays open, of which nothing but its beginning is recorded.
	Stream bool
}

// Captured is a body that went by.
type Captured struct {
	ContentType string
	Data        []byte // its first MaxCaptured bytes
	Size        int64  // of all that was read or written
	Announced   int64  // what the Content-Length said; -1 or 0 for nothing
}

// logs is what is stored of an exchange: a row for each sniffer, redacted.
func (e Exchange) logs() []SnifferLog {
	l := SnifferLog{
		CreatedAt: e.At, Method: line(e.Method), Path: line(redact.Text(e.Path)), Query: line(redact.Form(e.Query)),
		UserAgent: line(redact.Text(e.UserAgent)), ContentType: line(redact.Text(e.Request.ContentType)),
		Body: e.Request.text(), Response: e.Answer.text(), Status: e.Status, RequestID: line(redact.Text(e.RequestID)),
		TraceID: traceID(e.TraceParent), Message: line(redact.Text(e.Message)),
	}
	if e.Stream {
		l.Response = "[a connection that stays open; what goes through it is not recorded]"
	}
	out := make([]SnifferLog, len(e.Sniffers))
	for i, n := range e.Sniffers {
		l.ID, l.OrganizationID, l.SnifferID = id.New(), n.OrganizationID, n.ID
		out[i] = l
	}
	return out
}

// text is what may be read of a body. What is no text is told by its size.
func (c Captured) text() string {
	size := max(c.Size, int64(len(c.Data)))
	switch {
	case size == 0 && c.Announced > 0:
		return fmt.Sprintf("[%d bytes that were not read]", c.Announced)
	case size == 0:
		return ""
	}
	whole := size == int64(len(c.Data))
	s, clipped := string(c.Data), ""
	if !whole {
		s = redact.Clip(strings.TrimRightFunc(s, func(r rune) bool { return r == utf8.RuneError }))
		clipped = note(size)
	}
	kind, _, _ := mime.ParseMediaType(c.ContentType)
	switch {
	case strings.HasPrefix(kind, "multipart/") || !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fmt.Sprintf("[%s, %d bytes]", line(redact.Text(orElse(kind, "binary"))), size)
	case kind == "application/x-www-form-urlencoded":
		s = redact.Form(s)
	case kind == "" || kind == "application/json" || strings.HasSuffix(kind, "+json") || json.Valid([]byte(s)):
		s = redact.JSON(s)
	case strings.HasPrefix(kind, "text/") || kind == "application/xml" || strings.HasSuffix(kind, "+xml"):
		s = redact.Text(s)
	default:
		return fmt.Sprintf("[%s, %d bytes]", line(redact.Text(kind)), size)
	}
	if clipped != "" {
		return redact.Cut(s+clipped, MaxSniffed, clipped)
	}
	return redact.Cut(s, MaxSniffed, note(size))
}

func note(size int64) string {
	return fmt.Sprintf("\n[cut off here; the whole has %d bytes]", size)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// line makes a text fit for a column: valid, without NUL, and short.
func line(s string) string {
	return redact.Cut(strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�"), mostLine, "…")
}

// traceID reads the id of the trace from a traceparent header; empty when there is none.
func traceID(parent string) string {
	parts := strings.Split(parent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" || strings.Trim(parts[1], "0") == "" {
		return ""
	}
	return parts[1]
}
