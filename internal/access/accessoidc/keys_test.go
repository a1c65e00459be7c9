package accessoidc

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
)

// issuer answers for keys in the place of the network, in the time of a bubble.
type issuer struct {
	*keys
	mu      sync.Mutex
	names   []string
	problem error
	slow    chan struct{} // an answer waits for it, with the keys of when it was asked
	at      []time.Time   // when it was asked
}

func newIssuer(t *testing.T, names ...string) *issuer {
	i := &issuer{names: names, keys: newKeys("https://id.example", "access.oidc.corp.issuer", clock.System)}
	i.load = i.answer
	t.Cleanup(i.close)
	return i
}

func (i *issuer) answer(ctx context.Context) ([]jose.JSONWebKey, error) {
	i.mu.Lock()
	i.at = append(i.at, time.Now())
	var set []jose.JSONWebKey
	for _, name := range i.names {
		set = append(set, jose.JSONWebKey{KeyID: name})
	}
	slow, problem := i.slow, i.problem
	i.mu.Unlock()
	if slow != nil {
		<-slow
	}
	return set, errors.Join(problem, ctx.Err())
}

func (i *issuer) change(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) fetches() []time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.at)
}

// known asks for a key and returns how long that took.
func (i *issuer) known(t *testing.T, name string, want bool) time.Duration {
	t.Helper()
	begun := time.Now()
	found, err := i.find(t.Context(), name)
	if err != nil || (len(found) == 1) != want {
		t.Errorf("the key %s: %v, %v", name, found, err)
	}
	return time.Since(begun)
}

// TestKeys_new gives tokens of keys that are younger than the last fetch: each is taken, soon when the fetch before brought a key
// too, and else when the next fetch may be.
func TestKeys_new(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "a")
		for _, step := range []struct {
			name string
			new  bool
			want time.Duration
		}{
			{"a", true, 0},
			{"b", true, earlyGap},
			{"c", true, earlyGap},
			{"made-up", false, earlyGap},
			{"d", true, fetchGap},
			{"e", true, earlyGap},
			{"e", true, 0},
			{"made-up", false, earlyGap},
			{"made-up", false, fetchGap},
		} {
			if step.new {
				i.change(func() { i.names = []string{step.name} })
			}
			if took := i.known(t, step.name, step.new); took != step.want {
				t.Errorf("%s took %s, not %s", step.name, took, step.want)
			}
		}
	})
}

// TestKeys_underWay changes the key behind the back of a fetch that is under way: what it brings is too old to judge by.
func TestKeys_underWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "a")
		slow := make(chan struct{})
		i.slow = slow
		var all sync.WaitGroup
		all.Go(func() { i.known(t, "a", true) })
		synctest.Wait()
		i.change(func() { i.names, i.slow = []string{"b"}, nil })
		all.Go(func() { i.known(t, "b", true) })
		synctest.Wait()
		close(slow)
		all.Wait()
		if n := len(i.fetches()); n != 2 {
			t.Errorf("it was asked %d times", n)
		}
	})
}

// TestKeys_flood sends made-up keys for a minute: the issuer is asked as seldom as ever, who has a good key never waits, and one
// that is new is found meanwhile.
func TestKeys_flood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "a")
		i.known(t, "a", true)
		flood, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				for flood.Err() == nil {
					if found, err := i.find(t.Context(), strconv.Itoa(n)); err != nil || found != nil {
						t.Errorf("a made-up key: %v, %v", found, err)
					}
				}
			})
		}
		all.Go(func() {
			for second := range 60 {
				time.Sleep(time.Second)
				if took := i.known(t, "a", true); took != 0 {
					t.Errorf("a good key waits %s", took)
				}
				if second == 30 {
					i.change(func() { i.names = []string{"a", "b"} })
					if took := i.known(t, "b", true); took > fetchGap {
						t.Errorf("a new key waits %s", took)
					}
				}
			}
		})
		all.Wait()
		var soon int
		at := i.fetches()
		for n := 1; n < len(at); n++ {
			switch gap := at[n].Sub(at[n-1]); {
			case gap == earlyGap:
				soon++
			case gap < fetchGap:
				t.Errorf("it was asked %s after the time before", gap)
			}
		}
		if soon > 2 { // behind the first keys, and behind the new one
			t.Errorf("it was asked %d times soon after the time before", soon)
		}
	})
}

// TestKeys_crowd lets more wait than may. Those that may wait are answered, and make room.
func TestKeys_crowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "a")
		var all sync.WaitGroup
		for range 2 * maxWaiting { // nobody knows a key yet, so that all may wait
			all.Go(func() { i.known(t, "a", true) })
		}
		all.Wait()
		i.change(func() { i.names = []string{"b"} })
		for range maxWaiting {
			all.Go(func() { i.known(t, "b", true) })
		}
		synctest.Wait()
		_, err := i.find(t.Context(), "b")
		if e, ok := errors.AsType[*errs.Error](err); !ok || e.Code != errs.CodeRateLimited || e.RetryAfter != fetchGap {
			t.Errorf("one too many: %v", err)
		}
		i.known(t, "a", true)
		all.Wait()
		i.known(t, "made-up", false)
	})
}

// TestKeys_leaving lets who waits give up, and the server stop.
func TestKeys_leaving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "a")
		i.known(t, "a", true)
		impatient, giveUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, ctx := range []context.Context{impatient, t.Context()} {
			all.Go(func() {
				if _, err := i.find(ctx, "made-up"); !errs.Is(err, errs.CodeUnavailable) {
					t.Errorf("who waits is told %v", err)
				}
			})
		}
		synctest.Wait()
		giveUp()
		synctest.Wait()
		i.close()
		all.Wait()
		if i.waiting != 0 {
			t.Errorf("%d wait for ever", i.waiting)
		}
	})
}

// TestKeys_down asks an issuer that fails, which nobody waits for.
func TestKeys_down(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t, "a")
		i.problem = errors.New("down")
		for range 3 {
			begun := time.Now()
			if _, err := i.find(t.Context(), "a"); !errs.Is(err, errs.CodeUnavailable) || time.Since(begun) != 0 {
				t.Errorf("after %s: %v", time.Since(begun), err)
			}
		}
		if n := len(i.fetches()); n != 1 {
			t.Errorf("it was asked %d times", n)
		}
		time.Sleep(fetchGap)
		i.change(func() { i.problem = nil })
		i.known(t, "a", true)
		i.change(func() { i.problem = errors.New("down") })
		if _, err := i.find(t.Context(), "b"); !errs.Is(err, errs.CodeUnavailable) {
			t.Errorf("a key that cannot be asked for: %v", err)
		}
		i.known(t, "a", true)
	})
}
