package messagingdb

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

const channelColumns = `c.id, c.organization_id, c.group_id, c.participant_id, c.purpose, c.owner_id, c.created_by, c.name, c.label,
	c.subscription_type, c.floating, c.events_enabled, c.text_number_id, c.pinned_message_id, c.last_message_id, c.message_seq,
	c.system_count, c.stream_offset, c.created_at, c.modified_at, c.active_at, c.archived_at`

func scanChannel(r db.Row) (messaging.Channel, error) {
	var c messaging.Channel
	err := r.Scan(&c.ID, &c.OrganizationID, &c.GroupID, &c.ParticipantID, (*string)(&c.Purpose), &c.OwnerID, &c.CreatedBy, &c.Name, &c.Label,
		(*string)(&c.Type), &c.Floating, &c.EventsEnabled, &c.TextNumberID, &c.PinnedMessageID, &c.LastMessageID, &c.MessageSeq,
		&c.SystemCount, &c.StreamOffset, &c.CreatedAt, &c.ModifiedAt, &c.ActiveAt, &c.ArchivedAt)
	return c, err
}

const insertChannel = `insert into channels (id, organization_id, group_id, participant_id, purpose, live_key, owner_id, created_by,
	name, label, subscription_type, floating, events_enabled, text_number_id, pinned_message_id, last_message_id, message_seq,
	system_count, stream_offset, created_at, modified_at, active_at, archived_at)
	values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23)`

// CreateChannel implements messaging.Store.
func (s *Store) CreateChannel(ctx context.Context, c messaging.Channel, subs []messaging.Subscriber) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		_, err := s.db.Q(ctx).Exec(ctx, insertChannel, c.ID, c.OrganizationID, c.GroupID, c.ParticipantID, string(c.Purpose), c.LiveKey(),
			c.OwnerID, c.CreatedBy, c.Name, c.Label, string(c.Type), c.Floating, c.EventsEnabled, c.TextNumberID, c.PinnedMessageID,
			c.LastMessageID, c.MessageSeq, c.SystemCount, c.StreamOffset, c.CreatedAt, c.ModifiedAt, c.ActiveAt, c.ArchivedAt)
		if err != nil {
			return err
		}
		return s.InsertSubscribers(ctx, subs)
	})
}

const oneChannel = "select " + channelColumns + " from channels c where c.id = $1 and c.organization_id = $2"

// GetChannel implements messaging.Store.
func (s *Store) GetChannel(ctx context.Context, organization, channel id.ID) (messaging.Channel, error) {
	c, err := db.Get(ctx, s.db.Q(ctx), scanChannel, oneChannel, channel, organization)
	return c, must(err, "channel")
}

// LockChannel implements messaging.Store.
func (s *Store) LockChannel(ctx context.Context, organization, channel id.ID) (messaging.Channel, error) {
	c, err := db.Get(ctx, s.db.Q(ctx), scanChannel, oneChannel+s.db.ForUpdate(), channel, organization)
	return c, must(err, "channel")
}

const updateChannel = `update channels set group_id = $3, participant_id = $4, purpose = $5, live_key = $6, owner_id = $7, name = $8,
	label = $9, subscription_type = $10, floating = $11, events_enabled = $12, text_number_id = $13, pinned_message_id = $14,
	last_message_id = $15, message_seq = $16, system_count = $17, stream_offset = $18, modified_at = $19, active_at = $20,
	archived_at = $21
	where id = $1 and organization_id = $2`

// UpdateChannel implements messaging.Store.
func (s *Store) UpdateChannel(ctx context.Context, c messaging.Channel) error {
	n, err := s.db.Q(ctx).Exec(ctx, updateChannel, c.ID, c.OrganizationID, c.GroupID, c.ParticipantID, string(c.Purpose), c.LiveKey(),
		c.OwnerID, c.Name, c.Label, string(c.Type), c.Floating, c.EventsEnabled, c.TextNumberID, c.PinnedMessageID, c.LastMessageID,
		c.MessageSeq, c.SystemCount, c.StreamOffset, c.ModifiedAt, c.ActiveAt, c.ArchivedAt)
	return changed(n, err, "channel")
}

