package cursorjson_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
)

type contact struct {
	ID        cursorjson.ID   `json:"id"`
	Username  string          `json:"username"`
	CreatedAt cursorjson.Unix `json:"created_at"`
}

type newContact struct {
	Username    string   `json:"username" minLength:"1"`
	PhoneNumber string   `json:"phone_number"`
	Labels      []string `json:"labels,omitempty"`
}

type contactChange struct {
	DisplayName web.Opt[string] `json:"display_name,omitzero"` // absent leaves it, null clears it
}

type listContacts struct {
	cursorjson.Page
	Active bool `query:"active"`
}

// Contacts are the endpoints of one resource; in a context it holds the context's service.
type Contacts struct{}

// Mount registers the endpoints.
func (h *Contacts) Mount(r *cursorjson.Router) {
	cursorjson.List(r, "GET /v1/contacts", h.list)
	cursorjson.Create(r, "POST /v1/contacts", h.create)
	cursorjson.Get(r, "GET /v1/contacts/{id}", h.get)
	cursorjson.Update(r, "PUT /v1/contacts/{id}", h.update)
	cursorjson.Delete(r, "DELETE /v1/contacts/{id}", h.delete)
}

func (h *Contacts) list(_ context.Context, in *listContacts) (page.List[contact], error) {
	rows := page.List[id.ID]{Items: []id.ID{one}, More: in.Cursor().Limit == 1} // service.List(ctx, in.Cursor(), …)
	return page.Map(rows, h.encode), nil
}

func (h *Contacts) create(_ context.Context, in newContact) (contact, error) {
	if in.PhoneNumber == "911" {
		return contact{}, errs.InvalidField("phone_number", "cannot be an emergency number")
	}
	return h.encode(one), nil
}

func (h *Contacts) get(_ context.Context, in *cursorjson.ByID) (contact, error) {
	return h.encode(in.ID.ID()), nil
}

func (h *Contacts) update(_ context.Context, i cursorjson.ID, _ contactChange) (contact, error) {
	return h.encode(i.ID()), nil
}

func (h *Contacts) delete(context.Context, cursorjson.ID) error { return nil }

func (h *Contacts) encode(i id.ID) contact {
	return contact{ID: cursorjson.ID(i), Username: "ada", CreatedAt: cursorjson.At(time.Unix(1700000000, 0))}
}

func Example() {
	s := web.New(web.Options{BaseURL: "https://talk.example"})
	(&Contacts{}).Mount(cursorjson.New(s))
	for _, phone := range []string{"%2B15550100", "911"} {
		r := httptest.NewRequest("POST", "/v1/contacts", strings.NewReader("username=ada&labels[]=a&labels[]=b&phone_number="+phone))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/v1/contacts?limit=1", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 201 {"id":"02ySrr638kQ87dY4TwAwh9","username":"ada","created_at":1700000000}
	// 422 {"type":"invalid_request","message":"the request has values that are not valid: phone_number cannot be an emergency number","documentation_url":"https://talk.example/errors/InvalidValue"}
	// 200 {"has_more":true,"data":[{"id":"02ySrr638kQ87dY4TwAwh9","username":"ada","created_at":1700000000}]}
}
