package messagingapi

import (
	"context"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/web/jsonapi"
)

// channelGroup is the group of a channel with its people. Of large groups the first hundred individuals are shown;
// individuals-count is of all.
type channelGroup struct {
	IndividualIDs    []id.ID           `json:"individual-ids"`
	Individuals      []groupIndividual `json:"individuals"`
	IndividualsCount int               `json:"individuals-count"`
	LeaderIDs        []id.ID           `json:"leader-ids"`
	Leaders          []groupLeader     `json:"leaders"`
	Name             string            `json:"name"`
	OrganizationID   id.ID             `json:"organization-id" nullable:"false"`
}

type groupIndividual struct {
	BirthDate     *string         `json:"birth-date"`
	FirstName     *string         `json:"first-name"`
	ID            id.ID           `json:"id" nullable:"false"`
	LastName      *string         `json:"last-name"`
	Name          string          `json:"name"`
	Owner         individualOwner `json:"owner"`
	PreferredName *string         `json:"preferred-name"`
	Verified      bool            `json:"verified"`
}

type individualOwner struct {
	ID   id.ID  `json:"id" nullable:"false"`
	Type string `json:"type" enum:"user,organization"`
}

type groupLeader struct {
	FirstName *string `json:"first-name"`
	ID        id.ID   `json:"id" nullable:"false"`
	LastName  *string `json:"last-name"`
}

const maxGroupIndividuals = 100

// surroundings is what answers about channels are made of besides the channels.
type surroundings struct {
	people
	groups      map[id.ID]directory.Group
	subscribers map[id.ID][]messaging.Subscriber
	settings    directory.Preferences
}

// gather reads what belongs to channels of one organization, in a fixed number of queries.
func (h *Channels) gather(ctx context.Context, views []messaging.View) (surroundings, error) {
	var (
		s      surroundings
		err    error
		groups []id.ID
		named  []id.ID
	)
	for _, v := range views {
		if !v.GroupID.IsZero() {
			groups = append(groups, v.GroupID)
		}
		if !v.OwnerID.IsZero() {
			named = append(named, v.OwnerID)
		}
	}
	organization := views[0].OrganizationID
	if s.groups, err = h.directory.Groups(ctx, organization, groups); err != nil {
		return s, err
	}
	if s.subscribers, err = h.messaging.Subscribers(ctx, views...); err != nil {
		return s, err
	}
	for _, g := range s.groups {
		named = append(named, g.LeaderIDs...)
		named = append(named, g.IndividualIDs[:min(len(g.IndividualIDs), maxGroupIndividuals)]...)
	}
	for _, list := range s.subscribers {
		for _, sub := range list {
			named = append(named, sub.IndividualID)
		}
	}
	if s.people, err = lookUp(ctx, h.directory, organization, named); err != nil {
		return s, err
	}
	s.settings, err = h.directory.Preferences(ctx, organization)
	return s, err
}

func (h *Channels) encode(ctx context.Context, views []messaging.View, useGroupName bool) ([]jsonapi.Resource[channel], error) {
	out := make([]jsonapi.Resource[channel], 0, len(views))
	if len(views) == 0 {
		return out, nil
	}
	s, err := h.gather(ctx, views)
	if err != nil {
		return nil, err
	}
	for _, v := range views {
		out = append(out, jsonapi.Resource[channel]{ID: v.ID, Attributes: s.channel(v, useGroupName, messaging.SeesDetails(ctx, v))})
	}
	return out, nil
}

