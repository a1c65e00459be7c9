package messaging_test

import (
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
	"switchboard/internal/page"
)

// removals is a channel in which messages are removed, with everything that tells how many are unread.
type removals struct {
	*messagingtest.World
	t       *testing.T
	channel messaging.View
}

func (r *removals) remove(m messaging.MessageView) {
	r.t.Helper()
	must(r.t, second(r.ChangeMessage(r.Admin(r.t), m.ID, messaging.MessageChange{Removed: new(true)})))
}

// unread checks what the nurse and Ada have unread: in the channel, over all channels, and as a list.
func (r *removals) unread(what string, nurse, ada int) {
	r.t.Helper()
	r.CheckCounters(r.t, r.channel.ID)
	for _, one := range []struct {
		person directory.Individual
		want   int
	}{{r.Nurse, nurse}, {r.Ada, ada}} {
		if n := r.Unread(r.t, r.channel.ID, one.person); n != int64(one.want) {
			r.t.Errorf("%s: %s has %d unread in the channel, want %d", what, one.person.FirstName, n, one.want)
		}
		all, err := r.UnreadMessages(r.t.Context(), r.Org, []id.ID{one.person.ID})
		must(r.t, err)
		if all[one.person.ID] != one.want {
			r.t.Errorf("%s: %s has %d unread everywhere, want %d", what, one.person.FirstName, all[one.person.ID], one.want)
		}
		list, err := r.ListMessages(r.Member(r.t, one.person), messaging.MessageFilter{ChannelID: r.channel.ID, Acknowledged: new(false)}, page.Offset{Limit: 20})
		must(r.t, err)
		if list.Total != one.want {
			r.t.Errorf("%s: %s is listed %d unread, want %d", what, one.person.FirstName, list.Total, one.want)
		}
	}
}

// A message that is removed is unread to nobody, whether they had read it or not, and wherever their marks move then.
func TestService_ChangeMessage_removedUnread(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		r := &removals{w, t, w.Single(t, false)}
		say := func(person directory.Individual, text string) messaging.MessageView {
			t.Helper()
			return w.Say(t, r.channel.ID, person, text)
		}
		one, two, three := say(w.Ada, "one"), say(w.Ada, "two"), say(w.Ada, "three")
		own := say(w.Nurse, "the nurse's own")
		r.unread("at first", 3, 1)

		ack(t, w, w.Nurse, one, false)
		r.remove(two)
		r.unread("one that was not read", 1, 1)
		unchanged(t, w, "removed twice", func() { r.remove(two) })
		r.remove(one)
		r.unread("one that was read", 1, 1)
		r.remove(own)
		r.unread("the nurse's own", 1, 0)
		got, err := w.GetMessage(w.Member(t, w.Nurse), two.ID, id.Nil)
		must(t, err)
		if !got.Acknowledged {
			t.Error("what was removed is not acknowledged")
		}

		ack(t, w, w.Nurse, two, false)
		r.unread("what was removed is acknowledged", 1, 0)
		ack(t, w, w.Nurse, three, false)
		r.unread("the rest is acknowledged", 0, 0)
		ack(t, w, w.Nurse, one, true)
		r.unread("the mark goes back over what was removed", 1, 0)
		must(t, second(w.ChangeMessage(w.Member(t, w.Ada), three.ID, messaging.MessageChange{Text: new("three, edited")})))
		r.remove(three)
		r.unread("the last, which was edited", 0, 0)
		say(w.Nurse, "from who has nothing unread")
		r.unread("a new one", 0, 1)

		draft, err := w.Post(w.Member(t, w.Ada), messaging.NewMessage{ChannelID: r.channel.ID, Text: "draft", Draft: true})
		must(t, err)
		must(t, second(w.ChangeMessage(w.Member(t, w.Ada), draft.ID, messaging.MessageChange{Removed: new(true)})))
		r.unread("a draft", 0, 1)
		covered, err := w.Post(w.Member(t, w.Ada), messaging.NewMessage{ChannelID: r.channel.ID, Text: "for nobody", AutoAck: messaging.AckAll})
		must(t, err)
		r.remove(covered)
		r.unread("one that was posted as acknowledged", 0, 1)
	})
}

// With shared acknowledgements the marks of others pass over what was removed, too.
func TestService_ChangeMessage_removedShared(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		shareAcks(t, w, "true")
		r := &removals{w, t, w.Single(t, false)}
		first := w.Say(t, r.channel.ID, w.Ada, "one")
		r.remove(w.Say(t, r.channel.ID, w.Ada, "two"))
		w.Say(t, r.channel.ID, w.Ada, "three")
		r.unread("at first", 2, 0)
		ack(t, w, w.Doctor, first, false)
		r.unread("read by the doctor for the nurse", 1, 0)
	})
}

// A line of the server is unread to nobody; removing one changes no count.
func TestService_ChangeMessage_removedLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &removals{w, t, w.Single(t, false)}
	w.Say(t, r.channel.ID, w.Ada, "one")
	must(t, second(w.Subscribe(w.Admin(t), r.channel.ID, []id.ID{w.Clerk.ID})))
	_, line := last[messaging.Posted](t, w, r.channel.ID)
	r.unread("at first", 1, 0)
	r.remove(messaging.MessageView{Message: messaging.Message{ID: line.MessageID}})
	r.unread("removed", 1, 0)
}

// What somebody said is unread to nobody once their data is purged.
func TestService_Silence_unread(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		r := &removals{w, t, w.Single(t, false)}
		gone := w.Say(t, r.channel.ID, w.Ada, "one")
		w.Say(t, r.channel.ID, w.Ada, "two")
		w.Say(t, r.channel.ID, w.Doctor, "three")
		r.remove(gone)
		r.unread("at first", 2, 1)
		ctx := actor.With(t.Context(), actor.System(w.Org))
		for range 2 {
			must(t, w.Silence(ctx, w.Ada.ID))
			r.unread("silenced", 1, 1)
		}
	})
}
