package accessdb

import (
	"context"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

const userTokenColumns = "id, organization_id, user_id, key_id, scopes, created_at, expires_at"

func scanUserToken(r db.Row) (t access.UserToken, err error) {
	err = r.Scan(&t.ID, &t.OrganizationID, &t.UserID, &t.KeyID, db.JSON{V: &t.Scopes}, &t.CreatedAt, &t.ExpiresAt)
	return t, err
}

// InsertUserToken implements access.Store.
func (s *Store) InsertUserToken(ctx context.Context, t access.UserToken, secretHash string) error {
	return s.db.Q(ctx).Defer(ctx, "insert into user_tokens ("+userTokenColumns+", secret_hash) values ($1,$2,$3,$4,$5,$6,$7,$8)",
		t.ID, t.OrganizationID, t.UserID, t.KeyID, db.JSON{V: t.Scopes}, t.CreatedAt, t.ExpiresAt, secretHash)
}

// FindUserToken implements access.Store.
func (s *Store) FindUserToken(ctx context.Context, secretHash string) (access.UserToken, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), scanUserToken, "select "+userTokenColumns+" from user_tokens where secret_hash = $1", secretHash)
}

// GetUserToken implements access.Store.
func (s *Store) GetUserToken(ctx context.Context, organization, token id.ID, at time.Time) (access.UserToken, error) {
	t, found, err := db.Find(ctx, s.db.Q(ctx), scanUserToken,
		"select "+userTokenColumns+" from user_tokens where id = $1 and organization_id = $2 and expires_at > $3", token, organization, at)
	if err == nil && !found {
		err = errs.MissingRecord("user token")
	}
	return t, err
}

// ListUserTokens implements access.Store. A user has few at a time, so counting them is cheap.
func (s *Store) ListUserTokens(ctx context.Context, organization, user id.ID, at time.Time, p page.Offset) (page.List[access.UserToken], error) {
	const from = " from user_tokens where organization_id = $1 and user_id = $2 and expires_at > $3"
	var (
		out page.List[access.UserToken]
		err error
	)
	out.Total, err = db.Get(ctx, s.db.Q(ctx), db.Scalar[int], "select count(*)"+from, organization, user, at)
	if err != nil {
		return out, err
	}
	out.Items, err = db.All(ctx, s.db.Q(ctx), scanUserToken, "select "+userTokenColumns+from+" order by id desc limit $4 offset $5",
		organization, user, at, p.Limit, p.Offset)
	return out, err
}

// DeleteUserTokens implements access.Store.
func (s *Store) DeleteUserTokens(ctx context.Context, organization, user, token id.ID) (int64, error) {
	var w db.Where
	w.And("organization_id = %s", organization)
	w.And("user_id = %s", user)
	if !token.IsZero() {
		w.And("id = %s", token)
	}
	return s.db.Q(ctx).Exec(ctx, "delete from user_tokens"+w.String(), w.Args...)
}
