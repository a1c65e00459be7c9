package notifydb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/notify/notifydb"
	"switchboard/internal/notify/notifytest"
)

// TestPlans shows that no statement of the store reads a table, or all of an organization in one, from end to end.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) {
			t.Helper()
			notifytest.Run(t, notifydb.New(d), d)
		},
		Tables: []string{"notify_topics", "notify_schedules", "notify_groups", "notify_group_topics", "notify_group_sites", "notify_group_notifiables", "notify_alerts", "notify_alert_groups"},
		Allowed: map[string]string{
			"in (select id from notify_groups where organization_id = $1)":      "the list has no pages: what belongs to all groups is what was asked for",
			"from notify_groups where organization_id = $1 order by id desc":    "likewise",
			"from notify_schedules where organization_id = $1 order by id desc": "likewise",
			"from notify_topics where organization_id = $1 order by key":        "likewise",
		},
	}.Check(t)
}
