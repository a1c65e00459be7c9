package contract_test

import (
	"bytes"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/app/contract"
)

// call is one operation of the notification groups API or the groups API as its description has it. {kind} stands for the
// identifier of a record, in the address and in the body; # for a number that nothing else has.
type call struct {
	do, body string
	status   int
	answer   string // a sample of it; empty: there is no body
	rules    contract.Rules
	fluid    bool // tells of work that goes on while it is answered, so that no two answers are the same
}

// The shapes of the notification groups API. Its answers are bare; identifiers are prefixed, but on the legacy path.
const (
	groupShape = `{"id":"ntfgrp_11111111-1111-1111-1111-111111111111","name":"string","schedule_id":"sch_11111111-1111-1111-1111-111111111111",` +
		`"mute":"never","topics":["top_11111111-1111-1111-1111-111111111111"],"sites":["site_11111111-1111-1111-1111-111111111111"],` +
		`"notifiables":[{"id":"usr_11111111-1111-1111-1111-111111111111","channel":"sms"}],` +
		`"created_at":"2026-11-22T10:00:00.000Z","updated_at":"2026-11-22T10:00:00.000Z"}`
	legacyShape = `{"id":"11111111-1111-1111-1111-111111111111","name":"string","schedule_id":"11111111-1111-1111-1111-111111111111",` +
		`"mute":"never","topics":["11111111-1111-1111-1111-111111111111"],"sites":["11111111-1111-1111-1111-111111111111"],` +
		`"recipients":["11111111-1111-1111-1111-111111111111"],"notifiables":[{"id":"11111111-1111-1111-1111-111111111111","channel":"whatsapp"}],` +
		`"created_at":"2026-11-22T10:00:00.000Z","updated_at":"2026-11-22T10:00:00.000Z"}`
	topicShape = `{"id":"top_11111111-1111-1111-1111-111111111111","key":"string","name":"string","description":"string"}`
	siteShape  = `{"id":"site_11111111-1111-1111-1111-111111111111","name":"string","address":"string","timezone":"string",` +
		`"tags":["string"],"metadata":{}}`
	scheduleShape = `{"id":"sch_11111111-1111-1111-1111-111111111111","name":"string","timezone":"string","active":true,` +
		`"hours":[{"day":"monday","start":"08:00","end":"17:00"}],"metadata":[{"key":"string","value":"string"}],` +
		`"exceptions":[{"date":"2026-12-24","active":false,"slots":[{"start":"string","end":"string"}]}],` +
		`"created_at":"2026-11-22T10:00:00.000Z","updated_at":"2026-11-22T10:00:00.000Z"}`
	eventMembers = `"id":"evt_11111111-1111-1111-1111-111111111111","status":"open","topic":"top_11111111-1111-1111-1111-111111111111",` +
		`"site":"site_11111111-1111-1111-1111-111111111111","severity":"low","title":"string","body":"string","data":{},"dedup_key":"string",` +
		`"occurred_at":"2026-11-22T10:00:00.000Z","created_at":"2026-11-22T10:00:00.000Z",` +
		`"matched_groups":["ntfgrp_11111111-1111-1111-1111-111111111111"]`
	deliveryMembers = `"id":"dlv_11111111-1111-1111-1111-111111111111","user_id":"usr_11111111-1111-1111-1111-111111111111",` +
		`"group_id":"ntfgrp_11111111-1111-1111-1111-111111111111","channel":"sms","state":"sent","reason":"string","address":"string",` +
		`"attempts":[{"at":"2026-11-22T10:00:00.000Z","outcome":"string","provider_id":"string","detail":"string"}],` +
		`"updated_at":"2026-11-22T10:00:00.000Z"`
)

