package messagingapi_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// TestGroups_contract goes through the published page: what it sends is answered with the members that it shows.
func TestGroups_contract(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	sample := func(name string) object {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join("testdata", "groups", name))
		if err != nil {
			t.Fatal(err)
		}
		var out object
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	answer := func(r *webtest.Response) object {
		t.Helper()
		out, ok := r.JSON(t).(object)
		if !ok {
			t.Fatalf("no object: %s", r.Body)
		}
		return out
	}
	members := func(o object) []string { return slices.Sorted(maps.Keys(o)) }

	made := w.form("administrator", "POST /v1/groups", url.Values{"name": {"Plaza Hotel"}}, 201)
	want := sample("contract_created.json")
	if got := answer(made); !slices.Equal(members(got), members(want)) || got["name"] != want["name"] || got["description"] != nil || len(got["contacts"].([]any)) != 0 {
		t.Errorf("created: %s", made.Body)
	}
	for _, username := range []string{"Hector", "Cedric", "Hester", "Cliff"} {
		w.contact(username)
	}
	route := "/v1/groups/" + made.Text(t, "id")
	updated := w.form("administrator", "PUT "+route, url.Values{
		"description": {"The finest in New York."}, "avatar_url": {"https://assets.notifly.chat/avatars/plazahotel.jpg"},
		"contacts[][username]": {"Hector", "Cedric", "Hester", "Cliff"},
	}, 200)
	want = sample("contract_group.json")
	got := answer(updated)
	for name, value := range want {
		switch name {
		case "id", "conversation_id":
			if s, ok := got[name].(string); !ok || len(s) < 16 || len(s) > 22 {
				t.Errorf("%s = %v", name, got[name])
			}
		case "created_at":
			if n, ok := got[name].(float64); !ok || n != float64(int64(n)) {
				t.Errorf("%s = %v", name, got[name])
			}
		case "contacts":
			for i := range value.([]any) { //nolint:forcetypeassert // the sample's
				if username := updated.Text(t, "contacts."+string(rune('0'+i))+".username"); !strings.Contains(string(updated.Body), username) || username == "" {
					t.Errorf("contact %d: %s", i, updated.Body)
				}
			}
		default:
			if got[name] != value {
				t.Errorf("%s = %v, want %v", name, got[name], value)
			}
		}
	}
	if !slices.Equal(members(got), members(want)) {
		t.Errorf("members %v, want %v", members(got), members(want))
	}
	one := w.do("administrator", "GET "+route, nil, 200)
	list := w.do("administrator", "GET /v1/groups?limit=10", nil, 200)
	if string(one.Body) != string(updated.Body) || !strings.Contains(string(list.Body), strings.TrimSpace(string(one.Body))) || list.Text(t, "has_more") != "false" {
		t.Errorf("update, get and list differ:\n%s\n%s\n%s", updated.Body, one.Body, list.Body)
	}
	w.do("administrator", "DELETE "+route, nil, 204)
	w.do("administrator", "GET "+route, nil, 404)
}

func TestGroups_golden(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	w.do("administrator", "DELETE /v1/groups/"+w.Ward.ID.Short(), nil, 204)
	hector := w.contact("Hector")
	made := w.do("administrator", "POST /v1/groups", object{
		"name": "Plaza Hotel", "description": "World-renowned.", "avatar_url": "https://assets.example/plaza.jpg",
		"contacts": []any{hector, object{"username": "ada"}, object{"id": w.Ben.ID.Short(), "phone_number": "passed over"}},
	}, 201)
	webtest.Golden(t, "groups/group.json", made.Body)
	webtest.Golden(t, "groups/list.json", w.do("administrator", "GET /v1/groups", nil, 200).Body)
	route := "/v1/groups/" + made.Text(t, "id")
	archived := w.do("administrator", "PUT "+route, object{"archived_at": 1700000000, "contacts": []any{}, "description": nil}, 200)
	webtest.Golden(t, "groups/archived.json", archived.Body)
	if archived.Text(t, "archived_at") != "1700000000" {
		t.Errorf("archived at %s", archived.Text(t, "archived_at"))
	}
	webtest.Golden(t, "groups/unknown_contact.json", webtest.Do(t, w, "administrator", "POST /v1/groups", object{"name": "x", "contacts": []any{hector, "0000000000000000000001"}}).Body)
	webtest.Golden(t, "groups/not_found.json", webtest.Do(t, w, "stranger", "GET "+route, nil).Body)
}

