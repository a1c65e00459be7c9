package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSample_median(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		s    sample
		want float64
	}{
		{"one", sample{7}, 7},
		{"odd", sample{9, 1, 5}, 5},
		{"even", sample{4, 1, 3, 2}, 2.5},
	} {
		if got := tc.s.median(); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	if !math.IsNaN(sample(nil).median()) {
		t.Error("the median of nothing is no number")
	}
	s := sample{3, 1, 2}
	s.median()
	if s[0] != 3 {
		t.Error("the order of the runs was lost")
	}
}

func TestSample_spread(t *testing.T) {
	t.Parallel()
	if got := (sample{3200, 1, 20}).spread(); got != "1.00 – 3,200" {
		t.Errorf("spread %q", got)
	}
	if got := (sample{3}).spread(); got != "" {
		t.Errorf("spread of one run %q", got)
	}
}

func TestSample_over(t *testing.T) {
	t.Parallel()
	// A machine that is slow for one round slows both sides of that round.
	if got := (sample{10, 5, 10}).over(sample{20, 10, 20}); got != .5 {
		t.Errorf("in turns: %v", got)
	}
	if got := (sample{10, 10}).over(sample{5}); got != 2 {
		t.Errorf("apart: %v", got)
	}
}

func TestFigure(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0.00", .4567: "0.46", 9.99: "9.99", 45.12: "45.1", 100: "100", 999.6: "1,000", 1234567: "1,234,567", -4512: "-4,512",
		math.NaN(): "–", math.Inf(1): "–",
	} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := 100; i >= 1; i-- {
		took = append(took, time.Duration(i))
	}
	for p, want := range map[float64]time.Duration{.5: 50, .99: 99, 1: 100, 0: 1} {
		if got := percentile(took, p); got != want {
			t.Errorf("percentile %v = %d, want %d", p, got, want)
		}
	}
	if percentile(nil, .5) != 0 {
		t.Error("percentile of nothing")
	}
}

func TestTable_print(t *testing.T) {
	t.Parallel()
	var tb table
	tb.add(row{
		database: "SQLite", what: "posts/s", got: sample{1000, 3000, 2000}, share: "server 120%",
		limits: []limit{{"commits/s, 1 writer", sample{4000, 4000, 4000}}, {"16 writers", sample{1000}}},
	})
	tb.add(row{database: "SQLite", what: "memory, MiB", got: sample{20}})
	tb.add(row{database: "binary", what: "size, MiB", got: sample{50.12}})
	var out strings.Builder
	tb.print(&out)
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"SQLite posts/s 2,000 1,000 – 3,000 commits/s, 1 writer 4,000 4,000 – 4,000 0.50 server 120%",
		"16 writers 1,000 2.00", "memory, MiB 20.0", "binary size, MiB 50.1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Count(text, "SQLite") != 1 {
		t.Errorf("the database stands on each line:\n%s", out.String())
	}
}
