package access

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// UserToken lets an application of a person call for that person, for a while. It never allows more than its person may do,
// as a leader or a member, nor more than the key that made it still covers; it ends with the key and with the person's account.
type UserToken struct {
	ID             id.ID
	OrganizationID id.ID
	UserID         id.ID
	KeyID          id.ID // that made it
	Scopes         []string
	CreatedAt      time.Time
	ExpiresAt      time.Time
}

// caller is the identity under which the person calls by tokens of a key: the same for the token that follows this one, so
// that a request repeated with it is still a repetition, and another one for everybody else.
func (t UserToken) caller() id.ID {
	return id.Derived("user-token", t.KeyID.String(), t.UserID.String())
}

// The life of a user token.
const (
	UserTokenLife    = time.Hour
	MaxUserTokenLife = 24 * time.Hour
)

// NewUserToken is what a user token is made of.
type NewUserToken struct {
	UserID    id.ID
	Scopes    []string  // empty means those of the key that makes it
	ExpiresAt time.Time // zero means after UserTokenLife
}

func (n NewUserToken) validate(now time.Time, c Catalogue) error {
	var f errs.Fields
	switch {
	case !n.ExpiresAt.After(now):
		f.Add("expires_at", "lies in the past")
	case n.ExpiresAt.After(now.Add(MaxUserTokenLife)):
		f.Add("expires_at", "must lie within the next 24 hours")
	}
	c.check(&f, "scopes", n.Scopes)
	return f.Err()
}

// CreateUserToken makes a token for a user of the actor's organization and returns it with its text, which cannot be had
// again. It ends no later than the key that makes it.
//
// Errors: Denied unless the actor is an administrator's or a machine's key that has each of the scopes; Invalid; NotFound when
// the user is not one of the organization's; Conflict for a user who does not sign in. One transaction.
func (s *Service) CreateUserToken(ctx context.Context, n NewUserToken) (UserToken, string, error) {
	a, err := mayManageUserTokens(ctx, actor.Write)
	if err != nil {
		return UserToken{}, "", err
	}
	now := s.now()
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = now.Add(UserTokenLife)
	}
	if len(n.Scopes) == 0 {
		n.Scopes = a.Scopes
	}
	if err := n.validate(now, s.catalogue); err != nil {
		return UserToken{}, "", err
	}
	if err := mayHandOut(a, n.Scopes); err != nil {
		return UserToken{}, "", err
	}
	k, found, err := s.store.FindKey(ctx, a.KeyID)
	switch {
	case err != nil:
		return UserToken{}, "", err
	case !found:
		return UserToken{}, "", errs.Forbidden("user tokens are made with an API key")
	case !before(n.ExpiresAt, k.ExpiresAt):
		n.ExpiresAt = k.ExpiresAt
	}
	if err := s.mustSignIn(ctx, a.OrganizationID, n.UserID); err != nil {
		return UserToken{}, "", err
	}
	t := UserToken{
		ID: id.New(), OrganizationID: a.OrganizationID, UserID: n.UserID, KeyID: a.KeyID, Scopes: slices.Clone(n.Scopes),
		CreatedAt: now, ExpiresAt: n.ExpiresAt,
	}
	text := userTokenPrefix + newSecret()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertUserToken(ctx, t, hash(text)); err != nil {
			return err
		}
		return s.events.Record(ctx, userTokenChange("access.user-token.created", t))
	})
	return t, text, err
}

func (s *Service) mustSignIn(ctx context.Context, organization, user id.ID) error {
	if err := s.checkUser(ctx, organization, user); err != nil {
		return err
	}
	users, err := s.directory.Users(ctx, organization, []id.ID{user})
	if err == nil && users[user].State != directory.Active {
		err = errs.CodeConflict.Errorf("only an active user can have a token")
	}
	return err
}

