package delivery_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// hear hands over one status, as a provider's callback does.
func (w *world) hear(hint id.ID, providerID string, s transport.State, change ...func(s *transport.Status)) {
	w.Helper()
	status := transport.Status{ProviderID: providerID, State: s, Reason: reason.OK}
	if s == transport.Undelivered || s == transport.Failed {
		status.Reason = reason.AddressDead
	}
	for _, c := range change {
		c(&status)
	}
	w.must(w.service.Hear(w.Context(), "carrier", hint, transport.Callback{Statuses: []transport.Status{status}}))
}

func retriable(s *transport.Status) { s.Reason, s.Retry = reason.ProviderUnavailable, true }

func (w *world) callbacks(d delivery.Delivery) int {
	w.Helper()
	list, err := deliverydb.New(w.db).Callbacks(w.Context(), d.ID)
	w.must(err)
	return len(list)
}

func TestHear_beforeTheAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hinted bool
		news   []transport.State
		during delivery.State // while the provider's answer is still to come
		after  delivery.State
	}{
		"delivered, with the delivery's id":     {true, []transport.State{transport.Delivered}, delivery.Delivered, delivery.Delivered},
		"delivered, without":                    {false, []transport.State{transport.Delivered}, delivery.Sending, delivery.Delivered},
		"failed, with the delivery's id":        {true, []transport.State{transport.Failed}, delivery.Sending, delivery.Failed},
		"failed, without":                       {false, []transport.State{transport.Failed}, delivery.Sending, delivery.Failed},
		"everything, with the delivery's id":    {true, []transport.State{transport.Accepted, transport.Sent, transport.Delivered, transport.Read}, delivery.Read, delivery.Read},
		"everything, without":                   {false, []transport.State{transport.Sent, transport.Delivered, transport.Read}, delivery.Sending, delivery.Read},
		"failed and then sent, with the id":     {true, []transport.State{transport.Failed, transport.Sent}, delivery.Failed, delivery.Failed},
		"failed and then delivered, with it":    {true, []transport.State{transport.Failed, transport.Delivered}, delivery.Delivered, delivery.Delivered},
		"failed and then delivered, and not so": {false, []transport.State{transport.Failed, transport.Delivered}, delivery.Sending, delivery.Delivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, w *world) {
				answer := make(chan struct{})
				w.providers.set(func(context.Context, transport.Message) (transport.Result, error) {
					<-answer
					return transport.Result{ProviderID: "SM1", State: transport.Accepted, Detail: "201 Created"}, nil
				})
				content := w.alert()
				content.Followed = true
				source := w.enqueue(content, transport.SMS, w.user(1))
				w.start(w.service, delivery.DispatcherOptions{})
				synctest.Wait()
				hint := id.Nil
				if c.hinted {
					hint = w.delivery(source).ID
				}
				for _, s := range c.news {
					w.hear(hint, "SM1", s)
				}
				if d := w.delivery(source); d.State != c.during {
					t.Errorf("before the answer it is %s, want %s", d.State, c.during)
				}
				close(answer)
				synctest.Wait()
				d := w.delivery(source)
				if d.State != c.after || d.ProviderID != "SM1" || d.SentAt.IsZero() || !d.DueAt.IsZero() {
					t.Errorf("after the answer: %+v, want %s", d, c.after)
				}
				a := w.attempts(d)
				if len(a) != 1 || a[0].Outcome != delivery.Accepted || a[0].ProviderID != "SM1" || a[0].Detail != "201 Created" {
					t.Errorf("attempts %+v", a)
				}
				if n := w.callbacks(d); n != len(c.news) {
					t.Errorf("%d callbacks are kept of %d", n, len(c.news))
				}
				if events := w.events(d.ID); events[len(events)-1] != "delivery.delivery."+string(c.after) {
					t.Errorf("events %v", events)
				}
				time.Sleep(3 * time.Minute)
				if n := len(w.providers.messages()); n != 1 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

func TestHear_ofAnAttemptWhoseAnswerGotLost(t *testing.T) {
	t.Parallel()
	lost := fail(&transport.Error{Reason: reason.ProviderUnavailable, Retry: true, Ambiguous: true, Detail: "no answer in time"})
	for name, c := range map[string]struct {
		news  transport.State
		calls int
		state delivery.State
	}{
		"it was taken: it is not sent again":   {transport.Sent, 1, delivery.Sent},
		"it has arrived: it is not sent again": {transport.Delivered, 1, delivery.Delivered},
		"it failed: it is sent again":          {transport.Undelivered, 2, delivery.Sent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, w *world) {
				w.providers.first(lost)
				source := w.enqueue(w.alert(), transport.SMS, w.user(1))
				w.start(w.service, delivery.DispatcherOptions{})
				synctest.Wait()
				w.hear(w.delivery(source).ID, "SM-lost", c.news)
				time.Sleep(time.Minute)
				d := w.delivery(source)
				if n := len(w.providers.messages()); n != c.calls || d.State != c.state {
					t.Errorf("%d calls, %s; want %d, %s", n, d.State, c.calls, c.state)
				}
			})
		})
	}
}

