package schedule

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Clock is a time of day in minutes since midnight, 0 to 24:00.
type Clock int

// Midnight is the end of a day, 24:00.
const Midnight Clock = 24 * 60

// ErrClock is returned for text that is no time of day.
var ErrClock = errors.New("not a time of day (HH:mm, 00:00 to 24:00)")

// ParseClock reads HH:mm, 00:00 to 24:00, and nothing shorter or longer.
func ParseClock(s string) (Clock, error) {
	if len(s) != 5 || s[2] != ':' || !digits(s[:2]) || !digits(s[3:]) {
		return 0, ErrClock
	}
	minute := number(s[3:])
	c := Clock(number(s[:2])*60 + minute)
	if minute > 59 || c > Midnight {
		return 0, ErrClock
	}
	return c, nil
}

// String writes HH:mm.
func (c Clock) String() string {
	return string([]byte{'0' + byte(c/600), '0' + byte(c/60%10), ':', '0' + byte(c%60/10), '0' + byte(c%10)})
}

// MarshalText writes HH:mm.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads HH:mm.
func (c *Clock) UnmarshalText(text []byte) (err error) {
	*c, err = ParseClock(string(text))
	return err
}

func (c Clock) seconds() int64 { return int64(c) * 60 }

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

func number(s string) int {
	n := 0
	for _, d := range []byte(s) {
		n = n*10 + int(d-'0')
	}
	return n
}

// Day is a day of the week; its text is the English name in lower case.
type Day time.Weekday

// ErrDay is returned for text that is no day of the week.
var ErrDay = errors.New("not a day (sunday, monday, tuesday, wednesday, thursday, friday, saturday)")

// Week lists the days, from Sunday, in their spelling.
func Week() []string {
	return []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
}

// ParseDay reads the English name of a day in lower case.
func ParseDay(s string) (Day, error) {
	i := slices.Index(Week(), s)
	if i < 0 {
		return 0, ErrDay
	}
	return Day(i), nil
}

// String writes the name.
func (d Day) String() string { return Week()[d] }

// MarshalText writes the name.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the name.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}

// Date is a day of the calendar, counted from the first of 1970.
type Date int

// ErrDate is returned for text that is no date.
var ErrDate = errors.New("not a date (YYYY-MM-DD)")

// ParseDate reads YYYY-MM-DD of the years 1 to 9999.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return 0, ErrDate
	}
	return wallAt(t.Unix()).day, nil
}

// String writes YYYY-MM-DD.
func (d Date) String() string {
	return time.Unix(int64(d)*daySeconds, 0).UTC().Format(time.DateOnly)
}

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

// Weekday returns the day of the week.
func (d Date) Weekday() Day {
	const firstOf1970 = int(time.Thursday)
	return Day(((int(d)+firstOf1970)%7 + 7) % 7)
}
