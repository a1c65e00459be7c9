package accessdb

import (
	"context"
	"hash/fnv"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/db"
)

// LockAnswer implements access.Store. SQLite's one writer is lock enough.
func (s *Store) LockAnswer(ctx context.Context, r access.Request) (bool, error) {
	if s.db.Dialect() != db.Postgres {
		return true, nil
	}
	h := fnv.New64a()
	for _, part := range []string{r.OrganizationID.String(), r.KeyID.String(), r.Route, r.IdempotencyKey} {
		_, _ = h.Write(append([]byte(part), 0))
	}
	return db.Get(ctx, s.db.Q(ctx), db.Scalar[bool], "select pg_try_advisory_xact_lock($1)", int64(h.Sum64()))
}

// FindAnswer implements access.Store.
func (s *Store) FindAnswer(ctx context.Context, r access.Request, since time.Time) (access.Answer, string, bool, error) {
	var hash string
	a, found, err := db.Find(ctx, s.db.Q(ctx), func(row db.Row) (a access.Answer, err error) {
		var body string
		err = row.Scan(&hash, &a.Status, db.JSON{V: &a.Header}, &body)
		a.Body = []byte(body)
		return a, err
	}, `select request_hash, status, header, body from idempotency_keys
		where organization_id = $1 and key_id = $2 and route = $3 and idempotency_key = $4 and created_at > $5`,
		r.OrganizationID, r.KeyID, r.Route, r.IdempotencyKey, since)
	return a, hash, found, err
}

// PutAnswer implements access.Store.
func (s *Store) PutAnswer(ctx context.Context, r access.Request, a access.Answer, at time.Time) error {
	return s.db.Q(ctx).Defer(ctx, `insert into idempotency_keys
		(organization_id, key_id, route, idempotency_key, request_hash, status, header, body, created_at)
		values ($1,$2,$3,$4,$5,$6,$7,$8,$9)
		on conflict (organization_id, key_id, route, idempotency_key) do update set request_hash = excluded.request_hash,
		status = excluded.status, header = excluded.header, body = excluded.body, created_at = excluded.created_at`,
		r.OrganizationID, r.KeyID, r.Route, r.IdempotencyKey, r.Hash(), a.Status, db.JSON{V: a.Header}, string(a.Body), at)
}

// Prune implements access.Store.
func (s *Store) Prune(ctx context.Context, answersBefore, tokensBefore time.Time) (int64, error) {
	answers, err := s.db.Q(ctx).Exec(ctx, "delete from idempotency_keys where created_at < $1", answersBefore)
	if err != nil {
		return 0, err
	}
	tokens, err := s.db.Q(ctx).Exec(ctx, "delete from access_tokens where expires_at < $1", tokensBefore)
	if err != nil {
		return 0, err
	}
	users, err := s.db.Q(ctx).Exec(ctx, "delete from user_tokens where expires_at < $1", tokensBefore)
	if err != nil {
		return 0, err
	}
	_, err = s.db.Q(ctx).Exec(ctx, "delete from api_key_secrets where expires_at < $1", answersBefore)
	return answers + tokens + users, err
}
