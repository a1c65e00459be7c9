package notify_test

import (
	"fmt"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
	"switchboard/internal/notify/schedule"
)

func TestService_CreateSchedule(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	_, seq := w.Types(t, 0)
	got, err := w.Notify.CreateSchedule(admin, notify.ScheduleParams{Name: new("  nights ")})
	must(t, err)
	want := notify.Schedule{
		ID: got.ID, OrganizationID: w.Org, Name: "nights", Timezone: "Europe/Berlin", CreatedAt: w.Now(), UpdatedAt: w.Now(),
	}
	same(t, "with nothing but a name", got, want)

	full := notify.ScheduleParams{
		Name: new("always"), Timezone: new("Asia/Kathmandu"), Hours: new(notifytest.OfficeHours()),
		Exceptions: &[]schedule.Exception{{Active: true, Start: w.Now(), End: w.Now().Add(time.Hour)}},
		Metadata:   []notify.PairChange{{Key: "a", Value: new("1")}, {Key: "b"}, {Key: "c", Value: new("")}},
	}
	got, err = w.Notify.CreateSchedule(admin, full)
	must(t, err)
	if !got.Active || got.Timezone != "Asia/Kathmandu" || fmt.Sprint(got.Metadata) != "[{a 1} {c }]" {
		t.Errorf("created %+v", got)
	}
	read, err := w.Notify.GetSchedule(admin, got.ID)
	must(t, err)
	same(t, "stored", read, got)
	types, seq := w.Types(t, seq)
	wantTypes(t, types, "notify.schedule.created", "notify.schedule.created")

	slot := schedule.Slot{Span: schedule.Span{Start: 60, End: 60}}
	many := make([]notify.PairChange, 51)
	for i := range many {
		many[i] = notify.PairChange{Key: fmt.Sprint(i), Value: new("")}
	}
	for _, tc := range []struct {
		p    notify.ScheduleParams
		want string
	}{
		{notify.ScheduleParams{}, "name"},
		{notify.ScheduleParams{Name: new("  ")}, "name"},
		{notify.ScheduleParams{Name: new("days")}, "name"},
		{notify.ScheduleParams{Name: new(long(201)), Timezone: new("Berlin")}, "name timezone"},
		{notify.ScheduleParams{Name: new("x"), Timezone: new("")}, "timezone"},
		{notify.ScheduleParams{Name: new("x"), Hours: &[]schedule.Slot{slot}}, "hours[0].end"},
		{notify.ScheduleParams{Name: new("x"), Exceptions: &[]schedule.Exception{{}}}, "exceptions[0].to"},
		{notify.ScheduleParams{Name: new("x"), Metadata: many}, "metadata"},
		{notify.ScheduleParams{Name: new("x"), Metadata: []notify.PairChange{{Value: new("")}}}, "metadata[0].key"},
		{notify.ScheduleParams{Name: new("x"), Metadata: []notify.PairChange{{Key: "a"}, {Key: "a"}}}, "metadata[1].key"},
		{notify.ScheduleParams{Name: new("x"), Metadata: []notify.PairChange{{Key: "a", Value: new(long(4097))}}}, "metadata[0].value"},
	} {
		_, err := w.Notify.CreateSchedule(admin, tc.p)
		wantKind(t, tc.want, err, errs.Invalid)
		wantFields(t, tc.want, err, tc.want)
	}
	if types, _ := w.Types(t, seq); len(types) > 0 {
		t.Errorf("refusals wrote %v", types)
	}
}

func TestService_UpdateSchedule(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	_, seq := w.Types(t, 0)
	want, err := w.Notify.GetSchedule(admin, w.Days.ID)
	must(t, err)
	step := func(what string, p notify.ScheduleParams, change func(*notify.Schedule)) {
		t.Helper()
		w.Pass(time.Second)
		change(&want)
		want.UpdatedAt = w.Now()
		got, err := w.Notify.UpdateSchedule(admin, w.Days.ID, p)
		must(t, err)
		same(t, what, got, want)
		read, err := w.Notify.GetSchedule(admin, w.Days.ID)
		must(t, err)
		same(t, what+", stored", read, want)
	}
	if !want.Active {
		t.Error("the schedule is not active on a monday at 11:00")
	}
	step("nothing", notify.ScheduleParams{}, func(*notify.Schedule) {})
	step("its own name", notify.ScheduleParams{Name: new("days")}, func(*notify.Schedule) {})
	step("the name", notify.ScheduleParams{Name: new("workdays")}, func(s *notify.Schedule) { s.Name = "workdays" })
	step("the zone, in which it is night", notify.ScheduleParams{Timezone: new("America/Los_Angeles")}, func(s *notify.Schedule) {
		s.Timezone, s.Active = "America/Los_Angeles", false
	})
	hours := []schedule.Slot{{Day: schedule.Day(time.Monday), Span: schedule.Span{Start: 0, End: schedule.Midnight}}}
	step("the hours, whole", notify.ScheduleParams{Hours: &hours}, func(s *notify.Schedule) { s.Hours, s.Active = hours, true })
	step("no hours", notify.ScheduleParams{Hours: &[]schedule.Slot{}}, func(s *notify.Schedule) { s.Hours, s.Active = []schedule.Slot{}, false })
	exceptions := []schedule.Exception{{Active: true, Start: w.Now(), End: w.Now().Add(time.Hour)}}
	step("exceptions", notify.ScheduleParams{Exceptions: &exceptions}, func(s *notify.Schedule) { s.Exceptions, s.Active = exceptions, true })
	step("metadata, merged", notify.ScheduleParams{Metadata: []notify.PairChange{{Key: "new", Value: new("n")}, {Key: "team", Value: new("day")}}},
		func(s *notify.Schedule) {
			s.Metadata = []notify.Pair{{Key: "team", Value: "day"}, {Key: "empty"}, {Key: "new", Value: "n"}}
		})
	step("metadata, deleted", notify.ScheduleParams{Metadata: []notify.PairChange{{Key: "empty"}, {Key: "unknown"}}},
		func(s *notify.Schedule) {
			s.Metadata = []notify.Pair{{Key: "team", Value: "day"}, {Key: "new", Value: "n"}}
		})
	types, seq := w.Types(t, seq)
	if len(types) != 9 || types[0] != "notify.schedule.updated" {
		t.Errorf("the log has %v", types)
	}

	_, err = w.Notify.CreateSchedule(admin, notify.ScheduleParams{Name: new("taken")})
	must(t, err)
	_, seq = w.Types(t, seq)
	_, err = w.Notify.UpdateSchedule(admin, w.Days.ID, notify.ScheduleParams{Name: new("taken")})
	wantFields(t, "a name taken", err, "name")
	_, err = w.Notify.UpdateSchedule(admin, w.Days.ID, notify.ScheduleParams{Timezone: new("Local"), Name: new("")})
	wantFields(t, "wrong values", err, "name timezone")
	_, err = w.Notify.UpdateSchedule(admin, id.New(), notify.ScheduleParams{})
	wantKind(t, "unknown", err, errs.NotFound)
	read, err := w.Notify.GetSchedule(admin, w.Days.ID)
	must(t, err)
	same(t, "after refusals", read, want)
	if types, _ := w.Types(t, seq); len(types) > 0 {
		t.Errorf("refusals wrote %v", types)
	}
}

