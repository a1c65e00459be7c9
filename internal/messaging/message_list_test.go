package messaging_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
	"switchboard/internal/page"
)

func TestService_ListMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	one := w.Say(t, v.ID, w.Ada, "Good morning")
	w.Clock.Add(time.Hour)
	two := w.Say(t, v.ID, w.Nurse, "good evening")
	w.Clock.Add(time.Hour)
	three := w.Say(t, v.ID, w.Doctor, "Bye")
	must(t, second(w.Ack(w.Member(t, w.Ada), messaging.AckRequest{MessageID: two.ID})))
	must(t, second(w.AddReaction(w.Member(t, w.Ada), two.ID, id.Nil, "like")))
	ada := w.Member(t, w.Ada)
	for _, test := range []struct {
		name string
		as   context.Context
		f    messaging.MessageFilter
		want []id.ID
	}{
		{"all", ada, messaging.MessageFilter{}, []id.ID{three.ID, two.ID, one.ID}},
		{"read", ada, messaging.MessageFilter{Acknowledged: new(true)}, []id.ID{two.ID, one.ID}},
		{"unread", ada, messaging.MessageFilter{Acknowledged: new(false)}, []id.ID{three.ID}},
		{"unread, to another", w.Leader(t, w.Nurse), messaging.MessageFilter{Acknowledged: new(false)}, []id.ID{three.ID, one.ID}},
		{"as another", w.Leader(t, w.Nurse), messaging.MessageFilter{Acknowledged: new(false), IndividualID: w.Ada.ID}, []id.ID{three.ID}},
		{"unread to nobody", w.Machine(t), messaging.MessageFilter{Acknowledged: new(true)}, nil},
		{"of a user", ada, messaging.MessageFilter{UserID: w.Nurse.UserID()}, []id.ID{two.ID}},
		{"of a stranger", ada, messaging.MessageFilter{UserID: w.Alien.UserID()}, nil},
		{"text", ada, messaging.MessageFilter{Text: " GOOD eve "}, []id.ID{two.ID}},
		{"posted", ada, messaging.MessageFilter{Posted: messaging.Span{From: two.PostedAt, Until: three.PostedAt}}, []id.ID{two.ID}},
		{"changed", ada, messaging.MessageFilter{Modified: messaging.Span{From: three.PostedAt}}, []id.ID{three.ID, two.ID}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.f.ChannelID = v.ID
			got, err := w.ListMessages(test.as, test.f, page.Offset{Limit: 10})
			must(t, err)
			turned, err := w.TurnMessages(test.as, test.f, page.Cursor{Limit: 10})
			must(t, err)
			for what, list := range map[string][]messaging.MessageView{"by offset": got.Items, "by cursor": turned.Items} {
				var found []id.ID
				for _, m := range list {
					found = append(found, m.ID)
				}
				same(t, what, found, test.want)
			}
			if got.Total != len(test.want) {
				t.Errorf("total %d", got.Total)
			}
		})
	}
	got, err := w.ListMessages(ada, messaging.MessageFilter{ChannelID: v.ID, WithReceipts: true}, page.Offset{Limit: 1, Offset: 1})
	must(t, err)
	m := got.Items[0]
	if m.ID != two.ID || !m.Acknowledged || m.Caller != w.Ada.ID || len(m.Reactions) != 1 || m.Receipts == nil || len(m.Receipts.Read) != 2 {
		t.Errorf("listed %+v", m)
	}
	refused(t, "an unknown cursor", second(w.TurnMessages(ada, messaging.MessageFilter{ChannelID: v.ID}, page.Cursor{Limit: 1, After: id.New()})), errs.CodeNotFound, "")
	refused(t, "an unknown channel", second(w.TurnMessages(ada, messaging.MessageFilter{ChannelID: id.New()}, page.Cursor{Limit: 1})), errs.CodeNotFound, "")
}

