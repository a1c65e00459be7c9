package notify_test

import (
	"context"
	"fmt"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
)

// crowd stores n groups of a topic at a site, each with people of its own. No site is every site.
func crowd(b *testing.B, w *notifytest.World, n, people int, site id.ID) {
	b.Helper()
	err := w.DB.Do(b.Context(), func(ctx context.Context) error {
		for i := range n {
			g := notify.Group{
				ID: id.New(), OrganizationID: w.Org, ScheduleID: w.Days.ID, Name: "g", Mute: notify.MuteScheduleActive,
				Topics: []id.ID{w.Heartbeat.ID}, AllSites: site.IsZero(), CreatedAt: w.Now(), UpdatedAt: w.Now(),
			}
			if !site.IsZero() {
				g.Sites = []id.ID{site}
			}
			for j := range people {
				u := directorytest.User(w.Org, fmt.Sprintf("user-%v-%d-%d", g.ID, i, j))
				if err := w.People.InsertUser(ctx, u); err != nil {
					return err
				}
				g.Notifiables = append(g.Notifiables, notify.Notifiable{UserID: u.ID, Channel: notify.SMS})
			}
			if err := w.Store.InsertGroup(ctx, g); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkService_PostAlert_wide routes an alert to 20,000 people in 100 groups. Deliveries are not stored.
func BenchmarkService_PostAlert_wide(b *testing.B) {
	w := notifytest.NewWorld(b)
	crowd(b, w, 100, notify.MaxGroupNotifiables, id.Nil)
	post(b, w)
}

// BenchmarkService_PostAlert_narrow routes an alert to one person in one group, beside 5,000 groups of the same topic that
// are about other sites.
func BenchmarkService_PostAlert_narrow(b *testing.B) {
	w := notifytest.NewWorld(b)
	crowd(b, w, 5000, 0, w.Lukla.ID)
	crowd(b, w, 1, 1, w.Berlin.ID)
	post(b, w)
}

func post(b *testing.B, w *notifytest.World) {
	b.Helper()
	ctx := w.As(b.Context(), actor.Service)
	b.ResetTimer()
	for b.Loop() {
		if _, err := w.Notify.PostAlert(ctx, w.Alert()); err != nil {
			b.Fatal(err)
		}
	}
}
