package delivery

import (
	"context"
	"slices"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/reason"
)

// Line is a delivery as its reader may see it.
type Line struct {
	Delivery
	Source Source
	Title  string
}

// Story is a delivery with all that happened to it.
type Story struct {
	Line
	Attempts  []Attempt  // oldest first
	Callbacks []Callback // in the order in which they came
}

// List returns a page of deliveries of the actor's organization, newest first; for a person only those to themselves.
// Of f it takes everything but OrganizationID, IndividualUser and Only.
//
// Denied: the deliveries of somebody else are asked for.
func (s *Service) List(ctx context.Context, f Filter, p page.Offset) (page.List[Line], error) {
	a, err := mayRead(ctx)
	if err != nil {
		return page.List[Line]{}, err
	}
	if f, err = narrow(a, f); err != nil {
		return page.List[Line]{}, err
	}
	if !f.IndividualID.IsZero() {
		found, err := s.opt.Directory.Individuals(ctx, a.OrganizationID, []id.ID{f.IndividualID})
		if err != nil {
			return page.List[Line]{}, err
		}
		f.IndividualUser = found[f.IndividualID].UserID()
	}
	list, contents, err := s.opt.Store.List(ctx, f, p)
	if err != nil {
		return page.List[Line]{}, err
	}
	return page.Map(list, func(d Delivery) Line { return lineOf(a, d, contents[d.ContentID]) }), nil
}

func lineOf(a actor.Actor, d Delivery, c Content) Line {
	if !seesAddresses(a) {
		d.Address = Mask(d.Transport, d.Address)
	}
	return Line{Delivery: d, Source: c.Source, Title: c.Title}
}

// Get returns a delivery with its attempts and callbacks. NotFound: the actor may not see it, or there is none.
func (s *Service) Get(ctx context.Context, delivery id.ID) (Story, error) {
	a, err := mayRead(ctx)
	if err != nil {
		return Story{}, err
	}
	d, c, err := s.opt.Store.Get(ctx, a.OrganizationID, delivery)
	if err != nil {
		return Story{}, err
	}
	if !visible(a, d) {
		return Story{}, errs.MissingRecord("delivery")
	}
	return s.story(ctx, a, d, c)
}

func (s *Service) story(ctx context.Context, a actor.Actor, d Delivery, c Content) (Story, error) {
	attempts, err := s.opt.Store.Attempts(ctx, []id.ID{d.ID})
	if err != nil {
		return Story{}, err
	}
	callbacks, err := s.opt.Store.Callbacks(ctx, d.ID)
	if err != nil {
		return Story{}, err
	}
	out := Story{Line: lineOf(a, d, c), Attempts: attempts[d.ID], Callbacks: callbacks}
	if seesAddresses(a) {
		return out, nil
	}
	for i := range out.Attempts {
		at := &out.Attempts[i]
		at.Detail = maskIn(at.Detail, d.Transport, at.Address)
		at.Address = Mask(d.Transport, at.Address)
	}
	for i := range out.Callbacks {
		out.Callbacks[i].Detail = maskIn(out.Callbacks[i].Detail, d.Transport, d.Address)
	}
	return out, nil
}

// withheld tells whether a delivery was suppressed by what stands above the person's own reach, and so stays
// suppressed.
func withheld(r reason.Reason) bool {
	return slices.Contains([]reason.Reason{
		reason.NotSubscribed, reason.SiteNotCovered, reason.MutedAlways, reason.MutedBySchedule, reason.Duplicate,
		reason.Superseded, reason.ReadElsewhere, reason.Cancelled, reason.LegalHold,
	}, r)
}

// Retry queues a delivery that failed or was suppressed again, with all its attempts ahead of it; the stages are asked as
// for a new one. The earlier attempts stay on record, and a message that the provider took after all arrives twice.
//
// DeliveryInProgress, DeliveryWithheld. NotFound: no such delivery. One transaction, with the entry
// delivery.delivery.retried.
func (s *Service) Retry(ctx context.Context, delivery id.ID) (Story, error) {
	a, err := mayRetry(ctx)
	if err != nil {
		return Story{}, err
	}
	var out Story
	err = s.opt.Tx.Do(ctx, func(ctx context.Context) error {
		locked, contents, err := s.opt.Store.Lock(ctx, []id.ID{delivery})
		if err != nil {
			return err
		}
		d, found := locked[delivery]
		if !found || d.OrganizationID != a.OrganizationID {
			return errs.MissingRecord("delivery")
		}
		if d.State.Reached() {
			return DeliveryInProgress.Errorf("the delivery is %s", d.State).With("state", string(d.State))
		}
		if d.State == Suppressed && withheld(d.Reason) {
			return DeliveryWithheld.Errorf("the delivery was withheld: %s", d.Reason).With("reason", string(d.Reason))
		}
		before := changeOf(contents[d.ContentID], d).Data
		now := s.opt.Clock()
		d.State, d.Reason, d.DueAt, d.Attempts, d.UpdatedAt = Queued, "", now, 0, now
		if err := s.opt.Store.Advance(ctx, d, ""); err != nil {
			return err
		}
		change := changeOf(contents[d.ContentID], d)
		change.Type, change.Before, change.After = EventRetried, before, change.Data
		if err := s.opt.Events.Record(ctx, change); err != nil {
			return err
		}
		s.opt.Tx.AfterCommit(ctx, s.bell.ring)
		out, err = s.story(ctx, a, d, contents[d.ContentID])
		return err
	})
	return out, err
}
