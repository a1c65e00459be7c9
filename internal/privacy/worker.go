package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

const (
	// lease is how long a worker holds a purge without saying that it goes on.
	lease = 2 * time.Minute
	// firstPause is how long a purge waits that could not go on; each further failure doubles it, up to maxPause.
	firstPause = 30 * time.Second
	maxPause   = time.Hour
)

// Run works on purges until ctx ends: at once when one is asked for here, and each so often for those that others have
// left. failed is told of what stopped one.
func (s *Service) Run(ctx context.Context, every time.Duration, failed func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if _, err := s.Work(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-s.wake:
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// Work does purges until none is left that is not final and free, and tells how many it has finished. What is under way when
// ctx ends is taken up again where it was, by anybody. So is what an error stops, after a pause: meanwhile the others have
// their turn. The errors come together.
func (s *Service) Work(ctx context.Context) (int, error) {
	var (
		worker = id.New()
		failed []error
	)
	for n := 0; ; {
		now := s.Clock()
		p, found, err := s.Store.ClaimPurge(ctx, worker, now, now.Add(lease))
		if err != nil || !found {
			return n, errors.Join(append(failed, err)...)
		}
		j := &job{Service: s, worker: worker, Purge: p, id: p.ID}
		if err := j.held(actor.With(ctx, actor.System(p.OrganizationID)), j.run); err != nil {
			failed = append(failed, err, j.release(ctx, p))
			continue
		}
		n++
	}
}

// job is a purge in the hands of a worker.
type job struct {
	*Service
	Purge
	id     id.ID // the purge's, which never changes; what is in Purge does, while the lease is renewed beside
	worker id.ID
}

// held does work while the lease is renewed, since closing a large organization, writing its archive or scrubbing the files
// may take longer than a lease. The context of the work ends when another worker has taken the purge over.
func (j *job) held(ctx context.Context, work func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var renewing sync.WaitGroup
	renewing.Go(func() {
		ticker := time.NewTicker(lease / 4)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
				// Any other error is the next renewal's chance, or the work's own to meet.
				if err := j.Store.RenewPurge(ctx, j.id, j.worker, j.Clock().Add(lease)); errors.Is(err, ErrLeaseLost) {
					cancel(err)
				}
			}
		}
	})
	err := work(ctx)
	close(done)
	renewing.Wait()
	if lost := context.Cause(ctx); err != nil && errors.Is(lost, ErrLeaseLost) {
		return lost
	}
	return err
}

// run does what is left of a purge. A purge that cannot be done, because its archive cannot be written or a hold has come
// between, fails for good before anything is removed; any other error leaves it to be gone on with.
func (j *job) run(ctx context.Context) error {
	for !j.State.Final() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.step(ctx); err != nil {
			return fmt.Errorf("purging %s: %w", Subject{Kind: j.Kind, ID: j.EntityID}.name(), err)
		}
	}
	return nil
}

func (j *job) step(ctx context.Context) error {
	switch j.Stage {
	case Archiving:
		return j.begin(ctx)
	case Closing:
		return j.close(ctx)
	case Erasing:
		return j.erase(ctx)
	case Reporting:
		return j.finish(ctx)
	}
	return fmt.Errorf("there is no stage %q", j.Stage)
}

// save stores the purge as fn changes it, with what fn does besides, in one transaction.
func (j *job) save(ctx context.Context, fn func(ctx context.Context, p *Purge) error) error {
	next := j.Purge
	err := j.Tx.Do(ctx, func(ctx context.Context) error {
		next = j.Purge
		if err := fn(ctx, &next); err != nil {
			return err
		}
		until := j.Clock().Add(lease)
		if next.State.Final() {
			until = time.Time{}
		}
		return j.Store.SavePurge(ctx, next, j.worker, until)
	})
	if err == nil {
		j.Purge = next
	}
	return err
}

// release lets go of a purge that was not finished, claimed as it was then; its lease would end by itself. One that an error
// has stopped waits first, the longer the more often it got nowhere.
func (j *job) release(ctx context.Context, then Purge) error {
	next, until := j.Purge, time.Time{}
	if ctx.Err() == nil {
		if next.FailedAttempts++; next.further(then) {
			next.FailedAttempts = 1
		}
		until = j.Clock().Add(pauseAfter(next.FailedAttempts))
	}
	err := j.Store.SavePurge(context.WithoutCancel(ctx), next, j.worker, until)
	if errs.Is(err, errs.CodeConflict) {
		return nil
	}
	return err
}

// further tells whether the purge has got on since then.
func (p Purge) further(then Purge) bool {
	return p.Stage != then.Stage || p.Done != then.Done || !bytes.Equal(p.Progress, then.Progress)
}

// pauseAfter is how long a purge waits that could not go on so many times in a row.
func pauseAfter(failures int) time.Duration {
	pause := firstPause
	for ; failures > 1 && pause < maxPause; failures-- {
		pause *= 2
	}
	return min(pause, maxPause)
}

// begin writes the archive, and after it the tombstones: from here on the purge is not given up any more.
func (j *job) begin(ctx context.Context) error {
	if err := j.unheld(ctx, j.Purge); errs.Is(err, LegalHold) {
		return j.fail(ctx, err)
	} else if err != nil {
		return err
	}
	var archived Archive
	if j.Purge.Archive {
		var err error
		if archived, err = j.archive(ctx); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return j.fail(ctx, fmt.Errorf("the archive cannot be written: %w", err))
		}
	}
	return j.save(ctx, func(ctx context.Context, p *Purge) error {
		if err := j.unheld(ctx, *p); err != nil {
			return err
		}
		p.State, p.Stage, p.StartedAt, p.Archived = Running, Closing, j.Clock(), archived
		stones, err := j.stones(ctx, *p)
		if err != nil {
			return err
		}
		return j.Store.InsertTombstones(ctx, stones)
	})
}

