package delivery

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// span is a quiet hour, "sunday 22:00 07:00" taken apart.
func span(day, start, end string) directory.QuietHour {
	return directory.QuietHour{Day: day, Start: start, End: end}
}

// askQuiet is what the stage says to somebody in a zone at an instant.
func askQuiet(zone string, now time.Time, hours ...directory.QuietHour) verdict {
	one := reachable(transport.SMS)
	one.now, one.user.TZ = now, zone
	prefer(one, directory.Preference{Enabled: true, QuietHours: hours})
	return quiet(one)
}

// TestQuiet_overlaps: quiet hours of one transport may overlap, and what is quiet is their union.
func TestQuiet_overlaps(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	const berlin = "Europe/Berlin" // 2026: an hour is skipped at 2026-03-29T01:00Z, and shown twice until 2026-10-25T01:00Z
	for name, c := range map[string]struct {
		zone  string
		hours []directory.QuietHour
		until map[string]string // by instant; empty: not quiet
	}{
		"of one day": {"UTC", []directory.QuietHour{span("sunday", "12:00", "14:00"), span("sunday", "13:00", "15:30")}, map[string]string{
			"2026-11-22T11:59:59Z": "", "2026-11-22T12:00:00Z": "2026-11-22T15:30:00Z", "2026-11-22T13:30:00Z": "2026-11-22T15:30:00Z",
			"2026-11-22T15:29:59Z": "2026-11-22T15:30:00Z", "2026-11-22T15:30:00Z": "",
		}},
		"in the other order": {"UTC", []directory.QuietHour{span("sunday", "13:00", "15:30"), span("sunday", "12:00", "14:00")}, map[string]string{
			"2026-11-22T12:00:00Z": "2026-11-22T15:30:00Z",
		}},
		"the same twice": {"UTC", []directory.QuietHour{span("sunday", "12:00", "14:00"), span("sunday", "12:00", "14:00")}, map[string]string{
			"2026-11-22T12:00:00Z": "2026-11-22T14:00:00Z", "2026-11-22T14:00:00Z": "",
		}},
		"one within the other": {"UTC", []directory.QuietHour{span("sunday", "10:00", "16:00"), span("sunday", "12:00", "13:00")}, map[string]string{
			"2026-11-22T12:30:00Z": "2026-11-22T16:00:00Z", "2026-11-22T13:00:00Z": "2026-11-22T16:00:00Z",
		}},
		"a minute between": {"UTC", []directory.QuietHour{span("sunday", "12:00", "13:00"), span("sunday", "13:01", "14:00")}, map[string]string{
			"2026-11-22T12:59:59Z": "2026-11-22T13:00:00Z", "2026-11-22T13:00:00Z": "", "2026-11-22T13:01:00Z": "2026-11-22T14:00:00Z",
		}},
		"over midnight into the next day's": {"UTC", []directory.QuietHour{span("sunday", "22:00", "07:00"), span("monday", "06:00", "09:00")}, map[string]string{
			"2026-11-22T22:00:00Z": "2026-11-23T09:00:00Z", "2026-11-23T00:00:00Z": "2026-11-23T09:00:00Z",
			"2026-11-23T07:00:00Z": "2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z": "", "2026-11-22T06:30:00Z": "",
		}},
		"over the end of the week": {"UTC", []directory.QuietHour{span("saturday", "22:00", "07:00"), span("sunday", "00:00", "08:00")}, map[string]string{
			"2026-11-21T23:59:59Z": "2026-11-22T08:00:00Z", "2026-11-22T07:30:00Z": "2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z": "",
		}},
		"until midnight, then on": {"UTC", []directory.QuietHour{span("sunday", "20:00", "24:00"), span("monday", "00:00", "01:00")}, map[string]string{
			"2026-11-22T23:00:00Z": "2026-11-23T01:00:00Z",
		}},
		"over the hour that is skipped": {berlin, []directory.QuietHour{span("sunday", "01:00", "02:30"), span("sunday", "02:15", "03:30")}, map[string]string{
			"2026-03-29T00:00:00Z": "2026-03-29T01:30:00Z", "2026-03-29T00:59:59Z": "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z": "",
		}},
		"within the hour that is skipped": {berlin, []directory.QuietHour{span("sunday", "02:00", "02:40"), span("sunday", "02:20", "03:00")}, map[string]string{
			"2026-03-29T00:59:59Z": "", "2026-03-29T01:00:00Z": "", "2026-04-05T00:00:00Z": "2026-04-05T01:00:00Z", // a week later it exists
		}},
		"over midnight, the night that is shorter": {berlin, []directory.QuietHour{span("saturday", "22:00", "02:30"), span("sunday", "01:30", "04:00")}, map[string]string{
			"2026-03-28T21:00:00Z": "2026-03-29T02:00:00Z", "2026-03-29T02:00:00Z": "",
		}},
		"over the hour that is shown twice": {berlin, []directory.QuietHour{span("sunday", "01:30", "02:30"), span("sunday", "02:15", "03:15")}, map[string]string{
			"2026-10-24T23:30:00Z": "2026-10-25T02:15:00Z", "2026-10-25T00:59:59Z": "2026-10-25T02:15:00Z", "2026-10-25T02:15:00Z": "",
		}},
		"within the hour that is shown twice": {berlin, []directory.QuietHour{span("sunday", "02:10", "02:30"), span("sunday", "02:20", "02:40")}, map[string]string{
			"2026-10-25T00:10:00Z": "2026-10-25T00:40:00Z", "2026-10-25T00:40:00Z": "", "2026-10-25T01:09:59Z": "",
			"2026-10-25T01:10:00Z": "2026-10-25T01:40:00Z", "2026-10-25T01:40:00Z": "",
		}},
		"over midnight, the night that is longer": {berlin, []directory.QuietHour{span("saturday", "22:00", "02:30"), span("sunday", "02:00", "04:00")}, map[string]string{
			"2026-10-24T20:00:00Z": "2026-10-25T03:00:00Z", "2026-10-25T00:45:00Z": "2026-10-25T03:00:00Z", "2026-10-25T03:00:00Z": "",
		}},
	} {
		for now, until := range c.until {
			want := pass()
			if until != "" {
				want = hold(reason.QuietHours, at(until))
			}
			if got := askQuiet(c.zone, at(now), c.hours...); got.reason != want.reason || !got.until.Equal(want.until) {
				t.Errorf("%s, at %s: %s until %v, want %s until %v", name, now, got.reason, got.until, want.reason, want.until)
			}
		}
	}
}

