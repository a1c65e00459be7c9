// Package privacytest holds what every privacy.Store must do, as tests to be run on each implementation.
package privacytest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/privacy"
	"switchboard/internal/tx"
)

// At is when everything that this package makes was made.
var At = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Run runs the suite on an empty store whose transactions are those of runner.
func Run(t *testing.T, s privacy.Store, runner tx.Runner) {
	su := suite{s, runner}
	t.Run("purges", su.purges)
	t.Run("one open purge", su.oneOpen)
	t.Run("claims", su.claims)
	t.Run("leases", su.leases)
	t.Run("tombstones", su.tombstones)
	t.Run("holds", su.holds)
	t.Run("active holds", su.activeHolds)
	t.Run("transactions", su.transactions)
}

type suite struct {
	privacy.Store
	tx tx.Runner
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

func missing(t *testing.T, what string, err error) {
	t.Helper()
	if !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("%s: %v, want NotFound", what, err)
	}
}

var everything = page.Offset{Limit: 100}

// Purge returns one that nobody has stored.
func Purge(organization id.ID) privacy.Purge {
	entity := id.New()
	return privacy.Purge{
		ID: id.New(), OrganizationID: organization, Kind: privacy.User, EntityID: entity, ReferenceID: "case 7", RequestID: id.New().String(),
		Archive: true, State: privacy.Requested, KeyID: id.New(), UserID: id.New(), Stage: privacy.Archiving, CreatedAt: At,
		Subjects: []privacy.Subject{{Kind: privacy.User, ID: entity, OrganizationID: organization}}, Progress: json.RawMessage("{}"),
		Counts: map[string]privacy.Tally{},
	}
}

func (s suite) purges(t *testing.T) {
	ctx, ours, theirs := t.Context(), id.New(), id.New()
	p, plain := Purge(ours), Purge(ours)
	plain.ReferenceID, plain.RequestID, plain.KeyID, plain.UserID = "", "", id.Nil, id.Nil
	must(t, s.InsertPurge(ctx, p))
	must(t, s.InsertPurge(ctx, plain))
	got, err := s.GetPurge(ctx, ours, p.ID)
	must(t, err)
	same(t, "purge", got, p)
	got, err = s.GetPurge(ctx, ours, plain.ID)
	must(t, err)
	same(t, "plain purge", got, plain)
	_, err = s.GetPurge(ctx, theirs, p.ID)
	missing(t, "another organization's", err)
	_, err = s.GetPurge(ctx, ours, id.New())
	missing(t, "nobody's", err)

	got, found, err := s.FindRequest(ctx, ours, p.RequestID)
	must(t, err)
	if !found || got.ID != p.ID {
		t.Errorf("by request: %v, %v", got.ID, found)
	}
	for _, c := range []struct {
		organization id.ID
		request      string
	}{{theirs, p.RequestID}, {ours, "another"}, {ours, ""}, {ours, strings.ToUpper(p.RequestID) + " "}} {
		if _, found, err := s.FindRequest(ctx, c.organization, c.request); found || err != nil {
			t.Errorf("request %q of %s: %v, %v", c.request, c.organization, found, err)
		}
	}

	l, err := s.ListPurges(ctx, ours, everything)
	must(t, err)
	same(t, "list", l, page.List[privacy.Purge]{Items: []privacy.Purge{plain, p}, Total: 2})
	l, err = s.ListPurges(ctx, ours, page.Offset{Limit: 1, Offset: 1})
	must(t, err)
	same(t, "second page", l, page.List[privacy.Purge]{Items: []privacy.Purge{p}, Total: 2})
	l, err = s.ListPurges(ctx, theirs, everything)
	must(t, err)
	if l.Total != 0 || len(l.Items) != 0 {
		t.Errorf("another organization's list = %v", l)
	}
	s.end(t)
}

// end finishes every purge, so that the next test finds none open.
func (s suite) end(t *testing.T) {
	t.Helper()
	worker := id.New()
	for {
		p, found, err := s.ClaimPurge(t.Context(), worker, At.Add(time.Hour*1000), At.Add(time.Hour*1001))
		must(t, err)
		if !found {
			return
		}
		p.State = privacy.Completed
		must(t, s.SavePurge(t.Context(), p, worker, time.Time{}))
	}
}

func (s suite) oneOpen(t *testing.T) {
	ctx, ours := t.Context(), id.New()
	p := Purge(ours)
	must(t, s.InsertPurge(ctx, p))
	again := Purge(ours)
	again.EntityID = p.EntityID
	if err := s.InsertPurge(ctx, again); !errs.Is(err, privacy.PurgeRunning) {
		t.Errorf("a second purge of the same: %v", err)
	}
	open, found, err := s.FindOpen(ctx, p.EntityID)
	must(t, err)
	if !found || open.ID != p.ID {
		t.Errorf("open = %v, %v", open.ID, found)
	}
	s.end(t)
	if _, found, err := s.FindOpen(ctx, p.EntityID); found || err != nil {
		t.Errorf("a finished purge is open: %v", err)
	}
	if err := s.InsertPurge(ctx, again); err != nil {
		t.Errorf("a purge after the first has ended: %v", err)
	}
	s.end(t)
}

