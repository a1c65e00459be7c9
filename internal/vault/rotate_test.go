package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/vault"
	"switchboard/internal/vault/vaultdb"
)

func TestService_Rotate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.open()
		for i := range 250 {
			w.put(s, row, fmt.Sprint(i), plain)
		}
		before := w.stored(row, "7")
		var heard []vault.Progress
		key, err := s.Rotate(t.Context(), func(p vault.Progress) { heard = append(heard, p) })
		if err != nil {
			t.Fatal(err)
		}
		if len(heard) != 2+own || heard[1].Sealed != 250 || heard[1].Column != "idempotency_keys.body" {
			t.Errorf("heard %+v", heard)
		}
		st, by := w.status(s)
		if by["current"].ID != key || by["current"].Values != 250+own || by["retired"].Values != 0 || len(st.Keys) != 2 || st.KeyFile != w.file {
			t.Errorf("status = %+v", st)
		}
		if after := w.stored(row, "7"); after == before || w.get(s, row, "7") != plain {
			t.Errorf("%q became %q", before, after)
		}
		if text, err := os.ReadFile(w.file); err != nil || !strings.HasPrefix(keysOf(t, string(text))[0], string(key)) {
			t.Errorf("the new key is not first: %v", err)
		}
	})
}

func keysOf(t *testing.T, text string) []string {
	t.Helper()
	r, err := vault.ParseRing(text)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range r.Keys() {
		out = append(out, string(k.ID))
	}
	return out
}

// TestService_audits shows that every act on keys has its row, in the transaction that makes it true: one that fails has none.
func TestService_audits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, ctx := w.open(), t.Context()
		rows := func() []string {
			t.Helper()
			list, err := db.All(ctx, w.db.Q(ctx), db.Scalar[string],
				"select action || ' ' || detail from audit where organization_id = $1 order by seq", actor.Installation())
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		if list := rows(); len(list) != 0 {
			t.Errorf("what a server makes at its first start is audited: %v", list)
		}
		first, _ := s.Ring().Current()
		signs := s.PublicKeys()[0].ID
		staged, err := s.Stage(ctx)
		must(t, err)
		if _, err := s.Stage(ctx); err == nil {
			t.Error("two keys are staged")
		}
		_, err = s.Rotate(ctx, nil)
		must(t, err)
		signing, err := s.RotateSigningKey(ctx)
		must(t, err)
		w.now = w.now.Add(2 * time.Hour)
		_, err = s.Prune(ctx)
		must(t, err)
		want := []string{
			fmt.Sprintf(`vault.key.staged {"after":{"key-id":%q},"before":null}`, staged),
			fmt.Sprintf(`vault.key.rotated {"after":{"key-id":%q},"before":{"key-id":%q}}`, staged, first.ID),
			fmt.Sprintf(`vault.signing-key.rotated {"after":{"key-id":%q},"before":{"key-id":%q}}`, signing, signs),
			fmt.Sprintf(`vault.key.dropped {"after":null,"before":{"key-id":%q}}`, first.ID),
		}
		if got := rows(); !slices.Equal(got, want) {
			t.Errorf("the audit has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestService_Prune(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.open()
		w.put(s, row, "a", plain)
		old, _ := s.Ring().Current()
		late := w.open() // a node that does not hear of the rotation
		if _, err := s.Rotate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		w.put(late, row, "b", plain)
		prune := func(want int) {
			t.Helper()
			gone, err := s.Prune(t.Context())
			if err != nil || len(gone) != want {
				t.Fatalf("Prune = %v, %v, want %d", gone, err, want)
			}
		}
		prune(0) // just retired
		w.now = w.now.Add(2 * time.Hour)
		prune(0) // something is sealed with it
		if got := w.get(s, row, "b"); got != plain {
			t.Errorf("b reads %q", got)
		}
		if err := s.Reseal(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		prune(1)
		prune(0)
		text, err := os.ReadFile(w.file)
		if err != nil || strings.Contains(strings.Join(keysOf(t, string(text)), " "), string(old.ID)) {
			t.Errorf("the file still has the old key: %v", err)
		}
		for _, name := range []string{"a", "b"} {
			if got := w.get(w.open(), row, name); got != plain {
				t.Errorf("%s reads %q", name, got)
			}
		}
	})
}

// TestService_Prune_keeps never drops the key that seals or the one that is staged, nor one that another node may yet seal with,
// though nothing is sealed with any of them.
func TestService_Prune_keeps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, ctx := w.open(), t.Context()
		prune := func(what string, want ...vault.KeyID) {
			t.Helper()
			gone, err := s.Prune(ctx)
			if err != nil || !slices.Equal(gone, want) {
				t.Fatalf("%s: Prune = %v, %v, want %v", what, gone, err, want)
			}
		}
		first, _ := s.Ring().Current()
		w.now = w.now.Add(24 * time.Hour)
		prune("the key that seals")
		_, err := s.Stage(ctx)
		must(t, err)
		w.now = w.now.Add(24 * time.Hour)
		prune("and the next")
		_, err = s.Rotate(ctx, nil)
		must(t, err)
		prune("just retired")
		w.now = w.now.Add(time.Hour - 1)
		prune("within the hour")
		w.now = w.now.Add(1)
		prune("after an hour", first.ID)
	})
}

