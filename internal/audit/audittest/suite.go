package audittest

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Run holds the store of worlds to its contract. Each test gets a world of its own from make.
func Run(t *testing.T, make func(t *testing.T) *World) {
	for name, test := range map[string]func(*testing.T, *World){
		"places":      places,
		"turns":       turns,
		"blocks":      blocks,
		"totals":      totals,
		"spans":       spans,
		"rolled back": rolledBack,
		"audited":     audited,
		"late":        late,
		"forgotten":   forgotten,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, make(t))
		})
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// places gives rows their places in the order of writing, each once, no more than asked for.
func places(t *testing.T, w *World) {
	ctx := t.Context()
	_, waiting, err := w.Store.Waiting(ctx, 5)
	must(t, err)
	same(t, "an empty audit waits", len(waiting), 0)
	subjects := w.Write(t, Administrator(w.Org), "test.thing.done", 7)
	head, waiting, err := w.Store.Waiting(ctx, 5)
	must(t, err)
	same(t, "the head before", head, audit.Head{})
	same(t, "rows wait", subjectsOf(waiting), subjects[:5])
	n, oldest, err := w.Store.Unplaced(ctx)
	must(t, err)
	same(t, "how many", n, 7)
	same(t, "since when", oldest, Noon)
	must(t, w.DB.Do(ctx, func(ctx context.Context) error {
		mine, err := w.Store.Place(ctx, head, waiting)
		must(t, err)
		same(t, "it is the first", mine, true)
		return w.Store.Append(ctx, audit.Block{Number: 1, First: 1, Size: 5, At: Noon}, waiting)
	}))
	head, err = w.Store.Head(ctx)
	must(t, err)
	same(t, "the head", [2]int64{head.Block, head.Place}, [2]int64{1, 5})
	first, err := w.Store.Placed(ctx, id.Nil, audit.Span{First: 1, Last: 5})
	must(t, err)
	same(t, "the rows", subjectsOf(first), subjects[:5])
	for i, e := range first {
		same(t, "the place", e.Place, int64(i+1))
	}
	w.Chain(t)
	beyond, err := w.Store.Beyond(ctx, audit.Span{First: 1, Last: 6})
	must(t, err)
	same(t, "beyond the sixth", beyond, 1)
	placed, err := w.Store.Placed(ctx, id.Nil, audit.Span{First: 6, Last: 9})
	must(t, err)
	same(t, "the rest", len(placed), 2)
	placed, err = w.Store.Placed(ctx, id.New(), audit.Span{First: 1, Last: 9})
	must(t, err)
	same(t, "of nobody's", len(placed), 0)
	e, err := w.Store.Get(ctx, w.Org, func() id.ID { p, _ := w.Store.Placed(ctx, w.Org, audit.Span{First: 3, Last: 3}); return p[0].ID }())
	must(t, err)
	same(t, "the third", e.Subject, subjects[2])
	if _, err := w.Store.Get(ctx, id.New(), e.ID); errs.KindOf(err) != errs.NotFound {
		t.Errorf("to another organization: %v", err)
	}
}

func subjectsOf(events []audit.Event) []id.ID {
	out := make([]id.ID, len(events))
	for i, e := range events {
		out[i] = e.Subject
	}
	return out
}

