package notify_test

import (
	"context"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
	"switchboard/internal/page"
)

// operation is one thing to do, which succeeds for whoever may do it.
type operation struct {
	name  string
	scope string
	who   []actor.Role
	do    func(ctx context.Context, w *notifytest.World) error
}

func operations(t *testing.T) []operation {
	t.Helper()
	everybody := actor.Roles()
	writers := []actor.Role{actor.Administrator, actor.Service, actor.Leader}
	admins := []actor.Role{actor.Administrator}
	none := func(_ any, err error) error { return err }
	group := func(ctx context.Context, w *notifytest.World) id.ID {
		g, err := w.Notify.CreateGroup(w.As(ctx, actor.Administrator), w.Group())
		must(t, err)
		return g.ID
	}
	sched := func(ctx context.Context, w *notifytest.World) id.ID {
		v, err := w.Notify.CreateSchedule(w.As(ctx, actor.Administrator), notify.ScheduleParams{Name: new(id.New().String())})
		must(t, err)
		return v.ID
	}
	topic := func(ctx context.Context, w *notifytest.World) id.ID {
		v, err := w.Notify.CreateTopic(w.As(ctx, actor.Administrator), notify.TopicParams{Key: "k" + id.New().String()[24:], Name: "n"})
		must(t, err)
		return v.ID
	}
	alert := func(ctx context.Context, w *notifytest.World) id.ID {
		v, err := w.Notify.PostAlert(w.As(ctx, actor.Administrator), w.Alert())
		must(t, err)
		return v.ID
	}
	return []operation{
		{"list groups", "notifications:read", everybody, func(ctx context.Context, w *notifytest.World) error { return none(w.Notify.ListGroups(ctx)) }},
		{"get a group", "notifications:read", everybody, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.GetGroup(ctx, group(ctx, w)))
		}},
		{"explain a group", "notifications:read", everybody, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.ExplainGroup(ctx, group(ctx, w), notify.ExplainParams{Topic: notify.TopicRef{Key: "heartbeat"}, SiteID: w.Berlin.ID}))
		}},
		{"create a group", "notifications:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.CreateGroup(ctx, w.Group()))
		}},
		{"update a group", "notifications:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.UpdateGroup(ctx, group(ctx, w), w.Group()))
		}},
		{"delete a group", "notifications:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return w.Notify.DeleteGroup(ctx, group(ctx, w))
		}},
		{"test a group", "notifications:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.TestGroup(ctx, group(ctx, w)))
		}},
		{"list schedules", "chrono:read", everybody, func(ctx context.Context, w *notifytest.World) error { return none(w.Notify.ListSchedules(ctx)) }},
		{"get a schedule", "chrono:read", everybody, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.GetSchedule(ctx, w.Days.ID))
		}},
		{"preview a schedule", "chrono:read", everybody, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.PreviewSchedule(ctx, w.Days.ID, time.Time{}, time.Time{}))
		}},
		{"create a schedule", "chrono:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.CreateSchedule(ctx, notify.ScheduleParams{Name: new(id.New().String())}))
		}},
		{"update a schedule", "chrono:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.UpdateSchedule(ctx, sched(ctx, w), notify.ScheduleParams{}))
		}},
		{"delete a schedule", "chrono:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return w.Notify.DeleteSchedule(ctx, sched(ctx, w))
		}},
		{"list topics", "topics:read", everybody, func(ctx context.Context, w *notifytest.World) error { return none(w.Notify.ListTopics(ctx)) }},
		{"get a topic", "topics:read", everybody, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.GetTopic(ctx, w.Heartbeat.ID))
		}},
		{"create a topic", "topics:write", admins, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.CreateTopic(ctx, notify.TopicParams{Key: "mine-" + id.New().String()[24:], Name: "n"}))
		}},
		{"update a topic", "topics:write", admins, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.UpdateTopic(ctx, topic(ctx, w), notify.TopicParams{Name: "n"}))
		}},
		{"delete a topic", "topics:write", admins, func(ctx context.Context, w *notifytest.World) error {
			return w.Notify.DeleteTopic(ctx, topic(ctx, w))
		}},
		{"post an alert", "events:write", writers, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.PostAlert(ctx, w.Alert()))
		}},
		{"list alerts", "events:read", everybody, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.ListAlerts(ctx, notify.AlertQuery{}, page.Cursor{Limit: 5}))
		}},
		{"get an alert", "events:read", everybody, func(ctx context.Context, w *notifytest.World) error {
			return none(w.Notify.GetAlert(ctx, alert(ctx, w)))
		}},
	}
}

