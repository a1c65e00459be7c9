package replication_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/replication"
)

func TestPoll_users(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		r := w.poll(person("1", "ada", email("ada@example.org"), firstName("Ada"), account("provider")), person("2", "bob"))
		same(t, "the first poll", r.Counts, replication.Counts{Read: 2, Created: 2})
		u, i := w.user("ada")
		if u.Email != "ada@example.org" || i.FirstName != "Ada" || i.AccountType != directory.Provider || i.ExternalID != "1" || u.LastSyncAt != w.now {
			t.Errorf("made %+v, %+v", u, i)
		}
		before := w.traces()
		r = w.poll(person("1", "ada", email("ada@example.org"), firstName("Ada"), account("provider")), person("2", "bob"))
		same(t, "the same again", r.Counts, replication.Counts{Read: 2, Unchanged: 2})
		same(t, "what changes nothing leaves no trace", w.traces(), before)

		r = w.poll(person("1", "ada.l", firstName("Ada")), person("2", "bob"), person("2", "bob", firstName("Bob")))
		same(t, "a change, and one record twice", r.Counts, replication.Counts{Read: 3, Updated: 2, Unchanged: 1})
		u, _ = w.user("ada.l")
		if u.Email != "ada@example.org" {
			t.Errorf("what is not said was changed to %q", u.Email)
		}
		r = w.poll()
		same(t, "nothing", r.Counts, replication.Counts{})
		if u, _ := w.user("bob"); u.ID.IsZero() || u.State != directory.Active {
			t.Errorf("who is missing from the feed became %+v", u)
		}
	})
}

func TestPoll_tombstones(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poll(person("1", "ada"), replication.Team{ExternalID: "g", Name: new("Ward")})
	before := w.traces()
	same(t, "of nobody", w.poll(gone("9"), replication.Team{ExternalID: "9", Deleted: true}).Counts, replication.Counts{Read: 2, Unchanged: 2})
	same(t, "nothing happened", w.traces(), before)
	same(t, "archived", w.poll(gone("1"), replication.Team{ExternalID: "g", Deleted: true}).Counts, replication.Counts{Read: 2, Tombstoned: 2})
	if u, _ := w.user("ada"); u.State != directory.Archived || !w.group("g").Archived() {
		t.Errorf("%+v, %+v", u, w.group("g"))
	}
	before = w.traces()
	same(t, "once", w.poll(gone("1"), replication.Team{ExternalID: "g", Deleted: true}).Counts, replication.Counts{Read: 2, Unchanged: 2})
	same(t, "nothing happened again", w.traces(), before)
	same(t, "back", w.poll(person("1", "ada"), replication.Team{ExternalID: "g", Name: new("Ward")}).Counts, replication.Counts{Read: 2, Updated: 2})
	if u, _ := w.user("ada"); u.State != directory.Active || w.group("g").Archived() {
		t.Errorf("%+v, %+v", u, w.group("g"))
	}
	w.must(w.people.DeleteUser(w.admin(), first(w.user("ada")).ID))
	w.must(w.people.DeleteGroup(w.admin(), w.group("g").ID))
	r := w.poll(person("1", "ada"), replication.Team{ExternalID: "g", Name: new("Ward")})
	same(t, "what was deleted here is not made again", r.Counts, replication.Counts{Read: 2, Conflicts: 2})
	same(t, "nor archived", w.poll(gone("1"), replication.Team{ExternalID: "g", Deleted: true}).Counts, replication.Counts{Read: 2, Unchanged: 2})
}

func first[A, B any](a A, _ B) A { return a }

func TestPoll_tombstonesThatDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deleting)
	w.poll(person("1", "ada"), replication.Team{ExternalID: "g", Name: new("Ward"), Members: &[]string{"1"}})
	same(t, "deleted", w.poll(gone("1"), replication.Team{ExternalID: "g", Deleted: true}).Counts, replication.Counts{Read: 2, Tombstoned: 2})
	if u, _ := w.user("ada"); !u.ID.IsZero() || !w.group("g").ID.IsZero() {
		t.Errorf("%+v, %+v", u, w.group("g"))
	}
	same(t, "made anew", w.poll(person("1", "ada"), replication.Team{ExternalID: "g", Name: new("Ward")}).Counts, replication.Counts{Read: 2, Created: 2})
}

