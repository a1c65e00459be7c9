// Package transport is the seam between what is to be said and the providers that carry it: e-mail servers, SMS and
// WhatsApp gateways, webhook receivers.
//
// It holds the message as a provider is given it, the result and the failure as a provider reports them, the retry
// policy that all providers share, and the set of providers that a server runs. It knows neither deliveries nor people
// nor any provider: those are one folder each below this one, and package all lists them. Whether a message may be sent at all was decided before it comes here.
package transport

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/setting"
)

// Name is a transport as people and the ledger know it. Several providers can serve one transport, and one provider
// several transports.
type Name string

// The transports that a provider here serves. Others exist that need none (in-app).
const (
	Email    Name = "email"
	SMS      Name = "sms"
	WhatsApp Name = "whatsapp"
	Webhook  Name = "webhook"
)

// Names lists the transports above.
func Names() []Name { return []Name{Email, SMS, WhatsApp, Webhook} }

// Valid tells whether n is one of the transports above.
func (n Name) Valid() bool { return slices.Contains(Names(), n) }

// Message is one thing to be said to one address. Everything in it is stable over the attempts of a delivery except
// AttemptID, so that a provider that knows repetition can recognise it.
type Message struct {
	// Transport by which it goes. A provider that serves several reads it; Set.Send requires it.
	Transport Name
	// DeliveryID is the idempotency key towards the provider wherever it takes one (webhook-id, Message-ID). Required.
	DeliveryID id.ID
	// AttemptID is unique to this call; it is for logs and traces and never makes two attempts look different to the
	// person.
	AttemptID id.ID

	// To is the address in the transport's form: an e-mail address, an E.164 number, an absolute http or https URL.
	To string
	// From overrides the sender that the provider's settings name, in the same form; empty keeps it.
	From string
	// ReplyTo is where answers to an e-mail go; empty means From.
	ReplyTo string

	// Title is the subject of an e-mail. Transports without one (SMS, WhatsApp) do not send it: who composes a text
	// decides whether its title belongs in it.
	Title string
	// Text is the plain text, UTF-8.
	Text string
	// HTML is the rich form of the same text for e-mail; it is sent as given, so it must be safe already.
	HTML string
	// Media are URLs of pictures or files that the provider fetches itself (MMS, WhatsApp), at most ten.
	Media []string
	// Template names an approved template, for providers that take free text only at certain times (WhatsApp).
	// With a template, Text is not sent.
	Template *Template
	// Unsubscribe is an https URL that stops messages of this kind with one POST (RFC 8058); e-mail puts it in
	// List-Unsubscribe. Empty means none.
	Unsubscribe string

	// Type names the kind of event for a webhook ("message.posted"); empty means "message".
	Type string
	// Data is the payload of a webhook. When nil, the payload is made of Title and Text.
	Data map[string]any
	// Secrets sign a webhook in place of the provider's own, all at once, which is how a receiver changes its secret
	// without losing anything.
	Secrets []setting.Secret

	// At is when that which the message tells of happened: the Date of an e-mail, the timestamp of a webhook. Zero
	// means the time of the attempt, which makes bodies differ between attempts.
	At time.Time
	// ExpiresAt is when the message loses its use; a provider that can is told to stop trying then. Zero means never.
	ExpiresAt time.Time
	// CallbackURL is where the provider is to report what became of the message; empty means that nobody listens.
	// A report can come before Send has returned, so the URL should name the delivery.
	CallbackURL string
}

// Template is a text that the provider has approved beforehand, with the values of its variables.
type Template struct {
	ID        string
	Variables map[string]string
}

// State is how far a message is known to have come, as the provider tells it.
type State string

// The states, least first. Undelivered and failed differ only in who gave up: the network or the provider.
const (
	Accepted    State = "accepted"    // the provider has taken it
	Sent        State = "sent"        // it has left the provider
	Undelivered State = "undelivered" // the network gave up
	Failed      State = "failed"      // the provider gave up
	Delivered   State = "delivered"   // it has reached the person's device or the receiver
	Read        State = "read"        // the person has seen it
)

func states() []State { return []State{Accepted, Sent, Undelivered, Failed, Delivered, Read} }

// Valid tells whether s is one of the states above.
func (s State) Valid() bool { return slices.Contains(states(), s) }

// Final tells whether a provider says nothing new after s, but that it was read.
func (s State) Final() bool { return s.Supersedes(Sent) }

// Supersedes tells whether news of s replaces what was known before. Providers report out of order and twice; s wins
// when it is later in the list above. Proof of arrival therefore beats a failure, whichever comes first, a failure
// beats "sent", and nothing beats itself. The empty State is superseded by all.
func (s State) Supersedes(known State) bool {
	order := states()
	return slices.Index(order, s) > slices.Index(order, known)
}

// Result is what a provider answered to a message that it took.
type Result struct {
	// ProviderID is the provider's name for the message, by which callbacks refer to it. It can be empty: some
	// providers give none, and an answer can be cut off after the acceptance was clear.
	ProviderID string
	// State is Accepted, or Delivered when the acceptance is the arrival (webhooks).
	State State
	// Detail is the provider's answer for a person to read: one line, redacted, at most redact.MaxLine characters.
	Detail string
}

// Sender is a provider in service. All its methods may be called at once from many goroutines.
type Sender interface {
	// Send makes one attempt and returns when the provider has answered or ctx is done. It never retries by itself.
	//
	// The error is always an *Error, from which the caller learns whether, when and with what risk to try again.
	// When it is an *Error with Ambiguous false, the person did not and will not get the message from this attempt.
	Send(ctx context.Context, m Message) (Result, error)
	// Close gives connections back. It waits for no Send; those in flight may fail. Further calls do nothing, and a
	// Send after Close fails with Retry true.
	Close() error
}

// Claimer is a Sender that serves only some addresses of its transports, such as the webhooks of a chat service. What it
// claims goes by it, before the provider that serves the rest; several claimers are asked in the order of their names.
type Claimer interface {
	// Claims tells whether an address is one of those. It is quick and does no I/O.
	Claims(n Name, to string) bool
}
