package directory_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// TestService_VisibleIndividuals holds the reading of many to that of one: both show the same people to everybody.
func TestService_VisibleIndividuals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := []id.ID{w.leader.ID, w.ann.ID, w.ben.ID, w.cy.ID, w.theirs.ID, id.New()}
	for name, as := range w.everyone() {
		if actor.From(as).IsZero() {
			continue // the caller asks for a key
		}
		var want []id.ID
		for _, i := range all {
			if _, err := w.GetIndividual(actorWithEverything(as), i); err == nil {
				want = append(want, i)
			}
		}
		got, err := w.VisibleIndividuals(as, all)
		w.must(err)
		if len(got) != len(want) || slices.ContainsFunc(want, func(i id.ID) bool { return got[i].ID != i }) {
			t.Errorf("%s sees %v, want %v", name, slices.Collect(maps.Keys(got)), want)
		}
	}
}

// actorWithEverything gives the actor of a context every scope: VisibleIndividuals asks for none.
func actorWithEverything(ctx context.Context) context.Context {
	a := actor.From(ctx)
	a.Scopes = []string{"*"}
	return actor.With(ctx, a)
}

func TestService_LastActive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := w.now.Add(-time.Minute)
	w.must(w.Seen(t.Context(), map[id.ID]time.Time{w.ann.OwnerID: seen}))
	users := []id.ID{w.ann.OwnerID, w.ben.OwnerID, w.theirUser.ID}
	for name, tc := range map[string]struct {
		person *directory.Individual
		role   actor.Role
		want   int
	}{
		"the administrator": {nil, actor.Administrator, 1},
		"a leader":          {&w.leader, actor.Leader, 1},
		"the user":          {&w.ann, actor.Member, 1},
		"another user":      {&w.ben, actor.Member, 0}, // of others, users show no more than the name
	} {
		got, err := w.LastActive(w.as(tc.role, tc.person), w.org.ID, users)
		w.must(err)
		if len(got) != tc.want || tc.want == 1 && !got[w.ann.OwnerID].Equal(seen) {
			t.Errorf("%s is told %v", name, got)
		}
	}
}
