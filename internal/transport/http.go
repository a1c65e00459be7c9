package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"switchboard/internal/reason"
	"switchboard/internal/redact"
)

// HTTPOptions is what a provider that speaks HTTP sets.
type HTTPOptions struct {
	// Timeout of one call, connecting and reading the answer included. Required.
	Timeout time.Duration
	// Redactor for what goes into errors; nil knows no secrets of its own.
	Redactor *redact.Redactor
	// UserAgent of every request.
	UserAgent string
	// Control refuses addresses at the moment of dialling, after names are resolved; nil takes all. With a Control no
	// proxy of the environment is used, since the proxy would resolve the name again.
	Control func(network, address string, c syscall.RawConn) error
	// ErrRefused is what Control fails with; such a failure is rejected, not retried.
	ErrRefused error
}

// HTTP makes calls for a provider: connections are kept and reused, redirects are not followed, answers are bounded,
// and a failure tells whether the request may have been taken. It retries nothing.
type HTTP struct {
	options HTTPOptions
	client  *http.Client
	pool    *http.Transport
	closed  atomic.Bool
}

// Answer is what came back. Body holds at most MaxAnswer bytes; the rest is not read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Cut tells that the answer was longer than MaxAnswer or broke off.
	Cut bool
}

// MaxAnswer is how much of the body of an answer is read, in bytes.
const MaxAnswer = 64 << 10

// NewHTTP returns an HTTP with its own pool of connections.
func NewHTTP(o HTTPOptions) *HTTP {
	dialer := &net.Dialer{Timeout: o.Timeout, KeepAlive: 30 * time.Second, Control: o.Control}
	pool := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    o.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if o.Control != nil {
		pool.Proxy = nil
	}
	client := &http.Client{
		Transport:     pool,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &HTTP{options: o, client: client, pool: pool}
}

// Do makes one call. Whatever the status, an answer is no error: see StatusError. The *Error of a call without an
// answer has Retry true unless Control refused the address, and Ambiguous true when the request may have arrived.
func (h *HTTP) Do(ctx context.Context, req *http.Request) (Answer, *Error) {
	if h.closed.Load() {
		return Answer{}, Unavailable("the provider is closed")
	}
	limited, cancel := context.WithTimeout(ctx, h.options.Timeout)
	defer cancel()
	var wrote atomic.Bool
	traced := httptrace.WithClientTrace(limited, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	req = req.WithContext(traced)
	req.Header.Set("User-Agent", h.options.UserAgent)
	response, err := h.client.Do(req)
	if err != nil {
		return Answer{}, h.failure(ctx, err, wrote.Load())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	answer := Answer{Status: response.StatusCode, Header: response.Header, Body: body, Cut: err != nil}
	if len(body) > MaxAnswer {
		answer.Body, answer.Cut = body[:MaxAnswer], true
	}
	return answer, nil
}

// failure words an error of a call that got no answer. ctx is the caller's.
func (h *HTTP) failure(ctx context.Context, err error, wrote bool) *Error {
	if h.options.ErrRefused != nil && errors.Is(err, h.options.ErrRefused) {
		return Rejected(reason.ProviderRejected, "%v", h.options.ErrRefused)
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // the URL is the caller's to show
	}
	e := Unavailable("%s", h.options.Redactor.Line(err.Error()))
	e.Ambiguous = wrote
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Detail = "the attempt was called off"
	case ctx.Err() != nil || isTimeout(err):
		e.Detail = "no answer in time"
	}
	return e.Because(ctx.Err())
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// Close gives up the connections that are idle and refuses further calls. It always returns nil.
func (h *HTTP) Close() error {
	h.closed.Store(true)
	h.pool.CloseIdleConnections()
	return nil
}
