package cursorjson_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
	"switchboard/internal/web/webtest"
)

type member struct {
	ID       cursorjson.ID `json:"id,omitzero"`
	Username string        `json:"username,omitempty"`
}

type newGroup struct {
	Name      string                `json:"name" minLength:"1"`
	Contacts  []cursorjson.ID       `json:"contacts,omitempty" maxItems:"3"`
	Members   []member              `json:"members,omitempty"`
	Reactions []map[string][]string `json:"reactions,omitempty"`
	Pinned    bool                  `json:"pinned,omitempty"`
	Size      int                   `json:"size,omitempty"`
	Ratio     float64               `json:"ratio,omitempty"`
	Address   *struct {
		City string `json:"city"`
	} `json:"address,omitempty"`
}

type change struct {
	Name       web.Opt[string]          `json:"name,omitzero"`
	ArchivedAt web.Opt[cursorjson.Unix] `json:"archived_at,omitzero"`
}

type group struct {
	ID         cursorjson.ID   `json:"id"`
	Name       string          `json:"name"`
	CreatedAt  cursorjson.Unix `json:"created_at"`
	ArchivedAt cursorjson.Unix `json:"archived_at"`
}

type listGroups struct {
	cursorjson.Page
	Archived *bool `query:"archived"`
}

var one = id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b")

type groups struct {
	cursor page.Cursor
	in     newGroup
	change change
}

func (g *groups) list(_ context.Context, in *listGroups) (page.List[group], error) {
	g.cursor = in.Cursor()
	if g.cursor.After == one {
		return page.List[group]{}, cursorjson.UnknownCursor(g.cursor)
	}
	if in.Archived != nil {
		return page.List[group]{}, nil
	}
	return page.List[group]{Items: []group{{ID: cursorjson.ID(one), Name: "a", CreatedAt: cursorjson.At(time.Unix(1700000000, 5e8))}}, More: true}, nil
}

func (g *groups) get(_ context.Context, in *cursorjson.ByID) (group, error) {
	return group{ID: in.ID}, nil
}

func (g *groups) create(_ context.Context, in newGroup) (group, error) {
	g.in = in
	if in.Name == "broken" {
		return group{}, errors.New("disk on fire")
	}
	if in.Name == "taken" {
		return group{}, errs.CodeDuplicate.Errorf("a group has that name").At("name")
	}
	return group{ID: cursorjson.ID(one), Name: in.Name}, nil
}

func (g *groups) update(_ context.Context, i cursorjson.ID, in change) (group, error) {
	g.change = in
	return group{ID: i, ArchivedAt: in.ArchivedAt.Value}, nil
}

func (g *groups) delete(context.Context, cursorjson.ID) error { return nil }

func server() (http.Handler, *groups) {
	s := web.New(web.Options{BaseURL: "https://talk.example/"})
	r := cursorjson.New(s)
	g := &groups{}
	cursorjson.List(r, "GET /v1/groups", g.list)
	cursorjson.Get(r, "GET /v1/groups/{id}", g.get)
	cursorjson.Create(r, "POST /v1/groups", g.create)
	cursorjson.Update(r, "PUT /v1/groups/{id}", g.update)
	cursorjson.Delete(r, "DELETE /v1/groups/{id}", g.delete)
	cursorjson.Do(r, "GET /v1/groups/{id}/size", func(context.Context, *cursorjson.ByID) (map[string]int, error) { return map[string]int{"size": 3}, nil })
	return s, g
}

var form = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}

