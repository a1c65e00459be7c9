package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/audit"
	"switchboard/internal/audit/audittest"
)

// TestChainer_Run runs the loop in its own time.
func TestChainer_Run(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		var log shared
		c := audit.NewChainer(store, store, audittest.NewSigner(), func() time.Time { return time.Now().UTC() }, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { c.Run(ctx); close(done) }()
		store.wait(230, nil)
		time.Sleep(1500 * time.Millisecond) // in the bubble
		if _, got := store.seen(); !slices.Equal(got, []int{100, 100, 30}) {
			t.Errorf("after a second: blocks of %v", got)
		}
		told := strings.Count(log.String(), "the head of the audit")
		store.wait(3, nil)
		time.Sleep(30 * time.Second)
		if n := strings.Count(log.String(), "the head of the audit"); told != 1 || n != 1 {
			t.Errorf("the head was told %d times at once and %d in half a minute", told, n)
		}
		time.Sleep(10 * time.Minute)
		if n := strings.Count(log.String(), "the head of the audit"); n != 2 {
			t.Errorf("the head was told %d times although it moved twice", n)
		}
		store.wait(1, errors.New("no database"))
		time.Sleep(3 * time.Second)
		if !strings.Contains(log.String(), "no database") {
			t.Error("a failure is not logged")
		}
		store.wait(1, nil)
		cancel()
		<-done
		if waiting, _ := store.seen(); waiting != 0 || strings.Count(log.String(), "the head of the audit") != 3 {
			t.Errorf("at the end rows wait, or it was not told:\n%s", &log)
		}
	})
}

// memory is a store of rows that says nothing; only what a Chainer calls is there.
type memory struct {
	audit.Store
	mu      sync.Mutex
	waiting int
	sizes   []int
	head    audit.Head
	fail    error
}

// wait has rows wait, and Waiting fail.
func (m *memory) wait(rows int, fail error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting, m.fail = rows, fail
}

func (m *memory) seen() (waiting int, sizes []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting, slices.Clone(m.sizes)
}

func (m *memory) Do(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }

func (m *memory) Waiting(_ context.Context, limit int) (audit.Head, []audit.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head, make([]audit.Event, min(limit, m.waiting)), m.fail
}

func (m *memory) Head(context.Context) (audit.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head, nil
}

func (m *memory) Place(context.Context, audit.Head, []audit.Event) (bool, error) { return true, nil }

func (m *memory) Append(_ context.Context, b audit.Block, events []audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting -= len(events)
	m.sizes = append(m.sizes, len(events))
	m.head = audit.Head{Block: b.Number, Place: b.Last(), Hash: b.Hash}
	return nil
}

// shared is a text that several goroutines write and read.
type shared struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String returns what was written.
func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