func notifications() []call {
	const (
		group  = `{"name":"Group #","schedule_id":"{schedule}","mute":"never","topics":["{topic}"],"sites":["{site}"],"notifiables":[{"id":"{user}","channel":"sms"}]}`
		legacy = `{"name":"Group #","schedule_id":"{schedule}","mute":"schedule-active","topics":["{topic}"],"sites":["{site}"],"recipients":["{user}"]}`
		sched  = `{"name":"Schedule #","timezone":"Europe/Berlin","hours":[{"day":"friday","start":"22:00","end":"06:00"}],` +
			`"exceptions":[{"date":"2026-12-24","active":false,"slots":[{"start":"12:00","end":"24:00"}]}],"metadata":[{"key":"a","value":"b"}]}`
		site  = `{"name":"Site #","address":"1 Example Street","timezone":"Europe/Berlin","tags":["north"],"metadata":{"floor":2}}`
		event = `{"topic":"{topic}","site":"{site}","severity":"high","title":"Line down","body":"The main line.","data":{"a":1},"dedup_key":"key-#","occurred_at":"2026-11-22T10:00:00Z"}`
	)
	unsent := map[string]string{
		"reason": "nothing stands in the way", "address": "nothing has been sent yet", "attempts[].provider_id": "the provider has not answered yet",
		"attempts[].detail": "there is nothing to say",
	}
	deliveries := contract.Rules{
		Null: prefixed("deliveries[].", unsent), Empty: map[string]string{"deliveries[].attempts": "none has begun yet"},
		Ours: map[string]string{"deliveries[].status": "which of the two messages it is: that of the event, or that of its end"},
	}
	undescribed := contract.Rules{Null: map[string]string{"description": "none is given", "address": "none is given"}}
	built := contract.Rules{Null: map[string]string{"[].description": "none is given", "[].address": "none is given"}, Empty: map[string]string{"[].tags": "none are given"}}
	sparse := contract.Rules{
		Empty: map[string]string{"data[].exceptions": "none are given", "data[].metadata": "none are given"},
		Null:  map[string]string{"data[].body": "none is given", "data[].dedup_key": "none is given", "next_cursor": "this is the last page"},
	}
	whole := contract.Rules{Ours: map[string]string{
		"exceptions[].from": "in place of date", "exceptions[].to": "in place of date",
	}}
	return []call{
		{do: "GET /notifications", status: 200, answer: "[" + groupShape + "]"},
		{do: "POST /notifications", body: group, status: 201, answer: groupShape},
		{do: "GET /notifications/{notification-group}", status: 200, answer: groupShape},
		{do: "GET /notifications/ntfgrp_{notification-group}", status: 200, answer: groupShape},
		{do: "PUT /notifications/{notification-group}", body: group, status: 200, answer: groupShape},
		{
			do: "POST /notifications/{notification-group}/explain", body: `{"topic":"{topic}","site":"{site}","severity":"low","at":"2026-11-22T10:00:00Z"}`, status: 200,
			answer: `{"at":"2026-11-22T10:00:00.000Z","group_id":"ntfgrp_11111111-1111-1111-1111-111111111111","schedule_active":true,"muted":true,` +
				`"decisions":[{"user_id":"usr_11111111-1111-1111-1111-111111111111","channel":"sms","deliver":true,"reason":"ok","text":"string"}]}`,
		},
		{
			do: "POST /notifications/{notification-group}/test", body: `{}`, status: 202,
			answer: `{"id":"tst_11111111-1111-1111-1111-111111111111","group_id":"ntfgrp_11111111-1111-1111-1111-111111111111",` +
				`"created_at":"2026-11-22T10:00:00.000Z","deliveries":[{` + deliveryMembers + `}]}`, rules: deliveries, fluid: true,
		},
		{do: "DELETE /notifications/{notification-group}", status: 204},
		{do: "GET /", status: 200, answer: "[" + legacyShape + "]"},
		{do: "POST /", body: legacy, status: 201, answer: legacyShape},
		{do: "POST /", body: group, status: 201, answer: legacyShape},
		{do: "GET /topics", status: 200, answer: "[" + topicShape + "]", rules: built},
		{do: "GET /topics/{topic}", status: 200, answer: topicShape, rules: undescribed},
		{do: "POST /topics", body: `{"key":"key-#","name":"Topic #","description":"What it is"}`, status: 201, answer: topicShape},
		{do: "PUT /topics/{topic}", body: `{"key":"key-#","name":"Topic #","description":"What it is"}`, status: 200, answer: topicShape},
		{do: "DELETE /topics/{topic}", status: 204},
		{do: "GET /sites", status: 200, answer: "[" + siteShape + "]", rules: built},
		{do: "POST /sites", body: site, status: 201, answer: siteShape},
		{do: "GET /sites/{site}", status: 200, answer: siteShape, rules: contract.Rules{Null: map[string]string{"address": "none is given"}, Empty: map[string]string{"tags": "none are given"}}},
		{do: "PUT /sites/{site}", body: site, status: 200, answer: siteShape},
		{do: "DELETE /sites/{site}", status: 204},
		{do: "GET /chrono/schedules", status: 200, answer: `{"data":[` + scheduleShape + `]}`, rules: sparse},
		{do: "POST /chrono/schedules", body: sched, status: 201, answer: scheduleShape, rules: whole},
		{
			do: "GET /chrono/schedules/{schedule}", status: 200, answer: scheduleShape,
			rules: contract.Rules{Empty: map[string]string{"exceptions": "none are given", "metadata": "none are given"}},
		},
		{do: "PUT /chrono/schedules/{schedule}", body: sched, status: 200, answer: scheduleShape, rules: whole},
		{do: "DELETE /chrono/schedules/{schedule}", status: 409, answer: `{"message":"string"}`},
		{
			do: "GET /chrono/schedules/{schedule}/preview?from=2026-11-22T00:00:00Z&to=2026-12-22T00:00:00Z", status: 200,
			answer: `{"timezone":"string","from":"2026-11-22T10:00:00.000Z","to":"2026-11-22T10:00:00.000Z",` +
				`"active":[{"start":"2026-11-22T10:00:00.000Z","end":"2026-11-22T10:00:00.000Z"}]}`,
		},
		{do: "POST /events", body: event, status: 202, answer: "{" + eventMembers + "}"},
		{do: "GET /events", status: 200, answer: `{"data":[{` + eventMembers + `}],"next_cursor":"evt_11111111-1111-1111-1111-111111111111"}`, rules: sparse},
		{
			do: "GET /events/{event}", status: 200,
			answer: "{" + eventMembers + `,"groups":[{"id":"ntfgrp_11111111-1111-1111-1111-111111111111","name":"string","decision":"deliver","reason":"ok"}],` +
				`"deliveries":[{` + deliveryMembers + `}]}`,
			rules: deliveries.And(contract.Rules{Null: map[string]string{"body": "none is given", "dedup_key": "none is given"}}),
		},
		{do: "GET /notifications/{site}", status: 404, answer: `{"message":"string"}`},
		{do: "POST /notifications", body: `{"name":""}`, status: 422, answer: `{"message":"string","errors":{}}`},
	}
}

