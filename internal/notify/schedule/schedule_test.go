package schedule_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/notify/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := schedule.LoadZone(name)
	if err != nil {
		t.Fatalf("LoadZone(%q) = %v", name, err)
	}
	return z
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func clock(t testing.TB, s string) schedule.Clock {
	t.Helper()
	c, err := schedule.ParseClock(s)
	if err != nil {
		t.Fatalf("ParseClock(%q) = %v", s, err)
	}
	return c
}

func date(t testing.TB, s string) schedule.Date {
	t.Helper()
	d, err := schedule.ParseDate(s)
	if err != nil {
		t.Fatalf("ParseDate(%q) = %v", s, err)
	}
	return d
}

func span(t testing.TB, start, end string) schedule.Span {
	t.Helper()
	return schedule.Span{Start: clock(t, start), End: clock(t, end)}
}

func slot(t testing.TB, day, start, end string) schedule.Slot {
	t.Helper()
	d, err := schedule.ParseDay(day)
	if err != nil {
		t.Fatal(err)
	}
	return schedule.Slot{Day: d, Span: span(t, start, end)}
}

func daily(t testing.TB, start, end string) []schedule.Slot {
	t.Helper()
	var out []schedule.Slot
	for _, day := range schedule.Week() {
		out = append(out, slot(t, day, start, end))
	}
	return out
}

func days(t testing.TB, active bool, from, to string, slots ...schedule.Span) schedule.Exception {
	t.Helper()
	return schedule.Exception{Active: active, Days: &schedule.Days{From: date(t, from), To: date(t, to), Slots: slots}}
}

