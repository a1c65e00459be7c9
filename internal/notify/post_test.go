package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
	"switchboard/internal/page"
	"switchboard/internal/reason"
)

// lines says what an outbox was given, as "ann sms ok".
func lines(w *notifytest.World, notices []notify.Notice) []string {
	names := map[id.ID]string{}
	for _, u := range []directory.User{w.Ann, w.Ben, w.Cleo, w.Ivy, w.Arno} {
		names[u.ID] = u.Username
	}
	out := []string{}
	for _, n := range notices {
		why := n.Skip
		if why == "" {
			why = reason.OK
		}
		out = append(out, fmt.Sprintf("%s %s %s", names[n.UserID], n.Channel, why))
	}
	return out
}

func TestService_PostAlert(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	group := func(set func(*notify.GroupParams)) notify.Group {
		p := w.Group()
		set(&p)
		g, err := w.Notify.CreateGroup(service, p)
		must(t, err)
		return g
	}
	first := group(func(p *notify.GroupParams) {
		p.Name = "first"
		p.Notifiables = []notify.Notifiable{by(w.Ann, notify.SMS), by(w.Ben, notify.Email), by(w.Cleo, notify.Voice)}
	})
	muted := group(func(p *notify.GroupParams) {
		p.Name, p.Mute, p.Notifiables = "muted", notify.MuteScheduleInactive, []notify.Notifiable{by(w.Ann, notify.Push)}
	})
	second := group(func(p *notify.GroupParams) {
		p.Name, p.Sites = "second", []id.ID{w.Berlin.ID}
		p.Notifiables = []notify.Notifiable{by(w.Ben, notify.Email), by(w.Ben, notify.SMS)}
	})
	group(func(p *notify.GroupParams) { p.Sites = []id.ID{w.Lukla.ID} })
	group(func(p *notify.GroupParams) { p.Topics = []id.ID{w.Links.ID} })
	setState(t, w, w.Cleo, directory.Archived)
	_, seq := w.Types(t, 0)

	got, err := w.Notify.PostAlert(service, notify.AlertParams{
		Topic: notify.TopicRef{Key: "heartbeat"}, SiteID: w.Berlin.ID, Severity: notify.Critical, Title: " Router is gone ",
		Body: "since 10:00", Data: map[string]any{"device": "r1"}, DedupKey: "r1", OccurredAt: w.Now().Add(-time.Minute),
	})
	must(t, err)
	want := notify.Alert{
		ID: got.ID, OrganizationID: w.Org, TopicID: w.Heartbeat.ID, SiteID: w.Berlin.ID, Status: notify.Open, Severity: notify.Critical,
		Title: "Router is gone", Body: "since 10:00", Data: map[string]any{"device": "r1"}, DedupKey: "r1",
		OccurredAt: w.Now().Add(-time.Minute), CreatedAt: w.Now(), MatchedGroups: []id.ID{first.ID, muted.ID, second.ID},
	}
	same(t, "answered", got, notify.Posted{Alert: want})

	calls := w.Outbox.All()
	if len(calls) != 1 {
		t.Fatalf("the outbox was called %d times", len(calls))
	}
	same(t, "notices", lines(w, calls[0].Notices), []string{
		"ann sms ok", "ben email ok", "cleo voice user-inactive", "ann push muted-by-schedule", "ben email duplicate", "ben sms ok",
	})
	same(t, "groups of the notices", []id.ID{calls[0].Notices[0].GroupID, calls[0].Notices[3].GroupID, calls[0].Notices[5].GroupID},
		[]id.ID{first.ID, muted.ID, second.ID})
	same(t, "content", calls[0].Content, notify.Content{
		Source: notify.Source{Type: notify.SourceAlert, ID: got.ID}, OrganizationID: w.Org, Title: "Router is gone", Body: "since 10:00",
		Data: map[string]any{
			"event_id": got.ID.String(), "status": "open", "severity": "critical", "topic_id": w.Heartbeat.ID.String(), "topic_key": "heartbeat",
			"topic_name": "Heartbeat", "site_id": w.Berlin.ID.String(), "site_name": w.Berlin.Name, "dedup_key": "r1", "occurred_at": "2026-11-23T09:59:00.123Z", "data": map[string]any{"device": "r1"},
		},
		Urgent: true, At: w.Now(),
	})
	types, _ := w.Types(t, seq)
	wantTypes(t, types, "notify.alert.opened")

	d, err := w.Notify.GetAlert(w.As(t.Context(), actor.Member), got.ID)
	must(t, err)
	same(t, "stored", d.Alert, want)
	same(t, "decisions", d.Groups, []notify.Routing{
		{GroupID: first.ID, GroupName: "first", Outcome: notify.Deliver, Reason: reason.OK},
		{GroupID: muted.ID, GroupName: "muted", Outcome: notify.Muted, Reason: reason.MutedBySchedule},
		{GroupID: second.ID, GroupName: "second", Outcome: notify.Deliver, Reason: reason.OK},
	})
	same(t, "deliveries", d.Opened, calls[0].Ledger)
	if len(d.Ended) > 0 {
		t.Errorf("ended %+v", d.Ended)
	}
}

