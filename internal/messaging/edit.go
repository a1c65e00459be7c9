package messaging

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// edit is one transaction on one channel: the row, which is locked, as it is to be stored, and what is to be told.
// Everything that happens in a channel goes through it but posting, which locks and counts in one statement.
type edit struct {
	Channel
	now     time.Time
	deleted bool
	changes []event.Change
	audited []event.Change // for the audit and not the log
}

// tell adds an entry to the channel's stream.
func (e *edit) tell(typ string, subject id.ID, data any) {
	e.StreamOffset++
	e.changes = append(e.changes, changeOf(e.Channel, typ, subject, data))
}

// changeOf is an entry with the channel's present offset.
func changeOf(c Channel, typ string, subject id.ID, data any) event.Change {
	return event.Change{
		OrganizationID: c.OrganizationID, Type: typ, Stream: c.ID, Offset: c.StreamOffset, Subject: subject, Data: data,
	}
}

// edit runs fn on a channel of the actor's organization and stores what it did. When fn changes and tells nothing,
// nothing is written. fn must decide by itself whether the actor may.
func (s *Service) edit(ctx context.Context, channel id.ID, fn func(ctx context.Context, e *edit) error) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		before, err := s.store.LockChannel(ctx, actor.From(ctx).OrganizationID, channel)
		if err != nil {
			return err
		}
		e := &edit{Channel: before, now: s.now()}
		if err := fn(ctx, e); err != nil {
			return err
		}
		if err := s.keepChannel(ctx, before, e); err != nil {
			return err
		}
		if len(e.audited) > 0 {
			if err := s.events.Audit(ctx, e.audited...); err != nil {
				return err
			}
		}
		if len(e.changes) == 0 {
			return nil
		}
		return s.events.Record(ctx, e.changes...)
	})
}

// keepChannel stores what differs of the row.
func (s *Service) keepChannel(ctx context.Context, before Channel, e *edit) error {
	if e.deleted || e.Channel == before {
		return nil
	}
	if before.StreamOffset = e.StreamOffset; e.Channel == before {
		return s.store.SetStreamOffset(ctx, e.OrganizationID, e.ID, e.StreamOffset)
	}
	return s.store.UpdateChannel(ctx, e.Channel)
}

// change is edit for callers who answer the channel as the actor then sees it.
func (s *Service) change(ctx context.Context, channel id.ID, fn func(ctx context.Context, e *edit) error) (View, error) {
	var after Channel
	err := s.edit(ctx, channel, func(ctx context.Context, e *edit) error {
		err := fn(ctx, e)
		after = e.Channel
		if err == nil && e.untold() { // nothing is different, but the channel is shown
			e.audit(channelRead, e.ID, nil, Looked{Count: 1, First: e.ID, Last: e.ID})
		}
		return err
	})
	if err != nil {
		return View{}, err
	}
	return s.view(ctx, after, actor.From(ctx).Individual())
}

// announce posts a line of the server's own. It takes the place behind the newest message, for which its identifier must
// be made under the channel's lock, and is never unread.
func (s *Service) announce(ctx context.Context, e *edit, people map[id.ID]directory.Individual, individuals []id.ID, what string) error {
	names, err := s.names(ctx, e.OrganizationID, people, individuals[:min(len(individuals), maxListed)])
	if err != nil {
		return err
	}
	m := Message{
		ID: id.New(), OrganizationID: e.OrganizationID, ChannelID: e.ID, Seq: e.MessageSeq, Source: FromSystem,
		Text:      sentence(names, len(individuals), what),
		CreatedAt: e.now, ModifiedAt: e.now, PostedAt: e.now, WrittenAt: e.now,
	}
	if err := s.store.InsertMessage(ctx, m); err != nil {
		return err
	}
	e.SystemCount++
	e.ModifiedAt, e.ActiveAt = e.now, e.now
	e.tell(EventPosted, m.ID, posted(m, e.GroupID))
	return nil
}

// maxListed bounds the names in a sentence.
const maxListed = 10

// names returns what individuals are called: by their names, else by the usernames of whom they belong to.
func (s *Service) names(ctx context.Context, organization id.ID, people map[id.ID]directory.Individual, individuals []id.ID) ([]string, error) {
	var unnamed []id.ID
	for _, i := range individuals {
		if user := people[i].UserID(); people[i].Name() == "" && !user.IsZero() {
			unnamed = append(unnamed, user)
		}
	}
	var users map[id.ID]directory.User
	if len(unnamed) > 0 {
		var err error
		if users, err = s.directory.Users(ctx, organization, unnamed); err != nil {
			return nil, err
		}
	}
	out := make([]string, len(individuals))
	for n, i := range individuals {
		out[n] = cmp.Or(people[i].Name(), users[people[i].UserID()].Username, "Somebody")
	}
	return out, nil
}

// sentence says what happened to a number of individuals, the first of whom have these names: "Ada Lovelace and Alan Turing
// were added to the conversation.".
func sentence(names []string, number int, what string) string {
	if more := number - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d others", more))
	}
	last := len(names) - 1
	if last == 0 {
		return names[0] + " was " + what + " the conversation."
	}
	return strings.Join(names[:last], ", ") + " and " + names[last] + " were " + what + " the conversation."
}

func archivedError() error { return ChannelArchived.Errorf("the channel is archived") }

// blame names the field that an error is about.
func blame(err error, path string) error {
	if errs.Is(err, errs.CodeNotFound) {
		return errs.MissingRecord(strings.ReplaceAll(strings.TrimSuffix(path, "_id"), "_", " ")).At(path)
	}
	return err
}

// missing is NotFound with every individual of a request that does not exist.
func missing(named []id.ID, found map[id.ID]directory.Individual) error {
	var out *errs.Error
	for i, n := range named {
		if _, ok := found[n]; ok {
			continue
		}
		if out == nil {
			out = errs.MissingRecord("individual")
		}
		out = out.At(fmt.Sprintf("individual_ids[%d]", i))
	}
	if out == nil {
		return nil
	}
	return out
}

// unrepeated returns each identifier once, in the order in which they first come.
func unrepeated(ids []id.ID) []id.ID {
	out := make([]id.ID, 0, len(ids))
	seen := make(map[id.ID]bool, len(ids))
	for _, i := range ids {
		if !i.IsZero() && !seen[i] {
			seen[i] = true
			out = append(out, i)
		}
	}
	return out
}

func setOf(ids []id.ID) map[id.ID]bool {
	out := make(map[id.ID]bool, len(ids))
	for _, i := range ids {
		out[i] = true
	}
	return out
}
