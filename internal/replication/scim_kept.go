package replication

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"switchboard/internal/event"
	"switchboard/internal/scim"
)

// saidBy is what an identity provider has said after a PATCH that made after of shown: what it said before, with what the PATCH
// has changed. The rest of what is shown is the administrators', and none of its own to take back later.
func saidBy(said, shown, after scim.Object) scim.Object {
	out := scim.Object{}
	for name, is := range after {
		before, was := scim.Get(said, name), scim.Get(shown, name)
		inner, object := is.(scim.Object)
		switch {
		case reflect.DeepEqual(was, is):
			if before != nil {
				out[name] = before
			}
		case object:
			innerSaid, _ := before.(scim.Object)
			innerShown, _ := was.(scim.Object)
			out[name] = saidBy(innerSaid, innerShown, inner)
		default:
			out[name] = is
		}
	}
	return out
}

// keptLine is what the audit tells of what is kept of a pushed record: the members that have changed.
type keptLine struct {
	ExternalID string                     `json:"external-id"`
	Resource   map[string]json.RawMessage `json:"resource"`
}

// keptChange is the audit of what is kept. The directory tells of its own records; of most attributes it knows nothing.
func keptChange(before, after Link) event.Change {
	was, is := said[map[string]json.RawMessage](before), said[map[string]json.RawMessage](after)
	for _, name := range slices.Collect(maps.Keys(is)) {
		if string(was[name]) == string(is[name]) {
			delete(was, name)
			delete(is, name)
		}
	}
	return event.Change{
		OrganizationID: after.OrganizationID, Type: "replication.resource.pushed", Subject: after.RecordID,
		Before: keptLine{before.ExternalID, was}, After: keptLine{after.ExternalID, is},
	}
}
