package replicationapi_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// push sends a request as an identity provider does.
func (w *world) push(do, body string, header ...string) *webtest.Response {
	w.t.Helper()
	h := map[string]string{"Content-Type": "application/scim+json"}
	for n := 0; n+1 < len(header); n += 2 {
		h[header[n]] = header[n+1]
	}
	s := webtest.Scenario{As: "pushing", Do: do, Header: h}
	if body != "" {
		s.Body = body
	}
	return s.Send(w.t, w)
}

// want sends a request and holds the answer to a status and some texts.
func (w *world) want(status int, do, body string, contains ...string) *webtest.Response {
	w.t.Helper()
	r := w.push(do, body)
	if r.Status != status {
		w.t.Fatalf("%s %s: %d %s", do, body, r.Status, r.Body)
	}
	for _, text := range contains {
		if !strings.Contains(string(r.Body), text) {
			w.t.Errorf("%s lacks %s: %s", do, text, r.Body)
		}
	}
	return r
}

// user makes a user and returns its identifier.
func (w *world) user(name string) string {
	w.t.Helper()
	return w.want(201, "POST /scim/v2/Users", fmt.Sprintf(`{"userName":%q}`, name)).Text(w.t, "id")
}

func filter(resource, text string) string {
	return "GET /scim/v2/" + resource + "?filter=" + url.QueryEscape(text)
}

// versionless is a body without the entity tags, which differ each time.
func versionless(body []byte) []byte {
	return regexp.MustCompile(`W/\\"[^"]*\\"`).ReplaceAll(body, []byte("VERSION"))
}

// TestSCIM_okta is what Okta sends: it looks whether the user is there, makes it, PUTs the whole profile, deactivates and
// activates by PATCH, and pushes groups.
func TestSCIM_okta(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		w.want(200, filter("Users", `userName eq "isaac@example.org"`)+"&startIndex=1&count=100", "", `"totalResults":0`, `"Resources":[]`)
		made := w.want(201, "POST /scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"isaac@example.org",
			"name":{"givenName":"Isaac","familyName":"Brock"},"emails":[{"primary":true,"value":"isaac@example.org","type":"work"}],
			"phoneNumbers":[{"primary":true,"value":"+1 415-555-2671","type":"work"}],"displayName":"Isaac Brock","locale":"en-US","externalId":"00ujl29u0le5T6Aj10h7",
			"groups":[],"password":"1mz050nq","active":true,"userType":"provider"}`)
		if strings.Contains(string(made.Body), "1mz050nq") {
			t.Error("the password comes back")
		}
		user := "/scim/v2/Users/" + made.Text(t, "id")
		if made.Header.Get("Location") != "https://x.test"+user || made.Header.Get("ETag") != made.Text(t, "meta.version") {
			t.Errorf("headers: %v", made.Header)
		}
		webtest.Golden(t, "scim/user.json", versionless(made.Body))
		w.want(200, "GET "+user, "", `"+1 415-555-2671"`)
		w.want(200, "PUT "+user, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"x","userName":"isaac@example.org","externalId":"00ujl29u0le5T6Aj10h7",
			"name":{"givenName":"Isaak","familyName":"Brock"},"emails":[{"primary":true,"value":"isaak@example.org","type":"work"}],"active":true,"meta":{"resourceType":"User"}}`,
			`"givenName":"Isaak"`, `isaak@example.org`)
		u := w.named("isaac@example.org")
		if u.FirstName != "Isaak" || u.Phone != "" || u.Email != "isaak@example.org" || u.LocaleExplicit {
			t.Errorf("what the profile has no more is cleared: %+v", u)
		}
		for _, active := range []string{"false", "true"} {
			w.want(200, "PATCH "+user, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":`+active+`}}]}`, `"active":`+active)
			if got := w.named("isaac@example.org").State; (got == directory.Archived) != (active == "false") {
				t.Errorf("active %s: %s", active, got)
			}
		}
		group := "/scim/v2/Groups/" + w.want(201, "POST /scim/v2/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Ward 7","members":[]}`).Text(t, "id")
		w.want(204, "PATCH "+group, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"id":"`+group[len("/scim/v2/Groups/"):]+`","displayName":"Ward Seven"}}]}`)
		w.want(204, "PATCH "+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+made.Text(t, "id")+`","display":"isaac@example.org"}]}]}`)
		full := w.want(200, "GET "+group, "", `"displayName":"Ward Seven"`, made.Text(t, "id"))
		webtest.Golden(t, "scim/group.json", versionless(full.Body))
		w.want(200, filter("Groups", `displayName eq "ward seven"`), "", `"totalResults":1`)
		w.want(204, "PATCH "+group, `{"Operations":[{"op":"remove","path":"members[value eq \"`+made.Text(t, "id")+`\"]"}]}`)
		if got := w.want(200, "GET "+group, "").Len(t, "members"); got != 0 {
			t.Errorf("%d members", got)
		}
		w.want(204, "DELETE "+group, "")
		w.want(204, "DELETE "+user, "")
		for _, gone := range []string{"GET " + user, "GET " + group, "DELETE " + user, "DELETE " + group} {
			w.want(404, gone, "", `"status":"404"`)
		}
		w.want(200, filter("Users", `externalId eq "00ujl29u0le5T6Aj10h7"`), "", `"totalResults":0`)
	})
}