// Pages stay right while messages come in.
func TestService_TurnMessages_whilePosting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	var want []string
	for i := range 7 {
		want = append([]string{fmt.Sprint(i)}, want...)
		w.Say(t, v.ID, w.Ada, fmt.Sprint(i))
	}
	var got []string
	cursor := page.Cursor{Limit: 2}
	for {
		found, err := w.TurnMessages(w.Member(t, w.Ada), messaging.MessageFilter{ChannelID: v.ID}, cursor)
		must(t, err)
		for _, m := range found.Items {
			got = append(got, m.Text)
			cursor.After = m.ID
		}
		w.Say(t, v.ID, w.Nurse, "meanwhile")
		must(t, second(w.Subscribe(w.Admin(t), v.ID, []id.ID{w.Clerk.ID})))
		if !found.More {
			break
		}
	}
	same(t, "what was turned over", got, want)
}

func TestService_Audience(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	m := w.Say(t, v.ID, w.Ada, "help")
	must(t, second(w.SetPreferences(w.Member(t, w.Nurse), v.ID, id.Nil, messaging.Preferences{Notify: new(messaging.NotifyNone)})))
	got, err := w.Audience(t.Context(), w.Org, m.ID)
	must(t, err)
	if got.Message.AuthorID != w.Ada.ID || got.Channel.ID != v.ID || len(got.Subscribers) != 3 || !got.Subscribers[0].Muted() {
		t.Errorf("the audience is %+v", got)
	}
	refused(t, "another organization's", second(w.Audience(t.Context(), w.OtherOrg, m.ID)), errs.CodeNotFound, "")
}

// Everything works on both databases; the tests above look closer at one.
func TestService_bothDatabases(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		v := w.Single(t, true)
		m := w.Say(t, v.ID, w.Ada, "hello")
		ctx := w.Leader(t, w.Nurse)
		for what, err := range map[string]error{
			"edit":        second(w.ChangeMessage(w.Member(t, w.Ada), m.ID, messaging.MessageChange{Text: new("hello!")})),
			"ack":         second(w.Ack(ctx, messaging.AckRequest{MessageID: m.ID})),
			"react":       second(w.AddReaction(ctx, m.ID, id.Nil, "like")),
			"unreact":     second(w.DeleteReaction(ctx, m.ID, id.Nil, "wow")),
			"replace":     second(w.ReplaceReactions(w.Admin(t), m.ID, []messaging.Reaction{{IndividualID: w.Ada.ID, Name: "wow"}})),
			"subscribe":   second(w.Subscribe(ctx, v.ID, []id.ID{w.Clerk.ID})),
			"prefer":      second(w.SetPreferences(ctx, v.ID, id.Nil, messaging.Preferences{Pinned: new(true)})),
			"auto-ack":    second(w.Post(ctx, messaging.NewMessage{ChannelID: v.ID, Text: "x", AutoAck: messaging.AckGroup})),
			"pin":         second(w.PinMessage(ctx, v.ID, m.ID)),
			"unsubscribe": second(w.Unsubscribe(ctx, v.ID, []id.ID{w.Clerk.ID})),
			"follow":      w.FollowGroup(w.Admin(t), w.Ward.ID),
			"history":     second(w.History(ctx, m.ID, id.Nil)),
			"receipts":    second(w.Receipts(ctx, m.ID, id.Nil)),
			"list": second(w.ListMessages(ctx, messaging.MessageFilter{
				ChannelID: v.ID, Text: "hel", UserID: w.Ada.UserID(), Acknowledged: new(true), WithReceipts: true,
			}, page.Offset{Limit: 5})),
			"channels": second(w.ListChannels(ctx, messaging.ChannelFilter{Muted: new(false), Pinned: new(true), ParticipantID: w.Ada.ID}, page.Offset{Limit: 5})),
			"duplicate": func() error {
				if _, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ada.ID}}); existing(t, err) != v.ID {
					return err
				}
				return nil
			}(),
		} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		w.CheckCounters(t, v.ID)
		must(t, second(w.ChangeMessage(ctx, m.ID, messaging.MessageChange{Removed: new(true)})))
		must(t, w.DeleteChannel(ctx, v.ID))
	})
}
