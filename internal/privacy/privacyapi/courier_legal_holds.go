package privacyapi

import (
	"context"

	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/privacy"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Holds are the endpoints of legal-holds.
type Holds struct{ privacy *privacy.Service }

type hold struct {
	CreatedAt      jsonapi.Time `json:"created-at" nullable:"false"`
	CreatedBy      id.ID        `json:"created-by-key-id"`
	EntityID       id.ID        `json:"entity-id" nullable:"false"`
	EntityType     privacy.Kind `json:"entity-type" enum:"individual,individual-group,organization,user"`
	OrganizationID id.ID        `json:"organization-id" nullable:"false"`
	Reason         string       `json:"reason"`
	Until          jsonapi.Time `json:"until"`
}

type newHold struct {
	EntityID   id.ID        `json:"entity-id" doc:"What is not to be purged; a group or an organization covers what is in it"`
	EntityType privacy.Kind `json:"entity-type" enum:"individual,individual-group,organization,user"`
	Reason     string       `json:"reason" minLength:"1" maxLength:"1024"`
	Until      jsonapi.Time `json:"until,omitzero" doc:"When it ends by itself; without it, when it is deleted"`
}

// Mount registers the endpoints.
func (h *Holds) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/legal-holds/", h.list, web.Summary("List legal holds"))
	jsonapi.Create(r, "POST /v1/legal-holds/", h.create, web.Summary("Keep something from being purged"),
		web.Doc("A purge of it, of what is in it, or of what it is in is answered with 409 `LegalHold` while the hold is in force."))
	jsonapi.Get(r, "GET /v1/legal-holds/{id}/", h.get, web.Summary("Get a legal hold"))
	jsonapi.Delete(r, "DELETE /v1/legal-holds/{id}/", h.delete, web.Summary("Release a legal hold"))
}

func encodeHold(h privacy.Hold) jsonapi.Resource[hold] {
	return jsonapi.Resource[hold]{ID: h.ID, Attributes: hold{
		CreatedAt: jsonapi.At(h.CreatedAt), CreatedBy: h.CreatedBy, EntityID: h.EntityID, EntityType: h.Kind, OrganizationID: h.OrganizationID,
		Reason: h.Reason, Until: jsonapi.At(h.Until),
	}}
}

func (h *Holds) list(ctx context.Context, in *jsonapi.Page) (page.List[jsonapi.Resource[hold]], error) {
	l, err := h.privacy.ListHolds(ctx, in.Offset())
	return page.Map(l, encodeHold), err
}

func (h *Holds) create(ctx context.Context, in newHold) (jsonapi.Resource[hold], error) {
	made, err := h.privacy.CreateHold(ctx, privacy.NewHold{Kind: in.EntityType, EntityID: in.EntityID, Reason: in.Reason, Until: in.Until.Time})
	return encodeHold(made), err
}

func (h *Holds) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[hold], error) {
	found, err := h.privacy.GetHold(ctx, in.ID)
	return encodeHold(found), err
}

func (h *Holds) delete(ctx context.Context, holdID id.ID) error {
	return h.privacy.ReleaseHold(ctx, holdID)
}
