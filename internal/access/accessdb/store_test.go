package accessdb_test

import (
	"context"
	"testing"

	"switchboard/internal/access"
	"switchboard/internal/access/accessdb"
	"switchboard/internal/access/accesstest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
	"switchboard/internal/vault/vaulttest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { accesstest.Store(t, accessdb.New(d, vaulttest.Box()), d) })
}

func TestStore_LockAnswer_acrossTransactions(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t) // SQLite has one writer, so two transactions never meet
	s := accessdb.New(d, vaulttest.Box())
	r := access.Request{OrganizationID: id.New(), KeyID: id.New(), Route: "POST /x", IdempotencyKey: "k"}
	err := d.Do(t.Context(), func(ctx context.Context) error {
		if mine, err := s.LockAnswer(ctx, r); !mine || err != nil {
			t.Errorf("the first LockAnswer = %v, %v", mine, err)
		}
		return d.Do(t.Context(), func(ctx context.Context) error { // another transaction, on another connection
			if mine, err := s.LockAnswer(ctx, r); mine || err != nil {
				t.Errorf("the second LockAnswer = %v, %v", mine, err)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore_sniffers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { accesstest.SnifferStore(t, accessdb.New(d, vaulttest.Box())) })
}
