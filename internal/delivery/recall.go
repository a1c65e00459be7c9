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
	waiting, contents, err := s.unsent(ctx, all)
	if err != nil {
		return err
	}
	return s.suppress(ctx, waiting, contents, reason.Cancelled, now)
}

// withdrawChannel takes back what still waits to be sent of a channel's messages, as Withdraw does.
func (s *Service) withdrawChannel(ctx context.Context, organization, channel id.ID) error {
	waiting, contents, err := s.opt.Store.Waiting(ctx, organization, SourceMessage)
	if err != nil {
		return err
	}
	done := map[Source]bool{}
	for _, d := range waiting {
		c := contents[d.ContentID]
		if done[c.Source] || !c.ofChannel(channel) {
			continue
		}
		done[c.Source] = true
		if err := s.Withdraw(ctx, organization, c.Source); err != nil {
			return err
		}
	}
	return nil
}

// withdrawal is what is to be taken back from some people of a channel's messages.
type withdrawal struct {
	organization, channel id.ID
	from                  People
	why                   reason.Reason
	// which tells, of messages, which ones; nil is all.
	which func(ctx context.Context, messages []id.ID) (map[id.ID]bool, error)
}

// withdrawFrom takes back from people what may still be sent to them, in the transaction of ctx. What waits ends as suppressed.
// What is just being sent is not stopped; should its attempt fail, now or by a later report of the provider, none follows.
func (s *Service) withdrawFrom(ctx context.Context, w withdrawal) error {
	now := s.opt.Clock()
	open, contents, err := s.opt.Store.WaitingFor(ctx, w.organization, w.from, now.Add(-messageUse))
	if err != nil {
		return err
	}
	open = slices.DeleteFunc(open, func(d Delivery) bool { return !contents[d.ContentID].ofChannel(w.channel) })
	if len(open) == 0 {
		return nil
	}
	if w.which != nil {
		messages := make([]id.ID, len(open))
		for i, d := range open {
			messages[i] = contents[d.ContentID].Source.ID
		}
		chosen, err := w.which(ctx, messages)
		if err != nil {
			return err
		}
		open = slices.DeleteFunc(open, func(d Delivery) bool { return !chosen[contents[d.ContentID].Source.ID] })
	}
	return s.takeBack(ctx, open, w.why, now)
}

func (c Content) ofChannel(channel id.ID) bool {
	return c.Source.Type == SourceMessage && c.Data[dataChannel] == channel.String()
}

// takeBack marks deliveries, which are in the order of their ids, as withdrawn and ends those of which no attempt is under way.
func (s *Service) takeBack(ctx context.Context, list []Delivery, why reason.Reason, now time.Time) error {
	if len(list) == 0 {
		return nil
	}
	locked, contents, err := s.opt.Store.Lock(ctx, idsOf(list))
	if err != nil {
		return err
	}
	if err := s.opt.Store.Forgo(ctx, idsOf(list), why); err != nil {
		return err
	}
	return s.suppress(ctx, still(list, locked), contents, why, now)
}

// suppress ends deliveries that wait and are locked.
func (s *Service) suppress(ctx context.Context, waiting []Delivery, contents map[id.ID]Content, why reason.Reason, now time.Time) error {
	for i := range waiting {
		d := &waiting[i]
		d.State, d.Reason, d.DueAt, d.UpdatedAt = Suppressed, why, time.Time{}, now
		if err := s.opt.Store.Advance(ctx, *d, ""); err != nil {
			return err
		}
	}
	return s.record(ctx, contents, waiting...)
}

// Rejudge makes what is held of a user for their quiet hours due at once, in the transaction of ctx, because the user was
// changed: the stages are asked again, by what the user wants now.
//
// It checks no permission, and doing it twice is doing it once.
func (s *Service) Rejudge(ctx context.Context, organization, user id.ID) error {
	now := s.opt.Clock()
	waiting, _, err := s.opt.Store.WaitingFor(ctx, organization, People{Users: []id.ID{user}}, now)
	if err != nil || len(waiting) == 0 {
		return err
	}
	// All are locked, because a dispatcher that has read the user as it was may be about to store that it holds them.
	locked, _, err := s.opt.Store.Lock(ctx, idsOf(waiting))
	if err != nil {
		return err
	}
	for _, d := range waiting {
		d := locked[d.ID]
		if d.State != Held || d.Reason != reason.QuietHours || !d.DueAt.After(now) {
			continue
		}
		d.DueAt = now
		if err := s.opt.Store.Advance(ctx, d, ""); err != nil {
			return err
		}
	}
	s.opt.Tx.AfterCommit(ctx, s.bell.ring)
	return nil
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
	return still(list, locked), contents, nil
}

// still returns those of a list that wait as they are now that they are locked: a dispatcher may have been faster.
func still(list []Delivery, locked map[id.ID]Delivery) []Delivery {
	var out []Delivery
	for _, d := range list {
		if d := locked[d.ID]; d.unsent() {
			out = append(out, d)
		}
	}
	return out
}

func (d Delivery) unsent() bool { return d.State == Queued || d.State == Held }
