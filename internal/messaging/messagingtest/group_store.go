package messagingtest

import (
	"strings"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
	"switchboard/internal/tx"
)

// RunGroups checks the part of a store that is messaging.GroupStore, as Run does the rest.
func RunGroups(t *testing.T, s messaging.Store, runner tx.Runner) {
	for name, test := range map[string]func(*testing.T, suite){
		"marks":           marks,
		"marked lists":    markedLists,
		"posted":          postedOfChannel,
		"posted anywhere": postedAnywhere,
	} {
		t.Run(name, func(t *testing.T) { test(t, suite{s, runner, id.New()}) })
	}
}

func marks(t *testing.T, s suite) {
	ctx := t.Context()
	caller := id.New()
	a, b := s.create(t, s.channel()), s.create(t, s.channel())
	m := messaging.Mark{ChannelID: a.ID, OrganizationID: s.org, CallerID: caller, Muted: true, OpenedAt: at}
	must(t, s.PutMark(ctx, m))
	must(t, s.PutMark(ctx, messaging.Mark{ChannelID: b.ID, OrganizationID: s.org, CallerID: id.New(), Pinned: true}))
	got, err := s.FindMarks(ctx, s.org, caller, []id.ID{a.ID, b.ID})
	must(t, err)
	same(t, "the marks of one caller", got, map[id.ID]messaging.Mark{a.ID: m})
	m.Muted, m.Pinned, m.OpenedAt = false, true, time.Time{}
	must(t, s.PutMark(ctx, m))
	got, err = s.FindMarks(ctx, s.org, caller, []id.ID{a.ID})
	must(t, err)
	same(t, "replaced", got, map[id.ID]messaging.Mark{a.ID: m})
	got, err = s.FindMarks(ctx, id.New(), caller, []id.ID{a.ID})
	must(t, err)
	same(t, "asked for by another organization", len(got), 0)
	must(t, s.DeleteChannel(ctx, s.org, a.ID))
	got, err = s.FindMarks(ctx, s.org, caller, []id.ID{a.ID, b.ID})
	must(t, err)
	same(t, "after the channel is gone", len(got), 0)
}

func markedLists(t *testing.T, s suite) {
	ctx := t.Context()
	me, key := id.New(), id.New()
	plain, muted, pinned := s.create(t, s.channel()), s.create(t, s.channel()), s.create(t, s.channel())
	mine := s.create(t, s.channel(), me)
	// Who is subscribed has preferences there; a mark of the same caller is of no matter.
	must(t, s.SetPreferences(ctx, s.org, mine.ID, me, messaging.Preferences{Pinned: yes()}))
	must(t, s.PutMark(ctx, messaging.Mark{ChannelID: mine.ID, OrganizationID: s.org, CallerID: key, Muted: true}))
	must(t, s.PutMark(ctx, messaging.Mark{ChannelID: muted.ID, OrganizationID: s.org, CallerID: key, Muted: true}))
	must(t, s.PutMark(ctx, messaging.Mark{ChannelID: pinned.ID, OrganizationID: s.org, CallerID: key, Pinned: true}))
	must(t, s.PutMark(ctx, messaging.Mark{ChannelID: plain.ID, OrganizationID: s.org, CallerID: id.New(), Muted: true, Pinned: true}))
	all := messaging.ChannelQuery{OrganizationID: s.org, Caller: me}
	for name, test := range map[string]struct {
		muted, pinned *bool
		want          []id.ID
	}{
		"all":        {nil, nil, []id.ID{mine.ID, pinned.ID, muted.ID, plain.ID}},
		"muted":      {yes(), nil, []id.ID{muted.ID}},
		"not muted":  {no(), nil, []id.ID{mine.ID, pinned.ID, plain.ID}},
		"pinned":     {nil, yes(), []id.ID{mine.ID, pinned.ID}},
		"not pinned": {nil, no(), []id.ID{muted.ID, plain.ID}},
		"neither":    {no(), no(), []id.ID{plain.ID}},
	} {
		q := all
		q.Muted, q.Pinned = test.muted, test.pinned
		got, err := s.TurnMarked(ctx, q, key, page.Cursor{Limit: 10})
		must(t, err)
		same(t, name, channelIDs(got.Items), test.want)
		same(t, name+": more", got.More, false)
	}
	got, err := s.TurnMarked(ctx, all, key, page.Cursor{Limit: 2, After: mine.ID})
	must(t, err)
	same(t, "second page", channelIDs(got.Items), []id.ID{pinned.ID, muted.ID})
	same(t, "more follow", got.More, true)
	got, err = s.TurnMarked(ctx, all, key, page.Cursor{Limit: 2, Before: plain.ID})
	must(t, err)
	same(t, "page before", channelIDs(got.Items), []id.ID{pinned.ID, muted.ID})
	got, err = s.TurnMarked(ctx, messaging.ChannelQuery{OrganizationID: s.org, Caller: me, OnlyCallers: true, Muted: no()}, key, page.Cursor{Limit: 9})
	must(t, err)
	same(t, "subscribed only", channelIDs(got.Items), []id.ID{mine.ID})
	_, err = s.TurnMarked(ctx, all, key, page.Cursor{Limit: 2, After: id.New()})
	wantCode(t, "unknown cursor", err, errs.CodeNotFound)
	_, err = s.TurnMarked(ctx, messaging.ChannelQuery{OrganizationID: id.New(), Caller: me}, key, page.Cursor{Limit: 2, After: plain.ID})
	wantCode(t, "another organization's cursor", err, errs.CodeNotFound)
}

