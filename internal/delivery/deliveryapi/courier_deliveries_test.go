package deliveryapi_test

import (
	"fmt"
	"testing"

	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// ids checks which deliveries a list holds, newest first, and its total.
func ids(want ...id.ID) func(*testing.T, *webtest.Response) {
	return func(t *testing.T, r *webtest.Response) {
		t.Helper()
		var got struct {
			Data []struct{ ID id.ID }
			Meta struct {
				Total int `json:"page[total]"`
			}
		}
		r.Into(t, &got)
		found := []id.ID{}
		for _, d := range got.Data {
			found = append(found, d.ID)
		}
		if fmt.Sprint(found) != fmt.Sprint(append([]id.ID{}, want...)) || got.Meta.Total != len(want) {
			t.Errorf("deliveries %v of %d, want %v", found, got.Meta.Total, want)
		}
	}
}

func TestDeliveries_list(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "all", As: "administrator", Do: "GET /v1/deliveries/", Want: 200, Then: ids(w.said, w.muted, w.queued, w.failed)},
		{Name: "all, for a machine", As: "machine", Do: "GET /v1/deliveries/", Want: 200, Then: ids(w.said, w.muted, w.queued, w.failed)},
		{Name: "a member's own", As: "member", Do: "GET /v1/deliveries/", Want: 200, Then: ids(w.said, w.failed)},
		{Name: "a leader's own", As: "leader", Do: "GET /v1/deliveries/", Want: 200, Then: ids(w.muted, w.queued)},
		{Name: "another organization's", As: "stranger", Do: "GET /v1/deliveries/", Want: 200, Then: ids(w.theirs)},
		{Name: "nobody's", Do: "GET /v1/deliveries/", Want: 401},
		{Name: "without the scope", As: "scopeless", Do: "GET /v1/deliveries/", Want: 403, Code: "Denied"},

		{Name: "event", As: "administrator", Do: "GET /v1/deliveries/?filter[event]=" + w.alert.String(), Want: 200, Then: ids(w.muted, w.queued, w.failed)},
		{Name: "event, a person's own", As: "member", Do: "GET /v1/deliveries/?filter[event]=" + w.alert.String(), Want: 200, Then: ids(w.failed)},
		{Name: "event of another organization", As: "stranger", Do: "GET /v1/deliveries/?filter[message]=" + w.message.String(), Want: 200, Then: ids()},
		{Name: "message", As: "administrator", Do: "GET /v1/deliveries/?filter[message]=" + w.message.String(), Want: 200, Then: ids(w.said)},
		{Name: "notification", As: "administrator", Do: "GET /v1/deliveries/?filter[notification]=" + w.message.String(), Want: 200, Then: ids()},
		{Name: "user", As: "administrator", Do: "GET /v1/deliveries/?filter[user]=" + w.ben.ID.String(), Want: 200, Then: ids(w.muted, w.queued)},
		{Name: "own user", As: "member", Do: "GET /v1/deliveries/?filter[user]=" + w.ann.ID.String(), Want: 200, Then: ids(w.said, w.failed)},
		{Name: "another's user", As: "member", Do: "GET /v1/deliveries/?filter[user]=" + w.ben.ID.String(), Want: 403},
		{Name: "individual", As: "administrator", Do: "GET /v1/deliveries/?filter[individual]=" + w.annsSelf.ID.String(), Want: 200, Then: ids(w.said, w.failed)},
		{Name: "own individual", As: "member", Do: "GET /v1/deliveries/?filter[individual]=" + w.annsSelf.ID.String(), Want: 200, Then: ids(w.said, w.failed)},
		{Name: "another's individual", As: "leader", Do: "GET /v1/deliveries/?filter[individual]=" + w.annsSelf.ID.String(), Want: 403},
		{Name: "an individual that is not there", As: "administrator", Do: "GET /v1/deliveries/?filter[individual]=" + id.New().String(), Want: 200, Then: ids()},
		{Name: "transport", As: "administrator", Do: "GET /v1/deliveries/?filter[transport]=email", Want: 200, Then: ids(w.muted)},
		{Name: "state", As: "administrator", Do: "GET /v1/deliveries/?filter[state]=failed", Want: 200, Then: ids(w.failed)},
		{
			Name: "several", As: "administrator",
			Do: "GET /v1/deliveries/?filter[state]=sent&filter[transport]=sms&filter[user]=" + w.ann.ID.String(), Want: 200, Then: ids(w.said),
		},
		{Name: "a page", As: "administrator", Do: "GET /v1/deliveries/?page[limit]=1&page[offset]=1", Want: 200, Contains: []string{w.muted.String(), `"page[total]":4`}, Lacks: []string{w.said.String()}},

		{Name: "an unknown state", As: "administrator", Do: "GET /v1/deliveries/?filter[state]=lost", Want: 400, Error: "filter[state]"},
		{Name: "an unknown transport", As: "administrator", Do: "GET /v1/deliveries/?filter[transport]=pigeon", Want: 400, Error: "filter[transport]"},
		{Name: "no id", As: "administrator", Do: "GET /v1/deliveries/?filter[user]=ann", Want: 400, Error: "filter[user]"},
		{Name: "an unknown filter", As: "administrator", Do: "GET /v1/deliveries/?filter[address]=x", Want: 400, Error: "filter[address]"},
		{Name: "too many", As: "administrator", Do: "GET /v1/deliveries/?page[limit]=1001", Want: 400, Error: "page[limit]"},
		{
			Name: "two sources", As: "administrator",
			Do: "GET /v1/deliveries/?filter[event]=" + w.alert.String() + "&filter[message]=" + w.message.String(), Want: 400, Error: "filter[message]",
		},

		{Name: "whole addresses for administrators", As: "administrator", Do: "GET /v1/deliveries/", Want: 200, Contains: []string{phone}},
		{Name: "masked for machines", As: "machine", Do: "GET /v1/deliveries/", Want: 200, Contains: []string{`"+4*********67"`}, Lacks: []string{phone}},
		{Name: "masked for members", As: "member", Do: "GET /v1/deliveries/", Want: 200, Contains: []string{`"+4*********67"`}, Lacks: []string{phone}},
	})
	if n := w.events(); n != 0 {
		t.Errorf("reading recorded %d entries", n)
	}
}

