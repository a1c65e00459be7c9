package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"slices"
	"strings"
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
	// Memberships returns every place that the individuals have in groups.
	Memberships(ctx context.Context, organization id.ID, individuals []id.ID) ([]directory.Membership, error)
}

// Options are what a Service needs.
type Options struct {
	Store     Store
	Tx        tx.Runner
	Events    event.Recorder
	Directory Directory
	Clock     clock.Clock
	// Resources are what scopes may name; none means anything of the right form.
	Resources []actor.Resource
	// Issuers are the identity providers whose tokens are taken; SignIn finds whom they stand for.
	Issuers []Issuer
	SignIn  SignIn
	// Seen is told, at each Flush, when users were last here; nil: nobody is told.
	Seen   func(ctx context.Context, users map[id.ID]time.Time) error
	Logger *slog.Logger // nil: nothing is logged
}

// Service is the rules of this context.
type Service struct {
	store     Store
	tx        tx.Runner
	events    event.Recorder
	directory Directory
	now       clock.Clock
	catalogue Catalogue
	issuers   map[string]Issuer // by URL
	signIns   SignIn
	log       *slog.Logger
	cache     cache
	running   running

	tellSeen func(ctx context.Context, users map[id.ID]time.Time) error
	used     map[Use]time.Time   // since the last Flush
	seen     map[id.ID]time.Time // users, likewise
	usedMu   sync.Mutex
}

// New returns the service.
func New(o Options) *Service {
	s := &Service{
		store: o.Store, tx: o.Tx, events: o.Events, directory: o.Directory, now: o.Clock, catalogue: o.Resources,
		issuers: map[string]Issuer{}, signIns: o.SignIn, log: o.Logger,
		tellSeen: o.Seen, used: map[Use]time.Time{}, seen: map[id.ID]time.Time{}, running: running{keys: map[string]bool{}},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, i := range o.Issuers {
		s.issuers[i.URL] = i
	}
	return s
}

// Catalogue is the resources that scopes may name.
func (s *Service) Catalogue() Catalogue { return s.catalogue }

// Token is a short-lived stand-in for a key.
type Token struct {
	KeyID     id.ID
	SecretID  id.ID // with which it was got and ends; zero for any of the key's
	Scopes    []string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// TokenLife is how long a token lives, unless its key or secret ends before.
const TokenLife = time.Hour

// Exchange gives a token for the id (short or canonical) and the secret of a key; the secret may also be the key's whole
// text. Scopes, when asked for, must be covered by the key's.
//
// Errors: Unauthenticated for a wrong pair, with the same text whatever was wrong; Denied for scopes that the key lacks, or that
// there are not.
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
	k, used, err := s.key(ctx, text)
	if err != nil {
		return Token{}, "", err
	}
	for _, scope := range scopes {
		if problem := s.catalogue.problem(scope); problem != "" {
			return Token{}, "", errs.Forbidden("a scope that was asked for %s", problem)
		}
	}
	granted, ok := narrow(k.Scopes, scopes)
	if !ok {
		return Token{}, "", errs.Forbidden("the key does not cover the scopes that were asked for")
	}
	now := s.now()
	t := Token{KeyID: k.ID, SecretID: used.ID, Scopes: granted, CreatedAt: now, ExpiresAt: now.Add(TokenLife)}
	for _, end := range []time.Time{k.ExpiresAt, used.ExpiresAt} {
		if !before(t.ExpiresAt, end) {
			t.ExpiresAt = end
		}
	}
	bearer := tokenPrefix + newSecret()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertToken(ctx, t, hash(bearer)); err != nil {
			return err
		}
		return s.events.Audit(ctx, event.Change{
			OrganizationID: k.OrganizationID, Type: "access.token.issued", Subject: k.ID,
			Data: map[string]any{"id": k.ID, "name": k.Name, "role": k.Role, "user-id": k.UserID},
		})
	})
	return t, bearer, err
}

// errUnknown is the one answer to every secret that opens nothing.
func errUnknown() *errs.Error {
	return errs.CodeUnauthenticated.Errorf("the key is unknown, expired or revoked")
}

// holder is who holds a secret.
type holder struct {
	actor actor.Actor
	until time.Time // when the secret ends; zero means never
	use   Use       // what to note as used; zero for nothing
}

// Authenticate returns who holds a secret: the text of a key, a token got from Exchange, one made for a user, or one of an
// identity provider.
//
// Errors: Unauthenticated for anything that opens nothing now; Unavailable for a token of a provider that cannot be reached.
func (s *Service) Authenticate(ctx context.Context, secret string) (actor.Actor, error) {
	now := s.now()
	fingerprint := hash(secret)
	if h, ok := s.cache.get(fingerprint, now); ok {
		s.touch(h, now)
		return h.actor, nil
	}
	generation := s.cache.generation()
	h, err := s.lookUp(ctx, secret, fingerprint)
	if err != nil {
		return actor.Actor{}, err
	}
	s.cache.put(fingerprint, h, now, generation)
	s.touch(h, now)
	return h.actor, nil
}

func (s *Service) lookUp(ctx context.Context, secret, fingerprint string) (holder, error) {
	switch {
	case strings.HasPrefix(secret, tokenPrefix):
		return s.lookUpToken(ctx, fingerprint)
	case strings.HasPrefix(secret, userTokenPrefix):
		return s.lookUpUserToken(ctx, fingerprint)
	case !strings.HasPrefix(secret, keyPrefix) && foreign(secret):
		return s.lookUpForeign(ctx, secret)
	}
	k, used, err := s.key(ctx, secret)
	if err != nil {
		return holder{}, err
	}
	a, err := s.actor(ctx, k, k.Scopes, actor.ViaKey)
	h := holder{actor: a, until: k.ExpiresAt, use: Use{k.ID, used.ID}}
	if !used.ExpiresAt.IsZero() && before(used.ExpiresAt, h.until) {
		h.until = used.ExpiresAt
	}
	return h, err
}

