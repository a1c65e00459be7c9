package actor

import (
	"slices"
	"strings"
)

// Resource is one thing that scopes name. Each context lists its own beside its policy, by every name that an API has for
// them; what no context lists is no scope.
type Resource struct {
	Name    string   // "messaging-messages"
	Actions []string // what can be done: of "read" and "write"
	Doc     string   // what a scope of it opens, as a sentence
}

// The actions of scopes.
const (
	Read  = "read"
	Write = "write"
)

// ReadWrite is the actions of most resources.
func ReadWrite() []string { return []string{Read, Write} }

// Meet returns the scopes that two lists both cover, so that each alone would allow all of it: those of a token that stands
// for a key, of a key that was narrowed after the token was made.
func Meet(a, b []string) []string {
	out := []string{}
	for _, x := range a {
		for _, y := range b {
			if both, ok := meet(x, y); ok && !slices.Contains(out, both) {
				out = append(out, both)
			}
		}
	}
	return out
}

func meet(x, y string) (string, bool) {
	rx, ax := split(x)
	ry, ay := split(y)
	resource, ok := narrower(rx, ry)
	action, fits := narrower(ax, ay)
	if action == "*" {
		return resource, ok && fits
	}
	return resource + ":" + action, ok && fits
}

// narrower returns the one of two names that says less; false when they exclude each other.
func narrower(x, y string) (string, bool) {
	switch {
	case x == "*":
		return y, true
	case y == "*", x == y:
		return x, true
	}
	return "", false
}

func split(scope string) (resource, action string) {
	resource, action, given := strings.Cut(scope, ":")
	if !given {
		action = "*"
	}
	return resource, action
}

// Covers tells whether a list of scopes allows everything that another one does.
func Covers(holder, asked []string) bool {
	return !slices.ContainsFunc(asked, func(scope string) bool { return !coversOne(holder, scope) })
}

func coversOne(holder []string, scope string) bool {
	resource, action := split(scope)
	if action == "*" { // reading and writing may be covered by two scopes
		return coversOne(holder, resource+":"+Read) && coversOne(holder, resource+":"+Write)
	}
	return slices.ContainsFunc(holder, func(held string) bool {
		r, a := split(held)
		return (r == "*" || r == resource) && (a == "*" || a == action)
	})
}
