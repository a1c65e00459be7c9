package directorydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

const siteColumns = "id, organization_id, name, address, timezone, tags, metadata, created_at, modified_at"

func scanSite(r db.Row) (directory.Site, error) {
	var s directory.Site
	err := r.Scan(&s.ID, &s.OrganizationID, &s.Name, &s.Address, &s.Timezone, &db.JSON{V: &s.Tags}, &db.JSON{V: &s.Metadata},
		&s.CreatedAt, &s.ModifiedAt)
	return s, err
}

// InsertSite implements directory.Store.
func (s *Store) InsertSite(ctx context.Context, v directory.Site) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into sites ("+siteColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
		v.ID, v.OrganizationID, v.Name, v.Address, v.Timezone, db.JSON{V: v.Tags}, db.JSON{V: v.Metadata}, v.CreatedAt, v.ModifiedAt)
	return err
}

// UpdateSite implements directory.Store.
func (s *Store) UpdateSite(ctx context.Context, v directory.Site) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update sites set name = $3, address = $4, timezone = $5, tags = $6, metadata = $7, modified_at = $8
		where id = $1 and organization_id = $2 and deleted_at is null`,
		v.ID, v.OrganizationID, v.Name, v.Address, v.Timezone, db.JSON{V: v.Tags}, db.JSON{V: v.Metadata}, v.ModifiedAt)
	return must(n, err, "site")
}

// DeleteSite implements directory.Store.
func (s *Store) DeleteSite(ctx context.Context, organization, site id.ID, at time.Time) error {
	n, err := s.db.Q(ctx).Exec(ctx, "update sites set deleted_at = $3 where id = $1 and organization_id = $2 and deleted_at is null",
		site, organization, at)
	return must(n, err, "site")
}

// LockSite implements directory.Store.
func (s *Store) LockSite(ctx context.Context, organization, site id.ID) (directory.Site, error) {
	v, err := db.Get(ctx, s.db.Q(ctx), scanSite, "select "+siteColumns+
		" from sites where id = $1 and organization_id = "+of("$2")+" and deleted_at is null"+s.db.ForUpdate(), site, organization)
	return v, must(1, err, "site")
}

// FindSites implements directory.Store.
func (s *Store) FindSites(ctx context.Context, organization id.ID, sites []id.ID) (map[id.ID]directory.Site, error) {
	out := make(map[id.ID]directory.Site, len(sites))
	err := find(ctx, s, organization, sites, scanSite, "select "+siteColumns+" from sites", "",
		func(v directory.Site) { out[v.ID] = v })
	return out, err
}

// ListSites implements directory.Store.
func (s *Store) ListSites(ctx context.Context, organization id.ID) ([]directory.Site, error) {
	return db.All(ctx, s.db.Q(ctx), scanSite, "select "+siteColumns+
		" from sites where organization_id = "+of("$1")+" and deleted_at is null order by id desc", organization)
}
