package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
	"switchboard/internal/web/jsonapi"
	"switchboard/internal/web/plainjson"
	"switchboard/internal/web/webtest"
)

type ofThing struct{}

func (ofThing) Prefix() string { return "thing" }

// named is an input with an identifier of type I wherever one can stand.
type named[I any] struct {
	Path  I          `path:"id"`
	Query I          `query:"owner"`
	Many  []I        `query:"owners"`
	Maybe web.Opt[I] `query:"maybe"`
	Body  namesIn[I] `required:"false"`
}

type namesIn[I any] struct {
	One   I            `json:"one,omitzero"`
	Opt   web.Opt[I]   `json:"opt,omitzero"`
	Many  []I          `json:"many,omitempty"`
	Deep  []holder[I]  `json:"deep,omitempty"`
	ByKey map[string]I `json:"by_key,omitempty"`
}

type holder[I any] struct {
	One I `json:"one,omitzero"`
}

func take[I any](context.Context, *named[I]) (string, error) { return "taken", nil }

func identifiers() http.Handler {
	s := web.New(web.Options{})
	jsonapi.Do(jsonapi.New(s), "POST /courier/{id}/", take[id.ID], web.Status(200))
	plainjson.Do(plainjson.New(s), "POST /notifications/{id}", take[plainjson.ID[ofThing]])
	cursorjson.Do(cursorjson.New(s), "POST /groups/{id}", take[cursorjson.ID])
	return s
}

// TestIdentifiers_zero: what says "none" inside the server must not be said by a client, or it would mean everything, nobody,
// or no change at all.
func TestIdentifiers_zero(t *testing.T) {
	t.Parallel()
	h := identifiers()
	some := id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b")
	for dialect, spell := range map[string]struct {
		some, zero []string // the spellings
		separator  string   // of the steps of a path in an error
	}{
		"courier":       {[]string{some.String()}, []string{id.Nil.String()}, "/"},
		"notifications": {[]string{some.String(), some.Prefixed("thing")}, []string{id.Nil.String(), id.Nil.Prefixed("thing")}, "."},
		"groups":        {[]string{some.String(), some.Short()}, []string{id.Nil.String(), id.Nil.Short()}, "."},
	} {
		good := "POST /" + dialect + "/" + spell.some[0]
		var all []webtest.Scenario
		// in makes a scenario for each place: with an identifier that there may be, and with one of bad.
		in := func(value string, status func(place int) int) {
			for i, s := range []webtest.Scenario{
				{Name: "path", Do: "POST /" + dialect + "/" + value},
				{Name: "query", Do: good + "?owner=" + value, Error: "owner"},
				{Name: "list of the query", Do: good + "?owners=" + spell.some[0] + "," + value, Error: "owners"},
				{Name: "optional one of the query", Do: good + "?maybe=" + value, Error: "maybe"},
				{Name: "body", Do: good, Body: `{"one":"` + value + `"}`, Error: "one"},
				{Name: "optional one of the body", Do: good, Body: `{"opt":"` + value + `"}`, Error: "opt"},
				{Name: "list of the body", Do: good, Body: `{"many":["` + spell.some[0] + `","` + value + `"]}`, Error: "many/1"},
				{Name: "object in a list", Do: good, Body: `{"deep":[{},{"one":"` + value + `"}]}`, Error: "deep/1/one"},
				{Name: "map", Do: good, Body: `{"by_key":{"k":"` + value + `"}}`, Error: "by_key/k"},
			} {
				s.Name, s.Want = dialect+", "+s.Name+", "+value, status(i)
				if s.Error = strings.ReplaceAll(s.Error, "/", spell.separator); dialect == "courier" && i > 3 {
					s.Error = "/" + s.Error
				}
				if s.Body == nil {
					s.Body = "{}"
				}
				if s.Want == 200 || dialect == "notifications" && s.Want == 400 { // whose errors of parameters are a sentence
					s.Error = ""
				}
				all = append(all, s)
			}
		}
		refused := func(place int) int { return []int{404, 400, 400, 400, 422, 422, 422, 422, 422}[place] }
		for _, value := range spell.some {
			in(value, func(int) int { return 200 })
		}
		for _, value := range append(spell.zero, "x", some.String()+"0", strings.Repeat("z", 36)) {
			in(value, refused)
		}
		webtest.Run(t, h, all)
	}
}

// FuzzBody sends anything as the body of an operation of each dialect: it is taken or refused, and never our mistake.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{}`, `null`, `[]`, `{"one":null,"many":[null]}`, `{"deep":[{"one":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"}]}`, `{"by_key":{"":"x"}}`,
		`one=x&deep[][one]=y`, `{"opt":"\u0000"}`, `{"many":"\ud800"}`, `{"one":1e999}`,
	} {
		for media := range uint8(4) {
			f.Add(s, media)
		}
	}
	h := identifiers()
	f.Fuzz(func(t *testing.T, body string, media uint8) {
		types := []string{"application/json", "application/vnd.api+json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=B"}
		for _, dialect := range []string{"courier", "notifications", "groups"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+dialect+"/0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b", strings.NewReader(body))
			r.Header.Set("Content-Type", types[int(media)%len(types)])
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code >= 500 || w.Code < 200 || w.Code >= 300 && w.Code < 400 && w.Code != http.StatusPermanentRedirect {
				t.Errorf("%s, %q as %s: %d %s", dialect, body, types[int(media)%len(types)], w.Code, w.Body)
			}
		}
	})
}
