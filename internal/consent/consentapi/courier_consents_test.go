package consentapi_test

import (
	"strings"
	"testing"

	"switchboard/internal/consent"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

const (
	post = "POST /v1/user-consents/"
	list = "GET /v1/user-consents/"
)

func TestConsents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := webtest.Do(t, w, "administrator", post, asking(members{
		"user-id": w.ann.ID, "type": "sms", "organization-id": w.org.ID,
		"args": members{"messages": members{"initial": "May we text you?", "accept": "Welcome", "invalid-response": "YES or STOP?"}},
	}))
	webtest.Golden(t, "courier/consent-created", r.Body)
	if r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	c := idOf(t, r)
	one := "/v1/user-consents/" + c + "/"
	w.says("what?")
	w.says("Yes!")
	webtest.Golden(t, "courier/consents", webtest.Do(t, w, "administrator", list+"?filter[user-id]="+w.ann.ID.String(), nil).Body)
	const number, masked = `"target-id":"+12015550101"`, `"target-id":"+1********01"`
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "an administrator", As: "administrator", Do: "GET " + one, Want: 200, Contains: []string{`"state":"accepted"`, number}},
		{Name: "a machine", As: "machine", Do: "GET " + one, Want: 200, Contains: []string{masked}},
		{Name: "the leader", As: "leader", Do: "GET " + one, Want: 200, Contains: []string{masked}},
		{Name: "the person", As: "ann", Do: "GET " + one, Want: 200, Contains: []string{number}},
		{Name: "somebody else", As: "ben", Do: "GET " + one, Want: 404, Lacks: []string{"+1"}},
		{Name: "a stranger", As: "stranger", Do: "GET " + one, Want: 404, Lacks: []string{"+1"}},
		{Name: "nobody", Do: "GET " + one, Want: 401},
		{Name: "no scope", As: "unscoped", Do: "GET " + one, Want: 403},
		{Name: "no id", As: "administrator", Do: "GET /v1/user-consents/x/", Want: 404},

		{Name: "listed to the person", As: "ann", Do: list, Want: 200, Contains: []string{c, `"page[total]":1`}},
		{Name: "listed to the leader", As: "leader", Do: list, Want: 200, Contains: []string{c, masked}},
		{Name: "listed to somebody else", As: "ben", Do: list, Want: 200, Contains: []string{`"data":[]`}},
		{Name: "listed to a stranger", As: "stranger", Do: list, Want: 200, Contains: []string{`"data":[]`}},
		{Name: "of another user", As: "administrator", Do: list + "?filter[user-id]=" + w.ben.ID.String(), Want: 200, Contains: []string{`"data":[]`}},
		{Name: "of what is no user", As: "administrator", Do: list + "?filter[user-id]=ann", Want: 200, Contains: []string{`"data":[]`}},
		{Name: "of what is no user", As: "administrator", Do: list + "?filter[user-id]=" + strings.Repeat("a", 256), Want: 400, Error: "filter[user-id]"},
		{Name: "of the organization", As: "administrator", Do: list + "?filter[organization-id]=" + w.org.ID.String(), Want: 200, Contains: []string{c}},
		{Name: "of another organization", As: "administrator", Do: list + "?filter[organization-id]=" + w.other.ID.String(), Want: 404},
		{Name: "of no organization", As: "administrator", Do: list + "?filter[organization-id]=x", Want: 400, Error: "filter[organization-id]"},
		{Name: "past the end", As: "administrator", Do: list + "?page[offset]=5", Want: 200, Contains: []string{`"data":[]`, `"page[total]":1`}},
		{Name: "nobody's list", Do: list, Want: 401},

		{Name: "taken back by somebody else", As: "ben", Do: "DELETE " + one, Want: 404},
		{Name: "taken back by the leader", As: "leader", Do: "DELETE " + one, Want: 403},
		{Name: "taken back by a reader", As: "reader", Do: "DELETE " + one, Want: 403},
		{Name: "taken back by a stranger", As: "stranger", Do: "DELETE " + one, Want: 404},
		{Name: "still there", As: "ann", Do: "GET " + one, Want: 200, Contains: []string{`"state":"accepted"`}},
		{Name: "taken back by the person", As: "ann", Do: "DELETE " + one, Want: 204},
		{Name: "taken back twice", As: "administrator", Do: "DELETE " + one, Want: 204},
		{Name: "taken back", As: "ann", Do: "GET " + one, Want: 200, Contains: []string{`"state":"revoked"`}},
	})
}

