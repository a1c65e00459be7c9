// Package aggregate answers questions about many individuals at once, such as how much each has unread. It knows the columns
// and who may be asked about; every number is its context's, which app hands in as a source. It keeps nothing.
package aggregate

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Column is what can be asked of an individual.
type Column string

// The columns.
const (
	UnreadMessages      Column = "unread-messages"
	UnreadNotifications Column = "unread-notifications"
	LastMessageTime     Column = "last-message-time"
	LastLoginTime       Column = "last-login-time"
	OpenVideoChannels   Column = "open-video-channels"
	PendingConsents     Column = "pending-consents"
)

// Columns lists them.
func Columns() []Column {
	return []Column{UnreadMessages, UnreadNotifications, LastMessageTime, LastLoginTime, OpenVideoChannels, PendingConsents}
}

// MaxEntries is how many a request may have.
const MaxEntries = 1000

// scope is what scopes call these requests.
const scope = "aggregation-requests"

// Resources lists what the scopes of this package name.
func Resources() []actor.Resource {
	return []actor.Resource{{Name: scope, Actions: []string{actor.Read}, Doc: "Counts and times of many individuals at once."}}
}

// Counts returns a number for each of several individuals or users of an organization; 0 for those that it leaves out. It
// takes a bounded number of statements, however many are asked for.
type Counts func(ctx context.Context, organization id.ID, of []id.ID) (map[id.ID]int, error)

// Instants is Counts for instants; those left out have none.
type Instants func(ctx context.Context, organization id.ID, of []id.ID) (map[id.ID]time.Time, error)

// Sources are where the values come from. Each is of the context that its records belong to.
type Sources struct {
	// Visible returns those of the individuals that the actor may see.
	Visible func(ctx context.Context, individuals []id.ID) (map[id.ID]directory.Individual, error)

	UnreadMessages Counts   // by individual
	LastMessage    Instants // by individual
	LastLogin      Instants // by user
	PendingConsent Counts   // by user
}

// Value is the value of a column: an instant of those that end in -time, zero for none, and a count of the others.
type Value struct {
	Count int
	At    time.Time
}

// Instant tells whether the column's values are instants.
func (c Column) Instant() bool { return c == LastMessageTime || c == LastLoginTime }

// Entry asks for one column of one individual.
type Entry struct {
	Column       Column
	IndividualID id.ID
}

// Service answers.
type Service struct{ sources Sources }

// New returns a service.
func New(s Sources) *Service { return &Service{s} }

// Answers are the values that were asked for, by individual. Whom the actor may not see is not in it.
type Answers map[id.ID]map[Column]Value

// Answer returns the value of each entry whose individual the actor may see, by the directory's rule; of others it does not
// tell whether there are any.
//
// Unauthenticated; Denied: the scopes do not cover it; Invalid: no entries, too many, or a column that there is not.
func (s *Service) Answer(ctx context.Context, entries []Entry) (Answers, error) {
	a := actor.From(ctx)
	if a.IsZero() {
		return nil, errs.CodeUnauthenticated.Errorf("no key was sent")
	}
	if !a.Has(scope, actor.Read) {
		return nil, errs.Forbidden("the scopes of this key do not cover %s:read", scope)
	}
	if err := check(entries); err != nil {
		return nil, err
	}
	visible, err := s.sources.Visible(ctx, individualsOf(entries))
	if err != nil {
		return nil, err
	}
	wanted := map[Column][]directory.Individual{}
	out := Answers{}
	for _, e := range entries {
		i, ok := visible[e.IndividualID]
		if !ok {
			continue
		}
		if out[i.ID] == nil {
			out[i.ID] = map[Column]Value{}
		}
		if _, twice := out[i.ID][e.Column]; !twice {
			out[i.ID][e.Column] = Value{}
			wanted[e.Column] = append(wanted[e.Column], i)
		}
	}
	for _, c := range Columns() { // in one order, whatever was asked for
		if err := s.fill(ctx, a.OrganizationID, c, wanted[c], out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func check(entries []Entry) error {
	var f errs.Fields
	if len(entries) == 0 || len(entries) > MaxEntries {
		f.Add("entries", "must have 1 to %d elements", MaxEntries)
		return f.Err()
	}
	for i, e := range entries {
		errs.OneOf(&f, fmt.Sprintf("entries[%d].column", i), e.Column, Columns()...)
	}
	return f.Err()
}

func individualsOf(entries []Entry) []id.ID {
	seen := map[id.ID]bool{}
	var out []id.ID
	for _, e := range entries {
		if !seen[e.IndividualID] {
			seen[e.IndividualID] = true
			out = append(out, e.IndividualID)
		}
	}
	return out
}

// fill asks the source of a column for all individuals at once.
func (s *Service) fill(ctx context.Context, organization id.ID, c Column, individuals []directory.Individual, out Answers) error {
	if len(individuals) == 0 {
		return nil
	}
	set := func(get func(key id.ID) Value, key func(directory.Individual) id.ID) {
		for _, i := range individuals {
			out[i.ID][c] = get(key(i))
		}
	}
	count := func(from Counts, key func(directory.Individual) id.ID) error {
		found, err := from(ctx, organization, keysOf(individuals, key))
		set(func(k id.ID) Value { return Value{Count: found[k]} }, key)
		return err
	}
	instant := func(from Instants, key func(directory.Individual) id.ID) error {
		found, err := from(ctx, organization, keysOf(individuals, key))
		set(func(k id.ID) Value { return Value{At: found[k]} }, key)
		return err
	}
	switch c {
	case UnreadMessages:
		return count(s.sources.UnreadMessages, itself)
	case PendingConsents:
		return count(s.sources.PendingConsent, directory.Individual.UserID)
	case LastMessageTime:
		return instant(s.sources.LastMessage, itself)
	case LastLoginTime:
		return instant(s.sources.LastLogin, directory.Individual.UserID)
	case UnreadNotifications, OpenVideoChannels:
		// Nothing can make user-notifications and video-channels yet, so everybody has none: the zero that is there already is
		// the true count. Whoever brings them adds a source.
	}
	return nil
}

func itself(i directory.Individual) id.ID { return i.ID }

// keysOf returns each key once; nobody's (an individual without a user) is left out.
func keysOf(individuals []directory.Individual, key func(directory.Individual) id.ID) []id.ID {
	out := make([]id.ID, 0, len(individuals))
	for _, i := range individuals {
		if k := key(i); !k.IsZero() {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}
