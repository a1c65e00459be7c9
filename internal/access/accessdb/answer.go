package accessdb

import (
	"context"
	"hash/fnv"
	"strings"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/db"
	"switchboard/internal/vault"
)

// answerBody is sealed because an answer may hold a secret that is shown once, such as a new key.
var answerBody = vault.Column{
	Table: "idempotency_keys", Name: "body", Key: []string{"organization_id", "key_id", "route", "idempotency_key"},
}

func placeOf(r access.Request) vault.Place {
	return answerBody.At(r.OrganizationID, r.KeyID.String(), r.Route, r.IdempotencyKey)
}

// about writes down what an answer names, for the rules of Personal.
func about(a access.Answer) string {
	var b strings.Builder
	for _, named := range a.About() {
		b.WriteString(named.String() + " ")
	}
	return b.String()
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
	var hash, body string
	a, found, err := db.Find(ctx, s.db.Q(ctx), func(row db.Row) (a access.Answer, err error) {
		return a, row.Scan(&hash, &a.Status, db.JSON{V: &a.Header}, &body)
	}, `select request_hash, status, header, body from idempotency_keys
		where organization_id = $1 and key_id = $2 and route = $3 and idempotency_key = $4 and created_at > $5`,
		r.OrganizationID, r.KeyID, r.Route, r.IdempotencyKey, since)
	if err != nil || !found {
		return a, hash, found, err
	}
	body, err = s.sealer.Open(placeOf(r), body)
	a.Body = []byte(body)
	return a, hash, true, err
}

// PutAnswer implements access.Store.
func (s *Store) PutAnswer(ctx context.Context, r access.Request, a access.Answer, at time.Time) error {
	body, err := s.sealer.Seal(placeOf(r), string(a.Body))
	if err != nil {
		return err
	}
	return s.db.Q(ctx).Defer(ctx, `insert into idempotency_keys
		(organization_id, key_id, route, idempotency_key, request_hash, status, header, body, about, created_at)
		values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)
		on conflict (organization_id, key_id, route, idempotency_key) do update set request_hash = excluded.request_hash,
		status = excluded.status, header = excluded.header, body = excluded.body, about = excluded.about,
		created_at = excluded.created_at`,
		r.OrganizationID, r.KeyID, r.Route, r.IdempotencyKey, r.Hash(), a.Status, db.JSON{V: a.Header}, body, about(a), at)
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
