package notifydb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/notify/notifydb"
	"switchboard/internal/notify/notifytest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		notifytest.Run(t, notifydb.New(d), d)
	})
}
