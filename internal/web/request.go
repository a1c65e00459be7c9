package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// request is what is known of one request while it is served. It is also its response writer, to see the status go by.
type request struct {
	http.ResponseWriter
	id     string
	op     *Operation // nil until a route matched
	server *Server
	start  time.Time
	status int
	bytes  int64
	code   string      // of the error that was answered
	told   *errs.Error // what the caller was told of it
	err    error       // what was behind it, for the log
	attrs  []slog.Attr
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	q, _ := ctx.Value(requestKey{}).(*request)
	return q
}

// RequestID returns the id of the request that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	if q := requestOf(ctx); q != nil {
		return q.id
	}
	return ""
}

// Matched returns the operation that the request matched; nil when none did.
func Matched(ctx context.Context) *Operation {
	if q := requestOf(ctx); q != nil {
		return q.op
	}
	return nil
}

// Denied returns the error that the request was refused with when that was for want of a right; nil otherwise. It is known once
// the handler has returned.
func Denied(ctx context.Context) *errs.Error {
	if q := requestOf(ctx); q != nil && q.told != nil && q.told.Code.Kind == errs.Denied {
		return q.told
	}
	return nil
}

// Refusal returns what the caller was told to be wrong, after its code ("InvalidValue: note must be polite"); empty when
// nothing was. Call it from the request's own goroutine.
func Refusal(ctx context.Context) string {
	if q := requestOf(ctx); q != nil && q.told != nil {
		return q.code + ": " + Sentence(q.told)
	}
	return ""
}

// Annotate adds attributes to the line that the log will have about the request, such as the key that was used.
// Call it from the request's own goroutine.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	if q := requestOf(ctx); q != nil {
		q.attrs = append(q.attrs, attrs...)
	}
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{ResponseWriter: w, id: requestID(r), server: s, start: time.Now()}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
	h := w.Header()
	h["X-Request-Id"] = []string{q.id}
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	h["Referrer-Policy"] = noReferrer
	h["X-Frame-Options"] = deny
	s.allowOrigin(h, r)
	defer s.finish(q, r)
	s.metrics.begin()
	if !clean(r.URL.Path) { // the mux would redirect
		s.refuse(q, r, noAddress())
		return
	}
	s.mux.ServeHTTP(q, r)
}

// The headers of every answer, as the slices that http.Header holds; a handler that replaces one sets another slice.
var (
	nosniff    = []string{"nosniff"}
	noStore    = []string{"no-store"}
	noReferrer = []string{"no-referrer"}
	deny       = []string{"DENY"}
)

// enter is the outermost layer of an operation: from here on the request has a route, a dialect and a deadline.
func (s *Server) enter(op *Operation, next http.Handler) http.Handler {
	limit := op.Timeout
	if limit == 0 {
		limit = s.opt.Timeout
	}
	front := op.Method == http.MethodGet && op.Path == "/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if front && wantsHTML(r) {
			s.landing(w, r)
			return
		}
		requestOf(r.Context()).op = op
		if op.Timeout != 0 {
			extend(w, op.Timeout)
		}
		if limit > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), limit)
			defer cancel()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// extend moves the deadline that the listener put on reading the request, which would also end a stream.
func extend(w http.ResponseWriter, limit time.Duration) {
	var deadline time.Time // none
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	_ = http.NewResponseController(w).SetReadDeadline(deadline) // what has no deadlines needs none moved
}

// finish runs when a request is over, one way or another: it turns a panic into an error, and counts and logs.
func (s *Server) finish(q *request, r *http.Request) {
	failure := recover()
	if failure != nil && failure != http.ErrAbortHandler { //nolint:errorlint // the server itself compares so
		s.recovered(q, r, failure)
	}
	s.metrics.end(q, r)
	s.logRequest(q, r)
	if failure != nil && (failure == http.ErrAbortHandler || q.code == "") { //nolint:errorlint // as above
		panic(http.ErrAbortHandler) // too late for an answer: break the connection, so that nobody takes half for whole
	}
}

func (s *Server) recovered(q *request, r *http.Request, failure any) {
	err := fmt.Errorf("panic: %v\n%s", failure, debug.Stack())
	if q.status != 0 {
		q.err = err
		return
	}
	WriteError(q, r, err)
}

func (s *Server) logRequest(q *request, r *http.Request) {
	level := slog.LevelInfo
	if q.status >= http.StatusInternalServerError || q.err != nil {
		level = slog.LevelError
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10+len(q.attrs))
	attrs = append(attrs,
		slog.String("request_id", q.id), slog.String("method", r.Method), slog.String("path", s.words.shown(r.URL.Path)),
		slog.Int("status", q.status), slog.Int64("bytes", q.bytes), slog.Duration("took", time.Since(q.start)),
		slog.String("remote", r.RemoteAddr))
	if q.op != nil {
		attrs = append(attrs, slog.String("route", q.op.Route()))
	}
	if q.code != "" {
		attrs = append(attrs, slog.String("code", q.code))
	}
	if q.err != nil {
		attrs = append(attrs, slog.String("error", q.err.Error()))
	}
	s.log.LogAttrs(r.Context(), level, "request", append(attrs, q.attrs...)...)
}

// requestID takes the caller's id when it is short and plain, so that one id follows a request through proxies.
func requestID(r *http.Request) string {
	given := r.Header["X-Request-Id"]
	if len(given) == 1 && len(given[0]) <= 64 && given[0] != "" && strings.Trim(given[0], idCharacters) == "" {
		return given[0]
	}
	return id.New().String()
}

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// clean tells whether a path has no empty and no dotted segments.
func clean(path string) bool {
	if path == "" || path[0] != '/' {
		return path == "*"
	}
	return !strings.Contains(path, "//") && !strings.Contains(path, "/./") && !strings.Contains(path, "/../") &&
		!strings.HasSuffix(path, "/.") && !strings.HasSuffix(path, "/..")
}

// WriteHeader notes the status.
func (q *request) WriteHeader(status int) {
	if q.status == 0 && status >= http.StatusOK {
		q.status = status
	}
	q.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (q *request) Write(b []byte) (int, error) {
	if q.status == 0 {
		q.status = http.StatusOK
	}
	n, err := q.ResponseWriter.Write(b)
	q.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (q *request) Unwrap() http.ResponseWriter { return q.ResponseWriter }

// Flush sends what is written so far.
func (q *request) Flush() {
	if q.status == 0 {
		q.status = http.StatusOK
	}
	_ = http.NewResponseController(q.ResponseWriter).Flush()
}

// Hijack hands the connection over, for WebSockets.
func (q *request) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(q.ResponseWriter).Hijack()
	if err == nil {
		q.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

// gone tells whether err only means that the caller went away.
func gone(r *http.Request, err error) bool {
	return errors.Is(err, context.Canceled) && r.Context().Err() != nil
}
