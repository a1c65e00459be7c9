package delivery

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// PlannerName is the name under which the event log keeps how far the Planner has come.
const PlannerName = "delivery"

// Messages is what the planner asks of package messaging, whose Service it is.
type Messages interface {
	// Audience returns a message and everybody in its channel. errs.CodeNotFound: one of them is gone.
	Audience(ctx context.Context, organization, message id.ID) (messaging.Audience, error)
	// Places returns the places of messages in their channels, of those that exist.
	Places(ctx context.Context, organization id.ID, messages []id.ID) (map[id.ID]int64, error)
	// Readers returns for whom an acknowledgement counts.
	Readers(ctx context.Context, organization id.ID, a messaging.Acknowledged) ([]id.ID, error)
}

// Planner turns what was posted into deliveries: one for each subscriber who is to read it and each transport that the
// message asks for. It is a consumer of the event log, run in the consumer's transaction, so each message is planned
// exactly once.
//
// What is removed or edited while deliveries of it still wait (for the end of quiet hours, or for a provider) is not sent, or
// says the new text. Who has left the channel meanwhile is not told any more, and who has read the message in it neither. What
// is held for somebody's quiet hours is judged again when that user changes.
//
// It plans only what a message asks for (include-destinations). Subscribers who want to hear of nothing are recorded
// with that reason; those who want to hear of mentions only are too, since nothing here finds mentions yet.
type Planner struct {
	service  *Service
	messages Messages
}

// NewPlanner returns a planner.
func NewPlanner(s *Service, m Messages) *Planner { return &Planner{s, m} }

// messageUse is how long a message outside its channel is of use: later the person has seen it there, or it is stale.
const messageUse = 24 * time.Hour

// dataChannel is where the content of a message names its channel.
const dataChannel = "channel_id"

