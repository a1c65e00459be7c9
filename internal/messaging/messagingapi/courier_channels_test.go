package messagingapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/web/webtest"
)

const channelsURL = "/v1/messaging-channels/"

func TestChannels_golden(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	c.Say(t, v.ID, c.Ada, "How are you?")
	_, err := c.CreateChannel(c.Member(t, c.Clerk), messaging.NewChannel{IndividualIDs: []id.ID{c.Ada.ID}, Name: "Direct", EventsEnabled: true})
	must(t, err)
	one := channelsURL + v.ID.String() + "/"
	for file, do := range map[string]struct {
		as, do string
		body   any
	}{
		"channel_to_leader.json":      {"nurse", "GET " + one, nil},
		"channel_to_participant.json": {"ada", "GET " + one, nil},
		"channel_to_machine.json":     {"machine", "GET " + one + "?use-group-name=false", nil},
		"channels.json":               {"ada", "GET " + channelsURL + "?page[limit]=1&page[offset]=1", nil},
		"channel_refused.json": {"administrator", "POST " + channelsURL, create("messaging-channels", attributes{
			"individual-group-id": c.Ward.ID, "individual-ids": []id.ID{c.Ada.ID},
		})},
		"channel_not_found.json": {"cy", "GET " + one, nil},
		"ops_refused.json": {"nurse", "PATCH " + one, change("messaging-channels", v.ID, []attributes{
			{"op": "replace", "path": "/color", "value": 1}, {"op": "replace", "path": "/floating", "value": "yes"}, {"op": "replace", "path": "/name"},
		})},
	} {
		t.Run(file, func(t *testing.T) {
			webtest.Golden(t, file, webtest.Do(t, c, do.as, do.do, do.body).Body)
		})
	}
}

