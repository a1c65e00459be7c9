package accessapi

import (
	"context"

	"switchboard/internal/access"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// UserTokens are the endpoints of the tokens for the applications of users.
type UserTokens struct{ Access *access.Service }

type userToken struct {
	CreatedAt      jsonapi.Time `json:"created-at" nullable:"false"`
	ExpiresAt      jsonapi.Time `json:"expires-at" nullable:"false"`
	KeyID          id.ID        `json:"key-id" doc:"The key that made it and with which it ends"`
	OrganizationID id.ID        `json:"organization-id" nullable:"false"`
	Scopes         []string     `json:"scopes"`
	Token          string       `json:"token,omitempty" doc:"Its text; only in the answer that made it"`
	UserID         id.ID        `json:"user-id" nullable:"false"`
}

type newUserToken struct {
	UserID    id.ID                 `json:"user-id"`
	Scopes    web.Opt[[]string]     `json:"scopes,omitzero" maxItems:"200" doc:"Default: those of the key that makes it"`
	ExpiresAt web.Opt[jsonapi.Time] `json:"expires-at,omitzero" doc:"Within 24 hours; null: in an hour"`
}

type listUserTokens struct {
	jsonapi.Page
	UserID id.ID `query:"filter[user-id]" required:"true"`
}

type tokensOfUser struct {
	UserID id.ID `query:"filter[user-id]" required:"true" doc:"Whose tokens to revoke"`
}

// Mount registers the endpoints.
func (h *UserTokens) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/user-tokens/", h.list, web.Doc("Those that work now."))
	jsonapi.Create(r, "POST /v1/user-tokens/", h.create, web.Doc("Makes a token with which an application calls for one user, as the leader "+
		"or member that the person is. The token is in this answer and in no other."))
	jsonapi.Do(r, "DELETE /v1/user-tokens/", h.deleteAll, web.Status(204), web.Summary("Revoke every token of a user"))
	jsonapi.Get(r, "GET /v1/user-tokens/{id}/", h.get)
	jsonapi.Delete(r, "DELETE /v1/user-tokens/{id}/", h.delete, web.Doc("Revokes the token at once."))
}

func encodeUserToken(t access.UserToken, text string) jsonapi.Resource[userToken] {
	return jsonapi.Resource[userToken]{ID: t.ID, Attributes: userToken{
		CreatedAt: jsonapi.At(t.CreatedAt), ExpiresAt: jsonapi.At(t.ExpiresAt), KeyID: t.KeyID, OrganizationID: t.OrganizationID,
		Scopes: t.Scopes, Token: text, UserID: t.UserID,
	}}
}

func (h *UserTokens) list(ctx context.Context, in *listUserTokens) (page.List[jsonapi.Resource[userToken]], error) {
	l, err := h.Access.ListUserTokens(ctx, in.UserID, in.Offset())
	return page.Map(l, func(t access.UserToken) jsonapi.Resource[userToken] { return encodeUserToken(t, "") }), err
}

func (h *UserTokens) create(ctx context.Context, in newUserToken) (jsonapi.Resource[userToken], error) {
	t, text, err := h.Access.CreateUserToken(ctx, access.NewUserToken{UserID: in.UserID, Scopes: in.Scopes.Value, ExpiresAt: in.ExpiresAt.Value.Time})
	return encodeUserToken(t, text), err
}

func (h *UserTokens) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[userToken], error) {
	t, err := h.Access.GetUserToken(ctx, in.ID)
	return encodeUserToken(t, ""), err
}

func (h *UserTokens) delete(ctx context.Context, token id.ID) error {
	return h.Access.RevokeUserToken(ctx, token)
}

func (h *UserTokens) deleteAll(ctx context.Context, in *tokensOfUser) (web.Nothing, error) {
	_, err := h.Access.RevokeUserTokens(ctx, in.UserID)
	return web.Nothing{}, err
}
