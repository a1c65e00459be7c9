package messagingapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

func TestContacts_golden(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	made := w.form("administrator", "POST /v1/contacts", url.Values{
		"username": {"FrankMcCallister"}, "phone_number": {"1-800-759-3000"}, "avatar_url": {"https://assets.example/frank.jpg"},
	}, 201)
	webtest.Golden(t, "groups/contact.json", made.Body)
	route := "/v1/contacts/" + made.Text(t, "id")
	webtest.Golden(t, "groups/contact_updated.json", w.form("administrator", "PUT "+route, url.Values{"display_name": {"UncleFrank"}}, 200).Body)
	webtest.Golden(t, "groups/contacts.json", w.do("administrator", "GET /v1/contacts?limit=2", nil, 200).Body)
	webtest.Golden(t, "groups/contact_of_member.json", w.do("member", "GET /v1/contacts/"+w.Ben.ID.Short(), nil, 200).Body)
	webtest.Golden(t, "groups/contact_refused.json", webtest.Do(t, w, "administrator", "POST /v1/contacts", object{"username": "x", "phone_number": "x", "avatar_url": "x"}).Body)
	webtest.Golden(t, "groups/contact_taken.json", webtest.Do(t, w, "administrator", "POST /v1/contacts", object{"username": "frankmccallister", "phone_number": "+14155552671"}).Body)
}

// TestContacts_one shows that a contact is one record in every API.
func TestContacts_one(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	made := w.do("administrator", "POST /v1/contacts", object{"username": "frank", "phone_number": "+14155552671", "display_name": "Frank"}, 201)
	contact, conversation := made.Text(t, "id"), made.Text(t, "conversation_id")
	c, err := w.Directory.GetContact(w.Admin(t), w.individual(contact))
	if err != nil || c.User.State != directory.NotificationOnly || c.User.Phone != "+14155552671" || c.Individual.PreferredName != "Frank" {
		t.Errorf("%+v, %v", c, err)
	}
	if got := w.do("administrator", "GET /v1/conversations/"+conversation, nil, 200); got.Text(t, "contact_id") != contact || got.Path(t, "group_id") != nil {
		t.Errorf("conversation: %s", got.Body)
	}
	said := w.say("administrator", conversation, "hello")
	group, ofGroup := w.group("x", contact)
	kept := w.say("administrator", ofGroup, "of all")
	w.do("administrator", "DELETE /v1/contacts/"+contact, nil, 204)
	for _, gone := range []string{"/v1/contacts/" + contact, "/v1/conversations/" + conversation, "/v1/messages/" + said} {
		w.do("administrator", "GET "+gone, nil, 404)
	}
	w.do("administrator", "GET /v1/messages/"+kept, nil, 200)
	if g := w.do("administrator", "GET /v1/groups/"+group, nil, 200); g.Len(t, "contacts") != 0 {
		t.Errorf("its group: %s", g.Body)
	}
	w.do("administrator", "DELETE /v1/contacts/"+contact, nil, 404)
	w.contact("frank") // the name is free again
}

