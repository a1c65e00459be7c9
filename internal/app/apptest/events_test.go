package apptest_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/app/apptest"
	"switchboard/internal/id"
	"switchboard/internal/sandbox"
)

// event is what GET /events/{id} tells.
type event struct {
	ID            string   `json:"id"`
	Status        string   `json:"status"`
	MatchedGroups []string `json:"matched_groups"`
	Groups        []struct {
		ID, Name, Decision, Reason string
	} `json:"groups"`
	Deliveries []delivery `json:"deliveries"`
}

type delivery struct {
	ID       string `json:"id"`
	UserID   string `json:"user_id"`
	GroupID  string `json:"group_id"`
	Channel  string `json:"channel"`
	State    string `json:"state"`
	Reason   string `json:"reason"`
	Address  string `json:"address"`
	Attempts []struct {
		At, Outcome, ProviderID, Detail string
	} `json:"attempts"`
}

// who is a person and a channel, for comparing across answers.
func who(user, channel string) string {
	return user[strings.LastIndexByte(user, '_')+1:] + " " + channel
}

// hospital is a server whose demo groups are joined by one that is silent by its schedule.
type hospital struct {
	*apptest.Server
	t                           *testing.T
	key                         string
	engineer, leader            id.ID
	administrator               id.ID
	site, otherSite             id.ID
	onCall, muted, quiet, other string // notification groups, as the API spells them
}

func newHospital(t *testing.T, s *apptest.Server) *hospital {
	t.Helper()
	h := &hospital{
		Server: s, t: t, key: s.Demo.Keys.Administrator,
		administrator: apptest.Named(t, s.Demo.Users, "administrator"),
		engineer:      apptest.Named(t, s.Demo.Users, "engineer"), leader: apptest.Named(t, s.Demo.Users, "leader"),
		site: s.Demo.Sites[0].ID, otherSite: s.Demo.Sites[1].ID,
		onCall: apptest.Named(t, s.Demo.NotificationGroups, "Network on call").String(),
		muted:  apptest.Named(t, s.Demo.NotificationGroups, "Reports, muted").String(),
	}
	// A slot that is days away from now, whatever the zone.
	day := strings.ToLower(time.Now().UTC().AddDate(0, 0, 3).Weekday().String())
	never := s.Want(t, 201, h.key, "POST /chrono/schedules", map[string]any{
		"name": "Days away", "timezone": "UTC", "hours": []any{map[string]any{"day": day, "start": "08:00", "end": "09:00"}},
	}).Text(t, "id")
	group := func(name, mute string, sites []id.ID, notifiables ...map[string]any) string {
		return s.Want(t, 201, h.key, "POST /notifications", map[string]any{
			"name": name, "schedule_id": never, "mute": mute, "topics": []any{apptest.Named(t, s.Demo.Topics, "wan-failover")},
			"sites": sites, "notifiables": notifiables,
		}).Text(t, "id")
	}
	h.quiet = group("Silent by its schedule", "schedule-active", []id.ID{h.site}, notifiable(h.leader, "sms"))
	// The engineer's mail is asked for twice, by this group and by the demo's.
	h.other = group("Also the engineer", "schedule-inactive", []id.ID{h.site}, notifiable(h.engineer, "email"), notifiable(h.leader, "voice"))
	return h
}

func notifiable(user id.ID, channel string) map[string]any {
	return map[string]any{"id": user, "channel": channel}
}

func (h *hospital) post(status int, more map[string]any) string {
	h.t.Helper()
	body := map[string]any{
		"topic": "wan-failover", "site": h.site, "severity": "critical", "title": "Line down", "body": "The main line is down.",
		"data": map[string]any{"circuit": "A1"}, "dedup_key": "wan-1",
	}
	maps.Copy(body, more)
	return h.Want(h.t, status, h.key, "POST /events", body).Text(h.t, "id")
}

func (h *hospital) event(eventID string) event {
	h.t.Helper()
	var e event
	h.Want(h.t, 200, h.key, "GET /events/"+eventID, nil).Into(h.t, &e)
	return e
}

// settled waits until nothing more will become of an event's deliveries.
func (h *hospital) settled(eventID string, want map[string]string) event {
	h.t.Helper()
	var e event
	apptest.Eventually(h.t, "every delivery of the event comes to its end", func() error {
		e = h.event(eventID)
		return sameStates(e.Deliveries, want)
	})
	return e
}

