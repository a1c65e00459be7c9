package access_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// as is the context of an actor of the world's organization.
func (w *world) as(t *testing.T, role actor.Role, scopes ...string) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.Actor{KeyID: id.New(), OrganizationID: w.org, Role: role, Scopes: scopes})
}

func (w *world) opens(t *testing.T, secret string) bool {
	t.Helper()
	_, err := w.Authenticate(t.Context(), secret)
	if err != nil && errs.KindOf(err) != errs.Unauthenticated {
		t.Fatal(err)
	}
	return err == nil
}

func TestService_RotateKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		k, first := w.key(t, access.NewKey{Role: actor.Service})
		_, token, err := w.Exchange(t.Context(), "", first, nil)
		if err != nil {
			t.Fatal(err)
		}
		rotated, second, err := w.RotateKey(w.admin(t), k.ID, time.Hour)
		if err != nil || second == first || len(rotated.Secrets) != 2 {
			t.Fatalf("RotateKey = %+v, %v", rotated, err)
		}
		a, err := w.Authenticate(t.Context(), second)
		if err != nil || a.KeyID != k.ID {
			t.Errorf("the new secret is that of %+v, %v", a, err)
		}
		if !w.opens(t, first) || !w.opens(t, token) {
			t.Error("the secret before does not work on")
		}
		if _, _, err := w.RotateKey(w.admin(t), k.ID, time.Minute); !errs.Is(err, access.CodeKeyRotating) {
			t.Errorf("a third secret: %v", err)
		}

		w.pass(30 * time.Minute)
		w.opens(t, second)
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		seen, err := w.GetKey(w.admin(t), k.ID)
		if err != nil || !seen.Secrets[0].LastUsedAt.Equal(w.clock()) || !seen.Secrets[1].LastUsedAt.Before(w.clock()) || seen.Secrets[1].LastUsedAt.IsZero() {
			t.Errorf("last used: %+v, %v", seen.Secrets, err)
		}
		_, late, err := w.Exchange(t.Context(), "", first, nil)
		if err != nil {
			t.Fatal(err)
		}

		w.pass(30 * time.Minute)
		if w.opens(t, first) || w.opens(t, late) {
			t.Error("the secret before works after the overlap, or a token got with it does")
		}
		if !w.opens(t, second) {
			t.Error("the new secret ended with the old one")
		}
	})
}

func TestService_RotateKey_atOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	k, first := w.key(t, access.NewKey{Role: actor.Service})
	_, second, err := w.RotateKey(w.admin(t), k.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := w.Exchange(t.Context(), "", second, nil)
	if err != nil || !w.opens(t, first) || !w.opens(t, token) {
		t.Fatal(err)
	}
	_, third, err := w.RotateKey(w.admin(t), k.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{"the first": first, "the second": second, "a token of the second": token} {
		if w.opens(t, secret) {
			t.Errorf("%s works on", name)
		}
	}
	if !w.opens(t, third) {
		t.Error("the third does not work")
	}
}

func TestService_RotateKey_elsewhere(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	w, other := newWorld(t, d), newWorld(t, d)
	k, first := w.key(t, access.NewKey{Role: actor.Service})
	if !other.opens(t, first) {
		t.Fatal("the key does not work on another node")
	}
	if _, _, err := w.RotateKey(w.admin(t), k.ID, 0); err != nil {
		t.Fatal(err)
	}
	other.Follow([]event.Entry{{OrganizationID: id.New(), Type: "access.key.rotated"}})
	if !other.opens(t, first) {
		t.Error("an entry of another organization empties the cache of this one")
	}
	other.Follow([]event.Entry{{OrganizationID: w.org, Type: "access.key.rotated"}})
	if other.opens(t, first) {
		t.Error("another node takes the ended secret although its log told of the end")
	}
}

func TestService_UpdateKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	k, secret := w.key(t, access.NewKey{Role: actor.Service, Scopes: []string{"messages", "events:read"}})
	_, token, err := w.Exchange(t.Context(), "", secret, nil)
	if err != nil || !w.opens(t, token) || !w.opens(t, secret) {
		t.Fatal(err)
	}
	name, end := "renamed", w.clock().Add(time.Hour)
	got, err := w.UpdateKey(w.admin(t), k.ID, access.KeyEdit{Name: &name, Scopes: []string{"messages:read"}, ExpiresAt: &end})
	if err != nil || got.Name != name || len(got.Scopes) != 1 || !got.ExpiresAt.Equal(end) {
		t.Fatalf("UpdateKey = %+v, %v", got, err)
	}
	for name, text := range map[string]string{"the key": secret, "its token": token} {
		a, err := w.Authenticate(t.Context(), text)
		if err != nil || !a.Has("messages", "read") || a.Has("messages", "write") || a.Has("events", "read") {
			t.Errorf("%s has %q, %v", name, a.Scopes, err)
		}
	}
	w.pass(time.Hour)
	if w.opens(t, secret) {
		t.Error("the key works after its end")
	}
	if _, err := w.UpdateKey(w.admin(t), k.ID, access.KeyEdit{ExpiresAt: new(time.Time)}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("bringing an ended key back: %v", err)
	}
}