// TestPoll_takesBackWhatItSaid: a value that the source gave and gives no more is cleared; one that an administrator gave
// is not.
func TestPoll_takesBackWhatItSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poll(person("1", "ada", email("ada@example.org")))
	u, _ := w.user("ada")
	_, err := w.people.UpdateUser(w.admin(), u.ID, directory.UserEdit{Phone: new("+4930123456")})
	w.must(err)
	empty := person("1", "ada", email(""))
	empty.Phone = new("")
	same(t, "cleared", w.poll(empty).Counts, replication.Counts{Read: 1, Updated: 1})
	if u, _ = w.user("ada"); u.Email != "" || u.Phone != "+4930123456" {
		t.Errorf("%q, %q", u.Email, u.Phone)
	}
	house, ward := replication.Team{ExternalID: "p", Name: new("House")}, replication.Team{ExternalID: "g", Name: new("Ward"), Description: new(""), Parent: new("")}
	w.poll(house, ward)
	_, err = w.people.UpdateGroup(w.admin(), w.group("g").ID, directory.GroupEdit{Description: new("D"), ParentID: new(w.group("p").ID)})
	w.must(err)
	ward.Name = new("Ward 1")
	same(t, "renamed", w.poll(ward).Counts, replication.Counts{Read: 1, Updated: 1})
	if g := w.group("g"); g.Name != "Ward 1" || g.Description != "D" || g.ParentID != w.group("p").ID {
		t.Errorf("%+v", g)
	}
}

func TestPoll_showsLocalEdits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poll(person("1", "ada", firstName("Ada")))
	u, _ := w.user("ada")
	_, err := w.people.UpdateUser(w.admin(), u.ID, directory.UserEdit{FirstName: new("Ida"), LastName: new("L")})
	w.must(err)
	r := w.poll(person("1", "ada", firstName("Ada")))
	same(t, "overwritten", r.Counts, replication.Counts{Read: 1, Updated: 1, Overwritten: 1})
	same(t, "told", r.Problems, []replication.Problem{{Line: 1, ExternalID: "1", Field: "first-name", Message: "had been changed here, and has the source's value again"}})
	if u, _ = w.user("ada"); u.FirstName != "Ada" || u.LastName != "L" {
		t.Errorf("%+v", u)
	}
	links, err := w.Provenance(w.admin(), u.ID)
	w.must(err)
	if len(links) != 1 || links[0].Source != "hr" || string(links[0].Document) != `{"external-id":"1","username":"ada","first-name":"Ada"}` {
		t.Errorf("provenance: %+v", links)
	}
}

func TestPoll_adoption(t *testing.T) {
	t.Parallel()
	setUp := func(w *world) {
		for _, name := range []string{"ada", "twin1", "twin2", "mail"} {
			address := map[string]string{"twin1": "twin@example.org", "twin2": "twin@example.org", "mail": "mail@example.org"}[name]
			_, err := w.people.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: &name, Email: &address}})
			w.must(err)
		}
		_, err := w.people.CreateGroup(w.admin(), directory.GroupEdit{Name: new("Ward")})
		w.must(err)
	}
	records := []any{
		person("1", "ADA", firstName("Ada")), person("2", "new", email("twin@example.org")), person("3", "mail2", email("MAIL@example.org")),
		person("4", "ada"),
		replication.Team{ExternalID: "g", Name: new("WARD")},
	}
	t.Run("wished", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, adopting)
		setUp(w)
		r := w.poll(records[:4]...)
		same(t, "in one batch", r.Counts, replication.Counts{Read: 4, Adopted: 2, Conflicts: 2})
		r = w.poll(append(records[:3:3], records[4])...)
		same(t, "with a group", r.Counts, replication.Counts{Read: 4, Unchanged: 2, Conflicts: 1, Adopted: 1})
		if u, i := w.user("ada"); u.Username != "ADA" || i.FirstName != "Ada" || i.ExternalID == "" {
			t.Errorf("%+v, %+v", u, i)
		}
		r = w.poll(person("5", "ada"))
		same(t, "who is linked is not adopted again", r.Counts, replication.Counts{Read: 1, Conflicts: 1})
	})
	t.Run("not wished", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		setUp(w)
		r := w.poll(records...)
		same(t, "the rest is new", r.Counts, replication.Counts{Read: 5, Created: 3, Conflicts: 2})
		if len(r.Problems) != 2 || r.Problems[0].Line != 1 || r.Problems[0].Field != "username" || r.Problems[0].ExternalID != "1" {
			t.Errorf("told: %+v", r.Problems)
		}
	})
}

