package aggregateapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/aggregate"
	"switchboard/internal/aggregate/aggregateapi"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

var (
	ada = id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b")
	ben = id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0c") // whom nobody may see
)

func server() http.Handler {
	s := web.New(web.Options{Wrap: func(_ web.Operation, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				next.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r.WithContext(actor.With(r.Context(), actor.Actor{Role: actor.Member, Scopes: []string{"*"}})))
		})
	}})
	aggregateapi.Mount(s, aggregate.New(aggregate.Sources{
		Visible: func(context.Context, []id.ID) (map[id.ID]directory.Individual, error) {
			return map[id.ID]directory.Individual{ada: {ID: ada}}, nil
		},
		UnreadMessages: func(context.Context, id.ID, []id.ID) (map[id.ID]int, error) { return map[id.ID]int{ada: 7}, nil },
		LastMessage: func(context.Context, id.ID, []id.ID) (map[id.ID]time.Time, error) {
			return map[id.ID]time.Time{ada: time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)}, nil
		},
		LastLogin: func(context.Context, id.ID, []id.ID) (map[id.ID]time.Time, error) { return nil, nil },
	}))
	return s
}

func TestAggregationRequests(t *testing.T) {
	t.Parallel()
	ask := func(entries string) string {
		return `{"data":{"type":"aggregation-requests","attributes":{"entries":[` + entries + `]}}}`
	}
	of := func(column string, individual id.ID) string {
		return `{"column":"` + column + `","individual-id":"` + individual.String() + `"}`
	}
	const do = "POST /v1/aggregation-requests/"
	webtest.Run(t, server(), []webtest.Scenario{
		{Name: "nobody", Do: do, Body: ask(of("unread-messages", ada)), Want: 401},
		{
			Name: "values", As: "x", Do: do, Want: 201,
			Body:     ask(of("unread-messages", ada) + "," + of("last-message-time", ada) + "," + of("last-login-time", ada) + "," + of("unread-notifications", ada) + "," + of("unread-messages", ben)),
			Contains: []string{`"attributes":{"` + ada.String() + `":{"last-login-time":null,"last-message-time":"2026-11-22T10:00:00.123Z","unread-messages":7,"unread-notifications":0}}`, `"type":"aggregation-requests"`},
			Lacks:    []string{ben.String()},
		},
		{Name: "whom nobody may see", As: "x", Do: do, Body: ask(of("unread-messages", ben)), Want: 201, Contains: []string{`"attributes":{}`}},
		{Name: "no entries", As: "x", Do: do, Body: ask(""), Want: 422, Error: "/data/attributes/entries"},
		{Name: "an unknown column", As: "x", Do: do, Body: ask(of("unread-messages", ada) + "," + of("height", ada)), Want: 422, Error: "/data/attributes/entries/1/column"},
		{Name: "no individual", As: "x", Do: do, Body: ask(`{"column":"unread-messages"}`), Want: 422, Error: "/data/attributes/entries/0/individual-id"},
		{Name: "no identifier", As: "x", Do: do, Body: ask(`{"column":"unread-messages","individual-id":"x"}`), Want: 422, Error: "/data/attributes/entries/0/individual-id"},
	})
}