func TestService_UpdateKey_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	k, _ := w.key(t, access.NewKey{Role: actor.Service, Scopes: []string{"messages", "events:read"}})
	empty, past := "", w.clock()
	for path, edits := range map[string][]access.KeyEdit{
		"name":       {{Name: &empty}},
		"expires_at": {{ExpiresAt: &past}},
		"scopes":     {{Scopes: []string{}}, {Scopes: []string{"*"}}, {Scopes: []string{"events"}}, {Scopes: []string{"*:read"}}},
		"scopes[0]":  {{Scopes: []string{"mesages"}}, {Scopes: []string{"logs:write"}}},
	} {
		for _, edit := range edits {
			_, err := w.UpdateKey(w.admin(t), k.ID, edit)
			e, ok := errors.AsType[*errs.Error](err)
			if !ok || len(e.Fields) != 1 || e.Fields[0].Path != path {
				t.Errorf("%+v: %v", edit, err)
			}
		}
	}
	for _, overlap := range []time.Duration{-time.Second, access.MaxOverlap + time.Second} {
		if _, _, err := w.RotateKey(w.admin(t), k.ID, overlap); errs.KindOf(err) != errs.Invalid {
			t.Errorf("an overlap of %v: %v", overlap, err)
		}
	}
	if got, err := w.GetKey(w.admin(t), k.ID); err != nil || got.Name != k.Name || len(got.Secrets) != 1 || len(got.Scopes) != 2 {
		t.Errorf("a refused change was stored: %+v, %v", got, err)
	}
}

