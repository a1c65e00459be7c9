package personal_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/db/personal"
	"switchboard/internal/id"
)

// zoo is a small world: keepers, who may have a chief, and the notes that they and the server write.
const zoo = `create table keepers (
		id uuid primary key, organization_id uuid not null, chief_id uuid references keepers (id), name text not null default '',
		born timestamptz, active boolean not null default true, level bigint);
	create table notes (
		keeper_id uuid not null references keepers (id), title text not null, organization_id uuid not null, text text not null default '',
		tags text not null default '[]', scan bytea, changed_at timestamptz, primary key (keeper_id, title));
	create table visits (id uuid primary key, organization_id uuid not null, keeper_id uuid not null)`

func tables() []personal.Table {
	const nobody = "the zoo has keepers alone"
	return []personal.Table{
		{
			Name: "keepers", Key: "id", Links: "chief_id", Personal: "name born", Plain: "id organization_id chief_id active level",
			Rules: []personal.Rule{
				personal.Blank(personal.Individual, "chief_id = :id", map[string]any{"chief_id": nil}),
				personal.Delete(personal.Individual, "id = :id"),
			}, Others: nobody,
		},
		{
			Name: "visits", Key: "id", Plain: "id organization_id keeper_id", Others: nobody,
			Rules: []personal.Rule{personal.Keep(personal.Individual, "keeper_id = :id", "a visit is the visitor's")},
		},
		{
			Name: "notes", Key: "keeper_id title", Personal: "text scan", Plain: "keeper_id title organization_id tags changed_at", JSON: "tags",
			Rules: []personal.Rule{
				personal.Delete(personal.Individual, "keeper_id = :id and title like 'diary%'"),
				personal.Blank(personal.User, "keeper_id = :id", map[string]any{"text": "", "scan": nil}).AlongWith("changed_at"),
			}, Others: "no group writes",
		},
	}
}

type world struct {
	*testing.T
	db      *db.DB
	engine  *personal.Engine
	ada     personal.Subject
	chief   personal.Subject
	org     personal.Subject
	another id.ID
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	org := id.New()
	w := &world{
		T: t, db: d, engine: personal.New(d, tables()), another: id.New(),
		org:   personal.Subject{Kind: personal.Organization, ID: org, OrganizationID: org},
		ada:   personal.Subject{Kind: personal.Individual, ID: id.New(), OrganizationID: org},
		chief: personal.Subject{Kind: personal.Individual, ID: id.New(), OrganizationID: org},
	}
	for statement := range strings.SplitSeq(zoo, ";") {
		w.exec(statement)
	}
	return w
}

func (w *world) exec(query string, args ...any) {
	w.Helper()
	if _, err := w.db.Q(w.Context()).Exec(w.Context(), query, args...); err != nil {
		w.Fatal(err)
	}
}

// fill makes the chief, Ada below the chief, and so many notes of hers.
func (w *world) fill(notes int) {
	w.Helper()
	born := time.Date(1815, 12, 10, 1, 2, 3, 456000, time.UTC)
	w.exec("insert into keepers (id, organization_id, name, level) values ($1,$2,$3,$4)", w.chief.ID, w.org.ID, "Chief", 3)
	w.exec("insert into keepers (id, organization_id, chief_id, name, born, active) values ($1,$2,$3,$4,$5,$6)",
		w.ada.ID, w.org.ID, w.chief.ID, `Ada "Byron" <ada>`, born, false)
	for i := range notes {
		title := "diary " + strings.Repeat("x", i)
		w.exec("insert into notes (keeper_id, title, organization_id, text, tags, scan, changed_at) values ($1,$2,$3,$4,$5,$6,$7)",
			w.ada.ID, title, w.org.ID, "a plain note\n\u2028", `["a","b<c"]`, []byte{0, 1, 255}, born)
	}
	w.exec("insert into visits (id, organization_id, keeper_id) values ($1,$2,$3)", id.New(), w.org.ID, w.ada.ID)
}

func (w *world) export(s ...personal.Subject) []personal.Line {
	w.Helper()
	var out []personal.Line
	err := w.engine.Export(w.Context(), s, func(table string, line []byte) error {
		out = append(out, personal.Line{Table: table, JSON: line})
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func text(lines []personal.Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Table + " " + string(l.JSON))
	}
	return b.String()
}

func (w *world) count(table string) int64 {
	w.Helper()
	n, err := db.Get(w.Context(), w.db.Q(w.Context()), db.Scalar[int64], "select count(*) from "+table)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(newWorld(t, d)) })
}

