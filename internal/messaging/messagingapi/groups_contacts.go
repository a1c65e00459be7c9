package messagingapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
)

// Contacts are the endpoints of contacts: participants who are users, each with the conversation with them.
type Contacts struct{ groupsAPI }

type contact struct {
	ID             cursorjson.ID   `json:"id" nullable:"false"`
	Username       *string         `json:"username"`
	PhoneNumber    *string         `json:"phone_number"`
	AvatarURL      *string         `json:"avatar_url"`
	DisplayName    *string         `json:"display_name"`
	ConversationID cursorjson.ID   `json:"conversation_id"`
	LastActiveAt   cursorjson.Unix `json:"last_active_at"`
	CreatedAt      cursorjson.Unix `json:"created_at" nullable:"false"`
}

type newContact struct {
	Username    string          `json:"username" minLength:"1" maxLength:"255" doc:"Unique in the organization, whatever the case"`
	PhoneNumber string          `json:"phone_number" minLength:"1" maxLength:"255" doc:"Answered in E.164; without a country code it is read in the organization's country"`
	AvatarURL   web.Opt[string] `json:"avatar_url,omitzero"`
	DisplayName web.Opt[string] `json:"display_name,omitzero" maxLength:"255"`
}

type contactChange struct {
	AvatarURL   web.Opt[string] `json:"avatar_url,omitzero"`
	DisplayName web.Opt[string] `json:"display_name,omitzero" maxLength:"255" doc:"Null: show the username"`
}

type listContacts struct {
	cursorjson.Page
	Active bool `query:"active" doc:"Only those who are reached"`
}

// Mount registers the endpoints.
func (h *Contacts) Mount(r *cursorjson.Router) {
	cursorjson.List(r, "GET /v1/contacts", h.list)
	cursorjson.Create(r, "POST /v1/contacts", h.create, web.Doc("Opens a conversation with the contact, too."))
	cursorjson.Get(r, "GET /v1/contacts/{id}", h.get)
	cursorjson.Update(r, "PUT /v1/contacts/{id}", h.update)
	cursorjson.Delete(r, "DELETE /v1/contacts/{id}", h.delete, web.Doc("Deletes the conversation with the contact, too, for good."))
}

// encodeContact shows who has no username of their own by their name.
func encodeContact(c directory.Contact, conversation id.ID) contact {
	return contact{
		ID: cursorjson.ID(c.Individual.ID), Username: orNull(c.User.Username), PhoneNumber: orNull(c.User.Phone),
		AvatarURL: orNull(c.Individual.AvatarURL), DisplayName: orNull(c.Individual.Name()), ConversationID: cursorjson.ID(conversation),
		LastActiveAt: cursorjson.At(c.User.LastActiveAt), CreatedAt: cursorjson.At(c.Individual.CreatedAt),
	}
}

func (h *Contacts) list(ctx context.Context, in *listContacts) (page.List[contact], error) {
	l, err := h.directory.ListContacts(ctx, in.Active, in.Cursor())
	if err != nil {
		return page.List[contact]{}, cursorOf(in.Cursor(), err)
	}
	items, err := h.encodeContacts(ctx, l.Items)
	return page.List[contact]{Items: items, More: l.More}, err
}

// one encodes a contact that the service has answered.
func (h *Contacts) one(ctx context.Context, c directory.Contact, err error) (contact, error) {
	if err != nil {
		return contact{}, missing(err, "contact")
	}
	out, err := h.encodeContacts(ctx, []directory.Contact{c})
	if err != nil {
		return contact{}, err
	}
	return out[0], nil
}

func (h *Contacts) create(ctx context.Context, in newContact) (contact, error) {
	c, err := h.groups.CreateContact(ctx, directory.NewContact{
		Username: in.Username, Phone: in.PhoneNumber, DisplayName: in.DisplayName.Value, AvatarURL: in.AvatarURL.Value,
	})
	return h.one(ctx, c, err)
}

func (h *Contacts) get(ctx context.Context, in *cursorjson.ByID) (contact, error) {
	c, err := h.directory.GetContact(ctx, in.ID.ID())
	return h.one(ctx, c, err)
}

func (h *Contacts) update(ctx context.Context, i cursorjson.ID, in contactChange) (contact, error) {
	c, err := h.directory.UpdateContact(ctx, i.ID(), directory.ContactEdit{DisplayName: in.DisplayName.Ptr(), AvatarURL: in.AvatarURL.Ptr()})
	return h.one(ctx, c, err)
}

func (h *Contacts) delete(ctx context.Context, i cursorjson.ID) error {
	return missing(h.groups.DeleteContact(ctx, i.ID()), "contact")
}

// contactRef names a contact: its id, or an object with an id or a username. Other members of the object are passed over,
// so that contacts may be sent back as they were answered.
type contactRef struct{ directory.ContactRef }

var errContactRef = errors.New("must be the id of a contact, or an object with an id or a username")

// UnmarshalJSON reads either form.
func (c *contactRef) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var i cursorjson.ID
		if err := json.Unmarshal(data, &i); err != nil {
			return errContactRef
		}
		c.ID = i.ID()
		return nil
	}
	var object struct {
		ID       cursorjson.ID `json:"id"`
		Username *string       `json:"username"`
	}
	if err := json.Unmarshal(data, &object); err != nil || object.ID.IsZero() && object.Username == nil {
		return errContactRef
	}
	if c.ID = object.ID.ID(); c.ID.IsZero() {
		c.Username = *object.Username
	}
	return nil
}

// Schema leaves it to UnmarshalJSON to tell the forms apart, which a form body does not.
func (contactRef) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description:          "The id of a contact, or an object with an id or a username.",
		AdditionalProperties: true, Examples: []any{"02OFgyqVPIZ6GZ4yuNtTpJ", map[string]any{"username": "Hector"}},
	}
}

func contactRefs(list []contactRef) []directory.ContactRef {
	out := make([]directory.ContactRef, len(list))
	for i, c := range list {
		out[i] = c.ContactRef
	}
	return out
}
