package access

import (
	"context"
	"strconv"
	"strings"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// mayManageKeys lets administrators make, list and revoke the keys of their own organization.
func mayManageKeys(ctx context.Context, organization id.ID) error {
	a := actor.From(ctx)
	if a.Role != actor.Administrator || a.OrganizationID != organization || !a.Has("access-keys", "write") {
		return errs.Forbidden("only an administrator of the organization manages its keys")
	}
	return nil
}

// ValidScope tells whether s has the form of a scope: a resource or *, and perhaps a colon and read, write or *.
func ValidScope(s string) bool {
	resource, action, given := strings.Cut(s, ":")
	if given && action != "read" && action != "write" && action != "*" {
		return false
	}
	if resource == "*" {
		return true
	}
	return resource != "" && len(s) <= 64 && strings.Trim(resource, "abcdefghijklmnopqrstuvwxyz-") == ""
}

func scopePath(i int) string { return "scopes[" + strconv.Itoa(i) + "]" }

// narrow returns the scopes that a token of a key may have: those asked for, each of which the key must cover.
func narrow(key Key, asked []string) ([]string, bool) {
	if len(asked) == 0 {
		return key.Scopes, true
	}
	holder := actor.Actor{Scopes: key.Scopes}
	for _, s := range asked {
		resource, action, given := strings.Cut(s, ":")
		if !given {
			action = "*"
		}
		covered := holder.Has(resource, action)
		if action == "*" {
			covered = holder.Has(resource, "read") && holder.Has(resource, "write")
		}
		if !ValidScope(s) || !covered || (resource == "*" && !coversAll(key.Scopes, action)) {
			return nil, false
		}
	}
	return asked, true
}

// coversAll tells whether scopes reach every resource for an action.
func coversAll(scopes []string, action string) bool {
	for _, s := range scopes {
		if resource, act, given := strings.Cut(s, ":"); resource == "*" && (!given || act == "*" || act == action) {
			return true
		}
	}
	return false
}
