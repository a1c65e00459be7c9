package messagingdb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

func scanMark(r db.Row) (messaging.Mark, error) {
	var m messaging.Mark
	err := r.Scan(&m.ChannelID, &m.CallerID, &m.OrganizationID, &m.Muted, &m.Pinned, &m.OpenedAt)
	return m, err
}

// FindMarks implements messaging.GroupStore.
func (s *Store) FindMarks(ctx context.Context, organization, caller id.ID, channels []id.ID) (map[id.ID]messaging.Mark, error) {
	out := make(map[id.ID]messaging.Mark, len(channels))
	err := db.Chunks(channels, chunk, func(channels []id.ID) error {
		var w db.Where
		w.And("organization_id = %s", organization)
		w.And("caller_id = %s", caller)
		w.Raw("channel_id in (" + db.List(&w.Args, channels) + ")")
		found, err := db.All(ctx, s.db.Q(ctx), scanMark,
			"select channel_id, caller_id, organization_id, muted, pinned, opened_at from conversation_marks"+w.String(), w.Args...)
		for _, m := range found {
			out[m.ChannelID] = m
		}
		return err
	})
	return out, err
}

// PutMark implements messaging.GroupStore.
func (s *Store) PutMark(ctx context.Context, m messaging.Mark) error {
	return s.db.Q(ctx).Defer(ctx, `insert into conversation_marks (channel_id, caller_id, organization_id, muted, pinned, opened_at)
		values ($1,$2,$3,$4,$5,$6) on conflict (channel_id, caller_id) do update
		set muted = excluded.muted, pinned = excluded.pinned, opened_at = excluded.opened_at`,
		m.ChannelID, m.CallerID, m.OrganizationID, m.Muted, m.Pinned, m.OpenedAt)
}

// TurnMarked implements messaging.GroupStore.
func (s *Store) TurnMarked(ctx context.Context, q messaging.ChannelQuery, marker id.ID, p page.Cursor) (page.List[messaging.Channel], error) {
	cursor, order, beyond := p.After, "desc", "c.id < %s"
	if !p.Before.IsZero() {
		cursor, order, beyond = p.Before, "asc", "c.id > %s"
	}
	if !cursor.IsZero() {
		l := visible(q)
		l.where.And("c.id = %s", cursor)
		if _, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select 1"+l.from(), l.where.Args...); err != nil {
			return page.List[messaging.Channel]{}, must(err, "conversation")
		}
	}
	l := marked(q, marker)
	if !cursor.IsZero() {
		l.where.And(beyond, cursor)
	}
	args := l.where.Args
	query := "select " + channelColumns + l.from() + " order by c.id " + order + " limit " + args.Add(p.Limit+1)
	items, err := db.All(ctx, s.db.Q(ctx), scanChannel, query, args...)
	return turned(items, p), err
}

// marked narrows a query in which marks stand in for subscriptions that are not there.
func marked(q messaging.ChannelQuery, marker id.ID) *channelList {
	muted, pinned := q.Muted, q.Pinned
	l := visible(q) // joins the subscription, which is there for the flags
	q.Muted, q.Pinned = nil, nil
	l.narrow(q)
	if muted == nil && pinned == nil {
		return l
	}
	l.join += " left join conversation_marks k on k.channel_id = c.id and k.caller_id = " + l.where.Args.Add(marker)
	flag := func(own, mark string, wanted *bool) {
		if wanted == nil {
			return
		}
		not := ""
		if !*wanted {
			not = "not "
		}
		l.where.Raw(not + "case when s.channel_id is not null then " + own + " else coalesce(" + mark + ", false) end")
	}
	flag("s.notify = '"+string(messaging.NotifyNone)+"'", "k.muted", muted)
	flag("s.pinned", "k.pinned", pinned)
	return l
}

// among are the posted messages of a query, the removed ones too.
func among(q messaging.PostedQuery) *db.Where {
	w := &db.Where{}
	w.And("organization_id = %s", q.OrganizationID)
	w.Raw("not draft")
	if !q.ChannelID.IsZero() {
		w.And("channel_id = %s", q.ChannelID)
	}
	if q.Subscribers != nil {
		w.Raw("channel_id in (select s.channel_id from subscribers s where s.individual_id in (" + db.List(&w.Args, q.Subscribers) + "))")
	}
	return w
}

// TurnPosted implements messaging.GroupStore.
func (s *Store) TurnPosted(ctx context.Context, q messaging.PostedQuery, p page.Cursor) (page.List[messaging.Message], error) {
	cursor, order, than := p.After, "desc", "<"
	if !p.Before.IsZero() {
		cursor, order, than = p.Before, "asc", ">"
	}
	w := among(q)
	if !cursor.IsZero() {
		at := among(q)
		at.And("id = %s", cursor)
		seq, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select seq from messages"+at.String(), at.Args...)
		if err != nil {
			return page.List[messaging.Message]{}, must(err, "message")
		}
		if q.ChannelID.IsZero() {
			w.And("id "+than+" %s", cursor)
		} else {
			w.And("(seq, id) "+than+" (%s, %s)", seq, cursor)
		}
	}
	w.Raw("removed_at is null")
	by := "id " + order
	if !q.ChannelID.IsZero() {
		by = "seq " + order + ", " + by
	}
	args := w.Args
	query := "select " + messageColumns + " from messages" + w.String() + " order by " + by + " limit " + args.Add(p.Limit+1)
	items, err := db.All(ctx, s.db.Q(ctx), scanMessage, query, args...)
	return turned(items, p), err
}
