package jsonapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
	"switchboard/internal/web/webtest"
)

type note struct {
	Channel   *jsonapi.Ref `json:"channel"`
	CreatedAt jsonapi.Time `json:"created-at"`
	Text      string       `json:"text"`
}

type newNote struct {
	ChannelID id.ID          `json:"channel-id"`
	Text      string         `json:"text" minLength:"1" maxLength:"20"`
	Mode      string         `json:"mode,omitempty" enum:"quiet,loud" default:"quiet"`
	Loud      bool           `json:"loud,omitempty" default:"true"`
	RemindAt  jsonapi.Time   `json:"remind-at,omitzero"`
	Tags      []tag          `json:"tags,omitempty" maxItems:"3"`
	Extra     map[string]any `json:"extra,omitempty"`
}

type tag struct {
	Name  string `json:"name"`
	Count int8   `json:"count,omitempty" default:"7"`
}

type noteChange struct {
	Text     web.Opt[string]       `json:"text,omitzero" maxLength:"20"`
	RemindAt web.Opt[jsonapi.Time] `json:"remind-at,omitzero"`
}

type operation struct {
	Op    string `json:"op" enum:"replace"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

type listNotes struct {
	jsonapi.Page
	OrganizationID id.ID           `query:"organization-id" required:"true"`
	ChannelID      id.ID           `query:"filter[channel-id]"`
	Archived       *bool           `query:"filter[archived]"`
	States         []string        `query:"filter[states]" enum:"open,done"`
	IDs            []id.ID         `query:"filter[ids]"`
	Modified       jsonapi.Compare `query:"filter[cmp-modified]"`
	Text           string          `query:"filter[text]" maxLength:"5"`
}

type ack struct {
	IndividualID id.ID `json:"individual-id,omitzero"`
	AllowPast    bool  `json:"allow-past,omitempty"`
}

var (
	channel = id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b")
	noteID  = id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0c")
)

type notes struct{ last any }

func (n *notes) one(text string) jsonapi.Resource[note] {
	at, _ := web.ParseTime("2026-11-22T10:00:00.5+01:00")
	return jsonapi.Resource[note]{ID: noteID, Attributes: note{Channel: jsonapi.RefTo(channel), CreatedAt: jsonapi.At(at), Text: text}}
}

func (n *notes) list(_ context.Context, in *listNotes) (page.List[jsonapi.Resource[note]], error) {
	n.last = *in
	return page.List[jsonapi.Resource[note]]{Items: []jsonapi.Resource[note]{n.one("a")}, Total: 12}, nil
}

func (n *notes) get(_ context.Context, in *jsonapi.ByID) (jsonapi.Resource[note], error) {
	if in.ID != noteID {
		return jsonapi.Resource[note]{}, errs.MissingRecord("note")
	}
	return n.one("a"), nil
}

func (n *notes) create(_ context.Context, in newNote) (jsonapi.Resource[note], error) {
	n.last = in
	switch in.Text {
	case "conflict":
		return jsonapi.Resource[note]{}, errs.CodeDuplicate.Errorf("there is one").With("id", noteID).At("channel_id")
	case "broken":
		return jsonapi.Resource[note]{}, errors.New("disk on fire")
	case "panic":
		panic("oh no")
	case "rules":
		var f errs.Fields
		f.Add("tags[1].name", "must be nice")
		f.Require("message_js.en_US")
		return jsonapi.Resource[note]{}, f.Err()
	}
	return n.one(in.Text), nil
}

func (n *notes) update(_ context.Context, _ id.ID, in noteChange) (jsonapi.Resource[note], error) {
	n.last = in
	return n.one(in.Text.Or("kept")), nil
}

func (n *notes) patch(_ context.Context, _ id.ID, ops []operation) (jsonapi.Resource[note], error) {
	n.last = ops
	return n.one(ops[0].Path), nil
}

func (n *notes) ack(_ context.Context, _ id.ID, in ack) (jsonapi.Resource[note], error) {
	n.last = in
	if in.AllowPast {
		return jsonapi.Resource[note]{}, errs.InvalidField("individual_id", "may not")
	}
	return n.one("acked"), nil
}

func (n *notes) delete(_ context.Context, i id.ID) error {
	if i != noteID {
		return errs.MissingRecord("note")
	}
	return nil
}

type countNotes struct {
	IndividualID id.ID `query:"individual-id"`
}

func (n *notes) counts(context.Context, *countNotes) (map[string]int, error) {
	return map[string]int{"unread": 3}, nil
}

func (n *notes) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/notes/", n.list)
	jsonapi.Get(r, "GET /v1/notes/{id}/", n.get)
	jsonapi.Create(r, "POST /v1/notes/", n.create)
	jsonapi.Update(r, "PATCH /v1/notes/{id}/", n.update)
	jsonapi.Delete(r, "DELETE /v1/notes/{id}/", n.delete)
	jsonapi.Action(r, "POST /v1/notes/{id}/ack/", n.ack)
	jsonapi.Update(r, "PATCH /v1/channels/{id}/", n.patch, jsonapi.Type("notes"))
	jsonapi.Do(r, "GET /v1/note-counts/", n.counts)
}

func server(t testing.TB) (http.Handler, *notes) {
	t.Helper()
	s := web.New(web.Options{})
	n := &notes{}
	n.Mount(jsonapi.New(s))
	return s, n
}

func doc(attributes string) string {
	return `{"data":{"type":"notes","attributes":{` + attributes + `}}}`
}

const okAttributes = `"channel-id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","text":"hello"`

func TestCreate(t *testing.T) {
	t.Parallel()
	h, n := server(t)
	const do = "POST /v1/notes/"
	one := "/v1/notes/0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0c"
	webtest.Run(t, h, []webtest.Scenario{
		{Name: "a note", Do: do, Body: doc(okAttributes), Want: 201, Contains: []string{`{"data":{"id":"` + noteID.String() + `","type":"notes","attributes":{`, `"created-at":"2026-11-22T09:00:00.500Z"`, `"meta":{}`}, Then: func(t *testing.T, _ *webtest.Response) {
			if got := n.last.(newNote); got.Mode != "quiet" || !got.Loud || got.ChannelID != channel {
				t.Errorf("in = %+v", got)
			}
		}},
		{Name: "without slash", Do: "POST /v1/notes", Body: doc(okAttributes), Want: 201},
		{Name: "as JSON:API", Do: do, Header: map[string]string{"Content-Type": "application/vnd.api+json; charset=UTF-8", "Accept": "application/vnd.api+json"}, Body: doc(okAttributes), Want: 201, Then: func(t *testing.T, r *webtest.Response) {
			if ct := r.Header.Get("Content-Type"); ct != "application/vnd.api+json" {
				t.Errorf("Content-Type = %s", ct)
			}
		}},
		{Name: "an explicit false stays", Do: do, Body: doc(okAttributes + `,"loud":false,"mode":null,"tags":[{"name":"x"},{"name":"y","count":0}]`), Want: 201, Then: func(t *testing.T, _ *webtest.Response) {
			if got := n.last.(newNote); got.Loud || got.Mode != "quiet" || got.Tags[0].Count != 7 || got.Tags[1].Count != 0 {
				t.Errorf("in = %+v", got)
			}
		}},
		{Name: "several wrong", Do: do, Body: doc(`"text":"","mode":"x","nope":1`), Want: 422, Error: "/data/attributes/channel-id", Contains: []string{"/data/attributes/text", "/data/attributes/mode", "/data/attributes/nope", "UnknownAttribute", "RequiredValue", "InvalidValue"}},
		{Name: "null is absent", Do: do, Body: doc(`"channel-id":null,"text":"x"`), Want: 422, Error: "/data/attributes/channel-id", Code: "RequiredValue"},
		{Name: "case matters", Do: do, Body: doc(okAttributes + `,"Mode":"loud"`), Want: 422, Error: "/data/attributes/Mode"},
		{Name: "no UUID", Do: do, Body: doc(`"channel-id":"x","text":"x"`), Want: 422, Error: "/data/attributes/channel-id"},
		{Name: "no instant", Do: do, Body: doc(okAttributes + `,"remind-at":"tomorrow"`), Want: 422, Error: "/data/attributes/remind-at", Contains: []string{"remind-at is not an instant"}},
		{Name: "number out of the type's range", Do: do, Body: doc(okAttributes + `,"tags":[{"name":"x"},{"name":"y","count":300}]`), Want: 422, Error: "/data/attributes/tags/1/count"},
		{Name: "too many", Do: do, Body: doc(okAttributes + `,"tags":[{"name":"x"},{"name":"x"},{"name":"x"},{"name":"x"}]`), Want: 422, Error: "/data/attributes/tags"},
		{Name: "wrong type", Do: do, Body: `{"data":{"type":"channels","attributes":{` + okAttributes + `}}}`, Want: 422, Error: "/data/type"},
		{Name: "no data", Do: do, Body: `{}`, Want: 422, Error: "/data"},
		{Name: "an array", Do: do, Body: `[]`, Want: 422, Error: ""},
		{Name: "nothing", Do: do, Want: 400, Code: "MalformedRequest"},
		{Name: "null", Do: do, Body: `null`, Want: 422},
		{Name: "broken", Do: do, Body: `{"data":`, Want: 400, Code: "MalformedRequest"},
		{Name: "trailing", Do: do, Body: doc(okAttributes) + "{}", Want: 400},
		{Name: "NUL", Do: do, Body: doc(`"text":"a\u0000b"`), Want: 400, Error: "/data/attributes/text"},
		{Name: "double", Do: do, Body: doc(`"text":"a","text":"b"`), Want: 400, Error: "/data/attributes/text"},
		{Name: "not UTF-8", Do: do, Body: doc("\"text\":\"\xff\""), Want: 400},
		{Name: "bomb", Do: do, Body: doc(`"extra":` + strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)), Want: 400},
		{Name: "other media type", Do: do, Header: map[string]string{"Content-Type": "text/plain"}, Body: "x", Want: 415, Code: "UnsupportedMediaType"},
		{Name: "compressed", Do: do, Header: map[string]string{"Content-Encoding": "gzip"}, Body: "x", Want: 415, Code: "UnsupportedMediaType"},
		{Name: "other charset", Do: do, Header: map[string]string{"Content-Type": "application/json; charset=latin1"}, Body: "{}", Want: 415},
		{Name: "too large", Do: do, Body: strings.Repeat(" ", web.DefaultMaxBody+1), Want: 413, Code: "BodyTooLarge"},
		{Name: "conflict", Do: do, Body: doc(strings.Replace(okAttributes, "hello", "conflict", 1)), Want: 409, Error: "/data/attributes/channel-id", Code: "Duplicate", Contains: []string{`"meta":{"id":"` + noteID.String()}},
		{Name: "rules", Do: do, Body: doc(strings.Replace(okAttributes, "hello", "rules", 1)), Want: 422, Error: "/data/attributes/tags/1/name", Contains: []string{"/data/attributes/message-js/en_US"}},
		{Name: "internal", Do: do, Body: doc(strings.Replace(okAttributes, "hello", "broken", 1)), Want: 500, Code: "InternalError", Lacks: []string{"fire"}},
		{Name: "panic", Do: do, Body: doc(strings.Replace(okAttributes, "hello", "panic", 1)), Want: 500, Code: "InternalError", Lacks: []string{"oh no"}},
		{Name: "a parameter nobody knows", Do: do + "?x=1", Body: doc(okAttributes), Want: 400, Error: "x", Code: "InvalidParameter"},
		{Name: "get", Do: "GET " + one, Want: 200, Contains: []string{`"channel":{"id":`}},
		{Name: "get another", Do: "GET /v1/notes/" + channel.String() + "/", Want: 404, Code: "NotFound"},
		{Name: "get no id", Do: "GET /v1/notes/7/", Want: 404, Code: "NotFound"},
		{Name: "delete", Do: "DELETE " + one, Want: 204},
		{Name: "wrong method", Do: "PUT " + one, Want: 405, Code: "MethodNotAllowed", Contains: []string{`{"errors":[{"status":405,`}, Then: func(t *testing.T, r *webtest.Response) {
			if allowed := r.Header.Get("Allow"); allowed != "GET, HEAD, PATCH, DELETE, OPTIONS" {
				t.Errorf("Allow = %q", allowed)
			}
		}},
		{Name: "wrong method for all", Do: "DELETE /v1/notes", Want: 405, Code: "MethodNotAllowed"},
		{Name: "unknown action", Do: "POST " + one + "/shred/", Body: "{}", Want: 404, Code: "NotFound", Contains: []string{`{"errors":[{"status":404,`}},
		{Name: "double slash below", Do: "GET /v1/notes//x/", Want: 404, Code: "NotFound"},
		{Name: "unknown path", Do: "GET /v1/none/", Want: 404, Contains: []string{`{"message":`}},
		{Name: "double slash", Do: "GET /v1//notes/", Want: 404},
		{Name: "update", Do: "PATCH " + one, Body: `{"data":{"type":"notes","id":"` + noteID.String() + `","attributes":{"remind-at":null}}}`, Want: 200, Contains: []string{"kept"}, Then: func(t *testing.T, _ *webtest.Response) {
			if got := n.last.(noteChange); !got.RemindAt.Set || !got.RemindAt.Null || got.Text.Set {
				t.Errorf("in = %+v", got)
			}
		}},
		{Name: "update another", Do: "PATCH " + one, Body: `{"data":{"type":"notes","id":"` + channel.String() + `","attributes":{}}}`, Want: 422, Error: "/data/id"},
		{Name: "update too long", Do: "PATCH " + one, Body: `{"data":{"type":"notes","id":"` + noteID.String() + `","attributes":{"text":"` + strings.Repeat("x", 21) + `"}}}`, Want: 422, Error: "/data/attributes/text"},
		{Name: "update bad instant", Do: "PATCH " + one, Body: `{"data":{"type":"notes","id":"` + noteID.String() + `","attributes":{"remind-at":"soon"}}}`, Want: 422, Error: "/data/attributes/remind-at"},
		{Name: "patch operations", Do: "PATCH /v1/channels/" + noteID.String() + "/", Body: `{"data":{"type":"notes","id":"` + noteID.String() + `","attributes":[{"op":"replace","path":"/name","value":"x"}]}}`, Want: 200, Contains: []string{"/name"}},
		{Name: "patch bad operation", Do: "PATCH /v1/channels/" + noteID.String() + "/", Body: `{"data":{"type":"notes","id":"` + noteID.String() + `","attributes":[{"op":"add","path":"/name","value":"x"}]}}`, Want: 422, Error: "/data/attributes/0/op"},
		{Name: "ack nothing", Do: "POST " + one + "/ack/", Want: 201, Contains: []string{"acked"}},
		{Name: "ack {}", Do: "POST " + one + "/ack/", Body: `{}`, Want: 201},
		{Name: "ack rule", Do: "POST " + one + "/ack/", Body: `{"allow-past":true}`, Want: 422, Error: "/individual-id"},
		{Name: "ack unknown", Do: "POST " + one + "/ack/", Body: `{"x":true}`, Want: 422, Error: "/x"},
		{Name: "plain", Do: "GET /v1/note-counts/", Want: 200, Contains: []string{`{"unread":3}`}},
	})
}

// The answer is of the media type that was asked for, and of the one that was rather wanted when both were.
func TestAccept(t *testing.T) {
	t.Parallel()
	h, _ := server(t)
	const plain, own = "application/json", "application/vnd.api+json"
	for accept, want := range map[string]string{
		"": plain, "*/*": plain, "text/html": plain, plain: plain, own: own, own + "; q=0.3": own, "application/vnd.api+json;ext=x": own,
		plain + ", " + own: own, own + ";q=0.5, " + plain + ";q=0.9": plain, own + ";q=0.9, " + plain + ";q=0.5": own,
		own + ";q=0": plain, own + ";q=much": plain, own + ", */*": own, "application/vnd.api+jsonp": plain, ";;": plain,
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/note-counts/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != want {
			t.Errorf("%q is answered with %d, %s, want %s", accept, w.Code, got, want)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	h, n := server(t)
	org := "organization-id=" + channel.String()
	webtest.Run(t, h, []webtest.Scenario{
		{Name: "defaults", Do: "GET /v1/notes/?" + org, Want: 200, Contains: []string{`"meta":{"page[limit]":100,"page[offset]":0,"page[total]":12}`, `{"data":[{"id"`}},
		{Name: "paged", Do: "GET /v1/notes/?" + org + "&page[limit]=5&page%5Boffset%5D=10", Want: 200, Contains: []string{`"page[limit]":5,"page[offset]":10`}},
		{Name: "all filters", Do: "GET /v1/notes/?" + org + "&filter[archived]=false&filter[states]=open,done&filter[ids]=" + channel.String() + "&filter[ids]=" + noteID.String() + "&filter[cmp-modified]=%3E%3D2026-01-01T00:00:00Z,%3C2026-02-01%2000:00:00|null&filter[text]=", Want: 200, Then: func(t *testing.T, _ *webtest.Response) {
			in := n.last.(listNotes)
			if in.Archived == nil || *in.Archived || len(in.States) != 2 || len(in.IDs) != 2 || len(in.Modified.Bounds) != 2 || !in.Modified.OrNull {
				t.Errorf("in = %+v", in)
			}
		}},
		{Name: "required", Do: "GET /v1/notes/", Want: 400, Error: "organization-id"},
		{
			Name: "several wrong", Do: "GET /v1/notes/?organization-id=x&page[limit]=0&page[offset]=-1&filter[archived]=1&filter[states]=shut&filter[text]=toolong&filter[cmp-modified]=2026&nope", Want: 400, Error: "organization-id",
			Contains: []string{"page[limit]", "page[offset]", "filter[archived]", "filter[states]", "filter[text]", "filter[cmp-modified]", `"nope"`},
		},
		{Name: "twice", Do: "GET /v1/notes/?" + org + "&" + org, Want: 400, Error: "organization-id"},
		{Name: "NUL", Do: "GET /v1/notes/?" + org + "&filter[text]=%00", Want: 400, Error: "filter[text]"},
		{Name: "bad escape", Do: "GET /v1/notes/?" + org + "&filter[text]=%ff", Want: 400, Error: "filter[text]"},
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	(&notes{}).Mount(jsonapi.New(s))
	var out strings.Builder
	for _, r := range s.Routes() {
		out.WriteString(r.String() + "\n")
	}
	webtest.GoldenText(t, "routes.txt", []byte(out.String()))
}

func BenchmarkCreate(b *testing.B) {
	h, _ := server(b)
	body := doc(okAttributes + `,"mode":"loud","tags":[{"name":"x"}]`)
	b.ReportAllocs()
	for b.Loop() {
		r, _ := http.NewRequest(http.MethodPost, "/v1/notes/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := discard{http.Header{}}
		h.ServeHTTP(w, r)
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(status int) {
	if status != 201 {
		panic(status)
	}
}
