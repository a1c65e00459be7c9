package directoryapi_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// TestCourier_contract compares every answer with the sample of the published reference: the same members, no more and no
// fewer, each of the same kind or null.
func TestCourier_contract(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent, err := os.ReadFile(filepath.Join("testdata", "contract", "user_change_request.json"))
	w.must(err)
	change := strings.ReplaceAll(string(sent), "11111111-1111-1111-1111-111111111111", w.user.ID.String())
	for sample, do := range map[string]string{
		"organizations": "GET /v1/organizations/", "organization": "GET /v1/organizations/" + w.org.ID.String() + "/",
		"users": "GET /v1/users/", "user": "GET /v1/users/" + w.user.ID.String() + "/",
		"individual": "GET /v1/individuals/" + w.ann.ID.String() + "/", "individual-group": "GET /v1/individual-groups/" + w.group.ID.String() + "/",
		"user_change": "PATCH /v1/users/" + w.user.ID.String() + "/",
	} {
		var body any
		if strings.HasPrefix(do, "PATCH") {
			body = change
		}
		got := webtest.Do(t, w, "administrator", do, body)
		if got.Status != 200 {
			t.Errorf("%s: %d %s", do, got.Status, got.Body)
			continue
		}
		raw, err := os.ReadFile(filepath.Join("testdata", "contract", sample+".json"))
		w.must(err)
		var want any
		w.must(json.Unmarshal(raw, &want))
		sameShape(t, sample, want, got.JSON(t))
	}
}

// sameShape compares members by name. meta is open in the reference; so is what people prefer.
func sameShape(t *testing.T, at string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %T", at, got)
			return
		}
		if strings.HasSuffix(at, ".meta") || strings.HasSuffix(at, ".communication-preferences") {
			return
		}
		for name := range want {
			member, ok := object[name]
			if !ok {
				t.Errorf("%s lacks %s", at, name)
			} else if member != nil {
				sameShape(t, at+"."+name, want[name], member)
			}
		}
		for name := range object {
			if _, ok := want[name]; !ok {
				t.Errorf("%s has %s", at, name)
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %T", at, got)
		}
		for _, item := range list {
			sameShape(t, at+"[]", want[0], item)
		}
	case string:
		if _, ok := got.(string); !ok {
			t.Errorf("%s is %T", at, got)
		}
	case bool:
		if _, ok := got.(bool); !ok {
			t.Errorf("%s is %T", at, got)
		}
	}
}

// TestCourier_golden keeps the whole bodies.
func TestCourier_golden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := webtest.Do(t, w, "administrator", "POST /v1/users/", create("users", attributes{
		"username": "Hector", "account-type": "provider", "email": "hector@example.org", "email-verified": true, "phone": "(415) 555-2671",
		"first-name": "Hector", "last-name": "Barbossa", "locale": "es-US", "tz": "America/New_York", "state": "invited", "sms-mode": "two-way",
		"notifications": []string{"sms", "email"}, "webhook-url": "https://example.org/hook", "organization-id": w.org.ID,
		"communication-preferences": attributes{"sms": attributes{
			"quiet-hours": []attributes{{"day": "monday", "start": "22:00", "end": "06:00"}}, "urgent-override": true,
		}, "email": attributes{"enabled": false}},
	}))
	webtest.Golden(t, "user_created.json", made.Body)
	person := made.Text(t, "data.attributes.primary-individual-id")
	for name, do := range map[string]string{
		"users.json":             "GET /v1/users/?page[limit]=2",
		"user_by_email.json":     "GET /v1/users/?filter[email]=HECTOR@example.org",
		"individual.json":        "GET /v1/individuals/" + person + "/",
		"individuals.json":       "GET /v1/individuals/?filter[individual-group-id]=" + w.group.ID.String(),
		"individual-groups.json": "GET /v1/individual-groups/",
		"organizations.json":     "GET /v1/organizations/",
		"not_found.json":         "GET /v1/users/" + w.third.ID.String() + "/",
	} {
		webtest.Golden(t, name, webtest.Do(t, w, "administrator", do, nil).Body)
	}
	webtest.Golden(t, "individual_created.json", webtest.Do(t, w, "administrator", "POST /v1/individuals/", create("individuals", attributes{
		"first-name": "Ada", "last-name": "Lovelace", "preferred-name": "Countess", "birth-date": "1815-12-10",
	})).Body)
	webtest.Golden(t, "organization_created.json", webtest.Do(t, w, "administrator", "POST /v1/organizations/", create("organizations", attributes{
		"name": "New", "timezone": "Asia/Tokyo", "provider-type": "clinic",
	})).Body)
	webtest.Golden(t, "refused.json", webtest.Do(t, w, "administrator", "POST /v1/users/", create("users", attributes{
		"username": "x", "email": "x", "communication-preferences": attributes{"fax": attributes{}},
	})).Body)
}

