// Package consentdb keeps consents and their ledgers in SQL, on both databases. The ledgers are append-only: triggers of
// the database refuse everything but the blanking of a personal part.
package consentdb

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Store implements consent.Store.
type Store struct{ db *db.DB }

var _ consent.Store = (*Store)(nil)

// New returns the store in d.
func New(d *db.DB) *Store { return &Store{db: d} }

// chunk bounds the values in one statement.
const chunk = 256

// pad repeats the last of a short list, so that what every batch of deliveries asks has few texts to prepare instead of
// one for each length.
func pad[T any](list []T) []T {
	size := 1
	for size < len(list) {
		size *= 4
	}
	out := slices.Clone(list)
	for len(out) < size {
		out = append(out, list[len(list)-1])
	}
	return out
}

func (s *Store) q(ctx context.Context) db.Querier { return s.db.Q(ctx) }

const columns = `id, organization_id, user_id, type, state, messages, language, number, number_hash, reminded, stopped, invited_at,
	entries, head, created_at, modified_at`

func scan(r db.Row) (c consent.Consent, err error) {
	return c, r.Scan(&c.ID, &c.OrganizationID, &c.UserID, &c.Type, &c.State, db.JSON{V: &c.Messages}, &c.Language, &c.Number, &c.NumberHash,
		&c.Reminded, &c.Stopped, &c.InvitedAt, &c.Entries, &c.Head, &c.CreatedAt, &c.ModifiedAt)
}

// Secret implements consent.NumberStore.
func (s *Store) Secret(ctx context.Context) ([]byte, error) {
	secret, err := db.Get(ctx, s.q(ctx), db.Scalar[string], "select secret from consent_secret")
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(secret)
}

// LockNumber implements consent.NumberStore.
func (s *Store) LockNumber(ctx context.Context, hash string) (consent.Number, error) {
	n := consent.Number{Hash: hash}
	err := s.db.Do(ctx, func(ctx context.Context) error {
		_, err := s.q(ctx).Exec(ctx, "insert into consent_numbers (number_hash, stopped) values ($1, false) on conflict do nothing", hash)
		if err != nil {
			return err
		}
		n.Stopped, err = db.Get(ctx, s.q(ctx), db.Scalar[bool], "select stopped from consent_numbers where number_hash = $1"+s.db.ForUpdate(), hash)
		return err
	})
	return n, err
}

// SaveNumber implements consent.NumberStore.
func (s *Store) SaveNumber(ctx context.Context, n consent.Number, at time.Time) error {
	return s.q(ctx).Defer(ctx, "update consent_numbers set stopped = $1, changed_at = $2 where number_hash = $3", n.Stopped, at, n.Hash)
}

// FindStopped implements consent.NumberStore.
func (s *Store) FindStopped(ctx context.Context, hashes []string) (map[string]bool, error) {
	out := map[string]bool{}
	err := db.Chunks(hashes, chunk, func(part []string) error {
		var w db.Where
		w.Raw("stopped")
		w.Raw("number_hash in (" + db.List(&w.Args, pad(part)) + ")")
		return s.q(ctx).Query(ctx, func(r db.Row) error {
			hash, err := db.Scalar[string](r)
			out[hash] = true
			return err
		}, "select number_hash from consent_numbers"+w.String(), w.Args...)
	})
	return out, err
}

// shards is over how many rows the count of an organization is spread, so that writers seldom wait for each other.
const shards = 16

// Insert implements consent.RecordStore.
func (s *Store) Insert(ctx context.Context, c consent.Consent) error {
	return s.db.Do(ctx, func(ctx context.Context) error {
		_, err := s.q(ctx).Exec(ctx, "insert into consents ("+columns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)",
			c.ID, c.OrganizationID, c.UserID, string(c.Type), string(c.State), db.JSON{V: c.Messages}, c.Language, c.Number, c.NumberHash,
			c.Reminded, c.Stopped, c.InvitedAt, c.Entries, c.Head, c.CreatedAt, c.ModifiedAt)
		if errs.Is(err, errs.CodeDuplicate) {
			return consent.DuplicateConsent.Errorf("the user has a consent of this type already").Because(err)
		}
		if err != nil {
			return err
		}
		return s.count(ctx, c.OrganizationID, c.ID)
	})
}

// count counts one more consent.
func (s *Store) count(ctx context.Context, organization, added id.ID) error {
	return s.q(ctx).Defer(ctx, `insert into consent_counts (organization_id, shard, count) values ($1, $2, 1)
		on conflict (organization_id, shard) do update set count = consent_counts.count + 1`, organization, int(added[len(added)-1])%shards)
}

