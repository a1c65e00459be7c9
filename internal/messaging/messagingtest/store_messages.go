package messagingtest

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

func subscribers(t *testing.T, s suite) {
	ctx := t.Context()
	me, you := id.New(), id.New()
	c, other := s.create(t, s.channel()), s.create(t, s.channel(), me)
	full := messaging.Subscriber{
		ChannelID: c.ID, IndividualID: me, OrganizationID: s.org, Origin: messaging.Leader, Side: messaging.Providers,
		Notify: messaging.NotifyMentions, Pinned: true, JoinedAt: at.Add(time.Second), JoinedSeq: 3, ReadSeq: 4, ExemptAfter: 1, OpenedAt: at,
	}
	plain := s.subscriber(c, you)
	s.in(t, func(ctx context.Context) error { return s.InsertSubscribers(ctx, []messaging.Subscriber{full, plain}) })
	check := func(what string, want messaging.Subscriber) {
		t.Helper()
		got, found, err := s.FindSubscriber(ctx, s.org, c.ID, want.IndividualID)
		must(t, err)
		if !found {
			t.Errorf("%s: not there", what)
		}
		same(t, what, got, want)
	}
	check("with everything", full)
	check("with the least", plain)
	found, err := s.FindSubscribers(ctx, s.org, []id.ID{c.ID, other.ID, id.New()})
	must(t, err)
	same(t, "by channel", found[c.ID], []messaging.Subscriber{plain, full})
	if len(found) != 2 || len(found[other.ID]) != 1 {
		t.Errorf("found %v", found)
	}
	own, err := s.FindSubscriptions(ctx, s.org, you, []id.ID{c.ID, other.ID})
	must(t, err)
	same(t, "of one", own, map[id.ID]messaging.Subscriber{c.ID: plain})
	own, err = s.FindSubscriptions(ctx, s.org, id.Nil, []id.ID{c.ID})
	if err != nil || len(own) > 0 {
		t.Errorf("of nobody: %v, %v", own, err)
	}
	for _, test := range []struct {
		org  id.ID
		who  []id.ID
		want bool
	}{{s.org, []id.ID{id.New(), me}, true}, {s.org, []id.ID{id.New(), id.Nil}, false}, {s.org, nil, false}, {id.New(), []id.ID{me}, false}} {
		if got, err := s.Subscribed(ctx, test.org, c.ID, test.who); err != nil || got != test.want {
			t.Errorf("Subscribed(%v) = %v, %v", test.who, got, err)
		}
	}

	must(t, s.SetPreferences(ctx, s.org, c.ID, me, messaging.Preferences{}))
	check("after no preferences", full)
	must(t, s.SetPreferences(ctx, s.org, c.ID, me, messaging.Preferences{Notify: new(messaging.NotifyNone), Pinned: no()}))
	full.Notify, full.Pinned = messaging.NotifyNone, false
	must(t, s.SetOpened(ctx, s.org, c.ID, me, at.Add(time.Hour)))
	full.OpenedAt = at.Add(time.Hour)
	must(t, s.SetOrigin(ctx, full, messaging.Direct))
	full.Origin = messaging.Direct
	check("after preferences", full)
	full.ReadSeq, full.ExemptAfter, full.OpenedAt = 9, 2, at.Add(time.Minute)
	must(t, s.SetMark(ctx, full))
	check("after the mark", full)
	check("the other is as before", plain)
	wantCode(t, "preferences of who is not there", s.SetPreferences(ctx, s.org, c.ID, id.New(), messaging.Preferences{}), errs.CodeNotFound)
	wantCode(t, "of another organization", s.SetPreferences(ctx, id.New(), c.ID, me, messaging.Preferences{}), errs.CodeNotFound)
	must(t, s.SetOpened(ctx, s.org, c.ID, id.New(), at))

	must(t, s.DeleteSubscribers(ctx, id.New(), c.ID, []id.ID{me}))
	check("after another organization's delete", full)
	must(t, s.DeleteSubscribers(ctx, s.org, c.ID, []id.ID{me, id.New()}))
	if _, found, err := s.FindSubscriber(ctx, s.org, c.ID, me); found || err != nil {
		t.Errorf("deleted: %v, %v", found, err)
	}
	check("the other stays", plain)
	wantCode(t, "twice", s.tx.Do(ctx, func(ctx context.Context) error {
		return s.InsertSubscribers(ctx, []messaging.Subscriber{plain})
	}), errs.CodeDuplicate)
}

