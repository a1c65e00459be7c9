// Package notify decides who must hear of what: a notification group says that for these topics, at these sites, these
// people are told by these channels, unless a schedule mutes it. What happened comes in as an Alert, is routed by the
// groups that match it, and leaves as notices through the Outbox.
//
// The package sends nothing and knows no address, provider, SQL or HTTP. Whether a person can be reached (preference,
// consent, quiet hours, address) is decided where deliveries are made, later than here. An Alert is what POST /events
// creates; it is not called an event because that is what the log's entries are.
//
// There is no rotation, no escalation and no calendar export yet.
package notify

import (
	"context"

	"switchboard/internal/clock"
	"switchboard/internal/directory"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/tx"
)

// Directory is what this context asks about people and places. Records that do not exist are left out of the answers.
type Directory interface {
	Users(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error)
	// ActiveUsers tells which users can be reached at all.
	ActiveUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]bool, error)
	Sites(ctx context.Context, organization id.ID, sites []id.ID) (map[id.ID]directory.Site, error)
	// Organization is NotFound when there is none.
	Organization(ctx context.Context, organization id.ID) (directory.Organization, error)
}

// Service keeps the rules of this context. Its methods act for the actor of the context value, by the rules of policy.go;
// what belongs to another organization is NotFound. It is safe for concurrent use.
type Service struct {
	store     Store
	tx        tx.Runner
	events    event.Recorder
	directory Directory
	outbox    Outbox
	now       clock.Clock
}

// New returns the service. Store, recorder and outbox must take part in the transactions of runner.
func New(store Store, runner tx.Runner, events event.Recorder, dir Directory, outbox Outbox, now clock.Clock) *Service {
	return &Service{store: store, tx: runner, events: events, directory: dir, outbox: outbox, now: now}
}
