package directorydb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/db/personal"
	"switchboard/internal/id"
)

// FindSubjects returns whose data an entity is: itself, and of a user its individuals before it; none when there is no row
// of it. Unlike everything else here it finds what was deleted too, because that is stored as well.
func (s *Store) FindSubjects(ctx context.Context, organization id.ID, kind personal.Kind, entity id.ID) ([]personal.Subject, error) {
	query, ok := map[personal.Kind]string{
		personal.Individual:   "select id from individuals where id = $1 and organization_id = $2",
		personal.Group:        "select id from individual_groups where id = $1 and organization_id = $2",
		personal.User:         "select id from users where id = $1 and organization_id = $2",
		personal.Organization: "select id from organizations where id = $1 and id = $2",
	}[kind]
	if !ok {
		return nil, nil
	}
	q := s.db.Q(ctx)
	found, err := db.All(ctx, q, db.Scalar[id.ID], query, entity, organization)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var out []personal.Subject
	if kind == personal.User {
		individuals, err := db.All(ctx, q, db.Scalar[id.ID],
			"select id from individuals where owner_id = $1 and owner_type = 'user' and organization_id = $2 order by id", entity, organization)
		if err != nil {
			return nil, err
		}
		for _, i := range individuals {
			out = append(out, personal.Subject{Kind: personal.Individual, ID: i, OrganizationID: organization})
		}
	}
	return append(out, personal.Subject{Kind: kind, ID: entity, OrganizationID: organization}), nil
}
