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
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// maker is the context of a caller with a key of these scopes, and the key's id and text.
func (w *world) maker(t *testing.T, scopes ...string) (context.Context, id.ID, string) {
	t.Helper()
	k, secret := w.key(t, access.NewKey{Role: actor.Service, Scopes: scopes})
	a, err := w.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return actor.With(t.Context(), a), k.ID, secret
}

func TestService_CreateUserToken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ctx, key, _ := w.maker(t, "messages", "events:read", "user-tokens")
		made, text, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user, Scopes: []string{"messages:read"}})
		if err != nil || made.ExpiresAt.Sub(w.clock()) != access.UserTokenLife || made.KeyID != key {
			t.Fatalf("CreateUserToken = %+v, %v", made, err)
		}
		a, err := w.Authenticate(t.Context(), text)
		if err != nil || a.UserID != w.user || a.Role != actor.Member || len(a.Individuals) != 2 || a.OrganizationID != w.org ||
			!a.Has("messages", "read") || a.Has("messages", "write") || a.Has("events", "read") {
			t.Errorf("the token is %+v, %v", a, err)
		}
		_, again, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user})
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.Authenticate(t.Context(), again)
		if err != nil || b.KeyID != a.KeyID {
			t.Errorf("the next token of the person is another caller: %v, %v", b.KeyID, err)
		}
		if a.KeyID == key || a.KeyID == made.ID {
			t.Error("the person shares an identity with the key")
		}
		list, err := w.ListUserTokens(ctx, w.user, page.Offset{Limit: 10})
		if err != nil || list.Total != 2 || list.Items[1].ID != made.ID {
			t.Errorf("ListUserTokens = %+v, %v", list, err)
		}
		w.pass(access.UserTokenLife)
		if w.opens(t, text) {
			t.Error("the token works after its end")
		}
		if _, err := w.GetUserToken(ctx, made.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("an ended token: %v", err)
		}
	})
}

func TestService_userTokens_role(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	ctx, _, _ := w.maker(t, "*")
	w.people.leads = true
	_, text, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user})
	if err != nil {
		t.Fatal(err)
	}
	role := func() actor.Role {
		a, err := w.Authenticate(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		return a.Role
	}
	if got := role(); got != actor.Leader {
		t.Errorf("who leads a group is a %s", got)
	}
	w.people.mu.Lock()
	w.people.leads = false
	w.people.mu.Unlock()
	w.Follow([]event.Entry{{OrganizationID: w.org, Type: directory.EventGroupUpdated}})
	if got := role(); got != actor.Member {
		t.Errorf("who leads none any more is a %s", got)
	}
}

func TestService_userTokens_end(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, w *world, made access.UserToken){
		"revoked": func(t *testing.T, w *world, made access.UserToken) {
			if err := w.RevokeUserToken(w.admin(t), made.ID); err != nil {
				t.Error(err)
			}
			if err := w.RevokeUserToken(w.admin(t), made.ID); errs.KindOf(err) != errs.NotFound {
				t.Errorf("twice: %v", err)
			}
		},
		"all of the user revoked": func(t *testing.T, w *world, made access.UserToken) {
			for _, want := range []int64{1, 0} {
				if n, err := w.RevokeUserTokens(w.admin(t), made.UserID); n != want || err != nil {
					t.Errorf("RevokeUserTokens = %d, %v", n, err)
				}
			}
		},
		"the key revoked": func(t *testing.T, w *world, made access.UserToken) {
			if err := w.RevokeKey(w.admin(t), w.org, made.KeyID); err != nil {
				t.Error(err)
			}
		},
		"the user archived": func(_ *testing.T, w *world, _ access.UserToken) {
			w.change(t, func(u *directory.User) { u.State = directory.Archived })
			w.Follow([]event.Entry{{OrganizationID: w.org, Type: directory.EventUserUpdated}})
		},
		"the user reached only": func(_ *testing.T, w *world, _ access.UserToken) {
			w.change(t, func(u *directory.User) { u.State = directory.NotificationOnly })
			w.Follow([]event.Entry{{OrganizationID: w.org, Type: directory.EventUserUpdated}})
		},
		"the organization deleted": func(_ *testing.T, w *world, _ access.UserToken) {
			w.people.mu.Lock()
			w.people.gone = true
			w.people.mu.Unlock()
			w.pass(6 * time.Second) // without an entry
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dbtest.SQLite(t))
			ctx, _, _ := w.maker(t, "*")
			made, text, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user})
			if err != nil || !w.opens(t, text) {
				t.Fatal(err)
			}
			end(t, w, made)
			if w.opens(t, text) {
				t.Error("the token works on")
			}
		})
	}
}

