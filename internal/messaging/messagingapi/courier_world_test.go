package messagingapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingapi"
	"switchboard/internal/messaging/messagingtest"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

// courier is a server over a world. A bearer token is the name of one of its actors.
type courier struct {
	*messagingtest.World
	server *web.Server
	actors map[string]actor.Actor
	sent   map[id.ID]map[string]messaging.DeliveryState // what became of messages
}

func newCourier(t *testing.T) *courier {
	t.Helper()
	c := &courier{World: messagingtest.NewWorld(t, dbtest.SQLite(t)), sent: map[id.ID]map[string]messaging.DeliveryState{}}
	c.server = web.New(web.Options{Wrap: c.authenticate, Codes: messaging.Codes()})
	messagingapi.Mount(c.server, c.World.Service, c.Directory, c)
	nobody := directory.Individual{}
	c.actors = map[string]actor.Actor{
		"administrator": c.Actor(actor.Administrator, nobody),
		"machine":       c.Actor(actor.Service, nobody),
		"nurse":         c.Actor(actor.Leader, c.Nurse),
		"doctor":        c.Actor(actor.Leader, c.Doctor),
		"clerk":         c.Actor(actor.Member, c.Clerk),
		"ada":           c.Actor(actor.Member, c.Ada),
		"ben":           c.Actor(actor.Member, c.Ben),
		"cy":            c.Actor(actor.Member, c.Cy),
		"stranger":      c.Actor(actor.Administrator, c.Alien),
		"reader":        c.Actor(actor.Administrator, nobody, "*:read"),
	}
	return c
}

// ServeHTTP implements http.Handler.
func (c *courier) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.server.ServeHTTP(w, r) }

// ForMessages implements messaging.Destinations.
func (c *courier) ForMessages(context.Context, id.ID, []id.ID) (map[id.ID]map[string]messaging.DeliveryState, error) {
	return c.sent, nil
}

func (c *courier) authenticate(_ web.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := c.actors[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok {
			web.WriteError(w, r, errs.CodeUnauthenticated.Errorf("no key was sent"))
			return
		}
		next.ServeHTTP(w, r.WithContext(actor.With(r.Context(), a)))
	})
}

// refusals runs scenarios of which none may store anything.
func (c *courier) refusals(t *testing.T, scenarios []webtest.Scenario) {
	t.Helper()
	for i := range scenarios {
		scenarios[i].Then = func(before [7]int64) func(*testing.T, *webtest.Response) {
			return func(t *testing.T, _ *webtest.Response) {
				t.Helper()
				if after := c.Rows(t); after != before {
					t.Errorf("stored rows went from %v to %v", before, after)
				}
			}
		}(c.Rows(t))
	}
	webtest.Run(t, c, scenarios)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// second is the error of a call whose answer does not matter.
func second[T any](_ T, err error) error { return err }

type attributes = map[string]any

// create is the document of a create.
func create(typ string, a any) map[string]any {
	return map[string]any{"data": map[string]any{"type": typ, "attributes": a}}
}

// change is the document of an update.
func change(typ string, i id.ID, a any) map[string]any {
	return map[string]any{"data": map[string]any{"type": typ, "id": i, "attributes": a}}
}

// idOf is the id of the resource that was answered.
func idOf(t *testing.T, r *webtest.Response) id.ID {
	t.Helper()
	var doc struct{ Data struct{ ID id.ID } }
	must(t, json.Unmarshal(r.Body, &doc))
	return doc.Data.ID
}

// wantAttribute checks one attribute of the resource that was answered, by its JSON.
func wantAttribute(t *testing.T, r *webtest.Response, name, want string) {
	t.Helper()
	raw, err := json.Marshal(r.Path(t, "data.attributes."+name))
	must(t, err)
	if string(raw) != want {
		t.Errorf("%s is %s, want %s", name, raw, want)
	}
}
