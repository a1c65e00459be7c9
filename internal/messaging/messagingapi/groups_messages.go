package messagingapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
)

// GroupMessages are the endpoints of messages in the groups API. Drafts and what was removed are not shown there.
type GroupMessages struct{ groupsAPI }

// reactions are who reacted, by the name of the reaction: one object for each name.
type reactions []map[string][]string

type groupMessage struct {
	ID             cursorjson.ID   `json:"id" nullable:"false"`
	ConversationID cursorjson.ID   `json:"conversation_id" nullable:"false"`
	Contact        *contact        `json:"contact"`
	Message        string          `json:"message"`
	Reactions      reactions       `json:"reactions"`
	Attachments    []string        `json:"attachments"`
	ReadAt         cursorjson.Unix `json:"read_at"`
	CreatedAt      cursorjson.Unix `json:"created_at" nullable:"false"`
	UpdatedAt      cursorjson.Unix `json:"updated_at" nullable:"false"`
}

type newGroupMessage struct {
	ConversationID cursorjson.ID `json:"conversation_id"`
	Message        string        `json:"message" doc:"1 to 10,000 characters after trimming"`
	Attachments    []string      `json:"attachments,omitempty"`
}

type groupMessageChange struct {
	Message     web.Opt[string]    `json:"message,omitzero"`
	Reactions   web.Opt[reactions] `json:"reactions,omitzero" doc:"Usernames by the name of the reaction; replaced as a whole"`
	Attachments web.Opt[[]string]  `json:"attachments,omitzero"`
}

type listGroupMessages struct {
	cursorjson.Page
	ConversationID cursorjson.ID `query:"conversation_id" doc:"Without it, the messages of every conversation of the caller"`
}

// Mount registers the endpoints.
func (h *GroupMessages) Mount(r *cursorjson.Router) {
	cursorjson.List(r, "GET /v1/messages", h.list)
	cursorjson.Create(r, "POST /v1/messages", h.create)
	cursorjson.Get(r, "GET /v1/messages/{id}", h.get)
	cursorjson.Update(r, "PUT /v1/messages/{id}", h.update)
	cursorjson.Delete(r, "DELETE /v1/messages/{id}", h.delete)
}

// encode shows messages with their authors and who reacted.
func (h *GroupMessages) encode(ctx context.Context, list ...messaging.PostedMessage) ([]groupMessage, error) {
	var named []id.ID
	for _, m := range list {
		if !m.AuthorID.IsZero() {
			named = append(named, m.AuthorID)
		}
		for _, r := range m.Reactions {
			named = append(named, r.IndividualID)
		}
	}
	contacts, err := h.contacts(ctx, named)
	if err != nil {
		return nil, err
	}
	out := make([]groupMessage, len(list))
	for i, m := range list {
		out[i] = groupMessage{
			ID: cursorjson.ID(m.ID), ConversationID: cursorjson.ID(m.ChannelID), Message: m.Text, Reactions: encodeReactions(m.Reactions, contacts),
			Attachments: []string{}, ReadAt: cursorjson.At(m.ReadAt), CreatedAt: cursorjson.At(m.PostedAt), UpdatedAt: cursorjson.At(m.ModifiedAt),
		}
		if c, ok := contacts[m.AuthorID]; ok {
			out[i].Contact = &c
		}
	}
	return out, nil
}

// encodeReactions gathers reactions by name, in the order in which the names first came. Who is gone is left out; who has
// no username is shown by their name.
func encodeReactions(list []messaging.Reaction, contacts map[id.ID]contact) reactions {
	out := reactions{}
	at := map[string]int{}
	for _, r := range list {
		c, ok := contacts[r.IndividualID]
		if !ok {
			continue
		}
		if _, ok := at[r.Name]; !ok {
			at[r.Name] = len(out)
			out = append(out, map[string][]string{r.Name: {}})
		}
		of := out[at[r.Name]]
		of[r.Name] = append(of[r.Name], c.called())
	}
	return out
}

// called is the username, or what stands for it.
func (c contact) called() string {
	switch {
	case c.Username != nil:
		return *c.Username
	case c.DisplayName != nil:
		return *c.DisplayName
	}
	return c.ID.String()
}

// decodeReactions lists who is to have reacted, and says where each stood.
func decodeReactions(in reactions) (list []messaging.Reacting, path func(int) string) {
	var paths []string
	for n, object := range in {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			for k, username := range object[name] {
				list = append(list, messaging.Reacting{Name: name, Username: username})
				paths = append(paths, fmt.Sprintf("reactions[%d].%s[%d]", n, name, k))
			}
		}
	}
	return list, func(i int) string { return paths[i] }
}

// noAttachments refuses attachments that are named: nothing can be attached yet, so none of them exists.
func noAttachments(list []string) error {
	var f errs.Fields
	for n := range list {
		f.Add(fmt.Sprintf("attachments[%d]", n), "names no attachment")
	}
	return f.Err()
}

func (h *GroupMessages) one(ctx context.Context, m messaging.PostedMessage, err error) (groupMessage, error) {
	if err != nil {
		return groupMessage{}, err
	}
	out, err := h.encode(ctx, m)
	if err != nil {
		return groupMessage{}, err
	}
	return out[0], nil
}

func (h *GroupMessages) list(ctx context.Context, in *listGroupMessages) (page.List[groupMessage], error) {
	channel, p := in.ConversationID.ID(), in.Cursor()
	l, err := h.groups.TurnPosted(ctx, channel, p)
	if errors.Is(err, messaging.ErrCursor) {
		err = cursorjson.UnknownCursor(p)
	}
	if err != nil {
		return page.List[groupMessage]{}, err
	}
	if newest := p.After.IsZero() && p.Before.IsZero(); newest && !channel.IsZero() {
		if err := h.groups.Opened(ctx, channel); err != nil {
			return page.List[groupMessage]{}, err
		}
	}
	items, err := h.encode(ctx, l.Items...)
	return page.List[groupMessage]{Items: items, More: l.More}, err
}

func (h *GroupMessages) create(ctx context.Context, in newGroupMessage) (groupMessage, error) {
	if err := noAttachments(in.Attachments); err != nil {
		return groupMessage{}, err
	}
	m, err := h.groups.Say(ctx, in.ConversationID.ID(), in.Message)
	return h.one(ctx, m, err)
}

func (h *GroupMessages) get(ctx context.Context, in *cursorjson.ByID) (groupMessage, error) {
	m, err := h.groups.GetPosted(ctx, in.ID.ID())
	return h.one(ctx, m, err)
}

func (h *GroupMessages) update(ctx context.Context, i cursorjson.ID, in groupMessageChange) (groupMessage, error) {
	if err := noAttachments(in.Attachments.Value); err != nil {
		return groupMessage{}, err
	}
	var (
		wanted *[]messaging.Reacting
		path   func(int) string
	)
	if given := given(in.Reactions); given != nil {
		var list []messaging.Reacting
		list, path = decodeReactions(*given)
		wanted = &list
	}
	m, err := h.groups.ChangePosted(ctx, i.ID(), given(in.Message), wanted, path)
	return h.one(ctx, m, err)
}

func (h *GroupMessages) delete(ctx context.Context, i cursorjson.ID) error {
	return h.groups.RemovePosted(ctx, i.ID())
}