func TestChannels_create(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	with := func(a attributes) map[string]any { return create("messaging-channels", a) }
	webtest.Run(t, c, []webtest.Scenario{
		{
			Name: "the least", As: "nurse", Do: "POST " + channelsURL, Want: 201,
			Body: with(attributes{"individual-group-id": c.Ward.ID, "individual-ids": []id.ID{c.Ada.ID}}),
			Then: func(t *testing.T, r *webtest.Response) {
				wantAttribute(t, r, "subscription-type", `"single"`)
				wantAttribute(t, r, "floating", "false")
				wantAttribute(t, r, "event-settings", `{"enabled":true}`)
				wantAttribute(t, r, "name", `"Ward"`)
				wantAttribute(t, r, "owner-id", `"`+c.Nurse.ID.String()+`"`)
				if r.Len(t, "data.attributes.subscribers") != 3 {
					t.Errorf("subscribers %v", r.Path(t, "data.attributes.subscribers"))
				}
			},
		},
		{
			Name: "everything", As: "machine", Do: "POST " + channelsURL, Want: 201,
			Body: with(attributes{
				"individual-group-id": c.Ward.ID, "individual-ids": []id.ID{c.Ben.ID, c.Cy.ID}, "name": "Both", "label": "l", "floating": true,
				"event-settings": attributes{"enabled": false}, "subscription-type": "open", "organization-id": c.Org, "text-number-id": c.Org,
			}),
			Then: func(t *testing.T, r *webtest.Response) {
				wantAttribute(t, r, "name", `"Both"`)
				wantAttribute(t, r, "event-settings", `{"enabled":false}`)
				wantAttribute(t, r, "text-number", `{"id":"`+c.Org.String()+`"}`)
				wantAttribute(t, r, "owner-id", "null")
			},
		},
		{
			Name: "a name of blanks is none", As: "nurse", Do: "POST " + channelsURL, Want: 201,
			Body: with(attributes{"individual-ids": []id.ID{c.Ada.ID}, "name": " \t", "label": " l "}), Contains: []string{`"name":"ada"`, `"label":"l"`},
		},
		{
			Name: "settings that say nothing", As: "nurse", Do: "POST " + channelsURL, Want: 201,
			Body: with(attributes{"individual-ids": []id.ID{c.Ada.ID}, "event-settings": attributes{}}), Contains: []string{`"event-settings":{"enabled":true}`},
		},
		{
			Name: "settings that are null", As: "nurse", Do: "POST " + channelsURL, Want: 201,
			Body: with(attributes{"individual-ids": []id.ID{c.Ada.ID}, "event-settings": attributes{"enabled": nil}}), Contains: []string{`"event-settings":{"enabled":true}`},
		},
		{
			Name: "null is the same as absent", As: "clerk", Do: "POST " + channelsURL, Want: 201,
			Body: with(attributes{
				"individual-group-id": nil, "individual-ids": []id.ID{c.Cy.ID}, "name": nil, "label": nil, "floating": nil,
				"event-settings": nil, "subscription-type": nil, "organization-id": nil, "text-number-id": nil,
			}),
			Then: func(t *testing.T, r *webtest.Response) {
				wantAttribute(t, r, "name", `"cy"`) // by the title that the organization has by default
				wantAttribute(t, r, "individual-group", "null")
				wantAttribute(t, r, "event-settings", `{"enabled":true}`)
			},
		},
	})
	const at = "/data/attributes/"
	refuse := func(name string, a attributes, status int, pointer string) webtest.Scenario {
		return webtest.Scenario{Name: name, As: "administrator", Do: "POST " + channelsURL, Body: with(a), Want: status, Error: pointer}
	}
	ada := []id.ID{c.Ada.ID}
	c.refusals(t, []webtest.Scenario{
		refuse("nothing", attributes{}, 422, at+"individual-ids"),
		refuse("an unknown attribute", attributes{"individual-ids": ada, "color": "red"}, 422, at+"color"),
		refuse("a name that is none", attributes{"individual-ids": ada, "name": 7}, 422, at+"name"),
		refuse("a long name", attributes{"individual-ids": ada, "name": strings.Repeat("x", 256)}, 422, at+"name"),
		refuse("a long label", attributes{"individual-ids": ada, "label": strings.Repeat("x", 256)}, 422, at+"label"),
		refuse("another type", attributes{"individual-ids": ada, "subscription-type": "double"}, 422, at+"subscription-type"),
		refuse("no identifier", attributes{"individual-ids": []string{"me"}}, 422, at+"individual-ids/0"),
		refuse("nobody", attributes{"individual-ids": []id.ID{c.Ada.ID, c.Alien.ID}}, 404, at+"individual-ids/1"),
		refuse("another organization's group", attributes{"individual-group-id": c.AlienGroup.ID}, 404, at+"individual-group-id"),
		refuse("another organization", attributes{"individual-ids": ada, "organization-id": c.OtherOrg}, 422, at+"organization-id"),
		refuse("floating without a group", attributes{"individual-ids": ada, "floating": true}, 422, at+"floating"),
		refuse("settings that are none", attributes{"individual-ids": ada, "event-settings": attributes{"enabled": "yes"}}, 422, at+"event-settings/enabled"),
		{Name: "another resource", As: "administrator", Do: "POST " + channelsURL, Body: create("messages", attributes{"individual-ids": ada}), Want: 422, Error: "/data/type"},
		{Name: "no document", As: "administrator", Do: "POST " + channelsURL, Body: "[]", Want: 422},
		{Name: "broken JSON", As: "administrator", Do: "POST " + channelsURL, Body: `{"data":`, Want: 400},
		{Name: "nobody's key", Do: "POST " + channelsURL, Body: with(attributes{"individual-ids": ada}), Want: 401},
		{Name: "a participant", As: "ada", Do: "POST " + channelsURL, Body: with(attributes{"individual-ids": []id.ID{c.Ben.ID}}), Want: 403},
		{Name: "a key that reads", As: "reader", Do: "POST " + channelsURL, Body: with(attributes{"individual-ids": ada}), Want: 403},
		{
			Name: "a second of its kind", As: "doctor", Do: "POST " + channelsURL, Want: 409, Code: "DuplicateChannel", Contains: []string{`"meta":{"id":"`},
			Body: with(attributes{"individual-group-id": c.Ward.ID, "individual-ids": ada}),
		},
	})
}

