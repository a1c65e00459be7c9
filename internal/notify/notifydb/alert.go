package notifydb

import (
	"context"
	"slices"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/page"
)

const alertColumns = `id, organization_id, topic_id, site_id, status, severity, title, body, data, dedup_key, occurred_at,
	created_at, resolved_at`

func scanAlert(r db.Row) (a notify.Alert, err error) {
	return a, r.Scan(&a.ID, &a.OrganizationID, &a.TopicID, &a.SiteID, (*string)(&a.Status), (*string)(&a.Severity), &a.Title,
		&a.Body, db.JSON{V: &a.Data}, &a.DedupKey, &a.OccurredAt, &a.CreatedAt, &a.ResolvedAt)
}

const byKey = " where organization_id = $1 and topic_id = $2 and site_id = $3 and dedup_key = $4"

func keyArgs(k notify.AlertKey, more ...any) []any {
	return append([]any{k.OrganizationID, k.TopicID, k.SiteID, k.DedupKey}, more...)
}

// LockCurrentAlert implements notify.Store.
func (s *Store) LockCurrentAlert(ctx context.Context, k notify.AlertKey) (notify.Alert, bool, error) {
	return db.Find(ctx, s.db.Q(ctx), scanAlert,
		"select "+alertColumns+" from notify_alerts"+byKey+" and latest"+s.db.ForUpdate(), keyArgs(k)...)
}

// RetireAlert implements notify.Store.
func (s *Store) RetireAlert(ctx context.Context, organization, alert id.ID) error {
	return s.db.Q(ctx).Defer(ctx, "update notify_alerts set latest = false where id = $1 and organization_id = $2", alert, organization)
}

// InsertAlert implements notify.Store. The unique index of the newest alerts makes it wait, and refuse.
func (s *Store) InsertAlert(ctx context.Context, a notify.Alert) (bool, error) {
	n, err := s.db.Q(ctx).Exec(ctx, "insert into notify_alerts ("+alertColumns+`, latest)
		values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) on conflict do nothing`,
		a.ID, a.OrganizationID, a.TopicID, a.SiteID, string(a.Status), string(a.Severity), a.Title, a.Body, db.JSON{V: a.Data},
		a.DedupKey, a.OccurredAt, a.CreatedAt, a.ResolvedAt, a.DedupKey != "")
	return n == 1, err
}

// ResolveAlerts implements notify.Store.
func (s *Store) ResolveAlerts(ctx context.Context, k notify.AlertKey, at time.Time) ([]id.ID, error) {
	ids, err := db.All(ctx, s.db.Q(ctx), db.Scalar[id.ID],
		"update notify_alerts set status = 'resolved', resolved_at = $5"+byKey+" and status = 'open' returning id", keyArgs(k, at)...)
	slices.SortFunc(ids, func(a, b id.ID) int { return slices.Compare(a[:], b[:]) })
	return ids, err
}

// GetAlert implements notify.Store.
func (s *Store) GetAlert(ctx context.Context, organization, alert id.ID) (notify.Alert, error) {
	a, err := db.Get(ctx, s.db.Q(ctx), scanAlert,
		"select "+alertColumns+" from notify_alerts where id = $1 and organization_id = $2", alert, organization)
	return found(a, err, "event")
}

// ListAlerts implements notify.Store.
func (s *Store) ListAlerts(ctx context.Context, f notify.AlertFilter, p page.Cursor) (page.List[notify.Alert], error) {
	w := alertWhere(f)
	if !p.After.IsZero() {
		if _, err := s.GetAlert(ctx, f.OrganizationID, p.After); err != nil {
			return page.List[notify.Alert]{}, err
		}
		w.And("id < %s", p.After)
	}
	limit := w.Args.Add(p.Limit + 1)
	list, err := db.All(ctx, s.db.Q(ctx), scanAlert,
		"select "+alertColumns+" from notify_alerts"+w.String()+" order by id desc limit "+limit, w.Args...)
	more := len(list) > p.Limit
	if more {
		list = list[:p.Limit]
	}
	return page.List[notify.Alert]{Items: list, More: more}, err
}

func alertWhere(f notify.AlertFilter) db.Where {
	var w db.Where
	w.And("organization_id = %s", f.OrganizationID)
	if !f.TopicID.IsZero() {
		w.And("topic_id = %s", f.TopicID)
	}
	if !f.SiteID.IsZero() {
		w.And("site_id = %s", f.SiteID)
	}
	if f.Status != "" {
		w.And("status = %s", string(f.Status))
	}
	if f.Severity != "" {
		w.And("severity = %s", string(f.Severity))
	}
	if !f.From.IsZero() {
		w.And("occurred_at >= %s", f.From)
	}
	if !f.To.IsZero() {
		w.And("occurred_at < %s", f.To)
	}
	return w
}

// InsertRoutings implements notify.Store.
func (s *Store) InsertRoutings(ctx context.Context, organization, alert id.ID, routings []notify.Routing) error {
	rows := make([][]any, len(routings))
	for i, r := range routings {
		rows[i] = []any{alert, r.GroupID, organization, i, r.GroupName, string(r.Outcome), string(r.Reason)}
	}
	return s.db.Do(ctx, func(ctx context.Context) error {
		return db.InsertMany(ctx, s.db,
			"notify_alert_groups (alert_id, group_id, organization_id, position, group_name, outcome, reason)", rows, "")
	})
}

// FindRoutings implements notify.Store.
func (s *Store) FindRoutings(ctx context.Context, organization id.ID, alerts []id.ID) (map[id.ID][]notify.Routing, error) {
	out := make(map[id.ID][]notify.Routing, len(alerts))
	return out, db.Chunks(alerts, chunk, func(part []id.ID) error {
		args := db.Args{organization}
		return s.db.Q(ctx).Query(ctx, func(row db.Row) error {
			var (
				alert id.ID
				r     notify.Routing
			)
			err := row.Scan(&alert, &r.GroupID, &r.GroupName, (*string)(&r.Outcome), (*string)(&r.Reason))
			out[alert] = append(out[alert], r)
			return err
		}, `select alert_id, group_id, group_name, outcome, reason from notify_alert_groups
			where organization_id = $1 and alert_id in (`+db.List(&args, part)+`) order by alert_id, position`, args...)
	})
}
