package audit

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
)

// Who may do what: administrators read the audit of their own organization, if their key covers audit-events:read, and that is
// in the audit too. Nobody changes it. Verifying and exporting are the operator's, who has the database.

const resource = "audit-events"

// mayRead returns the actor when it may read the audit.
func mayRead(ctx context.Context) (actor.Actor, error) {
	a := actor.From(ctx)
	switch {
	case a.IsZero():
		return a, errs.CodeUnauthenticated.Errorf("nobody is asking")
	case a.Role != actor.Administrator:
		return a, errs.Forbidden("only administrators read the audit")
	case !a.Has(resource, "read"):
		return a, errs.Forbidden("the key's scopes do not cover %s:read", resource)
	}
	return a, nil
}
