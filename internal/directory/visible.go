package directory

import (
	"context"
	"time"

	"switchboard/internal/id"
)

// VisibleIndividuals returns those of the individuals that exist and that the actor may see, in a fixed number of statements
// for each few hundred. It checks no scope: the caller does.
func (s *Service) VisibleIndividuals(ctx context.Context, individuals []id.ID) (map[id.ID]Individual, error) {
	v, err := s.view(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.store.FindIndividuals(ctx, v.organization, individuals)
	if err != nil || v.everything {
		return found, err
	}
	near, err := s.near(ctx, v, individuals)
	for i := range found {
		if !near[i] {
			delete(found, i)
			continue
		}
		found[i] = v.person(found[i])
	}
	return found, err
}

// near returns the actor's own individuals and those who stand in a group with one of them.
func (s *Service) near(ctx context.Context, v view, individuals []id.ID) (map[id.ID]bool, error) {
	out := map[id.ID]bool{}
	for _, i := range v.own {
		out[i] = true
	}
	mine, err := s.store.FindMemberships(ctx, v.organization, v.own)
	if err != nil {
		return nil, err
	}
	groups := map[id.ID]bool{}
	for _, m := range mine {
		groups[m.GroupID] = true
	}
	theirs, err := s.store.FindMemberships(ctx, v.organization, individuals)
	for _, m := range theirs {
		if groups[m.GroupID] {
			out[m.IndividualID] = true
		}
	}
	return out, err
}

// LastActive returns when users last used the server, of those who have and whose times the actor may see.
func (s *Service) LastActive(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]time.Time, error) {
	v, err := s.view(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.store.FindUsers(ctx, organization, users)
	out := map[id.ID]time.Time{}
	for i, u := range found {
		if at := v.shown(u).LastActiveAt; !at.IsZero() {
			out[i] = at
		}
	}
	return out, err
}
