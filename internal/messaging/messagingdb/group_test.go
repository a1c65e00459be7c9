package messagingdb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/messaging/messagingdb"
	"switchboard/internal/messaging/messagingtest"
)

func TestStore_groups(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		messagingtest.RunGroups(t, messagingdb.New(d), d)
	})
}
