// Package event names what has happened. A service appends entries in the transaction that made them true; everything
// that follows from a change (live subscribers, planners, caches) reads the log after the commit.
//
// The package holds the form of an entry and the door to append one. How the log is stored, ordered and read is
// package eventlog's.
package event

import (
	"context"
	"encoding/json"
	"time"

	"switchboard/internal/id"
)

// Entry is one thing that happened.
type Entry struct {
	Seq            int64  // place in the log of this database; given when read
	ID             id.ID  // unique; consumers are idempotent by it
	OrganizationID id.ID  // whose
	Type           string // "<context>.<noun>.<past participle>": "messaging.message.posted"
	// Stream is the object that live subscribers follow, such as a messaging channel; zero when nobody can.
	// Offset counts the entries of one stream from 1 without gaps; the writer takes it from a counter on the object's
	// own row, whose lock also orders the entries.
	Stream  id.ID
	Offset  int64
	Subject id.ID // the record that changed
	ActorID id.ID // the key that did it; zero for the server itself
	At      time.Time
	Data    json.RawMessage // an object in kebab-case; what subscribers receive
}

// Change is what a service reports: an entry to be, and the two states for the audit.
type Change struct {
	OrganizationID id.ID
	Type           string
	Stream         id.ID
	Offset         int64
	Subject        id.ID
	Data           any // encoded as JSON; nil means an empty object
	Before, After  any // what the audit keeps of the record, when the service says so; nil means nothing
}

// Recorder takes what happened.
type Recorder interface {
	// Record appends an entry and an audit row for each change, as the actor of ctx, in the transaction of ctx (or in
	// one of its own). Nobody hears of an entry before the commit. Only errors of the database are returned.
	Record(ctx context.Context, changes ...Change) error
	// Append appends an entry for each change as Record does, without audit rows: for what follows for many records from
	// one act that is audited, such as filling a group. It costs a fixed number of statements for each few hundred entries.
	Append(ctx context.Context, changes ...Change) error
	// Audit records an act that changes no record anyone follows: a key made, a denied attempt, an export.
	Audit(ctx context.Context, changes ...Change) error
	// Redact replaces the data of every entry about subject in a stream, or of the whole stream for Nil: a removed message
	// must not come back through the log. The audit keeps what it had. It reads the whole stream.
	Redact(ctx context.Context, stream, subject id.ID, data any) error
}
