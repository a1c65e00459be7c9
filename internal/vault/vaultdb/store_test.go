package vaultdb_test

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaultdb"
	"switchboard/internal/vault/vaulttest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { vaulttest.Store(t, vaultdb.New(d), d, rows{d}) })
}

type rows struct{ db *db.DB }

func (r rows) Put(ctx context.Context, organization, key id.ID, name, text string) error {
	_, err := r.db.Q(ctx).Exec(ctx, `insert into idempotency_keys
		(organization_id, key_id, route, idempotency_key, request_hash, status, body, created_at) values ($1,$2,$3,$4,$5,$6,$7,$8)`,
		organization, key, "POST /x", name, "", 200, text, time.Now())
	return err
}

func (r rows) Get(ctx context.Context, organization, key id.ID, name string) (string, error) {
	return db.Get(ctx, r.db.Q(ctx), db.Scalar[string],
		"select body from idempotency_keys where organization_id = $1 and key_id = $2 and idempotency_key = $3", organization, key, name)
}

func TestStore_Lock_keepsOthersOut(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t) // SQLite has one writer, so two transactions never meet
	s := vaultdb.New(d)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	second := make(chan error, 1)
	entered := make(chan struct{})
	err := d.Do(ctx, func(inner context.Context) error {
		if err := s.Lock(inner); err != nil {
			return err
		}
		go func() {
			second <- d.Do(ctx, func(ctx context.Context) error {
				err := s.Lock(ctx)
				close(entered)
				return err
			})
		}()
		select {
		case <-entered:
			t.Error("two transactions hold the lock")
		case <-time.After(100 * time.Millisecond):
		}
		_, err := s.Keys(ctx) // reading goes on
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second, once the first is done: %v", err)
	}
}
