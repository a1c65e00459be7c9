package access

import (
	"context"
	"crypto/subtle"
	"sync"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/tx"
)

// Directory is what access asks about people.
type Directory interface {
	// Organization is NotFound when there is none, or none any more.
	Organization(ctx context.Context, organization id.ID) (directory.Organization, error)
	// Users returns those of the users that exist.
	Users(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error)
	// IndividualsOfUsers returns the individuals of each user, the primary one first.
	IndividualsOfUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID][]directory.Individual, error)
}

// Service is the rules of this context.
type Service struct {
	store     Store
	tx        tx.Runner
	events    event.Recorder
	directory Directory
	now       clock.Clock
	cache     cache
	running   running

	used   map[id.ID]time.Time // keys seen since the last Flush
	usedMu sync.Mutex
}

// New returns the service.
func New(store Store, runner tx.Runner, events event.Recorder, dir Directory, now clock.Clock) *Service {
	return &Service{
		store: store, tx: runner, events: events, directory: dir, now: now,
		used: map[id.ID]time.Time{}, running: running{keys: map[string]bool{}},
	}
}

func keyChange(what string, k Key) event.Change {
	return event.Change{
		OrganizationID: k.OrganizationID, Type: what, Subject: k.ID,
		Data: map[string]any{"id": k.ID, "name": k.Name, "role": k.Role, "user-id": k.UserID},
	}
}

// Token is a short-lived stand-in for a key.
type Token struct {
	KeyID     id.ID
	Scopes    []string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// TokenLife is how long a token lives, unless its key expires before.
const TokenLife = time.Hour

// Exchange gives a token for the id (short or canonical) and the secret of a key; the secret may also be the key's whole
// text. Scopes, when asked for, must be covered by the key's.
//
// Errors: Unauthenticated for a wrong pair, with the same text whatever was wrong; Denied for scopes that the key lacks.
func (s *Service) Exchange(ctx context.Context, client, secret string, scopes []string) (Token, string, error) {
	text := secret
	if _, _, whole := parseKey(secret); !whole {
		key, err := id.ParseShort(client)
		if err != nil {
			if key, err = id.Parse(client); err != nil {
				return Token{}, "", errUnknown()
			}
		}
		text = keyText(key, secret)
	}
	k, err := s.key(ctx, text)
	if err != nil {
		return Token{}, "", err
	}
	granted, ok := narrow(k, scopes)
	if !ok {
		return Token{}, "", errs.Forbidden("the key does not cover the scopes that were asked for")
	}
	now := s.now()
	t := Token{KeyID: k.ID, Scopes: granted, CreatedAt: now, ExpiresAt: now.Add(TokenLife)}
	if !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(t.ExpiresAt) {
		t.ExpiresAt = k.ExpiresAt
	}
	bearer := tokenPrefix + newSecret()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertToken(ctx, t, hash(bearer)); err != nil {
			return err
		}
		return s.events.Audit(ctx, keyChange("access.token.issued", k))
	})
	return t, bearer, err
}

// errUnknown is the one answer to every secret that opens nothing.
func errUnknown() error {
	return errs.CodeUnauthenticated.Errorf("the key is unknown, expired or revoked")
}

// Authenticate returns who holds a secret: the text of a key, or a token got from Exchange.
//
// Errors: Unauthenticated for anything that opens nothing now.
func (s *Service) Authenticate(ctx context.Context, secret string) (actor.Actor, error) {
	now := s.now()
	fingerprint := hash(secret)
	if a, ok := s.cache.get(fingerprint, now); ok {
		s.touch(a.KeyID, now)
		return a, nil
	}
	generation := s.cache.generation()
	a, until, err := s.lookUp(ctx, secret, fingerprint)
	if err != nil {
		return actor.Actor{}, err
	}
	s.cache.put(fingerprint, a, now, until, generation)
	s.touch(a.KeyID, now)
	return a, nil
}

