package messaging

import (
	"context"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Bookmark marks one message of a channel for one individual, who alone sees it.
type Bookmark struct {
	ID, OrganizationID, ChannelID, MessageID, IndividualID id.ID
	CreatedAt                                              time.Time
}

// bookmarks is what scopes call them.
const bookmarks resource = "messaging-bookmarks"

// What happens to bookmarks concerns one person: it is in the audit and not in the log.
const (
	bookmarkSet     = "messaging.bookmark.set"
	bookmarkDeleted = "messaging.bookmark.deleted"
)

// BookmarkQuery selects bookmarks. A zero id is no matter.
type BookmarkQuery struct{ OrganizationID, IndividualID, ChannelID id.ID }

// BookmarkStore keeps bookmarks.
type BookmarkStore interface {
	// PutBookmark stores a bookmark in place of the one that its individual has on the same message and, unless several, of
	// those that it has in the same channel.
	PutBookmark(ctx context.Context, b Bookmark, several bool) error
	GetBookmark(ctx context.Context, organization, bookmark id.ID) (Bookmark, error)
	DeleteBookmark(ctx context.Context, organization, bookmark id.ID) error
	// ListBookmarks returns bookmarks newest first and their Total.
	ListBookmarks(ctx context.Context, q BookmarkQuery, p page.Offset) (page.List[Bookmark], error)
	// FindBookmarks returns the newest bookmark of an individual in each channel that has one.
	FindBookmarks(ctx context.Context, organization, individual id.ID, channels []id.ID) (map[id.ID]Bookmark, error)
}

// SetBookmark marks a message for the individual that the actor speaks as. A channel holds one bookmark for an individual,
// so a second replaces the first, unless several. Marking a message again renews its bookmark.
//
// NotFound: no such channel, or no such message in it, for this actor. MessageDraft, MessageRemoved. Invalid: the actor speaks
// as nobody. One transaction.
func (s *Service) SetBookmark(ctx context.Context, channel, message id.ID, several bool) (Bookmark, error) {
	a, err := require(ctx, bookmarks, write)
	if err != nil {
		return Bookmark{}, err
	}
	if a.Individual().IsZero() {
		return Bookmark{}, errs.Forbidden("only a person has bookmarks, and this key is a machine's")
	}
	b := Bookmark{
		ID: id.New(), OrganizationID: a.OrganizationID, ChannelID: channel, MessageID: message, IndividualID: a.Individual(), CreatedAt: s.now(),
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.markable(ctx, channel, message); err != nil {
			return err
		}
		if err := s.store.PutBookmark(ctx, b, several); err != nil {
			return err
		}
		return s.auditBookmark(ctx, bookmarkSet, b)
	})
	return b, err
}

// markable tells whether the actor may mark a message of a channel.
func (s *Service) markable(ctx context.Context, channel, message id.ID) error {
	c, acting, err := s.readable(ctx, channel, id.Nil)
	if err != nil {
		return blame(err, "channel_id")
	}
	m, err := s.store.GetMessage(ctx, c.OrganizationID, message)
	if err != nil {
		return blame(err, "message_id")
	}
	if m.ChannelID != c.ID || visible(actor.From(ctx), acting, m) != nil {
		return errs.MissingRecord("message").At("message_id")
	}
	switch {
	case m.Draft:
		return draftError()
	case m.Removed():
		return MessageRemoved.Errorf("the message was removed")
	}
	return nil
}

func (s *Service) auditBookmark(ctx context.Context, what string, b Bookmark) error {
	return s.events.Audit(ctx, event.Change{OrganizationID: b.OrganizationID, Type: what, Subject: b.ID})
}

// GetBookmark returns a bookmark of the actor's; everyone may see anybody's.
func (s *Service) GetBookmark(ctx context.Context, bookmark id.ID) (Bookmark, error) {
	a, err := require(ctx, bookmarks, read)
	if err != nil {
		return Bookmark{}, err
	}
	return s.bookmark(ctx, a, bookmark)
}

func (s *Service) bookmark(ctx context.Context, a actor.Actor, bookmark id.ID) (Bookmark, error) {
	b, err := s.store.GetBookmark(ctx, a.OrganizationID, bookmark)
	if err == nil && !a.Everyone() && !a.Owns(b.IndividualID) {
		err = errs.MissingRecord("bookmark")
	}
	return b, err
}

// DeleteBookmark takes a bookmark away; who may see it may. One transaction.
func (s *Service) DeleteBookmark(ctx context.Context, bookmark id.ID) error {
	a, err := require(ctx, bookmarks, write)
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		b, err := s.bookmark(ctx, a, bookmark)
		if err != nil {
			return err
		}
		if err := s.store.DeleteBookmark(ctx, a.OrganizationID, bookmark); err != nil {
			return err
		}
		return s.auditBookmark(ctx, bookmarkDeleted, b)
	})
}

// ListBookmarks returns the bookmarks of the individual that the actor speaks as, in one channel or (Nil) in all, newest
// first; a machine is given those of everybody.
func (s *Service) ListBookmarks(ctx context.Context, channel id.ID, p page.Offset) (page.List[Bookmark], error) {
	a, err := require(ctx, bookmarks, read)
	if err != nil {
		return page.List[Bookmark]{}, err
	}
	q := BookmarkQuery{OrganizationID: a.OrganizationID, IndividualID: a.Individual(), ChannelID: channel}
	if q.IndividualID.IsZero() && !a.Everyone() {
		return page.List[Bookmark]{Items: []Bookmark{}}, nil
	}
	return s.store.ListBookmarks(ctx, q, p)
}
