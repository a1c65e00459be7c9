package messaging

import (
	"context"
	"errors"
	"slices"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Who may do what. 'Everyone' is an administrator or a machine of the organization: they act for every individual in it.
// A leader acts for the individuals of the groups that they lead by naming them; directory.Service.ActAs decides that, and
// what follows here is asked of the individual that is acted as.
//
//	read a channel      its subscribers; of a floating channel also the leaders of its group; everyone
//	see a draft         its author
//	open a channel      of a group: its leaders; a direct one: providers, with anybody of the organization; everyone
//	manage a channel    the leaders of its group; of a direct one its owner; everyone
//	  (settings, archive, subscribers, pinned message, delete; moving it needs the new group too)
//	leave a channel     every subscriber
//	prefer, ack         subscribers, for themselves; everyone and leaders for whom they act for
//	post                who may read, but only as itself; everyone also as somebody who is not subscribed
//	edit a message      its author; of a message without one, everyone
//	remove a message    its author, the leaders of the channel's group, everyone
//	history             who may read the message; once it is removed, administrators
//	react               who may read; everyone also in the name of others
//	see a profile       who is in a channel, of who is in it too
//	see contact details providers, leaders and everyone; participants see those of themselves, and of the care group
//	  (addresses, birth dates)     only who is in the conversation with them
//
// A participant (somebody served by the organization) opens no channels: otherwise one patient's key could write to every
// other. Being NotFound is the answer wherever reading is not allowed, so that nobody learns which conversations exist.

// resource is what scopes are about.
type resource string

// The resources. Each is covered by its name in either API.
const (
	channels resource = "messaging-channels"
	messages resource = "messaging-messages"
)

// The actions of scopes.
const (
	read  = "read"
	write = "write"
)

func (r resource) covered(a actor.Actor, action string) bool {
	other := "conversations"
	if r == messages {
		other = "messages"
	}
	return a.Has(string(r), action) || a.Has(other, action)
}

// require returns the actor when its scopes cover an action.
func require(ctx context.Context, r resource, action string) (actor.Actor, error) {
	a := actor.From(ctx)
	switch {
	case a.IsZero():
		return a, errs.CodeUnauthenticated.Errorf("nobody is asking")
	case !r.covered(a, action):
		return a, errs.Forbidden("the key's scopes do not cover %s:%s", r, action)
	}
	return a, nil
}

// creator is who did something, for the record: the person's user, or the key of a machine.
func creator(a actor.Actor) id.ID {
	if a.UserID.IsZero() {
		return a.KeyID
	}
	return a.UserID
}

// actAs is the directory's, for requests that name the individual in their body: an error blames individual_id.
func (s *Service) actAs(ctx context.Context, individual id.ID) (id.ID, error) {
	acting, err := s.directory.ActAs(ctx, individual)
	if e, ok := errors.AsType[*errs.Error](err); ok && !individual.IsZero() {
		err = e.At("individual_id")
	}
	return acting, err
}

// askedAs is the directory's, for requests that name the individual in their query: an error blames the parameter.
func (s *Service) askedAs(ctx context.Context, individual id.ID) (id.ID, error) {
	acting, err := s.directory.ActAs(ctx, individual)
	if e, ok := errors.AsType[*errs.Error](err); ok && !individual.IsZero() {
		err = e.AtParameter("individual-id")
	}
	return acting, err
}

// readable returns a channel that the actor may read, acting as an individual of the query (Nil: its own), and who that is.
func (s *Service) readable(ctx context.Context, channel, individual id.ID) (Channel, id.ID, error) {
	acting, err := s.askedAs(ctx, individual)
	if err != nil {
		return Channel{}, id.Nil, err
	}
	c, err := s.readableBy(ctx, channel, acting)
	return c, acting, err
}

func (s *Service) readableBy(ctx context.Context, channel, acting id.ID) (Channel, error) {
	c, err := s.store.GetChannel(ctx, actor.From(ctx).OrganizationID, channel)
	if err != nil {
		return Channel{}, err
	}
	return c, s.mayRead(ctx, c, acting)
}

// mayRead is NotFound unless the actor may read c as acting.
func (s *Service) mayRead(ctx context.Context, c Channel, acting id.ID) error {
	return s.readers(ctx, c, []id.ID{acting})
}

func (s *Service) readers(ctx context.Context, c Channel, acting []id.ID) error {
	a := actor.From(ctx)
	if a.Everyone() {
		return nil
	}
	ok, err := s.store.Subscribed(ctx, c.OrganizationID, c.ID, acting)
	if err == nil && !ok && c.Floating {
		ok, err = s.leads(ctx, c.GroupID, acting)
	}
	if err == nil && !ok {
		err = errs.MissingRecord("channel")
	}
	return err
}

func (s *Service) leads(ctx context.Context, group id.ID, individuals []id.ID) (bool, error) {
	if group.IsZero() || len(individuals) == 0 {
		return false, nil
	}
	return s.directory.Leads(ctx, actor.From(ctx).OrganizationID, group, individuals)
}

// CanRead tells, as an error, whether the actor may follow a channel live: NotFound when not. Any of the actor's own
// individuals will do, because a live subscription names none.
func (s *Service) CanRead(ctx context.Context, channel id.ID) error {
	_, err := s.readableChannel(ctx, channel)
	return err
}

func (s *Service) readableChannel(ctx context.Context, channel id.ID) (Channel, error) {
	a, err := require(ctx, channels, read)
	if err != nil {
		return Channel{}, err
	}
	c, err := s.store.GetChannel(ctx, a.OrganizationID, channel)
	if err != nil {
		return Channel{}, err
	}
	return c, s.readers(ctx, c, a.Individuals)
}

// SeesDetails tells whether the actor may see the contact details of everybody in a channel that it was given, and who
// else belongs to its group. A participant sees the names of those who are in the channel, and the details of nobody
// but itself.
func SeesDetails(ctx context.Context, v View) bool {
	a := actor.From(ctx)
	return a.Everyone() || a.Role == actor.Leader || v.Subscribed && v.Own.Side == Providers
}

// mayCreate judges a new channel.
func (s *Service) mayCreate(ctx context.Context, a actor.Actor, in NewChannel, people cast) error {
	if a.Everyone() {
		return nil
	}
	if !in.GroupID.IsZero() {
		leads, err := s.leads(ctx, in.GroupID, a.Individuals)
		if err == nil && !leads {
			err = errs.Forbidden("only leaders of the group open channels for it")
		}
		return err
	}
	if people.individuals[a.Individual()].AccountType != directory.Provider {
		return errs.Forbidden("only providers open channels")
	}
	return nil
}

// mayManage is Denied unless the actor manages c, and NotFound when it may not even read it.
func (s *Service) mayManage(ctx context.Context, c Channel) error {
	a := actor.From(ctx)
	if a.Everyone() || c.GroupID.IsZero() && !c.OwnerID.IsZero() && a.Owns(c.OwnerID) {
		return nil
	}
	leads, err := s.leads(ctx, c.GroupID, a.Individuals)
	if err != nil || leads {
		return err
	}
	if err := s.readers(ctx, c, a.Individuals); err != nil {
		return err
	}
	return errs.Forbidden("only leaders of the channel's group, or the owner of a direct channel, may do this")
}

// mayMoveTo judges the group that a channel would belong to.
func (s *Service) mayMoveTo(ctx context.Context, group id.ID) error {
	a := actor.From(ctx)
	if a.Everyone() {
		return nil
	}
	leads, err := s.leads(ctx, group, a.Individuals)
	if err == nil && !leads {
		err = errs.Forbidden("only leaders of a group move channels to it")
	}
	return err
}

// mayUnsubscribe lets everybody leave, and those who manage the channel send others away.
func (s *Service) mayUnsubscribe(ctx context.Context, c Channel, individuals []id.ID) error {
	a := actor.From(ctx)
	if !slices.ContainsFunc(individuals, func(i id.ID) bool { return !a.Owns(i) }) {
		return s.readers(ctx, c, a.Individuals)
	}
	return s.mayManage(ctx, c)
}

// mayPost judges a post by what placing the message has shown. p.Side is empty when the author was not seen among the
// subscribers; that look can be older than the channel's lock, so it is repeated before it counts.
func (s *Service) mayPost(ctx context.Context, m Message, p Place) error {
	if p.Side == "" {
		c := Channel{ID: m.ChannelID, OrganizationID: m.OrganizationID, GroupID: p.GroupID, Floating: p.Floating}
		if err := s.mayRead(ctx, c, m.AuthorID); err != nil {
			return err
		}
	}
	if p.Archived {
		return archivedError()
	}
	return nil
}

// wrote tells whether the actor, acting as an individual, is the author of a message.
func wrote(a actor.Actor, acting id.ID, m Message) bool {
	if m.AuthorID.IsZero() {
		return m.CreatedBy == creator(a)
	}
	return m.AuthorID == acting
}

// visible hides drafts from everybody but their author.
func visible(a actor.Actor, acting id.ID, m Message) error {
	if m.Draft && !wrote(a, acting, m) {
		return errs.MissingRecord("message")
	}
	return nil
}

// mayEdit lets authors edit. What a machine posted as nobody is edited by any machine, because keys change.
func mayEdit(a actor.Actor, acting id.ID, m Message) error {
	if m.Source == FromSystem || !wrote(a, acting, m) && (!m.AuthorID.IsZero() || !a.Everyone()) {
		return errs.Forbidden("only its author edits a message")
	}
	return nil
}

func (s *Service) mayRemove(ctx context.Context, c Channel, acting id.ID, m Message) error {
	a := actor.From(ctx)
	if a.Everyone() || wrote(a, acting, m) {
		return nil
	}
	leads, err := s.leads(ctx, c.GroupID, a.Individuals)
	if err == nil && !leads {
		err = errs.Forbidden("only its author, an administrator or a leader of the group removes a message")
	}
	return err
}
