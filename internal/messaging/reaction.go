package messaging

import (
	"context"
	"strings"
	"time"
	"unicode"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
)

// maxReaction bounds the name of a reaction, in characters.
const maxReaction = 64

// Reaction is what one individual thinks of a message. An individual may have several of different names.
type Reaction struct {
	MessageID, IndividualID, OrganizationID id.ID
	Name                                    string // any word; an API may admit only some
	CreatedAt                               time.Time
}

func checkReaction(f *errs.Fields, path, name string) {
	f.Text(path, name, 1, maxReaction)
	if strings.ContainsFunc(name, unicode.IsControl) {
		f.Add(path, "must not have control characters")
	}
}

// AddReaction adds a reaction of an individual (Nil: the actor's own) to a message. One that is there already stays.
//
// ChannelArchived, MessageRemoved, MessageDraft.
func (s *Service) AddReaction(ctx context.Context, message, individual id.ID, name string) (MessageView, error) {
	return s.react(ctx, message, individual, name, s.addReaction)
}

// DeleteReaction takes a reaction back. One that is not there is no error. Errors as AddReaction.
func (s *Service) DeleteReaction(ctx context.Context, message, individual id.ID, name string) (MessageView, error) {
	return s.react(ctx, message, individual, name, s.deleteReaction)
}

type reacting func(ctx context.Context, e *edit, r Reaction) error

func (s *Service) react(ctx context.Context, message, individual id.ID, name string, fn reacting) (MessageView, error) {
	if _, err := require(ctx, messages, write); err != nil {
		return MessageView{}, err
	}
	var f errs.Fields
	if checkReaction(&f, "reaction_type", name); len(f) > 0 {
		return MessageView{}, f.Err()
	}
	m, acting, err := s.namedMessage(ctx, message, individual)
	if err != nil {
		return MessageView{}, err
	}
	if acting.IsZero() {
		return MessageView{}, nobodyNamed()
	}
	return s.onMessage(ctx, m, acting, func(ctx context.Context, e *edit, m Message) error {
		if err := e.takesReactions(m); err != nil {
			return err
		}
		r := Reaction{MessageID: m.ID, IndividualID: acting, OrganizationID: e.OrganizationID, Name: name, CreatedAt: e.now}
		return fn(ctx, e, r)
	})
}

func (e *edit) takesReactions(m Message) error {
	switch {
	case m.Draft:
		return draftError()
	case m.Removed():
		return MessageRemoved.Errorf("the message was removed")
	case e.Archived():
		return archivedError()
	}
	return nil
}

func (s *Service) addReaction(ctx context.Context, e *edit, r Reaction) error {
	added, err := s.store.InsertReaction(ctx, r)
	if err != nil || !added {
		return err
	}
	return s.reacted(ctx, e, r, EventReactionAdded)
}

func (s *Service) deleteReaction(ctx context.Context, e *edit, r Reaction) error {
	deleted, err := s.store.DeleteReaction(ctx, r)
	if err != nil || !deleted {
		return err
	}
	return s.reacted(ctx, e, r, EventReactionDeleted)
}

func (s *Service) reacted(ctx context.Context, e *edit, r Reaction, typ string) error {
	e.ModifiedAt = e.now
	act := Reacted{ChannelID: e.ID, MessageID: r.MessageID, IndividualID: r.IndividualID, ReactionType: r.Name}
	if e.tell(typ, r.MessageID, act); typ == EventReactionAdded {
		e.told(nil, act)
	} else {
		e.told(act, nil)
	}
	return s.store.TouchMessage(ctx, e.OrganizationID, r.MessageID, e.now)
}

// ReplaceReactions makes the reactions of a message those wanted, of which only Name and IndividualID count. Actors who are
// not everyone may change only those of their own individuals.
//
// Errors as AddReaction. NotFound: no such individual.
func (s *Service) ReplaceReactions(ctx context.Context, message id.ID, wanted []Reaction) (MessageView, error) {
	a, err := require(ctx, messages, write)
	if err != nil {
		return MessageView{}, err
	}
	m, acting, err := s.readableMessage(ctx, message, id.Nil)
	if err != nil {
		return MessageView{}, err
	}
	if err := s.checkReactions(ctx, a, wanted); err != nil {
		return MessageView{}, err
	}
	return s.onMessage(ctx, m, acting, func(ctx context.Context, e *edit, m Message) error {
		if err := e.takesReactions(m); err != nil {
			return err
		}
		return s.replaceReactions(ctx, e, a, m, wanted)
	})
}

func (s *Service) checkReactions(ctx context.Context, a actor.Actor, wanted []Reaction) error {
	var (
		f   errs.Fields
		who []id.ID
	)
	for _, r := range wanted {
		checkReaction(&f, "reactions", r.Name)
		who = append(who, r.IndividualID)
	}
	if len(who) > maxNamed {
		f.Add("reactions", "must name at most %d individuals", maxNamed)
	}
	if err := f.Err(); err != nil {
		return err
	}
	found, err := s.directory.Individuals(ctx, a.OrganizationID, unrepeated(who))
	if err != nil {
		return err
	}
	return missing(who, found)
}

func (s *Service) replaceReactions(ctx context.Context, e *edit, a actor.Actor, m Message, wanted []Reaction) error {
	present, err := s.store.FindReactions(ctx, e.OrganizationID, []id.ID{m.ID})
	if err != nil {
		return err
	}
	type key struct {
		individual id.ID
		name       string
	}
	keep := map[key]bool{}
	for _, r := range wanted {
		keep[key{r.IndividualID, r.Name}] = true
	}
	for _, r := range present[m.ID] {
		k := key{r.IndividualID, r.Name}
		if keep[k] {
			delete(keep, k) // what is left is to be added
			continue
		}
		if !a.Everyone() && !a.Owns(r.IndividualID) {
			return errs.Forbidden("the reactions of others cannot be changed")
		}
		if err := s.deleteReaction(ctx, e, r); err != nil {
			return err
		}
	}
	for _, r := range wanted {
		k := key{r.IndividualID, r.Name}
		if !keep[k] {
			continue
		}
		delete(keep, k)
		if !a.Everyone() && !a.Owns(r.IndividualID) {
			return errs.Forbidden("nobody reacts in the name of others")
		}
		r.MessageID, r.OrganizationID, r.CreatedAt = m.ID, e.OrganizationID, e.now
		if err := s.addReaction(ctx, e, r); err != nil {
			return err
		}
	}
	return nil
}
