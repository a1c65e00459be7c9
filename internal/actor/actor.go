// Package actor says on whose behalf something is done. The actor of a request travels in its context value; a service
// reads it, never the HTTP request. The package holds what was established at the door and decides nothing: who may do
// what is each context's policy.
package actor

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

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

// Via is how an actor showed who it is.
type Via string

// The ways in. ViaServer is the server itself, which needs to show nothing.
const (
	ViaKey         Via = "key"
	ViaToken       Via = "token"
	ViaUserToken   Via = "user-token"
	ViaOIDC        Via = "oidc" // a token of an identity provider
	ViaCommandLine Via = "command-line"
	ViaServer      Via = "server"
	ViaReplicator  Via = "replicator" // a poll of another system; what it changes is audited
)

// Actor is who does something and from where. The zero Actor is nobody.
type Actor struct {
	KeyID          id.ID
	OrganizationID id.ID
	UserID         id.ID   // zero for a key that belongs to no person
	Individuals    []id.ID // the user's own individuals, the primary one first
	Role           Role
	Scopes         []string // "resource:action"; "*" stands for any resource, action or both
	Via            Via
	RequestID      string
	RemoteAddr     string
}

type contextKey struct{}

// carried is an actor in a context value, and whom it was found to act as.
type carried struct {
	Actor
	acting *atomic.Pointer[id.ID]
}

// With returns a context that carries a.
func With(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, contextKey{}, &carried{a, new(atomic.Pointer[id.ID])})
}

// Widen returns a context whose actor has further scopes, for a step that is part of what it may do. It is the same actor: whom
// it acts as is noted for both contexts.
func Widen(ctx context.Context, scopes ...string) context.Context {
	c, ok := ctx.Value(contextKey{}).(*carried)
	if !ok {
		return ctx
	}
	wide := *c
	wide.Scopes = slices.Concat(c.Scopes, scopes)
	return context.WithValue(ctx, contextKey{}, &wide)
}

// From returns the actor of ctx; the zero Actor when there is none.
func From(ctx context.Context) Actor {
	if c, ok := ctx.Value(contextKey{}).(*carried); ok {
		return c.Actor
	}
	return Actor{}
}

// ActAs notes which individual the actor of ctx acts as, once that is decided. Whoever holds the same ctx, or one made of it or
// above it down to With, sees it by Acting.
//
// It is a note in a holder, not a new context, because the decision falls deep in a call (when a request's individual-id is
// resolved) and is needed at its other end (when the audit is written). Handing a context back up through every rule would
// put the audit into every signature, and the one rule that forgot would leave no trace of in whose name it acted. Of a
// request that acts for several, one after the other, each audit row has the one that was decided last before it.
func ActAs(ctx context.Context, individual id.ID) {
	if c, ok := ctx.Value(contextKey{}).(*carried); ok {
		c.acting.Store(&individual)
	}
}

// Acting returns the individual that the actor acts as: the one noted by ActAs, or else its own; Nil for a machine that acts as
// nobody.
func Acting(ctx context.Context) id.ID {
	c, ok := ctx.Value(contextKey{}).(*carried)
	if !ok {
		return id.Nil
	}
	if noted := c.acting.Load(); noted != nil && !noted.IsZero() {
		return *noted
	}
	return c.Individual()
}

// System is the server itself, at work for one organization: planners, dispatchers, demo data.
func System(organization id.ID) Actor {
	return Actor{OrganizationID: organization, Role: Administrator, Scopes: []string{"*"}, Via: ViaServer, RequestID: "system"}
}

// Installation is what stands for the organization in the audit of acts that concern the whole installation, such as the change
// of a key that seals. No organization has this identifier, so nobody but the operator comes to these rows.
func Installation() id.ID { return id.ID{6: 0x80, 8: 0x80, 15: 1} }

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
