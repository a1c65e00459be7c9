package web

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/errs"
)

func TestStatusOf(t *testing.T) {
	t.Parallel()
	want := map[errs.Kind]int{
		errs.Internal: 500, errs.Malformed: 400, errs.Unauthenticated: 401, errs.Denied: 403, errs.NotFound: 404, errs.Conflict: 409,
		errs.TooLarge: 413, errs.Unsupported: 415, errs.Invalid: 422, errs.RateLimited: 429, errs.Unavailable: 503, errs.NotOffered: 501, errs.Kind(200): 500,
	}
	for kind, status := range want {
		if got := StatusOf(kind); got != status {
			t.Errorf("kind %d has status %d, want %d", kind, got, status)
		}
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"":                        nil,
		"name":                    {"name"},
		"notifiables[2].channel":  {"notifiables", "2", "channel"},
		"a.b[0][1].c":             {"a", "b", "0", "1", "c"},
		"/data/attributes/x":      {"data", "attributes", "x"},
		"/a.b/c~1d~0e/0":          {"a.b", "c/d~e", "0"},
		"message_js.en_US":        {"message_js", "en_US"},
		"/":                       {""},
		"values[0].individual_id": {"values", "0", "individual_id"},
	} {
		if got := Segments(path); !slices.Equal(got, want) {
			t.Errorf("Segments(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestPointer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ prefix, path, want string }{
		{"/data/attributes", "a_b[0].c", "/data/attributes/A_B/0/C"},
		{"/data/attributes", "", "/data/attributes"},
		{"", "", ""},
		{"", "a", "/A"},
		{"/data/attributes", "/data/id", "/data/id"},
		{"", "a/b~c", "/A~1B~0C"},
	} {
		if got := Pointer(tc.prefix, tc.path, strings.ToUpper); got != tc.want {
			t.Errorf("Pointer(%q, %q) = %q, want %q", tc.prefix, tc.path, got, tc.want)
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	var f errs.Fields
	f.Add("a[0].b", "must be one")
	f.Add("", "is odd")
	f = append(f, errs.Field{In: errs.InQuery, Path: "page[limit]", Message: "is too large"})
	for _, tc := range []struct {
		err  *errs.Error
		want string
	}{
		{errs.Forbidden("you may not"), "you may not"},
		{errs.CodeDuplicate.Errorf("there is one").At("name").At("owner_id"), "there is one (name, owner_id)"},
		{&errs.Error{Message: "not valid", Fields: f}, "not valid: a.0.b must be one; is odd; page[limit] is too large"},
	} {
		if got := Sentence(tc.err); got != tc.want {
			t.Errorf("Sentence = %q, want %q", got, tc.want)
		}
	}
}

func TestResourceOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/messaging-channels/{id}/archive/": "messaging-channels", "/v2/video-channels/": "video-channels", "/notifications/{groupId}": "notifications",
		"/chrono/schedules": "chrono", "/": "", "/v1/{id}": "", "/views": "views", "/v1": "", "/v/x": "v", "/scim/v2/Users": "scim",
	} {
		if got := resourceOf(path); got != want {
			t.Errorf("resourceOf(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestLastWildcard(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/a/{x}/b/{id}/": "id", "/a": "", "/f/{rest...}": "rest", "/}{": ""} {
		if got := lastWildcard(path); got != want {
			t.Errorf("lastWildcard(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"/":            {"GET /{$}"},
		"/a/":          {"GET /a", "GET /a/{$}"},
		"/a/{id}":      {"GET /a/{id}", "GET /a/{id}/{$}"},
		"/f/{rest...}": {"GET /f/{rest...}"},
	} {
		if got := patterns(http.MethodGet, path); !slices.Equal(got, want) {
			t.Errorf("patterns(%q) = %q, want %q", path, got, want)
		}
	}
}

type receiver struct{}

func (receiver) value()    {}
func (*receiver) pointer() {}

func generic[T any](T) {}

func TestFunctionName(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		function any
		want     string
	}{
		{TestFunctionName, "internal/web/internal_test.go:TestFunctionName"},
		{splitFunction, "internal/web/operation.go:splitFunction"},
		{generic[int], "internal/web/internal_test.go:generic[...]"},
		{generic[http.Request], "internal/web/internal_test.go:generic[...]"},
		{func() {}, "internal/web/internal_test.go:TestFunctionName.func1"},
		{"given", "given"},
		{7, ""},
	} {
		if got := functionName(tc.function); got != tc.want {
			t.Errorf("functionName = %q, want %q", got, tc.want)
		}
	}
	for _, method := range []any{receiver{}.value, (&receiver{}).pointer} { // the file is that of the caller outside of web
		if got := functionName(method); !strings.HasPrefix(got, "internal/web/") || !strings.Contains(got, "receiver") || strings.HasSuffix(got, "-fm") {
			t.Errorf("functionName of a method = %q", got)
		}
	}
}

func TestSplitFunction(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"switchboard/internal/x.(*T).m-fm": {"switchboard/internal/x", "(*T).m-fm"},
		"main.main":                        {"main", "main"},
		"switchboard/internal/x.F[switchboard/internal/y.Z].a": {"switchboard/internal/x", "F[switchboard/internal/y.Z].a"},
	} {
		if pkg, function := splitFunction(name); [2]string{pkg, function} != want {
			t.Errorf("splitFunction(%q) = %q, %q", name, pkg, function)
		}
	}
}

func TestTypeName(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ pkg, name, want string }{
		{"switchboard/internal/messaging/messagingapi", "newBookmark", "messaging.NewBookmark"},
		{"switchboard/internal/web/jsonapi", "Resource[switchboard/internal/messaging/messagingapi.bookmark]", "json.ResourceBookmark"},
		{"switchboard/internal/page", "List[[]int]", "page.ListInt"},
		{"switchboard/internal/x_test", "thing·1", "x.Thing_1"},
		{"", "", ""},
	} {
		if got := typeName(tc.pkg, tc.name); got != tc.want {
			t.Errorf("typeName(%q, %q) = %q, want %q", tc.pkg, tc.name, got, tc.want)
		}
	}
}

func TestSchemaNames_keepTypesApart(t *testing.T) {
	t.Parallel()
	first := func() reflect.Type {
		type body struct{ A int }
		return reflect.TypeFor[body]()
	}()
	second := func() reflect.Type {
		type body struct{ B int }
		return reflect.TypeFor[body]()
	}()
	r := newRegistry(nil)
	a, b, again := r.Schema(first, true, ""), r.Schema(second, true, ""), r.Schema(first, true, "")
	if a.Ref == b.Ref || a.Ref != again.Ref {
		t.Errorf("references %q, %q, %q", a.Ref, b.Ref, again.Ref)
	}
	anonymous := r.Schema(reflect.TypeFor[struct{ C int }](), true, "post-x-body")
	if anonymous.Ref != schemaPrefix+"post-x-body" {
		t.Errorf("an anonymous type is %q", anonymous.Ref)
	}
}

func TestSummaryOf(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]string{
		"List GET /v1/messaging-channels/":              "List messaging channels",
		"Create POST /v1/messaging-channels/":           "Create one of the messaging channels",
		"Get GET /v1/messaging-channels/{id}/":          "Get one of the messaging channels",
		"Action POST /v1/messaging-channels/{id}/sms/":  "Sms (messaging channels)",
		"Update PATCH /v1/messaging-channels/{id}/":     "Update one of the messaging channels",
		"List GET /chrono/schedules":                    "Schedules (chrono)",
		" POST /":                                       "POST /",
		" GET /v1/messaging-messages/{id}/get-receipts": "Get receipts (messaging messages)",
	} {
		verb, rest, _ := strings.Cut(route, " ")
		op := NewOperation(nil, rest, verb, 200, "")
		if got := summaryOf(&op); got != want {
			t.Errorf("%s: %q, want %q", route, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/": true, "/a/b/": true, "/a.b/..c": true, "*": true,
		"": false, "a": false, "//": false, "/a//b": false, "/./a": false, "/a/..": false, "/a/../b": false, "/a/.": false,
	} {
		if clean(path) != want {
			t.Errorf("clean(%q) = %v", path, !want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{"": "https://example.com", "https://talk.example/": "https://talk.example"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/x", nil)
		if got := New(Options{BaseURL: base}).BaseURL(r); got != want {
			t.Errorf("BaseURL = %q, want %q", got, want)
		}
	}
}
