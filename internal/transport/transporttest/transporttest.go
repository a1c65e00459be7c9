// Package transporttest is what every provider must keep of the promises of transport.Sender, as one suite that each
// provider's tests run against a scripted counterpart on a loopback socket.
//
// The counterparts here know nothing of any provider: they answer what they are told and write down what arrived. What
// the requests must look like is each provider's own golden files.
package transporttest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/redact"
	"switchboard/internal/transport"
)

// Counterpart is the provider's side of the wire. It answers every call as it was last told, until told otherwise.
type Counterpart interface {
	// Accept takes every message.
	Accept()
	// Slow takes every message, once gate is closed.
	Slow(gate <-chan struct{})
	// Hang reads every message and never answers.
	Hang()
	// Reset reads every message and breaks the connection in place of an answer.
	Reset()
	// Arrived receives once for every message that was read to its end.
	Arrived() <-chan struct{}
	// Keys lists the idempotency keys of the messages that arrived, in order.
	Keys() []string
	// Down stops listening, so that connections are refused.
	Down()
}

// Answer is one way in which the provider can answer, and what the sender must make of it.
type Answer struct {
	Name   string
	Script func() // tells the counterpart to answer so
	Want   Verdict
}

// Verdict is what a caller learns from a failure. The zero Verdict is success.
type Verdict struct {
	Reason     reason.Reason
	Retry      bool
	RetryAfter time.Duration
	Ambiguous  bool
}

// Suite is one provider to be tested.
type Suite struct {
	// Start returns a fresh counterpart, a sender that speaks to it and a message that it takes; the suite calls it for
	// each case. The sender's limits must be longer than a minute.
	Start func(t *testing.T) (Counterpart, transport.Sender, transport.Message)
	// Answers lists every answer of c that the provider's protocol knows.
	Answers func(c Counterpart) []Answer
	// Secrets that the sender knows; none may show in anything it returns, though the answers of the counterpart
	// contain them.
	Secrets []string
	// Keyless is set for providers that take no idempotency key.
	Keyless bool
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Suite)
	}{
		{"accepts", accepts},
		{"answers", answers},
		{"slow_answer", slowAnswer},
		{"time-out", timeOut},
		{"called_off", calledOff},
		{"called_off_beforehand", calledOffBeforehand},
		{"reset", reset},
		{"connection_refused", connectionRefused},
		{"idempotency_key", idempotencyKey},
		{"concurrent", concurrent},
		{"close", closing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, s)
		})
	}
}

// send makes one attempt and checks what holds for all of them.
func (s Suite) send(ctx context.Context, t *testing.T, sender transport.Sender, m transport.Message) (transport.Result, *transport.Error) {
	t.Helper()
	result, err := sender.Send(ctx, m)
	if err == nil {
		if result.State != transport.Accepted && result.State != transport.Delivered {
			t.Errorf("a message that was taken is %q", result.State)
		}
		s.checkText(t, result.Detail)
		return result, nil
	}
	failure, ok := errors.AsType[*transport.Error](err)
	if !ok {
		t.Fatalf("%v (%T) is no *transport.Error", err, err)
	}
	if !failure.Reason.Valid() || failure.Reason == reason.OK {
		t.Errorf("the reason of %v is %q", err, failure.Reason)
	}
	if failure.RetryAfter > 0 && !failure.Retry {
		t.Errorf("%v is not to be retried, after %v", err, failure.RetryAfter)
	}
	if result != (transport.Result{}) {
		t.Errorf("a failure came with the result %+v", result)
	}
	s.checkText(t, failure.Detail)
	s.checkText(t, failure.Code)
	return result, failure
}

// checkText checks a text that will be stored and shown.
func (s Suite) checkText(t *testing.T, text string) {
	t.Helper()
	for _, secret := range s.Secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the secret %q shows in %q", secret, text)
		}
	}
	if utf8.RuneCountInString(text) > redact.MaxLine || strings.ContainsAny(text, "\r\n\x00") || !utf8.ValidString(text) {
		t.Errorf("%q is not one bounded line", text)
	}
}

func verdictOf(e *transport.Error) Verdict {
	if e == nil {
		return Verdict{}
	}
	return Verdict{e.Reason, e.Retry, e.RetryAfter, e.Ambiguous}
}

// fresh gives m the ids of another delivery.
func fresh(m transport.Message) transport.Message {
	m.DeliveryID, m.AttemptID = id.New(), id.New()
	return m
}

func accepts(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Accept()
	for range 3 {
		if _, err := s.send(t.Context(), t, sender, fresh(m)); err != nil {
			t.Fatal(err)
		}
		<-c.Arrived()
	}
	if n := len(c.Keys()); n != 3 {
		t.Errorf("%d messages arrived of 3", n)
	}
}

