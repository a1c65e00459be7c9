package messaging

import (
	"context"

	"switchboard/internal/event"
	"switchboard/internal/id"
)

// Reading what people wrote to each other is in the audit: one row for each request, written before it is answered, so that
// what cannot be recorded is not shown. The row says which messages and not what they said.
const (
	messageRead      = "messaging.message.read"
	messageInspected = "messaging.message.inspected" // the history of one that was removed
	channelRead      = "messaging.channel.read"      // channels are shown with what was last said in them
	channelFollowed  = "messaging.channel.followed"  // live, from then on
)

// Looked is what the audit keeps of a look at messages, or at channels with their last messages.
type Looked struct {
	ChannelID id.ID `json:"channel-id,omitzero"` // null: several
	Count     int   `json:"count"`
	First     id.ID `json:"first,omitzero"` // in the order of the answer
	Last      id.ID `json:"last,omitzero"`
	History   bool  `json:"history,omitempty"` // what they said before they were edited, too
}

// looked records a look. subject is the channel of a list, or what was looked at alone.
func (s *Service) looked(ctx context.Context, organization id.ID, what string, subject id.ID, l Looked) error {
	return s.events.Audit(ctx, event.Change{OrganizationID: organization, Type: what, Subject: subject, After: l})
}

// lookedAt records a look at a list of messages of one channel, or (Nil) of several.
func lookedAt[T any](ctx context.Context, s *Service, organization, channel id.ID, list []T, idOf func(T) id.ID) error {
	return s.looked(ctx, organization, messageRead, channel, looking(channel, list, idOf))
}

func looking[T any](channel id.ID, list []T, idOf func(T) id.ID) Looked {
	l := Looked{ChannelID: channel, Count: len(list)}
	if l.Count > 0 {
		l.First, l.Last = idOf(list[0]), idOf(list[l.Count-1])
	}
	return l
}

func lookingAtOne(m Message) Looked {
	return Looked{ChannelID: m.ChannelID, Count: 1, First: m.ID, Last: m.ID}
}

// Followed records that the actor follows a channel live from now on. It is to be called before anything is sent.
func (s *Service) Followed(ctx context.Context, channel id.ID) error {
	c, err := s.readableChannel(ctx, channel)
	if err != nil {
		return err
	}
	return s.events.Audit(ctx, event.Change{OrganizationID: c.OrganizationID, Type: channelFollowed, Subject: c.ID})
}

// said is what the audit keeps of a message whose text changes.
type said struct {
	Message string `json:"message"`
}

// told sets what the audit keeps beside the last entry.
func (e *edit) told(before, after any) {
	last := &e.changes[len(e.changes)-1]
	last.Before, last.After = before, after
}

// untold tells whether nothing was done of which anybody is told.
func (e *edit) untold() bool { return len(e.changes) == 0 && len(e.audited) == 0 }

// audit adds a row to the audit alone, about what concerns one person.
func (e *edit) audit(typ string, subject id.ID, before, after any) {
	c := changeOf(e.Channel, typ, subject, nil)
	c.Before, c.After = before, after
	e.audited = append(e.audited, c)
}
