package messagingapi

import (
	"context"
	"slices"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
)

// Groups are the endpoints of groups: individual-groups with their conversations.
type Groups struct{ groupsAPI }

type group struct {
	ID             cursorjson.ID   `json:"id" nullable:"false"`
	Name           string          `json:"name"`
	Description    *string         `json:"description"`
	AvatarURL      *string         `json:"avatar_url"`
	ConversationID cursorjson.ID   `json:"conversation_id"`
	Contacts       []contact       `json:"contacts"`
	CreatedAt      cursorjson.Unix `json:"created_at" nullable:"false"`
	ArchivedAt     cursorjson.Unix `json:"archived_at"`
}

type newGroup struct {
	Name        string          `json:"name" minLength:"1" maxLength:"255"`
	Description web.Opt[string] `json:"description,omitzero" maxLength:"4096"`
	AvatarURL   web.Opt[string] `json:"avatar_url,omitzero"`
	Contacts    []contactRef    `json:"contacts,omitempty"`
}

type groupChange struct {
	Name        web.Opt[string]          `json:"name,omitzero" minLength:"1" maxLength:"255"`
	Description web.Opt[string]          `json:"description,omitzero" maxLength:"4096"`
	AvatarURL   web.Opt[string]          `json:"avatar_url,omitzero"`
	Contacts    web.Opt[[]contactRef]    `json:"contacts,omitzero" doc:"Replaced as a whole"`
	ArchivedAt  web.Opt[cursorjson.Unix] `json:"archived_at,omitzero" doc:"Archives the group with its conversation; null restores them"`
}

type listGroups struct {
	cursorjson.Page
	Archived bool `query:"archived" doc:"Only those that are archived; else only those that are not"`
}

// Mount registers the endpoints.
func (h *Groups) Mount(r *cursorjson.Router) {
	cursorjson.List(r, "GET /v1/groups", h.list)
	cursorjson.Create(r, "POST /v1/groups", h.create, web.Doc("Opens the group's conversation, too. A provider who makes a group leads it."))
	cursorjson.Get(r, "GET /v1/groups/{id}", h.get)
	cursorjson.Update(r, "PUT /v1/groups/{id}", h.update)
	cursorjson.Delete(r, "DELETE /v1/groups/{id}", h.delete, web.Doc("Deletes the group's conversation with its messages, too, for good."))
}

// encode shows groups with their contacts, which are the participants in it.
func (h *Groups) encode(ctx context.Context, list ...directory.Group) ([]group, error) {
	ids := make([]id.ID, len(list))
	var members []id.ID
	for i, g := range list {
		ids[i] = g.ID
		members = append(members, g.IndividualIDs...)
	}
	contacts, err := h.contacts(ctx, members)
	if err != nil {
		return nil, err
	}
	with, err := h.groups.Conversations(ctx, ids, nil)
	out := make([]group, len(list))
	for i, g := range list {
		out[i] = group{
			ID: cursorjson.ID(g.ID), Name: g.Name, Description: orNull(g.Description), AvatarURL: orNull(g.AvatarURL),
			ConversationID: cursorjson.ID(with.OfGroups[g.ID]), Contacts: among(g.IndividualIDs, contacts),
			CreatedAt: cursorjson.At(g.CreatedAt), ArchivedAt: cursorjson.At(g.ArchivedAt),
		}
	}
	return out, err
}

// among picks the contacts that there are.
func among(ids []id.ID, contacts map[id.ID]contact) []contact {
	out := make([]contact, 0, len(ids))
	for _, i := range ids {
		if c, ok := contacts[i]; ok {
			out = append(out, c)
		}
	}
	return slices.Clip(out)
}

func (h *Groups) one(ctx context.Context, g directory.Group, err error) (group, error) {
	if err != nil {
		return group{}, missing(err, "group")
	}
	out, err := h.encode(ctx, g)
	if err != nil {
		return group{}, err
	}
	return out[0], nil
}

func (h *Groups) list(ctx context.Context, in *listGroups) (page.List[group], error) {
	l, err := h.directory.TurnGroups(ctx, directory.GroupQuery{Archived: &in.Archived}, in.Cursor())
	if err != nil {
		return page.List[group]{}, cursorOf(in.Cursor(), err)
	}
	items, err := h.encode(ctx, l.Items...)
	return page.List[group]{Items: items, More: l.More}, err
}

func (h *Groups) create(ctx context.Context, in newGroup) (group, error) {
	e := directory.GroupEdit{Name: &in.Name, Description: in.Description.Ptr(), AvatarURL: in.AvatarURL.Ptr()}
	g, err := h.groups.CreateGroup(ctx, e, contactRefs(in.Contacts))
	return h.one(ctx, g, err)
}

func (h *Groups) get(ctx context.Context, in *cursorjson.ByID) (group, error) {
	g, err := h.directory.GetGroup(ctx, in.ID.ID())
	return h.one(ctx, g, err)
}

func (h *Groups) update(ctx context.Context, i cursorjson.ID, in groupChange) (group, error) {
	e := directory.GroupEdit{Name: given(in.Name), Description: in.Description.Ptr(), AvatarURL: in.AvatarURL.Ptr()}
	if in.ArchivedAt.Set {
		e.ArchivedAt = &in.ArchivedAt.Value.Time
	}
	var contacts *[]directory.ContactRef
	if list := given(in.Contacts); list != nil {
		refs := contactRefs(*list)
		contacts = &refs
	}
	g, err := h.groups.UpdateGroup(ctx, i.ID(), e, contacts)
	return h.one(ctx, g, err)
}

func (h *Groups) delete(ctx context.Context, i cursorjson.ID) error {
	return missing(h.groups.DeleteGroup(ctx, i.ID()), "group")
}
