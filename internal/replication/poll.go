package replication

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
)

const (
	batchSize = 500             // records in one transaction
	lease     = 2 * time.Minute // for one batch, or for opening the feed
	// soon is when a feed is tried again that says nothing of when.
	soon = time.Minute
	// patience is how long a batch waits to be full: a slow feed must not outlive the lease.
	patience = 30 * time.Second
	// goesOnFor is for how long a poll is gone on with that the feed has interrupted; then it begins anew.
	goesOnFor = 24 * time.Hour
)

// poll is one reading of one feed.
type poll struct {
	*Service
	claimed Claimed
	src     source
	state   State // as it is stored, or to be with the next batch
	people  []Person
	lines   []Record
	names   map[string]bool // external ids of the batch
	since   time.Time       // when the first of the batch came
}

// Poll reads the feed of a replicator that is ours and returns the report. dry stores nothing but the end of the poll, and
// leaves the place of the last real one.
//
// A failure of the feed is in the report. An error is one of ours: the database, a lease that ended, the end of ctx, of
// which only what the last batch stored remains.
func (s *Service) poll(ctx context.Context, c Claimed, dry bool) (Report, error) {
	r, ok := s.replicators[c.Name]
	if !ok {
		return Report{}, errs.MissingRecord("replicator")
	}
	org, err := s.people.Organization(ctx, c.OrganizationID)
	if err != nil {
		return Report{}, err
	}
	src := source{org: org, name: c.Name, adopt: r.Adopt, deletes: r.OnDelete == "delete", dry: dry}
	p := &poll{Service: s, claimed: c, src: src, state: c.State, names: map[string]bool{}}
	due, err := p.run(asReplicator(ctx, src), r)
	if err != nil {
		return Report{}, err
	}
	now := s.now()
	p.state.Report.FinishedAt = now
	report := p.state.Report
	if dry {
		return report, s.store.Finish(ctx, c, c.State, time.Time{}, now.Add(r.Interval))
	}
	return report, s.store.Finish(ctx, c, p.state, now, now.Add(due))
}

// run reads the feed to its end and returns in what time the next poll is due.
func (p *poll) run(ctx context.Context, r Replicator) (time.Duration, error) {
	last := p.state
	from := p.from(last)
	feed, err := r.Opener.Open(ctx, from)
	if err != nil {
		if from.Position == "" {
			p.begin()
		}
		return p.failed(ctx, err, r.Interval)
	}
	defer feed.Close()
	place := feed.Place()
	same := place.Fingerprint != "" && place.Fingerprint == last.Place.Fingerprint
	switch {
	case from.Position != "" && place == from: // goes on where it was interrupted
		p.state.Report.Error, p.state.Report.FinishedAt = "", time.Time{}
	case same && !last.Running && last.Report.clean() && !p.claimed.Forced && !p.src.dry:
		p.begin()
		p.state.Report.Note, p.state.Place = "the feed is the one that was read last; nothing was read", place
		return r.Interval, nil
	default:
		p.begin()
	}
	p.state.Running, p.state.Place = true, place
	if err := p.read(ctx, feed); err != nil {
		return p.failed(ctx, err, r.Interval)
	}
	p.state.Running, p.state.Place = false, feed.Place()
	p.state.Place.Position = ""
	return r.Interval, nil
}

// from is where the reading begins, after what the last poll left.
func (p *poll) from(last State) Place {
	switch {
	case p.src.dry, p.claimed.Forced && last.Report.Error != "":
		return Place{}
	case last.Running:
		return last.Place
	case p.claimed.Forced || !last.Report.clean() || len(last.Report.Problems) > 0:
		return Place{}
	}
	return Place{Mark: last.Place.Mark}
}

func (p *poll) begin() {
	p.state = State{Report: Report{StartedAt: p.now(), Problems: []Problem{}}}
}

// ours is an error that no other feed would change.
type ours struct{ error }

func (o ours) Unwrap() error { return o.error }

