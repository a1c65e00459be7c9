package messaging

import (
	"context"
	"errors"
	"maps"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// PostedQuery selects posted messages.
type PostedQuery struct {
	OrganizationID id.ID
	ChannelID      id.ID   // zero: of every channel
	Subscribers    []id.ID // of channels that one of them is subscribed to; nil: no matter
}

// PostedMessage is a message as the groups API shows it: posted and not removed.
type PostedMessage struct {
	Message
	Reactions []Reaction
	ReadAt    time.Time // when everybody else who was there had read it; zero: not yet, or there is nobody else
}

// TurnPosted returns the messages of a channel, or for Nil of every channel that the actor may read, newest first.
// NotFound: no such channel. A cursor that names none of the messages is ErrCursor.
func (g *Groups) TurnPosted(ctx context.Context, channel id.ID, p page.Cursor) (page.List[PostedMessage], error) {
	a, err := require(ctx, messages, read)
	if err != nil {
		return page.List[PostedMessage]{}, err
	}
	q := PostedQuery{OrganizationID: a.OrganizationID, ChannelID: channel}
	switch {
	case !channel.IsZero():
		if _, _, err := g.readable(ctx, channel, id.Nil); err != nil {
			return page.List[PostedMessage]{}, sameAs(err, "conversation")
		}
	case !a.Everyone():
		q.Subscribers = append([]id.ID{}, a.Individuals...)
	}
	found, err := g.store.TurnPosted(ctx, q, p)
	if errs.Is(err, errs.CodeNotFound) {
		return page.List[PostedMessage]{}, ErrCursor
	}
	if err != nil {
		return page.List[PostedMessage]{}, err
	}
	items, err := g.posted(ctx, found.Items)
	if err != nil {
		return page.List[PostedMessage]{}, err
	}
	if err := lookedAt(ctx, g.Service, q.OrganizationID, channel, found.Items, Message.id); err != nil {
		return page.List[PostedMessage]{}, err
	}
	return page.List[PostedMessage]{Items: items, More: found.More}, nil
}

// ErrCursor is returned by TurnPosted for a cursor that names no message of the list. It is told from NotFound because
// the channel may be what is missing.
var ErrCursor = errors.New("the cursor names no message of the list")

// posted adds what is shown beside messages of one organization.
func (g *Groups) posted(ctx context.Context, list []Message) ([]PostedMessage, error) {
	ids := make([]id.ID, len(list))
	byChannel := map[id.ID][]MessageView{}
	for i, m := range list {
		ids[i] = m.ID
		byChannel[m.ChannelID] = append(byChannel[m.ChannelID], MessageView{Message: m})
	}
	reactions, err := g.store.FindReactions(ctx, actor.From(ctx).OrganizationID, ids)
	if err != nil {
		return nil, err
	}
	readAt := map[id.ID]time.Time{}
	for _, views := range byChannel {
		times, err := g.ReadTimes(ctx, views)
		if err != nil {
			return nil, err
		}
		maps.Copy(readAt, times)
	}
	out := make([]PostedMessage, len(list))
	for i, m := range list {
		out[i] = PostedMessage{Message: m, Reactions: reactions[m.ID], ReadAt: readAt[m.ID]}
	}
	return out, nil
}

func (g *Groups) onePosted(ctx context.Context, m Message) (PostedMessage, error) {
	out, err := g.posted(ctx, []Message{m})
	if err != nil {
		return PostedMessage{}, err
	}
	return out[0], nil
}

// GetPosted returns a message that the actor may read. NotFound: also when it is a draft or was removed.
func (g *Groups) GetPosted(ctx context.Context, message id.ID) (PostedMessage, error) {
	v, err := g.GetMessage(ctx, message, id.Nil)
	if err == nil && (v.Draft || v.Removed()) {
		err = errs.MissingRecord("message")
	}
	if err != nil {
		return PostedMessage{}, err
	}
	return g.onePosted(ctx, v.Message)
}

// Say posts a message as the individual that the actor speaks as. Errors as Post; the channel that is missing is blamed
// as conversation_id.
func (g *Groups) Say(ctx context.Context, channel id.ID, text string) (PostedMessage, error) {
	v, err := g.Post(ctx, NewMessage{ChannelID: channel, Text: text})
	if errs.Is(err, errs.CodeNotFound) {
		err = errs.MissingRecord("conversation").At("conversation_id")
	}
	if err != nil {
		return PostedMessage{}, err
	}
	return PostedMessage{Message: v.Message}, nil
}

// Reacting is that a user reacts.
type Reacting struct{ Name, Username string }

// ChangePosted changes the text of a message and makes its reactions those given, all or nothing; nil leaves alone. NotFound
// as GetPosted; otherwise the errors of ChangeMessage and ReplaceReactions. Invalid: a user does not exist or has no
// individual; path(i) says where reactions[i] stood.
func (g *Groups) ChangePosted(ctx context.Context, message id.ID, text *string, reactions *[]Reacting, path func(int) string) (PostedMessage, error) {
	if _, err := require(ctx, messages, write); err != nil {
		return PostedMessage{}, err
	}
	var out PostedMessage
	err := g.tx.Do(ctx, func(ctx context.Context) error {
		seeing := readingMessages(ctx)
		if _, err := g.GetPosted(seeing, message); err != nil {
			return err
		}
		if reactions != nil {
			wanted, err := g.reactors(ctx, *reactions, path)
			if err != nil {
				return err
			}
			if _, err := g.ReplaceReactions(ctx, message, wanted); err != nil {
				return err
			}
		}
		if text != nil {
			if _, err := g.ChangeMessage(ctx, message, MessageChange{Text: text}); err != nil {
				return err
			}
		}
		var err error
		out, err = g.GetPosted(seeing, message)
		return err
	})
	return out, err
}

// readingMessages lets a key that may only write see what it wrote.
func readingMessages(ctx context.Context) context.Context {
	return actor.Widen(ctx, "messages:read")
}

// reactors finds the individuals of users.
func (g *Groups) reactors(ctx context.Context, list []Reacting, path func(int) string) ([]Reaction, error) {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = r.Username
	}
	users, err := g.people.UsersNamed(ctx, actor.From(ctx).OrganizationID, names)
	if err != nil {
		return nil, err
	}
	var f errs.Fields
	out := make([]Reaction, len(list))
	for i, r := range list {
		u := users[directory.FoldName(r.Username)]
		if u.PrimaryIndividualID.IsZero() {
			f.Add(path(i), "is no user of the organization")
		}
		checkReaction(&f, path(i), r.Name)
		out[i] = Reaction{IndividualID: u.PrimaryIndividualID, Name: r.Name}
	}
	return out, f.Err()
}

// RemovePosted takes a message back: nobody is shown it any more. NotFound as GetPosted. Denied: see policy.go.
func (g *Groups) RemovePosted(ctx context.Context, message id.ID) error {
	if _, err := require(ctx, messages, write); err != nil {
		return err
	}
	return g.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := g.GetPosted(readingMessages(ctx), message); err != nil {
			return err
		}
		gone := true
		_, err := g.ChangeMessage(ctx, message, MessageChange{Removed: &gone})
		return err
	})
}

// asError returns err as what may be shown, or nil.
func asError(err error) *errs.Error {
	e, _ := errors.AsType[*errs.Error](err)
	return e
}