func TestContacts_lists(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		all = append([]string{w.contact(name)}, all...)
	}
	b, err := w.Directory.GetContact(w.Admin(t), w.individual(all[1]))
	if err != nil {
		t.Fatal(err)
	}
	archived := directory.Archived
	if _, err := w.Directory.UpdateUser(w.Admin(t), b.User.ID, directory.UserEdit{State: &archived}); err != nil {
		t.Fatal(err)
	}
	w3 := []string{w.Cy.ID.Short(), w.Ben.ID.Short(), w.Ada.ID.Short()}
	for route, want := range map[string][]string{
		"GET /v1/contacts":                                  slices.Concat(all, w3),
		"GET /v1/contacts?active=true":                      slices.Concat([]string{all[0], all[2]}, w3),
		"GET /v1/contacts?active=false&limit=1":             {all[0], "…"},
		"GET /v1/contacts?limit=2&starting_after=" + all[0]: {all[1], all[2], "…"},
		"GET /v1/contacts?limit=9&ending_before=" + all[2]:  {all[0], all[1]},
	} {
		if got := w.ids("administrator", route); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", route, got, want)
		}
	}
	if got, want := w.ids("member", "GET /v1/contacts"), w3[1:]; !slices.Equal(got, want) {
		t.Errorf("a member sees %v, want %v", got, want)
	}
	w.refuse([]webtest.Scenario{
		{Name: "unknown cursor", Do: "GET /v1/contacts?starting_after=" + id.New().Short(), Want: 400, Error: "starting_after"},
		{Name: "a provider as cursor", Do: "GET /v1/contacts?starting_after=" + w.Nurse.ID.Short(), Want: 400, Error: "starting_after"},
		{Name: "a cursor that one may not see", As: "member", Do: "GET /v1/contacts?starting_after=" + all[0], Want: 400, Error: "starting_after"},
		{Name: "no boolean", Do: "GET /v1/contacts?active=1", Want: 400, Error: "active"},
	})
}

func TestContacts_wrongInput(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	ada := "/v1/contacts/" + w.Ada.ID.Short()
	good := "+14155552671"
	w.refuse([]webtest.Scenario{
		{Name: "nothing", Do: "POST /v1/contacts", Body: object{}, Want: 422, Error: "username"},
		{Name: "no phone", Do: "POST /v1/contacts", Body: object{"username": "x"}, Want: 422, Error: "phone_number"},
		{Name: "phone null", Do: "POST /v1/contacts", Body: object{"username": "x", "phone_number": nil}, Want: 422, Error: "phone_number"},
		{Name: "phone blank", Do: "POST /v1/contacts", Body: object{"username": "x", "phone_number": " "}, Want: 422, Error: "phone_number"},
		{Name: "phone wrong", Do: "POST /v1/contacts", Body: object{"username": "x", "phone_number": "911"}, Want: 422, Error: "phone_number"},
		{Name: "phone a number", Do: "POST /v1/contacts", Body: object{"username": "x", "phone_number": 14155552671}, Want: 422, Error: "phone_number"},
		{Name: "username blank", Do: "POST /v1/contacts", Body: object{"username": " ", "phone_number": good}, Want: 422, Error: "username"},
		{Name: "username too long", Do: "POST /v1/contacts", Body: object{"username": strings.Repeat("x", 256), "phone_number": good}, Want: 422, Error: "username"},
		{Name: "username taken", Do: "POST /v1/contacts", Body: object{"username": "ADA", "phone_number": good}, Want: 409, Error: "username"},
		{Name: "avatar", Do: "POST /v1/contacts", Body: object{"username": "x", "phone_number": good, "avatar_url": "/a.png"}, Want: 422, Error: "avatar_url"},
		{Name: "username cannot change", Do: "PUT " + ada, Body: object{"username": "x"}, Want: 422, Error: "username"},
		{Name: "phone cannot change", Do: "PUT " + ada, Body: object{"phone_number": good}, Want: 422, Error: "phone_number"},
		{Name: "display name", Do: "PUT " + ada, Body: object{"display_name": "a\nb"}, Want: 422, Error: "display_name"},
		{Name: "a provider", Do: "PUT /v1/contacts/" + w.Nurse.ID.Short(), Body: object{}, Want: 404},
		{Name: "another organization's", Do: "DELETE /v1/contacts/" + w.Alien.ID.Short(), Want: 404},
	})
	w.do("administrator", "PUT "+ada, object{"display_name": "A", "avatar_url": "https://x.test/a.png"}, 200)
	cleared := w.form("administrator", "PUT "+ada, url.Values{"avatar_url": {""}}, 200)
	if cleared.Path(t, "avatar_url") != nil || cleared.Text(t, "display_name") != "A" {
		t.Errorf("cleared by a form: %s", cleared.Body)
	}
}
