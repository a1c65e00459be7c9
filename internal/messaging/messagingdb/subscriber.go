package messagingdb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

const subscriberColumns = `channel_id, individual_id, organization_id, origin, side, notify, pinned, joined_at, joined_seq, read_seq,
	exempt_after, opened_at`

func scanSubscriber(r db.Row) (messaging.Subscriber, error) {
	var s messaging.Subscriber
	err := r.Scan(&s.ChannelID, &s.IndividualID, &s.OrganizationID, (*string)(&s.Origin), (*string)(&s.Side), (*string)(&s.Notify),
		&s.Pinned, &s.JoinedAt, &s.JoinedSeq, &s.ReadSeq, &s.ExemptAfter, &s.OpenedAt)
	return s, err
}

// InsertSubscribers implements messaging.Store.
func (s *Store) InsertSubscribers(ctx context.Context, subs []messaging.Subscriber) error {
	rows := make([][]any, len(subs))
	for i, u := range subs {
		rows[i] = []any{
			u.ChannelID, u.IndividualID, u.OrganizationID, string(u.Origin), string(u.Side), string(u.Notify), u.Pinned,
			u.JoinedAt, u.JoinedSeq, u.ReadSeq, u.ExemptAfter, u.OpenedAt,
		}
	}
	return db.InsertMany(ctx, s.db, "subscribers ("+subscriberColumns+")", rows, "")
}

// DeleteSubscribers implements messaging.Store.
func (s *Store) DeleteSubscribers(ctx context.Context, organization, channel id.ID, individuals []id.ID) error {
	return db.Chunks(individuals, chunk, func(individuals []id.ID) error {
		var w db.Where
		w.And("organization_id = %s", organization)
		w.And("channel_id = %s", channel)
		w.Raw("individual_id in (" + db.List(&w.Args, individuals) + ")")
		return s.db.Q(ctx).Defer(ctx, "delete from subscribers"+w.String(), w.Args...)
	})
}

// FindSubscriber implements messaging.Store.
func (s *Store) FindSubscriber(ctx context.Context, organization, channel, individual id.ID) (messaging.Subscriber, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), scanSubscriber,
		"select "+subscriberColumns+" from subscribers where channel_id = $1 and individual_id = $2 and organization_id = $3",
		channel, individual, organization)
}

// FindSubscribers implements messaging.Store.
func (s *Store) FindSubscribers(ctx context.Context, organization id.ID, channels []id.ID) (map[id.ID][]messaging.Subscriber, error) {
	out := make(map[id.ID][]messaging.Subscriber, len(channels))
	err := s.find(ctx, organization, channels, id.Nil, func(u messaging.Subscriber) {
		out[u.ChannelID] = append(out[u.ChannelID], u)
	})
	return out, err
}

// FindSubscriptions implements messaging.Store.
func (s *Store) FindSubscriptions(ctx context.Context, organization, individual id.ID, channels []id.ID) (map[id.ID]messaging.Subscriber, error) {
	out := make(map[id.ID]messaging.Subscriber, len(channels))
	if individual.IsZero() {
		return out, nil
	}
	err := s.find(ctx, organization, channels, individual, func(u messaging.Subscriber) { out[u.ChannelID] = u })
	return out, err
}

func (s *Store) find(ctx context.Context, organization id.ID, channels []id.ID, individual id.ID, keep func(messaging.Subscriber)) error {
	return db.Chunks(channels, chunk, func(channels []id.ID) error {
		var w db.Where
		w.And("organization_id = %s", organization)
		w.Raw("channel_id in (" + db.List(&w.Args, channels) + ")")
		if !individual.IsZero() {
			w.And("individual_id = %s", individual)
		}
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			u, err := scanSubscriber(r)
			if err == nil {
				keep(u)
			}
			return err
		}, "select "+subscriberColumns+" from subscribers"+w.String()+" order by joined_at, individual_id", w.Args...)
	})
}

// Subscribed implements messaging.Store.
func (s *Store) Subscribed(ctx context.Context, organization, channel id.ID, individuals []id.ID) (bool, error) {
	var w db.Where
	w.And("organization_id = %s", organization)
	w.And("channel_id = %s", channel)
	w.Raw("individual_id in (" + db.List(&w.Args, individuals) + ")")
	return db.Get(ctx, s.db.Q(ctx), db.Scalar[bool], "select exists (select 1 from subscribers"+w.String()+")", w.Args...)
}

// SetOrigin implements messaging.Store.
func (s *Store) SetOrigin(ctx context.Context, u messaging.Subscriber, o messaging.Origin) error {
	return s.db.Q(ctx).Defer(ctx, "update subscribers set origin = $4 where channel_id = $1 and individual_id = $2 and organization_id = $3",
		u.ChannelID, u.IndividualID, u.OrganizationID, string(o))
}

