package auditapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/audit/auditapi"
	"switchboard/internal/audit/audittest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/web"
	"switchboard/internal/web/webtest"
)

// desk is a server over an audit of four rows. A bearer token is the name of one of its actors.
type desk struct {
	*audittest.World
	server *web.Server
	actors map[string]actor.Actor
	events []audit.Event // newest first
}

func newDesk(t *testing.T, d *db.DB) *desk {
	t.Helper()
	w := &desk{World: audittest.New(d)}
	ann, ben := audittest.Administrator(w.Org), audittest.Administrator(w.Org)
	with := func(change func(*actor.Actor)) actor.Actor {
		a := audittest.Administrator(w.Org)
		change(&a)
		return a
	}
	w.actors = map[string]actor.Actor{
		"administrator": ann,
		"machine":       with(func(a *actor.Actor) { a.Role = actor.Service }),
		"leader":        with(func(a *actor.Actor) { a.Role = actor.Leader }),
		"member":        with(func(a *actor.Actor) { a.Role = actor.Member }),
		"reader":        with(func(a *actor.Actor) { a.Scopes = []string{"audit-events:read"} }),
		"writer":        with(func(a *actor.Actor) { a.Scopes = []string{"*:write", "messages"} }),
		"stranger":      audittest.Administrator(id.New()),
	}
	w.server = web.New(web.Options{Wrap: w.authenticate})
	auditapi.Mount(w.server, w.Service)
	w.Write(t, ann, "test.thing.made", 2)
	change := event.Change{
		OrganizationID: w.Org, Type: "test.thing.changed", Subject: id.New(), Before: map[string]string{"name": "a"}, After: map[string]string{"name": "b"},
	}
	acting := actor.With(t.Context(), ben)
	actor.ActAs(acting, ann.Individuals[0])
	if err := w.Log.Audit(acting, change); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Millisecond)
	bare := actor.With(t.Context(), actor.Actor{OrganizationID: w.Org})
	if err := w.Log.Audit(bare, event.Change{OrganizationID: w.Org, Type: "test.callback.taken"}); err != nil {
		t.Fatal(err)
	}
	w.Write(t, w.actors["stranger"], "test.secret.made", 1)
	w.Chain(t)
	list, err := w.Store.List(t.Context(), audit.Filter{OrganizationID: w.Org}, page.Offset{Limit: 10})
	if err != nil || len(list.Items) != 4 {
		t.Fatal(list, err)
	}
	w.events = list.Items
	return w
}

func (w *desk) authenticate(_ web.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a, ok := w.actors[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok {
			web.WriteError(rw, r, errs.CodeUnauthenticated.Errorf("no key was sent"))
			return
		}
		next.ServeHTTP(rw, r.WithContext(actor.With(r.Context(), a)))
	})
}

