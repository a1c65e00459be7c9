package messaging

import (
	"context"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// MessageChange is what a change of a message says; nil leaves alone.
type MessageChange struct {
	IndividualID id.ID   // who changes it; Nil is the individual that the actor speaks as
	Text         *string // replaces the text; what it was is in the history
	Draft        *bool   // false posts a draft
	Removed      *bool   // true takes the message back
}

func (c MessageChange) validate() error {
	var f errs.Fields
	if c.Removed != nil && *c.Removed && (c.Text != nil || c.Draft != nil && !*c.Draft) {
		f.Add("removed", "cannot be combined with other changes")
	}
	return f.Err()
}

// ChangeMessage edits, posts or removes a message, all or nothing.
//
// ChannelArchived: it would be edited or posted in an archived channel. MessageRemoved, MessagePosted. Denied: see policy.go.
func (s *Service) ChangeMessage(ctx context.Context, message id.ID, in MessageChange) (MessageView, error) {
	a, err := require(ctx, messages, write)
	if err != nil {
		return MessageView{}, err
	}
	if err := in.validate(); err != nil {
		return MessageView{}, err
	}
	m, acting, err := s.namedMessage(ctx, message, in.IndividualID)
	if err != nil {
		return MessageView{}, err
	}
	return s.onMessage(ctx, m, acting, func(ctx context.Context, e *edit, m Message) error {
		return s.changeMessage(ctx, e, a, acting, m, in)
	})
}

// onMessage is edit for what concerns one message: fn is given it as it is under the channel's lock. The message is
// answered as acting sees it afterwards.
func (s *Service) onMessage(ctx context.Context, m Message, acting id.ID, fn func(ctx context.Context, e *edit, m Message) error) (MessageView, error) {
	err := s.edit(ctx, m.ChannelID, func(ctx context.Context, e *edit) error {
		m, err := s.store.GetMessage(ctx, e.OrganizationID, m.ID)
		if err != nil {
			return err
		}
		if err := fn(ctx, e, m); err != nil {
			return err
		}
		if e.untold() { // nothing is different, but the message is shown
			e.audit(messageRead, m.ID, nil, lookingAtOne(m))
		}
		return nil
	})
	if err != nil {
		return MessageView{}, err
	}
	if m, err = s.store.GetMessage(ctx, m.OrganizationID, m.ID); err != nil {
		return MessageView{}, err
	}
	return s.messageView(ctx, m, acting)
}

func (s *Service) changeMessage(ctx context.Context, e *edit, a actor.Actor, acting id.ID, m Message, in MessageChange) error {
	if in.Removed != nil && *in.Removed {
		return s.remove(ctx, e, a, acting, m)
	}
	switch {
	case m.Removed() && (in.Text != nil || in.Draft != nil || in.Removed != nil):
		return MessageRemoved.Errorf("the message was removed")
	case in.Draft != nil && *in.Draft && !m.Draft:
		return MessagePosted.Errorf("the message was posted already")
	}
	posting := m.Draft && in.Draft != nil && !*in.Draft
	if in.Text == nil && !posting {
		return nil
	}
	if err := mayEdit(a, acting, m); err != nil {
		return err
	}
	if e.Archived() {
		return archivedError()
	}
	before := m
	if in.Text != nil {
		m.Text = strings.TrimSpace(*in.Text)
	}
	var f errs.Fields
	if checkText(&f, m.Text, m.Draft && !posting); len(f) > 0 {
		return f.Err()
	}
	switch {
	case posting:
		return s.postDraft(ctx, e, m)
	case m.Text == before.Text:
		return nil
	case m.Draft:
		m.ModifiedAt, m.WrittenAt = e.now, e.now
		e.audit(messageDrafted, m.ID, said{before.Text}, said{m.Text})
		return s.store.UpdateMessage(ctx, m)
	}
	return s.rewrite(ctx, e, before, m)
}

// postDraft gives a draft its place, as Post does, on a channel that is locked and will be stored by edit.
func (s *Service) postDraft(ctx context.Context, e *edit, m Message) error {
	sub, subscribed, err := s.store.FindSubscriber(ctx, e.OrganizationID, e.ID, m.AuthorID)
	if err != nil {
		return err
	}
	p := Place{GroupID: e.GroupID, Floating: e.Floating, Archived: e.Archived()}
	if subscribed {
		p.Side = sub.Side
	}
	if err := s.mayPost(ctx, m, p); err != nil {
		return err
	}
	e.MessageSeq++
	e.LastMessageID, e.ActiveAt, e.ModifiedAt = m.ID, e.now, e.now
	m.Seq, m.Draft, m.AutoAck = e.MessageSeq, false, m.AutoAck.settled(p.Side)
	m.PostedAt, m.ModifiedAt, m.WrittenAt = e.now, e.now, e.now
	if err := s.store.UpdateMessage(ctx, m); err != nil {
		return err
	}
	if err := s.exempt(ctx, m); err != nil {
		return err
	}
	e.tell(EventPosted, m.ID, posted(m, e.GroupID))
	return nil
}

// rewrite replaces the text of what was posted and keeps the old one.
func (s *Service) rewrite(ctx context.Context, e *edit, before, m Message) error {
	if err := s.store.InsertVersion(ctx, before.version()); err != nil {
		return err
	}
	m.Edits++
	m.ModifiedAt, m.WrittenAt = e.now, e.now
	if err := s.store.UpdateMessage(ctx, m); err != nil {
		return err
	}
	e.ModifiedAt = e.now
	e.tell(EventEdited, m.ID, posted(m, e.GroupID))
	e.told(said{before.Text}, said{m.Text})
	return nil
}

// remove blanks a message for readers, in the event log too. The row keeps the text, for the history that administrators may
// see. A draft of which nobody knows is removed without an entry.
func (s *Service) remove(ctx context.Context, e *edit, a actor.Actor, acting id.ID, m Message) error {
	if m.Removed() {
		return nil
	}
	if err := s.mayRemove(ctx, e.Channel, acting, m); err != nil {
		return err
	}
	m.RemovedAt, m.RemovedBy, m.ModifiedAt = e.now, creator(a), e.now
	if err := s.takeBack(ctx, m); err != nil {
		return err
	}
	if m.Draft {
		e.audit(EventRemoved, m.ID, said{m.Text}, nil)
		return nil
	}
	gone := Gone{ChannelID: e.ID, MessageID: m.ID, Removed: true}
	if err := s.events.Redact(ctx, e.ID, m.ID, gone); err != nil {
		return err
	}
	e.ModifiedAt = e.now
	if e.PinnedMessageID == m.ID {
		e.PinnedMessageID = id.Nil
	}
	e.tell(EventRemoved, m.ID, gone)
	e.told(said{m.Text}, nil)
	return nil
}

// takeBack stores a message that has just been removed, which is not unread to anybody from now on.
func (s *Service) takeBack(ctx context.Context, m Message) error {
	if err := s.store.UpdateMessage(ctx, m); err != nil || !m.counts() {
		return err
	}
	return s.store.ExemptRemoved(ctx, m)
}

// Version is a text that a message had.
type Version struct {
	MessageID, OrganizationID id.ID
	Number                    int // from 1
	Text                      string
	WrittenAt                 time.Time
	Current                   bool
}

func (m Message) id() id.ID { return m.ID }

func (m Message) version() Version {
	return Version{MessageID: m.ID, OrganizationID: m.OrganizationID, Number: m.Edits + 1, Text: m.Text, WrittenAt: m.WrittenAt}
}

// History returns the texts that a message had, oldest first, the present one last. Of a removed message it is for
// administrators only.
func (s *Service) History(ctx context.Context, message, individual id.ID) ([]Version, error) {
	a, err := require(ctx, messages, read)
	if err != nil {
		return nil, err
	}
	m, _, err := s.readableMessage(ctx, message, individual)
	if err != nil {
		return nil, err
	}
	what := messageRead
	if m.Removed() {
		if a.Role != actor.Administrator {
			return nil, errs.Forbidden("only administrators see what a removed message said")
		}
		what = messageInspected
	}
	versions, err := s.store.ListVersions(ctx, m.OrganizationID, m.ID)
	if err != nil {
		return nil, err
	}
	current := m.version()
	current.Current = true
	l := lookingAtOne(m)
	l.History = true
	return append(versions, current), s.looked(ctx, m.OrganizationID, what, m.ID, l)
}
