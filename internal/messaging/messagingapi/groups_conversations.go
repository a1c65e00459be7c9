package messagingapi

import (
	"context"

	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
)

// Conversations are the endpoints of conversations, which are the channels of the courier API.
type Conversations struct{ groupsAPI }

type conversation struct {
	ID              cursorjson.ID   `json:"id" nullable:"false"`
	ContactID       cursorjson.ID   `json:"contact_id"`
	GroupID         cursorjson.ID   `json:"group_id"`
	PinnedMessageID cursorjson.ID   `json:"pinned_message_id"`
	IsPinned        bool            `json:"is_pinned"`
	IsMuted         bool            `json:"is_muted"`
	LastActiveAt    cursorjson.Unix `json:"last_active_at"`
	LastOpenedAt    cursorjson.Unix `json:"last_opened_at"`
	CreatedAt       cursorjson.Unix `json:"created_at" nullable:"false"`
	ArchivedAt      cursorjson.Unix `json:"archived_at"`
}

type newConversation struct {
	ContactID cursorjson.ID `json:"contact_id,omitzero" doc:"Either this or group_id"`
	GroupID   cursorjson.ID `json:"group_id,omitzero" doc:"Either this or contact_id"`
}

type conversationChange struct {
	PinnedMessageID web.Opt[cursorjson.ID]   `json:"pinned_message_id,omitzero" doc:"For everybody in it; null pins none"`
	IsPinned        web.Opt[bool]            `json:"is_pinned,omitzero" doc:"For the caller"`
	IsMuted         web.Opt[bool]            `json:"is_muted,omitzero" doc:"For the caller"`
	ArchivedAt      web.Opt[cursorjson.Unix] `json:"archived_at,omitzero" doc:"For everybody in it; null restores"`
}

type listConversations struct {
	cursorjson.Page
	Muted    *bool         `query:"muted" doc:"By the caller"`
	Archived bool          `query:"archived" doc:"Only those that are archived; else only those that are not"`
	Pinned   *bool         `query:"pinned" doc:"By the caller"`
	GroupID  cursorjson.ID `query:"group_id"`
}

// Mount registers the endpoints.
func (h *Conversations) Mount(r *cursorjson.Router) {
	cursorjson.List(r, "GET /v1/conversations", h.list)
	cursorjson.Create(r, "POST /v1/conversations", h.create)
	cursorjson.Get(r, "GET /v1/conversations/{id}", h.get)
	cursorjson.Update(r, "PUT /v1/conversations/{id}", h.update)
	cursorjson.Delete(r, "DELETE /v1/conversations/{id}", h.delete, web.Doc("Deletes its messages, too, for good."))
}

func encodeConversation(c messaging.Conversation) conversation {
	return conversation{
		ID: cursorjson.ID(c.ID), ContactID: cursorjson.ID(c.ParticipantID), GroupID: cursorjson.ID(c.GroupID),
		PinnedMessageID: cursorjson.ID(c.PinnedMessageID), IsPinned: c.Pinned, IsMuted: c.Muted,
		LastActiveAt: cursorjson.At(c.ActiveAt), LastOpenedAt: cursorjson.At(c.OpenedAt), CreatedAt: cursorjson.At(c.CreatedAt),
		ArchivedAt: cursorjson.At(c.ArchivedAt),
	}
}

func (h *Conversations) list(ctx context.Context, in *listConversations) (page.List[conversation], error) {
	f := messaging.ChannelFilter{Muted: in.Muted, Pinned: in.Pinned, Archived: &in.Archived, GroupID: in.GroupID.ID()}
	l, err := h.groups.TurnConversations(ctx, f, in.Cursor())
	return page.Map(l, encodeConversation), cursorOf(in.Cursor(), err)
}

func (h *Conversations) create(ctx context.Context, in newConversation) (conversation, error) {
	c, err := h.groups.CreateConversation(ctx, in.GroupID.ID(), in.ContactID.ID())
	return encodeConversation(c), err
}

func (h *Conversations) get(ctx context.Context, in *cursorjson.ByID) (conversation, error) {
	c, err := h.groups.GetConversation(ctx, in.ID.ID())
	return encodeConversation(c), err
}

func (h *Conversations) update(ctx context.Context, i cursorjson.ID, in conversationChange) (conversation, error) {
	e := messaging.ConversationEdit{Pinned: given(in.IsPinned), Muted: given(in.IsMuted)}
	if in.PinnedMessageID.Set {
		pinned := id.ID(in.PinnedMessageID.Value)
		e.PinnedMessageID = &pinned
	}
	if in.ArchivedAt.Set {
		e.ArchivedAt = &in.ArchivedAt.Value.Time
	}
	c, err := h.groups.UpdateConversation(ctx, i.ID(), e)
	return encodeConversation(c), err
}

func (h *Conversations) delete(ctx context.Context, i cursorjson.ID) error {
	return h.groups.DeleteConversation(ctx, i.ID())
}
