package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
	"switchboard/internal/notify/schedule"
	"switchboard/internal/reason"
)

var (
	inHours  = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) // monday
	outHours = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) // sunday
)

func office() schedule.Timetable {
	return schedule.Timetable{Zone: time.UTC, Hours: notifytest.OfficeHours()}
}

// The contract's table: what each mute does while the schedule is active, and while it is not.
func TestPlan_mute(t *testing.T) {
	t.Parallel()
	topic, site, user := id.New(), id.New(), id.New()
	for _, tc := range []struct {
		mute     notify.Mute
		active   reason.Reason
		inactive reason.Reason
	}{
		{notify.MuteScheduleActive, reason.OK, reason.MutedBySchedule},
		{notify.MuteScheduleInactive, reason.MutedBySchedule, reason.OK},
		{notify.MuteNever, reason.OK, reason.OK},
		{notify.MuteAlways, reason.MutedAlways, reason.MutedAlways},
	} {
		for at, want := range map[time.Time]reason.Reason{inHours: tc.active, outHours: tc.inactive} {
			g := notify.Group{Mute: tc.mute, Topics: []id.ID{topic}, AllSites: true, Notifiables: []notify.Notifiable{{UserID: user, Channel: notify.SMS}}}
			d := notify.Plan(notify.Subject{TopicID: topic, SiteID: site, At: at}, []notify.Candidate{{Group: g, Timetable: office()}}, map[id.ID]bool{user: true})[0]
			if d.Reason != want || d.People[0].Reason != want || d.Muted != (want != reason.OK) || d.ScheduleActive != at.Equal(inHours) {
				t.Errorf("%s at %v: %+v, want %s", tc.mute, at, d, want)
			}
		}
	}
}

func TestPlan_subject(t *testing.T) {
	t.Parallel()
	topic, site, user := id.New(), id.New(), id.New()
	for _, tc := range []struct {
		name string
		g    notify.Group
		want reason.Reason
	}{
		{"every site", notify.Group{Topics: []id.ID{id.New(), topic}, AllSites: true}, reason.OK},
		{"this site", notify.Group{Topics: []id.ID{topic}, Sites: []id.ID{id.New(), site}}, reason.OK},
		{"another topic", notify.Group{Topics: []id.ID{id.New()}, AllSites: true}, reason.NotSubscribed},
		{"no topic", notify.Group{AllSites: true}, reason.NotSubscribed},
		{"another site", notify.Group{Topics: []id.ID{topic}, Sites: []id.ID{id.New()}}, reason.SiteNotCovered},
		{"the last site is gone", notify.Group{Topics: []id.ID{topic}}, reason.SiteNotCovered},
		{"neither topic nor site", notify.Group{Sites: []id.ID{id.New()}}, reason.NotSubscribed},
		{"another topic, and muted", notify.Group{AllSites: true, Mute: notify.MuteAlways}, reason.NotSubscribed},
	} {
		tc.g.Notifiables = []notify.Notifiable{{UserID: user, Channel: notify.SMS}}
		d := notify.Plan(notify.Subject{TopicID: topic, SiteID: site, At: inHours}, []notify.Candidate{{Group: tc.g, Timetable: office()}}, map[id.ID]bool{user: true})[0]
		if d.Reason != tc.want || d.People[0].Reason != tc.want || d.Muted != (tc.g.Mute == notify.MuteAlways) {
			t.Errorf("%s: %+v, want %s", tc.name, d, tc.want)
		}
	}
}

func TestPlan_people(t *testing.T) {
	t.Parallel()
	topic := id.New()
	names := map[id.ID]string{}
	person := func(name string) id.ID {
		i := id.New()
		names[i] = name
		return i
	}
	ann, ben, gone := person("ann"), person("ben"), person("gone")
	group := func(mute notify.Mute, people ...notify.Notifiable) notify.Candidate {
		return notify.Candidate{
			Group:     notify.Group{ID: id.New(), Mute: mute, Topics: []id.ID{topic}, AllSites: true, Notifiables: people},
			Timetable: office(),
		}
	}
	by := func(user id.ID, c notify.Channel) notify.Notifiable {
		return notify.Notifiable{UserID: user, Channel: c}
	}
	decisions := notify.Plan(notify.Subject{TopicID: topic, SiteID: id.New(), At: inHours}, []notify.Candidate{
		group(notify.MuteAlways, by(ann, notify.SMS), by(gone, notify.SMS)),
		group(notify.MuteNever, by(ann, notify.SMS), by(ann, notify.Email), by(gone, notify.SMS)),
		group(notify.MuteNever),
		group(notify.MuteScheduleActive, by(ben, notify.SMS), by(ann, notify.SMS), by(ann, notify.Voice), by(gone, notify.SMS)),
	}, map[id.ID]bool{ann: true, ben: true})
	var got []string
	for _, d := range decisions {
		var line []string
		for _, v := range d.People {
			line = append(line, fmt.Sprintf("%s/%s %s", names[v.UserID], v.Channel, v.Reason))
		}
		got = append(got, strings.Join(line, ", "))
	}
	want := []string{
		"ann/sms muted-always, gone/sms muted-always",
		"ann/sms ok, ann/email ok, gone/sms user-inactive",
		"",
		"ben/sms ok, ann/sms duplicate, ann/voice ok, gone/sms user-inactive",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("Plan =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every reason that a plan gives has a sentence of its own.
func TestDecision_Text(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range []notify.Decision{
		{Reason: reason.OK},
		{Reason: reason.NotSubscribed},
		{Reason: reason.SiteNotCovered},
		{Reason: reason.MutedAlways},
		{Reason: reason.MutedBySchedule, Mute: notify.MuteScheduleActive},
		{Reason: reason.MutedBySchedule, Mute: notify.MuteScheduleInactive},
		{Reason: reason.UserInactive},
		{Reason: reason.Duplicate},
		{Reason: reason.QuietHours},
	} {
		text := d.Text(notify.Verdict{Reason: d.Reason})
		if !strings.HasSuffix(text, ".") || seen[text] {
			t.Errorf("%s: %q", d.Reason, text)
		}
		seen[text] = true
	}
}

// BenchmarkPlan plans one alert for 100 groups of 200 notifiables, 20,000 in all.
func BenchmarkPlan(b *testing.B) {
	topic := id.New()
	active := map[id.ID]bool{}
	candidates := make([]notify.Candidate, 100)
	for i := range candidates {
		g := notify.Group{ID: id.New(), Topics: []id.ID{topic}, AllSites: true, Mute: notify.MuteScheduleActive}
		for range notify.MaxGroupNotifiables {
			user := id.New()
			active[user] = true
			g.Notifiables = append(g.Notifiables, notify.Notifiable{UserID: user, Channel: notify.SMS})
		}
		candidates[i] = notify.Candidate{Group: g, Timetable: office()}
	}
	s := notify.Subject{TopicID: topic, SiteID: id.New(), At: inHours}
	for b.Loop() {
		notify.Plan(s, candidates, active)
	}
}
