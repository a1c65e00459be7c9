package plainjson_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

type ofSite struct{}

func (ofSite) Prefix() string { return "site" }

// siteID is read with and without its prefix, and written with it.
type siteID = plainjson.ID[ofSite]

type site struct {
	ID        siteID         `json:"id"`
	Name      string         `json:"name"`
	CreatedAt plainjson.Time `json:"created_at"`
}

type putSite struct {
	Name string   `json:"name" minLength:"1" maxLength:"100"`
	Tags []string `json:"tags,omitempty" maxItems:"20"`
}

type bySite struct {
	ID siteID `path:"siteId"`
}

// Sites are the endpoints of one resource; in a context it holds the context's service.
type Sites struct{}

// Mount registers the endpoints.
func (h *Sites) Mount(r *plainjson.Router) {
	plainjson.List(r, "GET /sites", h.list)
	plainjson.Create(r, "POST /sites", h.create)
	plainjson.Get(r, "GET /sites/{siteId}", h.get)
	plainjson.Update(r, "PUT /sites/{siteId}", h.update)
	plainjson.Delete(r, "DELETE /sites/{siteId}", h.delete)
}

func (h *Sites) list(context.Context, *struct{}) ([]site, error) { return nil, nil }

func (h *Sites) create(_ context.Context, in putSite) (site, error) {
	if strings.Contains(in.Name, "?") {
		var f errs.Fields
		f.Add("name", "must be no question")
		return site{}, f.Err()
	}
	return h.encode(id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"), in.Name), nil
}

func (h *Sites) get(_ context.Context, in *bySite) (site, error) {
	return h.encode(in.ID.ID, "Ulm"), nil
}

func (h *Sites) update(_ context.Context, i siteID, in putSite) (site, error) {
	return h.encode(i.ID, in.Name), nil
}

func (h *Sites) delete(context.Context, siteID) error { return errs.MissingRecord("site") }

func (h *Sites) encode(i id.ID, name string) site {
	return site{ID: plainjson.Of[ofSite](i), Name: name, CreatedAt: plainjson.At(time.Unix(0, 0))}
}

func Example() {
	s := web.New(web.Options{})
	(&Sites{}).Mount(plainjson.New(s))
	for _, body := range []string{`{"name":"Ulm"}`, `{"name":"Ulm?"}`, `{"tags":"a"}`} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/sites/", strings.NewReader(body)))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 201 {"id":"site_0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","name":"Ulm","created_at":"1970-01-01T00:00:00.000Z"}
	// 422 {"message":"the request has values that are not valid","errors":{"name":["must be no question"]}}
	// 422 {"message":"the request has values that are not valid","errors":{"name":["is required"],"tags":["must be an array"]}}
}
