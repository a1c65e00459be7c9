package scimpull

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/redact"
	"switchboard/internal/scim"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
	"switchboard/internal/transport/egress"
)

const (
	// maxBody is how large one answer may be, in bytes: a group with all its members is one resource.
	maxBody = 32 << 20
	// attempts is how often a request is made that fails for a reason that may pass.
	attempts = 5
	// pause is the first one between two attempts; each later one is twice as long.
	pause = 500 * time.Millisecond
)

// client asks one server.
type client struct {
	base     string
	token    setting.Secret
	timeout  time.Duration
	http     *http.Client
	redactor *redact.Redactor
}

// newClient returns a client that follows no redirect, since the token is for nobody else.
func newClient(s Settings) *client {
	dialer := &net.Dialer{Timeout: s.Timeout}
	pool := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: s.Timeout, MaxResponseHeaderBytes: 64 << 10, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if !s.AllowPrivate {
		dialer.Control = egress.Control
		pool.Proxy = nil // it would resolve the name again
	}
	return &client{
		base: s.URL, token: s.Token, timeout: s.Timeout, redactor: redact.New(s.Token),
		http: &http.Client{
			Transport:     pool,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// refusal is an answer that will not be another one if the same is asked again.
type refusal struct {
	status int
	detail string // what the server says of it; may be empty
}

// Error tells the status and what the server says.
func (r *refusal) Error() string {
	text := fmt.Sprintf("the server answers %d %s", r.status, http.StatusText(r.status))
	if r.detail != "" {
		text += ": " + r.detail
	}
	return text
}

// errTooLarge is an answer that was not read to its end.
var errTooLarge = fmt.Errorf("the answer of the server is larger than %d bytes", maxBody)

// get reads a document, as often as it takes within the time that ctx leaves. Unavailable: the server cannot be reached or is
// overloaded, which may pass. *refusal, errTooLarge; any other error is one of the settings.
func (c *client) get(ctx context.Context, path string, query url.Values) ([]byte, http.Header, error) {
	for attempt := 1; ; attempt++ {
		raw, header, err := c.once(ctx, path, query)
		e, is := errors.AsType[*errs.Error](err)
		if !is || attempt == attempts || !wait(ctx, max(backoff(attempt), e.RetryAfter)) {
			return raw, header, err
		}
	}
}

// backoff is the pause after an attempt: so long, and up to as much again, so that many who failed together do not come again
// together.
func backoff(attempt int) time.Duration {
	least := pause << (attempt - 1)
	return least + rand.N(least) //nolint:gosec // no secret
}

// wait sleeps, and tells whether it did: not when ctx would end before.
func wait(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once makes one request.
func (c *client) once(ctx context.Context, path string, query url.Values) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, nil, err
	}
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	req.Header.Set("Accept", scim.MediaType+", application/json")
	req.Header.Set("User-Agent", "switchboard")
	response, err := c.http.Do(req)
	if err != nil {
		return nil, nil, c.failure(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, nil, c.failure(err)
	case len(raw) > maxBody:
		return nil, nil, errTooLarge
	case response.StatusCode == http.StatusOK:
		return raw, response.Header, nil
	}
	return nil, nil, c.status(response, raw)
}

// failure words a request that got no answer.
func (c *client) failure(err error) error {
	if errors.Is(err, egress.ErrRefused) {
		return egress.ErrRefused
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errs.CodeUnavailable.Errorf("the server gave no answer in time").Because(err)
	}
	return errs.CodeUnavailable.Errorf("the server could not be read: %s", c.redactor.Line(err.Error())).Because(err)
}

// status words an answer that is no success.
func (c *client) status(response *http.Response, raw []byte) error {
	r := &refusal{status: response.StatusCode}
	var message scim.Object
	if json.Unmarshal(raw, &message) == nil {
		detail, _ := scim.Text(message, "detail")
		r.detail = c.redactor.Line(detail)
	}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized:
		return errors.New("the server does not take the token (401); see the setting token")
	case code >= 300 && code < 400:
		return fmt.Errorf("the server answers %d and points to another address; no redirect is followed, see the setting url", code)
	case code == http.StatusTooManyRequests, code >= 500 && code != http.StatusNotImplemented:
		return errs.CodeUnavailable.Errorf("%v", r).After(transport.RetryAfter(response.Header, time.Now()))
	}
	return r
}