func TestHear_failureThatMayPass(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		first := w.delivery(source)
		w.hear(id.Nil, first.ProviderID, transport.Undelivered, retriable)
		w.hear(id.Nil, first.ProviderID, transport.Undelivered, retriable) // it comes twice
		w.hear(id.Nil, first.ProviderID, transport.Sent)                   // and an old one late
		w.is(w.delivery(source), delivery.Queued, reason.ProviderUnavailable)
		time.Sleep(11 * time.Second)
		second := w.delivery(source)
		w.is(second, delivery.Sent, "")
		if second.ProviderID == first.ProviderID || second.Attempts != 2 {
			t.Errorf("the second attempt: %+v", second)
		}
		w.hear(first.ID, first.ProviderID, transport.Failed) // of the first, once more
		w.is(w.delivery(source), delivery.Sent, "")
		for range 2 {
			time.Sleep(time.Minute)
			w.hear(id.Nil, w.delivery(source).ProviderID, transport.Undelivered, retriable)
		}
		w.is(w.delivery(source), delivery.Failed, reason.GaveUp)
		w.hear(id.Nil, first.ProviderID, transport.Delivered) // the first has arrived after all
		w.is(w.delivery(source), delivery.Delivered, "")
	})
}

func TestHear_lateDeliveryMendsAFailure(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		content := w.alert()
		content.Followed = true
		source := w.enqueue(content, transport.SMS, w.user(1))
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		d := w.delivery(source)
		w.hear(id.Nil, d.ProviderID, transport.Failed)
		w.is(w.delivery(source), delivery.Failed, reason.AddressDead)
		w.hear(id.Nil, d.ProviderID, transport.Delivered)
		w.is(w.delivery(source), delivery.Delivered, "")
		w.hear(id.Nil, d.ProviderID, transport.Failed)
		w.is(w.delivery(source), delivery.Delivered, "")
		if got := w.events(d.ID); !slices.Equal(got, []string{"delivery.delivery.sent", "delivery.delivery.failed", "delivery.delivery.delivered"}) {
			t.Errorf("events %v", got)
		}
	})
}

func TestHear_hintOfAnotherProvider(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		d := w.delivery(source)
		w.must(w.service.Hear(w.Context(), "another", d.ID, transport.Callback{Statuses: []transport.Status{{ProviderID: "X", State: transport.Read}}}))
		w.is(w.delivery(source), delivery.Sent, "")
		if n := w.callbacks(d); n != 0 {
			t.Errorf("%d callbacks of another provider", n)
		}
	})
}

func TestHear_unknownIsForgotten(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.hear(id.Nil, "SM-foreign", transport.Delivered)
		store := deliverydb.New(w.db)
		w.start(w.service, delivery.DispatcherOptions{Poll: time.Hour, Tick: time.Hour})
		waiting := func() int {
			list, err := store.Pending(w.Context(), "carrier", []string{"SM-foreign"})
			w.must(err)
			return len(list)
		}
		time.Sleep(71 * time.Hour)
		if n := waiting(); n != 1 {
			t.Errorf("%d wait after 71 hours", n)
		}
		time.Sleep(3 * time.Hour)
		if n := waiting(); n != 0 {
			t.Errorf("%d wait after 74 hours", n)
		}
	})
}

// An answer and news of it that are stored at the same moment, of which neither transaction saw the other, are brought
// together by the clock.
func TestHear_missedByBoth(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		blind := &blindStore{Store: deliverydb.New(w.db)}
		w.start(w.another(blind), delivery.DispatcherOptions{})
		w.providers.set(func(context.Context, transport.Message) (transport.Result, error) {
			time.Sleep(time.Second)
			return transport.Result{ProviderID: "SM1", State: transport.Accepted}, nil
		})
		synctest.Wait()
		w.hear(id.Nil, "SM1", transport.Delivered)
		time.Sleep(2 * time.Second)
		w.is(w.delivery(source), delivery.Sent, "")
		time.Sleep(15 * time.Second)
		d := w.delivery(source)
		w.is(d, delivery.Delivered, "")
		if n := w.callbacks(d); n != 1 {
			t.Errorf("%d callbacks", n)
		}
	})
}

