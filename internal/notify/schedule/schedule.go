// Package schedule tells when a weekly timetable is active: hours of wall time in an IANA zone, with exceptions for
// holidays and maintenance.
//
// Everything is a pure function of the timetable and an instant. Wall time is what a clock on the wall shows, so a slot
// follows the changes of daylight saving: of an hour that is skipped nothing is active, and an hour that is shown twice is
// active, or not, both times. The package knows no names, identifiers, storage or present time.
package schedule

import (
	"errors"
	"slices"
	"time"
)

// Timetable is when something is active.
type Timetable struct {
	Zone  *time.Location
	Hours []Slot
	// Exceptions override the hours, and a later one those before it.
	Exceptions []Exception
}

// Slot is active once a week. It belongs to the day on which it starts, also where it crosses midnight.
type Slot struct {
	Day Day `json:"day"`
	Span
}

// Span is a part of a day in wall time, from its start, inclusive, to its end, exclusive. A start after the end crosses
// midnight and ends on the next day.
type Span struct {
	Start Clock `json:"start"`
	End   Clock `json:"end"`
}

// Exception decides for a time of its own whether the timetable is active, whatever the hours say: for Days when they
// are set, and for the exact time from Start, inclusive, to End, exclusive, when not. Fractions of
// their seconds do not count.
type Exception struct {
	Active bool      `json:"active"`
	Days   *Days     `json:"days,omitempty"`
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"`
}

// Days are calendar days in the timetable's zone, both included. With Slots the exception holds in these parts of each
// day only; without, from midnight to midnight.
type Days struct {
	From  Date   `json:"from"`
	To    Date   `json:"to"`
	Slots []Span `json:"slots,omitempty"`
}

// ErrZone is returned for a name that is no time zone.
var ErrZone = errors.New("not a time zone of the IANA database, such as Europe/Berlin")

const maxZoneLength = 64

// LoadZone returns the time zone of that name in the IANA database. "Local", which means another zone on every machine,
// and the empty name are refused.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > maxZoneLength {
		return nil, ErrZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, ErrZone
	}
	return zone, nil
}

// Active tells whether the timetable is active at an instant.
func (t Timetable) Active(at time.Time) bool {
	now := wallOf(at, t.Zone)
	for _, e := range slices.Backward(t.Exceptions) {
		if e.covers(at, now) {
			return e.Active
		}
	}
	return slices.ContainsFunc(t.Hours, func(s Slot) bool {
		return s.Day == now.day.Weekday() && s.coversToday(now.second) ||
			s.Day == (now.day-1).Weekday() && s.coversTomorrow(now.second)
	})
}

func (e Exception) covers(at time.Time, now wall) bool {
	if e.Days == nil {
		return e.Start.Unix() <= at.Unix() && at.Unix() < e.End.Unix()
	}
	if len(e.Days.Slots) == 0 {
		return e.Days.include(now.day)
	}
	return slices.ContainsFunc(e.Days.Slots, func(s Span) bool {
		return e.Days.include(now.day) && s.coversToday(now.second) ||
			e.Days.include(now.day-1) && s.coversTomorrow(now.second)
	})
}

func (d *Days) include(day Date) bool { return d.From <= day && day <= d.To }

func (s Span) overnight() bool { return s.Start > s.End }

// coversToday tells whether a span that starts today covers a second of today.
func (s Span) coversToday(second int64) bool {
	return second >= s.Start.seconds() && (s.overnight() || second < s.End.seconds())
}

// coversTomorrow tells whether a span that started yesterday covers a second of today.
func (s Span) coversTomorrow(second int64) bool {
	return s.overnight() && second < s.End.seconds()
}

const daySeconds = 24 * 60 * 60

// wall is what a calendar and a clock on the wall show.
type wall struct {
	day    Date
	second int64 // of the day
}

func wallOf(at time.Time, zone *time.Location) wall {
	_, offset := at.In(zone).Zone()
	return wallAt(at.Unix() + int64(offset))
}

// wallAt cuts seconds of wall time since the beginning of 1970 into day and second.
func wallAt(seconds int64) wall {
	day := seconds / daySeconds
	if seconds%daySeconds < 0 {
		day--
	}
	return wall{day: Date(day), second: seconds - day*daySeconds}
}
