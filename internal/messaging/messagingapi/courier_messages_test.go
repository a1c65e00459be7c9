package messagingapi_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/web/webtest"
)

const messagesURL = "/v1/messaging-messages/"

func TestMessages_golden(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	m := c.Say(t, v.ID, c.Ada, "How are you?")
	edited := c.Say(t, v.ID, c.Nurse, "Fien, thanks")
	must(t, second(c.ChangeMessage(c.Leader(t, c.Nurse), edited.ID, messaging.MessageChange{Text: new("Fine, thanks")})))
	must(t, second(c.AddReaction(c.Leader(t, c.Nurse), m.ID, id.Nil, "love")))
	must(t, second(c.World.Ack(c.Leader(t, c.Nurse), messaging.AckRequest{MessageID: m.ID, UserTime: c.Clock.Now()})))
	removed := c.Say(t, v.ID, c.Ada, "oops")
	must(t, second(c.ChangeMessage(c.Member(t, c.Ada), removed.ID, messaging.MessageChange{Removed: new(true)})))
	must(t, second(c.Subscribe(c.Admin(t), v.ID, []id.ID{c.Clerk.ID})))
	sent, err := c.Post(c.Machine(t), messaging.NewMessage{ChannelID: v.ID, Text: "Reminder", Destinations: []string{"sms"}})
	must(t, err)
	c.sent[sent.ID] = map[string]messaging.DeliveryState{"sms": {State: "delivered", Reason: "ok"}}
	for file, do := range map[string]struct {
		as, do string
		body   any
	}{
		"message.json":         {"nurse", "GET " + messagesURL + m.ID.String() + "/", nil},
		"messages.json":        {"nurse", "GET " + messagesURL + "?include-read-receipts=true&channel-id=" + v.ID.String(), nil},
		"messages_empty.json":  {"nurse", "GET " + messagesURL + "?filter[text]=nothing&channel-id=" + v.ID.String(), nil},
		"message_history.json": {"ada", "GET " + messagesURL + edited.ID.String() + "/history/", nil},
		"receipts.json":        {"ada", "GET " + messagesURL + m.ID.String() + "/get-receipts/", nil},
		"message_refused.json": {"ada", "POST " + messagesURL, create("messaging-messages", attributes{"message": " ", "auto-ack": "some", "include-destinations": []string{"pigeon"}})},
	} {
		t.Run(file, func(t *testing.T) {
			webtest.Golden(t, file, webtest.Do(t, c, do.as, do.do, do.body).Body)
		})
	}
}

