package notifytest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/notify"
)

func topics(t *testing.T, s suite) {
	ctx := t.Context()
	a, b, theirs := Topic(s.org, "zulu"), Topic(s.org, "alpha"), Topic(s.other, "zulu")
	must(t, s.InsertTopic(ctx, a))
	must(t, s.InsertTopic(ctx, theirs))
	wantCode(t, "a key taken", s.InsertTopic(ctx, Topic(s.org, "zulu")), errs.CodeDuplicate)
	must(t, s.AddTopics(ctx, []notify.Topic{Topic(s.org, "zulu"), b}))
	must(t, s.AddTopics(ctx, nil))

	got, err := s.GetTopic(ctx, s.org, a.ID)
	must(t, err)
	same(t, "by id", got, a)
	got, err = s.GetTopicByKey(ctx, s.org, "zulu")
	must(t, err)
	same(t, "by key", got, a)
	list, err := s.ListTopics(ctx, s.org)
	must(t, err)
	same(t, "list", list, []notify.Topic{b, a})

	_, err = s.GetTopic(ctx, s.org, theirs.ID)
	wantCode(t, "theirs", err, errs.CodeNotFound)
	_, err = s.GetTopicByKey(ctx, s.org, "yankee")
	wantCode(t, "no such key", err, errs.CodeNotFound)

	b.Key, b.Name, b.Description, b.UpdatedAt = "yankee", "Y", "", At().Add(time.Hour)
	must(t, s.UpdateTopic(ctx, b))
	got, err = s.GetTopic(ctx, s.org, b.ID)
	must(t, err)
	same(t, "updated", got, b)
	b.Key = "zulu"
	wantCode(t, "renamed to a key taken", s.UpdateTopic(ctx, b), errs.CodeDuplicate)
	moved := theirs
	moved.OrganizationID = s.org
	wantCode(t, "updating theirs", s.UpdateTopic(ctx, moved), errs.CodeNotFound)

	wantCode(t, "deleting theirs", s.DeleteTopic(ctx, s.org, theirs.ID), errs.CodeNotFound)
	must(t, s.DeleteTopic(ctx, s.org, b.ID))
	wantCode(t, "deleting twice", s.DeleteTopic(ctx, s.org, b.ID), errs.CodeNotFound)
}

func schedules(t *testing.T, s suite) {
	ctx := t.Context()
	a, b, theirs := Schedule(s.org, "days"), Schedule(s.org, "nights"), Schedule(s.other, "days")
	for _, v := range []notify.Schedule{a, b, theirs} {
		must(t, s.InsertSchedule(ctx, v))
	}
	wantCode(t, "a name taken", s.InsertSchedule(ctx, Schedule(s.org, "days")), errs.CodeDuplicate)
	got, err := s.GetSchedule(ctx, s.org, a.ID)
	must(t, err)
	same(t, "stored", got, a)
	list, err := s.ListSchedules(ctx, s.org)
	must(t, err)
	same(t, "newest first", list, []notify.Schedule{b, a})
	found, err := s.FindSchedules(ctx, s.org, []id.ID{a.ID, theirs.ID, id.New()})
	must(t, err)
	same(t, "found", found, map[id.ID]notify.Schedule{a.ID: a})
	found, err = s.FindSchedules(ctx, s.org, nil)
	must(t, err)
	same(t, "none asked for", len(found), 0)

	a.Name, a.Timezone, a.Hours, a.Exceptions, a.Metadata = "weekends", "UTC", a.Hours[:1], a.Exceptions[1:], a.Metadata[1:]
	a.UpdatedAt = At().Add(time.Hour)
	must(t, s.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := s.LockSchedule(ctx, s.org, a.ID); err != nil {
			return err
		}
		return s.UpdateSchedule(ctx, a)
	}))
	got, err = s.GetSchedule(ctx, s.org, a.ID)
	must(t, err)
	same(t, "updated", got, a)
	b.Name = "weekends"
	wantCode(t, "renamed to a name taken", s.UpdateSchedule(ctx, b), errs.CodeDuplicate)

	_, err = s.GetSchedule(ctx, s.org, theirs.ID)
	wantCode(t, "theirs", err, errs.CodeNotFound)
	_, err = s.LockSchedule(ctx, s.org, theirs.ID)
	wantCode(t, "locking theirs", err, errs.CodeNotFound)
	moved := theirs
	moved.OrganizationID = s.org
	wantCode(t, "updating theirs", s.UpdateSchedule(ctx, moved), errs.CodeNotFound)
	wantCode(t, "deleting theirs", s.DeleteSchedule(ctx, s.org, theirs.ID), errs.CodeNotFound)
	must(t, s.DeleteSchedule(ctx, s.org, a.ID))
	wantCode(t, "deleting twice", s.DeleteSchedule(ctx, s.org, a.ID), errs.CodeNotFound)
}