func TestPoll_groups(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		people := []any{person("1", "ada", account("provider")), person("2", "bob"), person("3", "cy")}
		ward := replication.Team{ExternalID: "g", Name: new("Ward"), Description: new("D"), Parent: new("p"), Members: &[]string{"1", "2", "9", "2"}}
		r := w.poll(append(people, ward, replication.Team{ExternalID: "p", Name: new("House")})...)
		same(t, "made", r.Counts, replication.Counts{Read: 5, Created: 5})
		same(t, "what is not known yet", r.Problems, []replication.Problem{
			{Line: 4, ExternalID: "g", Field: "parent", Message: `no record of this source has the external id "p" yet`},
			{Line: 4, ExternalID: "g", Field: "members", Message: `no record of this source has the external id "9" yet`},
		})
		_, ada := w.user("ada")
		_, bob := w.user("bob")
		_, cy := w.user("cy")
		g := w.group("g")
		if len(g.LeaderIDs) != 1 || g.LeaderIDs[0] != ada.ID || len(g.IndividualIDs) != 1 || g.IndividualIDs[0] != bob.ID || g.Description != "D" {
			t.Errorf("%+v", g)
		}
		before := w.traces()
		r = w.poll(append(people, ward)...)
		same(t, "the parent is there now", r.Counts, replication.Counts{Read: 4, Unchanged: 3, Updated: 1})
		same(t, "nested", w.group("g").ParentID, w.group("p").ID)
		if before == w.traces() {
			t.Error("a change left no trace")
		}
		before = w.traces()
		same(t, "again", w.poll(append(people, ward)...).Counts, replication.Counts{Read: 4, Unchanged: 4})
		same(t, "no trace", w.traces(), before)

		w.must(w.people.ChangeMembers(w.admin(), g.ID, directory.MemberEdit{Add: []id.ID{cy.ID}}))
		ward.Members, ward.Description, ward.Parent = &[]string{"1"}, new(""), new("")
		same(t, "who is not named any more goes", w.poll(ward).Counts, replication.Counts{Read: 1, Updated: 1})
		g = w.group("g")
		same(t, "whom an administrator put in stays", g.Members(), []id.ID{ada.ID, cy.ID})
		if g.Description != "" || !g.ParentID.IsZero() {
			t.Errorf("%+v", g)
		}
		ward.Members, ward.Name = nil, new("")
		r = w.poll(ward)
		same(t, "without a name", r.Counts, replication.Counts{Read: 1, Errors: 1})
		if len(r.Problems) != 1 || r.Problems[0].Field != "name" {
			t.Errorf("%+v", r.Problems)
		}
	})
}

func TestPoll_errors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.poll(
		person("1", "ada", email("nowhere")), person("", "nobody"), &replication.RecordError{Field: "email", Message: "is not valid UTF-8"},
		replication.Person{ExternalID: "2"}, person("3", "bob"), person("4", "BOB"), person("5", "cy", account("nurse")),
	)
	same(t, "counted", r.Counts, replication.Counts{Read: 7, Created: 1, Conflicts: 1, Errors: 5})
	got := map[int]string{}
	for _, p := range r.Problems {
		got[p.Line] = p.Field
	}
	same(t, "by line and field", got, map[int]string{1: "email", 2: "external-id", 3: "email", 4: "username", 6: "username", 7: "account_type"})

	many := make([]any, 250)
	for n := range many {
		many[n] = person(fmt.Sprint("x", n), "", email("nowhere"))
	}
	r = w.poll(many...)
	if r.Errors != 250 || len(r.Problems) != 100 {
		t.Errorf("%d errors, %d told", r.Errors, len(r.Problems))
	}
}

// TestPoll_feedFails: what was read before the feed failed stays, and the error can be read.
func TestPoll_feedFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.poll(person("1", "ada"), errors.New("the disk is gone"))
	if r.Created != 1 || r.Error != "the disk is gone" {
		t.Errorf("%+v", r)
	}
	list, err := w.ListReplicators(w.admin())
	w.must(err)
	if s := list[0].State; s.Report.Error != r.Error || s.Running || list[0].LastPollAt != w.now {
		t.Errorf("%+v", list[0])
	}
	w.feed.openErr = errs.CodeUnavailable.Errorf("is being written").After(3 * time.Second)
	r = w.poll()
	same(t, "told", r.Error, "is being written")
	due, _, err := w.store.NextDue(t.Context(), []string{"hr"})
	w.must(err)
	same(t, "tried again soon", due, w.now.Add(3*time.Second))
	w.feed.openErr = nil
	same(t, "then all is read", w.poll(person("1", "ada")).Counts, replication.Counts{Read: 1, Unchanged: 1})
}

