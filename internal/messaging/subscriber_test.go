package messaging_test

import (
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

func TestService_Subscribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, err := w.CreateChannel(w.Leader(t, w.Nurse), messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ada.ID}, Type: messaging.Open})
	must(t, err)
	w.Say(t, v.ID, w.Ada, "before Ben came")
	ctx := w.Leader(t, w.Nurse)
	got, err := w.Subscribe(ctx, v.ID, []id.ID{w.Ben.ID, w.Cy.ID, w.Ada.ID, w.Ben.ID})
	must(t, err)
	same(t, "subscribers", members(t, w, v.ID), []string{"nurse", "doctor", "ada", "ben", "cy"})
	if got.NewMessages != 1 || got.SystemCount != 1 {
		t.Errorf("the nurse sees %d new messages, %d lines of the server", got.NewMessages, got.SystemCount)
	}
	if n := w.Unread(t, v.ID, w.Ben); n != 0 {
		t.Errorf("Ben starts with %d unread", n)
	}
	entries := w.Events(t, v.ID)
	same(t, "entries", types(entries[2:]), []string{messaging.ChannelSubscribed, messaging.EventPosted})
	same(t, "who came", decode[messaging.Membership](t, entries[2]), messaging.Membership{ChannelID: v.ID, IndividualIDs: []id.ID{w.Ben.ID, w.Cy.ID}})
	line := decode[messaging.Posted](t, entries[3])
	if line.Source != messaging.FromSystem || line.Message != "ben and cy were added to the conversation." || line.Sequence != 1 || !line.IndividualID.IsZero() {
		t.Errorf("the line says %+v", line)
	}
	w.Say(t, v.ID, w.Ada, "after Ben came")
	if n := w.Unread(t, v.ID, w.Ben); n != 1 {
		t.Errorf("Ben has %d unread", n)
	}
	unchanged(t, w, "what changes nothing", func() {
		must(t, second(w.Subscribe(ctx, v.ID, []id.ID{w.Ben.ID})))
		must(t, second(w.Unsubscribe(ctx, v.ID, []id.ID{w.Clerk.ID})))
		refused(t, "another organization's", second(w.Subscribe(ctx, v.ID, []id.ID{w.Clerk.ID, w.Alien.ID})), errs.CodeNotFound, "individual_ids[1]")
		refused(t, "nobody, by a machine", second(w.Subscribe(w.Machine(t), v.ID, nil)), errs.CodeInvalid, "individual_ids")
		refused(t, "too many", second(w.Subscribe(ctx, v.ID, make([]id.ID, 1001))), errs.CodeInvalid, "individual_ids")
		refused(t, "others, by a member", second(w.Unsubscribe(w.Member(t, w.Ada), v.ID, []id.ID{w.Ben.ID})), errs.CodeDenied, "")
		refused(t, "oneself, who is not in it", second(w.Unsubscribe(w.Member(t, w.Clerk), v.ID, nil)), errs.CodeNotFound, "")
		refused(t, "oneself into it", second(w.Subscribe(w.Member(t, w.Clerk), v.ID, nil)), errs.CodeNotFound, "")
	})
	must(t, second(w.Unsubscribe(w.Member(t, w.Ben), v.ID, nil)))
	refused(t, "reading after leaving", w.CanRead(w.Member(t, w.Ben), v.ID), errs.CodeNotFound, "")
	e, left := last[messaging.Posted](t, w, v.ID)
	if left.Message != "ben was removed from the conversation." || e.Type != messaging.EventPosted {
		t.Errorf("the line says %+v", left)
	}
	must(t, second(w.Subscribe(ctx, v.ID, []id.ID{w.Ben.ID})))
	if n := w.Unread(t, v.ID, w.Ben); n != 0 {
		t.Errorf("Ben comes back with %d unread", n)
	}
	w.CheckCounters(t, v.ID)
}

func TestService_Subscribe_types(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.Leader(t, w.Nurse)
	single := w.Single(t, false)
	refused(t, "a second participant", second(w.Subscribe(ctx, single.ID, []id.ID{w.Ben.ID})), messaging.SubscriptionClosed, "")
	must(t, second(w.Subscribe(ctx, single.ID, []id.ID{w.Clerk.ID})))
	none, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, Type: messaging.None})
	must(t, err)
	refused(t, "a participant among providers", second(w.Subscribe(ctx, none.ID, []id.ID{w.Ben.ID})), messaging.SubscriptionClosed, "")
	direct, err := w.CreateChannel(w.Member(t, w.Clerk), messaging.NewChannel{IndividualIDs: []id.ID{w.Ada.ID}})
	must(t, err)
	must(t, second(w.Subscribe(w.Member(t, w.Clerk), direct.ID, []id.ID{w.Ben.ID})))

	// When the participant has left, another may come, and the channel is about them.
	bens, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, IndividualIDs: []id.ID{w.Ben.ID}})
	must(t, err)
	must(t, second(w.Unsubscribe(ctx, single.ID, []id.ID{w.Ada.ID})))
	refused(t, "a participant who has a channel", second(w.Subscribe(ctx, single.ID, []id.ID{w.Ben.ID})), messaging.DuplicateChannel, "")
	cys, err := w.Subscribe(ctx, single.ID, []id.ID{w.Cy.ID})
	must(t, err)
	if cys.ParticipantID != w.Cy.ID || bens.ParticipantID != w.Ben.ID {
		t.Errorf("the channel is about %v", who(w, []id.ID{cys.ParticipantID}))
	}
	w.Single(t, false)
}

