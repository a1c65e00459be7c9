package messaging_test

import (
	"context"
	"strings"
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

func TestService_ChangeChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	ctx := w.Leader(t, w.Nurse)
	number := id.New()
	got, err := w.ChangeChannel(ctx, v.ID, messaging.ChannelChange{
		Name: new("Ada's"), Label: new("urgent"), EventsEnabled: new(false), TextNumberID: &number, Floating: new(true), Type: new(messaging.Open),
	})
	must(t, err)
	if got.Name != "Ada's" || got.Label != "urgent" || got.EventsEnabled || got.TextNumberID != number || !got.Floating || got.Type != messaging.Open ||
		!got.ParticipantID.IsZero() || !got.ModifiedAt.After(v.ModifiedAt) {
		t.Errorf("changed to %+v", got.Channel)
	}
	e, state := last[messaging.ChannelState](t, w, v.ID)
	if e.Type != messaging.ChannelUpdated || state.Name != "Ada's" || state.EventsEnabled || !state.Floating {
		t.Errorf("the entry says %s %+v", e.Type, state)
	}
	detail := w.Count(t, `select count(*) from audit where action = 'messaging.channel.updated' and detail like '%"before":%' and detail like '%Ada''s%'`)
	if detail != 1 {
		t.Error("the audit has no state of before")
	}
	unchanged(t, w, "a change to what it is", func() {
		_, err := w.ChangeChannel(ctx, v.ID, messaging.ChannelChange{Name: new("Ada's"), Type: new(messaging.Open)})
		must(t, err)
		_, err = w.ChangeChannel(ctx, v.ID, messaging.ChannelChange{})
		must(t, err)
	})
	got, err = w.ChangeChannel(ctx, v.ID, messaging.ChannelChange{Name: new(""), TextNumberID: new(id.Nil)})
	must(t, err)
	if got.Name != "" || !got.TextNumberID.IsZero() {
		t.Errorf("emptied to %+v", got.Channel)
	}
	w.CheckCounters(t, v.ID)
}

func TestService_ChangeChannel_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.Leader(t, w.Nurse)
	open, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, Type: messaging.Open})
	must(t, err)
	adas, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ada.ID}})
	must(t, err)
	second, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ada.ID}, Type: messaging.Open})
	must(t, err)
	direct, err := w.CreateChannel(w.Admin(t), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID}})
	must(t, err)
	unled := newGroup(t, w, "Elsewhere", []id.ID{w.Clerk.ID}, nil)
	for _, test := range []struct {
		name    string
		as      context.Context
		channel id.ID
		in      messaging.ChannelChange
		want    errs.Code
		field   string
	}{
		{"a long name", ctx, open.ID, messaging.ChannelChange{Name: new(strings.Repeat("x", 256)), Label: new("kept?")}, errs.CodeInvalid, "name"},
		{"a long label", ctx, open.ID, messaging.ChannelChange{Label: new(strings.Repeat("x", 256))}, errs.CodeInvalid, "label"},
		{"an unknown type", ctx, open.ID, messaging.ChannelChange{Type: new(messaging.SubscriptionType("x"))}, errs.CodeInvalid, "subscription_type"},
		{"no group", ctx, open.ID, messaging.ChannelChange{GroupID: new(id.Nil)}, errs.CodeInvalid, "individual_group_id"},
		{"another organization's group", ctx, open.ID, messaging.ChannelChange{GroupID: &w.AlienGroup.ID}, errs.CodeNotFound, "individual_group_id"},
		{"a group that the leader does not lead", ctx, open.ID, messaging.ChannelChange{GroupID: &unled.ID}, errs.CodeDenied, ""},
		{"single with two participants", ctx, open.ID, messaging.ChannelChange{Type: new(messaging.Single), Name: new("kept?")}, messaging.SubscriptionClosed, ""},
		{"none with participants", ctx, open.ID, messaging.ChannelChange{Type: new(messaging.None)}, messaging.SubscriptionClosed, ""},
		{"a second single", ctx, second.ID, messaging.ChannelChange{Type: new(messaging.Single)}, messaging.DuplicateChannel, ""},
		{"floating without a group", w.Admin(t), direct.ID, messaging.ChannelChange{Floating: new(true)}, errs.CodeInvalid, "floating"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, err := w.Store.GetChannel(ctx, w.Org, test.channel)
			must(t, err)
			unchanged(t, w, test.name, func() {
				_, err := w.ChangeChannel(test.as, test.channel, test.in)
				refused(t, test.name, err, test.want, test.field)
				if test.want.Name == messaging.DuplicateChannel.Name && existing(t, err) != adas.ID {
					t.Error("names another channel")
				}
			})
			after, err := w.Store.GetChannel(ctx, w.Org, test.channel)
			must(t, err)
			same(t, "the channel", after, before)
		})
	}
}

