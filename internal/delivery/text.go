package delivery

import (
	"context"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/consent"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/transport"
)

// received is what subscribers learn of a text.
type received struct {
	Transport string `json:"transport"`
	From      string `json:"from"`
	To        string `json:"to"`
	Text      string `json:"text"`
	Keyword   string `json:"keyword"`
	UserID    id.ID  `json:"user-id"`
}

// receive takes in a text: it is stored once however often the provider repeats it, what it says about consent takes
// effect for everyone who has the number and is answered, and each of their organizations hears of it. A number that
// nobody has is stored, and its STOP remembered.
func (s *Service) receive(ctx context.Context, provider string, in transport.Inbound, now time.Time) error {
	users, err := s.opt.Phones.UsersWithPhone(ctx, in.From)
	if err != nil {
		return err
	}
	says := consent.Understand(in.Text, in.OptOut, users)
	text := Text{
		ID: id.New(), Provider: provider, ProviderID: in.ProviderID, Transport: in.Transport, From: in.From, To: in.To,
		Body: in.Text, ReceivedAt: now,
	}
	if says.Keyword() {
		text.Keyword = says
	}
	if len(users) > 0 {
		text.OrganizationID, text.UserID = users[0].OrganizationID, users[0].ID
	}
	isNew, err := s.opt.Store.InsertText(ctx, text)
	if err != nil || !isNew {
		return err
	}
	reply, err := s.opt.Consents.Hear(ctx, consent.Text{
		ID: text.ID, Provider: provider, ProviderID: in.ProviderID, Transport: consent.Type(in.Transport), From: in.From, Words: in.Text,
		Input: says, Handled: in.OptOut != "", At: now,
	}, users)
	if err != nil {
		return err
	}
	if err := s.answer(ctx, text, reply); err != nil {
		return err
	}
	for _, u := range users {
		err := s.opt.Events.Record(actor.With(ctx, actor.System(u.OrganizationID)), event.Change{
			OrganizationID: u.OrganizationID, Type: EventTextReceived, Subject: text.ID,
			Data: received{string(text.Transport), text.From, text.To, text.Body, string(text.Keyword), u.ID},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// How long an answer is of use. To confirm a STOP late is to text somebody who has told us not to.
const (
	confirmationUse = 5 * time.Minute
	answerUse       = 24 * time.Hour
)

// answer queues what is to be answered to a text, by the way it came.
func (s *Service) answer(ctx context.Context, t Text, r *consent.Reply) error {
	if r == nil {
		return nil
	}
	use := answerUse
	if r.Kind == consent.AnswerStopped {
		use = confirmationUse
	}
	return s.Enqueue(ctx, Content{
		OrganizationID: r.OrganizationID, Source: Source{SourceAnswer, r.About}, Body: r.Words, Urgent: true, At: t.ReceivedAt,
		ExpiresAt: t.ReceivedAt.Add(use),
	}, []Recipient{{UserID: r.UserID, Transport: t.Transport}})
}

// Invitations is the service as package consent sees it.
type Invitations struct{ service *Service }

var _ consent.Outbox = Invitations{}

// Invitations returns the service as package consent sees it.
func (s *Service) Invitations() Invitations { return Invitations{s} }

// Invite implements consent.Outbox.
func (o Invitations) Invite(ctx context.Context, i consent.Invitation) error {
	c := i.Consent
	return o.service.Enqueue(ctx, Content{
		OrganizationID: c.OrganizationID, Source: Source{SourceInvitation, c.ID}, Body: i.Words, At: c.InvitedAt, ExpiresAt: i.ExpiresAt,
	}, []Recipient{{UserID: c.UserID, Transport: transport.Name(c.Type)}})
}