func TestEvents_refuses(t *testing.T) {
	t.Parallel()
	w := newDesk(t, dbtest.SQLite(t))
	one := "GET /v1/audit-events/" + w.events[1].ID.String() + "/"
	theirs, err := w.Store.List(t.Context(), audit.Filter{OrganizationID: w.actors["stranger"].OrganizationID}, page.Offset{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	var scenarios []webtest.Scenario
	for _, do := range []string{"GET /v1/audit-events/", one} {
		scenarios = append(scenarios, webtest.Scenario{Name: "nobody", Do: do, Want: 401})
		for _, who := range []string{"machine", "leader", "member", "writer"} {
			scenarios = append(scenarios, webtest.Scenario{Name: who, As: who, Do: do, Want: 403, Code: "Denied", Lacks: []string{"test."}})
		}
	}
	query := func(name, value string) string { return "GET /v1/audit-events/?" + url.Values{name: {value}}.Encode() }
	scenarios = append(
		scenarios,
		webtest.Scenario{Name: "another organization's", As: "administrator", Do: "GET /v1/audit-events/" + theirs.Items[0].ID.String() + "/", Want: 404, Code: "NotFound"},
		webtest.Scenario{Name: "ours to a stranger", As: "stranger", Do: one, Want: 404, Code: "NotFound"},
		webtest.Scenario{Name: "one that is not there", As: "administrator", Do: "GET /v1/audit-events/" + id.New().String() + "/", Want: 404},
		webtest.Scenario{Name: "no id", As: "administrator", Do: "GET /v1/audit-events/x/", Want: 404},
		webtest.Scenario{Name: "an actor that is no id", As: "administrator", Do: query("filter[actor-id]", "x"), Want: 400, Error: "filter[actor-id]"},
		webtest.Scenario{Name: "a time that is none", As: "administrator", Do: query("filter[cmp-at]", ">soon"), Want: 400, Error: "filter[cmp-at]"},
		webtest.Scenario{Name: "a time or none", As: "administrator", Do: query("filter[cmp-at]", ">2026-11-22|null"), Want: 400, Error: "filter[cmp-at]"},
		webtest.Scenario{Name: "too far back", As: "administrator", Do: query("page[offset]", "100001"), Want: 400, Error: "page[offset]"},
		webtest.Scenario{Name: "an unknown filter", As: "administrator", Do: query("filter[secret]", "x"), Want: 400, Error: "filter[secret]"},
		webtest.Scenario{Name: "writing", As: "administrator", Do: "POST /v1/audit-events/", Body: "{}", Want: 405},
		webtest.Scenario{Name: "changing", As: "administrator", Do: "PATCH " + strings.TrimPrefix(one, "GET "), Body: "{}", Want: 405},
		webtest.Scenario{Name: "deleting", As: "administrator", Do: "DELETE " + strings.TrimPrefix(one, "GET "), Want: 405},
	)
	webtest.Run(t, w.server, scenarios)
	w.Chain(t)
	looks, err := w.Store.List(t.Context(), audit.Filter{OrganizationID: w.Org, Action: audit.ActionRead}, page.Offset{Limit: 10})
	if err != nil || looks.Total != 0 {
		t.Errorf("looks that were refused are in the audit as looks: %+v, %v", looks, err)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newDesk(t, d)
		changed, made := w.events[1], w.events[3]
		has := func(e audit.Event) string { return `"id":"` + e.ID.String() + `"` }
		list := func(name, parameter, value, total string, contains, lacks []string) webtest.Scenario {
			do := "GET /v1/audit-events/?page[limit]=10"
			if parameter != "" {
				do += "&" + url.Values{parameter: strings.Split(value, " ")}.Encode()
			}
			return webtest.Scenario{
				Name: name, As: "administrator", Do: do, Want: 200, Contains: append(contains, `"page[total]":`+total), Lacks: append(lacks, "test.secret"),
			}
		}
		webtest.Run(t, w.server, []webtest.Scenario{
			{Name: "who may read no more", As: "reader", Do: "GET /v1/audit-events/?page[limit]=1", Want: 200, Contains: []string{has(w.events[0]), `"page[total]":4`}, Lacks: []string{has(changed)}},
			{Name: "a stranger sees their own", As: "stranger", Do: "GET /v1/audit-events/", Want: 200, Contains: []string{"test.secret.made"}, Lacks: []string{"test.thing"}},
			list("everything", "", "", "4", []string{has(changed), has(made)}, nil),
			list("an action", "filter[action]", "test.thing.", "3", []string{has(changed), has(made)}, []string{"callback"}),
			list("a key", "filter[actor-id]", changed.KeyID.String(), "1", []string{has(changed)}, []string{has(made)}),
			list("a user", "filter[user-id]", made.UserID.String(), "2", []string{has(made)}, []string{has(changed)}),
			list("as whom", "filter[individual-id]", made.IndividualID.String(), "3", []string{has(made), has(changed)}, []string{"callback"}),
			list("a subject", "filter[subject-id]", changed.Subject.String(), "1", []string{has(changed)}, []string{has(made)}),
			list("before", "filter[cmp-at]", "<"+changed.At.Format(time.RFC3339Nano), "2", []string{has(made)}, []string{has(changed)}),
			list("after", "filter[cmp-at]", ">"+changed.At.Format(time.RFC3339Nano), "1", []string{has(w.events[0])}, []string{has(changed)}),
			list("up to", "filter[cmp-at]", "<="+changed.At.Format(time.RFC3339Nano), "3", []string{has(changed)}, []string{"callback"}),
			list("from, up to", "filter[cmp-at]", ">="+changed.At.Format(time.RFC3339Nano)+" <="+changed.At.Format(time.RFC3339Nano), "1", []string{has(changed)}, []string{has(made)}),
			{Name: "one", As: "administrator", Do: "GET /v1/audit-events/" + changed.ID.String() + "/", Want: 200, Contains: []string{
				`"type":"audit-events"`, `"action":"test.thing.changed"`, `"actor-id":"` + changed.KeyID.String(), `"user-id":"` + changed.UserID.String(),
				`"individual-id":"` + made.IndividualID.String(), `"role":"administrator"`, `"via":"key"`, `"before":{"name":"a"}`, `"after":{"name":"b"}`,
				`"request-id":"r-1"`, `"remote-addr":"192.0.2.1"`, `"place":3`, `"hash":"` + changed.Leaf().String(), `"purge-id":null`, `"at":"2026-11-22T12:00:00.002Z"`,
				`"organization-id":"` + w.Org.String(), `"subject-id":"` + changed.Subject.String(),
			}},
			{Name: "one of nobody", As: "administrator", Do: "GET /v1/audit-events/" + w.events[0].ID.String() + "/", Want: 200, Contains: []string{
				`"actor-id":null`, `"user-id":null`, `"individual-id":null`, `"role":null`, `"via":null`, `"before":null`, `"after":null`, `"request-id":null`, `"remote-addr":null`,
			}},
		})
		if n, err := w.Forget(t.Context(), w.Org, []id.ID{changed.Subject}, id.New()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		webtest.Run(t, w.server, []webtest.Scenario{
			{Name: "after a purge", As: "administrator", Do: "GET /v1/audit-events/" + changed.ID.String() + "/", Want: 200, Contains: []string{
				`"before":null`, `"after":null`, `"hash":"` + changed.Leaf().String(),
			}, Lacks: []string{`"purge-id":null`}},
		})
	})
}
