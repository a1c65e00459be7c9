package directoryapi

import (
	"context"

	"switchboard/internal/directory"
	"switchboard/internal/directory/photo"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// IndividualProfiles are the endpoints of what individuals show of themselves. Who talks with them reads it in a channel.
type IndividualProfiles struct{ directory *directory.Service }

type individualProfile struct {
	Photo *string `json:"photo" doc:"A data URL of a JPEG or PNG picture of at most 512 pixels a side; null: none"`
}

type profileChange struct {
	Photo web.Opt[string] `json:"photo,omitzero" doc:"A data URL of a PNG, JPEG, GIF or WebP picture of at most 6 MiB. It is scaled down and encoded anew, without what the camera wrote into it. Null takes the photo away"`
}

// maxProfileBody holds a picture of the largest size in base64.
const maxProfileBody = photo.MaxInput/3*4 + 64<<10

// Mount registers the endpoints.
func (h *IndividualProfiles) Mount(r *jsonapi.Router) {
	jsonapi.Get(r, "GET /v1/individual-profiles/{id}/", h.get, web.Doc("The identifier is the individual's. For the individual itself and administrators."))
	jsonapi.Update(r, "PATCH /v1/individual-profiles/{id}/", h.update, web.MaxBody(maxProfileBody),
		web.Doc("For the individual itself and administrators."))
}

func encodeProfile(p directory.Profile) jsonapi.Resource[individualProfile] {
	return jsonapi.Resource[individualProfile]{ID: p.IndividualID, Attributes: individualProfile{Photo: orNull(p.Photo.DataURL())}}
}

func (h *IndividualProfiles) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[individualProfile], error) {
	p, err := h.directory.GetProfile(ctx, in.ID)
	return encodeProfile(p), err
}

func (h *IndividualProfiles) update(ctx context.Context, individual id.ID, in profileChange) (jsonapi.Resource[individualProfile], error) {
	if !in.Photo.Set {
		return h.get(ctx, &jsonapi.ByID{ID: individual})
	}
	p, err := h.directory.SetPhoto(ctx, individual, in.Photo.Value)
	return encodeProfile(p), err
}
