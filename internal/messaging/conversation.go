package messaging

import (
	"context"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// GroupStore keeps what only the groups API has: what callers who are not subscribed have noted of a channel, and lists
// that do not show drafts and removed messages. Methods are as those of Store.
type GroupStore interface {
	// FindMarks returns the marks of one caller, by channel.
	FindMarks(ctx context.Context, organization, caller id.ID, channels []id.ID) (map[id.ID]Mark, error)
	// PutMark stores a mark in place of the caller's former one.
	PutMark(ctx context.Context, m Mark) error
	// TurnMarked is TurnChannels, except that for channels to which Caller is not subscribed Muted and Pinned are those of
	// marker's marks.
	TurnMarked(ctx context.Context, q ChannelQuery, marker id.ID, p page.Cursor) (page.List[Channel], error)
	// TurnPosted returns messages that are posted and not removed: of one channel the last place first, of several the
	// newest first. A cursor that names no posted message among them is errs.CodeNotFound; it may be a removed one.
	TurnPosted(ctx context.Context, q PostedQuery, p page.Cursor) (page.List[Message], error)
}

// Mark is what a caller who is not subscribed to a channel wants of it: an administrator's or a machine's preferences.
type Mark struct {
	ChannelID, OrganizationID id.ID
	CallerID                  id.ID // the user, or the key that belongs to none
	Muted, Pinned             bool
	OpenedAt                  time.Time
}

// Conversation is a channel as the groups API shows it to one caller.
type Conversation struct {
	View
	Muted, Pinned bool
	OpenedAt      time.Time // when the caller last looked; zero: never
}

// conversations adds to views what the caller wants of them.
func (g *Groups) conversations(ctx context.Context, views []View) ([]Conversation, error) {
	a := actor.From(ctx)
	var others []id.ID
	for _, v := range views {
		if !v.Subscribed {
			others = append(others, v.ID)
		}
	}
	marks, err := g.store.FindMarks(ctx, a.OrganizationID, creator(a), others)
	out := make([]Conversation, len(views))
	for i, v := range views {
		if v.Subscribed {
			out[i] = Conversation{View: v, Muted: v.Own.Muted(), Pinned: v.Own.Pinned, OpenedAt: v.Own.OpenedAt}
		} else {
			m := marks[v.ID]
			out[i] = Conversation{View: v, Muted: m.Muted, Pinned: m.Pinned, OpenedAt: m.OpenedAt}
		}
	}
	return out, err
}

func (g *Groups) conversation(ctx context.Context, v View) (Conversation, error) {
	out, err := g.conversations(ctx, []View{v})
	if err != nil {
		return Conversation{}, err
	}
	return out[0], nil
}

// GetConversation returns a channel that the actor may read. NotFound.
func (g *Groups) GetConversation(ctx context.Context, channel id.ID) (Conversation, error) {
	v, err := g.channelView(ctx, channel, id.Nil)
	if err != nil {
		return Conversation{}, sameAs(err, "conversation")
	}
	return g.conversation(ctx, v)
}

// TurnConversations returns the channels that the actor is subscribed to, or all for who may act for everyone. Of f
// IndividualID and ParticipantID are not looked at. NotFound: the cursor names none of them.
func (g *Groups) TurnConversations(ctx context.Context, f ChannelFilter, p page.Cursor) (page.List[Conversation], error) {
	f.IndividualID, f.ParticipantID = id.Nil, id.Nil
	q, err := g.channelQuery(ctx, f)
	if err != nil {
		return page.List[Conversation]{}, err
	}
	found, err := g.store.TurnMarked(ctx, q, creator(actor.From(ctx)), p)
	if err != nil {
		return page.List[Conversation]{}, err
	}
	views, err := g.views(ctx, found.Items, q.Caller)
	if err != nil {
		return page.List[Conversation]{}, err
	}
	items, err := g.conversations(ctx, views)
	return page.List[Conversation]{Items: items, More: found.More}, err
}

// CreateConversation opens the conversation of a group or a contact, exactly one of which is named. DuplicateChannel: it
// has one that is not archived. NotFound: no such group or contact, with the field.
func (g *Groups) CreateConversation(ctx context.Context, group, contact id.ID) (Conversation, error) {
	if group.IsZero() == contact.IsZero() {
		var f errs.Fields
		f.Add("contact_id", "must be given when group_id is not, and only then")
		f.Add("group_id", "must be given when contact_id is not, and only then")
		return Conversation{}, f.Err()
	}
	n := NewChannel{GroupID: group, Purpose: OfGroup, EventsEnabled: true}
	if group.IsZero() {
		n.Purpose, n.IndividualIDs = OfContact, []id.ID{contact}
	}
	v, err := g.CreateChannel(ctx, n)
	if err != nil {
		return Conversation{}, ofConversation(err)
	}
	return g.conversation(ctx, v)
}

// ofConversation gives what a channel's creation blames the names that the groups API has for it.
func ofConversation(err error) error {
	e := asError(err)
	if e == nil {
		return err
	}
	if other, ok := e.Meta["id"].(id.ID); ok && errs.Is(err, DuplicateChannel) {
		e.Message = "there is a conversation for this already: " + other.Short()
	}
	for i, f := range e.Fields {
		switch f.Path {
		case "individual_ids[0]":
			e.Message, e.Fields[i].Message, e.Fields[i].Path = "no such contact", "names no contact", "contact_id"
		case "individual_group_id":
			e.Message, e.Fields[i].Message, e.Fields[i].Path = "no such group", "names no group", "group_id"
		}
	}
	return e
}

// ConversationEdit is what is to change of a conversation; nil leaves alone.
type ConversationEdit struct {
	PinnedMessageID *id.ID     // for everybody in it; Nil pins none
	ArchivedAt      *time.Time // for everybody; zero brings it back
	Muted, Pinned   *bool      // for the caller alone
}

// UpdateConversation changes a conversation, all or nothing. NotFound; otherwise the errors of PinMessage, Archive and
// Unarchive.
func (g *Groups) UpdateConversation(ctx context.Context, channel id.ID, in ConversationEdit) (Conversation, error) {
	if _, err := require(ctx, channels, write); err != nil {
		return Conversation{}, err
	}
	var out Conversation
	err := g.tx.Do(ctx, func(ctx context.Context) error {
		before, err := g.GetConversation(readingToo(ctx), channel)
		if err != nil {
			return err
		}
		if in.PinnedMessageID != nil {
			if _, err := g.PinMessage(ctx, channel, *in.PinnedMessageID); err != nil {
				return err
			}
		}
		if in.ArchivedAt != nil {
			if err := g.archive(ctx, channel, *in.ArchivedAt); err != nil {
				return err
			}
		}
		if err := g.prefer(ctx, before, in); err != nil {
			return err
		}
		out, err = g.GetConversation(readingToo(ctx), channel)
		return err
	})
	return out, err
}

// readingToo lets a key that may only write see what it wrote, as every answer to a write does.
func readingToo(ctx context.Context) context.Context { return covering(ctx) }

// prefer stores what the caller wants: in its subscription, or beside it for who has none.
func (g *Groups) prefer(ctx context.Context, c Conversation, in ConversationEdit) error {
	if in.Muted == nil && in.Pinned == nil {
		return nil
	}
	if c.Subscribed {
		p := Preferences{Pinned: in.Pinned}
		if in.Muted != nil && *in.Muted != c.Muted {
			notify := NotifyAll
			if *in.Muted {
				notify = NotifyNone
			}
			p.Notify = &notify
		}
		_, err := g.SetPreferences(readingToo(ctx), c.ID, c.Own.IndividualID, p)
		return err
	}
	m := c.mark(ctx)
	set(&m.Muted, in.Muted)
	set(&m.Pinned, in.Pinned)
	if err := g.store.PutMark(ctx, m); err != nil {
		return err
	}
	return g.events.Audit(ctx, changeOf(c.Channel, channelPreferred, c.ID, nil))
}

// mark is what c shows of the caller's mark.
func (c Conversation) mark(ctx context.Context) Mark {
	return Mark{
		ChannelID: c.ID, OrganizationID: c.OrganizationID, CallerID: creator(actor.From(ctx)), Muted: c.Muted, Pinned: c.Pinned,
		OpenedAt: c.OpenedAt,
	}
}

// openedEvery bounds how often it is noted that somebody looks, so that clients that poll cause no stream of writes.
const openedEvery = time.Minute

// Opened notes that the caller has looked at a conversation, unless that was noted within the last minute. Nobody is told.
func (g *Groups) Opened(ctx context.Context, channel id.ID) error {
	c, err := g.GetConversation(readingToo(ctx), channel)
	now := g.now()
	if err != nil || now.Sub(c.OpenedAt) < openedEvery {
		return err
	}
	if c.Subscribed {
		return g.store.SetOpened(ctx, c.OrganizationID, c.ID, c.Own.IndividualID, now)
	}
	m := c.mark(ctx)
	m.OpenedAt = now
	return g.store.PutMark(ctx, m)
}

// DeleteConversation removes a conversation with all that was said in it, for good. NotFound.
func (g *Groups) DeleteConversation(ctx context.Context, channel id.ID) error {
	return sameAs(g.DeleteChannel(ctx, channel), "conversation")
}
