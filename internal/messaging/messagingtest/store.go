// Package messagingtest holds the conformance suite of messaging.Store and the world that tests of the context share.
package messagingtest

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/tx"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// at is when the suite takes place.
var at = time.Date(2026, 11, 22, 10, 0, 0, 123_000_000, time.UTC)

type suite struct {
	messaging.Store
	tx  tx.Runner
	org id.ID
}

// Run checks a store, which must be empty, and whose transactions are runner's.
func Run(t *testing.T, s messaging.Store, runner tx.Runner) {
	for name, test := range map[string]func(*testing.T, suite){
		"channels":      channels,
		"live keys":     liveKeys,
		"place":         place,
		"channel lists": channelLists,
		"conversations": conversations,
		"subscribers":   subscribers,
		"exempt":        exempt,
		"messages":      messages,
		"message lists": messageLists,
		"versions":      versions,
		"acks":          acks,
		"reactions":     reactions,
		"bookmarks":     bookmarks,
		"aggregates":    aggregates,
		"deleting":      deleting,
	} {
		t.Run(name, func(t *testing.T) { test(t, suite{s, runner, id.New()}) })
	}
}

// in runs fn as a transaction that must succeed.
func (s suite) in(t *testing.T, fn func(ctx context.Context) error) {
	t.Helper()
	must(t, s.tx.Do(t.Context(), fn))
}

func (s suite) channel() messaging.Channel {
	return messaging.Channel{
		ID: id.New(), OrganizationID: s.org, Type: messaging.Open, EventsEnabled: true, CreatedAt: at, ModifiedAt: at, ActiveAt: at,
	}
}

func (s suite) create(t *testing.T, c messaging.Channel, individuals ...id.ID) messaging.Channel {
	t.Helper()
	subs := make([]messaging.Subscriber, len(individuals))
	for i, who := range individuals {
		subs[i] = s.subscriber(c, who)
		subs[i].JoinedAt = at.Add(time.Duration(i) * time.Second)
	}
	must(t, s.CreateChannel(t.Context(), c, subs))
	return c
}

func (s suite) subscriber(c messaging.Channel, individual id.ID) messaging.Subscriber {
	return messaging.Subscriber{
		ChannelID: c.ID, IndividualID: individual, OrganizationID: c.OrganizationID, Origin: messaging.Direct,
		Side: messaging.Participants, Notify: messaging.NotifyAll, JoinedAt: at,
	}
}

func (s suite) message(c messaging.Channel, seq int64, author id.ID) messaging.Message {
	return messaging.Message{
		ID: id.New(), OrganizationID: c.OrganizationID, ChannelID: c.ID, Seq: seq, AuthorID: author, CreatedBy: id.New(),
		Source: messaging.FromAPI, Text: "Grüße, 世界", CreatedAt: at, ModifiedAt: at, PostedAt: at, WrittenAt: at,
	}
}

// post places and stores a message as the service does.
func (s suite) post(t *testing.T, c messaging.Channel, author id.ID, ack messaging.AutoAck) messaging.Message {
	t.Helper()
	m := s.message(c, 0, author)
	m.AutoAck = ack
	s.in(t, func(ctx context.Context) error {
		p, err := s.Place(ctx, c.OrganizationID, c.ID, m.ID, author, at)
		if err != nil {
			return err
		}
		m.Seq = p.Seq
		if err := s.InsertMessage(ctx, m); err != nil {
			return err
		}
		if err := s.ExemptAuthor(ctx, m); err != nil || ack == messaging.AckNobody {
			return err
		}
		return s.ExemptCovered(ctx, m)
	})
	return m
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantCode(t *testing.T, what string, err error, code errs.Code) {
	t.Helper()
	if !errs.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code.Name)
	}
}

