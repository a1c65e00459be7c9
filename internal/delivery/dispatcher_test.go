package delivery_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/delivery"
	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func TestDispatcher_sends(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		u := w.user(1)
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		begun := time.Now()
		source := w.enqueue(w.alert(), transport.SMS, u)
		synctest.Wait()
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("it was sent after %v: a commit wakes the dispatcher", waited)
		}
		d := w.delivery(source)
		w.is(d, delivery.Sent, "")
		attempts := w.attempts(d)
		if len(attempts) != 1 {
			t.Fatalf("%d attempts", len(attempts))
		}
		a := attempts[0]
		want := delivery.Attempt{
			ID: a.ID, DeliveryID: d.ID, Provider: "carrier", Address: u.Phone, StartedAt: begun, FinishedAt: begun,
			Outcome: delivery.Accepted, ProviderID: "SM" + a.ID.String(), Detail: "201 Created",
		}
		if a.StartedAt, a.FinishedAt = begun, begun; a != want {
			t.Errorf("attempt %+v, want %+v", a, want)
		}
		if d.Provider != "carrier" || d.ProviderID != a.ProviderID || d.Address != u.Phone || !d.SentAt.Equal(begun) || d.Attempts != 1 || !d.DueAt.IsZero() {
			t.Errorf("ledger: %+v", d)
		}
		m := w.providers.messages()[0]
		if m.To != u.Phone || m.DeliveryID != d.ID || m.AttemptID != a.ID || m.Transport != transport.SMS || m.Text != "Link down\nWAN 2" ||
			m.CallbackURL != "https://example.org/callbacks/carrier?delivery="+d.ID.String() {
			t.Errorf("message: %+v", m)
		}
		if got := w.counter("switchboard_delivery_attempts_total"); got != 1 {
			t.Errorf("%v attempts counted", got)
		}
	})
}

// failures are the ways in which an attempt can end badly, and what must become of the delivery when it always does.
func TestDispatcher_failures(t *testing.T) {
	t.Parallel()
	ambiguous := &transport.Error{Reason: reason.ProviderUnavailable, Retry: true, Ambiguous: true, Detail: "no answer in time"}
	for name, c := range map[string]struct {
		answer   func(context.Context, transport.Message) (transport.Result, error)
		state    delivery.State
		reason   reason.Reason
		outcomes []delivery.Outcome
		gaps     []time.Duration
	}{
		"rejected": {
			fail(transport.Rejected(reason.AddressDead, "no such number")), delivery.Failed, reason.AddressDead,
			[]delivery.Outcome{delivery.Refused},
			nil,
		},
		"opted out at the provider": {
			fail(&transport.Error{Reason: reason.OptedOut, Code: "21610"}), delivery.Failed, reason.OptedOut,
			[]delivery.Outcome{delivery.Refused},
			nil,
		},
		"unavailable": {
			fail(errUnavailable), delivery.Failed, reason.GaveUp,
			[]delivery.Outcome{delivery.Refused, delivery.Refused, delivery.Refused},
			[]time.Duration{10 * time.Second, 20 * time.Second},
		},
		"ambiguous": {
			fail(ambiguous), delivery.Failed, reason.GaveUp,
			[]delivery.Outcome{delivery.Ambiguous, delivery.Ambiguous, delivery.Ambiguous},
			[]time.Duration{10 * time.Second, 20 * time.Second},
		},
		"retry after": {
			fail(&transport.Error{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: time.Minute}), delivery.Failed, reason.GaveUp,
			[]delivery.Outcome{delivery.Refused, delivery.Refused, delivery.Refused},
			[]time.Duration{time.Minute, time.Minute},
		},
		"panic": {
			func(context.Context, transport.Message) (transport.Result, error) { panic("boom") }, delivery.Failed, reason.GaveUp,
			[]delivery.Outcome{delivery.Ambiguous, delivery.Ambiguous, delivery.Ambiguous},
			[]time.Duration{10 * time.Second, 20 * time.Second},
		},
		"hangs": {
			func(ctx context.Context, _ transport.Message) (transport.Result, error) {
				<-ctx.Done()
				return transport.Result{}, (&transport.Error{Reason: reason.ProviderUnavailable, Retry: true, Ambiguous: true}).Because(ctx.Err())
			}, delivery.Failed, reason.GaveUp,
			[]delivery.Outcome{delivery.Ambiguous, delivery.Ambiguous, delivery.Ambiguous},
			[]time.Duration{2*time.Minute + 10*time.Second, 2*time.Minute + 20*time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, w *world) {
				w.providers.set(c.answer)
				source := w.enqueue(w.alert(), transport.SMS, w.user(1))
				w.start(w.service, delivery.DispatcherOptions{Poll: time.Minute, Tick: time.Hour})
				time.Sleep(time.Hour)
				d := w.delivery(source)
				w.is(d, c.state, c.reason)
				if got := w.outcomes(d); !slices.Equal(got, c.outcomes) {
					t.Errorf("outcomes %v, want %v", got, c.outcomes)
				}
				gaps := w.providers.gaps()
				if !slices.Equal(gaps, c.gaps) {
					t.Errorf("gaps %v, want %v", gaps, c.gaps)
				}
				ids := map[id.ID]bool{}
				for _, m := range w.providers.messages() {
					if m.DeliveryID != d.ID || ids[m.AttemptID] {
						t.Errorf("an attempt has the ids %v and %v", m.DeliveryID, m.AttemptID)
					}
					ids[m.AttemptID] = true
				}
				if !d.DueAt.IsZero() || d.Attempts != len(c.outcomes) {
					t.Errorf("ledger: %+v", d)
				}
				want := 0.0
				for _, o := range c.outcomes {
					if o == delivery.Ambiguous {
						want++
					}
				}
				if got := w.counter("switchboard_delivery_ambiguous_total"); got != want {
					t.Errorf("%v ambiguous attempts counted, want %v", got, want)
				}
			})
		})
	}
}