// lookUp returns who holds a secret and until when that is true; zero means for ever.
func (s *Service) lookUp(ctx context.Context, secret, fingerprint string) (actor.Actor, time.Time, error) {
	if len(secret) > len(tokenPrefix) && secret[:len(tokenPrefix)] == tokenPrefix {
		return s.lookUpToken(ctx, fingerprint)
	}
	k, err := s.key(ctx, secret)
	if err != nil {
		return actor.Actor{}, time.Time{}, err
	}
	a, err := s.actor(ctx, k, k.Scopes, actor.ViaKey)
	return a, k.ExpiresAt, err
}

func (s *Service) lookUpToken(ctx context.Context, fingerprint string) (actor.Actor, time.Time, error) {
	t, found, err := s.store.FindToken(ctx, fingerprint)
	if err != nil {
		return actor.Actor{}, time.Time{}, err
	}
	now := s.now()
	if !found || !now.Before(t.ExpiresAt) {
		return actor.Actor{}, time.Time{}, errUnknown()
	}
	k, _, found, err := s.store.FindKey(ctx, t.KeyID)
	if err != nil {
		return actor.Actor{}, time.Time{}, err
	}
	if !found || !k.Live(now) {
		return actor.Actor{}, time.Time{}, errUnknown()
	}
	a, err := s.actor(ctx, k, t.Scopes, actor.ViaToken)
	return a, t.ExpiresAt, err
}

// key returns the live key of which this is the text.
func (s *Service) key(ctx context.Context, text string) (Key, error) {
	key, secret, ok := parseKey(text)
	if !ok {
		return Key{}, errUnknown()
	}
	k, stored, found, err := s.store.FindKey(ctx, key)
	if err != nil {
		return Key{}, err
	}
	same := subtle.ConstantTimeCompare([]byte(stored), []byte(hash(secret))) == 1
	if !found || !same || !k.Live(s.now()) {
		return Key{}, errUnknown()
	}
	return k, nil
}

// actor builds the actor of a key. A key dies with its organization, and a person's with the person's account.
func (s *Service) actor(ctx context.Context, k Key, scopes []string, via actor.Via) (actor.Actor, error) {
	if _, err := s.directory.Organization(ctx, k.OrganizationID); errs.KindOf(err) == errs.NotFound {
		return actor.Actor{}, errUnknown()
	} else if err != nil {
		return actor.Actor{}, err
	}
	a := actor.Actor{KeyID: k.ID, OrganizationID: k.OrganizationID, UserID: k.UserID, Role: k.Role, Scopes: scopes, Via: via}
	if k.UserID.IsZero() {
		return a, nil
	}
	users, err := s.directory.Users(ctx, k.OrganizationID, []id.ID{k.UserID})
	if err != nil {
		return actor.Actor{}, err
	}
	if u, ok := users[k.UserID]; !ok || !u.Active() {
		return actor.Actor{}, errUnknown()
	}
	individuals, err := s.directory.IndividualsOfUsers(ctx, k.OrganizationID, []id.ID{k.UserID})
	for _, i := range individuals[k.UserID] {
		a.Individuals = append(a.Individuals, i.ID)
	}
	return a, err
}

// Follow drops what is remembered of keys when the log tells of a change to them or to the people behind them.
func (s *Service) Follow(entries []event.Entry) {
	for _, e := range entries {
		switch e.Type {
		case "access.key.revoked", "directory.user.updated", "directory.user.deleted", "directory.individual.created",
			"directory.individual.deleted", "directory.organization.deleted":
			s.cache.drop()
			return
		}
	}
}

func (s *Service) touch(key id.ID, now time.Time) {
	s.usedMu.Lock()
	s.used[key] = now
	s.usedMu.Unlock()
}

// Flush writes down which keys were used since the last Flush. Called about once a minute and before the server stops; a
// crash in between loses a minute of last-used times and nothing else.
func (s *Service) Flush(ctx context.Context) error {
	s.usedMu.Lock()
	used := s.used
	s.used = map[id.ID]time.Time{}
	s.usedMu.Unlock()
	if len(used) == 0 {
		return nil
	}
	return s.store.TouchKeys(ctx, used)
}