// said is the texts of messages, in order.
func said(list []messaging.Message) string {
	var out strings.Builder
	for _, m := range list {
		out.WriteString(m.Text)
	}
	return out.String()
}

func postedOfChannel(t *testing.T, s suite) {
	ctx := t.Context()
	author := id.New()
	c := s.create(t, s.channel(), author)
	var all []messaging.Message
	for i, text := range []string{"1", "2", "3", "4"} {
		m := s.post(t, c, author, messaging.AckNobody)
		m.Text = text
		if i == 1 {
			m.RemovedAt = at
		}
		must(t, s.UpdateMessage(ctx, m))
		all = append(all, m)
	}
	draft := s.message(c, 1<<63-1, author)
	draft.Draft, draft.Text = true, "d"
	must(t, s.InsertMessage(ctx, draft))
	q := messaging.PostedQuery{OrganizationID: s.org, ChannelID: c.ID}
	for name, test := range map[string]struct {
		p    page.Cursor
		want string
		more bool
	}{
		"all":                  {page.Cursor{Limit: 9}, "431", false},
		"first page":           {page.Cursor{Limit: 2}, "43", true},
		"next page":            {page.Cursor{Limit: 2, After: all[2].ID}, "1", false},
		"after a removed one":  {page.Cursor{Limit: 2, After: all[1].ID}, "1", false},
		"page before":          {page.Cursor{Limit: 1, Before: all[0].ID}, "3", true},
		"before the first one": {page.Cursor{Limit: 9, Before: all[0].ID}, "43", false},
	} {
		got, err := s.TurnPosted(ctx, q, test.p)
		must(t, err)
		same(t, name, said(got.Items), test.want)
		same(t, name+": more", got.More, test.more)
	}
	elsewhere := s.post(t, s.create(t, s.channel()), author, messaging.AckNobody)
	for name, cursor := range map[string]id.ID{"unknown": id.New(), "a draft": draft.ID, "another channel's": elsewhere.ID} {
		_, err := s.TurnPosted(ctx, q, page.Cursor{Limit: 2, After: cursor})
		wantCode(t, name, err, errs.CodeNotFound)
	}
}

func postedAnywhere(t *testing.T, s suite) {
	ctx := t.Context()
	me, you := id.New(), id.New()
	a, b := s.create(t, s.channel(), me, you), s.create(t, s.channel(), you)
	var all []messaging.Message
	for i, c := range []messaging.Channel{a, b, a, b} {
		m := s.post(t, c, you, messaging.AckNobody)
		m.Text = string(rune('1' + i))
		must(t, s.UpdateMessage(ctx, m))
		all = append(all, m)
	}
	for name, test := range map[string]struct {
		org  id.ID
		of   []id.ID
		p    page.Cursor
		want string
	}{
		"everybody's":          {s.org, nil, page.Cursor{Limit: 9}, "4321"},
		"mine":                 {s.org, []id.ID{me}, page.Cursor{Limit: 9}, "31"},
		"yours":                {s.org, []id.ID{you, me}, page.Cursor{Limit: 2}, "43"},
		"nobody's":             {s.org, []id.ID{}, page.Cursor{Limit: 9}, ""},
		"after a cursor":       {s.org, nil, page.Cursor{Limit: 2, After: all[2].ID}, "21"},
		"before a cursor":      {s.org, []id.ID{me}, page.Cursor{Limit: 2, Before: all[0].ID}, "3"},
		"another organization": {id.New(), nil, page.Cursor{Limit: 9}, ""},
	} {
		got, err := s.TurnPosted(ctx, messaging.PostedQuery{OrganizationID: test.org, Subscribers: test.of}, test.p)
		must(t, err)
		same(t, name, said(got.Items), test.want)
	}
	_, err := s.TurnPosted(ctx, messaging.PostedQuery{OrganizationID: s.org, Subscribers: []id.ID{me}}, page.Cursor{Limit: 2, After: all[1].ID})
	wantCode(t, "a cursor that I may not see", err, errs.CodeNotFound)
}
