package accessapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// persons is a directory in which everybody is an active user.
type persons struct{ nobody }

func (persons) Users(_ context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error) {
	out := map[id.ID]directory.User{}
	for _, u := range users {
		out[u] = directory.User{ID: u, OrganizationID: organization, State: directory.Active}
	}
	return out, nil
}

func document(kind, attributes string) string {
	return `{"data":{"type":"` + kind + `","attributes":` + attributes + `}}`
}

func change(kind string, record id.ID, attributes string) string {
	return `{"data":{"id":"` + record.String() + `","type":"` + kind + `","attributes":` + attributes + `}}`
}

func (d *door) keyOf(t *testing.T, n access.NewKey) (access.Key, string) {
	t.Helper()
	n.OrganizationID, n.Name = d.org, "a key"
	k, secret, err := d.access.CreateKey(actor.With(t.Context(), actor.System(d.org)), n)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	d := newDoor(t, 0)
	_, admin := d.keyOf(t, access.NewKey{Role: actor.Administrator})
	_, narrow := d.keyOf(t, access.NewKey{Role: actor.Administrator, Scopes: []string{"api-keys"}})
	_, reader := d.keyOf(t, access.NewKey{Role: actor.Administrator, Scopes: []string{"api-keys:read"}})
	_, service := d.keyOf(t, access.NewKey{Role: actor.Service})
	k, secret := d.keyOf(t, access.NewKey{Role: actor.Service, Scopes: []string{"things", "sites:read"}})
	other := *d
	other.org = id.New()
	_, stranger := other.keyOf(t, access.NewKey{Role: actor.Administrator})
	one := "/v1/api-keys/" + k.ID.String() + "/"
	var rotated string
	webtest.Run(t, d, []webtest.Scenario{
		{Name: "nobody", Do: "GET " + one, Want: 401},
		{Name: "a service", As: service, Do: "GET " + one, Want: 403, Code: "Denied"},
		{Name: "a stranger", As: stranger, Do: "GET " + one, Want: 404, Code: "NotFound", Lacks: []string{"a key"}},
		{Name: "a stranger revokes", As: stranger, Do: "DELETE " + one, Want: 404},
		{Name: "a stranger rotates", As: stranger, Do: "POST " + one + "rotate/", Want: 404, Lacks: []string{"sbk_"}},
		{Name: "a reader rotates", As: reader, Do: "POST " + one + "rotate/", Want: 403, Lacks: []string{"sbk_"}},
		{Name: "one who covers it not", As: narrow, Do: "POST " + one + "rotate/", Want: 403, Lacks: []string{"sbk_"}},
		{Name: "get", As: reader, Do: "GET " + one, Want: 200, Contains: []string{`"scopes":["things","sites:read"]`, `"expires-at":null`, `"user-id":null`}, Lacks: []string{"sbk_", `"secret":`, "hash"}},
		{Name: "list", As: reader, Do: "GET /v1/api-keys/?page[limit]=2", Want: 200, Contains: []string{`"page[limit]":2,"page[offset]":0,"page[total]":5`}, Lacks: []string{"sbk_"}},
		{Name: "list of another organization", As: admin, Do: "GET /v1/api-keys/?organization-id=" + other.org.String(), Want: 404},
		{Name: "create", As: admin, Do: "POST /v1/api-keys/", Body: document("api-keys", `{"name":"x","scopes":["things:read"]}`), Want: 201, Contains: []string{`"secret":"sbk_`, `"role":"service"`}},
		{Name: "create more", As: narrow, Do: "POST /v1/api-keys/", Body: document("api-keys", `{"name":"x","scopes":["*"]}`), Want: 403, Lacks: []string{"sbk_"}},
		{Name: "create nonsense", As: admin, Do: "POST /v1/api-keys/", Body: document("api-keys", `{"name":"x","scopes":["things:fly"]}`), Want: 422, Error: "/data/attributes/scopes/0"},
		{Name: "create without a person", As: admin, Do: "POST /v1/api-keys/", Body: document("api-keys", `{"name":"x","role":"member"}`), Want: 422, Error: "/data/attributes/user-id"},
		{Name: "create a king", As: admin, Do: "POST /v1/api-keys/", Body: document("api-keys", `{"name":"x","role":"king"}`), Want: 422, Error: "/data/attributes/role"},
		{Name: "create in the past", As: admin, Do: "POST /v1/api-keys/", Body: document("api-keys", `{"name":"x","expires-at":"2020-01-01T00:00:00Z"}`), Want: 422, Error: "/data/attributes/expires-at"},
		{Name: "widen", As: admin, Do: "PATCH " + one, Body: change("api-keys", k.ID, `{"scopes":["sites"]}`), Want: 422, Error: "/data/attributes/scopes"},
		{Name: "update", As: admin, Do: "PATCH " + one, Body: change("api-keys", k.ID, `{"name":"renamed","scopes":["things:read"]}`), Want: 200, Contains: []string{`"name":"renamed"`, `"scopes":["things:read"]`}},
		{Name: "rotate for too long", As: admin, Do: "POST " + one + "rotate/", Body: `{"overlap":604801}`, Want: 422, Error: "/overlap"},
		{Name: "rotate", As: admin, Do: "POST " + one + "rotate/", Want: 201, Contains: []string{`"secret":"sbk_`}, Then: func(t *testing.T, r *webtest.Response) {
			rotated = r.Text(t, "data.attributes.secret")
			if r.Len(t, "data.attributes.secrets") != 2 || r.Text(t, "data.attributes.secrets.1.expires-at") == "" {
				t.Errorf("secrets: %s", r.Body)
			}
		}},
		{Name: "rotate again", As: admin, Do: "POST " + one + "rotate/", Body: `{"overlap":60}`, Want: 409, Code: "KeyRotating", Contains: []string{"ends-at"}},
		{Name: "the old secret", As: secret, Do: "GET " + one, Want: 403}, // known, and no administrator's
	})
	webtest.Run(t, d, []webtest.Scenario{
		{Name: "the new secret", As: rotated, Do: "GET " + one, Want: 403},
		{Name: "rotate at once", As: admin, Do: "POST " + one + "rotate/", Body: `{"overlap":0}`, Want: 201},
		{Name: "the ended secret", As: rotated, Do: "GET " + one, Want: 401},
		{Name: "revoke", As: admin, Do: "DELETE " + one, Want: 204},
		{Name: "revoke again", As: admin, Do: "DELETE " + one, Want: 404},
		{Name: "update what is revoked", As: admin, Do: "PATCH " + one, Body: change("api-keys", k.ID, `{"name":"y"}`), Want: 404},
		{Name: "what is revoked is still told", As: admin, Do: "GET " + one, Want: 200, Lacks: []string{`"revoked-at":null`}, Then: func(t *testing.T, r *webtest.Response) {
			webtest.Golden(t, "api_key_revoked.json", r.Body)
		}},
	})
}

