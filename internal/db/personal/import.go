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
	insert, differ []Row
	restore        []restoring
	present        int64
}

// restoring is a row that an erasure has blanked, and by which rule.
type restoring struct {
	Row
	rule Rule
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
		case same(r, there, excused(t, there)):
			p.present++
		default:
			if rule, ok := t.blanked(r, there); ok {
				p.restore = append(p.restore, restoring{r, rule})
			} else {
				p.differ = append(p.differ, r)
			}
		}
	}
	return p, nil
}

// excused lists the columns in which a row that is there may differ: links that it does not have yet, and what an import
// does not take as it is.
func excused(t Table, r Row) string {
	out := slices.Collect(maps.Keys(t.Arriving))
	for c := range strings.FieldsSeq(t.Links) {
		if r.Null(c) {
			out = append(out, c)
		}
	}
	return strings.Join(out, " ")
}

// blanked returns the rule by which an erasure has made of a row the one that is there.
func (t Table) blanked(r, there Row) (Rule, bool) {
	for _, rule := range t.Rules {
		if len(rule.Blanks) == 0 {
			continue
		}
		left := maps.Clone(r)
		maps.Copy(left, rule.Blanks)
		if same(left, there, rule.Touched+" "+excused(t, there)) {
			return rule, true
		}
	}
	return Rule{}, false
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
	names := t.given(inserts)
	values := make([][]any, len(inserts))
	for i, r := range inserts {
		for _, c := range names {
			v := r[c]
			if fixed, ok := t.Arriving[c]; ok {
				v = fixed
			} else if has(t.Links, c) {
				v = nil
			}
			values[i] = append(values[i], v)
		}
	}
	if err := db.InsertMany(ctx, e.db, t.Name+" ("+list(names)+")", values, ""); err != nil {
		return err
	}
	for _, r := range p.restore {
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

// restore gives a row back what the erasure took, and nothing else.
func (e *Engine) restore(ctx context.Context, t Table, r restoring) error {
	var (
		args db.Args
		sets []string
	)
	sealed, err := e.sealing(t, []Row{r.Row})
	if err != nil {
		return err
	}
	row := sealed[0]
	for _, c := range order(t) {
		_, blanked := r.rule.Blanks[c]
		if v, ok := row[c]; ok && (blanked || has(r.rule.Touched, c)) && !has(t.Links, c) {
			sets = append(sets, c+" = "+args.Add(v))
		}
	}
	if len(sets) == 0 {
		return nil
	}
	statement := "update " + t.Name + " set " + strings.Join(sets, ", ") + " where " + e.among(t, [][]any{keyOf(t, r.Row)}, &args)
	return e.db.Q(ctx).Defer(ctx, statement, args...)
}
