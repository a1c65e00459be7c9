package messagingapi_test

import (
	"testing"

	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

func TestBookmarks(t *testing.T) {
	t.Parallel()
	c := newCourier(t)
	v := c.Single(t, false)
	first, second := c.Say(t, v.ID, c.Ada, "one"), c.Say(t, v.ID, c.Ada, "two")
	mark := func(channel, message id.ID, several bool) map[string]any {
		return create("messaging-bookmarks", attributes{"channel-id": channel, "message-id": message, "allow-multi-message": several})
	}
	list := "GET /v1/messaging-bookmarks/?organization-id=" + c.Org.String()
	total := func(as string, want float64) {
		t.Helper()
		if got := webtest.Do(t, c, as, list, nil).Path(t, "meta.page[total]"); got != want {
			t.Errorf("%s has %v bookmarks, want %v", as, got, want)
		}
	}

	r := webtest.Do(t, c, "ada", "POST /v1/messaging-bookmarks/", mark(v.ID, first.ID, false))
	webtest.Golden(t, "courier/bookmark-created", r.Body)
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	moved := webtest.Do(t, c, "ada", "POST /v1/messaging-bookmarks/", mark(v.ID, second.ID, false))
	total("ada", 1)
	webtest.Do(t, c, "ada", "POST /v1/messaging-bookmarks/", mark(v.ID, first.ID, true))
	total("ada", 2)
	total("ben", 0)
	total("administrator", 2)
	b := idOf(t, moved).String()
	wantAttribute(t, moved, "message", `{"id":"`+second.ID.String()+`"}`)
	webtest.Golden(t, "courier/bookmarks", webtest.Do(t, c, "ada", list+"&filter[channel-id]="+v.ID.String(), nil).Body)

	webtest.Run(t, c, []webtest.Scenario{
		{Name: "one's own", As: "ada", Do: "GET /v1/messaging-bookmarks/" + b + "/", Want: 200, Contains: []string{second.ID.String()}},
		{Name: "another's", As: "nurse", Do: "GET /v1/messaging-bookmarks/" + b + "/", Want: 404},
		{Name: "another's, deleted", As: "nurse", Do: "DELETE /v1/messaging-bookmarks/" + b + "/", Want: 404},
		{Name: "another organization's", As: "stranger", Do: "GET /v1/messaging-bookmarks/" + b + "/", Want: 404},
		{Name: "nobody", Do: list, Want: 401},
		{Name: "in another channel", As: "ada", Do: list + "&filter[channel-id]=" + id.New().String(), Want: 200, Contains: []string{`"data":[]`}},
		{Name: "of another organization", As: "ada", Do: "GET /v1/messaging-bookmarks/?organization-id=" + c.OtherOrg.String(), Want: 404},
		{Name: "of no organization", As: "ada", Do: "GET /v1/messaging-bookmarks/", Want: 400, Error: "organization-id"},
		{Name: "an unknown parameter", As: "ada", Do: list + "&color=red", Want: 400, Error: "color"},
		{Name: "the channel shows it", As: "ada", Do: "GET /v1/messaging-channels/" + v.ID.String() + "/", Want: 200, Contains: []string{`"bookmark":{"id":"`}},
		{Name: "to its owner only", As: "nurse", Do: "GET /v1/messaging-channels/" + v.ID.String() + "/", Want: 200, Contains: []string{`"bookmark":null`}},
		{Name: "deleted", As: "ada", Do: "DELETE /v1/messaging-bookmarks/" + b + "/", Want: 204},
		{Name: "deleted twice", As: "ada", Do: "DELETE /v1/messaging-bookmarks/" + b + "/", Want: 404},
	})
	total("ada", 1)
	c.refusals(t, []webtest.Scenario{
		{Name: "no message", As: "ada", Do: "POST /v1/messaging-bookmarks/", Body: mark(v.ID, id.New(), false), Want: 404, Error: "/data/attributes/message-id"},
		{Name: "no channel", As: "ada", Do: "POST /v1/messaging-bookmarks/", Body: mark(id.New(), first.ID, false), Want: 404, Error: "/data/attributes/channel-id"},
		{Name: "a stranger", As: "stranger", Do: "POST /v1/messaging-bookmarks/", Body: mark(v.ID, first.ID, false), Want: 404, Error: "/data/attributes/channel-id"},
		{Name: "a machine", As: "machine", Do: "POST /v1/messaging-bookmarks/", Body: mark(v.ID, first.ID, false), Want: 403},
		{Name: "no scope", As: "reader", Do: "POST /v1/messaging-bookmarks/", Body: mark(v.ID, first.ID, false), Want: 403},
		{Name: "missing", As: "ada", Do: "POST /v1/messaging-bookmarks/", Body: create("messaging-bookmarks", attributes{"channel-id": v.ID}), Want: 422, Error: "/data/attributes/message-id"},
		{Name: "unknown", As: "ada", Do: "POST /v1/messaging-bookmarks/", Body: create("messaging-bookmarks", attributes{"channel-id": v.ID, "message-id": first.ID, "colour": 1}), Want: 422, Error: "/data/attributes/colour"},
		{Name: "no id", As: "ada", Do: "POST /v1/messaging-bookmarks/", Body: create("messaging-bookmarks", attributes{"channel-id": "x", "message-id": 3}), Want: 422, Error: "/data/attributes/channel-id"},
	})
	total("ada", 1)
}