// sameStates compares deliveries with "person channel" → "state reason".
func sameStates(deliveries []delivery, want map[string]string) error {
	states, got := map[string][]string{}, map[string]string{}
	for _, d := range deliveries {
		key := who(d.UserID, d.Channel)
		states[key] = append(states[key], strings.TrimSpace(d.State+" "+d.Reason))
	}
	for key, list := range states {
		slices.Sort(list)
		got[key] = strings.Join(list, "; ")
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return apptest.Errorf("\ngot  %v\nwant %v", got, want)
	}
	return nil
}

// expected is what becomes of a wan-failover at the first site.
func (h *hospital) expected() map[string]string {
	e, l := h.engineer.String(), h.leader.String()
	return map[string]string{
		who(e, "email"): "sent; suppressed duplicate", who(e, "sms"): "delivered", who(e, "whatsapp"): "delivered",
		who(l, "email"): "sent", who(l, "webhook"): "delivered", who(l, "voice"): "suppressed provider-not-configured",
		who(l, "sms"): "suppressed muted-by-schedule", who(h.administrator.String(), "email"): "suppressed muted-always",
	}
}

// TestEvents is the way of an event from the request to the phones and back.
func TestEvents(t *testing.T) {
	t.Parallel()
	apptest.Each(t, apptest.Options{}, func(t *testing.T, s *apptest.Server) {
		h := newHospital(t, s)
		explained := h.explain()
		eventID := h.post(202, nil)
		e := h.settled(eventID, h.expected())

		h.checkDecisions(e)
		h.checkAgrees(e, explained)
		h.checkOutbox(e, "Line down")
		h.checkLedger(e)
		h.checkDedup(eventID)
		h.checkResolved(eventID)
	})
}