func TestService_PostAlert_defaults(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	got, err := w.Notify.PostAlert(service, w.Alert())
	must(t, err)
	if got.Status != notify.Open || got.Severity != notify.Medium || !got.OccurredAt.Equal(w.Now()) || got.Data == nil || len(got.MatchedGroups) != 0 {
		t.Errorf("posted %+v", got)
	}
	calls := w.Outbox.All()
	if len(calls) != 1 || len(calls[0].Notices) != 0 || calls[0].Content.Urgent {
		t.Errorf("without groups the outbox was given %+v", calls)
	}
	d, err := w.Notify.GetAlert(service, got.ID)
	must(t, err)
	same(t, "stored", d.Alert, got.Alert)
}

func TestSeverity_Urgent(t *testing.T) {
	t.Parallel()
	for severity, want := range map[notify.Severity]bool{notify.Low: false, notify.Medium: false, notify.High: true, notify.Critical: true} {
		if severity.Urgent() != want {
			t.Errorf("%s is urgent: %v", severity, !want)
		}
	}
}

func TestService_PostAlert_refuses(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	_, err := w.Notify.CreateGroup(service, w.Group())
	must(t, err)
	_, seq := w.Types(t, 0)
	for name, tc := range map[string]struct {
		set  func(*notify.AlertParams)
		want string
	}{
		"everything":         {func(p *notify.AlertParams) { *p = notify.AlertParams{} }, "title topic site"},
		"an unknown topic":   {func(p *notify.AlertParams) { p.Topic = notify.TopicRef{ID: id.New()} }, "topic"},
		"an unknown key":     {func(p *notify.AlertParams) { p.Topic = notify.TopicRef{Key: "moon-phase"} }, "topic"},
		"an unknown site":    {func(p *notify.AlertParams) { p.SiteID = id.New() }, "site"},
		"their site":         {func(p *notify.AlertParams) { p.SiteID = w.Elsewhere.ID }, "site"},
		"an unknown status":  {func(p *notify.AlertParams) { p.Status = "closed" }, "status"},
		"a severity":         {func(p *notify.AlertParams) { p.Severity = "bad" }, "severity"},
		"a blank title":      {func(p *notify.AlertParams) { p.Title = "  " }, "title"},
		"a long title":       {func(p *notify.AlertParams) { p.Title = long(256) }, "title"},
		"a long body":        {func(p *notify.AlertParams) { p.Body = long(10_001) }, "body"},
		"a long key":         {func(p *notify.AlertParams) { p.DedupKey = long(256) }, "dedup_key"},
		"much data":          {func(p *notify.AlertParams) { p.Data = map[string]any{"a": strings.Repeat("x", 64<<10)} }, "data"},
		"resolved, no key":   {func(p *notify.AlertParams) { p.Status = notify.Resolved }, "dedup_key"},
		"resolved, no topic": {func(p *notify.AlertParams) { *p = notify.AlertParams{Status: notify.Resolved, DedupKey: "k"} }, "topic site"},
	} {
		p := w.Alert()
		tc.set(&p)
		_, err := w.Notify.PostAlert(service, p)
		wantKind(t, name, err, errs.Invalid)
		wantFields(t, name, err, tc.want)
	}
	checkNothing(t, w, seq)
}

