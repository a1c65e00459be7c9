package delivery

import (
	"context"
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// Recipient is one person to be told of a content by one transport.
type Recipient struct {
	UserID       id.ID
	IndividualID id.ID
	GroupID      id.ID
	Transport    transport.Name
	Skip         reason.Reason // set: recorded as suppressed for this reason, never sent
}

// Enqueue stores a content and one delivery for each recipient, in their order, in the transaction of ctx; the
// dispatcher hears of it after the commit. The content's ID is given here. Without recipients nothing is stored.
//
// It checks neither permissions nor whether anybody can be reached.
func (s *Service) Enqueue(ctx context.Context, c Content, recipients []Recipient) error {
	if len(recipients) == 0 {
		return nil
	}
	now := s.opt.Clock()
	c.ID = id.New()
	deliveries := make([]Delivery, len(recipients))
	for i, r := range recipients {
		deliveries[i] = Delivery{
			ID: id.New(), UserID: r.UserID, IndividualID: r.IndividualID, GroupID: r.GroupID, Transport: r.Transport,
			State: Queued, DueAt: now, CreatedAt: now, UpdatedAt: now,
		}
		if r.Skip != "" {
			deliveries[i].State, deliveries[i].Reason, deliveries[i].DueAt = Suppressed, r.Skip, time.Time{}
		}
	}
	if err := s.opt.Store.Insert(ctx, c, deliveries); err != nil {
		return err
	}
	s.opt.Tx.AfterCommit(ctx, s.bell.ring)
	return nil
}

// Outbox is the service as package notify sees it.
type Outbox struct{ service *Service }

var _ notify.Outbox = Outbox{}

// Outbox returns the service as package notify sees it.
func (s *Service) Outbox() Outbox { return Outbox{s} }

// Enqueue implements notify.Outbox.
func (o Outbox) Enqueue(ctx context.Context, c notify.Content, notices []notify.Notice) error {
	recipients := make([]Recipient, len(notices))
	for i, n := range notices {
		recipients[i] = Recipient{UserID: n.UserID, GroupID: n.GroupID, Transport: transport.Name(n.Channel), Skip: n.Skip}
	}
	return o.service.Enqueue(ctx, Content{
		OrganizationID: c.OrganizationID, Source: Source(c.Source), Title: c.Title, Body: c.Body, Data: c.Data,
		Urgent: c.Urgent, ExpiresAt: c.ExpiresAt, At: c.At,
	}, recipients)
}

// Ledger implements notify.Outbox.
func (o Outbox) Ledger(ctx context.Context, organization id.ID, s notify.Source) ([]notify.Delivery, error) {
	deliveries, err := o.service.opt.Store.OfSource(ctx, organization, Source(s))
	if err != nil {
		return nil, err
	}
	ids := make([]id.ID, 0, len(deliveries))
	for _, d := range deliveries {
		if d.Attempts > 0 || d.Address != "" {
			ids = append(ids, d.ID)
		}
	}
	attempts, err := o.service.opt.Store.Attempts(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]notify.Delivery, len(deliveries))
	for i, d := range deliveries {
		out[i] = shown(d, attempts[d.ID])
	}
	return out, nil
}

// shown is a delivery for everyone of the organization.
func shown(d Delivery, attempts []Attempt) notify.Delivery {
	out := notify.Delivery{
		ID: d.ID, UserID: d.UserID, GroupID: d.GroupID, Channel: notify.Channel(d.Transport), State: string(d.State),
		Reason: d.Reason, Address: Mask(d.Transport, d.Address), UpdatedAt: d.UpdatedAt,
	}
	for _, a := range attempts {
		out.Attempts = append(out.Attempts, notify.Attempt{
			At: a.StartedAt, Outcome: string(a.Outcome), ProviderID: a.ProviderID, Detail: maskIn(a.Detail, d.Transport, a.Address),
		})
	}
	return out
}

// Told implements notify.Outbox.
func (o Outbox) Told(ctx context.Context, organization id.ID, s notify.Source) ([]notify.Notice, error) {
	deliveries, err := o.service.opt.Store.OfSource(ctx, organization, Source(s))
	if err != nil {
		return nil, err
	}
	out := []notify.Notice{}
	seen := map[notify.Notifiable]bool{}
	for _, d := range deliveries {
		who := notify.Notifiable{UserID: d.UserID, Channel: notify.Channel(d.Transport)}
		if d.State.Reached() && !seen[who] {
			seen[who] = true
			out = append(out, notify.Notice{UserID: d.UserID, GroupID: d.GroupID, Channel: who.Channel})
		}
	}
	return out, nil
}

// Explain implements notify.Outbox. Pacing and the frequency cap are left out: they depend on what else is sent then.
func (o Outbox) Explain(ctx context.Context, organization id.ID, people []notify.Notifiable, urgent bool, at time.Time) (map[notify.Notifiable]reason.Reason, error) {
	ids := make([]id.ID, len(people))
	for i, p := range people {
		ids[i] = p.UserID
	}
	users, err := o.service.opt.Directory.Users(ctx, organization, ids)
	if err != nil {
		return nil, err
	}
	standings, err := o.standings(ctx, organization, people, users)
	if err != nil {
		return nil, err
	}
	out := make(map[notify.Notifiable]reason.Reason, len(people))
	for _, p := range people {
		name := transport.Name(p.Channel)
		c := &sendCase{now: at, transport: name, urgent: urgent, providers: o.service.opt.Providers, zones: &o.service.zones}
		c.user, c.known = users[p.UserID]
		c.standing = standings[p]
		out[p] = reason.OK
		if v := decide(c, reach()); v.reason != "" {
			out[p] = v.reason
		}
	}
	return out, nil
}

// standings tells where people stand with the transports that use their telephone.
func (o Outbox) standings(ctx context.Context, organization id.ID, people []notify.Notifiable, users map[id.ID]directory.User) (map[notify.Notifiable]consent.Standing, error) {
	byTransport := map[notify.Channel][]directory.User{}
	for _, p := range people {
		if u, known := users[p.UserID]; known && usesPhone(transport.Name(p.Channel)) {
			byTransport[p.Channel] = append(byTransport[p.Channel], u)
		}
	}
	out := map[notify.Notifiable]consent.Standing{}
	for channel, users := range byTransport {
		found, err := o.service.opt.Consents.Standings(ctx, organization, consent.Type(channel), users)
		if err != nil {
			return nil, err
		}
		for user, s := range found {
			out[notify.Notifiable{UserID: user, Channel: channel}] = s
		}
	}
	return out, nil
}