func (h *hospital) checkDecisions(e event) {
	h.t.Helper()
	var got []string
	for _, g := range e.Groups {
		got = append(got, strings.Join([]string{g.Name, g.Decision, g.Reason}, ": "))
	}
	slices.Sort(got)
	want := []string{
		"Also the engineer: deliver: ok", "Network on call: deliver: ok", "Reports, muted: muted: muted-always",
		"Silent by its schedule: muted: muted-by-schedule",
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("the groups decided\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(e.MatchedGroups) != 4 || e.Status != "open" {
		h.t.Errorf("matched_groups %v, status %s", e.MatchedGroups, e.Status)
	}
}

// explain asks every group beforehand; the answer is "person channel" → the reasons that the groups give.
func (h *hospital) explain() map[string][]string {
	h.t.Helper()
	rows, last := apptest.CountRows(h.t, h.App.DB()), h.Last(h.t)
	out := map[string][]string{}
	for _, group := range []string{h.onCall, h.muted, h.quiet, h.other} {
		var answer struct {
			Muted     bool
			Decisions []struct {
				UserID  string `json:"user_id"`
				Channel string
				Deliver bool
				Reason  string
				Text    string
			}
		}
		h.Want(h.t, 200, h.key, "POST /notifications/"+group+"/explain", map[string]any{
			"topic": "wan-failover", "site": h.site, "severity": "critical",
		}).Into(h.t, &answer)
		for _, d := range answer.Decisions {
			if d.Deliver != (d.Reason == "ok") || d.Text == "" {
				h.t.Errorf("explained: %+v", d)
			}
			out[who(d.UserID, d.Channel)] = append(out[who(d.UserID, d.Channel)], d.Reason)
		}
	}
	if changed := rows.Changed(apptest.CountRows(h.t, h.App.DB())); len(changed) > 0 {
		h.t.Errorf("explaining changed %v", changed)
	}
	if h.Last(h.t) != last {
		h.t.Error("explaining sent something")
	}
	return out
}

// checkAgrees holds what happened to what was said beforehand.
func (h *hospital) checkAgrees(e event, explained map[string][]string) {
	h.t.Helper()
	happened := map[string][]string{}
	for _, d := range e.Deliveries {
		happened[who(d.UserID, d.Channel)] = append(happened[who(d.UserID, d.Channel)], cmp.Or(d.Reason, "ok"))
	}
	for person, reasons := range explained {
		// Each group explains itself alone; of what several would send, one is sent.
		for range reasons {
			if i := slices.Index(reasons, "ok"); i >= 0 && slices.Contains(reasons[i+1:], "ok") {
				reasons[i] = "duplicate"
			}
		}
		got := happened[person]
		slices.Sort(got)
		slices.Sort(reasons)
		if !slices.Equal(got, reasons) {
			h.t.Errorf("%s: explained as %v, and became %v", person, reasons, got)
		}
	}
}

// checkOutbox finds one message on every wire, and none more.
func (h *hospital) checkOutbox(e event, title string) {
	h.t.Helper()
	captures := h.Outbox(h.t, "")
	got := map[string]int{}
	for _, c := range captures {
		if !strings.Contains(c.Title+c.Text, title) && c.Transport != "webhook" {
			h.t.Errorf("%s to %s says %q %q", c.Transport, c.To, c.Title, c.Text)
		}
		got[c.Transport+" "+c.To]++
	}
	want := map[string]int{
		"email engineer@demo.example": 1, "email leader@demo.example": 1, "sms " + h.phone("engineer"): 1, "whatsapp " + h.phone("engineer"): 1,
		"webhook leader": 1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		h.t.Errorf("the outbox has\n%v\nwant\n%v", got, want)
	}
	for _, c := range captures {
		if c.Transport == "webhook" && (!strings.Contains(c.Text, `"circuit":"A1"`) || c.ProviderID == "") {
			h.t.Errorf("the webhook: %+v", c)
		}
		for _, back := range c.Callbacks {
			if back.Answer/100 != 2 {
				h.t.Errorf("the callback %+v of %s was refused", back, c.Transport)
			}
		}
	}
}

func (h *hospital) phone(user string) string {
	h.t.Helper()
	r := h.Want(h.t, 200, h.key, "GET /v1/users/"+apptest.Named(h.t, h.Demo.Users, user).String()+"/", nil)
	return r.Text(h.t, "data.attributes.phone")
}

// checkLedger looks at the same deliveries through the courier API.
func (h *hospital) checkLedger(e event) {
	h.t.Helper()
	list := h.Want(h.t, 200, h.key, "GET /v1/deliveries/?filter[event]="+bare(e.ID), nil)
	if n := list.Len(h.t, "data"); n != len(e.Deliveries) {
		h.t.Errorf("%d deliveries are listed, and the event shows %d", n, len(e.Deliveries))
	}
	for _, d := range e.Deliveries {
		reached := d.State == "sent" || d.State == "delivered"
		if reached && (len(d.Attempts) != 1 || d.Attempts[0].Outcome != "accepted") {
			h.t.Errorf("%s by %s: %+v", d.State, d.Channel, d.Attempts)
		}
		if strings.Contains(d.Address, "engineer@demo.example") || strings.Contains(d.Address, "2025550112") {
			h.t.Errorf("the address %q is not masked", d.Address)
		}
		one := h.Want(h.t, 200, h.key, "GET /v1/deliveries/"+bare(d.ID)+"/", nil)
		if got := one.Text(h.t, "data.attributes.state"); got != d.State {
			h.t.Errorf("the courier API says %s of what is %s", got, d.State)
		}
	}
}

func bare(prefixed string) string { return prefixed[strings.LastIndexByte(prefixed, '_')+1:] }

// checkDedup posts the same again: the answer is the first event, and nobody hears of it.
func (h *hospital) checkDedup(eventID string) {
	h.t.Helper()
	rows, last := apptest.CountRows(h.t, h.App.DB()), h.Last(h.t)
	if again := h.post(200, map[string]any{"title": "Line down again"}); again != eventID {
		h.t.Errorf("the same key is another event: %s, %s", again, eventID)
	}
	if changed := rows.Changed(apptest.CountRows(h.t, h.App.DB())); len(changed) > 0 {
		h.t.Errorf("posting the same again changed %v", changed)
	}
	// At another site it is another event, which the groups of the first site do not hear of.
	elsewhere := h.post(202, map[string]any{"site": h.otherSite})
	if elsewhere == eventID {
		h.t.Error("the same key at another site is the same event")
	}
	want := h.expected()
	want[who(h.engineer.String(), "email")] = "sent"
	delete(want, who(h.leader.String(), "voice"))
	delete(want, who(h.leader.String(), "sms"))
	delete(want, who(h.administrator.String(), "email"))
	h.settled(elsewhere, want)
	if sent := len(h.Outbox(h.t, "since="+itoa(int(last)))); sent != 5 {
		h.t.Errorf("%d messages were sent, want 5", sent)
	}
}

// checkResolved ends the event: who was told is told, and nobody else.
func (h *hospital) checkResolved(eventID string) {
	h.t.Helper()
	last := h.Last(h.t)
	// The group on call has become silent since; those whom it told hear of the end all the same.
	var group map[string]any
	h.Want(h.t, 200, h.key, "GET /notifications/"+h.onCall, nil).Into(h.t, &group)
	group["mute"] = "always"
	for _, answered := range []string{"id", "created_at", "updated_at", "recipients"} {
		delete(group, answered)
	}
	h.Want(h.t, 200, h.key, "PUT /notifications/"+h.onCall, group)
	h.post(202, map[string]any{"status": "resolved", "title": "Line up", "body": ""})

	var got []string
	apptest.Eventually(h.t, "whoever was told hears of the end", func() error {
		got = nil
		for _, c := range h.Outbox(h.t, "since="+itoa(int(last))) {
			got = append(got, c.Transport+" "+c.To)
		}
		if len(got) < 5 {
			return apptest.Errorf("only %v", got)
		}
		return nil
	})
	slices.Sort(got)
	want := []string{
		"email engineer@demo.example", "email leader@demo.example", "sms " + h.phone("engineer"), "webhook leader", "whatsapp " + h.phone("engineer"),
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("of the end heard\n%v\nwant\n%v", got, want)
	}
	if e := h.event(eventID); e.Status != "resolved" {
		h.t.Errorf("the event is %s", e.Status)
	}
	h.post(200, map[string]any{"status": "resolved"}) // it has ended already
	if next := h.post(202, nil); next == eventID {
		h.t.Error("after the end the key opens a new event")
	}
}

// TestEvents_inactive archives a person: they drop out of the group, and a delivery that is planned before says why.
func TestEvents_inactive(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	h := newHospital(t, s)
	s.Want(t, 200, h.key, "PATCH /v1/users/"+h.engineer.String()+"/", map[string]any{"data": map[string]any{
		"type": "users", "id": h.engineer, "attributes": map[string]any{"state": "archived"},
	}})
	if r := s.Want(t, 200, h.key, "GET /notifications/"+h.onCall, nil); strings.Contains(string(r.Body), h.engineer.String()) {
		t.Errorf("an inactive user is still answered: %s", r.Body)
	}
	e := h.settled(h.post(202, nil), func() map[string]string {
		want := h.expected()
		for _, channel := range []string{"email", "sms", "whatsapp"} {
			want[who(h.engineer.String(), channel)] = "suppressed user-inactive"
		}
		want[who(h.engineer.String(), "email")] = "suppressed user-inactive; suppressed user-inactive"
		return want
	}())
	if len(e.Groups) != 4 {
		t.Errorf("%d groups decided", len(e.Groups))
	}
	if found := s.Outbox(t, "to="+url.QueryEscape("engineer@demo.example")); len(found) > 0 {
		t.Errorf("an inactive user was written to: %+v", found)
	}
}

// TestEvents_stop lets a person write STOP: from then on nothing is sent to that phone, and the ledger says why.
func TestEvents_stop(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	h := newHospital(t, s)
	number := h.phone("engineer")
	s.Say(t, "sms", sandbox.Said{From: number, Body: "Stop"})
	apptest.Eventually(t, "the server has taken in the STOP", func() error {
		r := s.Do(t, h.key, "GET /v1/users/"+h.engineer.String()+"/", nil)
		if r.Text(t, "data.attributes.phone-unsubscribed") != "true" {
			return apptest.Errorf("%s", r.Body)
		}
		return nil
	})
	before := len(s.Outbox(t, "transport=sms")) // STOP itself may be answered
	want := h.expected()
	want[who(h.engineer.String(), "sms")] = "suppressed opted-out"
	want[who(h.engineer.String(), "whatsapp")] = "suppressed opted-out"
	h.settled(h.post(202, nil), want)
	if after := len(s.Outbox(t, "transport=sms")); after != before {
		t.Errorf("%d texts were sent to a phone that said STOP", after-before)
	}
	s.Say(t, "sms", sandbox.Said{From: number, Body: "START"})
	apptest.Eventually(t, "the server has taken in the START", func() error {
		r := s.Do(t, h.key, "GET /v1/users/"+h.engineer.String()+"/", nil)
		if r.Text(t, "data.attributes.phone-unsubscribed") != "false" {
			return apptest.Errorf("%s", r.Body)
		}
		return nil
	})
	h.settled(h.post(202, map[string]any{"dedup_key": "wan-2"}), h.expected())
}
