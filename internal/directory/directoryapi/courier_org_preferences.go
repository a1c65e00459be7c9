package directoryapi

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// OrgPreferences are the endpoints of the settings of an organization.
type OrgPreferences struct{ directory *directory.Service }

type orgPreference struct {
	CreatedAt      jsonapi.Time      `json:"created-at" nullable:"true" doc:"Null for a default"`
	Explicit       bool              `json:"explicit" doc:"False: this is the default"`
	Name           string            `json:"name"`
	OrganizationID id.ID             `json:"organization-id" nullable:"false"`
	Type           string            `json:"type" enum:"boolean,json,text"`
	Value          *string           `json:"value" doc:"Of a text; true or false of a boolean"`
	Texts          map[string]string `json:"value-js" nullable:"true" doc:"Of json: texts by locale"`
}

type newOrgPreference struct {
	Name           string            `json:"name" enum:"default-channel-title,group-provider-ack,initial-sms-message"`
	OrganizationID id.ID             `json:"organization-id,omitzero"`
	Type           string            `json:"type" enum:"boolean,json,text" doc:"boolean for group-provider-ack; text or json for the others"`
	Value          web.Opt[string]   `json:"value,omitzero" doc:"A title may hold {{individual.name}}; of a boolean: true or false"`
	Texts          map[string]string `json:"value-js,omitempty" doc:"Texts by locale, such as {\"en_US\": \"Hello\"}"`
}

type listOrgPreferences struct {
	Name           string `query:"filter[name]" enum:"default-channel-title,group-provider-ack,initial-sms-message"`
	OrganizationID id.ID  `query:"organization-id" doc:"That of the key; may be left out"`
}

// Mount registers the endpoints.
func (h *OrgPreferences) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/org-preferences/", h.list, web.Doc("Answers every setting, those with their default too."))
	jsonapi.Create(r, "POST /v1/org-preferences/", h.set, web.Doc("Sets a setting, in place of what it was."))
	jsonapi.Get(r, "GET /v1/org-preferences/{id}/", h.get)
	jsonapi.Delete(r, "DELETE /v1/org-preferences/{id}/", h.reset, web.Doc("Gives the setting its default back."))
}

func encodeOrgPreference(p directory.OrgPreference) jsonapi.Resource[orgPreference] {
	return jsonapi.Resource[orgPreference]{ID: p.ID, Attributes: orgPreference{
		CreatedAt: jsonapi.At(p.CreatedAt), Explicit: p.Explicit, Name: string(p.Name), OrganizationID: p.OrganizationID,
		Type: string(p.Type), Value: orNull(p.Value), Texts: p.Texts,
	}}
}

func (h *OrgPreferences) list(ctx context.Context, in *listOrgPreferences) (page.List[jsonapi.Resource[orgPreference]], error) {
	if in.OrganizationID != actor.From(ctx).OrganizationID && !in.OrganizationID.IsZero() {
		return page.List[jsonapi.Resource[orgPreference]]{}, errs.MissingRecord("organization")
	}
	found, err := h.directory.ListPreferences(ctx, directory.PreferenceName(in.Name))
	return page.Map(page.List[directory.OrgPreference]{Items: found, Total: len(found)}, encodeOrgPreference), err
}

func (h *OrgPreferences) set(ctx context.Context, in newOrgPreference) (jsonapi.Resource[orgPreference], error) {
	if err := own(ctx, in.OrganizationID); err != nil {
		return jsonapi.Resource[orgPreference]{}, err
	}
	p, err := h.directory.SetPreference(ctx, directory.NewPreference{
		Name: directory.PreferenceName(in.Name), Type: directory.PreferenceType(in.Type), Value: in.Value.Or(""), Texts: in.Texts,
	})
	return encodeOrgPreference(p), err
}

func (h *OrgPreferences) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[orgPreference], error) {
	p, err := h.directory.GetPreference(ctx, in.ID)
	return encodeOrgPreference(p), err
}

func (h *OrgPreferences) reset(ctx context.Context, i id.ID) error {
	return h.directory.ResetPreference(ctx, i)
}
