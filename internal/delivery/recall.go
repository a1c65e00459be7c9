package delivery

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/reason"
)

// Withdraw takes back what still waits to be sent about a source: it ends as suppressed, for the reason cancelled, in the
// transaction of ctx. A delivery that is just being sent is not stopped; should its attempt fail, none follows, because its
// content is past its time.
//
// It checks no permission, and doing it twice is doing it once.
func (s *Service) Withdraw(ctx context.Context, organization id.ID, about Source) error {
	now := s.opt.Clock()
	if err := s.opt.Store.Expire(ctx, organization, about, now); err != nil {
		return err
	}
	all, err := s.opt.Store.OfSource(ctx, organization, about)
	if err != nil {
		return err
	}
	return s.cancel(ctx, all, reason.Cancelled, now)
}

// withdrawChannel takes back what still waits to be sent of a channel's messages, as Withdraw does, because the channel is
// gone or, when individuals are named, because these are no longer in it.
func (s *Service) withdrawChannel(ctx context.Context, organization, channel id.ID, individuals []id.ID) error {
	waiting, contents, err := s.opt.Store.Waiting(ctx, organization, SourceMessage, individuals)
	if err != nil {
		return err
	}
	waiting = slices.DeleteFunc(waiting, func(d Delivery) bool {
		return contents[d.ContentID].Data[dataChannel] != channel.String()
	})
	if individuals != nil {
		return s.cancel(ctx, waiting, reason.NotSubscribed, s.opt.Clock())
	}
	done := map[Source]bool{}
	for _, d := range waiting {
		about := contents[d.ContentID].Source
		if done[about] {
			continue
		}
		done[about] = true
		if err := s.Withdraw(ctx, organization, about); err != nil {
			return err
		}
	}
	return nil
}

// cancel ends those of the deliveries of which no attempt is under way and one may follow.
func (s *Service) cancel(ctx context.Context, list []Delivery, why reason.Reason, now time.Time) error {
	waiting, contents, err := s.unsent(ctx, list)
	if err != nil {
		return err
	}
	for i := range waiting {
		d := &waiting[i]
		d.State, d.Reason, d.DueAt, d.UpdatedAt = Suppressed, why, time.Time{}, now
		if err := s.opt.Store.Advance(ctx, *d, ""); err != nil {
			return err
		}
	}
	return s.record(ctx, contents, waiting...)
}

// Reword has what still waits to be sent about a source say something else, in the transaction of ctx. What was sent, or is
// just being sent, keeps the words that it went with.
//
// It checks no permission.
func (s *Service) Reword(ctx context.Context, organization id.ID, about Source, body string) error {
	all, err := s.opt.Store.OfSource(ctx, organization, about)
	if err != nil {
		return err
	}
	waiting, contents, err := s.unsent(ctx, all)
	if err != nil {
		return err
	}
	sharing := map[id.ID][]id.ID{}
	for _, d := range waiting {
		if contents[d.ContentID].Body != body {
			sharing[d.ContentID] = append(sharing[d.ContentID], d.ID)
		}
	}
	for content, deliveries := range sharing {
		if err := s.opt.Store.Reword(ctx, content, id.New(), body, deliveries); err != nil {
			return err
		}
	}
	return nil
}

// unsent locks those of the deliveries, which are in the order of their ids, of which no attempt is under way and one may
// follow.
func (s *Service) unsent(ctx context.Context, list []Delivery) ([]Delivery, map[id.ID]Content, error) {
	var waiting []id.ID
	for _, d := range list {
		if d.unsent() {
			waiting = append(waiting, d.ID)
		}
	}
	if len(waiting) == 0 {
		return nil, nil, nil
	}
	locked, contents, err := s.opt.Store.Lock(ctx, waiting)
	if err != nil {
		return nil, nil, err
	}
	var out []Delivery
	for _, i := range waiting {
		if d := locked[i]; d.unsent() { // a dispatcher may have been faster
			out = append(out, d)
		}
	}
	return out, contents, nil
}

func (d Delivery) unsent() bool { return d.State == Queued || d.State == Held }
