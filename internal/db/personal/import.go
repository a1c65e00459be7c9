package personal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"switchboard/internal/db"
)

// Line is one line of an export.
type Line struct {
	Table string
	JSON  []byte
}

// Outcome is what an import did, or would do.
type Outcome struct {
	Added    int64 `json:"added"`
	Restored int64 `json:"restored"` // were blanked by an erasure and have their contents again
	Present  int64 `json:"present"`  // were there already, the same
	// Conflicts names rows that are there and differ, as "table key"; with any, nothing was written.
	Conflicts []string `json:"conflicts,omitempty"`
}

func (o *Outcome) add(other Outcome) {
	o.Added += other.Added
	o.Restored += other.Restored
	o.Present += other.Present
	o.Conflicts = append(o.Conflicts, other.Conflicts...)
}

// importPage is how many rows an import compares and writes at a time.
const importPage = 500

// Compare tells what Import would do with lines, without doing it. Lines of one table should stand together.
func (e *Engine) Compare(ctx context.Context, lines []Line) (Outcome, error) {
	return e.inPages(ctx, lines, func(ctx context.Context, t Table, rows []Row) (Outcome, error) {
		plan, err := e.plan(ctx, t, rows)
		return plan.outcome(t), err
	})
}

// Import brings lines of an export into the database, in one transaction: rows that are missing are inserted, rows that an
// erasure has blanked are restored, rows that are the same are left alone. A row that is there and differs is a
// conflict, and then nothing is stored. Lines must stand in the order of their export. Columns in Links stay empty until
// Link is called with the same lines.
//
// Errors: those of the database, such as a row that refers to one that is neither there nor in the lines.
func (e *Engine) Import(ctx context.Context, lines []Line) (Outcome, error) {
	var out Outcome
	err := e.db.Do(ctx, func(ctx context.Context) (err error) {
		if out, err = e.Compare(ctx, lines); err != nil || len(out.Conflicts) > 0 {
			return err
		}
		_, err = e.inPages(ctx, lines, func(ctx context.Context, t Table, rows []Row) (Outcome, error) {
			plan, err := e.plan(ctx, t, rows)
			if err != nil {
				return Outcome{}, err
			}
			return plan.outcome(t), e.carryOut(ctx, t, plan)
		})
		return err
	})
	return out, err
}

// Link fills the columns that name rows of the same table, once all rows are there. One transaction.
func (e *Engine) Link(ctx context.Context, lines []Line) error {
	return e.db.Do(ctx, func(ctx context.Context) error {
		_, err := e.inPages(ctx, lines, func(ctx context.Context, t Table, rows []Row) (Outcome, error) {
			for _, r := range rows {
				if err := e.link(ctx, t, r); err != nil {
					return Outcome{}, err
				}
			}
			return Outcome{}, nil
		})
		return err
	})
}