// blindStore does not see the news that waits when an answer is stored.
type blindStore struct{ delivery.Store }

func (blindStore) Pending(context.Context, string, []string) ([]delivery.Callback, error) {
	return nil, nil
}

// Callbacks race with the sends themselves and with each other.
func TestHear_storm(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d, time.Now)
		const n, copies = 60, 3
		var (
			storm sync.WaitGroup
			users []directory.User
		)
		for i := range 10 {
			users = append(users, w.user(i))
		}
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			res, err := accept(ctx, m)
			for range copies {
				storm.Go(func() {
					states := []transport.State{transport.Sent, transport.Undelivered, transport.Delivered, transport.Read}
					rand.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
					for i, s := range states {
						hint := m.DeliveryID
						if i%2 == 0 {
							hint = id.Nil
						}
						status := transport.Status{ProviderID: res.ProviderID, State: s, Reason: reason.OK}
						if err := w.service.Hear(context.Background(), "carrier", hint, transport.Callback{Statuses: []transport.Status{status}}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			return res, err
		})
		dispatcher := w.start(w.service, delivery.DispatcherOptions{Tick: 20 * time.Millisecond, Poll: 20 * time.Millisecond})
		var sources []delivery.Source
		for range n / len(users) {
			sources = append(sources, w.enqueue(w.alert(), transport.SMS, users...))
		}
		unfinished := func(d delivery.Delivery) bool { return d.State != delivery.Read || w.callbacks(d) < 4*copies }
		patience := time.After(2 * time.Minute)
		for _, s := range sources {
			for slices.ContainsFunc(w.deliveries(s), unfinished) {
				select {
				case <-patience:
					t.Fatalf("not everything was heard of %+v", w.deliveries(s))
				case <-time.After(5 * time.Millisecond):
				}
			}
		}
		storm.Wait()
		dispatcher.Stop(context.Background())
		if calls := len(w.providers.messages()); calls != n {
			t.Errorf("%d calls for %d deliveries", calls, n)
		}
		for _, s := range sources {
			for _, one := range w.deliveries(s) {
				w.is(one, delivery.Read, "")
				if got := w.callbacks(one); got != 4*copies {
					t.Errorf("%d callbacks are kept of %d", got, 4*copies)
				}
				if got := w.outcomes(one); !slices.Equal(got, []delivery.Outcome{delivery.Accepted}) {
					t.Errorf("outcomes %v", got)
				}
			}
		}
	})
}

func TestHear_text(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		ann, twin, other := w.user(1), w.user(2, func(u *directory.User) { u.Phone = phone(1) }), w.user(3)
		n := 0
		say := func(from, text, optOut string) {
			n++
			w.must(w.service.Hear(w.Context(), "carrier", id.Nil, transport.Callback{Inbound: []transport.Inbound{{
				Transport: transport.SMS, ProviderID: id.New().String(), From: from, To: "+15551230000", Text: text, OptOut: optOut,
			}}}))
		}
		unsubscribed := func(u directory.User) bool {
			found, err := w.people.Users(w.Context(), w.org, []id.ID{u.ID})
			w.must(err)
			return found[u.ID].PhoneUnsubscribed
		}
		w.start(w.service, delivery.DispatcherOptions{})
		say(ann.Phone, "Stop all", "")
		if !unsubscribed(ann) || !unsubscribed(twin) || unsubscribed(other) {
			t.Error("STOP holds for everybody who has the number, and for nobody else")
		}
		stopped := w.enqueue(w.alert(), transport.SMS, ann)
		whatsapp := w.enqueue(w.alert(), transport.WhatsApp, ann)
		synctest.Wait()
		w.is(w.delivery(stopped), delivery.Suppressed, reason.OptedOut)
		w.is(w.delivery(whatsapp), delivery.Suppressed, reason.OptedOut)
		say(ann.Phone, "hello?", "")
		say("+15550009999", "stop", "") // nobody's number
		if !unsubscribed(ann) {
			t.Error("a text like any other subscribed again")
		}
		say(ann.Phone, "whatever", "START") // as the provider has understood it
		if unsubscribed(ann) || unsubscribed(twin) {
			t.Error("START did not subscribe again")
		}
		types, err := db.All(w.Context(), w.db.Q(w.Context()), db.Scalar[string], "select type from events where type = 'delivery.text.received'")
		w.must(err)
		if len(types) != 6 {
			t.Errorf("%d entries, want three texts to two users", len(types))
		}
	})
}
