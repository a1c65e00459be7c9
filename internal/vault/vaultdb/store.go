// Package vaultdb keeps in SQL what the vault knows of its keys, and goes over the sealed columns of every table. It is the one
// place that reads tables of other contexts, and then only the columns that they declared, by their names; what is in them it
// cannot read.
package vaultdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/vault"
)

// Store is vault.Store on a database.
type Store struct{ db *db.DB }

// New returns a store on d.
func New(d *db.DB) *Store { return &Store{d} }

var _ vault.Store = (*Store)(nil)

// Lock implements vault.Store. SQLite's one writer is lock enough.
func (s *Store) Lock(ctx context.Context) error {
	if s.db.Dialect() != db.Postgres {
		return nil
	}
	_, err := s.db.Q(ctx).Exec(ctx, "lock table vault_keys in exclusive mode")
	return err
}

// Keys implements vault.Store.
func (s *Store) Keys(ctx context.Context) ([]vault.KeyRecord, error) {
	return db.All(ctx, s.db.Q(ctx), func(r db.Row) (k vault.KeyRecord, err error) {
		return k, r.Scan((*string)(&k.ID), &k.Proof, &k.CreatedAt, &k.RetiredAt)
	}, "select id, proof, created_at, retired_at from vault_keys order by created_at, id")
}

// UseKey implements vault.Store.
func (s *Store) UseKey(ctx context.Context, k vault.KeyRecord) error {
	q := s.db.Q(ctx)
	if _, err := q.Exec(ctx, "update vault_keys set retired = $1, retired_at = $2 where not retired", true, k.CreatedAt); err != nil {
		return err
	}
	_, err := q.Exec(ctx, "insert into vault_keys (id, proof, retired, created_at, retired_at) values ($1,$2,$3,$4,$5)",
		string(k.ID), k.Proof, false, k.CreatedAt, time.Time{})
	return err
}

// DropKey implements vault.Store.
func (s *Store) DropKey(ctx context.Context, key vault.KeyID) error {
	_, err := s.db.Q(ctx).Exec(ctx, "delete from vault_keys where id = $1", string(key))
	return err
}

// Values implements vault.Store.
func (s *Store) Values(ctx context.Context, c vault.Column, notBy vault.KeyID, after []string, limit int) ([]vault.Value, error) {
	var w db.Where
	w.Raw(c.Name + " <> ''")
	w.And(c.Name+" not like %s", vault.SealedWith(notBy)+"%")
	if after != nil {
		w.Raw("(" + strings.Join(c.Key, ",") + ") > (" + db.List(&w.Args, after) + ")")
	}
	columns := make([]string, 0, len(c.Key)+2)
	columns = append(columns, c.Name, "''")
	if !c.Global {
		columns[1] = "cast(organization_id as text)"
	}
	for _, k := range c.Key {
		columns = append(columns, "cast("+k+" as text)")
	}
	query := "select " + strings.Join(columns, ",") + " from " + c.Table + w.String() +
		" order by " + strings.Join(c.Key, ",") + " limit " + w.Args.Add(limit)
	return db.All(ctx, s.db.Q(ctx), func(r db.Row) (vault.Value, error) { return scanValue(r, c) }, query, w.Args...)
}

func scanValue(r db.Row, c vault.Column) (vault.Value, error) {
	var organization string
	v := vault.Value{Key: make([]string, len(c.Key))}
	into := []any{&v.Text, &organization}
	for i := range v.Key {
		into = append(into, &v.Key[i])
	}
	if err := r.Scan(into...); err != nil {
		return v, err
	}
	var org id.ID
	if err := org.UnmarshalText([]byte(organization)); err != nil {
		return v, fmt.Errorf("the organization of a row of %s: %w", c.Table, err)
	}
	var row []string
	for i, name := range c.Key {
		if name != "organization_id" {
			row = append(row, v.Key[i])
		}
	}
	v.Place = c.At(org, row...)
	return v, nil
}

// Replace implements vault.Store.
func (s *Store) Replace(ctx context.Context, v vault.Value, text string) error {
	var (
		w db.Where
		c = v.Place.Column()
	)
	set := w.Args.Add(text)
	for i, name := range c.Key {
		w.And(name+" = %s", v.Key[i])
	}
	w.And(c.Name+" = %s", v.Text)
	return s.db.Q(ctx).Defer(ctx, "update "+c.Table+" set "+c.Name+" = "+set+w.String(), w.Args...)
}

// Count implements vault.Store.
func (s *Store) Count(ctx context.Context, c vault.Column) (map[vault.KeyID]int64, error) {
	out := map[vault.KeyID]int64{}
	sealed := vault.SealedWith("")
	err := s.db.Q(ctx).Query(ctx, func(r db.Row) error {
		var (
			key string
			n   int64
		)
		err := r.Scan(&key, &n)
		out[vault.KeyID(key)] = n
		return err
	}, fmt.Sprintf(`select case when %[1]s like '%[3]s%%' then substr(%[1]s, %[4]d, %[5]d) else '' end as sealed_with, count(*)
		from %[2]s where %[1]s <> '' group by sealed_with`, c.Name, c.Table, sealed, len(sealed)+1, vault.KeyIDLength))
	return out, err
}

// Covered implements vault.Store.
func (s *Store) Covered(ctx context.Context) ([]string, error) {
	return db.All(ctx, s.db.Q(ctx), db.Scalar[string], "select name from vault_columns order by name")
}

// Cover implements vault.Store.
func (s *Store) Cover(ctx context.Context, column string) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into vault_columns (name) values ($1) on conflict do nothing", column)
	return err
}

// SigningKeys implements vault.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]vault.SigningKey, error) {
	return db.All(ctx, s.db.Q(ctx), func(r db.Row) (k vault.SigningKey, err error) {
		return k, r.Scan(&k.ID, &k.Public, &k.Private, &k.Retired, &k.CreatedAt)
	}, "select id, public_key, private_key, retired, created_at from vault_signing_keys order by retired, created_at desc, id")
}

// DigestKey implements vault.Store.
func (s *Store) DigestKey(ctx context.Context) (vault.DigestKey, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), func(r db.Row) (k vault.DigestKey, err error) {
		return k, r.Scan(&k.Secret, &k.CreatedAt)
	}, "select secret, created_at from vault_digest_keys")
}

// PutDigestKey implements vault.Store.
func (s *Store) PutDigestKey(ctx context.Context, k vault.DigestKey) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into vault_digest_keys (id, secret, created_at) values ('1', $1, $2)", k.Secret, k.CreatedAt)
	return err
}

// UseSigningKey implements vault.Store.
func (s *Store) UseSigningKey(ctx context.Context, k vault.SigningKey) error {
	q := s.db.Q(ctx)
	if _, err := q.Exec(ctx, "update vault_signing_keys set retired = $1, private_key = '' where not retired", true); err != nil {
		return err
	}
	_, err := q.Exec(ctx, "insert into vault_signing_keys (id, public_key, private_key, retired, created_at) values ($1,$2,$3,$4,$5)",
		k.ID, k.Public, k.Private, false, k.CreatedAt)
	return err
}
