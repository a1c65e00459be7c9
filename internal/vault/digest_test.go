package vault_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/vault"
)

// TestService_Digest shows that digests stay what they are for as long as the database lives: on every node, after a restart,
// and when the key that sealed their secret is gone.
func TestService_Digest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, err := w.node().Digest("a"); !errors.Is(err, vault.ErrNoKey) {
			t.Errorf("a locked vault makes digests: %v", err)
		}
		s, other := w.open(), w.open()
		digest := func(s *vault.Service, parts ...string) [32]byte {
			t.Helper()
			d, err := s.Digest(parts...)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		first := digest(s, "a", "bc")
		if digest(s, "ab", "c") == first || digest(s, "a") == first {
			t.Error("other parts have the same digest")
		}
		if _, err := s.Rotate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(2 * time.Hour)
		if gone, err := s.Prune(t.Context()); err != nil || len(gone) != 1 {
			t.Fatalf("Prune = %v, %v", gone, err)
		}
		for name, node := range map[string]*vault.Service{"here": s, "on another node": other, "after a restart": w.open()} {
			if digest(node, "a", "bc") != first {
				t.Errorf("%s it is another one", name)
			}
		}
		secrets, err := db.All(t.Context(), w.db.Q(t.Context()), db.Scalar[string], "select secret from vault_digest_keys")
		if err != nil || len(secrets) != 1 || !strings.HasPrefix(secrets[0], vault.SealedWith("")) {
			t.Errorf("the secret is stored as %q, %v", secrets, err)
		}
		if digest(newWorld(t, w.db).open(fileAt(w.file)), "a", "bc") != first {
			t.Error("it hangs on more than the database and the key file")
		}
		if digest(newWorld(t, dbtest.SQLite(t)).open(), "a", "bc") == first {
			t.Error("another database makes the same")
		}
	})
}
