package notifytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/page"
)

func keyOf(a notify.Alert) notify.AlertKey {
	return notify.AlertKey{OrganizationID: a.OrganizationID, TopicID: a.TopicID, SiteID: a.SiteID, DedupKey: a.DedupKey}
}

func insert(t *testing.T, s suite, a notify.Alert, want bool) {
	t.Helper()
	if got, err := s.InsertAlert(t.Context(), a); err != nil || got != want {
		t.Fatalf("InsertAlert = %v, %v; want %v", got, err, want)
	}
}

func alerts(t *testing.T, s suite) {
	ctx := t.Context()
	a := Alert(s.org, id.New(), id.New(), "k")
	insert(t, s, a, true)
	got, err := s.GetAlert(ctx, s.org, a.ID)
	must(t, err)
	same(t, "stored", got, a)
	_, err = s.GetAlert(ctx, s.other, a.ID)
	wantCode(t, "theirs", err, errs.CodeNotFound)
	bare := notify.Alert{
		ID: id.New(), OrganizationID: s.org, TopicID: id.New(), SiteID: id.New(), Status: notify.Open, Severity: notify.Low,
		Title: "t", Data: map[string]any{}, OccurredAt: At(), CreatedAt: At(),
	}
	insert(t, s, bare, true)
	got, err = s.GetAlert(ctx, s.org, bare.ID)
	must(t, err)
	same(t, "nothing but what is needed", got, bare)
}

func keys(t *testing.T, s suite) {
	ctx := t.Context()
	first := Alert(s.org, id.New(), id.New(), "k")
	if _, found, err := s.LockCurrentAlert(ctx, keyOf(first)); found || err != nil {
		t.Errorf("before any: found %v, %v", found, err)
	}
	insert(t, s, first, true)
	insert(t, s, Alert(s.org, first.TopicID, first.SiteID, "k"), false)
	insert(t, s, Alert(s.org, first.TopicID, first.SiteID, "l"), true)
	insert(t, s, Alert(s.org, first.TopicID, id.New(), "k"), true)
	insert(t, s, Alert(s.org, id.New(), first.SiteID, "k"), true)
	theirs := Alert(s.other, first.TopicID, first.SiteID, "k")
	insert(t, s, theirs, true)
	insert(t, s, Alert(s.org, first.TopicID, first.SiteID, ""), true)
	insert(t, s, Alert(s.org, first.TopicID, first.SiteID, ""), true)

	current, found, err := s.LockCurrentAlert(ctx, keyOf(first))
	must(t, err)
	same(t, "found", found, true)
	same(t, "current", current, first)

	must(t, s.RetireAlert(ctx, s.other, first.ID)) // not theirs to retire
	insert(t, s, Alert(s.org, first.TopicID, first.SiteID, "k"), false)
	must(t, s.RetireAlert(ctx, s.org, first.ID))
	second := Alert(s.org, first.TopicID, first.SiteID, "k")
	insert(t, s, second, true)
	current, _, err = s.LockCurrentAlert(ctx, keyOf(first))
	must(t, err)
	same(t, "current after the first was retired", current, second)

	later := At().Add(time.Hour)
	ended, err := s.ResolveAlerts(ctx, keyOf(first), later)
	must(t, err)
	same(t, "ended", ended, []id.ID{first.ID, second.ID})
	second.Status, second.ResolvedAt = notify.Resolved, later
	current, found, err = s.LockCurrentAlert(ctx, keyOf(first))
	must(t, err)
	same(t, "found once resolved", found, true)
	same(t, "current once resolved", current, second)
	ended, err = s.ResolveAlerts(ctx, keyOf(first), later.Add(time.Hour))
	must(t, err)
	same(t, "ended twice", len(ended), 0)
	got, err := s.GetAlert(ctx, s.other, theirs.ID)
	must(t, err)
	same(t, "theirs", got, theirs)
}

