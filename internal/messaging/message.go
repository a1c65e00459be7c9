package messaging

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Source is the way by which a message came.
type Source string

// The sources.
const (
	FromAPI           Source = "api"
	FromAutoResponder Source = "auto-responder"
	FromBulk          Source = "bulk"
	FromEmail         Source = "email"
	FromPlugin        Source = "plugin"
	FromSMS           Source = "sms"
	FromSystem        Source = "system" // the server's own lines
	FromWeb           Source = "web"
)

// Sources lists them.
func Sources() []Source {
	return []Source{FromAPI, FromAutoResponder, FromBulk, FromEmail, FromPlugin, FromSMS, FromSystem, FromWeb}
}

// AutoAck says who need not read a message.
type AutoAck string

// What a request may say.
const (
	AckNobody AutoAck = ""
	AckGroup  AutoAck = "group" // the sender's group: the side of the conversation that it is sent from
	AckAll    AutoAck = "all"
)

// AutoAcks lists them.
func AutoAcks() []AutoAck { return []AutoAck{AckNobody, AckAll, AckGroup} }

// settled is what AckGroup becomes when a message is posted from a side: that Side. A machine posts for the providers.
func (a AutoAck) settled(from Side) AutoAck {
	if a != AckGroup {
		return a
	}
	if from == "" {
		from = Providers
	}
	return AutoAck(from)
}

// Covers tells whether somebody on a side need not read a message that was posted with a.
func (a AutoAck) Covers(s Side) bool { return a == AckAll || a != "" && a == AutoAck(s) }

const (
	maxText = 10_000 // characters of a message
	// draftSeq is the place of drafts: behind everything that was posted.
	draftSeq = 1<<63 - 1
)

// Message is something said in a channel.
type Message struct {
	ID, OrganizationID, ChannelID id.ID
	// Seq is the message's place in its channel, counted from 1. Lines of the server share the place of the message
	// before them and come after it.
	Seq          int64
	AuthorID     id.ID // the individual; zero for a machine and for the server
	CreatedBy    id.ID // the user who made the request, or the key that belongs to none
	Source       Source
	Text         string // as it was written; empty to readers once it is removed
	Draft        bool
	AutoAck      AutoAck  // once posted: AckNobody, AckAll or a Side
	Destinations []string // transports asked for besides the recipients' preferences
	Edits        int
	CreatedAt    time.Time
	ModifiedAt   time.Time
	PostedAt     time.Time // zero while a draft
	WrittenAt    time.Time // of the present text
	RemovedAt    time.Time
	RemovedBy    id.ID // as CreatedBy
}

// Removed tells whether the message was taken back.
func (m Message) Removed() bool { return !m.RemovedAt.IsZero() }

// redacted is the message as readers see it.
func (m Message) redacted() Message {
	if m.Removed() {
		m.Text = ""
	}
	return m
}

// counts tells whether the message is one that people read, and so has a place of its own.
func (m Message) counts() bool { return !m.Draft && m.Source != FromSystem }

// exempts tells whether the message was read to a subscriber as soon as it was posted.
func (m Message) exempts(sub Subscriber) bool {
	return m.Source == FromSystem || m.AuthorID == sub.IndividualID || m.AutoAck.Covers(sub.Side)
}

// readBy tells whether the message is not unread to a subscriber.
func (m Message) readBy(sub Subscriber) bool {
	return m.exempts(sub) || m.Removed() || m.Seq <= sub.ReadSeq
}

// NewMessage is what a message is made of.
type NewMessage struct {
	ChannelID    id.ID
	IndividualID id.ID // the author; Nil is the individual that the actor speaks as, which a machine has none
	Text         string
	Draft        bool // seen by its author only, until ChangeMessage posts it
	AutoAck      AutoAck
	Destinations []string // of sms, email, push; each once
	Source       Source   // empty: FromAPI
}

// destinations are the transports that a message may ask for.
func destinations() []string { return []string{"email", "push", "sms"} }

func (n NewMessage) validate() error {
	var f errs.Fields
	if n.ChannelID.IsZero() {
		f.Require("channel_id")
	}
	checkText(&f, n.Text, n.Draft)
	errs.OneOf(&f, "auto_ack", n.AutoAck, AutoAcks()...)
	for i, d := range n.Destinations {
		errs.OneOf(&f, fmt.Sprintf("include_destinations[%d]", i), d, destinations()...)
	}
	return f.Err()
}

