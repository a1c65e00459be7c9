package delivery

import (
	"context"
	"slices"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Who may do what with the ledger:
//
//	                      administrator  service  leader, member
//	read a delivery       all            all      those to themselves
//	see whole addresses   yes            no       no
//	retry a delivery      yes            yes      no

// resource is how scopes name deliveries.
const resource = "deliveries"

// mayRead returns the actor when it may read deliveries at all.
func mayRead(ctx context.Context) (actor.Actor, error) {
	a := actor.From(ctx)
	if !a.Has(resource, "read") {
		return a, errs.Forbidden("the key does not cover reading deliveries")
	}
	return a, nil
}

// mayRetry returns the actor when it may retry deliveries.
func mayRetry(ctx context.Context) (actor.Actor, error) {
	a := actor.From(ctx)
	if !a.Has(resource, "write") {
		return a, errs.Forbidden("the key does not cover changing deliveries")
	}
	if !a.Everyone() {
		return a, errs.Forbidden("only administrators and services retry deliveries")
	}
	return a, nil
}

// visible tells whether an actor may read a delivery of its organization.
func visible(a actor.Actor, d Delivery) bool {
	return a.Everyone() || (!d.UserID.IsZero() && d.UserID == a.UserID) || a.Owns(d.IndividualID)
}

// narrow keeps a list to what the actor may read. To ask for another person by name is refused, so that nobody takes an
// empty answer for "was never told".
func narrow(a actor.Actor, f Filter) (Filter, error) {
	f.OrganizationID = a.OrganizationID
	if a.Everyone() {
		return f, nil
	}
	if !f.UserID.IsZero() && f.UserID != a.UserID {
		return f, errs.Forbidden("the deliveries to another user are not yours to read")
	}
	if !f.IndividualID.IsZero() && !a.Owns(f.IndividualID) {
		return f, errs.Forbidden("the deliveries to another individual are not yours to read")
	}
	f.Only = &People{Individuals: slices.Clone(a.Individuals)}
	if !a.UserID.IsZero() {
		f.Only.Users = []id.ID{a.UserID}
	}
	return f, nil
}

// seesAddresses tells whether an actor is shown addresses as they are.
func seesAddresses(a actor.Actor) bool { return a.Role == actor.Administrator }