// TestGroups_bodies sends the same group in every media type.
func TestGroups_bodies(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	a, b := w.contact("a"), w.contact("b")
	multipart := "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nPlaza\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"contacts[]\"\r\n\r\n" + a + "\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"contacts[]\"\r\n\r\n" + b + "\r\n--x--\r\n"
	for name, s := range map[string]webtest.Scenario{
		"JSON":             {Body: object{"name": "Plaza", "contacts": []string{a, b}}},
		"JSON objects":     {Body: object{"name": "Plaza", "contacts": []object{{"id": a}, {"username": "B"}}}},
		"UUIDs":            {Body: object{"name": "Plaza", "contacts": []string{w.individual(a).String(), w.individual(b).String()}}},
		"form":             {Body: "name=Plaza&contacts[]=" + a + "&contacts[]=" + b, Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		"form with names":  {Body: "name=Plaza&contacts[0][username]=a&contacts[1][id]=" + b, Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		"form and charset": {Body: "name=Plaza&contacts%5B%5D=" + b + "&contacts%5B%5D=" + a, Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}},
		"multipart":        {Body: multipart, Header: map[string]string{"Content-Type": "multipart/form-data; boundary=x"}},
	} {
		s.As, s.Do = "administrator", "POST /v1/groups"
		r := s.Send(t, w)
		if r.Status != 201 || r.Text(t, "contacts.0.id") != a || r.Text(t, "contacts.1.id") != b || r.Text(t, "name") != "Plaza" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	group, _ := w.group("emptied", a)
	if r := w.form("administrator", "PUT /v1/groups/"+group, url.Values{"contacts[]": {""}, "archived_at": {""}}, 200); r.Len(t, "contacts") != 0 {
		t.Errorf("emptied by a form: %s", r.Body)
	}
}

func TestGroups_paging(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	w.do("administrator", "DELETE /v1/groups/"+w.Ward.ID.Short(), nil, 204)
	var all []string
	for range 12 {
		group, _ := w.group("x")
		all = append([]string{group}, all...)
	}
	archived := all[3]
	w.do("administrator", "PUT /v1/groups/"+archived, object{"archived_at": 1700000000}, 200)
	live := slices.Delete(slices.Clone(all), 3, 4)
	for route, want := range map[string][]string{
		"GET /v1/groups":                                                  append(slices.Clone(live[:10]), "…"),
		"GET /v1/groups?limit=100":                                        live,
		"GET /v1/groups?limit=2&starting_after=" + live[4]:                {live[5], live[6], "…"},
		"GET /v1/groups?limit=2&starting_after=" + live[8]:                {live[9], live[10]},
		"GET /v1/groups?limit=2&ending_before=" + live[4]:                 {live[2], live[3], "…"},
		"GET /v1/groups?limit=9&endding_before=" + live[2]:                {live[0], live[1]},
		"GET /v1/groups?archived=true":                                    {archived},
		"GET /v1/groups?archived=false&limit=1":                           {live[0], "…"},
		"GET /v1/groups?starting_after=" + w.individual(live[9]).String(): {live[10]},
	} {
		if got := w.ids("administrator", route); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", route, got, want)
		}
	}
	w.refuse([]webtest.Scenario{
		{Name: "limit 0", Do: "GET /v1/groups?limit=0", Want: 400, Error: "limit"},
		{Name: "limit 101", Do: "GET /v1/groups?limit=101", Want: 400, Error: "limit"},
		{Name: "unknown cursor", Do: "GET /v1/groups?starting_after=" + id.New().Short(), Want: 400, Error: "starting_after"},
		{Name: "cursor of another list", Do: "GET /v1/groups?ending_before=" + archived, Want: 400, Error: "ending_before"},
		{Name: "cursor of another organization", Do: "GET /v1/groups?starting_after=" + w.AlienGroup.ID.Short(), Want: 400},
		{Name: "cursor that is none", Do: "GET /v1/groups?starting_after=x", Want: 400},
		{Name: "both", Do: "GET /v1/groups?starting_after=" + live[4] + "&ending_before=" + live[1], Want: 400, Error: "ending_before"},
		{Name: "unknown parameter", Do: "GET /v1/groups?page=2", Want: 400, Error: "page"},
		{Name: "no boolean", Do: "GET /v1/groups?archived=maybe", Want: 400, Error: "archived"},
	})
}

// TestGroups_wrongInput names what is wrong and stores nothing, in either context.
func TestGroups_wrongInput(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	a := w.contact("a")
	group, _ := w.group("x", a)
	one := "/v1/groups/" + group
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	w.refuse([]webtest.Scenario{
		{Name: "no body", Do: "POST /v1/groups", Want: 400},
		{Name: "no JSON", Do: "POST /v1/groups", Body: "{", Want: 400},
		{Name: "media type", Do: "POST /v1/groups", Body: "name: x", Header: map[string]string{"Content-Type": "application/yaml"}, Want: 415},
		{Name: "no name", Do: "POST /v1/groups", Body: object{}, Want: 422, Error: "name"},
		{Name: "no name in a form", Do: "POST /v1/groups", Body: "description=x", Header: form, Want: 422, Error: "name"},
		{Name: "blank name", Do: "POST /v1/groups", Body: object{"name": " "}, Want: 422, Error: "name"},
		{Name: "name too long", Do: "POST /v1/groups", Body: object{"name": strings.Repeat("x", 256)}, Want: 422, Error: "name"},
		{Name: "avatar", Do: "POST /v1/groups", Body: object{"name": "x", "avatar_url": "javascript:alert(1)"}, Want: 422, Error: "avatar_url"},
		{Name: "unknown member", Do: "POST /v1/groups", Body: object{"name": "x", "color": "red"}, Want: 422, Error: "color"},
		{Name: "contacts that are no list", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": a}, Want: 422, Error: "contacts"},
		{Name: "contact that is no id", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": []any{a, "Hector"}}, Want: 422, Error: "contacts.1"},
		{Name: "contact that is a number", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": []any{7}}, Want: 422, Error: "contacts.0"},
		{Name: "contact without a name", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": []any{object{}}}, Want: 422, Error: "contacts.0"},
		{Name: "unknown id", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": []any{a, id.New().Short()}}, Want: 422, Error: "contacts.1"},
		{Name: "unknown username", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": []any{object{"username": "nobody"}}}, Want: 422, Error: "contacts.0"},
		{Name: "another organization's", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": []any{w.Alien.ID.Short()}}, Want: 422, Error: "contacts.0"},
		{Name: "a provider", Do: "POST /v1/groups", Body: object{"name": "x", "contacts": []any{w.Nurse.ID.Short()}}, Want: 422, Error: "contacts.0"},
		{Name: "two at once", Do: "POST /v1/groups", Body: object{"name": " ", "contacts": []any{id.New().Short()}}, Want: 422, Error: "contacts.0"},
		{Name: "unknown in an update", Do: "PUT " + one, Body: object{"name": "y", "contacts": []any{a, id.New().Short()}}, Want: 422, Error: "contacts.1"},
		{Name: "archived at no instant", Do: "PUT " + one, Body: object{"archived_at": "yesterday"}, Want: 422, Error: "archived_at"},
		{Name: "archived in negative time", Do: "PUT " + one, Body: object{"archived_at": -1}, Want: 422, Error: "archived_at"},
		{Name: "no such group", Do: "PUT /v1/groups/" + id.New().Short(), Body: object{"name": "y"}, Want: 404},
		{Name: "another organization's group", Do: "DELETE /v1/groups/" + w.AlienGroup.ID.Short(), Want: 404},
		{Name: "no id", Do: "GET /v1/groups/me", Want: 404},
	})
	if r := w.do("administrator", "GET "+one, nil, 200); r.Text(t, "name") != "x" || r.Len(t, "contacts") != 1 {
		t.Errorf("after refusals: %s", r.Body)
	}
}

// TestGroups_roles is the role matrix of groups and contacts.
func TestGroups_roles(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	ward, ada := w.Ward.ID.Short(), w.Ada.ID.Short()
	w.do("administrator", "POST /v1/conversations", object{"group_id": ward}, 201)
	for _, tc := range []struct {
		do   string
		body any
		want map[string]int // others get 403
	}{
		{"GET /v1/groups", nil, map[string]int{"member": 200, "outsider": 200, "leader": 200, "provider": 200, "machine": 200, "administrator": 200, "reader": 200, "narrow": 200, "stranger": 200}},
		{"GET /v1/groups/" + ward, nil, map[string]int{"member": 200, "outsider": 404, "leader": 200, "provider": 200, "machine": 200, "administrator": 200, "reader": 200, "narrow": 200, "stranger": 404}},
		{"GET /v1/contacts/" + ada, nil, map[string]int{"member": 200, "outsider": 404, "leader": 200, "provider": 200, "machine": 200, "administrator": 200, "reader": 200, "narrow": 200, "stranger": 404}},
		{"POST /v1/groups", object{"name": "x"}, map[string]int{"administrator": 201, "narrow": 201, "stranger": 201}},
		{"PUT /v1/groups/" + ward, object{"description": "x"}, map[string]int{"administrator": 200, "narrow": 200, "stranger": 404}},
		{"PUT /v1/contacts/" + ada, object{"display_name": "Ada"}, map[string]int{"administrator": 200, "narrow": 200, "stranger": 404}},
		{"DELETE /v1/groups/" + ward, nil, map[string]int{"stranger": 404, "administrator": 204}},
		{"DELETE /v1/contacts/" + ada, nil, map[string]int{"stranger": 404, "administrator": 204}},
	} {
		for _, who := range []string{"", "stranger", "reader", "outsider", "member", "provider", "leader", "machine", "narrow", "administrator"} {
			want, listed := tc.want[who]
			switch {
			case who == "":
				want = 401
			case strings.HasPrefix(tc.do, "DELETE") && who == "narrow":
				continue // it may, and would leave nothing for the next
			case !listed:
				want = 403
			}
			before := w.rows()
			got := webtest.Do(t, w, who, tc.do, tc.body)
			if got.Status != want {
				t.Errorf("%s as %q: %d, want %d\n%s", tc.do, who, got.Status, want, got.Body)
			}
			if got.Status >= 400 && !maps.Equal(before, w.rows()) {
				t.Errorf("%s as %q: stored something", tc.do, who)
			}
		}
	}
}

// TestGroups_conversation shows that a group and its conversation are one.
func TestGroups_conversation(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	a, b := w.contact("a"), w.contact("b")
	made := w.do("boss", "POST /v1/groups", object{"name": "Plaza", "contacts": []string{a}}, 201)
	group, conversation := made.Text(t, "id"), made.Text(t, "conversation_id")
	subscribed := func() []id.ID {
		t.Helper()
		found, err := w.Store.FindSubscribers(t.Context(), w.Org, []id.ID{w.individual(conversation)})
		if err != nil {
			t.Fatal(err)
		}
		out := []id.ID{}
		for _, s := range found[w.individual(conversation)] {
			out = append(out, s.IndividualID)
		}
		return out
	}
	has := func(who ...id.ID) {
		t.Helper()
		got := subscribed()
		for _, i := range who {
			if !slices.Contains(got, i) {
				t.Errorf("%v is not subscribed", i)
			}
		}
		if len(got) != len(who) {
			t.Errorf("%d subscribers, want %d", len(got), len(who))
		}
	}
	has(w.Clerk.ID, w.individual(a)) // who made it leads it
	w.do("administrator", "PUT /v1/groups/"+group, object{"contacts": []string{b}}, 200)
	has(w.Clerk.ID, w.individual(b))
	// The same group through the directory: its conversation follows when the log is read.
	g := w.individual(group)
	_, err := w.Directory.UpdateGroup(w.Admin(t), g, directory.GroupEdit{IndividualIDs: &[]id.ID{w.individual(a), w.individual(b)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.FollowGroup(w.Admin(t), g); err != nil {
		t.Fatal(err)
	}
	has(w.Clerk.ID, w.individual(a), w.individual(b))

	w.do("administrator", "PUT /v1/groups/"+group, object{"archived_at": 1700000000}, 200)
	if c := w.do("administrator", "GET /v1/conversations/"+conversation, nil, 200); c.Text(t, "archived_at") != "1700000000" {
		t.Errorf("the conversation of an archived group: %s", c.Body)
	}
	w.do("administrator", "POST /v1/messages", object{"conversation_id": conversation, "message": "x"}, 409)
	w.do("administrator", "PUT /v1/groups/"+group, object{"archived_at": nil}, 200)
	said := w.say("administrator", conversation, "still here")
	w.do("administrator", "DELETE /v1/groups/"+group, nil, 204)
	for _, gone := range []string{"/v1/groups/" + group, "/v1/conversations/" + conversation, "/v1/messages/" + said} {
		w.do("administrator", "GET "+gone, nil, 404)
	}
	w.do("administrator", "GET /v1/contacts/"+a, nil, 200)
	entries, err := w.Log.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(string(e.Data), "still here") {
			t.Errorf("the log still has a deleted message: %s", e.Data)
		}
	}
}

// TestGroups_secondConversation restores a group whose conversation has been replaced meanwhile, and deletes both.
func TestGroups_secondConversation(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	group, first := w.group("x")
	w.do("administrator", "PUT /v1/conversations/"+first, object{"archived_at": 1700000000}, 200)
	second := w.do("administrator", "POST /v1/conversations", object{"group_id": group}, 201).Text(t, "id")
	if got := w.do("administrator", "GET /v1/groups/"+group, nil, 200).Text(t, "conversation_id"); got != second {
		t.Errorf("the group's conversation is %s, want the live one", got)
	}
	w.refuse([]webtest.Scenario{{Name: "restoring the first", Do: "PUT /v1/conversations/" + first, Body: object{"archived_at": nil}, Want: 409}})
	w.do("administrator", "DELETE /v1/groups/"+group, nil, 204)
	w.do("administrator", "GET /v1/conversations/"+first, nil, 404)
	w.do("administrator", "GET /v1/conversations/"+second, nil, 404)
}