func exempt(t *testing.T, s suite) {
	ctx := t.Context()
	me, you, them := id.New(), id.New(), id.New()
	c := s.create(t, s.channel(), me, you)
	third := s.subscriber(c, them)
	third.Side = messaging.Providers
	must(t, s.InsertSubscribers(ctx, []messaging.Subscriber{third}))
	marks := func(what string, want map[id.ID][2]int64) {
		t.Helper()
		got := map[id.ID][2]int64{}
		found, err := s.FindSubscribers(ctx, s.org, []id.ID{c.ID})
		must(t, err)
		for _, u := range found[c.ID] {
			got[u.IndividualID] = [2]int64{u.ReadSeq, u.ExemptAfter}
			counted, err := s.CountExempt(ctx, u)
			must(t, err)
			if counted != u.ExemptAfter {
				t.Errorf("%s: %d exempt are counted, %d stored", what, counted, u.ExemptAfter)
			}
		}
		same(t, what, got, want)
	}
	first := s.post(t, c, me, messaging.AckNobody)
	marks("who had read everything has read their own", map[id.ID][2]int64{me: {1, 0}, you: {0, 0}, them: {0, 0}})
	second := s.post(t, c, you, messaging.AckNobody)
	marks("who has something unread keeps it", map[id.ID][2]int64{me: {1, 0}, you: {0, 1}, them: {0, 0}})
	s.post(t, c, me, messaging.AckAll)
	marks("all but the author, each once", map[id.ID][2]int64{me: {1, 1}, you: {0, 2}, them: {0, 1}})
	fourth := s.post(t, c, you, messaging.AutoAck(messaging.Providers))
	marks("one side", map[id.ID][2]int64{me: {1, 1}, you: {0, 3}, them: {0, 2}})
	fifth := s.post(t, c, id.Nil, messaging.AckAll)
	marks("an author that is nobody", map[id.ID][2]int64{me: {1, 2}, you: {0, 4}, them: {0, 3}})

	draft := s.message(c, 1<<63-1, me)
	draft.Draft, draft.AutoAck = true, messaging.AckAll
	must(t, s.InsertMessage(ctx, draft))
	marks("a draft counts for nobody", map[id.ID][2]int64{me: {1, 2}, you: {0, 4}, them: {0, 3}})

	remove := func(m messaging.Message) {
		t.Helper()
		m.RemovedAt = at
		s.in(t, func(ctx context.Context) error {
			if err := s.UpdateMessage(ctx, m); err != nil {
				return err
			}
			return s.ExemptRemoved(ctx, m)
		})
	}
	remove(second)
	marks("removed, for all but its author", map[id.ID][2]int64{me: {1, 3}, you: {0, 4}, them: {0, 4}})
	remove(first)
	marks("removed, for who had not read it", map[id.ID][2]int64{me: {1, 3}, you: {0, 5}, them: {0, 5}})
	remove(fourth)
	marks("removed, for the side that it was not covered for", map[id.ID][2]int64{me: {1, 4}, you: {0, 5}, them: {0, 5}})
	remove(fifth)
	marks("removed, and exempt before", map[id.ID][2]int64{me: {1, 4}, you: {0, 5}, them: {0, 5}})
	third.ReadSeq = 1
	s.in(t, func(ctx context.Context) error { return s.AdvanceSide(ctx, third) })
	marks("a side is brought up to a removed message", map[id.ID][2]int64{me: {1, 4}, you: {0, 5}, them: {1, 4}})
	s.post(t, c, you, messaging.AckNobody)
	marks("who has nothing unread but what was removed", map[id.ID][2]int64{me: {1, 4}, you: {6, 0}, them: {1, 4}})
}

