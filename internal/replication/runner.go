package replication

import (
	"context"
	"log/slog"
	"time"

	"switchboard/internal/errs"
)

// idle is how long a runner sleeps at most: organizations are made, and other nodes ask for polls.
const idle = 15 * time.Second

// Run polls whatever is due, one replicator after the other, until ctx ends. Several nodes may run it.
func (s *Service) Run(ctx context.Context, log *slog.Logger) {
	if len(s.replicators) == 0 {
		return
	}
	for ctx.Err() == nil {
		if err := s.Register(ctx); err != nil && ctx.Err() == nil {
			log.Warn("a replicator is not ready", "error", err)
		}
		for {
			worked, err := s.PollDue(ctx, log)
			if err != nil && ctx.Err() == nil {
				log.Error("a poll was given up; it will be taken up again", "error", err)
			}
			if !worked || err != nil {
				break
			}
		}
		s.sleep(ctx)
	}
}

// sleep waits until a replicator is due, somebody asks for a poll, or the idle time is over.
func (s *Service) sleep(ctx context.Context) {
	wait := idle
	if due, some, err := s.store.NextDue(ctx, s.names()); err == nil && some {
		wait = min(max(due.Sub(s.now()), time.Second), idle)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wake:
	case <-ctx.Done():
	}
}

// PollDue polls one replicator that is due, if there is one. When ctx ends the replicator is given back, to go on where it
// was.
func (s *Service) PollDue(ctx context.Context, log *slog.Logger) (worked bool, err error) {
	now := s.now()
	c, found, err := s.store.ClaimReplicator(ctx, s.names(), now, now.Add(lease))
	if err != nil || !found {
		return false, err
	}
	report, err := s.poll(ctx, c, false)
	if err != nil {
		s.giveBack(ctx, c)
		return true, err
	}
	level := slog.LevelInfo
	if !report.clean() {
		level = slog.LevelWarn
	}
	log.Log(ctx, level, "polled", "replicator", c.Name, "read", report.Read, "created", report.Created, "adopted", report.Adopted, "updated", report.Updated,
		"unchanged", report.Unchanged, "tombstoned", report.Tombstoned, "conflicts", report.Conflicts, "errors", report.Errors, "error", report.Error)
	return true, nil
}

// giveBack lets another node, or the next turn, go on with a poll that was interrupted. That it was one is in the state of
// the last batch. What is claimed and not given back comes free when its lease ends.
func (s *Service) giveBack(ctx context.Context, c Claimed) {
	ctx = context.WithoutCancel(ctx)
	list, err := s.store.ListReplicators(ctx, c.OrganizationID, []string{c.Name})
	if err != nil || len(list) != 1 {
		return
	}
	after := time.Duration(0)
	if c.State.Report.StartedAt.Equal(list[0].State.Report.StartedAt) { // nothing was done: do not try without end
		after = soon
	}
	_ = s.store.Finish(ctx, c, list[0].State, time.Time{}, s.now().Add(after)) // a lease that ended ends by itself
}

// PollNow polls a replicator of the actor's organization at once, due or not, and returns the report. With dry nothing is
// stored and the report says what would be.
//
// NotFound; Conflict: a poll of it runs, here or on another node.
func (s *Service) PollNow(ctx context.Context, name string, dry bool) (Report, error) {
	a, err := mayUse(ctx, scopeReplicators, "write")
	if err != nil {
		return Report{}, err
	}
	if _, ok := s.replicators[name]; !ok {
		return Report{}, errs.MissingRecord("replicator")
	}
	list, err := s.store.ListReplicators(ctx, a.OrganizationID, []string{name})
	if err != nil {
		return Report{}, err
	}
	if len(list) == 0 {
		return Report{}, errs.MissingRecord("replicator")
	}
	now := s.now()
	c, found, err := s.store.SeizeReplicator(ctx, list[0].ID, now, now.Add(lease))
	if err != nil {
		return Report{}, err
	}
	if !found {
		return Report{}, errs.CodeConflict.Errorf("a poll of the replicator %s runs already", name)
	}
	report, err := s.poll(ctx, c, dry)
	if err != nil {
		s.giveBack(ctx, c)
	}
	return report, err
}