func TestMessages_create(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	with := func(a attributes) map[string]any {
		if _, ok := a["channel-id"]; !ok {
			a["channel-id"] = v.ID
		}
		return create("messaging-messages", a)
	}
	webtest.Run(t, c, []webtest.Scenario{
		{
			Name: "the least", As: "ada", Do: "POST " + messagesURL, Want: 201, Body: with(attributes{"message": " hello\n"}),
			Then: func(t *testing.T, r *webtest.Response) {
				for name, want := range map[string]string{
					"message": `"hello"`, "individual-id": `"` + c.Ada.ID.String() + `"`, "user-type": `"participant"`, "source": `"api"`, "draft": "false",
					"ack": "true", "removed": "false", "destination": "{}", "attachments": "[]", "phrases": "null", "sentiment": "null",
					"user-id": `"` + c.Ada.UserID().String() + `"`,
				} {
					wantAttribute(t, r, name, want)
				}
			},
		},
		{
			Name: "everything", As: "nurse", Do: "POST " + messagesURL, Want: 201,
			Body: with(attributes{"message": "for you", "individual-id": c.Ada.ID, "auto-ack": "group", "draft": false, "include-destinations": []string{"sms", "email", "push"}}),
			Then: func(t *testing.T, r *webtest.Response) {
				wantAttribute(t, r, "individual-id", `"`+c.Ada.ID.String()+`"`)
			},
		},
		{
			Name: "nulls", As: "machine", Do: "POST " + messagesURL, Want: 201,
			Body: with(attributes{"message": "x", "individual-id": nil, "auto-ack": nil, "draft": nil, "include-destinations": nil}),
			Then: func(t *testing.T, r *webtest.Response) {
				for _, name := range []string{"individual-id", "user-id", "user-name", "user-type", "first-name"} {
					wantAttribute(t, r, name, "null")
				}
			},
		},
		{
			Name: "a draft", As: "ada", Do: "POST " + messagesURL, Want: 201, Body: with(attributes{"draft": true}),
			Then: func(t *testing.T, r *webtest.Response) {
				wantAttribute(t, r, "posted-time", "null")
				draft := idOf(t, r)
				url := messagesURL + draft.String() + "/"
				webtest.Run(t, c, []webtest.Scenario{
					{Name: "is its author's", As: "nurse", Do: "GET " + url, Want: 404},
					{Name: "is not posted empty", As: "ada", Do: "PATCH " + url, Want: 422, Error: "/data/attributes/message", Body: change("messaging-messages", draft, attributes{"draft": false})},
					{Name: "is posted", As: "ada", Do: "PATCH " + url, Want: 200, Body: change("messaging-messages", draft, attributes{"draft": false, "message": "now"}), Lacks: []string{`"posted-time":null`}},
					{Name: "is everybody's", As: "nurse", Do: "GET " + url, Want: 200, Contains: []string{`"message":"now"`}},
					{Name: "stays so", As: "ada", Do: "PATCH " + url, Want: 409, Code: "MessagePosted", Body: change("messaging-messages", draft, attributes{"draft": true})},
				})
			},
		},
	})
	const at = "/data/attributes/"
	refuse := func(name, as string, a attributes, status int, pointer string) webtest.Scenario {
		return webtest.Scenario{Name: name, As: as, Do: "POST " + messagesURL, Body: with(a), Want: status, Error: pointer}
	}
	c.refusals(t, []webtest.Scenario{
		refuse("no text", "ada", attributes{}, 422, at+"message"),
		refuse("blanks", "ada", attributes{"message": " \t"}, 422, at+"message"),
		refuse("too much", "ada", attributes{"message": strings.Repeat("ü", 10_001)}, 422, at+"message"),
		refuse("no channel", "ada", attributes{"message": "x", "channel-id": nil}, 422, at+"channel-id"),
		refuse("an unknown channel", "ada", attributes{"message": "x", "channel-id": id.New()}, 404, ""),
		refuse("another auto-ack", "ada", attributes{"message": "x", "auto-ack": "some"}, 422, at+"auto-ack"),
		refuse("another destination", "ada", attributes{"message": "x", "include-destinations": []string{"sms", "pigeon"}}, 422, at+"include-destinations/1"),
		refuse("an unknown attribute", "ada", attributes{"message": "x", "source": "web"}, 422, at+"source"),
		refuse("for another", "ben", attributes{"message": "x", "individual-id": c.Ada.ID}, 403, ""),
		refuse("for nobody", "machine", attributes{"message": "x", "individual-id": c.Alien.ID}, 404, ""),
		refuse("who is not in it", "cy", attributes{"message": "x"}, 404, ""),
		refuse("a stranger", "stranger", attributes{"message": "x"}, 404, ""),
		refuse("a key that reads", "reader", attributes{"message": "x"}, 403, ""),
		refuse("nobody", "", attributes{"message": "x"}, 401, ""),
	})
	c.CheckCounters(t, v.ID)
}

func TestMessages_change(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	m := c.Say(t, v.ID, c.Ada, "helo")
	url := "PATCH " + messagesURL + m.ID.String() + "/"
	with := func(a attributes) map[string]any { return change("messaging-messages", m.ID, a) }
	webtest.Run(t, c, []webtest.Scenario{
		{Name: "an edit", As: "ada", Do: url, Want: 200, Body: with(attributes{"message": "hello"}), Contains: []string{`"message":"hello"`}},
		{Name: "nothing", As: "ada", Do: url, Want: 200, Body: with(attributes{"message": nil, "draft": nil, "removed": nil, "individual-id": nil}), Contains: []string{`"message":"hello"`}},
		{Name: "by who acts for her", As: "nurse", Do: url, Want: 200, Body: with(attributes{"message": "hello!", "individual-id": c.Ada.ID}), Contains: []string{`"message":"hello!"`}},
		{Name: "the history", As: "nurse", Do: "GET " + messagesURL + m.ID.String() + "/history/", Want: 200, Contains: []string{`"helo"`, `"hello"`, `"hello!"`, `"messaging-message-versions"`}},
	})
	c.refusals(t, []webtest.Scenario{
		{Name: "another's", As: "nurse", Do: url, Body: with(attributes{"message": "x"}), Want: 403},
		{Name: "nothing left", As: "ada", Do: url, Body: with(attributes{"message": " "}), Want: 422, Error: "/data/attributes/message"},
		{Name: "both", As: "ada", Do: url, Body: with(attributes{"message": "x", "removed": true}), Want: 422, Error: "/data/attributes/removed"},
		{Name: "who is not in it", As: "cy", Do: url, Body: with(attributes{"removed": true}), Want: 404},
		{Name: "a stranger", As: "stranger", Do: url, Body: with(attributes{"removed": true}), Want: 404},
		{Name: "another channel", As: "ada", Do: url, Body: with(attributes{"channel-id": v.ID}), Want: 422, Error: "/data/attributes/channel-id"},
		{Name: "another id", As: "ada", Do: url, Body: change("messaging-messages", v.ID, attributes{"removed": true}), Want: 422, Error: "/data/id"},
	})
	webtest.Run(t, c, []webtest.Scenario{
		{Name: "removed", As: "nurse", Do: url, Want: 200, Body: with(attributes{"removed": true}), Contains: []string{`"removed":true`, `"message":""`}},
		{Name: "gone for readers", As: "ada", Do: "GET " + messagesURL + "?channel-id=" + v.ID.String(), Want: 200, Lacks: []string{"hello"}},
		{Name: "not restored", As: "ada", Do: url, Want: 409, Code: "MessageRemoved", Body: with(attributes{"removed": false})},
		{Name: "the history is the administrators'", As: "ada", Do: "GET " + messagesURL + m.ID.String() + "/history/", Want: 403},
		{Name: "and they see it", As: "administrator", Do: "GET " + messagesURL + m.ID.String() + "/history/", Want: 200, Contains: []string{`"hello!"`}},
	})
}

