package web

import (
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Time is an instant: RFC 3339 in UTC with milliseconds, null when it is zero. It reads RFC 3339 of any offset and
// "YYYY-MM-DD hh:mm:ss", which is UTC.
type Time struct{ time.Time }

// TimeLayout is how instants are written.
const TimeLayout = "2006-01-02T15:04:05.000Z"

const maxTimeLength = 40

var errTime = errors.New("not an instant (2026-11-22T10:00:00.123Z)")

// ParseTime reads the spellings that the API accepts, to whole milliseconds.
func ParseTime(s string) (time.Time, error) {
	if len(s) > maxTimeLength {
		return time.Time{}, errTime
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(time.DateTime, s)
	}
	if err != nil || t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errTime
	}
	t = t.UTC().Truncate(time.Millisecond)
	if t.Year() < 1 || t.Year() > 9999 { // an offset can push it out
		return time.Time{}, errTime
	}
	return t, nil
}

// MarshalJSON writes the instant.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(make([]byte, 0, len(TimeLayout)+2), `"`+TimeLayout+`"`), nil
}

// UnmarshalText reads an instant; empty text is the zero instant.
func (t *Time) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Time{}
		return nil
	}
	parsed, err := ParseTime(string(text))
	if err != nil {
		return err
	}
	*t = Time{parsed}
	return nil
}

// UnmarshalJSON reads an instant or null.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if len(data) < 2 || data[0] != '"' {
		return errTime
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}

// Schema is that of an instant.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: false}
}
