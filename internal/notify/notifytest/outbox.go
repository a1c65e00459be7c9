package notifytest

import (
	"context"
	"sync"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/reason"
)

// Outbox is a notify.Outbox that keeps what was enqueued in memory, once the transaction has committed.
type Outbox struct {
	db *db.DB
	// Fail is returned by Enqueue when it is set.
	Fail error
	// Reasons are the answers of Explain; who is not among them has reason.OK.
	Reasons map[notify.Notifiable]reason.Reason

	mu    sync.Mutex
	calls []Enqueued
	asked []Asked
}

// Enqueued is one committed call of Enqueue.
type Enqueued struct {
	Content notify.Content
	Notices []notify.Notice
	Ledger  []notify.Delivery // one for each notice
}

// Asked is one call of Explain.
type Asked struct {
	Urgent bool
	At     time.Time
}

var _ notify.Outbox = (*Outbox)(nil)

// NewOutbox returns an empty outbox whose transactions are those of d.
func NewOutbox(d *db.DB) *Outbox { return &Outbox{db: d} }

// Enqueue implements notify.Outbox.
func (o *Outbox) Enqueue(ctx context.Context, c notify.Content, notices []notify.Notice) error {
	if o.Fail != nil {
		return o.Fail
	}
	call := Enqueued{Content: c, Notices: append([]notify.Notice(nil), notices...)}
	for _, n := range notices {
		d := notify.Delivery{
			ID: id.New(), UserID: n.UserID, GroupID: n.GroupID, Channel: n.Channel, State: "queued", Address: "+49•••••67", UpdatedAt: c.At,
		}
		if n.Skip != "" {
			d.State, d.Reason, d.Address = "suppressed", n.Skip, ""
		}
		call.Ledger = append(call.Ledger, d)
	}
	o.db.AfterCommit(ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.calls = append(o.calls, call)
	})
	return nil
}

// Ledger implements notify.Outbox.
func (o *Outbox) Ledger(_ context.Context, organization id.ID, s notify.Source) ([]notify.Delivery, error) {
	var out []notify.Delivery
	for _, c := range o.All() {
		if c.Content.Source == s && c.Content.OrganizationID == organization {
			out = append(out, c.Ledger...)
		}
	}
	return out, nil
}

// Told implements notify.Outbox.
func (o *Outbox) Told(ctx context.Context, organization id.ID, s notify.Source) ([]notify.Notice, error) {
	deliveries, err := o.Ledger(ctx, organization, s)
	var out []notify.Notice
	for _, d := range deliveries {
		if d.State != "suppressed" && d.State != "failed" {
			out = append(out, notify.Notice{UserID: d.UserID, GroupID: d.GroupID, Channel: d.Channel})
		}
	}
	return out, err
}

// Explain implements notify.Outbox.
func (o *Outbox) Explain(_ context.Context, _ id.ID, people []notify.Notifiable, urgent bool, at time.Time) (map[notify.Notifiable]reason.Reason, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, Asked{urgent, at})
	out := map[notify.Notifiable]reason.Reason{}
	for _, p := range people {
		if out[p] = o.Reasons[p]; out[p] == "" {
			out[p] = reason.OK
		}
	}
	return out, nil
}

// All returns every committed call of Enqueue.
func (o *Outbox) All() []Enqueued {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Enqueued(nil), o.calls...)
}

// Questions returns every call of Explain.
func (o *Outbox) Questions() []Asked {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Asked(nil), o.asked...)
}

// Attempted adds an attempt to every delivery of a source, and puts them into a state.
func (o *Outbox) Attempted(s notify.Source, state string, a notify.Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.calls {
		if c.Content.Source != s {
			continue
		}
		for i := range c.Ledger {
			if c.Ledger[i].State != "suppressed" {
				c.Ledger[i].State, c.Ledger[i].UpdatedAt = state, a.At
				c.Ledger[i].Attempts = append(c.Ledger[i].Attempts, a)
			}
		}
	}
}
