package messaging

import (
	"context"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Store keeps conversations. Every method takes part in the transaction of its context value, and each write is atomic by
// itself. Records of another organization are treated as absent: a read or a change of one record returns
// errs.CodeNotFound, a read of several leaves them out. Writes may be put off until the commit, whose error is then theirs.
//
// The counters hold only if whoever changes a channel, its subscribers or its messages has locked the channel before, with
// LockChannel or Place, in the same transaction.
type Store interface {
	ChannelStore
	SubscriberStore
	MessageStore
	AckStore
	ReactionStore
	GroupStore
	BookmarkStore
	AggregateStore
}

// Place is what a channel gives to a message that is posted, and what decides whether it may have it.
type Place struct {
	Seq, Offset int64
	GroupID     id.ID
	Floating    bool
	Archived    bool
	// Side is that of the author's subscription; empty when there is none. It can be as old as the statement that locked the
	// channel, which may have waited.
	Side Side
}

// ChannelStore keeps channels.
type ChannelStore interface {
	// CreateChannel stores a channel with its subscribers. errs.CodeDuplicate: another one that is not archived has the same
	// LiveKey.
	CreateChannel(ctx context.Context, c Channel, subs []Subscriber) error
	GetChannel(ctx context.Context, organization, channel id.ID) (Channel, error)
	// LockChannel reads a channel that this transaction is about to change, or in which it is about to change something.
	// Others wait for it, and what is read after it is not older than the lock.
	LockChannel(ctx context.Context, organization, channel id.ID) (Channel, error)
	// UpdateChannel stores every field but CreatedAt and CreatedBy. errs.CodeDuplicate as CreateChannel.
	UpdateChannel(ctx context.Context, c Channel) error
	// SetStreamOffset stores this field alone.
	SetStreamOffset(ctx context.Context, organization, channel id.ID, offset int64) error
	// DeleteChannel removes a channel and everything in it.
	DeleteChannel(ctx context.Context, organization, channel id.ID) error
	// Place locks a channel, counts one message and one entry of its stream more, notes message as the newest, and tells
	// what it looked like after that, all in one statement. author may be Nil.
	Place(ctx context.Context, organization, channel, message, author id.ID, at time.Time) (Place, error)
	// FindLive returns the channel that has this LiveKey and is not archived.
	FindLive(ctx context.Context, organization id.ID, key string) (channel id.ID, found bool, err error)
	// ListChannels returns channels newest first, by identifier, and their Total.
	ListChannels(ctx context.Context, q ChannelQuery, p page.Offset) (page.List[Channel], error)
	// TurnChannels is ListChannels by cursor, with More instead of a Total. A cursor that names no channel of the organization
	// (and of Caller, when OnlyCallers) is errs.CodeNotFound; it need not fit the rest of the query.
	TurnChannels(ctx context.Context, q ChannelQuery, p page.Cursor) (page.List[Channel], error)
	// FindConversations returns the channels OfGroup of these groups and OfContact of these contacts: the archived before the
	// others, and older before newer.
	FindConversations(ctx context.Context, organization id.ID, groups, contacts []id.ID) ([]Channel, error)
	// ListFollowers returns the channels that change with a group, floating or OfGroup, ordered by id.
	ListFollowers(ctx context.Context, organization, group id.ID) ([]id.ID, error)
	// ListOfGroup returns every channel of a group, ordered by id.
	ListOfGroup(ctx context.Context, organization, group id.ID) ([]id.ID, error)
	// ListSubscribed returns the channels that an individual is subscribed to, ordered by id.
	ListSubscribed(ctx context.Context, organization, individual id.ID) ([]id.ID, error)
}

// SubscriberStore keeps who is in a channel.
type SubscriberStore interface {
	InsertSubscribers(ctx context.Context, subs []Subscriber) error
	// DeleteSubscribers removes those who are there. What they acknowledged is kept.
	DeleteSubscribers(ctx context.Context, organization, channel id.ID, individuals []id.ID) error
	// FindSubscriber returns one subscriber.
	FindSubscriber(ctx context.Context, organization, channel, individual id.ID) (Subscriber, bool, error)
	// FindSubscribers returns all subscribers of some channels, by channel, in the order of joining.
	FindSubscribers(ctx context.Context, organization id.ID, channels []id.ID) (map[id.ID][]Subscriber, error)
	// FindSubscriptions returns those of one individual, by channel. Nil has none.
	FindSubscriptions(ctx context.Context, organization, individual id.ID, channels []id.ID) (map[id.ID]Subscriber, error)
	// Subscribed tells whether any of the individuals is subscribed; Nil never is.
	Subscribed(ctx context.Context, organization, channel id.ID, individuals []id.ID) (bool, error)
	SetOrigin(ctx context.Context, s Subscriber, o Origin) error
	// SetPreferences changes what is not nil.
	SetPreferences(ctx context.Context, organization, channel, individual id.ID, p Preferences) error
	// SetOpened notes when somebody looked; of who is not subscribed, nothing.
	SetOpened(ctx context.Context, organization, channel, individual id.ID, at time.Time) error
	// SetMark stores ReadSeq, ExemptAfter and OpenedAt.
	SetMark(ctx context.Context, s Subscriber) error
	// AdvanceSide brings everybody on the side of s who has read less up to its ReadSeq.
	AdvanceSide(ctx context.Context, s Subscriber) error
	// ExemptAuthor keeps a message that was just posted from being unread to its author, and notes that they looked. Who had
	// nothing unread has read up to it now.
	ExemptAuthor(ctx context.Context, m Message) error
	// ExemptCovered does that for everybody but the author whom AutoAck covers, without noting that they looked.
	ExemptCovered(ctx context.Context, m Message) error
	// ExemptRemoved keeps a message that is being removed from being unread to who had not read it. It moves no mark.
	ExemptRemoved(ctx context.Context, m Message) error
	// CountExempt counts the messages beyond ReadSeq that are never unread to s: its own, those that AutoAck covers and those
	// that were removed.
	CountExempt(ctx context.Context, s Subscriber) (int64, error)
}

// MessageStore keeps messages.
type MessageStore interface {
	InsertMessage(ctx context.Context, m Message) error
	// UpdateMessage stores what can change: Seq, Text, Draft, AutoAck, Edits and the times but CreatedAt.
	UpdateMessage(ctx context.Context, m Message) error
	// TouchMessage sets ModifiedAt.
	TouchMessage(ctx context.Context, organization, message id.ID, at time.Time) error
	GetMessage(ctx context.Context, organization, message id.ID) (Message, error)
	// FindMessages returns those that exist.
	FindMessages(ctx context.Context, organization id.ID, list []id.ID) (map[id.ID]Message, error)
	// MessageIDs returns every message of a channel, drafts included.
	MessageIDs(ctx context.Context, organization, channel id.ID) ([]id.ID, error)
	// ListMessages returns messages of c, the last place first, and their Total. Drafts are those of the caller that were not
	// removed.
	ListMessages(ctx context.Context, c Channel, q MessageQuery, p page.Offset) (page.List[Message], error)
	// TurnMessages is ListMessages by cursor, with More instead of a Total. A cursor that names no message of the channel is
	// errs.CodeNotFound; it need not fit the query.
	TurnMessages(ctx context.Context, q MessageQuery, p page.Cursor) (page.List[Message], error)
	// ListAuthored returns up to limit messages of an individual that have a text, drafts and removed ones too, those of one
	// channel together.
	ListAuthored(ctx context.Context, organization, individual id.ID, limit int) ([]Message, error)
	// InsertVersion keeps a text that is about to be replaced.
	InsertVersion(ctx context.Context, v Version) error
	// ListVersions returns the texts that were replaced, oldest first.
	ListVersions(ctx context.Context, organization, message id.ID) ([]Version, error)
}

// AckStore keeps what subscribers acknowledged.
type AckStore interface {
	InsertAck(ctx context.Context, a Ack) error
	// LastAck is up to where a subscriber has acknowledged by itself; JoinedSeq when it never has.
	LastAck(ctx context.Context, s Subscriber) (int64, error)
	// TruncateAcks takes back what a subscriber acknowledged beyond seq.
	TruncateAcks(ctx context.Context, s Subscriber, seq int64) error
	// FindAcks returns those acts of the present subscribers that touch the messages from first to last, ordered by individual
	// and range.
	FindAcks(ctx context.Context, organization, channel id.ID, first, last int64) ([]Ack, error)
}

// ReactionStore keeps reactions.
type ReactionStore interface {
	// InsertReaction tells whether the reaction is new.
	InsertReaction(ctx context.Context, r Reaction) (bool, error)
	// DeleteReaction tells whether there was one.
	DeleteReaction(ctx context.Context, r Reaction) (bool, error)
	// FindReactions returns the reactions to some messages, by message, oldest first.
	FindReactions(ctx context.Context, organization id.ID, list []id.ID) (map[id.ID][]Reaction, error)
}