func channels(t *testing.T, s suite) {
	ctx := t.Context()
	c := s.channel()
	c.GroupID, c.ParticipantID, c.OwnerID, c.CreatedBy, c.TextNumberID = id.New(), id.New(), id.New(), id.New(), id.New()
	c.Name, c.Label, c.Floating, c.Purpose, c.ArchivedAt = "Käse's", "l", true, messaging.OfGroup, at.Add(time.Second)
	s.create(t, c)
	got, err := s.GetChannel(ctx, s.org, c.ID)
	must(t, err)
	same(t, "the channel", got, c)
	plain := s.create(t, s.channel())
	got, err = s.GetChannel(ctx, s.org, plain.ID)
	must(t, err)
	same(t, "a channel without anything optional", got, plain)

	c.GroupID, c.ParticipantID, c.OwnerID, c.TextNumberID, c.PinnedMessageID, c.LastMessageID = id.New(), id.Nil, id.New(), id.Nil, id.New(), id.New()
	c.Name, c.Label, c.Type, c.Floating, c.EventsEnabled, c.Purpose = "n", "", messaging.Single, false, false, messaging.NoPurpose
	c.MessageSeq, c.SystemCount, c.StreamOffset = 5, 2, 9
	c.ModifiedAt, c.ActiveAt, c.ArchivedAt = at.Add(time.Minute), at.Add(time.Hour), time.Time{}
	s.in(t, func(ctx context.Context) error {
		if _, err := s.LockChannel(ctx, s.org, c.ID); err != nil {
			return err
		}
		return s.UpdateChannel(ctx, c)
	})
	got, err = s.GetChannel(ctx, s.org, c.ID)
	must(t, err)
	same(t, "after the update", got, c)
	s.in(t, func(ctx context.Context) error { return s.SetStreamOffset(ctx, s.org, c.ID, 10) })
	got, err = s.GetChannel(ctx, s.org, c.ID)
	must(t, err)
	c.StreamOffset = 10
	same(t, "after the offset", got, c)

	stranger := c
	stranger.OrganizationID = id.New()
	_, err = s.GetChannel(ctx, stranger.OrganizationID, c.ID)
	wantCode(t, "another organization's GetChannel", err, errs.CodeNotFound)
	wantCode(t, "LockChannel", s.tx.Do(ctx, func(ctx context.Context) error {
		_, err := s.LockChannel(ctx, stranger.OrganizationID, c.ID)
		return err
	}), errs.CodeNotFound)
	wantCode(t, "UpdateChannel", s.UpdateChannel(ctx, stranger), errs.CodeNotFound)
	wantCode(t, "DeleteChannel", s.DeleteChannel(ctx, stranger.OrganizationID, c.ID), errs.CodeNotFound)
}

func liveKeys(t *testing.T, s suite) {
	ctx := t.Context()
	single := func() messaging.Channel {
		c := s.channel()
		c.Type, c.GroupID, c.ParticipantID = messaging.Single, s.org, s.org
		return c
	}
	first := s.create(t, single())
	found, ok, err := s.FindLive(ctx, s.org, first.LiveKey())
	if err != nil || !ok || found != first.ID {
		t.Errorf("FindLive = %v, %v, %v", found, ok, err)
	}
	second := single()
	wantCode(t, "a second live channel", s.CreateChannel(ctx, second, nil), errs.CodeDuplicate)
	if _, err := s.GetChannel(ctx, s.org, second.ID); !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("the refused channel is stored: %v", err)
	}
	second.ArchivedAt = at
	s.create(t, second)
	second.ArchivedAt = time.Time{}
	wantCode(t, "bringing it back", s.UpdateChannel(ctx, second), errs.CodeDuplicate)
	if _, ok, err := s.FindLive(ctx, id.New(), first.LiveKey()); ok || err != nil {
		t.Errorf("FindLive in another organization = %v, %v", ok, err)
	}
	if _, ok, err := s.FindLive(ctx, s.org, ""); ok || err != nil {
		t.Errorf("FindLive of no key = %v, %v", ok, err)
	}
	s.create(t, s.channel())
	s.create(t, s.channel()) // channels without a key may be many
}

func place(t *testing.T, s suite) {
	ctx := t.Context()
	author := id.New()
	c := s.channel()
	c.GroupID, c.Floating, c.MessageSeq, c.StreamOffset = id.New(), true, 4, 7
	s.create(t, c, author)
	message := id.New()
	var got messaging.Place
	s.in(t, func(ctx context.Context) (err error) {
		got, err = s.Place(ctx, s.org, c.ID, message, author, at.Add(time.Minute))
		return err
	})
	same(t, "the place", got, messaging.Place{Seq: 5, Offset: 8, GroupID: c.GroupID, Floating: true, Side: messaging.Participants})
	c.MessageSeq, c.StreamOffset, c.LastMessageID, c.ActiveAt, c.ModifiedAt = 5, 8, message, at.Add(time.Minute), at.Add(time.Minute)
	after, err := s.GetChannel(ctx, s.org, c.ID)
	must(t, err)
	same(t, "the channel after", after, c)

	c.ArchivedAt = at
	must(t, s.UpdateChannel(ctx, c))
	for _, nobody := range []id.ID{id.Nil, id.New()} {
		s.in(t, func(ctx context.Context) (err error) {
			got, err = s.Place(ctx, s.org, c.ID, id.New(), nobody, at)
			return err
		})
		if got.Side != "" || !got.Archived {
			t.Errorf("the place of somebody not subscribed in an archived channel: %+v", got)
		}
	}
	_, err = s.Place(ctx, id.New(), c.ID, message, author, at)
	wantCode(t, "another organization's Place", err, errs.CodeNotFound)
	_, err = s.Place(ctx, s.org, id.New(), message, author, at)
	wantCode(t, "Place in no channel", err, errs.CodeNotFound)
}