// TestCourier_roles is the role matrix of every operation: the status that each caller gets.
func TestCourier_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		do   string
		body any
		want map[string]int // others get 403
	}{
		{"GET /v1/organizations/", nil, map[string]int{"administrator": 200, "machine": 200, "leader": 200, "member": 200, "reader": 200, "stranger": 200}},
		{"GET /v1/organizations/" + w.org.ID.String() + "/", nil, map[string]int{"administrator": 200, "machine": 200, "leader": 200, "member": 200, "reader": 200, "stranger": 404}},
		{"PATCH /v1/organizations/" + w.org.ID.String() + "/", change("organizations", w.org.ID, attributes{"classification": "x"}), map[string]int{"administrator": 200, "stranger": 404}},
		{"GET /v1/users/" + w.leader.OwnerID.String() + "/", nil, map[string]int{"administrator": 200, "machine": 200, "leader": 200, "member": 404, "reader": 200, "stranger": 404}},
		{"GET /v1/users/" + w.user.ID.String(), nil, map[string]int{"administrator": 200, "machine": 200, "leader": 200, "member": 200, "reader": 200, "stranger": 404}},
		{"PATCH /v1/users/" + w.user.ID.String() + "/", change("users", w.user.ID, attributes{"notifications": []string{"email"}}), map[string]int{"administrator": 200, "member": 200, "stranger": 404}},
		{"PATCH /v1/users/" + w.user.ID.String() + "/", change("users", w.user.ID, attributes{"first-name": "Ann"}), map[string]int{"administrator": 200, "stranger": 404}},
		{"POST /v1/users/", create("users", attributes{"username": "new"}), map[string]int{"administrator": 201, "stranger": 201}},
		{"GET /v1/individuals/" + w.cy.ID.String() + "/", nil, map[string]int{"administrator": 200, "machine": 200, "leader": 200, "member": 404, "reader": 200, "stranger": 404}},
		{"GET /v1/individuals/" + w.leader.ID.String() + "/", nil, map[string]int{"administrator": 200, "machine": 200, "leader": 200, "member": 200, "reader": 200, "stranger": 404}},
		{"PATCH /v1/individuals/" + w.ann.ID.String() + "/", change("individuals", w.ann.ID, attributes{"first-name": "Ann"}), map[string]int{"administrator": 200, "stranger": 404}},
		{"POST /v1/individuals/", create("individuals", attributes{}), map[string]int{"administrator": 201, "stranger": 201}},
		{"GET /v1/individual-groups/" + w.group.ID.String() + "/", nil, map[string]int{"administrator": 200, "machine": 200, "leader": 200, "member": 200, "reader": 200, "stranger": 404}},
		{"PATCH /v1/individual-groups/" + w.group.ID.String() + "/", change("individual-groups", w.group.ID, attributes{"name": "Ward 8"}), map[string]int{"administrator": 200, "stranger": 404}},
		{"POST /v1/individual-groups/", create("individual-groups", attributes{"name": "x"}), map[string]int{"administrator": 201, "stranger": 201}},
		{"POST /v1/organizations/", create("organizations", attributes{"name": "x"}), map[string]int{"administrator": 201, "stranger": 201}},
		{"DELETE /v1/individual-groups/" + w.group.ID.String() + "/", nil, map[string]int{"stranger": 404, "administrator": 204}},
		{"DELETE /v1/individuals/" + w.cy.ID.String() + "/", nil, map[string]int{"stranger": 404, "administrator": 204}},
		{"DELETE /v1/users/" + w.user.ID.String() + "/", nil, map[string]int{"stranger": 404, "administrator": 204}},
		{"DELETE /v1/organizations/" + w.org.ID.String() + "/", nil, map[string]int{"stranger": 404, "administrator": 204}},
	} {
		callers := []string{"", "stranger", "reader", "member", "leader", "machine", "administrator"} // who may do it comes last
		for _, who := range callers {
			want, listed := tc.want[who]
			switch {
			case who == "":
				want = 401
			case !listed:
				want = 403
			}
			before := w.events()
			got := webtest.Do(t, w, who, tc.do, tc.body)
			if got.Status != want {
				t.Errorf("%s as %q: %d, want %d\n%s", tc.do, who, got.Status, want, got.Body)
			}
			if got.Status >= 400 && w.events() != before {
				t.Errorf("%s as %q: recorded after a refusal", tc.do, who)
			}
		}
	}
}

