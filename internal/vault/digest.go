package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"switchboard/internal/id"
)

// DigestKey is the secret that digests are made with. There is one for the database, and it is not rotated: what it has made
// could never be made again. It is sealed like any other secret, so that each rotation of the ring covers it.
type DigestKey struct {
	Secret    string // sealed
	CreatedAt time.Time
}

// digestKeyID is the key of the one row.
const digestKeyID = "1"

var digestColumn = Column{Table: "vault_digest_keys", Name: "secret", Key: []string{"id"}, Global: true}

// Digest is a fingerprint of some parts that is always the same in this database, whatever key seals. Without the key file
// nobody can tell what it is of, not even by trying everything that it could be. The first part says what it is for.
//
// Errors: ErrNoKey before Unlock.
func (s *Service) Digest(parts ...string) ([sha256.Size]byte, error) {
	secret := s.digest.Load()
	if secret == nil {
		return [sha256.Size]byte{}, fmt.Errorf("making a digest: %w", ErrNoKey)
	}
	h := hmac.New(sha256.New, *secret)
	for _, part := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // or "a","bc" would be "ab","c"
		_, _ = io.WriteString(h, part)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// openDigest reads the secret, making it at the first time.
func (s *Service) openDigest(ctx context.Context) error {
	stored, found, err := s.store.DigestKey(ctx)
	if err == nil && !found {
		stored, err = s.firstDigestKey(ctx)
	}
	if err != nil {
		return err
	}
	text, err := s.Box.Open(digestColumn.At(id.Nil, digestKeyID), stored.Secret)
	if err != nil {
		return err
	}
	secret, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(secret) != keySize {
		return fmt.Errorf("the secret of digests: %w", ErrBroken)
	}
	s.digest.Store(&secret)
	return nil
}

func (s *Service) firstDigestKey(ctx context.Context) (stored DigestKey, err error) {
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.Lock(ctx); err != nil {
			return err
		}
		var found bool
		if stored, found, err = s.store.DigestKey(ctx); err != nil || found {
			return err // another node was first
		}
		secret := make([]byte, keySize)
		_, _ = rand.Read(secret) // never fails
		stored = DigestKey{CreatedAt: s.now()}
		if stored.Secret, err = s.Seal(digestColumn.At(id.Nil, digestKeyID), base64.StdEncoding.EncodeToString(secret)); err != nil {
			return err
		}
		return s.store.PutDigestKey(ctx, stored)
	})
	return stored, err
}
