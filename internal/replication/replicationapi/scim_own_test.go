package replicationapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/replication"
	"switchboard/internal/web/webtest"
)

// group makes a group of users and returns its identifier.
func (w *world) group(name string, users ...string) string {
	w.t.Helper()
	members := make([]map[string]string, len(users))
	for n, u := range users {
		members[n] = map[string]string{"value": u}
	}
	raw, err := json.Marshal(map[string]any{"displayName": name, "members": members})
	w.must(err)
	return w.want(201, "POST /scim/v2/Groups", string(raw)).Text(w.t, "id")
}

// TestSCIM_groups shows on users the groups that they are in, by whatever way they came into them, and nobody can write them.
func TestSCIM_groups(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		ada, bob := w.user("ada"), w.user("bob")
		before := w.want(200, "GET /scim/v2/Users/"+ada, "", `"groups":[]`).Text(t, "meta.version")
		north, south := w.group("North", ada, bob), w.group("South", ada)
		read := w.want(200, "GET /scim/v2/Users/"+ada, "",
			`"groups":[{"$ref":"https://x.test/scim/v2/Groups/`+north+`","display":"North","type":"direct","value":"`+north+`"},`+
				`{"$ref":"https://x.test/scim/v2/Groups/`+south+`","display":"South","type":"direct","value":"`+south+`"}]`)
		if read.Text(t, "meta.version") == before {
			t.Error("the version is that from before the groups")
		}
		w.want(200, "GET /scim/v2/Users/"+ada+"?excludedAttributes=groups", "", strings.ReplaceAll(read.Text(t, "meta.version"), `"`, `\"`))
		if r := w.push("GET /scim/v2/Users/"+ada, "", "If-None-Match", before); r.Status != 200 {
			t.Errorf("with other groups: %d", r.Status)
		}
		list := w.want(200, "GET /scim/v2/Users?attributes=groups.display", "", `"totalResults":2`)
		if a, b := list.Len(t, "Resources.0.groups"), list.Len(t, "Resources.1.groups"); a != 2 || b != 1 || list.Text(t, "Resources.1.groups.0.display") != "North" {
			t.Errorf("%d and %d groups: %s", a, b, list.Body)
		}
		for text, want := range map[string]int{
			`groups.value eq "` + north + `"`: 2, `groups eq "` + south + `"`: 1, `groups[value eq "` + south + `"]`: 1, `groups.display sw "Sou"`: 1,
			`groups.value eq "` + south + `" and userName eq "bob"`: 0, `groups.value eq "` + ada + `"`: 0, `groups.value eq "x"`: 0, `not (groups pr)`: 0,
		} {
			w.want(200, filter("Users", text), "", fmt.Sprintf(`"totalResults":%d}`, want))
		}
		w.want(200, "PUT /scim/v2/Users/"+ada, `{"userName":"ada","groups":[]}`, `"display":"North"`)
		w.want(200, "PATCH /scim/v2/Users/"+ada, `{"Operations":[{"op":"replace","value":{"groups":[],"title":"Nurse"}}]}`, `"display":"North"`, `"title":"Nurse"`)
		w.want(204, "PATCH /scim/v2/Groups/"+south, `{"Operations":[{"op":"remove","path":"members"}]}`)
		w.want(204, "DELETE /scim/v2/Groups/"+north, "")
		w.want(200, "GET /scim/v2/Users/"+ada, "", `"groups":[]`)

		many := make([]id.ID, 1001)
		for n := range many {
			i, err := w.people.CreateIndividual(w.as("administrator"), directory.NewIndividual{IndividualEdit: directory.IndividualEdit{FirstName: new("N")}})
			w.must(err)
			many[n] = i.ID
		}
		crowd, err := w.people.CreateGroup(w.as("administrator"), directory.GroupEdit{Name: new("Crowd"), IndividualIDs: &many})
		w.must(err)
		w.want(400, filter("Users", `groups.value eq "`+crowd.ID.String()+`"`), "", `"scimType":"tooMany"`)
	})
}