func messages(t *testing.T, s suite) {
	ctx := t.Context()
	c := s.create(t, s.channel())
	full := s.message(c, 3, id.New())
	full.AutoAck, full.Destinations, full.Edits, full.RemovedAt, full.RemovedBy = messaging.AckAll, []string{"sms", "email"}, 2, at, id.New()
	draft := s.message(c, 1<<63-1, id.Nil)
	draft.Draft, draft.PostedAt, draft.Text = true, time.Time{}, ""
	must(t, s.InsertMessage(ctx, full))
	must(t, s.InsertMessage(ctx, draft))
	for _, want := range []messaging.Message{full, draft} {
		got, err := s.GetMessage(ctx, s.org, want.ID)
		must(t, err)
		same(t, "the message", got, want)
	}
	draft.Seq, draft.Draft, draft.Text, draft.AutoAck, draft.Edits = 4, false, "now", "provider", 1
	draft.ModifiedAt, draft.PostedAt, draft.WrittenAt, draft.RemovedAt, draft.RemovedBy =
		at.Add(1e9), at.Add(2e9), at.Add(3e9), at.Add(4e9), id.New()
	must(t, s.UpdateMessage(ctx, draft))
	must(t, s.TouchMessage(ctx, s.org, draft.ID, at.Add(5e9)))
	must(t, s.TouchMessage(ctx, id.New(), full.ID, at.Add(5e9)))
	draft.ModifiedAt = at.Add(5e9)
	found, err := s.FindMessages(ctx, s.org, []id.ID{full.ID, draft.ID, id.New()})
	must(t, err)
	same(t, "several", found, map[id.ID]messaging.Message{full.ID: full, draft.ID: draft})
	all, err := s.MessageIDs(ctx, s.org, c.ID)
	must(t, err)
	if len(all) != 2 {
		t.Errorf("MessageIDs = %v", all)
	}

	stranger := full
	stranger.OrganizationID = id.New()
	_, err = s.GetMessage(ctx, stranger.OrganizationID, full.ID)
	wantCode(t, "another organization's GetMessage", err, errs.CodeNotFound)
	wantCode(t, "UpdateMessage", s.UpdateMessage(ctx, stranger), errs.CodeNotFound)
	found, err = s.FindMessages(ctx, stranger.OrganizationID, []id.ID{full.ID})
	must(t, err)
	all, err = s.MessageIDs(ctx, stranger.OrganizationID, c.ID)
	must(t, err)
	if len(found)+len(all) > 0 {
		t.Errorf("another organization finds %v, %v", found, all)
	}
	orphan := s.message(s.channel(), 1, id.Nil)
	wantCode(t, "a message of no channel", s.tx.Do(ctx, func(ctx context.Context) error { return s.InsertMessage(ctx, orphan) }), errs.CodeNotFound)
}

func messageIDs(list []messaging.Message) []id.ID {
	return ids(list, func(m messaging.Message) id.ID { return m.ID })
}

