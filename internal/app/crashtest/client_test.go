package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// client is a caller with a key.
type client struct {
	program *program
	key     string
}

// answer is what a request was answered.
type answer struct {
	status   int
	replayed bool // the answer of an earlier request with the same Idempotency-Key
	body     []byte
}

// into decodes the body.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// errCut says that the server went away before it had answered: what it was asked may be done or not.
var errCut = errors.New("the server is gone")

// send sends one request; idempotencyKey and body may be empty. The error is errCut, or nil.
func (c client) send(method, path, idempotencyKey string, body any) (answer, error) {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+c.program.host+path, bytes.NewReader(raw))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if idempotencyKey != "" {
		r.Header.Set("Idempotency-Key", idempotencyKey)
		r.GetBody = nil // the test repeats requests itself; net/http must not
	}
	response, err := c.program.client.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", errCut, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", errCut, err)
	}
	return answer{response.StatusCode, response.Header.Get("Idempotent-Replayed") == "true", text}, nil
}

// must sends a request that has to succeed.
func (c client) must(t *testing.T, method, path string, body, out any) {
	t.Helper()
	a, err := c.send(method, path, "", body)
	if err != nil || a.status >= 300 {
		t.Fatalf("%s %s: %v, %d %s", method, path, err, a.status, a.body)
	}
	if out != nil {
		a.into(t, out)
	}
}

// document is one resource of the courier API.
type document struct {
	Data struct {
		ID         string         `json:"id"`
		Attributes map[string]any `json:"attributes"`
	} `json:"data"`
}

// resource is the body that makes or changes a resource of the courier API.
func resource(typ string, attributes map[string]any) map[string]any {
	return map[string]any{"data": map[string]any{"type": typ, "attributes": attributes}}
}
