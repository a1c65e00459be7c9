package directory

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// ActAs answers for whom a request acts that names an individual, or none: it is how every context resolves
// `individual-id`.
//
//   - none named: the actor's own primary individual, zero for a machine;
//   - one of the actor's own: that one;
//   - an administrator or a machine: anybody of the organization; NotFound when there is no such individual;
//   - a leader: whoever stands in a group that one of the leader's own individuals leads;
//   - anything else is Denied, whether or not the individual exists.
func (s *Service) ActAs(ctx context.Context, individual id.ID) (id.ID, error) {
	a := actor.From(ctx)
	switch {
	case individual.IsZero():
		return a.Individual(), nil
	case a.Owns(individual):
		return individual, nil
	case a.Everyone():
		found, err := s.store.FindIndividuals(ctx, a.OrganizationID, []id.ID{individual})
		if err == nil && len(found) == 0 {
			err = errs.MissingRecord("individual")
		}
		return individual, err
	case a.Role == actor.Leader:
		leads, err := s.store.LeadsIndividual(ctx, a.OrganizationID, a.Individuals, individual)
		if err != nil || leads {
			return individual, err
		}
	}
	return id.Nil, errs.Forbidden("this key may not act for that individual")
}