// A rotation that stops anywhere loses nothing, and the next one goes on.
func TestService_Rotate_interrupted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const many = 650
		s := w.open()
		for i := range many {
			w.put(s, row, fmt.Sprintf("%03d", i), plain+fmt.Sprint(i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.Rotate(ctx, func(p vault.Progress) {
			if p.Sealed >= 400 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Rotate = %v", err)
		}
		restarted := w.open()
		_, by := w.status(restarted)
		if by["retired"].Values == 0 || by["current"].Values == 0 {
			t.Fatalf("it was not stopped in the middle: %+v", by)
		}
		for i := range many {
			if got := w.get(restarted, row, fmt.Sprintf("%03d", i)); got != plain+fmt.Sprint(i) {
				t.Fatalf("%d reads %q", i, got)
			}
		}
		if err := restarted.Reseal(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, by := w.status(restarted); by["retired"].Values != 0 || by["current"].Values != many+own {
			t.Errorf("after going on: %+v", by)
		}
	})
}

// failing is a store that fails once at a call.
type failing struct {
	vault.Store
	at string
}

var errFailing = errors.New("the disk is on fire")

func (f *failing) UseKey(ctx context.Context, k vault.KeyRecord) error {
	if f.at == "use" {
		f.at = ""
		return errFailing
	}
	return f.Store.UseKey(ctx, k)
}

func (f *failing) DropKey(ctx context.Context, k vault.KeyID) error {
	if f.at == "drop" {
		f.at = ""
		return errFailing
	}
	return f.Store.DropKey(ctx, k)
}

func TestService_Rotate_failsBetweenFileAndDatabase(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		f := &failing{Store: vaultdb.New(w.db)}
		s := w.open(func(o *vault.Options) { o.Store = f })
		w.put(s, row, "a", plain)
		f.at = "use"
		if _, err := s.Rotate(t.Context(), nil); !errors.Is(err, errFailing) {
			t.Fatalf("Rotate = %v", err)
		}
		w.put(s, row, "b", plain) // the node goes on
		if err := s.Refresh(t.Context()); err != nil {
			t.Errorf("Refresh: %v", err)
		}
		_, by := w.status(s)
		if by["current"].Values != 2+own || by["unused"].ID == "" {
			t.Errorf("after the failure: %+v", by)
		}
		restarted := w.open() // takes the new key up
		w.put(restarted, row, "c", plain)
		for _, name := range []string{"a", "b", "c"} {
			if got := w.get(restarted, row, name); got != plain {
				t.Errorf("%s reads %q", name, got)
			}
		}
		if _, by := w.status(restarted); by["retired"].Values != 2+own || by["current"].Values != 1 {
			t.Errorf("after the restart: %+v", by)
		}
	})
}

func TestService_Prune_failsBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	f := &failing{Store: vaultdb.New(w.db)}
	s := w.open(func(o *vault.Options) { o.Store = f })
	if _, err := s.Rotate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * time.Hour)
	f.at = "drop"
	if _, err := s.Prune(t.Context()); !errors.Is(err, errFailing) {
		t.Fatalf("Prune = %v", err)
	}
	w.open()
	text, err := os.ReadFile(w.file)
	if err != nil || len(keysOf(t, string(text))) != 2 {
		t.Errorf("a key was dropped from the file before the database forgot it: %v", err)
	}
	// The other half: the database forgot it, and the file still has it.
	if err := vaultdb.New(w.db).DropKey(t.Context(), vault.KeyID(keysOf(t, string(text))[1])); err != nil {
		t.Fatal(err)
	}
	w.open()
	if gone, err := s.Prune(t.Context()); err != nil || len(gone) != 1 {
		t.Errorf("Prune = %v, %v", gone, err)
	}
}