func messageLists(t *testing.T, s suite) {
	ctx := t.Context()
	me, you := id.New(), id.New()
	c := s.create(t, s.channel(), me, you)
	put := func(seq int64, author id.ID, change func(*messaging.Message)) id.ID {
		m := s.message(c, seq, author)
		m.PostedAt, m.ModifiedAt = at.Add(time.Duration(seq)*time.Minute), at.Add(time.Duration(seq)*time.Minute)
		change(&m)
		must(t, s.InsertMessage(ctx, m))
		return m.ID
	}
	draft := func(m *messaging.Message) { m.Draft, m.Seq, m.PostedAt = true, 1<<63-1, time.Time{} }
	myDraft := put(0, me, draft) // the oldest by identifier, and first in the list all the same
	hello := put(1, you, func(m *messaging.Message) { m.Text = "Hello there, 100%_sure" })
	removed := put(2, you, func(m *messaging.Message) { m.Text, m.RemovedAt = "hello again", at })
	own := put(3, me, func(m *messaging.Message) { m.Text = "Line\nbreaks count, Ärzte too" })
	system := put(3, id.Nil, func(m *messaging.Message) { m.Source, m.Text = messaging.FromSystem, "Somebody was added" })
	acked := put(4, you, func(m *messaging.Message) { m.AutoAck = messaging.AutoAck(messaging.Participants) })
	late := put(5, you, func(m *messaging.Message) { m.ModifiedAt = at.Add(time.Hour) })
	put(0, you, draft)
	put(0, me, func(m *messaging.Message) { draft(m); m.RemovedAt = at })
	key := id.New()
	keyDraft := put(0, id.Nil, func(m *messaging.Message) { draft(m); m.CreatedBy = key })
	c.MessageSeq, c.SystemCount = 5, 1

	caller, _, err := s.FindSubscriber(ctx, s.org, c.ID, me)
	must(t, err)
	caller.ReadSeq = 1
	base := messaging.MessageQuery{OrganizationID: s.org, ChannelID: c.ID, Caller: caller, Subscribed: true, Creator: id.New()}
	everything := []id.ID{myDraft, late, acked, system, own, removed, hello}
	for name, test := range map[string]struct {
		change func(*messaging.MessageQuery)
		want   []id.ID
	}{
		"all":       {func(*messaging.MessageQuery) {}, everything},
		"a machine": {func(q *messaging.MessageQuery) { q.Caller, q.Creator = messaging.Subscriber{}, key }, append([]id.ID{keyDraft}, everything[1:]...)},
		"read":      {func(q *messaging.MessageQuery) { q.Acknowledged = yes() }, []id.ID{myDraft, acked, system, own, removed, hello}},
		"unread":    {func(q *messaging.MessageQuery) { q.Acknowledged = no() }, []id.ID{late}},
		"read by nobody": {func(q *messaging.MessageQuery) {
			q.Caller, q.Acknowledged = messaging.Subscriber{ReadSeq: -1}, yes()
		}, nil},
		"unread to nobody": {func(q *messaging.MessageQuery) {
			q.Caller, q.Acknowledged = messaging.Subscriber{ReadSeq: -1}, no()
		}, everything[1:]},
		"by authors": {func(q *messaging.MessageQuery) { q.Authors = []id.ID{me} }, []id.ID{myDraft, own}},
		"by nobody":  {func(q *messaging.MessageQuery) { q.Authors = []id.ID{} }, nil},
		"posted": {func(q *messaging.MessageQuery) {
			q.Posted = messaging.Span{From: at.Add(2 * time.Minute), Until: at.Add(4 * time.Minute)}
		}, []id.ID{system, own, removed}},
		"changed":                    {func(q *messaging.MessageQuery) { q.Modified.From = at.Add(time.Hour) }, []id.ID{late}},
		"a word, not of what's gone": {func(q *messaging.MessageQuery) { q.Words = []string{"hel"} }, []id.ID{hello}},
		"not inside a word":          {func(q *messaging.MessageQuery) { q.Words = []string{"ello"} }, nil},
		"two words in any order":     {func(q *messaging.MessageQuery) { q.Words = []string{"there", "hello"} }, []id.ID{hello}},
		"after a line break":         {func(q *messaging.MessageQuery) { q.Words = []string{"breaks"} }, []id.ID{own}},
		"letters beyond Z":           {func(q *messaging.MessageQuery) { q.Words = []string{"Ärz"} }, []id.ID{own}},
		"capitals asked for":         {func(q *messaging.MessageQuery) { q.Words = []string{"HELLO"} }, []id.ID{hello}},
		"no wildcards":               {func(q *messaging.MessageQuery) { q.Words = []string{"100%_"} }, []id.ID{hello}},
		"really no wildcards":        {func(q *messaging.MessageQuery) { q.Words = []string{"_"} }, nil},
		"another organization":       {func(q *messaging.MessageQuery) { q.OrganizationID = id.New(); q.Authors = []id.ID{me} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			q := base
			test.change(&q)
			got, err := s.ListMessages(ctx, c, q, page.Offset{Limit: 20})
			must(t, err)
			same(t, "the list", messageIDs(got.Items), test.want)
			if got.Total != len(test.want) {
				t.Errorf("total %d, want %d", got.Total, len(test.want))
			}
			turned, err := s.TurnMessages(ctx, q, page.Cursor{Limit: 20})
			must(t, err)
			same(t, "by cursor", messageIDs(turned.Items), test.want)
		})
	}
	messagePages(t, s, c, base, everything)
}