// TestCourier_wrongInput sends what is wrong in every kind of way; the value is named and nothing is stored.
func TestCourier_wrongInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const at = "/data/attributes/"
	users := func(a attributes) map[string]any { return create("users", a) }
	groups := func(a attributes) map[string]any { return create("individual-groups", a) }
	quiet := func(day, start, end string) map[string]any {
		return users(attributes{"username": "x", "communication-preferences": attributes{"sms": attributes{
			"quiet-hours": []attributes{{"day": day, "start": start, "end": end}},
		}}})
	}
	scenarios := []webtest.Scenario{
		{Name: "no body", Do: "POST /v1/users/", Want: 400},
		{Name: "no JSON", Do: "POST /v1/users/", Body: "{", Want: 400},
		{Name: "another type", Do: "POST /v1/users/", Body: create("individuals", attributes{"username": "x"}), Want: 422, Error: "/data/type"},
		{Name: "no username", Do: "POST /v1/users/", Body: users(attributes{}), Want: 422, Error: at + "username", Code: "RequiredValue"},
		{Name: "username null", Do: "POST /v1/users/", Body: users(attributes{"username": nil}), Want: 422, Error: at + "username", Code: "RequiredValue"},
		{Name: "username blank", Do: "POST /v1/users/", Body: users(attributes{"username": "  "}), Want: 422, Error: at + "username"},
		{Name: "username too long", Do: "POST /v1/users/", Body: users(attributes{"username": strings.Repeat("x", 256)}), Want: 422, Error: at + "username"},
		{Name: "username a number", Do: "POST /v1/users/", Body: users(attributes{"username": 7}), Want: 422, Error: at + "username"},
		{Name: "username taken", Do: "POST /v1/users/", Body: users(attributes{"username": "ANN"}), Want: 409, Error: at + "username", Code: "DuplicateUsername"},
		{Name: "unknown attribute", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "nickname": "y"}), Want: 422, Error: at + "nickname", Code: "UnknownAttribute"},
		{Name: "read-only attribute", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "last-sync-time": "2026-01-01T00:00:00Z"}), Want: 422, Error: at + "last-sync-time"},
		{Name: "another organization", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "organization-id": w.other.ID}), Want: 422, Error: at + "organization-id"},
		{Name: "e-mail", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "email": "nobody"}), Want: 422, Error: at + "email"},
		{Name: "phone", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "phone": "12"}), Want: 422, Error: at + "phone"},
		{Name: "state", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "state": "gone"}), Want: 422, Error: at + "state"},
		{Name: "sms-mode", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "sms-mode": "on"}), Want: 422, Error: at + "sms-mode"},
		{Name: "account-type", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "account-type": "boss"}), Want: 422, Error: at + "account-type"},
		{Name: "transport", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "notifications": []string{"email", "fax"}}), Want: 422, Error: at + "notifications/1"},
		{Name: "preference", Do: "POST /v1/users/", Body: users(attributes{"username": "x", "communication-preferences": attributes{"fax": attributes{}}}), Want: 422, Error: at + "communication-preferences/fax"},
		{Name: "day", Do: "POST /v1/users/", Body: quiet("someday", "01:00", "02:00"), Want: 422, Error: at + "communication-preferences/sms/quiet-hours/0/day"},
		{Name: "start", Do: "POST /v1/users/", Body: quiet("monday", "25:00", "02:00"), Want: 422, Error: at + "communication-preferences/sms/quiet-hours/0/start"},
		{Name: "end", Do: "POST /v1/users/", Body: quiet("monday", "01:00", "24:01"), Want: 422, Error: at + "communication-preferences/sms/quiet-hours/0/end"},
		{Name: "zone", Do: "PATCH /v1/users/" + w.user.ID.String() + "/", Body: change("users", w.user.ID, attributes{"tz": "Berlin"}), Want: 422, Error: at + "tz"},
		{Name: "locale", Do: "PATCH /v1/users/" + w.user.ID.String() + "/", Body: change("users", w.user.ID, attributes{"locale": "klingon"}), Want: 422, Error: at + "locale"},
		{Name: "another id than the path's", Do: "PATCH /v1/users/" + w.user.ID.String() + "/", Body: change("users", w.third.ID, attributes{}), Want: 422, Error: "/data/id"},
		{Name: "a path that is no id", Do: "GET /v1/users/me/", Want: 404},
		{Name: "birth date", Do: "POST /v1/individuals/", Body: create("individuals", attributes{"birth-date": "2001-02-30"}), Want: 422, Error: at + "birth-date"},
		{Name: "owner of another organization", Do: "POST /v1/individuals/", Body: create("individuals", attributes{"owner-id": w.third.ID}), Want: 422, Error: at + "owner-id"},
		{Name: "owner that is no id", Do: "POST /v1/individuals/", Body: create("individuals", attributes{"owner-id": "x"}), Want: 422, Error: at + "owner-id"},
		{Name: "second provider", Do: "POST /v1/individuals/", Body: create("individuals", attributes{"owner-id": w.leader.OwnerID, "account-type": "provider"}), Want: 409, Code: "SecondProvider"},
		{Name: "account type changed", Do: "PATCH /v1/individuals/" + w.ann.ID.String() + "/", Body: change("individuals", w.ann.ID, attributes{"account-type": "provider"}), Want: 422, Error: at + "account-type"},
		{Name: "group without a name", Do: "POST /v1/individual-groups/", Body: groups(attributes{}), Want: 422, Error: at + "name"},
		{Name: "member unknown", Do: "POST /v1/individual-groups/", Body: groups(attributes{"name": "x", "individual-ids": []id.ID{w.ann.ID, w.theirs.ID}}), Want: 422, Error: at + "individual-ids/1"},
		{Name: "leader no provider", Do: "POST /v1/individual-groups/", Body: groups(attributes{"name": "x", "leader-ids": []id.ID{w.ann.ID}}), Want: 422, Error: at + "leader-ids/0"},
		{Name: "parent of another organization", Do: "POST /v1/individual-groups/", Body: groups(attributes{"name": "x", "parent-id": w.theirGroup.ID}), Want: 422, Error: at + "parent-id"},
		{Name: "cycle", Do: "PATCH /v1/individual-groups/" + w.group.ID.String() + "/", Body: change("individual-groups", w.group.ID, attributes{"parent-id": w.group.ID}), Want: 409, Code: "GroupCycle", Error: at + "parent-id"},
		{Name: "organization without a name", Do: "PATCH /v1/organizations/" + w.org.ID.String() + "/", Body: change("organizations", w.org.ID, attributes{"name": ""}), Want: 422, Error: at + "name"},
		{Name: "organization's zone", Do: "POST /v1/organizations/", Body: create("organizations", attributes{"name": "x", "timezone": "Mars"}), Want: 422, Error: at + "timezone"},
		{Name: "limit", Do: "GET /v1/users/?page[limit]=1001", Want: 400, Error: "page[limit]"},
		{Name: "offset", Do: "GET /v1/individuals/?page[offset]=-1", Want: 400, Error: "page[offset]"},
		{Name: "unknown filter", Do: "GET /v1/individual-groups/?filter[color]=red", Want: 400, Error: "filter[color]"},
		{Name: "filter that is no id", Do: "GET /v1/individuals/?filter[individual-group-id]=x", Want: 400, Error: "filter[individual-group-id]"},
		{Name: "filter that is no e-mail", Do: "GET /v1/users/?filter[email]=x", Want: 400, Error: "filter[email]"},
	}
	for n := range scenarios {
		scenarios[n].As = "administrator"
		scenarios[n].Then = func(t *testing.T, _ *webtest.Response) {
			if n := w.events(); n != 0 {
				t.Errorf("%d events after a refusal", n)
			}
		}
	}
	webtest.Run(t, w, scenarios)
}

