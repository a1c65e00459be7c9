package schedule_test

import (
	"encoding/json"
	"testing"
	"time"

	"switchboard/internal/notify/schedule"
)

func TestParseClock(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]schedule.Clock{"00:00": 0, "00:01": 1, "09:30": 570, "23:59": 1439, "24:00": schedule.Midnight} {
		if got, err := schedule.ParseClock(s); got != want || err != nil || got.String() != s {
			t.Errorf("ParseClock(%q) = %d (%s), %v", s, got, got, err)
		}
	}
	for _, s := range []string{"", "9:30", "09:60", "24:01", "25:00", "09-30", "09:30:00", "+9:30", "０９:30", "-1:00", "ab:cd", "09:3 "} {
		if got, err := schedule.ParseClock(s); err == nil {
			t.Errorf("ParseClock(%q) = %s", s, got)
		}
	}
}

func TestParseDay(t *testing.T) {
	t.Parallel()
	for i, s := range schedule.Week() {
		if got, err := schedule.ParseDay(s); int(got) != i || err != nil || got.String() != s {
			t.Errorf("ParseDay(%q) = %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Monday", "mon", "everyday", "monday "} {
		if got, err := schedule.ParseDay(s); err == nil {
			t.Errorf("ParseDay(%q) = %s", s, got)
		}
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for s, day := range map[string]string{"1970-01-01": "thursday", "2026-11-22": "sunday", "1969-12-31": "wednesday", "2028-02-29": "tuesday", "0001-01-01": "monday", "9999-12-31": "friday"} {
		if got, err := schedule.ParseDate(s); err != nil || got.String() != s || got.Weekday().String() != day {
			t.Errorf("ParseDate(%q) = %s, %s, %v", s, got, got.Weekday(), err)
		}
	}
	for _, s := range []string{"", "2026-02-30", "2026-2-3", "26-02-03", "2026-11-22T00:00:00Z", "0000-01-01"} {
		if got, err := schedule.ParseDate(s); err == nil {
			t.Errorf("ParseDate(%q) = %s", s, got)
		}
	}
}

func TestTimetable_asJSON(t *testing.T) {
	t.Parallel()
	in := struct {
		Hours      []schedule.Slot
		Exceptions []schedule.Exception
	}{
		[]schedule.Slot{slot(t, "friday", "22:00", "24:00")},
		[]schedule.Exception{
			days(t, true, "2026-12-24", "2026-12-26", span(t, "08:00", "12:00")),
			{Start: instant(t, "2026-12-24T10:00:00Z"), End: instant(t, "2026-12-24T11:00:00Z")},
		},
	}
	raw, err := json.Marshal(in)
	const want = `{"Hours":[{"day":"friday","start":"22:00","end":"24:00"}],"Exceptions":[` +
		`{"active":true,"days":{"from":"2026-12-24","to":"2026-12-26","slots":[{"start":"08:00","end":"12:00"}]}},` +
		`{"active":false,"start":"2026-12-24T10:00:00Z","end":"2026-12-24T11:00:00Z"}]}`
	if string(raw) != want || err != nil {
		t.Errorf("Marshal = %s, %v", raw, err)
	}
	out := in
	out.Hours, out.Exceptions = nil, nil
	if err := json.Unmarshal(raw, &out); err != nil || out.Hours[0] != in.Hours[0] || out.Exceptions[0].Days.Slots[0] != in.Exceptions[0].Days.Slots[0] {
		t.Errorf("Unmarshal = %+v, %v", out, err)
	}
}

func FuzzParseClock(f *testing.F) {
	for _, s := range []string{"00:00", "24:00", "9:30", "23:59", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := schedule.ParseClock(s); err == nil && (c.String() != s || c < 0 || c > schedule.Midnight) {
			t.Errorf("ParseClock(%q) = %d, %s", s, c, c)
		}
	})
}

func FuzzParseDay(f *testing.F) {
	for _, s := range schedule.Week() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := schedule.ParseDay(s); err == nil && d.String() != s {
			t.Errorf("ParseDay(%q) = %s", s, d)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"1970-01-01", "2026-02-30", "0001-01-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := schedule.ParseDate(s)
		if err != nil {
			return
		}
		at, perr := time.Parse(time.DateOnly, s)
		if perr != nil || d.String() != s || schedule.Day(at.Weekday()) != d.Weekday() {
			t.Errorf("ParseDate(%q) = %s, %s", s, d, d.Weekday())
		}
	})
}

// What decodes must encode to itself again, and neither Active nor Intervals may fail on it.
func FuzzTimetable(f *testing.F) {
	f.Add(`[{"day":"friday","start":"22:00","end":"06:00"}]`, `[{"active":true,"days":{"from":"2026-12-24","to":"2026-12-26"}}]`, int64(1795860000))
	f.Add(`[{"day":"sunday","start":"00:00","end":"24:00"}]`, `[{"active":false,"start":"2026-12-24T10:00:00Z","end":"2026-12-24T11:00:00Z"}]`, int64(0))
	f.Fuzz(func(t *testing.T, hours, exceptions string, at int64) {
		table := schedule.Timetable{Zone: time.UTC}
		if json.Unmarshal([]byte(hours), &table.Hours) != nil || json.Unmarshal([]byte(exceptions), &table.Exceptions) != nil {
			return
		}
		raw, err := json.Marshal(table.Hours)
		var again []schedule.Slot
		if err != nil || json.Unmarshal(raw, &again) != nil || len(again) != len(table.Hours) {
			t.Fatalf("%q became %s, %v", hours, raw, err)
		}
		from := time.Unix(at%(1<<33), 0)
		agree(t, table, from, from.Add(3*time.Hour))
	})
}