func TestDispatcher_recovers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.first(fail(errUnavailable))
		source := w.enqueue(w.alert(), transport.SMS, w.user(1))
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		d := w.delivery(source)
		w.is(d, delivery.Queued, reason.ProviderUnavailable)
		if wait := time.Until(d.DueAt); wait != 10*time.Second {
			t.Errorf("it is tried again after %v", wait)
		}
		time.Sleep(11 * time.Second)
		d = w.delivery(source)
		w.is(d, delivery.Sent, "")
		if got := w.outcomes(d); !slices.Equal(got, []delivery.Outcome{delivery.Refused, delivery.Accepted}) {
			t.Errorf("outcomes %v", got)
		}
	})
}

func TestDispatcher_webhooksArriveWithTheAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.set(func(context.Context, transport.Message) (transport.Result, error) {
			return transport.Result{State: transport.Delivered}, nil
		})
		source := w.enqueue(w.alert(), transport.Webhook, w.user(1))
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		w.is(w.delivery(source), delivery.Delivered, "")
	})
}

func TestDispatcher_expiry(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.set(fail(errUnavailable))
		u := w.user(1)
		past, soon := w.alert(), w.alert()
		past.ExpiresAt, soon.ExpiresAt = w.now(), w.now().Add(15*time.Second)
		stale, late := w.enqueue(past, transport.SMS, u), w.enqueue(soon, transport.SMS, u)
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		w.is(w.delivery(stale), delivery.Suppressed, reason.Expired)
		time.Sleep(time.Minute)
		d := w.delivery(late)
		w.is(d, delivery.Failed, reason.GaveUp) // the third attempt would come after the expiry
		if n := len(w.attempts(d)); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestDispatcher_stages(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.unserved = map[transport.Name]bool{transport.WhatsApp: true}
		w.start(w.service, delivery.DispatcherOptions{})
		for i, c := range []struct {
			by     transport.Name
			change func(u *directory.User)
			want   reason.Reason
		}{
			{transport.SMS, func(u *directory.User) { u.State = directory.Archived }, reason.UserInactive},
			{transport.SMS, func(u *directory.User) { u.Notifications = []string{"email"} }, reason.PreferenceOff},
			{transport.SMS, func(u *directory.User) { u.PhoneUnsubscribed = true }, reason.OptedOut},
			{transport.SMS, func(u *directory.User) { u.Phone = "" }, reason.NoAddress},
			{transport.Email, func(u *directory.User) { u.EmailVerified = false }, reason.AddressUnverified},
			{transport.WhatsApp, func(*directory.User) {}, reason.ProviderUnset},
			{delivery.Push, func(*directory.User) {}, reason.ProviderUnset},
			{transport.Email, func(u *directory.User) { u.Email = "x@nowhere.example" }, reason.ProviderUnset},
			{"pigeon", func(u *directory.User) { u.Notifications = append(u.Notifications, "pigeon") }, ""},
		} {
			source := w.enqueue(w.alert(), c.by, w.user(i, c.change))
			synctest.Wait()
			if c.want == "" { // nothing looks after what is no transport
				w.is(w.delivery(source), delivery.Queued, "")
				continue
			}
			w.is(w.delivery(source), delivery.Suppressed, c.want)
		}
		if n := len(w.providers.messages()); n != 0 {
			t.Errorf("%d messages were sent", n)
		}
		if got := w.counter("switchboard_delivery_suppressed_total"); got != 8 {
			t.Errorf("%v counted", got)
		}
	})
}

