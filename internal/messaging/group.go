package messaging

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// People is what Groups asks of package directory, whose Service it is, besides what Directory has.
type People interface {
	CreateGroup(ctx context.Context, e directory.GroupEdit) (directory.Group, error)
	UpdateGroup(ctx context.Context, group id.ID, e directory.GroupEdit) (directory.Group, error)
	DeleteGroup(ctx context.Context, group id.ID) error
	CreateContact(ctx context.Context, n directory.NewContact) (directory.Contact, error)
	DeleteContact(ctx context.Context, contact id.ID) error
	ResolveContacts(ctx context.Context, organization id.ID, path string, refs []directory.ContactRef) ([]id.ID, error)
	// UsersNamed returns those that exist, by directory.FoldName.
	UsersNamed(ctx context.Context, organization id.ID, usernames []string) (map[string]directory.User, error)
}

// Groups is what the groups API asks for in one piece although it spans this context and the directory: a group is an
// individual-group with its conversation, a contact is an individual with one, and both come and go together, each in one
// transaction. Who may do it is decided by the two contexts; whoever may write a group or a contact may write the
// conversation that belongs to it, whether or not a scope covers conversations too.
type Groups struct {
	*Service
	people People
}

// NewGroups returns it over a service. people must take part in the service's transactions.
func NewGroups(s *Service, people People) *Groups { return &Groups{Service: s, people: people} }

// covering returns ctx with an actor whose scopes cover conversations.
func covering(ctx context.Context) context.Context { return actor.Widen(ctx, "conversations") }

// CreateGroup makes a group of contacts and its conversation. The provider who makes it leads it, and so takes part.
// e.LeaderIDs and e.IndividualIDs must be nil. Invalid: a contact that is named does not exist, with its index.
func (g *Groups) CreateGroup(ctx context.Context, e directory.GroupEdit, contacts []directory.ContactRef) (directory.Group, error) {
	var out directory.Group
	err := g.tx.Do(ctx, func(ctx context.Context) error {
		members, wrong := g.resolve(ctx, contacts)
		if wrong != nil && errs.KindOf(wrong) != errs.Invalid {
			return wrong
		}
		leaders, err := g.leading(ctx)
		if err != nil {
			return err
		}
		e.IndividualIDs, e.LeaderIDs = &members, &leaders
		made, err := g.people.CreateGroup(ctx, e)
		if err := together(err, wrong); err != nil {
			return err
		}
		out = made
		_, err = g.CreateChannel(covering(ctx), NewChannel{GroupID: made.ID, Purpose: OfGroup, EventsEnabled: true})
		return err
	})
	return out, err
}

// leading is the individual that the actor speaks as, if that is a provider and so can lead.
func (g *Groups) leading(ctx context.Context) ([]id.ID, error) {
	a := actor.From(ctx)
	own := a.Individual()
	if own.IsZero() {
		return []id.ID{}, nil
	}
	found, err := g.directory.Individuals(ctx, a.OrganizationID, []id.ID{own})
	if err != nil || found[own].AccountType != directory.Provider {
		return []id.ID{}, err
	}
	return []id.ID{own}, nil
}

func (g *Groups) resolve(ctx context.Context, contacts []directory.ContactRef) ([]id.ID, error) {
	members, err := g.people.ResolveContacts(ctx, actor.From(ctx).OrganizationID, "contacts", contacts)
	if err != nil {
		members = []id.ID{}
	}
	return members, err
}

// together is one error that blames what both do, when both are about values, and the first one otherwise.
func together(first, second error) error {
	a, b := asError(first), asError(second)
	switch {
	case first == nil:
		return second
	case second == nil || a == nil || b == nil || a.Code.Kind != errs.Invalid:
		return first
	}
	return append(errs.Fields(slices.Clip(a.Fields)), b.Fields...).Err()
}

