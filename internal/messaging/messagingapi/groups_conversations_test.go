package messagingapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/web/webtest"
)

func TestConversations_golden(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	ofGroup := w.do("administrator", "POST /v1/conversations", object{"group_id": w.Ward.ID.Short()}, 201)
	webtest.Golden(t, "groups/conversation_of_group.json", ofGroup.Body)
	ofContact := w.do("administrator", "POST /v1/conversations", object{"contact_id": w.Ada.ID.Short()}, 201)
	webtest.Golden(t, "groups/conversation_of_contact.json", ofContact.Body)
	said := w.say("administrator", ofContact.Text(t, "id"), "pin me")
	updated := w.do("administrator", "PUT /v1/conversations/"+ofContact.Text(t, "id"), object{
		"pinned_message_id": said, "is_pinned": true, "is_muted": true, "archived_at": 1700000000,
	}, 200)
	webtest.Golden(t, "groups/conversation_updated.json", updated.Body)
	if updated.Text(t, "pinned_message_id") != said || updated.Text(t, "archived_at") != "1700000000" {
		t.Errorf("updated: %s", updated.Body)
	}
	webtest.Golden(t, "groups/conversations.json", w.do("administrator", "GET /v1/conversations", nil, 200).Body)
	webtest.Golden(t, "groups/conversation_neither.json", webtest.Do(t, w, "administrator", "POST /v1/conversations", object{}).Body)
	second := webtest.Do(t, w, "administrator", "POST /v1/conversations", object{"group_id": w.Ward.ID.Short()})
	if second.Status != 409 || !strings.Contains(second.Text(t, "message"), ofGroup.Text(t, "id")) {
		t.Errorf("a second conversation: %d %s", second.Status, second.Body)
	}
}

// TestConversations_preferences are each caller's own, be it a subscriber, an administrator who is none, or a machine.
func TestConversations_preferences(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	c := w.do("administrator", "POST /v1/conversations", object{"group_id": w.Ward.ID.Short()}, 201).Text(t, "id")
	route := "/v1/conversations/" + c
	callers := []string{"administrator", "another key", "machine", "boss", "leader", "member"}
	want := map[string][2]string{}
	for n, who := range callers {
		muted, pinned := n%2 == 0, n%3 == 0
		r := w.do(who, "PUT "+route, object{"is_muted": muted, "is_pinned": pinned}, 200)
		want[who] = [2]string{r.Text(t, "is_muted"), r.Text(t, "is_pinned")}
		if (want[who][0] == "true") != muted || (want[who][1] == "true") != pinned {
			t.Errorf("%s: %s", who, r.Body)
		}
	}
	for _, who := range callers {
		r := w.do(who, "GET "+route, nil, 200)
		if got := [2]string{r.Text(t, "is_muted"), r.Text(t, "is_pinned")}; got != want[who] {
			t.Errorf("%s: %v, want %v", who, got, want[who])
		}
		in := func(filter string) bool { return slices.Contains(w.ids(who, "GET /v1/conversations?"+filter), c) }
		muted, pinned := want[who][0] == "true", want[who][1] == "true"
		if in("muted=true") != muted || in("muted=false") == muted || in("pinned=true") != pinned || in("pinned=false") == pinned {
			t.Errorf("%s: filters do not agree with %v", who, want[who])
		}
	}
	// One of the two leaves the other alone, and unmuting does not take mentions for all.
	if r := w.do("machine", "PUT "+route, object{"is_pinned": true}, 200); r.Text(t, "is_muted") != "true" || r.Text(t, "is_pinned") != "true" {
		t.Errorf("machine: %s", r.Body)
	}
	mentions := messaging.NotifyMentions
	if _, err := w.SetPreferences(w.As(t, w.actors["leader"].Role, w.Nurse), w.individual(c), id.Nil, messaging.Preferences{Notify: &mentions}); err != nil {
		t.Fatal(err)
	}
	w.do("leader", "PUT "+route, object{"is_muted": false}, 200)
	v, err := w.GetChannel(w.As(t, w.actors["leader"].Role, w.Nurse), w.individual(c), id.Nil)
	if err != nil || v.Own.Notify != messaging.NotifyMentions {
		t.Errorf("notify %q, %v", v.Own.Notify, err)
	}
}

