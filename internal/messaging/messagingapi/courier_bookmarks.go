package messagingapi

import (
	"context"

	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/web/jsonapi"
)

// Bookmarks are the endpoints of messaging-bookmarks.
type Bookmarks struct{ messaging *messaging.Service }

type bookmark struct {
	Channel        *jsonapi.Ref `json:"channel"`
	CreatedAt      jsonapi.Time `json:"created-at" nullable:"false"`
	CreatedBy      *jsonapi.Ref `json:"created-by"`
	Message        *jsonapi.Ref `json:"message"`
	OrganizationID id.ID        `json:"organization-id" nullable:"false"`
}

type newBookmark struct {
	AllowMultiMessage bool  `json:"allow-multi-message,omitempty" default:"false" doc:"Keeps the bookmarks of other messages in the channel"`
	ChannelID         id.ID `json:"channel-id"`
	MessageID         id.ID `json:"message-id"`
}

type listBookmarks struct {
	jsonapi.Page
	OrganizationID id.ID `query:"organization-id" required:"true"`
	ChannelID      id.ID `query:"filter[channel-id]"`
}

// Mount registers the endpoints.
func (h *Bookmarks) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/messaging-bookmarks/", h.list)
	jsonapi.Create(r, "POST /v1/messaging-bookmarks/", h.create)
	jsonapi.Get(r, "GET /v1/messaging-bookmarks/{id}/", h.get)
	jsonapi.Delete(r, "DELETE /v1/messaging-bookmarks/{id}/", h.delete)
}

func encodeBookmark(b messaging.Bookmark) jsonapi.Resource[bookmark] {
	return jsonapi.Resource[bookmark]{ID: b.ID, Attributes: bookmark{
		Channel: jsonapi.RefTo(b.ChannelID), CreatedAt: jsonapi.At(b.CreatedAt), CreatedBy: jsonapi.RefTo(b.IndividualID),
		Message: jsonapi.RefTo(b.MessageID), OrganizationID: b.OrganizationID,
	}}
}

func (h *Bookmarks) list(ctx context.Context, in *listBookmarks) (page.List[jsonapi.Resource[bookmark]], error) {
	if err := messaging.CheckOrganization(ctx, in.OrganizationID); err != nil {
		return page.List[jsonapi.Resource[bookmark]]{}, err
	}
	l, err := h.messaging.ListBookmarks(ctx, in.ChannelID, in.Offset())
	return page.Map(l, encodeBookmark), err
}

func (h *Bookmarks) create(ctx context.Context, in newBookmark) (jsonapi.Resource[bookmark], error) {
	b, err := h.messaging.SetBookmark(ctx, in.ChannelID, in.MessageID, in.AllowMultiMessage)
	return encodeBookmark(b), err
}

func (h *Bookmarks) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[bookmark], error) {
	b, err := h.messaging.GetBookmark(ctx, in.ID)
	return encodeBookmark(b), err
}

func (h *Bookmarks) delete(ctx context.Context, bookmarkID id.ID) error {
	return h.messaging.DeleteBookmark(ctx, bookmarkID)
}
