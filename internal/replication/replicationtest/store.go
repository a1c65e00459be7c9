// Package replicationtest holds what every replication.Store must do, as tests to be run on each implementation.
package replicationtest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/replication"
	"switchboard/internal/tx"
)

// At is when everything that this package makes was made.
var At = directorytest.At

// Run runs the suite on an empty store. ours and theirs are organizations that exist.
func Run(t *testing.T, s replication.Store, runner tx.Runner, ours, theirs id.ID) {
	su := suite{s, runner, ours, theirs}
	t.Run("links", su.links)
	t.Run("replicators", su.replicators)
	t.Run("claims", su.claims)
	t.Run("leases", su.leases)
}

type suite struct {
	replication.Store
	tx           tx.Runner
	ours, theirs id.ID
}

func must(t testing.TB, err error) {
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

func (s suite) link(source, externalID string) replication.Link {
	return replication.Link{
		RecordID: id.New(), OrganizationID: s.ours, Source: source, Kind: replication.Users, ExternalID: externalID,
		Document: json.RawMessage(`{"external-id":"` + externalID + `"}`), CreatedAt: At, SyncedAt: At,
	}
}

func (s suite) links(t *testing.T) {
	ctx := t.Context()
	a, b := s.link("hr", "a"), s.link("hr", "b")
	nameless, second := s.link("hr", ""), s.link("hr", "")
	group := s.link("hr", "a")
	group.Kind = replication.Groups
	elsewhere := s.link("hr", "a")
	elsewhere.OrganizationID = s.theirs
	other := s.link("clinic", "a")
	other.RecordID = a.RecordID
	for _, l := range []replication.Link{a, b, nameless, second, group, elsewhere, other} {
		must(t, s.PutLink(ctx, l))
	}
	twice := s.link("hr", "a")
	if err := s.PutLink(ctx, twice); !errs.Is(err, replication.DuplicateExternalID) {
		t.Errorf("one name for two records: %v", err)
	}
	found, err := s.FindLinks(ctx, s.ours, "hr", replication.Users, []string{"a", "b", "c", ""})
	must(t, err)
	same(t, "by external id", found, map[string]replication.Link{"a": a, "b": b})
	of, err := s.FindLinksOf(ctx, s.ours, "hr", []id.ID{a.RecordID, nameless.RecordID, elsewhere.RecordID, id.New()})
	must(t, err)
	same(t, "by record", of, map[id.ID]replication.Link{a.RecordID: a, nameless.RecordID: nameless})
	all, err := s.LinksOf(ctx, s.ours, a.RecordID)
	must(t, err)
	same(t, "of every source", all, []replication.Link{other, a})
	all, err = s.LinksOf(ctx, s.theirs, a.RecordID)
	must(t, err)
	same(t, "of another organization's record", all, []replication.Link{})

	a.ExternalID, a.Document, a.SyncedAt = "A", json.RawMessage(`{"x":1}`), At.Add(time.Hour)
	must(t, s.PutLink(ctx, a))
	found, err = s.FindLinks(ctx, s.ours, "hr", replication.Users, []string{"a", "A"})
	must(t, err)
	same(t, "renamed", found, map[string]replication.Link{"A": a})
	stolen := elsewhere
	stolen.OrganizationID, stolen.ExternalID = s.ours, "stolen"
	must(t, s.PutLink(ctx, stolen))
	of, err = s.FindLinksOf(ctx, s.theirs, "hr", []id.ID{elsewhere.RecordID})
	must(t, err)
	same(t, "another organization's stays what it was", of, map[id.ID]replication.Link{elsewhere.RecordID: elsewhere})

	must(t, s.DeleteLink(ctx, s.theirs, "hr", a.RecordID))
	all, err = s.LinksOf(ctx, s.ours, a.RecordID)
	must(t, err)
	same(t, "another organization deletes nothing", all, []replication.Link{other, a})
	must(t, s.DeleteLink(ctx, s.ours, "hr", a.RecordID))
	must(t, s.DeleteLink(ctx, s.ours, "hr", a.RecordID))
	all, err = s.LinksOf(ctx, s.ours, a.RecordID)
	must(t, err)
	same(t, "what is left", all, []replication.Link{other})
}

func (s suite) put(t *testing.T, org id.ID, name string, at time.Time) replication.Status {
	t.Helper()
	v := replication.Status{ID: id.New(), OrganizationID: org, Name: name, Kind: "directory.csv", CreatedAt: at}
	must(t, s.PutReplicator(t.Context(), v))
	return v
}

func (s suite) replicators(t *testing.T) {
	ctx := t.Context()
	b, a := s.put(t, s.ours, "listb", At), s.put(t, s.ours, "lista", At)
	theirs := s.put(t, s.theirs, "lista", At)
	again := b
	again.ID, again.Kind, again.CreatedAt = id.New(), "directory.jsonl", At.Add(time.Hour)
	must(t, s.PutReplicator(ctx, again))
	b.Kind = again.Kind
	names := []string{"lista", "listb", "nothing"}
	list, err := s.ListReplicators(ctx, s.ours, names)
	must(t, err)
	same(t, "ours", list, []replication.Status{a, b})
	list, err = s.ListReplicators(ctx, id.Nil, names)
	must(t, err)
	same(t, "everybody's", len(list), 3)
	list, err = s.ListReplicators(ctx, s.ours, []string{"lista"})
	must(t, err)
	same(t, "those of the configuration", list, []replication.Status{a})
	got, err := s.GetReplicator(ctx, s.ours, a.ID, names)
	must(t, err)
	same(t, "one", got, a)
	for what, get := range map[string]func() (replication.Status, error){
		"another organization's":   func() (replication.Status, error) { return s.GetReplicator(ctx, s.ours, theirs.ID, names) },
		"one of no configuration":  func() (replication.Status, error) { return s.GetReplicator(ctx, s.ours, a.ID, []string{"listb"}) },
		"one that there is not":    func() (replication.Status, error) { return s.GetReplicator(ctx, s.ours, id.New(), names) },
		"asked of another's":       func() (replication.Status, error) { return got, s.Ask(ctx, s.theirs, a.ID, At) },
		"asked of one that is not": func() (replication.Status, error) { return got, s.Ask(ctx, s.ours, id.New(), At) },
	} {
		if _, err := get(); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func (s suite) claims(t *testing.T) {
	ctx := t.Context()
	old, young := s.put(t, s.ours, "claimold", At), s.put(t, s.ours, "claimyoung", At.Add(time.Minute))
	names := []string{"claimold", "claimyoung"}
	claim := func(now time.Time) (replication.Claimed, bool) {
		t.Helper()
		c, found, err := s.ClaimReplicator(ctx, names, now, now.Add(time.Hour))
		must(t, err)
		return c, found
	}
	due, some, err := s.NextDue(ctx, names)
	must(t, err)
	same(t, "due", due, At)
	if !some {
		t.Error("nothing is due")
	}
	if _, some, err := s.NextDue(ctx, []string{"nothing"}); err != nil || some {
		t.Errorf("of no name something is due: %v", err)
	}
	if _, found := claim(At.Add(-time.Second)); found {
		t.Error("claimed what is not due")
	}
	now := At.Add(2 * time.Minute)
	first, _ := claim(now)
	second, _ := claim(now)
	same(t, "the one that has been due for longest", first.Status, old)
	same(t, "then the other", second.Status, young)
	if _, found := claim(now); found || first.Lease == second.Lease || first.Forced {
		t.Errorf("claimed three of two: %+v, %+v", first, second)
	}
	if _, found, err := s.SeizeReplicator(ctx, old.ID, now, now.Add(time.Hour)); err != nil || found {
		t.Errorf("seized what somebody has: %v", err)
	}
	later := now.Add(time.Hour)
	if c, found, err := s.SeizeReplicator(ctx, old.ID, later, later.Add(time.Hour)); err != nil || !found || !c.Forced {
		t.Errorf("seizing when the lease is over: %v, %v, %+v", err, found, c)
	}
}

func (s suite) leases(t *testing.T) {
	ctx := t.Context()
	r := s.put(t, s.ours, "lease", At)
	names := []string{"lease"}
	now := At.Add(time.Minute)
	c, _, err := s.ClaimReplicator(ctx, names, now, now.Add(time.Minute))
	must(t, err)
	state := replication.State{
		Running: true, Place: replication.Place{Fingerprint: "f", Position: "7"},
		Report: replication.Report{Counts: replication.Counts{Read: 3}, Problems: []replication.Problem{{Line: 2, Message: "m"}}, StartedAt: now},
	}
	must(t, s.Advance(ctx, c, state, now.Add(2*time.Minute)))
	got, err := s.GetReplicator(ctx, s.ours, r.ID, names)
	must(t, err)
	same(t, "the state", got.State, state)
	if _, found, err := s.ClaimReplicator(ctx, names, now.Add(time.Minute), now); err != nil || found {
		t.Errorf("claimed although the lease was made longer: %v", err)
	}
	must(t, s.Ask(ctx, s.ours, r.ID, now)) // while it runs
	over := now.Add(3 * time.Minute)
	next, found, err := s.ClaimReplicator(ctx, names, over, over.Add(time.Minute))
	must(t, err)
	if !found || !next.Forced {
		t.Fatalf("after the lease: %v, %+v", found, next)
	}
	same(t, "who takes over has the state", next.State, state)
	for what, err := range map[string]error{
		"advance": s.Advance(ctx, c, replication.State{}, over), "finish": s.Finish(ctx, c, replication.State{}, over, over),
	} {
		if !errors.Is(err, replication.ErrLost()) {
			t.Errorf("%s with a lease that ended: %v", what, err)
		}
	}
	must(t, s.tx.Do(ctx, func(ctx context.Context) error { return s.Finish(ctx, next, state, over, over.Add(time.Hour)) }))
	got, err = s.GetReplicator(ctx, s.ours, r.ID, names)
	must(t, err)
	same(t, "when it was polled", got.LastPollAt, over)
	if _, found, err := s.ClaimReplicator(ctx, names, over.Add(time.Minute), over); err != nil || found {
		t.Errorf("due before its time: %v", err)
	}
	c, found, err = s.ClaimReplicator(ctx, names, over.Add(time.Hour), over.Add(2*time.Hour))
	must(t, err)
	if !found || c.Forced {
		t.Errorf("at its time: %v, %+v", found, c)
	}
	must(t, s.Ask(ctx, s.ours, r.ID, over))
	must(t, s.Finish(ctx, c, state, time.Time{}, over.Add(24*time.Hour)))
	got, err = s.GetReplicator(ctx, s.ours, r.ID, names)
	must(t, err)
	same(t, "a poll that was interrupted", got.LastPollAt, over)
	c, found, err = s.ClaimReplicator(ctx, names, over.Add(time.Hour), over.Add(2*time.Hour))
	must(t, err)
	if !found || !c.Forced {
		t.Errorf("asked for while it ran: %v, %+v", found, c)
	}
	must(t, s.Finish(ctx, c, state, time.Time{}, over.Add(24*time.Hour)))
	must(t, s.Ask(ctx, s.ours, r.ID, over.Add(2*time.Hour)))
	if _, found, err = s.ClaimReplicator(ctx, names, over.Add(2*time.Hour), over.Add(3*time.Hour)); err != nil || !found {
		t.Errorf("asked for while it rested: %v, %v", found, err)
	}
}
