package delivery_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/delivery"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func TestDispatcher_Stop_waits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			time.Sleep(30 * time.Second)
			return accept(ctx, m)
		})
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		d := w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		begun := time.Now()
		patience, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		d.Stop(patience)
		if took := time.Since(begun); took < 29*time.Second || took > 31*time.Second {
			t.Errorf("Stop took %v", took)
		}
		w.is(w.delivery(source), delivery.Sent, "")
		later := w.enqueue(w.alert(), transport.SMS, w.user(2))
		time.Sleep(time.Minute)
		w.is(w.delivery(later), delivery.Queued, "")
	})
}

func TestDispatcher_Stop_callsOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ambiguous bool
		outcome   delivery.Outcome
		attempts  int
	}{
		"before the request was written": {false, delivery.Refused, 0},
		"while it may have been taken":   {true, delivery.Ambiguous, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, w *world) {
				w.providers.first(func(ctx context.Context, _ transport.Message) (transport.Result, error) {
					<-ctx.Done()
					e := transport.Unavailable("the attempt was called off")
					e.Ambiguous = c.ambiguous
					return transport.Result{}, e.Because(ctx.Err())
				})
				source := w.enqueue(w.alert(), transport.SMS, w.user(1))
				d := w.start(w.service, delivery.DispatcherOptions{})
				synctest.Wait()
				patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				d.Stop(patience)
				got := w.delivery(source)
				w.is(got, delivery.Queued, reason.ProviderUnavailable)
				if got.DueAt.After(time.Now()) || got.Attempts != c.attempts {
					t.Errorf("due at %v after %d attempts", got.DueAt, got.Attempts)
				}
				w.start(w.another(nil), delivery.DispatcherOptions{})
				synctest.Wait()
				got = w.delivery(source)
				w.is(got, delivery.Sent, "")
				if o := w.outcomes(got); !slices.Equal(o, []delivery.Outcome{c.outcome, delivery.Accepted}) {
					t.Errorf("outcomes %v", o)
				}
			})
		})
	}
}

func TestDispatcher_Stop_senderThatNeverReturns(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		forever := make(chan struct{})
		w.providers.first(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			<-forever
			return accept(ctx, m)
		})
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		d := w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		d.Stop(patience)
		if took := time.Since(begun); took != 15*time.Second {
			t.Errorf("Stop took %v", took)
		}
		w.is(w.delivery(source), delivery.Sending, "")
		close(forever)
		synctest.Wait()
		w.start(w.another(nil), delivery.DispatcherOptions{})
		time.Sleep(2 * time.Minute)
		w.is(w.delivery(source), delivery.Sent, "")
	})
}

func TestDispatcher_StartStop(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		d := delivery.NewDispatcher(w.service, delivery.DispatcherOptions{})
		d.Stop(w.Context())
		d.Start()
		d.Start()
		d.Stop(w.Context())
		d.Stop(w.Context())
		d.Start()
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		synctest.Wait()
		w.is(w.delivery(source), delivery.Sent, "")
		d.Stop(w.Context())
	})
}
