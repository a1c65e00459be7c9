package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func (w *world) notice(c notify.Content, notices ...notify.Notice) notify.Source {
	w.Helper()
	w.must(w.service.Outbox().Enqueue(w.Context(), c, notices))
	return c.Source
}

func (w *world) opened() notify.Content {
	return notify.Content{
		Source: notify.Source{Type: notify.SourceAlert, ID: id.New()}, OrganizationID: w.org, Title: "Link down", Body: "WAN 2",
		Data: map[string]any{"severity": "critical"}, Urgent: true, At: w.now(),
	}
}

func TestOutbox_ledger(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		ann, ben := w.user(1), w.user(2)
		group, other := id.New(), id.New()
		w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
			if m.Transport == transport.Email {
				return transport.Result{}, transport.Rejected(reason.AddressDead, "550 <%s> is unknown", m.To)
			}
			return accept(ctx, m)
		})
		source := w.notice(w.opened(),
			notify.Notice{UserID: ann.ID, GroupID: group, Channel: notify.SMS},
			notify.Notice{UserID: ann.ID, GroupID: other, Channel: notify.SMS, Skip: reason.Duplicate},
			notify.Notice{UserID: ben.ID, GroupID: group, Channel: notify.Email},
			notify.Notice{UserID: ben.ID, GroupID: group, Channel: notify.InApp})
		w.start(w.service, delivery.DispatcherOptions{})
		synctest.Wait()
		ledger, err := w.service.Outbox().Ledger(w.Context(), w.org, source)
		w.must(err)
		var got []string
		for _, d := range ledger {
			line := fmt.Sprintf("%s %s %s %s", d.Channel, d.State, d.Reason, d.Address)
			for _, a := range d.Attempts {
				line += " | " + a.Outcome + " " + a.Detail
			}
			got = append(got, line)
		}
		want := []string{
			"sms sent  +4*********01 | accepted 201 Created",
			"sms suppressed duplicate ",
			"email failed address-dead u***@example.org | failed 550 <u***@example.org> is unknown",
			"inapp suppressed provider-not-configured ",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
		if ledger[0].GroupID != group || ledger[1].GroupID != other || ledger[0].UserID != ann.ID || ledger[0].Attempts[0].ProviderID == "" {
			t.Errorf("ledger %+v", ledger[0])
		}
		told, err := w.service.Outbox().Told(w.Context(), w.org, source)
		w.must(err)
		if want := []notify.Notice{{UserID: ann.ID, GroupID: group, Channel: notify.SMS}}; !slices.Equal(told, want) {
			t.Errorf("told %+v, want %+v", told, want)
		}
		for _, m := range w.providers.messages() {
			if !strings.HasPrefix(m.Title+m.Text, "CRITICAL: Link down") {
				t.Errorf("message %+v", m)
			}
		}
		empty, err := w.service.Outbox().Ledger(w.Context(), id.New(), source)
		if err != nil || empty == nil || len(empty) != 0 {
			t.Errorf("the ledger of another organization: %v, %v", empty, err)
		}
		none, err := w.service.Outbox().Told(w.Context(), w.org, notify.Source{Type: notify.SourceAlertResolved, ID: source.ID})
		if err != nil || len(none) != 0 {
			t.Errorf("told of another source: %v, %v", none, err)
		}
	})
}

