package app

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/db/personal"
)

// TestPersonalTables holds the declarations to the schemas: a table or column that nobody declared is one that exports and
// purges would forget.
func TestPersonalTables(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if err := personal.New(d, personalTables()).Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
