package notify_test

import (
	"sync"
	"testing"

	"switchboard/internal/actor"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifytest"
)

// builtInKeys is what the contract prints.
var builtInKeys = []string{"wan-failover", "heartbeat", "sla-reports", "security-alerts", "cve-reports", "site-reboot", "packet-loss"}

func keysOf(topics []notify.Topic) []string {
	var out []string
	for _, t := range topics {
		out = append(out, t.Key)
	}
	return out
}

func TestService_ListTopics(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	for _, key := range []string{"zebra", "antenna"} {
		_, err := w.Notify.CreateTopic(admin, notify.TopicParams{Key: key, Name: key})
		must(t, err)
	}
	ours, err := w.Notify.ListTopics(admin)
	must(t, err)
	same(t, "ours", keysOf(ours), append(append([]string{}, builtInKeys...), "antenna", "zebra"))
	theirs, err := w.Notify.ListTopics(w.AsOther(t.Context()))
	must(t, err)
	same(t, "theirs", keysOf(theirs), builtInKeys)
	for i, topic := range theirs {
		if topic.ID == ours[i].ID || topic.Name == "" || topic.Description == "" {
			t.Errorf("%+v", topic)
		}
	}
	again, err := w.Notify.ListTopics(admin)
	must(t, err)
	same(t, "again", again, ours)
}

// The built-in topics are there for the first who asks, in whatever way, and for many who ask at once.
func TestService_builtInTopics_firstUse(t *testing.T) {
	t.Parallel()
	t.Run("by key", func(t *testing.T) {
		t.Parallel()
		w := notifytest.NewWorld(t)
		site := w.Elsewhere.ID
		_, err := w.Notify.PostAlert(w.AsOther(t.Context()), notify.AlertParams{Topic: notify.TopicRef{Key: "packet-loss"}, SiteID: site, Title: "t"})
		must(t, err)
	})
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		w := notifytest.NewWorld(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if topics, err := w.Notify.ListTopics(w.AsOther(t.Context())); err != nil || len(topics) != len(builtInKeys) {
					t.Errorf("%d topics, %v", len(topics), err)
				}
			})
		}
		wg.Wait()
	})
	t.Run("by id after all were seen elsewhere", func(t *testing.T) {
		t.Parallel()
		w := notifytest.NewWorld(t)
		got, err := w.Notify.GetTopic(w.As(t.Context(), actor.Member), w.Links.ID)
		must(t, err)
		same(t, "key", got.Key, "packet-loss")
	})
	t.Run("its key is taken from the start", func(t *testing.T) {
		t.Parallel()
		w := notifytest.NewWorld(t)
		_, err := w.Notify.CreateTopic(w.AsOther(t.Context()), notify.TopicParams{Key: "heartbeat", Name: "n"})
		wantFields(t, "create", err, "key")
	})
}

func TestService_CreateTopic(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	_, seq := w.Types(t, 0)
	got, err := w.Notify.CreateTopic(admin, notify.TopicParams{Key: "door-open", Name: "Door", Description: "of a rack"})
	must(t, err)
	read, err := w.Notify.GetTopic(admin, got.ID)
	must(t, err)
	same(t, "stored", read, got)
	if got.CreatedAt != w.Now() || got.UpdatedAt != w.Now() || got.OrganizationID != w.Org {
		t.Errorf("created %+v", got)
	}
	types, seq := w.Types(t, seq)
	wantTypes(t, types, "notify.topic.created")
	for _, tc := range []struct {
		p    notify.TopicParams
		want string
	}{
		{notify.TopicParams{}, "key name"},
		{notify.TopicParams{Key: "door-open", Name: "n"}, "key"},
		{notify.TopicParams{Key: "heartbeat", Name: "n"}, "key"},
		{notify.TopicParams{Key: "Door", Name: "n"}, "key"},
		{notify.TopicParams{Key: "door--open", Name: "n"}, "key"},
		{notify.TopicParams{Key: "-door", Name: "n"}, "key"},
		{notify.TopicParams{Key: id.New().String(), Name: "n"}, "key"},
		{notify.TopicParams{Key: "a123456789a123456789a123456789a123456789a123456789a123456789a1234", Name: "n"}, "key"},
		{notify.TopicParams{Key: "fine", Name: long(101), Description: long(1001)}, "name description"},
	} {
		_, err := w.Notify.CreateTopic(admin, tc.p)
		wantKind(t, tc.p.Key, err, errs.Invalid)
		wantFields(t, tc.p.Key, err, tc.want)
	}
	if types, _ := w.Types(t, seq); len(types) > 0 {
		t.Errorf("refusals wrote %v", types)
	}
}