func (w *world) named(name string) directory.User {
	w.t.Helper()
	users, err := w.people.UsersNamed(w.t.Context(), w.ours.ID, []string{name})
	w.must(err)
	return users[directory.FoldName(name)]
}

// TestSCIM_entra is what Entra sends: probes with a filter, operations in capitals, truth values as texts, paths with
// filters, and members removed by value.
func TestSCIM_entra(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		w.want(200, filter("Users", `userName eq "non-existent user"`)+"&aadOptscim062020", "", `"totalResults":0`)
		made := w.want(201, "POST /scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
			"externalId":"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef","userName":"ab6490ee","active":"True","emails":[{"primary":true,"type":"work","value":"ab@example.org"}],
			"meta":{"resourceType":"User"},"name":{"formatted":"A B","familyName":"B","givenName":"A"},"roles":[],
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Surgery"},"title":"Nurse"}`, `"department":"Surgery"`, `"title":"Nurse"`)
		w.want(200, filter("Users", `externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"`), "", `"totalResults":1`, made.Text(t, "id"))
	})
}

func TestSCIM_entraPatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.user("first"), w.user("second")
	user := "/scim/v2/Users/" + first
	w.want(200, "PATCH "+user, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
		{"op":"Replace","path":"emails[type eq \"work\"].value","value":"updated@example.org"},{"op":"Replace","path":"name.familyName","value":"updatedFamilyName"},
		{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"+49 30 123456"},
		{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"`+second+`"}]}`, "updatedFamilyName", second)
	if u := w.named("first"); u.Email != "updated@example.org" || u.LastName != "updatedFamilyName" || u.Phone != "+4930123456" {
		t.Errorf("%+v", u)
	}
	w.want(200, "PATCH "+user, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`, `"active":false`)
	w.want(200, "PATCH "+user, `{"Operations":[{"op":"Replace","value":{"active":"True","name.givenName":"G"}}]}`, `"active":true`, `"givenName":"G"`)
	w.want(200, filter("Users", `emails[type eq "work"].value eq "Updated@example.org"`), "", `"totalResults":1`, first)
	w.want(200, filter("Users", `emails[type eq "home"].value eq "updated@example.org"`), "", `"totalResults":0`)
	w.want(200, "PATCH "+user, `{"Operations":[{"op":"Add","path":"phoneNumbers[type eq \"work\"].value","value":"+49 30 123457"},
		{"op":"Remove","path":"phoneNumbers[type eq \"mobile\"].value"}]}`)
	if u := w.named("first"); u.Phone != "+4930123457" {
		t.Errorf("the number that remains is not used: %+v", u)
	}
	w.want(200, "PATCH "+user, `{"Operations":[{"op":"Remove","path":"phoneNumbers[type eq \"work\"].value"}]}`)
	if u := w.named("first"); u.Phone != "" || u.State != directory.Active {
		t.Errorf("%+v", u)
	}
	group := w.want(201, "POST /scim/v2/Groups", `{"externalId":"8aa1a0c0","displayName":"G","members":[{"value":"`+first+`"}]}`).Text(t, "id")
	w.want(200, filter("Groups", `displayName eq "G"`)+"&excludedAttributes=members", "", `"totalResults":1`, "8aa1a0c0")
	w.want(200, filter("Groups", `id eq "`+group+`" and members eq "`+first+`"`)+"&attributes=id", "", `"totalResults":1`)
	w.want(200, filter("Groups", `id eq "`+group+`" and members eq "`+second+`"`)+"&attributes=id", "", `"totalResults":0`)
	w.want(204, "PATCH /scim/v2/Groups/"+group, `{"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+second+`"}]}]}`)
	w.want(204, "PATCH /scim/v2/Groups/"+group, `{"Operations":[{"op":"Remove","path":"members","value":[{"value":"`+first+`"}]}]}`)
	full := w.want(200, "GET /scim/v2/Groups/"+group, "", second)
	if strings.Contains(string(full.Body), first) {
		t.Errorf("who was removed: %s", full.Body)
	}
	w.want(204, "PATCH /scim/v2/Groups/"+group, `{"Operations":[{"op":"Replace","path":"members","value":[{"value":"`+first+`"}]},{"op":"Replace","path":"displayName","value":"H"}]}`)
	if full = w.want(200, "GET /scim/v2/Groups/"+group, "", first, `"displayName":"H"`); full.Len(t, "members") != 1 {
		t.Errorf("replaced: %s", full.Body)
	}
}

