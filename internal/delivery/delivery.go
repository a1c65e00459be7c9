// Package delivery is the ledger of every attempt to reach one person by one transport, and what works it off.
//
// A delivery is one person, one transport and one content. Its row in the ledger is at the same time its place in the
// queue: enqueueing is part of the transaction that gave cause, the dispatcher claims due rows under leases, asks the
// stages what stands in the way, opens an attempt, calls the provider and writes down what came of it; callbacks of
// the provider move the state further. Whoever asks why somebody was not reached finds the reason in the row.
//
// At least once, and where twice is possible: an attempt is stored before the call and closed after it. A process that
// dies in between leaves the attempt open. When the lease has ended another process closes it with the outcome
// "unknown", counts it in switchboard_delivery_ambiguous_total and sends again, under the same delivery id, which is the
// provider's idempotency key where it takes one. The same holds for an answer that got lost on the way (the outcome
// "ambiguous"), and for a process that lives on but could not extend its lease. There is no other window in which a
// person can get a message twice, and none in which a delivery that was committed is forgotten.
//
// The package decides neither who must hear of what (notify, messaging) nor how a provider is spoken to (transport).
// It keeps no templates: render.go words what is sent.
package delivery

import (
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// Source is what a delivery is about: a record of another context.
type Source struct {
	Type string // one of the constants below, or of package notify
	ID   id.ID
}

// The sources of the ledger's own.
const (
	SourceMessage    = "message"            // of a channel; the id is the message's
	SourceInvitation = "consent-invitation" // the question whether somebody may be texted; the id is the consent's
	SourceAnswer     = "consent-answer"     // to what somebody has texted; the id is the consent's or that of the text
)

// Content is what all deliveries of one Enqueue say. It is stored once, and what it says never changes, so that the record of
// what was sent stays true: after an edit, what still waits has a content of its own (Service.Reword).
type Content struct {
	ID, OrganizationID id.ID
	Source             Source
	Title              string
	Body               string
	Data               map[string]any // what webhooks are given besides title and body
	Urgent             bool           // passes pacing and the cap, and quiet hours where the person lets it
	// Followed makes each change of state of its deliveries an entry of the event log. It costs about as much as the
	// delivery itself, so it is for sources whose deliveries somebody watches one by one.
	Followed  bool
	ExpiresAt time.Time // zero means never
	At        time.Time // when what it tells of was decided
}

// Delivery is one person to be reached by one transport.
type Delivery struct {
	ID, OrganizationID id.ID
	ContentID          id.ID
	GroupID            id.ID // the notification group that asked for it; may be zero
	UserID             id.ID // zero for an individual without a user, who cannot be reached
	IndividualID       id.ID // zero where the source names users
	Transport          transport.Name
	State              State
	Reason             reason.Reason // why it is held, failed or suppressed, or is tried again; otherwise empty
	// Withdrawn is why it was taken back from its recipient; otherwise empty. No attempt is begun after that.
	Withdrawn  reason.Reason
	Address    string    // where the last attempt went; empty before the first
	DueAt      time.Time // when it is looked at next; zero when that is never
	Attempts   int       // made since it was enqueued or last retried by hand
	Provider   string    // by which the last attempt went, as the operator named it
	ProviderID string    // what that provider calls the message
	SentAt     time.Time // when a provider took it
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Attempt is one call of a provider. Its id is the AttemptID that the provider was given.
type Attempt struct {
	ID, DeliveryID id.ID
	Provider       string
	Address        string
	StartedAt      time.Time
	FinishedAt     time.Time // zero while it is open
	Outcome        Outcome
	Reason         reason.Reason // of a failure
	Code           string        // the provider's own code of a failure
	ProviderID     string
	Detail         string // for a person; one line, redacted
}

// Outcome is what came of an attempt.
type Outcome string

// The outcomes.
const (
	Open      Outcome = "open"      // the call has begun; nothing more is known
	Accepted  Outcome = "accepted"  // the provider has taken the message
	Refused   Outcome = "failed"    // the provider has surely not taken it
	Ambiguous Outcome = "ambiguous" // there was no clear answer: it may have been taken
	Unknown   Outcome = "unknown"   // the process died during the call: it may have been taken
)

// Callback is one piece of news from a provider, kept as it came.
type Callback struct {
	ID, OrganizationID id.ID // no organization while it is not known whose it is
	DeliveryID         id.ID // zero while it is not known
	Provider           string
	ProviderID         string
	State              transport.State
	Reason             reason.Reason
	Retry              bool
	Code               string
	Detail             string
	ReceivedAt         time.Time
	// Settled means that it needs no second look. News that came before the answer that explains it waits unsettled.
	Settled bool
}

// Text is a message that a person sent to one of our addresses.
type Text struct {
	ID             id.ID
	OrganizationID id.ID // zero when nobody here has the number
	UserID         id.ID
	Provider       string
	ProviderID     string
	Transport      transport.Name
	From, To       string
	Body           string
	Keyword        consent.Input // STOP, START or HELP; empty for a text like any other
	ReceivedAt     time.Time
}

// The transports that the ledger knows besides those that a provider can serve (package transport). Deliveries by them
// are recorded and end as suppressed, because nothing here serves them.
const (
	Push  transport.Name = "push"
	Voice transport.Name = "voice"
	InApp transport.Name = "inapp"
	Web   transport.Name = "web"
)

// Transports lists every transport that a delivery can have.
func Transports() []transport.Name {
	return append(transport.Names(), Push, Voice, InApp, Web)
}
