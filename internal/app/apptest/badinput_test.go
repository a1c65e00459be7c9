package apptest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// TestBadInput sends every operation that writes everything that is wrong with its sample, one thing at a time: each is
// refused in the words of its API, with the member named, and nothing is stored.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	b := &badInput{Server: s, codes: codes(t, s)}
	var revokedID id.ID
	revokedID, b.revoked = s.IssueKey(t, s.Demo.OrganizationID, "administrator")
	s.RevokeKey(t, revokedID, b.revoked)
	w := s.NewOrganization(t)
	awaitRest(t, s, w)
	for _, o := range strict(t, s) {
		if o.Writes() { // one after the other: what one changes would look as if another had
			t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) { b.check(t, w, &o) })
		}
	}
	if t.Logf("%d requests with something wrong", b.sent); b.sent < 2000 {
		t.Error("too few: are the members still found in the samples?")
	}
}

type badInput struct {
	*apptest.Server
	revoked string
	guesser string // where a request comes from, if not from where the others do
	codes   map[string]bool
	sent    int
}

// codes is the catalogue of errors.
func codes(t *testing.T, s *apptest.Server) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	r := s.Want(t, 200, "", "GET /errors", nil)
	for i := range r.Len(t, "errors") {
		out[r.Text(t, "errors."+strconv.Itoa(i)+".code")] = true
	}
	return out
}

func (b *badInput) check(t *testing.T, w *apptest.World, o *apptest.Operation) {
	r := sample(t, w, o)
	rows := apptest.CountRows(t, b.App.DB())
	b.keys(t, r)
	b.wildcards(t, w, r)
	if o.Body != nil {
		b.bodies(t, w, r)
		b.members(t, w, r)
	}
	if changed := rows.Changed(apptest.CountRows(t, b.App.DB())); len(changed) > 0 {
		t.Errorf("the refused requests changed %v", changed)
	}
}

// awaitRest waits until nothing is under way that would add rows by itself.
func awaitRest(t *testing.T, s *apptest.Server, w *apptest.World) {
	t.Helper()
	apptest.Eventually(t, "the world comes to rest", func() error {
		r := webtest.Do(t, s.Handler(), w.Key, "GET /v1/deliveries/"+w.IDs[apptest.Delivery].String()+"/", nil)
		if state := r.Text(t, "data.attributes.state"); state != "delivered" {
			return apptest.Errorf("the delivery is %s", state)
		}
		if !strings.Contains(string(r.Body), `"detail":"queued"`) { // the report may have come before the answer
			return apptest.Errorf("the provider's answer is not stored: %s", r.Body)
		}
		return nil
	})
	s.AwaitRest(t)
}

// refuse sends a request that must be refused with one of statuses, in the shape of its API.
func (b *badInput) refuse(t *testing.T, key string, r *apptest.Request, body any, header map[string]string, statuses ...int) *webtest.Response {
	t.Helper()
	b.sent++
	got := webtest.Scenario{As: key, Do: r.Do(), Body: body, Header: header}.Send(t, b)
	if !slices.Contains(statuses, got.Status) {
		t.Errorf("%s %s: status %d, want %v: %s", r.Do(), brief(body), got.Status, statuses, brief(string(got.Body)))
		return got
	}
	if problem := b.misshapen(t, r.Operation.API, got); problem != "" {
		t.Errorf("%s %s: %s: %s", r.Do(), brief(body), problem, got.Body)
	}
	return got
}

func brief(body any) string {
	text, ok := body.(string)
	if !ok {
		raw, err := json.Marshal(body)
		if err != nil {
			return err.Error()
		}
		text = string(raw)
	}
	if len(text) > 100 {
		return text[:100] + "… (" + strconv.Itoa(len(text)) + " bytes)"
	}
	return text
}

// misshapen says what an error body lacks.
func (b *badInput) misshapen(t *testing.T, api string, r *webtest.Response) string {
	t.Helper()
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return "the error is " + r.Header.Get("Content-Type")
	}
	switch api {
	case "courier":
		if r.Len(t, "errors") == 0 {
			return "there are no errors in it"
		}
		for i := range r.Len(t, "errors") {
			at := "errors." + strconv.Itoa(i) + "."
			if r.Text(t, at+"status") != strconv.Itoa(r.Status) || r.Text(t, at+"detail") == "" || !b.codes[r.Text(t, at+"code")] {
				return "an error lacks status, detail or a code of the catalogue"
			}
		}
	case "groups":
		url := r.Text(t, "documentation_url")
		if r.Text(t, "type") != "invalid_request" || r.Text(t, "message") == "" || !b.codes[url[strings.LastIndexByte(url, '/')+1:]] {
			return "it lacks type, message or a documentation_url of the catalogue"
		}
	default:
		if r.Text(t, "message") == "" {
			return "it lacks a message"
		}
		if fields := r.Len(t, "errors"); r.Status != 422 && fields > 0 {
			return "it has errors that are not of values"
		}
	}
	return ""
}