func TestDialect(t *testing.T) {
	t.Parallel()
	h, g := server()
	short := one.Short()
	is := func(want page.Cursor) func(*testing.T, *webtest.Response) {
		return func(t *testing.T, _ *webtest.Response) {
			t.Helper()
			if g.cursor != want {
				t.Errorf("cursor = %+v, want %+v", g.cursor, want)
			}
		}
	}
	webtest.Run(t, h, []webtest.Scenario{
		{Name: "list", Do: "GET /v1/groups", Want: 200, Contains: []string{`{"has_more":true,"data":[{"id":"` + short + `","name":"a","created_at":1700000000,"archived_at":null}]}`}, Then: is(page.Cursor{Limit: 10})},
		{Name: "empty list", Do: "GET /v1/groups?archived=true", Want: 200, Contains: []string{`{"has_more":false,"data":[]}`}},
		{Name: "before", Do: "GET /v1/groups?limit=100&ending_before=" + short, Want: 200, Then: is(page.Cursor{Limit: 100, Before: one})},
		{Name: "before, as of old", Do: "GET /v1/groups?endding_before=" + one.String(), Want: 200, Then: is(page.Cursor{Limit: 10, Before: one})},
		{Name: "unknown cursor", Do: "GET /v1/groups?starting_after=" + short, Want: 400, Error: "starting_after"},
		{Name: "both", Do: "GET /v1/groups?starting_after=" + short + "&ending_before=" + short, Want: 400, Error: "ending_before", Contains: []string{`"type":"invalid_request"`, `"documentation_url":"https://talk.example/errors/InvalidParameter"`}},
		{Name: "limit", Do: "GET /v1/groups?limit=101", Want: 400, Error: "limit"},
		{Name: "limit 0", Do: "GET /v1/groups?limit=0", Want: 400, Error: "limit"},
		{Name: "no cursor", Do: "GET /v1/groups?starting_after=zzz", Want: 400, Error: "starting_after"},
		{Name: "get", Do: "GET /v1/groups/" + short, Want: 200, Contains: []string{short}},
		{Name: "get by UUID", Do: "GET /v1/groups/" + one.String(), Want: 200, Contains: []string{short}},
		{Name: "get nothing", Do: "GET /v1/groups/zzz", Want: 404, Contains: []string{`"type":"invalid_request"`}},
		{Name: "create by JSON", Do: "POST /v1/groups", Body: `{"name":"a","contacts":["` + short + `"]}`, Want: 201},
		{Name: "create by form", Do: "POST /v1/groups", Header: form, Body: "name=a+b&contacts[]=" + short + "&contacts[]=" + one.String() + "&reactions[love][]=x&reactions[love][]=y&pinned=true&size=7&ratio=.5&address%5Bcity%5D=Ulm&members[][username]=u&members[][username]=v&members[][id]=" + short, Want: 201, Then: func(t *testing.T, _ *webtest.Response) {
			in := g.in
			if in.Name != "a b" || len(in.Contacts) != 2 || !in.Pinned || in.Size != 7 || in.Ratio != .5 || in.Address.City != "Ulm" {
				t.Errorf("in = %+v", in)
			}
			if !reflect.DeepEqual(in.Reactions, []map[string][]string{{"love": {"x", "y"}}}) {
				t.Errorf("reactions = %v", in.Reactions)
			}
			if !reflect.DeepEqual(in.Members, []member{{Username: "u"}, {Username: "v", ID: cursorjson.ID(one)}}) {
				t.Errorf("members = %v", in.Members)
			}
		}},
		{Name: "wrong types by form", Do: "POST /v1/groups", Header: form, Body: "name=a&pinned=maybe&size=1.5&ratio=x&nope=1", Want: 422, Error: "pinned", Contains: []string{"size must be a whole number", "ratio must be a number", "nope is not known"}},
		{Name: "missing by form", Do: "POST /v1/groups", Header: form, Body: "size=", Want: 422, Error: "name"},
		{Name: "NUL by form", Do: "POST /v1/groups", Header: form, Body: "name=a&reactions[love][]=%00", Want: 400, Error: "reactions.love"},
		{Name: "twice by form", Do: "POST /v1/groups", Header: form, Body: "name=a&name=b", Want: 400, Error: "name"},
		{Name: "broken escape", Do: "POST /v1/groups", Header: form, Body: "name=%zz", Want: 400},
		{Name: "too deep", Do: "POST /v1/groups", Header: form, Body: "name[a][b][c][d][e][f][g][h]=1", Want: 400},
		{Name: "bad id", Do: "POST /v1/groups", Body: `{"name":"a","contacts":["` + short + `","x"]}`, Want: 422, Error: "contacts.1"},
		{Name: "internal", Do: "POST /v1/groups", Body: `{"name":"broken"}`, Want: 500, Contains: []string{`"type":"api_error"`}, Lacks: []string{"fire"}},
		{Name: "conflict", Do: "POST /v1/groups", Body: `{"name":"taken"}`, Want: 409, Error: "name", Contains: []string{"/errors/Duplicate"}},
		{Name: "archive", Do: "PUT /v1/groups/" + short, Body: `{"archived_at":1700000000}`, Want: 200, Contains: []string{`"archived_at":1700000000`}},
		{Name: "restore", Do: "PUT /v1/groups/" + short, Body: `{"archived_at":null}`, Want: 200, Then: func(t *testing.T, _ *webtest.Response) {
			if !g.change.ArchivedAt.Null || g.change.Name.Set {
				t.Errorf("change = %+v", g.change)
			}
		}},
		{Name: "restore by form", Do: "PUT /v1/groups/" + short, Header: form, Body: `archived_at=`, Want: 200, Then: func(t *testing.T, _ *webtest.Response) {
			if !g.change.ArchivedAt.Null {
				t.Errorf("change = %+v", g.change)
			}
		}},
		{Name: "no instant", Do: "PUT /v1/groups/" + short, Body: `{"archived_at":-1}`, Want: 422, Error: "archived_at"},
		{Name: "nothing to change", Do: "PUT /v1/groups/" + short, Want: 200},
		{Name: "delete", Do: "DELETE /v1/groups/" + short, Want: 204},
		{Name: "do", Do: "GET /v1/groups/" + short + "/size", Want: 200, Contains: []string{`{"size":3}`}},
	})
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	h, g := server()
	body := func(fill func(*multipart.Writer)) (string, map[string]string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		fill(w)
		_ = w.Close()
		return b.String(), map[string]string{"Content-Type": w.FormDataContentType()}
	}
	fields, header := body(func(w *multipart.Writer) {
		_ = w.WriteField("name", "a")
		_ = w.WriteField("contacts[]", one.Short())
	})
	file, fileHeader := body(func(w *multipart.Writer) {
		_ = w.WriteField("name", "a")
		_, _ = w.CreateFormFile("avatar", "a.png")
	})
	webtest.Run(t, h, []webtest.Scenario{
		{Name: "fields", Do: "POST /v1/groups", Header: header, Body: fields, Want: 201, Then: func(t *testing.T, _ *webtest.Response) {
			if g.in.Name != "a" || len(g.in.Contacts) != 1 {
				t.Errorf("in = %+v", g.in)
			}
		}},
		{Name: "file", Do: "POST /v1/groups", Header: fileHeader, Body: file, Want: 422, Error: "avatar"},
		{Name: "cut off", Do: "POST /v1/groups", Header: header, Body: fields[:len(fields)-10], Want: 400},
		{Name: "cut off before its first field", Do: "PUT /v1/groups/" + one.Short(), Header: header, Body: fields[:strings.Index(fields, "name=")], Want: 400},
		{Name: "cut off between fields", Do: "PUT /v1/groups/" + one.Short(), Header: header, Body: fields[:strings.LastIndex(fields, "name=")], Want: 400},
		{Name: "no boundary", Do: "POST /v1/groups", Header: map[string]string{"Content-Type": "multipart/form-data"}, Body: fields, Want: 400},
	})
}

