package apptest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
)

const promising = `{"openapi":"3.1.0","paths":{
	"/x/{id}/":{"get":{"responses":{
		"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/X"}},"text/csv":{"schema":{"type":"string"}}}},
		"204":{},
		"default":{"content":{"application/json":{"schema":{"type":"object","required":["message"],"properties":{"message":{"type":"string"}}}}}}}}}},
	"components":{"schemas":{"X":{"type":"object","required":["a"],"properties":{
		"a":{"type":"string"},"o":{"type":["string","null"]},"e":{"type":"string","enum":["x","y"]},"u":{"type":"string","format":"uuid"},
		"r":{"anyOf":[{"$ref":"#/components/schemas/X"},{"type":"null"}]},
		"m":{"type":"object","additionalProperties":{"type":"integer"}},"l":{"type":"array","items":{"$ref":"#/components/schemas/X"}}}}}}}`

// TestPromises shows what is found in an answer that is not as its document says.
func TestPromises(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, do, kind, body string
		status               int
		want                 string // part of what is found; empty: nothing
	}{
		{name: "all of it", status: 200, body: `{"a":"x","o":null,"e":"y","u":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","r":null,"m":{"k":1},"l":[{"a":"z","o":"x"}]}`},
		{name: "a list for clients of tables", status: 200, kind: "text/csv", body: "a,b"},
		{name: "nothing", status: 204},
		{name: "no slash at the end", do: "GET /x/1", status: 200, body: `{"a":"x"}`},
		{name: "an error", status: 404, body: `{"message":"x"}`},
		{name: "an address that is not of the document", do: "GET /y", status: 302, kind: "text/html", body: "x"},
		{name: "a method that is not", do: "POST /x/1/", status: 405, body: `{}`},

		{name: "missing", status: 200, body: `{}`, want: "missing property 'a'"},
		{name: "null", status: 200, body: `{"a":null}`, want: "/a: got null, want string"},
		{name: "another type", status: 200, body: `{"a":1}`, want: "/a: got number, want string"},
		{name: "not declared", status: 200, body: `{"a":"x","b":1}`, want: "additional properties 'b' not allowed"},
		{name: "not listed", status: 200, body: `{"a":"x","e":"z"}`, want: "/e: value must be one of"},
		{name: "another format", status: 200, body: `{"a":"x","u":"1"}`, want: "/u: '1' is not valid uuid"},
		{name: "inside", status: 200, body: `{"a":"x","l":[{"a":"x"},{"a":null}]}`, want: "/l/[]/a: got null"},
		{name: "below a reference that may be null", status: 200, body: `{"a":"x","r":{"a":1}}`, want: "/r/a: got number"},
		{name: "in a map", status: 200, body: `{"a":"x","m":{"k":"v"}}`, want: "/m/k: got string"},
		{name: "an error of another shape", status: 500, body: `{"error":"x"}`, want: "missing property 'message'"},
		{name: "a status", status: 201, body: `{"a":"x"}`, want: "answers 201: which is not listed"},
		{name: "a redirect", status: 302, body: `{"a":"x"}`, want: "answers 302: which is not listed"},
		{name: "a media type", status: 200, kind: "text/html", body: `<p>`, want: "text/html, which is not listed"},
		{name: "no body", status: 200, want: "without a body"},
		{name: "a body that was not to be", status: 204, body: `{}`, want: "with a body"},
		{name: "no JSON", status: 200, body: `{`, want: "not JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, err := apptest.NewPromises([]byte(promising))
			if err != nil {
				t.Fatal(err)
			}
			method, target, ok := strings.Cut(tc.do, " ")
			if !ok {
				method, target = "GET", "/x/1/?q=1"
			}
			if tc.kind == "" {
				tc.kind = "application/json"
			}
			p.Hold(httptest.NewRequestWithContext(t.Context(), method, target, nil), tc.status, http.Header{"Content-Type": {tc.kind}}, []byte(tc.body))
			broken := p.Broken()
			if tc.want == "" && len(broken) > 0 || tc.want != "" && !slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, tc.want) }) {
				t.Errorf("found %q, want %q", broken, tc.want)
			}
		})
	}
}
