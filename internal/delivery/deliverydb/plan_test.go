package deliverydb_test

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/delivery/deliverytest"
)

// TestPlans shows that no statement of the store reads a table, or all of an organization in one, from end to end.
func TestPlans(t *testing.T) {
	t.Parallel()
	dbtest.Plans{
		Suite: func(t *testing.T, d *db.DB) {
			t.Helper()
			deliverytest.Run(t, deliverydb.New(d), d)
		},
		Tables: []string{"delivery_contents", "deliveries", "delivery_attempts", "delivery_callbacks", "delivery_texts"},
		Allowed: map[string]string{
			"sum(deliveries)": "adds up the messages, of which there are far fewer than deliveries",
			"where c.organization_id = $2 and c.source_type in":    "a sort of message alone is what most of an organization's are",
			"d.organization_id = $1 and d.transport = $2":          "an index for a count of a transport would have to be written with every delivery and every change of its state",
			"and d.state = 'failed'":                               "counts in an index that holds failed ones alone",
			"c.source_type = $2 and d.due_at is not null order by": "for when a channel is deleted, which is seldom; what waits for a person is found by the person",
			"where due_at <= $1 group by transport":                "reads what is due, which is the queue alone",
		},
	}.Check(t)
}