// TestSCIM_me has the user of a token read, by who may use SCIM at all.
func TestSCIM_me(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	own, err := id.Parse(ada)
	w.must(err)
	for who, scopes := range map[string][]string{"ada": {"scim"}, "ada, reading": {"scim:read"}, "ada, otherwise": {"users"}} {
		w.actors[who] = actor.Actor{OrganizationID: w.ours.ID, Role: actor.Administrator, UserID: own, Scopes: scopes}
	}
	w.actors["ada, no administrator"] = actor.Actor{OrganizationID: w.ours.ID, Role: actor.Leader, UserID: own, Scopes: []string{"*"}}
	w.actors["nobody any more"] = actor.Actor{OrganizationID: w.ours.ID, Role: actor.Administrator, UserID: id.New(), Scopes: []string{"*"}}
	webtest.Run(t, w, []webtest.Scenario{
		{As: "", Do: "GET /scim/v2/Me", Want: 401},
		{As: "ada, otherwise", Do: "GET /scim/v2/Me", Want: 403, Lacks: []string{ada}},
		{As: "ada, no administrator", Do: "GET /scim/v2/Me", Want: 403, Lacks: []string{ada}},
		{As: "nobody any more", Do: "GET /scim/v2/Me", Want: 404},
		{As: "administrator", Do: "GET /scim/v2/Me", Want: 501, Contains: []string{`"status":"501"`}},
		{As: "machine", Do: "GET /scim/v2/Me", Want: 403},
		{As: "ada", Do: "GET /scim/v2/Me", Want: 200, Contains: []string{`"id":"` + ada + `"`, `"location":"https://x.test/scim/v2/Users/` + ada + `"`}},
		{As: "ada", Do: "GET /scim/v2/Me?attributes=userName", Want: 200, Contains: []string{`"userName":"ada"`}, Lacks: []string{"meta"}},
		{As: "ada, reading", Do: "GET /scim/v2/Me", Want: 200},
		{As: "ada", Do: "DELETE /scim/v2/Me", Want: 405},
	})
}

// TestSCIM_search looks through users and groups at once, page by page.
func TestSCIM_search(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		var want []string
		for _, name := range []string{"a", "b", "c"} {
			want = append(want, w.user(name))
		}
		for _, name := range []string{"A", "B", "C", "D"} {
			want = append(want, w.group(name, want[0]))
		}
		for size := 1; size <= 8; size++ {
			var got []string
			for start := 1; start <= len(want); start += size {
				r := w.want(200, "POST /scim/v2/.search", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"startIndex":%d,"count":%d}`, start, size),
					`"totalResults":7}`, fmt.Sprintf(`"startIndex":%d`, start))
				for n := range r.Len(t, "Resources") {
					got = append(got, r.Text(t, fmt.Sprintf("Resources.%d.id", n)))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("in pages of %d: %v, not %v", size, got, want)
			}
		}
		w.want(200, "POST /scim/v2/.search", `{"count":0}`, `"totalResults":7}`, `"Resources":[]`)
		w.want(200, "POST /scim/v2/.search", `{"startIndex":9}`, `"totalResults":7}`, `"Resources":[]`)
		for text, total := range map[string]int{
			`userName eq "a"`: 1, `displayName eq "d"`: 1, `id eq "` + want[0] + `" or id eq "` + want[5] + `"`: 2, `members.value eq "` + want[0] + `"`: 4,
			`groups.value eq "` + want[3] + `"`: 1, `meta.resourceType eq "User"`: 3, `meta.resourceType eq "Group" and displayName ge "B"`: 3,
		} {
			raw, err := json.Marshal(map[string]any{"filter": text, "attributes": []string{"displayName"}})
			w.must(err)
			if r := w.want(200, "POST /scim/v2/.search", string(raw), fmt.Sprintf(`"totalResults":%d}`, total)); strings.Contains(string(r.Body), "meta") {
				t.Errorf("%s answers what was not asked for: %s", text, r.Body)
			}
		}
	})
}

// TestSCIM_flat counts the statements that lists of users are read with: as many for five users as for one.
func TestSCIM_flat(t *testing.T) {
	t.Parallel()
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen atomic.Int64
			d, err := db.Open(t.Context(), url, db.Options{Watch: func(string, []any) { seen.Add(1) }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			w := newWorldOn(t, d)
			var users []string
			for n := range 5 {
				users = append(users, w.user(fmt.Sprint("u", n)))
				w.group(fmt.Sprint("g", n), users...)
			}
			statements := func(count int) int64 {
				before := seen.Load()
				l, err := w.service.SCIMUsers(w.as("pushing"), "", replication.Query{Start: 1, Count: count})
				w.must(err)
				if len(l.Resources) != count {
					t.Errorf("%d users", len(l.Resources))
				}
				return seen.Load() - before
			}
			if one, five := statements(1), statements(5); one != five || one == 0 {
				t.Errorf("one user costs %d statements, five %d", one, five)
			}
		})
	}
}
