package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/sandbox"
	"switchboard/internal/web/webtest"
)

// Client speaks to a server, and to the sandbox beside it, over HTTP.
type Client struct {
	URL        string // of the server
	SandboxURL string
	http       *http.Client
	held       func() (*Promises, error) // what answers are held to; nil for none
}

// NewClient returns a client of a server that somebody else started.
func NewClient(t *testing.T, serverURL, sandboxURL string) Client {
	t.Helper()
	return Client{URL: serverURL, SandboxURL: sandboxURL, http: newHTTPClient(t)}
}

func newHTTPClient(t *testing.T) *http.Client {
	t.Helper()
	pool := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(pool.CloseIdleConnections)
	return &http.Client{
		Transport: pool, Timeout: Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Do sends one request and returns its answer: s.Do(t, key, "POST /events", body). A body that is text or bytes is sent
// as it is, url.Values as a form, anything else as JSON; nil sends none. The test fails when there is no answer.
func (c Client) Do(t *testing.T, key, do string, body any, header ...string) *webtest.Response {
	t.Helper()
	r, err := c.Try(t.Context(), key, do, body, header...)
	if err != nil {
		t.Fatalf("%s: %v", do, err)
	}
	return r
}

// Try is Do for requests that may go unanswered. header is pairs of names and values.
func (c Client) Try(ctx context.Context, key, do string, body any, header ...string) (*webtest.Response, error) {
	r, err := NewRequest(ctx, c.URL, key, do, body, header...)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err == nil && c.held != nil {
		if p, err := c.held(); err == nil {
			p.Hold(r, answer.StatusCode, answer.Header, raw)
		}
	}
	return &webtest.Response{Status: answer.StatusCode, Header: answer.Header, Body: raw}, err
}

// NewRequest makes the request that Do sends to base.
func NewRequest(ctx context.Context, base, key, do string, body any, header ...string) (*http.Request, error) {
	method, target, _ := strings.Cut(do, " ")
	content, kind, err := encode(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, base+target, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	if body == nil {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", kind)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r, nil
}

func encode(body any) (content []byte, kind string, err error) {
	switch b := body.(type) {
	case nil:
		return nil, "", nil
	case string:
		return []byte(b), "application/json", nil
	case []byte:
		return b, "application/json", nil
	case url.Values:
		return []byte(b.Encode()), "application/x-www-form-urlencoded", nil
	}
	content, err = json.Marshal(body)
	return content, "application/json", err
}

// Want is Do for requests whose success goes without saying: the test fails on any other status.
func (c Client) Want(t *testing.T, status int, key, do string, body any, header ...string) *webtest.Response {
	t.Helper()
	r := c.Do(t, key, do, body, header...)
	if r.Status != status {
		t.Fatalf("%s with %s answers %d, want %d\n%s", do, asText(body), r.Status, status, r.Body)
	}
	return r
}

func asText(body any) string {
	content, _, err := encode(body)
	if err != nil {
		return err.Error()
	}
	return string(content[:min(len(content), 2000)])
}

// Outbox returns what the sandbox has taken, by a query such as "transport=sms&to=%2B12025550112".
func (c Client) Outbox(t *testing.T, query string) []sandbox.Capture {
	t.Helper()
	var out struct {
		Data []sandbox.Capture `json:"data"`
	}
	c.sandbox(t, "GET /outbox?limit=10000&"+query, nil).Into(t, &out)
	return out.Data
}

// Last returns the number of the sandbox's newest capture, for "since=" in a query.
func (c Client) Last(t *testing.T) int64 {
	t.Helper()
	var out struct{ Last int64 }
	c.sandbox(t, "GET /outbox?limit=1", nil).Into(t, &out)
	return out.Last
}

// Fail makes a service of the sandbox fail at its next calls.
func (c Client) Fail(t *testing.T, f sandbox.Failure) {
	t.Helper()
	c.sandbox(t, "POST /failures", f)
}

// Say lets a person write to the server by "sms" or "whatsapp".
func (c Client) Say(t *testing.T, transport string, said sandbox.Said) {
	t.Helper()
	c.sandbox(t, "POST /inbound/"+transport, said)
}

func (c Client) sandbox(t *testing.T, do string, body any) *webtest.Response {
	t.Helper()
	r := Client{URL: c.SandboxURL, http: c.http}.Do(t, "", do, body)
	if r.Status/100 != 2 {
		t.Fatalf("the sandbox answers %s with %d %s", do, r.Status, r.Body)
	}
	return r
}

// ParseID reads an identifier in any of the spellings of the APIs; the test fails when it is none.
func ParseID(t *testing.T, text string) id.ID {
	t.Helper()
	if i := strings.LastIndexByte(text, '_'); i > 0 {
		text = text[i+1:]
	}
	parsed, err := id.Parse(text)
	if err != nil {
		parsed, err = id.ParseShort(text)
	}
	if err != nil || parsed.IsZero() {
		t.Fatalf("%q is no identifier", text)
	}
	return parsed
}

// Within returns a context that ends after d or with the test.
func Within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
