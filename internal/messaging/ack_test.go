package messaging_test

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

func ack(t *testing.T, w *messagingtest.World, person directory.Individual, m messaging.MessageView, back bool) messaging.MessageView {
	t.Helper()
	got, err := w.Ack(w.Member(t, person), messaging.AckRequest{MessageID: m.ID, AllowPast: back})
	must(t, err)
	w.CheckCounters(t, m.ChannelID)
	return got
}

func TestService_Ack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	unread := func(nurse, ada int64) {
		t.Helper()
		if n, a := w.Unread(t, v.ID, w.Nurse), w.Unread(t, v.ID, w.Ada); n != nurse || a != ada {
			t.Errorf("unread: nurse %d, ada %d; want %d and %d", n, a, nurse, ada)
		}
	}
	var m []messaging.MessageView
	for i := range 6 {
		m = append(m, w.Say(t, v.ID, []directory.Individual{w.Ada, w.Ada, w.Nurse, w.Ada, w.Nurse, w.Ada}[i], "x"))
	}
	unread(4, 2)
	if got := ack(t, w, w.Nurse, m[1], false); !got.Acknowledged {
		t.Error("not acknowledged")
	}
	unread(2, 2)
	e, said := last[messaging.Acknowledged](t, w, v.ID)
	if e.Type != messaging.EventAcknowledged || e.Subject != v.ID || said.MessageID != m[1].ID || said.IndividualID != w.Nurse.ID || said.Sequence != 2 || said.Back {
		t.Errorf("the entry says %s %+v", e.Type, said)
	}
	unchanged(t, w, "acks of what is read", func() {
		ack(t, w, w.Nurse, m[1], false)
		ack(t, w, w.Nurse, m[0], false)
		ack(t, w, w.Nurse, m[1], true)
	})
	ack(t, w, w.Nurse, m[5], false)
	unread(0, 2)
	w.Say(t, v.ID, w.Nurse, "own, with everything read")
	unread(0, 3)
	ack(t, w, w.Nurse, m[3], true)
	unread(1, 3)
	if _, said := last[messaging.Acknowledged](t, w, v.ID); !said.Back || said.Sequence != 4 {
		t.Errorf("the entry says %+v", said)
	}
	ack(t, w, w.Nurse, m[0], true)
	unread(3, 3)
	ack(t, w, w.Ada, m[5], false)
	unread(3, 1)

	got, err := w.GetMessage(w.Member(t, w.Nurse), m[5].ID, id.Nil)
	must(t, err)
	own, err := w.GetMessage(w.Member(t, w.Nurse), m[4].ID, id.Nil)
	must(t, err)
	if got.Acknowledged || !own.Acknowledged {
		t.Errorf("acknowledged: %v, and an own message %v", got.Acknowledged, own.Acknowledged)
	}
}

func TestService_Ack_who(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, true)
	must(t, w.Store.DeleteSubscribers(t.Context(), w.Org, v.ID, []id.ID{w.Doctor.ID}))
	m := w.Say(t, v.ID, w.Nurse, "hello")
	unchanged(t, w, "who may not", func() {
		for _, test := range []struct {
			name  string
			as    context.Context
			in    id.ID
			want  errs.Code
			field string
		}{
			{"nobody", t.Context(), id.Nil, errs.CodeUnauthenticated, ""},
			{"a machine for nobody", w.Machine(t), id.Nil, errs.CodeInvalid, "individual_id"},
			{"a machine for somebody not in it", w.Machine(t), w.Ben.ID, errs.CodeDenied, ""},
			{"a leader who is not in it", w.Leader(t, w.Doctor), id.Nil, errs.CodeDenied, ""},
			{"a member for another", w.Member(t, w.Ben), w.Ada.ID, errs.CodeDenied, ""},
			{"who is not in it", w.Member(t, w.Cy), id.Nil, errs.CodeNotFound, ""},
			{"a stranger", w.As(t, actor.Administrator, w.Alien), id.Nil, errs.CodeNotFound, ""},
			{"no scope", w.As(t, actor.Member, w.Ada, "messages:read"), id.Nil, errs.CodeDenied, ""},
		} {
			refused(t, test.name, second(w.Ack(test.as, messaging.AckRequest{MessageID: m.ID, IndividualID: test.in})), test.want, test.field)
		}
	})
	must(t, second(w.Ack(w.Leader(t, w.Nurse), messaging.AckRequest{MessageID: m.ID, IndividualID: w.Ada.ID})))
	if n := w.Unread(t, v.ID, w.Ada); n != 0 {
		t.Errorf("Ada has %d unread", n)
	}
}

// names are the people of receipts.
func names(w *messagingtest.World, receipts []messaging.Receipt) []string {
	var out []id.ID
	for _, r := range receipts {
		out = append(out, r.IndividualID)
	}
	return who(w, out)
}

