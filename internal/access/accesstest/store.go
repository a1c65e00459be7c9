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
	"switchboard/internal/page"
	"switchboard/internal/tx"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Store checks a store; transactions of runner must reach it.
func Store(t *testing.T, s access.Store, runner tx.Runner) {
	t.Helper()
	t.Run("keys", func(t *testing.T) { keys(t, s) })
	t.Run("secrets", func(t *testing.T) { secrets(t, s) })
	t.Run("tokens", func(t *testing.T) { tokens(t, s) })
	t.Run("user tokens", func(t *testing.T) { userTokens(t, s) })
	t.Run("answers", func(t *testing.T) { answers(t, s, runner) })
}

func newKey(organization id.ID) access.Key {
	return access.Key{
		ID: id.New(), OrganizationID: organization, UserID: id.New(), Name: "a key", Role: actor.Leader,
		Scopes: []string{"messages:read", "*:write"}, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
		Secrets: []access.Secret{{ID: id.New(), Hash: "hash " + id.New().String(), CreatedAt: noon}},
	}
}

func keys(t *testing.T, s access.Store) {
	ctx := t.Context()
	mine, theirs := id.New(), id.New()
	first, second, other := newKey(mine), newKey(mine), newKey(theirs)
	second.UserID, second.ExpiresAt, second.Role = id.Nil, time.Time{}, actor.Service
	for _, k := range []access.Key{first, second, other} {
		if err := s.InsertKey(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.InsertKey(ctx, first); !errs.Is(err, errs.CodeDuplicate) {
		t.Errorf("inserting twice: %v", err)
	}
	got, found, err := s.FindKey(ctx, first.ID)
	if err != nil || !found || !cmp.Equal(got, first) {
		t.Errorf("FindKey = %v, %v: %s", found, err, cmp.Diff(first, got))
	}
	if _, found, err := s.FindKey(ctx, id.New()); found || err != nil {
		t.Errorf("FindKey of nothing = %v, %v", found, err)
	}
	if got, err := s.LockKey(ctx, mine, first.ID); err != nil || !cmp.Equal(got, first) {
		t.Errorf("LockKey: %v %s", err, cmp.Diff(first, got))
	}
	if _, err := s.LockKey(ctx, theirs, first.ID); errs.KindOf(err) != errs.NotFound {
		t.Errorf("locking another organization's key: %v", err)
	}
	list, err := s.ListKeys(ctx, mine, page.Offset{Limit: 10})
	if want := []access.Key{second, first}; err != nil || list.Total != 2 || !cmp.Equal(list.Items, want) {
		t.Errorf("ListKeys: %d, %v %s", list.Total, err, cmp.Diff(want, list.Items))
	}
	list, err = s.ListKeys(ctx, mine, page.Offset{Limit: 1, Offset: 1})
	if want := []access.Key{first}; err != nil || list.Total != 2 || !cmp.Equal(list.Items, want) {
		t.Errorf("the second page: %d, %v %s", list.Total, err, cmp.Diff(want, list.Items))
	}

	first.Name, first.Scopes, first.ExpiresAt, first.RevokedAt = "renamed", []string{"messages:read"}, time.Time{}, noon
	foreign := first
	foreign.OrganizationID, foreign.Name = theirs, "taken over"
	for _, k := range []access.Key{first, foreign} {
		if err := s.UpdateKey(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := s.FindKey(ctx, first.ID); err != nil || !cmp.Equal(got, first) {
		t.Errorf("after UpdateKey: %v %s", err, cmp.Diff(first, got))
	}
}

func secrets(t *testing.T, s access.Store) {
	ctx := t.Context()
	k := newKey(id.New())
	if err := s.InsertKey(ctx, k); err != nil {
		t.Fatal(err)
	}
	k.Secrets[0].ExpiresAt = noon.Add(time.Hour)
	k.Secrets = []access.Secret{{ID: id.New(), Hash: "another", CreatedAt: noon}, k.Secrets[0]}
	if err := s.PutSecrets(ctx, k.ID, k.Secrets); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.FindKey(ctx, k.ID); err != nil || !cmp.Equal(got, k) {
		t.Errorf("after PutSecrets: %v %s", err, cmp.Diff(k, got))
	}
	use, used := access.Use{KeyID: k.ID, SecretID: k.Secrets[1].ID}, noon.Add(time.Minute)
	for _, at := range []time.Time{used, noon} { // the older comes late
		if err := s.TouchKeys(ctx, map[access.Use]time.Time{use: at, {KeyID: id.New(), SecretID: id.New()}: at}); err != nil {
			t.Fatal(err)
		}
	}
	k.LastUsedAt, k.Secrets[1].LastUsedAt = used, used
	if got, _, err := s.FindKey(ctx, k.ID); err != nil || !cmp.Equal(got, k) {
		t.Errorf("after TouchKeys: %v %s", err, cmp.Diff(k, got))
	}
	if _, err := s.Prune(ctx, noon.Add(time.Hour), noon); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := s.FindKey(ctx, k.ID); len(got.Secrets) != 2 {
		t.Error("a secret is forgotten that has just ended")
	}
	if _, err := s.Prune(ctx, noon.Add(2*time.Hour), noon); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := s.FindKey(ctx, k.ID); len(got.Secrets) != 1 || got.Secrets[0].ID != k.Secrets[0].ID {
		t.Errorf("the ended secret is not forgotten, or the other one is: %+v", got.Secrets)
	}
}

func tokens(t *testing.T, s access.Store) {
	ctx := t.Context()
	k := newKey(id.New())
	want := access.Token{KeyID: k.ID, SecretID: k.Secrets[0].ID, Scopes: []string{"*"}, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	if err := s.InsertKey(ctx, k); err != nil {
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
	if err := s.DeleteTokens(ctx, k.ID); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := s.FindToken(ctx, "token"); found {
		t.Error("the token is still there")
	}
}

func userTokens(t *testing.T, s access.Store) {
	ctx := t.Context()
	k := newKey(id.New())
	if err := s.InsertKey(ctx, k); err != nil {
		t.Fatal(err)
	}
	user := id.New()
	made := func(user id.ID, name string, life time.Duration) access.UserToken {
		token := access.UserToken{
			ID: id.New(), OrganizationID: k.OrganizationID, UserID: user, KeyID: k.ID, Scopes: []string{"messages"},
			CreatedAt: noon, ExpiresAt: noon.Add(life),
		}
		if err := s.InsertUserToken(ctx, token, name); err != nil {
			t.Fatal(err)
		}
		return token
	}
	ended, first, second, other := made(user, "ended", 0), made(user, "first", time.Hour), made(user, "second", time.Hour), made(id.New(), "other", time.Hour)
	if got, found, err := s.FindUserToken(ctx, "first"); err != nil || !found || !cmp.Equal(got, first) {
		t.Errorf("FindUserToken = %v, %v: %s", found, err, cmp.Diff(first, got))
	}
	if _, found, err := s.FindUserToken(ctx, "none"); found || err != nil {
		t.Errorf("FindUserToken of nothing = %v, %v", found, err)
	}
	if got, err := s.GetUserToken(ctx, k.OrganizationID, first.ID, noon); err != nil || !cmp.Equal(got, first) {
		t.Errorf("GetUserToken: %v %s", err, cmp.Diff(first, got))
	}
	for name, at := range map[string][2]id.ID{
		"an ended token": {k.OrganizationID, ended.ID}, "another organization's": {id.New(), first.ID}, "nothing": {k.OrganizationID, id.New()},
	} {
		if _, err := s.GetUserToken(ctx, at[0], at[1], noon); errs.KindOf(err) != errs.NotFound {
			t.Errorf("GetUserToken of %s: %v", name, err)
		}
	}
	list, err := s.ListUserTokens(ctx, k.OrganizationID, user, noon, page.Offset{Limit: 1})
	if err != nil || list.Total != 2 || len(list.Items) != 1 || !cmp.Equal(list.Items[0], second) {
		t.Errorf("ListUserTokens = %+v, %v", list, err)
	}
	if list, err := s.ListUserTokens(ctx, id.New(), user, noon, page.Offset{Limit: 1}); err != nil || list.Total != 0 || len(list.Items) != 0 {
		t.Errorf("ListUserTokens of another organization = %+v, %v", list, err)
	}
	for _, tc := range []struct {
		organization, user, token id.ID
		want                      int64
	}{
		{id.New(), user, id.Nil, 0},
		{k.OrganizationID, other.UserID, first.ID, 0},
		{k.OrganizationID, user, first.ID, 1},
		{k.OrganizationID, user, id.Nil, 2},
		{k.OrganizationID, user, id.Nil, 0},
	} {
		if n, err := s.DeleteUserTokens(ctx, tc.organization, tc.user, tc.token); n != tc.want || err != nil {
			t.Errorf("DeleteUserTokens = %d, %v, want %d", n, err, tc.want)
		}
	}
	if n, err := s.Prune(ctx, noon.Add(-time.Hour), noon.Add(2*time.Hour)); n < 1 || err != nil {
		t.Errorf("Prune = %d, %v", n, err)
	}
	if _, found, _ := s.FindUserToken(ctx, "other"); found {
		t.Error("an ended token is still there")
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
