package vault_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/vault"
	"switchboard/internal/vault/vaultdb"
	"switchboard/internal/vault/vaulttest"
)

// own is how many secrets of the vault's own are sealed: that of the signing key and that of digests.
const own = 2

// world is a database whose sealed column is vaulttest's, and a clock.
type world struct {
	t    *testing.T
	db   *db.DB
	file string
	now  time.Time
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	return &world{t: t, db: d, file: filepath.Join(t.TempDir(), "secrets.key"), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
}

// node is a vault that is still locked, with a key file of its own when one is named.
func (w *world) node(change ...func(*vault.Options)) *vault.Service {
	o := vault.Options{
		Store: vaultdb.New(w.db), Tx: w.db, Clock: func() time.Time { return w.now }, Logger: slog.New(slog.DiscardHandler),
		Events: eventlog.New(w.db, func() time.Time { return w.now }, slog.New(slog.DiscardHandler)), KeyFile: w.file, Generate: true, Columns: []vault.Column{vaulttest.Column()},
	}
	for _, c := range change {
		c(&o)
	}
	return vault.New(o)
}

func (w *world) open(change ...func(*vault.Options)) *vault.Service {
	w.t.Helper()
	s := w.node(change...)
	if err := s.Unlock(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func fileAt(path string) func(*vault.Options) { return func(o *vault.Options) { o.KeyFile = path } }

func (w *world) put(sealer vault.Sealer, key id.ID, name, text string) {
	w.t.Helper()
	sealed, err := sealer.Seal(vaulttest.Place(org, key, name), text)
	if err != nil {
		w.t.Fatal(err)
	}
	w.raw(key, name, sealed)
}

func (w *world) raw(key id.ID, name, text string) {
	w.t.Helper()
	if _, err := w.db.Q(w.t.Context()).Exec(w.t.Context(), `insert into idempotency_keys
		(organization_id, key_id, route, idempotency_key, request_hash, status, body, created_at) values ($1,$2,$3,$4,$5,$6,$7,$8)
		on conflict (organization_id, key_id, route, idempotency_key) do update set body = excluded.body`,
		org, key, "POST /x", name, "", 200, text, w.now); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stored(key id.ID, name string) string {
	w.t.Helper()
	text, err := db.Get(w.t.Context(), w.db.Q(w.t.Context()), db.Scalar[string],
		"select body from idempotency_keys where key_id = $1 and idempotency_key = $2", key, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func (w *world) get(sealer vault.Sealer, key id.ID, name string) string {
	w.t.Helper()
	text, err := sealer.Open(vaulttest.Place(org, key, name), w.stored(key, name))
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return text
}

func (w *world) status(s *vault.Service) (vault.Status, map[string]vault.KeyStatus) {
	w.t.Helper()
	st, err := s.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	by := map[string]vault.KeyStatus{}
	for _, k := range st.Keys {
		by[k.State] = k
	}
	return st, by
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newWorld(t, d)) })
}

func TestService_Unlock_makesTheRingOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.open()
		info, err := os.Stat(w.file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the key file is %v, %v", info, err)
		}
		text, err := os.ReadFile(w.file)
		if err != nil || strings.Count(string(text), "\n") != strings.Count(string(text), "#")+1 {
			t.Errorf("the key file reads %q, %v", text, err)
		}
		w.put(first, row, "a", plain)
		second := w.open() // after a restart, or another node that shares the file
		if got := w.get(second, row, "a"); got != plain {
			t.Errorf("the other node reads %q", got)
		}
		if again, err := os.ReadFile(w.file); err != nil || string(again) != string(text) {
			t.Errorf("the second start changed the file")
		}
	})
}

func TestService_Unlock_refusesAStranger(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open()
		elsewhere := filepath.Join(t.TempDir(), "secrets.key")
		foreign := filepath.Join(t.TempDir(), "secrets.key")
		if err := os.WriteFile(foreign, []byte(vault.NewRing(vault.NewKey()).Text()), 0o600); err != nil {
			t.Fatal(err)
		}
		broken := filepath.Join(t.TempDir(), "secrets.key")
		if err := os.WriteFile(broken, []byte("hunter2"), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct{ file, want string }{
			"a node without the file":   {elsewhere, "copy the file of a node that runs"},
			"a node with another file":  {foreign, "copy the file of a node that runs"},
			"a file that is none":       {broken, "line 1 is no key"},
			"a file that is a folder":   {t.TempDir(), "cannot be read"},
			"a file that is cut to one": {elsewhere, elsewhere},
		} {
			s := w.node(fileAt(tc.file))
			err := s.Unlock(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want %q", name, err, tc.want)
			}
			if _, err := s.Seal(vaulttest.Place(org, row, "x"), plain); err == nil {
				t.Errorf("%s: it seals", name)
			}
		}
		if _, err := os.Stat(elsewhere); !os.IsNotExist(err) {
			t.Errorf("a refused node left a key file: %v", err)
		}
	})
}

func TestService_Unlock_makesNoFileThatWasNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	err := w.node(func(o *vault.Options) { o.Generate = false }).Unlock(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no key file at "+w.file) {
		t.Errorf("Unlock = %v", err)
	}
}

func TestService_Unlock_sealsWhatWasNot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const many = 450 // more than two batches
		for i := range many {
			w.raw(row, fmt.Sprintf("n%03d", i), "plain text")
		}
		w.raw(row, "empty", "")
		s := w.open()
		for _, name := range []string{"n000", "n200", "n449"} {
			if text := w.stored(row, name); strings.Contains(text, "plain") {
				t.Errorf("%s is stored as %q", name, text)
			}
			if got := w.get(s, row, name); got != "plain text" {
				t.Errorf("%s reads %q", name, got)
			}
		}
		st, by := w.status(s)
		if st.Unsealed != 0 || by["current"].Values != many+own {
			t.Errorf("status = %+v", st)
		}
		w.raw(row, "later", "plain text") // by hand
		if _, err := w.open().Open(vaulttest.Place(org, row, "later"), w.stored(row, "later")); err == nil {
			t.Error("a column that is covered is gone over again, or plain text is taken for sealed")
		}
	})
}

func TestService_Refresh_takesUpTheFile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, second := w.open(), w.open()
		w.put(first, row, "old", plain)
		if _, err := first.Rotate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		w.put(first, row, "new", plain)
		for _, name := range []string{"old", "new"} { // before any Refresh: the key is new to it
			if got := w.get(second, row, name); got != plain {
				t.Errorf("the other node reads %q", got)
			}
		}
		w.put(second, row, "third", plain)
		if err := second.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.put(second, row, "fourth", plain)
		_, by := w.status(first)
		if by["retired"].Values != 1 {
			t.Errorf("the old key has sealed %+v", by)
		}
		if err := os.WriteFile(w.file, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := second.Refresh(t.Context()); err == nil {
			t.Error("a broken file is taken up")
		}
		if got := w.get(second, row, "new"); got != plain {
			t.Error("a broken file took the keys away from a node that runs")
		}
	})
}

// TestService_openOne opens one value many times while the file changes, as requests do.
func TestService_concurrentReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	s, other := w.open(), w.open()
	w.put(s, row, "a", plain)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			for ctx.Err() == nil {
				text, err := db.Get(t.Context(), w.db.Q(t.Context()), db.Scalar[string], "select body from idempotency_keys")
				if err == nil {
					_, err = other.Open(vaulttest.Place(org, row, "a"), text)
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 3 {
		if _, err := s.Rotate(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	stop()
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
