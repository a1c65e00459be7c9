package messagingapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/db"
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

// groupsWorld is a server over a world, asked in the groups API. A bearer token is the name of one of its actors.
type groupsWorld struct {
	*messagingtest.World
	*web.Server
	t      *testing.T
	actors map[string]actor.Actor
}

func newGroupsWorld(t *testing.T) *groupsWorld {
	t.Helper()
	w := &groupsWorld{t: t, World: messagingtest.NewWorld(t, dbtest.SQLite(t))}
	w.Server = web.New(web.Options{Wrap: w.authenticate, Codes: append(messaging.Codes(), directory.Codes()...)})
	messagingapi.Mount(w.Server, w.World.Service, w.Directory, nil)
	nobody := directory.Individual{}
	w.actors = map[string]actor.Actor{
		"administrator": w.Actor(actor.Administrator, nobody),
		"another key":   w.Actor(actor.Administrator, nobody),
		"boss":          w.Actor(actor.Administrator, w.Clerk), // an administrator who is a person
		"machine":       w.Actor(actor.Service, nobody),
		"leader":        w.Actor(actor.Leader, w.Nurse),
		"provider":      w.Actor(actor.Member, w.Clerk),
		"member":        w.Actor(actor.Member, w.Ada),
		"outsider":      w.Actor(actor.Member, w.Cy),
		"stranger":      w.Actor(actor.Administrator, w.Alien),
		"reader":        w.Actor(actor.Administrator, nobody, "*:read"),
		"narrow":        w.Actor(actor.Administrator, nobody, "groups", "contacts"),
	}
	return w
}

func (w *groupsWorld) authenticate(_ web.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a, ok := w.actors[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok {
			web.WriteError(rw, r, errs.CodeUnauthenticated.Errorf("no key was sent"))
			return
		}
		next.ServeHTTP(rw, r.WithContext(actor.With(r.Context(), a)))
	})
}

type object = map[string]any

// do sends a request and checks the status of the answer.
func (w *groupsWorld) do(as, route string, body any, want int) *webtest.Response {
	w.t.Helper()
	r := webtest.Do(w.t, w, as, route, body)
	if r.Status != want {
		w.t.Fatalf("%s as %s: %d, want %d\n%s", route, as, r.Status, want, r.Body)
	}
	return r
}

// form sends a form.
func (w *groupsWorld) form(as, route string, values url.Values, want int) *webtest.Response {
	w.t.Helper()
	s := webtest.Scenario{As: as, Do: route, Body: values.Encode(), Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}
	r := s.Send(w.t, w)
	if r.Status != want {
		w.t.Fatalf("%s as %s: %d, want %d\n%s", route, as, r.Status, want, r.Body)
	}
	return r
}

// rows counts everything that is stored, in both contexts.
func (w *groupsWorld) rows() map[string]int64 {
	w.t.Helper()
	out := map[string]int64{}
	for _, table := range []string{
		"users", "individuals", "individual_groups", "individual_group_members", "channels", "subscribers", "messages", "reactions",
		"conversation_marks", "events",
	} {
		n, err := db.Get(w.t.Context(), w.DB.Q(w.t.Context()), db.Scalar[int64], "select count(*) from "+table)
		if err != nil {
			w.t.Fatal(err)
		}
		out[table] = n
	}
	return out
}

// refuse runs scenarios as an administrator unless they say otherwise; none of them may store anything.
func (w *groupsWorld) refuse(scenarios []webtest.Scenario) {
	w.t.Helper()
	before := w.rows()
	for n := range scenarios {
		if scenarios[n].As == "" {
			scenarios[n].As = "administrator"
		}
		scenarios[n].Then = func(t *testing.T, _ *webtest.Response) {
			t.Helper()
			for table, n := range w.rows() {
				if n != before[table] {
					t.Errorf("%d rows of %s after a refusal, %d before", n, table, before[table])
				}
			}
		}
	}
	webtest.Run(w.t, w, scenarios)
}

// contact makes one and returns its id.
func (w *groupsWorld) contact(username string) string {
	w.t.Helper()
	return w.do("administrator", "POST /v1/contacts", object{"username": username, "phone_number": "+14155552671"}, 201).Text(w.t, "id")
}

// group makes one and returns the ids of it and its conversation.
func (w *groupsWorld) group(name string, contacts ...string) (group, conversation string) {
	w.t.Helper()
	r := w.do("administrator", "POST /v1/groups", object{"name": name, "contacts": contacts}, 201)
	return r.Text(w.t, "id"), r.Text(w.t, "conversation_id")
}

// say posts a message and returns its id.
func (w *groupsWorld) say(as, conversation, text string) string {
	w.t.Helper()
	return w.do(as, "POST /v1/messages", object{"conversation_id": conversation, "message": text}, 201).Text(w.t, "id")
}

// ids are those of a list, with "…" when more follow.
func (w *groupsWorld) ids(as, route string) []string {
	w.t.Helper()
	var list struct {
		More bool `json:"has_more"`
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	r := w.do(as, route, nil, 200)
	if err := json.Unmarshal(r.Body, &list); err != nil {
		w.t.Fatal(err)
	}
	out := []string{}
	for _, item := range list.Data {
		out = append(out, item.ID)
	}
	if list.More {
		out = append(out, "…")
	}
	return out
}

// individual is the individual of a contact's id.
func (w *groupsWorld) individual(short string) id.ID {
	w.t.Helper()
	i, err := id.ParseShort(short)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}