func (s suite) claims(t *testing.T) {
	ctx, a, b := t.Context(), id.New(), id.New()
	first, second := Purge(id.New()), Purge(id.New())
	must(t, s.InsertPurge(ctx, first))
	must(t, s.InsertPurge(ctx, second))
	claim := func(worker id.ID, now time.Time) id.ID {
		t.Helper()
		p, _, err := s.ClaimPurge(ctx, worker, now, now.Add(time.Minute))
		must(t, err)
		return p.ID
	}
	same(t, "the oldest", claim(a, At), first.ID)
	same(t, "the next", claim(b, At), second.ID)
	same(t, "when all are held", claim(b, At.Add(time.Minute-time.Second)), id.Nil)
	same(t, "when a lease has ended", claim(b, At.Add(time.Minute)), first.ID)
	s.end(t)
	same(t, "when all are final", claim(a, At.Add(24*time.Hour)), id.Nil)
}

func (s suite) leases(t *testing.T) {
	ctx, a, b := t.Context(), id.New(), id.New()
	p := Purge(id.New())
	must(t, s.InsertPurge(ctx, p))
	claim := func(worker id.ID, now time.Time) bool {
		t.Helper()
		_, found, err := s.ClaimPurge(ctx, worker, now, now.Add(time.Minute))
		must(t, err)
		return found
	}
	claim(a, At)
	p.State, p.Stage, p.Done, p.Progress = privacy.Running, privacy.Erasing, 1, json.RawMessage(`{"table":"users"}`)
	p.Counts = map[string]privacy.Tally{"users": {Deleted: 1, Blanked: 2}}
	p.Archived, p.StartedAt = privacy.Archive{File: "x.tar.gz", SHA256: "00"}, At
	must(t, s.SavePurge(ctx, p, a, At.Add(2*time.Minute)))
	got, err := s.GetPurge(ctx, p.OrganizationID, p.ID)
	must(t, err)
	same(t, "saved", got, p)
	if claim(b, At.Add(2*time.Minute-time.Second)) {
		t.Error("saving does not hold")
	}
	must(t, s.RenewPurge(ctx, p.ID, a, At.Add(3*time.Minute)))
	if claim(b, At.Add(3*time.Minute-time.Second)) {
		t.Error("renewing does not hold")
	}
	got, err = s.GetPurge(ctx, p.OrganizationID, p.ID)
	must(t, err)
	same(t, "renewed", got, p)
	if !claim(b, At.Add(3*time.Minute)) {
		t.Error("a lease does not end")
	}
	for what, err := range map[string]error{
		"saves": s.SavePurge(ctx, p, a, At.Add(time.Hour)), "renews": s.RenewPurge(ctx, p.ID, a, At.Add(time.Hour)),
	} {
		if !errors.Is(err, privacy.ErrLeaseLost) {
			t.Errorf("who has lost it %s: %v", what, err)
		}
	}
	must(t, s.SavePurge(ctx, p, b, time.Time{}))
	if !claim(a, At) {
		t.Error("what was let go cannot be claimed")
	}
	p.FailedAttempts = 3
	must(t, s.SavePurge(ctx, p, a, At.Add(time.Hour)))
	got, err = s.GetPurge(ctx, p.OrganizationID, p.ID)
	must(t, err)
	same(t, "failed for now", got, p)
	younger := Purge(id.New())
	must(t, s.InsertPurge(ctx, younger))
	if next, found, err := s.ClaimPurge(ctx, b, At.Add(time.Hour-time.Second), At.Add(2*time.Hour)); err != nil || !found || next.ID != younger.ID {
		t.Errorf("while the oldest waits: %v, %v, %v", next.ID, found, err)
	}
	if next, _, err := s.ClaimPurge(ctx, a, At.Add(time.Hour), At.Add(2*time.Hour)); err != nil || next.ID != p.ID {
		t.Errorf("after its pause: %v, %v", next.ID, err)
	}
	younger.State = privacy.Completed
	must(t, s.SavePurge(ctx, younger, b, time.Time{}))
	p.State, p.Failure, p.Report, p.FinishedAt = privacy.Failed, "why", "{}", At
	must(t, s.SavePurge(ctx, p, a, time.Time{}))
	got, err = s.GetPurge(ctx, p.OrganizationID, p.ID)
	must(t, err)
	same(t, "finished", got, p)
}

