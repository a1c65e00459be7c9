package privacy

import (
	"context"
	"fmt"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/tx"
)

// Options are what the service is made of.
type Options struct {
	Store   Store
	Data    Data
	Tx      tx.Runner
	Events  event.Recorder
	People  People
	Names   Names // nil: nobody else names anybody
	Audit   Audit
	Closers []Closer // in the order in which a subject is taken out of use
	Signer  Signer
	Clock   clock.Clock
	// Folder is where archives are written; it is made when first needed.
	Folder string
	// Batch is how many rows are erased in one transaction; 0 is 500.
	Batch int
}

// Service keeps the rules. It is safe for concurrent use.
type Service struct {
	Options
	wake chan struct{}
}

// New returns the service.
func New(o Options) *Service {
	if o.Batch == 0 {
		o.Batch = 500
	}
	return &Service{Options: o, wake: make(chan struct{}, 1)}
}

// The types of what is recorded. Data of the first three is PurgeEvent, of the last {}.
const (
	EventPurgeRequested = "privacy.purge.requested"
	EventPurgeCompleted = "privacy.purge.completed"
	EventPurgeFailed    = "privacy.purge.failed"
	EventImported       = "privacy.data.imported"

	// In the audit alone.
	dataExported = "privacy.data.exported"
	holdCreated  = "privacy.hold.created"
	holdReleased = "privacy.hold.released"
)

// PurgeEvent is the data of events about purges.
type PurgeEvent struct {
	PurgeID  id.ID  `json:"purge-id"`
	Kind     Kind   `json:"entity-type"`
	EntityID id.ID  `json:"entity-id"`
	State    string `json:"state"`
}

func (p Purge) change(typ string) event.Change {
	return event.Change{
		// The subject is the purge: rows of the audit that have lost their details to it name it, and must find it.
		OrganizationID: p.OrganizationID, Type: typ, Subject: p.ID, Data: PurgeEvent{p.ID, p.Kind, p.EntityID, string(p.State)},
	}
}

// NewPurge is what a purge is asked for with.
type NewPurge struct {
	Kind        Kind
	EntityID    id.ID
	ReferenceID string // the asker's own, for the report
	RequestID   string // asking again with it changes nothing
	Archive     bool   // write an export first
}

func (n NewPurge) validate() error {
	var f errs.Fields
	errs.OneOf(&f, "entity_type", n.Kind, Kinds()...)
	if n.EntityID.IsZero() {
		f.Require("entity_id")
	}
	f.Text("reference_id", n.ReferenceID, 0, 255)
	f.Text("request_id", n.RequestID, 0, 255)
	return f.Err()
}

// RequestPurge accepts a purge, which is done soon after. Asked again with the same RequestID it returns the purge that
// there is.
//
// Denied: not an administrator. Invalid: also when the RequestID was used for another entity. NotFound: nothing is stored of
// it in this organization, or nothing any more. LegalHold. PurgeRunning. One transaction.
func (s *Service) RequestPurge(ctx context.Context, n NewPurge) (Purge, error) {
	a, err := require(ctx, purgeScope, "write")
	if err != nil {
		return Purge{}, err
	}
	if err := n.validate(); err != nil {
		return Purge{}, err
	}
	now := s.Clock()
	p := Purge{
		ID: id.New(), OrganizationID: a.OrganizationID, Kind: n.Kind, EntityID: n.EntityID, ReferenceID: n.ReferenceID,
		RequestID: n.RequestID, Archive: n.Archive, State: Requested, KeyID: a.KeyID, UserID: a.UserID, Stage: Archiving, CreatedAt: now,
	}
	err = s.Tx.Do(ctx, func(ctx context.Context) error {
		before, found, err := s.repeated(ctx, p)
		if found || err != nil {
			p = before
			return err
		}
		return s.accept(ctx, &p)
	})
	if err != nil {
		return Purge{}, err
	}
	s.Wake()
	return p, nil
}

// repeated finds the purge that was asked for before with the same request id.
func (s *Service) repeated(ctx context.Context, p Purge) (Purge, bool, error) {
	if p.RequestID == "" {
		return Purge{}, false, nil
	}
	before, found, err := s.Store.FindRequest(ctx, p.OrganizationID, p.RequestID)
	if err != nil || !found {
		return Purge{}, false, err
	}
	if before.EntityID != p.EntityID || before.Kind != p.Kind {
		return Purge{}, false, errs.InvalidField("request_id", "was used for another entity")
	}
	return before, true, nil
}

func (s *Service) accept(ctx context.Context, p *Purge) error {
	subjects, err := s.Data.Find(ctx, p.OrganizationID, p.Kind, p.EntityID)
	if err != nil {
		return err
	}
	if len(subjects) == 0 {
		return errs.MissingRecord(string(p.Kind)).At("entity_id")
	}
	p.Subjects = subjects
	if err := s.unheld(ctx, *p); err != nil {
		return err
	}
	open, running, err := s.Store.FindOpen(ctx, p.EntityID)
	if err != nil {
		return err
	}
	if running {
		return PurgeRunning.Errorf("a purge of this is under way").With("id", open.ID)
	}
	if err := s.Store.InsertPurge(ctx, *p); err != nil {
		return err
	}
	return s.Events.Record(ctx, p.change(EventPurgeRequested))
}

// GetPurge returns a purge of the actor's organization. Denied. NotFound.
func (s *Service) GetPurge(ctx context.Context, purge id.ID) (Purge, error) {
	a, err := require(ctx, purgeScope, "read")
	if err != nil {
		return Purge{}, err
	}
	return s.Store.GetPurge(ctx, a.OrganizationID, purge)
}

// ListPurges returns the purges of the actor's organization. Denied.
func (s *Service) ListPurges(ctx context.Context, p page.Offset) (page.List[Purge], error) {
	a, err := require(ctx, purgeScope, "read")
	if err != nil {
		return page.List[Purge]{}, err
	}
	return s.Store.ListPurges(ctx, a.OrganizationID, p)
}

// Purged returns which of some ids are those of the purged; for whoever brings records in from elsewhere.
func (s *Service) Purged(ctx context.Context, ids []id.ID) (map[id.ID]Tombstone, error) {
	stones, err := s.Store.FindTombstones(ctx, ids)
	out := make(map[id.ID]Tombstone, len(stones))
	for _, t := range stones {
		out[t.ID] = t
	}
	return out, err
}

// Wake has the worker look for purges now.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Resources are what scopes name of this context.
func Resources() []actor.Resource {
	both := []string{actor.Read, actor.Write}
	return []actor.Resource{
		{Name: purgeScope, Actions: both, Doc: "Purges of everything that is stored of a person, a group or an organization."},
		{Name: holdScope, Actions: both, Doc: "Legal holds, which keep data from being purged."},
	}
}

// name spells a subject for people.
func (s Subject) name() string { return fmt.Sprintf("%s %s", s.Kind, s.ID) }