// The table of policy.go: each role, with all scopes, with the one needed, with every other, and nobody.
func TestPolicy(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	for _, op := range operations(t) {
		allowed := map[actor.Role]bool{}
		for _, r := range op.who {
			allowed[r] = true
		}
		for _, role := range actor.Roles() {
			for _, scopes := range [][]string{{"*"}, {op.scope}} {
				err := op.do(w.As(t.Context(), role, scopes...), w)
				switch {
				case allowed[role] && err != nil:
					t.Errorf("%s as %s with %v: %v", op.name, role, scopes, err)
				case !allowed[role]:
					wantKind(t, op.name+" as "+string(role), err, errs.Denied)
				}
			}
			err := op.do(w.As(t.Context(), role, others(op.scope)...), w)
			wantKind(t, op.name+" without "+op.scope, err, errs.Denied)
		}
		wantKind(t, op.name+" as nobody", op.do(t.Context(), w), errs.Unauthenticated)
	}
}

func others(scope string) []string {
	var out []string
	for _, resource := range []string{"notifications", "chrono", "topics", "events", "sites"} {
		for _, action := range []string{"read", "write"} {
			if s := resource + ":" + action; s != scope {
				out = append(out, s)
			}
		}
	}
	return out
}

// Records of another organization are not found by any operation that takes one, and stay as they are.
func TestPolicy_otherOrganization(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin, stranger := w.As(t.Context(), actor.Administrator), w.AsOther(t.Context())
	g, err := w.Notify.CreateGroup(admin, w.Group())
	must(t, err)
	a, err := w.Notify.PostAlert(admin, w.Alert())
	must(t, err)
	own, err := w.Notify.CreateTopic(admin, notify.TopicParams{Key: "mine", Name: "n"})
	must(t, err)
	_, seq := w.Types(t, 0)
	fail := func(what string, err error) {
		t.Helper()
		wantKind(t, what, err, errs.NotFound)
	}
	_, err = w.Notify.GetGroup(stranger, g.ID)
	fail("get group", err)
	_, err = w.Notify.UpdateGroup(stranger, g.ID, w.Group())
	fail("update group", err)
	fail("delete group", w.Notify.DeleteGroup(stranger, g.ID))
	_, err = w.Notify.ExplainGroup(stranger, g.ID, notify.ExplainParams{})
	fail("explain group", err)
	_, err = w.Notify.TestGroup(stranger, g.ID)
	fail("test group", err)
	_, err = w.Notify.GetSchedule(stranger, w.Days.ID)
	fail("get schedule", err)
	_, err = w.Notify.UpdateSchedule(stranger, w.Days.ID, notify.ScheduleParams{})
	fail("update schedule", err)
	fail("delete schedule", w.Notify.DeleteSchedule(stranger, w.Days.ID))
	_, err = w.Notify.PreviewSchedule(stranger, w.Days.ID, time.Time{}, time.Time{})
	fail("preview schedule", err)
	_, err = w.Notify.GetTopic(stranger, own.ID)
	fail("get topic", err)
	_, err = w.Notify.GetTopic(stranger, w.Heartbeat.ID)
	fail("get built-in topic", err)
	_, err = w.Notify.UpdateTopic(stranger, own.ID, notify.TopicParams{Name: "n"})
	fail("update topic", err)
	fail("delete topic", w.Notify.DeleteTopic(stranger, own.ID))
	_, err = w.Notify.GetAlert(stranger, a.ID)
	fail("get alert", err)

	groups, err := w.Notify.ListGroups(stranger)
	must(t, err)
	alerts, err := w.Notify.ListAlerts(stranger, notify.AlertQuery{}, page.Cursor{Limit: 5})
	must(t, err)
	schedules, err := w.Notify.ListSchedules(stranger)
	must(t, err)
	if len(groups) != 0 || len(alerts.Items) != 0 || len(schedules) != 1 || schedules[0].ID != w.Theirs.ID {
		t.Errorf("another organization's lists hold %d groups, %d alerts, %d schedules", len(groups), len(alerts.Items), len(schedules))
	}
	if types, _ := w.Types(t, seq); len(types) > 0 {
		t.Errorf("the log has %v", types)
	}
}