func (s suite) tombstones(t *testing.T) {
	ctx, ours, purge := t.Context(), id.New(), id.New()
	var stones []privacy.Tombstone
	var ids []id.ID
	for range 1200 { // more than fit into one statement
		stone := privacy.Tombstone{ID: id.New(), OrganizationID: ours, PurgeID: purge, Kind: privacy.Individual, PurgedAt: At}
		stones, ids = append(stones, stone), append(ids, stone.ID)
	}
	must(t, s.InsertTombstones(ctx, nil))
	must(t, s.InsertTombstones(ctx, stones))
	later := stones[0]
	later.PurgeID, later.PurgedAt = id.New(), At.Add(time.Hour)
	must(t, s.InsertTombstones(ctx, []privacy.Tombstone{later}))
	found, err := s.FindTombstones(ctx, append([]id.ID{id.New()}, ids...))
	must(t, err)
	same(t, "tombstones", found, stones)
	must(t, s.DeleteTombstones(ctx, append([]id.ID{id.New()}, ids[1:]...)))
	found, err = s.FindTombstones(ctx, ids)
	must(t, err)
	same(t, "the one that is left", found, stones[:1])
	if found, err := s.FindTombstones(ctx, nil); err != nil || len(found) > 0 {
		t.Errorf("of none: %v, %v", found, err)
	}
}

// Hold returns one that nobody has stored.
func Hold(organization id.ID) privacy.Hold {
	return privacy.Hold{
		ID: id.New(), OrganizationID: organization, Kind: privacy.Group, EntityID: id.New(), Reason: "a court asks; ünïcode",
		CreatedBy: id.New(), CreatedAt: At, Until: At.Add(time.Hour),
	}
}

func (s suite) holds(t *testing.T) {
	ctx, ours, theirs := t.Context(), id.New(), id.New()
	h, endless := Hold(ours), Hold(ours)
	endless.Until, endless.CreatedBy = time.Time{}, id.Nil
	must(t, s.InsertHold(ctx, h))
	must(t, s.InsertHold(ctx, endless))
	for _, want := range []privacy.Hold{h, endless} {
		got, err := s.GetHold(ctx, ours, want.ID)
		must(t, err)
		same(t, "hold", got, want)
	}
	_, err := s.GetHold(ctx, theirs, h.ID)
	missing(t, "another organization's", err)
	missing(t, "another organization's, deleted", s.DeleteHold(ctx, theirs, h.ID))
	l, err := s.ListHolds(ctx, ours, everything)
	must(t, err)
	same(t, "list", l, page.List[privacy.Hold]{Items: []privacy.Hold{endless, h}, Total: 2})
	l, err = s.ListHolds(ctx, ours, page.Offset{Limit: 1, Offset: 1})
	must(t, err)
	same(t, "second page", l, page.List[privacy.Hold]{Items: []privacy.Hold{h}, Total: 2})
	must(t, s.DeleteHold(ctx, ours, h.ID))
	missing(t, "deleted twice", s.DeleteHold(ctx, ours, h.ID))
	_, err = s.GetHold(ctx, ours, h.ID)
	missing(t, "deleted", err)
}

func (s suite) activeHolds(t *testing.T) {
	ctx, ours := t.Context(), id.New()
	ending, endless, theirs := Hold(ours), Hold(ours), Hold(id.New())
	endless.Until = time.Time{}
	for _, h := range []privacy.Hold{ending, endless, theirs} {
		must(t, s.InsertHold(ctx, h))
	}
	for at, want := range map[time.Time][]privacy.Hold{
		At: {ending, endless}, ending.Until.Add(-time.Second): {ending, endless}, ending.Until: {endless}, At.AddDate(100, 0, 0): {endless},
	} {
		got, err := s.ActiveHolds(ctx, ours, at)
		must(t, err)
		same(t, at.String(), got, want)
	}
}

func (s suite) transactions(t *testing.T) {
	ours, failed := id.New(), errors.New("failed")
	p, h := Purge(ours), Hold(ours)
	stone := privacy.Tombstone{ID: id.New(), OrganizationID: ours, PurgeID: p.ID, Kind: privacy.User, PurgedAt: At}
	err := s.tx.Do(t.Context(), func(ctx context.Context) error {
		for _, err := range []error{s.InsertPurge(ctx, p), s.InsertHold(ctx, h), s.InsertTombstones(ctx, []privacy.Tombstone{stone})} {
			must(t, err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	_, err = s.GetPurge(t.Context(), ours, p.ID)
	missing(t, "a purge that was rolled back", err)
	_, err = s.GetHold(t.Context(), ours, h.ID)
	missing(t, "a hold that was rolled back", err)
	if found, err := s.FindTombstones(t.Context(), []id.ID{stone.ID}); err != nil || len(found) > 0 {
		t.Errorf("a tombstone that was rolled back: %v, %v", found, err)
	}
}
