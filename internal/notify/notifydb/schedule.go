package notifydb

import (
	"context"

	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
)

const scheduleColumns = "id, organization_id, name, timezone, hours, exceptions, metadata, created_at, updated_at"

func scanSchedule(r db.Row) (s notify.Schedule, err error) {
	return s, r.Scan(&s.ID, &s.OrganizationID, &s.Name, &s.Timezone, db.JSON{V: &s.Hours}, db.JSON{V: &s.Exceptions},
		db.JSON{V: &s.Metadata}, &s.CreatedAt, &s.UpdatedAt)
}

func scheduleRow(s notify.Schedule) []any {
	return []any{
		s.ID, s.OrganizationID, s.Name, s.Timezone,
		db.JSON{V: s.Hours},
		db.JSON{V: s.Exceptions},
		db.JSON{V: s.Metadata},
		s.CreatedAt, s.UpdatedAt,
	}
}

// InsertSchedule implements notify.Store.
func (s *Store) InsertSchedule(ctx context.Context, sched notify.Schedule) error {
	_, err := s.db.Q(ctx).Exec(ctx, "insert into notify_schedules ("+scheduleColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
		scheduleRow(sched)...)
	return err
}

// UpdateSchedule implements notify.Store.
func (s *Store) UpdateSchedule(ctx context.Context, sched notify.Schedule) error {
	n, err := s.db.Q(ctx).Exec(ctx, `update notify_schedules set name = $3, timezone = $4, hours = $5, exceptions = $6,
		metadata = $7, updated_at = $8 where id = $1 and organization_id = $2`,
		sched.ID, sched.OrganizationID, sched.Name, sched.Timezone, db.JSON{V: sched.Hours}, db.JSON{V: sched.Exceptions},
		db.JSON{V: sched.Metadata}, sched.UpdatedAt)
	return changed(n, err, "schedule")
}

// DeleteSchedule implements notify.Store. The groups' reference to the schedule is what refuses.
func (s *Store) DeleteSchedule(ctx context.Context, organization, sched id.ID) error {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from notify_schedules where id = $1 and organization_id = $2", sched, organization)
	if errs.Is(err, errs.CodeNotFound) {
		return notify.ScheduleInUse.Errorf("notification groups use this schedule").Because(err)
	}
	return changed(n, err, "schedule")
}

// GetSchedule implements notify.Store.
func (s *Store) GetSchedule(ctx context.Context, organization, sched id.ID) (notify.Schedule, error) {
	return s.getSchedule(ctx, organization, sched, "")
}

// LockSchedule implements notify.Store.
func (s *Store) LockSchedule(ctx context.Context, organization, sched id.ID) (notify.Schedule, error) {
	return s.getSchedule(ctx, organization, sched, s.db.ForUpdate())
}

func (s *Store) getSchedule(ctx context.Context, organization, sched id.ID, lock string) (notify.Schedule, error) {
	v, err := db.Get(ctx, s.db.Q(ctx), scanSchedule,
		"select "+scheduleColumns+" from notify_schedules where id = $1 and organization_id = $2"+lock, sched, organization)
	return found(v, err, "schedule")
}

// FindSchedules implements notify.Store.
func (s *Store) FindSchedules(ctx context.Context, organization id.ID, schedules []id.ID) (map[id.ID]notify.Schedule, error) {
	out := make(map[id.ID]notify.Schedule, len(schedules))
	return out, db.Chunks(schedules, chunk, func(part []id.ID) error {
		args := db.Args{organization}
		list, err := db.All(ctx, s.db.Q(ctx), scanSchedule, "select "+scheduleColumns+
			" from notify_schedules where organization_id = $1 and id in ("+db.List(&args, part)+")", args...)
		for _, v := range list {
			out[v.ID] = v
		}
		return err
	})
}

// ListSchedules implements notify.Store.
func (s *Store) ListSchedules(ctx context.Context, organization id.ID) ([]notify.Schedule, error) {
	return db.All(ctx, s.db.Q(ctx), scanSchedule,
		"select "+scheduleColumns+" from notify_schedules where organization_id = $1 order by id desc", organization)
}

// ListScheduleUsers implements notify.Store.
func (s *Store) ListScheduleUsers(ctx context.Context, organization, sched id.ID, limit int) ([]string, error) {
	return db.All(ctx, s.db.Q(ctx), db.Scalar[string],
		"select name from notify_groups where schedule_id = $1 and organization_id = $2 order by id limit $3", sched, organization, limit)
}
