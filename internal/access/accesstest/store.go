// Package accesstest is what every access.Store must pass.
package accesstest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/tx"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Store checks a store; transactions of runner must reach it.
func Store(t *testing.T, s access.Store, runner tx.Runner) {
	t.Helper()
	t.Run("keys", func(t *testing.T) { keys(t, s) })
	t.Run("tokens", func(t *testing.T) { tokens(t, s) })
	t.Run("answers", func(t *testing.T) { answers(t, s, runner) })
}

func newKey(organization id.ID) access.Key {
	return access.Key{
		ID: id.New(), OrganizationID: organization, UserID: id.New(), Name: "a key", Role: actor.Leader,
		Scopes: []string{"messages:read", "*:write"}, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func keys(t *testing.T, s access.Store) {
	ctx := t.Context()
	mine, theirs := id.New(), id.New()
	first, second, other := newKey(mine), newKey(mine), newKey(theirs)
	second.UserID, second.ExpiresAt, second.Role = id.Nil, time.Time{}, actor.Service
	for _, k := range []access.Key{first, second, other} {
		if err := s.InsertKey(ctx, k, "hash of "+k.ID.String()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.InsertKey(ctx, first, "x"); !errs.Is(err, errs.CodeDuplicate) {
		t.Errorf("inserting twice: %v", err)
	}
	got, hash, found, err := s.FindKey(ctx, first.ID)
	if err != nil || !found || hash != "hash of "+first.ID.String() || !cmp.Equal(got, first) {
		t.Errorf("FindKey = %v, %q, %v: %s", found, hash, err, cmp.Diff(first, got))
	}
	if _, _, found, err := s.FindKey(ctx, id.New()); found || err != nil {
		t.Errorf("FindKey of nothing = %v, %v", found, err)
	}
	list, err := s.ListKeys(ctx, mine)
	if want := []access.Key{second, first}; err != nil || !cmp.Equal(list, want) {
		t.Errorf("ListKeys: %v %s", err, cmp.Diff(want, list))
	}
	if all, err := s.ListKeys(ctx, id.Nil); err != nil || len(all) != 3 {
		t.Errorf("ListKeys of everybody = %d, %v", len(all), err)
	}

	used := noon.Add(time.Minute)
	if err := s.TouchKeys(ctx, map[id.ID]time.Time{first.ID: used, id.New(): used}); err != nil {
		t.Fatal(err)
	}
	if err := s.TouchKeys(ctx, map[id.ID]time.Time{first.ID: noon}); err != nil {
		t.Fatal(err)
	}
	if got, _, _, _ := s.FindKey(ctx, first.ID); !got.LastUsedAt.Equal(used) {
		t.Errorf("last used at %v, want %v", got.LastUsedAt, used)
	}

	if ok, err := s.RevokeKey(ctx, theirs, first.ID, noon); ok || err != nil {
		t.Errorf("revoking another organization's key = %v, %v", ok, err)
	}
	if ok, err := s.RevokeKey(ctx, mine, first.ID, noon); !ok || err != nil {
		t.Errorf("RevokeKey = %v, %v", ok, err)
	}
	if ok, err := s.RevokeKey(ctx, mine, first.ID, used); ok || err != nil {
		t.Errorf("revoking twice = %v, %v", ok, err)
	}
	if got, _, _, _ := s.FindKey(ctx, first.ID); !got.RevokedAt.Equal(noon) {
		t.Errorf("revoked at %v", got.RevokedAt)
	}
}

func tokens(t *testing.T, s access.Store) {
	ctx := t.Context()
	k := newKey(id.New())
	want := access.Token{KeyID: k.ID, Scopes: []string{"*"}, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	if err := s.InsertKey(ctx, k, "x"); err != nil {
		t.Fatal(err)
	}
	if err := s.InsertToken(ctx, want, "token"); err != nil {
		t.Fatal(err)
	}
	if got, found, err := s.FindToken(ctx, "token"); err != nil || !found || !cmp.Equal(got, want) {
		t.Errorf("FindToken = %v, %v: %s", found, err, cmp.Diff(want, got))
	}
	if _, found, err := s.FindToken(ctx, "other"); found || err != nil {
		t.Errorf("FindToken of nothing = %v, %v", found, err)
	}
	if _, err := s.RevokeKey(ctx, k.OrganizationID, k.ID, noon); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := s.FindToken(ctx, "token"); found {
		t.Error("a token outlives its key")
	}
}

func answers(t *testing.T, s access.Store, runner tx.Runner) {
	ctx := t.Context()
	r := access.Request{OrganizationID: id.New(), KeyID: id.New(), Route: "POST /x", IdempotencyKey: "k", Body: []byte("b")}
	want := access.Answer{Status: 201, Header: map[string]string{"Content-Type": "text/plain"}, Body: []byte("käse")}
	err := runner.Do(ctx, func(ctx context.Context) error {
		mine, err := s.LockAnswer(ctx, r)
		if !mine || err != nil {
			t.Errorf("LockAnswer = %v, %v", mine, err)
		}
		return s.PutAnswer(ctx, r, want, noon)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, hash, found, err := s.FindAnswer(ctx, r, noon.Add(-time.Hour))
	if err != nil || !found || hash != r.Hash() || !cmp.Equal(got, want) {
		t.Errorf("FindAnswer = %v, %v: %s", found, err, cmp.Diff(want, got))
	}
	for name, other := range map[string]access.Request{
		"another organization": {OrganizationID: id.New(), KeyID: r.KeyID, Route: r.Route, IdempotencyKey: r.IdempotencyKey},
		"another caller":       {OrganizationID: r.OrganizationID, KeyID: id.New(), Route: r.Route, IdempotencyKey: r.IdempotencyKey},
		"another route":        {OrganizationID: r.OrganizationID, KeyID: r.KeyID, Route: "POST /y", IdempotencyKey: r.IdempotencyKey},
		"another key":          {OrganizationID: r.OrganizationID, KeyID: r.KeyID, Route: r.Route, IdempotencyKey: "l"},
	} {
		if _, _, found, err := s.FindAnswer(ctx, other, noon.Add(-time.Hour)); found || err != nil {
			t.Errorf("the answer is found by %s: %v", name, err)
		}
	}
	if _, _, found, _ := s.FindAnswer(ctx, r, noon); found {
		t.Error("an answer is found that is too old")
	}
	want.Status = 200
	if err := s.PutAnswer(ctx, r, want, noon.Add(time.Minute)); err != nil {
		t.Errorf("replacing an old answer: %v", err)
	}
	if n, err := s.Prune(ctx, noon, noon); n != 0 || err != nil {
		t.Errorf("Prune of nothing old = %d, %v", n, err)
	}
	if n, err := s.Prune(ctx, noon.Add(time.Hour), noon); n != 1 || err != nil {
		t.Errorf("Prune = %d, %v", n, err)
	}
}