func TestEngine_Check(t *testing.T) {
	t.Parallel()
	each := func(change func([]personal.Table), want string) {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				declared := tables()
				change(declared)
				err := personal.New(w.db, declared).Check(w.Context())
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Check = %v, want %q", err, want)
				}
			})
		})
	}
	each(func([]personal.Table) {}, "messages: the table is not declared")
	each(func(l []personal.Table) { l[0].Plain = "id organization_id chief_id active" }, "keepers: column level is neither Personal nor Plain")
	each(func(l []personal.Table) { l[0].Plain += " wage" }, "keepers: column wage is declared and does not exist")
	each(func(l []personal.Table) { l[0].Personal += " level" }, "keepers: column level is declared twice")
	each(func(l []personal.Table) { l[0].Name = "keeper" }, "keeper: declared, and there is no such table")
	each(func(l []personal.Table) { l[0], l[2] = l[2], l[0] }, "notes refers to keepers and must be declared below it")
	each(func(l []personal.Table) { l[1] = l[0] }, "keepers: declared twice")
	each(func(l []personal.Table) { l[1].Others = "" }, "visits: 2 kinds of subjects have no rule")
	each(func(l []personal.Table) { l[1].Key = "" }, "visits: has no key")
	each(func(l []personal.Table) { l[2].JSON = "labels" }, "notes: column labels is used and not declared")
	each(func(l []personal.Table) { l[2].Rules[1].Blanks["x"] = 1 }, "notes: a rule blanks column x")
	each(func(l []personal.Table) { l[2].Rules[1].Because = "y" }, "notes: a rule both changes and keeps")
}

func TestEngine_Export(t *testing.T) {
	each(t, func(w *world) {
		w.fill(2)
		got := text(w.export(w.ada))
		want := `keepers {"id":"` + w.ada.ID.String() + `","active":false,"born":"1815-12-10T01:02:03.000456Z","chief_id":"` + w.chief.ID.String() +
			`","level":null,"name":"Ada \"Byron\" <ada>","organization_id":"` + w.org.ID.String() + `"}`
		if !strings.HasPrefix(got, want) {
			w.Errorf("got\n%s\nwant\n%s", got, want)
		}
		for _, part := range []string{`"tags":["a","b<c"]`, `"scan":"AAH/"`, "visits {", `"title":"diary "`, `"title":"diary x"`} {
			if !strings.Contains(got, part) {
				w.Errorf("%s is missing in %s", part, got)
			}
		}
		if again := text(w.export(w.ada, w.ada)); again != got {
			w.Errorf("what two subjects share is not told once:\n%s", again)
		}
		if other := w.export(personal.Subject{Kind: personal.Individual, ID: id.New(), OrganizationID: w.org.ID}); len(other) != 0 {
			w.Errorf("nobody has %v", other)
		}
		counts, err := w.engine.Count(w.Context(), []personal.Subject{w.ada})
		if err != nil || !maps.Equal(counts, map[string]int64{"keepers": 1, "notes": 2, "visits": 1}) {
			w.Errorf("Count = %v, %v", counts, err)
		}
	})
}

func TestEngine_Export_ofManyRowsIsWhole(t *testing.T) {
	each(t, func(w *world) {
		w.fill(0)
		for i := range 2500 {
			w.exec("insert into notes (keeper_id, title, organization_id) values ($1,$2,$3)", w.ada.ID, "diary "+id.New().Short()[:i%22], w.org.ID)
			if i%22 == 21 {
				w.exec("update notes set title = title || $1", "é")
			}
			if i >= 22*4 {
				break
			}
		}
		if n := int64(len(w.export(w.org))); n != w.count("notes")+3 {
			w.Errorf("%d lines for %d notes", n, w.count("notes"))
		}
	})
}

func TestEngine_Erase(t *testing.T) {
	each(t, func(w *world) {
		w.fill(7)
		counts, err := w.engine.EraseAll(w.Context(), w.ada, 2)
		want := map[string]personal.Tally{"notes": {Deleted: 7}, "keepers": {Deleted: 1, Blanked: 1}}
		if err != nil || !maps.Equal(counts, want) {
			w.Errorf("EraseAll = %v, %v; want %v", counts, err, want)
		}
		if w.count("notes") != 0 || w.count("keepers") != 1 || w.count("visits") != 1 {
			w.Errorf("%d notes, %d keepers, %d visits are left", w.count("notes"), w.count("keepers"), w.count("visits"))
		}
	})
}

func TestEngine_Erase_ofAnOrganization(t *testing.T) {
	each(t, func(w *world) {
		w.fill(5)
		w.exec("insert into visits (id, organization_id, keeper_id) values ($1,$2,$3)", id.New(), w.another, id.New())
		w.exec("update keepers set chief_id = $1 where id = $2", w.ada.ID, w.chief.ID) // each is the other's chief
		if _, err := w.engine.EraseAll(w.Context(), w.org, 2); err != nil {
			w.Fatal(err)
		}
		if w.count("notes") != 0 || w.count("keepers") != 0 || w.count("visits") != 1 {
			w.Errorf("%d notes, %d keepers, %d visits are left", w.count("notes"), w.count("keepers"), w.count("visits"))
		}
	})
}

