package notify_test

import (
	"errors"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
	"switchboard/internal/reason"
)

func TestService_ExplainGroup(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	member := w.As(t.Context(), actor.Member)
	p := w.Group()
	p.Mute, p.Sites = notify.MuteScheduleActive, []id.ID{w.Berlin.ID}
	p.Notifiables = []notify.Notifiable{by(w.Ann, notify.SMS), by(w.Ben, notify.Email), by(w.Cleo, notify.Voice)}
	g, err := w.Notify.CreateGroup(w.As(t.Context(), actor.Administrator), p)
	must(t, err)
	setState(t, w, w.Cleo, directory.Archived)
	w.Outbox.Reasons = map[notify.Notifiable]reason.Reason{by(w.Ben, notify.Email): reason.AddressUnverified}
	_, seq := w.Types(t, 0)
	sunday := w.Now().AddDate(0, 0, -1)
	heartbeat := notify.TopicRef{Key: "heartbeat"}
	for _, tc := range []struct {
		name          string
		p             notify.ExplainParams
		active, muted bool
		want          []reason.Reason
	}{
		{"now", notify.ExplainParams{Topic: heartbeat, SiteID: w.Berlin.ID}, true, false, []reason.Reason{reason.OK, reason.AddressUnverified, reason.UserInactive}},
		{"muted", notify.ExplainParams{Topic: heartbeat, SiteID: w.Berlin.ID, At: sunday}, false, true, []reason.Reason{reason.MutedBySchedule, reason.MutedBySchedule, reason.MutedBySchedule}},
		{"another topic", notify.ExplainParams{Topic: notify.TopicRef{ID: w.Links.ID}, SiteID: w.Berlin.ID, At: sunday}, false, true, []reason.Reason{reason.NotSubscribed, reason.NotSubscribed, reason.NotSubscribed}},
		{"another site", notify.ExplainParams{Topic: heartbeat, SiteID: w.Lukla.ID}, true, false, []reason.Reason{reason.SiteNotCovered, reason.SiteNotCovered, reason.SiteNotCovered}},
	} {
		got, err := w.Notify.ExplainGroup(member, g.ID, tc.p)
		must(t, err)
		at := tc.p.At
		if at.IsZero() {
			at = w.Now()
		}
		if got.GroupID != g.ID || !got.At.Equal(at) || got.ScheduleActive != tc.active || got.Muted != tc.muted || len(got.People) != 3 {
			t.Errorf("%s: %+v", tc.name, got)
			continue
		}
		for i, a := range got.People {
			if a.Notifiable != p.Notifiables[i] || a.Reason != tc.want[i] || a.Deliver != (tc.want[i] == reason.OK) || a.Text == "" {
				t.Errorf("%s: %+v, want %s", tc.name, a, tc.want[i])
			}
		}
	}
	if types, _ := w.Types(t, seq); len(types) > 0 || len(w.Outbox.All()) > 0 {
		t.Errorf("explaining wrote %v and sent %d times", types, len(w.Outbox.All()))
	}
}

// What the sending stages are asked: for whom the group delivers, at the instant asked about, with the alert's urgency.
func TestService_ExplainGroup_asksTheStages(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	g, err := w.Notify.CreateGroup(admin, w.Group())
	must(t, err)
	at := w.Now().Add(-1000 * time.Hour)
	for _, severity := range append(notify.Severities(), "") {
		_, err := w.Notify.ExplainGroup(admin, g.ID, notify.ExplainParams{Topic: notify.TopicRef{Key: "heartbeat"}, SiteID: w.Berlin.ID, Severity: severity, At: at})
		must(t, err)
	}
	same(t, "asked", w.Outbox.Questions(), []notifytest.Asked{{At: at}, {At: at}, {Urgent: true, At: at}, {Urgent: true, At: at}, {At: at}})
}

func TestService_ExplainGroup_refuses(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	g, err := w.Notify.CreateGroup(admin, w.Group())
	must(t, err)
	for _, tc := range []struct {
		p    notify.ExplainParams
		want string
	}{
		{notify.ExplainParams{}, "topic site"},
		{notify.ExplainParams{Topic: notify.TopicRef{Key: "x"}, SiteID: w.Elsewhere.ID, Severity: "bad"}, "severity topic site"},
	} {
		_, err := w.Notify.ExplainGroup(admin, g.ID, tc.p)
		wantKind(t, tc.want, err, errs.Invalid)
		wantFields(t, tc.want, err, tc.want)
	}
	_, err = w.Notify.ExplainGroup(admin, id.New(), notify.ExplainParams{})
	wantKind(t, "unknown", err, errs.NotFound)
}

// What is explained for now is what routing does now: the same groups, people and reasons.
func TestService_ExplainGroup_agreesWithRouting(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	for _, mute := range notify.Mutes() {
		for _, at := range []time.Time{inHours, outHours} {
			w.SetNow(at)
			p := w.Group()
			p.Mute, p.Notifiables = mute, []notify.Notifiable{by(w.Ann, notify.SMS), by(w.Ben, notify.Push)}
			g, err := w.Notify.CreateGroup(admin, p)
			must(t, err)
			said, err := w.Notify.ExplainGroup(admin, g.ID, notify.ExplainParams{Topic: notify.TopicRef{Key: "heartbeat"}, SiteID: w.Berlin.ID})
			must(t, err)
			_, err = w.Notify.PostAlert(admin, w.Alert())
			must(t, err)
			calls := w.Outbox.All()
			for i, n := range calls[len(calls)-1].Notices {
				if n.Skip == "" {
					n.Skip = reason.OK
				}
				if a := said.People[i]; a.Reason != n.Skip || a.UserID != n.UserID {
					t.Errorf("%s at %v: explained %s, did %s", mute, at, a.Reason, n.Skip)
				}
			}
			must(t, w.Notify.DeleteGroup(admin, g.ID))
		}
	}
}

func TestService_TestGroup(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	p := w.Group()
	p.Mute = notify.MuteAlways
	p.Notifiables = []notify.Notifiable{by(w.Ann, notify.SMS), by(w.Ben, notify.Email)}
	g, err := w.Notify.CreateGroup(admin, p)
	must(t, err)
	setState(t, w, w.Ben, directory.Archived)
	_, seq := w.Types(t, 0)
	got, err := w.Notify.TestGroup(admin, g.ID)
	must(t, err)
	calls := w.Outbox.All()
	same(t, "notices, muted or not", lines(w, calls[0].Notices), []string{"ann sms ok", "ben email user-inactive"})
	c := calls[0].Content
	if c.Source != (notify.Source{Type: notify.SourceGroupTest, ID: got.ID}) || c.Title != "Notification group Primary on-call" || c.Data["test"] != true ||
		c.Urgent || !c.ExpiresAt.After(w.Now()) {
		t.Errorf("content %+v", c)
	}
	same(t, "answered", got, notify.GroupTest{ID: got.ID, GroupID: g.ID, CreatedAt: w.Now(), Deliveries: calls[0].Ledger})
	types, seq := w.Types(t, seq)
	wantTypes(t, types, "notify.group.tested")

	_, err = w.Notify.TestGroup(admin, id.New())
	wantKind(t, "unknown", err, errs.NotFound)
	w.Outbox.Fail = errors.New("disk full")
	if _, err := w.Notify.TestGroup(admin, g.ID); !errors.Is(err, w.Outbox.Fail) {
		t.Errorf("TestGroup = %v", err)
	}
	if types, _ := w.Types(t, seq); len(types) > 0 {
		t.Errorf("failures wrote %v", types)
	}
}
