package messaging_test

import (
	"context"
	"encoding/json"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingtest"
	"switchboard/internal/page"
)

// audited is a row of the audit.
type audited struct {
	Action        string
	Subject, As   id.ID
	Before, After map[string]any
}

// rows returns what fn leaves in the audit.
func rows(t *testing.T, w *messagingtest.World, fn func()) []audited {
	t.Helper()
	last := w.Count(t, "select coalesce(max(seq), 0) from audit")
	fn()
	list, err := db.All(t.Context(), w.DB.Q(t.Context()), func(r db.Row) (a audited, err error) {
		var detail string
		if err := r.Scan(&a.Action, &a.Subject, &a.As, &detail); err != nil {
			return a, err
		}
		return a, json.Unmarshal([]byte(detail), &a)
	}, "select action, subject, as_individual_id, detail from audit where seq > $1 order by seq", last)
	must(t, err)
	return list
}

func seen(count int, first, last id.ID) map[string]any {
	return map[string]any{"count": float64(count), "first": first.String(), "last": last.String()}
}

// TestService_readsAreAudited goes through everything that shows messages: each leaves one row that says which, as whom, and
// nothing of what they say.
func TestService_readsAreAudited(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := messagingtest.NewWorld(t, d)
		g := messaging.NewGroups(w.Service, w.Directory)
		v := w.Single(t, false)
		one := w.Say(t, v.ID, w.Ada, "the first secret")
		two := w.Say(t, v.ID, w.Ada, "the second secret")
		nurse, ada := w.Leader(t, w.Nurse), w.Member(t, w.Ada)
		text := "another secret"
		must(t, second(w.ChangeMessage(ada, one.ID, messaging.MessageChange{Text: &text})))
		channel := func(m map[string]any) map[string]any { m["channel-id"] = v.ID.String(); return m }
		for name, tc := range map[string]struct {
			look    func() error
			action  string
			subject id.ID
			as      id.ID
			after   map[string]any
		}{
			"a list": {func() error {
				return second(w.ListMessages(nurse, messaging.MessageFilter{ChannelID: v.ID}, page.Offset{Limit: 10}))
			}, "messaging.message.read", v.ID, w.Nurse.ID, channel(seen(2, two.ID, one.ID))},
			"a list as an individual": {func() error {
				return second(w.ListMessages(nurse, messaging.MessageFilter{ChannelID: v.ID, IndividualID: w.Ada.ID}, page.Offset{Limit: 1, Offset: 1}))
			}, "messaging.message.read", v.ID, w.Ada.ID, channel(seen(1, one.ID, one.ID))},
			"a list of nothing": {func() error {
				return second(w.ListMessages(ada, messaging.MessageFilter{ChannelID: v.ID, Text: "nowhere"}, page.Offset{Limit: 1}))
			}, "messaging.message.read", v.ID, w.Ada.ID, channel(map[string]any{"count": 0.0})},
			"a list by cursor": {func() error {
				return second(w.TurnMessages(ada, messaging.MessageFilter{ChannelID: v.ID}, page.Cursor{Limit: 1}))
			}, "messaging.message.read", v.ID, w.Ada.ID, channel(seen(1, two.ID, two.ID))},
			"a message": {
				func() error { return second(w.GetMessage(ada, one.ID, id.Nil)) },
				"messaging.message.read", one.ID, w.Ada.ID, channel(seen(1, one.ID, one.ID)),
			},
			"a history": {
				func() error { return second(w.History(ada, one.ID, id.Nil)) },
				"messaging.message.read", one.ID, w.Ada.ID, func() map[string]any { m := channel(seen(1, one.ID, one.ID)); m["history"] = true; return m }(),
			},
			"the other API's list": {
				func() error { return second(g.TurnPosted(ada, v.ID, page.Cursor{Limit: 10})) },
				"messaging.message.read", v.ID, w.Ada.ID, channel(seen(2, two.ID, one.ID)),
			},
			"the other API's list of everything": {
				func() error { return second(g.TurnPosted(ada, id.Nil, page.Cursor{Limit: 10})) },
				"messaging.message.read", id.Nil, w.Ada.ID, seen(2, two.ID, one.ID),
			},
			"the other API's message": {
				func() error { return second(g.GetPosted(ada, two.ID)) },
				"messaging.message.read", two.ID, w.Ada.ID, channel(seen(1, two.ID, two.ID)),
			},
			"a channel with its last message": {
				func() error { return second(w.GetChannel(ada, v.ID, id.Nil)) },
				"messaging.channel.read", v.ID, w.Ada.ID, seen(1, v.ID, v.ID),
			},
			"channels with their last messages": {
				func() error { return second(w.ListChannels(ada, messaging.ChannelFilter{}, page.Offset{Limit: 10})) },
				"messaging.channel.read", id.Nil, w.Ada.ID, seen(1, v.ID, v.ID),
			},
			"following live": {func() error { return w.Followed(ada, v.ID) }, "messaging.channel.followed", v.ID, w.Ada.ID, nil},
			"a change that changes nothing": {func() error {
				return second(w.ChangeMessage(ada, one.ID, messaging.MessageChange{Text: &text}))
			}, "messaging.message.read", one.ID, w.Ada.ID, channel(seen(1, one.ID, one.ID))},
		} {
			var err error
			got := rows(t, w, func() { err = tc.look() })
			must(t, err)
			same(t, name, got, []audited{{Action: tc.action, Subject: tc.subject, As: tc.as, After: tc.after}})
		}
		if n := len(rows(t, w, func() { must(t, second(g.GetConversation(ada, v.ID))) })); n != 0 {
			t.Errorf("a conversation that shows nothing of what was said leaves %d rows", n)
		}
		must(t, second(w.ListMessages(actor.With(t.Context(), actor.System(w.Org)), messaging.MessageFilter{ChannelID: v.ID}, page.Offset{Limit: 1})))
		if n := w.Count(t, "select count(*) from audit where (action like '%read' or action like '%followed') and detail like '%secret%'"); n != 0 {
			t.Errorf("%d rows about looks hold what was said", n)
		}
	})
}

