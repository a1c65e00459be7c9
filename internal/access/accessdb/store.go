// Package accessdb keeps keys, tokens and answers in SQL; it implements access.Store.
package accessdb

import (
	"context"
	"hash/fnv"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/db"
	"switchboard/internal/id"
)

// Store is access.Store on a database.
type Store struct{ db *db.DB }

// New returns a store on d.
func New(d *db.DB) *Store { return &Store{d} }

var _ access.Store = (*Store)(nil)

const keyColumns = "id, organization_id, user_id, name, role, scopes, created_at, expires_at, revoked_at, last_used_at"

func scanKey(r db.Row, more ...any) (k access.Key, err error) {
	err = r.Scan(append([]any{
		&k.ID, &k.OrganizationID, &k.UserID, &k.Name, (*string)(&k.Role),
		db.JSON{V: &k.Scopes},
		&k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.LastUsedAt,
	}, more...)...)
	return k, err
}

// InsertKey implements access.Store.
func (s *Store) InsertKey(ctx context.Context, k access.Key, secretHash string) error {
	return s.db.Q(ctx).Defer(ctx, `insert into api_keys (`+keyColumns+`, secret_hash) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`,
		k.ID, k.OrganizationID, k.UserID, k.Name, string(k.Role), db.JSON{V: k.Scopes}, k.CreatedAt, k.ExpiresAt, k.RevokedAt,
		k.LastUsedAt, secretHash)
}

// FindKey implements access.Store.
func (s *Store) FindKey(ctx context.Context, key id.ID) (access.Key, string, bool, error) {
	var secretHash string
	k, found, err := db.Find(ctx, s.db.Q(ctx), func(r db.Row) (access.Key, error) { return scanKey(r, &secretHash) },
		"select "+keyColumns+", secret_hash from api_keys where id = $1", key)
	return k, secretHash, found, err
}

// ListKeys implements access.Store.
func (s *Store) ListKeys(ctx context.Context, organization id.ID) ([]access.Key, error) {
	var w db.Where
	if !organization.IsZero() {
		w.And("organization_id = %s", organization)
	}
	return db.All(ctx, s.db.Q(ctx), func(r db.Row) (access.Key, error) { return scanKey(r) },
		"select "+keyColumns+" from api_keys"+w.String()+" order by id desc", w.Args...)
}

// RevokeKey implements access.Store.
func (s *Store) RevokeKey(ctx context.Context, organization, key id.ID, at time.Time) (bool, error) {
	n, err := s.db.Q(ctx).Exec(ctx, "update api_keys set revoked_at = $1 where id = $2 and organization_id = $3 and revoked_at is null",
		at, key, organization)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = s.db.Q(ctx).Exec(ctx, "delete from access_tokens where key_id = $1", key)
	return true, err
}

// TouchKeys implements access.Store.
func (s *Store) TouchKeys(ctx context.Context, used map[id.ID]time.Time) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		for key, at := range used {
			if err := s.db.Q(ctx).Defer(ctx, `update api_keys set last_used_at = $1
				where id = $2 and (last_used_at is null or last_used_at < $1)`, at, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// InsertToken implements access.Store.
func (s *Store) InsertToken(ctx context.Context, t access.Token, secretHash string) error {
	return s.db.Q(ctx).Defer(ctx, "insert into access_tokens (secret_hash, key_id, scopes, created_at, expires_at) values ($1,$2,$3,$4,$5)",
		secretHash, t.KeyID, db.JSON{V: t.Scopes}, t.CreatedAt, t.ExpiresAt)
}

// FindToken implements access.Store.
func (s *Store) FindToken(ctx context.Context, secretHash string) (access.Token, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), func(r db.Row) (t access.Token, err error) {
		return t, r.Scan(&t.KeyID, db.JSON{V: &t.Scopes}, &t.CreatedAt, &t.ExpiresAt)
	}, "select key_id, scopes, created_at, expires_at from access_tokens where secret_hash = $1", secretHash)
}

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
	return answers + tokens, err
}