// keys tries every key that is none, from an address of its own: guesses are counted by address.
func (b *badInput) keys(t *testing.T, r *apptest.Request) {
	t.Helper()
	b.guesser = "198.51.100." + strconv.Itoa(b.sent%250) + ":1234"
	defer func() { b.guesser = "" }()
	for _, key := range []string{"", "nonsense", b.revoked, b.revoked + "x", strings.Repeat("k", 5000)} {
		b.refuse(t, key, r, r.Body, nil, 401)
	}
	b.refuse(t, "", r, r.Body, map[string]string{"Authorization": "Basic eDp5"}, 401)
	b.refuse(t, "", r, r.Body, map[string]string{"Authorization": "Bearer"}, 401)
}

// ServeHTTP passes a request on, as from the address of the guesser.
func (b *badInput) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.guesser != "" {
		r.RemoteAddr = b.guesser
	}
	b.Handler().ServeHTTP(w, r)
}

// wildcards tries addresses of nothing.
func (b *badInput) wildcards(t *testing.T, w *apptest.World, r *apptest.Request) {
	t.Helper()
	for _, p := range r.Places() {
		if !strings.HasPrefix(p.At, "{") {
			continue
		}
		wrong := []string{"x", "0", id.Nil.String(), strings.Repeat("9", 4000), "%", id.New().String(), id.New().Short()}
		if p.Kind != "" {
			wrong = append(wrong, w.Spell(t, r.Operation.API, apptest.Another(p.Kind)))
		}
		for _, value := range wrong {
			changed := r.With(t, p, value)
			// Of an update the identifier in the document is looked at first.
			b.refuse(t, w.Key, changed, changed.Body, nil, 404, 422)
		}
	}
	if r.Operation.Path != "/" {
		changed := r.Clone()
		changed.Query.Set("unheard-of", "1")
		got := b.refuse(t, w.Key, changed, changed.Body, nil, 400)
		if !strings.Contains(string(got.Body), "unheard-of") {
			t.Errorf("%s: the parameter is not named: %s", changed.Do(), got.Body)
		}
	}
}

// bodies tries what is no body.
func (b *badInput) bodies(t *testing.T, w *apptest.World, r *apptest.Request) {
	t.Helper()
	raw, err := json.Marshal(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, body := range []string{
		"{", text[:len(text)-1], text + "x", text + text, "{'a':1}", `{"a":}`, `{"a":1,"a":2}`, "nul", "\x00", "\ufeff" + text, "\xff\xfe{}",
		strings.Replace(text, "{", "{\"\xff\":1,", 1), strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), `{"a":1e99999}`, `{"\ud800":1}`,
	} {
		b.refuse(t, w.Key, r, body, nil, 400, 422)
	}
	for _, body := range []string{"[]", `"x"`, "7", "true", `[` + text + `]`} {
		b.refuse(t, w.Key, r, body, nil, 422)
	}
	b.refuse(t, w.Key, r, strings.Repeat(" ", 10<<20)+text, nil, 413)
	b.refuse(t, w.Key, r, `{"a":"`+strings.Repeat("x", 10<<20)+`"}`, nil, 413)
	for _, kind := range []string{"text/plain", "application/xml", "application/json; charset=latin1", "x", ";", "multipart/form-data"} {
		b.refuse(t, w.Key, r, text, map[string]string{"Content-Type": kind}, 415, 400)
	}
	if slices.Contains(r.Operation.Reads, "application/x-www-form-urlencoded") {
		b.forms(t, w, r)
	}
	b.endless(t, w, r)
}

// forms tries what is no form.
func (b *badInput) forms(t *testing.T, w *apptest.World, r *apptest.Request) {
	t.Helper()
	const form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	for _, body := range []string{
		"a=%zz", "%ff=1", "name=%ff", "name=%00", "a[=1", "a]=1", "a[b=1", "[]=1", "a[][b][][c][][d][][e][][f]=1", "unheard_of=1",
		strings.Repeat("a=1&", 100_000), strings.Repeat("contacts[]=x&", 100_000), "name[]=x&name=y", "name[a]=x&name[]=y",
		"a" + strings.Repeat("[b]", 10_000) + "=1",
	} {
		b.refuse(t, w.Key, r, body, map[string]string{"Content-Type": form}, 400, 413, 422)
	}
	for _, body := range []string{
		"--x\r\n\r\n", "--x\r\nContent-Disposition: form-data; name=\"unheard_of\"\r\n\r\n1\r\n--x--\r\n",
		"--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n\xff\r\n--x--\r\n",
		"--x\r\nContent-Disposition: attachment\r\n\r\n1\r\n--x--\r\n",
	} {
		b.refuse(t, w.Key, r, body, map[string]string{"Content-Type": multipart}, 400, 413, 415, 422)
	}
}