// TestService_unrecordedReadsAreNotAnswered takes the audit away.
func TestService_unrecordedReadsAreNotAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := messaging.NewGroups(w.Service, w.Directory)
	v := w.Single(t, false)
	m := w.Say(t, v.ID, w.Ada, "secret")
	ada := w.Member(t, w.Ada)
	must(t, second(w.DB.Q(t.Context()).Exec(t.Context(), "alter table audit rename to audit_elsewhere")))
	for name, look := range map[string]func(ctx context.Context) (text string, err error){
		"list": func(ctx context.Context) (string, error) {
			l, err := w.ListMessages(ctx, messaging.MessageFilter{ChannelID: v.ID}, page.Offset{Limit: 10})
			return one(l.Items).Text, err
		},
		"cursor": func(ctx context.Context) (string, error) {
			l, err := w.TurnMessages(ctx, messaging.MessageFilter{ChannelID: v.ID}, page.Cursor{Limit: 10})
			return one(l.Items).Text, err
		},
		"posted": func(ctx context.Context) (string, error) {
			l, err := g.TurnPosted(ctx, v.ID, page.Cursor{Limit: 10})
			return one(l.Items).Text, err
		},
		"history": func(ctx context.Context) (string, error) { return "", second(w.History(ctx, m.ID, id.Nil)) },
		"message": func(ctx context.Context) (string, error) { return "", second(w.GetMessage(ctx, m.ID, id.Nil)) },
		"channel": func(ctx context.Context) (string, error) { return "", second(w.GetChannel(ctx, v.ID, id.Nil)) },
		"channels": func(ctx context.Context) (string, error) {
			return "", second(w.ListChannels(ctx, messaging.ChannelFilter{}, page.Offset{Limit: 10}))
		},
		"live": func(ctx context.Context) (string, error) { return "", w.Followed(ctx, v.ID) },
	} {
		if text, err := look(ada); err == nil || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func one[T any](list []T) (zero T) {
	if len(list) > 0 {
		return list[0]
	}
	return zero
}

// TestService_refusedFollowing is for those who may not read.
func TestService_refusedFollowing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	got := rows(t, w, func() {
		refused(t, "who is not in it", w.Followed(w.Member(t, w.Cy), v.ID), errs.CodeNotFound, "")
		refused(t, "without the scope", w.Followed(w.As(t, actor.Member, w.Ada, "users:read"), v.ID), errs.CodeDenied, "")
		refused(t, "nobody", w.Followed(t.Context(), v.ID), errs.CodeUnauthenticated, "")
	})
	same(t, "rows", got, []audited{})
}