// TestSCIM_groupAnswers: a PATCH answers without a body unless attributes are asked for, a PUT with the group as it is.
func TestSCIM_groupAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.user("a")
	group := "/scim/v2/Groups/" + w.want(201, "POST /scim/v2/Groups", `{"displayName":"G"}`).Text(t, "id")
	w.want(200, "PUT "+group, `{"displayName":"H","members":[{"value":"`+user+`"}]}`, user)
	if r := w.want(200, "PUT "+group+"?excludedAttributes=members", `{"displayName":"H","members":[{"value":"`+user+`"}]}`); strings.Contains(string(r.Body), user) {
		t.Errorf("members that are not wanted: %s", r.Body)
	}
	rename := `{"Operations":[{"op":"replace","path":"displayName","value":"I"}]}`
	if r := w.want(204, "PATCH "+group, rename); len(r.Body) != 0 || r.Header.Get("ETag") == "" {
		t.Errorf("%s %v", r.Body, r.Header)
	}
	w.want(200, "PATCH "+group+"?attributes=members,displayName", rename, user, `"displayName":"I"`)
	if r := w.want(200, "PATCH "+group+"?attributes=displayName", rename); strings.Contains(string(r.Body), user) {
		t.Errorf("members that are not wanted: %s", r.Body)
	}
}

// TestSCIM_extensions: schemas names every extension that a user has, also those that nothing here knows.
func TestSCIM_extensions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.want(201, "POST /scim/v2/Users", `{"userName":"a","urn:example:2.0:User":{"tag":"7"},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"W"}}`,
		`"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:example:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]`)
	w.want(200, "PATCH /scim/v2/Users/"+made.Text(t, "id"), `{"Operations":[{"op":"remove","path":"urn:example:2.0:User:tag"}]}`,
		`"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]`)
}