// stones are the tombstones of the subjects, and of what else they would come back by.
func (j *job) stones(ctx context.Context, p Purge) ([]Tombstone, error) {
	var out []Tombstone
	for _, s := range p.Subjects {
		ids := []id.ID{s.ID}
		if j.Names != nil {
			names, err := j.Names(ctx, s)
			if err != nil {
				return nil, err
			}
			ids = append(ids, names...)
		}
		for _, one := range ids {
			out = append(out, Tombstone{ID: one, OrganizationID: s.OrganizationID, PurgeID: p.ID, Kind: s.Kind, PurgedAt: p.StartedAt})
		}
	}
	return out, nil
}

func (j *job) archive(ctx context.Context) (Archive, error) {
	name := fmt.Sprintf("%s-%s-%s.tar.gz", j.Kind, j.EntityID, j.ID)
	sum, err := j.export(ctx, Subject{j.Kind, j.EntityID, j.OrganizationID}, j.Subjects, filepath.Join(j.Folder, name), nil)
	return Archive{File: name, SHA256: sum.SHA256}, err
}

// fail ends a purge that has removed nothing.
func (j *job) fail(ctx context.Context, because error) error {
	return j.save(ctx, func(ctx context.Context, p *Purge) error {
		p.State, p.Failure, p.FinishedAt = Failed, because.Error(), j.Clock()
		return j.Events.Record(ctx, p.change(EventPurgeFailed))
	})
}

func (j *job) close(ctx context.Context) error {
	for _, s := range j.Subjects {
		if err := j.forgetAbout(ctx, s); err != nil {
			return err
		}
		for _, c := range j.Closers {
			if err := c.Close(ctx, s); err != nil {
				return err
			}
		}
	}
	return j.save(ctx, func(_ context.Context, p *Purge) error {
		p.Stage = Erasing
		return nil
	})
}

// erase does one batch.
func (j *job) erase(ctx context.Context) error {
	if j.Done >= len(j.Subjects) {
		return j.save(ctx, func(_ context.Context, p *Purge) error {
			p.Stage = Reporting
			return nil
		})
	}
	next := j.Purge
	_, err := j.Data.Erase(ctx, j.Subjects[j.Done], j.Progress, j.Batch, func(ctx context.Context, e Erased) error {
		next = j.Purge
		next.Progress = e.Progress
		if e.Done {
			next.Counts = sum(j.Counts, e.Counts)
			next.Done, next.Progress = j.Done+1, json.RawMessage("{}")
		}
		return j.Store.SavePurge(ctx, next, j.worker, j.Clock().Add(lease))
	})
	if err == nil {
		j.Purge = next
	}
	return err
}

// sum adds what was done for one subject to what was done for those before.
func sum(a, b map[string]Tally) map[string]Tally {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]Tally{}
	}
	for table, t := range b {
		have := out[table]
		out[table] = Tally{have.Deleted + t.Deleted, have.Blanked + t.Blanked}
	}
	return out
}

// forgetAbout takes the details of the audit about everything that is a subject's, while it can still be found.
func (j *job) forgetAbout(ctx context.Context, s Subject) error {
	if s.Kind == Organization { // forget takes them all
		return nil
	}
	return j.Data.Identities(ctx, s, j.Batch, func(ids []id.ID) error { return j.take(ctx, ids) })
}

// take takes the details of the audit about some records.
func (j *job) take(ctx context.Context, ids []id.ID) error {
	return j.save(ctx, func(ctx context.Context, p *Purge) error {
		n, err := j.Audit.Forget(ctx, p.OrganizationID, ids, p.ID)
		if n > 0 {
			p.Counts = sum(p.Counts, map[string]Tally{auditTable: {Blanked: n}})
		}
		return err
	})
}

// auditTable is what the report calls the audit.
const auditTable = "audit"

// forget takes what the audit has come to hold about the subjects since, and all it holds about an organization.
func (j *job) forget(ctx context.Context) error {
	ids := make([]id.ID, len(j.Subjects))
	for i, s := range j.Subjects {
		ids[i] = s.ID
	}
	if j.Kind != Organization {
		return j.take(ctx, ids)
	}
	for {
		var taken int64
		err := j.save(ctx, func(ctx context.Context, p *Purge) (err error) {
			if taken, err = j.Audit.ForgetOrganization(ctx, p.OrganizationID, p.ID, j.Batch); taken > 0 {
				p.Counts = sum(p.Counts, map[string]Tally{auditTable: {Blanked: taken}})
			}
			return err
		})
		if err != nil || taken == 0 {
			return err
		}
	}
}

// finish scrubs the database's files and writes the report.
func (j *job) finish(ctx context.Context) error {
	if err := j.forget(ctx); err != nil {
		return err
	}
	if err := j.Data.Scrub(ctx); err != nil {
		return err
	}
	return j.save(ctx, func(ctx context.Context, p *Purge) error {
		p.State, p.FinishedAt = Completed, j.Clock()
		signed, err := sign(ctx, j.Signer, p.report())
		if err != nil {
			return err
		}
		raw, err := json.Marshal(signed)
		if err != nil {
			return err
		}
		p.Report = string(raw)
		return j.Events.Record(ctx, p.change(EventPurgeCompleted))
	})
}
