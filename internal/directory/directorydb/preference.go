package directorydb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// PutPreference implements directory.Store.
func (s *Store) PutPreference(ctx context.Context, p directory.OrgPreference) error {
	return s.db.Q(ctx).Defer(ctx, `insert into org_preferences (organization_id, name, type, value, value_js, created_at) values ($1,$2,$3,$4,$5,$6)
		on conflict (organization_id, name) do update set type = excluded.type, value = excluded.value, value_js = excluded.value_js,
		created_at = excluded.created_at`,
		p.OrganizationID, string(p.Name), string(p.Type), p.Value, db.JSON{V: p.Texts}, p.CreatedAt)
}

// DeletePreference implements directory.Store.
func (s *Store) DeletePreference(ctx context.Context, organization id.ID, name directory.PreferenceName) error {
	return s.db.Q(ctx).Defer(ctx, "delete from org_preferences where organization_id = $1 and name = $2", organization, string(name))
}

// FindPreferences implements directory.Store.
func (s *Store) FindPreferences(ctx context.Context, organization id.ID) (map[directory.PreferenceName]directory.OrgPreference, error) {
	out := map[directory.PreferenceName]directory.OrgPreference{}
	err := s.db.Q(ctx).Query(ctx, func(r db.Row) error {
		p := directory.OrgPreference{OrganizationID: organization, Explicit: true}
		err := r.Scan((*string)(&p.Name), (*string)(&p.Type), &p.Value, &db.JSON{V: &p.Texts}, &p.CreatedAt)
		p.ID = directory.PreferenceID(organization, p.Name)
		out[p.Name] = p
		return err
	}, "select name, type, value, value_js, created_at from org_preferences where organization_id = "+of("$1"), organization)
	return out, err
}