func TestDispatcher_holdsForQuietHours(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) { // it is midnight in UTC and one o'clock in Berlin, on a Saturday
		quiet := func(override bool) func(u *directory.User) {
			return func(u *directory.User) {
				u.Preferences["sms"] = directory.Preference{
					Enabled: true, UrgentOverride: override,
					QuietHours: []directory.QuietHour{{Day: "friday", Start: "22:00", End: "07:30"}},
				}
			}
		}
		w.start(w.service, delivery.DispatcherOptions{Poll: time.Hour, Tick: time.Hour})
		urgent := w.alert()
		urgent.Urgent = true
		held, through := w.enqueue(w.alert(), transport.SMS, w.user(1, quiet(true))), w.enqueue(urgent, transport.SMS, w.user(2, quiet(true)))
		urgent.Source.ID = id.New()
		heldToo := w.enqueue(urgent, transport.SMS, w.user(3, quiet(false)))
		expiring := w.alert()
		expiring.ExpiresAt = w.now().Add(time.Hour)
		lost := w.enqueue(expiring, transport.SMS, w.user(4, quiet(false)))
		synctest.Wait()
		w.is(w.delivery(held), delivery.Held, reason.QuietHours)
		w.is(w.delivery(heldToo), delivery.Held, reason.QuietHours)
		w.is(w.delivery(through), delivery.Sent, "")
		until := time.Date(2000, 1, 1, 6, 30, 0, 0, time.UTC)
		if d := w.delivery(held); !d.DueAt.Equal(until) || d.Attempts != 0 {
			t.Errorf("held until %v after %d attempts, want until %v", d.DueAt, d.Attempts, until)
		}
		time.Sleep(time.Until(until) - time.Second)
		w.is(w.delivery(lost), delivery.Suppressed, reason.Expired)
		w.is(w.delivery(held), delivery.Held, reason.QuietHours)
		time.Sleep(2 * time.Second)
		w.is(w.delivery(held), delivery.Sent, "")
		w.is(w.delivery(heldToo), delivery.Sent, "")
	})
}

func TestDispatcher_paces(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		const n = 25
		var users []directory.User
		for i := range n {
			users = append(users, w.user(i))
		}
		source := w.enqueue(w.alert(), transport.SMS, users...)
		w.start(w.service, delivery.DispatcherOptions{Rates: map[transport.Name]delivery.Rate{transport.SMS: {PerSecond: 2, Burst: 5}}})
		synctest.Wait()
		count := func() (sent, held int) {
			for _, d := range w.deliveries(source) {
				switch {
				case d.State == delivery.Sent:
					sent++
				case d.State == delivery.Held && d.Reason == reason.Pacing:
					held++
				}
			}
			return sent, held
		}
		if sent, held := count(); sent != 5 || held != 20 {
			t.Errorf("at once %d are sent and %d held, want the burst of 5", sent, held)
		}
		urgent := w.alert()
		urgent.Urgent = true
		now := w.enqueue(urgent, transport.SMS, users[0])
		synctest.Wait()
		w.is(w.delivery(now), delivery.Sent, "")
		time.Sleep(5*time.Second + 100*time.Millisecond)
		if sent, _ := count(); sent != 15 {
			t.Errorf("after five seconds %d are sent, want 15", sent)
		}
		time.Sleep(6 * time.Second)
		if sent, held := count(); sent != n || held != 0 {
			t.Errorf("in the end %d are sent and %d held", sent, held)
		}
		for _, d := range w.deliveries(source) {
			if d.Attempts != 1 {
				t.Errorf("a delivery that was held has %d attempts", d.Attempts)
			}
		}
	})
}

func TestDispatcher_pausesWhenAsked(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.first(fail(&transport.Error{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: time.Minute}))
		w.start(w.service, delivery.DispatcherOptions{})
		first := w.enqueue(w.alert(), transport.SMS, w.user(1))
		synctest.Wait()
		second := w.enqueue(w.alert(), transport.SMS, w.user(2))
		mail := w.enqueue(w.alert(), transport.Email, w.user(3))
		synctest.Wait()
		w.is(w.delivery(first), delivery.Queued, reason.ProviderRateLimited)
		w.is(w.delivery(second), delivery.Held, reason.Pacing)
		w.is(w.delivery(mail), delivery.Sent, "")
		time.Sleep(61 * time.Second)
		w.is(w.delivery(first), delivery.Sent, "")
		w.is(w.delivery(second), delivery.Sent, "")
	})
}

