package messagingapi

import (
	"context"
	"errors"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/web/cursorjson"
)

// mountGroups registers the endpoints of the groups API.
func mountGroups(r *cursorjson.Router, m *messaging.Service, d *directory.Service) {
	h := groupsAPI{messaging.NewGroups(m, d), d}
	(&Groups{h}).Mount(r)
	(&Contacts{h}).Mount(r)
	(&Conversations{h}).Mount(r)
	(&GroupMessages{h}).Mount(r)
}

// groupsAPI is what the resources of the groups API share.
type groupsAPI struct {
	groups    *messaging.Groups
	directory *directory.Service
}

// cursorOf blames the cursor when a list has not found it.
func cursorOf(p page.Cursor, err error) error {
	named := !p.After.IsZero() || !p.Before.IsZero()
	if named && errs.Is(err, errs.CodeNotFound) {
		return cursorjson.UnknownCursor(p)
	}
	return err
}

// missing gives what is not there the name that it has in this API.
func missing(err error, what string) error {
	if e, ok := errors.AsType[*errs.Error](err); ok && errs.Is(err, errs.CodeNotFound) && len(e.Fields) == 0 {
		return errs.MissingRecord(what)
	}
	return err
}

// contacts encodes individuals as contacts, by identifier; those that are gone are left out.
func (h groupsAPI) contacts(ctx context.Context, individuals []id.ID) (map[id.ID]contact, error) {
	if len(individuals) == 0 {
		return map[id.ID]contact{}, nil
	}
	found, err := h.directory.Contacts(ctx, individuals)
	if err != nil {
		return nil, err
	}
	list := make([]directory.Contact, 0, len(found))
	for _, c := range found {
		list = append(list, c)
	}
	encoded, err := h.encodeContacts(ctx, list)
	out := make(map[id.ID]contact, len(encoded))
	for _, c := range encoded {
		out[c.ID.ID()] = c
	}
	return out, err
}

// encodeContacts adds the conversations with contacts, in the order given.
func (h groupsAPI) encodeContacts(ctx context.Context, list []directory.Contact) ([]contact, error) {
	ids := make([]id.ID, len(list))
	for i, c := range list {
		ids[i] = c.Individual.ID
	}
	with, err := h.groups.Conversations(ctx, nil, ids)
	out := make([]contact, len(list))
	for i, c := range list {
		out[i] = encodeContact(c, with.OfContacts[c.Individual.ID])
	}
	return out, err
}