// turns has several nodes chain what several writers write: every row gets one place, and the chain is whole.
func turns(t *testing.T, w *World) {
	const writers, each = 4, 30
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() { w.Write(t, Administrator(w.Org), "test.thing.done", each) })
	}
	for range 3 {
		wg.Go(func() {
			for range 20 {
				if _, err := w.Chainer.Chain(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.Chain(t)
	report, err := w.Verify(t.Context())
	if err != nil || report.Rows != writers*each || report.Waiting != 0 {
		t.Errorf("Verify = %+v, %v", report, err)
	}
}

// blocks come back as they were stored.
func blocks(t *testing.T, w *World) {
	ctx := t.Context()
	for range 3 {
		w.Write(t, Administrator(w.Org), "test.thing.done", 4)
		w.Chain(t)
	}
	list, err := w.Store.Blocks(ctx, 0, 10)
	must(t, err)
	same(t, "how many", len(list), 3)
	for i, b := range list {
		same(t, "its number", b.Number, int64(i+1))
		same(t, "its rows", [2]int64{b.First, b.Last()}, [2]int64{int64(4*i + 1), int64(4*i + 4)})
		same(t, "its leaves", len(b.Leaves), 4)
		same(t, "its key", b.KeyID, w.Signer.ID)
		if i > 0 {
			same(t, "the one before", b.Previous, list[i-1].Hash)
		}
	}
	later, err := w.Store.Blocks(ctx, 1, 1)
	must(t, err)
	same(t, "one after the first", later, list[1:2])
	for place, want := range map[int64]int64{1: 1, 4: 1, 5: 2, 12: 3} {
		got, err := w.Store.BlockOf(ctx, place)
		must(t, err)
		same(t, "the block of a place", got, want)
	}
}

// totals are counted for each action of each organization.
func totals(t *testing.T, w *World) {
	other := Administrator(id.New())
	for range 2 {
		w.Write(t, Administrator(w.Org), "test.thing.done", 3)
		w.Write(t, Administrator(w.Org), "test.thing.made", 2)
		w.Write(t, other, "test.thing.done", 1)
		w.Chain(t)
	}
	for action, want := range map[string]int{"": 10, "test.": 10, "test.thing.d": 6, "test.thing.made": 4, "x": 0} {
		list, err := w.Store.List(t.Context(), audit.Filter{OrganizationID: w.Org, Action: action}, page.Offset{Limit: 1})
		must(t, err)
		same(t, "the total of "+action, list.Total, want)
		same(t, "the page of "+action, len(list.Items), min(want, 1))
	}
}

// spans are the places between which the rows of some time are.
func spans(t *testing.T, w *World) {
	other := Administrator(id.New())
	w.Write(t, other, "test.thing.done", 2)
	start := w.Clock()
	w.Write(t, Administrator(w.Org), "test.thing.done", 3)
	end := w.Clock()
	w.Write(t, other, "test.thing.done", 2)
	w.Chain(t)
	for name, tc := range map[string]struct {
		f    audit.Filter
		want audit.Span
	}{
		"everything":           {audit.Filter{}, audit.Span{First: 1, Last: 7}},
		"an organization":      {audit.Filter{OrganizationID: w.Org}, audit.Span{First: 3, Last: 5}},
		"another organization": {audit.Filter{OrganizationID: other.OrganizationID}, audit.Span{First: 1, Last: 7}},
		"some time":            {audit.Filter{From: start, Until: end}, audit.Span{First: 3, Last: 5}},
		"no time":              {audit.Filter{From: end, Until: start}, audit.Span{First: 1, Last: 0}},
	} {
		got, err := w.Store.Span(t.Context(), tc.f)
		must(t, err)
		same(t, name, got, tc.want)
	}
}

// rolledBack leaves everything as it was when the transaction of a block fails.
func rolledBack(t *testing.T, w *World) {
	ctx := t.Context()
	w.Write(t, Administrator(w.Org), "test.thing.done", 3)
	err := w.DB.Do(ctx, func(ctx context.Context) error {
		head, events, err := w.Store.Waiting(ctx, 10)
		must(t, err)
		_, err = w.Store.Place(ctx, head, events)
		must(t, err)
		must(t, w.Store.Append(ctx, audit.Block{Number: 1, First: 1, Size: 3, At: Noon}, events))
		return errs.CodeUnavailable.Errorf("no")
	})
	if err == nil {
		t.Fatal("the transaction did not fail")
	}
	head, err := w.Store.Head(ctx)
	must(t, err)
	same(t, "the head", head, audit.Head{})
	n, _, err := w.Store.Unplaced(ctx)
	must(t, err)
	same(t, "what waits", n, 3)
	known, err := w.Store.Audited(ctx, w.Org, func() id.ID {
		return w.Write(t, actor.Actor{OrganizationID: w.Org}, "test.thing.done", 1)[0]
	}())
	must(t, err)
	same(t, "a row without a place is known", known, true)
}

// audited knows of a subject what its organization has about it, with and without a place.
func audited(t *testing.T, w *World) {
	placed := w.Write(t, Administrator(w.Org), "test.thing.done", 1)[0]
	w.Chain(t)
	waiting := w.Write(t, Administrator(w.Org), "test.thing.done", 1)[0]
	for what, tc := range map[string]struct {
		organization, subject id.ID
		want                  bool
	}{
		"placed": {w.Org, placed, true}, "waiting": {w.Org, waiting, true}, "nothing": {w.Org, id.New(), false},
		"placed, elsewhere": {id.New(), placed, false}, "waiting, elsewhere": {id.New(), waiting, false},
	} {
		known, err := w.Store.Audited(t.Context(), tc.organization, tc.subject)
		must(t, err)
		same(t, what, known, tc.want)
	}
}

// late has somebody else make the block of the rows that are about to be placed, before a row more was written and after.
func late(t *testing.T, w *World) {
	ctx := t.Context()
	w.Write(t, Administrator(w.Org), "test.thing.done", 3)
	head, events, err := w.Store.Waiting(ctx, 10)
	must(t, err)
	w.Chain(t)
	for range 2 {
		before, err := w.Store.Head(ctx)
		must(t, err)
		must(t, w.DB.Do(ctx, func(ctx context.Context) error {
			mine, err := w.Store.Place(ctx, head, events)
			must(t, err)
			same(t, "it was placed", mine, false)
			return nil
		}))
		after, err := w.Store.Head(ctx)
		must(t, err)
		same(t, "the head", after, before)
		w.Write(t, Administrator(w.Org), "test.thing.done", 1)
	}
	w.Chain(t)
	report, err := w.Verify(ctx)
	if err != nil || report.Rows != 5 {
		t.Errorf("Verify = %+v, %v", report, err)
	}
}

// forgotten has a purge take what rows said between their reading and their placing: the block holds all the same.
func forgotten(t *testing.T, w *World) {
	ctx := t.Context()
	subjects := w.Write(t, Administrator(w.Org), "test.thing.done", 3)
	chainer := audit.NewChainer(purging{w.Store, w.Org, subjects[0], subjects[1:2]}, w.DB, w.Signer, w.Clock, slog.New(slog.DiscardHandler))
	if n, err := chainer.Chain(ctx); n != 3 || err != nil {
		t.Fatalf("Chain = %d, %v", n, err)
	}
	placed, err := w.Store.Placed(ctx, w.Org, audit.Span{First: 1, Last: 3})
	must(t, err)
	for i, e := range placed {
		same(t, "it is forgotten", e.Detail == "{}", i == 1)
	}
	report, err := w.Verify(ctx)
	if err != nil || report.Rows != 3 {
		t.Errorf("Verify = %+v, %v", report, err)
	}
}

// purging forgets subjects once it has told what waits.
type purging struct {
	audit.Store
	organization id.ID
	purge        id.ID // which the audit knows
	subjects     []id.ID
}

// Waiting implements audit.Store.
func (p purging) Waiting(ctx context.Context, limit int) (audit.Head, []audit.Event, error) {
	head, events, err := p.Store.Waiting(ctx, limit)
	if err != nil || len(events) == 0 {
		return head, events, err
	}
	_, err = p.Forget(ctx, p.organization, p.subjects, p.purge)
	return head, events, err
}
