package audit_test

import (
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/audit/audittest"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

var onePage = page.Offset{Limit: 100}

func TestService_refuses(t *testing.T) {
	t.Parallel()
	w := audittest.New(dbtest.SQLite(t))
	w.Write(t, audittest.Administrator(w.Org), "test.thing.done", 1)
	w.Chain(t)
	row, err := w.Store.List(t.Context(), audit.Filter{OrganizationID: w.Org}, onePage)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*actor.Actor)
		kind   errs.Kind
	}{
		"nobody":                 {func(a *actor.Actor) { *a = actor.Actor{} }, errs.Unauthenticated},
		"a machine":              {func(a *actor.Actor) { a.Role = actor.Service }, errs.Denied},
		"a leader":               {func(a *actor.Actor) { a.Role = actor.Leader }, errs.Denied},
		"a member":               {func(a *actor.Actor) { a.Role = actor.Member }, errs.Denied},
		"without the scope":      {func(a *actor.Actor) { a.Scopes = []string{"audit-events:write", "messages:read"} }, errs.Denied},
		"another organization's": {func(a *actor.Actor) { a.OrganizationID = id.New() }, errs.NotFound},
	} {
		who := audittest.Administrator(w.Org)
		tc.change(&who)
		ctx := actor.With(t.Context(), who)
		list, err := w.List(ctx, audit.Filter{OrganizationID: w.Org}, onePage) // the organization is the actor's, whatever is asked
		if tc.kind == errs.NotFound {
			if err != nil || len(list.Items) != 0 || list.Total != 0 {
				t.Errorf("%s: List = %+v, %v", name, list, err)
			}
		} else if errs.KindOf(err) != tc.kind || len(list.Items) != 0 {
			t.Errorf("%s: List = %+v, %v", name, list, err)
		}
		if e, err := w.Get(ctx, row.Items[0].ID); errs.KindOf(err) != tc.kind || !e.ID.IsZero() {
			t.Errorf("%s: Get = %+v, %v", name, e, err)
		}
	}
	ctx := actor.With(t.Context(), audittest.Administrator(w.Org))
	if _, err := w.List(ctx, audit.Filter{}, page.Offset{Limit: 1, Offset: audit.MaxOffset + 1}); errs.KindOf(err) != errs.Malformed {
		t.Errorf("too far back: %v", err)
	}
}

// TestService_looksAreAudited shows that reading the audit is in the audit, and is not answered when it cannot be.
func TestService_looksAreAudited(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := audittest.New(d)
		who := audittest.Administrator(w.Org)
		w.Write(t, who, "test.thing.done", 3)
		w.Chain(t)
		ctx := actor.With(t.Context(), who)
		list, err := w.List(ctx, audit.Filter{Action: "test.", Until: w.Clock()}, page.Offset{Limit: 2})
		if err != nil || len(list.Items) != 2 || list.Total != 3 {
			t.Fatalf("List = %+v, %v", list, err)
		}
		e, err := w.Get(ctx, list.Items[0].ID)
		if err != nil || e.Place != 3 || e.KeyID != who.KeyID || e.IndividualID != who.Individuals[0] || e.Via != actor.ViaKey {
			t.Fatalf("Get = %+v, %v", e, err)
		}
		w.Chain(t)
		looks, err := w.Store.List(t.Context(), audit.Filter{OrganizationID: w.Org, Action: audit.ActionRead}, onePage)
		if err != nil || looks.Total != 2 || looks.Items[0].Subject != e.ID {
			t.Fatalf("looks = %+v, %v", looks, err)
		}
		for _, want := range []string{`"count":2`, `"first":"` + list.Items[0].ID.String(), `"last":"` + list.Items[1].ID.String(), `"action":"test."`, `"until":"2026`} {
			if !strings.Contains(looks.Items[1].Detail, want) {
				t.Errorf("the look lacks %s: %s", want, looks.Items[1].Detail)
			}
		}

		w.Exec(t, "alter table audit rename to audit_elsewhere")
		if list, err := w.List(ctx, audit.Filter{}, onePage); err == nil {
			t.Errorf("a look that cannot be recorded is answered: %+v", list)
		}
	})
}

func TestService_List_filters(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := audittest.New(d)
		ann, ben := audittest.Administrator(w.Org), audittest.Administrator(w.Org)
		ben.UserID = ann.UserID
		w.Write(t, ann, "test.thing.made", 3)
		middle := w.Clock()
		subjects := w.Write(t, ben, "test.thing.done", 2)
		w.Write(t, ben, "test.other.done", 1)
		w.Write(t, ben, "test.other.made", 1)
		w.Write(t, audittest.Administrator(id.New()), "test.thing.made", 5)
		w.Chain(t)
		for name, tc := range map[string]struct {
			f    audit.Filter
			want string // the last word of each action
			all  int
		}{
			"everything":               {audit.Filter{}, "made done done done made made made", 7},
			"an action":                {audit.Filter{Action: "test.thing.done"}, "done done", 2},
			"actions that begin so":    {audit.Filter{Action: "test.thing."}, "done done made made made", 5},
			"no such action":           {audit.Filter{Action: "test.nothing"}, "", 0},
			"a key":                    {audit.Filter{KeyID: ann.KeyID}, "made made made", 3},
			"a key and an action":      {audit.Filter{KeyID: ben.KeyID, Action: "test.thing"}, "done done", 2},
			"a user":                   {audit.Filter{UserID: ann.UserID}, "made done done done made made made", 7},
			"a subject":                {audit.Filter{Subject: subjects[1]}, "done", 1},
			"as whom":                  {audit.Filter{IndividualID: ben.Individuals[0]}, "made done done done", 4},
			"as nobody there is":       {audit.Filter{IndividualID: id.New()}, "", 0},
			"until":                    {audit.Filter{Until: middle}, "made made made", 3},
			"from":                     {audit.Filter{From: middle}, "made done done done", 4},
			"from, of some actions":    {audit.Filter{From: middle, Action: "test.thing"}, "done done", 2},
			"between":                  {audit.Filter{From: middle, Until: middle.Add(time.Millisecond)}, "done", 1},
			"a key, between":           {audit.Filter{From: middle, Until: middle.Add(time.Millisecond), KeyID: ann.KeyID}, "", 0},
			"a subject of an action":   {audit.Filter{Subject: subjects[1], Action: "test.other"}, "", 0},
			"everything that there is": {audit.Filter{Action: "t"}, "made done done done made made made", 7},
		} {
			tc.f.OrganizationID = w.Org
			for size := 1; size <= 8; size++ { // page by page, the pages are the list
				var got []string
				for offset := 0; ; offset += size {
					list, err := w.Store.List(t.Context(), tc.f, page.Offset{Limit: size, Offset: offset})
					if err != nil || list.Total != tc.all {
						t.Fatalf("%s: Total = %d, %v; want %d", name, list.Total, err, tc.all)
					}
					for _, e := range list.Items {
						got = append(got, e.Action[strings.LastIndexByte(e.Action, '.')+1:])
					}
					if len(list.Items) < size {
						break
					}
				}
				if strings.Join(got, " ") != tc.want {
					t.Errorf("%s, in pages of %d: %v; want %s", name, size, got, tc.want)
				}
			}
		}
	})
}