func TestTimetable_Active(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		zone    string
		hours   []schedule.Slot
		inside  []string
		outside []string
	}{
		{
			"the start is inside, the end is not", "UTC",
			[]schedule.Slot{slot(t, "monday", "09:00", "17:00")},
			[]string{"2026-11-23T09:00:00Z", "2026-11-23T12:00:00Z", "2026-11-23T16:59:59.999Z"},
			[]string{"2026-11-23T08:59:59.999Z", "2026-11-23T17:00:00Z", "2026-11-24T12:00:00Z", "2026-11-22T12:00:00Z"},
		},
		{
			"24:00 ends with the day", "UTC",
			[]schedule.Slot{slot(t, "monday", "22:00", "24:00")},
			[]string{"2026-11-23T23:59:59.999Z"},
			[]string{"2026-11-24T00:00:00Z", "2026-11-23T21:59:59Z"},
		},
		{
			"a whole day", "Asia/Kathmandu", // +05:45 all year
			[]schedule.Slot{slot(t, "monday", "00:00", "24:00")},
			[]string{"2026-11-22T18:15:00Z", "2026-11-23T18:14:59Z"},
			[]string{"2026-11-22T18:14:59Z", "2026-11-23T18:15:00Z"},
		},
		{
			"over midnight it belongs to the day it starts on", "Europe/Berlin",
			[]schedule.Slot{slot(t, "friday", "22:00", "06:00")},
			[]string{"2026-11-20T21:00:00Z", "2026-11-20T23:30:00Z", "2026-11-21T04:59:59Z"},
			[]string{"2026-11-20T20:59:59Z", "2026-11-21T05:00:00Z", "2026-11-20T04:00:00Z", "2026-11-21T21:00:00Z"},
		},
		{
			"over midnight from saturday to sunday", "UTC",
			[]schedule.Slot{slot(t, "saturday", "23:00", "01:00")},
			[]string{"2026-11-21T23:00:00Z", "2026-11-22T00:59:00Z"},
			[]string{"2026-11-22T23:00:00Z", "2026-11-21T00:30:00Z"},
		},
		{
			"00:00 as an end is midnight", "UTC",
			[]schedule.Slot{slot(t, "saturday", "23:00", "00:00")},
			[]string{"2026-11-21T23:59:59Z"},
			[]string{"2026-11-22T00:00:00Z"},
		},
		{
			"an hour skipped in Berlin is absent", "Europe/Berlin", // 2026-03-29 02:00 → 03:00
			daily(t, "02:00", "03:00"),
			[]string{"2026-03-28T01:00:00Z", "2026-03-30T00:00:00Z"},
			[]string{"2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"},
		},
		{
			"a slot into a skipped hour is shorter", "Europe/Berlin",
			daily(t, "01:30", "02:30"),
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T00:59:59Z"},
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"},
		},
		{
			"an hour repeated in Berlin is active both times", "Europe/Berlin", // 2026-10-25 03:00 → 02:00
			daily(t, "02:00", "03:00"),
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T00:59:59Z", "2026-10-25T01:00:00Z", "2026-10-25T01:59:59Z"},
			[]string{"2026-10-24T23:59:59Z", "2026-10-25T02:00:00Z"},
		},
		{
			"part of a repeated hour in New York is active twice", "America/New_York", // 2026-11-01 02:00 → 01:00
			daily(t, "01:15", "01:45"),
			[]string{"2026-11-01T05:15:00Z", "2026-11-01T05:44:59Z", "2026-11-01T06:15:00Z", "2026-11-01T06:44:59Z"},
			[]string{"2026-11-01T05:45:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:14:59Z", "2026-11-01T06:45:00Z"},
		},
		{
			"New York in spring", "America/New_York", // 2026-03-08 02:00 → 03:00
			daily(t, "01:00", "04:00"),
			[]string{"2026-03-08T06:00:00Z", "2026-03-08T07:59:59Z"},
			[]string{"2026-03-08T05:59:59Z", "2026-03-08T08:00:00Z"},
		},
		{
			"half an hour repeated on Lord Howe", "Australia/Lord_Howe", // 2026-04-05 02:00 +11 → 01:30 +10:30
			daily(t, "01:30", "02:00"),
			[]string{"2026-04-04T14:30:00Z", "2026-04-04T14:59:59Z", "2026-04-04T15:00:00Z", "2026-04-04T15:29:59Z"},
			[]string{"2026-04-04T14:29:59Z", "2026-04-04T15:30:00Z"},
		},
		{
			"half an hour skipped on Lord Howe", "Australia/Lord_Howe", // 2026-10-04 02:00 +10:30 → 02:30 +11
			daily(t, "02:00", "03:00"),
			[]string{"2026-10-03T15:30:00Z", "2026-10-03T15:59:59Z"},
			[]string{"2026-10-03T15:29:59Z", "2026-10-03T16:00:00Z"},
		},
		{
			"a day that Samoa skipped", "Pacific/Apia", // there was no 2011-12-30, a friday
			[]schedule.Slot{slot(t, "friday", "00:00", "24:00"), slot(t, "thursday", "22:00", "02:00")},
			[]string{"2011-12-30T08:00:00Z", "2011-12-30T09:59:59Z", "2012-01-06T08:00:00Z"},
			[]string{"2011-12-30T10:00:00Z", "2011-12-30T12:30:00Z"},
		},
		{"no hours are never active", "UTC", nil, nil, []string{"2026-11-23T12:00:00Z"}},
		{
			"before the epoch", "UTC",
			[]schedule.Slot{slot(t, "wednesday", "23:00", "01:00")},
			[]string{"1969-12-31T23:30:00Z", "1970-01-01T00:30:00Z"},
			[]string{"1969-12-31T22:30:00Z", "1970-01-01T01:00:00Z"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			checkActive(t, schedule.Timetable{Zone: zone(t, tc.zone), Hours: tc.hours}, tc.inside, tc.outside)
		})
	}
}

func checkActive(t *testing.T, table schedule.Timetable, inside, outside []string) {
	t.Helper()
	for _, at := range inside {
		if !table.Active(instant(t, at)) {
			t.Errorf("not active at %s", at)
		}
	}
	for _, at := range outside {
		if table.Active(instant(t, at)) {
			t.Errorf("active at %s", at)
		}
	}
}

