package delivery

import (
	"context"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// Store keeps the ledger. Every method takes part in the transaction of its context value; outside of one each is atomic
// by itself. Errors are those of the database unless a method names others. Methods that take no organization work for
// the server itself, across all of them.
type Store interface {
	PlanStore
	QueueStore
	CallbackStore
	LedgerStore
}

// PlanStore takes new deliveries.
type PlanStore interface {
	// Insert stores a content and its deliveries in bulk. Of each delivery it takes the ID, the fields that name who and
	// how, State, Reason and DueAt; the rest comes from the content.
	Insert(ctx context.Context, c Content, deliveries []Delivery) error
	// Expire brings the ExpiresAt of every content of a source forward to an instant.
	Expire(ctx context.Context, organization id.ID, s Source, at time.Time) error
	// Reword stores a copy of a content, with another body, and gives it deliveries of the content, which goes when none
	// is left to it.
	Reword(ctx context.Context, content, replacement id.ID, body string, deliveries []id.ID) error
}

// Claimed is a batch of due deliveries that are this worker's until its lease ends, which is their DueAt. Their Attempts
// do not count the one that they were claimed for.
type Claimed struct {
	Lease      id.ID
	Deliveries []Delivery // the oldest first
	Contents   map[id.ID]Content
}

// IDs lists the claimed deliveries.
func (c Claimed) IDs() []id.ID {
	out := make([]id.ID, len(c.Deliveries))
	for i, d := range c.Deliveries {
		out[i] = d.ID
	}
	return out
}

// QueueStore is what a dispatcher needs.
type QueueStore interface {
	// Claim takes up to limit deliveries by one of the transports that are due at now, for the length of lease. No two
	// workers hold the same delivery. The rows come back as they were before: one in state Sending was left by a worker
	// that died.
	Claim(ctx context.Context, transports []transport.Name, now time.Time, lease time.Duration, limit int) (Claimed, error)
	// NextDue returns when the next delivery by one of the transports falls due, leased ones counted with the end of
	// their lease, and whether there is one.
	NextDue(ctx context.Context, transports []transport.Name) (time.Time, bool, error)
	// Extend keeps deliveries under their lease until then and returns how many still were.
	Extend(ctx context.Context, lease id.ID, deliveries []id.ID, until time.Time) (int64, error)
	// Leased locks those of the deliveries that are still under the lease, until the end of the transaction, and returns
	// them, each with why it was withdrawn.
	Leased(ctx context.Context, lease id.ID, deliveries []id.ID) (map[id.ID]reason.Reason, error)
	// Begin puts the deliveries of the attempts, which are under the lease, into state Sending by the attempts' provider
	// and stores the open attempts. The lease stays.
	Begin(ctx context.Context, lease id.ID, attempts []Attempt, at time.Time) error
	// Abandon closes the open attempts of deliveries as Unknown and returns how many there were.
	Abandon(ctx context.Context, deliveries []id.ID, at time.Time) (int64, error)
	// Finish stores how attempts ended, whatever was stored about that before. It does not touch their deliveries.
	Finish(ctx context.Context, attempts []Attempt) error
	// Save stores what becomes of deliveries under the lease (State, Reason, Address, DueAt, Attempts, Provider,
	// ProviderID, SentAt, UpdatedAt) and ends the lease for them. Deliveries that are not under it are left alone.
	Save(ctx context.Context, lease id.ID, deliveries []Delivery) error
	// SentSince counts, per user, the deliveries by a transport that a provider took at or after an instant.
	SentSince(ctx context.Context, users []id.ID, n transport.Name, since time.Time) (map[id.ID]int, error)
	// Depth returns how many deliveries by each transport are due, and since when the oldest of them is.
	Depth(ctx context.Context, now time.Time) (map[transport.Name]Depth, error)
	// Skew returns how far the database's clock is ahead of now; always 0 where it is the same machine's.
	Skew(ctx context.Context, now func() time.Time) (time.Duration, error)
}

// Depth is how much waits by one transport.
type Depth struct {
	Due    int
	Oldest time.Time
}

// CallbackStore is what news from providers needs.
type CallbackStore interface {
	// FindAttempted returns which delivery each of a provider's own ids belongs to, where an attempt has it.
	FindAttempted(ctx context.Context, provider string, providerIDs []string) (map[string]id.ID, error)
	// Lock returns those of the deliveries that exist, with their contents, and keeps others from changing them until the
	// end of the transaction. The ids are in order, so that two callers do not wait for each other.
	Lock(ctx context.Context, deliveries []id.ID) (map[id.ID]Delivery, map[id.ID]Content, error)
	// Forgo marks deliveries, which the transaction has locked, as withdrawn for a reason; one that is withdrawn keeps its own.
	Forgo(ctx context.Context, deliveries []id.ID, why reason.Reason) error
	// Advance stores what Save does, whoever has the lease, which ends. Open attempts of the delivery are closed as
	// Accepted, under the provider's id, when that is not empty; a delivery without an address then gets that of its
	// newest attempt.
	Advance(ctx context.Context, d Delivery, providerID string) error
	// InsertCallback keeps a piece of news.
	InsertCallback(ctx context.Context, c Callback) error
	// Pending returns the unsettled news about a provider's own ids, oldest first.
	Pending(ctx context.Context, provider string, providerIDs []string) ([]Callback, error)
	// PendingSince returns up to limit pieces of unsettled news that came at or after an instant and that an attempt can
	// explain by now, oldest first.
	PendingSince(ctx context.Context, since time.Time, limit int) ([]Callback, error)
	// Settle marks news as seen to, and says which delivery it was about.
	Settle(ctx context.Context, callback, organization, delivery id.ID) error
	// Forget settles what is unsettled and came before an instant, and deletes it when it belongs to no delivery.
	Forget(ctx context.Context, before time.Time) error
	// InsertText keeps a text that came in, and returns false when the provider's id for it is stored already.
	InsertText(ctx context.Context, t Text) (bool, error)
}

// LedgerStore reads.
type LedgerStore interface {
	// Get returns one delivery with its content. errs.CodeNotFound: the organization has none with this id.
	Get(ctx context.Context, organization, delivery id.ID) (Delivery, Content, error)
	// List returns a page of deliveries, newest first, with the contents that they share.
	List(ctx context.Context, f Filter, p page.Offset) (page.List[Delivery], map[id.ID]Content, error)
	// OfSource returns every delivery of a source, in the order in which they were enqueued.
	OfSource(ctx context.Context, organization id.ID, s Source) ([]Delivery, error)
	// Waiting returns the deliveries about sources of a type that wait or are being sent, in the order in which they were
	// enqueued, with their contents.
	Waiting(ctx context.Context, organization id.ID, sourceType string) ([]Delivery, map[id.ID]Content, error)
	// WaitingFor returns the deliveries to any of the people that wait or are being sent, and those that a provider took at or
	// after an instant and has not told more of, with their contents, as Waiting does.
	WaitingFor(ctx context.Context, organization id.ID, p People, since time.Time) ([]Delivery, map[id.ID]Content, error)
	// States returns the distinct (transport, state, reason) of the deliveries of each source.
	States(ctx context.Context, organization id.ID, sourceType string, sources []id.ID) (map[id.ID][]Delivery, error)
	// Attempts returns the attempts of deliveries, oldest first.
	Attempts(ctx context.Context, deliveries []id.ID) (map[id.ID][]Attempt, error)
	// Callbacks returns the news about a delivery in the order in which it came.
	Callbacks(ctx context.Context, delivery id.ID) ([]Callback, error)
}

// Filter selects deliveries of OrganizationID for which every other field that is set holds too.
type Filter struct {
	OrganizationID id.ID
	Sources        []string // types of sources
	SourceID       id.ID
	UserID         id.ID
	// IndividualID selects the deliveries addressed to an individual, and those addressed to IndividualUser, the user
	// whom it belongs to.
	IndividualID, IndividualUser id.ID
	// Only, when it is not nil, keeps the list to deliveries of these users and individuals.
	Only      *People
	Transport transport.Name
	State     State
}

// People are users and individuals.
type People struct {
	Users, Individuals []id.ID
}
