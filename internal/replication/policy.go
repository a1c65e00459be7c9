package replication

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
)

// Who may do what. Replicators and what is pushed over SCIM change the directory as a whole, so both are for
// administrators: with a scope that covers replicators or scim. Such a scope is enough; what is done with it in the
// directory needs none of the directory's.

const (
	scopeReplicators = "replicators"
	scopeSCIM        = "scim"
)

// mayUse lets administrators through whose scopes cover an action.
func mayUse(ctx context.Context, resource, action string) (actor.Actor, error) {
	a := actor.From(ctx)
	switch {
	case a.IsZero():
		return a, errs.CodeUnauthenticated.Errorf("no key was sent")
	case !a.Has(resource, action):
		return a, errs.Forbidden("the scopes of this key do not cover %s:%s", resource, action)
	case a.Role != actor.Administrator:
		return a, errs.Forbidden("only administrators keep the directory in step with other systems")
	}
	return a, nil
}

// inDirectory is ctx with the scopes that the work in the directory needs.
func inDirectory(ctx context.Context, a actor.Actor) context.Context {
	a.Scopes = []string{"users", "individuals", "individual-groups"}
	return actor.With(ctx, a)
}

// asReplicator is ctx with the actor of a poll. It is no person and has no key; the audit has the replicator's name.
func asReplicator(ctx context.Context, src source) context.Context {
	return inDirectory(ctx, actor.Actor{
		OrganizationID: src.org.ID, Role: actor.Administrator, Via: actor.ViaReplicator, RequestID: "replicator " + src.name,
	})
}
