package messaging

import (
	"bytes"
	"time"

	"switchboard/internal/id"
)

// The types of the entries that this context writes to the event log. The stream of every one is its channel.
const (
	ChannelCreated      = "messaging.channel.created"      // ChannelState
	ChannelUpdated      = "messaging.channel.updated"      // ChannelState
	ChannelWasArchived  = "messaging.channel.archived"     // ChannelState
	ChannelUnarchived   = "messaging.channel.unarchived"   // ChannelState
	ChannelDeleted      = "messaging.channel.deleted"      // Gone
	ChannelSubscribed   = "messaging.channel.subscribed"   // Membership
	ChannelUnsubscribed = "messaging.channel.unsubscribed" // Membership

	EventPosted          = "messaging.message.posted"           // Posted
	EventEdited          = "messaging.message.edited"           // Posted
	EventRemoved         = "messaging.message.removed"          // Gone
	EventAcknowledged    = "messaging.message.acknowledged"     // Acknowledged; the subject is the channel
	EventReactionAdded   = "messaging.message.reaction-added"   // Reacted
	EventReactionDeleted = "messaging.message.reaction-deleted" // Reacted

	// What concerns one person only is in the audit but not in the log, which all subscribers of a channel follow.
	channelPreferred = "messaging.channel.preferred"
	messageDrafted   = "messaging.message.drafted"
)

// Instant is a time as the log's data spells it: RFC 3339 in UTC with milliseconds, null for the zero time.
type Instant struct{ time.Time }

const instantLayout = `"2006-01-02T15:04:05.000Z"`

// MarshalJSON implements json.Marshaler.
func (i Instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return i.UTC().AppendFormat(make([]byte, 0, len(instantLayout)), instantLayout), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *Instant) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*i = Instant{}
		return nil
	}
	return i.Time.UnmarshalJSON(data)
}

// ChannelState is the data of entries about a channel's settings.
type ChannelState struct {
	ChannelID       id.ID            `json:"channel-id"`
	GroupID         id.ID            `json:"individual-group-id"`
	OwnerID         id.ID            `json:"owner-id"`
	Name            string           `json:"name"`
	Label           string           `json:"label"`
	Type            SubscriptionType `json:"subscription-type"`
	Floating        bool             `json:"floating"`
	EventsEnabled   bool             `json:"events-enabled"`
	TextNumberID    id.ID            `json:"text-number-id"`
	PinnedMessageID id.ID            `json:"pinned-message-id"`
	Archived        bool             `json:"archived"`
	IndividualIDs   []id.ID          `json:"individual-ids,omitempty"` // the subscribers; of a new channel only
}

func describe(c Channel, subscribers []id.ID) ChannelState {
	return ChannelState{
		ChannelID: c.ID, GroupID: c.GroupID, OwnerID: c.OwnerID, Name: c.Name, Label: c.Label, Type: c.Type, Floating: c.Floating,
		EventsEnabled: c.EventsEnabled, TextNumberID: c.TextNumberID, PinnedMessageID: c.PinnedMessageID, Archived: c.Archived(),
		IndividualIDs: subscribers,
	}
}

// Membership is the data of entries about who came or went.
type Membership struct {
	ChannelID     id.ID   `json:"channel-id"`
	IndividualIDs []id.ID `json:"individual-ids"`
}

// Posted is the data of entries about a message's text. After the message is removed it is Gone instead.
type Posted struct {
	MessageID    id.ID    `json:"message-id"`
	ChannelID    id.ID    `json:"channel-id"`
	GroupID      id.ID    `json:"individual-group-id"` // of the channel
	IndividualID id.ID    `json:"individual-id"`       // null: a machine's or the server's own
	Message      string   `json:"message"`
	Source       Source   `json:"source"`
	PostedTime   Instant  `json:"posted-time"`
	ModifiedTime Instant  `json:"last-modified-time"`
	Sequence     int64    `json:"sequence"` // the place in the channel; an announcement shares that of the message before it
	Destinations []string `json:"include-destinations"`
	AutoAck      string   `json:"auto-ack"` // "", or who need not read it: all, provider, participant
}

func posted(m Message, group id.ID) Posted {
	out := Posted{
		MessageID: m.ID, ChannelID: m.ChannelID, GroupID: group, IndividualID: m.AuthorID, Message: m.Text, Source: m.Source,
		PostedTime: Instant{m.PostedAt}, ModifiedTime: Instant{m.ModifiedAt}, Sequence: m.Seq, Destinations: m.Destinations,
		AutoAck: string(m.AutoAck),
	}
	if out.Destinations == nil {
		out.Destinations = []string{}
	}
	return out
}

// Gone is the data of entries about what was removed, and of all earlier entries about it.
type Gone struct {
	ChannelID id.ID `json:"channel-id"`
	MessageID id.ID `json:"message-id,omitzero"`
	Removed   bool  `json:"removed"`          // always true
	Purged    bool  `json:"purged,omitempty"` // for good, with the data of whoever said it
}

// Acknowledged is the data of entries about a read mark that was moved.
type Acknowledged struct {
	ChannelID    id.ID   `json:"channel-id"`
	MessageID    id.ID   `json:"message-id"` // up to which all is read now
	IndividualID id.ID   `json:"individual-id"`
	Sequence     int64   `json:"sequence"`
	AckTime      Instant `json:"ack-time"`
	AckUserTime  Instant `json:"ack-user-time"`
	Back         bool    `json:"back"` // the mark was moved back: later messages are unread again
	// ForProviders: the marks of all providers of the channel that were behind it are there now.
	ForProviders bool `json:"for-providers"`
}

// Reacted is the data of entries about reactions.
type Reacted struct {
	ChannelID    id.ID  `json:"channel-id"`
	MessageID    id.ID  `json:"message-id"`
	IndividualID id.ID  `json:"individual-id"`
	ReactionType string `json:"reaction-type"`
}
