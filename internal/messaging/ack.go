package messaging

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// AckRequest says that an individual has read a message and all before it.
type AckRequest struct {
	MessageID    id.ID
	IndividualID id.ID // Nil: the individual that the actor speaks as
	// AllowPast lets the mark move back, which makes later messages unread again.
	AllowPast bool
	UserTime  time.Time // when the person read, by the client's word; zero: it does not say
}

// Ack acts of acknowledging, as they are stored: the messages from FromSeq to ToSeq.
type Ack struct {
	ChannelID, IndividualID, OrganizationID id.ID
	FromSeq, ToSeq                          int64
	AckedAt                                 time.Time
	UserTime                                time.Time
}

// Ack moves the read mark of a subscriber to a message. A message before the mark changes nothing, unless AllowPast.
//
// MessageDraft: nobody can have read it. Denied: the individual is not subscribed.
func (s *Service) Ack(ctx context.Context, in AckRequest) (MessageView, error) {
	if _, err := require(ctx, messages, write); err != nil {
		return MessageView{}, err
	}
	m, acting, err := s.namedMessage(ctx, in.MessageID, in.IndividualID)
	if err != nil {
		return MessageView{}, err
	}
	if acting.IsZero() {
		return MessageView{}, nobodyNamed()
	}
	return s.onMessage(ctx, m, acting, func(ctx context.Context, e *edit, m Message) error {
		if m.Draft {
			return draftError()
		}
		sub, found, err := s.store.FindSubscriber(ctx, e.OrganizationID, e.ID, acting)
		if err != nil {
			return err
		}
		if !found {
			return errs.Forbidden("only subscribers acknowledge messages")
		}
		act := Ack{
			ChannelID: e.ID, IndividualID: sub.IndividualID, OrganizationID: e.OrganizationID, ToSeq: m.Seq, AckedAt: e.now, UserTime: in.UserTime,
		}
		return s.acknowledge(ctx, e, sub, m, act, in.AllowPast)
	})
}

