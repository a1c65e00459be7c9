// Package notifytest is the suite that every notify.Store must pass, and what tests of the context share: records with
// every field set, and an Outbox that keeps what it is given.
package notifytest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/schedule"
	"switchboard/internal/tx"

	"github.com/google/go-cmp/cmp"
)

// Run runs the suite on a store whose transactions are those of runner.
func Run(t *testing.T, s notify.Store, runner tx.Runner) {
	for name, test := range map[string]func(*testing.T, suite){
		"topics":            topics,
		"schedules":         schedules,
		"schedules in use":  schedulesInUse,
		"groups":            groups,
		"lists of a group":  lists,
		"matching":          matching,
		"cleaning":          cleaning,
		"alerts":            alerts,
		"keys":              keys,
		"one of many wins":  racing,
		"pages and filters": pages,
		"routings":          routings,
		"transactions":      transactions,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, suite{Store: s, tx: runner, org: id.New(), other: id.New()})
		})
	}
}

// suite is a store with two organizations that are new to it.
type suite struct {
	notify.Store
	tx         tx.Runner
	org, other id.ID
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantCode(t *testing.T, what string, err error, code errs.Code) {
	t.Helper()
	if !errs.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code.Name)
	}
}

// At is the instant at which the records of this package were made.
func At() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, int(123*time.Millisecond), time.UTC) }

// Topic returns a topic with every field set.
func Topic(org id.ID, key string) notify.Topic {
	return notify.Topic{
		ID: id.New(), OrganizationID: org, Key: key, Name: "The " + key, Description: "About " + key,
		CreatedAt: At(), UpdatedAt: At().Add(time.Minute),
	}
}

// Schedule returns a schedule with every field set: mondays 09:00 to 17:00 and fridays 22:00 to 06:00 in Berlin.
func Schedule(org id.ID, name string) notify.Schedule {
	return notify.Schedule{
		ID: id.New(), OrganizationID: org, Name: name, Timezone: "Europe/Berlin",
		Hours: []schedule.Slot{
			{Day: schedule.Day(time.Monday), Span: schedule.Span{Start: 9 * 60, End: 17 * 60}},
			{Day: schedule.Day(time.Friday), Span: schedule.Span{Start: 22 * 60, End: 6 * 60}},
		},
		Exceptions: []schedule.Exception{
			{Active: true, Days: &schedule.Days{From: 20_811, To: 20_812, Slots: []schedule.Span{{Start: 0, End: schedule.Midnight}}}},
			{Start: At(), End: At().Add(time.Hour)},
		},
		Metadata:  []notify.Pair{{Key: "team", Value: "night ☾"}, {Key: "empty"}},
		CreatedAt: At(), UpdatedAt: At().Add(time.Minute),
	}
}

// Group returns a group of a schedule that has these topics and sites, none meaning every site, and no notifiables.
func Group(s notify.Schedule, topics, sites []id.ID) notify.Group {
	return notify.Group{
		ID: id.New(), OrganizationID: s.OrganizationID, ScheduleID: s.ID, Name: "Primary on-call", Mute: notify.MuteScheduleActive,
		Topics: topics, Sites: sites, AllSites: len(sites) == 0, CreatedAt: At(), UpdatedAt: At().Add(time.Minute),
	}
}

// Alert returns an alert with every field set.
func Alert(org, topic, site id.ID, key string) notify.Alert {
	return notify.Alert{
		ID: id.New(), OrganizationID: org, TopicID: topic, SiteID: site, Status: notify.Open, Severity: notify.High,
		Title: "Link is down", Body: "since 10:00", Data: map[string]any{"loss": json.Number("12345678901234567890.10"), "link": map[string]any{"name": "wan1"}},
		DedupKey: key, OccurredAt: At().Add(-time.Minute), CreatedAt: At(),
	}
}

func transactions(t *testing.T, s suite) {
	ctx := t.Context()
	boom := errors.New("boom")
	topic, sched := Topic(s.org, "packet-loss"), Schedule(s.org, "nights")
	g := Group(sched, []id.ID{topic.ID}, nil)
	a := Alert(s.org, topic.ID, id.New(), "k")
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		must(t, s.InsertTopic(ctx, topic))
		must(t, s.InsertSchedule(ctx, sched))
		must(t, s.InsertGroup(ctx, g))
		if inserted, err := s.InsertAlert(ctx, a); err != nil || !inserted {
			t.Errorf("InsertAlert = %v, %v", inserted, err)
		}
		must(t, s.InsertRoutings(ctx, s.org, a.ID, []notify.Routing{{GroupID: g.ID, GroupName: g.Name, Outcome: notify.Deliver, Reason: "ok"}}))
		if found, err := s.ListMatchingGroups(ctx, s.org, topic.ID, a.SiteID); err != nil || len(found) != 1 {
			t.Errorf("inside of the transaction %d groups match, %v", len(found), err)
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	_, err = s.GetGroup(ctx, s.org, g.ID)
	wantCode(t, "group", err, errs.CodeNotFound)
	_, err = s.GetAlert(ctx, s.org, a.ID)
	wantCode(t, "alert", err, errs.CodeNotFound)
	if found, err := s.FindRoutings(ctx, s.org, []id.ID{a.ID}); err != nil || len(found) != 0 {
		t.Errorf("routings %v, %v", found, err)
	}
}

// OfficeHours are mondays to fridays, 09:00 to 17:00.
func OfficeHours() []schedule.Slot {
	var out []schedule.Slot
	for day := time.Monday; day <= time.Friday; day++ {
		out = append(out, schedule.Slot{Day: schedule.Day(day), Span: schedule.Span{Start: 9 * 60, End: 17 * 60}})
	}
	return out
}
