package apptest_test

import (
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/consent"
	"switchboard/internal/id"
	"switchboard/internal/sandbox"
	"switchboard/internal/web/webtest"
)

// phone is a person of an organization of the test's own who texts with us.
type phone struct {
	*apptest.Server
	t      *testing.T
	key    string
	user   id.ID
	number string
	heard  int // how many texts have come to the phone that the test has read
}

func newPhone(t *testing.T, s *apptest.Server, w *apptest.World) *phone {
	t.Helper()
	p := &phone{Server: s, t: t, key: w.Key, number: apptest.Phone()}
	made := s.Want(t, 201, w.Key, "POST /v1/users/", apptest.Document("users", map[string]any{
		"username": "texter " + p.number, "phone": p.number, "phone-verified": true,
	}))
	p.user = apptest.ParseID(t, made.Text(t, "data.id"))
	return p
}

func (p *phone) ask(status int) *webtest.Response {
	p.t.Helper()
	return p.Want(p.t, status, p.key, "POST /v1/user-consents/", apptest.Document("user-consents", map[string]any{
		"user-id": p.user, "type": "sms", "args": map[string]any{"messages": map[string]any{
			"initial": "May the ward text you?", "accept": "Welcome to the ward", "invalid-response": "YES or STOP, please",
		}},
	}))
}

// gets waits for the next text to the phone.
func (p *phone) gets(want string) {
	p.t.Helper()
	apptest.Eventually(p.t, "the phone gets "+want, func() error {
		texts := p.texts()
		if len(texts) <= p.heard || !strings.Contains(texts[p.heard], want) {
			return apptest.Errorf("texts so far: %q", texts)
		}
		return nil
	})
	p.heard++
}

// texts are those that came to the phone, oldest first.
func (p *phone) texts() []string {
	p.t.Helper()
	var out []string
	for _, c := range p.Outbox(p.t, "direction=outbound&transport=sms&to="+strings.Replace(p.number, "+", "%2B", 1)) {
		out = append(out, c.Text)
	}
	return out
}

func (p *phone) says(words string) {
	p.t.Helper()
	p.Say(p.t, "sms", sandbox.Said{From: p.number, Body: words})
}

func (p *phone) is(consentID, state string) {
	p.t.Helper()
	r := p.Want(p.t, 200, p.key, "GET /v1/user-consents/"+consentID+"/", nil)
	if got := r.Text(p.t, "data.attributes.state"); got != state {
		p.t.Errorf("the consent is %s, want %s", got, state)
	}
}

// TestConsent is the whole conversation, from the question over the wire of the provider and back, and its proof.
func TestConsent(t *testing.T) {
	t.Parallel()
	apptest.Each(t, apptest.Options{}, func(t *testing.T, s *apptest.Server) {
		p := newPhone(t, s, s.NewOrganization(t))
		c := p.ask(201).Text(t, "data.id")
		p.gets("May the ward text you?")
		p.ask(409)
		p.says("who is this?")
		p.gets("YES or STOP, please")
		p.says("I do not know you")
		p.says("yes")
		p.gets("Welcome to the ward")
		p.is(c, "accepted")
		p.says("Stop texting me, please!") // the provider has no such keyword, so we answer
		p.gets("no more messages from this number")
		p.is(c, "revoked")
		if refused := p.ask(409); refused.Text(t, "errors.0.code") != "NumberOptedOut" {
			t.Errorf("asked again: %s", refused.Body)
		}
		p.says("please stop texting me")
		p.says("Start")
		p.is(c, "accepted")
		if got := p.texts(); len(got) != p.heard {
			t.Errorf("more came than was waited for: %q", got)
		}
		s.Want(t, 204, p.key, "DELETE /v1/user-consents/"+c+"/", nil)
		p.says("yes")
		p.is(c, "revoked")

		proof, err := consent.ReadProof(s.Want(t, 200, p.key, "GET /v1/user-consents/"+c+"/proof/", nil).Body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proof.Verify(""); err != nil {
			t.Error(err)
		}
		var story []string
		for _, e := range proof.Entries {
			story = append(story, string(e.What))
		}
		if got := strings.Join(story, " "); got != "requested invited replied answered replied accepted answered replied revoked answered replied restored revoked" {
			t.Errorf("the ledger says: %s", got)
		}
	})
}

// TestConsent_first sends no message of a conversation to who has not agreed, where the server is set so; and never one to
// who has refused.
func TestConsent_first(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{Settings: []string{"delivery.consent_first=true"}})
	w := s.NewOrganization(t)
	p := newPhone(t, s, w)
	user := s.Want(t, 200, w.Key, "GET /v1/users/"+p.user.String()+"/", nil)
	individual := user.Text(t, "data.attributes.primary-individual-id")
	channel := s.Want(t, 201, w.Key, "POST /v1/messaging-channels/", apptest.Document("messaging-channels", map[string]any{
		"individual-group-id": w.IDs[apptest.Group], "individual-ids": []any{individual}, "subscription-type": "open", "event-settings": map[string]any{"enabled": true},
	})).Text(t, "data.id")
	say := func(words, want string) {
		t.Helper()
		m := s.Want(t, 201, w.Key, "POST /v1/messaging-messages/", apptest.Document("messaging-messages", map[string]any{
			"channel-id": channel, "message": words, "include-destinations": []string{"sms"},
		})).Text(t, "data.id")
		apptest.Eventually(t, words+" is "+want, func() error {
			r := s.Want(t, 200, w.Key, "GET /v1/deliveries/?filter[message]="+m+"&filter[user]="+p.user.String(), nil)
			if r.Len(t, "data") != 1 {
				return apptest.Errorf("%s", r.Body)
			}
			if got := strings.TrimSpace(r.Text(t, "data.0.attributes.state") + " " + r.Text(t, "data.0.attributes.reason")); !strings.HasPrefix(got, want) {
				return apptest.Errorf("the delivery is %s", got)
			}
			return nil
		})
	}
	say("never asked", "suppressed no-consent")
	c := p.ask(201).Text(t, "data.id")
	p.gets("May the ward text you?")
	say("not answered yet", "suppressed no-consent")
	p.says("Yes")
	p.gets("Welcome to the ward")
	say("agreed", "delivered")
	p.gets("agreed")
	s.Want(t, 204, p.key, "DELETE /v1/user-consents/"+c+"/", nil)
	say("taken back", "suppressed no-consent")
	if got := p.texts(); len(got) != p.heard {
		t.Errorf("more came than was waited for: %q", got)
	}
}
