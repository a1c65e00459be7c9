package replicationapi

import (
	"context"

	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/replication"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Replicators are the endpoints of replicators.
type Replicators struct{ replication *replication.Service }

// replicator is one as it is answered. All but classpath, created-time and last-poll-time are ours.
type replicator struct {
	Classpath    string       `json:"classpath" doc:"The kind: directory.csv or directory.jsonl"`
	CreatedTime  jsonapi.Time `json:"created-time" nullable:"false"`
	LastPollTime jsonapi.Time `json:"last-poll-time" doc:"When the last poll ended"`
	Name         string       `json:"name" doc:"That of the configuration"`
	Polling      bool         `json:"polling" doc:"Whether a poll runs, or was interrupted and will go on"`
	LastError    *string      `json:"last-error" doc:"Why the poll ended before the feed did"`
	Note         *string      `json:"note" doc:"Why there was nothing to do"`
	Counts       counts       `json:"counts" doc:"Of the poll that runs, or of the last one"`
	Problems     []problem    `json:"problems" doc:"The first hundred"`
}

type counts struct {
	Read        int `json:"read"`
	Created     int `json:"created"`
	Adopted     int `json:"adopted" doc:"Existing records that were taken for new ones of the source"`
	Updated     int `json:"updated"`
	Unchanged   int `json:"unchanged"`
	Tombstoned  int `json:"tombstoned"`
	Conflicts   int `json:"conflicts"`
	Errors      int `json:"errors"`
	Overwritten int `json:"overwritten" doc:"Updated records of which somebody had changed a value here that the source keeps"`
}

type problem struct {
	Line       int     `json:"line" doc:"In the file, from 1; 0 when the source is no file"`
	ExternalID *string `json:"external-id"`
	Field      *string `json:"field"`
	Message    string  `json:"message"`
}

// Mount registers the endpoints.
func (h *Replicators) Mount(r *jsonapi.Router) {
	jsonapi.List(r, "GET /v1/replicators/", h.list)
	jsonapi.Get(r, "GET /v1/replicators/{id}/", h.get)
	jsonapi.Action(r, "POST /v1/replicators/{id}/poll/", h.poll, web.Status(202),
		web.Doc("Polls at once, or again when a poll runs, even if the feed is the one that was read last. The answer does not wait for it."))
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func encodeReplicator(s replication.Status) jsonapi.Resource[replicator] {
	r := s.State.Report
	out := replicator{
		Classpath: s.Kind, CreatedTime: jsonapi.At(s.CreatedAt), LastPollTime: jsonapi.At(s.LastPollAt), Name: s.Name,
		Polling: s.State.Running, LastError: orNull(r.Error), Note: orNull(r.Note), Counts: counts(r.Counts), Problems: []problem{},
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, problem{Line: p.Line, ExternalID: orNull(p.ExternalID), Field: orNull(p.Field), Message: p.Message})
	}
	return jsonapi.Resource[replicator]{ID: s.ID, Attributes: out}
}

func (h *Replicators) list(ctx context.Context, _ *struct{}) (page.List[jsonapi.Resource[replicator]], error) {
	all, err := h.replication.ListReplicators(ctx)
	return page.Map(page.List[replication.Status]{Items: all, Total: len(all)}, encodeReplicator), err
}

func (h *Replicators) get(ctx context.Context, in *jsonapi.ByID) (jsonapi.Resource[replicator], error) {
	s, err := h.replication.GetReplicator(ctx, in.ID)
	return encodeReplicator(s), err
}

func (h *Replicators) poll(ctx context.Context, i id.ID, _ struct{}) (jsonapi.Resource[replicator], error) {
	s, err := h.replication.AskForPoll(ctx, i)
	return encodeReplicator(s), err
}