// TestQuiet_isAUnion holds random quiet hours to what each says alone, step by step around both changes of the clock.
func TestQuiet_isAUnion(t *testing.T) {
	t.Parallel()
	const step = 5                         // minutes
	rng := rand.New(rand.NewPCG(2026, 11)) //nolint:gosec // a test that repeats itself
	clock := func() string {
		return time.Time{}.Add(time.Duration(rng.IntN(24*60/step)) * step * time.Minute).Format("15:04")
	}
	for _, from := range []time.Time{time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)} {
		for range 4 {
			hours := make([]directory.QuietHour, 4)
			for i := range hours {
				hours[i] = span(directory.Weekdays()[(6+rng.IntN(3))%7], clock(), "24:00") // saturday to monday
				if end := clock(); end != hours[i].Start && rng.IntN(4) > 0 {
					hours[i].End = end
				}
			}
			var until time.Time // where the quiet time that was met last is to end
			for now := from; now.Before(from.Add(60 * time.Hour)); now = now.Add(step * time.Minute) {
				alone := slices.ContainsFunc(hours, func(h directory.QuietHour) bool {
					return askQuiet("Europe/Berlin", now, h).reason == reason.QuietHours
				})
				got := askQuiet("Europe/Berlin", now, hours...)
				switch together := got.reason == reason.QuietHours; {
				case together != alone:
					t.Fatalf("%v at %v: quiet %v, alone %v", hours, now, together, alone)
				case together && !until.IsZero() && !got.until.Equal(until):
					t.Fatalf("%v at %v: the end moved from %v to %v", hours, now, until, got.until)
				case !together && !until.IsZero() && !now.Equal(until):
					t.Fatalf("%v: quiet ended at %v, and was told to end at %v", hours, now, until)
				}
				until = got.until
			}
		}
	}
}