// TestEngine_Erase_goesOn stops an erasure at every batch and goes on with what was saved.
func TestEngine_Erase_goesOn(t *testing.T) {
	each(t, func(w *world) {
		w.fill(9)
		var saved personal.Progress
		boom := errors.New("the process ends here")
		for try := 0; !saved.Done; try++ {
			if try > 100 {
				w.Fatal("it does not come to an end")
			}
			if try%2 == 0 { // killed before the commit: nothing of the batch may be stored
				before := w.count("notes") + w.count("keepers")
				_, err := w.engine.Erase(w.Context(), w.ada, saved, 2, func(context.Context, personal.Progress) error { return boom })
				if !errors.Is(err, boom) || w.count("notes")+w.count("keepers") != before {
					w.Fatalf("a batch that failed with %v has stored something", err)
				}
				continue
			}
			_, err := w.engine.Erase(w.Context(), w.ada, saved, 2, func(_ context.Context, p personal.Progress) error { saved = p; return nil })
			if err != nil {
				w.Fatal(err)
			}
		}
		if w.count("notes") != 0 || saved.Counts["notes"].Deleted != 9 {
			w.Errorf("%d notes are left, %v were counted", w.count("notes"), saved.Counts)
		}
	})
}

// TestEngine_Erase_findsWhatComesMeanwhile writes behind the cursor while an erasure is under way.
func TestEngine_Erase_findsWhatComesMeanwhile(t *testing.T) {
	each(t, func(w *world) {
		w.fill(4)
		var p personal.Progress
		for n := 0; !p.Done; n++ {
			var err error
			if p, err = w.engine.Erase(w.Context(), w.ada, p, 3, func(context.Context, personal.Progress) error { return nil }); err != nil {
				w.Fatal(err)
			}
			if n == 1 {
				w.exec("insert into notes (keeper_id, title, organization_id) values ($1,$2,$3)", w.chief.ID, "diary", w.org.ID)
				w.exec("update notes set keeper_id = $1", w.ada.ID)
			}
		}
		if w.count("notes") != 0 {
			w.Errorf("%d notes are left", w.count("notes"))
		}
	})
}

func TestEngine_Import_bringsBackWhatWasErased(t *testing.T) {
	each(t, func(w *world) {
		w.fill(3)
		whole := w.export(w.ada)
		blanking := personal.Subject{Kind: personal.User, ID: w.ada.ID, OrganizationID: w.org.ID}
		notes := w.export(blanking)
		if _, err := w.engine.EraseAll(w.Context(), blanking, 2); err != nil {
			w.Fatal(err)
		}
		w.exec("update notes set changed_at = null") // what else goes with blanking
		w.imports(notes, personal.Outcome{Restored: 3})
		w.imports(notes, personal.Outcome{Present: 3})
		if _, err := w.engine.EraseAll(w.Context(), w.ada, 2); err != nil {
			w.Fatal(err)
		}
		w.imports(whole, personal.Outcome{Added: 4, Present: 1})
		if got := text(w.export(w.ada)); got != text(whole) {
			w.Errorf("it came back as\n%s\nand was\n%s", got, text(whole))
		}
	})
}

func (w *world) imports(lines []personal.Line, want personal.Outcome) {
	w.Helper()
	got, err := w.engine.Import(w.Context(), lines)
	if err == nil {
		err = w.engine.Link(w.Context(), lines)
	}
	if err != nil || got.Added != want.Added || got.Restored != want.Restored || got.Present != want.Present || !slices.Equal(got.Conflicts, want.Conflicts) {
		w.Errorf("Import = %+v, %v; want %+v", got, err, want)
	}
}

func TestEngine_Import_refuses(t *testing.T) {
	each(t, func(w *world) {
		w.fill(2)
		lines := w.export(w.ada)
		w.exec("update keepers set name = 'Somebody else' where id = $1", w.ada.ID)
		w.exec("delete from notes")
		w.imports(lines, personal.Outcome{Added: 2, Present: 1, Conflicts: []string{"keepers " + w.ada.ID.String()}})
		if w.count("notes") != 0 {
			w.Error("a part of it was imported")
		}
		for _, bad := range []personal.Line{
			{Table: "lions", JSON: []byte("{}")},
			{Table: "keepers", JSON: []byte("{")},
			{Table: "keepers", JSON: []byte(`{"name":"x"}`)},
			{Table: "keepers", JSON: []byte(`{"id":"` + id.New().String() + `","wage":1}`)},
			{Table: "keepers", JSON: []byte(`{"id":"x"}`)},
			{Table: "keepers", JSON: []byte(`{"id":"` + id.New().String() + `","level":"high"}`)},
			{Table: "notes", JSON: []byte(`{"keeper_id":"` + id.New().String() + `","title":"t","organization_id":"` + w.org.ID.String() + `"}`)},
		} {
			if _, err := w.engine.Import(w.Context(), []personal.Line{bad}); err == nil {
				w.Errorf("%s %s was imported", bad.Table, bad.JSON)
			}
		}
	})
}
