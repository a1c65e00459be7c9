package replicationdb

import "switchboard/internal/db/personal"

// Personal declares the tables of replication, and which of their rows and columns are about whom.
func Personal() []personal.Table {
	return []personal.Table{
		{
			Name: "external_ids", Key: "record_id source",
			Personal: "external_id document",
			Plain:    "record_id source organization_id kind created_at synced_at",
			JSON:     "document",
			Rules: []personal.Rule{
				personal.Delete(personal.User, "record_id = :id"),
				personal.Delete(personal.Group, "record_id = :id"),
			},
			Others: "other systems know accounts and groups",
		},
		{
			Name: "replicators", Key: "id",
			Personal: "state",
			Plain:    "id organization_id name kind created_at last_poll_at asked due_at lease_id",
			JSON:     "state",
			Others:   "the report of a poll names records by what their source calls them; the next poll replaces it",
			Withheld: "the server makes them of its configuration",
		},
	}
}
