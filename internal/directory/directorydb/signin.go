package directorydb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/directory"
)

// FindOrganizationsNamed implements directory.Store.
func (s *Store) FindOrganizationsNamed(ctx context.Context, name string, limit int) ([]directory.Organization, error) {
	return db.All(ctx, s.db.Q(ctx), scanOrganization, "select "+organizationColumns+
		" from organizations where lower(name) = lower(cast($1 as text)) and deleted_at is null order by id limit $2", name, limit)
}
