package deliverydb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/delivery/deliverytest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		deliverytest.Run(t, deliverydb.New(d), d)
	})
}