// TestCourier_work goes through a life: made, changed, found, deleted.
func TestCourier_work(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	do := func(as, route string, body any) *webtest.Response { return webtest.Do(t, w, as, route, body) }
	must := func(r *webtest.Response, status int) *webtest.Response {
		t.Helper()
		if r.Status != status {
			t.Fatalf("status %d, want %d\n%s", r.Status, status, r.Body)
		}
		return r
	}
	made := must(do("administrator", "POST /v1/users/", create("users", attributes{"username": "nurse", "account-type": "provider", "phone": "+14155552671"})), 201)
	user, person := made.Text(t, "data.id"), made.Text(t, "data.attributes.primary-individual-id")
	alone := must(do("administrator", "POST /v1/users/", create("users", attributes{"username": "alone", "create-individual": false})), 201)
	if alone.Path(t, "data.attributes.primary-individual-id") != nil {
		t.Errorf("a user that wanted no individual: %s", alone.Body)
	}
	g := must(do("administrator", "POST /v1/individual-groups/", create("individual-groups", attributes{
		"name": "Night shift", "leader-ids": []string{person}, "individual-ids": []id.ID{w.cy.ID}, "parent-id": w.group.ID,
	})), 201)
	group := g.Text(t, "data.id")
	if g.Text(t, "data.attributes.leaders.0.id") != person || g.Text(t, "data.attributes.parent-id") != w.group.ID.String() {
		t.Errorf("group: %s", g.Body)
	}
	byID, err := id.Parse(user)
	w.must(err)
	u := must(do("administrator", "PATCH /v1/users/"+user+"/", change("users", byID, attributes{"phone": nil, "tz": "Asia/Tokyo", "state": nil})), 200)
	if u.Path(t, "data.attributes.phone") != nil || u.Text(t, "data.attributes.tz-explicit") != "true" || u.Text(t, "data.attributes.state") != "active" {
		t.Errorf("changed: %s", u.Body)
	}
	counts := map[string]int{
		"GET /v1/users/": 5, "GET /v1/users/?filter[username]=NURSE": 1, "GET /v1/users/?filter[individual-id]=" + person: 1,
		"GET /v1/individuals/": 4, "GET /v1/individuals/?filter[name]=c": 1, "GET /v1/individuals/?filter[individual-group-id]=" + group: 2,
		"GET /v1/individual-groups/": 2, "GET /v1/individual-groups/?filter[name]=night": 1, "GET /v1/organizations/?filter[name]=theirs": 0,
	}
	check := func(when string) {
		t.Helper()
		for route, want := range counts {
			r := must(do("administrator", route, nil), 200)
			if r.Len(t, "data") != want || r.Text(t, "meta.page[total]") != strconv.Itoa(want) {
				t.Errorf("%s: %s: %s", when, route, r.Body)
			}
		}
	}
	check("after making")
	must(do("administrator", "DELETE /v1/users/"+user+"/", nil), 204)
	must(do("administrator", "GET /v1/users/"+user+"/", nil), 404)
	must(do("administrator", "GET /v1/individuals/"+person+"/", nil), 404)
	counts["GET /v1/users/"], counts["GET /v1/users/?filter[username]=NURSE"], counts["GET /v1/users/?filter[individual-id]="+person] = 4, 0, 0
	counts["GET /v1/individuals/"], counts["GET /v1/individuals/?filter[individual-group-id]="+group] = 3, 1
	check("after deleting")
	got := must(do("administrator", "GET /v1/individual-groups/"+group+"/", nil), 200)
	if got.Len(t, "data.attributes.leaders") != 0 || got.Len(t, "data.attributes.individuals") != 1 {
		t.Errorf("group after its leader was deleted: %s", got.Body)
	}
	seen := must(do("member", "GET /v1/individuals/", nil), 200)
	if names := []string{seen.Text(t, "data.0.attributes.first-name"), seen.Text(t, "data.1.attributes.first-name")}; !slices.Equal(names, []string{"ann", "leader"}) {
		t.Errorf("a member sees %s", seen.Body)
	}
}
