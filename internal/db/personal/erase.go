package personal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"switchboard/internal/db"
	"switchboard/internal/errs"
)

// Tally is what was done with the rows of one table.
type Tally struct {
	Deleted int64 `json:"deleted"`
	Blanked int64 `json:"blanked"`
}

// Progress is how far an erasure has come. It is stored with every batch, so that another process goes on from there. The
// zero Progress is the beginning.
type Progress struct {
	// Pass counts how often the tables were gone through: what was written behind the first is found by the next, and the
	// erasure ends with one that finds nothing.
	Pass  int    `json:"pass"`
	Table string `json:"table"` // the one at work on
	Rule  int    `json:"rule"`
	// After is the key of the last row that was looked at.
	After []json.RawMessage `json:"after,omitempty"`
	// Found tells whether this pass has erased anything.
	Found  bool             `json:"found"`
	Counts map[string]Tally `json:"counts"`
	Done   bool             `json:"done"`
}

// Erase does one batch of at most limit rows of what the rules say about a subject, and stores how far it has come by
// save, in one transaction. It returns the Progress to call it with again until that is Done.
//
// Rows are looked for outside of the transaction, which is therefore short however large the table is. When it fails,
// nothing of the batch is stored.
func (e *Engine) Erase(ctx context.Context, s Subject, p Progress, limit int, save func(context.Context, Progress) error) (Progress, error) {
	types, err := e.schema(ctx)
	if err != nil {
		return p, err
	}
	t, r, found := e.at(s.Kind, &p)
	if !found {
		return e.turn(ctx, p, save)
	}
	after, err := t.cursor(p.After, types[t.Name])
	if err != nil {
		return p, err
	}
	keys, err := e.find(ctx, t, r, s, types[t.Name], after, limit)
	if err != nil {
		return p, err
	}
	var next Progress
	err = e.db.Do(ctx, func(ctx context.Context) error {
		n, err := e.apply(ctx, t, r, s, keys)
		if err != nil {
			return err
		}
		if next, err = p.on(t, r, keys, limit, n); err != nil {
			return err
		}
		return save(ctx, next)
	})
	if errs.Is(err, errs.CodeNotFound) && p.Found { // something was written meanwhile that refers to what is to go
		return e.turn(ctx, p, save)
	}
	if err != nil {
		return p, fmt.Errorf("erasing from %s: %w", t.Name, err)
	}
	return next, nil
}

// turn ends a pass.
func (e *Engine) turn(ctx context.Context, p Progress, save func(context.Context, Progress) error) (Progress, error) {
	p.turn()
	return p, e.db.Do(ctx, func(ctx context.Context) error { return save(ctx, p) })
}

// EraseAll is Erase until it is done, for subjects known to be small and for tests.
func (e *Engine) EraseAll(ctx context.Context, s Subject, limit int) (map[string]Tally, error) {
	var (
		p   Progress
		err error
	)
	for !p.Done {
		p, err = e.Erase(ctx, s, p, limit, func(context.Context, Progress) error { return nil })
		if err != nil {
			return nil, err
		}
	}
	return p.Counts, nil
}

// at returns the table and rule to go on with. A table that this binary does not know, as after an update in the middle,
// begins the pass anew.
func (e *Engine) at(k Kind, p *Progress) (Table, Rule, bool) {
	start := len(e.tables) - 1
	if p.Table != "" {
		i := slices.IndexFunc(e.tables, func(t Table) bool { return t.Name == p.Table })
		if i < 0 {
			p.Rule, p.After = 0, nil
		} else {
			start = i
		}
	}
	for i := start; i >= 0; i-- { // who refers to others comes last in the list and goes first
		t := e.tables[i]
		rules := t.erasing(k)
		if t.Name != p.Table {
			p.Rule, p.After = 0, nil
		}
		if p.Rule < len(rules) {
			p.Table = t.Name
			return t, rules[p.Rule], true
		}
	}
	return Table{}, Rule{}, false
}

// erasing returns the rules that change rows. Those to be deleted lose their links first: a row must not go before
// another that refers to it.
func (t Table) erasing(k Kind) []Rule {
	var out []Rule
	for _, r := range t.rules(k) {
		if r.Because != "" {
			continue
		}
		if len(r.Blanks) == 0 && t.Links != "" {
			unlink := Blank(k, r.Where, map[string]any{})
			for c := range strings.FieldsSeq(t.Links) {
				unlink.Blanks[c] = nil
			}
			out = append(out, unlink)
		}
		out = append(out, r)
	}
	return out
}

// turn begins another pass, or ends when the last one found nothing.
func (p *Progress) turn() {
	p.Done = !p.Found
	p.Pass++
	p.Table, p.Rule, p.After, p.Found = "", 0, nil, false
}

// on returns the progress behind a batch.
func (p Progress) on(t Table, r Rule, keys [][]any, limit int, changed int64) (Progress, error) {
	counts := make(map[string]Tally, len(p.Counts)+1)
	maps.Copy(counts, p.Counts)
	if changed > 0 {
		c := counts[t.Name]
		if len(r.Blanks) > 0 {
			c.Blanked += changed
		} else {
			c.Deleted += changed
		}
		counts[t.Name] = c
		p.Found = true
	}
	p.Counts = counts
	if len(keys) < limit {
		p.Rule, p.After = p.Rule+1, nil
		return p, nil
	}
	p.After = nil
	for _, v := range keys[len(keys)-1] {
		raw, err := json.Marshal(t.member("", v))
		if err != nil {
			return p, err
		}
		p.After = append(p.After, raw)
	}
	return p, nil
}

// cursor reads a stored key.
func (t Table) cursor(stored []json.RawMessage, types columns) ([]any, error) {
	if len(stored) == 0 {
		return nil, nil
	}
	var out []any
	for i, c := range strings.Fields(t.Key) {
		if i >= len(stored) {
			return nil, fmt.Errorf("the progress of erasing %s names another key", t.Name)
		}
		v, err := t.read("", stored[i], types[c])
		if err != nil {
			return nil, fmt.Errorf("the progress of erasing %s.%s: %w", t.Name, c, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// find returns the keys of the next rows that a rule speaks of.
func (e *Engine) find(ctx context.Context, t Table, r Rule, s Subject, types columns, after []any, limit int) ([][]any, error) {
	var args db.Args
	key := strings.Fields(t.Key)
	query := "select " + strings.Join(key, ", ") + " from " + t.Name + " where " + about(s, r, &args) +
		unblanked(r, &args) + e.beyond(t, types, &args, after) + e.ordered(t, types) + " limit " + args.Add(limit)
	scan := scanner(key, types)
	return db.All(ctx, e.db.Q(ctx), func(row db.Row) ([]any, error) {
		v, err := scan(row)
		return keyOf(t, v), err
	}, query, args...)
}

// perStatement bounds the keys of one statement.
const perStatement = 500

// apply deletes or blanks rows, if the rule still speaks of them, and returns how many.
func (e *Engine) apply(ctx context.Context, t Table, r Rule, s Subject, keys [][]any) (int64, error) {
	var total int64
	err := db.Chunks(keys, perStatement, func(keys [][]any) error {
		var args db.Args
		statement := "delete from " + t.Name
		if len(r.Blanks) > 0 {
			statement = "update " + t.Name + " set " + assignments(r, &args)
		}
		statement += " where " + e.among(t, keys, &args) + " and " + about(s, r, &args)
		n, err := e.db.Q(ctx).Exec(ctx, statement, args...)
		total += n
		return err
	})
	return total, err
}