func ids[T any](items []T, of func(T) id.ID) []id.ID {
	out := make([]id.ID, len(items))
	for i, item := range items {
		out[i] = of(item)
	}
	return out
}

func channelIDs(list []messaging.Channel) []id.ID {
	return ids(list, func(c messaging.Channel) id.ID { return c.ID })
}

// yes and no are flags of queries.
func yes() *bool { return new(true) }
func no() *bool  { return new(false) }

func channelLists(t *testing.T, s suite) {
	ctx := t.Context()
	me, you := id.New(), id.New()
	group := id.New()
	plain := s.create(t, s.channel(), me, you)
	floating := s.channel()
	floating.Floating, floating.GroupID, floating.ModifiedAt = true, group, at.Add(time.Hour)
	s.create(t, floating, me)
	archived := s.channel()
	archived.ArchivedAt = at
	s.create(t, archived, me)
	yours := s.create(t, s.channel(), you)
	must(t, s.SetPreferences(ctx, s.org, plain.ID, me, messaging.Preferences{Notify: new(messaging.NotifyNone)}))
	must(t, s.SetPreferences(ctx, s.org, floating.ID, me, messaging.Preferences{Pinned: yes()}))
	must(t, s.CreateChannel(ctx, messaging.Channel{ID: id.New(), OrganizationID: id.New(), Type: messaging.Open, CreatedAt: at, ModifiedAt: at, ActiveAt: at}, nil))

	mine := messaging.ChannelQuery{OrganizationID: s.org, Caller: me, OnlyCallers: true}
	all := messaging.ChannelQuery{OrganizationID: s.org, Caller: me}
	with := func(q messaging.ChannelQuery, change func(*messaging.ChannelQuery)) messaging.ChannelQuery {
		change(&q)
		return q
	}
	for name, test := range map[string]struct {
		q    messaging.ChannelQuery
		want []id.ID
	}{
		"all":           {all, []id.ID{yours.ID, archived.ID, floating.ID, plain.ID}},
		"mine":          {mine, []id.ID{archived.ID, floating.ID, plain.ID}},
		"of nobody":     {with(mine, func(q *messaging.ChannelQuery) { q.Caller = id.Nil }), nil},
		"live":          {with(mine, func(q *messaging.ChannelQuery) { q.Archived = no() }), []id.ID{floating.ID, plain.ID}},
		"archived":      {with(mine, func(q *messaging.ChannelQuery) { q.Archived = yes() }), []id.ID{archived.ID}},
		"floating":      {with(all, func(q *messaging.ChannelQuery) { q.Floating = yes() }), []id.ID{floating.ID}},
		"fixed":         {with(mine, func(q *messaging.ChannelQuery) { q.Floating = no() }), []id.ID{archived.ID, plain.ID}},
		"of a group":    {with(all, func(q *messaging.ChannelQuery) { q.GroupID = group }), []id.ID{floating.ID}},
		"with you":      {with(mine, func(q *messaging.ChannelQuery) { q.ParticipantID = you }), []id.ID{plain.ID}},
		"muted":         {with(all, func(q *messaging.ChannelQuery) { q.Muted = yes() }), []id.ID{plain.ID}},
		"not muted":     {with(all, func(q *messaging.ChannelQuery) { q.Muted = no() }), []id.ID{yours.ID, archived.ID, floating.ID}},
		"pinned":        {with(mine, func(q *messaging.ChannelQuery) { q.Pinned = yes() }), []id.ID{floating.ID}},
		"not pinned":    {with(mine, func(q *messaging.ChannelQuery) { q.Pinned = no() }), []id.ID{archived.ID, plain.ID}},
		"changed since": {with(mine, func(q *messaging.ChannelQuery) { q.Modified.From = at.Add(time.Hour) }), []id.ID{floating.ID}},
		"changed before": {
			with(mine, func(q *messaging.ChannelQuery) { q.Modified.Until = at.Add(time.Hour) }),
			[]id.ID{archived.ID, plain.ID},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.ListChannels(ctx, test.q, page.Offset{Limit: 10})
			must(t, err)
			same(t, "the list", channelIDs(got.Items), test.want)
			if got.Total != len(test.want) {
				t.Errorf("total %d, want %d", got.Total, len(test.want))
			}
			turned, err := s.TurnChannels(ctx, test.q, page.Cursor{Limit: 10})
			must(t, err)
			same(t, "by cursor", channelIDs(turned.Items), test.want)
		})
	}
	got, err := s.ListChannels(ctx, all, page.Offset{Limit: 2, Offset: 1})
	must(t, err)
	same(t, "the second page", channelIDs(got.Items), []id.ID{archived.ID, floating.ID})
	if got.Total != 4 {
		t.Errorf("total %d", got.Total)
	}
	got, err = s.ListChannels(ctx, all, page.Offset{Limit: 2, Offset: 9})
	if err != nil || len(got.Items) != 0 || got.Total != 4 {
		t.Errorf("beyond the end: %v, %v", got, err)
	}
	channelCursors(t, s, mine, []id.ID{archived.ID, floating.ID, plain.ID}, yours.ID)
}