func TestChannels_roles(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	for as, want := range map[string]struct{ read, write, prefer int }{
		"": {401, 401, 401}, "stranger": {404, 404, 404}, "cy": {404, 404, 404}, "clerk": {404, 404, 404}, "ada": {200, 403, 201},
		"nurse": {200, 201, 201}, "administrator": {200, 201, 422}, "machine": {200, 201, 422}, "reader": {200, 403, 403},
	} {
		url := channelsURL + v.ID.String() + "/"
		patch := change("messaging-channels", v.ID, []attributes{{"op": "replace", "path": "/label", "value": as}})
		for do, status := range map[string]int{
			"GET " + url: want.read, "POST " + url + "unarchive/": want.write, "POST " + url + "preferences/": want.prefer,
			"POST " + url + "subscribe/": want.write, "PATCH " + url: want.write,
		} {
			var body any
			switch {
			case strings.HasSuffix(do, "preferences/"):
				body = attributes{"values": []attributes{{"name": "pinned", "value": "true"}}}
			case strings.HasSuffix(do, "subscribe/"):
				body = attributes{"individual-ids": []id.ID{c.Ada.ID}}
			case strings.HasPrefix(do, "PATCH"):
				if body = patch; status == 201 {
					status = 200
				}
			}
			if got := webtest.Do(t, c, as, do, body); got.Status != status {
				t.Errorf("%q %s: %d, want %d\n%s", as, do, got.Status, status, got.Body)
			}
		}
	}
}

func TestChannels_patch(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, false)
	url := "PATCH " + channelsURL + v.ID.String() + "/"
	ops := func(ops ...attributes) map[string]any {
		return change("messaging-channels", v.ID, append([]attributes{}, ops...))
	}
	replace := func(path string, value any) attributes {
		return attributes{"op": "replace", "path": path, "value": value}
	}
	webtest.Run(t, c, []webtest.Scenario{
		{
			Name: "all at once", As: "nurse", Do: url, Want: 200,
			Body: ops(replace("/name", " n"), replace("/label", "l\n"), replace("/event-settings/enabled", false), replace("/text-number-id", c.Org),
				replace("/individual-group-id", c.Ward.ID), replace("/floating", true), replace("/subscription-type", "open")),
			Then: func(t *testing.T, r *webtest.Response) {
				for name, want := range map[string]string{
					"name": `"n"`, "label": `"l"`, "event-settings": `{"enabled":false}`, "floating": "true", "subscription-type": `"open"`,
					"text-number": `{"id":"` + c.Org.String() + `"}`,
				} {
					wantAttribute(t, r, name, want)
				}
			},
		},
		{
			Name: "null empties, and the last one wins", As: "nurse", Do: url, Want: 200,
			Body: ops(replace("/name", "x"), replace("/name", nil), replace("/text-number-id", nil)),
			Then: func(t *testing.T, r *webtest.Response) {
				wantAttribute(t, r, "name", `"Ward"`)
				wantAttribute(t, r, "text-number", "null")
				wantAttribute(t, r, "label", `"l"`)
			},
		},
		{Name: "nothing", As: "nurse", Do: url, Want: 200, Body: ops()},
	})
	before, err := c.Store.GetChannel(t.Context(), c.Org, v.ID)
	must(t, err)
	refuse := func(name string, status int, pointer string, list ...attributes) webtest.Scenario {
		return webtest.Scenario{Name: name, As: "nurse", Do: url, Body: ops(list...), Want: status, Error: pointer}
	}
	const at = "/data/attributes/"
	kept := replace("/name", "must not be kept")
	c.refusals(t, []webtest.Scenario{
		refuse("another operation", 422, at+"1/op", kept, attributes{"op": "add", "path": "/name", "value": "x"}),
		refuse("another path", 422, at+"1/path", kept, replace("/archived", true)),
		refuse("no path", 422, at+"0/path", attributes{"op": "replace", "value": "x"}),
		refuse("no value", 422, at+"1/value", kept, attributes{"op": "replace", "path": "/label"}),
		refuse("a member more", 422, at+"0/from", attributes{"op": "replace", "path": "/name", "value": "x", "from": "/label"}),
		refuse("a name that is none", 422, at+"0/value", replace("/name", 7)),
		refuse("a long name", 422, at+"1/value", replace("/label", "x"), replace("/name", strings.Repeat("x", 256))),
		refuse("no switch", 422, at+"1/value", kept, replace("/event-settings/enabled", nil)),
		refuse("no identifier", 422, at+"1/value", kept, replace("/text-number-id", "x")),
		refuse("no group", 422, at+"1/value", kept, replace("/individual-group-id", nil)),
		refuse("another organization's group", 404, at+"1/value", kept, replace("/individual-group-id", c.AlienGroup.ID)),
		refuse("another type", 422, at+"1/value", kept, replace("/subscription-type", "double")),
		refuse("a type that does not fit", 409, "", kept, replace("/subscription-type", "none")),
		{Name: "no list", As: "nurse", Do: url, Body: change("messaging-channels", v.ID, attributes{"name": "x"}), Want: 422, Error: "/data/attributes"},
		{Name: "another id", As: "nurse", Do: url, Body: change("messaging-channels", c.Org, []attributes{kept}), Want: 422, Error: "/data/id"},
	})
	after, err := c.Store.GetChannel(t.Context(), c.Org, v.ID)
	must(t, err)
	if after != before {
		t.Errorf("the channel went from %+v to %+v", before, after)
	}
}

