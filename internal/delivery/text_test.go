package delivery_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// says is a text that comes in by a transport; its provider's id is given, so that it can be repeated.
func (w *world) says(n transport.Name, from, providerID, words string) {
	w.Helper()
	w.must(w.service.Hear(w.Context(), "carrier", id.Nil, transport.Callback{Inbound: []transport.Inbound{{
		Transport: n, ProviderID: providerID, From: from, To: "+15551230000", Text: words,
	}}}))
}

// consents returns the service that asks, over the world's outbox.
func (w *world) consents() *consent.Service {
	return consent.New(consent.NewLedger(consentdb.New(w.db), w.db, w.log, w.people, w.now), w.service.Invitations(), nil)
}

func (w *world) ask(u directory.User) consent.Consent {
	w.Helper()
	ctx := actor.With(w.Context(), actor.Actor{OrganizationID: w.org, Role: actor.Administrator, Scopes: []string{"*"}})
	c, err := w.consents().Create(ctx, consent.NewConsent{UserID: u.ID, Type: consent.SMS, Messages: consent.Messages{
		Initial: "May we?\n", Accept: "Thanks", InvalidResponse: "YES or STOP",
	}})
	w.must(err)
	return c
}

// texts are what was sent so far, word for word.
func (w *world) texts() []string {
	var out []string
	for _, m := range w.providers.messages() {
		out = append(out, string(m.Transport)+" "+m.To+": "+m.Text)
	}
	return out
}

func (w *world) sent(want ...string) {
	w.Helper()
	synctest.Wait()
	got := w.texts()
	if len(got) != len(want) {
		w.Fatalf("sent %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			w.Errorf("sent %q, want %q", got[i], want[i])
		}
	}
}

// TestHear_answers lets answers through everything that keeps other texts back: the person has just written.
func TestHear_answers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		all := directory.QuietHour{Start: "00:00", End: "24:00"}
		ann := w.user(1, func(u *directory.User) {
			u.PhoneVerified, u.Notifications, u.SMSMode, u.State = false, nil, directory.SMSDisabled, directory.Archived
			for _, day := range []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"} {
				all.Day = day
				p := u.Preferences["sms"]
				p.Enabled, p.QuietHours = true, append(p.QuietHours, all)
				u.Preferences["sms"] = p
			}
		})
		w.start(w.service, delivery.DispatcherOptions{})
		const confirmed = ": Acme: you will get no more messages from this number. Reply START to get them again."
		w.says(transport.SMS, ann.Phone, "SM1", "please stop")
		w.sent("sms " + ann.Phone + confirmed)
		w.says(transport.SMS, ann.Phone, "SM1", "please stop") // the provider repeats itself
		w.says(transport.SMS, ann.Phone, "SM2", "STOP")
		w.says(transport.WhatsApp, ann.Phone, "SM3", "STOP")
		w.sent("sms " + ann.Phone + confirmed)
		w.says(transport.WhatsApp, ann.Phone, "SM4", "start")
		w.sent("sms "+ann.Phone+confirmed, "whatsapp "+ann.Phone+": Acme: you will get messages from this number again. Reply HELP for help, STOP to get no more.")
	})
}

// A confirmation that comes late is a text to somebody who has said that they want none.
func TestHear_confirmationIsNotLate(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		ann := w.user(1)
		w.says(transport.SMS, ann.Phone, "SM1", "STOP")
		time.Sleep(5 * time.Minute)
		w.start(w.service, delivery.DispatcherOptions{})
		w.sent()
		states, err := db.All(w.Context(), w.db.Q(w.Context()), db.Scalar[string], "select state || ' ' || reason from deliveries")
		w.must(err)
		if len(states) != 1 || states[0] != "suppressed expired" {
			t.Errorf("the ledger says %v", states)
		}
	})
}

// TestInvite takes the question through the stages as any other text, and what follows from its answers.
func TestInvite(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		ann, ben, cy := w.user(1), w.user(2), w.user(3, func(u *directory.User) { u.Notifications = []string{"email"} })
		c := w.ask(ann)
		w.ask(ben)
		w.ask(cy)
		w.says(transport.SMS, ben.Phone, "SM1", "stop") // before the question has gone out
		w.start(w.service, delivery.DispatcherOptions{})
		confirmed := "sms " + ben.Phone + ": Acme: you will get no more messages from this number. Reply START to get them again."
		synctest.Wait()
		if got := w.texts(); len(got) != 2 || got[0] != confirmed && got[1] != confirmed {
			t.Errorf("sent %q", got)
		}
		question := w.delivery(delivery.Source{Type: delivery.SourceInvitation, ID: c.ID})
		w.is(question, delivery.Sent, "")
		if got := w.providers.messages(); got[0].Text != "May we?\n" && got[1].Text != "May we?\n" {
			t.Errorf("the question is not word for word: %q", w.texts())
		}
		asked, err := db.All(w.Context(), w.db.Q(w.Context()), db.Scalar[string], `select d.reason from deliveries d
			join delivery_contents c on c.id = d.content_id where c.source_type = 'consent-invitation' and d.state = 'suppressed' order by 1`)
		w.must(err)
		if len(asked) != 2 || asked[0] != string(reason.OptedOut) || asked[1] != string(reason.PreferenceOff) {
			t.Errorf("not asked because of %v", asked)
		}

		alert := func(u directory.User) delivery.Delivery {
			t.Helper()
			source := w.enqueue(w.alert(), transport.SMS, u)
			synctest.Wait()
			return w.delivery(source)
		}
		w.is(alert(ann), delivery.Sent, "") // alerts do not wait for an answer
		w.says(transport.SMS, ann.Phone, "SM2", "no")
		w.is(alert(ann), delivery.Suppressed, reason.NoConsent)
		source := w.enqueue(w.alert(), transport.WhatsApp, ann)
		synctest.Wait()
		w.is(w.delivery(source), delivery.Sent, "") // she was not asked about that
		w.says(transport.SMS, ann.Phone, "SM3", "Yes")
		w.is(alert(ann), delivery.Sent, "")
	})
}

// A provider that repeats itself at once, on several nodes, is heard once.
func TestHear_sameTextAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, clock.System)
		ann := w.user(1)
		w.ask(ann)
		var storm sync.WaitGroup
		for _, s := range []*delivery.Service{w.service, w.another(nil)} {
			for range 4 {
				storm.Go(func() {
					if err := s.Hear(t.Context(), "carrier", id.Nil, transport.Callback{Inbound: []transport.Inbound{{
						Transport: transport.SMS, ProviderID: "SM1", From: ann.Phone, To: "+15551230000", Text: "yes",
					}}}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		storm.Wait()
		for table, want := range map[string]int64{
			"delivery_texts": 1, "consent_entries": 5, "delivery_contents where source_type = 'consent-answer'": 1,
			"events where type = 'consent.consent.accepted'": 1, "events where type = 'delivery.text.received'": 1,
		} {
			if got, err := db.Get(t.Context(), d.Q(t.Context()), db.Scalar[int64], "select count(*) from "+table); err != nil || got != want {
				t.Errorf("%d %s, want %d (%v)", got, table, want, err)
			}
		}
	})
}
