package messaging_test

import (
	"slices"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
)

// stored is a message as its row has it.
func stored(t *testing.T, w *messagingtest.World, message id.ID) messaging.Message {
	t.Helper()
	m, err := w.Store.GetMessage(t.Context(), w.Org, message)
	must(t, err)
	return m
}

// channelRow is a channel as its row has it.
func channelRow(t *testing.T, w *messagingtest.World, channel id.ID) messaging.Channel {
	t.Helper()
	c, err := w.Store.GetChannel(t.Context(), w.Org, channel)
	must(t, err)
	return c
}

// purged are the subjects of what the log of a channel tells was purged.
func purged(t *testing.T, w *messagingtest.World, channel id.ID) []id.ID {
	t.Helper()
	out, err := db.All(t.Context(), w.DB.Q(t.Context()), db.Scalar[id.ID],
		`select subject from events where stream = $1 and data like '%"purged":true%' order by stream_offset`, channel)
	must(t, err)
	return out
}

// TestService_Silence shows that every word of one person goes, in every channel, and no word of anybody else.
func TestService_Silence(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		ours := w.Single(t, false)
		other, err := w.CreateChannel(w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID, w.Cy.ID}, Type: messaging.Open, EventsEnabled: true})
		must(t, err)
		first, pinned := w.Say(t, ours.ID, w.Ada, "one"), w.Say(t, ours.ID, w.Ada, "two")
		answer, elsewhere := w.Say(t, ours.ID, w.Nurse, "an answer"), w.Say(t, other.ID, w.Ada, "three")
		taken := w.Say(t, ours.ID, w.Ada, "four")
		must(t, second(w.ChangeMessage(w.Member(t, w.Ada), taken.ID, messaging.MessageChange{Removed: new(true)})))
		draft, err := w.Post(w.Member(t, w.Ada), messaging.NewMessage{ChannelID: ours.ID, Text: "five", Draft: true})
		must(t, err)
		must(t, second(w.PinMessage(w.Leader(t, w.Nurse), ours.ID, pinned.ID)))
		must(t, second(w.PinMessage(w.Admin(t), other.ID, elsewhere.ID)))

		must(t, w.Silence(w.Admin(t), w.Ada.ID))
		for _, m := range []id.ID{first.ID, pinned.ID, elsewhere.ID, taken.ID, draft.ID} {
			if got := stored(t, w, m); got.Text != "" || !got.Removed() {
				t.Errorf("%q is left, removed at %v", got.Text, got.RemovedAt)
			}
		}
		if got := stored(t, w, answer.ID); got.Text != "an answer" || got.Removed() {
			t.Errorf("what somebody else said is now %q, removed at %v", got.Text, got.RemovedAt)
		}
		for _, c := range []id.ID{ours.ID, other.ID} {
			if got := channelRow(t, w, c).PinnedMessageID; !got.IsZero() {
				t.Errorf("%v is still pinned", got)
			}
		}
		same(t, "told of the first channel", purged(t, w, ours.ID), []id.ID{first.ID, pinned.ID})
		same(t, "told of the other", purged(t, w, other.ID), []id.ID{elsewhere.ID})
		unchanged(t, w, "a second time", func() { must(t, w.Silence(w.Admin(t), w.Ada.ID)) })

		must(t, second(w.PinMessage(w.Leader(t, w.Nurse), ours.ID, answer.ID)))
		last := w.Say(t, ours.ID, w.Ada, "once more")
		must(t, w.Silence(w.Admin(t), w.Ada.ID))
		if got := channelRow(t, w, ours.ID).PinnedMessageID; got != answer.ID {
			t.Errorf("what somebody else said is no longer pinned, but %v", got)
		}
		same(t, "told afterwards", purged(t, w, ours.ID), []id.ID{first.ID, pinned.ID, last.ID})
	})
}

// TestService_CloseGroup shows that the channels of one group close, and no others.
func TestService_CloseGroup(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		open := w.Single(t, false)
		v, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}, EventsEnabled: true})
		must(t, err)
		archived := v.ID
		must(t, second(w.Archive(w.Leader(t, w.Nurse), archived)))
		before := channelRow(t, w, archived).ArchivedAt
		others := newGroup(t, w, "Another ward", []id.ID{w.Nurse.ID}, []id.ID{w.Cy.ID})
		spared, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: others.ID, IndividualIDs: []id.ID{w.Cy.ID}, EventsEnabled: true})
		must(t, err)

		must(t, w.CloseGroup(w.Admin(t), w.Ward.ID))
		if c := channelRow(t, w, open.ID); !c.Archived() || !slices.Equal(purged(t, w, open.ID), []id.ID{open.ID}) {
			t.Errorf("the channel is archived at %v, and %v was told", c.ArchivedAt, purged(t, w, open.ID))
		}
		if c := channelRow(t, w, archived); !c.ArchivedAt.Equal(before) || len(purged(t, w, archived)) != 0 {
			t.Errorf("what was archived at %v is now since %v", before, c.ArchivedAt)
		}
		if c := channelRow(t, w, spared.ID); c.Archived() || len(purged(t, w, spared.ID)) != 0 {
			t.Error("the channel of another group was closed")
		}
		unchanged(t, w, "a second time", func() { must(t, w.CloseGroup(w.Admin(t), w.Ward.ID)) })
	})
}