func checkNothing(t *testing.T, w *notifytest.World, seq int64) {
	t.Helper()
	list, err := w.Notify.ListAlerts(w.As(t.Context(), actor.Service), notify.AlertQuery{}, page.Cursor{Limit: 10})
	must(t, err)
	types, _ := w.Types(t, seq)
	if len(list.Items) > 0 || len(w.Outbox.All()) > 0 || len(types) > 0 {
		t.Errorf("left %d alerts, %d calls of the outbox, log %v", len(list.Items), len(w.Outbox.All()), types)
	}
}

// An alert whose deliveries cannot be recorded is not there at all, so that the caller can post it again.
func TestService_PostAlert_allOrNothing(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	_, err := w.Notify.CreateGroup(service, w.Group())
	must(t, err)
	_, seq := w.Types(t, 0)
	boom := errors.New("disk full")
	w.Outbox.Fail = boom
	p := w.Alert()
	p.DedupKey = "k"
	if _, err := w.Notify.PostAlert(service, p); !errors.Is(err, boom) {
		t.Errorf("PostAlert = %v", err)
	}
	checkNothing(t, w, seq)
	w.Outbox.Fail = nil
	got, err := w.Notify.PostAlert(service, p)
	must(t, err)
	if got.Repeated {
		t.Error("the failed one counts as the first")
	}
}

func TestService_PostAlert_dedup(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	g, err := w.Notify.CreateGroup(service, w.Group())
	must(t, err)
	p := w.Alert()
	p.DedupKey = "r1"
	post := func(what string, p notify.AlertParams) notify.Posted {
		t.Helper()
		got, err := w.Notify.PostAlert(service, p)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return got
	}
	first := post("first", p)
	_, seq := w.Types(t, 0)
	repeated := p
	repeated.Title, repeated.Severity = "Router is still gone", notify.Critical
	again := post("again", repeated)
	same(t, "again", again, notify.Posted{Alert: first.Alert, Repeated: true})
	w.Pass(24*time.Hour - time.Millisecond)
	if again = post("just within", p); again.ID != first.ID || !again.Repeated {
		t.Errorf("within 24 hours: %+v", again)
	}
	if types, _ := w.Types(t, seq); len(types) > 0 || len(w.Outbox.All()) != 1 {
		t.Errorf("repeats wrote %v and sent %d times", types, len(w.Outbox.All()))
	}
	w.Pass(time.Millisecond)
	second := post("after 24 hours", p)
	if second.Repeated || second.ID == first.ID || len(w.Outbox.All()) != 2 {
		t.Errorf("after 24 hours: %+v", second)
	}
	other := p
	other.SiteID = w.Lukla.ID
	if got := post("another site", other); got.Repeated {
		t.Error("another site is another alert")
	}
	other = p
	other.Topic = notify.TopicRef{Key: "packet-loss"}
	if got := post("another topic", other); got.Repeated {
		t.Error("another topic is another alert")
	}
	if a, b := post("no key", w.Alert()), post("no key", w.Alert()); a.Repeated || b.Repeated || a.ID == b.ID {
		t.Error("alerts without a key are one")
	}
	same(t, "matched groups of a repeat", again.MatchedGroups, []id.ID{g.ID})
}

