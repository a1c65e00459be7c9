// Package privacydb keeps purges, tombstones and legal holds in SQL, on both databases, and reaches all other tables by
// what their owners declare of them.
package privacydb

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/personal"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/privacy"
)

// Personal declares the tables of this package. They are the proof of what was done and outlive what it was done to.
func Personal() []personal.Table {
	const (
		proof   = "the proof outlives what was purged"
		nothing = "it names nobody but by an identifier"
	)
	keep := []personal.Rule{personal.Keep(personal.Organization, "organization_id = :organization", proof)}
	return []personal.Table{
		{
			Name: "purges", Key: "id", Plain: `id organization_id entity_type entity_id reference_id request_id archive state key_id user_id subjects
				stage subject progress counts archived failure report lease_id lease_until created_at started_at finished_at failed_attempts`,
			Rules: keep, Others: nothing, Withheld: proof,
		},
		{Name: "tombstones", Key: "id", Plain: "id organization_id entity_type purge_id purged_at", Rules: keep, Others: nothing, Withheld: proof},
		{
			Name: "legal_holds", Key: "id", Plain: "id organization_id entity_type entity_id reason created_by created_at ends_at",
			Others: "while there is a hold there is no purge", Withheld: "a hold is of this server's keeping",
		},
	}
}

// Store implements privacy.Store.
type Store struct{ db *db.DB }

// New returns the store in d.
func New(d *db.DB) *Store { return &Store{db: d} }

var _ privacy.Store = (*Store)(nil)

const purgeColumns = `id, organization_id, entity_type, entity_id, reference_id, request_id, archive, state, key_id, user_id, subjects,
	stage, subject, progress, counts, archived, failure, report, created_at, started_at, finished_at, failed_attempts`

func scanPurge(r db.Row) (privacy.Purge, error) {
	var (
		p        privacy.Purge
		progress string
	)
	err := r.Scan(&p.ID, &p.OrganizationID, (*string)(&p.Kind), &p.EntityID, &p.ReferenceID, &p.RequestID, &p.Archive, (*string)(&p.State),
		&p.KeyID, &p.UserID, db.JSON{V: &p.Subjects}, (*string)(&p.Stage), &p.Done, &progress, db.JSON{V: &p.Counts}, db.JSON{V: &p.Archived},
		&p.Failure, &p.Report, &p.CreatedAt, &p.StartedAt, &p.FinishedAt, &p.FailedAttempts)
	p.Progress = json.RawMessage(progress)
	return p, err
}

// InsertPurge implements privacy.Store.
func (s *Store) InsertPurge(ctx context.Context, p privacy.Purge) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into purges ("+purgeColumns+`) values
		($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22)`, p.ID, p.OrganizationID, string(p.Kind), p.EntityID,
		p.ReferenceID, p.RequestID, p.Archive, string(p.State), p.KeyID, p.UserID, db.JSON{V: p.Subjects}, string(p.Stage), p.Done,
		orEmpty(p.Progress), db.JSON{V: counts(p)}, db.JSON{V: p.Archived}, p.Failure, p.Report, p.CreatedAt, p.StartedAt, p.FinishedAt, p.FailedAttempts)
	if errs.Is(err, errs.CodeDuplicate) {
		return privacy.PurgeRunning.Errorf("a purge of this is under way").Because(err)
	}
	return err
}

func orEmpty(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "{}"
	}
	return string(raw)
}

func counts(p privacy.Purge) map[string]privacy.Tally {
	if p.Counts == nil {
		return map[string]privacy.Tally{}
	}
	return p.Counts
}

// FindRequest implements privacy.Store.
func (s *Store) FindRequest(ctx context.Context, organization id.ID, request string) (privacy.Purge, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), scanPurge, "select "+purgeColumns+
		" from purges where organization_id = $1 and request_id = $2 and request_id <> ''", organization, request)
}

// FindOpen implements privacy.Store.
func (s *Store) FindOpen(ctx context.Context, entity id.ID) (privacy.Purge, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), scanPurge, "select "+purgeColumns+
		" from purges where entity_id = $1 and state in ('requested', 'running')", entity)
}

// GetPurge implements privacy.Store.
func (s *Store) GetPurge(ctx context.Context, organization, purge id.ID) (privacy.Purge, error) {
	p, err := db.Get(ctx, s.db.Q(ctx), scanPurge, "select "+purgeColumns+" from purges where id = $1 and organization_id = $2", purge, organization)
	return p, must(err, "purge")
}

func must(err error, what string) error {
	if errors.Is(err, db.ErrNoRows) {
		return errs.MissingRecord(what)
	}
	return err
}

// ListPurges implements privacy.Store.
func (s *Store) ListPurges(ctx context.Context, organization id.ID, p page.Offset) (page.List[privacy.Purge], error) {
	return list(ctx, s, "purges", purgeColumns, scanPurge, organization, p)
}

func list[T any](ctx context.Context, s *Store, table, columns string, scan func(db.Row) (T, error), organization id.ID, p page.Offset) (page.List[T], error) {
	total, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select count(*) from "+table+" where organization_id = $1", organization)
	if err != nil {
		return page.List[T]{}, err
	}
	items, err := db.All(ctx, s.db.Q(ctx), scan, "select "+columns+" from "+table+
		" where organization_id = $1 order by id desc limit $2 offset $3", organization, p.Limit, p.Offset)
	return page.List[T]{Items: items, Total: int(total)}, err
}

// ClaimPurge implements privacy.Store.
func (s *Store) ClaimPurge(ctx context.Context, worker id.ID, now, until time.Time) (privacy.Purge, bool, error) {
	var (
		p     privacy.Purge
		found bool
	)
	err := s.db.Do(ctx, func(ctx context.Context) (err error) {
		p, found, err = db.Find(ctx, s.db.Q(ctx), scanPurge, "select "+purgeColumns+` from purges where state in ('requested', 'running')
			and (lease_until is null or lease_until <= $1) order by id limit 1`+s.db.SkipLocked(), now)
		if err != nil || !found {
			return err
		}
		return s.db.Q(ctx).Defer(ctx, "update purges set lease_id = $2, lease_until = $3 where id = $1", p.ID, worker, until)
	})
	return p, found, err
}

// SavePurge implements privacy.Store.
func (s *Store) SavePurge(ctx context.Context, p privacy.Purge, worker id.ID, until time.Time) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update purges set state = $3, stage = $4, subject = $5, progress = $6, counts = $7, archived = $8, failure = $9,
		report = $10, started_at = $11, finished_at = $12, lease_until = $13, failed_attempts = $14 where id = $1 and lease_id = $2`, p.ID, worker, string(p.State),
		string(p.Stage), p.Done, orEmpty(p.Progress), db.JSON{V: counts(p)}, db.JSON{V: p.Archived}, p.Failure, p.Report, p.StartedAt, p.FinishedAt, until,
		p.FailedAttempts)
	if err == nil && n == 0 {
		err = privacy.ErrLeaseLost
	}
	return err
}

