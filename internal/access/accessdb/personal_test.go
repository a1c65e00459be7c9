package accessdb_test

import (
	"testing"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/access/accessdb"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/db/personal"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
)

// Answers are sealed, and those about somebody are found and emptied all the same.
func TestPersonal_answers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, s := t.Context(), accessdb.New(d, vaulttest.Box())
		organization, key, person, other := id.New(), id.New(), id.New(), id.New()
		cases := map[string]struct {
			organization id.ID
			body         string
			kept         bool
		}{
			"canonical": {organization, `{"id":"` + person.String() + `"}`, false},
			"short":     {organization, `{"id":"` + person.Short() + `"}`, false},
			"another":   {organization, `{"id":"` + other.String() + `"}`, true},
			"elsewhere": {other, `{"id":"` + person.String() + `"}`, true},
		}
		request := func(name string) access.Request {
			return access.Request{OrganizationID: cases[name].organization, KeyID: key, Route: "POST /x", IdempotencyKey: name}
		}
		for name, c := range cases {
			if err := s.PutAnswer(ctx, request(name), access.Answer{Status: 201, Body: []byte(c.body)}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		engine := personal.New(d, accessdb.Personal())
		if _, err := engine.EraseAll(ctx, personal.Subject{Kind: personal.Individual, ID: person, OrganizationID: organization}, 10); err != nil {
			t.Fatal(err)
		}
		for name, c := range cases {
			want := ""
			if c.kept {
				want = c.body
			}
			a, _, found, err := s.FindAnswer(ctx, request(name), time.Now().Add(-time.Hour))
			if err != nil || !found || a.Status != 201 || string(a.Body) != want {
				t.Errorf("%s: %v, %d %q, %v; want %q", name, found, a.Status, a.Body, err, want)
			}
		}
	})
}
