package delivery_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// changes stores a user, and tells the planner.
func (w *world) changes(u directory.User, change func(u *directory.User)) {
	w.Helper()
	change(&u)
	w.must(w.store.UpdateUser(w.Context(), u))
	planner := delivery.NewPlanner(w.service, nil)
	e := event.Entry{Type: directory.EventUserUpdated, OrganizationID: w.org, Subject: u.ID}
	if !planner.Wants(e) {
		w.Fatal("the planner does not want to hear of a user who is changed")
	}
	w.must(w.db.Do(w.Context(), func(ctx context.Context) error { return planner.Handle(ctx, []event.Entry{e}) }))
}

// quietUntil is the preference for quiet hours at the midnight at which bubbles begin, a Saturday in UTC.
func quietUntil(end string) directory.Preference {
	return directory.Preference{Enabled: true, QuietHours: []directory.QuietHour{{Day: "saturday", Start: "00:00", End: end}}}
}

// What is held for quiet hours follows at once what the person wants now.
func TestDispatcher_holdsByTheNewWish(t *testing.T) {
	t.Parallel()
	prefer := func(p directory.Preference) func(u *directory.User) {
		return func(u *directory.User) { u.Preferences = map[string]directory.Preference{"sms": p} }
	}
	override := quietUntil("06:00")
	override.UrgentOverride = true
	midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		urgent bool
		change func(u *directory.User)
		state  delivery.State
		why    reason.Reason
		until  time.Time
	}{
		"no quiet hours":                {false, prefer(directory.Preference{Enabled: true}), delivery.Sent, "", time.Time{}},
		"a nearer end":                  {false, prefer(quietUntil("02:00")), delivery.Held, reason.QuietHours, midnight.Add(2 * time.Hour)},
		"a later end":                   {false, prefer(quietUntil("09:00")), delivery.Held, reason.QuietHours, midnight.Add(9 * time.Hour)},
		"another zone":                  {false, func(u *directory.User) { u.TZ, u.TZExplicit = "Asia/Tokyo", true }, delivery.Sent, "", time.Time{}},
		"not by SMS":                    {false, prefer(directory.Preference{}), delivery.Suppressed, reason.PreferenceOff, time.Time{}},
		"archived":                      {false, func(u *directory.User) { u.State = directory.Archived }, delivery.Suppressed, reason.UserInactive, time.Time{}},
		"urgent may pass":               {true, prefer(override), delivery.Sent, "", time.Time{}},
		"urgent may, but this is not":   {false, prefer(override), delivery.Held, reason.QuietHours, midnight.Add(6 * time.Hour)},
		"something else of the account": {false, func(u *directory.User) { u.LastName = "Other" }, delivery.Held, reason.QuietHours, midnight.Add(6 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, w *world) {
				w.start(w.service, delivery.DispatcherOptions{Poll: time.Hour, Tick: time.Hour})
				u := w.user(1, prefer(quietUntil("06:00")), func(u *directory.User) { u.TZ, u.TZExplicit = "UTC", true })
				other := w.user(2, prefer(quietUntil("06:00")), func(u *directory.User) { u.TZ, u.TZExplicit = "UTC", true })
				content := w.alert()
				content.Urgent = test.urgent
				source := w.enqueue(content, transport.SMS, u)
				theirs := w.enqueue(w.alert(), transport.SMS, other)
				synctest.Wait()
				w.is(w.delivery(source), delivery.Held, reason.QuietHours)
				w.changes(u, test.change)
				synctest.Wait()
				d := w.delivery(source)
				w.is(d, test.state, test.why)
				if !d.DueAt.Equal(test.until) {
					t.Errorf("held until %v, want %v", d.DueAt, test.until)
				}
				if d := w.delivery(theirs); d.State != delivery.Held || !d.DueAt.Equal(midnight.Add(6*time.Hour)) {
					t.Errorf("somebody else's is %s until %v", d.State, d.DueAt)
				}
				if now := w.now(); !now.Equal(midnight) {
					t.Errorf("it took until %v", now)
				}
			})
		})
	}
}

// A dispatcher that has read the user as it was, and stores that it holds a delivery while the user changes, does not keep it
// from being judged again.
func TestService_Rejudge_whileItIsHeld(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, store := newWorld(t, d, clock.System), deliverydb.New(d)
		for range 5 {
			u := w.user(1, func(u *directory.User) { u.ID, u.Username = id.New(), id.New().String() })
			source := w.enqueue(w.alert(), transport.SMS, u)
			claimed := make(chan struct{})
			var (
				wg   sync.WaitGroup
				once sync.Once // a transaction may run more than once
			)
			wg.Go(func() {
				err := d.Do(t.Context(), func(ctx context.Context) error {
					now := w.now()
					c, err := store.Claim(ctx, []transport.Name{transport.SMS}, now, time.Minute, 1)
					if err != nil {
						return err
					}
					once.Do(func() { close(claimed) })
					held := c.Deliveries[0]
					held.State, held.Reason, held.DueAt, held.UpdatedAt = delivery.Held, reason.QuietHours, now.Add(time.Hour), now
					return store.Save(ctx, c.Lease, []delivery.Delivery{held})
				})
				if err != nil {
					t.Error(err)
				}
			})
			<-claimed
			w.changes(u, func(*directory.User) {})
			wg.Wait()
			got := w.delivery(source)
			w.is(got, delivery.Held, reason.QuietHours)
			if got.DueAt.After(w.now()) {
				t.Errorf("it is due at %v only", got.DueAt)
			}
			got.State, got.DueAt = delivery.Suppressed, time.Time{}
			w.must(store.Advance(t.Context(), got, ""))
		}
	})
}
