package delivery

import (
	"context"
	"maps"
	"sync"
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// lane is the work on one transport, or on all that nobody serves.
type lane struct {
	*running
	sending    context.Context // of the sends
	transports []transport.Name
	slots      chan struct{} // one for each send that may be under way

	mu   sync.Mutex
	pace pacer
}

// patience is how long a transaction may take before it is given up and tried again.
const patience = 30 * time.Second

// maxClaim bounds a batch, so that a transaction stays short.
const maxClaim = 100

func newLane(sending context.Context, r *running, rate Rate, transports ...transport.Name) *lane {
	return &lane{
		running: r, sending: sending, transports: transports,
		slots: make(chan struct{}, r.options.Concurrency), pace: newPacer(rate.PerSecond, rate.Burst),
	}
}

// run claims and sends until ctx ends. No more is claimed than can be sent at once: what is claimed has an open attempt,
// and an open attempt should mean that the provider may know of it.
func (l *lane) run(ctx context.Context) {
	select {
	case <-l.timed:
	case <-ctx.Done():
	}
	for ctx.Err() == nil {
		woken := l.bell.next()
		if pause := l.untilDue(ctx); pause > 0 {
			l.wait(ctx, woken, pause)
			continue
		}
		free := l.acquire(ctx)
		if free == 0 {
			return
		}
		jobs, claimed, err := l.take(ctx, free)
		l.release(free - len(jobs))
		for _, j := range jobs {
			l.sends.Go(func() { l.send(j) })
		}
		switch {
		case err != nil:
			l.opt.Logger.Error("deliveries could not be claimed; trying again", "transports", l.transports, "error", err)
			l.wait(ctx, nil, l.options.Poll)
		case claimed == 0:
			l.wait(ctx, woken, contended)
		}
	}
}

// contended is how long to leave rows alone that are due and that others are at.
const contended = 50 * time.Millisecond

// untilDue returns how long there is nothing to do, so that looking for work costs a read and not a transaction. It is
// at most the polling interval, because nobody announces what other processes enqueue.
func (l *lane) untilDue(ctx context.Context) time.Duration {
	due, found, err := l.opt.Store.NextDue(ctx, l.transports)
	if err != nil {
		if ctx.Err() == nil {
			l.opt.Logger.Error("the delivery queue cannot be read; trying again", "transports", l.transports, "error", err)
		}
		return l.options.Poll
	}
	if !found {
		return l.options.Poll
	}
	return min(due.Sub(l.instant()), l.options.Poll)
}

// wait returns after a pause, or when something was enqueued here; nil is not woken.
func (l *lane) wait(ctx context.Context, woken <-chan struct{}, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// acquire waits for a free slot and takes whatever is free then. It returns 0 when ctx has ended.
func (l *lane) acquire(ctx context.Context) int {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for n := 1; n < maxClaim; n++ {
		select {
		case l.slots <- struct{}{}:
		default:
			return n
		}
	}
	return maxClaim
}

func (l *lane) release(n int) {
	for range n {
		<-l.slots
	}
}

// job is one attempt that is to be made.
type job struct {
	lease    id.ID
	delivery Delivery // with this attempt counted
	content  Content
	attempt  Attempt
	message  transport.Message
}

// batch is what one claim comes to.
type batch struct {
	now     time.Time
	pace    pacer
	claimed Claimed
	jobs    []job
	stopped []Delivery // held, suppressed or failed without a further attempt
	crashed []Delivery // left open by a process that died
}

// take claims up to limit deliveries, decides about each, and stores all of it in one transaction: a crash before the
// commit has changed nothing, and after it every call that may be made is on record. It returns what is to be sent, and
// how many were claimed.
func (l *lane) take(ctx context.Context, limit int) ([]job, int, error) {
	// Not called off when the dispatcher stops: whether it is stored should be known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var b batch
	err := l.opt.Tx.Do(ctx, func(ctx context.Context) error {
		b = batch{now: l.instant(), pace: l.pacer()} // this may run more than once
		var err error
		b.claimed, err = l.opt.Store.Claim(ctx, l.transports, b.now, l.options.Lease, limit)
		if err != nil || len(b.claimed.Deliveries) == 0 {
			return err
		}
		if err := l.judge(ctx, &b); err != nil {
			return err
		}
		return l.storeBatch(ctx, &b)
	})
	if err != nil {
		return nil, 0, err
	}
	l.paced(b.pace)
	ids := make([]id.ID, len(b.jobs))
	for i, j := range b.jobs {
		ids[i] = j.delivery.ID
	}
	l.leases.add(b.claimed.Lease, b.now.Add(l.options.Lease), ids)
	for _, d := range b.stopped {
		if d.State == Suppressed {
			l.metrics.suppress(d.Transport, d.Reason)
		}
	}
	for _, d := range b.crashed {
		l.metrics.crashed(d.Transport)
	}
	return b.jobs, len(b.claimed.Deliveries), nil
}

func (l *lane) pacer() pacer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pace
}

// paced keeps what a batch took, and the pause that a provider asked for meanwhile.
func (l *lane) paced(p pacer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.pause(l.pace.pauseUntil)
	l.pace = p
}

// pause holds the lane back, as a provider asked for.
func (l *lane) pause(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace.pause(until)
}

// judge sorts the claimed deliveries.
func (l *lane) judge(ctx context.Context, b *batch) error {
	users, err := l.usersOf(ctx, b.claimed.Deliveries)
	if err != nil {
		return err
	}
	recent, err := l.recentOf(ctx, b)
	if err != nil {
		return err
	}
	standings, err := l.standingsOf(ctx, b.claimed.Deliveries, users)
	if err != nil {
		return err
	}
	stages := map[bool][]stage{false: append(reach(), pacing), true: append(answering(), pacing)}
	for _, d := range b.claimed.Deliveries {
		if d.State == Sending {
			b.crashed = append(b.crashed, d)
			if d.Attempts >= l.opt.Providers.Retry(d.Transport).Attempts {
				b.stop(d, Failed, verdict{reason: reason.GaveUp})
				continue
			}
		}
		c := l.caseOf(d, b, users)
		c.recent, c.standing = recent[d.UserID], standings[d.UserID]
		if v := decide(c, stages[b.claimed.Contents[d.ContentID].Source.Type == SourceAnswer]); v.reason != "" {
			b.stop(d, stateAfter(v), v)
			continue
		}
		if recent != nil {
			recent[d.UserID]++
		}
		b.jobs = append(b.jobs, l.jobOf(b, d, c.user))
	}
	return nil
}

func stateAfter(v verdict) State {
	if v.until.IsZero() {
		return Suppressed
	}
	return Held
}

func (b *batch) stop(d Delivery, s State, v verdict) {
	d.State, d.Reason, d.DueAt, d.UpdatedAt = s, v.reason, v.until, b.now
	b.stopped = append(b.stopped, d)
}

func (l *lane) caseOf(d Delivery, b *batch, users map[id.ID]directory.User) *sendCase {
	content := b.claimed.Contents[d.ContentID]
	c := &sendCase{
		now: b.now, transport: d.Transport, urgent: content.Urgent, expiresAt: content.ExpiresAt, needsConsent: l.needsConsent(content, d.Transport),
		withdrawn: d.Withdrawn, providers: l.opt.Providers, cap: l.opt.HourlyCap, pace: &b.pace, zones: &l.zones, individual: !d.IndividualID.IsZero(),
	}
	if d.State == Held {
		c.held = d.Reason
	}
	c.user, c.known = users[d.UserID]
	return c
}

func (l *lane) jobOf(b *batch, d Delivery, u directory.User) job {
	to, _ := addressOf(u, d.Transport)
	by, _ := l.opt.Providers.For(d.Transport, to)
	content := b.claimed.Contents[d.ContentID]
	d.State, d.Reason, d.Address, d.Provider = Sending, "", kept(d.Transport, to), by
	d.Attempts++
	a := Attempt{ID: id.New(), DeliveryID: d.ID, Provider: by, Address: d.Address, StartedAt: b.now, Outcome: Open}
	m := render(content, d, to)
	m.AttemptID, m.CallbackURL = a.ID, callbackURL(l.PublicURL(), by, d.ID)
	return job{lease: b.claimed.Lease, delivery: d, content: content, attempt: a, message: m}
}

// usersOf finds the users of deliveries, organization by organization.
func (l *lane) usersOf(ctx context.Context, deliveries []Delivery) (map[id.ID]directory.User, error) {
	wanted := map[id.ID][]id.ID{}
	for _, d := range deliveries {
		if !d.UserID.IsZero() {
			wanted[d.OrganizationID] = append(wanted[d.OrganizationID], d.UserID)
		}
	}
	all := map[id.ID]directory.User{}
	for organization, ids := range wanted {
		users, err := l.opt.Directory.Users(ctx, organization, ids)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, users)
	}
	return all, nil
}

