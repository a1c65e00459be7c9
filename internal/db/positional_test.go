package db

import (
	"slices"
	"strings"
	"testing"
)

func TestPositional(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]struct {
		text  string
		order []int
	}{
		"select 1":                               {"select 1", nil},
		"select $1, $2":                          {"select ?, ?", []int{0, 1}},
		"a = $2 and b = $1 or c = $2":            {"a = ? and b = ? or c = ?", []int{1, 0, 1}},
		"x in ($9,$10,$123)":                     {"x in (?,?,?)", []int{8, 9, 122}},
		"'costs $1' || \"col$2\" || $3":          {"'costs $1' || \"col$2\" || ?", []int{2}},
		"'it''s $1' = $1":                        {"'it''s $1' = ?", []int{0}},
		"select 1 limit $2 offset $1":            {"select 1 limit (?+0) offset (?+0)", []int{1, 0}},
		"select (select 1)LIMIT\n $1":            {"select (select 1)LIMIT\n (?+0)", []int{0}},
		"limits = $1 or no_limit = $1":           {"limits = ? or no_limit = ?", []int{0, 0}},
		"no_limit $1":                            {"no_limit ?", []int{0}},
		"json_extract(x, '$.a'), $ , $a, $0, $1": {"json_extract(x, '$.a'), $ , $a, $0, ?", []int{0}},
	} {
		got := positional(query)
		if got.text != want.text || !slices.Equal(got.order, want.order) {
			t.Errorf("positional(%q) = %q, %v; want %q, %v", query, got.text, got.order, want.text, want.order)
		}
	}
	if _, err := positional("select $3").args([]any{1, 2}); err == nil {
		t.Error("an argument that was not given must be an error")
	}
}

func FuzzPositional(f *testing.F) {
	f.Add("select $1 from t where a = '$2' and b in ($3,$3)")
	f.Fuzz(func(t *testing.T, query string) {
		got := positional(query)
		if n := strings.Count(got.text, "?") - strings.Count(query, "?"); n != len(got.order) {
			t.Errorf("%q: %d placeholders for %d arguments", query, n, len(got.order))
		}
	})
}
