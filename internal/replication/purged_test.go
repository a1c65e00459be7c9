package replication_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/replication"
	"switchboard/internal/scim"
)

// purging makes the world's service anew, with what was purged as names have it.
func (w *world) purging(names *[]replication.Name) {
	w.t.Helper()
	w.Service = replication.New(replication.Options{
		Store: w.store, Tx: w.db, Directory: w.people, Events: w.log, Clock: func() time.Time { return w.now }, Purged: func(_ context.Context, asked []replication.Name) ([]replication.Name, error) {
			return slices.DeleteFunc(slices.Clone(asked), func(n replication.Name) bool { return !slices.Contains(*names, n) }), nil
		},
		Replicators: map[string]replication.Replicator{"hr": {
			Settings: replication.Settings{Organization: "ours", Interval: time.Hour, OnDelete: "archive"}, Kind: "test", Opener: w.feed,
		}},
	})
}

// TestPoll_purged shows that a source which still has who was purged is told so, record by record, and brings nobody back.
func TestPoll_purged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := func(organization id.ID, source string, kind replication.Kind, externalID string) replication.Name {
		return replication.Link{OrganizationID: organization, Source: source, Kind: kind, ExternalID: externalID}.Name()
	}
	purged := []replication.Name{
		name(w.ours.ID, "hr", replication.Users, "1"), name(w.ours.ID, "hr", replication.Groups, "g"),
		name(w.ours.ID, "clinic", replication.Users, "2"), name(w.them.ID, "hr", replication.Users, "2"), name(w.ours.ID, "hr", replication.Groups, "2"),
	}
	w.purging(&purged)
	team := func(externalID string) replication.Team {
		return replication.Team{ExternalID: externalID, Name: new("Ward " + externalID)}
	}
	r := w.poll(person("1", "ada"), person("2", "bob"), team("g"), team("h"))
	same(t, "counts", r.Counts, replication.Counts{Read: 4, Created: 2, Conflicts: 2})
	for n, want := range []string{"1", "g"} {
		if p := r.Problems[n]; p.ExternalID != want || p.Field != "external-id" || !strings.Contains(p.Message, "purged") {
			t.Errorf("problem %d is %+v", n, p)
		}
	}
	if u, _ := w.user("ada"); !u.ID.IsZero() {
		t.Error("who was purged is back")
	}
	r = w.poll(replication.Person{ExternalID: "1", Deleted: true}, replication.Team{ExternalID: "g", Deleted: true})
	same(t, "the source deletes what was purged", r.Counts, replication.Counts{Read: 2, Unchanged: 2})
	purged = append(purged, name(w.ours.ID, "hr", replication.Users, "2")) // and was brought back by an import
	r = w.poll(person("2", "bob", firstName("Bob")))
	same(t, "who is linked again", r.Counts, replication.Counts{Read: 1, Updated: 1})
	purged = nil
	r = w.poll(person("1", "ada"))
	same(t, "without tombstones", r.Counts, replication.Counts{Read: 1, Created: 1})
}

func TestSCIM_purged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	purged := []replication.Name{
		replication.Link{OrganizationID: w.ours.ID, Source: replication.PushedBySCIM, Kind: replication.Users, ExternalID: "1"}.Name(),
		replication.Link{OrganizationID: w.ours.ID, Source: replication.PushedBySCIM, Kind: replication.Groups, ExternalID: "1"}.Name(),
	}
	w.purging(&purged)
	before := w.traces()
	_, err := w.CreateSCIMUser(w.admin(), "", scim.Object{"userName": "ada", "externalId": "1"})
	_, err2 := w.CreateSCIMGroup(w.admin(), "", scim.Object{"displayName": "Ward", "externalId": "1"})
	for _, err := range []error{err, err2} {
		if !errs.Is(err, errs.CodeConflict) {
			t.Errorf("what was purged: %v", err)
		}
	}
	if after := w.traces(); after != before {
		t.Errorf("refusals left %v, was %v", after, before)
	}
	made, err := w.CreateSCIMUser(w.admin(), "", scim.Object{"userName": "ada"})
	w.must(err)
	text, _ := made.Object["id"].(string)
	_, err = w.ReplaceSCIMUser(w.admin(), "", id.MustParse(text), "", scim.Object{"userName": "ada", "externalId": "1"})
	if !errs.Is(err, errs.CodeConflict) {
		t.Errorf("somebody gets the external id of who was purged: %v", err)
	}
	if u, _ := w.user("ada"); u.State != directory.Active {
		t.Errorf("ada is %s", u.State)
	}
}

// TestPoll_purgedUnknown shows that nobody is made while it cannot be told who was purged.
func TestPoll_purgedUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := errors.New("the database is away")
	w.Service = replication.New(replication.Options{
		Store: w.store, Tx: w.db, Directory: w.people, Events: w.log, Clock: func() time.Time { return w.now },
		Purged: func(context.Context, []replication.Name) ([]replication.Name, error) { return nil, away },
	})
	if _, err := w.CreateSCIMUser(w.admin(), "", scim.Object{"userName": "ada", "externalId": "1"}); !errors.Is(err, away) {
		t.Errorf("CreateSCIMUser = %v", err)
	}
	if u, _ := w.user("ada"); !u.ID.IsZero() {
		t.Error("ada was made")
	}
}
