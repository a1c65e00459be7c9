package messagingtest

import (
	"testing"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

func bookmarkIDs(list []messaging.Bookmark) []id.ID {
	return ids(list, func(b messaging.Bookmark) id.ID { return b.ID })
}

func bookmarks(t *testing.T, s suite) {
	ann, bob := id.New(), id.New()
	c, other := s.create(t, s.channel(), ann, bob), s.create(t, s.channel(), ann)
	first, second, elsewhere := s.post(t, c, ann, ""), s.post(t, c, ann, ""), s.post(t, other, ann, "")
	put := func(m messaging.Message, who id.ID, several bool) messaging.Bookmark {
		t.Helper()
		b := messaging.Bookmark{ID: id.New(), OrganizationID: s.org, ChannelID: m.ChannelID, MessageID: m.ID, IndividualID: who, CreatedAt: at}
		must(t, s.PutBookmark(t.Context(), b, several))
		return b
	}
	list := func(q messaging.BookmarkQuery) []id.ID {
		t.Helper()
		q.OrganizationID = s.org
		l, err := s.ListBookmarks(t.Context(), q, page.Offset{Limit: 10})
		must(t, err)
		same(t, "total", l.Total, len(l.Items))
		return bookmarkIDs(l.Items)
	}

	bobs, afar := put(first, bob, false), put(elsewhere, ann, false)
	moved := put(first, ann, false)
	a := put(second, ann, false)
	same(t, "a second one moves the first", list(messaging.BookmarkQuery{IndividualID: ann}), []id.ID{a.ID, afar.ID})
	_, err := s.GetBookmark(t.Context(), s.org, moved.ID)
	wantCode(t, "the one that was moved", err, errs.CodeNotFound)

	b := put(first, ann, true)
	same(t, "several", list(messaging.BookmarkQuery{IndividualID: ann, ChannelID: c.ID}), []id.ID{b.ID, a.ID})
	again := put(first, ann, true)
	same(t, "the same message again", list(messaging.BookmarkQuery{IndividualID: ann, ChannelID: c.ID}), []id.ID{again.ID, a.ID})
	same(t, "everybody's", list(messaging.BookmarkQuery{}), []id.ID{again.ID, a.ID, afar.ID, bobs.ID})

	got, err := s.GetBookmark(t.Context(), s.org, again.ID)
	must(t, err)
	same(t, "bookmark", got, again)
	newest, err := s.FindBookmarks(t.Context(), s.org, ann, []id.ID{c.ID, other.ID, id.New()})
	must(t, err)
	same(t, "newest", newest, map[id.ID]messaging.Bookmark{c.ID: again, other.ID: afar})

	_, err = s.GetBookmark(t.Context(), id.New(), again.ID)
	wantCode(t, "for another organization", err, errs.CodeNotFound)
	wantCode(t, "deleting another organization's", s.DeleteBookmark(t.Context(), id.New(), again.ID), errs.CodeNotFound)
	must(t, s.DeleteBookmark(t.Context(), s.org, again.ID))
	wantCode(t, "deleting twice", s.DeleteBookmark(t.Context(), s.org, again.ID), errs.CodeNotFound)
	must(t, s.DeleteChannel(t.Context(), s.org, c.ID))
	same(t, "what a channel's end leaves", list(messaging.BookmarkQuery{}), []id.ID{afar.ID})
}