func TestUserTokens(t *testing.T) {
	t.Parallel()
	d := newDoorOf(t, 0, persons{})
	user := id.New()
	_, machine := d.keyOf(t, access.NewKey{Role: actor.Service})
	_, narrow := d.keyOf(t, access.NewKey{Role: actor.Service, Scopes: []string{"user-tokens", "things:read"}})
	_, admin := d.keyOf(t, access.NewKey{Role: actor.Administrator})
	ann, member := d.keyOf(t, access.NewKey{Role: actor.Member, UserID: user, Scopes: []string{"things"}, ExpiresAt: time.Now().Add(time.Hour)})
	body := func(attributes string) string {
		return document("user-tokens", `{"user-id":"`+user.String()+`"`+attributes+`}`)
	}
	var made, record string
	of := "?filter[user-id]=" + user.String()
	webtest.Run(t, d, []webtest.Scenario{
		{Name: "nobody", Do: "POST /v1/user-tokens/", Body: body(""), Want: 401},
		{Name: "a member", As: member, Do: "POST /v1/user-tokens/", Body: body(""), Want: 403, Lacks: []string{"sbu_"}},
		{Name: "more than the key", As: narrow, Do: "POST /v1/user-tokens/", Body: body(`,"scopes":["things"]`), Want: 403, Lacks: []string{"sbu_"}},
		{Name: "for no user", As: machine, Do: "POST /v1/user-tokens/", Body: document("user-tokens", "{}"), Want: 422, Error: "/data/attributes/user-id"},
		{Name: "for too long", As: machine, Do: "POST /v1/user-tokens/", Body: body(`,"expires-at":"` + time.Now().Add(25*time.Hour).Format(time.RFC3339) + `"`), Want: 422, Error: "/data/attributes/expires-at"},
		{Name: "create", As: machine, Do: "POST /v1/user-tokens/", Body: body(`,"scopes":["things:read"]`), Want: 201, Contains: []string{`"token":"sbu_`}, Then: func(t *testing.T, r *webtest.Response) {
			made, record = r.Text(t, "data.attributes.token"), r.Text(t, "data.id")
		}},
		{Name: "a person's key", As: admin, Do: "GET /v1/api-keys/" + ann.ID.String() + "/", Want: 200, Then: func(t *testing.T, r *webtest.Response) {
			webtest.Golden(t, "api_key.json", r.Body)
		}},
		{Name: "list", As: narrow, Do: "GET /v1/user-tokens/" + of, Want: 200, Contains: []string{`"page[total]":1`}, Lacks: []string{"sbu_", "hash"}},
		{Name: "list of nobody", As: machine, Do: "GET /v1/user-tokens/", Want: 400, Error: "filter[user-id]"},
		{Name: "revoke all of nobody", As: machine, Do: "DELETE /v1/user-tokens/", Want: 400, Error: "filter[user-id]"},
	})
	one := "/v1/user-tokens/" + record + "/"
	webtest.Run(t, d, []webtest.Scenario{
		{Name: "the token", As: made, Do: "GET /who", Want: 200, Contains: []string{d.org.String()}},
		{Name: "the token for itself", As: made, Do: "GET " + one, Want: 403},
		{Name: "get", As: machine, Do: "GET " + one, Want: 200, Lacks: []string{"sbu_"}, Then: func(t *testing.T, r *webtest.Response) {
			webtest.Golden(t, "user_token.json", r.Body)
		}},
		{Name: "revoke", As: machine, Do: "DELETE " + one, Want: 204},
		{Name: "the revoked token", As: made, Do: "GET /who", Want: 401},
		{Name: "revoke again", As: machine, Do: "DELETE " + one, Want: 404},
		{Name: "another", As: machine, Do: "POST /v1/user-tokens/", Body: body(""), Want: 201, Then: func(t *testing.T, r *webtest.Response) { made = r.Text(t, "data.attributes.token") }},
		{Name: "revoke all", As: machine, Do: "DELETE /v1/user-tokens/" + of, Want: 204, Then: func(t *testing.T, _ *webtest.Response) {
			if r := webtest.Do(t, d, made, "GET /who", nil); r.Status != 401 {
				t.Errorf("the token works on: %d", r.Status)
			}
		}},
	})
	if strings.Contains(made, "_"+user.Short()) {
		t.Error("a token tells whose it is")
	}
}