func TestTimetable_Active_exceptions(t *testing.T) {
	t.Parallel()
	office := daily(t, "08:00", "17:00")
	for _, tc := range []struct {
		name            string
		exceptions      []schedule.Exception
		inside, outside []string
	}{
		{
			"a holiday",
			[]schedule.Exception{days(t, false, "2026-12-25", "2026-12-25")},
			[]string{"2026-12-24T09:00:00+01:00", "2026-12-26T09:00:00+01:00"},
			[]string{"2026-12-25T09:00:00+01:00"},
		},
		{
			"several days, both included",
			[]schedule.Exception{days(t, false, "2026-12-24", "2026-12-26")},
			[]string{"2026-12-23T16:00:00+01:00", "2026-12-27T08:00:00+01:00"},
			[]string{"2026-12-24T08:00:00+01:00", "2026-12-26T16:59:00+01:00"},
		},
		{
			"active outside of the hours",
			[]schedule.Exception{days(t, true, "2026-12-24", "2026-12-24", span(t, "18:00", "20:00"))},
			[]string{"2026-12-24T18:00:00+01:00", "2026-12-24T09:00:00+01:00"},
			[]string{"2026-12-24T17:30:00+01:00", "2026-12-24T20:00:00+01:00", "2026-12-25T18:00:00+01:00"},
		},
		{
			"a later one overrides",
			[]schedule.Exception{
				days(t, false, "2026-12-24", "2026-12-24"),
				days(t, true, "2026-12-24", "2026-12-24", span(t, "08:00", "12:00")),
			},
			[]string{"2026-12-24T08:00:00+01:00", "2026-12-24T11:59:00+01:00"},
			[]string{"2026-12-24T12:00:00+01:00", "2026-12-24T07:00:00+01:00"},
		},
		{
			"maintenance over midnight",
			[]schedule.Exception{days(t, true, "2026-12-24", "2026-12-24", span(t, "22:00", "04:00"))},
			[]string{"2026-12-24T22:00:00+01:00", "2026-12-25T03:59:00+01:00"},
			[]string{"2026-12-24T03:00:00+01:00", "2026-12-25T04:00:00+01:00", "2026-12-25T22:00:00+01:00"},
		},
		{
			"maintenance by instants",
			[]schedule.Exception{{Start: instant(t, "2026-12-24T10:00:00Z"), End: instant(t, "2026-12-24T11:30:00Z")}},
			[]string{"2026-12-24T09:59:59Z", "2026-12-24T11:30:00Z"},
			[]string{"2026-12-24T10:00:00Z", "2026-12-24T11:29:59Z"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			checkActive(t, schedule.Timetable{Zone: zone(t, "Europe/Berlin"), Hours: office, Exceptions: tc.exceptions}, tc.inside, tc.outside)
		})
	}
}