// GetUserToken returns a token that works, of the actor's organization.
//
// Errors: Denied unless the actor is an administrator or a machine; NotFound.
func (s *Service) GetUserToken(ctx context.Context, token id.ID) (UserToken, error) {
	a, err := mayManageUserTokens(ctx, actor.Read)
	if err != nil {
		return UserToken{}, err
	}
	return s.store.GetUserToken(ctx, a.OrganizationID, token, s.now())
}

// ListUserTokens returns the tokens of a user that work, newest first.
//
// Errors: Denied as GetUserToken; NotFound when the user is not one of the organization's.
func (s *Service) ListUserTokens(ctx context.Context, user id.ID, p page.Offset) (page.List[UserToken], error) {
	a, err := mayManageUserTokens(ctx, actor.Read)
	if err == nil {
		err = s.checkUser(ctx, a.OrganizationID, user)
	}
	if err != nil {
		return page.List[UserToken]{}, err
	}
	return s.store.ListUserTokens(ctx, a.OrganizationID, user, s.now(), p)
}

// RevokeUserToken makes a token useless, at once on this node and within seconds on others.
//
// Errors: Denied as GetUserToken; NotFound when there is no such token, or none any more. One transaction.
func (s *Service) RevokeUserToken(ctx context.Context, token id.ID) error {
	a, err := mayManageUserTokens(ctx, actor.Write)
	if err != nil {
		return err
	}
	now := s.now()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		t, err := s.store.GetUserToken(ctx, a.OrganizationID, token, now)
		if err != nil {
			return err
		}
		if _, err := s.store.DeleteUserTokens(ctx, a.OrganizationID, t.UserID, token); err != nil {
			return err
		}
		return s.events.Record(ctx, userTokenChange("access.user-token.revoked", t))
	})
	s.cache.dropOf(a.OrganizationID)
	return err
}

// RevokeUserTokens makes every token of a user useless, as when a telephone was lost, and returns how many there were.
//
// Errors: Denied as GetUserToken; NotFound when the user is not one of the organization's. One transaction.
func (s *Service) RevokeUserTokens(ctx context.Context, user id.ID) (int64, error) {
	a, err := mayManageUserTokens(ctx, actor.Write)
	if err == nil {
		err = s.checkUser(ctx, a.OrganizationID, user)
	}
	if err != nil {
		return 0, err
	}
	var n int64
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		n, err = s.store.DeleteUserTokens(ctx, a.OrganizationID, user, id.Nil)
		if err != nil || n == 0 {
			return err
		}
		return s.events.Record(ctx, event.Change{
			OrganizationID: a.OrganizationID, Type: "access.user-token.revoked", Subject: user,
			Data: map[string]any{"user-id": user, "count": n},
		})
	})
	s.cache.dropOf(a.OrganizationID)
	return n, err
}

func userTokenChange(what string, t UserToken) event.Change {
	return event.Change{
		OrganizationID: t.OrganizationID, Type: what, Subject: t.ID,
		Data: map[string]any{"id": t.ID, "user-id": t.UserID, "key-id": t.KeyID, "scopes": t.Scopes, "expires-at": t.ExpiresAt},
	}
}

// lookUpUserToken returns who holds a user token.
func (s *Service) lookUpUserToken(ctx context.Context, fingerprint string) (holder, error) {
	t, found, err := s.store.FindUserToken(ctx, fingerprint)
	if err != nil {
		return holder{}, err
	}
	now := s.now()
	if !found || !now.Before(t.ExpiresAt) {
		return holder{}, errUnknown()
	}
	k, found, err := s.store.FindKey(ctx, t.KeyID)
	if err != nil {
		return holder{}, err
	}
	if !found || !k.Live(now) {
		return holder{}, errUnknown()
	}
	a := actor.Actor{
		KeyID: t.caller(), OrganizationID: t.OrganizationID, UserID: t.UserID, Scopes: actor.Meet(t.Scopes, k.Scopes), Via: actor.ViaUserToken,
	}
	a, err = s.person(ctx, a, signsIn)
	return holder{actor: a, until: t.ExpiresAt}, err
}