func TestService_UpdateTopic(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	own, err := w.Notify.CreateTopic(admin, notify.TopicParams{Key: "door", Name: "Door", Description: "of a rack"})
	must(t, err)
	_, seq := w.Types(t, 0)
	w.Pass(1e9)
	got, err := w.Notify.UpdateTopic(admin, own.ID, notify.TopicParams{Key: "gate", Name: "Gate"})
	must(t, err)
	want := own
	want.Key, want.Name, want.Description, want.UpdatedAt = "gate", "Gate", "", w.Now()
	same(t, "answered", got, want)
	read, err := w.Notify.GetTopic(admin, own.ID)
	must(t, err)
	same(t, "stored", read, want)

	renamed, err := w.Notify.UpdateTopic(admin, w.Heartbeat.ID, notify.TopicParams{Name: "Pulse", Description: "d"})
	must(t, err)
	if renamed.Key != "heartbeat" || renamed.Name != "Pulse" {
		t.Errorf("a built-in topic became %+v", renamed)
	}
	types, seq := w.Types(t, seq)
	wantTypes(t, types, "notify.topic.updated", "notify.topic.updated")

	_, err = w.Notify.UpdateTopic(admin, w.Heartbeat.ID, notify.TopicParams{Key: "pulse", Name: "Pulse"})
	wantCode(t, "the key of a built-in topic", err, notify.BuiltInTopic)
	_, err = w.Notify.UpdateTopic(admin, own.ID, notify.TopicParams{Key: "heartbeat", Name: "n"})
	wantFields(t, "a key taken", err, "key")
	_, err = w.Notify.UpdateTopic(admin, own.ID, notify.TopicParams{})
	wantFields(t, "no name", err, "name")
	_, err = w.Notify.UpdateTopic(admin, id.New(), notify.TopicParams{Name: "n"})
	wantKind(t, "unknown", err, errs.NotFound)
	if types, _ := w.Types(t, seq); len(types) > 0 {
		t.Errorf("refusals wrote %v", types)
	}
}

func TestService_DeleteTopic(t *testing.T) {
	t.Parallel()
	w := notifytest.NewWorld(t)
	admin := w.As(t.Context(), actor.Administrator)
	own, err := w.Notify.CreateTopic(admin, notify.TopicParams{Key: "door", Name: "Door"})
	must(t, err)
	p := w.Group()
	p.Topics = []id.ID{own.ID, w.Heartbeat.ID}
	g, err := w.Notify.CreateGroup(admin, p)
	must(t, err)
	wantCode(t, "built in", w.Notify.DeleteTopic(admin, w.Heartbeat.ID), notify.BuiltInTopic)
	wantKind(t, "unknown", w.Notify.DeleteTopic(admin, id.New()), errs.NotFound)
	_, seq := w.Types(t, 0)
	must(t, w.Notify.DeleteTopic(admin, own.ID))
	types, _ := w.Types(t, seq)
	wantTypes(t, types, "notify.topic.deleted")
	g, err = w.Notify.GetGroup(admin, g.ID)
	must(t, err)
	same(t, "topics of the group", g.Topics, []id.ID{w.Heartbeat.ID})
	_, err = w.Notify.GetTopic(admin, own.ID)
	wantKind(t, "deleted", err, errs.NotFound)
}