func schedulesInUse(t *testing.T, s suite) {
	ctx := t.Context()
	sched := Schedule(s.org, "days")
	must(t, s.InsertSchedule(ctx, sched))
	var made []notify.Group
	for i := range 3 {
		g := Group(sched, nil, nil)
		g.Name = fmt.Sprint("group ", i)
		must(t, s.InsertGroup(ctx, g))
		made = append(made, g)
	}
	names, err := s.ListScheduleUsers(ctx, s.org, sched.ID, 2)
	must(t, err)
	same(t, "users", names, []string{"group 0", "group 1"})
	names, err = s.ListScheduleUsers(ctx, s.other, sched.ID, 2)
	must(t, err)
	same(t, "users seen by others", len(names), 0)
	wantCode(t, "deleting", s.DeleteSchedule(ctx, s.org, sched.ID), notify.ScheduleInUse)
	for _, g := range made {
		must(t, s.DeleteGroup(ctx, s.org, g.ID))
	}
	must(t, s.DeleteSchedule(ctx, s.org, sched.ID))
	wantCode(t, "a group of a schedule that is gone", s.InsertGroup(ctx, Group(sched, nil, nil)), errs.CodeNotFound)
}

func groups(t *testing.T, s suite) {
	ctx := t.Context()
	sched, theirs := Schedule(s.org, "days"), Schedule(s.other, "days")
	must(t, s.InsertSchedule(ctx, sched))
	must(t, s.InsertSchedule(ctx, theirs))
	a, b, foreign := Group(sched, nil, nil), Group(sched, nil, nil), Group(theirs, nil, nil)
	for _, g := range []notify.Group{a, b, foreign} {
		must(t, s.InsertGroup(ctx, g))
	}
	got, err := s.GetGroup(ctx, s.org, a.ID)
	must(t, err)
	same(t, "stored", got, a)
	list, err := s.ListGroups(ctx, s.org)
	must(t, err)
	same(t, "newest first", list, []notify.Group{b, a})

	_, err = s.GetGroup(ctx, s.org, foreign.ID)
	wantCode(t, "theirs", err, errs.CodeNotFound)
	moved := foreign
	moved.OrganizationID, moved.ScheduleID = s.org, sched.ID
	wantCode(t, "updating theirs", s.UpdateGroup(ctx, moved), errs.CodeNotFound)
	wantCode(t, "deleting theirs", s.DeleteGroup(ctx, s.org, foreign.ID), errs.CodeNotFound)
	must(t, s.DeleteGroup(ctx, s.org, a.ID))
	wantCode(t, "deleting twice", s.DeleteGroup(ctx, s.org, a.ID), errs.CodeNotFound)
	_, err = s.GetGroup(ctx, s.org, a.ID)
	wantCode(t, "deleted", err, errs.CodeNotFound)
	got, err = s.GetGroup(ctx, s.other, foreign.ID)
	must(t, err)
	same(t, "theirs is untouched", got, foreign)
}

func lists(t *testing.T, s suite) {
	ctx := t.Context()
	sched := Schedule(s.org, "days")
	must(t, s.InsertSchedule(ctx, sched))
	var subjects []id.ID
	for i := range 20 {
		topic := Topic(s.org, fmt.Sprint("topic-", i))
		must(t, s.InsertTopic(ctx, topic))
		subjects = append(subjects, topic.ID)
	}
	slices.Reverse(subjects) // the order is the writer's, not that of the ids
	g := Group(sched, subjects, nil)
	user := id.New()
	for _, c := range notify.Channels() {
		g.Notifiables = append(g.Notifiables, notify.Notifiable{UserID: user, Channel: c})
	}
	for range 800 {
		g.Sites = append(g.Sites, id.New())
	}
	slices.Reverse(g.Sites)
	g.AllSites = false
	neighbour := Group(sched, subjects[:1], []id.ID{id.New()})
	must(t, s.InsertGroup(ctx, neighbour))
	must(t, s.InsertGroup(ctx, g))
	got, err := s.GetGroup(ctx, s.org, g.ID)
	must(t, err)
	same(t, "stored", got, g)

	g.Topics, g.Sites, g.AllSites = g.Topics[5:7], nil, true
	g.Notifiables = []notify.Notifiable{{UserID: id.New(), Channel: notify.Voice}}
	g.Name, g.Mute, g.UpdatedAt = "renamed", notify.MuteNever, At().Add(time.Hour)
	must(t, s.UpdateGroup(ctx, g))
	all, err := s.ListGroups(ctx, s.org)
	must(t, err)
	same(t, "replaced, and its neighbour is not", all, []notify.Group{neighbour, g})

	must(t, s.DeleteTopic(ctx, s.org, g.Topics[0]))
	got, err = s.GetGroup(ctx, s.org, g.ID)
	must(t, err)
	same(t, "topics after one was deleted", got.Topics, g.Topics[1:])
	g.Topics = []id.ID{id.New()}
	wantCode(t, "a topic that does not exist", s.UpdateGroup(ctx, g), errs.CodeNotFound)
}

