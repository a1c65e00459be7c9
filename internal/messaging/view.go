package messaging

import (
	"context"

	"switchboard/internal/id"
)

// View is a channel as one individual sees it.
type View struct {
	Channel
	Caller      id.ID      // the individual; zero for a machine that acts for none
	Own         Subscriber // the individual's own subscription
	Subscribed  bool       // false: Own is zero
	NewMessages int64      // how many the individual has not read; 0 when not subscribed
	LastMessage Message    // as readers see it; zero while nobody has posted
	Bookmark    Bookmark   // the individual's newest in the channel; zero when there is none
}

// Subscribers returns the subscribers of channels that the actor was given, by channel, in the order in which they joined.
func (s *Service) Subscribers(ctx context.Context, views ...View) (map[id.ID][]Subscriber, error) {
	if len(views) == 0 {
		return map[id.ID][]Subscriber{}, nil
	}
	ids := make([]id.ID, len(views))
	for i, v := range views {
		ids[i] = v.ID
	}
	return s.store.FindSubscribers(ctx, views[0].OrganizationID, ids)
}

func (s *Service) view(ctx context.Context, c Channel, acting id.ID) (View, error) {
	views, err := s.views(ctx, []Channel{c}, acting)
	if err != nil {
		return View{}, err
	}
	return views[0], nil
}

// views adds to channels of one organization what acting sees of them.
func (s *Service) views(ctx context.Context, list []Channel, acting id.ID) ([]View, error) {
	if len(list) == 0 {
		return []View{}, nil
	}
	organization := list[0].OrganizationID
	ids := make([]id.ID, len(list))
	var last []id.ID
	for i, c := range list {
		ids[i] = c.ID
		if !c.LastMessageID.IsZero() {
			last = append(last, c.LastMessageID)
		}
	}
	own, err := s.store.FindSubscriptions(ctx, organization, acting, ids)
	if err != nil {
		return nil, err
	}
	said, err := s.store.FindMessages(ctx, organization, last)
	if err != nil {
		return nil, err
	}
	marked, err := s.store.FindBookmarks(ctx, organization, acting, ids)
	if err != nil {
		return nil, err
	}
	out := make([]View, len(list))
	for i, c := range list {
		v := View{Channel: c, Caller: acting, LastMessage: said[c.LastMessageID].redacted(), Bookmark: marked[c.ID]}
		v.Own, v.Subscribed = own[c.ID]
		if v.Subscribed {
			v.NewMessages = v.Own.Unread(c)
		}
		out[i] = v
	}
	return out, nil
}
