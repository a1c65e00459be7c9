package messaging

import (
	"context"
	"slices"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// SubscriptionType says which participants a channel takes.
type SubscriptionType string

// The subscription types.
const (
	Single SubscriptionType = "single" // one participant and a care group; without a group, whoever was named at creation
	Open   SubscriptionType = "open"   // any participants, and more may be added
	None   SubscriptionType = "none"   // providers only
)

// SubscriptionTypes lists them.
func SubscriptionTypes() []SubscriptionType { return []SubscriptionType{None, Open, Single} }

// Purpose marks the channels that the groups API knows as the conversation of a group or a contact.
type Purpose string

// The purposes.
const (
	NoPurpose Purpose = ""
	OfGroup   Purpose = "group"   // the one conversation of its group; it follows the group's leaders and individuals
	OfContact Purpose = "contact" // the one conversation with its participant
)

const (
	maxName  = 255  // characters of a channel's name and label
	maxNamed = 1000 // individuals named in one request
)

// Channel is a conversation.
type Channel struct {
	ID, OrganizationID id.ID
	// GroupID is the care group: its leaders are the channel's providers. Zero for a direct channel.
	GroupID id.ID
	// ParticipantID is whom a single channel of a care group, or the conversation of a contact, is about; else zero.
	ParticipantID id.ID
	Purpose       Purpose
	OwnerID       id.ID // the individual that opened it; zero for a machine
	CreatedBy     id.ID // the user who opened it, or the key that belongs to none
	Name, Label   string
	Type          SubscriptionType
	// Floating lets the providers follow the group's leaders as those change; otherwise they are those of the creation.
	Floating        bool
	EventsEnabled   bool  // whether anybody is notified of what is posted
	TextNumberID    id.ID // as given: numbers belong to a higher context, which is not asked
	PinnedMessageID id.ID
	LastMessageID   id.ID // the newest message that somebody posted
	MessageSeq      int64
	SystemCount     int64
	StreamOffset    int64
	CreatedAt       time.Time
	ModifiedAt      time.Time // of the channel or anything posted in it
	ActiveAt        time.Time // of the newest message, or else of the creation
	ArchivedAt      time.Time
}

// Archived tells whether the channel has been put away.
func (c Channel) Archived() bool { return !c.ArchivedAt.IsZero() }

// liveKey is what at most one channel that is not archived may have; empty for those that may be many.
func (c Channel) liveKey() string {
	switch {
	case c.Purpose == OfGroup:
		return "group:" + c.GroupID.String()
	case c.Purpose == OfContact:
		return "contact:" + c.ParticipantID.String()
	case c.Type == Single && !c.GroupID.IsZero() && !c.ParticipantID.IsZero():
		return "single:" + c.GroupID.String() + ":" + c.ParticipantID.String()
	}
	return ""
}

// LiveKey is stored with the channel; see Store.
func (c Channel) LiveKey() string { return c.liveKey() }

// NewChannel is what a channel is made of. It names a group, individuals, or both.
type NewChannel struct {
	GroupID id.ID
	// IndividualIDs are subscribed besides the group's leaders. A channel of a group that names none has the group's
	// individuals, unless it takes providers only.
	IndividualIDs []id.ID
	Name, Label   string           // at most 255 characters
	Type          SubscriptionType // empty: single
	Floating      bool
	EventsEnabled bool
	TextNumberID  id.ID
	// Purpose makes it the conversation of the group, or of the one individual named. Such a channel is open, and that
	// of a group is floating.
	Purpose Purpose
}

func (n NewChannel) validate() error {
	var f errs.Fields
	if n.GroupID.IsZero() && len(n.IndividualIDs) == 0 {
		f.Require("individual_ids")
	}
	f.Text("name", n.Name, 0, maxName)
	f.Text("label", n.Label, 0, maxName)
	errs.OneOf(&f, "subscription_type", n.Type, SubscriptionTypes()...)
	if len(n.IndividualIDs) > maxNamed {
		f.Add("individual_ids", "must name at most %d individuals", maxNamed)
	}
	if n.Floating && n.GroupID.IsZero() && n.Purpose != OfGroup {
		f.Add("floating", "needs a group whose leaders are followed")
	}
	if n.Purpose == OfGroup && n.GroupID.IsZero() {
		f.Require("group_id")
	}
	if n.Purpose == OfContact && len(n.IndividualIDs) != 1 {
		f.Add("contact_id", "must name one contact")
	}
	return f.Err()
}

// settle fills in what follows from the rest.
func (n NewChannel) settle() NewChannel {
	n.Name, n.Label = strings.TrimSpace(n.Name), strings.TrimSpace(n.Label)
	if n.Type == "" {
		n.Type = Single
	}
	if n.Purpose != NoPurpose {
		n.Type = Open
		n.Floating = n.Floating || n.Purpose == OfGroup
	}
	return n
}

// CreateChannel opens a channel. Its subscribers are the group's leaders, the individuals named (or the group's) and, in a
// direct channel, the individual that the actor speaks as unless that is an administrator or a machine.
//
// DuplicateChannel: there is one for the same already. NotFound: no such group or individual, with the field. Denied: see
// policy.go.
func (s *Service) CreateChannel(ctx context.Context, in NewChannel) (View, error) {
	a, err := require(ctx, channels, write)
	if err != nil {
		return View{}, err
	}
	in = in.settle()
	if err := in.validate(); err != nil {
		return View{}, err
	}
	people, err := s.gather(ctx, a, in)
	if err != nil {
		return View{}, err
	}
	if err := s.mayCreate(ctx, a, in, people); err != nil {
		return View{}, err
	}
	c, subs, err := in.build(a, people, s.now())
	if err != nil {
		return View{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error { return s.create(ctx, c, subs) })
	if errs.Is(err, errs.CodeDuplicate) { // another request was faster
		err = s.duplicate(ctx, c, err)
	}
	if err != nil {
		return View{}, err
	}
	c.StreamOffset = 1
	return s.view(ctx, c, a.Individual())
}

func (s *Service) create(ctx context.Context, c Channel, subs []Subscriber) error {
	if err := s.unique(ctx, c); err != nil {
		return err
	}
	c.StreamOffset = 1
	if err := s.store.CreateChannel(ctx, c, subs); err != nil {
		return err
	}
	return s.events.Record(ctx, changeOf(c, ChannelCreated, c.ID, describe(c, individualsOf(subs))))
}

// unique looks for a live channel that stands for the same as c.
func (s *Service) unique(ctx context.Context, c Channel) error {
	if c.liveKey() == "" || c.Archived() {
		return nil
	}
	other, found, err := s.store.FindLive(ctx, c.OrganizationID, c.liveKey())
	if err == nil && found && other != c.ID {
		err = DuplicateChannel.Errorf("there is a channel for this already").With("id", other)
	}
	return err
}

// duplicate explains the unique index's refusal of c.
func (s *Service) duplicate(ctx context.Context, c Channel, cause error) error {
	if err := s.unique(ctx, c); err != nil {
		return err
	}
	return cause
}

// cast is who a new channel is about.
type cast struct {
	group       directory.Group // zero without one
	individuals map[id.ID]directory.Individual
	named       []id.ID // those to subscribe besides the leaders, each once
}

// gather finds the group and the individuals that a new channel names.
func (s *Service) gather(ctx context.Context, a actor.Actor, in NewChannel) (cast, error) {
	var (
		c   cast
		err error
	)
	c.named = unrepeated(in.IndividualIDs)
	if !in.GroupID.IsZero() {
		if c.group, err = s.directory.Group(ctx, a.OrganizationID, in.GroupID); err != nil {
			return c, blame(err, "individual_group_id")
		}
		if len(c.named) == 0 && in.Type != None {
			c.named = c.group.IndividualIDs
		}
	}
	wanted := slices.Concat(c.named, c.group.LeaderIDs, a.Individuals)
	c.individuals, err = s.directory.Individuals(ctx, a.OrganizationID, unrepeated(wanted))
	if err != nil {
		return c, err
	}
	return c, missing(in.IndividualIDs, c.individuals)
}

// build makes the channel and its subscribers; nothing is stored.
func (n NewChannel) build(a actor.Actor, people cast, now time.Time) (Channel, []Subscriber, error) {
	c := Channel{
		ID: id.New(), OrganizationID: a.OrganizationID, GroupID: n.GroupID, Purpose: n.Purpose, OwnerID: a.Individual(),
		CreatedBy: creator(a), Name: n.Name, Label: n.Label, Type: n.Type, Floating: n.Floating, EventsEnabled: n.EventsEnabled,
		TextNumberID: n.TextNumberID, CreatedAt: now, ModifiedAt: now, ActiveAt: now,
	}
	subs := n.subscribers(c, people, a)
	var participants []id.ID
	for _, sub := range subs {
		if sub.Side == Participants {
			participants = append(participants, sub.IndividualID)
		}
	}
	if err := n.admits(participants); err != nil {
		return c, nil, err
	}
	switch {
	case n.Purpose == OfContact:
		c.ParticipantID = n.IndividualIDs[0]
	case n.Type == Single && !n.GroupID.IsZero():
		c.ParticipantID = participants[0]
	}
	return c, subs, nil
}

// subscribers are those of a new channel: the leaders, who was named, and who opens a direct channel.
func (n NewChannel) subscribers(c Channel, people cast, a actor.Actor) []Subscriber {
	var out []Subscriber
	in := map[id.ID]bool{}
	add := func(origin Origin, individuals ...id.ID) {
		for _, i := range individuals {
			if person, ok := people.individuals[i]; ok && !in[i] {
				in[i] = true
				out = append(out, newSubscriber(c, person, origin, c.CreatedAt))
			}
		}
	}
	add(Leader, people.group.LeaderIDs...)
	if n.Purpose == OfGroup {
		add(Member, people.named...)
	} else {
		add(Direct, people.named...)
	}
	if n.GroupID.IsZero() && !a.Everyone() {
		add(Direct, a.Individual())
	}
	return out
}

// admits checks the participants of a new channel against its type.
func (n NewChannel) admits(participants []id.ID) error {
	switch {
	case n.Type == None && len(participants) > 0:
		return errs.InvalidField("individual_ids", "must name providers only when the subscription type is none")
	case n.Type == Single && !n.GroupID.IsZero() && len(participants) != 1:
		return errs.InvalidField("individual_ids", "must name exactly one participant when the subscription type is single")
	}
	return nil
}

// GetChannel returns a channel as an individual sees it; Nil is the one that the actor speaks as.
func (s *Service) GetChannel(ctx context.Context, channel, individual id.ID) (View, error) {
	v, err := s.channelView(ctx, channel, individual)
	if err != nil {
		return View{}, err
	}
	return v, s.looked(ctx, v.OrganizationID, channelRead, v.ID, Looked{Count: 1, First: v.ID, Last: v.ID})
}

// channelView is GetChannel for what shows nothing of what was said.
func (s *Service) channelView(ctx context.Context, channel, individual id.ID) (View, error) {
	if _, err := require(ctx, channels, read); err != nil {
		return View{}, err
	}
	c, acting, err := s.readable(ctx, channel, individual)
	if err != nil {
		return View{}, err
	}
	return s.view(ctx, c, acting)
}

// DeleteChannel removes a channel with all that was said in it, for good. What the event log has of it is blanked; one
// last entry tells that it is gone.
func (s *Service) DeleteChannel(ctx context.Context, channel id.ID) error {
	if _, err := require(ctx, channels, write); err != nil {
		return err
	}
	return s.edit(ctx, channel, func(ctx context.Context, e *edit) error {
		if err := s.mayManage(ctx, e.Channel); err != nil {
			return err
		}
		if err := s.events.Redact(ctx, e.ID, id.Nil, Gone{ChannelID: e.ID, Removed: true}); err != nil {
			return err
		}
		e.deleted = true
		e.tell(ChannelDeleted, e.ID, Gone{ChannelID: e.ID, Removed: true})
		e.told(describe(e.Channel, nil), nil)
		return s.store.DeleteChannel(ctx, e.OrganizationID, e.ID)
	})
}
