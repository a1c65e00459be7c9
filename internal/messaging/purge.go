package messaging

import (
	"context"

	"switchboard/internal/actor"
	"switchboard/internal/id"
)

// purgePage is how many messages are silenced in one transaction.
const purgePage = 100

// Silence blanks everything that an individual of the actor's organization has said, as removing does but for good: readers
// and live clients are told, and no history keeps the texts. What the log had of them is for the caller to redact, and so are
// earlier versions. Doing it again does what is left. It checks no permission: it is for the purge of a person's data.
func (s *Service) Silence(ctx context.Context, individual id.ID) error {
	organization := actor.From(ctx).OrganizationID
	for {
		list, err := s.store.ListAuthored(ctx, organization, individual, purgePage)
		if err != nil || len(list) == 0 {
			return err
		}
		channel := list[0].ChannelID
		err = s.edit(ctx, channel, func(ctx context.Context, e *edit) error {
			for _, m := range list {
				if m.ChannelID != channel {
					continue
				}
				if err := s.silence(ctx, e, m.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func (s *Service) silence(ctx context.Context, e *edit, message id.ID) error {
	m, err := s.store.GetMessage(ctx, e.OrganizationID, message) // as it is under the lock
	if err != nil {
		return err
	}
	known := m.Removed()
	m.Text, m.ModifiedAt = "", e.now
	if known {
		return s.store.UpdateMessage(ctx, m)
	}
	m.RemovedAt = e.now
	if err := s.takeBack(ctx, m); err != nil || m.Draft {
		return err
	}
	e.ModifiedAt = e.now
	if e.PinnedMessageID == m.ID {
		e.PinnedMessageID = id.Nil
	}
	e.tell(EventRemoved, m.ID, Gone{ChannelID: e.ID, MessageID: m.ID, Removed: true, Purged: true})
	return nil
}

// CloseGroup tells the followers of every channel of a group that it is gone, and archives it, so that nobody posts in it
// while its rows are removed. It checks no permission, as Silence.
func (s *Service) CloseGroup(ctx context.Context, group id.ID) error {
	organization := actor.From(ctx).OrganizationID
	list, err := s.store.ListOfGroup(ctx, organization, group)
	if err != nil {
		return err
	}
	for _, channel := range list {
		err := s.edit(ctx, channel, func(_ context.Context, e *edit) error {
			if e.Archived() {
				return nil
			}
			e.ArchivedAt, e.ModifiedAt = e.now, e.now
			e.tell(ChannelDeleted, e.ID, Gone{ChannelID: e.ID, Removed: true, Purged: true})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