func TestTimetable_Intervals(t *testing.T) {
	t.Parallel()
	night := schedule.Timetable{Zone: zone(t, "Europe/Berlin"), Hours: daily(t, "22:00", "06:00")}
	for _, tc := range []struct {
		name     string
		table    schedule.Timetable
		from, to string
		want     string
	}{
		{
			"spring takes an hour", night, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z",
			"[2026-03-28T21:00:00Z 2026-03-29T04:00:00Z]",
		},
		{
			"autumn gives one", night, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z",
			"[2026-10-24T20:00:00Z 2026-10-25T05:00:00Z]",
		},
		{
			"it is cut at both ends", night, "2026-11-22T23:30:00.5Z", "2026-11-23T21:30:00.25Z",
			"[2026-11-22T23:30:00.5Z 2026-11-23T05:00:00Z] [2026-11-23T21:00:00Z 2026-11-23T21:30:00.25Z]",
		},
		{
			"slots that touch are one",
			schedule.Timetable{Zone: time.UTC, Hours: append(daily(t, "00:00", "12:00"), daily(t, "12:00", "24:00")...)},
			"2026-11-22T10:00:00Z", "2026-12-22T10:00:00Z", "[2026-11-22T10:00:00Z 2026-12-22T10:00:00Z]",
		},
		{
			"a hole in the middle",
			schedule.Timetable{
				Zone: time.UTC, Hours: daily(t, "00:00", "24:00"),
				Exceptions: []schedule.Exception{days(t, false, "2026-11-22", "2026-11-22", span(t, "10:00", "11:00"), span(t, "12:00", "13:00"))},
			},
			"2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z",
			"[2026-11-22T00:00:00Z 2026-11-22T10:00:00Z] [2026-11-22T11:00:00Z 2026-11-22T12:00:00Z] [2026-11-22T13:00:00Z 2026-11-23T00:00:00Z]",
		},
		{"no time has no intervals", night, "2026-11-22T23:30:00Z", "2026-11-22T23:30:00Z", ""},
		{"nor has one that runs back", night, "2026-11-22T23:30:00Z", "2026-11-21T23:30:00Z", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			for i, v := range tc.table.Intervals(instant(t, tc.from), instant(t, tc.to)) {
				if i > 0 {
					got += " "
				}
				got += fmt.Sprintf("[%s %s]", v.Start.Format(time.RFC3339Nano), v.End.Format(time.RFC3339Nano))
			}
			if got != tc.want {
				t.Errorf("Intervals =\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

// Every minute of three days around a change of the clock must be in an interval exactly when it is active.
func TestTimetable_Intervals_agreeWithActive(t *testing.T) {
	t.Parallel()
	for name, around := range map[string][]string{
		"Europe/Berlin":       {"2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"},
		"America/New_York":    {"2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"},
		"Australia/Lord_Howe": {"2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"},
		"Asia/Kathmandu":      {"2026-01-01T00:00:00Z", "1985-12-31T18:30:00Z"},
		"Pacific/Apia":        {"2011-12-30T10:00:00Z"},
		"Africa/Monrovia":     {"1972-01-07T00:44:30Z"}, // an offset of seconds ended
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(20261122, uint64(len(name))))
			for _, at := range around {
				middle := instant(t, at)
				for range 6 {
					table := randomTable(rng, zone(t, name), middle)
					agree(t, table, middle.Add(-36*time.Hour), middle.Add(36*time.Hour))
				}
			}
		})
	}
}

func randomTable(rng *rand.Rand, zone *time.Location, around time.Time) schedule.Timetable {
	table := schedule.Timetable{Zone: zone}
	for range rng.IntN(8) {
		table.Hours = append(table.Hours, schedule.Slot{Day: schedule.Day(rng.IntN(7)), Span: randomSpan(rng)})
	}
	today := schedule.Date(around.Unix() / 86400)
	for range rng.IntN(4) {
		from := today + schedule.Date(rng.IntN(4)-2)
		e := schedule.Exception{Active: rng.IntN(2) == 0, Days: &schedule.Days{From: from, To: from + schedule.Date(rng.IntN(2))}}
		switch rng.IntN(3) {
		case 0:
			start := around.Add(time.Duration(rng.IntN(2000)-1000) * time.Minute)
			e = schedule.Exception{Active: e.Active, Start: start, End: start.Add(time.Duration(1+rng.IntN(600)) * time.Minute)}
		case 1:
			e.Days.Slots = []schedule.Span{randomSpan(rng), randomSpan(rng)}
		}
		table.Exceptions = append(table.Exceptions, e)
	}
	return table
}

func randomSpan(rng *rand.Rand) schedule.Span {
	start := schedule.Clock(rng.IntN(1440))
	end := schedule.Clock(rng.IntN(1441))
	if start == end {
		end = schedule.Midnight
	}
	return schedule.Span{Start: start, End: end}
}

func agree(t *testing.T, table schedule.Timetable, from, to time.Time) {
	t.Helper()
	rest := table.Intervals(from, to)
	for i, v := range rest {
		if !v.Start.Before(v.End) || i > 0 && !rest[i-1].End.Before(v.Start) {
			t.Fatalf("intervals %v are not merged and in order", rest)
		}
	}
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		for len(rest) > 0 && !at.Before(rest[0].End) {
			rest = rest[1:]
		}
		inside := len(rest) > 0 && !at.Before(rest[0].Start)
		if active := table.Active(at); active != inside {
			t.Fatalf("%v: active %v, in an interval %v\n%+v", at, active, inside, table)
		}
	}
}

func TestLoadZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"} {
		zone(t, name)
	}
	for _, name := range []string{"", "Local", "Europe", "Berlin", "../etc/passwd", "/etc/localtime", "Europe/Berlin ", "+01:00", "CEST", string(make([]byte, 100))} {
		if z, err := schedule.LoadZone(name); !errors.Is(err, schedule.ErrZone) {
			t.Errorf("LoadZone(%q) = %v, %v", name, z, err)
		}
	}
}

