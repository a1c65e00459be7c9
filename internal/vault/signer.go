package vault

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"switchboard/internal/id"
)

// SigningKey is an Ed25519 key of the server. Old ones stay, without their private halves, to verify what they signed.
type SigningKey struct {
	ID        string // sixteen hexadecimal digits made from the public key
	Public    string // base64
	Private   string // sealed; empty once retired
	Retired   bool
	CreatedAt time.Time
}

// PublicKey is what others verify signatures with.
type PublicKey struct {
	ID        string
	Key       ed25519.PublicKey
	Retired   bool
	CreatedAt time.Time
}

// What is wrong with a signature.
var (
	ErrSignature  = errors.New("the signature does not fit the message")
	ErrUnknownKey = errors.New("no such signing key")
)

var signingColumn = Column{Table: "vault_signing_keys", Name: "private_key", Key: []string{"id"}, Global: true}

// signer is a signing key as it is used.
type signer struct {
	PublicKey
	private ed25519.PrivateKey // nil once retired
}

func (s *Service) signingKeys() []signer {
	if list := s.signers.Load(); list != nil {
		return *list
	}
	return nil
}

// Sign signs a message with the server's key and returns the key's id. Whoever signs puts into the message what it is for, so
// that no signature passes for another's.
//
// Errors: ErrNoKey before Unlock.
func (s *Service) Sign(_ context.Context, message []byte) (keyID string, signature []byte, err error) {
	for _, k := range s.signingKeys() {
		if k.private != nil {
			return k.ID, ed25519.Sign(k.private, message), nil
		}
	}
	return "", nil, fmt.Errorf("signing: %w", ErrNoKey)
}

// Verify tells whether the key of this id signed the message; nil when it did.
//
// Errors: ErrUnknownKey, ErrSignature.
func (s *Service) Verify(_ context.Context, keyID string, message, signature []byte) error {
	for _, k := range s.signingKeys() {
		if k.ID != keyID {
			continue
		}
		if !ed25519.Verify(k.Key, message, signature) {
			return ErrSignature
		}
		return nil
	}
	return fmt.Errorf("%w: %q", ErrUnknownKey, keyID)
}

// PublicKeys lists the keys that signatures are verified with, the newest, which signs, first.
func (s *Service) PublicKeys() []PublicKey {
	out := make([]PublicKey, 0, len(s.signingKeys()))
	for _, k := range s.signingKeys() {
		out = append(out, k.PublicKey)
	}
	return out
}

// RotateSigningKey makes a new key that signs from now on, here at once and on other nodes within seconds. The private half of
// the old one is erased.
func (s *Service) RotateSigningKey(ctx context.Context) (keyID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.Lock(ctx); err != nil {
			return err
		}
		stored, err := s.store.SigningKeys(ctx)
		if err != nil {
			return err
		}
		if keyID, err = s.newSigningKey(ctx); err != nil {
			return err
		}
		return s.audit(ctx, ActionSigningKeyRotated, signs(stored), keyID)
	})
	if err != nil {
		return "", err
	}
	return keyID, s.openSigners(ctx)
}

// signs is the id of the key that signs; empty when none does.
func signs(keys []SigningKey) string {
	for _, k := range keys {
		if !k.Retired {
			return k.ID
		}
	}
	return ""
}

func (s *Service) newSigningKey(ctx context.Context) (string, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	k := SigningKey{ID: signingKeyID(public), Public: base64.StdEncoding.EncodeToString(public), CreatedAt: s.now()}
	if k.Private, err = s.Seal(signingColumn.At(id.Nil, k.ID), base64.StdEncoding.EncodeToString(private.Seed())); err != nil {
		return "", err
	}
	return k.ID, s.store.UseSigningKey(ctx, k)
}

func signingKeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// openSigners reads the signing keys, making the first one. Keys that are open already are not opened again.
func (s *Service) openSigners(ctx context.Context) error {
	stored, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	if len(stored) == 0 {
		if stored, err = s.firstSigningKey(ctx); err != nil {
			return err
		}
	}
	list := make([]signer, len(stored))
	for i, k := range stored {
		if list[i], err = s.openSigner(k); err != nil {
			return fmt.Errorf("the signing key %s: %w", k.ID, err)
		}
	}
	s.signers.Store(&list)
	return nil
}

func (s *Service) firstSigningKey(ctx context.Context) (stored []SigningKey, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.Lock(ctx); err != nil {
			return err
		}
		if stored, err = s.store.SigningKeys(ctx); err != nil || len(stored) > 0 {
			return err // another node was first
		}
		if _, err := s.newSigningKey(ctx); err != nil {
			return err
		}
		stored, err = s.store.SigningKeys(ctx)
		return err
	})
	return stored, err
}

func (s *Service) openSigner(k SigningKey) (signer, error) {
	public, err := base64.StdEncoding.DecodeString(k.Public)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return signer{}, ErrBroken
	}
	out := signer{PublicKey: PublicKey{ID: k.ID, Key: public, Retired: k.Retired, CreatedAt: k.CreatedAt}}
	if k.Private == "" {
		return out, nil
	}
	text, err := s.Box.Open(signingColumn.At(id.Nil, k.ID), k.Private)
	if err != nil {
		return signer{}, err
	}
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return signer{}, ErrBroken
	}
	out.private = ed25519.NewKeyFromSeed(seed)
	return out, nil
}
