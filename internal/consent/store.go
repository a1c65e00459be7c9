package consent

import (
	"context"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Store keeps consents and their ledgers. Every method takes part in the transaction of its context value; outside of one
// each is atomic by itself. Methods that take no organization are about numbers, which belong to no organization.
// Errors are those of the database unless a method names others.
type Store interface {
	NumberStore
	RecordStore
	EntryStore
}

// NumberStore keeps what is known of numbers, by their hashes alone.
type NumberStore interface {
	// Secret returns what HashNumber is keyed with. It never changes.
	Secret(ctx context.Context) ([]byte, error)
	// LockNumber returns a number, and keeps others from doing the same until the end of the transaction. A number that
	// nobody has heard of is not stopped.
	LockNumber(ctx context.Context, hash string) (Number, error)
	// SaveNumber stores a number that this transaction has locked.
	SaveNumber(ctx context.Context, n Number, at time.Time) error
	// FindStopped returns which of the hashes are of numbers that are stopped.
	FindStopped(ctx context.Context, hashes []string) (map[string]bool, error)
}

// RecordStore keeps what follows from the ledgers.
type RecordStore interface {
	// Insert stores a new consent. DuplicateConsent: the user has a pending or accepted one of the type.
	Insert(ctx context.Context, c Consent) error
	// Update stores State, Reminded, Stopped, Number, Entries, Head and ModifiedAt.
	Update(ctx context.Context, c Consent) error
	// Get returns a consent. errs.CodeNotFound: the organization has none with this id.
	Get(ctx context.Context, organization, consent id.ID) (Consent, error)
	// Lock is Get for a row that this transaction is about to change.
	Lock(ctx context.Context, organization, consent id.ID) (Consent, error)
	// LockOfNumber locks and returns the consents of a number in every organization that a text can change: those that are
	// not revoked, and those that are stopped. Newest first.
	LockOfNumber(ctx context.Context, hash string) ([]Consent, error)
	// LockLive locks and returns the pending or accepted consent of a user, and whether there is one.
	LockLive(ctx context.Context, organization, user id.ID, t Type) (Consent, bool, error)
	// FindNewest returns the newest consent of each user that has one of the type.
	FindNewest(ctx context.Context, organization id.ID, t Type, users []id.ID) (map[id.ID]Consent, error)
	// CountPending counts the pending consents of each user who was invited after an instant; users without are absent.
	CountPending(ctx context.Context, organization id.ID, users []id.ID, after time.Time) (map[id.ID]int, error)
	// List returns a page of consents, newest first.
	List(ctx context.Context, f Filter, p page.Offset) (page.List[Consent], error)
}

// Filter selects consents of OrganizationID. Users nil: of everybody; empty: none.
type Filter struct {
	OrganizationID id.ID
	Users          []id.ID
}

// EntryStore keeps the ledgers. The database itself refuses to change or delete an entry; of one only
// the personal part can be blanked, and brought back, which is done by what consentdb.Personal declares.
type EntryStore interface {
	// Append stores entries. errs.CodeDuplicate: one of that number is there already.
	Append(ctx context.Context, organization id.ID, entries []Entry) error
	// Entries returns the ledger of a consent, in order; empty when the organization has no such consent.
	Entries(ctx context.Context, organization, consent id.ID) ([]Entry, error)
}
