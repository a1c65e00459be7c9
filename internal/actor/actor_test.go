package actor_test

import (
	"context"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/id"
)

func TestActor_Has(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		scopes []string
		want   bool
	}{
		{nil, false},
		{[]string{"*"}, true},
		{[]string{"*:write"}, true},
		{[]string{"*:read"}, false},
		{[]string{"messages"}, true},
		{[]string{"messages:*"}, true},
		{[]string{"messages:read", "messages:write"}, true},
		{[]string{"messages:read"}, false},
		{[]string{"channels:write"}, false},
	} {
		if got := (actor.Actor{Scopes: tc.scopes}).Has("messages", "write"); got != tc.want {
			t.Errorf("%v has messages:write = %v", tc.scopes, got)
		}
	}
}

func TestActor_context(t *testing.T) {
	t.Parallel()
	if !actor.From(t.Context()).IsZero() {
		t.Error("a context without an actor carries nobody")
	}
	own, other := id.New(), id.New()
	a := actor.From(actor.With(t.Context(), actor.Actor{Role: actor.Member, Individuals: []id.ID{own}}))
	if a.Individual() != own || !a.Owns(own) || a.Owns(other) || a.Everyone() {
		t.Errorf("actor = %+v", a)
	}
	if s := actor.System(other); !s.Everyone() || !s.Individual().IsZero() || s.OrganizationID != other {
		t.Errorf("system = %+v", s)
	}
}

func TestActing(t *testing.T) {
	t.Parallel()
	own, other := id.New(), id.New()
	outer := actor.With(t.Context(), actor.Actor{Role: actor.Leader, Individuals: []id.ID{own}})
	inner, cancel := context.WithCancel(outer) // what a rule gets is made of what the door made
	defer cancel()
	if got := actor.Acting(outer); got != own {
		t.Errorf("before anything is decided: %v", got)
	}
	actor.ActAs(inner, other)
	if got := actor.Acting(outer); got != other {
		t.Errorf("decided further in, asked further out: %v", got)
	}
	system := actor.With(inner, actor.System(id.New()))
	if got := actor.Acting(system); !got.IsZero() {
		t.Errorf("another actor begins anew: %v", got)
	}
	actor.ActAs(inner, id.Nil)
	if got := actor.Acting(outer); got != own {
		t.Errorf("naming nobody is acting as oneself: %v", got)
	}
	wide := actor.Widen(outer, "messages:read")
	actor.ActAs(wide, other)
	if got := actor.Acting(outer); got != other || !actor.From(wide).Has("messages", "read") || actor.From(outer).Has("messages", "read") {
		t.Errorf("with further scopes: %v as %v", actor.From(wide), got)
	}
	if actor.Widen(t.Context(), "*") != t.Context() {
		t.Error("nobody was given scopes")
	}
	actor.ActAs(t.Context(), other)
	if got := actor.Acting(t.Context()); !got.IsZero() {
		t.Errorf("nobody acts as %v", got)
	}
}
