// Package access decides who is calling: API keys, the short-lived tokens that clients exchange them for, and what is kept of
// a request so that repeating it is safe.
//
// It turns a secret into an actor.Actor and stops there. What an actor may do is the policy of the context that it asks;
// how secrets travel in HTTP is package accessapi's.
package access

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// Key is an API key. Its secret is not in it: only a hash is stored, and the secret is shown once, when it is made.
type Key struct {
	ID             id.ID
	OrganizationID id.ID
	UserID         id.ID // whose it is; zero for a machine's
	Name           string
	Role           actor.Role
	Scopes         []string
	CreatedAt      time.Time
	ExpiresAt      time.Time // zero means never
	RevokedAt      time.Time // zero means not
	LastUsedAt     time.Time // within a minute or so; zero means never
}

// Live tells whether the key opens anything at an instant.
func (k Key) Live(at time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || at.Before(k.ExpiresAt))
}

// The codes of this context.
var (
	CodeIdempotencyReused = errs.Code{
		Name: "IdempotencyKeyReused", Kind: errs.Invalid,
		Doc: "This Idempotency-Key was used within 24 hours for another request. Use a new key for each new request.",
	}
	CodeIdempotencyRunning = errs.Code{
		Name: "IdempotencyKeyInUse", Kind: errs.Conflict,
		Doc: "The first request with this Idempotency-Key is still running. Repeat it in a moment to get its answer.",
	}
)

// Codes lists the codes of this context.
func Codes() []errs.Code { return []errs.Code{CodeIdempotencyReused, CodeIdempotencyRunning} }

// Store keeps keys, tokens and answers.
type Store interface {
	// InsertKey stores a key with the hash of its secret.
	InsertKey(ctx context.Context, k Key, secretHash string) error
	// FindKey returns a key of any organization, by id, with the hash of its secret.
	FindKey(ctx context.Context, key id.ID) (Key, string, bool, error)
	// ListKeys returns the keys of an organization, newest first; every organization's for Nil.
	ListKeys(ctx context.Context, organization id.ID) ([]Key, error)
	// RevokeKey revokes a key of an organization and its tokens; false when there is none or it was revoked before.
	RevokeKey(ctx context.Context, organization, key id.ID, at time.Time) (bool, error)
	// TouchKeys notes when keys were last used; an older instant changes nothing.
	TouchKeys(ctx context.Context, used map[id.ID]time.Time) error

	// InsertToken stores a token that stands for a key until it expires.
	InsertToken(ctx context.Context, t Token, secretHash string) error
	// FindToken returns a token by the hash of its secret.
	FindToken(ctx context.Context, secretHash string) (Token, bool, error)

	// LockAnswer makes this transaction the only one at work on an idempotency key; false when another one is. It must be
	// called in a transaction and holds until its end.
	LockAnswer(ctx context.Context, r Request) (bool, error)
	// FindAnswer returns the answer stored for a request's key since an instant, with the hash of the request that got it.
	FindAnswer(ctx context.Context, r Request, since time.Time) (Answer, string, bool, error)
	// PutAnswer stores an answer, in place of an older one.
	PutAnswer(ctx context.Context, r Request, a Answer, at time.Time) error
	// Prune removes answers and tokens that are of no use any more and returns how many.
	Prune(ctx context.Context, answersBefore, tokensBefore time.Time) (int64, error)
}

// NewKey is what a key is made of.
type NewKey struct {
	OrganizationID id.ID
	UserID         id.ID
	Name           string
	Role           actor.Role
	Scopes         []string // empty means everything that the role may do
	ExpiresAt      time.Time
}

func (n NewKey) validate(now time.Time) error {
	var f errs.Fields
	f.Text("name", n.Name, 1, 255)
	errs.OneOf(&f, "role", n.Role, actor.Roles()...)
	if n.UserID.IsZero() && (n.Role == actor.Leader || n.Role == actor.Member) {
		f.Add("user_id", "is required: a %s is a person", n.Role)
	}
	if !n.UserID.IsZero() && n.Role == actor.Service {
		f.Add("user_id", "must be empty: a service is no person")
	}
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now) {
		f.Add("expires_at", "lies in the past")
	}
	for i, s := range n.Scopes {
		if !ValidScope(s) {
			f.Add(scopePath(i), "must look like resource:action, with * for any")
		}
	}
	return f.Err()
}

// CreateKey makes a key and returns it with its secret, which cannot be had again.
//
// Errors: Denied unless the actor is an administrator of the organization; Invalid; NotFound when the user is not one of the
// organization's. One transaction.
func (s *Service) CreateKey(ctx context.Context, n NewKey) (Key, string, error) {
	if err := mayManageKeys(ctx, n.OrganizationID); err != nil {
		return Key{}, "", err
	}
	now := s.now()
	if len(n.Scopes) == 0 {
		n.Scopes = []string{"*"}
	}
	if err := n.validate(now); err != nil {
		return Key{}, "", err
	}
	if !n.UserID.IsZero() {
		users, err := s.directory.Users(ctx, n.OrganizationID, []id.ID{n.UserID})
		if err != nil {
			return Key{}, "", err
		}
		if _, ok := users[n.UserID]; !ok {
			return Key{}, "", errs.MissingRecord("user").At("user_id")
		}
	}
	k := Key{
		ID: id.New(), OrganizationID: n.OrganizationID, UserID: n.UserID, Name: n.Name, Role: n.Role,
		Scopes: slices.Clone(n.Scopes), CreatedAt: now, ExpiresAt: n.ExpiresAt,
	}
	secret := newSecret()
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertKey(ctx, k, hash(secret)); err != nil {
			return err
		}
		return s.events.Record(ctx, keyChange("access.key.created", k))
	})
	return k, keyText(k.ID, secret), err
}

// RevokeKey makes a key and every token got with it useless, at once on this node and within seconds on others.
//
// Errors: Denied as in CreateKey; NotFound when there is no such live key. One transaction.
func (s *Service) RevokeKey(ctx context.Context, organization, key id.ID) error {
	if err := mayManageKeys(ctx, organization); err != nil {
		return err
	}
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		revoked, err := s.store.RevokeKey(ctx, organization, key, s.now())
		if err != nil {
			return err
		}
		if !revoked {
			return errs.MissingRecord("live key")
		}
		return s.events.Record(ctx, keyChange("access.key.revoked", Key{ID: key, OrganizationID: organization}))
	})
	s.cache.drop()
	return err
}

// ListKeys returns the keys of an organization, newest first, without secrets.
//
// Errors: Denied as in CreateKey.
func (s *Service) ListKeys(ctx context.Context, organization id.ID) ([]Key, error) {
	if err := mayManageKeys(ctx, organization); err != nil {
		return nil, err
	}
	return s.store.ListKeys(ctx, organization)
}
