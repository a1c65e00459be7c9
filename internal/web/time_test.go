package web_test

import (
	"encoding/json"
	"testing"
	"time"

	"switchboard/internal/web"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-11-22T10:00:00Z":                "2026-11-22T10:00:00.000Z",
		"2026-11-22T10:00:00.123456Z":         "2026-11-22T10:00:00.123Z",
		"2026-11-22T10:00:00.9999+02:00":      "2026-11-22T08:00:00.999Z",
		"2026-11-22 10:00:00":                 "2026-11-22T10:00:00.000Z",
		"0001-01-01T00:00:01Z":                "0001-01-01T00:00:01.000Z",
		"9999-12-31T23:59:59.123456789+00:00": "9999-12-31T23:59:59.123Z",
	} {
		got, err := web.ParseTime(in)
		if err != nil || got.Format(web.TimeLayout) != want || got.Location() != time.UTC {
			t.Errorf("ParseTime(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "now", "2026-11-22", "2026-11-22T10:00:00", "2026-13-01T00:00:00Z", "2026-11-22 10:00", "10000-01-01T00:00:00Z",
		"9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "2026-11-22T10:00:00.1234567890123456789012345Z",
	} {
		if got, err := web.ParseTime(in); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", in, got)
		}
	}
}

func TestTime_JSON(t *testing.T) {
	t.Parallel()
	type doc struct {
		At web.Time `json:"at"`
	}
	for in, want := range map[string]string{
		`{"at":"2026-11-22T11:00:00.5+01:00"}`: `{"at":"2026-11-22T10:00:00.500Z"}`,
		`{"at":null}`:                          `{"at":null}`,
		`{}`:                                   `{"at":null}`,
		`{"at":""}`:                            `{"at":null}`,
	} {
		var d doc
		if err := json.Unmarshal([]byte(in), &d); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if raw, err := json.Marshal(d); err != nil || string(raw) != want {
			t.Errorf("%s is written %s, %v", in, raw, err)
		}
	}
	for _, in := range []string{`{"at":1}`, `{"at":"x"}`, `{"at":{}}`, `{"at":true}`} {
		if err := json.Unmarshal([]byte(in), &doc{}); err == nil {
			t.Errorf("%s is read", in)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2026-11-22T10:00:00.123Z")
	f.Add("2026-11-22 10:00:00")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := web.ParseTime(s)
		if err != nil {
			return
		}
		if again, err := web.ParseTime(at.Format(web.TimeLayout)); err != nil || !again.Equal(at) {
			t.Errorf("%q reads as %v, which reads as %v, %v", s, at, again, err)
		}
	})
}
