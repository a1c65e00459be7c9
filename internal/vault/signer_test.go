package vault_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/vault"
)

func TestService_Sign(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s := t.Context(), w.open()
		message := []byte("switchboard purge report\nmuch was removed")
		key, signature, err := s.Sign(ctx, message)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(ctx, key, message, signature); err != nil {
			t.Errorf("Verify = %v", err)
		}
		public := s.PublicKeys()
		if len(public) != 1 || public[0].ID != key || public[0].Retired || !ed25519.Verify(public[0].Key, message, signature) {
			t.Errorf("PublicKeys = %+v", public)
		}
		other := w.open() // after a restart, and on another node
		if err := other.Verify(ctx, key, message, signature); err != nil {
			t.Errorf("another node: %v", err)
		}
		if again, _, err := other.Sign(ctx, message); err != nil || again != key {
			t.Errorf("another node signs with %s, %v", again, err)
		}
		for name, tc := range map[string]struct {
			key                string
			message, signature []byte
			want               error
		}{
			"another message":   {key, []byte("nothing was removed"), signature, vault.ErrSignature},
			"a changed one":     {key, message, append([]byte{signature[0] ^ 1}, signature[1:]...), vault.ErrSignature},
			"none":              {key, message, nil, vault.ErrSignature},
			"a key that is not": {"0000000000000000", message, signature, vault.ErrUnknownKey},
		} {
			if err := s.Verify(ctx, tc.key, tc.message, tc.signature); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestService_Sign_locked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, _, err := w.node().Sign(t.Context(), []byte("x")); !errors.Is(err, vault.ErrNoKey) {
			t.Errorf("a locked vault signs: %v", err)
		}
	})
}

func TestService_RotateSigningKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, s, other := t.Context(), w.open(), w.open()
		message := []byte("a message")
		before, old, err := s.Sign(ctx, message)
		if err != nil {
			t.Fatal(err)
		}
		after, err := s.RotateSigningKey(ctx)
		if err != nil || after == before {
			t.Fatalf("RotateSigningKey = %s, %v", after, err)
		}
		if err := other.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		for name, node := range map[string]*vault.Service{"here": s, "another node": other, "after a restart": w.open()} {
			key, signature, err := node.Sign(ctx, message)
			if err != nil || key != after {
				t.Errorf("%s signs with %s, %v", name, key, err)
			}
			if err := node.Verify(ctx, before, message, old); err != nil {
				t.Errorf("%s does not verify what the old key signed: %v", name, err)
			}
			if err := node.Verify(ctx, after, message, signature); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			public := node.PublicKeys()
			if len(public) != 2 || public[0].ID != after || !public[1].Retired {
				t.Errorf("%s: PublicKeys = %+v", name, public)
			}
		}
		private, err := db.All(ctx, w.db.Q(ctx), db.Scalar[string], "select private_key from vault_signing_keys order by retired desc")
		if err != nil || len(private) != 2 || private[0] != "" || !strings.HasPrefix(private[1], vault.SealedWith("")) {
			t.Errorf("the private halves are %q, %v", private, err)
		}
	})
}

func TestService_Sign_survivesTheRotationOfTheRing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.open()
		before, _, err := s.Sign(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Rotate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for name, node := range map[string]*vault.Service{"here": s, "after a restart": w.open()} {
			if err := node.Refresh(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if key, _, err := node.Sign(t.Context(), nil); err != nil || key != before {
				t.Errorf("%s signs with %s, %v", name, key, err)
			}
		}
	})
}
