package notifyapi

import (
	"context"
	"errors"
	"slices"
	"strings"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

// Legacy is the endpoints of notification groups from before they had a path: the same records with bare identifiers,
// and people by their user ids alone.
type Legacy struct{ notify *notify.Service }

// GroupMembers is the group of the new paths; its name has a capital because the schema passes over embedded structs that
// have none.
type GroupMembers group

type legacyGroup struct {
	GroupMembers
	Recipients []userID `json:"recipients" doc:"Each user of notifiables, once"`
}

type newLegacyGroup struct {
	GroupFields
	Notifiables []notifiable `json:"notifiables,omitempty" maxItems:"200" doc:"Needed without recipients, and not looked at with them"`
	Recipients  *[]userID    `json:"recipients,omitempty" maxItems:"200" doc:"Each is told by whatsapp"`
}

// Mount registers the endpoints. Their path has no segment to name a scope by.
func (h *Legacy) Mount(r *plainjson.Router) {
	scope := web.Scope("notifications")
	plainjson.List(r, "GET /", h.list, scope, web.Deprecated(), web.Summary("List notification groups (legacy)"))
	plainjson.Create(r, "POST /", h.create, scope, web.Deprecated(), web.Summary("Create a notification group (legacy)"))
}

func encodeLegacy(g notify.Group) legacyGroup {
	users := []id.ID{}
	for _, n := range g.Notifiables {
		if !slices.Contains(users, n.UserID) {
			users = append(users, n.UserID)
		}
	}
	return legacyGroup{GroupMembers(encodeGroup(g, true)), encodeIDs[ofUser](users, true)}
}

func (h *Legacy) list(ctx context.Context, _ *struct{}) ([]legacyGroup, error) {
	groups, err := h.notify.ListGroups(ctx)
	out := make([]legacyGroup, len(groups))
	for i, g := range groups {
		out[i] = encodeLegacy(g)
	}
	return out, err
}

func (h *Legacy) create(ctx context.Context, in newLegacyGroup) (legacyGroup, error) {
	people := in.Notifiables
	switch {
	case in.Recipients != nil:
		people = make([]notifiable, len(*in.Recipients))
		for i, user := range *in.Recipients {
			people[i] = notifiable{user, string(notify.WhatsApp)}
		}
	case people == nil:
		var f errs.Fields
		f.Require("recipients")
		return legacyGroup{}, f.Err()
	}
	g, err := h.notify.CreateGroup(ctx, in.params(people))
	if in.Recipients != nil {
		err = blameRecipients(err)
	}
	return encodeLegacy(g), err
}

// blameRecipients names the member that the caller wrote: "recipients[2]" for "notifiables[2].id".
func blameRecipients(err error) error {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return err
	}
	out := *e
	out.Fields = slices.Clone(e.Fields)
	for i, f := range out.Fields {
		if rest, ok := strings.CutPrefix(f.Path, "notifiables"); ok {
			out.Fields[i].Path = "recipients" + strings.TrimSuffix(rest, ".id")
		}
	}
	return &out
}