func messagePages(t *testing.T, s suite, c messaging.Channel, q messaging.MessageQuery, list []id.ID) {
	t.Helper()
	ctx := t.Context()
	var paged []id.ID
	for offset := 0; offset < len(list); offset += 3 {
		got, err := s.ListMessages(ctx, c, q, page.Offset{Limit: 3, Offset: offset})
		must(t, err)
		paged = append(paged, messageIDs(got.Items)...)
	}
	same(t, "page by page", paged, list)
	cursor := page.Cursor{Limit: 2}
	paged = nil
	for {
		got, err := s.TurnMessages(ctx, q, cursor)
		must(t, err)
		paged = append(paged, messageIDs(got.Items)...)
		if !got.More {
			break
		}
		cursor.After = got.Items[len(got.Items)-1].ID
	}
	same(t, "turned page by page", paged, list)
	got, err := s.TurnMessages(ctx, q, page.Cursor{Limit: 2, Before: list[4]})
	must(t, err)
	same(t, "the page before", messageIDs(got.Items), list[2:4])
	if !got.More {
		t.Error("there is more before it")
	}
	foreign := s.message(s.create(t, s.channel()), 1, id.Nil)
	must(t, s.InsertMessage(ctx, foreign))
	for name, unknown := range map[string]id.ID{"unknown": id.New(), "another channel's": foreign.ID} {
		_, err := s.TurnMessages(ctx, q, page.Cursor{Limit: 2, After: unknown})
		wantCode(t, name+" cursor", err, errs.CodeNotFound)
	}
}

func versions(t *testing.T, s suite) {
	ctx := t.Context()
	m := s.message(s.create(t, s.channel()), 1, id.New())
	must(t, s.InsertMessage(ctx, m))
	want := []messaging.Version{
		{MessageID: m.ID, OrganizationID: s.org, Number: 1, Text: "first", WrittenAt: at},
		{MessageID: m.ID, OrganizationID: s.org, Number: 2, Text: "second", WrittenAt: at.Add(time.Second)},
	}
	for _, v := range []messaging.Version{want[1], want[0]} {
		must(t, s.InsertVersion(ctx, v))
	}
	got, err := s.ListVersions(ctx, s.org, m.ID)
	must(t, err)
	same(t, "the versions", got, want)
	if got, err := s.ListVersions(ctx, id.New(), m.ID); err != nil || len(got) > 0 {
		t.Errorf("another organization sees %v, %v", got, err)
	}
}

func acks(t *testing.T, s suite) {
	ctx := t.Context()
	me, you, gone := id.New(), id.New(), id.New()
	c := s.create(t, s.channel(), me, you)
	ack := func(who id.ID, from, to int64) messaging.Ack {
		return messaging.Ack{ChannelID: c.ID, IndividualID: who, OrganizationID: s.org, FromSeq: from, ToSeq: to, AckedAt: at.Add(time.Duration(to) * time.Second)}
	}
	first, second, third := ack(me, 1, 3), ack(me, 4, 4), ack(me, 8, 10)
	second.UserTime = at
	yours := ack(you, 2, 9)
	for _, a := range []messaging.Ack{first, second, third, yours, ack(gone, 1, 10)} {
		must(t, s.InsertAck(ctx, a))
	}
	type span struct{ from, to int64 }
	mine := func(a ...messaging.Ack) []messaging.Ack { return a }
	check := func(name string, tests map[span][]messaging.Ack) {
		t.Helper()
		for over, want := range tests {
			got, err := s.FindAcks(ctx, s.org, c.ID, over.from, over.to)
			must(t, err)
			var of []messaging.Ack
			for _, a := range got {
				switch a.IndividualID {
				case me:
					of = append(of, a)
				case gone:
					t.Errorf("%s: of somebody who has left: %v", name, a)
				}
			}
			same(t, name, of, want)
		}
	}
	check("my acks", map[span][]messaging.Ack{
		{1, 1}: mine(first), {3, 4}: mine(first, second), {1, 20}: mine(first, second, third), {5, 7}: mine(), {9, 9}: mine(third), {11, 20}: mine(), {4, 8}: mine(second, third),
	})
	got, err := s.FindAcks(ctx, s.org, c.ID, 2, 2)
	must(t, err)
	if len(got) != 2 {
		t.Errorf("FindAcks = %v", got)
	}
	if got, err := s.FindAcks(ctx, id.New(), c.ID, 1, 20); err != nil || len(got) > 0 {
		t.Errorf("another organization sees %v, %v", got, err)
	}
	s.in(t, func(ctx context.Context) error {
		return s.TruncateAcks(ctx, messaging.Subscriber{ChannelID: c.ID, IndividualID: me, OrganizationID: s.org}, 2)
	})
	first.ToSeq = 2
	check("after moving back", map[span][]messaging.Ack{{1, 20}: mine(first), {3, 20}: mine()})
	again := ack(me, 3, 12)
	must(t, s.InsertAck(ctx, again))
	check("and on", map[span][]messaging.Ack{{1, 20}: mine(first, again)})
}

