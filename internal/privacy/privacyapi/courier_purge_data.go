// Package privacyapi is purges and legal holds over HTTP, for administrators. Asking for a purge is the courier API's; what
// becomes of one, and holds, are ours.
package privacyapi

import (
	"context"
	"encoding/json"

	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/privacy"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints on a server.
func Mount(s *web.Server, p *privacy.Service) {
	r := jsonapi.New(s)
	(&Purges{p}).Mount(r)
	(&Holds{p}).Mount(r)
}

// Purges are the endpoints of purge-data.
type Purges struct{ privacy *privacy.Service }

type newPurge struct {
	Archive     bool         `json:"archive,omitempty" default:"false" doc:"Writes an export into the server's archive folder first; when that fails, nothing is purged"`
	EntityID    id.ID        `json:"entity-id" doc:"What is purged, everywhere and for good"`
	EntityType  privacy.Kind `json:"entity-type" enum:"individual,individual-group,organization,user" doc:"A user goes with its individuals, an organization with everything in it"`
	ReferenceID string       `json:"reference-id,omitempty" maxLength:"255" doc:"Your own, for the report"`
	RequestID   string       `json:"request-id,omitempty" maxLength:"255" doc:"Asking again with it changes nothing"`
}

type purge struct {
	Archive        bool                     `json:"archive"`
	CreatedAt      jsonapi.Time             `json:"created-at" nullable:"false"`
	EntityID       id.ID                    `json:"entity-id"`
	EntityType     privacy.Kind             `json:"entity-type" enum:"individual,individual-group,organization,user"`
	FailedAttempts int                      `json:"failed-attempts" doc:"How often in a row it could not go on. It is tried again after 30 seconds, then after longer and longer, up to an hour; the log says why"`
	Failure        *string                  `json:"failure" doc:"Why nothing was purged, when it failed"`
	FinishedAt     jsonapi.Time             `json:"finished-at"`
	OrganizationID id.ID                    `json:"organization-id" nullable:"false"`
	ReferenceID    *string                  `json:"reference-id"`
	Report         json.RawMessage          `json:"report" doc:"The report with the server's signature, once it is completed; \"switchboard purge verify\" checks it"`
	RequestID      *string                  `json:"request-id"`
	StartedAt      jsonapi.Time             `json:"started-at"`
	State          privacy.State            `json:"state" enum:"requested,running,completed,failed"`
	Tables         map[string]privacy.Tally `json:"tables" doc:"How many rows of each table were deleted and blanked so far"`
}

// Mount registers the endpoints.
func (h *Purges) Mount(r *jsonapi.Router) {
	about := []web.Option{web.Summary("Purge everything of a person, a group or an organization"), jsonapi.Type("system-purges"), web.Doc(
		"Removes what is stored of it: texts, addresses, devices, deliveries, logs. In conversations that others have too its messages " +
			"stay in their places without their texts. The answer comes when the purge is accepted; it is done soon after, and what " +
			"becomes of it is told at `/v1/purge-data/{id}/`. A legal hold makes it 409.")}
	jsonapi.Create(r, "POST /v1/purge-data/", h.create, append(about, web.ReturnsNull())...)
	jsonapi.List(r, "GET /v1/purge-data/", h.list, web.Summary("List purges"), jsonapi.Type("system-purges"))
	jsonapi.Get(r, "GET /v1/purge-data/{id}/", h.get, web.Summary("Get a purge with its report"), jsonapi.Type("system-purges"))
}

func (h *Purges) create(ctx context.Context, in newPurge) (any, error) {
	_, err := h.privacy.RequestPurge(ctx, privacy.NewPurge{
		Kind: in.EntityType, EntityID: in.EntityID, ReferenceID: in.ReferenceID, RequestID: in.RequestID, Archive: in.Archive,
	})
	return nil, err
}

func (h *Purges) list(ctx context.Context, in *jsonapi.Page) (page.List[jsonapi.Resource[purge]], error) {
	l, err := h.privacy.ListPurges(ctx, in.Offset())
	return page.Map(l, encodePurge), err
}

func (h *Purges) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[purge], error) {
	p, err := h.privacy.GetPurge(ctx, in.ID)
	return encodePurge(p), err
}

func encodePurge(p privacy.Purge) jsonapi.Resource[purge] {
	out := purge{
		Archive: p.Archive, CreatedAt: jsonapi.At(p.CreatedAt), EntityID: p.EntityID, EntityType: p.Kind, FailedAttempts: p.FailedAttempts, Failure: orNull(p.Failure),
		FinishedAt: jsonapi.At(p.FinishedAt), OrganizationID: p.OrganizationID, ReferenceID: orNull(p.ReferenceID), RequestID: orNull(p.RequestID),
		StartedAt: jsonapi.At(p.StartedAt), State: p.State, Tables: p.Counts,
	}
	if p.Report != "" {
		out.Report = json.RawMessage(p.Report)
	}
	if out.Tables == nil {
		out.Tables = map[string]privacy.Tally{}
	}
	return jsonapi.Resource[purge]{ID: p.ID, Attributes: out}
}

// orNull is null for an empty text.
func orNull(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}
