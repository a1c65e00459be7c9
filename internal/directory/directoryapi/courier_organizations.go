package directoryapi

import (
	"context"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Organizations are the endpoints of the tenants.
type Organizations struct{ directory *directory.Service }

type organization struct {
	Classification *string      `json:"classification"`
	DisplayName    string       `json:"display-name"`
	LastModified   jsonapi.Time `json:"last-modified-time" nullable:"false"`
	Name           string       `json:"name"`
	ProviderType   *string      `json:"provider-type"`
	Timezone       string       `json:"timezone"`
}

// OrganizationFields are what a create and an update of an organization have in common.
type OrganizationFields struct {
	DisplayName    web.Opt[string] `json:"display-name,omitzero" maxLength:"255" doc:"What people are shown; null: the name"`
	Timezone       web.Opt[string] `json:"timezone,omitzero" doc:"IANA; null: UTC"`
	Locale         web.Opt[string] `json:"locale,omitzero" doc:"Of those who have chosen none; null: en_US"`
	Classification web.Opt[string] `json:"classification,omitzero" maxLength:"255"`
	ProviderType   web.Opt[string] `json:"provider-type,omitzero" maxLength:"255"`
}

type newOrganization struct {
	Name string `json:"name" minLength:"1" maxLength:"255"`
	OrganizationFields
}

type organizationChange struct {
	Name web.Opt[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
	OrganizationFields
}

type listOrganizations struct {
	jsonapi.Page
	Name string `query:"filter[name]" maxLength:"255" doc:"Each of its words begins a word of the name"`
}

// Mount registers the endpoints.
func (h *Organizations) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/organizations/", h.list, web.Doc("Answers the organization that the key belongs to, and no other."))
	jsonapi.Create(r, "POST /v1/organizations/", h.create, web.Doc("Makes a new tenant. The key that made it has no rights in it; "+
		"its first key is made on the server."))
	jsonapi.Get(r, "GET /v1/organizations/{id}/", h.get)
	jsonapi.Update(r, "PATCH /v1/organizations/{id}/", h.update)
	jsonapi.Delete(r, "DELETE /v1/organizations/{id}/", h.delete, web.Doc("Deletes the organization that the key belongs to, with everything in it."))
}

func encodeOrganization(o directory.Organization) jsonapi.Resource[organization] {
	return jsonapi.Resource[organization]{ID: o.ID, Attributes: organization{
		Classification: orNull(o.Classification), DisplayName: o.Title(), LastModified: jsonapi.At(o.ModifiedAt), Name: o.Name,
		ProviderType: orNull(o.ProviderType), Timezone: o.Timezone,
	}}
}

func (f OrganizationFields) edit(name *string) directory.OrganizationEdit {
	return directory.OrganizationEdit{
		Name: name, DisplayName: f.DisplayName.Ptr(), Timezone: f.Timezone.Ptr(), Locale: f.Locale.Ptr(),
		Classification: f.Classification.Ptr(), ProviderType: f.ProviderType.Ptr(),
	}
}

func (h *Organizations) list(ctx context.Context, in *listOrganizations) (page.List[jsonapi.Resource[organization]], error) {
	l, err := h.directory.ListOrganizations(ctx, in.Name, in.Offset())
	return page.Map(l, encodeOrganization), err
}

func (h *Organizations) create(ctx context.Context, in newOrganization) (jsonapi.Resource[organization], error) {
	o, err := h.directory.CreateOrganization(ctx, in.edit(&in.Name))
	return encodeOrganization(o), err
}

func (h *Organizations) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[organization], error) {
	o, err := h.directory.GetOrganization(ctx, in.ID)
	return encodeOrganization(o), err
}

func (h *Organizations) update(ctx context.Context, i id.ID, in organizationChange) (jsonapi.Resource[organization], error) {
	o, err := h.directory.UpdateOrganization(ctx, i, in.edit(given(in.Name)))
	return encodeOrganization(o), err
}

func (h *Organizations) delete(ctx context.Context, i id.ID) error {
	return h.directory.DeleteOrganization(ctx, i)
}