// TestService_changesKeepBothStates shows what the audit has of changed and removed texts, and of who came and went.
func TestService_changesKeepBothStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.Single(t, false)
	ada := w.Member(t, w.Ada)
	m := w.Say(t, v.ID, w.Ada, "before")
	text, yes := "after", true
	said := func(s string) map[string]any { return map[string]any{"message": s} }
	check := func(name string, fn func(), want ...audited) {
		t.Helper()
		got := rows(t, w, fn)
		for i := range got {
			got[i].As = id.Nil
		}
		same(t, name, got[:min(len(got), len(want))], want)
	}
	check("an edit", func() { must(t, second(w.ChangeMessage(ada, m.ID, messaging.MessageChange{Text: &text}))) },
		audited{Action: "messaging.message.edited", Subject: m.ID, Before: said("before"), After: said("after")})
	check("a removal", func() { must(t, second(w.ChangeMessage(ada, m.ID, messaging.MessageChange{Removed: &yes}))) },
		audited{Action: "messaging.message.removed", Subject: m.ID, Before: said("after")})
	liked := w.Say(t, v.ID, w.Nurse, "good news")
	like := map[string]any{
		"channel-id": v.ID.String(), "message-id": liked.ID.String(), "individual-id": w.Ada.ID.String(), "reaction-type": "like",
	}
	check("a reaction", func() { must(t, second(w.AddReaction(ada, liked.ID, id.Nil, "like"))) },
		audited{Action: "messaging.message.reaction-added", Subject: liked.ID, After: like})
	check("a reaction taken back", func() { must(t, second(w.DeleteReaction(ada, liked.ID, id.Nil, "like"))) },
		audited{Action: "messaging.message.reaction-deleted", Subject: liked.ID, Before: like})
	draft, err := w.Post(ada, messaging.NewMessage{ChannelID: v.ID, Text: "draft", Draft: true})
	must(t, err)
	check("a draft", func() { must(t, second(w.ChangeMessage(ada, draft.ID, messaging.MessageChange{Text: &text}))) },
		audited{Action: "messaging.message.drafted", Subject: draft.ID, Before: said("draft"), After: said("after")})
	check("a removed draft", func() { must(t, second(w.ChangeMessage(ada, draft.ID, messaging.MessageChange{Removed: &yes}))) },
		audited{Action: "messaging.message.removed", Subject: draft.ID, Before: said("after")})
	who := map[string]any{"channel-id": v.ID.String(), "individual-ids": []any{w.Doctor.ID.String()}}
	check("who goes", func() { must(t, second(w.Unsubscribe(w.Admin(t), v.ID, []id.ID{w.Doctor.ID}))) },
		audited{Action: "messaging.channel.unsubscribed", Subject: v.ID, Before: who})
	check("who comes", func() { must(t, second(w.Subscribe(w.Admin(t), v.ID, []id.ID{w.Doctor.ID}))) },
		audited{Action: "messaging.channel.subscribed", Subject: v.ID, After: who})
	got := rows(t, w, func() { must(t, w.DeleteChannel(w.Admin(t), v.ID)) })
	if len(got) != 1 || got[0].Before["channel-id"] != v.ID.String() || got[0].After != nil {
		t.Errorf("a deleted channel: %+v", got)
	}
}
