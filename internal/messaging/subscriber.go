package messaging

import (
	"context"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Side is which end of a conversation somebody is on.
type Side string

// The sides. They are the account types of the directory, as they were on joining.
const (
	Providers    Side = "provider"
	Participants Side = "participant"
)

// Origin is why somebody is subscribed.
type Origin string

// The origins.
const (
	Direct Origin = "direct" // was named; stays until sent away
	Leader Origin = "leader" // as a leader of the group; leaves with that, if the channel is floating
	Member Origin = "member" // as an individual of the group whose conversation this is; leaves with that
)

// Notify says of which messages a subscriber wants to hear.
type Notify string

// The choices.
const (
	NotifyAll      Notify = "all"
	NotifyMentions Notify = "mentions"
	NotifyNone     Notify = "none"
)

// Notifies lists them.
func Notifies() []Notify { return []Notify{NotifyAll, NotifyMentions, NotifyNone} }

// Subscriber is an individual's place in a channel.
type Subscriber struct {
	ChannelID, IndividualID, OrganizationID id.ID
	Origin                                  Origin
	Side                                    Side
	Notify                                  Notify
	Pinned                                  bool
	JoinedAt                                time.Time
	JoinedSeq                               int64 // what was posted up to here is not new to the subscriber, and not read either
	ReadSeq                                 int64
	ExemptAfter                             int64
	OpenedAt                                time.Time // when the subscriber last posted, acknowledged or opened; zero: never
}

// Muted tells whether the subscriber wants to hear of nothing.
func (s Subscriber) Muted() bool { return s.Notify == NotifyNone }

// Unread is how many messages of c the subscriber has not read.
func (s Subscriber) Unread(c Channel) int64 {
	return max(0, c.MessageSeq-s.ReadSeq-s.ExemptAfter)
}

func newSubscriber(c Channel, person directory.Individual, origin Origin, now time.Time) Subscriber {
	return Subscriber{
		ChannelID: c.ID, IndividualID: person.ID, OrganizationID: c.OrganizationID, Origin: origin, Side: Side(person.AccountType),
		Notify: NotifyAll, JoinedAt: now, JoinedSeq: c.MessageSeq, ReadSeq: c.MessageSeq,
	}
}

func individualsOf(subs []Subscriber) []id.ID {
	out := make([]id.ID, len(subs))
	for i, s := range subs {
		out[i] = s.IndividualID
	}
	return out
}

// Subscribe adds individuals of the organization; those who are in the channel already stay as they are, except that from
// now on they stay when they stop leading the group. Nobody named means the individual that the actor speaks as. Who was
// added has nothing unread and may read what was said before.
//
// ChannelArchived, SubscriptionClosed. NotFound: no such individual, with the field.
func (s *Service) Subscribe(ctx context.Context, channel id.ID, individuals []id.ID) (View, error) {
	return s.resubscribe(ctx, channel, individuals, func(ctx context.Context, e *edit, people map[id.ID]directory.Individual, named []id.ID) error {
		if err := s.mayManage(ctx, e.Channel); err != nil {
			return err
		}
		if e.Archived() {
			return archivedError()
		}
		return s.join(ctx, e, people, named, Direct)
	})
}

// Unsubscribe removes individuals, who lose access at once; those who are not in the channel are passed over. Nobody named
// means the individual that the actor speaks as. A leader of the group of a floating channel comes back when the
// group's leaders change the next time.
func (s *Service) Unsubscribe(ctx context.Context, channel id.ID, individuals []id.ID) (View, error) {
	return s.resubscribe(ctx, channel, individuals, func(ctx context.Context, e *edit, people map[id.ID]directory.Individual, named []id.ID) error {
		if err := s.mayUnsubscribe(ctx, e.Channel, named); err != nil {
			return err
		}
		return s.leave(ctx, e, people, named)
	})
}

// ReplaceSubscribers makes the participants of a channel those named, and adds the providers among them. Other providers
// and the owner stay.
func (s *Service) ReplaceSubscribers(ctx context.Context, channel id.ID, individuals []id.ID) (View, error) {
	a, err := require(ctx, channels, write)
	if err != nil {
		return View{}, err
	}
	named, people, err := s.named(ctx, a, individuals)
	if err != nil {
		return View{}, err
	}
	return s.change(ctx, channel, func(ctx context.Context, e *edit) error {
		if err := s.mayManage(ctx, e.Channel); err != nil {
			return err
		}
		if e.Archived() {
			return archivedError()
		}
		present, err := s.subscribers(ctx, e.Channel)
		if err != nil {
			return err
		}
		var gone []id.ID
		stays := setOf(named)
		for _, sub := range present {
			if sub.Side == Participants && sub.IndividualID != e.OwnerID && !stays[sub.IndividualID] {
				gone = append(gone, sub.IndividualID)
			}
		}
		leaving, err := s.directory.Individuals(ctx, e.OrganizationID, gone)
		if err != nil {
			return err
		}
		if err := s.leave(ctx, e, leaving, gone); err != nil {
			return err
		}
		return s.join(ctx, e, people, named, Direct)
	})
}

type resubscription func(ctx context.Context, e *edit, people map[id.ID]directory.Individual, named []id.ID) error

// resubscribe changes who is in a channel and answers it as the actor sees it then.
func (s *Service) resubscribe(ctx context.Context, channel id.ID, individuals []id.ID, fn resubscription) (View, error) {
	a, err := require(ctx, channels, write)
	if err != nil {
		return View{}, err
	}
	if len(individuals) == 0 && !a.Individual().IsZero() {
		individuals = []id.ID{a.Individual()}
	}
	if len(individuals) == 0 {
		var f errs.Fields
		f.Require("individual_ids")
		return View{}, f.Err()
	}
	named, people, err := s.named(ctx, a, individuals)
	if err != nil {
		return View{}, err
	}
	return s.change(ctx, channel, func(ctx context.Context, e *edit) error { return fn(ctx, e, people, named) })
}

// named finds the individuals of a request, each once.
func (s *Service) named(ctx context.Context, a actor.Actor, individuals []id.ID) ([]id.ID, map[id.ID]directory.Individual, error) {
	if len(individuals) > maxNamed {
		return nil, nil, errs.InvalidField("individual_ids", "must name at most %d individuals", maxNamed)
	}
	people, err := s.directory.Individuals(ctx, a.OrganizationID, unrepeated(individuals))
	if err != nil {
		return nil, nil, err
	}
	return unrepeated(individuals), people, missing(individuals, people)
}

func (s *Service) subscribers(ctx context.Context, c Channel) ([]Subscriber, error) {
	found, err := s.store.FindSubscribers(ctx, c.OrganizationID, []id.ID{c.ID})
	return found[c.ID], err
}

// join subscribes those who are not yet, and says so in the channel.
func (s *Service) join(ctx context.Context, e *edit, people map[id.ID]directory.Individual, named []id.ID, origin Origin) error {
	present, err := s.subscribers(ctx, e.Channel)
	if err != nil {
		return err
	}
	before := map[id.ID]Subscriber{}
	for _, sub := range present {
		before[sub.IndividualID] = sub
	}
	var added []Subscriber
	for _, i := range named {
		sub, here := before[i]
		switch {
		case !here:
			added = append(added, newSubscriber(e.Channel, people[i], origin, e.now))
		case origin == Direct && sub.Origin != Direct:
			if err := s.store.SetOrigin(ctx, sub, Direct); err != nil {
				return err
			}
		}
	}
	if len(added) == 0 {
		return nil
	}
	present = append(present, added...)
	if err := e.admits(present); err != nil {
		return err
	}
	if p := theOne(e.Channel, present); e.Purpose == NoPurpose && !p.IsZero() && p != e.ParticipantID {
		e.ParticipantID = p // the former one has left
		if err := s.unique(ctx, e.Channel); err != nil {
			return err
		}
	}
	if err := s.store.InsertSubscribers(ctx, added); err != nil {
		return err
	}
	come := Membership{ChannelID: e.ID, IndividualIDs: individualsOf(added)}
	e.tell(ChannelSubscribed, e.ID, come)
	e.told(nil, come)
	return s.announce(ctx, e, people, individualsOf(added), "added to")
}

// leave unsubscribes those who are subscribed, and says so in the channel.
func (s *Service) leave(ctx context.Context, e *edit, people map[id.ID]directory.Individual, named []id.ID) error {
	present, err := s.subscribers(ctx, e.Channel)
	if err != nil {
		return err
	}
	var gone []id.ID
	goes := setOf(named)
	for _, sub := range present {
		if goes[sub.IndividualID] {
			gone = append(gone, sub.IndividualID)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := s.store.DeleteSubscribers(ctx, e.OrganizationID, e.ID, gone); err != nil {
		return err
	}
	left := Membership{ChannelID: e.ID, IndividualIDs: gone}
	e.tell(ChannelUnsubscribed, e.ID, left)
	e.told(left, nil)
	return s.announce(ctx, e, people, gone, "removed from")
}

// admits checks who would be in a channel against its type.
func (c Channel) admits(subs []Subscriber) error {
	participants := 0
	for _, sub := range subs {
		if sub.Side == Participants {
			participants++
		}
	}
	switch {
	case c.Type == None && participants > 0:
		return SubscriptionClosed.Errorf("the channel is for providers only")
	case c.Type == Single && !c.GroupID.IsZero() && participants > 1:
		return SubscriptionClosed.Errorf("the channel has its one participant already")
	}
	return nil
}

// Preferences are what a subscriber wants of a channel; nil leaves alone.
type Preferences struct {
	Notify *Notify
	Pinned *bool
}

// SetPreferences changes what an individual (Nil: the actor's own) wants of a channel that it is subscribed to. Nobody else
// is told. NotFound: it is not subscribed. Invalid: a machine names nobody.
func (s *Service) SetPreferences(ctx context.Context, channel, individual id.ID, p Preferences) (View, error) {
	a, err := require(ctx, channels, write)
	if err != nil {
		return View{}, err
	}
	if p.Notify != nil {
		var f errs.Fields
		errs.OneOf(&f, "notify", *p.Notify, Notifies()...)
		if err := f.Err(); err != nil {
			return View{}, err
		}
	}
	acting, err := s.actAs(ctx, individual)
	if err != nil {
		return View{}, err
	}
	c, err := s.readableBy(ctx, channel, acting)
	if err != nil {
		return View{}, err
	}
	if acting.IsZero() {
		return View{}, nobodyNamed()
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.SetPreferences(ctx, a.OrganizationID, channel, acting, p); err != nil {
			return err
		}
		return s.events.Audit(ctx, changeOf(c, channelPreferred, channel, nil))
	})
	if err != nil {
		return View{}, err
	}
	return s.view(ctx, c, acting)
}

// MarkOpened notes that the individual that the actor speaks as has looked at the channel. It does nothing for somebody
// who is not subscribed, and nobody is told.
func (s *Service) MarkOpened(ctx context.Context, channel id.ID) error {
	a, err := require(ctx, channels, read)
	if err != nil || a.Individual().IsZero() {
		return err
	}
	return s.store.SetOpened(ctx, a.OrganizationID, channel, a.Individual(), s.now())
}
