package replication

import (
	"context"
	"fmt"

	"switchboard/internal/errs"
)

// Opener opens the feed of a replicator.
type Opener interface {
	// Open begins a reading. It goes on from a position that a feed with the same fingerprint gave before, or begins at the
	// start for the empty Place. Unavailable: there is nothing to read now, for a reason that may pass.
	Open(ctx context.Context, from Place) (Feed, error)
}

// Place is where in which edition of a feed a reading stands. The zero Place is the start of any.
type Place struct {
	// Fingerprint tells editions apart: two with the same one, if it is not empty, have the same content.
	Fingerprint string `json:"fingerprint,omitempty"`
	Position    string `json:"position,omitempty"`
	// Mark is what a feed that was read to its end wants to know at the next opening, such as since when there are changes. It
	// is not given back after a poll with problems, or when somebody asks for a poll: then all is to be read.
	Mark string `json:"mark,omitempty"`
}

// Feed is one reading of what another system says, record by record. It holds no more than one of them, or one page
// of them, in memory.
type Feed interface {
	// Next returns the next record, or io.EOF. An error of the type *RecordError is about one record, and reading goes on
	// behind it; any other is the end of the reading.
	Next(ctx context.Context) (Record, error)
	// Place is behind the last record returned. Without a Position the reading cannot be taken up in the middle.
	Place() Place
	Close() error
}

// Record is one record of a feed: a Person or a Team.
type Record struct {
	Line   int // from 1; 0 where there are no lines
	Person *Person
	Team   *Team
}

func (r Record) externalID() string {
	switch {
	case r.Person != nil:
		return r.Person.ExternalID
	case r.Team != nil:
		return r.Team.ExternalID
	}
	return ""
}

// check returns what is wrong with a record before anything is looked up.
func (r Record) check() []Problem {
	if n := len([]rune(r.externalID())); n == 0 || n > 255 {
		return []Problem{{Field: "external-id", Message: "must have 1 to 255 characters"}}
	}
	return nil
}

// RecordError is a record that cannot be read.
type RecordError struct {
	Line       int    // 0 where there are no lines
	ExternalID string // empty when it is not known
	Field      string
	Message    string
}

// Error returns the place and the message.
func (e *RecordError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	}
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Field, e.Message)
}

// problemsOf says what an error of the directory means for a record. ok is false when the error is not about the record.
func problemsOf(err error) (out outcome, problems []Problem, ok bool) {
	e, isOurs := asError(err)
	if !isOurs {
		return failed, nil, false
	}
	switch e.Code.Kind {
	case errs.Invalid, errs.NotFound:
		out = failed
	case errs.Conflict:
		out = conflict
	default:
		return failed, nil, false
	}
	for _, f := range e.Fields {
		problems = append(problems, Problem{Field: f.Path, Message: f.Message})
	}
	if len(problems) == 0 {
		problems = []Problem{{Message: e.Message}}
	}
	return out, problems, true
}
