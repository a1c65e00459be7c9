package audit

import (
	"context"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Service is the rules of this context. It is safe for concurrent use.
type Service struct {
	store  Store
	events event.Recorder
	signer Signer
	now    clock.Clock
}

// New returns the service. signer may be nil: then signatures are neither made nor looked at.
func New(store Store, events event.Recorder, signer Signer, now clock.Clock) *Service {
	return &Service{store: store, events: events, signer: signer, now: now}
}

// ActionRead is what a look into the audit is called in it.
const (
	ActionRead     = "audit.events.read"
	ActionExported = "audit.events.exported"
)

// MaxOffset bounds how far a list can be skipped. Further back one comes by Filter.Until, at no cost.
const MaxOffset = 100_000

// Seen is what the audit keeps of a look into it.
type Seen struct {
	Count int    `json:"count"`
	First id.ID  `json:"first,omitzero"` // as it was answered
	Last  id.ID  `json:"last,omitzero"`
	By    *Asked `json:"filter,omitempty"`
}

// Asked is the filter of a look.
type Asked struct {
	Action       string    `json:"action,omitempty"`
	KeyID        id.ID     `json:"actor-id,omitzero"`
	UserID       id.ID     `json:"user-id,omitzero"`
	IndividualID id.ID     `json:"individual-id,omitzero"`
	Subject      id.ID     `json:"subject-id,omitzero"`
	From         time.Time `json:"from,omitzero"`
	Until        time.Time `json:"until,omitzero"`
}

func (f Filter) asked() *Asked {
	a := Asked{f.Action, f.KeyID, f.UserID, f.IndividualID, f.Subject, f.From, f.Until}
	if a == (Asked{}) {
		return nil
	}
	return &a
}

// List returns rows of the actor's organization, newest first. A row is listed from about a second after it was written, when it
// has its place. Of a filter that is Named, Total counts to CountLimit. The look is audited before it is answered.
//
// Denied: see policy.go. Invalid: the page begins beyond MaxOffset.
func (s *Service) List(ctx context.Context, f Filter, p page.Offset) (page.List[Event], error) {
	a, err := mayRead(ctx)
	if err != nil {
		return page.List[Event]{}, err
	}
	if p.Offset > MaxOffset {
		return page.List[Event]{}, errs.InvalidParameter("page[offset]", "goes further back than 100000: use filter[cmp-at]")
	}
	f.OrganizationID = a.OrganizationID
	list, err := s.store.List(ctx, f, p)
	if err != nil {
		return page.List[Event]{}, err
	}
	seen := Seen{Count: len(list.Items), By: f.asked()}
	if seen.Count > 0 {
		seen.First, seen.Last = list.Items[0].ID, list.Items[seen.Count-1].ID
	}
	return list, s.read(ctx, a.OrganizationID, id.Nil, seen)
}

// Get returns a row of the actor's organization. The look is audited before it is answered.
//
// Denied: see policy.go. NotFound, also in the moment before a row has its place.
func (s *Service) Get(ctx context.Context, event id.ID) (Event, error) {
	a, err := mayRead(ctx)
	if err != nil {
		return Event{}, err
	}
	e, err := s.store.Get(ctx, a.OrganizationID, event)
	if err != nil {
		return Event{}, err
	}
	return e, s.read(ctx, a.OrganizationID, e.ID, Seen{Count: 1, First: e.ID, Last: e.ID})
}

func (s *Service) read(ctx context.Context, organization, subject id.ID, seen Seen) error {
	return s.events.Audit(ctx, event.Change{OrganizationID: organization, Type: ActionRead, Subject: subject, After: seen})
}

// Head returns the end of the chain. It says nothing of anybody and needs no permission.
func (s *Service) Head(ctx context.Context) (Mark, error) {
	h, err := s.store.Head(ctx)
	return h.Mark(), err
}

// Forget takes the detail of every row about subjects, for good: what the purge of a person leaves in the audit is who did
// what to whom and when, and not what the record said. The chain stays what it is. Each row then names purge, which must
// have a row of its own, as Change.Subject, or the chain counts as tampered with. It returns how many rows it was.
//
// It checks no permission and is part of the transaction of the purge.
func (s *Service) Forget(ctx context.Context, organization id.ID, subjects []id.ID, purge id.ID) (int64, error) {
	return s.store.Forget(ctx, organization, subjects, purge)
}
