package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// lifecycle takes down what was brought up, last in first out.
type lifecycle struct {
	mu    sync.Mutex
	steps []step
}

type step struct {
	name string
	stop func(context.Context) error
}

// up runs start and, when that succeeds, remembers stop under the same name.
func (l *lifecycle) up(name string, start func() error, stop func(context.Context) error) error {
	if start != nil {
		if err := start(); err != nil {
			return fmt.Errorf("starting the %s: %w", name, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, step{name, stop})
	return nil
}

// down stops everything, each step whatever became of the one before, and returns what went wrong. A second call does
// nothing.
func (l *lifecycle) down(ctx context.Context, logger *slog.Logger) error {
	l.mu.Lock()
	steps := l.steps
	l.steps = nil
	l.mu.Unlock()
	var all []error
	for _, s := range slices.Backward(steps) {
		begun := time.Now()
		if err := s.stop(ctx); err != nil {
			all = append(all, fmt.Errorf("stopping the %s: %w", s.name, err))
		}
		logger.Debug("stopped", "part", s.name, "took", time.Since(begun))
	}
	return errors.Join(all...)
}

// loop runs work again and again in a goroutine, at least once an interval, until the returned stop is called. A failure is
// logged; the next turn comes all the same.
func loop(logger *slog.Logger, name string, every time.Duration, work func(context.Context) error) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			if err := work(ctx); err != nil && ctx.Err() == nil {
				logger.Error("a periodic task failed; it will run again", "task", name, "error", err)
			}
		}
	})
	return func(context.Context) error {
		cancel()
		running.Wait()
		return nil
	}
}