// acknowledge moves a read mark to m, forward or back. The channel is locked, so nothing is posted meanwhile.
func (s *Service) acknowledge(ctx context.Context, e *edit, sub Subscriber, m Message, act Ack, allowPast bool) error {
	shared, err := s.sharesAcks(ctx, e.Channel, sub)
	if err != nil {
		return err
	}
	was, reached := sub.ReadSeq, sub.ReadSeq // by its own acts
	if shared {
		if reached, err = s.store.LastAck(ctx, sub); err != nil {
			return err
		}
	}
	back := allowPast && m.Seq < sub.ReadSeq
	switch {
	case m.Seq > reached:
		act.FromSeq = reached + 1
		err = s.store.InsertAck(ctx, act)
	case back:
		err = s.store.TruncateAcks(ctx, sub, m.Seq)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if back || m.Seq > sub.ReadSeq {
		sub.ReadSeq = m.Seq
	}
	shared = shared && !back
	if err := s.mark(ctx, e, sub, shared); err != nil {
		return err
	}
	done := Acknowledged{
		ChannelID: e.ID, MessageID: m.ID, IndividualID: sub.IndividualID, Sequence: m.Seq, AckTime: Instant{e.now},
		AckUserTime: Instant{act.UserTime}, Back: back, ForProviders: shared,
	}
	e.tell(EventAcknowledged, e.ID, done)
	e.told(map[string]int64{"sequence": was}, done)
	return nil
}

// mark stores a read mark, which in a channel that shares them is that of every provider who had read less.
func (s *Service) mark(ctx context.Context, e *edit, sub Subscriber, shared bool) error {
	var err error
	sub.OpenedAt = e.now
	if sub.ExemptAfter, err = s.store.CountExempt(ctx, sub); err != nil {
		return err
	}
	if err := s.store.SetMark(ctx, sub); err != nil || !shared {
		return err
	}
	return s.store.AdvanceSide(ctx, sub)
}

// SharesAcks tells whether what one provider of the channel acknowledges counts for all of them: the organization has set
// group-provider-ack, and the channel is one in which a group serves participants. Receipts still tell who acknowledged
// what: the setting is about whom a message is new to, and a receipt for somebody who never saw the message would be false.
func (c Channel) SharesAcks(set directory.Preferences) bool {
	return set.GroupProviderAck && !c.GroupID.IsZero() && c.Type != None
}

func (s *Service) sharesAcks(ctx context.Context, c Channel, sub Subscriber) (bool, error) {
	if c.GroupID.IsZero() || sub.Side != Providers { // most channels, with nothing to ask
		return false, nil
	}
	set, err := s.directory.Preferences(ctx, c.OrganizationID)
	return c.SharesAcks(set), err
}

func nobodyNamed() error {
	var f errs.Fields
	f.Require("individual_id")
	return f.Err()
}

func draftError() error { return MessageDraft.Errorf("the message is a draft") }

// Receipt tells when one subscriber acknowledged a message; both times are zero when it did not.
type Receipt struct {
	IndividualID id.ID
	AckTime      time.Time
	AckUserTime  time.Time // zero: the client did not say
}

// Receipts lists every subscriber of a message's channel, in the order of joining, as having acknowledged it or not. The
// author has, on posting, as have those for whom it was posted as acknowledged. Who joined later has not, though the
// message is not new to them. A line of the server is posted as acknowledged for everybody, since it is unread to nobody.
type Receipts struct{ Read, Unread []Receipt }

// Receipts returns who has acknowledged a message. MessageDraft: it is not posted.
func (s *Service) Receipts(ctx context.Context, message, individual id.ID) (Receipts, error) {
	if _, err := require(ctx, messages, read); err != nil {
		return Receipts{}, err
	}
	m, _, err := s.readableMessage(ctx, message, individual)
	if err != nil {
		return Receipts{}, err
	}
	if m.Draft {
		return Receipts{}, draftError()
	}
	views := []MessageView{{Message: m}}
	if err := s.addReceipts(ctx, m.OrganizationID, m.ChannelID, views); err != nil {
		return Receipts{}, err
	}
	return *views[0].Receipts, nil
}

func (s *Service) addReceipts(ctx context.Context, organization, channel id.ID, views []MessageView) error {
	list := make([]Message, len(views))
	for i, v := range views {
		list[i] = v.Message
	}
	r, err := s.readings(ctx, organization, channel, list)
	if err != nil {
		return err
	}
	for i := range views {
		receipts := r.receipts(views[i].Message)
		views[i].Receipts = &receipts
	}
	return nil
}

// ReadTimes tells of messages of one channel, which the actor was given, when every other subscriber had acknowledged
// them. Those who joined after a message do not count. A message that somebody has not read, or that has no other
// subscriber, is left out.
func (s *Service) ReadTimes(ctx context.Context, list []MessageView) (map[id.ID]time.Time, error) {
	out := map[id.ID]time.Time{}
	if len(list) == 0 {
		return out, nil
	}
	found := make([]Message, len(list))
	for i, v := range list {
		found[i] = v.Message
	}
	r, err := s.readings(ctx, list[0].OrganizationID, list[0].ChannelID, found)
	if err != nil {
		return nil, err
	}
	for _, m := range found {
		if at := r.readAt(m); !at.IsZero() {
			out[m.ID] = at
		}
	}
	return out, nil
}

// readings is what receipts are derived from.
type readings struct {
	subscribers []Subscriber
	acks        map[id.ID][]Ack // by individual, in the order of their ranges
}

func (s *Service) readings(ctx context.Context, organization, channel id.ID, list []Message) (readings, error) {
	var (
		r           = readings{acks: map[id.ID][]Ack{}}
		first, last = int64(draftSeq), int64(0)
	)
	posted := false
	for _, m := range list {
		posted = posted || !m.Draft
		if m.counts() {
			first, last = min(first, m.Seq), max(last, m.Seq)
		}
	}
	if !posted {
		return r, nil
	}
	found, err := s.store.FindSubscribers(ctx, organization, []id.ID{channel})
	if err != nil {
		return r, err
	}
	if r.subscribers = found[channel]; last == 0 {
		return r, nil
	}
	acks, err := s.store.FindAcks(ctx, organization, channel, first, last)
	for _, a := range acks {
		r.acks[a.IndividualID] = append(r.acks[a.IndividualID], a)
	}
	return r, err
}

// receipt tells whether and when a subscriber acknowledged m.
func (r readings) receipt(m Message, sub Subscriber) (Receipt, bool) {
	if m.exempts(sub) {
		return Receipt{IndividualID: sub.IndividualID, AckTime: m.PostedAt}, true
	}
	acks := r.acks[sub.IndividualID]
	at, _ := slices.BinarySearchFunc(acks, m.Seq, func(a Ack, seq int64) int { return int(min(1, max(-1, a.ToSeq-seq))) })
	if at == len(acks) || acks[at].FromSeq > m.Seq {
		return Receipt{IndividualID: sub.IndividualID}, false
	}
	return Receipt{IndividualID: sub.IndividualID, AckTime: acks[at].AckedAt, AckUserTime: acks[at].UserTime}, true
}

func (r readings) receipts(m Message) Receipts {
	out := Receipts{Read: []Receipt{}, Unread: []Receipt{}}
	if m.Draft {
		return out
	}
	for _, sub := range r.subscribers {
		if receipt, has := r.receipt(m, sub); has {
			out.Read = append(out.Read, receipt)
		} else {
			out.Unread = append(out.Unread, receipt)
		}
	}
	return out
}

// readAt is when the last of those who were there had read m; zero when one has not.
func (r readings) readAt(m Message) time.Time {
	var at time.Time
	switch {
	case m.Draft:
		return at
	case m.Source == FromSystem:
		return m.PostedAt
	}
	for _, sub := range r.subscribers {
		if sub.IndividualID == m.AuthorID || sub.JoinedSeq >= m.Seq {
			continue
		}
		receipt, has := r.receipt(m, sub)
		if !has {
			return time.Time{}
		}
		if receipt.AckTime.After(at) {
			at = receipt.AckTime
		}
	}
	return at
}