func prefixed(prefix string, in map[string]string) map[string]string {
	out := map[string]string{}
	for path, why := range in {
		out[prefix+path] = why
	}
	return out
}

// The shapes of the groups API.
const (
	contactShape = `{"id":"aaaaaaaaaaaaaaaaaaaaaa","username":"string","phone_number":"string","avatar_url":"string","display_name":"string",` +
		`"conversation_id":"aaaaaaaaaaaaaaaaaaaaaa","last_active_at":1700000000,"created_at":1700000000}`
	conversationShape = `{"id":"aaaaaaaaaaaaaaaaaaaaaa","contact_id":"aaaaaaaaaaaaaaaaaaaaaa","group_id":"aaaaaaaaaaaaaaaaaaaaaa",` +
		`"pinned_message_id":"aaaaaaaaaaaaaaaaaaaaaa","is_pinned":true,"is_muted":true,"last_active_at":1700000000,"last_opened_at":1700000000,` +
		`"created_at":1700000000,"archived_at":1700000000}`
	groupOfContactsShape = `{"id":"aaaaaaaaaaaaaaaaaaaaaa","name":"string","description":"string","avatar_url":"string",` +
		`"conversation_id":"aaaaaaaaaaaaaaaaaaaaaa","contacts":[` + contactShape + `],"created_at":1700000000,"archived_at":1700000000}`
	messageShape = `{"id":"aaaaaaaaaaaaaaaaaaaaaa","conversation_id":"aaaaaaaaaaaaaaaaaaaaaa","contact":` + contactShape + `,"message":"string",` +
		`"reactions":[{}],"attachments":[{}],"read_at":1700000000,"created_at":1700000000,"updated_at":1700000000}`
	refusalShape = `{"type":"string","message":"string","documentation_url":"string"}`
)

