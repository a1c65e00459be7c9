package crashtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// checked is how far the records have been checked after the rounds before.
type checked struct{ messages, events, people, acks int }

// check asks the new process for everything that the old one had acknowledged in this round, and sends again what it had
// not. Nothing else is running.
func (tr *trial) check() {
	tr.t.Helper()
	r := tr.record
	for _, list := range []struct {
		from     *int
		requests []*request
	}{{&tr.checked.messages, r.messages}, {&tr.checked.events, r.events}, {&tr.checked.people, r.people}} {
		for i, q := range list.requests[*list.from:] {
			tr.repeat(q, i%5 == 0)
			if q.acked {
				tr.checkMade(q)
			}
		}
		*list.from = len(list.requests)
	}
	for _, a := range r.acks[tr.checked.acks:] {
		tr.checkAck(a)
	}
	tr.checked.acks = len(r.acks)
	tr.checkGroups()
}

// repeat sends a request again under its Idempotency-Key: when it had no answer, as a client would, and now and then when
// it had one, which must then be the same.
func (tr *trial) repeat(q *request, anyway bool) {
	tr.t.Helper()
	if q.key == "" || q.acked && !anyway {
		return
	}
	var a answer
	poll(tr.t, "the repetition of "+q.text, func() (err error) {
		// PostgreSQL may still be busy with what the dead process asked of it.
		if a, err = tr.world.admin.send(http.MethodPost, q.path, q.key, q.body); err == nil && a.status == http.StatusConflict {
			err = fmt.Errorf("answered %d: %s", a.status, a.body)
		}
		return err
	})
	if a.status != http.StatusCreated && a.status != http.StatusAccepted {
		tr.t.Errorf("the repetition of %q was answered %d: %s", q.text, a.status, a.body)
		return
	}
	id := idOf(tr.t, a)
	if q.acked && (id != q.id || !a.replayed) {
		tr.t.Errorf("%q was made again: %s and %s, replayed %v", q.text, q.id, id, a.replayed)
	}
	tr.record.settled(q, id)
}

// checkMade reads what was acknowledged.
func (tr *trial) checkMade(q *request) {
	tr.t.Helper()
	path := q.path + q.id
	if q.path != "/events" {
		path += "/"
	} else {
		path = q.path + "/" + q.id
	}
	a, err := tr.world.admin.send(http.MethodGet, path, "", nil)
	if err != nil || a.status != http.StatusOK {
		tr.t.Errorf("LOST: %q was acknowledged as %s; now: %v, %d %s", q.text, q.id, err, a.status, a.body)
		return
	}
	var found struct {
		Title      string            `json:"title"`
		Deliveries []json.RawMessage `json:"deliveries"`
		Data       struct {
			Attributes struct {
				Message  string `json:"message"`
				Username string `json:"username"`
			} `json:"attributes"`
		} `json:"data"`
	}
	a.into(tr.t, &found)
	if text := found.Title + found.Data.Attributes.Message + found.Data.Attributes.Username; text != q.text {
		tr.t.Errorf("%s was acknowledged as %q and is %q", q.id, q.text, text)
	}
	if q.path == "/events" && len(found.Deliveries) != tr.world.told {
		tr.t.Errorf("%q has %d deliveries, want %d", q.text, len(found.Deliveries), tr.world.told)
	}
}

func (tr *trial) checkAck(a acknowledgement) {
	tr.t.Helper()
	var receipts struct {
		Read []struct {
			IndividualID string `json:"individual-id"`
		} `json:"read"`
	}
	tr.world.admin.must(tr.t, http.MethodGet, "/v1/messaging-messages/"+a.message+"/get-receipts/", nil, &receipts)
	for _, r := range receipts.Read {
		if r.IndividualID == a.individual {
			return
		}
	}
	tr.t.Errorf("LOST: %s was acknowledged to have read %s; now %+v", a.individual, a.message, receipts)
}

// checkGroups compares the groups with what was acknowledged last; a change that was cut off may have been made or not.
func (tr *trial) checkGroups() {
	tr.t.Helper()
	r := tr.record
	var group struct {
		Data struct {
			Attributes struct {
				Individuals []struct{ ID string } `json:"individuals"`
			} `json:"attributes"`
		} `json:"data"`
	}
	tr.world.admin.must(tr.t, http.MethodGet, "/v1/individual-groups/"+tr.world.careGroup+"/", nil, &group)
	members := map[string]bool{}
	for _, i := range group.Data.Attributes.Individuals {
		members[i.ID] = true
	}
	if r.members != nil && !maps.Equal(members, set(r.members)) && !maps.Equal(members, set(r.asked)) {
		tr.t.Errorf("LOST: the members of the group are %v; acknowledged was %v, asked for %v", slices.Collect(maps.Keys(members)), r.members, r.asked)
	}
	var routing struct{ Name string }
	tr.world.admin.must(tr.t, http.MethodGet, "/notifications/"+tr.world.changing, nil, &routing)
	if r.groupName != "" && routing.Name != r.groupName && routing.Name != r.askedName {
		tr.t.Errorf("LOST: the notification group is %q; acknowledged was %q, asked for %q", routing.Name, r.groupName, r.askedName)
	}
	// What there is now is what counts from here on.
	r.members, r.asked, r.groupName, r.askedName = slices.Collect(maps.Keys(members)), nil, routing.Name, ""
}

func set(list []string) map[string]bool {
	out := map[string]bool{}
	for _, v := range list {
		out[v] = true
	}
	return out
}