func TestOutbox_Enqueue_isPartOfTheTransaction(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.start(w.service, delivery.DispatcherOptions{})
		c, u := w.opened(), w.user(1)
		boom := errors.New("boom")
		err := w.db.Do(w.Context(), func(ctx context.Context) error {
			if err := w.service.Outbox().Enqueue(ctx, c, []notify.Notice{{UserID: u.ID, Channel: notify.SMS}}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(w.deliveries(delivery.Source(c.Source))); n != 0 || len(w.providers.messages()) != 0 {
			t.Errorf("%d deliveries of a transaction that was rolled back, %d sent", n, len(w.providers.messages()))
		}
		w.must(w.service.Outbox().Enqueue(w.Context(), c, nil))
	})
}

func TestOutbox_Explain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		ready := w.user(1)
		quiet := w.user(2, func(u *directory.User) {
			u.TZ, u.TZExplicit = "UTC", true
			u.Preferences["sms"] = directory.Preference{
				Enabled: true, UrgentOverride: true, QuietHours: []directory.QuietHour{{Day: "monday", Start: "20:00", End: "21:00"}},
			}
		})
		silent := w.user(3, func(u *directory.User) { u.Email = "" })
		people := []notify.Notifiable{
			{UserID: ready.ID, Channel: notify.SMS},
			{UserID: quiet.ID, Channel: notify.SMS},
			{UserID: silent.ID, Channel: notify.Email},
			{UserID: silent.ID, Channel: notify.SMS},
			{UserID: id.New(), Channel: notify.SMS},
			{UserID: ready.ID, Channel: notify.Push},
		}
		monday := time.Date(2026, 11, 23, 20, 30, 0, 0, time.UTC)
		for name, c := range map[string]struct {
			urgent bool
			at     time.Time
			quiet  reason.Reason
		}{
			"on monday": {false, monday, reason.QuietHours}, "urgent": {true, monday, reason.OK}, "on tuesday": {false, monday.AddDate(0, 0, 1), reason.OK},
		} {
			got, err := w.service.Outbox().Explain(w.Context(), w.org, people, c.urgent, c.at)
			w.must(err)
			want := map[notify.Notifiable]reason.Reason{
				people[0]: reason.OK, people[1]: c.quiet, people[2]: reason.NoAddress, people[3]: reason.OK, people[4]: reason.UserInactive,
				people[5]: reason.ProviderUnset,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		got, err := w.service.Outbox().Explain(w.Context(), id.New(), people[:1], false, monday)
		if err != nil || got[people[0]] != reason.UserInactive {
			t.Errorf("in another organization: %v, %v", got, err)
		}
		if n := len(w.providers.messages()); n != 0 {
			t.Errorf("explaining sent %d messages", n)
		}
	})
}

func BenchmarkEnqueue(b *testing.B) {
	for _, fan := range []int{100, 5000} {
		b.Run(fmt.Sprint("sqlite/", fan), func(b *testing.B) { benchmarkEnqueue(b, dbtest.SQLite(b), fan) })
		b.Run(fmt.Sprint("postgres/", fan), func(b *testing.B) { benchmarkEnqueue(b, dbtest.Postgres(b), fan) })
	}
}

// benchmarkEnqueue fans one alert out to so many of ten thousand people in a transaction.
func benchmarkEnqueue(b *testing.B, d *db.DB, fan int) {
	w := benchWorld(b, d)
	const people = 10_000
	users := make([]id.ID, people)
	for i := range users {
		users[i] = id.New()
	}
	n := 0
	for b.Loop() {
		notices := make([]notify.Notice, fan)
		for i := range notices {
			notices[i] = notify.Notice{UserID: users[(n*7919+i*31)%people], GroupID: users[0], Channel: notify.SMS}
		}
		if err := w.service.Outbox().Enqueue(context.Background(), w.opened(), notices); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n*fan)/b.Elapsed().Seconds(), "deliveries/s")
}

func BenchmarkDispatcher(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkDispatcher(b, dbtest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkDispatcher(b, dbtest.Postgres(b)) })
}

// benchmarkDispatcher sends what a provider takes at once.
func benchmarkDispatcher(b *testing.B, d *db.DB) {
	w := benchWorld(b, d)
	const fan = 2000
	organization := directorytest.Organization("Acme")
	organization.ID = w.org
	if err := w.store.InsertOrganization(b.Context(), organization); err != nil {
		b.Fatal(err)
	}
	notices := make([]notify.Notice, fan)
	for i := range notices {
		u := directorytest.User(w.org, fmt.Sprint("user", i))
		u.Phone, u.PhoneVerified = phone(i), true
		if err := w.store.InsertUser(b.Context(), u); err != nil {
			b.Fatal(err)
		}
		notices[i] = notify.Notice{UserID: u.ID, Channel: notify.SMS}
	}
	var left atomic.Int64
	done := make(chan struct{}, 1)
	w.providers.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
		if left.Add(-1) == 0 {
			done <- struct{}{}
		}
		return transport.Result{ProviderID: m.AttemptID.String(), State: transport.Accepted}, nil
	})
	dispatcher := delivery.NewDispatcher(w.service, delivery.DispatcherOptions{})
	n := 0
	for b.Loop() {
		left.Store(fan)
		if err := w.service.Outbox().Enqueue(context.Background(), w.opened(), notices); err != nil {
			b.Fatal(err)
		}
		dispatcher.Start()
		<-done
		dispatcher.Stop(context.Background()) // with everything stored
		n += fan
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "deliveries/s")
}
