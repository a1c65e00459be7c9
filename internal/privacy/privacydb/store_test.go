package privacydb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/privacy/privacydb"
	"switchboard/internal/privacy/privacytest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { privacytest.Run(t, privacydb.New(d), d) })
}