// SetStreamOffset implements messaging.Store.
func (s *Store) SetStreamOffset(ctx context.Context, organization, channel id.ID, offset int64) error {
	return s.db.Q(ctx).Defer(ctx, "update channels set stream_offset = $3 where id = $1 and organization_id = $2", channel, organization, offset)
}

// DeleteChannel implements messaging.Store.
func (s *Store) DeleteChannel(ctx context.Context, organization, channel id.ID) error {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from channels where id = $1 and organization_id = $2", channel, organization)
	return changed(n, err, "channel")
}

const place = `update channels set message_seq = message_seq + 1, stream_offset = stream_offset + 1, last_message_id = $3,
	active_at = $4, modified_at = $4
	where id = $1 and organization_id = $2
	returning message_seq, stream_offset, group_id, floating, archived_at is not null,
		coalesce((select s.side from subscribers s where s.channel_id = $1 and s.individual_id = $5), '')`

// Place implements messaging.Store.
func (s *Store) Place(ctx context.Context, organization, channel, message, author id.ID, at time.Time) (messaging.Place, error) {
	p, err := db.Get(ctx, s.db.Q(ctx), func(r db.Row) (p messaging.Place, err error) {
		return p, r.Scan(&p.Seq, &p.Offset, &p.GroupID, &p.Floating, &p.Archived, (*string)(&p.Side))
	}, place, channel, organization, message, at, author)
	return p, must(err, "channel")
}

// FindLive implements messaging.Store.
func (s *Store) FindLive(ctx context.Context, organization id.ID, key string) (channel id.ID, found bool, err error) {
	return db.Find(ctx, s.db.Q(ctx), db.Scalar[id.ID],
		"select id from channels where organization_id = $1 and live_key = $2 and live_key <> '' and archived_at is null", organization, key)
}

// channelList is the channels of a query: what comes after the columns of a select, without an order.
type channelList struct {
	where db.Where
	join  string
}

// visible are the channels that the query's caller may name, whatever else it asks for.
func visible(q messaging.ChannelQuery) *channelList {
	l := &channelList{}
	kind, organization := " left join", "c.organization_id"
	if q.OnlyCallers { // who are few: begin with these
		kind, organization = " join", unindexed("c.organization_id")
	}
	if q.OnlyCallers || q.Muted != nil || q.Pinned != nil {
		l.join = kind + " subscribers s on s.channel_id = c.id and s.individual_id = " + l.where.Args.Add(q.Caller)
	}
	l.where.And(organization+" = %s", q.OrganizationID)
	return l
}

// narrow adds what the query asks for.
func (l *channelList) narrow(q messaging.ChannelQuery) *channelList {
	w := &l.where
	flag := func(cond string, wanted *bool) {
		if wanted == nil {
			return
		}
		if !*wanted {
			cond = "not " + cond
		}
		w.Raw(cond)
	}
	flag("(c.archived_at is not null)", q.Archived)
	flag("c.floating", q.Floating)
	flag("(coalesce(s.notify, '') = '"+string(messaging.NotifyNone)+"')", q.Muted)
	flag("coalesce(s.pinned, false)", q.Pinned)
	if !q.GroupID.IsZero() {
		w.And("c.group_id = %s", q.GroupID)
	}
	if !q.ParticipantID.IsZero() {
		w.And("exists (select 1 from subscribers p where p.channel_id = c.id and p.individual_id = %s)", q.ParticipantID)
	}
	within(w, "c.modified_at", q.Modified)
	return l
}

func (l *channelList) from() string { return " from channels c" + l.join + l.where.String() }