func (s *Service) lookUpToken(ctx context.Context, fingerprint string) (holder, error) {
	t, found, err := s.store.FindToken(ctx, fingerprint)
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
	if !found || !k.Live(now) || !t.SecretID.IsZero() && !k.opens(t.SecretID, now) {
		return holder{}, errUnknown()
	}
	a, err := s.actor(ctx, k, actor.Meet(t.Scopes, k.Scopes), actor.ViaToken)
	return holder{actor: a, until: t.ExpiresAt, use: Use{t.KeyID, t.SecretID}}, err
}

// opens tells whether one of a key's secrets is live.
func (k Key) opens(secret id.ID, at time.Time) bool {
	return slices.ContainsFunc(k.Secrets, func(s Secret) bool { return s.ID == secret && s.Live(at) })
}

// key returns the live key of which this is the text, and the secret that is in it.
func (s *Service) key(ctx context.Context, text string) (Key, Secret, error) {
	key, secret, ok := parseKey(text)
	if !ok {
		return Key{}, Secret{}, errUnknown()
	}
	k, found, err := s.store.FindKey(ctx, key)
	if err != nil {
		return Key{}, Secret{}, err
	}
	now, given := s.now(), []byte(hash(secret))
	if !found || !k.Live(now) {
		return Key{}, Secret{}, errUnknown()
	}
	for _, stored := range k.liveSecrets(now) {
		if subtle.ConstantTimeCompare([]byte(stored.Hash), given) == 1 {
			return k, stored, nil
		}
	}
	return Key{}, Secret{}, errUnknown()
}

// actor builds the actor of a key. A key dies with its organization, and a person's with the person's account.
func (s *Service) actor(ctx context.Context, k Key, scopes []string, via actor.Via) (actor.Actor, error) {
	a := actor.Actor{KeyID: k.ID, OrganizationID: k.OrganizationID, UserID: k.UserID, Role: k.Role, Scopes: scopes, Via: via}
	if !k.UserID.IsZero() {
		return s.person(ctx, a, directory.User.Active)
	}
	return a, s.mustExist(ctx, k.OrganizationID)
}

func (s *Service) mustExist(ctx context.Context, organization id.ID) error {
	_, err := s.directory.Organization(ctx, organization)
	if errs.KindOf(err) == errs.NotFound {
		return errUnknown().Because(err)
	}
	return err
}

// signsIn tells whether a user calls by other ways than a key that somebody made for it.
func signsIn(u directory.User) bool { return u.State == directory.Active }

// person completes the actor of a user that is admitted: with its individuals and, where none is given, with the role that
// the person has, which is that of a leader as long as it leads any group.
func (s *Service) person(ctx context.Context, a actor.Actor, admits func(directory.User) bool) (actor.Actor, error) {
	if err := s.mustExist(ctx, a.OrganizationID); err != nil {
		return actor.Actor{}, err
	}
	users, err := s.directory.Users(ctx, a.OrganizationID, []id.ID{a.UserID})
	if err != nil {
		return actor.Actor{}, err
	}
	if u, ok := users[a.UserID]; !ok || !admits(u) {
		return actor.Actor{}, errUnknown()
	}
	individuals, err := s.directory.IndividualsOfUsers(ctx, a.OrganizationID, []id.ID{a.UserID})
	if err != nil {
		return actor.Actor{}, err
	}
	for _, i := range individuals[a.UserID] {
		a.Individuals = append(a.Individuals, i.ID)
	}
	if a.Role != "" {
		return a, nil
	}
	a.Role = actor.Member
	places, err := s.directory.Memberships(ctx, a.OrganizationID, a.Individuals)
	if slices.ContainsFunc(places, func(m directory.Membership) bool { return m.Leader }) {
		a.Role = actor.Leader
	}
	return a, err
}

// Follow drops what is remembered of an organization when the log tells of a change to its keys or to the people behind them.
func (s *Service) Follow(entries []event.Entry) {
	changed := map[id.ID]bool{}
	for _, e := range entries {
		switch e.Type {
		case "access.key.updated", "access.key.rotated", "access.key.revoked", "access.user-token.revoked",
			directory.EventUserUpdated, directory.EventUserDeleted, directory.EventIndividualCreated,
			directory.EventIndividualDeleted, directory.EventGroupUpdated, directory.EventGroupDeleted, directory.EventOrganizationDeleted,
			"privacy.purge.completed", "privacy.data.imported":
			changed[e.OrganizationID] = true
		}
	}
	for organization := range changed {
		s.cache.dropOf(organization)
	}
}

func (s *Service) touch(h holder, now time.Time) {
	s.usedMu.Lock()
	defer s.usedMu.Unlock()
	if !h.use.KeyID.IsZero() {
		s.used[h.use] = now
	}
	if user := h.actor.UserID; !user.IsZero() && s.tellSeen != nil {
		s.seen[user] = now
	}
}

// Flush writes down which keys were used and which users were here since the last Flush. Called about once a minute and
// before the server stops; a crash in between loses a minute of these times and nothing else.
func (s *Service) Flush(ctx context.Context) error {
	s.usedMu.Lock()
	used, seen := s.used, s.seen
	s.used, s.seen = map[Use]time.Time{}, map[id.ID]time.Time{}
	s.usedMu.Unlock()
	var keys, users error
	if len(used) > 0 {
		keys = s.store.TouchKeys(ctx, used)
	}
	if len(seen) > 0 {
		users = s.tellSeen(ctx, seen)
	}
	return errors.Join(keys, users)
}