func TestSCIM_refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.user("a")
	w.user("b")
	user := "/scim/v2/Users/" + a
	group := "/scim/v2/Groups/" + w.want(201, "POST /scim/v2/Groups", `{"displayName":"G","externalId":"g"}`).Text(t, "id")
	for _, tc := range []struct {
		status int
		kind   string
		do     string
		body   string
	}{
		{409, "uniqueness", "POST /scim/v2/Users", `{"userName":"A"}`},
		{409, "uniqueness", "PATCH " + user, `{"Operations":[{"op":"replace","path":"userName","value":"B"}]}`},
		{409, "uniqueness", "POST /scim/v2/Groups", `{"displayName":"H","externalId":"g"}`},
		{400, "invalidValue", "POST /scim/v2/Users", `{}`},
		{400, "invalidValue", "POST /scim/v2/Users", `{"userName":7}`},
		{400, "invalidValue", "POST /scim/v2/Users", `{"userName":"c","active":"perhaps"}`},
		{400, "invalidValue", "POST /scim/v2/Users", `{"userName":"c","emails":[{"value":"nowhere"}]}`},
		{400, "invalidValue", "PUT " + user, `{"displayName":"x"}`},
		{400, "invalidValue", "POST /scim/v2/Users", `{"userName":"c","title":"` + strings.Repeat("x", 70_000) + `"}`},
		{400, "invalidValue", "POST /scim/v2/Groups", `{}`},
		{400, "invalidValue", "POST /scim/v2/Groups", `{"displayName":"x","members":[{"value":"nobody"}]}`},
		{400, "invalidValue", "POST /scim/v2/Groups", `{"displayName":"x","members":[{"value":"` + id.New().String() + `"}]}`},
		{400, "invalidSyntax", "POST /scim/v2/Users", `{"userName":`},
		{400, "invalidSyntax", "POST /scim/v2/Users", `[]`},
		{400, "invalidSyntax", "PATCH " + user, `{"Operations":[]}`},
		{400, "mutability", "PATCH " + user, `{"Operations":[{"op":"replace","path":"id","value":"x"}]}`},
		{400, "invalidPath", "PATCH " + user, `{"Operations":[{"op":"replace","path":"a b","value":"x"}]}`},
		{400, "noTarget", "PATCH " + user, `{"Operations":[{"op":"remove"}]}`},
		{400, "invalidPath", "PATCH " + group, `{"Operations":[{"op":"remove","path":"members[display eq \"x\"]"}]}`},
		{400, "mutability", "PATCH " + group, `{"Operations":[{"op":"replace","path":"members.display","value":"x"}]}`},
		{400, "invalidFilter", filter("Users", `userName is "x"`), ""},
		{400, "invalidFilter", filter("Users", `active gt true`), ""},
		{400, "invalidValue", "GET /scim/v2/Users?count=x", ""},
		{400, "invalidValue", "GET /scim/v2/Users?attributes=id&excludedAttributes=name", ""},
		{400, "mutability", "PATCH " + user, `{"Operations":[{"op":"remove","path":"userName"}]}`},
		{400, "mutability", "PATCH " + group, `{"Operations":[{"op":"remove","path":"displayName"}]}`},
		{403, "", "GET /scim/v2/Schemas?filter=x", ""},
		{403, "", "GET /scim/v2/ResourceTypes?filter=x", ""},
		{501, "", "GET /scim/v2/Me", ""},
		{405, "", "PATCH /scim/v2/Me", `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`},
		{405, "", "POST /scim/v2/Me", `{}`},
		{405, "", "DELETE /scim/v2/Me", ""},
		{400, "mutability", "PATCH " + user, `{"Operations":[{"op":"add","path":"groups","value":[{"value":"x"}]}]}`},
		{400, "invalidFilter", "POST /scim/v2/.search", `{"filter":"userName is"}`},
		{404, "", "POST /scim/v2/Bulk", `{}`},
		{405, "", "DELETE /scim/v2/Users", ""},
		{404, "", "GET /scim/v2/Users/nobody", ""},
		{404, "", "PATCH /scim/v2/Users/" + id.New().String(), `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`},
		{404, "", "PUT /scim/v2/Groups/" + id.New().String(), `{"displayName":"x"}`},
	} {
		r := w.push(tc.do, tc.body)
		if r.Status != tc.status || !strings.Contains(string(r.Body), `"urn:ietf:params:scim:api:messages:2.0:Error"`) ||
			tc.kind != "" && !strings.Contains(string(r.Body), `"scimType":"`+tc.kind+`"`) || r.Header.Get("Content-Type") != "application/scim+json" {
			t.Errorf("%s %.80s: %d %s, want %d %s", tc.do, tc.body, r.Status, r.Body, tc.status, tc.kind)
		}
	}
	if r := w.push("POST /scim/v2/Users", "userName=x", "Content-Type", "application/x-www-form-urlencoded"); r.Status != 415 {
		t.Errorf("a form: %d", r.Status)
	}
	if u := w.named("a"); u.Username != "a" {
		t.Errorf("a refusal changed %+v", u)
	}
}

