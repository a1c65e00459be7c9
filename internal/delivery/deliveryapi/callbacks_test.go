package deliveryapi_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/setting"
	"switchboard/internal/transport/twilio"
	"switchboard/internal/web/webtest"
)

// report is a callback as Twilio makes it; path is signed behind the public URL.
func report(path string, pairs ...string) webtest.Scenario {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return webtest.Scenario{
		Do: "POST " + path, Body: form.Encode(),
		Header: map[string]string{
			"Content-Type":       "application/x-www-form-urlencoded",
			"X-Twilio-Signature": twilio.Sign(setting.Secret(authToken), publicURL+path, form),
		},
	}
}

func (w *world) providerID(i id.ID) string { return w.ledger(i).ProviderID }

func TestCallbacks_status(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/callbacks/twilio?delivery=" + w.said.String()
	hear := func(status string) {
		t.Helper()
		s := report(path, "MessageSid", w.providerID(w.said), "MessageStatus", status)
		if r := s.Send(t, w); r.Status != 204 {
			t.Fatalf("%s: %d %s", status, r.Status, r.Body)
		}
	}
	for _, step := range []struct {
		status string
		want   delivery.State
	}{
		{"sent", delivery.Sent},
		{"delivered", delivery.Delivered},
		{"delivered", delivery.Delivered},
		{"sent", delivery.Delivered},
		{"undelivered", delivery.Delivered},
		{"levitating", delivery.Delivered},
		{"read", delivery.Read},
	} {
		hear(step.status)
		if d := w.ledger(w.said); d.State != step.want {
			t.Errorf("after %s it is %s, want %s", step.status, d.State, step.want)
		}
	}
	r := webtest.Do(t, w, "administrator", "GET /v1/deliveries/"+w.said.String()+"/", nil)
	webtest.Golden(t, "delivery-read.json", r.Body)
}

// A server that was not told its public URL takes the address that the provider has used as the one that it has signed.
func TestCallbacks_withoutPublicURL(t *testing.T) {
	t.Parallel()
	w := newWorldAt(t, "")
	form := url.Values{"MessageSid": {w.providerID(w.said)}, "MessageStatus": {"delivered"}}
	for signed, want := range map[string]map[string]int{
		"http://reached.example.org":  {"http://reached.example.org": 204, "https://reached.example.org": 403, "http://other.example.org": 403},
		"https://reached.example.org": {"https://reached.example.org": 204, "http://reached.example.org": 403},
	} {
		const path = "/callbacks/twilio?delivery=x"
		signature := twilio.Sign(setting.Secret(authToken), signed+path, form)
		for reached, status := range want {
			r := httptest.NewRequest("POST", reached+path, strings.NewReader(form.Encode()))
			r.RequestURI = path // as a request that came over a socket has it
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Twilio-Signature", signature)
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, r)
			if answer.Code != status {
				t.Errorf("signed for %s, reached by %s: %d, want %d", signed, reached, answer.Code, status)
			}
		}
	}
}

func TestCallbacks_ofNoKnownMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/callbacks/twilio", "/callbacks/twilio?delivery=" + id.New().String(), "/callbacks/twilio?delivery=x", "/callbacks/twilio/"} {
		if r := report(path, "MessageSid", "SM404", "MessageStatus", "delivered").Send(t, w); r.Status != 204 {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	waiting, err := w.store.Pending(t.Context(), "twilio", []string{"SM404"})
	if err != nil || len(waiting) != 4 {
		t.Errorf("%d reports wait, %v", len(waiting), err)
	}
}

func TestCallbacks_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/callbacks/twilio?delivery=" + w.said.String()
	good := report(path, "MessageSid", w.providerID(w.said), "MessageStatus", "delivered")
	forged, elsewhere, unsigned, unknown, broken := good, good, good, good, good
	forged.Body = strings.ReplaceAll(good.Body.(string), "delivered", "read") //nolint:forcetypeassert // made above
	elsewhere.Do = "POST /callbacks/twilio?delivery=" + w.failed.String()
	unsigned.Header = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	unknown.Do = "POST /callbacks/nobody"
	broken.Body = "%zz"
	for name, s := range map[string]*webtest.Scenario{
		"forged": &forged, "for another address": &elsewhere, "unsigned": &unsigned, "of no provider": &unknown, "broken": &broken,
	} {
		s.Name, s.Want = name, 403
	}
	unknown.Want, broken.Want = 404, 400
	webtest.Run(t, w, []webtest.Scenario{forged, elsewhere, unsigned, unknown, broken})
	if d := w.ledger(w.said); d.State != delivery.Sent {
		t.Errorf("a refused report made it %s", d.State)
	}
	story, err := w.store.Callbacks(t.Context(), w.said)
	if err != nil || len(story) != 0 {
		t.Errorf("%d refused reports are stored, %v", len(story), err)
	}
}

func TestCallbacks_text(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	say := func(sid, text string) {
		t.Helper()
		r := report("/callbacks/twilio", "MessageSid", sid, "SmsStatus", "received", "From", phone, "To", "+15551230000", "Body", text).Send(t, w)
		if r.Status != 200 || !strings.Contains(string(r.Body), "<Response></Response>") {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	unsubscribed := func() bool {
		t.Helper()
		users, err := w.people.FindUsers(t.Context(), w.org.ID, []id.ID{w.ann.ID})
		w.must(err)
		return users[w.ann.ID].PhoneUnsubscribed
	}
	say("SM1", "please stop calling me")
	if unsubscribed() {
		t.Error("a sentence unsubscribed")
	}
	say("SM2", " Stop. ")
	if !unsubscribed() {
		t.Error("STOP did not unsubscribe")
	}
	say("SM3", "UNSTOP")
	if unsubscribed() {
		t.Error("UNSTOP did not subscribe again")
	}
	say("SM2", "STOP") // the provider repeats itself
	if unsubscribed() {
		t.Error("an old text, repeated, unsubscribed again")
	}
	entries, err := w.log.Read(t.Context(), 0, 100)
	w.must(err)
	var texts []string
	for _, e := range entries {
		if e.Type == "delivery.text.received" && e.OrganizationID == w.org.ID {
			texts = append(texts, string(e.Data))
		}
	}
	if len(texts) != 3 {
		t.Errorf("%d texts in the log, want 3: %s", len(texts), texts)
	}
	webtest.Golden(t, "text-received.json", []byte(texts[1]))
}
