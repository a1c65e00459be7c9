package messaging

import (
	"context"
	"time"

	"switchboard/internal/id"
)

// AggregateStore answers about many individuals at once, in a statement for each few hundred.
type AggregateStore interface {
	// CountUnread counts what each individual has unread in channels that are not archived; who has nothing is absent.
	CountUnread(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]int, error)
	// LastMessages returns when something was last posted in any channel of each individual; who has none is absent.
	LastMessages(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]time.Time, error)
}

// UnreadMessages counts what each of the individuals has unread, by the counters of the channels. It checks no permission: the
// caller has found out whom it may ask about.
func (s *Service) UnreadMessages(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]int, error) {
	return s.store.CountUnread(ctx, organization, individuals)
}

// LastMessageTimes returns when something was last posted in any channel that each of the individuals is subscribed to. It
// checks no permission, as UnreadMessages does not.
func (s *Service) LastMessageTimes(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]time.Time, error) {
	return s.store.LastMessages(ctx, organization, individuals)
}