// standingsOf tells where the users stand with the lane's transport, organization by organization; nil where consent makes
// no difference. The lane of what nobody serves has several transports, and sends nothing.
func (l *lane) standingsOf(ctx context.Context, deliveries []Delivery, users map[id.ID]directory.User) (map[id.ID]consent.Standing, error) {
	if len(l.transports) > 1 || !usesPhone(l.transports[0]) {
		return nil, nil
	}
	wanted := map[id.ID][]directory.User{}
	seen := map[id.ID]bool{}
	for _, d := range deliveries {
		if u, known := users[d.UserID]; known && !seen[u.ID] {
			seen[u.ID] = true
			wanted[d.OrganizationID] = append(wanted[d.OrganizationID], u)
		}
	}
	all := map[id.ID]consent.Standing{}
	for organization, users := range wanted {
		found, err := l.opt.Consents.Standings(ctx, organization, consent.Type(l.transports[0]), users)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, found)
	}
	return all, nil
}

// recentOf counts what the users were sent in the last hour; nil when it makes no difference.
func (l *lane) recentOf(ctx context.Context, b *batch) (map[id.ID]int, error) {
	if l.opt.HourlyCap == 0 || len(l.transports) > 1 {
		return nil, nil
	}
	var users []id.ID
	for _, d := range b.claimed.Deliveries {
		if !d.UserID.IsZero() {
			users = append(users, d.UserID)
		}
	}
	return l.opt.Store.SentSince(ctx, users, l.transports[0], b.now.Add(-time.Hour))
}

// storeBatch writes what was decided.
func (l *lane) storeBatch(ctx context.Context, b *batch) error {
	if len(b.crashed) > 0 {
		ids := make([]id.ID, len(b.crashed))
		for i, d := range b.crashed {
			ids[i] = d.ID
		}
		if _, err := l.opt.Store.Abandon(ctx, ids, b.now); err != nil {
			return err
		}
	}
	attempts := make([]Attempt, len(b.jobs))
	for i, j := range b.jobs {
		attempts[i] = j.attempt
	}
	if err := l.opt.Store.Save(ctx, b.claimed.Lease, b.stopped); err != nil {
		return err
	}
	if err := l.opt.Store.Begin(ctx, b.claimed.Lease, attempts, b.now); err != nil {
		return err
	}
	return l.record(ctx, b.claimed.Contents, b.stopped...)
}