func TestTimetable_Validate(t *testing.T) {
	t.Parallel()
	at := instant(t, "2026-11-22T10:00:00Z")
	table := schedule.Timetable{
		Hours: []schedule.Slot{
			slot(t, "monday", "09:00", "17:00"),
			slot(t, "monday", "24:00", "17:00"),
			slot(t, "monday", "09:00", "09:00"),
		},
		Exceptions: []schedule.Exception{
			days(t, true, "2026-12-24", "2026-12-23"),
			{Start: at, End: at},
			days(t, true, "2026-12-24", "2026-12-24", span(t, "10:00", "11:00"), span(t, "10:00", "10:00")),
			days(t, true, "2026-12-24", "2026-12-24", make([]schedule.Span, 0)...),
		},
	}
	var f errs.Fields
	table.Validate(&f)
	want := []string{"hours[1].start", "hours[2].end", "exceptions[0].to", "exceptions[1].to", "exceptions[2].slots[1].end"}
	var got []string
	for _, field := range f {
		got = append(got, field.Path)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("wrong fields %v, want %v", got, want)
	}
	f = nil
	many := make([]schedule.Span, schedule.MaxExceptionSlots+1)
	for i := range many {
		many[i] = span(t, "10:00", "11:00")
	}
	hours := make([]schedule.Slot, schedule.MaxSlots+1)
	for i := range hours {
		hours[i] = slot(t, "monday", "09:00", "17:00")
	}
	exceptions := make([]schedule.Exception, schedule.MaxExceptions+1)
	for i := range exceptions {
		exceptions[i] = days(t, true, "2026-12-24", "2026-12-24")
	}
	exceptions[0] = days(t, true, "2026-12-24", "2026-12-24", many...)
	(schedule.Timetable{Hours: hours, Exceptions: exceptions}).Validate(&f)
	if len(f) != 3 || f[0].Path != "hours" || f[1].Path != "exceptions" || f[2].Path != "exceptions[0].slots" {
		t.Errorf("wrong fields %+v", f)
	}
}

func BenchmarkTimetable_Active(b *testing.B) {
	table := schedule.Timetable{Zone: zone(b, "Europe/Berlin"), Hours: daily(b, "09:00", "17:00")}
	at := instant(b, "2026-11-22T10:00:00Z")
	for b.Loop() {
		table.Active(at)
	}
}

func BenchmarkTimetable_Intervals_longest(b *testing.B) {
	table := schedule.Timetable{Zone: zone(b, "Europe/Berlin")}
	for range 7 {
		table.Hours = append(table.Hours, daily(b, "09:00", "17:00")...)
	}
	for range schedule.MaxExceptions {
		table.Exceptions = append(table.Exceptions, days(b, false, "2026-01-01", "2027-12-31", span(b, "10:00", "11:00")))
	}
	from := instant(b, "2026-11-22T10:00:00Z")
	for b.Loop() {
		table.Intervals(from, from.AddDate(0, 0, 400))
	}
}
