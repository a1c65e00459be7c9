package replication_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"switchboard/internal/directory"
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
