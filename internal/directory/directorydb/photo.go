package directorydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/directory/photo"
	"switchboard/internal/id"
)

// PutPhoto implements directory.Store.
func (s *Store) PutPhoto(ctx context.Context, organization, individual id.ID, p photo.Photo, at time.Time) error {
	if p.IsZero() {
		return s.db.Q(ctx).Defer(ctx, "delete from individual_photos where individual_id = $1 and organization_id = $2", individual, organization)
	}
	return s.db.Q(ctx).Defer(ctx, `insert into individual_photos (individual_id, organization_id, media_type, photo, modified_at)
		values ($1,$2,$3,$4,$5) on conflict (individual_id) do update set media_type = excluded.media_type, photo = excluded.photo,
		modified_at = excluded.modified_at`, individual, organization, p.MediaType, p.Bytes, at)
}

// FindPhoto implements directory.Store.
func (s *Store) FindPhoto(ctx context.Context, organization, individual id.ID) (photo.Photo, error) {
	p, _, err := db.Find(ctx, s.db.Q(ctx), func(r db.Row) (p photo.Photo, err error) {
		return p, r.Scan(&p.MediaType, &p.Bytes)
	}, "select media_type, photo from individual_photos where individual_id = $1 and organization_id = "+of("$2"), individual, organization)
	return p, err
}
