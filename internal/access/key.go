package access

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// NewKey is what a key is made of.
type NewKey struct {
	OrganizationID id.ID
	UserID         id.ID
	Name           string
	Role           actor.Role
	Scopes         []string // empty means those of who makes the key
	ExpiresAt      time.Time
}

func (n NewKey) validate(now time.Time, c Catalogue) error {
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
	c.check(&f, "scopes", n.Scopes)
	return f.Err()
}

// CreateKey makes a key and returns it with the text of its secret, which cannot be had again.
//
// Errors: Denied unless the actor is an administrator of the organization who has each of the scopes; Invalid; NotFound when
// the user is not one of the organization's. One transaction.
func (s *Service) CreateKey(ctx context.Context, n NewKey) (Key, string, error) {
	a, err := mayManageKeys(ctx, n.OrganizationID, actor.Write)
	if err != nil {
		return Key{}, "", err
	}
	now := s.now()
	if len(n.Scopes) == 0 {
		n.Scopes = a.Scopes
	}
	if err := n.validate(now, s.catalogue); err != nil {
		return Key{}, "", err
	}
	if err := mayHandOut(a, n.Scopes); err != nil {
		return Key{}, "", err
	}
	if err := s.checkUser(ctx, n.OrganizationID, n.UserID); err != nil {
		return Key{}, "", err
	}
	secret := newSecret()
	k := Key{
		ID: id.New(), OrganizationID: n.OrganizationID, UserID: n.UserID, Name: n.Name, Role: n.Role,
		Scopes: slices.Clone(n.Scopes), CreatedAt: now, ExpiresAt: n.ExpiresAt,
		Secrets: []Secret{{ID: id.New(), Hash: hash(secret), CreatedAt: now}},
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertKey(ctx, k); err != nil {
			return err
		}
		return s.events.Record(ctx, keyChange("access.key.created", Key{}, k))
	})
	return k, keyText(k.ID, secret), err
}

// checkUser tells whether a user, when one is named, is one of the organization's.
func (s *Service) checkUser(ctx context.Context, organization, user id.ID) error {
	if user.IsZero() {
		return nil
	}
	users, err := s.directory.Users(ctx, organization, []id.ID{user})
	if _, ok := users[user]; err == nil && !ok {
		err = errs.MissingRecord("user").At("user_id")
	}
	return err
}

