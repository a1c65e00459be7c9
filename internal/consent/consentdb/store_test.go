package consentdb_test

import (
	"testing"

	"switchboard/internal/consent/consentdb"
	"switchboard/internal/consent/consenttest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		consenttest.Run(t, consentdb.New(d), d, func(t *testing.T, statement string) error {
			t.Helper()
			_, err := d.Q(t.Context()).Exec(t.Context(), statement)
			return err
		})
	})
}
