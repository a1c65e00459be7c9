package directoryapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

func TestSites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := webtest.Do(t, w, "administrator", "POST /sites", map[string]any{
		"name": "HQ", "address": "Main St 1", "timezone": "America/New_York", "tags": []string{"prod", "east"}, "metadata": map[string]any{"floor": 3, "none": nil},
	})
	if made.Status != 201 {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	webtest.Golden(t, "site.json", made.Body)
	prefixed := made.Text(t, "id")
	bare := strings.TrimPrefix(prefixed, "site_")
	least := webtest.Do(t, w, "administrator", "POST /sites", map[string]any{"name": "Depot"})
	webtest.Golden(t, "site_least.json", least.Body)
	webtest.Golden(t, "sites.json", webtest.Do(t, w, "member", "GET /sites", nil).Body)
	webtest.Golden(t, "sites_none.json", webtest.Do(t, w, "stranger", "GET /sites", nil).Body)

	name := map[string]any{"name": "x"}
	before := w.events()
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "by its prefixed id", As: "member", Do: "GET /sites/" + prefixed, Want: 200, Contains: []string{prefixed, `"Main St 1"`}},
		{Name: "by its bare id", As: "leader", Do: "GET /sites/" + bare, Want: 200, Contains: []string{prefixed}},
		{Name: "another organization's", As: "stranger", Do: "GET /sites/" + prefixed, Want: 404, Lacks: []string{"HQ"}},
		{Name: "none", As: "machine", Do: "GET /sites/" + id.New().String(), Want: 404},
		{Name: "no id", As: "machine", Do: "GET /sites/usr_" + bare, Want: 404},
		{Name: "nobody lists", Do: "GET /sites", Want: 401},
		{Name: "nobody creates", Do: "POST /sites", Body: name, Want: 401},
		{Name: "member creates", As: "member", Do: "POST /sites", Body: name, Want: 403},
		{Name: "leader creates", As: "leader", Do: "POST /sites", Body: name, Want: 403},
		{Name: "machine creates", As: "machine", Do: "POST /sites", Body: name, Want: 403},
		{Name: "reader creates", As: "reader", Do: "POST /sites", Body: name, Want: 403},
		{Name: "stranger updates", As: "stranger", Do: "PUT /sites/" + bare, Body: name, Want: 404},
		{Name: "member updates", As: "member", Do: "PUT /sites/" + bare, Body: name, Want: 403},
		{Name: "stranger deletes", As: "stranger", Do: "DELETE /sites/" + bare, Want: 404},
		{Name: "member deletes", As: "member", Do: "DELETE /sites/" + bare, Want: 403},
		{Name: "no name", As: "administrator", Do: "POST /sites", Body: map[string]any{}, Want: 422, Error: "name"},
		{Name: "unknown member", As: "administrator", Do: "POST /sites", Body: map[string]any{"name": "x", "color": "red"}, Want: 422, Error: "color"},
		{Name: "zone", As: "administrator", Do: "POST /sites", Body: map[string]any{"name": "x", "timezone": "Mars"}, Want: 422, Error: "timezone"},
		{Name: "tag", As: "administrator", Do: "POST /sites", Body: map[string]any{"name": "x", "tags": []string{"ok", ""}}, Want: 422, Error: "tags.1"},
		{Name: "tags that are none", As: "administrator", Do: "POST /sites", Body: map[string]any{"name": "x", "tags": "prod"}, Want: 422, Error: "tags"},
		{Name: "metadata that is none", As: "administrator", Do: "POST /sites", Body: map[string]any{"name": "x", "metadata": []int{1}}, Want: 422, Error: "metadata"},
		{Name: "name too long", As: "administrator", Do: "PUT /sites/" + bare, Body: map[string]any{"name": strings.Repeat("x", 256)}, Want: 422, Error: "name"},
	})
	if n := w.events(); n != before {
		t.Errorf("%d events after refusals", n-before)
	}
	webtest.Run(t, w, []webtest.Scenario{
		{
			Name: "omitted stays", As: "administrator", Do: "PUT /sites/" + bare, Body: map[string]any{"metadata": map[string]any{"floor": nil, "room": json.Number("12345678901234567890")}},
			Want: 200, Contains: []string{`"name":"HQ"`, `"room":12345678901234567890`, `"prod"`}, Lacks: []string{"floor"},
		},
		{
			Name: "null clears", As: "administrator", Do: "PUT /sites/" + bare, Body: map[string]any{"address": nil, "timezone": nil, "name": nil, "tags": []string{}},
			Want: 200, Contains: []string{`"name":"HQ"`, `"address":null`, `"timezone":"Europe/Berlin"`, `"tags":[]`},
		},
		{Name: "delete", As: "administrator", Do: "DELETE /sites/" + prefixed, Want: 204},
		{Name: "gone", As: "administrator", Do: "GET /sites/" + prefixed, Want: 404},
		{Name: "second delete", As: "administrator", Do: "DELETE /sites/" + prefixed, Want: 404},
	})
}
