package privacydb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/privacy/privacydb"
	"switchboard/internal/privacy/privacytest"
)

// TestPlans shows that no statement of the store reads a table, or all of an organization in one, from end to end.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) {
			t.Helper()
			privacytest.Run(t, privacydb.New(d), d)
		},
		Tables: []string{"purges", "tombstones", "legal_holds"},
		Allowed: map[string]string{
			"select count(*) from purges where organization_id = $1": "purges are few",
			"from purges where state in ('requested', 'running')":    "walks an index of the open ones alone",
			"from legal_holds": "holds are few",
		},
	}.Check(t)
}