// TestService_keys_roles asks for everything that can be done to keys as everybody who might.
func TestService_keys_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	k, _ := w.key(t, access.NewKey{Role: actor.Service, Scopes: []string{"messages", "api-keys"}})
	name := "x"
	acts := map[string]func(ctx context.Context) error{
		"read:get":  func(ctx context.Context) error { _, err := w.GetKey(ctx, k.ID); return err },
		"read:list": func(ctx context.Context) error { _, err := w.ListKeys(ctx, w.org, page.Offset{Limit: 1}); return err },
		"write:create": func(ctx context.Context) error {
			_, _, err := w.CreateKey(ctx, access.NewKey{OrganizationID: w.org, Name: "x", Role: actor.Service, Scopes: []string{"messages"}})
			return err
		},
		"write:update": func(ctx context.Context) error {
			_, err := w.UpdateKey(ctx, k.ID, access.KeyEdit{Name: &name})
			return err
		},
		"write:rotate": func(ctx context.Context) error { _, _, err := w.RotateKey(ctx, k.ID, 0); return err },
		"write:revoke": func(ctx context.Context) error {
			made, _ := w.key(t, access.NewKey{Role: actor.Service})
			return w.RevokeKey(ctx, w.org, made.ID)
		},
	}
	for who, tc := range map[string]struct {
		ctx   context.Context
		allow string // the acts that are allowed, by their beginnings
	}{
		"nobody":                               {t.Context(), ""},
		"an administrator":                     {w.as(t, actor.Administrator, "*"), "read write"},
		"one who covers the key":               {w.as(t, actor.Administrator, "api-keys", "messages"), "read write"},
		"one who does not":                     {w.as(t, actor.Administrator, "api-keys"), "read write:revoke"},
		"one who reads":                        {w.as(t, actor.Administrator, "*:read"), "read"},
		"one for messages":                     {w.as(t, actor.Administrator, "messages"), ""},
		"a service":                            {w.as(t, actor.Service, "*"), ""},
		"a leader":                             {w.as(t, actor.Leader, "*"), ""},
		"a member":                             {w.as(t, actor.Member, "*"), ""},
		"another organization's administrator": {actor.With(t.Context(), actor.System(id.New())), ""},
	} {
		for act, do := range acts {
			err := do(tc.ctx)
			allowed := false
			for beginning := range strings.FieldsSeq(tc.allow) {
				allowed = allowed || strings.HasPrefix(act, beginning)
			}
			if allowed && err != nil {
				t.Errorf("%s, %s: %v", who, act, err)
			}
			if !allowed && errs.KindOf(err) != errs.Denied && errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s, %s: %v", who, act, err)
			}
		}
	}
	if _, err := w.GetKey(w.admin(t), id.New()); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a key that there is not: %v", err)
	}
	if _, err := w.OrganizationOfKey(t.Context(), id.New()); errs.KindOf(err) != errs.NotFound {
		t.Errorf("the organization of no key: %v", err)
	}
	if got, err := w.OrganizationOfKey(t.Context(), k.ID); err != nil || got != w.org {
		t.Errorf("OrganizationOfKey = %v, %v", got, err)
	}
}

func TestService_CreateKey_scopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	n := access.NewKey{OrganizationID: w.org, Name: "x", Role: actor.Service}
	k, _, err := w.CreateKey(w.as(t, actor.Administrator, "api-keys", "messages:read"), n)
	if err != nil || strings.Join(k.Scopes, " ") != "api-keys messages:read" {
		t.Errorf("without scopes a key has those of its maker: %q, %v", k.Scopes, err)
	}
	for _, tc := range []struct{ scope, hint string }{
		{"mesages:read", "did you mean messages?"},
		{"mesages", "did you mean messages?"},
		{"bookmarks", "did you mean messaging-bookmarks?"},
		{"telephones", "names no resource; "},
		{"logs:write", "there is read"},
		{"messages:fly", "resource:action"},
	} {
		n.Scopes = []string{"events:read", tc.scope}
		_, _, err := w.CreateKey(w.admin(t), n)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Path != "scopes[1]" || !strings.Contains(e.Fields[0].Message, tc.hint) {
			t.Errorf("%s: %v", tc.scope, err)
		}
	}
	n.Scopes = []string{"*", "*:read", "messages:*", "logs", "logs:read"}
	if _, _, err := w.CreateKey(w.admin(t), n); err != nil {
		t.Errorf("scopes that there are: %v", err)
	}
}

// TestService_keys_recorded looks for what the log is told of keys: what happened, and no secret.
func TestService_keys_recorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	k, secret := w.key(t, access.NewKey{Role: actor.Service})
	_, second, err := w.RotateKey(w.admin(t), k.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RevokeKey(w.admin(t), w.org, k.ID); err != nil {
		t.Fatal(err)
	}
	told, err := db.All(t.Context(), w.db.Q(t.Context()), db.Scalar[string], "select type from events order by seq")
	if err != nil || strings.Join(told, " ") != "access.key.created access.key.rotated access.key.revoked" {
		t.Errorf("the log tells %q, %v", told, err)
	}
	data, err := db.All(t.Context(), w.db.Q(t.Context()), db.Scalar[string], "select data from events")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{secret, second} {
		if all := strings.Join(data, "\n"); strings.Contains(all, text[len(text)-20:]) {
			t.Errorf("the log holds a secret: %s", all)
		}
	}
}