// channelCursors turns the pages of a list of three.
func channelCursors(t *testing.T, s suite, q messaging.ChannelQuery, list []id.ID, foreign id.ID) {
	t.Helper()
	for _, test := range []struct {
		name string
		p    page.Cursor
		want []id.ID
		more bool
	}{
		{"first", page.Cursor{Limit: 2}, list[:2], true},
		{"after", page.Cursor{Limit: 2, After: list[1]}, list[2:], false},
		{"before", page.Cursor{Limit: 2, Before: list[2]}, list[:2], false},
		{"just before", page.Cursor{Limit: 1, Before: list[2]}, list[1:2], true},
		{"after the last", page.Cursor{Limit: 2, After: list[2]}, nil, false},
	} {
		got, err := s.TurnChannels(t.Context(), q, test.p)
		must(t, err)
		same(t, test.name, channelIDs(got.Items), test.want)
		if got.More != test.more {
			t.Errorf("%s: more = %v", test.name, got.More)
		}
	}
	for name, cursor := range map[string]id.ID{"unknown": id.New(), "not the caller's": foreign} {
		_, err := s.TurnChannels(t.Context(), q, page.Cursor{Limit: 2, After: cursor})
		wantCode(t, name, err, errs.CodeNotFound)
	}
	q.Archived = no()
	got, err := s.TurnChannels(t.Context(), q, page.Cursor{Limit: 2, After: list[0]})
	must(t, err)
	same(t, "a cursor that has been archived since", channelIDs(got.Items), list[1:])
}

func conversations(t *testing.T, s suite) {
	ctx := t.Context()
	group, contact := id.New(), id.New()
	old, live, fresh := s.channel(), s.channel(), s.channel()
	for _, c := range []*messaging.Channel{&old, &live, &fresh} {
		c.Purpose, c.GroupID = messaging.OfGroup, group
	}
	old.ArchivedAt, fresh.ArchivedAt = at, at
	with := s.channel()
	with.Purpose, with.ParticipantID = messaging.OfContact, contact
	other := s.channel()
	other.GroupID, other.ParticipantID = group, contact
	floating := s.channel()
	floating.GroupID, floating.Floating = group, true
	for _, c := range []messaging.Channel{old, live, fresh, with, other, floating} {
		s.create(t, c, contact)
	}
	got, err := s.FindConversations(ctx, s.org, []id.ID{group, id.New()}, []id.ID{contact})
	must(t, err)
	same(t, "the conversations", channelIDs(got), []id.ID{old.ID, fresh.ID, live.ID, with.ID})
	followers, err := s.ListFollowers(ctx, s.org, group)
	must(t, err)
	same(t, "the followers", followers, []id.ID{old.ID, live.ID, fresh.ID, floating.ID})
	subscribed, err := s.ListSubscribed(ctx, s.org, contact)
	must(t, err)
	same(t, "the channels of one", subscribed, []id.ID{old.ID, live.ID, fresh.ID, with.ID, other.ID, floating.ID})
	got, err = s.FindConversations(ctx, id.New(), []id.ID{group}, []id.ID{contact})
	must(t, err)
	followers, err = s.ListFollowers(ctx, id.New(), group)
	must(t, err)
	subscribed, err = s.ListSubscribed(ctx, id.New(), contact)
	must(t, err)
	if len(got)+len(followers)+len(subscribed) > 0 {
		t.Errorf("another organization sees %v, %v, %v", got, followers, subscribed)
	}
}
