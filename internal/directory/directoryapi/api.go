// Package directoryapi is the directory over HTTP: organizations, users, individuals and individual-groups in the courier
// API, sites in that of the notification groups. Contacts and groups of the groups API stand with conversations, in
// package messagingapi.
//
// It decodes, calls and encodes; every rule is package directory's. What has no value is answered as null.
package directoryapi

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
	"switchboard/internal/web/plainjson"
)

// Mount registers the endpoints on a server.
func Mount(s *web.Server, d *directory.Service) {
	courier := jsonapi.New(s)
	(&Organizations{d}).Mount(courier)
	(&Users{d}).Mount(courier)
	(&Individuals{d}).Mount(courier)
	(&IndividualGroups{d}).Mount(courier)
	(&IndividualProfiles{d}).Mount(courier)
	(&OrgPreferences{d}).Mount(courier)
	(&Sites{d}).Mount(plainjson.New(s))
}

// orNull is null for an empty text.
func orNull[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

// given is the value of a member that cannot be cleared: null counts as absent.
func given[T any](o web.Opt[T]) *T {
	if o.Null {
		return nil
	}
	return o.Ptr()
}

// givenAs is given for texts that the domain has a type for.
func givenAs[T ~string](o web.Opt[string]) *T {
	if v := given(o); v != nil {
		t := T(*v)
		return &t
	}
	return nil
}

// own checks that a body names no organization but the caller's.
func own(ctx context.Context, organization id.ID) error {
	if organization.IsZero() || organization == actor.From(ctx).OrganizationID {
		return nil
	}
	return errs.InvalidField("organization_id", "must be the organization of the key")
}

func refs(ids []id.ID) []jsonapi.Ref {
	out := make([]jsonapi.Ref, len(ids))
	for n, i := range ids {
		out[n] = jsonapi.Ref{ID: i}
	}
	return out
}
