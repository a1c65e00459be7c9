package messaging

import (
	"context"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// MessageView is a message as one individual sees it.
type MessageView struct {
	Message
	Caller       id.ID // the individual; zero for a machine that acts for none
	Acknowledged bool  // it is not unread to the individual; false for one who is not subscribed and did not write it
	Reactions    []Reaction
	Receipts     *Receipts // only when they were asked for
}

// Span is a time from From to before Until; a zero bound is none.
type Span struct{ From, Until time.Time }

// MessageFilter selects the messages of one channel. Every field that is set must hold.
type MessageFilter struct {
	ChannelID    id.ID
	IndividualID id.ID // as whom it is listed; Nil is the individual that the actor speaks as
	UserID       id.ID // whose individual wrote it
	Acknowledged *bool // by the individual
	Modified     Span
	Posted       Span
	// Text is looked for in every message of the channel that passes the rest: each of its words must begin a word.
	// Words are what stands between blanks; case is ignored for the letters A to Z only, on SQLite.
	Text         string
	WithReceipts bool
}

// MessageQuery is a MessageFilter as the store takes it.
type MessageQuery struct {
	OrganizationID, ChannelID id.ID
	Caller                    Subscriber // IndividualID is set even when not Subscribed
	Subscribed                bool
	Creator                   id.ID // whose drafts without an author are to be seen
	Acknowledged              *bool
	Modified, Posted          Span
	Words                     []string
	Authors                   []id.ID // nil: no matter
}

// Narrow tells whether the query leaves out anything but the drafts of others.
func (q MessageQuery) Narrow() bool {
	return q.Acknowledged != nil || q.Modified != Span{} || q.Posted != Span{} || len(q.Words) > 0 || q.Authors != nil
}

// ListMessages returns a page of a channel's messages, newest first; the individual's own drafts come before all that was
// posted.
func (s *Service) ListMessages(ctx context.Context, f MessageFilter, p page.Offset) (page.List[MessageView], error) {
	c, q, err := s.query(ctx, f)
	if err != nil {
		return page.List[MessageView]{}, err
	}
	found, err := s.store.ListMessages(ctx, c, q, p)
	if err != nil {
		return page.List[MessageView]{}, err
	}
	return s.messagePage(ctx, q, found, f.WithReceipts)
}

// TurnMessages is ListMessages by cursor. NotFound: the cursor names no message of the channel that the actor may see.
func (s *Service) TurnMessages(ctx context.Context, f MessageFilter, p page.Cursor) (page.List[MessageView], error) {
	_, q, err := s.query(ctx, f)
	if err != nil {
		return page.List[MessageView]{}, err
	}
	found, err := s.store.TurnMessages(ctx, q, p)
	if err != nil {
		return page.List[MessageView]{}, err
	}
	return s.messagePage(ctx, q, found, f.WithReceipts)
}

func (s *Service) query(ctx context.Context, f MessageFilter) (Channel, MessageQuery, error) {
	a, err := require(ctx, messages, read)
	if err != nil {
		return Channel{}, MessageQuery{}, err
	}
	c, acting, err := s.readable(ctx, f.ChannelID, f.IndividualID)
	if err != nil {
		return Channel{}, MessageQuery{}, err
	}
	q := MessageQuery{
		OrganizationID: a.OrganizationID, ChannelID: c.ID, Creator: creator(a), Acknowledged: f.Acknowledged,
		Modified: f.Modified, Posted: f.Posted, Words: words(f.Text),
	}
	if q.Caller, q.Subscribed, err = s.caller(ctx, c, acting); err != nil {
		return c, q, err
	}
	if !f.UserID.IsZero() {
		owned, err := s.directory.IndividualsOfUsers(ctx, a.OrganizationID, []id.ID{f.UserID})
		if err != nil {
			return c, q, err
		}
		q.Authors = []id.ID{}
		for _, i := range owned[f.UserID] {
			q.Authors = append(q.Authors, i.ID)
		}
	}
	return c, q, nil
}

// caller returns the subscription of acting. When there is none it is a Subscriber that has read nothing.
func (s *Service) caller(ctx context.Context, c Channel, acting id.ID) (Subscriber, bool, error) {
	nobody := Subscriber{ChannelID: c.ID, OrganizationID: c.OrganizationID, IndividualID: acting, ReadSeq: -1}
	if acting.IsZero() {
		return nobody, false, nil
	}
	sub, found, err := s.store.FindSubscriber(ctx, c.OrganizationID, c.ID, acting)
	if err != nil || !found {
		return nobody, false, err
	}
	return sub, true, nil
}

func (s *Service) messagePage(ctx context.Context, q MessageQuery, found page.List[Message], receipts bool) (page.List[MessageView], error) {
	out := page.List[MessageView]{Total: found.Total, More: found.More}
	var err error
	if out.Items, err = s.messageViews(ctx, q.Caller, found.Items, receipts); err != nil {
		return page.List[MessageView]{}, err
	}
	if err := lookedAt(ctx, s, q.OrganizationID, q.ChannelID, found.Items, Message.id); err != nil {
		return page.List[MessageView]{}, err
	}
	return out, nil
}

// messageViews adds to messages of one channel what a subscriber sees of them.
func (s *Service) messageViews(ctx context.Context, caller Subscriber, list []Message, receipts bool) ([]MessageView, error) {
	out := make([]MessageView, len(list))
	ids := make([]id.ID, len(list))
	for i, m := range list {
		ids[i] = m.ID
	}
	reactions, err := s.store.FindReactions(ctx, caller.OrganizationID, ids)
	if err != nil {
		return nil, err
	}
	for i, m := range list {
		out[i] = MessageView{
			Message: m.redacted(), Caller: caller.IndividualID, Acknowledged: !caller.IndividualID.IsZero() && m.readBy(caller),
			Reactions: reactions[m.ID],
		}
	}
	if !receipts {
		return out, nil
	}
	return out, s.addReceipts(ctx, caller.OrganizationID, caller.ChannelID, out)
}

// GetMessage returns a message as an individual sees it; Nil is the one that the actor speaks as.
func (s *Service) GetMessage(ctx context.Context, message, individual id.ID) (MessageView, error) {
	if _, err := require(ctx, messages, read); err != nil {
		return MessageView{}, err
	}
	m, acting, err := s.readableMessage(ctx, message, individual)
	if err != nil {
		return MessageView{}, err
	}
	v, err := s.messageView(ctx, m, acting)
	if err != nil {
		return MessageView{}, err
	}
	return v, s.looked(ctx, m.OrganizationID, messageRead, m.ID, lookingAtOne(m))
}

func (s *Service) messageView(ctx context.Context, m Message, acting id.ID) (MessageView, error) {
	caller, _, err := s.caller(ctx, Channel{ID: m.ChannelID, OrganizationID: m.OrganizationID}, acting)
	if err != nil {
		return MessageView{}, err
	}
	views, err := s.messageViews(ctx, caller, []Message{m}, false)
	if err != nil {
		return MessageView{}, err
	}
	return views[0], nil
}

// readableMessage returns a message that the actor may read, acting as an individual of the query (Nil: its own), with its text
// even if it was removed, and whom it acts as.
func (s *Service) readableMessage(ctx context.Context, message, individual id.ID) (Message, id.ID, error) {
	acting, err := s.askedAs(ctx, individual)
	if err != nil {
		return Message{}, id.Nil, err
	}
	m, err := s.messageFor(ctx, message, acting)
	return m, acting, err
}

// namedMessage is readableMessage for a request that names the individual in its body.
func (s *Service) namedMessage(ctx context.Context, message, individual id.ID) (Message, id.ID, error) {
	acting, err := s.actAs(ctx, individual)
	if err != nil {
		return Message{}, id.Nil, err
	}
	m, err := s.messageFor(ctx, message, acting)
	return m, acting, err
}

func (s *Service) messageFor(ctx context.Context, message, acting id.ID) (Message, error) {
	a := actor.From(ctx)
	m, err := s.store.GetMessage(ctx, a.OrganizationID, message)
	if err != nil {
		return Message{}, err
	}
	c, err := s.store.GetChannel(ctx, a.OrganizationID, m.ChannelID)
	if err != nil {
		return Message{}, err
	}
	if err := s.mayRead(ctx, c, acting); err != nil {
		return Message{}, sameAs(err, "message")
	}
	return m, visible(a, acting, m)
}

// sameAs makes a channel that may not be read look like what was asked for not being there.
func sameAs(err error, what string) error {
	if errs.Is(err, errs.CodeNotFound) {
		return errs.MissingRecord(what)
	}
	return err
}

// words are what Text is looked for by. The store folds their case as it does that of texts: were it done here, a database
// that leaves letters beyond Z alone would not find what was written in capitals.
func words(text string) []string { return strings.Fields(text) }
