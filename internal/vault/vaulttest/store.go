package vaulttest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/tx"
	"switchboard/internal/vault"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Rows writes what a column of idempotency_keys holds: the column whose key has the most parts.
type Rows interface {
	// Put stores a text in the row of an organization, a key and a name.
	Put(ctx context.Context, organization, key id.ID, name, text string) error
	// Get returns it.
	Get(ctx context.Context, organization, key id.ID, name string) (string, error)
}

// Column is the column that Rows are in.
func Column() vault.Column {
	return vault.Column{Table: "idempotency_keys", Name: "body", Key: []string{"organization_id", "key_id", "route", "idempotency_key"}}
}

// Place is where Rows puts a text.
func Place(organization, key id.ID, name string) vault.Place {
	return Column().At(organization, key.String(), "POST /x", name)
}

// Store checks a store, whose transactions are those of runner and whose tables are empty.
func Store(t *testing.T, s vault.Store, runner tx.Runner, rows Rows) {
	t.Helper()
	t.Run("keys", func(t *testing.T) { keys(t, s, runner) })
	t.Run("signing keys", func(t *testing.T) { signingKeys(t, s, runner) })
	t.Run("digest key", func(t *testing.T) { digestKey(t, s, runner) })
	t.Run("columns", func(t *testing.T) { columns(t, s) })
	t.Run("values", func(t *testing.T) { values(t, s, runner, rows) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// locked runs fn as those who change keys do.
func locked(t *testing.T, s vault.Store, runner tx.Runner, fn func(ctx context.Context) error) error {
	t.Helper()
	return runner.Do(t.Context(), func(ctx context.Context) error {
		if err := s.Lock(ctx); err != nil {
			return err
		}
		return fn(ctx)
	})
}

func keys(t *testing.T, s vault.Store, runner tx.Runner) {
	ctx := t.Context()
	first := vault.KeyRecord{ID: "aaaaaaaaaaaa", Proof: "p1", CreatedAt: noon}
	second := vault.KeyRecord{ID: "bbbbbbbbbbbb", Proof: "p2", CreatedAt: noon.Add(time.Hour)}
	for _, k := range []vault.KeyRecord{first, second} {
		must(t, locked(t, s, runner, func(ctx context.Context) error { return s.UseKey(ctx, k) }))
	}
	first.RetiredAt = second.CreatedAt
	got, err := s.Keys(ctx)
	must(t, err)
	if want := []vault.KeyRecord{first, second}; !cmp.Equal(got, want) {
		t.Errorf("Keys: %s", cmp.Diff(want, got))
	}
	if err := locked(t, s, runner, func(ctx context.Context) error { return s.UseKey(ctx, first) }); !errs.Is(err, errs.CodeDuplicate) {
		t.Errorf("a retired key is used again: %v", err)
	}
	failure := errors.New("no")
	if err := locked(t, s, runner, func(ctx context.Context) error {
		must(t, s.UseKey(ctx, vault.KeyRecord{ID: "cccccccccccc", CreatedAt: noon}))
		return failure
	}); !errors.Is(err, failure) {
		t.Errorf("a transaction that fails: %v", err)
	}
	must(t, s.DropKey(ctx, first.ID))
	must(t, s.DropKey(ctx, "dddddddddddd"))
	if got, err := s.Keys(ctx); err != nil || !cmp.Equal(got, []vault.KeyRecord{second}) {
		t.Errorf("after dropping and rolling back: %v, %v", got, err)
	}
}

func signingKeys(t *testing.T, s vault.Store, runner tx.Runner) {
	first := vault.SigningKey{ID: "1111", Public: "pub1", Private: "sealed", CreatedAt: noon}
	second := vault.SigningKey{ID: "2222", Public: "pub2", Private: "sealed too", CreatedAt: noon} // in the same instant
	for _, k := range []vault.SigningKey{first, second} {
		must(t, locked(t, s, runner, func(ctx context.Context) error { return s.UseSigningKey(ctx, k) }))
	}
	first.Retired, first.Private = true, ""
	got, err := s.SigningKeys(t.Context())
	must(t, err)
	if want := []vault.SigningKey{second, first}; !cmp.Equal(got, want) {
		t.Errorf("SigningKeys: %s", cmp.Diff(want, got))
	}
}

func digestKey(t *testing.T, s vault.Store, runner tx.Runner) {
	ctx, k := t.Context(), vault.DigestKey{Secret: "sealed", CreatedAt: noon}
	if got, found, err := s.DigestKey(ctx); found || err != nil {
		t.Errorf("before there is one: %v, %v", got, err)
	}
	must(t, locked(t, s, runner, func(ctx context.Context) error { return s.PutDigestKey(ctx, k) }))
	err := locked(t, s, runner, func(ctx context.Context) error {
		return s.PutDigestKey(ctx, vault.DigestKey{Secret: "another", CreatedAt: noon})
	})
	if !errs.Is(err, errs.CodeDuplicate) {
		t.Errorf("a second one: %v", err)
	}
	if got, found, err := s.DigestKey(ctx); !found || err != nil || !cmp.Equal(got, k) {
		t.Errorf("DigestKey = %+v, %v, %v", got, found, err)
	}
}

func columns(t *testing.T, s vault.Store) {
	ctx := t.Context()
	for range 2 {
		must(t, s.Cover(ctx, "a.b"))
	}
	if got, err := s.Covered(ctx); err != nil || !slices.Equal(got, []string{"a.b"}) {
		t.Errorf("Covered = %v, %v", got, err)
	}
}

func values(t *testing.T, s vault.Store, runner tx.Runner, rows Rows) {
	ctx, c := t.Context(), Column()
	const ours, other = vault.KeyID("aaaaaaaaaaaa"), vault.KeyID("aaaaaaaaaaab")
	organization, key := id.New(), id.New()
	texts := map[string]string{
		"a": "plain", "b": vault.SealedWith(other) + "x", "c": vault.SealedWith(ours) + "y", "d": "", "e": "also plain % _",
		"f": vault.SealedWith(other) + "z",
	}
	for name, text := range texts {
		must(t, rows.Put(ctx, organization, key, name, text))
	}
	var found []string
	var after []string
	var last vault.Value
	for {
		page, err := s.Values(ctx, c, ours, after, 3)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, v := range page {
			name := v.Key[3]
			found = append(found, name)
			if v.Text != texts[name] || !cmp.Equal(v.Key, []string{organization.String(), key.String(), "POST /x", name}) {
				t.Errorf("Values has %+v", v)
			}
			if !v.Place.Equal(Place(organization, key, name)) {
				t.Errorf("%s stands at %+v", name, v.Place)
			}
			last = v
		}
		after = last.Key
	}
	if strings.Join(found, "") != "abef" {
		t.Errorf("Values found %v", found)
	}
	count, err := s.Count(ctx, c)
	must(t, err)
	if want := map[vault.KeyID]int64{"": 2, ours: 1, other: 2}; !cmp.Equal(count, want) {
		t.Errorf("Count = %v, want %v", count, want)
	}
	replace(t, s, runner, rows, organization, key, last)
}

func replace(t *testing.T, s vault.Store, runner tx.Runner, rows Rows, organization, key id.ID, v vault.Value) {
	ctx := t.Context()
	put := func(text string) string {
		must(t, runner.Do(ctx, func(ctx context.Context) error { return s.Replace(ctx, v, text) }))
		got, err := rows.Get(ctx, organization, key, v.Key[3])
		must(t, err)
		return got
	}
	if got := put("new"); got != "new" {
		t.Errorf("replaced: %q", got)
	}
	if got := put("late"); got != "new" {
		t.Errorf("a value that changed since was replaced: %q", got)
	}
}
