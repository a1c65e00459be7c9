// Package privacy is what people may ask for about the data that is kept of them: to have it handed out, erased, brought
// back, or kept although somebody else wants it erased.
//
// It decides who may ask, in which order things happen and what proves it. What is stored about whom, every context
// declares beside its own tables; the package knows none of them (see package personal), and asks a context only to take
// what is about to go out of use in its own way (Closer).
//
// A purge is a row before it is an act: it is accepted, and a worker does it in batches, each with how far it has come.
// Whoever takes it up after a crash goes on there. It ends with a report, signed by the server, and with tombstones, which
// keep what was purged from coming back.
package privacy

import (
	"context"
	"encoding/json"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Kind is what a subject is.
type Kind string

// The kinds of subjects.
const (
	Individual   Kind = "individual"
	Group        Kind = "individual-group"
	Organization Kind = "organization"
	User         Kind = "user" // the account and its individuals
)

// Kinds lists the kinds.
func Kinds() []Kind { return []Kind{Individual, Group, Organization, User} }

// Subject is whose data is meant.
type Subject struct {
	Kind           Kind  `json:"type"`
	ID             id.ID `json:"id"`
	OrganizationID id.ID `json:"organization-id"`
}

// State is how far a purge is.
type State string

// The states. Completed and failed are final.
const (
	Requested State = "requested"
	Running   State = "running"
	Completed State = "completed"
	Failed    State = "failed"
)

// Final tells whether nothing will happen any more.
func (s State) Final() bool { return s == Completed || s == Failed }

// Stage is what a purge does next.
type Stage string

// The stages, in order.
const (
	Archiving Stage = "archive" // writing the export, when one was asked for
	Closing   Stage = "close"   // taking the subjects out of use
	Erasing   Stage = "erase"   // removing the rows
	Reporting Stage = "report"
)

// Tally is what was done with the rows of one table.
type Tally struct {
	Deleted int64 `json:"deleted"`
	Blanked int64 `json:"blanked"`
}

// Archive is the export that a purge has written.
type Archive struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// Purge is one, asked for or done.
type Purge struct {
	ID, OrganizationID     id.ID
	Kind                   Kind
	EntityID               id.ID
	ReferenceID, RequestID string
	Archive                bool
	State                  State
	KeyID, UserID          id.ID // who asked
	Subjects               []Subject
	Stage                  Stage
	Done                   int             // of the subjects
	Progress               json.RawMessage // within the next one
	Counts                 map[string]Tally
	Archived               Archive
	Failure                string
	Report                 string // Signed, as JSON
	CreatedAt              time.Time
	StartedAt, FinishedAt  time.Time
	FailedAttempts         int // in a row, since the purge last got on
}

// Tombstone stands in the place of what was purged.
type Tombstone struct {
	ID, OrganizationID, PurgeID id.ID
	Kind                        Kind
	PurgedAt                    time.Time
}

// Hold keeps a subject, and what is in it, from being purged.
type Hold struct {
	ID, OrganizationID id.ID
	Kind               Kind
	EntityID           id.ID
	Reason             string
	CreatedBy          id.ID // a key
	CreatedAt          time.Time
	Until              time.Time // zero: until it is released
}

// The codes of this context.
var (
	LegalHold = errs.Code{
		Name: "LegalHold", Kind: errs.Conflict,
		Doc: "A legal hold keeps this from being purged; meta.id names the hold. Release it first, if you may.",
	}
	PurgeRunning = errs.Code{
		Name: "PurgeRunning", Kind: errs.Conflict,
		Doc: "A purge of this is under way already; follow it at /v1/purge-data/{id}/.",
	}
	Tombstoned = errs.Code{
		Name: "Tombstoned", Kind: errs.Conflict,
		Doc: "What the export holds was purged; `switchboard import --force-tombstoned` brings it back all the same.",
	}
)

// Codes lists the codes of this context.
func Codes() []errs.Code { return []errs.Code{LegalHold, PurgeRunning, Tombstoned} }

// ErrLeaseLost is returned by SavePurge when another worker has taken the purge over.
var ErrLeaseLost = errs.CodeConflict.Errorf("another worker has taken the purge over")

// Store keeps purges, tombstones and holds. Every method takes part in the transaction of its context value. Records of
// another organization are NotFound. Lists are newest first.
type Store interface {
	// InsertPurge returns PurgeRunning when one of the same entity is not final.
	InsertPurge(ctx context.Context, p Purge) error
	// FindRequest returns the purge with a request id.
	FindRequest(ctx context.Context, organization id.ID, request string) (Purge, bool, error)
	// FindOpen returns the purge of an entity that is not final.
	FindOpen(ctx context.Context, entity id.ID) (Purge, bool, error)
	GetPurge(ctx context.Context, organization, purge id.ID) (Purge, error)
	ListPurges(ctx context.Context, organization id.ID, p page.Offset) (page.List[Purge], error)
	// ClaimPurge gives worker the oldest purge that is not final and that nobody holds at now, until an instant.
	ClaimPurge(ctx context.Context, worker id.ID, now, until time.Time) (Purge, bool, error)
	// SavePurge stores a purge that worker holds, and keeps it from being claimed until an instant; zero lets go. ErrLeaseLost.
	SavePurge(ctx context.Context, p Purge, worker id.ID, until time.Time) error

	// RenewPurge keeps a purge that worker holds until an instant. ErrLeaseLost.
	RenewPurge(ctx context.Context, purge, worker id.ID, until time.Time) error

	// InsertTombstones stores them; those that are there already stay as they are.
	InsertTombstones(ctx context.Context, stones []Tombstone) error
	// FindTombstones returns which of some ids, of any kind and organization, are those of the purged.
	FindTombstones(ctx context.Context, ids []id.ID) ([]Tombstone, error)
	DeleteTombstones(ctx context.Context, ids []id.ID) error

	InsertHold(ctx context.Context, h Hold) error
	GetHold(ctx context.Context, organization, hold id.ID) (Hold, error)
	DeleteHold(ctx context.Context, organization, hold id.ID) error
	ListHolds(ctx context.Context, organization id.ID, p page.Offset) (page.List[Hold], error)
	// ActiveHolds returns every hold of an organization that is in force at an instant, oldest first.
	ActiveHolds(ctx context.Context, organization id.ID, at time.Time) ([]Hold, error)
}

// Data is all that is stored about subjects, as the contexts declare it.
type Data interface {
	// Find returns the subjects that an entity is, and none when nothing is stored of it: of a user its individuals, then
	// the account. What was deleted and not purged is found.
	Find(ctx context.Context, organization id.ID, kind Kind, entity id.ID) ([]Subject, error)
	// Erase does the next batch, as personal.Engine.Erase; counts are those of this subject so far.
	Erase(ctx context.Context, s Subject, progress json.RawMessage, limit int, save SaveProgress) (Erased, error)
	// Identities calls fn with the identifiers of the records that are about a subject, up to limit at a time.
	Identities(ctx context.Context, s Subject, limit int, fn func([]id.ID) error) error
	// Scrub makes what was erased unreadable in the database's files, as far as the database lets one.
	Scrub(ctx context.Context) error
	// Export calls row with each row about the subjects, as a line of JSON, in an order in which Import takes them.
	Export(ctx context.Context, subjects []Subject, row func(table string, line []byte) error) error
	// Compare tells what Import would do.
	Compare(ctx context.Context, lines []Line) (Outcome, error)
	// Import brings lines back; see personal.Engine.Import.
	Import(ctx context.Context, lines []Line) (Outcome, error)
	// Link completes an import, once all lines are in.
	Link(ctx context.Context, lines []Line) error
}

// Erased is how far erasing a subject has come.
type Erased struct {
	Progress json.RawMessage
	Counts   map[string]Tally
	Done     bool
}

// SaveProgress stores how far erasing has come, in the transaction of the batch.
type SaveProgress func(ctx context.Context, e Erased) error

// Line is one row of an export.
type Line struct {
	Table string
	JSON  []byte
}

// Outcome is what an import did or would do.
type Outcome struct {
	Added     int64    `json:"added"`
	Restored  int64    `json:"restored"`
	Present   int64    `json:"present"`
	Conflicts []string `json:"conflicts,omitempty"`
}

func (o *Outcome) add(other Outcome) {
	o.Added += other.Added
	o.Restored += other.Restored
	o.Present += other.Present
	o.Conflicts = append(o.Conflicts, other.Conflicts...)
}

// Closer takes a subject out of use in its own context, so that live clients, caches and counters hear of it as of any
// other deletion, before its rows are erased. Close may be called again for what it has closed, and does a bounded amount
// of work in each of its transactions.
type Closer interface {
	Close(ctx context.Context, s Subject) error
}

// CloserFunc is a function as a Closer.
type CloserFunc func(ctx context.Context, s Subject) error

// Close implements Closer.
func (f CloserFunc) Close(ctx context.Context, s Subject) error { return f(ctx, s) }

// People is what privacy asks about who belongs to whom.
type People interface {
	// GroupsOf returns the groups in which individuals stand.
	GroupsOf(ctx context.Context, organization id.ID, individuals []id.ID) ([]id.ID, error)
}

// Names returns what else a subject would come back by, as identifiers made of other systems' names for it, so that they get
// tombstones too.
type Names func(ctx context.Context, s Subject) ([]id.ID, error)

// Audit is the audit, of which a purge takes what records were before and after.
type Audit interface {
	// Forget does it for the rows about some subjects, and returns how many.
	Forget(ctx context.Context, organization id.ID, subjects []id.ID, purge id.ID) (int64, error)
	// ForgetOrganization does it for up to limit rows of an organization.
	ForgetOrganization(ctx context.Context, organization, purge id.ID, limit int) (int64, error)
}

// Signer signs for the server. Its keys are others' business.
type Signer interface {
	Sign(ctx context.Context, message []byte) (keyID string, signature []byte, err error)
	Verify(ctx context.Context, keyID string, message, signature []byte) error
}
