package actor_test

import (
	"slices"
	"strings"
	"testing"

	"switchboard/internal/actor"
)

func TestMeet(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ a, b, want string }{
		{"*", "*", "*"},
		{"*", "messages:read", "messages:read"},
		{"*:read", "messages", "messages:read"},
		{"messages", "messages:*", "messages"},
		{"messages:write", "messages:read", ""},
		{"messages", "events", ""},
		{"*:read messages:write", "messages events:write", "messages:read messages:write"},
		{"", "*", ""},
		{"*", "", ""},
		{"*:read", "*:write", ""},
	} {
		want := strings.Fields(tc.want)
		if got := actor.Meet(strings.Fields(tc.a), strings.Fields(tc.b)); !slices.Equal(got, want) {
			t.Errorf("Meet(%s; %s) = %q, want %q", tc.a, tc.b, got, want)
		}
		for _, pair := range [][2]string{{tc.a, tc.b}, {tc.b, tc.a}} {
			if got := actor.Meet(strings.Fields(pair[0]), strings.Fields(pair[1])); !actor.Covers(strings.Fields(tc.a), got) || !actor.Covers(strings.Fields(tc.b), got) {
				t.Errorf("Meet(%s; %s) = %q is more than one of them", pair[0], pair[1], got)
			}
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		holder, asked string
		want          bool
	}{
		{"*", "*", true},
		{"*", "messages:read events", true},
		{"*:read *:write", "*", true},
		{"messages:read messages:write", "messages", true},
		{"messages:*", "messages:write", true},
		{"messages", "messages:read", true},
		{"messages:read", "messages", false},
		{"messages", "*", false},
		{"messages", "*:read", false},
		{"*:read", "messages:*", false},
		{"", "messages:read", false},
		{"", "", true},
	} {
		if got := actor.Covers(strings.Fields(tc.holder), strings.Fields(tc.asked)); got != tc.want {
			t.Errorf("Covers(%s; %s) = %v", tc.holder, tc.asked, got)
		}
	}
}

// FuzzMeet holds Meet to what it is for: an actor with its scopes may do what actors with either list both may.
func FuzzMeet(f *testing.F) {
	f.Add("*:read a:write", "a b:*", "a", "read")
	f.Add("a:", ":b", "", "")
	f.Fuzz(func(t *testing.T, a, b, resource, action string) {
		if strings.ContainsAny(resource, "*: ") || strings.ContainsAny(action, "*: ") || resource == "" || action == "" {
			t.Skip("no resource and action that a service asks for")
		}
		x, y := strings.Fields(a), strings.Fields(b)
		has := func(scopes []string) bool { return actor.Actor{Scopes: scopes}.Has(resource, action) }
		if got := has(actor.Meet(x, y)); got != (has(x) && has(y)) {
			t.Errorf("Meet(%q, %q) = %q", x, y, actor.Meet(x, y))
		}
	})
}
