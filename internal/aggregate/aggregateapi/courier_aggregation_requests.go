// Package aggregateapi is the endpoint of aggregation-requests in the courier API.
package aggregateapi

import (
	"context"

	"switchboard/internal/aggregate"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoint on a server.
func Mount(s *web.Server, a *aggregate.Service) { (&AggregationRequests{a}).Mount(jsonapi.New(s)) }

// AggregationRequests is the endpoint of the requests.
type AggregationRequests struct{ aggregate *aggregate.Service }

type newRequest struct {
	Entries []entry `json:"entries" minItems:"1" maxItems:"1000"`
}

type entry struct {
	Column       string `json:"column" enum:"unread-messages,unread-notifications,last-message-time,last-login-time,open-video-channels,pending-consents"`
	IndividualID id.ID  `json:"individual-id" doc:"One whom the caller may not see is left out of the answer"`
}

// values are what was asked for, by individual and column: an instant or null for columns that end in -time, else a number.
type values map[string]map[string]any

// Mount registers the endpoint.
func (h *AggregationRequests) Mount(r *jsonapi.Router) {
	jsonapi.Create(r, "POST /v1/aggregation-requests/", h.create, web.ReadOnly(),
		web.Summary("Ask for counts and times of many individuals"), web.Doc("Nothing is stored: the id in the answer is of no further use."))
}

func (h *AggregationRequests) create(ctx context.Context, in newRequest) (jsonapi.Resource[values], error) {
	entries := make([]aggregate.Entry, len(in.Entries))
	for i, e := range in.Entries {
		entries[i] = aggregate.Entry{Column: aggregate.Column(e.Column), IndividualID: e.IndividualID}
	}
	answers, err := h.aggregate.Answer(ctx, entries)
	if err != nil {
		return jsonapi.Resource[values]{}, err
	}
	return jsonapi.Resource[values]{ID: id.New(), Attributes: encode(answers)}, nil
}

func encode(answers aggregate.Answers) values {
	out := values{}
	for individual, columns := range answers {
		one := map[string]any{}
		for c, v := range columns {
			if c.Instant() {
				one[string(c)] = jsonapi.At(v.At)
			} else {
				one[string(c)] = v.Count
			}
		}
		out[individual.String()] = one
	}
	return out
}
