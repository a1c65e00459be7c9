package messagingdb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

// InsertAck implements messaging.Store.
func (s *Store) InsertAck(ctx context.Context, a messaging.Ack) error {
	return s.db.Q(ctx).Defer(ctx, `insert into acks (channel_id, individual_id, to_seq, from_seq, organization_id, acked_at, user_time)
		values ($1,$2,$3,$4,$5,$6,$7)`, a.ChannelID, a.IndividualID, a.ToSeq, a.FromSeq, a.OrganizationID, a.AckedAt, a.UserTime)
}

// LastAck implements messaging.Store.
func (s *Store) LastAck(ctx context.Context, u messaging.Subscriber) (int64, error) {
	last, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64],
		"select coalesce(max(to_seq), 0) from acks where channel_id = $1 and individual_id = $2 and organization_id = $3",
		u.ChannelID, u.IndividualID, u.OrganizationID)
	return max(last, u.JoinedSeq), err
}

// TruncateAcks implements messaging.Store.
func (s *Store) TruncateAcks(ctx context.Context, u messaging.Subscriber, seq int64) error {
	const mine = " where channel_id = $1 and individual_id = $2 and organization_id = $3"
	q := s.db.Q(ctx)
	if err := q.Defer(ctx, "delete from acks"+mine+" and from_seq > $4", u.ChannelID, u.IndividualID, u.OrganizationID, seq); err != nil {
		return err
	}
	return q.Defer(ctx, "update acks set to_seq = $4"+mine+" and to_seq > $4", u.ChannelID, u.IndividualID, u.OrganizationID, seq)
}

// FindAcks implements messaging.Store. Of each subscriber it reads, by the primary key, the acts from the one that covers the
// first message to the one that covers the last.
func (s *Store) FindAcks(ctx context.Context, organization, channel id.ID, first, last int64) ([]messaging.Ack, error) {
	return db.All(ctx, s.db.Q(ctx), func(r db.Row) (a messaging.Ack, err error) {
		return a, r.Scan(&a.ChannelID, &a.IndividualID, &a.OrganizationID, &a.FromSeq, &a.ToSeq, &a.AckedAt, &a.UserTime)
	}, `select a.channel_id, a.individual_id, a.organization_id, a.from_seq, a.to_seq, a.acked_at, a.user_time
		from subscribers s join acks a on a.channel_id = s.channel_id and a.individual_id = s.individual_id
		where s.channel_id = $1 and s.organization_id = $2 and a.to_seq >= $3 and a.from_seq <= $4
		and a.to_seq <= coalesce((select min(b.to_seq) from acks b
			where b.channel_id = s.channel_id and b.individual_id = s.individual_id and b.to_seq >= $4), $4)
		order by a.individual_id, a.to_seq`, channel, organization, first, last)
}
