package directorydb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

const organizationColumns = "id, name, display_name, timezone, locale, classification, provider_type, created_at, modified_at"

func scanOrganization(r db.Row) (directory.Organization, error) {
	var o directory.Organization
	err := r.Scan(&o.ID, &o.Name, &o.DisplayName, &o.Timezone, &o.Locale, &o.Classification, &o.ProviderType, &o.CreatedAt, &o.ModifiedAt)
	return o, err
}

// InsertOrganization implements directory.Store.
func (s *Store) InsertOrganization(ctx context.Context, o directory.Organization) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into organizations ("+organizationColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
		o.ID, o.Name, o.DisplayName, o.Timezone, o.Locale, o.Classification, o.ProviderType, o.CreatedAt, o.ModifiedAt)
	return err
}

// UpdateOrganization implements directory.Store.
func (s *Store) UpdateOrganization(ctx context.Context, o directory.Organization) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update organizations set name = $2, display_name = $3, timezone = $4, locale = $5,
		classification = $6, provider_type = $7, modified_at = $8 where id = $1 and deleted_at is null`,
		o.ID, o.Name, o.DisplayName, o.Timezone, o.Locale, o.Classification, o.ProviderType, o.ModifiedAt)
	return must(n, err, "organization")
}

// DeleteOrganization implements directory.Store.
func (s *Store) DeleteOrganization(ctx context.Context, organization id.ID, at time.Time) error {
	n, err := s.db.Q(ctx).Exec(ctx, "update organizations set deleted_at = $2 where id = $1 and deleted_at is null", organization, at)
	return must(n, err, "organization")
}

// GetOrganization implements directory.Store.
func (s *Store) GetOrganization(ctx context.Context, organization id.ID) (directory.Organization, error) {
	return s.organization(ctx, organization, "")
}

// WalkOrganizations implements directory.Store.
func (s *Store) WalkOrganizations(ctx context.Context, w directory.Walk) ([]directory.Organization, error) {
	var where db.Where
	where.Raw("deleted_at is null")
	if !w.After.IsZero() {
		where.And("id > %s", w.After)
	}
	args := where.Args
	query := "select " + organizationColumns + " from organizations" + where.String() + " order by id limit " + args.Add(w.Limit) + " offset " + args.Add(w.Skip)
	return db.All(ctx, s.db.Q(ctx), scanOrganization, query, args...)
}

// LockOrganization implements directory.Store.
func (s *Store) LockOrganization(ctx context.Context, organization id.ID) (directory.Organization, error) {
	return s.organization(ctx, organization, s.db.ForUpdate())
}

func (s *Store) organization(ctx context.Context, organization id.ID, tail string) (directory.Organization, error) {
	o, err := db.Get(ctx, s.db.Q(ctx), scanOrganization,
		"select "+organizationColumns+" from organizations where id = $1 and deleted_at is null"+tail, organization)
	return o, must(1, err, "organization")
}