func TestChannels_actions(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, false)
	m := c.Say(t, v.ID, c.Ada, "hello")
	url := "POST " + channelsURL + v.ID.String() + "/"
	clerk := attributes{"individual-ids": []id.ID{c.Clerk.ID, c.Clerk.ID}}
	subscribers := func(n int) func(*testing.T, *webtest.Response) {
		return func(t *testing.T, r *webtest.Response) {
			t.Helper()
			if got := r.Len(t, "data.attributes.subscribers"); got != n {
				t.Errorf("%d subscribers, want %d", got, n)
			}
		}
	}
	is := func(name, want string) func(*testing.T, *webtest.Response) {
		return func(t *testing.T, r *webtest.Response) { t.Helper(); wantAttribute(t, r, name, want) }
	}
	webtest.Run(t, c, []webtest.Scenario{
		{Name: "new to the nurse", As: "nurse", Do: "GET " + channelsURL + v.ID.String(), Want: 200, Then: is("caller-new-message-count", "1")},
		{Name: "not to Ada", As: "ada", Do: "GET " + channelsURL + v.ID.String(), Want: 200, Then: is("caller-has-new-message", "false")},
		{Name: "subscribe", As: "nurse", Do: url + "subscribe/", Body: clerk, Want: 201, Then: subscribers(4)},
		{Name: "subscribe again", As: "nurse", Do: url + "subscribe", Body: clerk, Want: 201, Then: subscribers(4)},
		{Name: "leave", As: "clerk", Do: url + "unsubscribe/", Want: 201, Then: subscribers(3)},
		{Name: "unsubscribe", As: "nurse", Do: url + "unsubscribe/", Body: clerk, Want: 201, Then: subscribers(3)},
		{Name: "pin", As: "ada", Do: url + "preferences/", Want: 201, Body: attributes{"values": []attributes{{"name": "pinned", "value": "true"}, {"name": "notify", "value": "none"}}}, Contains: []string{`"pinned":true`}},
		{Name: "prefer for somebody", As: "nurse", Do: url + "preferences/", Want: 201, Body: attributes{"individual-id": c.Ada.ID, "values": []attributes{{"name": "pinned", "value": "false"}}}, Lacks: []string{`"pinned":true`}},
		{Name: "archive", As: "nurse", Do: url + "archive/", Body: attributes{}, Want: 201, Then: is("archived", "true")},
		{Name: "hidden", As: "nurse", Do: "GET " + channelsURL, Want: 200, Contains: []string{`"page[total]":0`}},
		{Name: "among the archived", As: "nurse", Do: "GET " + channelsURL + "?filter[archived]=true", Want: 200, Contains: []string{m.ID.String()}},
		{Name: "post to it", As: "ada", Do: "POST " + messagesURL, Want: 409, Code: "ChannelArchived", Body: create("messaging-messages", attributes{"channel-id": v.ID, "message": "x"})},
		{Name: "unarchive", As: "nurse", Do: url + "unarchive/", Want: 201, Then: is("archived", "false")},
	})
	c.refusals(t, []webtest.Scenario{
		{Name: "another preference", As: "ada", Do: url + "preferences/", Want: 422, Error: "/values/1/name", Body: attributes{"values": []attributes{{"name": "pinned", "value": "true"}, {"name": "color", "value": "red"}}}},
		{Name: "another value", As: "ada", Do: url + "preferences/", Want: 422, Error: "/values/0/value", Body: attributes{"values": []attributes{{"name": "notify", "value": "some"}}}},
		{Name: "half a pin", As: "ada", Do: url + "preferences/", Want: 422, Error: "/values/0/value", Body: attributes{"values": []attributes{{"name": "pinned", "value": "half"}}}},
		{Name: "preferences of nobody", As: "machine", Do: url + "preferences/", Want: 422, Error: "/individual-id", Body: attributes{"values": []attributes{{"name": "pinned", "value": "true"}}}},
		{Name: "no preferences", As: "ada", Do: url + "preferences/", Want: 422, Error: "/values", Body: attributes{}},
		{Name: "a second participant", As: "nurse", Do: url + "subscribe/", Want: 409, Code: "SubscriptionClosed", Body: attributes{"individual-ids": []id.ID{c.Ben.ID}}},
		{Name: "another organization's", As: "nurse", Do: url + "subscribe/", Want: 404, Error: "/individual-ids/0", Body: attributes{"individual-ids": []id.ID{c.Alien.ID}}},
		{Name: "no identifiers", As: "nurse", Do: url + "subscribe/", Want: 422, Error: "/individual-ids/0", Body: attributes{"individual-ids": []string{"x"}}},
		{Name: "a member more", As: "nurse", Do: url + "archive/", Want: 422, Error: "/force", Body: attributes{"force": true}},
		{Name: "a bad address", As: "nurse", Do: "GET " + channelsURL + "x/", Want: 404},
		{Name: "a bad parameter", As: "nurse", Do: "GET " + channelsURL + "?page[limit]=51", Want: 400, Error: "page[limit]"},
		{Name: "a bad flag", As: "nurse", Do: "GET " + channelsURL + "?filter[archived]=1", Want: 400, Error: "filter[archived]"},
		{Name: "a bad comparison", As: "nurse", Do: "GET " + channelsURL + "?filter[cmp-last-modified-time]=2026", Want: 400, Error: "filter[cmp-last-modified-time]"},
		{Name: "no time can be missing", As: "nurse", Do: "GET " + channelsURL + "?filter[cmp-last-modified-time]=%3E2026-01-01T00:00:00Z|null", Want: 400, Error: "filter[cmp-last-modified-time]"},
		{Name: "another organization", As: "nurse", Do: "GET " + channelsURL + "?organization-id=" + c.OtherOrg.String(), Want: 404},
		{Name: "for somebody else", As: "ben", Do: "GET " + channelsURL + "?individual-id=" + c.Ada.ID.String(), Want: 403, Error: "individual-id"},
	})
}

