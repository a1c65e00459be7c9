package privacyapi_test

import (
	"maps"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

const holds = "/v1/legal-holds/"

func holding(kind string, entity id.ID, more ...members) members {
	attributes := members{"entity-type": kind, "entity-id": entity, "reason": "a court asks"}
	for _, m := range more {
		maps.Copy(attributes, m)
	}
	return of("legal-holds", attributes)
}

func TestHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := webtest.Do(t, w, "administrator", "POST "+holds, holding("individual-group", w.ward.ID, members{"until": "2036-01-01T00:00:00Z"}))
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	webtest.Golden(t, "courier/hold-created", r.Body)
	hold := idOf(t, r)
	one := holds + hold + "/"
	webtest.Golden(t, "courier/holds", webtest.Do(t, w, "administrator", "GET "+holds, nil).Body)
	held := func(name string, kind string, entity id.ID) webtest.Scenario {
		return webtest.Scenario{
			Name: name, As: "administrator", Do: "POST " + purges, Body: purging(kind, entity), Want: 409, Code: "LegalHold",
			Contains: []string{`"meta":`, hold},
		}
	}
	w.refusals([]webtest.Scenario{
		held("a purge of the group", "individual-group", w.ward.ID), held("of a member", "individual", w.anns.ID),
		held("of the member's user", "user", w.ann.ID), held("of the organization", "organization", w.ours.ID),
		{Name: "released by a reader", As: "reader", Do: "DELETE " + one, Want: 403},
		{Name: "released by a leader", As: "leader", Do: "DELETE " + one, Want: 403},
		{Name: "released by who is held", As: "ann", Do: "DELETE " + one, Want: 403},
		{Name: "released by a machine", As: "machine", Do: "DELETE " + one, Want: 403},
		{Name: "released by a stranger", As: "stranger", Do: "DELETE " + one, Want: 404},
		{Name: "released by nobody", Do: "DELETE " + one, Want: 401},
		{Name: "of nobody's id", As: "administrator", Do: "DELETE " + holds + id.New().String() + "/", Want: 404},
		{Name: "read by a reader", As: "reader", Do: "GET " + one, Want: 200, Contains: []string{`"until":"2036-01-01T00:00:00`}},
		{Name: "read by a stranger", As: "stranger", Do: "GET " + one, Want: 404, Lacks: []string{"court"}},
		{Name: "read by who is held", As: "ann", Do: "GET " + one, Want: 403, Lacks: []string{"court"}},
		{Name: "listed to a stranger", As: "stranger", Do: "GET " + holds, Want: 200, Contains: []string{`"data":[]`}},
		{Name: "listed to a machine", As: "machine", Do: "GET " + holds, Want: 403},
		{Name: "listed without the scope", As: "unscoped", Do: "GET " + holds, Want: 403},
	})
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "a purge of somebody beside it", As: "administrator", Do: "POST " + purges, Body: purging("user", w.ben.ID), Want: 201},
		{Name: "released", As: "administrator", Do: "DELETE " + one, Want: 204},
		{Name: "released twice", As: "administrator", Do: "DELETE " + one, Want: 404},
		{Name: "gone", As: "administrator", Do: "GET " + one, Want: 404},
		{Name: "a purge of the member", As: "administrator", Do: "POST " + purges, Body: purging("user", w.ann.ID), Want: 201},
	})
}

func TestHolds_refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := "POST " + holds
	wrong := func(name string, change members, field string) webtest.Scenario {
		return webtest.Scenario{
			Name: name, As: "administrator", Do: post, Body: holding("user", w.ann.ID, change), Want: 422, Error: "/data/attributes/" + field,
		}
	}
	w.refusals([]webtest.Scenario{
		{Name: "nobody", Do: post, Body: holding("user", w.ann.ID), Want: 401},
		{Name: "a member", As: "ann", Do: post, Body: holding("user", w.ann.ID), Want: 403},
		{Name: "a leader", As: "leader", Do: post, Body: holding("user", w.ann.ID), Want: 403},
		{Name: "a machine", As: "machine", Do: post, Body: holding("user", w.ann.ID), Want: 403},
		{Name: "a reader", As: "reader", Do: post, Body: holding("user", w.ann.ID), Want: 403},
		{Name: "no scope", As: "unscoped", Do: post, Body: holding("user", w.ann.ID), Want: 403},
		{Name: "a user as an individual", As: "administrator", Do: post, Body: holding("individual", w.ann.ID), Want: 404},
		wrong("another kind", members{"entity-type": "site"}, "entity-type"),
		wrong("what is no id", members{"entity-id": "ann"}, "entity-id"),
		wrong("no reason", members{"reason": ""}, "reason"),
		wrong("a reason that is a number", members{"reason": 7}, "reason"),
		wrong("a long reason", members{"reason": strings.Repeat("x", 1025)}, "reason"),
		wrong("what is no instant", members{"until": "tomorrow"}, "until"),
		wrong("the past", members{"until": "2001-01-01T00:00:00Z"}, "until"),
		wrong("an unknown member", members{"created-by-key-id": id.New()}, "created-by-key-id"),
	})
}