func TestService_DeleteSchedule(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	g, err := w.Notify.CreateGroup(admin, w.Group())
	must(t, err)
	err = w.Notify.DeleteSchedule(admin, w.Days.ID)
	wantCode(t, "in use", err, notify.ScheduleInUse)
	if err.Error() != "notification groups use this schedule: Primary on-call" {
		t.Errorf("the refusal says %q", err)
	}
	must(t, w.Notify.DeleteGroup(admin, g.ID))
	must(t, w.Notify.DeleteSchedule(admin, w.Days.ID))
	wantKind(t, "twice", w.Notify.DeleteSchedule(admin, w.Days.ID), errs.NotFound)
	_, err = w.Notify.GetSchedule(admin, w.Days.ID)
	wantKind(t, "deleted", err, errs.NotFound)
}

func TestService_ListSchedules(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	newer, err := w.Notify.CreateSchedule(admin, notify.ScheduleParams{Name: new("newer")})
	must(t, err)
	list, err := w.Notify.ListSchedules(admin)
	must(t, err)
	if len(list) != 2 || list[0].ID != newer.ID || list[0].Active || list[1].ID != w.Days.ID || !list[1].Active {
		t.Errorf("list %+v", list)
	}
	w.Pass(12 * time.Hour)
	list, err = w.Notify.ListSchedules(admin)
	must(t, err)
	if list[1].Active {
		t.Error("active at night")
	}
}

func TestService_PreviewSchedule(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	member := w.As(t.Context(), actor.Member)
	from := time.Date(2026, 10, 23, 0, 0, 0, 0, time.UTC) // a friday; Berlin's clocks change on sunday
	got, err := w.Notify.PreviewSchedule(member, w.Days.ID, from, from.AddDate(0, 0, 4))
	must(t, err)
	want := notify.Preview{Timezone: "Europe/Berlin", From: from, To: from.AddDate(0, 0, 4), Active: []schedule.Interval{
		{Start: from.Add(7 * time.Hour), End: from.Add(15 * time.Hour)},
		{Start: from.AddDate(0, 0, 3).Add(8 * time.Hour), End: from.AddDate(0, 0, 3).Add(16 * time.Hour)},
	}}
	same(t, "preview", got, want)
	got, err = w.Notify.PreviewSchedule(member, w.Days.ID, time.Time{}, time.Time{})
	must(t, err)
	if !got.From.Equal(w.Now()) || got.To.Sub(got.From) != 7*24*time.Hour || len(got.Active) != 6 {
		t.Errorf("the default preview is %+v", got)
	}
	if _, err = w.Notify.PreviewSchedule(member, w.Days.ID, from, from.Add(notify.MaxPreview)); err != nil {
		t.Error(err)
	}
	for _, to := range []time.Time{from, from.Add(-time.Hour), from.Add(notify.MaxPreview + time.Second)} {
		_, err := w.Notify.PreviewSchedule(member, w.Days.ID, from, to)
		wantKind(t, to.String(), err, errs.Malformed)
		wantFields(t, to.String(), err, "to")
	}
	_, err = w.Notify.PreviewSchedule(member, id.New(), from, from.AddDate(0, 0, 1))
	wantKind(t, "unknown", err, errs.NotFound)
}

// A zone that the database of time zones has dropped must not keep alerts from going out.
func TestSchedule_Timetable_unknownZone(t *testing.T) {
	t.Parallel()
	s := notify.Schedule{Timezone: "Mars/Olympus", Hours: notifytest.OfficeHours()}
	if !s.Timetable().Active(inHours) || s.Timetable().Active(outHours) {
		t.Error("it is not read as UTC")
	}
}