func TestSCIM_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.user("a")
	group := w.want(201, "POST /scim/v2/Groups", `{"displayName":"G"}`).Text(t, "id")
	var scenarios []webtest.Scenario
	for who, want := range map[string]int{"": 401, "member": 403, "leader": 403, "machine": 403, "unscoped": 403, "stranger": 404, "reader": 403} {
		add := func(do, body string, reads, lists bool) {
			status := want
			if who == "reader" && reads || who == "stranger" && lists {
				status = 200
			}
			s := webtest.Scenario{Name: who + " " + do, As: who, Do: do, Want: status, Header: map[string]string{"Content-Type": "application/json"}}
			if body != "" {
				s.Body = body
			}
			if who != "reader" {
				s.Lacks = []string{`"` + user, `"` + group}
			}
			scenarios = append(scenarios, s)
		}
		for path, body := range map[string]string{"Users/" + user: `{"userName":"x"}`, "Groups/" + group: `{"displayName":"x"}`} {
			list, _, _ := strings.Cut(path, "/")
			add("GET /scim/v2/"+path, "", true, false)
			add("PUT /scim/v2/"+path, body, false, false)
			add("PATCH /scim/v2/"+path, `{"Operations":[{"op":"replace","value":`+body+`}]}`, false, false)
			add("DELETE /scim/v2/"+path, "", false, false)
			add("GET /scim/v2/"+list, "", true, true)
			add("POST /scim/v2/"+list+"/.search", `{}`, true, true)
			add(filter(list, `id eq "`+path[len(list)+1:]+`"`), "", true, true)
		}
		add("GET /scim/v2/Schemas", "", true, true)
		add("POST /scim/v2/.search", `{}`, true, true)
	}
	webtest.Run(t, w, scenarios)
	if r := (webtest.Scenario{As: "stranger", Do: "POST /scim/v2/Groups", Body: `{"displayName":"x","members":[{"value":"` + user + `"}]}`, Header: map[string]string{"Content-Type": "application/json"}}).Send(t, w); r.Status != 400 {
		t.Errorf("a stranger's group takes our user: %d %s", r.Status, r.Body)
	}
}

func TestSCIM_versions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, change := range map[string]string{
		"/scim/v2/Users/" + w.user("a"): `{"userName":"a","title":"x"}`,
		"/scim/v2/Groups/" + w.want(201, "POST /scim/v2/Groups", `{"displayName":"G"}`).Text(t, "id"): `{"displayName":"H"}`,
	} {
		old := w.push("GET "+path, "").Header.Get("ETag")
		for _, known := range []string{old, strings.TrimPrefix(old, "W/"), `"x", ` + old, "*"} {
			if r := w.push("GET "+path, "", "If-None-Match", known); r.Status != 304 || len(r.Body) != 0 {
				t.Errorf("the version that one has, %s: %d %s", known, r.Status, r.Body)
			}
		}
		if r := w.push("GET "+path, "", "If-None-Match", `"x"`); r.Status != 200 {
			t.Errorf("another version: %d %s", r.Status, r.Body)
		}
		if r := w.push("PUT "+path, change, "If-Match", old); r.Status != 200 || r.Header.Get("ETag") == old {
			t.Errorf("%d %s, %s", r.Status, r.Body, r.Header.Get("ETag"))
		}
		for _, do := range []string{"PUT " + path, "DELETE " + path} {
			if r := w.push(do, change, "If-Match", old); r.Status != 412 || !strings.Contains(string(r.Body), `"status":"412"`) {
				t.Errorf("%s with an old version: %d %s", do, r.Status, r.Body)
			}
		}
		if r := w.push("DELETE "+path, "", "If-Match", `"x", *`); r.Status != 412 {
			t.Errorf("%d", r.Status)
		}
		if r := w.push("DELETE "+path, "", "If-Match", "*"); r.Status != 204 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
}

