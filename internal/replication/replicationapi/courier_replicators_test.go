package replicationapi_test

import (
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

func TestReplicators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.service.Register(t.Context()))
	_, err := w.service.PollNow(w.as("administrator"), "hr", false)
	w.must(err)
	list := webtest.Do(t, w, "administrator", "GET /v1/replicators/", nil)
	one := "GET /v1/replicators/" + list.Text(t, "data.0.id") + "/"
	poll := "POST" + strings.TrimPrefix(one, "GET") + "poll/"
	webtest.Golden(t, "courier/replicators.json", list.Body)
	var scenarios []webtest.Scenario
	for who, want := range map[string]int{"": 401, "member": 403, "leader": 403, "machine": 403, "unscoped": 403, "stranger": 404} {
		listed := want
		if who == "stranger" {
			listed = 200
		}
		scenarios = append(scenarios,
			webtest.Scenario{Name: who + " reads", As: who, Do: one, Want: want, Lacks: []string{"directory.test"}},
			webtest.Scenario{Name: who + " lists", As: who, Do: "GET /v1/replicators/", Want: listed, Lacks: []string{"directory.test"}},
			webtest.Scenario{Name: who + " polls", As: who, Do: poll, Want: want})
	}
	webtest.Run(t, w, append(scenarios,
		webtest.Scenario{As: "administrator", Do: one, Want: 200, Contains: []string{`"classpath":"directory.test"`, `"errors":1`, `"line":2`, `"field":"email"`}},
		webtest.Scenario{As: "reader", Do: poll, Want: 403},
		webtest.Scenario{As: "administrator", Do: "GET /v1/replicators/" + id.New().String() + "/", Want: 404},
		webtest.Scenario{As: "administrator", Do: "GET /v1/replicators/?x=1", Want: 400},
	))
	if asked := webtest.Do(t, w, "administrator", poll, nil); asked.Status != 202 || asked.Text(t, "data.attributes.name") != "hr" {
		t.Errorf("%d %s", asked.Status, asked.Body)
	}
	c, found, err := w.store.ClaimReplicator(t.Context(), []string{"hr"}, w.now, w.now)
	if err != nil || !found || !c.Forced {
		t.Errorf("after the request it is due: %v, %v", found, err)
	}
}
