package messagingapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/web/webtest"
)

// ward is the conversation of the world's group: nurse, doctor, ada and ben are in it.
func (w *groupsWorld) ward() string {
	w.t.Helper()
	return w.do("administrator", "POST /v1/conversations", object{"group_id": w.Ward.ID.Short()}, 201).Text(w.t, "id")
}

func TestGroupMessages_golden(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	c := w.ward()
	posted := w.form("member", "POST /v1/messages", url.Values{"conversation_id": {c}, "message": {" It’s a nice night for a walk. "}}, 201)
	webtest.Golden(t, "groups/message.json", posted.Body)
	route := "/v1/messages/" + posted.Text(t, "id")
	webtest.Golden(t, "groups/message_of_machine.json", w.do("machine", "POST /v1/messages", object{"conversation_id": c, "message": "beep", "attachments": []string{}}, 201).Body)
	reacted := w.form("administrator", "PUT "+route, url.Values{
		"reactions[red_angry_face][]": {"BEN", "nurse"}, "reactions[love][]": {"ben"},
	}, 200)
	webtest.Golden(t, "groups/message_reacted.json", reacted.Body)
	webtest.Golden(t, "groups/message_edited.json", w.do("member", "PUT "+route, object{"message": "edited"}, 200).Body)
	webtest.Golden(t, "groups/messages.json", w.do("leader", "GET /v1/messages?conversation_id="+c, nil, 200).Body)
	webtest.Golden(t, "groups/message_refused.json", webtest.Do(t, w, "member", "POST /v1/messages", object{"conversation_id": c, "message": " ", "attachments": nil}).Body)
}

// TestGroupMessages_one shows that a message is one record in both APIs, with the same receipts and reactions.
func TestGroupMessages_one(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	c := w.ward()
	said := w.say("member", c, "hello")
	route := "GET /v1/messages/" + said
	ctx := func(who string) messaging.AckRequest { return messaging.AckRequest{MessageID: w.individual(said)} }
	read := func() string { return w.do("member", route, nil, 200).Text(t, "read_at") }
	for _, person := range []struct {
		name string
		who  id.ID
	}{{"ben", w.Ben.ID}, {"doctor", w.Doctor.ID}, {"nurse", w.Nurse.ID}} {
		if got := read(); got != "" {
			t.Errorf("read at %s before %s has read it", got, person.name)
		}
		in := ctx(person.name)
		in.IndividualID = person.who
		if _, err := w.Ack(w.Admin(t), in); err != nil {
			t.Fatal(err)
		}
	}
	if read() == "" {
		t.Error("not read after everybody has")
	}
	w.do("administrator", "PUT /v1/groups/"+w.Ward.ID.Short(), object{"contacts": []any{w.Ada.ID.Short(), w.Ben.ID.Short(), w.Cy.ID.Short()}}, 200)
	if read() == "" {
		t.Error("who joined later made it unread")
	}
	if _, err := w.AddReaction(w.As(t, w.actors["leader"].Role, w.Nurse), w.individual(said), id.Nil, "like"); err != nil {
		t.Fatal(err)
	}
	if r := w.do("member", route, nil, 200); r.Text(t, "reactions.0.like.0") != "nurse" {
		t.Errorf("a reaction of the courier API: %s", r.Body)
	}
	if r := w.do("leader", "PUT /v1/messages/"+said, object{"reactions": []object{{"like": []string{"nurse"}, "party": []string{"nurse"}}}}, 200); r.Text(t, "reactions.1.party.0") != "nurse" {
		t.Errorf("reactions: %s", r.Body)
	}
	v, err := w.GetMessage(w.Admin(t), w.individual(said), id.Nil)
	if err != nil || len(v.Reactions) != 2 {
		t.Errorf("reactions in the courier API: %+v, %v", v.Reactions, err)
	}
	w.do("leader", "PUT /v1/messages/"+said, object{"reactions": []object{}}, 200)
	if r := w.do("leader", route, nil, 200); r.Len(t, "reactions") != 0 {
		t.Errorf("reactions taken back: %s", r.Body)
	}
}

