package auditdb

import "switchboard/internal/db/personal"

// Personal declares the tables of the audit. Who did what to which record stays for ever; what the record was before and after
// is taken by Forget, which leaves the hash of it in the chain. Nothing else may change a row, so no rule here does.
func Personal() []personal.Table {
	const (
		forgotten = "Forget takes the details about a subject; the rest stays as the proof of what was done"
		own       = "`switchboard audit export` hands the audit out, and no import may write it"
		chain     = "hashes and counts name nobody"
	)
	kept := []personal.Rule{personal.Keep(personal.Organization, "organization_id = :organization", forgotten)}
	return []personal.Table{
		{
			Name: "audit", Key: "seq", Personal: "detail remote_addr",
			Plain: `seq id organization_id actor_id user_id as_individual_id role via action subject at request_id salt place detail_hash
				purge_id`,
			Rules: kept, Others: forgotten, Withheld: own,
		},
		{
			Name: "audit_blocks", Key: "number", Plain: "number first size at leaves root previous hash key_id signature",
			Others: chain, Withheld: own,
		},
		{Name: "audit_head", Key: "block", Plain: "block place seq hash", Others: chain, Withheld: own},
		{Name: "audit_totals", Key: "organization_id action", Plain: "organization_id action total", Rules: kept, Others: chain, Withheld: own},
	}
}
