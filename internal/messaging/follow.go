package messaging

import (
	"context"
	"strings"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// ConsumerName is the name under which the event log keeps how far Follow has come.
const ConsumerName = "messaging"

// Follows tells whether an entry of the log is of the kinds that Follow acts on.
func Follows(e event.Entry) bool { return ofGroup(e) || e.Type == "directory.individual.deleted" }

func ofGroup(e event.Entry) bool { return strings.HasPrefix(e.Type, "directory.group.") }

// Follow keeps channels in step with the directory: it is a consumer of the event log, run in the consumer's transaction.
// Floating channels get and lose the leaders of their group, the conversation of a group its individuals too, and who
// is deleted leaves every channel. It looks at how the directory is now, so seeing an entry twice does no harm. An error,
// such as that of a channel deleted meanwhile, is mended by handling the entries again.
func (s *Service) Follow(ctx context.Context, entries []event.Entry) error {
	type subject struct{ organization, id id.ID }
	seen := map[subject]bool{}
	for _, e := range entries {
		about := subject{e.OrganizationID, e.Subject}
		if seen[about] || !Follows(e) {
			continue
		}
		seen[about] = true
		ctx := actor.With(ctx, actor.System(e.OrganizationID))
		follow := s.forget
		if ofGroup(e) {
			follow = s.FollowGroup
		}
		if err := follow(ctx, e.Subject); err != nil {
			return err
		}
	}
	return nil
}

// FollowGroup brings the channels of a group of the actor's organization in step with it, now and in the transaction of
// ctx. It checks no permission: it is for whoever has just changed the group.
func (s *Service) FollowGroup(ctx context.Context, group id.ID) error {
	organization := actor.From(ctx).OrganizationID
	g, err := s.directory.Group(ctx, organization, group)
	if err != nil && !errs.Is(err, errs.CodeNotFound) { // a group that is gone has nobody
		return err
	}
	list, err := s.store.ListFollowers(ctx, organization, group)
	if err != nil {
		return err
	}
	for _, channel := range list {
		err := s.edit(ctx, channel, func(ctx context.Context, e *edit) error { return s.follow(ctx, e, e.wants(g)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// following says who belongs in a channel because of its group.
type following struct {
	leaders, members []id.ID
	replace          bool // leaders who are not among them go
	replaceMembers   bool
}

func (e *edit) wants(g directory.Group) following {
	var f following
	if e.Floating {
		f.leaders, f.replace = g.LeaderIDs, true
	}
	if e.Purpose == OfGroup {
		f.members, f.replaceMembers = g.IndividualIDs, true
	}
	return f
}

// follow subscribes who is wanted, and removes those who were there for the same reason and are not wanted any more.
func (s *Service) follow(ctx context.Context, e *edit, f following) error {
	present, err := s.subscribers(ctx, e.Channel)
	if err != nil {
		return err
	}
	var (
		leads, belongs = setOf(f.leaders), setOf(f.members)
		gone           []id.ID
	)
	for _, sub := range present {
		wanted := leads[sub.IndividualID] || belongs[sub.IndividualID]
		if !wanted && (f.replace && sub.Origin == Leader || f.replaceMembers && sub.Origin == Member) {
			gone = append(gone, sub.IndividualID)
		}
	}
	all := append(append(append([]id.ID{}, gone...), f.leaders...), f.members...)
	people, err := s.directory.Individuals(ctx, e.OrganizationID, unrepeated(all))
	if err != nil {
		return err
	}
	if err := s.leave(ctx, e, people, gone); err != nil {
		return err
	}
	if err := s.join(ctx, e, people, existing(f.leaders, people), Leader); err != nil {
		return err
	}
	return s.join(ctx, e, people, existing(f.members, people), Member)
}

func existing(ids []id.ID, people map[id.ID]directory.Individual) []id.ID {
	var out []id.ID
	for _, i := range ids {
		if _, ok := people[i]; ok {
			out = append(out, i)
		}
	}
	return out
}

// forget takes an individual out of every channel.
func (s *Service) forget(ctx context.Context, individual id.ID) error {
	list, err := s.store.ListSubscribed(ctx, actor.From(ctx).OrganizationID, individual)
	if err != nil {
		return err
	}
	for _, channel := range list {
		err := s.edit(ctx, channel, func(ctx context.Context, e *edit) error {
			return s.leave(ctx, e, nil, []id.ID{individual})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
