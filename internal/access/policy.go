package access

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Who may do what here:
//
//	                                      administrator  service  leader, member
//	list, make, change and revoke keys         yes          no         no
//	list, make and revoke user tokens          yes          yes        no
//
// all within the own organization and with the scope. Nobody hands out more than they have: a new key, a key that is changed
// or rotated and a user token are covered by the scopes of who does it. Revoking needs no such thing, because it only takes
// away. A user token comes from an API key, so that it can end with it: not from another user token, and not from a person
// who signed in elsewhere.

// The resources, as scopes name them.
const (
	keyScope       = "api-keys"
	userTokenScope = "user-tokens"
)

// mayManageKeys lets administrators of an organization through.
func mayManageKeys(ctx context.Context, organization id.ID, action string) (actor.Actor, error) {
	a := actor.From(ctx)
	if a.Role != actor.Administrator || a.OrganizationID != organization {
		return a, errs.Forbidden("only an administrator of the organization manages its keys")
	}
	if !a.Has(keyScope, action) {
		return a, errs.Forbidden("the scopes of this key do not cover %s:%s", keyScope, action)
	}
	return a, nil
}

// mayManageUserTokens lets administrators and machines through.
func mayManageUserTokens(ctx context.Context, action string) (actor.Actor, error) {
	a := actor.From(ctx)
	if !a.Everyone() {
		return a, errs.Forbidden("only administrators and services manage the tokens of users")
	}
	if !a.Has(userTokenScope, action) {
		return a, errs.Forbidden("the scopes of this key do not cover %s:%s", userTokenScope, action)
	}
	return a, nil
}

// mayHandOut lets an actor give scopes away that it has.
func mayHandOut(a actor.Actor, scopes []string) error {
	if !actor.Covers(a.Scopes, scopes) {
		return errs.Forbidden("the key that does this has fewer scopes than that")
	}
	return nil
}
