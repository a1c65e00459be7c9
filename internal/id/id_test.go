package id_test

import (
	"encoding/json"
	"sort"
	"testing"

	"switchboard/internal/id"
)

func TestNew_sortsByTime(t *testing.T) {
	t.Parallel()
	var ids []string
	for range 1000 {
		ids = append(ids, id.New().String())
	}
	if !sort.StringsAreSorted(ids) {
		t.Error("identifiers made one after another are out of order")
	}
}

func TestID_spellings(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"00000000-0000-0000-0000-000000000001",
		"ffffffff-ffff-ffff-ffff-ffffffffffff",
		"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b",
	} {
		want := id.MustParse(text)
		if got, err := id.ParseShort(want.Short()); err != nil || got != want {
			t.Errorf("ParseShort(%q) = %v, %v; want %v", want.Short(), got, err, want)
		}
		if got, err := id.ParsePrefixed("usr", want.Prefixed("usr")); err != nil || got != want {
			t.Errorf("ParsePrefixed = %v, %v", got, err)
		}
		if got, err := id.ParsePrefixed("usr", text); err != nil || got != want {
			t.Errorf("ParsePrefixed without its prefix = %v, %v", got, err)
		}
		var scanned id.ID
		stored, _ := want.Value()
		if err := scanned.Scan(stored); err != nil || scanned != want {
			t.Errorf("Scan(Value()) = %v, %v", scanned, err)
		}
	}
}

func TestID_shortSortsLikeTheID(t *testing.T) {
	t.Parallel()
	last := ""
	for range 200 {
		s := id.New().Short()
		if s <= last {
			t.Fatalf("%q does not sort after %q", s, last)
		}
		last = s
	}
}

func TestID_refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "usr_", "0193a4c07b1e7c3d9a445a4f3e2d1c0b", "{0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b}", "site_a2b3c4d5-e6f7-g8h9-i0j1-k2l3m4n5o6p7"} {
		if got, err := id.ParsePrefixed("usr", text); err == nil {
			t.Errorf("ParsePrefixed(%q) = %v, want an error", text, got)
		}
	}
	for _, text := range []string{"", "zzzzzzzzzzzzzzzzzzzzzz", "0", "000000000000000000000-", "0000000000000000000000000"} {
		if got, err := id.ParseShort(text); err == nil {
			t.Errorf("ParseShort(%q) = %v, want an error", text, got)
		}
	}
}

func TestID_JSON(t *testing.T) {
	t.Parallel()
	type doc struct {
		A id.ID `json:"a"`
		B id.ID `json:"b"`
	}
	in := doc{A: id.MustParse("0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b")}
	raw, err := json.Marshal(in)
	if err != nil || string(raw) != `{"a":"0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b","b":null}` {
		t.Fatalf("Marshal = %s, %v", raw, err)
	}
	var out doc
	if err := json.Unmarshal(raw, &out); err != nil || out != in {
		t.Errorf("Unmarshal = %+v, %v", out, err)
	}
}

func FuzzParseShort(f *testing.F) {
	f.Add("0000000000000000000001")
	f.Add("zzzzzzzzzzzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, s string) {
		if i, err := id.ParseShort(s); err == nil && i.Short() != s {
			t.Errorf("%q reads as %v, which is written %q", s, i, i.Short())
		}
	})
}

func TestDerived(t *testing.T) {
	t.Parallel()
	first := id.Derived("issuer", "subject")
	if first != id.Derived("issuer", "subject") {
		t.Error("the same parts give another identifier")
	}
	for _, other := range [][]string{{"issuers", "ubject"}, {"issuer", "subject", ""}, {"issuersubject"}, {"subject", "issuer"}, {}} {
		if id.Derived(other...) == first {
			t.Errorf("%q give the same identifier", other)
		}
	}
	if parsed, err := id.Parse(first.String()); err != nil || parsed != first || first.String()[14] != '8' {
		t.Errorf("%s is no UUIDv8: %v", first, err)
	}
}
