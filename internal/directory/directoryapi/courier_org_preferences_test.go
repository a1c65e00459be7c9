package directoryapi_test

import (
	"maps"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/web/webtest"
)

const preferencesURL = "/v1/org-preferences/"

func TestOrgPreferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	webtest.Golden(t, "org_preferences.json", webtest.Do(t, w, "member", "GET "+preferencesURL+"?organization-id="+w.org.ID.String(), nil).Body)
	set := func(name, typ string, more attributes) map[string]any {
		a := attributes{"name": name, "type": typ}
		maps.Copy(a, more)
		return create("org-preferences", a)
	}
	title := directory.PreferenceID(w.org.ID, directory.DefaultChannelTitle).String()
	theirs := directory.PreferenceID(w.other.ID, directory.DefaultChannelTitle).String()
	made := webtest.Do(t, w, "administrator", "POST "+preferencesURL, set("default-channel-title", "json", attributes{
		"organization-id": w.org.ID, "value": nil, "value-js": attributes{"en_US": "With {{individual.name}}", "es-US": "Con {{individual.name}}"},
	}))
	webtest.Golden(t, "org_preference_set.json", made.Body)
	yes := attributes{"value": "true"}
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "by name", As: "member", Do: "GET " + preferencesURL + "?filter[name]=group-provider-ack", Want: 200, Then: func(t *testing.T, r *webtest.Response) {
			if r.Len(t, "data") != 1 || r.Text(t, "data.0.attributes.value") != "false" {
				t.Errorf("%s", r.Body)
			}
		}},
		{Name: "one", As: "member", Do: "GET " + preferencesURL + title + "/", Want: 200},
		{Name: "a boolean", As: "administrator", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", yes), Want: 201},
		{Name: "reset", As: "administrator", Do: "DELETE " + preferencesURL + title + "/", Want: 204},
		{Name: "reset again", As: "administrator", Do: "DELETE " + preferencesURL + title + "/", Want: 204},
		{Name: "the default is back", As: "member", Do: "GET " + preferencesURL + title + "/", Want: 200, Then: func(t *testing.T, r *webtest.Response) {
			if r.Text(t, "data.attributes.value") != "{{individual.name}}" {
				t.Errorf("%s", r.Body)
			}
		}},
	})
	before := w.events()
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "nobody", Do: "GET " + preferencesURL, Want: 401},
		{Name: "another organization's list", As: "member", Do: "GET " + preferencesURL + "?organization-id=" + w.other.ID.String(), Want: 404},
		{Name: "an unknown name", As: "member", Do: "GET " + preferencesURL + "?filter[name]=x", Want: 400, Error: "filter[name]"},
		{Name: "an unknown parameter", As: "member", Do: "GET " + preferencesURL + "?page[limit]=1", Want: 400, Error: "page[limit]"},
		{Name: "another organization's", As: "administrator", Do: "GET " + preferencesURL + theirs + "/", Want: 404},
		{Name: "a member sets", As: "member", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", yes), Want: 403},
		{Name: "a leader sets", As: "leader", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", yes), Want: 403},
		{Name: "a machine sets", As: "machine", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", yes), Want: 403},
		{Name: "a reader sets", As: "reader", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", yes), Want: 403},
		{Name: "another organization's key resets", As: "stranger", Do: "DELETE " + preferencesURL + title + "/", Want: 404},
		{Name: "for another organization", As: "administrator", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", attributes{"value": "true", "organization-id": w.other.ID}), Want: 422, Error: "/data/attributes/organization-id"},
		{Name: "an unknown setting", As: "administrator", Do: "POST " + preferencesURL, Body: set("x", "text", yes), Want: 422, Error: "/data/attributes/name"},
		{Name: "the wrong type", As: "administrator", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "text", yes), Want: 422, Error: "/data/attributes/type"},
		{Name: "no boolean", As: "administrator", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", attributes{"value": "maybe"}), Want: 422, Error: "/data/attributes/value"},
		{Name: "a text of a number", As: "administrator", Do: "POST " + preferencesURL, Body: set("default-channel-title", "json", attributes{"value-js": attributes{"en": 1}}), Want: 422, Error: "/data/attributes/value-js/en"},
		{Name: "an unknown variable", As: "administrator", Do: "POST " + preferencesURL, Body: set("default-channel-title", "json", attributes{"value-js": attributes{"en": "{{x}}"}}), Want: 422, Error: "/data/attributes/value-js/en"},
		{Name: "an unknown member", As: "administrator", Do: "POST " + preferencesURL, Body: set("group-provider-ack", "boolean", attributes{"value": "true", "color": "red"}), Want: 422, Error: "/data/attributes/color"},
	})
	if after := w.events(); after != before {
		t.Errorf("%d entries after refusals", after-before)
	}
}
