// Package replication keeps the directory in step with other systems: it takes what they say of users and groups, finds the
// record that is meant, and changes it where it differs.
//
// There are two ways in. A replicator polls: it reads a feed (a file, another SCIM server) from time to time, in bounded
// transactions, and counts what came of it. The Provisioner is pushed to by identity providers over SCIM. Both keep to the
// same rules:
//
//   - A record is known by what its source calls it (the external id). One that is not known yet is made, or, where that is
//     wished, an existing one is adopted; what is ambiguous is reported, never guessed.
//   - What changes nothing leaves no trace.
//   - Nothing is deleted because it is missing. It goes only when the source says so.
//   - A source takes back only what it has said itself. A value that it never spoke of is the administrators'.
//
// What a source said last is kept beside the record (Link.Document), so that one can see who wrote what, and whether
// somebody has changed it here since. Passwords are not among it: there are none in this product.
//
// The directory's own rules are package directory's; the package goes through its service like everybody else. How feeds are
// read is the business of the packages below it.
package replication

import (
	"context"
	"encoding/json"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/tx"
)

// Kind says what a record is.
type Kind string

// The kinds.
const (
	Users  Kind = "user"
	Groups Kind = "group"
)

// PushedBySCIM is the source of what identity providers push. Replicators are sources by their names, which cannot be this
// one.
const PushedBySCIM = "scim"

// Link is what one source calls a record, and what it last said of it.
type Link struct {
	RecordID, OrganizationID id.ID // RecordID is a user's or a group's
	Source                   string
	Kind                     Kind
	ExternalID               string // unique in the organization, source and kind; empty when the source gave none
	// Document is what the source said, in its own words: a Person or a Team of a replicator, a SCIM resource of a push.
	Document  json.RawMessage
	CreatedAt time.Time
	SyncedAt  time.Time // when the source last said something new
}

// DuplicateExternalID says that a source has given one name to two records.
var DuplicateExternalID = errs.Code{
	Name: "DuplicateExternalID", Kind: errs.Conflict,
	Doc: "Another record has this external id already, from the same source. Find it by that id and change it, or give the new record another one.",
}

// Codes lists the codes of this context.
func Codes() []errs.Code {
	return []errs.Code{DuplicateExternalID, InvalidSCIM, NobodysToken, VersionMismatch}
}

// LinkStore keeps links. Every method takes part in the transaction of its context value.
type LinkStore interface {
	// FindLinks returns those links of a source that have one of the external ids, by it.
	FindLinks(ctx context.Context, organization id.ID, source string, kind Kind, externalIDs []string) (map[string]Link, error)
	// FindLinksOf returns the links that a source has to the records, by record.
	FindLinksOf(ctx context.Context, organization id.ID, source string, records []id.ID) (map[id.ID]Link, error)
	// LinksOf returns the links of every source to a record, by the name of the source.
	LinksOf(ctx context.Context, organization, record id.ID) ([]Link, error)
	// PutLink stores a link in place of the one that its source has to the record. DuplicateExternalID.
	PutLink(ctx context.Context, l Link) error
	// DeleteLink removes a link, if there is one.
	DeleteLink(ctx context.Context, organization id.ID, source string, record id.ID) error
}

// Store is what this context keeps.
type Store interface {
	LinkStore
	ReplicatorStore
}

// Options are what a Service is made of.
type Options struct {
	Store     Store
	Tx        tx.Runner
	Directory *directory.Service
	Events    event.Recorder
	Clock     clock.Clock
	Purged    Purged // nil: nobody was
	// Replicators are those of the configuration, by name.
	Replicators map[string]Replicator
}

// Service keeps the rules of replicators. It is safe for concurrent use.
type Service struct {
	store       Store
	tx          tx.Runner
	people      *directory.Service
	events      event.Recorder
	now         clock.Clock
	purged      Purged
	replicators map[string]Replicator
	wake        chan struct{}
	walks       walks
}

// New returns a service. Recorder, store and directory must take part in the transactions of o.Tx.
func New(o Options) *Service {
	return &Service{
		store: o.Store, tx: o.Tx, people: o.Directory, events: o.Events, now: o.Clock, purged: o.Purged, replicators: o.Replicators,
		wake: make(chan struct{}, 1),
	}
}

// encode writes what a source said, for Link.Document.
func encode(v any) (json.RawMessage, error) { return json.Marshal(v) }