// UpdateGroup changes a group; contacts, unless nil, take the place of its individuals, and its conversation follows. A
// group that is archived or brought back takes its conversation along.
//
// NotFound. DuplicateChannel: the conversation cannot come back, because the group has another one now. Invalid as
// CreateGroup.
func (g *Groups) UpdateGroup(ctx context.Context, group id.ID, e directory.GroupEdit, contacts *[]directory.ContactRef) (directory.Group, error) {
	var out directory.Group
	err := g.tx.Do(ctx, func(ctx context.Context) error {
		var wrong error
		if contacts != nil {
			members, err := g.resolve(ctx, *contacts)
			if wrong = err; wrong == nil {
				e.IndividualIDs = &members
			}
		}
		changed, err := g.people.UpdateGroup(ctx, group, e)
		if err := together(err, wrong); err != nil {
			return err
		}
		out = changed
		if err := g.FollowGroup(ctx, group); err != nil || e.ArchivedAt == nil {
			return err
		}
		return g.archiveWith(covering(ctx), group, *e.ArchivedAt)
	})
	return out, err
}

func (g *Groups) archiveWith(ctx context.Context, group id.ID, at time.Time) error {
	found, err := g.Conversations(ctx, []id.ID{group}, nil)
	if err != nil || found.OfGroups[group].IsZero() {
		return err
	}
	return g.archive(ctx, found.OfGroups[group], at)
}

// archive puts a channel away as of an instant, or brings it back when that is zero.
func (g *Groups) archive(ctx context.Context, channel id.ID, at time.Time) error {
	if at.IsZero() {
		_, err := g.Unarchive(ctx, channel)
		return err
	}
	_, err := g.change(ctx, channel, func(ctx context.Context, e *edit) error {
		if err := g.mayManage(ctx, e.Channel); err != nil || e.ArchivedAt.Equal(at) {
			return err
		}
		before := e.Channel
		e.ArchivedAt, e.ModifiedAt = at, e.now
		e.update(ChannelWasArchived, before)
		return nil
	})
	return err
}

// DeleteGroup removes a group and its conversation with all that was said in it, for good. Other channels of the group
// stay. NotFound.
func (g *Groups) DeleteGroup(ctx context.Context, group id.ID) error {
	return g.tx.Do(ctx, func(ctx context.Context) error {
		if err := g.people.DeleteGroup(ctx, group); err != nil {
			return err
		}
		return g.deleteConversations(covering(ctx), func(ctx context.Context) (id.ID, error) {
			found, err := g.Conversations(ctx, []id.ID{group}, nil)
			return found.OfGroups[group], err
		})
	})
}

// deleteConversations deletes what next finds until it finds nothing: there may be archived ones beside the present one.
func (g *Groups) deleteConversations(ctx context.Context, next func(context.Context) (id.ID, error)) error {
	for {
		channel, err := next(ctx)
		if err != nil || channel.IsZero() {
			return err
		}
		if err := g.DeleteChannel(ctx, channel); err != nil {
			return err
		}
	}
}

// CreateContact makes a contact and opens a conversation with it. directory.DuplicateUsername.
func (g *Groups) CreateContact(ctx context.Context, n directory.NewContact) (directory.Contact, error) {
	var out directory.Contact
	err := g.tx.Do(ctx, func(ctx context.Context) error {
		made, err := g.people.CreateContact(ctx, n)
		if err != nil {
			return err
		}
		out = made
		_, err = g.CreateChannel(covering(ctx), NewChannel{
			IndividualIDs: []id.ID{made.Individual.ID}, Purpose: OfContact, EventsEnabled: true,
		})
		return err
	})
	return out, err
}

// DeleteContact removes a contact and the conversation with it, for good; in other conversations what it wrote stays.
// NotFound.
func (g *Groups) DeleteContact(ctx context.Context, contact id.ID) error {
	return g.tx.Do(ctx, func(ctx context.Context) error {
		if err := g.people.DeleteContact(ctx, contact); err != nil {
			return err
		}
		return g.deleteConversations(covering(ctx), func(ctx context.Context) (id.ID, error) {
			found, err := g.Conversations(ctx, nil, []id.ID{contact})
			return found.OfContacts[contact], err
		})
	})
}
