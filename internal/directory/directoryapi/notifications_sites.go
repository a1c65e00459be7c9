package directoryapi

import (
	"context"

	"switchboard/internal/directory"
	"switchboard/internal/web"
	"switchboard/internal/web/plainjson"
)

// Sites are the endpoints of the places that events happen at.
type Sites struct{ directory *directory.Service }

type ofSite struct{}

// Prefix implements plainjson.Prefix.
func (ofSite) Prefix() string { return "site" }

type siteID = plainjson.ID[ofSite]

type site struct {
	ID       siteID         `json:"id" nullable:"false"`
	Name     string         `json:"name"`
	Address  *string        `json:"address"`
	Timezone string         `json:"timezone"`
	Tags     []string       `json:"tags"`
	Metadata map[string]any `json:"metadata"`
}

// SiteFields are what a create and an update of a site have in common.
type SiteFields struct {
	Address  web.Opt[string]     `json:"address,omitzero" maxLength:"4096"`
	Timezone web.Opt[string]     `json:"timezone,omitzero" doc:"IANA; null: the organization's"`
	Tags     web.Opt[[]string]   `json:"tags,omitzero" doc:"At most 50; replaced as a whole"`
	Metadata web.Opt[web.Object] `json:"metadata,omitzero" doc:"Merged into what is there; a null value takes its key away"`
}

type newSite struct {
	Name string `json:"name" minLength:"1" maxLength:"255"`
	SiteFields
}

type siteChange struct {
	Name web.Opt[string] `json:"name,omitzero" minLength:"1" maxLength:"255"`
	SiteFields
}

type bySite struct {
	ID siteID `path:"id"`
}

// Mount registers the endpoints.
func (h *Sites) Mount(r *plainjson.Router) {
	plainjson.List(r, "GET /sites", h.list)
	plainjson.Create(r, "POST /sites", h.create)
	plainjson.Get(r, "GET /sites/{id}", h.get)
	plainjson.Update(r, "PUT /sites/{id}", h.update, web.Doc("Leaves what is omitted unchanged."))
	plainjson.Delete(r, "DELETE /sites/{id}", h.delete, web.Doc("Also takes the site out of the notification groups that cover it."))
}

func encodeSite(v directory.Site) site {
	return site{
		ID: plainjson.Of[ofSite](v.ID), Name: v.Name, Address: orNull(v.Address), Timezone: v.Timezone, Tags: v.Tags, Metadata: v.Metadata,
	}
}

func (f SiteFields) edit(name *string) directory.SiteEdit {
	return directory.SiteEdit{
		Name: name, Address: f.Address.Ptr(), Timezone: f.Timezone.Ptr(), Tags: given(f.Tags), Metadata: f.Metadata.Value,
	}
}

func (h *Sites) list(ctx context.Context, _ *struct{}) ([]site, error) {
	sites, err := h.directory.ListSites(ctx)
	out := make([]site, len(sites))
	for n, v := range sites {
		out[n] = encodeSite(v)
	}
	return out, err
}

func (h *Sites) create(ctx context.Context, in newSite) (site, error) {
	v, err := h.directory.CreateSite(ctx, in.edit(&in.Name))
	return encodeSite(v), err
}

func (h *Sites) get(ctx context.Context, in *bySite) (site, error) {
	v, err := h.directory.GetSite(ctx, in.ID.ID)
	return encodeSite(v), err
}

func (h *Sites) update(ctx context.Context, i siteID, in siteChange) (site, error) {
	v, err := h.directory.UpdateSite(ctx, i.ID, in.edit(given(in.Name)))
	return encodeSite(v), err
}

func (h *Sites) delete(ctx context.Context, i siteID) error { return h.directory.DeleteSite(ctx, i.ID) }
