package audit

import (
	"context"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Filter selects the rows of an organization. Every field that is set must hold.
type Filter struct {
	OrganizationID id.ID
	Action         string // how the action begins
	KeyID          id.ID
	UserID         id.ID
	IndividualID   id.ID // as whom
	Subject        id.ID
	From, Until    time.Time // from From to before Until; zero is no bound
}

// Named tells whether the filter asks for more than the actions of an organization, of which the store keeps count.
func (f Filter) Named() bool {
	f.OrganizationID, f.Action = id.Nil, ""
	return f != Filter{}
}

// Span is places from First to Last, both in it. It is empty when Last is below First.
type Span struct{ First, Last int64 }

// Store keeps the rows and the blocks. Rows are put in by package eventlog.
type Store interface {
	// Waiting returns the head and up to limit committed rows that have no place yet, in their order.
	Waiting(ctx context.Context, limit int) (Head, []Event, error)
	// Place gives rows that Waiting returned their places after the head that came with them. It does nothing and returns false
	// when that is no longer the head, or another node is about to move it. Until the transaction ends no one else places rows.
	// Call it in a transaction that ends with Append.
	Place(ctx context.Context, after Head, events []Event) (bool, error)
	// Append stores the block of the rows that were placed, counts them, and moves the head to it.
	Append(ctx context.Context, b Block, events []Event) error
	// Head returns the end of the chain.
	Head(ctx context.Context) (Head, error)

	// Blocks returns up to limit blocks with a number above after, in order.
	Blocks(ctx context.Context, after int64, limit int) ([]Block, error)
	// BlockOf returns the number of the block that the place is in; 0 when there is none.
	BlockOf(ctx context.Context, place int64) (int64, error)
	// Placed returns the rows at the places of a span, in order, more than one for a place if that is so; of one organization, or of
	// all for Nil.
	Placed(ctx context.Context, organization id.ID, s Span) ([]Event, error)
	// Beyond returns how many rows have a place that is not within a span.
	Beyond(ctx context.Context, s Span) (int64, error)
	// Unplaced returns how many rows have no place and the time of the oldest; it reads all of them.
	Unplaced(ctx context.Context) (count int64, oldest time.Time, err error)
	// Audited tells whether any row, placed or not, has the subject.
	Audited(ctx context.Context, organization, subject id.ID) (bool, error)
	// Span returns the places between which all rows are that were written within the times of f; of all organizations for Nil. The
	// rest of f is no matter.
	Span(ctx context.Context, f Filter) (Span, error)

	// List returns rows that have a place, newest first, and how many there are, though of a Named filter no more than CountLimit.
	List(ctx context.Context, f Filter, p page.Offset) (page.List[Event], error)
	// Get returns a row that has a place. NotFound.
	Get(ctx context.Context, organization, event id.ID) (Event, error)

	// Forget takes the detail and the salt of rows about subjects, leaving the hash and the purge, and returns how many. What was
	// purged before stays as it is.
	Forget(ctx context.Context, organization id.ID, subjects []id.ID, purge id.ID) (int64, error)
}

// CountLimit is how far a list is counted where no counter is kept.
const CountLimit = 10_000