// RenewPurge implements privacy.Store.
func (s *Store) RenewPurge(ctx context.Context, purge, worker id.ID, until time.Time) error {
	n, err := s.db.Q(ctx).Exec(ctx, "update purges set lease_until = $3 where id = $1 and lease_id = $2", purge, worker, until)
	if err == nil && n == 0 {
		err = privacy.ErrLeaseLost
	}
	return err
}

const stoneColumns = "id, organization_id, entity_type, purge_id, purged_at"

// InsertTombstones implements privacy.Store.
func (s *Store) InsertTombstones(ctx context.Context, stones []privacy.Tombstone) error {
	rows := make([][]any, len(stones))
	for i, t := range stones {
		rows[i] = []any{t.ID, t.OrganizationID, string(t.Kind), t.PurgeID, t.PurgedAt}
	}
	return db.InsertMany(ctx, s.db, "tombstones ("+stoneColumns+")", rows, "on conflict (id) do nothing")
}

// chunk bounds the identifiers in one statement.
const chunk = 500

// FindTombstones implements privacy.Store.
func (s *Store) FindTombstones(ctx context.Context, ids []id.ID) ([]privacy.Tombstone, error) {
	var out []privacy.Tombstone
	err := db.Chunks(ids, chunk, func(ids []id.ID) error {
		var args db.Args
		found, err := db.All(ctx, s.db.Q(ctx), func(r db.Row) (t privacy.Tombstone, err error) {
			return t, r.Scan(&t.ID, &t.OrganizationID, (*string)(&t.Kind), &t.PurgeID, &t.PurgedAt)
		}, "select "+stoneColumns+" from tombstones where id in ("+db.List(&args, ids)+") order by id", args...)
		out = append(out, found...)
		return err
	})
	return out, err
}

// DeleteTombstones implements privacy.Store.
func (s *Store) DeleteTombstones(ctx context.Context, ids []id.ID) error {
	return db.Chunks(ids, chunk, func(ids []id.ID) error {
		var args db.Args
		return s.db.Q(ctx).Defer(ctx, "delete from tombstones where id in ("+db.List(&args, ids)+")", args...)
	})
}

const holdColumns = "id, organization_id, entity_type, entity_id, reason, created_by, created_at, ends_at"

func scanHold(r db.Row) (h privacy.Hold, err error) {
	return h, r.Scan(&h.ID, &h.OrganizationID, (*string)(&h.Kind), &h.EntityID, &h.Reason, &h.CreatedBy, &h.CreatedAt, &h.Until)
}

// InsertHold implements privacy.Store.
func (s *Store) InsertHold(ctx context.Context, h privacy.Hold) error {
	return s.db.Q(ctx).Defer(ctx, "insert into legal_holds ("+holdColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8)", h.ID, h.OrganizationID, string(h.Kind),
		h.EntityID, h.Reason, h.CreatedBy, h.CreatedAt, h.Until)
}

// GetHold implements privacy.Store.
func (s *Store) GetHold(ctx context.Context, organization, hold id.ID) (privacy.Hold, error) {
	h, err := db.Get(ctx, s.db.Q(ctx), scanHold, "select "+holdColumns+" from legal_holds where id = $1 and organization_id = $2", hold, organization)
	return h, must(err, "legal hold")
}

// DeleteHold implements privacy.Store.
func (s *Store) DeleteHold(ctx context.Context, organization, hold id.ID) error {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from legal_holds where id = $1 and organization_id = $2", hold, organization)
	if err == nil && n == 0 {
		err = errs.MissingRecord("legal hold")
	}
	return err
}

// ListHolds implements privacy.Store.
func (s *Store) ListHolds(ctx context.Context, organization id.ID, p page.Offset) (page.List[privacy.Hold], error) {
	return list(ctx, s, "legal_holds", holdColumns, scanHold, organization, p)
}

// ActiveHolds implements privacy.Store.
func (s *Store) ActiveHolds(ctx context.Context, organization id.ID, at time.Time) ([]privacy.Hold, error) {
	return db.All(ctx, s.db.Q(ctx), scanHold, "select "+holdColumns+` from legal_holds
		where organization_id = $1 and (ends_at is null or ends_at > $2) order by id`, organization, at)
}
