package transporttest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"switchboard/internal/transport"
)

// HTTP is a scripted HTTP server.
type HTTP struct {
	URL string

	server  *httptest.Server
	key     func(Request) string
	taken   Reply
	arrived chan struct{}
	quit    chan struct{}

	mu       sync.Mutex
	script   func(w http.ResponseWriter, r *http.Request)
	requests []Request
}

// Request is one request that arrived, read to its end.
type Request struct {
	Method, URI string
	Header      http.Header
	Body        []byte
}

// Reply is an HTTP answer.
type Reply struct {
	Status int
	Header map[string]string
	Body   string
}

var _ Counterpart = (*HTTP)(nil)

// NewHTTP starts a server that answers taken to what it accepts; key finds the idempotency key of a request and can be
// nil. It lives as long as the test.
func NewHTTP(t testing.TB, taken Reply, key func(Request) string) *HTTP {
	h := &HTTP{key: key, taken: taken, arrived: make(chan struct{}, 1024), quit: make(chan struct{})}
	h.Accept()
	h.server = httptest.NewUnstartedServer(http.HandlerFunc(h.serve))
	h.server.Start()
	h.URL = h.server.URL
	t.Cleanup(func() {
		close(h.quit)
		h.server.Close()
	})
	return h
}

func (h *HTTP) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	h.mu.Lock()
	h.requests = append(h.requests, Request{r.Method, r.RequestURI, r.Header.Clone(), body})
	script := h.script
	h.mu.Unlock()
	h.arrived <- struct{}{}
	script(w, r)
}

func (h *HTTP) set(script func(w http.ResponseWriter, r *http.Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.script = script
}

// Answer answers every request with a.
func (h *HTTP) Answer(a Reply) {
	h.set(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range a.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(a.Status)
		_, _ = io.WriteString(w, a.Body)
	})
}

// Accept takes every message.
func (h *HTTP) Accept() { h.Answer(h.taken) }

// Slow takes every message, once gate is closed.
func (h *HTTP) Slow(gate <-chan struct{}) {
	h.set(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
		case <-h.quit:
		}
		w.WriteHeader(h.taken.Status)
		_, _ = io.WriteString(w, h.taken.Body)
	})
}

// Hang never answers.
func (h *HTTP) Hang() {
	h.set(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-h.quit:
		}
	})
}

// Reset breaks the connection with a TCP reset.
func (h *HTTP) Reset() {
	h.set(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		if c, ok := conn.(*net.TCPConn); ok {
			_ = c.SetLinger(0)
		}
		_ = conn.Close()
	})
}

// Arrived receives once for every request.
func (h *HTTP) Arrived() <-chan struct{} { return h.arrived }

// Requests lists what arrived, in order.
func (h *HTTP) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

// Keys lists the idempotency keys of the requests, in order.
func (h *HTTP) Keys() []string {
	var out []string
	for _, r := range h.Requests() {
		key := ""
		if h.key != nil {
			key = h.key(r)
		}
		out = append(out, key)
	}
	return out
}

// Down closes the listener and every connection.
func (h *HTTP) Down() {
	_ = h.server.Listener.Close()
	h.server.CloseClientConnections()
}

// Statuses is an Answer for every HTTP status from 200 to 599 that has an answer of its own, each with a body that
// contains echo and with Retry-After on half of them. want says what to make of a status; nil means what
// transport.StatusError says.
func (h *HTTP) Statuses(echo string, want func(status int, header http.Header) Verdict) []Answer {
	if want == nil {
		want = func(status int, header http.Header) Verdict {
			return verdictOf(transport.StatusError(status, header, time.Now()))
		}
	}
	var out []Answer
	for status := 200; status <= 599; status++ {
		reply := Reply{Status: status, Header: map[string]string{"Location": h.URL + "/elsewhere"}, Body: echo}
		if status/100 == 2 {
			reply.Body = h.taken.Body
		}
		if status == http.StatusNoContent || status == http.StatusNotModified {
			reply.Body = ""
		}
		header := http.Header{}
		if status%2 == 1 {
			reply.Header["Retry-After"] = "77"
			header.Set("Retry-After", "77")
		}
		out = append(out, Answer{
			Name: fmt.Sprint(status), Script: func() { h.Answer(reply) }, Want: want(status, header),
		})
	}
	return out
}