func groups() []call {
	bare := map[string]string{
		"avatar_url": "none is given", "display_name": "show the username", "conversation_id": "none has been opened", "last_active_at": "was never active",
	}
	in := func(prefix string) map[string]string { return prefixed(prefix, bare) }
	group := map[string]string{"archived_at": "it is live", "description": "none is given", "avatar_url": "none is given"}
	conversation := map[string]string{
		"contact_id": "it is of a group", "group_id": "it is of a contact", "pinned_message_id": "none is pinned", "last_opened_at": "the caller has not opened it",
		"archived_at": "it is live", "last_active_at": "nothing was posted",
	}
	rules := func(prefix string, nulls ...map[string]string) contract.Rules {
		out := contract.Rules{Null: map[string]string{}, Empty: map[string]string{}}
		for _, m := range nulls {
			maps.Copy(out.Null, prefixed(prefix, m))
		}
		for _, list := range []string{"reactions", "attachments", "contacts"} {
			out.Empty[prefix+list] = "there are none"
		}
		return out
	}
	message := map[string]string{"read_at": "not everybody has read it", "contact": "a machine posted it"}
	return []call{
		{do: "GET /v1/contacts?limit=1", status: 200, answer: `{"has_more":true,"data":[` + contactShape + `]}`, rules: rules("data[].", bare)},
		{do: "POST /v1/contacts", body: `{"username":"contact-#","phone_number":"{phone}"}`, status: 201, answer: contactShape, rules: rules("", bare)},
		{do: "GET /v1/contacts/{individual}", status: 200, answer: contactShape, rules: rules("", bare)},
		{
			do: "PUT /v1/contacts/{individual}", body: `{"display_name":"Ann","avatar_url":"https://example.org/a.png"}`, status: 200, answer: contactShape,
			rules: rules("", map[string]string{"conversation_id": bare["conversation_id"], "last_active_at": bare["last_active_at"]}),
		},
		{do: "DELETE /v1/contacts/{individual}", status: 204},
		{do: "GET /v1/groups?limit=1", status: 200, answer: `{"has_more":true,"data":[` + groupOfContactsShape + `]}`, rules: rules("data[].", group, map[string]string{"conversation_id": bare["conversation_id"]}, in("contacts[]."))},
		{
			do: "POST /v1/groups", body: `{"name":"Group #","description":"A ward","avatar_url":"https://example.org/g.png","contacts":[{"id":"{individual}"}]}`, status: 201,
			answer: groupOfContactsShape, rules: rules("", map[string]string{"archived_at": group["archived_at"]}, in("contacts[].")),
		},
		{do: "GET /v1/groups/{group}", status: 200, answer: groupOfContactsShape, rules: rules("", group, in("contacts[]."))},
		{
			do: "PUT /v1/groups/{group}", body: `{"name":"Group #","archived_at":1795000000}`, status: 200, answer: groupOfContactsShape,
			rules: rules("", map[string]string{"description": group["description"], "avatar_url": group["avatar_url"]}, in("contacts[].")),
		},
		{do: "DELETE /v1/groups/{group}", status: 204},
		{do: "GET /v1/conversations?group_id={group}", status: 200, answer: `{"has_more":true,"data":[` + conversationShape + `]}`, rules: rules("data[].", conversation)},
		{do: "POST /v1/conversations", body: `{"contact_id":"{individual}"}`, status: 201, answer: conversationShape, rules: rules("", conversation)},
		{do: "GET /v1/conversations/{channel}", status: 200, answer: conversationShape, rules: rules("", conversation)},
		{
			do: "PUT /v1/conversations/{channel}", body: `{"pinned_message_id":"{message}","is_pinned":true,"is_muted":true}`, status: 200, answer: conversationShape,
			rules: rules("", map[string]string{"contact_id": conversation["contact_id"], "last_opened_at": conversation["last_opened_at"], "archived_at": conversation["archived_at"]}),
		},
		{do: "DELETE /v1/conversations/{channel}", status: 204},
		{do: "GET /v1/messages?conversation_id={channel}", status: 200, answer: `{"has_more":true,"data":[` + messageShape + `]}`, rules: rules("data[].", message, in("contact."))},
		{do: "POST /v1/messages", body: `{"conversation_id":"{channel}","message":"Good morning"}`, status: 201, answer: messageShape, rules: rules("", message, in("contact."))},
		{do: "GET /v1/messages/{message}", status: 200, answer: messageShape, rules: rules("", message, in("contact."))},
		{do: "PUT /v1/messages/{posted}", body: `{"message":"Good evening"}`, status: 200, answer: messageShape, rules: rules("", message, in("contact."))},
		{do: "DELETE /v1/messages/{message}", status: 204},
		{do: "GET /v1/groups/{site}", status: 404, answer: refusalShape},
		{do: "GET /v1/groups?limit=0", status: 400, answer: refusalShape},
		{do: "GET /v1/groups?starting_after={site}", status: 400, answer: refusalShape},
		{do: "POST /v1/groups", body: `{"name":""}`, status: 422, answer: refusalShape},
	}
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	checkCalls(t, "notifications", notifications())
}

