package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/notify/schedule"
)

// Schedule is a named timetable that groups are muted by.
type Schedule struct {
	ID, OrganizationID id.ID
	Name               string // 1 to 200 characters, unique in the organization
	Timezone           string // IANA; the hours are wall time there
	Hours              []schedule.Slot
	Exceptions         []schedule.Exception
	Metadata           []Pair // each key once, in the order in which they came
	CreatedAt          time.Time
	UpdatedAt          time.Time
	// Active tells whether the schedule was active when the service returned it. It is not stored.
	Active bool `json:"-"`
}

// Pair is one entry of a schedule's metadata, which means nothing here.
type Pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// PairChange sets the value of a key or, when Value is nil, deletes the key.
type PairChange struct {
	Key   string
	Value *string
}

// ScheduleParams is what can be said about a schedule. What is nil stays as it is, or takes its default in a new one.
type ScheduleParams struct {
	Name       *string // needed for a new one
	Timezone   *string // default: the organization's
	Hours      *[]schedule.Slot
	Exceptions *[]schedule.Exception
	Metadata   []PairChange // merged into what is there
}

const (
	maxScheduleName  = 200
	maxMetadata      = 50
	maxMetadataKey   = 255
	maxMetadataValue = 4096
)

// Timetable returns the rules of the schedule. Zone names are checked when they are stored; one that the time-zone
// database has dropped since is read as UTC, so that a group is muted at odd hours rather than an alert lost to an error.
func (s Schedule) Timetable() schedule.Timetable {
	zone, err := schedule.LoadZone(s.Timezone)
	if err != nil {
		zone = time.UTC
	}
	return schedule.Timetable{Zone: zone, Hours: s.Hours, Exceptions: s.Exceptions}
}

func (s Schedule) at(now time.Time) Schedule {
	s.Active = s.Timetable().Active(now)
	return s
}

// ListSchedules returns the schedules of the organization, newest first.
func (s *Service) ListSchedules(ctx context.Context) ([]Schedule, error) {
	a, err := mayRead(ctx, scopeSchedules)
	if err != nil {
		return nil, err
	}
	list, err := s.store.ListSchedules(ctx, a.OrganizationID)
	now := s.now()
	for i := range list {
		list[i] = list[i].at(now)
	}
	return list, err
}

// GetSchedule returns one. NotFound: there is none.
func (s *Service) GetSchedule(ctx context.Context, sched id.ID) (Schedule, error) {
	a, err := mayRead(ctx, scopeSchedules)
	if err != nil {
		return Schedule{}, err
	}
	found, err := s.store.GetSchedule(ctx, a.OrganizationID, sched)
	if err != nil {
		return Schedule{}, err
	}
	return found.at(s.now()), nil
}

// CreateSchedule adds a schedule. Invalid: a value is wrong, or the name is taken.
func (s *Service) CreateSchedule(ctx context.Context, p ScheduleParams) (Schedule, error) {
	a, err := mayWrite(ctx, scopeSchedules)
	if err != nil {
		return Schedule{}, err
	}
	if p.Timezone == nil {
		o, err := s.directory.Organization(ctx, a.OrganizationID)
		if err != nil {
			return Schedule{}, err
		}
		p.Timezone = &o.Timezone
	}
	now := s.now()
	sched, err := Schedule{ID: id.New(), OrganizationID: a.OrganizationID, CreatedAt: now}.with(p, now)
	if err != nil {
		return Schedule{}, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.store.InsertSchedule(ctx, sched); err != nil {
			return err
		}
		return s.events.Record(ctx, scheduleChange("notify.schedule.created", sched))
	})
	return sched.at(now), taken(err, "name")
}

// UpdateSchedule changes what p names. NotFound; Invalid as CreateSchedule.
func (s *Service) UpdateSchedule(ctx context.Context, sched id.ID, p ScheduleParams) (Schedule, error) {
	a, err := mayWrite(ctx, scopeSchedules)
	if err != nil {
		return Schedule{}, err
	}
	var after Schedule
	now := s.now()
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		before, err := s.store.LockSchedule(ctx, a.OrganizationID, sched)
		if err != nil {
			return err
		}
		if after, err = before.with(p, now); err != nil {
			return err
		}
		if err := s.store.UpdateSchedule(ctx, after); err != nil {
			return err
		}
		c := scheduleChange("notify.schedule.updated", after)
		c.Before = before
		return s.events.Record(ctx, c)
	})
	if err != nil {
		return Schedule{}, taken(err, "name")
	}
	return after.at(now), nil
}

