package replicationdb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/replication/replicationdb"
	"switchboard/internal/replication/replicationtest"
	"switchboard/internal/vault/vaulttest"
)

// TestPlans shows that no statement of the store reads a table, or all of an organization in one, from end to end.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) {
			t.Helper()
			ours, theirs := directorytest.Organization("ours"), directorytest.Organization("theirs")
			people := directorydb.New(d, vaulttest.Box())
			for _, err := range []error{people.InsertOrganization(t.Context(), ours), people.InsertOrganization(t.Context(), theirs)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			replicationtest.Run(t, replicationdb.New(d), d, ours.ID, theirs.ID)
		},
		Tables: []string{"external_ids", "replicators"},
	}.Check(t)
}