// Update implements consent.RecordStore.
func (s *Store) Update(ctx context.Context, c consent.Consent) error {
	return s.q(ctx).Defer(ctx, `update consents set state = $1, reminded = $2, stopped = $3, number = $4, entries = $5, head = $6,
		modified_at = $7 where id = $8 and organization_id = $9`,
		string(c.State), c.Reminded, c.Stopped, c.Number, c.Entries, c.Head, c.ModifiedAt, c.ID, c.OrganizationID)
}

// Get implements consent.RecordStore.
func (s *Store) Get(ctx context.Context, organization, wanted id.ID) (consent.Consent, error) {
	return s.get(ctx, organization, wanted, "")
}

// Lock implements consent.RecordStore.
func (s *Store) Lock(ctx context.Context, organization, wanted id.ID) (consent.Consent, error) {
	return s.get(ctx, organization, wanted, s.db.ForUpdate())
}

func (s *Store) get(ctx context.Context, organization, wanted id.ID, suffix string) (consent.Consent, error) {
	c, err := db.Get(ctx, s.q(ctx), scan, "select "+columns+" from consents where id = $1 and organization_id = $2"+suffix, wanted, organization)
	if errors.Is(err, db.ErrNoRows) {
		err = errs.MissingRecord("user-consent")
	}
	return c, err
}

// LockOfNumber implements consent.RecordStore.
func (s *Store) LockOfNumber(ctx context.Context, hash string) ([]consent.Consent, error) {
	return db.All(ctx, s.q(ctx), scan, "select "+columns+` from consents where number_hash = $1 and (stopped or state <> 'revoked')
		order by id desc`+s.db.ForUpdate(), hash)
}

// LockLive implements consent.RecordStore.
func (s *Store) LockLive(ctx context.Context, organization, user id.ID, t consent.Type) (consent.Consent, bool, error) {
	return db.Find(ctx, s.q(ctx), scan, "select "+columns+` from consents where user_id = $1 and type = $2 and state in ('pending', 'accepted')
		and organization_id = $3`+s.db.ForUpdate(), user, string(t), organization)
}

// FindNewest implements consent.RecordStore.
func (s *Store) FindNewest(ctx context.Context, organization id.ID, t consent.Type, users []id.ID) (map[id.ID]consent.Consent, error) {
	out := map[id.ID]consent.Consent{}
	err := db.Chunks(users, chunk, func(part []id.ID) error {
		var w db.Where
		w.And(db.Checked("organization_id")+" = %s", organization)
		w.And("type = %s", string(t))
		w.Raw("user_id in (" + db.List(&w.Args, pad(part)) + ")")
		return s.q(ctx).Query(ctx, func(r db.Row) error {
			c, err := scan(r)
			out[c.UserID] = c // the newest comes last
			return err
		}, "select "+columns+" from consents"+w.String()+" order by id", w.Args...)
	})
	return out, err
}

// CountPending implements consent.RecordStore.
func (s *Store) CountPending(ctx context.Context, organization id.ID, users []id.ID, after time.Time) (map[id.ID]int, error) {
	out := map[id.ID]int{}
	err := db.Chunks(users, chunk, func(part []id.ID) error {
		var w db.Where
		w.And(db.Checked("organization_id")+" = %s", organization)
		w.And("invited_at > %s", after)
		w.Raw("state = 'pending'")
		w.Raw("user_id in (" + db.List(&w.Args, part) + ")")
		return s.q(ctx).Query(ctx, func(r db.Row) error {
			var (
				user id.ID
				n    int
			)
			err := r.Scan(&user, &n)
			out[user] = n
			return err
		}, "select user_id, count(*) from consents"+w.String()+" group by user_id", w.Args...)
	})
	return out, err
}

// List implements consent.RecordStore.
func (s *Store) List(ctx context.Context, f consent.Filter, p page.Offset) (page.List[consent.Consent], error) {
	if f.Users != nil && len(f.Users) == 0 {
		return page.List[consent.Consent]{Items: []consent.Consent{}}, nil
	}
	var w db.Where
	count := "select coalesce(sum(count), 0) from consent_counts"
	if f.Users == nil {
		w.And("organization_id = %s", f.OrganizationID)
	} else {
		w.And(db.Checked("organization_id")+" = %s", f.OrganizationID)
		w.Raw("user_id in (" + db.List(&w.Args, f.Users) + ")")
		count = "select count(*) from consents"
	}
	total, err := db.Get(ctx, s.q(ctx), db.Scalar[int64], count+w.String(), w.Args...)
	if err != nil {
		return page.List[consent.Consent]{}, err
	}
	query := "select " + columns + " from consents" + w.String() + " order by id desc limit " + w.Args.Add(p.Limit) + " offset " + w.Args.Add(p.Offset)
	items, err := db.All(ctx, s.q(ctx), scan, query, w.Args...)
	return page.List[consent.Consent]{Items: items, Total: int(total)}, err
}
