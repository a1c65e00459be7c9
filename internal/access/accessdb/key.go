package accessdb

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

const keyColumns = "id, organization_id, user_id, name, role, scopes, created_at, expires_at, revoked_at, last_used_at"

func scanKey(r db.Row) (k access.Key, err error) {
	err = r.Scan(&k.ID, &k.OrganizationID, &k.UserID, &k.Name, (*string)(&k.Role), db.JSON{V: &k.Scopes},
		&k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.LastUsedAt)
	return k, err
}

// InsertKey implements access.Store.
func (s *Store) InsertKey(ctx context.Context, k access.Key) error {
	_, err := s.db.Q(ctx).Exec(ctx, `insert into api_keys (`+keyColumns+`) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`,
		k.ID, k.OrganizationID, k.UserID, k.Name, string(k.Role), db.JSON{V: k.Scopes}, k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt)
	if err != nil {
		return err
	}
	return s.PutSecrets(ctx, k.ID, k.Secrets)
}

// PutSecrets implements access.Store.
func (s *Store) PutSecrets(ctx context.Context, key id.ID, secrets []access.Secret) error {
	for _, secret := range secrets {
		if err := s.db.Q(ctx).Defer(ctx, `insert into api_key_secrets (id, key_id, secret_hash, created_at, expires_at, last_used_at)
			values ($1,$2,$3,$4,$5,$6) on conflict (id) do update set expires_at = excluded.expires_at`,
			secret.ID, key, secret.Hash, secret.CreatedAt, secret.ExpiresAt, secret.LastUsedAt); err != nil {
			return err
		}
	}
	return nil
}

// FindKey implements access.Store.
func (s *Store) FindKey(ctx context.Context, key id.ID) (access.Key, bool, error) {
	k, found, err := db.Find(ctx, s.db.Q(ctx), scanKey, "select "+keyColumns+" from api_keys where id = $1", key)
	if err != nil || !found {
		return k, false, err
	}
	keys := []access.Key{k}
	err = s.addSecrets(ctx, keys)
	return keys[0], true, err
}

// LockKey implements access.Store.
func (s *Store) LockKey(ctx context.Context, organization, key id.ID) (access.Key, error) {
	k, found, err := db.Find(ctx, s.db.Q(ctx), scanKey,
		"select "+keyColumns+" from api_keys where id = $1 and organization_id = $2"+s.db.ForUpdate(), key, organization)
	if err == nil && !found {
		err = errs.MissingRecord("key")
	}
	if err != nil {
		return access.Key{}, err
	}
	keys := []access.Key{k}
	err = s.addSecrets(ctx, keys)
	return keys[0], err
}

// addSecrets gives each key its secrets.
func (s *Store) addSecrets(ctx context.Context, keys []access.Key) error {
	at := make(map[id.ID]int, len(keys))
	ids := make([]id.ID, len(keys))
	for i, k := range keys {
		at[k.ID], ids[i] = i, k.ID
	}
	return db.Chunks(ids, 500, func(ids []id.ID) error {
		var args db.Args
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			var key id.ID
			var secret access.Secret
			err := r.Scan(&key, &secret.ID, &secret.Hash, &secret.CreatedAt, &secret.ExpiresAt, &secret.LastUsedAt)
			k := &keys[at[key]]
			k.Secrets = append(k.Secrets, secret)
			return err
		}, "select key_id, id, secret_hash, created_at, expires_at, last_used_at from api_key_secrets where key_id in ("+
			db.List(&args, ids)+") order by key_id, id desc", args...)
	})
}

// UpdateKey implements access.Store.
func (s *Store) UpdateKey(ctx context.Context, k access.Key) error {
	return s.db.Q(ctx).Defer(ctx, `update api_keys set name = $1, scopes = $2, expires_at = $3, revoked_at = $4
		where id = $5 and organization_id = $6`, k.Name, db.JSON{V: k.Scopes}, k.ExpiresAt, k.RevokedAt, k.ID, k.OrganizationID)
}

// ListKeys implements access.Store.
func (s *Store) ListKeys(ctx context.Context, organization id.ID, p page.Offset) (page.List[access.Key], error) {
	var (
		out page.List[access.Key]
		err error
	)
	out.Total, err = db.Get(ctx, s.db.Q(ctx), db.Scalar[int], "select count(*) from api_keys where organization_id = $1", organization)
	if err != nil {
		return out, err
	}
	out.Items, err = db.All(ctx, s.db.Q(ctx), scanKey, "select "+keyColumns+` from api_keys where organization_id = $1
		order by id desc limit $2 offset $3`, organization, p.Limit, p.Offset)
	if err != nil {
		return out, err
	}
	return out, s.addSecrets(ctx, out.Items)
}

// TouchKeys implements access.Store. The rows are locked in one order, or two nodes could wait for each other.
func (s *Store) TouchKeys(ctx context.Context, used map[access.Use]time.Time) error {
	order := slices.SortedFunc(maps.Keys(used), func(a, b access.Use) int {
		return cmp.Or(bytes.Compare(a.KeyID[:], b.KeyID[:]), bytes.Compare(a.SecretID[:], b.SecretID[:]))
	})
	return s.db.Do(ctx, func(ctx context.Context) error {
		for _, use := range order {
			if err := s.touch(ctx, "api_keys", use.KeyID, used[use]); err != nil {
				return err
			}
			if err := s.touch(ctx, "api_key_secrets", use.SecretID, used[use]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) touch(ctx context.Context, table string, row id.ID, at time.Time) error {
	return s.db.Q(ctx).Defer(ctx, "update "+table+` set last_used_at = $1
		where id = $2 and (last_used_at is null or last_used_at < $1)`, at, row)
}

// InsertToken implements access.Store.
func (s *Store) InsertToken(ctx context.Context, t access.Token, secretHash string) error {
	return s.db.Q(ctx).Defer(ctx, "insert into access_tokens (secret_hash, key_id, secret_id, scopes, created_at, expires_at) values ($1,$2,$3,$4,$5,$6)",
		secretHash, t.KeyID, t.SecretID, db.JSON{V: t.Scopes}, t.CreatedAt, t.ExpiresAt)
}

// FindToken implements access.Store.
func (s *Store) FindToken(ctx context.Context, secretHash string) (access.Token, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), func(r db.Row) (t access.Token, err error) {
		return t, r.Scan(&t.KeyID, &t.SecretID, db.JSON{V: &t.Scopes}, &t.CreatedAt, &t.ExpiresAt)
	}, "select key_id, secret_id, scopes, created_at, expires_at from access_tokens where secret_hash = $1", secretHash)
}

// DeleteTokens implements access.Store.
func (s *Store) DeleteTokens(ctx context.Context, key id.ID) error {
	return s.db.Q(ctx).Defer(ctx, "delete from access_tokens where key_id = $1", key)
}