// Nodes that have copies of the file instead of sharing it rotate without a moment in which one cannot read.
func TestService_Stage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.open()
		copied := filepath.Join(t.TempDir(), "secrets.key")
		carry := func() {
			t.Helper()
			text, err := os.ReadFile(w.file)
			if err == nil {
				err = os.WriteFile(copied, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		carry()
		second := w.open(fileAt(copied))
		w.put(second, row, "a", plain)

		staged, err := first.Stage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := first.Stage(t.Context()); err == nil || !strings.Contains(err.Error(), string(staged)) {
			t.Errorf("staging twice: %v", err)
		}
		if _, by := w.status(first); by["next"].ID != staged || by["current"].ID == staged {
			t.Errorf("staged: %+v", by)
		}
		carry()
		if key, err := first.Rotate(t.Context(), nil); err != nil || key != staged {
			t.Fatalf("Rotate = %s, %v, want the staged key", key, err)
		}
		if got := w.get(second, row, "a"); got != plain { // its copy has the key, behind the old one
			t.Errorf("the second node reads %q", got)
		}
		if err := second.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.put(second, row, "b", plain)
		if !strings.HasPrefix(w.stored(row, "b"), vault.SealedWith(staged)) {
			t.Errorf("the second node does not seal with the new key: %s", w.stored(row, "b"))
		}
		if got := w.get(w.open(fileAt(copied)), row, "b"); got != plain {
			t.Errorf("after a restart it reads %q", got)
		}
		if _, by := w.status(first); by["current"].ID != staged {
			t.Errorf("the restart of a node with an old copy changed the key: %+v", by)
		}
	})
}

func TestService_Refresh_withoutTheNewKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t))
	first := w.open()
	text, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "secrets.key")
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	second := w.open(fileAt(copied))
	key, err := first.Rotate(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), string(key)) {
		t.Errorf("a node that lacks the current key says %v", err)
	}
}

func TestService_Reseal_passesOverWhatIsBroken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.open()
		w.put(s, row, "good", plain)
		w.raw(row, "moved", w.stored(row, "good"))
		other := vault.NewBox(vault.NewRing(vault.NewKey()))
		w.put(other, row, "lost", plain)
		for range 2 {
			_, err := s.Rotate(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), "2 values cannot be opened") || strings.Contains(err.Error(), plain) {
				t.Fatalf("Rotate = %v", err)
			}
		}
		if got := w.get(s, row, "good"); got != plain {
			t.Errorf("good reads %q", got)
		}
		_, by := w.status(s)
		if by["lost"].Values != 1 {
			t.Errorf("status = %+v", by)
		}
		w.now = w.now.Add(2 * time.Hour)
		if gone, err := s.Prune(t.Context()); err != nil || len(gone) != 1 {
			t.Errorf("Prune = %v, %v: the key of the broken value must stay", gone, err)
		}
	})
}

func TestService_Rotate_besideWriters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, writer := w.open(), w.open()
		keys := make([]id.ID, 300)
		for i := range keys {
			keys[i] = id.New()
			w.put(s, keys[i], "a", "before")
		}
		i := 0
		if _, err := s.Rotate(t.Context(), func(vault.Progress) { // another node, with the old ring, between batches
			if i < 2 {
				w.put(writer, keys[i], "a", "after")
				w.put(writer, keys[len(keys)-1-i], "a", "after")
				i++
			}
		}); err != nil {
			t.Fatal(err)
		}
		if _, by := w.status(s); by["retired"].Values != 0 {
			t.Errorf("sealed by the old key: %+v", by)
		}
		for n, key := range keys {
			want := "before"
			if n < i || n > len(keys)-1-i {
				want = "after"
			}
			if got := w.get(s, key, "a"); got != want {
				t.Errorf("%d reads %q, want %q", n, got, want)
			}
		}
	})
}