func TestMessages_ack(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	first, second := c.Say(t, v.ID, c.Ada, "one"), c.Say(t, v.ID, c.Ada, "two")
	said := c.Clock.Now().Add(-time.Hour).Truncate(time.Second)
	post := func(m messaging.MessageView, action string) string {
		return "POST " + messagesURL + m.ID.String() + "/" + action + "/"
	}
	list := func(filter string) string {
		return "GET " + messagesURL + "?" + filter + "&channel-id=" + v.ID.String()
	}
	webtest.Run(t, c, []webtest.Scenario{
		{Name: "unread", As: "nurse", Do: list("acknowledged=false"), Want: 200, Contains: []string{`"page[total]":2`, `"ack":false`}},
		{Name: "ack", As: "nurse", Do: post(second, "ack"), Want: 201, Header: map[string]string{"Date": said.Format(http.TimeFormat)}, Contains: []string{`"ack":true`}},
		{Name: "read", As: "nurse", Do: list("acknowledged=true"), Want: 200, Contains: []string{`"page[total]":2`}},
		{Name: "the receipts", As: "ada", Do: "GET " + messagesURL + first.ID.String() + "/get-receipts/", Want: 200, Contains: []string{said.UTC().Format(`"ack-user-time":"2006-01-02T15:04:05.000Z"`)}},
		{Name: "back", As: "nurse", Do: post(first, "ack"), Want: 201, Body: attributes{"allow-past": true}},
		{Name: "unread again", As: "nurse", Do: list("acknowledged=false"), Want: 200, Contains: []string{second.ID.String(), `"page[total]":1`}},
		{Name: "not back", As: "nurse", Do: post(second, "ack"), Want: 201, Header: map[string]string{"Date": "yesterday"}},
		{Name: "an older one", As: "nurse", Do: post(first, "ack"), Want: 201, Body: attributes{"allow-past": false}},
		{Name: "still read", As: "nurse", Do: list("acknowledged=false"), Want: 200, Contains: []string{`"page[total]":0`}},
		{Name: "for somebody", As: "machine", Do: post(second, "ack"), Want: 201, Header: map[string]string{"Date": "2026-01-02T03:04:05Z"}, Body: attributes{"individual-id": c.Doctor.ID}},
		{Name: "when, by a clock that writes as the API does", As: "ada", Do: "GET " + messagesURL + second.ID.String() + "/get-receipts/", Want: 200, Contains: []string{`"ack-user-time":"2026-01-02T03:04:05.000Z"`}},
	})
	c.refusals(t, []webtest.Scenario{
		{Name: "a machine for nobody", As: "machine", Do: post(first, "ack"), Want: 422, Error: "/individual-id"},
		{Name: "for somebody not in it", As: "machine", Do: post(first, "ack"), Want: 403, Body: attributes{"individual-id": c.Ben.ID}},
		{Name: "a stranger", As: "stranger", Do: post(first, "ack"), Want: 404},
		{Name: "no flag", As: "ada", Do: post(first, "ack"), Want: 422, Error: "/allow-past", Body: attributes{"allow-past": "yes"}},
		{Name: "an unknown member", As: "ada", Do: post(first, "ack"), Want: 422, Error: "/force", Body: attributes{"force": true}},
		{Name: "receipts for a stranger", As: "stranger", Do: "GET " + messagesURL + first.ID.String() + "/get-receipts/", Want: 404},
		{Name: "no channel", As: "ada", Do: "GET " + messagesURL, Want: 400, Error: "channel-id"},
		{Name: "a channel of others", As: "cy", Do: list("acknowledged=true"), Want: 404},
		{Name: "a bad flag", As: "ada", Do: list("acknowledged=maybe"), Want: 400, Error: "acknowledged"},
		{Name: "a bad page", As: "ada", Do: list("page[limit]=1001"), Want: 400, Error: "page[limit]"},
		{Name: "a long search", As: "ada", Do: list("filter[text]=" + strings.Repeat("x", 256)), Want: 400, Error: "filter[text]"},
		{Name: "three bounds", As: "ada", Do: list("filter[cmp-posted-time]=%3E2026-01-01T00:00:00Z,%3E2026-01-01T00:00:00Z,%3E2026-01-01T00:00:00Z"), Want: 400, Error: "filter[cmp-posted-time]"},
		{Name: "null", As: "ada", Do: list("filter[cmp-posted-time]=%3E2026-01-01T00:00:00Z|null"), Want: 400, Error: "filter[cmp-posted-time]"},
		{Name: "null twice", As: "ada", Do: list("filter[cmp-posted-time]=%3E2026-01-01T00:00:00Z|null&filter[cmp-last-modified-time]=%3E2026-01-01T00:00:00Z|null&x=1"), Want: 400, Error: "filter[cmp-last-modified-time]", Contains: []string{`"filter[cmp-posted-time]"`, `"x"`}},
	})
	c.CheckCounters(t, v.ID)
}

