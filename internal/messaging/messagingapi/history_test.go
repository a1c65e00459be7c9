package messagingapi_test

import (
	"strings"
	"testing"

	"switchboard/internal/web/webtest"
)

// TestHistory_deleted shows that who was deleted keeps their name in what they wrote, and no address or account.
func TestHistory_deleted(t *testing.T) {
	t.Parallel()
	w := newCourier(t)
	v := w.Single(t, false)
	m := w.Say(t, v.ID, w.Ada, "I wrote this")
	if _, err := w.AddReaction(w.Member(t, w.Nurse), m.ID, w.Nurse.ID, "love"); err != nil {
		t.Fatal(err)
	}
	if err := w.Directory.DeleteIndividual(w.Admin(t), w.Ada.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Directory.DeleteIndividual(w.Admin(t), w.Nurse.ID); err != nil {
		t.Fatal(err)
	}
	r := webtest.Do(t, w, "administrator", "GET /v1/messaging-messages/"+m.ID.String()+"/", nil)
	if r.Status != 200 || r.Text(t, "data.attributes.first-name") != "ada" || r.Text(t, "data.attributes.reactions.0.first-name") != "nurse" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if !strings.Contains(string(r.Body), `"user-name":null`) {
		t.Errorf("an account is shown: %s", r.Body)
	}
}
