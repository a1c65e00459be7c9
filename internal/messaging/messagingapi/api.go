// Package messagingapi is conversations over HTTP: channels and messages in the courier API, and the groups API (groups,
// contacts, conversations, messages), which is another spelling of the same records.
//
// It decodes, calls and encodes; every rule is package messaging's or directory's. What has no value is answered as null.
package messagingapi

import (
	"context"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/web"
	"switchboard/internal/web/cursorjson"
	"switchboard/internal/web/jsonapi"
)

// Mount registers the endpoints on a server. destinations may be nil: then no message has any.
func Mount(s *web.Server, m *messaging.Service, d *directory.Service, destinations messaging.Destinations) {
	courier := jsonapi.New(s)
	(&Channels{m, d}).Mount(courier)
	(&Messages{m, d, destinations}).Mount(courier)
	(&Bookmarks{m}).Mount(courier)
	mountGroups(cursorjson.New(s), m, d)
}

// orNull is null for an empty text.
func orNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

// given is the value of a member that cannot be cleared: null counts as absent.
func given[T any](o web.Opt[T]) *T {
	if o.Null {
		return nil
	}
	return o.Ptr()
}

// span is the bounds of a comparison as the domain has them: from the first to before the second. Instants are whole
// milliseconds.
func span(c jsonapi.Within) messaging.Span {
	var out messaging.Span
	from := func(t time.Time) {
		if t.After(out.From) {
			out.From = t
		}
	}
	until := func(t time.Time) {
		if out.Until.IsZero() || t.Before(out.Until) {
			out.Until = t
		}
	}
	for _, b := range c.Bounds {
		next := b.At.Truncate(time.Millisecond).Add(time.Millisecond)
		switch b.Comparator {
		case jsonapi.After:
			from(next)
		case jsonapi.NotUnder:
			from(b.At)
		case jsonapi.Before:
			until(b.At)
		case jsonapi.NotOver:
			until(next)
		}
	}
	return out
}

// people is those who are named in an answer.
type people struct {
	individuals map[id.ID]directory.Individual
	users       map[id.ID]directory.User
}

// lookUp reads individuals and their users; of those that were deleted there are the names, until they are purged.
func lookUp(ctx context.Context, d *directory.Service, organization id.ID, individuals []id.ID) (people, error) {
	if len(individuals) == 0 {
		return people{}, nil
	}
	found, err := d.IndividualsEver(ctx, organization, individuals)
	if err != nil {
		return people{}, err
	}
	var users []id.ID
	for _, i := range found {
		if u := i.UserID(); !u.IsZero() {
			users = append(users, u)
		}
	}
	byID, err := d.Users(ctx, organization, users)
	return people{found, byID}, err
}

func (p people) user(individual id.ID) directory.User {
	return p.users[p.individuals[individual].UserID()]
}