func TestGroups(t *testing.T) {
	t.Parallel()
	checkCalls(t, "groups", groups())
}

// checkCalls sends each call to records of its own, and sees that every operation of the API has one.
func checkCalls(t *testing.T, api string, calls []call) {
	t.Helper()
	s := apptest.Start(t, apptest.Options{})
	t.Run("calls", func(t *testing.T) {
		for i, c := range calls {
			name := strings.ReplaceAll(c.do, "/", "_")
			if c.status >= 300 || i > 0 && slices.ContainsFunc(calls[:i], func(before call) bool { return before.do == c.do }) {
				name += "_" + strings.ToLower(strings.Trim(http.StatusText(c.status)+"_"+strconv.Itoa(i), "_"))
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c.check(t, s, api, name)
			})
		}
	})
	covered := map[string]bool{}
	for _, c := range calls {
		covered[routeOf(c.do)] = true
	}
	for _, o := range s.Operations(t) {
		if o.API == api && !covered[routeOf(o.Route())] {
			t.Errorf("no call shows the shape of %s", o.Route())
		}
	}
}

var wildcard = regexp.MustCompile(`(ntfgrp_)?\{[^}]*\}`)

func routeOf(do string) string {
	do, _, _ = strings.Cut(do, "?")
	return wildcard.ReplaceAllString(do, "{}")
}

func (c call) check(t *testing.T, s *apptest.Server, api, name string) {
	w := newWorld(t, s)
	if strings.Contains(c.do, "{posted}") { // by the caller, who alone edits it
		w.IDs["posted"] = apptest.ParseID(t, s.Want(t, 201, w.Key, "POST /v1/messages", map[string]any{
			"conversation_id": w.IDs[apptest.Channel].Short(), "message": "Good morning",
		}).Text(t, "id"))
	}
	if strings.Contains(c.do, "{event}") {
		awaitDelivery(t, s, w)
	}
	r := s.Do(t, w.Key, c.fill(w, api, c.do), body(c.fill(w, api, c.body)))
	if r.Status != c.status {
		t.Fatalf("status %d, want %d\n%s", r.Status, c.status, r.Body)
	}
	if c.answer == "" {
		if len(r.Body) > 0 {
			t.Errorf("a body where none is expected: %s", r.Body)
		}
		return
	}
	for _, difference := range contract.Compare(decode(t, c.answer), r.JSON(t), c.rules) {
		t.Error(difference)
	}
	if c.status < 300 && !c.fluid {
		golden(t, api+"/"+fileOf(name), r.Body)
	}
	c.checkSlash(t, s, w, api)
}

// awaitDelivery waits until the one delivery of the world's event has arrived, and what its provider answered is known, too:
// the report may come first.
func awaitDelivery(t *testing.T, s *apptest.Server, w *apptest.World) {
	t.Helper()
	apptest.Eventually(t, "the event arrives", func() error {
		r := s.Do(t, w.Key, "GET /events/"+w.IDs[apptest.Event].String(), nil)
		if state := r.Text(t, "deliveries.0.state"); state != "delivered" {
			return apptest.Errorf("it is %s", state)
		}
		if !bytes.Contains(r.Body, []byte(`"detail":"queued"`)) {
			return apptest.Errorf("the provider's answer is not known: %s", r.Body)
		}
		return nil
	})
}

// checkSlash asks the same with a slash at the end: the answer is no redirect.
func (c call) checkSlash(t *testing.T, s *apptest.Server, w *apptest.World, api string) {
	t.Helper()
	if !strings.HasPrefix(c.do, "GET /") || c.do == "GET /" || c.status != 200 {
		return
	}
	path, query, _ := strings.Cut(c.fill(w, api, c.do), "?")
	if r := s.Do(t, w.Key, path+"/?"+query, nil); r.Status != 200 {
		t.Errorf("with a slash at the end: %d %s", r.Status, r.Body)
	}
}

func body(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// fill puts the identifiers of a world into a text.
func (c call) fill(w *apptest.World, api, text string) string {
	for kind, i := range w.IDs {
		text = strings.ReplaceAll(text, "{"+string(kind)+"}", apptest.Spelled(api, i))
	}
	text = strings.ReplaceAll(text, "{phone}", apptest.Phone())
	return strings.ReplaceAll(text, "#", strconv.Itoa(int(apptest.Unique())))
}