func answers(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	for _, a := range s.Answers(c) {
		a.Script()
		before := len(c.Keys())
		_, err := s.send(t.Context(), t, sender, fresh(m))
		if got := verdictOf(err); got != a.Want {
			t.Errorf("%s: %+v, want %+v (%v)", a.Name, got, a.Want, err)
		}
		if err != nil && (err.Code == "" || err.Detail == "") {
			t.Errorf("%s: %+v does not say what the provider answered", a.Name, err)
		}
		if n := len(c.Keys()) - before; n > 1 {
			t.Errorf("%s: one attempt sent the message %d times", a.Name, n)
		}
		drain(c)
	}
	c.Accept()
	if _, err := s.send(t.Context(), t, sender, fresh(m)); err != nil {
		t.Errorf("after all failures: %v", err)
	}
}

func drain(c Counterpart) {
	for {
		select {
		case <-c.Arrived():
		default:
			return
		}
	}
}

func slowAnswer(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	gate := make(chan struct{})
	c.Slow(gate)
	go func() {
		<-c.Arrived()
		close(gate)
	}()
	if _, err := s.send(t.Context(), t, sender, m); err != nil {
		t.Error(err)
	}
}

func timeOut(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.send(ctx, t, sender, m)
	if want := (Verdict{reason.ProviderUnavailable, true, 0, true}); verdictOf(err) != want {
		t.Errorf("%+v, want %+v (%v)", verdictOf(err), want, err)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not say that time ran out", err)
	}
	recovers(t, s, c, sender, m)
}

func calledOff(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-c.Arrived()
		cancel()
	}()
	_, err := s.send(ctx, t, sender, m)
	if want := (Verdict{reason.ProviderUnavailable, true, 0, true}); verdictOf(err) != want {
		t.Errorf("%+v, want %+v (%v)", verdictOf(err), want, err)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that it was called off", err)
	}
	recovers(t, s, c, sender, m)
}

func calledOffBeforehand(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Accept()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.send(ctx, t, sender, m)
	if want := (Verdict{reason.ProviderUnavailable, true, 0, false}); verdictOf(err) != want || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, want %+v (%v)", verdictOf(err), want, err)
	}
	if n := len(c.Keys()); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}

func reset(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Reset()
	_, err := s.send(t.Context(), t, sender, m)
	if want := (Verdict{reason.ProviderUnavailable, true, 0, true}); verdictOf(err) != want {
		t.Errorf("%+v, want %+v (%v)", verdictOf(err), want, err)
	}
	if n := len(c.Keys()); n != 1 {
		t.Errorf("one attempt sent the message %d times", n)
	}
	recovers(t, s, c, sender, m)
}

// recovers checks that a sender is none the worse for what it met, stale connections included.
func recovers(t *testing.T, s Suite, c Counterpart, sender transport.Sender, m transport.Message) {
	t.Helper()
	c.Accept()
	for range 2 {
		if _, err := s.send(t.Context(), t, sender, m); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

func connectionRefused(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Down()
	_, err := s.send(t.Context(), t, sender, m)
	if want := (Verdict{reason.ProviderUnavailable, true, 0, false}); verdictOf(err) != want {
		t.Errorf("%+v, want %+v (%v)", verdictOf(err), want, err)
	}
}

func idempotencyKey(t *testing.T, s Suite) {
	if s.Keyless {
		t.Skip("the provider takes no idempotency key")
	}
	c, sender, m := s.Start(t)
	c.Reset()
	for range 2 {
		m.AttemptID = id.New()
		_, _ = s.send(t.Context(), t, sender, m)
	}
	c.Accept()
	m.AttemptID = id.New()
	_, _ = s.send(t.Context(), t, sender, m)
	_, _ = s.send(t.Context(), t, sender, fresh(m))
	keys := c.Keys()
	if len(keys) != 4 || keys[0] == "" || keys[0] != keys[1] || keys[1] != keys[2] || keys[2] == keys[3] {
		t.Errorf("the keys of three attempts of one delivery and one of another are %q", keys)
	}
}

func concurrent(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Accept()
	const senders, each = 16, 4
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for range each {
				if _, err := s.send(t.Context(), t, sender, fresh(m)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for _, key := range c.Keys() {
		seen[key] = true
	}
	if n := len(c.Keys()); n != senders*each || (!s.Keyless && len(seen) != n) {
		t.Errorf("%d messages with %d keys arrived of %d", n, len(seen), senders*each)
	}
}

func closing(t *testing.T, s Suite) {
	c, sender, m := s.Start(t)
	c.Accept()
	if _, err := s.send(t.Context(), t, sender, m); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := sender.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	_, err := s.send(t.Context(), t, sender, fresh(m))
	if want := (Verdict{reason.ProviderUnavailable, true, 0, false}); verdictOf(err) != want {
		t.Errorf("after Close: %+v, want %+v (%v)", verdictOf(err), want, err)
	}
	if n := len(c.Keys()); n != 1 {
		t.Errorf("%d messages arrived", n)
	}
}