// endless promises more than it sends.
func (b *badInput) endless(t *testing.T, w *apptest.World, r *apptest.Request) {
	t.Helper()
	request, err := apptest.NewRequest(t.Context(), "", w.Key, r.Do(), `{"a":`)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 1 << 40
	recorder := httptest.NewRecorder()
	b.Handler().ServeHTTP(recorder, request)
	if recorder.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%s with a content length of 1 TiB: %d", r.Do(), recorder.Code)
	}
	b.sent++
}

// members tries every member of the body with everything that it does not take.
func (b *badInput) members(t *testing.T, w *apptest.World, r *apptest.Request) {
	t.Helper()
	for _, p := range r.Places() {
		if !p.InBody() || unread(r.Operation, p) {
			continue
		}
		for _, value := range wrong(t, w, r, p) {
			if text, _ := value.(string); leftOut(r.Operation, p) && len(text) == len(id.Nil.String()) {
				continue // it identifies nobody, and that is no mistake there
			}
			changed := r.With(t, p, value)
			got := b.refuse(t, w.Key, changed, changed.Body, nil, 400, 404, 413, 422)
			if got.Status != 413 && got.Status/100 == 4 && !names(r.Operation.API, got, p) {
				t.Errorf("%s %s = %s: it is not named: %s", r.Do(), p.At, brief(value), got.Body)
			}
		}
		if _, object := r.Value(p).(map[string]any); object && !p.Schema.Open {
			inner := apptest.Place{At: p.At + "/unheard-of"}
			changed := r.With(t, inner, 1)
			if got := b.refuse(t, w.Key, changed, changed.Body, nil, 422); !names(r.Operation.API, got, inner) {
				t.Errorf("%s: %s is not named: %s", r.Do(), inner.At, got.Body)
			}
		}
	}
}

// wrong is what a member does not take.
func wrong(t *testing.T, w *apptest.World, r *apptest.Request, p apptest.Place) []any {
	t.Helper()
	if p.Schema.Type == "" && len(p.Schema.Any) == 0 {
		return nil // takes anything
	}
	var out []any
	switch value := r.Value(p).(type) {
	case string:
		out = append(out, 7.0, true, map[string]any{"a": 1}, []any{"x"}, strings.Repeat("x", 200_001), "a\x00b")
		if len(p.Schema.Enum) > 0 {
			out = append(out, "none of them")
		}
	case float64:
		out = append(out, "x", "1", 1.5, 1e300, true, []any{1})
	case bool:
		out = append(out, "true", 1.0, []any{true})
	case []any:
		out = append(out, "x", map[string]any{"a": 1}, many(value))
	case map[string]any:
		out = append(out, "x", 7.0, []any{})
	}
	if p.Kind == "" {
		return out
	}
	out = append(out, "x", id.Nil.String(), id.New().String(), w.Spell(t, r.Operation.API, apptest.Another(p.Kind)))
	if p.Kind != apptest.Another(p.Kind) && r.Operation.API == "groups" {
		out = append(out, id.New().Short())
	}
	return out
}

// many is 100,000 elements like the first of a list. Texts differ, because what is a set may take one twice.
func many(list []any) []any {
	element := any("x")
	if len(list) > 0 {
		element = list[0]
	}
	out := slices.Repeat([]any{element}, 100_000)
	if text, ok := element.(string); ok {
		for i := range out {
			out[i] = text + strconv.Itoa(i)
		}
	}
	return out
}

// names tells whether an error names the place, something in it or what it is in.
func names(api string, r *webtest.Response, p apptest.Place) bool {
	switch api {
	case "courier":
		var body struct {
			Errors []struct {
				Detail string
				Source struct{ Pointer *string }
			}
		}
		if json.Unmarshal(r.Body, &body) != nil {
			return false
		}
		for _, e := range body.Errors {
			if e.Source.Pointer != nil && related(*e.Source.Pointer, p.At) {
				return true
			}
			// A record that is not there is named by what it is.
			if r.Status == 404 && p.Kind != "" && strings.Contains(e.Detail, string(p.Kind)) {
				return true
			}
		}
		return false
	case "groups":
		steps := slices.DeleteFunc(strings.Split(p.At[1:], "/"), func(s string) bool { return strings.Trim(s, "0123456789") == "" })
		return slices.ContainsFunc(steps, func(s string) bool { return strings.Contains(string(r.Body), s) })
	}
	var body struct {
		Message string
		Errors  map[string][]string
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return false
	}
	if r.Status == 400 && strings.Contains(body.Message, strings.ReplaceAll(p.At[1:], "/", ".")) {
		return true
	}
	for path := range body.Errors {
		if related("/"+strings.ReplaceAll(path, ".", "/"), p.At) {
			return true
		}
	}
	return false
}

// related tells whether one pointer is the other, or leads to or from it.
func related(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/") && a != ""
}