// FuzzID holds what is read to a spelling of the identifier, and to being one.
func FuzzID(f *testing.F) {
	f.Add(one.String())
	f.Add(one.Short())
	f.Add(id.Nil.Short())
	f.Fuzz(func(t *testing.T, s string) {
		var i cursorjson.ID
		if i.UnmarshalText([]byte(s)) != nil {
			return
		}
		if i.IsZero() || s != i.String() && !strings.EqualFold(s, i.ID().String()) {
			t.Errorf("%q reads as %v", s, i)
		}
	})
}

// FuzzUnix: what is read is written again as the same number.
func FuzzUnix(f *testing.F) {
	f.Add("1700000000")
	f.Add("-1")
	f.Add("1e3")
	f.Fuzz(func(t *testing.T, s string) {
		var u, p cursorjson.Unix
		if p.UnmarshalText([]byte(s)) == nil && (p.Unix() < 0 || p.Year() > 9999) {
			t.Errorf("the parameter %q reads as %v", s, p)
		}
		if u.UnmarshalJSON([]byte(s)) != nil || u.IsZero() {
			return
		}
		var again cursorjson.Unix
		if raw, err := json.Marshal(u); err != nil || again.UnmarshalJSON(raw) != nil || !again.Equal(u.Time) {
			t.Errorf("%q reads as %v and is written %s, %v", s, u, raw, err)
		}
	})
}

func TestUnix(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{`1700000000`: `1700000000`, `null`: `null`, `1`: `1`} {
		var u cursorjson.Unix
		if err := json.Unmarshal([]byte(in), &u); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if raw, err := json.Marshal(u); err != nil || string(raw) != want {
			t.Errorf("%s is written %s, %v", in, raw, err)
		}
	}
	for _, in := range []string{`-1`, `1.5`, `"1"`, `253402300800`, `{}`} {
		var u cursorjson.Unix
		if err := json.Unmarshal([]byte(in), &u); err == nil {
			t.Errorf("%s reads as %v", in, u)
		}
	}
}