// checkText checks a message's text, which is trimmed already.
func checkText(f *errs.Fields, text string, draft bool) {
	if len(text) > maxText && utf8.RuneCountInString(text) > maxText {
		f.Add("message", "must have at most %d characters", maxText)
	}
	if text == "" && !draft {
		f.Require("message")
	}
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		f.Add("message", "must be text without NUL characters")
	}
}

// Post puts a message into a channel, or keeps it as a draft. It is stored, counted and in the event log when Post returns
// without an error, and nothing of it otherwise.
//
// ChannelArchived. NotFound: no such channel for this actor, or no such individual; the field is named. Denied: the actor may
// not act for the individual.
func (s *Service) Post(ctx context.Context, in NewMessage) (MessageView, error) {
	a, err := require(ctx, messages, write)
	if err != nil {
		return MessageView{}, err
	}
	in.Text = strings.TrimSpace(in.Text)
	if err := in.validate(); err != nil {
		return MessageView{}, err
	}
	author, err := s.actAs(ctx, in.IndividualID)
	if err != nil {
		return MessageView{}, err
	}
	m := in.message(a, author, s.now())
	if in.Draft {
		return s.draft(ctx, m)
	}
	var posted Message
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		posted = m
		p, err := s.place(ctx, &posted)
		if err != nil {
			return blame(err, "channel_id")
		}
		return s.keep(ctx, posted, p)
	})
	return MessageView{Message: posted, Caller: author, Acknowledged: !author.IsZero()}, err
}

func (n NewMessage) message(a actor.Actor, author id.ID, now time.Time) Message {
	m := Message{
		ID: id.New(), OrganizationID: a.OrganizationID, ChannelID: n.ChannelID, Seq: draftSeq, AuthorID: author, CreatedBy: creator(a),
		Source: n.Source, Text: n.Text, Draft: n.Draft, AutoAck: n.AutoAck, CreatedAt: now, ModifiedAt: now, WrittenAt: now,
	}
	if m.Source == "" {
		m.Source = FromAPI
	}
	for _, d := range n.Destinations {
		if !slices.Contains(m.Destinations, d) {
			m.Destinations = append(m.Destinations, d)
		}
	}
	return m
}

// place locks the channel, gives m its place in it and counts it, if the actor may post there.
func (s *Service) place(ctx context.Context, m *Message) (Place, error) {
	now := m.ModifiedAt
	p, err := s.store.Place(ctx, m.OrganizationID, m.ChannelID, m.ID, m.AuthorID, now)
	if err != nil {
		return p, err
	}
	if err := s.mayPost(ctx, *m, p); err != nil {
		return p, err
	}
	m.Seq, m.Draft, m.PostedAt, m.AutoAck = p.Seq, false, now, m.AutoAck.settled(p.Side)
	return p, nil
}

// keep stores a message that has its place, and tells.
func (s *Service) keep(ctx context.Context, m Message, p Place) error {
	if err := s.store.InsertMessage(ctx, m); err != nil {
		return err
	}
	if err := s.exempt(ctx, m); err != nil {
		return err
	}
	c := Channel{ID: m.ChannelID, OrganizationID: m.OrganizationID, StreamOffset: p.Offset}
	return s.events.Record(ctx, changeOf(c, EventPosted, m.ID, posted(m, p.GroupID)))
}

// exempt keeps a message that has just got its place from being unread to those who need not read it.
func (s *Service) exempt(ctx context.Context, m Message) error {
	if !m.AuthorID.IsZero() {
		if err := s.store.ExemptAuthor(ctx, m); err != nil {
			return err
		}
	}
	if m.AutoAck == AckNobody {
		return nil
	}
	return s.store.ExemptCovered(ctx, m)
}

// draft keeps a message for its author alone.
func (s *Service) draft(ctx context.Context, m Message) (MessageView, error) {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		c, err := s.readableBy(ctx, m.ChannelID, m.AuthorID)
		if err != nil {
			return blame(err, "channel_id")
		}
		if c.Archived() {
			return archivedError()
		}
		if err := s.store.InsertMessage(ctx, m); err != nil {
			return err
		}
		return s.events.Audit(ctx, changeOf(c, messageDrafted, m.ID, nil))
	})
	return MessageView{Message: m, Caller: m.AuthorID, Acknowledged: !m.AuthorID.IsZero()}, err
}