func TestSCIM_lists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 7 {
		w.want(201, "POST /scim/v2/Users", fmt.Sprintf(`{"userName":"user%d","title":"T%d","emails":[{"value":"u%d@example.org"}],"phoneNumbers":[{"value":"+4930123450%d"}]}`, n, n%2, n, n))
	}
	var seen []string
	for start := 1; start < 8; start += 3 {
		r := w.want(200, fmt.Sprintf("GET /scim/v2/Users?startIndex=%d&count=3&attributes=userName", start), "", `"totalResults":7`)
		for n := range r.Len(t, "Resources") {
			seen = append(seen, r.Text(t, fmt.Sprintf("Resources.%d.userName", n)))
		}
	}
	if got := strings.Join(seen, " "); got != "user0 user1 user2 user3 user4 user5 user6" {
		t.Errorf("pages: %s", got)
	}
	for text, want := range map[string]int{
		`userName eq "USER3"`: 1, `emails.value eq "U3@example.org"`: 1, `emails[value eq "u3@example.org" and type pr]`: 0, `phoneNumbers.value eq "+49 30 1234503"`: 1,
		`userName eq "user1" or userName eq "user2"`: 2, `userName eq "user1" and title eq "T1"`: 1, `userName eq "user1" and title eq "T0"`: 0,
		`title eq "T0"`: 4, `userName sw "user"`: 7, `not (title eq "T0")`: 3, `active eq false`: 0, `id eq "x"`: 0, `userName eq "user1" and userName eq "user2"`: 0,
	} {
		if r := w.want(200, filter("Users", text), ""); r.Path(t, "totalResults") != float64(want) {
			t.Errorf("%s: %v, want %d", text, r.Path(t, "totalResults"), want)
		}
	}
	w.want(200, "GET /scim/v2/Users?count=0", "", `"totalResults":7`, `"itemsPerPage":0`)
	w.want(200, "GET /scim/v2/Users?startIndex=-3&count=-1", "", `"itemsPerPage":0`, `"startIndex":1`)
	w.want(200, "POST /scim/v2/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"title eq \"T0\"","startIndex":2,"count":2,"attributes":["userName"]}`,
		`"totalResults":4`, `"itemsPerPage":2`, `"startIndex":2`)
	for _, page := range []string{"ServiceProviderConfig", "ResourceTypes", "ResourceTypes/User", "Schemas", "Schemas/urn:ietf:params:scim:schemas:core:2.0:Group"} {
		w.want(200, "GET /scim/v2/"+page, "", "https://x.test/scim/v2/")
	}
	w.want(404, "GET /scim/v2/Schemas/nothing", "")
}

// TestSCIM_whatIsNotItsOwn: what the identity provider never spoke of stays, and what changes nothing leaves no trace.
func TestSCIM_whatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.user("a")
	u := w.named("a")
	_, err := w.people.UpdateUser(w.as("administrator"), u.ID, directory.UserEdit{Phone: new("+4930123456")})
	w.must(err)
	w.want(200, "PUT /scim/v2/Users/"+user, `{"userName":"a"}`, "+4930123456")
	if u = w.named("a"); u.Phone != "+4930123456" {
		t.Errorf("%+v", u)
	}
	count := func() int64 {
		n, err := db.Get(t.Context(), w.db.Q(t.Context()), db.Scalar[int64], "select count(*) from audit")
		w.must(err)
		return n
	}
	before := count()
	w.want(200, "PUT /scim/v2/Users/"+user, `{"userName":"a"}`)
	w.want(200, "PATCH /scim/v2/Users/"+user, `{"Operations":[{"op":"Replace","path":"active","value":"True"}]}`)
	if after := count(); after != before {
		t.Errorf("nothing left %d audit rows", after-before)
	}
}

// TestSCIM_patchTakesNothingOver: a PATCH makes what it changes the identity provider's, and nothing else of the user.
func TestSCIM_patchTakesNothingOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := "/scim/v2/Users/" + w.user("a")
	u := w.named("a")
	_, err := w.people.UpdateUser(w.as("administrator"), u.ID, directory.UserEdit{Phone: new("+4930123456"), FirstName: new("Given")})
	w.must(err)
	w.want(200, "PATCH "+user, `{"Operations":[{"op":"add","path":"title","value":"Dr"},{"op":"add","path":"name.familyName","value":"Family"},{"op":"add","path":"emails","value":[{"value":"a@example.org"}]}]}`,
		"+4930123456", "Given", "Family")
	w.want(200, "PUT "+user, `{"userName":"a"}`, "+4930123456", "Given")
	if u = w.named("a"); u.Phone != "+4930123456" || u.FirstName != "Given" || u.LastName != "" || u.Email != "" {
		t.Errorf("a PUT took back what the administrator said, or left what the identity provider said: %+v", u)
	}
}

// TestSCIM_audit: what is only kept, and known to nothing else, is in the audit before and after.
func TestSCIM_audit(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		user := w.user("a")
		w.want(200, "PATCH /scim/v2/Users/"+user, `{"Operations":[{"op":"add","path":"title","value":"Nurse"}]}`)
		w.want(200, "PATCH /scim/v2/Users/"+user, `{"Operations":[{"op":"replace","path":"title","value":"Doctor"}]}`)
		w.want(200, "PATCH /scim/v2/Users/"+user, `{"Operations":[{"op":"replace","path":"title","value":"Doctor"}]}`)
		rows, err := db.All(t.Context(), w.db.Q(t.Context()), db.Scalar[string], "select detail from audit where action = 'replication.resource.pushed' order by seq, at, id")
		w.must(err)
		last := `{"after":{"external-id":"","resource":{"title":"Doctor"}},"before":{"external-id":"","resource":{"title":"Nurse"}}}`
		if len(rows) != 3 || rows[2] != last {
			t.Errorf("%d rows: %s", len(rows), strings.Join(rows, "\n"))
		}
	})
}
