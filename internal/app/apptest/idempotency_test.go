package apptest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/web/webtest"
)

// TestIdempotency repeats every write with its Idempotency-Key: the first answer comes again, byte for byte, and nothing
// is done a second time. The same key for something else is refused.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	for _, o := range sampled(t, s) {
		if !o.Writes() || slices.Contains(unrepeated(), o.Route()) {
			continue
		}
		t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) {
			w := s.NewOrganization(t)
			r := sample(t, w, &o)
			again := func(body any) *webtest.Response {
				return webtest.Scenario{
					As: w.Key, Do: r.Do(), Body: body, Header: map[string]string{"Idempotency-Key": "once-" + o.Method},
				}.Send(t, s.Handler())
			}
			first := again(r.Body)
			if first.Status >= 300 { // only what was done is kept: what was refused may be tried again
				return
			}
			rows := counted(t, s, o.Method)
			second := again(r.Body)
			if second.Status != first.Status || string(second.Body) != string(first.Body) || second.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
				t.Errorf("the answers differ:\n%d %s\n%d %s", first.Status, first.Body, second.Status, second.Body)
			}
			if replayed := second.Header.Get("Idempotent-Replayed"); replayed != "true" {
				t.Errorf("Idempotent-Replayed is %q", replayed)
			}
			changed := rows.Changed(counted(t, s, o.Method))
			if len(changed) > 0 { // perhaps what an earlier request has set off
				s.AwaitRest(t)
				rows = counted(t, s, o.Method)
				again(r.Body)
				changed = rows.Changed(counted(t, s, o.Method))
			}
			if len(changed) > 0 {
				t.Errorf("the repetition changed %v", changed)
			}
			other := again(different(t, r.Body))
			if other.Status != 422 || !strings.Contains(string(other.Body), "key") && !strings.Contains(string(other.Body), "Key") {
				t.Errorf("the same key for another request: %d %s", other.Status, other.Body)
			}
		})
	}
}

// different is another body.
func different(t *testing.T, body any) any {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + " "
}

// unrepeated are operations that change nothing, or after which the key is gone, or channels go on following a group that was
// emptied.
func unrepeated() []string {
	return []string{
		"POST /v1/aggregation-requests/", "POST /notifications/{groupId}/explain", "DELETE /v1/organizations/{id}/",
		"POST /scim/v2/.search", "POST /scim/v2/Users/.search", "POST /scim/v2/Groups/.search", "PUT /scim/v2/Groups/{id}",
	}
}

// counted leaves out the tables that the server goes on writing by itself: the ledger, and after a deletion what refers to
// the record.
func counted(t *testing.T, s *apptest.Server, method string) apptest.Rows {
	t.Helper()
	rows := apptest.CountRows(t, s.App.DB())
	for name := range rows {
		later := method == "DELETE" && (strings.HasPrefix(name, "notify_group_") || slices.Contains([]string{"messages", "subscribers", "audit"}, name))
		if later || strings.HasPrefix(name, "deliver") || slices.Contains([]string{"events", "consumers", "event_head"}, name) {
			delete(rows, name)
		}
	}
	return rows
}
