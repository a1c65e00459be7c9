// Package messaging carries conversations: channels, their subscribers, messages, and who has read them.
//
// A channel is a row with two counters. message_seq counts what somebody posted in it and gives each message its place;
// stream_offset counts the channel's entries in the event log, so that live subscribers can tell what they missed. The row's
// lock orders everything that happens in the channel. Posting writes a fixed number of rows however many subscribers
// there are: what is unread to a subscriber is not stored but follows from three numbers,
//
//	message_seq − read_seq − exempt_after
//
// where read_seq is how far the subscriber has read and exempt_after counts the messages beyond it that are never unread
// to them, because they wrote them, because they were posted as acknowledged or because they were removed since. Lines that the server itself posts
// ("… was added") take no number of their own: they stand behind the message before them and are never unread.
//
// The package delivers nothing and knows no SQL and no HTTP. Package delivery reads what was posted from the event log and
// asks Audience whom to tell.
package messaging

import (
	"context"

	"switchboard/internal/clock"
	"switchboard/internal/directory"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/tx"
)

// Directory is what this context asks of package directory, whose Service it is.
type Directory interface {
	// ActAs resolves the individual that a request names, Nil for none; see directory.Service.
	ActAs(ctx context.Context, individual id.ID) (id.ID, error)
	// Leads tells whether any of the individuals leads the group.
	Leads(ctx context.Context, organization, group id.ID, individuals []id.ID) (bool, error)
	// Group returns a group with its members, or errs.CodeNotFound.
	Group(ctx context.Context, organization, group id.ID) (directory.Group, error)
	// Individuals returns those that exist.
	Individuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]directory.Individual, error)
	// Profile returns what an individual shows of itself, or errs.CodeNotFound.
	Profile(ctx context.Context, organization, individual id.ID) (directory.Profile, error)
	// Preferences returns what an organization has set, or the defaults.
	Preferences(ctx context.Context, organization id.ID) (directory.Preferences, error)
	// Users returns those that exist.
	Users(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error)
	// IndividualsOfUsers returns the individuals of each user that has any.
	IndividualsOfUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID][]directory.Individual, error)
}

// Destinations tells what became of a message outside the server. Package delivery implements it over its ledger.
type Destinations interface {
	// ForMessages returns, for each message that was sent anywhere, the state of its deliveries by transport ("sms",
	// "email", "push"). It checks no permission.
	ForMessages(ctx context.Context, organization id.ID, messages []id.ID) (map[id.ID]map[string]DeliveryState, error)
}

// DeliveryState is how far the deliveries of one message by one transport have come.
type DeliveryState struct {
	State  string `json:"state"`  // queued, held, sending, sent, delivered, read, failed or suppressed
	Reason string `json:"reason"` // an entry of package reason; empty while nothing is decided
}

// Service keeps the rules of conversations. It is safe for concurrent use.
//
// Its methods act for the actor of the context value. A channel or message that the actor may not read is
// errs.CodeNotFound, like one of another organization; one that may be read but not changed is errs.CodeDenied.
// Each method that writes is one transaction, which joins that of the context value if there is one.
type Service struct {
	store     Store
	directory Directory
	tx        tx.Runner
	events    event.Recorder
	now       clock.Clock
}

// New returns a service. The recorder and the directory must take part in the transactions of runner, as the store does.
func New(store Store, people Directory, runner tx.Runner, events event.Recorder, now clock.Clock) *Service {
	return &Service{store: store, directory: people, tx: runner, events: events, now: now}
}