func TestService_ReplaceSubscribers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.Machine(t)
	v, err := w.CreateChannel(ctx, messaging.NewChannel{GroupID: w.Ward.ID, Type: messaging.Open, IndividualIDs: []id.ID{w.Ada.ID, w.Ben.ID}})
	must(t, err)
	must(t, second(w.ReplaceSubscribers(ctx, v.ID, []id.ID{w.Ben.ID, w.Cy.ID, w.Clerk.ID})))
	same(t, "subscribers", members(t, w, v.ID), []string{"nurse", "doctor", "ben", "clerk", "cy"})
	same(t, "entries", types(w.Events(t, v.ID))[1:], []string{
		messaging.ChannelUnsubscribed, messaging.EventPosted, messaging.ChannelSubscribed, messaging.EventPosted,
	})
	must(t, second(w.ReplaceSubscribers(ctx, v.ID, nil)))
	same(t, "nobody", members(t, w, v.ID), []string{"nurse", "doctor", "clerk"})
	unchanged(t, w, "what changes nothing", func() {
		must(t, second(w.ReplaceSubscribers(ctx, v.ID, nil)))
		refused(t, "another organization's", second(w.ReplaceSubscribers(ctx, v.ID, []id.ID{w.Alien.ID})), errs.CodeNotFound, "individual_ids[0]")
		refused(t, "a member", second(w.ReplaceSubscribers(w.Member(t, w.Clerk), v.ID, nil)), errs.CodeDenied, "")
		refused(t, "no scope", second(w.ReplaceSubscribers(w.As(t, actor.Service, w.Nurse, "conversations:read"), v.ID, nil)), errs.CodeDenied, "")
	})
	w.CheckCounters(t, v.ID)
}

func TestService_SetPreferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	entries := len(w.Events(t, v.ID))
	got, err := w.SetPreferences(w.Member(t, w.Ada), v.ID, id.Nil, messaging.Preferences{Notify: new(messaging.NotifyMentions), Pinned: new(true)})
	must(t, err)
	if got.Own.Notify != messaging.NotifyMentions || !got.Own.Pinned || got.Own.Muted() {
		t.Errorf("preferences %+v", got.Own)
	}
	got, err = w.SetPreferences(w.Leader(t, w.Nurse), v.ID, w.Ada.ID, messaging.Preferences{Notify: new(messaging.NotifyNone)})
	must(t, err)
	if !got.Own.Muted() || !got.Own.Pinned || got.Caller != w.Ada.ID {
		t.Errorf("preferences %+v", got.Own)
	}
	if len(w.Events(t, v.ID)) != entries {
		t.Error("the others were told")
	}
	unchanged(t, w, "what is refused", func() {
		refused(t, "another word", second(w.SetPreferences(w.Member(t, w.Ada), v.ID, id.Nil, messaging.Preferences{Notify: new(messaging.Notify("some"))})), errs.CodeInvalid, "notify")
		refused(t, "who is not subscribed", second(w.SetPreferences(w.Admin(t), v.ID, w.Ben.ID, messaging.Preferences{})), errs.CodeNotFound, "")
		refused(t, "a machine for nobody", second(w.SetPreferences(w.Machine(t), v.ID, id.Nil, messaging.Preferences{})), errs.CodeInvalid, "individual_id")
		refused(t, "a stranger", second(w.SetPreferences(w.Member(t, w.Ben), v.ID, id.Nil, messaging.Preferences{})), errs.CodeNotFound, "")
	})
}

func TestService_MarkOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	if !v.Own.OpenedAt.IsZero() {
		t.Error("opened at once")
	}
	ctx := w.Member(t, w.Ada)
	must(t, w.MarkOpened(ctx, v.ID))
	must(t, w.MarkOpened(w.Member(t, w.Ben), v.ID))
	must(t, w.MarkOpened(w.Machine(t), v.ID))
	got, err := w.GetChannel(ctx, v.ID, id.Nil)
	must(t, err)
	if got.Own.OpenedAt.IsZero() {
		t.Error("not opened")
	}
	w.Say(t, v.ID, w.Ada, "posting opens too")
	again, err := w.GetChannel(ctx, v.ID, id.Nil)
	must(t, err)
	if !again.Own.OpenedAt.After(got.Own.OpenedAt) {
		t.Error("posting does not open")
	}
	refused(t, "nobody", w.MarkOpened(t.Context(), v.ID), errs.CodeUnauthenticated, "")
}

func TestService_Subscribers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	got, err := w.Subscribers(t.Context(), v)
	must(t, err)
	if len(got[v.ID]) != 3 || got[v.ID][0].Side != messaging.Providers || got[v.ID][0].Origin != messaging.Leader || got[v.ID][2].Side != messaging.Participants {
		t.Errorf("subscribers %+v", got)
	}
	if none, err := w.Subscribers(t.Context()); err != nil || len(none) > 0 {
		t.Errorf("of no channels: %v, %v", none, err)
	}
}
