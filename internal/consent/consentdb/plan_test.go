package consentdb_test

import (
	"testing"

	"switchboard/internal/consent/consentdb"
	"switchboard/internal/consent/consenttest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
)

// TestPlans shows that no statement of the store reads a table, or all of an organization in one, from end to end.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) {
			t.Helper()
			consenttest.Run(t, consentdb.New(d), d, func(t *testing.T, statement string) error {
				t.Helper()
				_, err := d.Q(t.Context()).Exec(t.Context(), statement)
				return err
			})
		},
		Tables: []string{"consents", "consent_numbers", "consent_entries"},
	}.Check(t)
}