func TestService_userTokens_shrinkWithTheirKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	ctx, key, _ := w.maker(t, "messages", "events", "user-tokens")
	_, text, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user, Scopes: []string{"messages", "events:read"}})
	if err != nil || !w.opens(t, text) {
		t.Fatal(err)
	}
	if _, err := w.UpdateKey(w.admin(t), key, access.KeyEdit{Scopes: []string{"messages:read", "user-tokens"}}); err != nil {
		t.Fatal(err)
	}
	if a, err := w.Authenticate(t.Context(), text); err != nil || strings.Join(a.Scopes, " ") != "messages:read" {
		t.Errorf("the token has %q, %v", a.Scopes, err)
	}
	end := w.clock().Add(time.Minute)
	if _, err := w.UpdateKey(w.admin(t), key, access.KeyEdit{ExpiresAt: &end}); err != nil {
		t.Fatal(err)
	}
	if made, _, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user, Scopes: []string{"messages:read"}}); err != nil || !made.ExpiresAt.Equal(end) {
		t.Errorf("a token of a key that ends in a minute ends at %v, %v", made.ExpiresAt, err)
	}
}

func TestService_CreateUserToken_refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	ctx, _, _ := w.maker(t, "messages", "user-tokens")
	for path, n := range map[string]access.NewUserToken{
		"user_id":     {UserID: id.New()},
		"expires_at":  {UserID: w.user, ExpiresAt: w.clock()},
		"expires_at ": {UserID: w.user, ExpiresAt: w.clock().Add(access.MaxUserTokenLife + time.Second)},
		"scopes[1]":   {UserID: w.user, Scopes: []string{"messages", "mesages"}},
	} {
		_, _, err := w.CreateUserToken(ctx, n)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Path != strings.TrimSpace(path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for name, scopes := range map[string][]string{"more": {"events:read"}, "everything": {"*"}, "all to read": {"*:read"}} {
		if _, _, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user, Scopes: scopes}); errs.KindOf(err) != errs.Denied {
			t.Errorf("%s than the key has: %v", name, err)
		}
	}
	w.change(t, func(u *directory.User) { u.State = directory.Invited })
	if _, _, err := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("for a user who has not signed up: %v", err)
	}
	if l, err := w.ListUserTokens(ctx, w.user, page.Offset{Limit: 1}); err != nil || l.Total != 0 {
		t.Errorf("a refused token was stored: %+v, %v", l, err)
	}
}

func TestService_userTokens_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	maker, _, _ := w.maker(t, "*")
	made, _, err := w.CreateUserToken(maker, access.NewUserToken{UserID: w.user})
	if err != nil {
		t.Fatal(err)
	}
	for who, ctx := range map[string]context.Context{
		"nobody":                       t.Context(),
		"a leader":                     w.as(t, actor.Leader, "*"),
		"a member":                     w.as(t, actor.Member, "*"),
		"a service without the scope":  w.as(t, actor.Service, "messages"),
		"another organization's":       actor.With(t.Context(), actor.System(id.New())),
		"an administrator with no key": w.as(t, actor.Administrator, "messages", "user-tokens:read"),
	} {
		_, _, err1 := w.CreateUserToken(ctx, access.NewUserToken{UserID: w.user})
		err2 := w.RevokeUserToken(ctx, made.ID)
		_, err3 := w.RevokeUserTokens(ctx, w.user)
		for _, err := range []error{err1, err2, err3} {
			if kind := errs.KindOf(err); kind != errs.Denied && (kind != errs.NotFound || who != "another organization's") && kind != errs.Invalid {
				t.Errorf("%s: %v", who, err)
			}
		}
		if who == "an administrator with no key" {
			continue // may read
		}
		_, err4 := w.GetUserToken(ctx, made.ID)
		_, err5 := w.ListUserTokens(ctx, w.user, page.Offset{Limit: 1})
		for _, err := range []error{err4, err5} {
			if kind := errs.KindOf(err); kind != errs.Denied && (kind != errs.NotFound || who != "another organization's") {
				t.Errorf("%s reads: %v", who, err)
			}
		}
	}
	if _, _, err := w.CreateUserToken(w.as(t, actor.Administrator, "*"), access.NewUserToken{UserID: w.user}); errs.KindOf(err) != errs.Denied {
		t.Errorf("by somebody who signed in without a key: %v", err)
	}
	if _, err := w.GetUserToken(maker, made.ID); err != nil {
		t.Errorf("the token is gone: %v", err)
	}
}