// TestConversations_opened notes who has looked, at most once a minute.
func TestConversations_opened(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	c := w.do("administrator", "POST /v1/conversations", object{"group_id": w.Ward.ID.Short()}, 201).Text(t, "id")
	said := w.Say(t, w.individual(c), w.Doctor, "hello").ID.Short()
	opened := func(who string) string {
		return w.do(who, "GET /v1/conversations/"+c, nil, 200).Text(t, "last_opened_at")
	}
	for _, who := range []string{"administrator", "leader", "member"} {
		if got := opened(who); got != "" {
			t.Errorf("%s has opened it at %s before", who, got)
		}
		for _, cursor := range []string{"starting_after", "ending_before"} {
			w.do(who, "GET /v1/messages?conversation_id="+c+"&"+cursor+"="+said, nil, 200)
			if got := opened(who); got != "" {
				t.Errorf("%s has opened it by a page of its past, %s", who, cursor)
			}
		}
		w.do(who, "GET /v1/messages?conversation_id="+c, nil, 200)
		first := opened(who)
		if first == "" {
			t.Errorf("%s has not opened it", who)
		}
		w.Clock.Add(10 * time.Second)
		w.do(who, "GET /v1/messages?conversation_id="+c, nil, 200)
		if got := opened(who); got != first {
			t.Errorf("%s: noted again within a minute", who)
		}
		w.Clock.Add(time.Minute)
		w.do(who, "GET /v1/messages?conversation_id="+c, nil, 200)
		if got := opened(who); got == first {
			t.Errorf("%s: not noted after a minute", who)
		}
	}
}

func TestConversations_lists(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	post := func(body object) string {
		return w.do("administrator", "POST /v1/conversations", body, 201).Text(t, "id")
	}
	ofWard, ofAda, ofCy := post(object{"group_id": w.Ward.ID.Short()}), post(object{"contact_id": w.Ada.ID.Short()}), post(object{"contact_id": w.Cy.ID.Short()})
	w.do("administrator", "PUT /v1/conversations/"+ofCy, object{"archived_at": 1700000000}, 200)
	// A channel of the courier API is a conversation, too.
	v, err := w.CreateChannel(w.Admin(t), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}, EventsEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	single := v.ID.Short()
	for _, tc := range []struct {
		who, route string
		want       []string
	}{
		{"administrator", "GET /v1/conversations", []string{single, ofAda, ofWard}},
		{"administrator", "GET /v1/conversations?archived=true", []string{ofCy}},
		{"administrator", "GET /v1/conversations?group_id=" + w.Ward.ID.Short(), []string{single, ofWard}},
		{"administrator", "GET /v1/conversations?limit=1", []string{single, "…"}},
		{"administrator", "GET /v1/conversations?limit=1&starting_after=" + single, []string{ofAda, "…"}},
		{"administrator", "GET /v1/conversations?ending_before=" + ofWard, []string{single, ofAda}},
		{"member", "GET /v1/conversations", []string{ofAda, ofWard}},
		{"outsider", "GET /v1/conversations", []string{}},
		{"outsider", "GET /v1/conversations?archived=true", []string{ofCy}},
		{"stranger", "GET /v1/conversations", []string{}},
	} {
		if got := w.ids(tc.who, tc.route); !slices.Equal(got, tc.want) {
			t.Errorf("%s as %s: %v, want %v", tc.route, tc.who, got, tc.want)
		}
	}
	if r := w.do("administrator", "GET /v1/conversations/"+single, nil, 200); r.Text(t, "contact_id") != w.Ben.ID.Short() || r.Text(t, "group_id") != w.Ward.ID.Short() {
		t.Errorf("a single channel: %s", r.Body)
	}
	w.refuse([]webtest.Scenario{
		{Name: "unknown cursor", Do: "GET /v1/conversations?starting_after=" + id.New().Short(), Want: 400, Error: "starting_after"},
		{Name: "a cursor that one may not see", As: "member", Do: "GET /v1/conversations?starting_after=" + single, Want: 400, Error: "starting_after"},
		{Name: "no boolean", Do: "GET /v1/conversations?muted=yes", Want: 400, Error: "muted"},
		{Name: "no id", Do: "GET /v1/conversations?group_id=x", Want: 400, Error: "group_id"},
	})
}

