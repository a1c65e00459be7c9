package apptest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// overrides is what no schema tells of a request that is accepted.
func overrides() map[string]apptest.Overrides {
	omit := apptest.Omit{}
	preferences := map[string]any{"sms": map[string]any{"enabled": true}}
	user := apptest.Overrides{"communication-preferences": preferences, "notifications": []any{"email", "sms"}}
	exception := []any{map[string]any{"date": "2026-12-24", "active": false}}
	rights := apptest.Overrides{
		"scopes":     []any{"messages:read"},
		"expires-at": func() any { return apptest.Soon() },
	}
	pushed := apptest.Overrides{"schemas": omit, "emails": omit, "phoneNumbers": omit, "locale": "en-US", "timezone": "UTC"}
	pushedGroup := apptest.Overrides{"schemas": omit, "members": omit}
	patch := apptest.Overrides{"schemas": omit, "Operations": []any{map[string]any{"op": "replace", "path": "displayName", "value": "Another"}}}
	search := apptest.Overrides{"schemas": omit, "filter": "id pr", "startIndex": 1, "count": 10, "attributes": omit, "excludedAttributes": omit}
	return map[string]apptest.Overrides{
		"GET /scim/v2/Schemas/{id}":                     {"{id}": "urn:ietf:params:scim:schemas:core:2.0:User"},
		"GET /scim/v2/ResourceTypes/{id}":               {"{id}": "User"},
		"POST /scim/v2/Users":                           pushed,
		"PUT /scim/v2/Users/{id}":                       pushed,
		"PATCH /scim/v2/Users/{id}":                     patch,
		"POST /scim/v2/.search":                         search,
		"POST /scim/v2/Groups":                          pushedGroup,
		"PUT /scim/v2/Groups/{id}":                      pushedGroup,
		"PATCH /scim/v2/Groups/{id}":                    patch,
		"POST /scim/v2/Users/.search":                   search,
		"POST /scim/v2/Groups/.search":                  search,
		"POST /v1/api-keys/":                            {"scopes": rights["scopes"], "expires-at": rights["expires-at"], "role": "administrator"}, // which may have a user
		"PATCH /v1/api-keys/{id}/":                      rights,
		"POST /v1/user-tokens/":                         rights,
		"POST /v1/sniffers/":                            {"valid-until": func() any { return apptest.Soon() }},
		"POST /v1/legal-holds/":                         {"until": rights["expires-at"]},
		"POST /v1/purge-data/":                          {"entity-id": id.New().String()}, // of nobody: a purge would go on beside the tests
		"POST /v1/users/":                               user,
		"PATCH /v1/users/{id}/":                         user,
		"PATCH /v1/individual-groups/{id}/":             {"parent-id": omit}, // it is no parent of itself
		"PATCH /v1/messaging-channels/{id}/":            {"path": "/name", "value": "Another name"},
		"POST /v1/messaging-channels/":                  {"subscription-type": "open"},
		"POST /v1/messaging-channels/{id}/preferences/": {"values.value": "mentions"},
		"POST /v1/messaging-messages/":                  {"include-destinations": []any{"sms"}},
		"PATCH /v1/individual-profiles/{id}/":           {"photo": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="},
		"POST /v1/org-preferences/":                     {"name": "group-provider-ack", "value": "true", "value-js": omit},
		"POST /v1/conversations":                        {"group_id": omit}, // it is of one or the other
		"POST /v1/messages":                             {"attachments": omit},
		"PATCH /v1/messaging-messages/{id}/":            {"individual-id": omit}, // the key's own, who wrote it
		"PUT /v1/messages/{id}":                         {"attachments": omit, "reactions": []any{map[string]any{"love": []any{}}}},
		"POST /chrono/schedules":                        {"exceptions": exception},
		"PUT /chrono/schedules/{id}":                    {"exceptions": exception},
	}
}

// apart are the operations that take no request that could be made of the document: they are the providers' and the live
// doors, which tests of their own knock at, and the pages about the API.
func apart(o *apptest.Operation) bool {
	return slices.Contains([]string{"live", "callbacks", "oauth", "errors", "livez", "readyz", "metrics"}, o.Resource())
}

func sampled(t *testing.T, s *apptest.Server) []apptest.Operation {
	t.Helper()
	out := slices.DeleteFunc(s.Operations(t), func(o apptest.Operation) bool { return apart(&o) })
	if len(out) < 50 {
		t.Fatalf("only %d operations are left", len(out))
	}
	return out
}

// strict are the sampled operations that refuse what they do not know. SCIM passes over it, as its clients need; what it refuses
// is held by tests of its own.
func strict(t *testing.T, s *apptest.Server) []apptest.Operation {
	t.Helper()
	return slices.DeleteFunc(sampled(t, s), func(o apptest.Operation) bool { return o.API == "scim" })
}

// TestSamples sends the sample of every operation: all are accepted. What the tests of wrong input and of other
// organizations' records change in them is therefore the one thing that is wrong.
func TestSamples(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	operations := sampled(t, s)
	t.Run("operations", func(t *testing.T) {
		for _, o := range operations {
			t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) {
				t.Parallel()
				w := s.NewOrganization(t)
				r := send(t, s.Handler(), w.Key, sample(t, w, &o))
				if r.Status != o.Status && !slices.Contains(elsewise()[o.Route()], r.Status) {
					t.Errorf("status %d, want %d: %s", r.Status, o.Status, r.Body)
				}
			})
		}
	})
}

// elsewise are other answers to a sample that is right.
func elsewise() map[string][]int {
	return map[string][]int{
		"POST /v1/deliveries/{id}/retry/":   {409}, // what is under way is not retried
		"DELETE /chrono/schedules/{id}":     {409}, // a group of the world uses it
		"DELETE /v1/users/{id}/":            {409},
		"POST /v1/purge-data/":              {404}, // see overrides
		"POST /v1/messaging-channels/{id}/": {409},
	}
}

func sample(t *testing.T, w *apptest.World, o *apptest.Operation) *apptest.Request {
	t.Helper()
	return apptest.Sampler{World: w, Overrides: overrides()}.Sample(t, o)
}

// send sends a request without the wire.
func send(t *testing.T, h http.Handler, key string, r *apptest.Request) *webtest.Response {
	t.Helper()
	return webtest.Do(t, h, key, r.Do(), r.Body)
}
