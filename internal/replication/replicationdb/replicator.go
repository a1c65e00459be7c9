package replicationdb

import (
	"context"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/replication"
)

const replicatorColumns = "id, organization_id, name, kind, created_at, last_poll_at, state"

// living holds for rows of organizations that are not deleted.
const living = "organization_id in (select o.id from organizations o where o.deleted_at is null)"

func scanReplicator(r db.Row) (replication.Status, error) {
	var v replication.Status
	err := r.Scan(&v.ID, &v.OrganizationID, &v.Name, &v.Kind, &v.CreatedAt, &v.LastPollAt, &db.JSON{V: &v.State})
	return v, err
}

// PutReplicator implements replication.Store.
func (s *Store) PutReplicator(ctx context.Context, v replication.Status) error {
	_, err := s.db.Q(ctx).Exec(ctx, `insert into replicators (id, organization_id, name, kind, created_at, due_at) values ($1,$2,$3,$4,$5,$5)
		on conflict (organization_id, name) do update set kind = excluded.kind where replicators.kind <> excluded.kind`,
		v.ID, v.OrganizationID, v.Name, v.Kind, v.CreatedAt)
	return err
}

// GetReplicator implements replication.Store.
func (s *Store) GetReplicator(ctx context.Context, organization, replicator id.ID, names []string) (replication.Status, error) {
	var w db.Where
	w.And("id = %s", replicator)
	w.And("organization_id = %s", organization)
	w.Raw("name in (" + db.List(&w.Args, names) + ")")
	w.Raw(living)
	v, err := db.Get(ctx, s.db.Q(ctx), scanReplicator, "select "+replicatorColumns+" from replicators"+w.String(), w.Args...)
	return v, must(1, err, errs.MissingRecord("replicator"))
}

// ListReplicators implements replication.Store.
func (s *Store) ListReplicators(ctx context.Context, organization id.ID, names []string) ([]replication.Status, error) {
	var w db.Where
	if !organization.IsZero() {
		w.And("organization_id = %s", organization)
	}
	w.Raw("name in (" + db.List(&w.Args, names) + ")")
	w.Raw(living)
	return db.All(ctx, s.db.Q(ctx), scanReplicator, "select "+replicatorColumns+" from replicators"+w.String()+" order by name, id", w.Args...)
}

// ClaimReplicator implements replication.Store.
func (s *Store) ClaimReplicator(ctx context.Context, names []string, now, until time.Time) (replication.Claimed, bool, error) {
	var args db.Args
	pick := "select id from replicators where due_at <= " + args.Add(now) + " and name in (" + db.List(&args, names) + ") and " + living +
		" order by due_at limit 1" + s.db.SkipLocked()
	return s.claim(ctx, pick, args, until, false)
}

// SeizeReplicator implements replication.Store.
func (s *Store) SeizeReplicator(ctx context.Context, replicator id.ID, now, until time.Time) (replication.Claimed, bool, error) {
	var args db.Args
	pick := "select id from replicators where id = " + args.Add(replicator) + " and (lease_id is null or due_at <= " + args.Add(now) + ")" + s.db.SkipLocked()
	return s.claim(ctx, pick, args, until, true)
}

// claim takes the row that a query picks. What was asked for is being done from now on.
func (s *Store) claim(ctx context.Context, pick string, args db.Args, until time.Time, asked bool) (c replication.Claimed, found bool, err error) {
	lease := id.New()
	err = s.db.Do(ctx, func(ctx context.Context) error {
		q := s.db.Q(ctx)
		row, some, err := db.Find(ctx, q, db.Scalar[id.ID], pick, args...)
		if found = some; err != nil || !some {
			return err
		}
		c, err = db.Get(ctx, q, func(r db.Row) (replication.Claimed, error) {
			c := replication.Claimed{Lease: lease}
			err := r.Scan(&c.ID, &c.OrganizationID, &c.Name, &c.Kind, &c.CreatedAt, &c.LastPollAt, &db.JSON{V: &c.State}, &c.Forced)
			c.Forced = c.Forced || asked
			return c, err
		}, "select "+replicatorColumns+", asked from replicators where id = $1", row)
		if err != nil {
			return err
		}
		_, err = q.Exec(ctx, "update replicators set lease_id = $2, due_at = $3, asked = $4 where id = $1", row, lease, until, false)
		return err
	})
	return c, found, err
}

// Advance implements replication.Store.
func (s *Store) Advance(ctx context.Context, c replication.Claimed, state replication.State, until time.Time) error {
	n, err := s.db.Q(ctx).Exec(ctx, "update replicators set state = $3, due_at = $4 where id = $1 and lease_id = $2", c.ID, c.Lease, db.JSON{V: state}, until)
	return must(n, err, replication.ErrLost())
}

// Finish implements replication.Store.
func (s *Store) Finish(ctx context.Context, c replication.Claimed, state replication.State, lastPoll, due time.Time) error {
	var args db.Args
	query := "update replicators set state = " + args.Add(db.JSON{V: state}) + ", due_at = case when asked then created_at else " +
		cast(s.db, args.Add(due)) + " end, lease_id = null"
	if !lastPoll.IsZero() {
		query += ", last_poll_at = " + args.Add(lastPoll)
	}
	n, err := s.db.Q(ctx).Exec(ctx, query+" where id = "+args.Add(c.ID)+" and lease_id = "+args.Add(c.Lease), args...)
	return must(n, err, replication.ErrLost())
}

// cast tells PostgreSQL the type of a placeholder that stands where it cannot know it.
func cast(d *db.DB, mark string) string {
	if d.Dialect() == db.Postgres {
		return "cast(" + mark + " as timestamptz)"
	}
	return mark
}

// Ask implements replication.Store.
func (s *Store) Ask(ctx context.Context, organization, replicator id.ID, now time.Time) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update replicators set asked = $4, due_at = case when lease_id is null then `+cast(s.db, "$3")+` else due_at end
		where id = $1 and organization_id = $2`, replicator, organization, now, true)
	return must(n, err, errs.MissingRecord("replicator"))
}

// NextDue implements replication.Store.
func (s *Store) NextDue(ctx context.Context, names []string) (time.Time, bool, error) {
	var args db.Args
	due, err := db.Get(ctx, s.db.Q(ctx), func(r db.Row) (v time.Time, err error) { return v, r.Scan(&v) },
		"select min(due_at) from replicators where name in ("+db.List(&args, names)+") and "+living, args...)
	return due, !due.IsZero(), err
}