func (e *Engine) link(ctx context.Context, t Table, r Row) error {
	for c := range strings.FieldsSeq(t.Links) {
		if r.Null(c) {
			continue
		}
		var args db.Args
		statement := "update " + t.Name + " set " + c + " = " + args.Add(r[c]) + " where " + c + " is null and " + e.among(t, [][]any{keyOf(t, r)}, &args)
		if err := e.db.Q(ctx).Defer(ctx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}

// inPages reads lines and hands on those of one table, a page at a time.
func (e *Engine) inPages(ctx context.Context, lines []Line, fn func(context.Context, Table, []Row) (Outcome, error)) (Outcome, error) {
	types, err := e.schema(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	for len(lines) > 0 {
		t, known := e.table(lines[0].Table)
		if !known || t.Withheld != "" {
			return out, fmt.Errorf("the export has a table %q, which no import takes", lines[0].Table)
		}
		n := slices.IndexFunc(lines, func(l Line) bool { return l.Table != t.Name })
		if n < 0 {
			n = len(lines)
		}
		n = min(n, importPage)
		rows := make([]Row, n)
		for i, l := range lines[:n] {
			if rows[i], err = t.parse(l.JSON, types[t.Name]); err != nil {
				return out, fmt.Errorf("a row of %s cannot be read: %w", t.Name, err)
			}
		}
		one, err := fn(ctx, t, rows)
		if err != nil {
			return out, fmt.Errorf("importing %s: %w", t.Name, err)
		}
		out.add(one)
		lines = lines[n:]
	}
	return out, nil
}

// plan is what is to be done with the rows of a page.
type plan struct {
	insert, restore, differ []Row
	present                 int64
}

func (p plan) outcome(t Table) Outcome {
	out := Outcome{Added: int64(len(p.insert)), Restored: int64(len(p.restore)), Present: p.present}
	for _, r := range p.differ {
		out.Conflicts = append(out.Conflicts, t.Name+" "+spell(keyOf(t, r)))
	}
	return out
}

func spell(key []any) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = fmt.Sprint(k)
	}
	return strings.Join(parts, " ")
}

// plan compares rows with what is in the database.
func (e *Engine) plan(ctx context.Context, t Table, rows []Row) (plan, error) {
	live, err := e.present(ctx, t, rows)
	if err != nil {
		return plan{}, err
	}
	var p plan
	for _, r := range rows {
		there, ok := live[spell(keyOf(t, r))]
		switch {
		case !ok:
			p.insert = append(p.insert, r)
		case same(r, there, unlinked(t, there)):
			p.present++
		case t.blanked(r, there):
			p.restore = append(p.restore, r)
		default:
			p.differ = append(p.differ, r)
		}
	}
	return p, nil
}

// unlinked lists the links that a row does not have yet.
func unlinked(t Table, r Row) string {
	var out []string
	for c := range strings.FieldsSeq(t.Links) {
		if r.Null(c) {
			out = append(out, c)
		}
	}
	return strings.Join(out, " ")
}

// blanked tells whether the row that is there is what an erasure has left of the other.
func (t Table) blanked(r, there Row) bool {
	for _, rule := range t.Rules {
		if len(rule.Blanks) == 0 {
			continue
		}
		left := make(Row, len(r))
		maps.Copy(left, r)
		maps.Copy(left, rule.Blanks)
		if same(left, there, rule.Touched+" "+unlinked(t, there)) {
			return true
		}
	}
	return false
}

// present returns those of the rows that are in the database, by their keys.
func (e *Engine) present(ctx context.Context, t Table, rows []Row) (map[string]Row, error) {
	types, err := e.schema(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([][]any, len(rows))
	for i, r := range rows {
		keys[i] = keyOf(t, r)
	}
	var args db.Args
	names := order(t)
	query := "select " + list(names) + " from " + t.Name + " where " + e.among(t, keys, &args)
	out := make(map[string]Row, len(rows))
	scan := e.opened(t, names, types[t.Name])
	err = e.db.Q(ctx).Query(ctx, func(row db.Row) error {
		r, err := scan(row)
		out[spell(keyOf(t, r))] = r
		return err
	}, query, args...)
	return out, err
}

// carryOut writes what a plan says.
func (e *Engine) carryOut(ctx context.Context, t Table, p plan) error {
	inserts, err := e.sealing(t, p.insert)
	if err != nil {
		return err
	}
	restores, err := e.sealing(t, p.restore)
	if err != nil {
		return err
	}
	names := t.given(inserts)
	values := make([][]any, len(inserts))
	for i, r := range inserts {
		for _, c := range names {
			v := r[c]
			if has(t.Links, c) {
				v = nil
			}
			values[i] = append(values[i], v)
		}
	}
	if err := db.InsertMany(ctx, e.db, t.Name+" ("+list(names)+")", values, ""); err != nil {
		return err
	}
	for _, r := range restores {
		if err := e.restore(ctx, t, r); err != nil {
			return err
		}
	}
	if t.Restored == nil {
		return nil
	}
	for _, r := range p.insert {
		if err := t.Restored(ctx, e.db, r); err != nil {
			return err
		}
	}
	return nil
}

// given lists the columns that rows of one export have; what it was made without takes its default.
func (t Table) given(rows []Row) []string {
	return slices.DeleteFunc(order(t), func(c string) bool {
		return slices.ContainsFunc(rows, func(r Row) bool {
			_, ok := r[c]
			return !ok
		})
	})
}

func (e *Engine) restore(ctx context.Context, t Table, r Row) error {
	var (
		args db.Args
		sets []string
	)
	for _, c := range order(t) {
		if v, ok := r[c]; ok && !has(t.Key, c) && !has(t.Links, c) {
			sets = append(sets, c+" = "+args.Add(v))
		}
	}
	statement := "update " + t.Name + " set " + strings.Join(sets, ", ") + " where " + e.among(t, [][]any{keyOf(t, r)}, &args)
	return e.db.Q(ctx).Defer(ctx, statement, args...)
}