// TestGroupMessages_hidden shows neither drafts nor what was removed.
func TestGroupMessages_hidden(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	c := w.ward()
	first, second, third := w.say("member", c, "1"), w.say("leader", c, "2"), w.say("member", c, "3")
	draft, err := w.Post(w.As(t, w.actors["member"].Role, w.Ada), messaging.NewMessage{ChannelID: w.individual(c), Text: "draft", Draft: true})
	if err != nil {
		t.Fatal(err)
	}
	w.do("member", "DELETE /v1/messages/"+second, nil, 403)
	w.do("leader", "DELETE /v1/messages/"+first, nil, 204) // leaders of the group may
	for _, gone := range []string{first, draft.ID.Short()} {
		w.do("member", "GET /v1/messages/"+gone, nil, 404)
		w.do("member", "PUT /v1/messages/"+gone, object{"message": "x"}, 404)
		w.do("member", "DELETE /v1/messages/"+gone, nil, 404)
	}
	if got, want := w.ids("member", "GET /v1/messages?conversation_id="+c), []string{third, second}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if got := w.ids("member", "GET /v1/messages?conversation_id="+c+"&starting_after="+first); len(got) != 0 {
		t.Errorf("after a removed one: %v", got)
	}
	if got, want := w.ids("member", "GET /v1/messages?conversation_id="+c+"&ending_before="+first+"&limit=1"), []string{second, "…"}; !slices.Equal(got, want) {
		t.Errorf("before a removed one: %v, want %v", got, want)
	}
}

func TestGroupMessages_lists(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	c := w.ward()
	other := w.do("administrator", "POST /v1/conversations", object{"contact_id": w.Cy.ID.Short()}, 201).Text(t, "id")
	var all []string // newest first
	for n := range 12 {
		all = append([]string{w.say("leader", c, strings.Repeat("x", n+1))}, all...)
	}
	elsewhere := w.say("administrator", other, "elsewhere")
	of := "GET /v1/messages?conversation_id=" + c
	for _, tc := range []struct {
		who, route string
		want       []string
	}{
		{"member", of, append(slices.Clone(all[:10]), "…")},
		{"member", of + "&limit=100", all},
		{"member", of + "&limit=3&starting_after=" + all[2], []string{all[3], all[4], all[5], "…"}},
		{"member", of + "&limit=3&ending_before=" + all[3], []string{all[0], all[1], all[2]}},
		{"outsider", "GET /v1/messages", []string{elsewhere}},
		{"member", "GET /v1/messages?limit=2", []string{all[0], all[1], "…"}},
		{"administrator", "GET /v1/messages?limit=2", []string{elsewhere, all[0], "…"}},
		{"administrator", "GET /v1/messages?limit=1&starting_after=" + elsewhere, []string{all[0], "…"}},
		{"stranger", "GET /v1/messages", []string{}},
	} {
		if got := w.ids(tc.who, tc.route); !slices.Equal(got, tc.want) {
			t.Errorf("%s as %s: %v, want %v", tc.route, tc.who, got, tc.want)
		}
	}
	w.refuse([]webtest.Scenario{
		{Name: "unknown cursor", Do: of + "&starting_after=" + id.New().Short(), Want: 400, Error: "starting_after"},
		{Name: "cursor of another conversation", Do: of + "&ending_before=" + elsewhere, Want: 400, Error: "ending_before"},
		{Name: "cursor that one may not see", As: "member", Do: "GET /v1/messages?starting_after=" + elsewhere, Want: 400, Error: "starting_after"},
		{Name: "no such conversation", Do: "GET /v1/messages?conversation_id=" + id.New().Short(), Want: 404},
		{Name: "an outsider's list", As: "outsider", Do: of, Want: 404},
		{Name: "a stranger's list", As: "stranger", Do: of, Want: 404},
		{Name: "without the scope", As: "narrow", Do: of, Want: 403},
		{Name: "limit", Do: of + "&limit=0", Want: 400, Error: "limit"},
	})
}

