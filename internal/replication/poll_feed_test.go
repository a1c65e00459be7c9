package replication_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/replication"
)

// TestPoll_mark: what a feed leaves at its end it is given at the next opening, unless all is to be read again.
func TestPoll_mark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.feed.fingerprint, w.feed.mark = "", "m1"
	due := func(records ...any) replication.Place {
		t.Helper()
		w.must(w.Register(t.Context()))
		w.feed.set(records...)
		w.now = w.now.Add(2 * time.Hour)
		worked, err := w.PollDue(t.Context(), slog.New(slog.DiscardHandler))
		if err != nil || !worked {
			t.Fatalf("%v, %v", worked, err)
		}
		return w.feed.opened[len(w.feed.opened)-1]
	}
	same(t, "the first", due(person("1", "ada")), replication.Place{})
	w.feed.mark = "m2"
	same(t, "the second", due(person("1", "ada")), replication.Place{Mark: "m1"})
	same(t, "the third has a problem", due(person("1", "ada", email("nowhere"))), replication.Place{Mark: "m2"})
	same(t, "then all is read", due(person("1", "ada")), replication.Place{})
	same(t, "a group names somebody unknown", due(replication.Team{ExternalID: "g", Name: new("W"), Members: &[]string{"2"}}), replication.Place{Mark: "m2"})
	same(t, "and all is read", due(person("1", "ada")), replication.Place{})
	same(t, "the feed fails", due(errors.New("the disk is gone")), replication.Place{Mark: "m2"})
	same(t, "and all is read once more", due(person("1", "ada")), replication.Place{})
	w.poll(person("1", "ada"))
	same(t, "somebody asks", w.feed.opened[len(w.feed.opened)-1], replication.Place{})
	_, err := w.PollNow(w.admin(), "hr", true)
	w.must(err)
	same(t, "a dry run", w.feed.opened[len(w.feed.opened)-1], replication.Place{})
	same(t, "leaves the mark", due(), replication.Place{Mark: "m2"})
}

// TestPoll_goesOnAfterAFailure: a feed that fails for a reason that may pass is gone on with behind what was stored, also when
// it cannot be opened meanwhile; one that fails otherwise begins anew, and so does one after a day or when somebody asks.
func TestPoll_goesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Register(t.Context()))
	all := []any{person("1", "ada"), person("2", "bob"), person("3", "cy")}
	down := errs.CodeUnavailable.Errorf("the server answers 503")
	fails := func(with error) []any { return []any{all[0], all[1], with} }
	poll := func(records ...any) (replication.State, replication.Place) {
		t.Helper()
		w.feed.set(records...)
		w.now = w.now.Add(time.Minute)
		worked, err := w.PollDue(t.Context(), slog.New(slog.DiscardHandler))
		if err != nil || !worked {
			t.Fatalf("%v, %v", worked, err)
		}
		return w.replicator().State, w.feed.opened[len(w.feed.opened)-1]
	}
	stopped := replication.Place{Fingerprint: "1", Position: "2"}
	s, _ := poll(fails(down)...)
	if !s.Running || s.Place != stopped || s.Report.Error == "" || s.Report.Created != 2 || s.Report.FinishedAt.IsZero() {
		t.Errorf("what the failure left: %+v", s)
	}
	w.feed.openErr = down
	s, from := poll()
	if from != stopped || !s.Running || s.Place != stopped || s.Report.Created != 2 {
		t.Errorf("not to be opened at %+v, it left %+v", from, s)
	}
	w.feed.openErr = nil
	s, from = poll(all...)
	same(t, "goes on", from, stopped)
	same(t, "counted once each", s.Report.Counts, replication.Counts{Read: 3, Created: 3})
	if s.Running || s.Report.Error != "" {
		t.Errorf("what the end left: %+v", s)
	}

	begin := func(what string, failure error, then func()) {
		t.Helper()
		w.feed.fingerprint += "1"
		w.now = w.now.Add(2 * time.Hour)
		poll(fails(failure)...)
		then()
		s, from := poll(all...)
		same(t, what, from, replication.Place{})
		same(t, what+" reads", s.Report.Read, 3)
	}
	begin("another failure", errors.New("401"), func() { w.now = w.now.Add(2 * time.Hour) })
	begin("somebody asks", down, func() { first(w.AskForPoll(w.admin(), w.replicator().ID)) })
	begin("a day of failures", down, func() {
		w.now = w.now.Add(24 * time.Hour)
		if s, _ := poll(fails(down)...); s.Running || s.Place != (replication.Place{}) {
			t.Errorf("after a day: %+v", s)
		}
	})
}

// replicator is the world's only one.
func (w *world) replicator() replication.Status {
	w.t.Helper()
	list, err := w.ListReplicators(w.admin())
	w.must(err)
	if len(list) != 1 {
		w.t.Fatalf("%d replicators", len(list))
	}
	return list[0]
}

// TestPoll_slowFeed: a batch that takes long to fill is stored before the lease ends.
func TestPoll_slowFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	records := make([]any, 10)
	for n := range records {
		records[n] = person(fmt.Sprint(n), fmt.Sprint("user", n))
	}
	w.feed.during = func(n int) {
		w.now = w.now.Add(20 * time.Second)
		list, err := w.ListReplicators(w.admin())
		w.must(err)
		if stored := list[0].State.Report.Read; n-stored > 3 {
			t.Errorf("of %d records %d are stored", n, stored)
		}
	}
	same(t, "all are stored", w.poll(records...).Counts, replication.Counts{Read: 10, Created: 10})
}

// TestPoll_unarchived: a source that knows only who is archived leaves the other states as they are.
func TestPoll_unarchived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	says := func(state string) replication.Person {
		return person("1", "ada", func(p *replication.Person) { p.State, p.Unarchived = &state, true })
	}
	state := func() directory.UserState { return first(w.user("ada")).State }
	w.poll(says("active"))
	u, _ := w.user("ada")
	_, err := w.people.UpdateUser(w.admin(), u.ID, directory.UserEdit{State: new(directory.Invited)})
	w.must(err)
	same(t, "invited here", w.poll(says("active")).Counts, replication.Counts{Read: 1, Unchanged: 1})
	same(t, "stays", state(), directory.Invited)
	same(t, "archived there", w.poll(says("archived")).Counts, replication.Counts{Read: 1, Updated: 1, Overwritten: 1})
	same(t, "is archived", state(), directory.Archived)
	same(t, "back there", w.poll(says("active")).Counts, replication.Counts{Read: 1, Updated: 1})
	same(t, "is active", state(), directory.Active)
	_, err = w.people.UpdateUser(w.admin(), u.ID, directory.UserEdit{State: new(directory.Archived)})
	w.must(err)
	same(t, "archived here", w.poll(says("active")).Counts, replication.Counts{Read: 1, Updated: 1, Overwritten: 1})
}
