// Package access decides who is calling: API keys, the short-lived tokens that clients exchange them for or make for their
// users, the tokens of identity providers, and what is kept of a request so that repeating it is safe.
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
	"switchboard/internal/page"
)

// Key is an API key. Only hashes of its secrets are stored; a secret is shown once, when it is made.
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
	Secrets        []Secret  // newest first; those that ended are forgotten after a day
}

// Secret is one of the secrets of a key: the only one, or for the time of a rotation one of two.
type Secret struct {
	ID         id.ID
	Hash       string
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero means with the key
	LastUsedAt time.Time // itself or a token got with it; within a minute or so, zero means never
}

// Live tells whether the key opens anything at an instant.
func (k Key) Live(at time.Time) bool {
	return k.RevokedAt.IsZero() && before(at, k.ExpiresAt)
}

// Live tells whether the secret opens anything at an instant, as far as that is up to it.
func (s Secret) Live(at time.Time) bool { return before(at, s.ExpiresAt) }

func before(at, end time.Time) bool { return end.IsZero() || at.Before(end) }

// liveSecrets returns those secrets that open something.
func (k Key) liveSecrets(at time.Time) []Secret {
	return slices.DeleteFunc(slices.Clone(k.Secrets), func(s Secret) bool { return !s.Live(at) })
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
	CodeKeyRotating = errs.Code{
		Name: "KeyRotating", Kind: errs.Conflict,
		Doc: "Two secrets of this key work already. Rotate it again when the older one has ended, or at once with an overlap of 0, which ends both.",
	}
)

// Codes lists the codes of this context.
func Codes() []errs.Code {
	return []errs.Code{CodeIdempotencyReused, CodeIdempotencyRunning, CodeKeyRotating, CodeSniffers}
}

// Resources lists what the scopes of this context name.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: keyScope, Actions: actor.ReadWrite(), Doc: "API keys: list, make, narrow, rotate and revoke them."},
		{Name: userTokenScope, Actions: actor.ReadWrite(), Doc: "Tokens for the applications of users: list, make and revoke them."},
		{Name: snifferScope, Actions: actor.ReadWrite(), Doc: "Sniffers, and what they recorded of users' requests and answers."},
	}
}

// Store keeps keys, tokens and answers.
type Store interface {
	KeyStore
	UserTokenStore
	AnswerStore
}

// KeyStore keeps keys and the tokens that they are exchanged for.
type KeyStore interface {
	// InsertKey stores a key with its secrets.
	InsertKey(ctx context.Context, k Key) error
	// FindKey returns a key of any organization, by id.
	FindKey(ctx context.Context, key id.ID) (Key, bool, error)
	// LockKey reads a key that this transaction is about to change. NotFound: the organization has none such.
	LockKey(ctx context.Context, organization, key id.ID) (Key, error)
	// UpdateKey stores the name, the scopes, the end and the revocation of a key.
	UpdateKey(ctx context.Context, k Key) error
	// ListKeys returns the keys of an organization, newest first, and their Total.
	ListKeys(ctx context.Context, organization id.ID, p page.Offset) (page.List[Key], error)
	// PutSecrets stores the secrets of a key: new ones whole, and of those that it has the end.
	PutSecrets(ctx context.Context, key id.ID, secrets []Secret) error
	// TouchKeys notes when keys and their secrets were last used; an older instant changes nothing.
	TouchKeys(ctx context.Context, used map[Use]time.Time) error

	// InsertToken stores a token that stands for a key until it expires.
	InsertToken(ctx context.Context, t Token, secretHash string) error
	// FindToken returns a token by the hash of its secret.
	FindToken(ctx context.Context, secretHash string) (Token, bool, error)
	// DeleteTokens removes the tokens of a key.
	DeleteTokens(ctx context.Context, key id.ID) error
}

// Use is what was used: a key, by one of its secrets.
type Use struct{ KeyID, SecretID id.ID }

// UserTokenStore keeps the tokens of users.
type UserTokenStore interface {
	InsertUserToken(ctx context.Context, t UserToken, secretHash string) error
	// FindUserToken returns a token of any organization by the hash of its secret.
	FindUserToken(ctx context.Context, secretHash string) (UserToken, bool, error)
	// GetUserToken returns a token that has not ended at an instant, or NotFound.
	GetUserToken(ctx context.Context, organization, token id.ID, at time.Time) (UserToken, error)
	// ListUserTokens returns those tokens of a user that have not ended at an instant, newest first, and their Total.
	ListUserTokens(ctx context.Context, organization, user id.ID, at time.Time, p page.Offset) (page.List[UserToken], error)
	// DeleteUserTokens removes one token of an organization, or all of a user's when token is Nil, and returns how many.
	DeleteUserTokens(ctx context.Context, organization, user, token id.ID) (int64, error)
}

// AnswerStore keeps what is needed to repeat requests.
type AnswerStore interface {
	// LockAnswer makes this transaction the only one at work on an idempotency key; false when another one is. It must be
	// called in a transaction and holds until its end.
	LockAnswer(ctx context.Context, r Request) (bool, error)
	// FindAnswer returns the answer stored for a request's key since an instant, with the hash of the request that got it.
	FindAnswer(ctx context.Context, r Request, since time.Time) (Answer, string, bool, error)
	// PutAnswer stores an answer, in place of an older one.
	PutAnswer(ctx context.Context, r Request, a Answer, at time.Time) error
	// Prune removes answers, tokens and ended secrets that are of no use any more and returns how many answers and tokens
	// these were. Secrets are kept as long as answers.
	Prune(ctx context.Context, answersBefore, tokensBefore time.Time) (int64, error)
}
