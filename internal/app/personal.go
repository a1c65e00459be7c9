package app

import (
	"slices"

	"switchboard/internal/access/accessdb"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/consent/consentdb"
	"switchboard/internal/db/personal"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/eventlog"
	"switchboard/internal/messaging/messagingdb"
	"switchboard/internal/notify/notifydb"
	"switchboard/internal/privacy/privacydb"
	"switchboard/internal/replication/replicationdb"
	"switchboard/internal/vault/vaultdb"
)

// personalTables is what every context declares of its tables, parents first; the log and the audit come last, because
// entries are found by the records that they speak of.
func personalTables() []personal.Table {
	return slices.Concat(
		directorydb.Personal(), accessdb.Personal(), messagingdb.Personal(), notifydb.Personal(), consentdb.Personal(), deliverydb.Personal(),
		vaultdb.Personal(), replicationdb.Personal(), privacydb.Personal(), auditdb.Personal(), eventlog.Personal(),
	)
}
