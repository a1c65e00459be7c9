package jsonapi_test

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
	"switchboard/internal/web/jsonapi"
)

// What is answered, what a create takes, and what an update may change.
type bookmark struct {
	Channel   *jsonapi.Ref `json:"channel"`
	CreatedAt jsonapi.Time `json:"created-at"`
	Note      string       `json:"note"`
}

type newBookmark struct {
	ChannelID  id.ID  `json:"channel-id"`                                      // required
	Note       string `json:"note,omitempty" maxLength:"100"`                  // optional
	AllowMulti bool   `json:"allow-multi-message,omitempty" default:"false"`   // optional, with a default
	Mode       string `json:"mode,omitempty" enum:"once,often" default:"once"` // one of a few
}

type bookmarkChange struct {
	Note web.Opt[string] `json:"note,omitzero" maxLength:"100"` // absent leaves it, null clears it
}

type listBookmarks struct {
	jsonapi.Page
	OrganizationID id.ID           `query:"organization-id" required:"true"`
	ChannelID      id.ID           `query:"filter[channel-id]"`
	Archived       *bool           `query:"filter[archived]"`
	Created        jsonapi.Compare `query:"filter[cmp-created-at]"`
}

// Bookmarks are the endpoints of one resource; in a context it holds the context's service.
type Bookmarks struct{ last bookmark }

// Mount registers the endpoints.
func (h *Bookmarks) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/messaging-bookmarks/", h.list)
	jsonapi.Create(r, "POST /v1/messaging-bookmarks/", h.create)
	jsonapi.Get(r, "GET /v1/messaging-bookmarks/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/messaging-bookmarks/{id}/", h.update)
	jsonapi.Delete(r, "DELETE /v1/messaging-bookmarks/{id}/", h.delete)
}

func (h *Bookmarks) list(_ context.Context, in *listBookmarks) (page.List[jsonapi.Resource[bookmark]], error) {
	rows := page.List[id.ID]{Items: []id.ID{in.OrganizationID}, Total: 1} // service.List(ctx, in.Offset(), …)
	return page.Map(rows, h.resource), nil
}

func (h *Bookmarks) create(_ context.Context, in newBookmark) (jsonapi.Resource[bookmark], error) {
	if in.Note == "rude" {
		return jsonapi.Resource[bookmark]{}, errs.InvalidField("note", "must be polite")
	}
	h.last = bookmark{Channel: jsonapi.RefTo(in.ChannelID), CreatedAt: jsonapi.At(time.Unix(0, 0)), Note: in.Note}
	return h.resource(in.ChannelID), nil
}

func (h *Bookmarks) get(_ context.Context, in *jsonapi.ByID) (jsonapi.Resource[bookmark], error) {
	return h.resource(in.ID), nil
}

func (h *Bookmarks) update(_ context.Context, i id.ID, in bookmarkChange) (jsonapi.Resource[bookmark], error) {
	if in.Note.Set {
		h.last.Note = in.Note.Value
	}
	return h.resource(i), nil
}

func (h *Bookmarks) delete(context.Context, id.ID) error { return nil }

func (h *Bookmarks) resource(i id.ID) jsonapi.Resource[bookmark] {
	return jsonapi.Resource[bookmark]{ID: i, Attributes: h.last}
}

func Example() {
	s := web.New(web.Options{})
	(&Bookmarks{}).Mount(jsonapi.New(s))
	for _, note := range []string{"read this", "rude"} {
		body := `{"data":{"type":"messaging-bookmarks","attributes":{"channel-id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","note":"` + note + `"}}}`
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/v1/messaging-bookmarks/", strings.NewReader(body)))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 201 {"data":{"id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","type":"messaging-bookmarks","attributes":{"channel":{"id":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b"},"created-at":"1970-01-01T00:00:00.000Z","note":"read this"}},"meta":{}}
	// 422 {"errors":[{"status":422,"code":"InvalidValue","detail":"note must be polite","source":{"pointer":"/data/attributes/note"}}]}
}