// TestPollDue_goesOnWhereItWas kills polls in the middle: what was stored is not read again, and nothing is lost.
func TestPollDue_goesOnWhereItWas(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		records := make([]any, 1200)
		for n := range records {
			records[n] = person(fmt.Sprint(n), fmt.Sprint("user", n))
		}
		w.feed.set(records...)
		w.must(w.Register(t.Context()))
		ctx, kill := context.WithCancel(t.Context())
		w.feed.during = func(n int) {
			if n == 700 {
				kill()
			}
		}
		w.now = w.now.Add(time.Minute)
		_, err := w.PollDue(ctx, slog.New(slog.DiscardHandler))
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		list, err := w.ListReplicators(w.admin())
		w.must(err)
		if s := list[0].State; !s.Running || s.Report.Created != 500 || s.Place.Position != "500" {
			t.Fatalf("what the batch left: %+v", s)
		}
		w.feed.during = nil
		worked, err := w.PollDue(t.Context(), slog.New(slog.DiscardHandler))
		w.must(err)
		if !worked {
			t.Fatal("it was not given back")
		}
		same(t, "taken up", w.feed.opened[1], replication.Place{Fingerprint: "1", Position: "500"})
		list, err = w.ListReplicators(w.admin())
		w.must(err)
		same(t, "counted once each", list[0].State.Report.Counts, replication.Counts{Read: 1200, Created: 1200})
		if worked, err := w.PollDue(t.Context(), slog.New(slog.DiscardHandler)); err != nil || worked {
			t.Errorf("due again at once: %v", err)
		}
		w.now = w.now.Add(2 * time.Hour)
		_, err = w.PollDue(t.Context(), slog.New(slog.DiscardHandler))
		w.must(err)
		list, err = w.ListReplicators(w.admin())
		w.must(err)
		if r := list[0].State.Report; r.Read != 0 || r.Note == "" {
			t.Errorf("the same edition was read again: %+v", r)
		}
		_, err = w.AskForPoll(w.admin(), list[0].ID)
		w.must(err)
		_, err = w.PollDue(t.Context(), slog.New(slog.DiscardHandler))
		w.must(err)
		list, err = w.ListReplicators(w.admin())
		w.must(err)
		same(t, "when it is asked for it is read", list[0].State.Report.Counts, replication.Counts{Read: 1200, Unchanged: 1200})
	})
}

// TestPoll_oneAtATime: while one process polls, another gets nothing, and one whose lease ended stores nothing.
func TestPoll_oneAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.feed.set(person("1", "ada"))
	w.must(w.Register(t.Context()))
	w.feed.during = func(int) {
		w.feed.during = nil
		if _, err := w.PollNow(w.admin(), "hr", false); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second poll beside the first: %v", err)
		}
		w.now = w.now.Add(time.Hour) // the lease is over, and somebody else takes it
		_, found, err := w.store.ClaimReplicator(t.Context(), []string{"hr"}, w.now, w.now.Add(time.Hour))
		if err != nil || !found {
			t.Errorf("%v, %v", found, err)
		}
	}
	if _, err := w.PollNow(w.admin(), "hr", false); !errors.Is(err, replication.ErrLost()) {
		t.Errorf("%v", err)
	}
	if u, _ := w.user("ada"); !u.ID.IsZero() {
		t.Error("the poll stored something after its lease")
	}
}

func TestPoll_dry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poll(person("1", "ada"), replication.Team{ExternalID: "g", Name: new("Ward")})
	before := w.traces()
	w.feed.set(person("1", "ada", firstName("Ada")), person("2", "bob"), gone("1"),
		replication.Team{ExternalID: "g", Name: new("Ward 7"), Members: &[]string{"2"}}, replication.Team{ExternalID: "h", Name: new("H")})
	r, err := w.PollNow(w.admin(), "hr", true)
	w.must(err)
	same(t, "would be", r.Counts, replication.Counts{Read: 5, Created: 2, Updated: 2, Tombstoned: 1})
	same(t, "nothing was stored", w.traces(), before)
	same(t, "nor renamed", w.group("g").Name, "Ward")
	list, err := w.ListReplicators(w.admin())
	w.must(err)
	same(t, "the last real poll stays", list[0].State.Report.Counts, replication.Counts{Read: 2, Created: 2})
}