func TestService_ChangeChannel_movesToAnotherGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	elsewhere := newGroup(t, w, "Elsewhere", []id.ID{w.Clerk.ID, w.Nurse.ID}, nil)
	_, err := w.ChangeChannel(w.Admin(t), v.ID, messaging.ChannelChange{GroupID: &elsewhere.ID})
	must(t, err)
	same(t, "subscribers", members(t, w, v.ID), []string{"nurse", "ada", "clerk"})
	if _, err := w.GetChannel(w.Leader(t, w.Doctor), v.ID, id.Nil); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("the former group's leader: %v", err)
	}
	w.Single(t, false) // its place is free again
	w.CheckCounters(t, v.ID)
}

func TestService_Archive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	said := w.Say(t, v.ID, w.Ada, "before")
	ctx := w.Leader(t, w.Nurse)
	archived, err := w.Archive(ctx, v.ID)
	must(t, err)
	if !archived.Archived() {
		t.Error("not archived")
	}
	unchanged(t, w, "archiving twice, and what an archived channel refuses", func() {
		again, err := w.Archive(ctx, v.ID)
		must(t, err)
		same(t, "the channel", again.Channel, archived.Channel)
		ada := w.Member(t, w.Ada)
		_, err = w.Post(ada, messaging.NewMessage{ChannelID: v.ID, Text: "x"})
		refused(t, "post", err, messaging.ChannelArchived, "")
		_, err = w.Post(ada, messaging.NewMessage{ChannelID: v.ID, Text: "x", Draft: true})
		refused(t, "draft", err, messaging.ChannelArchived, "")
		_, err = w.ChangeMessage(ada, said.ID, messaging.MessageChange{Text: new("x")})
		refused(t, "edit", err, messaging.ChannelArchived, "")
		_, err = w.AddReaction(ada, said.ID, id.Nil, "like")
		refused(t, "react", err, messaging.ChannelArchived, "")
		_, err = w.Subscribe(ctx, v.ID, []id.ID{w.Clerk.ID})
		refused(t, "subscribe", err, messaging.ChannelArchived, "")
		_, err = w.ReplaceSubscribers(ctx, v.ID, []id.ID{w.Ben.ID})
		refused(t, "replace subscribers", err, messaging.ChannelArchived, "")
	})
	_, err = w.Ack(ctx, messaging.AckRequest{MessageID: said.ID})
	must(t, err)
	_, err = w.ChangeMessage(ctx, said.ID, messaging.MessageChange{Removed: new(true)})
	must(t, err)
	_, err = w.Unsubscribe(ctx, v.ID, []id.ID{w.Doctor.ID})
	must(t, err)

	second := w.Single(t, false) // takes its place
	_, err = w.Unarchive(ctx, v.ID)
	if existing(t, err) != second.ID {
		t.Errorf("unarchive: %v", err)
	}
	must(t, w.DeleteChannel(ctx, second.ID))
	back, err := w.Unarchive(ctx, v.ID)
	must(t, err)
	if back.Archived() {
		t.Error("still archived")
	}
	unchanged(t, w, "unarchiving twice", func() {
		_, err := w.Unarchive(ctx, v.ID)
		must(t, err)
	})
	w.Say(t, v.ID, w.Ada, "after")
	w.CheckCounters(t, v.ID)
}

