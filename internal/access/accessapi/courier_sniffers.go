package accessapi

import (
	"context"

	"switchboard/internal/access"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Sniffers are the endpoints of what records a user's requests and answers.
type Sniffers struct{ Sniffers *access.Sniffers }

type sniffer struct {
	CreatedTime jsonapi.Time `json:"created-time" nullable:"false"`
	UserID      id.ID        `json:"user-id" nullable:"false"`
	ValidUntil  jsonapi.Time `json:"valid-until" nullable:"false"`
}

type newSniffer struct {
	UserID     id.ID        `json:"user-id" doc:"Whose requests and answers are recorded"`
	ValidUntil jsonapi.Time `json:"valid-until" doc:"When it ends by itself; at most 7 days ahead"`
}

type listSniffers struct {
	jsonapi.Page
	UserID id.ID `query:"filter[user-id]"`
}

type snifferLog struct {
	Body        string       `json:"body" doc:"Of the request: redacted, and cut at 64 KiB"`
	ContentType string       `json:"content_type"`
	CreatedTime jsonapi.Time `json:"created-time" nullable:"false"`
	Message     string       `json:"message" doc:"What the answer said was wrong; empty when nothing was"`
	Method      string       `json:"method"`
	Path        string       `json:"path"`
	QueryString string       `json:"query-string"`
	RequestID   string       `json:"request-id"`
	Response    string       `json:"response" doc:"Of the answer: redacted, and cut at 64 KiB"`
	StatusCode  int          `json:"status-code" doc:"0: no answer was written"`
	TraceID     string       `json:"trace-id"`
	UserAgent   string       `json:"user-agent"`
}

type snifferLogs struct {
	jsonapi.ByID
	jsonapi.Page
}

// Mount registers the endpoints.
func (h *Sniffers) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/sniffers/", h.list)
	jsonapi.Create(r, "POST /v1/sniffers/", h.create)
	jsonapi.Get(r, "GET /v1/sniffers/{id}/", h.get)
	jsonapi.Delete(r, "DELETE /v1/sniffers/{id}/", h.delete, web.Doc("What it recorded is deleted with it."))
	jsonapi.List(r, "GET /v1/sniffers/{id}/get-logs/", h.logs, jsonapi.Type("sniffer-logs"),
		web.Doc("Newest first, and fewer than page[limit] where more would be over 8 MiB of text; page[offset] goes on behind those that came. Each request for them is in the audit. They are kept for 7 days after the sniffer has ended."))
}

func encodeSniffer(n access.Sniffer) jsonapi.Resource[sniffer] {
	return jsonapi.Resource[sniffer]{ID: n.ID, Attributes: sniffer{
		CreatedTime: jsonapi.At(n.CreatedAt), UserID: n.UserID, ValidUntil: jsonapi.At(n.ValidUntil),
	}}
}

func encodeSnifferLog(l access.SnifferLog) jsonapi.Resource[snifferLog] {
	return jsonapi.Resource[snifferLog]{ID: l.ID, Attributes: snifferLog{
		Body: l.Body, ContentType: l.ContentType, CreatedTime: jsonapi.At(l.CreatedAt), Message: l.Message, Method: l.Method,
		Path: l.Path, QueryString: l.Query, RequestID: l.RequestID, Response: l.Response, StatusCode: l.Status,
		TraceID: l.TraceID, UserAgent: l.UserAgent,
	}}
}

func (h *Sniffers) list(ctx context.Context, in *listSniffers) (page.List[jsonapi.Resource[sniffer]], error) {
	l, err := h.Sniffers.List(ctx, in.UserID, in.Offset())
	return page.Map(l, encodeSniffer), err
}

func (h *Sniffers) create(ctx context.Context, in newSniffer) (jsonapi.Resource[sniffer], error) {
	n, err := h.Sniffers.Create(ctx, in.UserID, in.ValidUntil.Time)
	return encodeSniffer(n), err
}

func (h *Sniffers) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[sniffer], error) {
	n, err := h.Sniffers.Get(ctx, in.ID)
	return encodeSniffer(n), err
}

func (h *Sniffers) delete(ctx context.Context, sniffer id.ID) error {
	return h.Sniffers.Delete(ctx, sniffer)
}

func (h *Sniffers) logs(ctx context.Context, in *snifferLogs) (page.List[jsonapi.Resource[snifferLog]], error) {
	l, err := h.Sniffers.Logs(ctx, in.ID, in.Offset())
	return page.Map(l, encodeSnifferLog), err
}