// Handle does what the entries ask for.
func (p *Planner) Handle(ctx context.Context, entries []event.Entry) error {
	for _, e := range entries {
		if act := p.asksFor(e); act != nil {
			if err := act(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wants tells whether an entry of the log asks for anything. Most messages ask for nothing.
func (p *Planner) Wants(e event.Entry) bool { return p.asksFor(e) != nil }

// asksFor returns what is to be done about an entry; nil when that is nothing.
func (p *Planner) asksFor(e event.Entry) func(context.Context) error {
	switch e.Type {
	case messaging.EventPosted, messaging.EventEdited:
		return p.asksForSaid(e)
	case messaging.EventRemoved:
		gone, known := dataOf[messaging.Gone](e)
		if !known || gone.MessageID.IsZero() {
			return nil
		}
		return func(ctx context.Context) error {
			return p.service.Withdraw(ctx, e.OrganizationID, Source{SourceMessage, gone.MessageID})
		}
	case messaging.ChannelDeleted:
		gone, known := dataOf[messaging.Gone](e)
		if !known {
			return nil
		}
		return func(ctx context.Context) error {
			return p.service.withdrawChannel(ctx, e.OrganizationID, gone.ChannelID)
		}
	case messaging.ChannelUnsubscribed:
		left, known := dataOf[messaging.Membership](e)
		if !known || len(left.IndividualIDs) == 0 {
			return nil
		}
		return func(ctx context.Context) error {
			return p.service.withdrawFrom(ctx, withdrawal{
				organization: e.OrganizationID, channel: left.ChannelID, from: People{Individuals: left.IndividualIDs}, why: reason.NotSubscribed,
			})
		}
	case messaging.EventAcknowledged:
		read, known := dataOf[messaging.Acknowledged](e)
		if !known || read.Back {
			return nil
		}
		return func(ctx context.Context) error { return p.read(ctx, e.OrganizationID, read) }
	case directory.EventUserUpdated:
		return func(ctx context.Context) error { return p.service.Rejudge(ctx, e.OrganizationID, e.Subject) }
	}
	return nil
}

// read takes back what still waits of messages that were read in their channel. Who reads as one individual has read for all
// that the same user is.
func (p *Planner) read(ctx context.Context, organization id.ID, read messaging.Acknowledged) error {
	readers, err := p.messages.Readers(ctx, organization, read)
	if err != nil {
		return err
	}
	people, err := p.service.opt.Directory.Individuals(ctx, organization, readers)
	if err != nil {
		return err
	}
	from := People{Individuals: readers}
	for _, i := range readers {
		if user := people[i].UserID(); !user.IsZero() {
			from.Users = append(from.Users, user)
		}
	}
	return p.service.withdrawFrom(ctx, withdrawal{
		organization: organization, channel: read.ChannelID, from: from, why: reason.ReadElsewhere,
		which: func(ctx context.Context, messages []id.ID) (map[id.ID]bool, error) {
			places, err := p.messages.Places(ctx, organization, messages)
			out := make(map[id.ID]bool, len(places))
			for message, at := range places {
				out[message] = at <= read.Sequence
			}
			return out, err
		},
	})
}

// asksForSaid is asksFor for what was posted or edited, which asks for something when it has destinations. The entry of what
// was removed since has other data, and none; an entry of its own tells that it was removed.
func (p *Planner) asksForSaid(e event.Entry) func(context.Context) error {
	said, known := dataOf[messaging.Posted](e)
	switch {
	case !known || len(said.Destinations) == 0:
		return nil
	case e.Type == messaging.EventEdited:
		return func(ctx context.Context) error {
			return p.service.Reword(ctx, e.OrganizationID, Source{SourceMessage, said.MessageID}, said.Message)
		}
	}
	return func(ctx context.Context) error { return p.plan(ctx, e.OrganizationID, said.MessageID) }
}

func dataOf[T any](e event.Entry) (data T, known bool) {
	err := json.Unmarshal(e.Data, &data)
	return data, err == nil
}

func (p *Planner) plan(ctx context.Context, organization, message id.ID) error {
	a, err := p.messages.Audience(ctx, organization, message)
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if a.Message.Removed() || a.Message.Source == messaging.FromSystem || !a.Channel.EventsEnabled {
		return nil
	}
	people, err := p.people(ctx, organization, a)
	if err != nil {
		return err
	}
	sender, err := p.sender(ctx, organization, people[a.Message.AuthorID])
	if err != nil {
		return err
	}
	m := a.Message
	return p.service.Enqueue(ctx, Content{
		OrganizationID: organization, Source: Source{SourceMessage, m.ID}, Title: sender, Body: m.Text, Followed: true,
		Data: map[string]any{"message_id": m.ID.String(), dataChannel: m.ChannelID.String(), "individual_id": m.AuthorID.String()},
		At:   m.PostedAt, ExpiresAt: m.PostedAt.Add(messageUse),
	}, recipients(a, people))
}

// people finds the author and the subscribers in the directory.
func (p *Planner) people(ctx context.Context, organization id.ID, a messaging.Audience) (map[id.ID]directory.Individual, error) {
	ids := make([]id.ID, 0, len(a.Subscribers)+1)
	for _, s := range a.Subscribers {
		ids = append(ids, s.IndividualID)
	}
	if !a.Message.AuthorID.IsZero() && !slices.Contains(ids, a.Message.AuthorID) {
		ids = append(ids, a.Message.AuthorID)
	}
	return p.service.opt.Directory.Individuals(ctx, organization, ids)
}

// sender is what the recipients are told whom the message is from.
func (p *Planner) sender(ctx context.Context, organization id.ID, author directory.Individual) (string, error) {
	if name := author.Name(); name != "" {
		return name, nil
	}
	if user := author.UserID(); !user.IsZero() {
		users, err := p.service.opt.Directory.Users(ctx, organization, []id.ID{user})
		if name := users[user].Username; name != "" || err != nil {
			return name, err
		}
	}
	o, err := p.service.opt.Directory.Organization(ctx, organization)
	return o.Title(), err
}

// recipients lists whom a message is delivered to, by what, or why not. Of several individuals that one user owns the
// first is told.
func recipients(a messaging.Audience, people map[id.ID]directory.Individual) []Recipient {
	type reached struct {
		user id.ID
		by   string
	}
	var out []Recipient
	seen := map[reached]bool{}
	done := readers(a, people)
	destinations := slices.Compact(slices.Sorted(slices.Values(a.Message.Destinations)))
	for _, s := range a.Subscribers {
		if s.IndividualID == a.Message.AuthorID || a.Message.AutoAck.Covers(s.Side) {
			continue
		}
		user := people[s.IndividualID].UserID()
		for _, by := range destinations {
			r := Recipient{UserID: user, IndividualID: s.IndividualID, Transport: transport.Name(by), Skip: unwanted(s)}
			if r.Skip == "" && (done[s.IndividualID] || done[user]) {
				r.Skip = reason.ReadElsewhere
			}
			if r.Skip == "" && !user.IsZero() {
				if seen[reached{user, by}] {
					r.Skip = reason.Duplicate
				}
				seen[reached{user, by}] = true
			}
			out = append(out, r)
		}
	}
	return out
}

// readers are the individuals who have read a message in its channel already, and their users. To who came after it was posted
// it was never new, which is not to have read it.
func readers(a messaging.Audience, people map[id.ID]directory.Individual) map[id.ID]bool {
	out := map[id.ID]bool{}
	for _, s := range a.Subscribers {
		if s.IndividualID == a.Message.AuthorID || s.ReadSeq < a.Message.Seq || s.JoinedSeq >= a.Message.Seq {
			continue
		}
		out[s.IndividualID] = true
		if user := people[s.IndividualID].UserID(); !user.IsZero() {
			out[user] = true
		}
	}
	return out
}

// unwanted tells why a subscriber does not want to hear of a message; empty when they do.
func unwanted(s messaging.Subscriber) reason.Reason {
	switch s.Notify {
	case messaging.NotifyNone:
		return reason.MutedAlways
	case messaging.NotifyMentions:
		return reason.NotSubscribed
	case messaging.NotifyAll:
	}
	return ""
}

// Destinations is the service as package messaging sees it.
type Destinations struct{ service *Service }

var _ messaging.Destinations = Destinations{}

// Destinations returns the service as package messaging sees it.
func (s *Service) Destinations() Destinations { return Destinations{s} }

// ForMessages implements messaging.Destinations. Where a message goes to several people by one transport, the state is
// that of the delivery that most needs to be looked at: a failed one before those still to be made, and those before
// the ones that arrived.
func (d Destinations) ForMessages(ctx context.Context, organization id.ID, messages []id.ID) (map[id.ID]map[string]messaging.DeliveryState, error) {
	found, err := d.service.opt.Store.States(ctx, organization, SourceMessage, messages)
	if err != nil {
		return nil, err
	}
	out := map[id.ID]map[string]messaging.DeliveryState{}
	for message, deliveries := range found {
		states := map[string]messaging.DeliveryState{}
		for _, one := range deliveries {
			present, there := states[string(one.Transport)]
			if !there || urgency(one.State) < urgency(State(present.State)) {
				states[string(one.Transport)] = messaging.DeliveryState{State: string(one.State), Reason: string(one.Reason)}
			}
		}
		out[message] = states
	}
	return out, nil
}

// urgency orders states by how much they need to be looked at, the most first.
func urgency(s State) int {
	return slices.Index([]State{Failed, Sending, Queued, Held, Sent, Delivered, Read, Suppressed}, s)
}
