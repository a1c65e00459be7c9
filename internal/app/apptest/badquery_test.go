package apptest_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/app/apptest"
	"switchboard/internal/id"
	"switchboard/internal/web/webtest"
)

// TestBadQuery sends every operation every parameter that it has with what the parameter does not take: each is refused
// with the parameter named.
func TestBadQuery(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	b := &badInput{Server: s, codes: codes(t, s)}
	w := s.NewOrganization(t)
	tried := 0
	for _, o := range strict(t, s) {
		t.Run(strings.ReplaceAll(o.Route(), "/", "_"), func(t *testing.T) {
			r := sample(t, w, &o)
			for _, p := range o.Query() {
				for _, raw := range outside(p) {
					tried++
					b.refuseQuery(t, w, r, p.Name, raw)
				}
			}
			b.refuseQuery(t, w, r, "unheard-of", "unheard-of=1")
			if len(o.Query()) > 0 {
				b.accept(t, w, r)
			}
		})
	}
	if t.Logf("%d requests with a wrong parameter", tried); tried < 300 {
		t.Error("too few: are the parameters still found in the document?")
	}
}

// outside are queries, as they stand in an address, that a parameter does not take.
func outside(p apptest.Param) []string {
	name := url.QueryEscape(p.Name)
	out := []string{name + "=%ff", name + "=%zz", name + "=a%00b"}
	s := p.Schema
	list := s.Type == "array"
	if list && s.Items != nil {
		s = s.Items
		out = append(out, name+"=", name+"=,")
	} else {
		out = append(out, name+"=a&"+name+"=b")
	}
	add := func(values ...string) {
		for _, v := range values {
			out = append(out, name+"="+url.QueryEscape(v))
		}
	}
	switch {
	case s.Identifier():
		add("x", id.Nil.String(), id.New().String()+"x")
	case len(s.Enum) > 0:
		add("none of them")
	case s.Type == "integer":
		add("x", "1.5", "1e3", "99999999999999999999", "-99999")
	case s.Type == "boolean":
		add("1", "TRUE", "yes", "")
	case s.Format == "date-time":
		add("soon", "2026-02-30T00:00:00Z", "")
	}
	if s.MaxLength != nil {
		add(strings.Repeat("x", *s.MaxLength+1))
	}
	if list {
		out = append(out, strings.Repeat(name+"=x&", 2000))
	}
	return out
}

func (b *badInput) refuseQuery(t *testing.T, w *apptest.World, r *apptest.Request, parameter, raw string) {
	t.Helper()
	b.sent++
	base := r.Clone()
	base.Query.Del(parameter)
	do := base.Do()
	if strings.Contains(do, "?") {
		do += "&" + raw
	} else {
		do += "?" + raw
	}
	got := webtest.Do(t, b, w.Key, do, r.Body)
	if got.Status != 400 {
		t.Errorf("%.200s: status %d, want 400: %s", do, got.Status, brief(string(got.Body)))
		return
	}
	if problem := b.misshapen(t, r.Operation.API, got); problem != "" {
		t.Errorf("%.200s: %s: %s", do, problem, got.Body)
	}
	if !strings.Contains(string(got.Body), parameter) && !strings.Contains(string(got.Body), "too many parameters") {
		t.Errorf("%.200s: the parameter is not named: %s", do, got.Body)
	}
}

// accept sends every parameter once with what it takes; none is refused, and no record of another kind is taken for one.
func (b *badInput) accept(t *testing.T, w *apptest.World, r *apptest.Request) {
	t.Helper()
	for _, p := range r.Places() {
		if !strings.HasPrefix(p.At, "?") {
			continue
		}
		var values []string
		switch {
		case p.Kind != "":
			values = []string{
				w.Spell(t, r.Operation.API, p.Kind), w.Spell(t, r.Operation.API, apptest.Another(p.Kind)), apptest.Spelled(r.Operation.API, id.New()),
			}
		case p.Schema.Type == "boolean":
			values = []string{"true", "false"}
		case p.Schema.Type == "integer" && p.Schema.Minimum != nil:
			values = []string{"1"}
		default:
			values = []string{"Good", "%_\\'\"*()[]{}", "日本", strings.Repeat(" ", 10)}
		}
		for _, v := range values {
			got := webtest.Do(t, b, w.Key, r.With(t, p, v).Do(), r.Body)
			if !slices.Contains([]int{200, 204, 400, 403, 404, 422}, got.Status) {
				t.Errorf("%s=%s: %d %s", p.At, v, got.Status, got.Body)
			}
		}
	}
}