// Whoever may not act for the individual that a query names is told which parameter it was.
func TestIndividualID_inQueries(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, true)
	m := c.Say(t, v.ID, c.Ada, "How are you?")
	channel, message := channelsURL+v.ID.String()+"/", messagesURL+m.ID.String()+"/"
	for _, url := range []string{
		channelsURL + "?", channel + "?", channel + "get-profile/?profile-individual-id=" + c.Ada.ID.String() + "&",
		messagesURL + "?channel-id=" + v.ID.String() + "&", message + "?", message + "get-receipts/?", message + "history/?",
	} {
		webtest.Run(t, c, []webtest.Scenario{
			{Name: "another's " + url, As: "ben", Do: "GET " + url + "individual-id=" + c.Ada.ID.String(), Want: 403, Code: "Denied", Error: "individual-id"},
			{Name: "nobody's " + url, As: "machine", Do: "GET " + url + "individual-id=" + id.New().String(), Want: 404, Code: "NotFound", Error: "individual-id"},
			{Name: "one's own " + url, As: "ada", Do: "GET " + url + "individual-id=" + c.Ada.ID.String(), Want: 200},
		})
	}
}

// What a participant is shown of others is their names.
func TestChannels_privacy(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	for _, u := range []struct {
		user  id.ID
		email string
	}{{c.Ada.UserID(), "ada@example.org"}, {c.Nurse.UserID(), "nurse@example.org"}} {
		found, err := c.People.FindUsers(t.Context(), c.Org, []id.ID{u.user})
		must(t, err)
		user := found[u.user]
		user.Email, user.Phone = u.email, "+12025550100"
		must(t, c.People.UpdateUser(t.Context(), user))
	}
	for day, i := range map[string]directory.Individual{"1815-12-10": c.Ada, "1956-06-08": c.Ben} {
		i.BirthDate = day
		must(t, c.People.UpdateIndividual(t.Context(), i))
	}
	v := c.Single(t, true)
	url := "GET " + channelsURL + v.ID.String() + "/"
	webtest.Run(t, c, []webtest.Scenario{
		{Name: "a participant", As: "ada", Do: url, Want: 200, Contains: []string{"ada@example.org", `"nurse"`}, Lacks: []string{"nurse@example.org", c.Ben.ID.String()}},
		{Name: "a provider", As: "nurse", Do: url, Want: 200, Contains: []string{"ada@example.org", "nurse@example.org", c.Ben.ID.String()}},
		{Name: "a machine", As: "machine", Do: url, Want: 200, Contains: []string{"ada@example.org", "nurse@example.org"}},
	})
	got := webtest.Do(t, c, "ada", "GET "+channelsURL, nil)
	var list struct {
		Data []struct {
			Attributes struct {
				Group struct {
					Count int `json:"individuals-count"`
				} `json:"individual-group"`
			}
		}
	}
	must(t, json.Unmarshal(got.Body, &list))
	if len(list.Data) != 1 || list.Data[0].Attributes.Group.Count != 1 {
		t.Errorf("Ada is told of %s", got.Body)
	}
	together, err := c.CreateChannel(c.Leader(t, c.Nurse), messaging.NewChannel{
		GroupID: c.Ward.ID, IndividualIDs: []id.ID{c.Ada.ID, c.Ben.ID, c.Clerk.ID}, Type: messaging.Open, EventsEnabled: true,
	})
	must(t, err)
	ofAll := "GET " + channelsURL + together.ID.String() + "/"
	webtest.Run(t, c, []webtest.Scenario{
		{Name: "a participant among others", As: "ada", Do: ofAll, Want: 200, Contains: []string{"1815-12-10"}, Lacks: []string{"1956-06-08", "nurse@example.org"}},
		{Name: "a provider who leads nothing", As: "clerk", Do: ofAll, Want: 200, Contains: []string{"1815-12-10", "1956-06-08", "nurse@example.org"}},
	})
}
