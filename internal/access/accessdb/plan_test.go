package accessdb_test

import (
	"testing"

	"switchboard/internal/access/accessdb"
	"switchboard/internal/access/accesstest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/vault/vaulttest"
)

// TestPlans shows that no statement of the store reads a table, or all of an organization in one, from end to end.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) {
			t.Helper()
			accesstest.Store(t, accessdb.New(d, vaulttest.Box()), d)
			accesstest.SnifferStore(t, accessdb.New(d, vaulttest.Box()))
		},
		Tables: []string{"api_keys", "api_key_secrets", "user_tokens", "access_tokens", "sniffers", "sniffer_logs", "idempotency_keys"},
		Allowed: map[string]string{
			"select count(*) from api_keys where organization_id = $1": "the keys of an organization are few",
			"from sniffers where organization_id = $1":                 "sniffers are few and end within days",
			"from sniffers where valid_until > $1 order by id":         "likewise",
		},
	}.Check(t)
}
