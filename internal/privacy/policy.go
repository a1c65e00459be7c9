package privacy

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
)

// Who may do what. Purges and holds are for administrators, within their own organization, with a scope of that name;
// others are told so whether or not what they name exists. An organization is purged by its own administrator or, on the
// server, by the operator. Exports and imports are the operator's.

const (
	purgeScope = "purge-data"
	holdScope  = "legal-holds"
)

func require(ctx context.Context, resource, action string) (actor.Actor, error) {
	a := actor.From(ctx)
	switch {
	case a.IsZero():
		return a, errs.CodeUnauthenticated.Errorf("no key was sent")
	case !a.Has(resource, action):
		return a, errs.Forbidden("the scopes of this key do not cover %s:%s", resource, action)
	case a.Role != actor.Administrator:
		return a, errs.Forbidden("only administrators purge data and hold it")
	}
	return a, nil
}
