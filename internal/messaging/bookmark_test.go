package messaging_test

import (
	"context"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
	"switchboard/internal/page"
)

func marked(t *testing.T, w *messagingtest.World, as context.Context, channel id.ID) []id.ID { //nolint:revive // a test helper's t comes first
	t.Helper()
	l, err := w.ListBookmarks(as, channel, page.Offset{Limit: 10})
	must(t, err)
	var out []id.ID
	for _, b := range l.Items {
		out = append(out, b.MessageID)
	}
	return out
}

func TestService_SetBookmark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	first, second2 := w.Say(t, v.ID, w.Ada, "one"), w.Say(t, v.ID, w.Ada, "two")
	ada, nurse := w.Member(t, w.Ada), w.Leader(t, w.Nurse)

	must(t, second(w.SetBookmark(ada, v.ID, first.ID, false)))
	b, err := w.SetBookmark(ada, v.ID, second2.ID, false)
	must(t, err)
	same(t, "a second moves the first", marked(t, w, ada, v.ID), []id.ID{second2.ID})
	must(t, second(w.SetBookmark(ada, v.ID, first.ID, true)))
	same(t, "several", marked(t, w, ada, id.Nil), []id.ID{first.ID, second2.ID})
	same(t, "the nurse's own", marked(t, w, nurse, v.ID), nil)
	same(t, "a machine sees all", marked(t, w, w.Machine(t), id.Nil), []id.ID{first.ID, second2.ID})

	seen, err := w.GetChannel(ada, v.ID, id.Nil)
	must(t, err)
	same(t, "the channel's bookmark", seen.Bookmark.MessageID, first.ID)
	if seen, err := w.GetChannel(nurse, v.ID, id.Nil); err != nil || !seen.Bookmark.ID.IsZero() {
		t.Errorf("the nurse sees the bookmark of another: %+v, %v", seen.Bookmark, err)
	}

	refused(t, "another's bookmark", second(w.GetBookmark(nurse, b.ID)), errs.CodeNotFound, "")
	refused(t, "deleting another's", w.DeleteBookmark(nurse, b.ID), errs.CodeNotFound, "")
	if got, err := w.GetBookmark(w.Admin(t), b.ID); err != nil || got != b {
		t.Errorf("the administrator sees %+v, %v", got, err)
	}
	must(t, w.DeleteBookmark(ada, b.ID))
	refused(t, "deleting twice", w.DeleteBookmark(ada, b.ID), errs.CodeNotFound, "")
}

func TestService_SetBookmark_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	other, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{IndividualIDs: []id.ID{w.Clerk.ID}})
	must(t, err)
	m, foreign := w.Say(t, v.ID, w.Ada, "one"), w.Say(t, other.ID, w.Nurse, "elsewhere")
	gone := w.Say(t, v.ID, w.Ada, "gone")
	yes := true
	must(t, second(w.ChangeMessage(w.Member(t, w.Ada), gone.ID, messaging.MessageChange{Removed: &yes})))
	draft, err := w.Post(w.Member(t, w.Ada), messaging.NewMessage{ChannelID: v.ID, Text: "later", Draft: true})
	must(t, err)
	ada := w.Member(t, w.Ada)
	unchanged(t, w, "refusals", func() {
		for _, tc := range []struct {
			name             string
			as               context.Context
			channel, message id.ID
			code             errs.Code
			field            string
		}{
			{"a message of another channel", ada, v.ID, foreign.ID, errs.CodeNotFound, "message_id"},
			{"no message", ada, v.ID, id.New(), errs.CodeNotFound, "message_id"},
			{"no channel", ada, id.New(), m.ID, errs.CodeNotFound, "channel_id"},
			{"not in the channel", w.Member(t, w.Cy), v.ID, m.ID, errs.CodeNotFound, "channel_id"},
			{"another organization", w.Member(t, w.Alien), v.ID, m.ID, errs.CodeNotFound, "channel_id"},
			{"a removed message", ada, v.ID, gone.ID, messaging.MessageRemoved, ""},
			{"a draft of one's own", ada, v.ID, draft.ID, messaging.MessageDraft, ""},
			{"a draft of another", w.Leader(t, w.Nurse), v.ID, draft.ID, errs.CodeNotFound, "message_id"},
			{"a machine", w.Machine(t), v.ID, m.ID, errs.CodeDenied, ""},
			{"without the scope", w.As(t, actor.Member, w.Ada, "*:read"), v.ID, m.ID, errs.CodeDenied, ""},
			{"nobody", t.Context(), v.ID, m.ID, errs.CodeUnauthenticated, ""},
		} {
			refused(t, tc.name, second(w.SetBookmark(tc.as, tc.channel, tc.message, false)), tc.code, tc.field)
		}
	})
	same(t, "stored", marked(t, w, w.Machine(t), id.Nil), nil)
}