func TestDispatcher_caps(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		o := w.options()
		o.HourlyCap, o.Metrics = 2, nil
		w.service = delivery.New(o)
		u, other := w.user(1), w.user(2)
		source := w.enqueue(w.alert(), transport.SMS, u, u, u, other) // in one batch
		w.start(w.service, delivery.DispatcherOptions{Poll: time.Minute, Tick: time.Hour})
		synctest.Wait()
		var states []delivery.State
		for _, d := range w.deliveries(source) {
			states = append(states, d.State)
		}
		if want := []delivery.State{delivery.Sent, delivery.Sent, delivery.Suppressed, delivery.Sent}; !slices.Equal(states, want) {
			t.Errorf("states %v, want %v", states, want)
		}
		urgent := w.alert()
		urgent.Urgent = true
		w.is(w.delivery(w.enqueue(w.alert(), transport.Email, u)), delivery.Queued, "")
		capped, through := w.enqueue(w.alert(), transport.SMS, u), w.enqueue(urgent, transport.SMS, u)
		synctest.Wait()
		w.is(w.delivery(capped), delivery.Suppressed, reason.Capped)
		w.is(w.delivery(through), delivery.Sent, "")
		time.Sleep(time.Hour + time.Second)
		later := w.enqueue(w.alert(), transport.SMS, u)
		synctest.Wait()
		w.is(w.delivery(later), delivery.Sent, "")
	})
}

func TestDispatcher_skipsWhatIsRecordedOnly(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		c := w.alert()
		w.must(w.service.Enqueue(w.Context(), c, []delivery.Recipient{{UserID: w.user(1).ID, Transport: transport.SMS, Skip: reason.MutedAlways}}))
		w.must(w.service.Enqueue(w.Context(), w.alert(), nil))
		w.start(w.service, delivery.DispatcherOptions{})
		time.Sleep(time.Minute)
		w.is(w.delivery(c.Source), delivery.Suppressed, reason.MutedAlways)
		if n := len(w.providers.messages()); n != 0 {
			t.Errorf("%d messages were sent", n)
		}
	})
}

func TestDispatcher_recordsWhatIsFollowed(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.providers.first(fail(errUnavailable))
		w.start(w.service, delivery.DispatcherOptions{})
		followed, silent := w.alert(), w.alert()
		followed.Followed = true
		one := w.delivery(w.enqueue(followed, transport.SMS, w.user(1)))
		other := w.delivery(w.enqueue(silent, transport.SMS, w.user(2)))
		off := w.alert()
		off.Followed = true
		refused := w.delivery(w.enqueue(off, transport.SMS, w.user(3, func(u *directory.User) { u.Phone = "" })))
		time.Sleep(time.Minute)
		if got := w.events(one.ID); !slices.Equal(got, []string{"delivery.delivery.sent"}) {
			t.Errorf("events %v: a passing failure is nobody's news", got)
		}
		if got := w.events(refused.ID); !slices.Equal(got, []string{"delivery.delivery.suppressed"}) {
			t.Errorf("events %v", got)
		}
		if got := w.events(other.ID); got == nil || len(got) != 0 {
			t.Errorf("events %v of what nobody follows", got)
		}
		entries, err := w.log.Read(w.Context(), 0, 100)
		w.must(err)
		for _, e := range entries {
			if strings.Contains(string(e.Data), "+4917") {
				t.Errorf("the log tells an address: %s", e.Data)
			}
		}
	})
}

func TestService_QueueAge(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		age := func() time.Duration {
			got, err := w.service.QueueAge(w.Context())
			w.must(err)
			return got
		}
		if got := age(); got != 0 {
			t.Errorf("of an empty queue: %v", got)
		}
		w.enqueue(w.alert(), transport.SMS, w.user(1))
		time.Sleep(time.Minute)
		w.enqueue(w.alert(), transport.Email, w.user(2))
		if got := age(); got != time.Minute {
			t.Errorf("QueueAge = %v", got)
		}
		w.start(w.service, delivery.DispatcherOptions{})
		time.Sleep(20 * time.Second) // until the gauges have been set again
		if got := age(); got != 0 {
			t.Errorf("once it is worked off: %v", got)
		}
	})
}

// The address of a webhook often is the permission to post there, so the ledger keeps its host alone.
func TestDispatcher_keepsNoWebhook(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		const url = "https://me:pw-5391@hooks.test/T0/path-2210?key=query-7714"
		u := w.user(1, func(u *directory.User) { u.WebhookURL = url })
		w.start(w.service, delivery.DispatcherOptions{})
		source := w.enqueue(w.alert(), transport.Webhook, u)
		synctest.Wait()
		if to := w.providers.messages()[0].To; to != url {
			t.Errorf("it went to %s", to)
		}
		d := w.delivery(source)
		if a := w.attempts(d)[0]; d.Address != "https://hooks.test/…" || a.Address != d.Address {
			t.Errorf("the ledger keeps %q, the attempt %q", d.Address, a.Address)
		}
	})
}