// SetPreferences implements messaging.Store.
func (s *Store) SetPreferences(ctx context.Context, organization, channel, individual id.ID, p messaging.Preferences) error {
	args := db.Args{channel, individual, organization}
	set := "organization_id = organization_id"
	if p.Notify != nil {
		set += ", notify = " + args.Add(string(*p.Notify))
	}
	if p.Pinned != nil {
		set += ", pinned = " + args.Add(*p.Pinned)
	}
	n, err := s.db.Q(ctx).Exec(ctx, "update subscribers set "+set+" where channel_id = $1 and individual_id = $2 and organization_id = $3", args...)
	return changed(n, err, "subscriber")
}

// SetOpened implements messaging.Store.
func (s *Store) SetOpened(ctx context.Context, organization, channel, individual id.ID, at time.Time) error {
	return s.db.Q(ctx).Defer(ctx, "update subscribers set opened_at = $4 where channel_id = $1 and individual_id = $2 and organization_id = $3",
		channel, individual, organization, at)
}

// SetMark implements messaging.Store.
func (s *Store) SetMark(ctx context.Context, u messaging.Subscriber) error {
	return s.db.Q(ctx).Defer(ctx, `update subscribers set read_seq = $4, exempt_after = $5, opened_at = $6
		where channel_id = $1 and individual_id = $2 and organization_id = $3`,
		u.ChannelID, u.IndividualID, u.OrganizationID, u.ReadSeq, u.ExemptAfter, u.OpenedAt)
}

// AdvanceSide implements messaging.Store.
func (s *Store) AdvanceSide(ctx context.Context, u messaging.Subscriber) error {
	return s.db.Q(ctx).Defer(ctx, `update subscribers set read_seq = $3, exempt_after = (select count(*) from messages m
			where m.channel_id = $1 and m.seq > $3 and not m.draft and m.organization_id = $2
			and m.source <> '`+string(messaging.FromSystem)+`' and (m.removed_at is not null
			or m.individual_id = subscribers.individual_id or m.auto_ack = $4 or m.auto_ack = '`+string(messaging.AckAll)+`'))
		where channel_id = $1 and organization_id = $2 and side = $5 and read_seq < $3`,
		u.ChannelID, u.OrganizationID, u.ReadSeq, string(u.Side), string(u.Side))
}

// exempt moves the mark over a message of place $2 for who had read everything up to $3, and counts it for the others.
const exempt = `update subscribers set
	exempt_after = case when read_seq + exempt_after = $3 then 0 else exempt_after + 1 end,
	read_seq = case when read_seq + exempt_after = $3 then $2 else read_seq end`

// ExemptAuthor implements messaging.Store.
func (s *Store) ExemptAuthor(ctx context.Context, m messaging.Message) error {
	return s.db.Q(ctx).Defer(ctx, exempt+", opened_at = $6 where channel_id = $1 and individual_id = $4 and organization_id = $5",
		m.ChannelID, m.Seq, m.Seq-1, m.AuthorID, m.OrganizationID, m.PostedAt)
}

// ExemptCovered implements messaging.Store.
func (s *Store) ExemptCovered(ctx context.Context, m messaging.Message) error {
	query := exempt + " where channel_id = $1 and organization_id = $4 and individual_id is distinct from $5"
	args := []any{m.ChannelID, m.Seq, m.Seq - 1, m.OrganizationID, m.AuthorID}
	if m.AutoAck != messaging.AckAll {
		query += " and side = $6"
		args = append(args, string(m.AutoAck))
	}
	return s.db.Q(ctx).Defer(ctx, query, args...)
}

// ExemptRemoved implements messaging.Store.
func (s *Store) ExemptRemoved(ctx context.Context, m messaging.Message) error {
	if m.AutoAck == messaging.AckAll {
		return nil
	}
	return s.db.Q(ctx).Defer(ctx, `update subscribers set exempt_after = exempt_after + 1
		where channel_id = $1 and organization_id = $2 and read_seq < $3 and individual_id is distinct from $4 and side <> $5`,
		m.ChannelID, m.OrganizationID, m.Seq, m.AuthorID, string(m.AutoAck))
}

// CountExempt implements messaging.Store.
func (s *Store) CountExempt(ctx context.Context, u messaging.Subscriber) (int64, error) {
	return db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], `select count(*) from messages
		where channel_id = $1 and seq > $2 and not draft and organization_id = $5
		and source <> '`+string(messaging.FromSystem)+`'
		and (removed_at is not null or individual_id = $3 or auto_ack = $4 or auto_ack = '`+string(messaging.AckAll)+`')`,
		u.ChannelID, u.ReadSeq, u.IndividualID, string(u.Side), u.OrganizationID)
}