func TestDeliveries_get(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get := func(i id.ID) string { return "GET /v1/deliveries/" + i.String() + "/" }
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "with its story", As: "administrator", Do: get(w.failed), Want: 200, Then: func(t *testing.T, r *webtest.Response) {
			webtest.Golden(t, "delivery-failed.json", r.Body)
		}},
		{Name: "before the first attempt", As: "administrator", Do: get(w.queued), Want: 200, Then: func(t *testing.T, r *webtest.Response) {
			webtest.Golden(t, "delivery-queued.json", r.Body)
		}},
		{Name: "suppressed", As: "administrator", Do: get(w.muted), Want: 200, Contains: []string{"muted-always", "is set to deliver nothing"}},
		{Name: "sent", As: "machine", Do: get(w.said), Want: 200, Contains: []string{`"accepted"`, `"type":"message"`}, Lacks: []string{phone}},
		{Name: "a member's own, masked everywhere", As: "member", Do: get(w.failed), Want: 200, Contains: []string{"+4*********67"}, Lacks: []string{phone}},
		{Name: "another member's", As: "member", Do: get(w.queued), Want: 404},
		{Name: "a leader's, of another", As: "leader", Do: get(w.failed), Want: 404},
		{Name: "another organization's", As: "administrator", Do: get(w.theirs), Want: 404, Code: "NotFound"},
		{Name: "that is not there", As: "administrator", Do: get(id.New()), Want: 404},
		{Name: "that is no id", As: "administrator", Do: "GET /v1/deliveries/x/", Want: 404},
		{Name: "nobody", Do: get(w.failed), Want: 401},
		{Name: "without the scope", As: "scopeless", Do: get(w.failed), Want: 403},
	})
}

func TestDeliveries_retry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	retry := func(i id.ID) string { return "POST /v1/deliveries/" + i.String() + "/retry/" }
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "a member", As: "member", Do: retry(w.failed), Want: 403},
		{Name: "a leader", As: "leader", Do: retry(w.failed), Want: 403},
		{Name: "a reader", As: "reader", Do: retry(w.failed), Want: 403},
		{Name: "nobody", Do: retry(w.failed), Want: 401},
		{Name: "another organization's", As: "administrator", Do: retry(w.theirs), Want: 404},
		{Name: "one that is not there", As: "administrator", Do: retry(id.New()), Want: 404},
		{Name: "one that waits", As: "administrator", Do: retry(w.queued), Want: 409, Code: "DeliveryInProgress", Contains: []string{`"state":"queued"`}},
		{Name: "one that was sent", As: "administrator", Do: retry(w.said), Want: 409, Code: "DeliveryInProgress"},
		{Name: "one that a rule withheld", As: "administrator", Do: retry(w.muted), Want: 409, Code: "DeliveryWithheld", Contains: []string{`"reason":"muted-always"`}},
		{Name: "a body that is none of ours", As: "administrator", Do: retry(w.failed), Body: map[string]any{"now": true}, Want: 422, Error: "/now"},
	})
	if n := w.events(); n != 0 {
		t.Fatalf("refusals recorded %d entries", n)
	}
	if d := w.ledger(w.failed); d.State != delivery.Failed {
		t.Fatalf("a refusal changed the delivery to %s", d.State)
	}
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "a failed one", As: "machine", Do: retry(w.failed), Want: 200, Contains: []string{`"queued"`, `"attempt-count":0`, `"21211"`}, Lacks: []string{phone}},
		{Name: "twice", As: "machine", Do: retry(w.failed), Want: 409},
	})
	d := w.ledger(w.failed)
	if d.State != delivery.Queued || d.Reason != "" || !d.DueAt.Equal(now) || d.Attempts != 0 {
		t.Errorf("after the retry: %+v", d)
	}
	if n := w.events(); n != 1 {
		t.Errorf("%d entries recorded, want 1", n)
	}
}

func TestDeliveries_document(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	webtest.Do(t, w, "", "GET /openapi.json", nil).Into(t, &doc)
	for _, name := range []string{"attempts", "callbacks", "attempt-count", "reason-text"} {
		if doc.Components.Schemas["delivery.Story"].Properties[name] == nil {
			t.Errorf("the document does not show %s of a delivery", name)
		}
	}
}
