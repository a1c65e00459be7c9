package notify

import (
	"context"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/reason"
)

// Outbox is where notices leave this context. Package delivery implements it over its ledger; it is stated here because
// the rules of this package are what needs it.
//
// Every method takes the organization explicitly and checks no permission: the service has done so.
type Outbox interface {
	// Enqueue records one delivery for each notice, in the order given, in the transaction of ctx: all or none, and
	// nothing is sent before that commits. A notice with a Skip is recorded as suppressed for that reason and is never
	// sent; the others are queued. At most one notice without a Skip is given for a user and channel; the same user and
	// channel may stand beside it with Skips, for other groups. An empty list does nothing.
	//
	// It is called with up to tens of thousands of notices and must insert them in bulk. It does not check whether the
	// person can be reached: that is decided when the delivery is about to be sent. Errors are those of the database.
	Enqueue(ctx context.Context, c Content, notices []Notice) error

	// Ledger returns every delivery of a source, the suppressed ones included, in the order in which they were enqueued.
	// A source without deliveries has an empty ledger.
	Ledger(ctx context.Context, organization id.ID, s Source) ([]Delivery, error)

	// Told returns whom a source has reached or may still reach: its deliveries that are neither suppressed nor failed.
	// Their Skip is empty, and each user and channel stands there once.
	Told(ctx context.Context, organization id.ID, s Source) ([]Notice, error)

	// Explain tells what would stop a delivery at an instant: preference, consent, quiet hours, address. The answer has
	// reason.OK for who would be sent to, and an entry for each of people. It changes nothing.
	Explain(ctx context.Context, organization id.ID, people []Notifiable, urgent bool, at time.Time) (map[Notifiable]reason.Reason, error)
}

// Source is what a delivery is about.
type Source struct {
	Type string // one of the Source… constants
	ID   id.ID
}

// The types of sources that this package enqueues.
const (
	SourceAlert         = "alert"          // an alert was opened; the id is the alert's
	SourceAlertResolved = "alert-resolved" // an alert has ended; the id is the alert's
	SourceGroupTest     = "group-test"     // somebody tests a group; the id is the test's own
)

// Content is what all notices of one call say.
type Content struct {
	Source         Source
	OrganizationID id.ID
	Title          string         // one line, never empty
	Body           string         // plain text; may be empty
	Data           map[string]any // what templates and webhooks are given, in snake_case; encodes as JSON
	Urgent         bool           // may override quiet hours, where the person's preference allows that
	ExpiresAt      time.Time      // after which sending has no use; zero means never
	At             time.Time      // the instant at which everything about it was decided
}

// SiteName is the member of Content.Data that has the name of the site of an alert.
const SiteName = "site_name"

// Notice is one person to reach by one channel about one thing.
type Notice struct {
	UserID  id.ID
	GroupID id.ID // the notification group that asks for it
	Channel Channel
	Skip    reason.Reason // set: recorded as suppressed for this reason, never sent
}

// Delivery is one line of the ledger, as it is shown to people.
type Delivery struct {
	ID, UserID, GroupID id.ID
	Channel             Channel
	State               string // queued, held, sending, sent, delivered, read, failed, suppressed
	Reason              reason.Reason
	Address             string // masked; empty when none was looked up
	Attempts            []Attempt
	UpdatedAt           time.Time
}

// Attempt is one try to send a delivery, oldest first.
type Attempt struct {
	At         time.Time
	Outcome    string
	ProviderID string // the provider's own id of the message
	Detail     string
}
