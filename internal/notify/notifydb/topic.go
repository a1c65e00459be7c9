package notifydb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/notify"
)

const topicColumns = "id, organization_id, key, name, description, created_at, updated_at"

func scanTopic(r db.Row) (t notify.Topic, err error) {
	return t, r.Scan(&t.ID, &t.OrganizationID, &t.Key, &t.Name, &t.Description, &t.CreatedAt, &t.UpdatedAt)
}

func topicRow(t notify.Topic) []any {
	return []any{t.ID, t.OrganizationID, t.Key, t.Name, t.Description, t.CreatedAt, t.UpdatedAt}
}

// AddTopics implements notify.Store.
func (s *Store) AddTopics(ctx context.Context, topics []notify.Topic) error {
	rows := make([][]any, len(topics))
	for i, t := range topics {
		rows[i] = topicRow(t)
	}
	return s.db.Do(ctx, func(ctx context.Context) error {
		return db.InsertMany(ctx, s.db, "notify_topics ("+topicColumns+")", rows, "on conflict do nothing")
	})
}

// InsertTopic implements notify.Store.
func (s *Store) InsertTopic(ctx context.Context, t notify.Topic) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into notify_topics ("+topicColumns+") values ($1,$2,$3,$4,$5,$6,$7)", topicRow(t)...)
	return err
}

// UpdateTopic implements notify.Store.
func (s *Store) UpdateTopic(ctx context.Context, t notify.Topic) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update notify_topics set key = $3, name = $4, description = $5, updated_at = $6
		where id = $1 and organization_id = $2`, t.ID, t.OrganizationID, t.Key, t.Name, t.Description, t.UpdatedAt)
	return changed(n, err, "topic")
}

// DeleteTopic implements notify.Store.
func (s *Store) DeleteTopic(ctx context.Context, organization, topic id.ID) error {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from notify_topics where id = $1 and organization_id = $2", topic, organization)
	return changed(n, err, "topic")
}

// GetTopic implements notify.Store.
func (s *Store) GetTopic(ctx context.Context, organization, topic id.ID) (notify.Topic, error) {
	t, err := db.Get(ctx, s.db.Q(ctx), scanTopic,
		"select "+topicColumns+" from notify_topics where id = $1 and organization_id = $2", topic, organization)
	return found(t, err, "topic")
}

// GetTopicByKey implements notify.Store.
func (s *Store) GetTopicByKey(ctx context.Context, organization id.ID, key string) (notify.Topic, error) {
	t, err := db.Get(ctx, s.db.Q(ctx), scanTopic,
		"select "+topicColumns+" from notify_topics where organization_id = $1 and key = $2", organization, key)
	return found(t, err, "topic")
}

// ListTopics implements notify.Store.
func (s *Store) ListTopics(ctx context.Context, organization id.ID) ([]notify.Topic, error) {
	return db.All(ctx, s.db.Q(ctx), scanTopic,
		"select "+topicColumns+" from notify_topics where organization_id = $1 order by key", organization)
}