// Many who post the same at once get the same alert, and everybody is told once: when the key is new, when what had it is
// too old, and of the end.
func TestService_PostAlert_atOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := notifytest.NewWorldOn(t, d)
		service := w.As(t.Context(), actor.Service)
		_, err := w.Notify.CreateGroup(service, w.Group())
		must(t, err)
		p := w.Alert()
		p.DedupKey = "r1"
		first := atOnce(t, w, p)
		w.Pass(25 * time.Hour)
		second := atOnce(t, w, p)
		p.Status = notify.Resolved
		if ended := atOnce(t, w, p); first == second || ended != second {
			t.Errorf("first %v, a day later %v, ended %v", first, second, ended)
		}
		if n := len(w.Outbox.All()); n != 3 {
			t.Errorf("sent %d times", n)
		}
	})
}

// atOnce posts an alert from many sides at the same time and returns the one that all of them get.
func atOnce(t *testing.T, w *notifytest.World, p notify.AlertParams) id.ID {
	t.Helper()
	service := w.As(t.Context(), actor.Service)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids, fresh := map[id.ID]bool{}, 0
	var last id.ID
	for range 12 {
		wg.Go(func() {
			got, err := w.Notify.PostAlert(service, p)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[got.ID], last = true, got.ID
			if !got.Repeated {
				fresh++
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || fresh != 1 {
		t.Errorf("%d alerts, %d of them fresh", len(ids), fresh)
	}
	return last
}

func TestService_PostAlert_resolved(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	p := w.Group()
	p.Notifiables = []notify.Notifiable{by(w.Ann, notify.SMS), by(w.Ben, notify.Email), by(w.Ben, notify.SMS)}
	g, err := w.Notify.CreateGroup(service, p)
	must(t, err)
	p.Mute, p.Notifiables = notify.MuteAlways, []notify.Notifiable{by(w.Cleo, notify.SMS)}
	_, err = w.Notify.CreateGroup(service, p)
	must(t, err)
	alert := w.Alert()
	alert.DedupKey, alert.Severity = "r1", notify.High
	end := alert
	end.Status, end.Title, end.Severity = notify.Resolved, "", ""

	_, err = w.Notify.PostAlert(service, end)
	wantKind(t, "nothing to resolve", err, errs.NotFound)
	opened, err := w.Notify.PostAlert(service, alert)
	must(t, err)
	// Who was told is told of the end: the group does not matter any more, nor does its mute.
	p.Mute = notify.MuteAlways
	_, err = w.Notify.UpdateGroup(service, g.ID, p)
	must(t, err)
	setState(t, w, w.Ann, directory.Archived)
	w.Pass(time.Hour)
	_, seq := w.Types(t, 0)
	got, err := w.Notify.PostAlert(service, end)
	must(t, err)
	want := opened
	want.Status, want.ResolvedAt = notify.Resolved, w.Now()
	same(t, "answered", got, want)
	types, seq := w.Types(t, seq)
	wantTypes(t, types, "notify.alert.resolved")
	calls := w.Outbox.All()
	same(t, "told of the end", lines(w, calls[1].Notices), []string{"ann sms user-inactive", "ben email ok", "ben sms ok"})
	c := calls[1].Content
	if c.Source != (notify.Source{Type: notify.SourceAlertResolved, ID: opened.ID}) || c.Title != "Router is gone" || c.Body != "" ||
		!c.Urgent || c.Data["status"] != "resolved" || c.Data["site_name"] != w.Berlin.Name || !c.At.Equal(w.Now()) {
		t.Errorf("content %+v", c)
	}
	d, err := w.Notify.GetAlert(service, opened.ID)
	must(t, err)
	same(t, "stored", d.Alert, want.Alert)
	if len(d.Opened) != 4 || len(d.Ended) != 3 {
		t.Errorf("%d deliveries of the alert, %d of its end", len(d.Opened), len(d.Ended))
	}

	w.Pass(time.Hour)
	again, err := w.Notify.PostAlert(service, end)
	must(t, err)
	want.Repeated = true
	same(t, "again", again, want)
	if types, _ := w.Types(t, seq); len(types) > 0 || len(w.Outbox.All()) != 2 {
		t.Errorf("the repeat wrote %v", types)
	}
	// What has ended and begins again is news, also within 24 hours.
	reopened, err := w.Notify.PostAlert(service, alert)
	must(t, err)
	if reopened.Repeated || reopened.ID == opened.ID || len(w.Outbox.All()) != 3 {
		t.Errorf("reopened %+v", reopened)
	}
}

func TestService_PostAlert_resolvedInItsOwnWords(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	_, err := w.Notify.CreateGroup(service, w.Group())
	must(t, err)
	alert := w.Alert()
	alert.DedupKey = "r1"
	opened, err := w.Notify.PostAlert(service, alert)
	must(t, err)
	w.Pass(25 * time.Hour) // the key is free again, and two alerts are open
	later, err := w.Notify.PostAlert(service, alert)
	must(t, err)
	alert.Status, alert.Title, alert.Body, alert.Data = notify.Resolved, "Router is back", "after a reboot", map[string]any{"uptime": 5.0}
	got, err := w.Notify.PostAlert(service, alert)
	must(t, err)
	if got.ID != later.ID || got.Title != "Router is gone" {
		t.Errorf("resolved %+v", got)
	}
	call := w.Outbox.All()[2]
	same(t, "told once", lines(w, call.Notices), []string{"ann sms ok"})
	if call.Content.Title != "Router is back" || call.Content.Body != "after a reboot" || fmt.Sprint(call.Content.Data["data"]) != "map[uptime:5]" {
		t.Errorf("content %+v", call.Content)
	}
	for _, i := range []id.ID{opened.ID, later.ID} {
		d, err := w.Notify.GetAlert(service, i)
		must(t, err)
		if d.Status != notify.Resolved || d.Title != "Router is gone" {
			t.Errorf("stored %+v", d.Alert)
		}
	}
}

func TestService_ListAlerts(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	service := w.As(t.Context(), actor.Service)
	g, err := w.Notify.CreateGroup(service, w.Group())
	must(t, err)
	var posted []notify.Alert // newest first
	for range 3 {
		w.Pass(time.Minute)
		a, err := w.Notify.PostAlert(service, w.Alert())
		must(t, err)
		posted = append([]notify.Alert{a.Alert}, posted...)
	}
	links := w.Alert()
	links.Topic = notify.TopicRef{Key: "packet-loss"}
	a, err := w.Notify.PostAlert(service, links)
	must(t, err)
	list, err := w.Notify.ListAlerts(service, notify.AlertQuery{Topic: notify.TopicRef{Key: "heartbeat"}}, page.Cursor{Limit: 2})
	must(t, err)
	same(t, "the first page", list, page.List[notify.Alert]{Items: posted[:2], More: true})
	same(t, "matched groups", list.Items[0].MatchedGroups, []id.ID{g.ID})
	list, err = w.Notify.ListAlerts(service, notify.AlertQuery{Topic: notify.TopicRef{ID: w.Heartbeat.ID}}, page.Cursor{Limit: 2, After: list.Items[1].ID})
	must(t, err)
	same(t, "the last page", list, page.List[notify.Alert]{Items: posted[2:]})
	list, err = w.Notify.ListAlerts(service, notify.AlertQuery{Topic: notify.TopicRef{ID: w.Links.ID}}, page.Cursor{Limit: 2})
	must(t, err)
	same(t, "another topic", list.Items, []notify.Alert{a.Alert})
	list, err = w.Notify.ListAlerts(service, notify.AlertQuery{Topic: notify.TopicRef{Key: "moon-phase"}}, page.Cursor{Limit: 2})
	must(t, err)
	same(t, "an unknown topic", len(list.Items), 0)
	_, err = w.Notify.ListAlerts(service, notify.AlertQuery{}, page.Cursor{Limit: 2, After: id.New()})
	wantKind(t, "a cursor of nothing", err, errs.Malformed)
	wantFields(t, "a cursor of nothing", err, "cursor")
	_, err = w.Notify.GetAlert(service, id.New())
	wantKind(t, "unknown", err, errs.NotFound)
}
