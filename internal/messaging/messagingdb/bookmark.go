package messagingdb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
	"switchboard/internal/page"
)

const bookmarkColumns = "id, organization_id, channel_id, message_id, individual_id, created_at"

func scanBookmark(r db.Row) (b messaging.Bookmark, err error) {
	return b, r.Scan(&b.ID, &b.OrganizationID, &b.ChannelID, &b.MessageID, &b.IndividualID, &b.CreatedAt)
}

// PutBookmark implements messaging.Store.
func (s *Store) PutBookmark(ctx context.Context, b messaging.Bookmark, several bool) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		q := s.db.Q(ctx)
		replaced, about := "message_id = $1", b.MessageID
		if !several {
			replaced, about = "channel_id = $1", b.ChannelID
		}
		if err := q.Defer(ctx, "delete from bookmarks where "+replaced+" and individual_id = $2 and organization_id = $3",
			about, b.IndividualID, b.OrganizationID); err != nil {
			return err
		}
		return q.Defer(ctx, "insert into bookmarks ("+bookmarkColumns+") values ($1,$2,$3,$4,$5,$6)",
			b.ID, b.OrganizationID, b.ChannelID, b.MessageID, b.IndividualID, b.CreatedAt)
	})
}

// GetBookmark implements messaging.Store.
func (s *Store) GetBookmark(ctx context.Context, organization, bookmark id.ID) (messaging.Bookmark, error) {
	b, err := db.Get(ctx, s.db.Q(ctx), scanBookmark,
		"select "+bookmarkColumns+" from bookmarks where id = $1 and organization_id = $2", bookmark, organization)
	return b, must(err, "bookmark")
}

// DeleteBookmark implements messaging.Store.
func (s *Store) DeleteBookmark(ctx context.Context, organization, bookmark id.ID) error {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from bookmarks where id = $1 and organization_id = $2", bookmark, organization)
	return changed(n, err, "bookmark")
}

// ListBookmarks implements messaging.Store.
func (s *Store) ListBookmarks(ctx context.Context, q messaging.BookmarkQuery, p page.Offset) (page.List[messaging.Bookmark], error) {
	var w db.Where
	organization := "organization_id"
	if !q.IndividualID.IsZero() || !q.ChannelID.IsZero() {
		organization = db.Checked(organization)
	}
	w.And(organization+" = %s", q.OrganizationID)
	if !q.IndividualID.IsZero() {
		w.And("individual_id = %s", q.IndividualID)
	}
	if !q.ChannelID.IsZero() {
		w.And("channel_id = %s", q.ChannelID)
	}
	total, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select count(*) from bookmarks"+w.String(), w.Args...)
	if err != nil {
		return page.List[messaging.Bookmark]{}, err
	}
	query := "select " + bookmarkColumns + " from bookmarks" + w.String() + " order by id desc limit " + w.Args.Add(p.Limit) +
		" offset " + w.Args.Add(p.Offset)
	items, err := db.All(ctx, s.db.Q(ctx), scanBookmark, query, w.Args...)
	return page.List[messaging.Bookmark]{Items: items, Total: int(total)}, err
}

// FindBookmarks implements messaging.Store.
func (s *Store) FindBookmarks(ctx context.Context, organization, individual id.ID, channels []id.ID) (map[id.ID]messaging.Bookmark, error) {
	out := map[id.ID]messaging.Bookmark{}
	if individual.IsZero() {
		return out, nil
	}
	err := db.Chunks(channels, chunk, func(channels []id.ID) error {
		var w db.Where
		w.And(db.Checked("organization_id")+" = %s", organization)
		w.And("individual_id = %s", individual)
		w.Raw("channel_id in (" + db.List(&w.Args, channels) + ")")
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			b, err := scanBookmark(r)
			out[b.ChannelID] = b // the newest comes last
			return err
		}, "select "+bookmarkColumns+" from bookmarks"+w.String()+" order by id", w.Args...)
	})
	return out, err
}