func TestService_DeleteChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	other, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}, Name: "kept name"})
	must(t, err)
	kept := other.ID
	_, err = w.ChangeChannel(w.Leader(t, w.Nurse), v.ID, messaging.ChannelChange{Name: new("secret name")})
	must(t, err)
	m := w.Say(t, v.ID, w.Ada, "secret text")
	w.Say(t, kept, w.Ben, "kept text")
	_, err = w.AddReaction(w.Member(t, w.Ada), m.ID, id.Nil, "secret smile")
	must(t, err)
	must(t, w.DeleteChannel(w.Leader(t, w.Nurse), v.ID))

	refused(t, "reading it", w.CanRead(w.Admin(t), v.ID), errs.CodeNotFound, "")
	refused(t, "deleting it again", w.DeleteChannel(w.Admin(t), v.ID), errs.CodeNotFound, "")
	entries := w.Events(t, v.ID)
	for i, e := range entries {
		if strings.Contains(string(e.Data), "secret") || e.Offset != int64(i)+1 {
			t.Errorf("entry %d, %s at %d, says %s", i, e.Type, e.Offset, e.Data)
		}
	}
	if e := entries[len(entries)-1]; e.Type != messaging.ChannelDeleted || !decode[messaging.Gone](t, e).Removed {
		t.Errorf("the last entry is %s %s", e.Type, e.Data)
	}
	for _, table := range []string{"channels", "messages"} {
		if n := w.Count(t, "select count(*) from "+table); n != 1 {
			t.Errorf("%d %s are left", n, table)
		}
	}
	if _, posted := last[messaging.Posted](t, w, kept); posted.Message != "kept text" {
		t.Errorf("the other channel's entry says %+v", posted)
	}
}

func TestService_PinMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	other, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}})
	must(t, err)
	m, foreign := w.Say(t, v.ID, w.Ada, "pin me"), w.Say(t, other.ID, w.Ben, "not here")
	draft, err := w.Post(w.Member(t, w.Ada), messaging.NewMessage{ChannelID: v.ID, Draft: true})
	must(t, err)
	unchanged(t, w, "who does not manage the channel", func() {
		refused(t, "by its author", second(w.PinMessage(w.Member(t, w.Ada), v.ID, m.ID)), errs.CodeDenied, "")
	})
	ctx := w.Leader(t, w.Nurse)
	pinned, err := w.PinMessage(ctx, v.ID, m.ID)
	must(t, err)
	if pinned.PinnedMessageID != m.ID {
		t.Errorf("pinned %v", pinned.PinnedMessageID)
	}
	unchanged(t, w, "what cannot be pinned, and what is", func() {
		must(t, second(w.PinMessage(ctx, v.ID, m.ID)))
		refused(t, "another channel's", second(w.PinMessage(ctx, v.ID, foreign.ID)), errs.CodeNotFound, "pinned_message_id")
		refused(t, "none", second(w.PinMessage(ctx, v.ID, id.New())), errs.CodeNotFound, "pinned_message_id")
		refused(t, "a draft", second(w.PinMessage(ctx, v.ID, draft.ID)), messaging.MessageDraft, "")
	})
	must(t, second(w.ChangeMessage(ctx, m.ID, messaging.MessageChange{Removed: new(true)})))
	after, err := w.GetChannel(ctx, v.ID, id.Nil)
	must(t, err)
	if !after.PinnedMessageID.IsZero() {
		t.Error("a removed message is pinned")
	}
	refused(t, "a removed one", second(w.PinMessage(ctx, v.ID, m.ID)), messaging.MessageRemoved, "")
	must(t, second(w.PinMessage(ctx, v.ID, id.Nil)))
	w.CheckCounters(t, v.ID)
}
