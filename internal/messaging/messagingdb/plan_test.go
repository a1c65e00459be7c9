package messagingdb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/messaging/messagingdb"
	"switchboard/internal/messaging/messagingtest"
)

// TestPlans shows that no statement of the store reads a table, or all of an organization in one, from end to end.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) {
			t.Helper()
			messagingtest.Run(t, messagingdb.New(d), d)
			messagingtest.RunGroups(t, messagingdb.New(d), d)
		},
		Tables: []string{"channels", "subscribers", "messages", "message_versions", "acks", "reactions", "conversation_marks", "bookmarks"},
		Allowed: map[string]string{
			"select count(*) from channels c where c.organization_id = $1": "the total of a list for administrators: one narrow index, of as many rows as there are wards and patients",
			"(coalesce(s.notify, '') = 'none')":                            "likewise, of what the caller has muted or not",
			"select count(*) from bookmarks where organization_id = $1":    "the total for administrators; others count their own",
		},
	}.Check(t)
}
