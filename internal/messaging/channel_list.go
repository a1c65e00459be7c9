package messaging

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// ChannelFilter selects channels. Every field that is set must hold; nil is no matter.
type ChannelFilter struct {
	// IndividualID is as whom they are listed: the channels that it is subscribed to. Nil is the individual that the
	// actor speaks as, but everyone (see policy.go) who names nobody is given all channels of the organization.
	IndividualID  id.ID
	Archived      *bool // nil: those that are not, as lists hide the archived
	Floating      *bool
	GroupID       id.ID
	ParticipantID id.ID // who is subscribed too
	Modified      Span
	Muted, Pinned *bool // by the individual
	// WithArchived lists channels whether or not they are archived, when Archived is nil.
	WithArchived bool
}

// ChannelQuery is a ChannelFilter as the store takes it.
type ChannelQuery struct {
	OrganizationID id.ID
	Caller         id.ID // whose Muted and Pinned count
	OnlyCallers    bool  // that Caller is subscribed to
	Archived       *bool // nil: no matter
	Floating       *bool
	GroupID        id.ID
	ParticipantID  id.ID
	Modified       Span
	Muted, Pinned  *bool
}

// ListChannels returns a page of channels, newest first.
func (s *Service) ListChannels(ctx context.Context, f ChannelFilter, p page.Offset) (page.List[View], error) {
	q, err := s.channelQuery(ctx, f)
	if err != nil {
		return page.List[View]{}, err
	}
	found, err := s.store.ListChannels(ctx, q, p)
	if err != nil {
		return page.List[View]{}, err
	}
	out, err := s.channelPage(ctx, q, found)
	if err != nil {
		return page.List[View]{}, err
	}
	return out, s.looked(ctx, q.OrganizationID, channelRead, id.Nil, looking(id.Nil, found.Items, func(c Channel) id.ID { return c.ID }))
}

// TurnChannels is ListChannels by cursor, for an API that shows nothing of what was said: it is not in the audit. NotFound: the cursor names no channel that the actor may see.
func (s *Service) TurnChannels(ctx context.Context, f ChannelFilter, p page.Cursor) (page.List[View], error) {
	q, err := s.channelQuery(ctx, f)
	if err != nil {
		return page.List[View]{}, err
	}
	found, err := s.store.TurnChannels(ctx, q, p)
	if err != nil {
		return page.List[View]{}, err
	}
	return s.channelPage(ctx, q, found)
}

func (s *Service) channelPage(ctx context.Context, q ChannelQuery, found page.List[Channel]) (page.List[View], error) {
	views, err := s.views(ctx, found.Items, q.Caller)
	return page.List[View]{Items: views, Total: found.Total, More: found.More}, err
}

func (s *Service) channelQuery(ctx context.Context, f ChannelFilter) (ChannelQuery, error) {
	a, err := require(ctx, channels, read)
	if err != nil {
		return ChannelQuery{}, err
	}
	acting, err := s.askedAs(ctx, f.IndividualID)
	if err != nil {
		return ChannelQuery{}, err
	}
	q := ChannelQuery{
		OrganizationID: a.OrganizationID, Caller: acting, OnlyCallers: !a.Everyone() || !f.IndividualID.IsZero(),
		Archived: f.Archived, Floating: f.Floating, GroupID: f.GroupID, ParticipantID: f.ParticipantID, Modified: f.Modified,
		Muted: f.Muted, Pinned: f.Pinned,
	}
	if q.Archived == nil && !f.WithArchived {
		q.Archived = new(bool)
	}
	return q, nil
}

// Conversations are the channels that the groups API knows as conversations, by what they are of.
type Conversations struct{ OfGroups, OfContacts map[id.ID]id.ID }

// Conversations finds the conversation of each group and contact that has one: the one that is not archived, or else the
// newest. It checks no permission and is for showing groups and contacts that the actor was given.
func (s *Service) Conversations(ctx context.Context, groups, contacts []id.ID) (Conversations, error) {
	found, err := s.store.FindConversations(ctx, actor.From(ctx).OrganizationID, groups, contacts)
	out := Conversations{OfGroups: map[id.ID]id.ID{}, OfContacts: map[id.ID]id.ID{}}
	for _, c := range found { // the best ones last
		switch c.Purpose {
		case OfGroup:
			out.OfGroups[c.GroupID] = c.ID
		case OfContact:
			out.OfContacts[c.ParticipantID] = c.ID
		case NoPurpose:
		}
	}
	return out, err
}

// Places returns the places of messages in their channels, of those that exist. It checks no permission, as Audience.
func (s *Service) Places(ctx context.Context, organization id.ID, list []id.ID) (map[id.ID]int64, error) {
	found, err := s.store.FindMessages(ctx, organization, list)
	out := make(map[id.ID]int64, len(found))
	for i, m := range found {
		out[i] = m.Seq
	}
	return out, err
}

// Readers returns for whom an acknowledgement counts: the individual, and where it is for all providers of the channel those
// who are in it now and have read as far. It checks no permission, as Audience.
func (s *Service) Readers(ctx context.Context, organization id.ID, a Acknowledged) ([]id.ID, error) {
	out := []id.ID{a.IndividualID}
	if !a.ForProviders {
		return out, nil
	}
	found, err := s.store.FindSubscribers(ctx, organization, []id.ID{a.ChannelID})
	for _, sub := range found[a.ChannelID] {
		if sub.Side == Providers && sub.IndividualID != a.IndividualID && sub.ReadSeq >= a.Sequence {
			out = append(out, sub.IndividualID)
		}
	}
	return out, err
}

// Audience is who may have to be told of a message.
type Audience struct {
	Channel     Channel
	Message     Message // with its text, removed or not
	Subscribers []Subscriber
}

// Audience returns a message with its channel and everybody in it. It checks no permission: it is for package delivery, which
// leaves out the author, those whom the message's AutoAck covers, the muted, and everybody when the message was removed
// meanwhile, is a line of the server, or the channel's events are not enabled. NotFound: message or channel is gone.
func (s *Service) Audience(ctx context.Context, organization, message id.ID) (Audience, error) {
	m, err := s.store.GetMessage(ctx, organization, message)
	if err != nil {
		return Audience{}, err
	}
	c, err := s.store.GetChannel(ctx, organization, m.ChannelID)
	if err != nil {
		return Audience{}, sameAs(err, "message")
	}
	subs, err := s.subscribers(ctx, c)
	return Audience{Channel: c, Message: m, Subscribers: subs}, err
}

// wrongOrganization is for requests that name an organization which is not the actor's.
func wrongOrganization() error { return errs.MissingRecord("organization") }

// CheckOrganization is NotFound unless organization is Nil or the actor's own.
func CheckOrganization(ctx context.Context, organization id.ID) error {
	if organization.IsZero() || organization == actor.From(ctx).OrganizationID {
		return nil
	}
	return wrongOrganization()
}