func TestService_Receipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	one := w.Say(t, v.ID, w.Ada, "one")
	two := w.Say(t, v.ID, w.Ada, "two")
	check := func(what string, m messaging.MessageView, read, unread []string) messaging.Receipts {
		t.Helper()
		got, err := w.Receipts(w.Member(t, w.Ada), m.ID, id.Nil)
		must(t, err)
		same(t, what+": read", names(w, got.Read), read)
		same(t, what+": unread", names(w, got.Unread), unread)
		return got
	}
	readAt := func(m messaging.MessageView) time.Time {
		t.Helper()
		got, err := w.ReadTimes(w.Member(t, w.Ada), []messaging.MessageView{one, two})
		must(t, err)
		return got[m.ID]
	}
	check("at first", two, []string{"ada"}, []string{"nurse", "doctor"})
	told := w.Clock.Now()
	must(t, second(w.Ack(w.Member(t, w.Nurse), messaging.AckRequest{MessageID: one.ID, UserTime: told})))
	w.Clock.Add(time.Minute)
	ack(t, w, w.Nurse, two, false)
	ack(t, w, w.Doctor, one, false)
	got := check("one", one, []string{"nurse", "doctor", "ada"}, nil)
	if r := got.Read[0]; !r.AckUserTime.Equal(told) || r.AckTime.Sub(told) > time.Second || !got.Read[1].AckUserTime.IsZero() || !got.Read[2].AckTime.Equal(one.PostedAt) {
		t.Errorf("receipts %+v", got.Read)
	}
	check("two", two, []string{"nurse", "ada"}, []string{"doctor"})
	if at := readAt(one); !at.Equal(got.Read[1].AckTime) {
		t.Errorf("one was read at %v, want %v", at, got.Read[1].AckTime)
	}
	if at := readAt(two); !at.IsZero() {
		t.Errorf("two was read at %v", at)
	}

	// Who comes later has not acknowledged what was before, and does not keep it from having been read.
	must(t, second(w.Subscribe(w.Admin(t), v.ID, []id.ID{w.Clerk.ID})))
	check("one, with a newcomer", one, []string{"nurse", "doctor", "ada"}, []string{"clerk"})
	if readAt(one).IsZero() {
		t.Error("a newcomer undoes the reading")
	}
	three := w.Say(t, v.ID, w.Ada, "three")
	ack(t, w, w.Clerk, three, false)
	check("one, when the newcomer has read on", one, []string{"nurse", "doctor", "ada"}, []string{"clerk"})
	check("three", three, []string{"ada", "clerk"}, []string{"nurse", "doctor"})

	// Moving the mark back takes receipts back, and reading on gives new ones.
	ack(t, w, w.Nurse, one, true)
	check("two, unread again", two, []string{"ada"}, []string{"nurse", "doctor", "clerk"})
	if got := check("one, still read", one, []string{"nurse", "doctor", "ada"}, []string{"clerk"}); !got.Read[0].AckUserTime.Equal(told) {
		t.Errorf("the first receipt is now %+v", got.Read[0])
	}
	ack(t, w, w.Nurse, three, false)
	check("two, read again", two, []string{"nurse", "ada"}, []string{"doctor", "clerk"})

	// Who leaves counts no more.
	must(t, second(w.Unsubscribe(w.Admin(t), v.ID, []id.ID{w.Doctor.ID})))
	check("three, without the doctor", three, []string{"nurse", "ada", "clerk"}, nil)
	if readAt(two).IsZero() {
		t.Error("who has left keeps a message unread")
	}
	_, line := last[messaging.Posted](t, w, v.ID)
	for _, r := range check("a line of the server", messaging.MessageView{Message: messaging.Message{ID: line.MessageID}},
		[]string{"nurse", "ada", "clerk"}, nil).Read {
		if !r.AckTime.Equal(line.PostedTime.Time) || !r.AckUserTime.IsZero() {
			t.Errorf("a receipt of a line of the server: %+v", r)
		}
	}
	if none, err := w.ReadTimes(w.Member(t, w.Ada), nil); err != nil || len(none) > 0 {
		t.Errorf("of no messages: %v, %v", none, err)
	}
}

func TestService_Post_autoAck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		from               string
		ack                messaging.AutoAck
		nurse, doctor, ada int64 // unread afterwards
		read               []string
	}{
		{"nobody", "nurse", messaging.AckNobody, 1, 2, 1, []string{"nurse"}},
		{"the providers", "nurse", messaging.AckGroup, 1, 1, 1, []string{"nurse", "doctor"}},
		{"the participants", "ada", messaging.AckGroup, 2, 2, 0, []string{"ada"}},
		{"a machine's side", "", messaging.AckGroup, 1, 1, 1, []string{"nurse", "doctor"}},
		{"all", "nurse", messaging.AckAll, 1, 1, 0, []string{"nurse", "doctor", "ada"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := w.Single(t, false)
			early := w.Say(t, v.ID, w.Ada, "unread, and must stay so")
			ctx := map[string]context.Context{"nurse": w.Member(t, w.Nurse), "ada": w.Member(t, w.Ada), "": w.Machine(t)}[test.from]
			m, err := w.Post(ctx, messaging.NewMessage{ChannelID: v.ID, Text: "x", AutoAck: test.ack})
			must(t, err)
			if n, d, a := w.Unread(t, v.ID, w.Nurse), w.Unread(t, v.ID, w.Doctor), w.Unread(t, v.ID, w.Ada); n != test.nurse || d != test.doctor || a != test.ada {
				t.Errorf("unread: nurse %d, doctor %d, ada %d", n, d, a)
			}
			got, err := w.Receipts(w.Member(t, w.Ada), m.ID, id.Nil)
			must(t, err)
			same(t, "read", names(w, got.Read), test.read)
			before, err := w.Receipts(w.Member(t, w.Ada), early.ID, id.Nil)
			must(t, err)
			same(t, "the message before", names(w, before.Read), []string{"ada"})
			w.CheckCounters(t, v.ID)
			ack(t, w, w.Doctor, m, false)
			ack(t, w, w.Doctor, early, true)
			ack(t, w, w.Ada, m, false)
		})
	}
}