func TestGroupMessages_wrongInput(t *testing.T) {
	t.Parallel()
	w := newGroupsWorld(t)
	c := w.ward()
	said := w.say("member", c, "hello")
	one := "/v1/messages/" + said
	w.refuse([]webtest.Scenario{
		{Name: "no conversation", Do: "POST /v1/messages", Body: object{"message": "x"}, Want: 422, Error: "conversation_id"},
		{Name: "no message", Do: "POST /v1/messages", Body: object{"conversation_id": c}, Want: 422, Error: "message"},
		{Name: "blank", Do: "POST /v1/messages", Body: object{"conversation_id": c, "message": " \n"}, Want: 422, Error: "message"},
		{Name: "too long", Do: "POST /v1/messages", Body: object{"conversation_id": c, "message": strings.Repeat("x", 10_001)}, Want: 422, Error: "message"},
		{Name: "no such conversation", Do: "POST /v1/messages", Body: object{"conversation_id": id.New().Short(), "message": "x"}, Want: 404, Error: "conversation_id"},
		{Name: "attachment", Do: "POST /v1/messages", Body: object{"conversation_id": c, "message": "x", "attachments": []string{"y"}}, Want: 422, Error: "attachments.0"},
		{Name: "an outsider posts", As: "outsider", Do: "POST /v1/messages", Body: object{"conversation_id": c, "message": "x"}, Want: 404},
		{Name: "a stranger posts", As: "stranger", Do: "POST /v1/messages", Body: object{"conversation_id": c, "message": "x"}, Want: 404},
		{Name: "a reader posts", As: "reader", Do: "POST /v1/messages", Body: object{"conversation_id": c, "message": "x"}, Want: 403},
		{Name: "another edits", As: "leader", Do: "PUT " + one, Body: object{"message": "x"}, Want: 403},
		{Name: "another removes", As: "outsider", Do: "DELETE " + one, Want: 404},
		{Name: "emptied", As: "member", Do: "PUT " + one, Body: object{"message": ""}, Want: 422, Error: "message"},
		{Name: "unknown reactor", Do: "PUT " + one, Body: object{"reactions": []object{{"love": []string{"ada", "nobody"}}}}, Want: 422, Error: "reactions.0.love.1"},
		{Name: "nameless reaction", Do: "PUT " + one, Body: object{"reactions": []object{{"": []string{"ada"}}}}, Want: 422, Error: "reactions.0"},
		{Name: "reactions that are no list", Do: "PUT " + one, Body: object{"reactions": "love"}, Want: 422, Error: "reactions"},
		{Name: "in the name of others", As: "member", Do: "PUT " + one, Body: object{"reactions": []object{{"love": []string{"ben"}}}}, Want: 403},
		{Name: "all or nothing", As: "member", Do: "PUT " + one, Body: object{"message": "changed", "reactions": []object{{"love": []string{"ben"}}}}, Want: 403},
		{Name: "all or nothing, the other way round", As: "leader", Do: "PUT " + one, Body: object{"message": "changed", "reactions": []object{{"love": []string{"nurse"}}}}, Want: 403},
		{Name: "no such message", Do: "PUT /v1/messages/" + id.New().Short(), Body: object{"message": "x"}, Want: 404},
		{Name: "a stranger's look", As: "stranger", Do: "GET " + one, Want: 404},
		{Name: "a reader's edit", As: "reader", Do: "PUT " + one, Body: object{"message": "x"}, Want: 403},
	})
	if r := w.do("member", "GET "+one, nil, 200); r.Text(t, "message") != "hello" || r.Len(t, "reactions") != 0 {
		t.Errorf("after refusals: %s", r.Body)
	}
}
