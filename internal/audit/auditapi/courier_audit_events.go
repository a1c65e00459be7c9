// Package auditapi is the audit over HTTP, for administrators. It is ours: the API that the courier dialect is compatible with
// has none.
package auditapi

import (
	"context"
	"encoding/json"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints on a server.
func Mount(s *web.Server, a *audit.Service) { (&Events{a}).Mount(jsonapi.New(s)) }

// Events are the endpoints of audit-events.
type Events struct{ audit *audit.Service }

type auditEvent struct {
	Action         string          `json:"action" doc:"What was done, as context.noun.past-participle"`
	ActorID        id.ID           `json:"actor-id" doc:"The key that did it; null for nobody, as in a provider's callback"`
	After          json.RawMessage `json:"after" doc:"The record after it, or what was read; null when there is nothing to say, or a purge took it"`
	At             jsonapi.Time    `json:"at" nullable:"false"`
	Before         json.RawMessage `json:"before" doc:"The record before it; of a change what differs"`
	Hash           audit.Hash      `json:"hash" doc:"Of the row, in the block of the chain that seals it"`
	IndividualID   id.ID           `json:"individual-id" doc:"As whom; null for a machine that acted as nobody"`
	OrganizationID id.ID           `json:"organization-id" nullable:"false"`
	Place          int64           `json:"place" doc:"In the chain of the whole server"`
	PurgeID        id.ID           `json:"purge-id" doc:"The purge that took before and after"`
	RemoteAddr     *string         `json:"remote-addr"`
	RequestID      *string         `json:"request-id"`
	Role           *actor.Role     `json:"role" enum:"administrator,service,leader,member"`
	SubjectID      id.ID           `json:"subject-id" doc:"The record that it was done to"`
	UserID         id.ID           `json:"user-id" doc:"Null for a machine"`
	Via            *actor.Via      `json:"via" enum:"key,token,user-token,oidc,command-line,server,replicator" doc:"How the caller showed who it is, such as key, token or command-line"`
}

type listEvents struct {
	jsonapi.Page
	Action     string         `query:"filter[action]" maxLength:"100" doc:"How the action begins, such as messaging. or messaging.message.posted"`
	Actor      id.ID          `query:"filter[actor-id]"`
	At         jsonapi.Within `query:"filter[cmp-at]"`
	Individual id.ID          `query:"filter[individual-id]" doc:"As whom"`
	Subject    id.ID          `query:"filter[subject-id]"`
	User       id.ID          `query:"filter[user-id]"`
}

// Mount registers the endpoints.
func (h *Events) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/audit-events/", h.list, web.Summary("List the audit"),
		web.Doc("Who did, read or was refused what, newest first, for administrators. A row is listed about a second after it was written. "+
			"Without a filter, and by action alone, `page[total]` is exact; otherwise it counts to 10,000. Further back than "+
			"`page[offset]` reaches one comes by `filter[cmp-at]`. Looking is in the audit too."))
	jsonapi.Get(r, "GET /v1/audit-events/{id}/", h.get, web.Summary("Get a row of the audit"))
}

func (h *Events) list(ctx context.Context, in *listEvents) (page.List[jsonapi.Resource[auditEvent]], error) {
	f := audit.Filter{Action: in.Action, KeyID: in.Actor, UserID: in.User, IndividualID: in.Individual, Subject: in.Subject}
	for _, b := range in.At.Bounds {
		within(&f, b)
	}
	found, err := h.audit.List(ctx, f, in.Offset())
	return page.Map(found, encode), err
}

// within narrows a filter by a bound. Times are in whole milliseconds, so what is after one is not before the next.
func within(f *audit.Filter, b jsonapi.Bound) {
	at := b.At
	if b.Comparator == jsonapi.After || b.Comparator == jsonapi.NotOver {
		at = at.Truncate(time.Millisecond).Add(time.Millisecond)
	}
	switch b.Comparator {
	case jsonapi.After, jsonapi.NotUnder:
		if at.After(f.From) {
			f.From = at
		}
	case jsonapi.Before, jsonapi.NotOver:
		if f.Until.IsZero() || at.Before(f.Until) {
			f.Until = at
		}
	}
}

func (h *Events) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[auditEvent], error) {
	e, err := h.audit.Get(ctx, in.ID)
	return encode(e), err
}

func encode(e audit.Event) jsonapi.Resource[auditEvent] {
	var detail struct{ Before, After json.RawMessage }
	_ = json.Unmarshal([]byte(e.Detail), &detail) // what somebody broke is shown as nothing; verifying the chain tells of it
	return jsonapi.Resource[auditEvent]{ID: e.ID, Attributes: auditEvent{
		Action: e.Action, ActorID: e.KeyID, After: orNull(detail.After), At: jsonapi.At(e.At), Before: orNull(detail.Before), Hash: e.Leaf(),
		IndividualID: e.IndividualID, OrganizationID: e.OrganizationID, Place: e.Place, PurgeID: e.PurgeID, RemoteAddr: given(e.RemoteAddr),
		RequestID: given(e.RequestID), Role: given(e.Role), SubjectID: e.Subject, UserID: e.UserID, Via: given(e.Via),
	}}
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// given is null for an empty text.
func given[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}
