package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var quiet = slog.New(slog.DiscardHandler)

func TestLifecycle_downIsLastInFirstOut(t *testing.T) {
	t.Parallel()
	var (
		l     lifecycle
		calls []string
	)
	part := func(name string, startErr, stopErr error) error {
		return l.up(name, func() error { calls = append(calls, "+"+name); return startErr },
			func(context.Context) error { calls = append(calls, "-"+name); return stopErr })
	}
	boom := errors.New("boom")
	if err := errors.Join(part("a", nil, boom), part("b", nil, nil)); err != nil {
		t.Fatal(err)
	}
	if err := part("c", boom, nil); !errors.Is(err, boom) {
		t.Errorf("a part that does not start: %v", err)
	}
	if err := l.down(t.Context(), quiet); !errors.Is(err, boom) {
		t.Errorf("down = %v", err)
	}
	if want := []string{"+a", "+b", "+c", "-b", "-a"}; !slices.Equal(calls, want) {
		t.Errorf("calls = %v, want %v", calls, want)
	}
	if err := l.down(t.Context(), quiet); err != nil || len(calls) != 5 {
		t.Errorf("a second down = %v, %v", err, calls)
	}
}

func TestLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		stop := loop(quiet, "test", time.Minute, func(context.Context) error {
			runs++
			return fmt.Errorf("failure %d", runs)
		})
		time.Sleep(3*time.Minute + time.Second) // of the bubble's clock
		if err := stop(t.Context()); err != nil || runs != 3 {
			t.Errorf("%d runs, %v", runs, err)
		}
	})
}
