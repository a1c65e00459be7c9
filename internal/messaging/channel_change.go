package messaging

import (
	"context"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// ChannelChange is what a change of a channel's settings says; nil leaves alone.
type ChannelChange struct {
	Name          *string
	Label         *string
	EventsEnabled *bool
	TextNumberID  *id.ID // Nil takes the number away
	// GroupID moves the channel to another care group, whose leaders take the place of the former's.
	GroupID  *id.ID
	Floating *bool
	Type     *SubscriptionType
}

// settle takes the blanks off that stand around texts, as a new channel does.
func (c ChannelChange) settle() ChannelChange {
	for _, text := range []**string{&c.Name, &c.Label} {
		if *text != nil {
			*text = new(strings.TrimSpace(**text))
		}
	}
	return c
}

func (c ChannelChange) validate() error {
	var f errs.Fields
	if c.Name != nil {
		f.Text("name", *c.Name, 0, maxName)
	}
	if c.Label != nil {
		f.Text("label", *c.Label, 0, maxName)
	}
	if c.Type != nil {
		errs.OneOf(&f, "subscription_type", *c.Type, SubscriptionTypes()...)
	}
	if c.GroupID != nil && c.GroupID.IsZero() {
		f.Add("individual_group_id", "must be an individual-group; a channel cannot be taken from its group")
	}
	return f.Err()
}

// ChangeChannel changes settings, all or nothing. Archived channels may be changed too.
//
// DuplicateChannel: with the new group or type it would be the second of its kind. SubscriptionClosed: who is subscribed does
// not fit the new type.
func (s *Service) ChangeChannel(ctx context.Context, channel id.ID, in ChannelChange) (View, error) {
	a, err := require(ctx, channels, write)
	if err != nil {
		return View{}, err
	}
	in = in.settle()
	if err := in.validate(); err != nil {
		return View{}, err
	}
	if in.GroupID != nil {
		if _, err := s.directory.Group(ctx, a.OrganizationID, *in.GroupID); err != nil {
			return View{}, blame(err, "individual_group_id")
		}
	}
	return s.settle(ctx, channel, func(ctx context.Context, e *edit) error {
		if err := s.mayManage(ctx, e.Channel); err != nil {
			return err
		}
		before := e.Channel
		if err := s.apply(ctx, e, in); err != nil {
			return err
		}
		if e.Channel == before {
			return nil
		}
		e.ModifiedAt = e.now
		e.update(ChannelUpdated, before)
		if e.GroupID != before.GroupID || e.Floating && !before.Floating {
			return s.regroup(ctx, e)
		}
		return nil
	})
}

// settle is change for what can make a channel the second of its kind: should another request have been faster, the
// unique index says so, and the answer is DuplicateChannel all the same.
func (s *Service) settle(ctx context.Context, channel id.ID, fn func(ctx context.Context, e *edit) error) (View, error) {
	var tried Channel
	v, err := s.change(ctx, channel, func(ctx context.Context, e *edit) error {
		err := fn(ctx, e)
		tried = e.Channel
		if err == nil {
			err = s.unique(ctx, e.Channel)
		}
		return err
	})
	if errs.Is(err, errs.CodeDuplicate) {
		err = s.duplicate(ctx, tried, err)
	}
	return v, err
}

// update tells of changed settings, with both states for the audit.
func (e *edit) update(typ string, before Channel) {
	after := describe(e.Channel, nil)
	e.tell(typ, e.ID, after)
	last := &e.changes[len(e.changes)-1]
	last.Before, last.After = describe(before, nil), after
}

// apply changes the row and checks that the whole fits together.
func (s *Service) apply(ctx context.Context, e *edit, in ChannelChange) error {
	set(&e.Name, in.Name)
	set(&e.Label, in.Label)
	set(&e.EventsEnabled, in.EventsEnabled)
	set(&e.TextNumberID, in.TextNumberID)
	set(&e.GroupID, in.GroupID)
	set(&e.Floating, in.Floating)
	set(&e.Type, in.Type)
	if e.Floating && e.GroupID.IsZero() {
		return errs.InvalidField("floating", "needs a group whose leaders are followed")
	}
	if in.GroupID != nil {
		if err := s.mayMoveTo(ctx, e.GroupID); err != nil {
			return err
		}
	}
	if in.GroupID == nil && in.Type == nil {
		return nil
	}
	subs, err := s.subscribers(ctx, e.Channel)
	if err != nil {
		return err
	}
	if e.Purpose == NoPurpose {
		e.ParticipantID = theOne(e.Channel, subs)
	}
	return e.admits(subs)
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

// theOne is the participant of a single channel of a group, once there is one.
func theOne(c Channel, subs []Subscriber) id.ID {
	if c.Type != Single || c.GroupID.IsZero() {
		return id.Nil
	}
	for _, sub := range subs {
		if sub.Side == Participants {
			return sub.IndividualID
		}
	}
	return id.Nil
}

// regroup makes the leaders of the present group the channel's providers, in place of those who were there as leaders.
func (s *Service) regroup(ctx context.Context, e *edit) error {
	group, err := s.directory.Group(ctx, e.OrganizationID, e.GroupID)
	if err != nil {
		return err
	}
	f := e.wants(group)
	f.leaders, f.replace = group.LeaderIDs, true
	return s.follow(ctx, e, f)
}

// Archive puts a channel away: lists leave it out and nothing is posted in it. Doing it twice is doing it once.
func (s *Service) Archive(ctx context.Context, channel id.ID) (View, error) {
	if _, err := require(ctx, channels, write); err != nil {
		return View{}, err
	}
	return s.change(ctx, channel, func(ctx context.Context, e *edit) error {
		if err := s.mayManage(ctx, e.Channel); err != nil || e.Archived() {
			return err
		}
		before := e.Channel
		e.ArchivedAt, e.ModifiedAt = e.now, e.now
		e.update(ChannelWasArchived, before)
		return nil
	})
}

// Unarchive brings a channel back. DuplicateChannel: another has taken its place.
func (s *Service) Unarchive(ctx context.Context, channel id.ID) (View, error) {
	if _, err := require(ctx, channels, write); err != nil {
		return View{}, err
	}
	return s.settle(ctx, channel, func(ctx context.Context, e *edit) error {
		if err := s.mayManage(ctx, e.Channel); err != nil || !e.Archived() {
			return err
		}
		before := e.Channel
		e.ArchivedAt, e.ModifiedAt = time.Time{}, e.now
		e.update(ChannelUnarchived, before)
		return nil
	})
}

// PinMessage pins a message of the channel for all its subscribers, in place of the one that was; Nil pins none.
//
// MessageRemoved, MessageDraft. NotFound: no such message in this channel, with the field.
func (s *Service) PinMessage(ctx context.Context, channel, message id.ID) (View, error) {
	if _, err := require(ctx, channels, write); err != nil {
		return View{}, err
	}
	return s.change(ctx, channel, func(ctx context.Context, e *edit) error {
		if err := s.mayManage(ctx, e.Channel); err != nil || e.PinnedMessageID == message {
			return err
		}
		if err := s.pinnable(ctx, e, message); err != nil {
			return err
		}
		before := e.Channel
		e.PinnedMessageID, e.ModifiedAt = message, e.now
		e.update(ChannelUpdated, before)
		return nil
	})
}

func (s *Service) pinnable(ctx context.Context, e *edit, message id.ID) error {
	if message.IsZero() {
		return nil
	}
	m, err := s.store.GetMessage(ctx, e.OrganizationID, message)
	switch {
	case err != nil:
		return blame(err, "pinned_message_id")
	case m.ChannelID != e.ID:
		return errs.MissingRecord("message").At("pinned_message_id")
	case m.Draft:
		return draftError()
	case m.Removed():
		return MessageRemoved.Errorf("the message was removed")
	}
	return nil
}
