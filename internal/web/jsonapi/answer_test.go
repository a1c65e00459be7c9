package jsonapi_test

import (
	"context"
	"net/http"
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
	"switchboard/internal/web/webtest"
)

type count struct {
	N int `json:"n"`
}

type pageless struct {
	Kind string `query:"kind"`
}

type wide struct{ jsonapi.Page }

// TestAnswers goes through what a handler may return and what becomes of it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := web.New(web.Options{})
	r := jsonapi.New(s)
	type none struct{}
	counted := jsonapi.Resource[count]{Key: "k-1", Attributes: count{1}}
	jsonapi.List(r, "GET /v1/badges/", func(context.Context, *pageless) (page.List[jsonapi.Resource[count]], error) {
		return page.List[jsonapi.Resource[count]]{Items: []jsonapi.Resource[count]{counted, {Attributes: count{2}}}}, nil
	})
	jsonapi.List(r, "GET /v1/empty/", func(context.Context, *wide) (page.List[jsonapi.Resource[count]], error) {
		return page.List[jsonapi.Resource[count]]{}, nil
	}, jsonapi.PageLimit(0, 50, -1))
	jsonapi.List(r, "GET /v1/counts/", func(context.Context, *wide) (page.List[jsonapi.Resource[count]], error) {
		return page.List[jsonapi.Resource[count]]{Total: 3}, nil
	}, jsonapi.PageLimit(0, 1000, 500))
	jsonapi.List(r, "GET /v1/failing/", func(context.Context, *wide) (page.List[jsonapi.Resource[count]], error) {
		return page.List[jsonapi.Resource[count]]{}, errs.Forbidden("no")
	})
	jsonapi.Do(r, "POST /v1/null/", func(context.Context, *none) (any, error) { return nil, nil })
	jsonapi.Do(r, "POST /v1/found/", func(context.Context, *none) (any, error) {
		return web.WithStatus{Status: 200, Value: counted}, nil
	})
	jsonapi.Do(r, "GET /v1/meta/", func(context.Context, *none) (jsonapi.Document[count], error) {
		return jsonapi.Document[count]{Data: counted, Meta: map[string]int{"skips": 2}}, nil
	})
	jsonapi.Do(r, "GET /v1/no-meta/", func(context.Context, *none) (jsonapi.Document[count], error) {
		return jsonapi.Document[count]{Data: counted}, nil
	})
	jsonapi.Action(r, "POST /v1/badges/{id}/get-logs/", func(context.Context, id.ID, none) (jsonapi.Collection[count], error) {
		return jsonapi.Collection[count]{Items: []jsonapi.Resource[count]{counted}}, nil
	}, jsonapi.Type("badge-logs"))
	jsonapi.Action(r, "POST /v1/badges/{id}/pages/", func(context.Context, id.ID, none) (jsonapi.Collection[count], error) {
		return jsonapi.Collection[count]{Limit: 5, Offset: 10, Total: 12}, nil
	}, web.Status(200))
	jsonapi.Do(r, "POST /v1/speak/", func(context.Context, *none) (web.Blob, error) {
		return web.Blob{ContentType: "audio/wav", Data: []byte("RIFF")}, nil
	}, web.Answers("audio/wav"))
	jsonapi.Handle(r, "POST /v1/callback/", func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("X-Signature") == "" {
			return errs.CodeDenied.Errorf("not signed")
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}, web.Public(), web.Status(204))

	badge := "/v1/badges/" + noteID.String()
	webtest.Run(t, s, []webtest.Scenario{
		{Name: "a list without pages", Do: "GET /v1/badges/", Want: 200, Contains: []string{`{"data":[{"id":"k-1","type":"badges","attributes":{"n":1}},{"type":"badges","attributes":{"n":2}}],"meta":{"page[limit]":2,"page[offset]":0,"page[total]":2}}`}},
		{Name: "a page of a list without pages", Do: "GET /v1/badges/?page[limit]=1", Want: 400, Error: "page[limit]"},
		{Name: "an empty list without a default", Do: "GET /v1/empty/", Want: 200, Contains: []string{`{"data":[],"meta":{"page[limit]":50,"page[offset]":0,"page[total]":0}}`}},
		{Name: "a page over the list's own limit", Do: "GET /v1/empty/?page[limit]=51", Want: 400, Error: "page[limit]"},
		{Name: "a page of nothing, asked for", Do: "GET /v1/counts/?page[limit]=0", Want: 200, Contains: []string{`"page[limit]":0,"page[offset]":0,"page[total]":3`}},
		{Name: "the list's own default", Do: "GET /v1/counts/", Want: 200, Contains: []string{`"page[limit]":500`}},
		{Name: "a list that fails", Do: "GET /v1/failing/", Want: 403, Code: "Denied"},
		{Name: "null", Do: "POST /v1/null/", Want: 201, Contains: []string{"null"}},
		{Name: "another status", Do: "POST /v1/found/", Want: 200, Contains: []string{`"data":{"id":"k-1","type":"found"`}},
		{Name: "meta", Do: "GET /v1/meta/", Want: 200, Contains: []string{`"meta":{"skips":2}`}},
		{Name: "no meta", Do: "GET /v1/no-meta/", Want: 200, Contains: []string{`"meta":{}`}},
		{Name: "a collection", Do: "POST " + badge + "/get-logs/", Want: 201, Contains: []string{`"type":"badge-logs"`, `"page[limit]":1`}},
		{Name: "a page of a collection", Do: "POST " + badge + "/pages/", Want: 200, Contains: []string{`{"data":[],"meta":{"page[limit]":5,"page[offset]":10,"page[total]":12}}`}},
		{Name: "bytes", Do: "POST /v1/speak/", Want: 201, Contains: []string{"RIFF"}},
		{Name: "by hand, refused", Do: "POST /v1/callback/", Want: 403, Code: "Denied"},
		{Name: "by hand", Do: "POST /v1/callback", Header: map[string]string{"X-Signature": "s"}, Want: 204},
	})
	if _, err := s.OpenAPI(); err != nil {
		t.Error(err)
	}
}

func TestRefTo(t *testing.T) {
	t.Parallel()
	if jsonapi.RefTo(id.Nil) != nil || jsonapi.RefTo(noteID).ID != noteID {
		t.Error("no identifier is no reference")
	}
}
