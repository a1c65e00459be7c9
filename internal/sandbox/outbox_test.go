package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func captured(n int) Capture {
	return Capture{
		Direction: Outbound, Transport: "sms", To: fmt.Sprintf("+1555000%04d", n), Text: fmt.Sprint(n), ReceivedAt: noon.Add(time.Duration(n) * time.Minute),
	}
}

func texts(found []Capture) string {
	var out []string
	for _, c := range found {
		out = append(out, c.Text)
	}
	return strings.Join(out, " ")
}

func TestOutbox_list(t *testing.T) {
	o := newOutbox(maxCaptures, maxBytes)
	for n := 1; n <= 6; n++ {
		c := captured(n)
		switch n {
		case 2:
			c.Transport, c.To = "email", "Ann@example.org"
		case 5:
			c.Direction = Inbound
		}
		o.add(c)
	}
	for name, c := range map[string]struct {
		filter Filter
		want   string
	}{
		"default":       {Filter{}, "1 2 3 4 6"},
		"all":           {Filter{Direction: "all"}, "1 2 3 4 5 6"},
		"inbound":       {Filter{Direction: Inbound}, "5"},
		"transport":     {Filter{Transport: "email"}, "2"},
		"to":            {Filter{To: "ann@EXAMPLE.org"}, "2"},
		"nobody":        {Filter{To: "ann"}, ""},
		"after":         {Filter{After: 3}, "4 6"},
		"since":         {Filter{Since: noon.Add(4 * time.Minute)}, "4 6"},
		"limit":         {Filter{Limit: 2}, "4 6"},
		"limit of some": {Filter{Limit: 1, Transport: "email"}, "2"},
	} {
		found, last, _ := o.list(c.filter)
		if texts(found) != c.want || last != 6 {
			t.Errorf("%s: %q and %d", name, texts(found), last)
		}
	}
}

func TestOutbox_add_forgetsTheOldest(t *testing.T) {
	o := newOutbox(3, maxBytes)
	for n := range 10 {
		o.add(captured(n))
	}
	if found, _, _ := o.list(Filter{}); texts(found) != "7 8 9" {
		t.Errorf("%q", texts(found))
	}
	small := newOutbox(100, 10*1024)
	for n := range 50 {
		c := captured(n)
		c.HTML = strings.Repeat("x", 2000)
		small.add(c)
	}
	found, _, _ := small.list(Filter{})
	if len(found) < 2 || len(found) > 5 || small.bytes > 10*1024 {
		t.Errorf("%d captures of %d bytes", len(found), small.bytes)
	}
	huge := captured(50)
	huge.HTML = strings.Repeat("x", 100_000)
	small.add(huge)
	if found, _, _ := small.list(Filter{}); texts(found) != "50" {
		t.Errorf("%q", texts(found))
	}
}

func TestOutbox_add_cutsLongTexts(t *testing.T) {
	o := newOutbox(10, maxBytes)
	c := captured(1)
	c.Raw.Body = strings.Repeat("ü", maxBody)
	o.add(c)
	found, _, _ := o.list(Filter{})
	if body := found[0].Raw.Body; len(body) > maxBody || len(body) < maxBody-4 || !found[0].Raw.Cut || !utf8.ValidString(body) {
		t.Errorf("%d bytes, cut %v", len(body), found[0].Raw.Cut)
	}
}

func TestOutbox_clear(t *testing.T) {
	o := newOutbox(10, maxBytes)
	first := o.add(captured(1))
	o.clear()
	o.update(first, func(*Capture) { t.Error("a forgotten capture was changed") })
	if found, last, _ := o.list(Filter{}); len(found) != 0 || last != 1 || o.bytes != 0 {
		t.Errorf("%v %d %d", found, last, o.bytes)
	}
	if seq := o.add(captured(2)); seq != 2 {
		t.Errorf("seq %d", seq)
	}
}

func TestSandbox_Await(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan []Capture)
	go func() {
		found, err := s.AwaitCount(t.Context(), Filter{}, 2)
		if err != nil {
			t.Error(err)
		}
		done <- found
	}()
	s.outbox.add(captured(1))
	s.outbox.add(captured(2))
	if found := <-done; texts(found) != "1 2" {
		t.Errorf("%q", texts(found))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := s.AwaitCount(ctx, Filter{}, 200); !errors.Is(err, context.Canceled) || len(found) != 2 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestFailures_next(t *testing.T) {
	var q failures
	q.add(Failure{Transport: "sms", Mode: "500", Count: 2})
	q.add(Failure{Transport: "email", Mode: "slow", Count: 1})
	q.add(Failure{Transport: "sms", Mode: "429", Count: 1})
	for _, want := range []string{"500", "500", "429", ""} {
		got := ""
		if f := q.next("sms"); f != nil {
			got = f.Mode
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if left := q.list(); len(left) != 1 || left[0].Transport != "email" {
		t.Errorf("%+v", left)
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 1},
		{strings.Repeat("a", 160), 1},
		{strings.Repeat("a", 161), 2},
		{strings.Repeat("a", 306), 2},
		{strings.Repeat("a", 307), 3},
		{strings.Repeat("€", 80), 1},
		{strings.Repeat("€", 81), 2},
		{strings.Repeat("é", 160), 1},
		{strings.Repeat("ć", 70), 1},
		{strings.Repeat("ć", 71), 2},
		{strings.Repeat("🚒", 35), 1},
		{strings.Repeat("🚒", 36), 2},
	} {
		if got := segments(c.text); got != c.want {
			t.Errorf("%d × %.4q: %d, want %d", len([]rune(c.text)), c.text, got, c.want)
		}
	}
}