func reactions(t *testing.T, s suite) {
	ctx := t.Context()
	c := s.create(t, s.channel())
	m, other := s.message(c, 1, id.New()), s.message(c, 2, id.New())
	must(t, s.InsertMessage(ctx, m))
	must(t, s.InsertMessage(ctx, other))
	like := messaging.Reaction{MessageID: m.ID, IndividualID: id.New(), OrganizationID: s.org, Name: "like", CreatedAt: at.Add(time.Second)}
	heart := like
	heart.Name, heart.CreatedAt = "❤️", at
	elsewhere := like
	elsewhere.MessageID = other.ID
	for _, r := range []messaging.Reaction{like, heart, elsewhere} {
		if added, err := s.InsertReaction(ctx, r); err != nil || !added {
			t.Errorf("InsertReaction = %v, %v", added, err)
		}
	}
	if added, err := s.InsertReaction(ctx, like); err != nil || added {
		t.Errorf("twice: %v, %v", added, err)
	}
	got, err := s.FindReactions(ctx, s.org, []id.ID{m.ID, other.ID, id.New()})
	must(t, err)
	same(t, "the reactions", got, map[id.ID][]messaging.Reaction{m.ID: {heart, like}, other.ID: {elsewhere}})
	stranger := like
	stranger.OrganizationID = id.New()
	if deleted, err := s.DeleteReaction(ctx, stranger); err != nil || deleted {
		t.Errorf("another organization's: %v, %v", deleted, err)
	}
	if deleted, err := s.DeleteReaction(ctx, like); err != nil || !deleted {
		t.Errorf("DeleteReaction = %v, %v", deleted, err)
	}
	if deleted, err := s.DeleteReaction(ctx, like); err != nil || deleted {
		t.Errorf("twice: %v, %v", deleted, err)
	}
	got, err = s.FindReactions(ctx, stranger.OrganizationID, []id.ID{m.ID})
	if err != nil || len(got) > 0 {
		t.Errorf("another organization sees %v, %v", got, err)
	}
}

func deleting(t *testing.T, s suite) {
	ctx := t.Context()
	me := id.New()
	c, kept := s.create(t, s.channel(), me), s.create(t, s.channel(), me)
	for _, c := range []messaging.Channel{c, kept} {
		m := s.message(c, 1, me)
		must(t, s.InsertMessage(ctx, m))
		must(t, s.InsertVersion(ctx, messaging.Version{MessageID: m.ID, OrganizationID: s.org, Number: 1, WrittenAt: at}))
		must(t, s.InsertAck(ctx, messaging.Ack{ChannelID: c.ID, IndividualID: me, OrganizationID: s.org, FromSeq: 1, ToSeq: 1, AckedAt: at}))
		_, err := s.InsertReaction(ctx, messaging.Reaction{MessageID: m.ID, IndividualID: me, OrganizationID: s.org, Name: "like", CreatedAt: at})
		must(t, err)
	}
	must(t, s.DeleteChannel(ctx, s.org, c.ID))
	left := func(c messaging.Channel) []int {
		messages, err := s.MessageIDs(ctx, s.org, c.ID)
		must(t, err)
		subs, err := s.FindSubscribers(ctx, s.org, []id.ID{c.ID})
		must(t, err)
		acts, err := s.FindAcks(ctx, s.org, c.ID, 0, 9)
		must(t, err)
		return []int{len(messages), len(subs[c.ID]), len(acts)}
	}
	same(t, "what is left of it", left(c), []int{0, 0, 0})
	same(t, "what is left of the other", left(kept), []int{1, 1, 1})
}
