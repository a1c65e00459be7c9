package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/access"
	"switchboard/internal/id"
)

func TestAnswer_About(t *testing.T) {
	t.Parallel()
	a, b := id.New(), id.New()
	for name, tc := range map[string]struct {
		body string
		want []id.ID
	}{
		"nothing":   {"", nil},
		"no record": {`{"data":{"type":"messages","attributes":{"message":"Good morning"}}}`, nil},
		"canonical": {`{"id":"` + a.String() + `"}`, []id.ID{a}},
		"short":     {`{"id":"` + a.Short() + `"}`, []id.ID{a}},
		"prefixed":  {`{"id":"usr_` + a.String() + `"}`, []id.ID{a}},
		"capitals":  {strings.ToUpper(a.String()), []id.ID{a}},
		"a link":    {`/v1/users/` + a.String() + `/x`, []id.ID{a}},
		"each once": {a.String() + " " + b.Short() + " " + a.Short(), []id.ID{a, b}},
		"a word":    {"abcdefghijklmnopqrstuvwxyz-0123456789-ABCDE", nil},
		"none":      {id.Nil.String(), nil},
	} {
		got := access.Answer{Body: []byte(tc.body)}.About()
		if !cmp.Equal(got, tc.want) {
			t.Errorf("%s: %s", name, cmp.Diff(tc.want, got))
		}
	}
}

func FuzzAnswer_About(f *testing.F) {
	f.Add("x", "01936f00-0000-7000-8000-000000000001")
	f.Fuzz(func(t *testing.T, before, named string) {
		want, err := id.Parse(named)
		if err != nil || want.IsZero() {
			return
		}
		got := access.Answer{Body: []byte(before + `"` + named + `"`)}.About()
		if !slices.Contains(got, want) {
			t.Errorf("%q is not found behind %q: %v", named, before, got)
		}
	})
}