// GetKey returns a key of the actor's organization.
//
// Errors: Denied unless the actor is an administrator; NotFound.
func (s *Service) GetKey(ctx context.Context, key id.ID) (Key, error) {
	a, err := mayManageKeys(ctx, actor.From(ctx).OrganizationID, actor.Read)
	if err != nil {
		return Key{}, err
	}
	k, found, err := s.store.FindKey(ctx, key)
	if err == nil && (!found || k.OrganizationID != a.OrganizationID) {
		err = errs.MissingRecord("key")
	}
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

// ListKeys returns the keys of an organization, newest first and revoked ones too, without secrets.
//
// Errors: Denied unless the actor is an administrator of the organization.
func (s *Service) ListKeys(ctx context.Context, organization id.ID, p page.Offset) (page.List[Key], error) {
	if _, err := mayManageKeys(ctx, organization, actor.Read); err != nil {
		return page.List[Key]{}, err
	}
	return s.store.ListKeys(ctx, organization, p)
}

// OrganizationOfKey tells whose a key is, to the operator of the server. NotFound: there is no such key.
func (s *Service) OrganizationOfKey(ctx context.Context, key id.ID) (id.ID, error) {
	k, found, err := s.store.FindKey(ctx, key)
	if err == nil && !found {
		err = errs.MissingRecord("key")
	}
	return k.OrganizationID, err
}

// KeyEdit is a change to a key. What is nil stays.
type KeyEdit struct {
	Name      *string
	Scopes    []string   // only fewer than before; those of tokens shrink with them
	ExpiresAt *time.Time // zero: never
}

func (e KeyEdit) validate(k Key, now time.Time, c Catalogue) error {
	var f errs.Fields
	if e.Name != nil {
		f.Text("name", *e.Name, 1, 255)
	}
	if e.ExpiresAt != nil && !e.ExpiresAt.IsZero() && !e.ExpiresAt.After(now) {
		f.Add("expires_at", "lies in the past; to end a key at once, revoke it")
	}
	switch {
	case e.Scopes == nil:
	case len(e.Scopes) == 0:
		f.Add("scopes", "must not be empty: a key that opens nothing is to be revoked")
	default:
		c.check(&f, "scopes", e.Scopes)
		if len(f) == 0 && !actor.Covers(k.Scopes, e.Scopes) {
			f.Add("scopes", "may only become fewer; make another key for more")
		}
	}
	return f.Err()
}

// UpdateKey changes a live key.
//
// Errors: Denied unless the actor is an administrator who has each of the key's scopes; NotFound when there is no such live
// key; Invalid. One transaction.
func (s *Service) UpdateKey(ctx context.Context, key id.ID, e KeyEdit) (Key, error) {
	return s.changeKey(ctx, key, "access.key.updated", func(ctx context.Context, k *Key, now time.Time) error {
		if err := e.validate(*k, now, s.catalogue); err != nil {
			return err
		}
		if e.Name != nil {
			k.Name = *e.Name
		}
		if e.Scopes != nil {
			k.Scopes = slices.Clone(e.Scopes)
		}
		if e.ExpiresAt != nil {
			k.ExpiresAt = *e.ExpiresAt
		}
		return s.store.UpdateKey(ctx, *k)
	})
}

// MaxOverlap is how long two secrets of a key may work side by side.
const MaxOverlap = 7 * 24 * time.Hour

// RotateKey gives a key another secret and returns its text, which cannot be had again. The one before works on for overlap,
// and so do the tokens got with it; with none it ends at once, and so does any that was still ending.
//
// Errors: as UpdateKey; CodeKeyRotating when two secrets work already and there is to be an overlap. One transaction.
func (s *Service) RotateKey(ctx context.Context, key id.ID, overlap time.Duration) (Key, string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Key{}, "", errs.InvalidField("overlap", "must be between 0 and %d seconds", int(MaxOverlap/time.Second))
	}
	secret := newSecret()
	k, err := s.changeKey(ctx, key, "access.key.rotated", func(ctx context.Context, k *Key, now time.Time) error {
		if live := k.liveSecrets(now); len(live) > 1 && overlap > 0 {
			return CodeKeyRotating.Errorf("two secrets of this key work already").With("ends-at", earliest(live))
		}
		end := now.Add(overlap)
		for i, old := range k.Secrets {
			if before(end, old.ExpiresAt) {
				k.Secrets[i].ExpiresAt = end
			}
		}
		k.Secrets = slices.Insert(k.Secrets, 0, Secret{ID: id.New(), Hash: hash(secret), CreatedAt: now})
		return s.store.PutSecrets(ctx, k.ID, k.Secrets)
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, keyText(k.ID, secret), nil
}

// earliest is when the first of secrets ends.
func earliest(secrets []Secret) time.Time {
	var end time.Time
	for _, s := range secrets {
		if !s.ExpiresAt.IsZero() && before(s.ExpiresAt, end) {
			end = s.ExpiresAt
		}
	}
	return end
}

// changeKey runs a change to a live key that the actor covers.
func (s *Service) changeKey(ctx context.Context, key id.ID, what string, change func(ctx context.Context, k *Key, now time.Time) error) (Key, error) {
	a, err := mayManageKeys(ctx, actor.From(ctx).OrganizationID, actor.Write)
	if err != nil {
		return Key{}, err
	}
	var k Key
	now := s.now()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.store.LockKey(ctx, a.OrganizationID, key)
		if err != nil {
			return err
		}
		if !old.Live(now) {
			return errs.MissingRecord("live key")
		}
		if err := mayHandOut(a, old.Scopes); err != nil {
			return err
		}
		k = old
		k.Secrets = slices.Clone(old.Secrets)
		if err := change(ctx, &k, now); err != nil {
			return err
		}
		return s.events.Record(ctx, keyChange(what, old, k))
	})
	s.cache.dropOf(a.OrganizationID)
	return k, err
}

// RevokeKey makes a key and every token got with it useless, at once on this node and within seconds on others.
//
// Errors: Denied unless the actor is an administrator of the organization; NotFound when there is no such live key. One
// transaction.
func (s *Service) RevokeKey(ctx context.Context, organization, key id.ID) error {
	if _, err := mayManageKeys(ctx, organization, actor.Write); err != nil {
		return err
	}
	now := s.now()
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		old, err := s.store.LockKey(ctx, organization, key)
		if err != nil {
			return err
		}
		if !old.RevokedAt.IsZero() {
			return errs.MissingRecord("live key")
		}
		k := old
		k.RevokedAt = now
		if err := s.store.UpdateKey(ctx, k); err != nil {
			return err
		}
		if err := s.store.DeleteTokens(ctx, key); err != nil {
			return err
		}
		return s.events.Record(ctx, keyChange("access.key.revoked", old, k))
	})
	s.cache.dropOf(organization)
	return err
}

// keyChange reports a change to a key; before is zero when there was none. No hash is in it.
func keyChange(what string, before, after Key) event.Change {
	c := event.Change{
		OrganizationID: after.OrganizationID, Type: what, Subject: after.ID,
		Data: map[string]any{"id": after.ID, "name": after.Name, "role": after.Role, "user-id": after.UserID}, After: keyState(after),
	}
	if !before.ID.IsZero() {
		c.Before = keyState(before)
	}
	return c
}

func keyState(k Key) map[string]any {
	ends := map[string]time.Time{}
	for _, s := range k.Secrets {
		ends[s.ID.String()] = s.ExpiresAt
	}
	return map[string]any{
		"name": k.Name, "role": k.Role, "user-id": k.UserID, "scopes": k.Scopes, "expires-at": k.ExpiresAt, "revoked-at": k.RevokedAt,
		"secrets": ends,
	}
}