// channel is a channel as it is answered. Without details, participants are not shown what is none of their business.
func (s surroundings) channel(v messaging.View, useGroupName, details bool) channel {
	owner := s.individuals[v.OwnerID]
	c := channel{
		Archived: v.Archived(), CallerHasNewMessage: v.NewMessages > 0, CallerNewMessageCount: v.NewMessages,
		CreatedAt: jsonapi.At(v.CreatedAt), CreatedBy: v.CreatedBy, EventSettings: eventSettings{v.EventsEnabled}, Floating: v.Floating,
		GroupProviderAck:  v.SharesAcks(s.settings),
		IndividualGroupID: v.GroupID, Label: orNull(v.Label), LastModifiedTime: jsonapi.At(v.ModifiedAt), Name: orNull(v.Name),
		OrgID: v.OrganizationID, OwnerFirstName: orNull(owner.FirstName), OwnerID: v.OwnerID, OwnerLastName: orNull(owner.LastName),
		Subscribers: s.subscribersOf(v, details), SubscriptionType: string(v.Type), TextNumber: jsonapi.RefTo(v.TextNumberID),
	}
	if g, ok := s.groups[v.GroupID]; ok {
		if !details {
			g.IndividualIDs = s.present(v, g.IndividualIDs)
		}
		c.IndividualGroup = s.group(g, v.Caller, details)
		if c.Name == nil && useGroupName {
			c.Name = orNull(g.Name)
		}
	}
	if c.Name == nil {
		c.Name = orNull(messaging.Title(v, s.settings, s.user(v.Caller).Locale, s.subscribers[v.ID], s.individuals))
	}
	if b := v.Bookmark; !b.ID.IsZero() {
		c.Bookmark = &channelBookmark{ID: b.ID, MessageID: b.MessageID}
	}
	if m := v.LastMessage; !m.ID.IsZero() {
		c.LastMessage = &lastMessage{ID: m.ID, Message: m.Text, PostedTime: jsonapi.At(m.PostedAt), Removed: m.Removed()}
	}
	return c
}

// present are those of some individuals who are in the channel.
func (s surroundings) present(v messaging.View, individuals []id.ID) []id.ID {
	here := map[id.ID]bool{v.Caller: true}
	for _, sub := range s.subscribers[v.ID] {
		here[sub.IndividualID] = true
	}
	var out []id.ID
	for _, i := range individuals {
		if here[i] {
			out = append(out, i)
		}
	}
	return out
}

func (s surroundings) subscribersOf(v messaging.View, details bool) []subscriber {
	out := []subscriber{}
	for _, sub := range s.subscribers[v.ID] {
		i, u := s.individuals[sub.IndividualID], s.user(sub.IndividualID)
		one := subscriber{
			Admin: sub.Origin == messaging.Leader, CommunicationPreferences: map[string]directory.Preference{},
			FirstName: orNull(i.FirstName), ID: sub.IndividualID, LastName: orNull(i.LastName),
		}
		if details || sub.IndividualID == v.Caller {
			one.AutoSignUp, one.BirthDate, one.Pinned = u.AutoSignUp, orNull(i.BirthDate), sub.Pinned
			one.CommunicationPreferences, one.Email, one.EmailVerified = orEmpty(u.Preferences), orNull(u.Email), u.EmailVerified
			one.PhoneNumber, one.PhoneNumberUnsubscribed, one.PhoneNumberVerified = orNull(u.Phone), u.PhoneUnsubscribed, u.PhoneVerified
		}
		out = append(out, one)
	}
	return out
}

func orEmpty[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

func (s surroundings) group(g directory.Group, caller id.ID, details bool) *channelGroup {
	out := &channelGroup{
		IndividualIDs: append([]id.ID{}, g.IndividualIDs[:min(len(g.IndividualIDs), maxGroupIndividuals)]...),
		Individuals:   []groupIndividual{}, IndividualsCount: len(g.IndividualIDs), LeaderIDs: append([]id.ID{}, g.LeaderIDs...),
		Leaders: []groupLeader{}, Name: g.Name, OrganizationID: g.OrganizationID,
	}
	for _, who := range out.IndividualIDs {
		i := s.individuals[who]
		if !details && who != caller {
			i.BirthDate = ""
		}
		out.Individuals = append(out.Individuals, groupIndividual{
			BirthDate: orNull(i.BirthDate), FirstName: orNull(i.FirstName), ID: who, LastName: orNull(i.LastName), Name: i.Name(),
			Owner: individualOwner{i.OwnerID, string(i.OwnerType)}, PreferredName: orNull(i.PreferredName), Verified: i.Verified,
		})
	}
	for _, who := range out.LeaderIDs {
		i := s.individuals[who]
		out.Leaders = append(out.Leaders, groupLeader{FirstName: orNull(i.FirstName), ID: who, LastName: orNull(i.LastName)})
	}
	return out
}