// failed notes why the feed could not be read; errors that are ours are passed on. Behind what was stored the next poll goes on,
// if the reason may pass and the place is one to go on from.
func (p *poll) failed(ctx context.Context, err error, interval time.Duration) (time.Duration, error) {
	if own, is := errors.AsType[ours](err); is {
		return 0, own.error
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	p.state.Report.Error = strings.ToValidUTF8(err.Error(), "?")
	e, ok := asError(err)
	passing := ok && e.Code.Kind == errs.Unavailable
	p.state.Running = passing && p.state.Place.Position != "" && p.now().Sub(p.state.Report.StartedAt) < goesOnFor
	if !p.state.Running {
		p.state.Place = Place{}
	}
	switch {
	case ok && e.RetryAfter > 0:
		return min(e.RetryAfter, interval), nil
	case passing:
		return min(soon, interval), nil
	}
	return interval, nil
}

// read takes in every record of the feed.
func (p *poll) read(ctx context.Context, feed Feed) error {
	for {
		before := feed.Place()
		rec, err := feed.Next(ctx)
		if err == nil {
			if problems := rec.check(); problems != nil {
				err = &RecordError{Line: rec.Line, Field: problems[0].Field, Message: problems[0].Message}
			}
		}
		if wrong, is := errors.AsType[*RecordError](err); is {
			p.state.Report.Read++
			p.state.Report.Errors++
			p.state.Report.problem(Problem{Line: wrong.Line, ExternalID: wrong.ExternalID, Field: wrong.Field, Message: wrong.Message})
			continue
		}
		if err != nil {
			return p.end(ctx, before, err)
		}
		if err := p.take(ctx, feed, before, rec); err != nil {
			return err
		}
	}
}

// end stores what is left when the feed has ended, one way or another.
func (p *poll) end(ctx context.Context, at Place, err error) error {
	if flushed := p.flush(ctx, at); flushed != nil {
		return flushed
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// take puts a record into the batch, and stores the batch when it is full. A group is a batch of its own, and so is what
// names a record of the batch again.
func (p *poll) take(ctx context.Context, feed Feed, before Place, rec Record) error {
	if rec.Person == nil || p.names[rec.Person.ExternalID] {
		if err := p.flush(ctx, before); err != nil {
			return err
		}
	}
	if rec.Person == nil {
		return p.group(ctx, feed.Place(), rec)
	}
	if len(p.people) == 0 {
		p.since = p.now()
	}
	p.people, p.lines = append(p.people, *rec.Person), append(p.lines, rec)
	p.names[rec.Person.ExternalID] = true
	if len(p.people) < batchSize && p.now().Sub(p.since) < patience {
		return nil
	}
	return p.flush(ctx, feed.Place())
}

// flush stores the batch and with it, in one transaction, that the feed was read up to a place.
func (p *poll) flush(ctx context.Context, at Place) error {
	if len(p.people) == 0 {
		return nil
	}
	var next State
	err := p.takeUsers(ctx, p.src, p.people, func(ctx context.Context, verdicts []verdict) error {
		next = p.after(at)
		for n, v := range verdicts {
			next.Report.add(p.lines[n], v)
		}
		return p.save(ctx, next)
	})
	if err != nil {
		return ours{err}
	}
	p.state, p.people, p.lines = next, p.people[:0], p.lines[:0]
	clear(p.names)
	return nil
}

func (p *poll) group(ctx context.Context, at Place, rec Record) error {
	var next State
	err := p.takeGroup(ctx, p.src, *rec.Team, func(ctx context.Context, v verdict) error {
		next = p.after(at)
		next.Report.add(rec, v)
		return p.save(ctx, next)
	})
	if err != nil {
		return ours{err}
	}
	p.state = next
	return nil
}

// after is the state behind a place, to be changed before it is stored.
func (p *poll) after(at Place) State {
	next := p.state
	next.Report, next.Place = p.state.Report.clone(), at
	return next
}

func (p *poll) save(ctx context.Context, next State) error {
	if p.src.dry {
		next = p.claimed.State
	}
	return p.store.Advance(ctx, p.claimed, next, p.now().Add(lease))
}

// choose finds the organization that a setting names, by id or name.
func (s *Service) choose(ctx context.Context, nameOrID string) (id.ID, error) {
	if org, err := id.Parse(nameOrID); err == nil {
		o, err := s.people.Organization(ctx, org)
		if !errs.Is(err, errs.CodeNotFound) {
			return o.ID, err
		}
	}
	found, err := s.people.OrganizationsNamed(ctx, nameOrID, 2)
	switch {
	case err != nil:
		return id.Nil, err
	case len(found) == 0:
		return id.Nil, errs.MissingRecord("organization")
	case len(found) > 1:
		return id.Nil, errs.CodeConflict.Errorf("several organizations have the name %q; give the id", nameOrID)
	}
	return found[0].ID, nil
}