func TestMessages_bounds(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	m := c.Say(t, v.ID, c.Ada, "x")
	at := m.PostedAt.Format("2006-01-02T15:04:05.000Z")
	for filter, want := range map[string]int{
		"%3E" + at: 0, "%3E%3D" + at: 1, "%3C" + at: 0, "%3C%3D" + at: 1, "%3E%3D" + at + ",%3C%3D" + at: 1, "%3E" + at + ",%3C%3D" + at: 0,
		"%3E2020-01-01T00:00:00Z,%3E" + at: 0, "%3C2040-01-01T00:00:00Z,%3C" + at: 0, "%3E2020-01-01%2000:00:00": 1,
	} {
		for _, name := range []string{"posted", "last-modified"} {
			got := webtest.Do(t, c, "ada", "GET "+messagesURL+"?filter[cmp-"+name+"-time]="+filter+"&channel-id="+v.ID.String(), nil)
			if got.Status != 200 || got.Len(t, "data") != want {
				t.Errorf("%s %s: %d, %d messages, want %d", name, filter, got.Status, got.Len(t, "data"), want)
			}
		}
	}
}

func TestMessages_reactions(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	m := c.Say(t, v.ID, c.Ada, "good news")
	url := "POST " + messagesURL + m.ID.String() + "/"
	webtest.Run(t, c, []webtest.Scenario{
		{Name: "add", As: "nurse", Do: url + "add-reaction/", Want: 201, Body: attributes{"reaction-type": "like"}, Contains: []string{`"reaction-type":"like"`, c.Nurse.ID.String()}},
		{Name: "add again", As: "nurse", Do: url + "add-reaction/", Want: 201, Body: attributes{"reaction-type": "like"}},
		{
			Name: "for somebody", As: "nurse", Do: url + "add-reaction/", Want: 201, Body: attributes{"reaction-type": "wow", "individual-id": c.Ada.ID},
			Then: func(t *testing.T, r *webtest.Response) {
				if n := r.Len(t, "data.attributes.reactions"); n != 2 {
					t.Errorf("%d reactions", n)
				}
			},
		},
		{Name: "delete", As: "nurse", Do: url + "delete-reaction/", Want: 201, Body: attributes{"reaction-type": "like"}, Lacks: []string{`"like"`}},
		{Name: "delete what is not there", As: "nurse", Do: url + "delete-reaction/", Want: 201, Body: attributes{"reaction-type": "sad"}},
	})
	// Another API may give other names, and they are shown here.
	must(t, second(c.AddReaction(c.Member(t, c.Ada), m.ID, id.Nil, "party")))
	c.refusals(t, []webtest.Scenario{
		{Name: "shown", As: "nurse", Do: "GET " + messagesURL + m.ID.String() + "/", Want: 200, Contains: []string{`"reaction-type":"party"`}},
		{Name: "another name", As: "nurse", Do: url + "add-reaction/", Want: 422, Error: "/reaction-type", Body: attributes{"reaction-type": "party"}},
		{Name: "no name", As: "nurse", Do: url + "add-reaction/", Want: 422, Error: "/reaction-type", Body: attributes{}},
		{Name: "no body", As: "nurse", Do: url + "delete-reaction/", Want: 422, Error: "/reaction-type"},
		{Name: "a machine for nobody", As: "machine", Do: url + "add-reaction/", Want: 422, Error: "/individual-id", Body: attributes{"reaction-type": "like"}},
		{Name: "who is not in it", As: "cy", Do: url + "add-reaction/", Want: 404, Body: attributes{"reaction-type": "like"}},
		{Name: "for another", As: "ben", Do: url + "add-reaction/", Want: 403, Body: attributes{"reaction-type": "like", "individual-id": c.Ada.ID}},
	})
}

