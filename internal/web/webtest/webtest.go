// Package webtest runs tables of requests against a server and compares answers with golden files. A scenario says
// what is sent, as whom, and what must and must not come back; what else it caused is asked in Then.
//
// It knows no dialect beyond finding the field that an error blames in each of the three error bodies.
package webtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Scenario is one request and what is expected of its answer.
type Scenario struct {
	Name string
	As   string // bearer token; empty sends none
	Do   string // "POST /v1/messaging-bookmarks/"
	// Body is sent as it is when it is a string or []byte, and as JSON otherwise; nil sends none. The content type is
	// application/json unless Header has another.
	Body   any
	Header map[string]string

	Want     int      // status
	Contains []string // texts that the answer's body must have
	Lacks    []string // texts that it must not have
	// Error is what the answer must blame: a JSON pointer or parameter (courier), a field path (notifications), or a
	// text of the message (groups). With Want 2xx it must be empty.
	Error string
	Code  string // the error code that a courier answer must have
	Then  func(t *testing.T, r *Response)
}

// Response is an answer that was read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Run runs every scenario as a subtest, in order: later ones see what earlier ones changed.
func Run(t *testing.T, h http.Handler, scenarios []Scenario) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.Name, func(t *testing.T) {
			t.Helper()
			s.check(t, s.Send(t, h))
		})
	}
}

// Send sends the scenario's request and returns the answer without checking it.
func (s Scenario) Send(t *testing.T, h http.Handler) *Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, s.request(t))
	return &Response{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

// At returns a handler that forwards to a running server, so that the same scenarios run against either.
func At(t *testing.T, baseURL string) http.Handler {
	t.Helper()
	u, err := url.Parse(baseURL)
	if err != nil {
		t.Fatal(err)
	}
	return httputil.NewSingleHostReverseProxy(u)
}

// Do sends one request and returns its answer: Do(t, h, token, "GET /v1/groups", nil).
func Do(t *testing.T, h http.Handler, as, do string, body any) *Response {
	t.Helper()
	return Scenario{As: as, Do: do, Body: body}.Send(t, h)
}

func (s Scenario) request(t *testing.T) *http.Request {
	t.Helper()
	method, target, ok := strings.Cut(s.Do, " ")
	if !ok {
		t.Fatalf("Do %q is not a method and a path", s.Do)
	}
	body := encode(t, s.Body)
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	if s.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.As != "" {
		r.Header.Set("Authorization", "Bearer "+s.As)
	}
	for k, v := range s.Header {
		if v == "" {
			r.Header.Del(k)
			continue
		}
		r.Header.Set(k, v)
	}
	return r
}

func encode(t *testing.T, body any) io.Reader {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return http.NoBody
	case string:
		return strings.NewReader(b)
	case []byte:
		return bytes.NewReader(b)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("encoding the body: %v", err)
	}
	return bytes.NewReader(raw)
}

func (s Scenario) check(t *testing.T, r *Response) {
	t.Helper()
	if r.Status != s.Want {
		t.Errorf("%s: status %d, want %d\n%s", s.Do, r.Status, s.Want, r.Body)
	}
	for _, text := range s.Contains {
		if !bytes.Contains(r.Body, []byte(text)) {
			t.Errorf("%s: the answer lacks %q\n%s", s.Do, text, r.Body)
		}
	}
	for _, text := range s.Lacks {
		if bytes.Contains(r.Body, []byte(text)) {
			t.Errorf("%s: the answer has %q\n%s", s.Do, text, r.Body)
		}
	}
	if s.Error != "" && !r.blames(s.Error) {
		t.Errorf("%s: the answer does not blame %q\n%s", s.Do, s.Error, r.Body)
	}
	if s.Code != "" && !strings.Contains(string(r.Body), strconv.Quote(s.Code)) {
		t.Errorf("%s: the answer has no code %s\n%s", s.Do, s.Code, r.Body)
	}
	if s.Then != nil {
		s.Then(t, r)
	}
}

// blames finds a field in the error body of any of the dialects.
func (r *Response) blames(field string) bool {
	var courier struct {
		Errors []struct {
			Source struct {
				Pointer   *string
				Parameter string
			}
		}
	}
	if json.Unmarshal(r.Body, &courier) == nil && courier.Errors != nil {
		for _, e := range courier.Errors {
			if e.Source.Parameter == field || e.Source.Pointer != nil && *e.Source.Pointer == field {
				return true
			}
		}
		return false
	}
	var groups struct{ Type, Message string }
	if json.Unmarshal(r.Body, &groups) == nil && groups.Message != "" && strings.Contains(groups.Message, field) {
		return true
	}
	var notifications struct{ Errors map[string][]string }
	return json.Unmarshal(r.Body, &notifications) == nil && notifications.Errors[field] != nil
}

// JSON returns the body decoded.
func (r *Response) JSON(t *testing.T) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(r.Body, &v); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, r.Body)
	}
	return v
}

// Into decodes the body.
func (r *Response) Into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("decoding the answer: %v\n%s", err, r.Body)
	}
}

// Path returns the value at a dotted path of the body ("data.0.id"); nil when there is none. A dot inside a name is
// written as \. .
func (r *Response) Path(t *testing.T, path string) any {
	t.Helper()
	v := r.JSON(t)
	for step := range strings.SplitSeq(strings.ReplaceAll(path, `\.`, "\x00"), ".") {
		step = strings.ReplaceAll(step, "\x00", ".")
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// Text is Path for a value that is shown as text: texts as they are, numbers and booleans spelled.
func (r *Response) Text(t *testing.T, path string) string {
	t.Helper()
	switch v := r.Path(t, path).(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// Len is the number of elements or members at a path.
func (r *Response) Len(t *testing.T, path string) int {
	t.Helper()
	switch v := r.Path(t, path).(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return 0
}