func TestConversations_wrongInput(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	ward, ada := w.Ward.ID.Short(), w.Ada.ID.Short()
	c := w.do("administrator", "POST /v1/conversations", object{"group_id": ward}, 201).Text(t, "id")
	other := w.do("administrator", "POST /v1/conversations", object{"contact_id": ada}, 201).Text(t, "id")
	elsewhere := w.say("administrator", other, "elsewhere")
	one := "/v1/conversations/" + c
	w.refuse([]webtest.Scenario{
		{Name: "neither", Do: "POST /v1/conversations", Body: object{}, Want: 422, Error: "contact_id"},
		{Name: "nulls", Do: "POST /v1/conversations", Body: object{"contact_id": nil, "group_id": nil}, Want: 422, Error: "group_id"},
		{Name: "both", Do: "POST /v1/conversations", Body: object{"contact_id": ada, "group_id": ward}, Want: 422, Error: "group_id"},
		{Name: "no id", Do: "POST /v1/conversations", Body: object{"contact_id": "ada"}, Want: 422, Error: "contact_id"},
		{Name: "no such contact", Do: "POST /v1/conversations", Body: object{"contact_id": id.New().Short()}, Want: 404, Error: "contact_id"},
		{Name: "no such group", Do: "POST /v1/conversations", Body: object{"group_id": id.New().Short()}, Want: 404, Error: "group_id"},
		{Name: "another organization's group", Do: "POST /v1/conversations", Body: object{"group_id": w.AlienGroup.ID.Short()}, Want: 404, Error: "group_id"},
		{Name: "another organization's contact", Do: "POST /v1/conversations", Body: object{"contact_id": w.Alien.ID.Short()}, Want: 404, Error: "contact_id"},
		{Name: "a second one", Do: "POST /v1/conversations", Body: object{"contact_id": ada}, Want: 409},
		{Name: "unknown member", Do: "PUT " + one, Body: object{"name": "x"}, Want: 422, Error: "name"},
		{Name: "no boolean", Do: "PUT " + one, Body: object{"is_muted": "yes"}, Want: 422, Error: "is_muted"},
		{Name: "no such message", Do: "PUT " + one, Body: object{"pinned_message_id": id.New().Short()}, Want: 404, Error: "pinned_message_id"},
		{Name: "message of another", Do: "PUT " + one, Body: object{"pinned_message_id": elsewhere, "is_muted": true}, Want: 404, Error: "pinned_message_id"},
		{Name: "no such conversation", Do: "PUT /v1/conversations/" + id.New().Short(), Body: object{}, Want: 404},
		{Name: "another organization's", As: "stranger", Do: "GET " + one, Want: 404},
		{Name: "deleted by a stranger", As: "stranger", Do: "DELETE " + one, Want: 404},
		{Name: "an outsider's look", As: "outsider", Do: "GET " + one, Want: 404},
		{Name: "an outsider's mute", As: "outsider", Do: "PUT " + one, Body: object{"is_muted": true}, Want: 404},
		{Name: "a member archives", As: "member", Do: "PUT " + one, Body: object{"archived_at": 1700000000, "is_muted": true}, Want: 403},
		{Name: "a member pins a message", As: "member", Do: "PUT " + one, Body: object{"pinned_message_id": nil, "archived_at": 1}, Want: 403},
		{Name: "a member deletes", As: "member", Do: "DELETE " + one, Want: 403},
		{Name: "a member opens one", As: "member", Do: "POST /v1/conversations", Body: object{"contact_id": w.Ben.ID.Short()}, Want: 403},
		{Name: "a reader mutes", As: "reader", Do: "PUT " + one, Body: object{"is_muted": true}, Want: 403},
		{Name: "a reader opens one", As: "reader", Do: "POST /v1/conversations", Body: object{"contact_id": w.Ben.ID.Short()}, Want: 403},
		{Name: "without the scope", As: "narrow", Do: "GET " + one, Want: 403},
	})
	w.do("leader", "PUT "+one, object{"archived_at": 1700000000}, 200)
	w.do("leader", "PUT "+one, object{"archived_at": nil}, 200)
	w.do("administrator", "DELETE "+one, nil, 204)
	w.do("administrator", "GET "+one, nil, 404)
	if g := w.do("administrator", "GET /v1/groups/"+ward, nil, 200); g.Path(t, "conversation_id") != nil {
		t.Errorf("the group of a deleted conversation: %s", g.Body)
	}
}
