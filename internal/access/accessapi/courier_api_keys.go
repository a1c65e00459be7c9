package accessapi

import (
	"context"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// APIKeys are the endpoints of the keys of an organization.
type APIKeys struct{ Access *access.Service }

type apiKey struct {
	CreatedAt      jsonapi.Time `json:"created-at" nullable:"false"`
	ExpiresAt      jsonapi.Time `json:"expires-at" doc:"null: never"`
	LastUsedAt     jsonapi.Time `json:"last-used-at" doc:"Within a minute or so; null: never"`
	Name           string       `json:"name"`
	OrganizationID id.ID        `json:"organization-id" nullable:"false"`
	RevokedAt      jsonapi.Time `json:"revoked-at"`
	Role           string       `json:"role" enum:"administrator,service,leader,member"`
	Scopes         []string     `json:"scopes"`
	Secret         string       `json:"secret,omitempty" doc:"The text of the key; only in the answer that made it"`
	Secrets        []keySecret  `json:"secrets" doc:"Newest first: one, or two while the key is rotated"`
	UserID         id.ID        `json:"user-id" doc:"null: a machine's"`
}

type keySecret struct {
	ID         id.ID        `json:"id" nullable:"false"`
	CreatedAt  jsonapi.Time `json:"created-at" nullable:"false"`
	ExpiresAt  jsonapi.Time `json:"expires-at" doc:"null: with the key"`
	LastUsedAt jsonapi.Time `json:"last-used-at" doc:"Of itself and of tokens got with it"`
}

type newAPIKey struct {
	Name      string                `json:"name" minLength:"1" maxLength:"255"`
	Role      string                `json:"role,omitempty" enum:"administrator,service,leader,member" default:"service"`
	UserID    web.Opt[id.ID]        `json:"user-id,omitzero" doc:"Whose it is; required for a leader and a member"`
	Scopes    web.Opt[[]string]     `json:"scopes,omitzero" maxItems:"200" doc:"Default: those of the key that makes it"`
	ExpiresAt web.Opt[jsonapi.Time] `json:"expires-at,omitzero" doc:"null: never"`
}

type apiKeyChange struct {
	Name      web.Opt[string]       `json:"name,omitzero" minLength:"1" maxLength:"255"`
	Scopes    web.Opt[[]string]     `json:"scopes,omitzero" maxItems:"200" doc:"Only fewer than before"`
	ExpiresAt web.Opt[jsonapi.Time] `json:"expires-at,omitzero" doc:"null: never"`
}

type listAPIKeys struct {
	jsonapi.Page
	OrganizationID id.ID `query:"organization-id"`
}

type rotation struct {
	Overlap int `json:"overlap,omitempty" minimum:"0" maximum:"604800" default:"86400" doc:"Seconds for which the secret before works on"`
}

// Mount registers the endpoints.
func (h *APIKeys) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/api-keys/", h.list)
	jsonapi.Create(r, "POST /v1/api-keys/", h.create, web.Doc("The secret is in this answer and in no other."))
	jsonapi.Get(r, "GET /v1/api-keys/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/api-keys/{id}/", h.update)
	jsonapi.Delete(r, "DELETE /v1/api-keys/{id}/", h.delete, web.Doc("Revokes the key, with every token got with it, at once."))
	jsonapi.Action(r, "POST /v1/api-keys/{id}/rotate/", h.rotate, web.Doc("Gives the key another secret, which is in this answer and in "+
		"no other. The one before works on for the overlap; `secrets` tells when each was last used. An overlap of 0 ends it at once."))
}

func encodeAPIKey(k access.Key, secret string) jsonapi.Resource[apiKey] {
	secrets := make([]keySecret, len(k.Secrets))
	for i, s := range k.Secrets {
		secrets[i] = keySecret{ID: s.ID, CreatedAt: jsonapi.At(s.CreatedAt), ExpiresAt: jsonapi.At(s.ExpiresAt), LastUsedAt: jsonapi.At(s.LastUsedAt)}
	}
	return jsonapi.Resource[apiKey]{ID: k.ID, Attributes: apiKey{
		CreatedAt: jsonapi.At(k.CreatedAt), ExpiresAt: jsonapi.At(k.ExpiresAt), LastUsedAt: jsonapi.At(k.LastUsedAt), Name: k.Name,
		OrganizationID: k.OrganizationID, RevokedAt: jsonapi.At(k.RevokedAt), Role: string(k.Role), Scopes: k.Scopes, Secret: secret,
		Secrets: secrets, UserID: k.UserID,
	}}
}

func (h *APIKeys) list(ctx context.Context, in *listAPIKeys) (page.List[jsonapi.Resource[apiKey]], error) {
	organization := actor.From(ctx).OrganizationID
	if !in.OrganizationID.IsZero() && in.OrganizationID != organization {
		return page.List[jsonapi.Resource[apiKey]]{}, errs.MissingRecord("organization")
	}
	l, err := h.Access.ListKeys(ctx, organization, in.Offset())
	return page.Map(l, func(k access.Key) jsonapi.Resource[apiKey] { return encodeAPIKey(k, "") }), err
}

func (h *APIKeys) create(ctx context.Context, in newAPIKey) (jsonapi.Resource[apiKey], error) {
	k, secret, err := h.Access.CreateKey(ctx, access.NewKey{
		OrganizationID: actor.From(ctx).OrganizationID, UserID: in.UserID.Value, Name: in.Name, Role: actor.Role(in.Role),
		Scopes: in.Scopes.Value, ExpiresAt: in.ExpiresAt.Value.Time,
	})
	return encodeAPIKey(k, secret), err
}

func (h *APIKeys) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[apiKey], error) {
	k, err := h.Access.GetKey(ctx, in.ID)
	return encodeAPIKey(k, ""), err
}

func (h *APIKeys) update(ctx context.Context, key id.ID, in apiKeyChange) (jsonapi.Resource[apiKey], error) {
	e := access.KeyEdit{}
	if name, ok := in.Name.Get(); ok {
		e.Name = &name
	}
	if scopes, ok := in.Scopes.Get(); ok {
		e.Scopes = scopes
	}
	if in.ExpiresAt.Set {
		e.ExpiresAt = &in.ExpiresAt.Value.Time
	}
	k, err := h.Access.UpdateKey(ctx, key, e)
	return encodeAPIKey(k, ""), err
}

func (h *APIKeys) delete(ctx context.Context, key id.ID) error {
	return h.Access.RevokeKey(ctx, actor.From(ctx).OrganizationID, key)
}

func (h *APIKeys) rotate(ctx context.Context, key id.ID, in rotation) (jsonapi.Resource[apiKey], error) {
	k, secret, err := h.Access.RotateKey(ctx, key, time.Duration(in.Overlap)*time.Second)
	return encodeAPIKey(k, secret), err
}