// namedInRefusal is how many groups the refusal to delete a schedule names.
const namedInRefusal = 3

// DeleteSchedule deletes a schedule for good. NotFound; ScheduleInUse: a group uses it.
func (s *Service) DeleteSchedule(ctx context.Context, sched id.ID) error {
	a, err := mayWrite(ctx, scopeSchedules)
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		before, err := s.store.LockSchedule(ctx, a.OrganizationID, sched)
		if err != nil {
			return err
		}
		users, err := s.store.ListScheduleUsers(ctx, a.OrganizationID, sched, namedInRefusal)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return ScheduleInUse.Errorf("notification groups use this schedule: %s", strings.Join(users, ", "))
		}
		if err := s.store.DeleteSchedule(ctx, a.OrganizationID, sched); err != nil {
			return err
		}
		c := scheduleChange("notify.schedule.deleted", before)
		c.Before, c.After = before, nil
		return s.events.Record(ctx, c)
	})
}

// Preview is when a schedule is active between two instants.
type Preview struct {
	Timezone string
	From, To time.Time
	Active   []schedule.Interval // merged, in order, in UTC
}

// Bounds of a preview.
const (
	MaxPreview     = 400 * 24 * time.Hour
	defaultPreview = 7 * 24 * time.Hour
)

// PreviewSchedule computes a preview. A zero from is now, and a zero to is a week later. NotFound; Malformed: the time
// runs backwards or is longer than MaxPreview.
func (s *Service) PreviewSchedule(ctx context.Context, sched id.ID, from, to time.Time) (Preview, error) {
	found, err := s.GetSchedule(ctx, sched)
	if err != nil {
		return Preview{}, err
	}
	if from.IsZero() {
		from = s.now()
	}
	if to.IsZero() {
		to = from.Add(defaultPreview)
	}
	if !from.Before(to) {
		return Preview{}, errs.InvalidParameter("to", "must be after from")
	}
	if to.Sub(from) > MaxPreview {
		return Preview{}, errs.InvalidParameter("to", "must be at most 400 days after from")
	}
	return Preview{Timezone: found.Timezone, From: from, To: to, Active: found.Timetable().Intervals(from, to)}, nil
}

// with returns the schedule with p applied and checked.
func (s Schedule) with(p ScheduleParams, now time.Time) (Schedule, error) {
	var f errs.Fields
	if p.Name != nil {
		s.Name = strings.TrimSpace(*p.Name)
	}
	f.Text("name", s.Name, 1, maxScheduleName)
	if p.Timezone != nil {
		s.Timezone = *p.Timezone
		if _, err := schedule.LoadZone(s.Timezone); err != nil {
			f.Add("timezone", "is %v", err)
		}
	}
	if p.Hours != nil {
		s.Hours = *p.Hours
	}
	if p.Exceptions != nil {
		s.Exceptions = *p.Exceptions
	}
	schedule.Timetable{Hours: s.Hours, Exceptions: s.Exceptions}.Validate(&f)
	s.Metadata = mergePairs(s.Metadata, p.Metadata, &f)
	s.UpdatedAt = now
	return s, f.Err()
}

// mergePairs applies changes to metadata: known keys keep their place, new ones come last.
func mergePairs(pairs []Pair, changes []PairChange, f *errs.Fields) []Pair {
	out := slices.Clone(pairs)
	seen := map[string]bool{}
	for i, c := range changes {
		path := fmt.Sprintf("metadata[%d]", i)
		f.Text(path+".key", c.Key, 1, maxMetadataKey)
		if seen[c.Key] {
			f.Add(path+".key", "is given more than once")
		}
		seen[c.Key] = true
		at := slices.IndexFunc(out, func(p Pair) bool { return p.Key == c.Key })
		switch {
		case c.Value == nil && at >= 0:
			out = slices.Delete(out, at, at+1)
		case c.Value == nil:
		default:
			f.Text(path+".value", *c.Value, 0, maxMetadataValue)
			if at < 0 {
				at, out = len(out), append(out, Pair{Key: c.Key})
			}
			out[at].Value = *c.Value
		}
	}
	if len(out) > maxMetadata {
		f.Add("metadata", "must have at most %d elements", maxMetadata)
	}
	return out
}

func scheduleChange(what string, s Schedule) event.Change {
	return event.Change{
		OrganizationID: s.OrganizationID, Type: what, Subject: s.ID, After: s,
		Data: map[string]any{"schedule-id": s.ID, "name": s.Name, "timezone": s.Timezone},
	}
}
