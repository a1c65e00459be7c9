// Package actor says on whose behalf something is done. The actor of a request travels in its context value; a service
// reads it, never the HTTP request. The package holds what was established at the door and decides nothing: who may do
// what is each context's policy.
package actor

import (
	"context"
	"slices"
	"strings"

	"switchboard/internal/id"
)

// Role is what an actor is within its organization.
type Role string

// The roles, from most to least.
const (
	Administrator Role = "administrator" // everything in the organization, keys included
	Service       Role = "service"       // a machine: sends and reads for everyone, changes no directory and no keys
	Leader        Role = "leader"        // a person who also acts for the individuals of the groups that they lead
	Member        Role = "member"        // a person who acts for themselves
)

// Roles lists the roles.
func Roles() []Role { return []Role{Administrator, Service, Leader, Member} }

// Actor is who does something and from where. The zero Actor is nobody.
type Actor struct {
	KeyID          id.ID
	OrganizationID id.ID
	UserID         id.ID   // zero for a key that belongs to no person
	Individuals    []id.ID // the user's own individuals, the primary one first
	Role           Role
	Scopes         []string // "resource:action"; "*" stands for any resource, action or both
	RequestID      string
	RemoteAddr     string
}

type contextKey struct{}

// With returns a context that carries a.
func With(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// From returns the actor of ctx; the zero Actor when there is none.
func From(ctx context.Context) Actor {
	a, _ := ctx.Value(contextKey{}).(Actor)
	return a
}

// System is the server itself, at work for one organization: planners, dispatchers, demo data.
func System(organization id.ID) Actor {
	return Actor{OrganizationID: organization, Role: Administrator, Scopes: []string{"*"}, RequestID: "system"}
}

// IsZero tells whether this is nobody.
func (a Actor) IsZero() bool { return a.Role == "" }

// Individual is the individual that the actor speaks as when it names none; zero for a machine.
func (a Actor) Individual() id.ID {
	if len(a.Individuals) == 0 {
		return id.Nil
	}
	return a.Individuals[0]
}

// Owns tells whether individual is one of the actor's own.
func (a Actor) Owns(individual id.ID) bool { return slices.Contains(a.Individuals, individual) }

// Everyone tells whether the actor may act for every individual of its organization.
func (a Actor) Everyone() bool { return a.Role == Administrator || a.Role == Service }

// Has tells whether the actor's scopes cover an action on a resource, as in Has("messages", "write").
// A scope "messages" without an action covers every action.
func (a Actor) Has(resource, action string) bool {
	for _, s := range a.Scopes {
		r, act, given := strings.Cut(s, ":")
		if (r == "*" || r == resource) && (!given || act == "*" || act == action) {
			return true
		}
	}
	return false
}