func matching(t *testing.T, s suite) {
	ctx := t.Context()
	sched, theirSched := Schedule(s.org, "days"), Schedule(s.other, "days")
	must(t, s.InsertSchedule(ctx, sched))
	must(t, s.InsertSchedule(ctx, theirSched))
	topic, another := Topic(s.org, "heartbeat"), Topic(s.org, "packet-loss")
	must(t, s.InsertTopic(ctx, topic))
	must(t, s.InsertTopic(ctx, another))
	site, elsewhere := id.New(), id.New()
	people := []notify.Notifiable{{UserID: id.New(), Channel: notify.SMS}, {UserID: id.New(), Channel: notify.Email}}

	insert := func(topics, sites []id.ID, people ...notify.Notifiable) notify.Group {
		g := Group(sched, topics, sites)
		g.Notifiables = people
		must(t, s.InsertGroup(ctx, g))
		return g
	}
	everywhere := insert([]id.ID{another.ID, topic.ID}, nil, people...)
	insert([]id.ID{another.ID}, nil, people...)
	here := insert([]id.ID{topic.ID, another.ID}, []id.ID{elsewhere, site}, people[1])
	insert([]id.ID{topic.ID}, []id.ID{elsewhere}, people...)
	insert([]id.ID{another.ID}, []id.ID{site}, people...)
	nobody := insert([]id.ID{topic.ID}, []id.ID{site})
	nowhere := insert([]id.ID{topic.ID}, []id.ID{id.New()}, people...)
	nowhere.Sites = nil
	must(t, s.UpdateGroup(ctx, nowhere)) // its last site is gone
	insert(nil, nil, people...)

	everywhere.Topics, here.Topics, here.Sites = []id.ID{topic.ID}, []id.ID{topic.ID}, []id.ID{site}
	got, err := s.ListMatchingGroups(ctx, s.org, topic.ID, site)
	must(t, err)
	same(t, "matching, oldest first", got, []notify.Group{everywhere, here, nobody})

	for what, args := range map[string][3]id.ID{
		"another organization's": {s.other, topic.ID, site},
		"no such topic":          {s.org, id.New(), site},
	} {
		got, err := s.ListMatchingGroups(ctx, args[0], args[1], args[2])
		if err != nil || len(got) != 0 {
			t.Errorf("%s: %d groups match, %v", what, len(got), err)
		}
	}
	must(t, s.DeleteGroup(ctx, s.org, here.ID))
	everywhere.AllSites, everywhere.Sites = false, []id.ID{elsewhere}
	must(t, s.UpdateGroup(ctx, everywhere))
	got, err = s.ListMatchingGroups(ctx, s.org, topic.ID, site)
	must(t, err)
	same(t, "after one was deleted and one moved", got, []notify.Group{nobody})
}

func cleaning(t *testing.T, s suite) {
	ctx := t.Context()
	sched, theirSched := Schedule(s.org, "days"), Schedule(s.other, "days")
	must(t, s.InsertSchedule(ctx, sched))
	must(t, s.InsertSchedule(ctx, theirSched))
	user, stays, site, kept := id.New(), id.New(), id.New(), id.New()
	insert := func(sched notify.Schedule, sites []id.ID, people ...notify.Notifiable) notify.Group {
		g := Group(sched, nil, sites)
		g.Notifiables = people
		must(t, s.InsertGroup(ctx, g))
		return g
	}
	a := insert(sched, []id.ID{site, kept}, notify.Notifiable{UserID: user, Channel: notify.SMS}, notify.Notifiable{UserID: stays, Channel: notify.SMS},
		notify.Notifiable{UserID: user, Channel: notify.Email})
	b := insert(sched, []id.ID{site}, notify.Notifiable{UserID: stays, Channel: notify.SMS})
	theirs := insert(theirSched, []id.ID{site}, notify.Notifiable{UserID: user, Channel: notify.SMS})

	later := At().Add(time.Hour)
	touched, err := s.RemoveUser(ctx, s.org, user, later)
	must(t, err)
	same(t, "groups that held the user", touched, []id.ID{a.ID})
	a.Notifiables, a.UpdatedAt = a.Notifiables[1:2], later
	touched, err = s.RemoveSite(ctx, s.org, site, later)
	must(t, err)
	slices.SortFunc(touched, func(x, y id.ID) int { return slices.Compare(x[:], y[:]) })
	same(t, "groups that held the site", touched, []id.ID{a.ID, b.ID})
	a.Sites, b.Sites, b.UpdatedAt = []id.ID{kept}, nil, later
	if b.AllSites {
		t.Error("a group that lost its last site covers every site")
	}
	got, err := s.ListGroups(ctx, s.org)
	must(t, err)
	same(t, "cleaned", got, []notify.Group{b, a})
	foreign, err := s.GetGroup(ctx, s.other, theirs.ID)
	must(t, err)
	same(t, "theirs", foreign, theirs)
	touched, err = s.RemoveUser(ctx, s.org, user, later.Add(time.Hour))
	must(t, err)
	same(t, "again", len(touched), 0)
}