// TestPoll_race: somebody takes a username between planning and storing. The others of the batch are stored all the same.
func TestPoll_race(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poll()
	w.feed.set(person("1", "ada"), person("2", "bob"))
	taken := "ada"
	store := &racing{Store: w.store, then: func() {
		_, err := w.people.CreateUser(w.admin(), directory.NewUser{UserEdit: directory.UserEdit{Username: &taken}})
		w.must(err)
	}}
	s := replication.New(replication.Options{
		Store: store, Tx: w.db, Directory: w.people, Events: w.log, Clock: func() time.Time { return w.now },
		Replicators: map[string]replication.Replicator{"hr": {Settings: replication.Settings{Organization: "ours", Interval: time.Hour}, Kind: "test", Opener: w.feed}},
	})
	r, err := s.PollNow(w.admin(), "hr", false)
	w.must(err)
	same(t, "counted", r.Counts, replication.Counts{Read: 2, Created: 1, Conflicts: 1})
}

// racing does something once, between the reading and the storing of a batch.
type racing struct {
	replication.Store
	then func()
}

func (r *racing) FindLinksOf(ctx context.Context, organization id.ID, source string, records []id.ID) (map[id.ID]replication.Link, error) {
	if r.then != nil {
		then := r.then
		r.then = nil
		then()
	}
	return r.Store.FindLinksOf(ctx, organization, source, records)
}

func TestReplicators_roles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.poll()
	list, err := w.ListReplicators(w.admin())
	w.must(err)
	stranger := actor.Actor{KeyID: id.New(), OrganizationID: w.them.ID, Role: actor.Administrator, Scopes: []string{"*"}}
	for who, tc := range map[string]struct {
		ctx  context.Context
		want errs.Kind // of every act on our replicator
	}{
		"nobody": {t.Context(), errs.Unauthenticated}, "stranger": {actor.With(t.Context(), stranger), errs.NotFound},
		"member": {w.as(actor.Member), errs.Denied}, "leader": {w.as(actor.Leader), errs.Denied}, "machine": {w.as(actor.Service), errs.Denied},
		"unscoped": {w.as(actor.Administrator, "users", "scim"), errs.Denied},
	} {
		_, get := w.GetReplicator(tc.ctx, list[0].ID)
		_, ask := w.AskForPoll(tc.ctx, list[0].ID)
		_, now := w.PollNow(tc.ctx, "hr", true)
		for what, err := range map[string]error{"get": get, "ask": ask, "poll": now} {
			if err == nil || errs.KindOf(err) != tc.want {
				t.Errorf("%s, %s: %v", who, what, err)
			}
		}
		seen, err := w.ListReplicators(tc.ctx)
		if who == "stranger" && (err != nil || len(seen) != 0) || who != "stranger" && errs.KindOf(err) != tc.want {
			t.Errorf("%s lists %v, %v", who, seen, err)
		}
		links, err := w.Provenance(tc.ctx, list[0].ID)
		if who != "stranger" && errs.KindOf(err) != tc.want || len(links) != 0 {
			t.Errorf("%s sees %v, %v", who, links, err)
		}
	}
	reader := w.as(actor.Administrator, "replicators:read")
	if _, err := w.GetReplicator(reader, list[0].ID); err != nil {
		t.Error(err)
	}
	if _, err := w.AskForPoll(reader, list[0].ID); errs.KindOf(err) != errs.Denied {
		t.Errorf("a reader asks for a poll: %v", err)
	}
	if _, err := w.PollNow(w.admin(), "nothing", true); errs.KindOf(err) != errs.NotFound {
		t.Errorf("of no replicator: %v", err)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(r *replication.Replicator) { r.Organization = "nowhere" })
	if err := w.Register(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("an organization that there is not: %v", err)
	}
	if _, err := w.PollNow(w.admin(), "hr", false); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a poll of what is not registered: %v", err)
	}
}

// The organization is asked for by what the setting says; the others, however many, are not read.
func TestRegister_organization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(r *replication.Replicator) { r.Organization = "OURS" })
	w.must(w.Register(t.Context()))
	list, err := w.ListReplicators(w.as(actor.Administrator))
	if err != nil || len(list) != 1 {
		t.Fatalf("by name: %v, %v", list, err)
	}
	byID := newWorldOn(t, w.db, func(r *replication.Replicator) { r.Organization = w.ours.ID.String() })
	byID.must(byID.Register(t.Context()))
	if again, err := w.ListReplicators(w.as(actor.Administrator)); err != nil || len(again) != 1 || again[0].ID != list[0].ID {
		t.Errorf("by id: %v, %v; want %v", again, err, list)
	}
	// There are two now that are called so.
	if err := w.Register(t.Context()); errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "give the id") {
		t.Errorf("a name that two organizations have: %v", err)
	}
}