// TestMessages_blame holds every refusal of an identifier in a body to naming the member that it stands in.
func TestMessages_blame(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	m := c.Say(t, v.ID, c.Ada, "hello")
	const channel, author = "/data/attributes/channel-id", "/data/attributes/individual-id"
	post := func(channel id.ID, more attributes) any {
		a := attributes{"channel-id": channel, "message": "x"}
		maps.Copy(a, more)
		return create("messaging-messages", a)
	}
	one := messagesURL + m.ID.String() + "/"
	nobody, alien, other := attributes{"individual-id": id.New()}, attributes{"individual-id": c.Alien.ID}, attributes{"individual-id": c.Ada.ID}
	change := func(a attributes) any {
		return map[string]any{"data": map[string]any{"id": m.ID, "type": "messaging-messages", "attributes": a}}
	}
	like := func(a attributes) attributes {
		a = maps.Clone(a)
		a["reaction-type"] = "like"
		return a
	}
	prefer := func(a attributes) attributes {
		a = maps.Clone(a)
		a["values"] = []attributes{{"name": "pinned", "value": "true"}}
		return a
	}
	c.refusals(t, []webtest.Scenario{
		{Name: "no channel", As: "ada", Do: "POST " + messagesURL, Body: post(id.New(), nil), Want: 404, Error: channel},
		{Name: "no channel for a draft", As: "ada", Do: "POST " + messagesURL, Body: post(id.New(), attributes{"draft": true}), Want: 404, Error: channel},
		{Name: "a channel of others", As: "cy", Do: "POST " + messagesURL, Body: post(v.ID, nil), Want: 404, Error: channel},
		{Name: "a channel of others for a draft", As: "cy", Do: "POST " + messagesURL, Body: post(v.ID, attributes{"draft": true}), Want: 404, Error: channel},
		{Name: "another organization's channel", As: "stranger", Do: "POST " + messagesURL, Body: post(v.ID, nil), Want: 404, Error: channel},
		{Name: "no author", As: "machine", Do: "POST " + messagesURL, Body: post(v.ID, nobody), Want: 404, Error: author},
		{Name: "another organization's author", As: "machine", Do: "POST " + messagesURL, Body: post(v.ID, alien), Want: 404, Error: author},
		{Name: "another author", As: "ben", Do: "POST " + messagesURL, Body: post(v.ID, other), Want: 403, Error: author},
		{Name: "edited as nobody", As: "machine", Do: "PATCH " + one, Body: change(attributes{"message": "y", "individual-id": id.New()}), Want: 404, Error: author},
		{Name: "edited as another", As: "ben", Do: "PATCH " + one, Body: change(attributes{"message": "y", "individual-id": c.Ada.ID}), Want: 403, Error: author},
		{Name: "read as nobody", As: "machine", Do: "POST " + one + "ack/", Body: nobody, Want: 404, Error: "/individual-id"},
		{Name: "read as another", As: "ben", Do: "POST " + one + "ack/", Body: other, Want: 403, Error: "/individual-id"},
		{Name: "a reaction of nobody", As: "machine", Do: "POST " + one + "add-reaction/", Body: like(nobody), Want: 404, Error: "/individual-id"},
		{Name: "a reaction of another", As: "ben", Do: "POST " + one + "delete-reaction/", Body: like(other), Want: 403, Error: "/individual-id"},
		{Name: "preferences of nobody", As: "machine", Do: "POST " + channelsURL + v.ID.String() + "/preferences/", Body: prefer(alien), Want: 404, Error: "/individual-id"},
		{Name: "preferences of another", As: "ben", Do: "POST " + channelsURL + v.ID.String() + "/preferences/", Body: prefer(other), Want: 403, Error: "/individual-id"},
	})
}
