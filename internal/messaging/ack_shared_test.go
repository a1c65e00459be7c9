package messaging_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

func shareAcks(t *testing.T, w *messagingtest.World, value string) {
	t.Helper()
	must(t, second(w.Directory.SetPreference(w.Admin(t), directory.NewPreference{
		Name: directory.GroupProviderAck, Type: directory.PreferenceBoolean, Value: value,
	})))
}

// TestService_Ack_forProviders shows that with group-provider-ack one provider of a group's channel acknowledges for all,
// and that receipts stay those of who acknowledged.
func TestService_Ack_forProviders(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		v := w.Single(t, false)
		unread := func(what string, nurse, doctor, ada int64) {
			t.Helper()
			w.CheckCounters(t, v.ID)
			same(t, what, []int64{w.Unread(t, v.ID, w.Nurse), w.Unread(t, v.ID, w.Doctor), w.Unread(t, v.ID, w.Ada)}, []int64{nurse, doctor, ada})
		}
		receipts := func(what string, m messaging.MessageView, read ...string) {
			t.Helper()
			got, err := w.Receipts(w.Member(t, w.Ada), m.ID, id.Nil)
			must(t, err)
			same(t, what, names(w, got.Read), read)
		}
		shareAcks(t, w, "true")
		one, two := w.Say(t, v.ID, w.Ada, "one"), w.Say(t, v.ID, w.Ada, "two")
		w.Say(t, v.ID, w.Doctor, "the doctor's own, of two that it has not read")
		three := w.Say(t, v.ID, w.Ada, "three")
		unread("at first", 4, 3, 1)
		ack(t, w, w.Nurse, one, false)
		unread("one acknowledged", 3, 2, 1)
		ack(t, w, w.Nurse, two, false)
		unread("two acknowledged", 2, 1, 1)
		ack(t, w, w.Ada, two, false)
		unread("a participant acknowledges for itself", 2, 1, 1)
		receipts("of one", one, "nurse", "ada")

		ack(t, w, w.Doctor, one, false) // read by all already, and now by the doctor too
		unread("what was read is acknowledged", 2, 1, 1)
		receipts("of one, by both", one, "nurse", "doctor", "ada")
		receipts("of two, by one", two, "nurse", "ada")
		ack(t, w, w.Doctor, three, false)
		unread("all acknowledged by the other", 0, 0, 1)
		receipts("of two, by both", two, "nurse", "doctor", "ada")
		receipts("of three", three, "doctor", "ada")

		ack(t, w, w.Nurse, one, true)
		unread("back, for the nurse alone", 3, 0, 1)
		receipts("of two, taken back", two, "doctor", "ada")
		ack(t, w, w.Doctor, two, true)
		unread("back, past where the nurse is", 3, 1, 1)

		shareAcks(t, w, "false")
		four := w.Say(t, v.ID, w.Ada, "four")
		ack(t, w, w.Doctor, four, false)
		unread("each for itself again", 4, 0, 1)
	})
}

func TestService_Ack_forProviders_told(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shareAcks(t, w, "true")
	v := w.Single(t, false)
	m := w.Say(t, v.ID, w.Ada, "one")
	ack(t, w, w.Nurse, m, false)
	if _, said := last[messaging.Acknowledged](t, w, v.ID); !said.ForProviders || said.IndividualID != w.Nurse.ID {
		t.Errorf("the entry says %+v", said)
	}
	unchanged(t, w, "the same again", func() { ack(t, w, w.Nurse, m, false) })
	reply := w.Say(t, v.ID, w.Nurse, "two")
	ack(t, w, w.Ada, reply, false)
	if _, said := last[messaging.Acknowledged](t, w, v.ID); said.ForProviders {
		t.Errorf("the entry of a participant says %+v", said)
	}
}

// TestService_Ack_amongProviders shows where nobody acknowledges for others whatever is set: among providers themselves.
func TestService_Ack_amongProviders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shareAcks(t, w, "true")
	for name, in := range map[string]messaging.NewChannel{
		"a team":  {GroupID: w.Ward.ID, Type: messaging.None, EventsEnabled: true},
		"a group": {IndividualIDs: []id.ID{w.Nurse.ID, w.Doctor.ID, w.Ada.ID}, Type: messaging.Open, EventsEnabled: true},
	} {
		v, err := w.CreateChannel(w.Leader(t, w.Nurse), in)
		must(t, err)
		w.Say(t, v.ID, w.Nurse, "hello")
		must(t, second(w.Subscribe(w.Admin(t), v.ID, []id.ID{w.Clerk.ID})))
		m := w.Say(t, v.ID, w.Nurse, "hello again")
		ack(t, w, w.Clerk, m, false)
		if n := w.Unread(t, v.ID, w.Doctor); n != 2 {
			t.Errorf("%s: %d unread", name, n)
		}
	}
}
