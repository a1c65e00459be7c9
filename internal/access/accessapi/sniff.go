package accessapi

import (
	"io"
	"net/http"
	"strings"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/web"
)

// sniff serves a request as next does, and hands what went by to the sniffers of the caller. The caller notices nothing: the
// bodies are copied as the handler reads and writes them, and what comes of the copy is another goroutine's business.
func (g *Guard) sniff(live []access.Sniffer, w http.ResponseWriter, r *http.Request, next http.Handler) {
	e := g.begin(live, r)
	body := &sniffedBody{ReadCloser: r.Body}
	r.Body = body
	answer := &sniffedAnswer{ResponseWriter: w}
	defer func() { // also when the handler panics, which is answered further out
		e.Request.Data, e.Request.Size = body.data, body.size
		e.Answer = access.Captured{ContentType: w.Header().Get("Content-Type"), Data: answer.data, Size: answer.size}
		e.Stream = strings.HasPrefix(e.Answer.ContentType, "text/event-stream") || answer.status == http.StatusSwitchingProtocols
		e.Status, e.Message = answer.status, web.Refusal(r.Context())
		g.Sniffers.Record(e)
	}()
	next.ServeHTTP(answer, r)
}

// begin notes what is known of a request before it is served.
func (g *Guard) begin(live []access.Sniffer, r *http.Request) access.Exchange {
	e := g.Sniffers.Begin(live)
	e.Method, e.Path, e.Query, e.UserAgent = r.Method, r.URL.Path, r.URL.RawQuery, r.UserAgent()
	e.RequestID, e.TraceParent = web.RequestID(r.Context()), r.Header.Get("Traceparent")
	e.Request = access.Captured{ContentType: r.Header.Get("Content-Type"), Announced: r.ContentLength}
	return e
}

// Connected notes a live connection of a caller who is recorded. What goes through it is not recorded.
func (g *Guard) Connected(r *http.Request, a actor.Actor) {
	live := g.Sniffers.Of(a)
	if live == nil {
		return
	}
	e := g.begin(live, r)
	e.Stream, e.Status = true, http.StatusOK
	if r.Header.Get("Upgrade") != "" {
		e.Status = http.StatusSwitchingProtocols
	}
	g.Sniffers.Record(e)
}

// sniffedBody copies the beginning of what is read through it.
type sniffedBody struct {
	io.ReadCloser
	data []byte
	size int64
}

// Read implements io.Reader.
func (b *sniffedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.data = capture(b.data, p[:n])
	b.size += int64(n)
	return n, err
}

// sniffedAnswer copies the beginning of what is written through it.
type sniffedAnswer struct {
	http.ResponseWriter
	status int
	data   []byte
	size   int64
}

// WriteHeader notes the status.
func (a *sniffedAnswer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (a *sniffedAnswer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.data = capture(a.data, p[:n])
	a.size += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (a *sniffedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func capture(data, more []byte) []byte {
	return append(data, more[:min(len(more), access.MaxCaptured-len(data))]...)
}