// Of many transactions that open the same key at once, exactly one does, and each of the others can see it.
func racing(t *testing.T, s suite) {
	topic, site := id.New(), id.New()
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		a := Alert(s.org, topic, site, "k")
		wg.Go(func() {
			err := s.tx.Do(context.WithoutCancel(t.Context()), func(ctx context.Context) error {
				if _, found, err := s.LockCurrentAlert(ctx, keyOf(a)); found || err != nil {
					return err
				}
				inserted, err := s.InsertAlert(ctx, a)
				if err != nil {
					return err
				}
				current, found, err := s.LockCurrentAlert(ctx, keyOf(a))
				if err == nil && (!found || inserted != (current.ID == a.ID)) {
					t.Errorf("inserted %v, and then found %v: %v", inserted, found, current.ID)
				}
				if inserted {
					won.Add(1)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d alerts were stored", won.Load())
	}
}

func pages(t *testing.T, s suite) {
	ctx := t.Context()
	topic, site := id.New(), id.New()
	var all []id.ID // newest first
	for i := range 7 {
		a := Alert(s.org, topic, site, fmt.Sprint("k", i))
		a.OccurredAt = At().Add(time.Duration(i) * time.Minute)
		switch i {
		case 2:
			a.Severity = notify.Critical
		case 3:
			a.SiteID = id.New()
		case 4:
			a.Status = notify.Resolved
		case 5:
			a.TopicID = id.New()
		}
		insert(t, s, a, true)
		all = append([]id.ID{a.ID}, all...)
	}
	foreign := Alert(s.other, topic, site, "k")
	insert(t, s, foreign, true)

	mine := notify.AlertFilter{OrganizationID: s.org}
	var turned []id.ID
	for cursor := (page.Cursor{Limit: 3}); ; {
		list, err := s.ListAlerts(ctx, mine, cursor)
		must(t, err)
		turned = append(turned, idsOf(list.Items)...)
		if !list.More {
			break
		}
		cursor.After = list.Items[len(list.Items)-1].ID
	}
	same(t, "all pages", turned, all)
	for _, cursor := range []id.ID{foreign.ID, id.New()} {
		_, err := s.ListAlerts(ctx, mine, page.Cursor{Limit: 3, After: cursor})
		wantCode(t, "a cursor of no alert", err, errs.CodeNotFound)
	}
	for name, tc := range map[string]struct {
		set  func(*notify.AlertFilter)
		want []id.ID
	}{
		"topic":      {func(f *notify.AlertFilter) { f.TopicID = topic }, append([]id.ID{all[0]}, all[2:]...)},
		"site":       {func(f *notify.AlertFilter) { f.SiteID = site }, append(append([]id.ID{}, all[:3]...), all[4:]...)},
		"status":     {func(f *notify.AlertFilter) { f.Status = notify.Resolved }, all[2:3]},
		"severity":   {func(f *notify.AlertFilter) { f.Severity = notify.Critical }, all[4:5]},
		"from":       {func(f *notify.AlertFilter) { f.From = At().Add(5 * time.Minute) }, all[:2]},
		"to":         {func(f *notify.AlertFilter) { f.To = At().Add(2 * time.Minute) }, all[5:]},
		"everything": {func(f *notify.AlertFilter) { f.TopicID, f.SiteID, f.Severity = topic, site, notify.Critical }, all[4:5]},
		"nothing":    {func(f *notify.AlertFilter) { f.TopicID = id.New() }, []id.ID{}},
	} {
		f := mine
		tc.set(&f)
		list, err := s.ListAlerts(ctx, f, page.Cursor{Limit: 10})
		must(t, err)
		same(t, name, idsOf(list.Items), tc.want)
		if list.More {
			t.Errorf("%s: there is more", name)
		}
	}
}

func idsOf(list []notify.Alert) []id.ID {
	out := make([]id.ID, len(list))
	for i, a := range list {
		out[i] = a.ID
	}
	return out
}

func routings(t *testing.T, s suite) {
	ctx := t.Context()
	a, b := Alert(s.org, id.New(), id.New(), ""), Alert(s.org, id.New(), id.New(), "")
	insert(t, s, a, true)
	insert(t, s, b, true)
	var many []notify.Routing
	for i := range 450 {
		many = append(many, notify.Routing{GroupID: id.New(), GroupName: fmt.Sprint("group ", i), Outcome: notify.Deliver, Reason: "ok"})
	}
	many[3].Outcome, many[3].Reason = notify.Muted, "muted-always"
	few := []notify.Routing{many[7], many[2]}
	must(t, s.InsertRoutings(ctx, s.org, a.ID, many))
	must(t, s.InsertRoutings(ctx, s.org, b.ID, few))
	must(t, s.InsertRoutings(ctx, s.org, b.ID, nil))
	got, err := s.FindRoutings(ctx, s.org, []id.ID{a.ID, b.ID, id.New()})
	must(t, err)
	same(t, "found", got, map[id.ID][]notify.Routing{a.ID: many, b.ID: few})
	got, err = s.FindRoutings(ctx, s.other, []id.ID{a.ID})
	must(t, err)
	same(t, "seen by others", len(got), 0)
}
