package deliverydb

import (
	"context"
	"encoding/json"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/delivery"
	"switchboard/internal/id"
)

// Insert implements delivery.PlanStore.
func (s *Store) Insert(ctx context.Context, c delivery.Content, deliveries []delivery.Delivery) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		data := c.Data
		if data == nil {
			data = map[string]any{}
		}
		err := s.q(ctx).Defer(ctx, `insert into delivery_contents
			(id, organization_id, source_type, source_id, title, body, data, urgent, followed, expires_at, at, deliveries, created_at)
			values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)`,
			c.ID, c.OrganizationID, c.Source.Type, c.Source.ID, c.Title, c.Body, db.JSON{V: data}, c.Urgent, c.Followed,
			c.ExpiresAt, c.At, len(deliveries), deliveries[0].CreatedAt)
		if err != nil {
			return err
		}
		if s.db.Dialect() == db.SQLite {
			return s.insertJSON(ctx, c, deliveries)
		}
		rows := make([][]any, len(deliveries))
		for i, d := range deliveries {
			rows[i] = []any{
				d.ID, c.OrganizationID, c.ID, d.GroupID, d.UserID, d.IndividualID, string(d.Transport), string(d.State),
				string(d.Reason), d.DueAt, d.CreatedAt, d.UpdatedAt,
			}
		}
		return db.InsertMany(ctx, s.db, `deliveries (id, organization_id, content_id, group_id, user_id, individual_id, transport, state,
			reason, due_at, created_at, updated_at)`, rows, "")
	})
}

// Expire implements delivery.PlanStore.
func (s *Store) Expire(ctx context.Context, organization id.ID, src delivery.Source, at time.Time) error {
	return s.q(ctx).Defer(ctx, `update delivery_contents set expires_at = $1 where source_id = $2 and source_type = $3
		and `+db.Checked("organization_id")+` = $4 and (expires_at is null or expires_at > $1)`, at, src.ID, src.Type, organization)
}

// Reword implements delivery.PlanStore.
func (s *Store) Reword(ctx context.Context, content, replacement id.ID, body string, deliveries []id.ID) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		q := s.q(ctx)
		if err := q.Defer(ctx, `insert into delivery_contents
			(id, organization_id, source_type, source_id, title, body, data, urgent, followed, expires_at, at, deliveries, created_at)
			select $1, organization_id, source_type, source_id, title, $2, data, urgent, followed, expires_at, at, $3, created_at
			from delivery_contents where id = $4`, replacement, body, len(deliveries), content); err != nil {
			return err
		}
		err := byID(deliveries, []any{replacement, content}, func(list string, args []any) error {
			return q.Defer(ctx, "update deliveries set content_id = $1 where content_id = $2 and id in ("+list+")", args...)
		})
		if err != nil {
			return err
		}
		if err := q.Defer(ctx, "update delivery_contents set deliveries = deliveries - $1 where id = $2", len(deliveries), content); err != nil {
			return err
		}
		return q.Defer(ctx, "delete from delivery_contents where id = $1 and not exists (select 1 from deliveries where content_id = $1)", content)
	})
}

// insertMany is Insert's bulk for SQLite: one array for each row, and what they share beside it.
const insertMany = `insert into deliveries (id, organization_id, content_id, group_id, user_id, individual_id, transport, state, reason,
		due_at, created_at, updated_at)
	select value->>0, $1, $2, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, $3, $3 from json_each($4)`

// perDocument bounds how many rows stand in one JSON document.
const perDocument = 2000

func (s *Store) insertJSON(ctx context.Context, c delivery.Content, deliveries []delivery.Delivery) error {
	return db.Chunks(deliveries, perDocument, func(part []delivery.Delivery) error {
		rows := make([][8]any, len(part))
		for i, d := range part {
			rows[i] = [8]any{d.ID, optional(d.GroupID), optional(d.UserID), optional(d.IndividualID), d.Transport, d.State, d.Reason, nil}
			if !d.DueAt.IsZero() {
				rows[i][7] = d.DueAt.UnixMicro()
			}
		}
		raw, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		return s.q(ctx).Defer(ctx, insertMany, c.OrganizationID, c.ID, part[0].CreatedAt, string(raw))
	})
}

func optional(i id.ID) any {
	if i.IsZero() {
		return nil
	}
	return i
}
