package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
)

// Keys verifies signatures with public keys that were kept outside of the database: whoever changes the database may also put a
// key of their own among those in it. It signs nothing.
type Keys []ed25519.PublicKey

// ParseKeys reads the Ed25519 keys of a PEM file; text between them is passed over.
func ParseKeys(text []byte) (Keys, error) {
	var out Keys
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		key, ok := parsed.(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("one of the keys is no Ed25519 key")
		}
		out = append(out, key)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no public key in PEM form")
	}
	return out, nil
}

// Sign implements Signer; it always fails.
func (Keys) Sign(context.Context, []byte) (string, []byte, error) {
	return "", nil, errors.New("public keys sign nothing")
}

// Verify implements Signer. The id is no matter: any of the keys will do.
func (k Keys) Verify(_ context.Context, _ string, message, signature []byte) error {
	if !slices.ContainsFunc(k, func(key ed25519.PublicKey) bool { return ed25519.Verify(key, message, signature) }) {
		return errors.New("none of the keys made the signature")
	}
	return nil
}

// Trusting returns the service with other keys to verify signatures with.
func (s *Service) Trusting(keys Keys) *Service {
	out := *s
	out.signer = keys
	return &out
}
