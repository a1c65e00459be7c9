package messagingdb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

// InsertReaction implements messaging.Store.
func (s *Store) InsertReaction(ctx context.Context, r messaging.Reaction) (bool, error) {
	n, err := s.db.Q(ctx).Exec(ctx, `insert into reactions (message_id, individual_id, name, organization_id, created_at)
		values ($1,$2,$3,$4,$5) on conflict (message_id, individual_id, name) do nothing`,
		r.MessageID, r.IndividualID, r.Name, r.OrganizationID, r.CreatedAt)
	return n > 0, err
}

// DeleteReaction implements messaging.Store.
func (s *Store) DeleteReaction(ctx context.Context, r messaging.Reaction) (bool, error) {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from reactions where message_id = $1 and individual_id = $2 and name = $3 and organization_id = $4",
		r.MessageID, r.IndividualID, r.Name, r.OrganizationID)
	return n > 0, err
}

// FindReactions implements messaging.Store.
func (s *Store) FindReactions(ctx context.Context, organization id.ID, list []id.ID) (map[id.ID][]messaging.Reaction, error) {
	out := map[id.ID][]messaging.Reaction{}
	err := db.Chunks(list, chunk, func(list []id.ID) error {
		var w db.Where
		w.And("organization_id = %s", organization)
		w.Raw("message_id in (" + db.List(&w.Args, list) + ")")
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			var v messaging.Reaction
			err := r.Scan(&v.MessageID, &v.IndividualID, &v.OrganizationID, &v.Name, &v.CreatedAt)
			out[v.MessageID] = append(out[v.MessageID], v)
			return err
		}, `select message_id, individual_id, organization_id, name, created_at from reactions`+w.String()+
			" order by created_at, individual_id, name", w.Args...)
	})
	return out, err
}