// ListChannels implements messaging.Store.
func (s *Store) ListChannels(ctx context.Context, q messaging.ChannelQuery, p page.Offset) (page.List[messaging.Channel], error) {
	l := visible(q).narrow(q)
	total, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select count(*)"+l.from(), l.where.Args...)
	if err != nil || total <= int64(p.Offset) {
		return page.List[messaging.Channel]{Items: []messaging.Channel{}, Total: int(total)}, err
	}
	args := l.where.Args
	query := "select " + channelColumns + l.from() + " order by c.id desc limit " + args.Add(p.Limit) + " offset " + args.Add(p.Offset)
	items, err := db.All(ctx, s.db.Q(ctx), scanChannel, query, args...)
	return page.List[messaging.Channel]{Items: items, Total: int(total)}, err
}

// TurnChannels implements messaging.Store.
func (s *Store) TurnChannels(ctx context.Context, q messaging.ChannelQuery, p page.Cursor) (page.List[messaging.Channel], error) {
	cursor, order, beyond := p.After, "desc", "c.id < %s"
	if !p.Before.IsZero() {
		cursor, order, beyond = p.Before, "asc", "c.id > %s"
	}
	if !cursor.IsZero() {
		l := visible(q)
		l.where.And("c.id = %s", cursor)
		if _, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select 1"+l.from(), l.where.Args...); err != nil {
			return page.List[messaging.Channel]{}, must(err, "channel")
		}
	}
	l := visible(q).narrow(q)
	if !cursor.IsZero() {
		l.where.And(beyond, cursor)
	}
	args := l.where.Args
	query := "select " + channelColumns + l.from() + " order by c.id " + order + " limit " + args.Add(p.Limit+1)
	items, err := db.All(ctx, s.db.Q(ctx), scanChannel, query, args...)
	return turned(items, p), err
}

// turned is the page that was asked for, of items that were read in the direction of travel, one too many.
func turned[T any](items []T, p page.Cursor) page.List[T] {
	out := page.List[T]{Items: items[:min(len(items), p.Limit)], More: len(items) > p.Limit}
	if !p.Before.IsZero() {
		slices.Reverse(out.Items)
	}
	return out
}

// FindConversations implements messaging.Store.
func (s *Store) FindConversations(ctx context.Context, organization id.ID, groups, contacts []id.ID) ([]messaging.Channel, error) {
	out := []messaging.Channel{}
	find := func(column string, purpose messaging.Purpose, ids []id.ID) error {
		return db.Chunks(ids, chunk, func(ids []id.ID) error {
			var w db.Where
			w.And(db.Checked("c.organization_id")+" = %s", organization)
			w.And("c.purpose = %s", string(purpose))
			w.Raw(column + " in (" + db.List(&w.Args, ids) + ")")
			found, err := db.All(ctx, s.db.Q(ctx), scanChannel,
				"select "+channelColumns+" from channels c"+w.String()+" order by c.archived_at is null, c.id", w.Args...)
			out = append(out, found...)
			return err
		})
	}
	if err := find("c.group_id", messaging.OfGroup, groups); err != nil {
		return nil, err
	}
	return out, find("c.participant_id", messaging.OfContact, contacts)
}

// ListFollowers implements messaging.Store.
func (s *Store) ListFollowers(ctx context.Context, organization, group id.ID) ([]id.ID, error) {
	return db.All(ctx, s.db.Q(ctx), db.Scalar[id.ID],
		"select id from channels where organization_id = $1 and group_id = $2 and (floating or purpose = $3) order by id",
		organization, group, string(messaging.OfGroup))
}

// ListOfGroup implements messaging.Store.
func (s *Store) ListOfGroup(ctx context.Context, organization, group id.ID) ([]id.ID, error) {
	return db.All(ctx, s.db.Q(ctx), db.Scalar[id.ID],
		"select id from channels where organization_id = $1 and group_id = $2 order by id", organization, group)
}

// ListSubscribed implements messaging.Store.
func (s *Store) ListSubscribed(ctx context.Context, organization, individual id.ID) ([]id.ID, error) {
	return db.All(ctx, s.db.Q(ctx), db.Scalar[id.ID],
		"select channel_id from subscribers where organization_id = $1 and individual_id = $2 order by channel_id", organization, individual)
}
