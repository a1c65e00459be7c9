package jsonapi_test

import (
	"strings"
	"testing"
	"time"

	"switchboard/internal/web"
	"switchboard/internal/web/jsonapi"
)

func TestCompare_UnmarshalValues(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		bounds int
		null   bool
	}{
		">2026-11-22T10:00:00Z":                            {1, false},
		">=2026-11-22T10:00:00.123Z <2026-12-01 00:00:00":  {2, false},
		"<=2026-11-22T10:00:00+01:00|null":                 {1, true},
		">2026-11-22T10:00:00Z|null <2026-11-23T10:00:00Z": {2, true},
		"> 2026-11-22T10:00:00Z":                           {-1, false}, // the space separates in this table
	} {
		var c jsonapi.Compare
		values := strings.Split(strings.Replace(in, " 00:", "_00:", 1), " ")
		for i := range values {
			values[i] = strings.Replace(values[i], "_", " ", 1)
		}
		err := c.UnmarshalValues(values)
		if want.bounds < 0 {
			if err == nil {
				t.Errorf("%q is read as %+v", in, c)
			}
			continue
		}
		if err != nil || len(c.Bounds) != want.bounds || c.OrNull != want.null || c.IsZero() {
			t.Errorf("%q reads as %+v, %v", in, c, err)
		}
	}
	for _, values := range [][]string{
		{""},
		{"2026-11-22T10:00:00Z"},
		{"=2026-11-22T10:00:00Z"},
		{">"},
		{">tomorrow"},
		{"|null"},
		{">|null"},
		{"=>2026-11-22T10:00:00Z"},
		{">2026-11-22T10:00:00Z", ">2026-11-22T10:00:00Z", ">2026-11-22T10:00:00Z"},
		{">2026-11-22T10:00:00.00000000000000000000Z"},
	} {
		if err := new(jsonapi.Compare).UnmarshalValues(values); err == nil {
			t.Errorf("%q is read", values)
		}
	}
}

func TestWithin_UnmarshalValues(t *testing.T) {
	t.Parallel()
	var w jsonapi.Within
	if err := w.UnmarshalValues([]string{">2026-11-22T10:00:00Z", "<2026-11-23T10:00:00Z"}); err != nil || len(w.Bounds) != 2 {
		t.Errorf("two bounds read as %+v, %v", w, err)
	}
	for _, values := range [][]string{{">2026-11-22T10:00:00Z|null"}, {"2026"}} {
		if err := new(jsonapi.Within).UnmarshalValues(values); err == nil {
			t.Errorf("%q is read", values)
		}
	}
}

func TestCompare_Holds(t *testing.T) {
	t.Parallel()
	at, _ := web.ParseTime("2026-11-22T10:00:00Z")
	for in, want := range map[string][4]bool{ // a second before, then, a second after, no value
		"":                            {true, true, true, true},
		">2026-11-22T10:00:00Z":       {false, false, true, false},
		">=2026-11-22T10:00:00Z":      {false, true, true, false},
		"<2026-11-22T10:00:00Z":       {true, false, false, false},
		"<=2026-11-22T10:00:00Z|null": {true, true, false, true},
		">=2026-11-22T10:00:00Z,<=2026-11-22T10:00:00Z": {false, true, false, false},
	} {
		var c jsonapi.Compare
		if in != "" {
			if err := c.UnmarshalValues(strings.Split(in, ",")); err != nil {
				t.Fatal(err)
			}
		}
		got := [4]bool{c.Holds(at.Add(-time.Second)), c.Holds(at), c.Holds(at.Add(time.Second)), c.Holds(time.Time{})}
		if got != want {
			t.Errorf("%q holds for %v, want %v", in, got, want)
		}
	}
	if (jsonapi.Bound{}).Comparator != "" || (jsonapi.Compare{Bounds: []jsonapi.Bound{{Comparator: "?"}}}).Holds(at) {
		t.Error("an unknown comparator holds for nothing")
	}
}

func TestCompare_Only(t *testing.T) {
	t.Parallel()
	c := jsonapi.Compare{Bounds: []jsonapi.Bound{{Comparator: jsonapi.NotUnder}, {Comparator: jsonapi.Before}}}
	if c.Only(jsonapi.NotUnder, jsonapi.NotOver) || !c.Only(jsonapi.NotUnder, jsonapi.Before) || !(jsonapi.Compare{}).Only() {
		t.Error("Only is about every bound")
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(">=2026-11-22T10:00:00Z,<2026-11-23 10:00:00|null")
	f.Add("<")
	f.Fuzz(func(t *testing.T, s string) {
		var c jsonapi.Compare
		if c.UnmarshalValues(strings.Split(s, ",")) != nil {
			return
		}
		if len(c.Bounds) == 0 || len(c.Bounds) > 2 || !c.Only(jsonapi.After, jsonapi.Before, jsonapi.NotOver, jsonapi.NotUnder) {
			t.Errorf("%q reads as %+v", s, c)
		}
		for _, b := range c.Bounds {
			if b.At.IsZero() || b.At.Location() != time.UTC {
				t.Errorf("%q has the bound %v", s, b)
			}
		}
	})
}