func TestConsents_proof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := idOf(t, webtest.Do(t, w, "machine", post, asking(members{"user-id": w.ann.ID, "type": "sms"})))
	w.says("Yes!")
	get := "GET /v1/user-consents/" + c + "/proof/"
	r := webtest.Do(t, w, "administrator", get, nil)
	p, err := consent.ReadProof(r.Body)
	must(t, err)
	if _, err := p.Verify(""); err != nil {
		t.Errorf("%v: %s", err, r.Body)
	}
	webtest.Run(t, w, []webtest.Scenario{
		{Name: "the person", As: "ann", Do: get, Want: 200, Contains: []string{`"words":"Yes!"`, `"type":"user-consent-proofs"`, `"shown":"Ours would like`}},
		{Name: "a machine", As: "machine", Do: get, Want: 200, Contains: []string{`"remote-addr":"192.0.2.7"`}},
		{Name: "the leader", As: "leader", Do: get, Want: 403, Lacks: []string{"Yes!"}},
		{Name: "somebody else", As: "ben", Do: get, Want: 404},
		{Name: "a stranger", As: "stranger", Do: get, Want: 404},
		{Name: "nobody", Do: get, Want: 401},
		{Name: "unknown", As: "administrator", Do: "GET /v1/user-consents/" + id.New().String() + "/proof/", Want: 404},
	})
}

func TestConsents_evidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	webtest.Run(t, w, []webtest.Scenario{{
		Name: "given on paper", As: "administrator", Do: post, Want: 201, Contains: []string{`"state":"accepted"`},
		Body: asking(members{"user-id": w.ann.ID, "type": "sms", "evidence": members{"source": "form", "obtained-at": "2026-01-01T00:00:00Z", "text": "Box 12"}}),
	}})
}

func TestConsents_refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := idOf(t, webtest.Do(t, w, "administrator", post, asking(members{"user-id": w.ann.ID, "type": "sms"})))
	with := func(name string, value any) members {
		a := members{"user-id": w.ben.ID, "type": "sms"}
		a[name] = value
		return asking(a)
	}
	of := func(user any) members { return asking(members{"user-id": user, "type": "sms"}) }
	say := func(name, words string) members { return with("args", members{"messages": members{name: words}}) }
	long := strings.Repeat("ä", 1601)
	const at = "/data/attributes/"
	w.refusals([]webtest.Scenario{
		{Name: "nobody", Do: post, Body: of(w.ben.ID), Want: 401},
		{Name: "no scope", As: "unscoped", Do: post, Body: of(w.ben.ID), Want: 403},
		{Name: "a reader", As: "reader", Do: post, Body: of(w.ben.ID), Want: 403},
		{Name: "a person for themselves", As: "ben", Do: post, Body: of(w.ben.ID), Want: 403},
		{Name: "a leader", As: "leader", Do: post, Body: of(w.ann.ID), Want: 403},
		{Name: "a stranger", As: "stranger", Do: post, Body: of(w.ben.ID), Want: 404, Error: at + "user-id"},
		{Name: "another organization's user", As: "administrator", Do: post, Body: of(w.theirs.ID), Want: 404, Error: at + "user-id"},
		{Name: "no such user", As: "administrator", Do: post, Body: of(id.New()), Want: 404, Error: at + "user-id"},
		{Name: "asked already", As: "administrator", Do: post, Body: of(w.ann.ID), Want: 409, Code: "DuplicateConsent", Contains: []string{first}},
		{Name: "no number", As: "administrator", Do: post, Body: of(w.bare.ID), Want: 409, Code: "NumberUnusable", Contains: []string{`"missing":"phone"`}},
		{Name: "no id", As: "administrator", Do: post, Body: of("ben"), Want: 422, Error: at + "user-id"},
		{Name: "no user", As: "administrator", Do: post, Body: asking(members{"type": "sms"}), Want: 422, Error: at + "user-id"},
		{Name: "no type", As: "administrator", Do: post, Body: asking(members{"user-id": w.ben.ID}), Want: 422, Error: at + "type"},
		{Name: "a type to come", As: "administrator", Do: post, Body: with("type", "voice"), Want: 422, Error: at + "type"},
		{Name: "another organization", As: "administrator", Do: post, Body: with("organization-id", w.other.ID), Want: 422, Error: at + "organization-id"},
		{Name: "unknown", As: "administrator", Do: post, Body: with("state", "accepted"), Want: 422, Error: at + "state"},
		{Name: "a long question", As: "administrator", Do: post, Body: say("initial", long), Want: 422, Error: at + "args/messages/initial"},
		{Name: "a long answer", As: "administrator", Do: post, Body: say("accept", long), Want: 422, Error: at + "args/messages/accept"},
		{Name: "a long reminder", As: "administrator", Do: post, Body: say("invalid-response", long), Want: 422, Error: at + "args/messages/invalid-response"},
		{Name: "unknown words", As: "administrator", Do: post, Body: say("refuse", "x"), Want: 422, Error: at + "args/messages/refuse"},
		{Name: "words that are none", As: "administrator", Do: post, Body: with("args", members{"messages": "hello"}), Want: 422, Error: at + "args/messages"},
		{Name: "empty evidence", As: "administrator", Do: post, Body: with("evidence", members{}), Want: 422, Error: at + "evidence/source"},
		{
			Name: "evidence of the future", As: "administrator", Do: post, Want: 422, Error: at + "evidence/obtained-at",
			Body: with("evidence", members{"source": "form", "obtained-at": "2036-01-01T00:00:00Z"}),
		},
	})
	w.says("stop")
	w.refusals([]webtest.Scenario{
		{Name: "stopped", As: "administrator", Do: post, Body: of(w.ann.ID), Want: 409, Code: "NumberOptedOut", Lacks: []string{first}},
	})
}
