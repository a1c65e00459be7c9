package personal

import (
	"context"
	"fmt"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// exportPage is how many rows an export reads at a time.
const exportPage = 1000

// Export calls row with each row about a subject, as one line of JSON, table by table in the order in which an import can
// insert them. Rows that several subjects share, such as what two individuals of one user have, come once.
//
// It reads while others write: what changes meanwhile is in it or not. An error of row ends it.
func (e *Engine) Export(ctx context.Context, subjects []Subject, row func(table string, line []byte) error) error {
	types, err := e.schema(ctx)
	if err != nil {
		return err
	}
	for _, t := range e.tables {
		if t.Withheld != "" {
			continue
		}
		if err := e.exportTable(ctx, t, types[t.Name], subjects, row); err != nil {
			return fmt.Errorf("exporting %s: %w", t.Name, err)
		}
	}
	return nil
}

func (e *Engine) exportTable(ctx context.Context, t Table, types columns, subjects []Subject, row func(string, []byte) error) error {
	var after []any
	for {
		rows, err := e.page(ctx, t, types, subjects, after, exportPage)
		if err != nil {
			return err
		}
		for _, r := range rows {
			line, err := t.line(r)
			if err != nil {
				return err
			}
			if err := row(t.Name, line); err != nil {
				return err
			}
		}
		if len(rows) < exportPage {
			return nil
		}
		after = keyOf(t, rows[len(rows)-1])
	}
}

// page returns the next rows of a table that are about any of the subjects.
func (e *Engine) page(ctx context.Context, t Table, types columns, subjects []Subject, after []any, limit int) ([]Row, error) {
	var args db.Args
	condition := aboutAny(t, subjects, &args)
	if condition == "" {
		return nil, nil
	}
	names := order(t)
	query := "select " + list(names) + " from " + t.Name + " where " + condition + e.beyond(t, types, &args, after) +
		e.ordered(t, types) + " limit " + args.Add(limit)
	return db.All(ctx, e.db.Q(ctx), e.opened(t, names, types), query, args...)
}

// Count returns how many rows of each table are about any of the subjects; tables without one are left out.
func (e *Engine) Count(ctx context.Context, subjects []Subject) (map[string]int64, error) {
	out := map[string]int64{}
	for _, t := range e.tables {
		var args db.Args
		condition := aboutAny(t, subjects, &args)
		if condition == "" || t.Withheld != "" {
			continue
		}
		n, err := db.Get(ctx, e.db.Q(ctx), db.Scalar[int64], "select count(*) from "+t.Name+" where "+condition, args...)
		if err != nil {
			return nil, fmt.Errorf("counting %s: %w", t.Name, err)
		}
		if n > 0 {
			out[t.Name] = n
		}
	}
	return out, nil
}

// Identities calls fn with the identifiers of the records that an erasure of a subject would change or remove, some at a time:
// whatever else is kept about such a record is about the subject too.
func (e *Engine) Identities(ctx context.Context, s Subject, limit int, fn func([]id.ID) error) error {
	types, err := e.schema(ctx)
	if err != nil {
		return err
	}
	for _, t := range e.tables {
		if t.Key != "id" || types[t.Name]["id"] != typeID {
			continue
		}
		for _, r := range t.erasing(s.Kind) {
			if err := e.identities(ctx, t, r, s, types[t.Name], limit, fn); err != nil {
				return fmt.Errorf("looking through %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

func (e *Engine) identities(ctx context.Context, t Table, r Rule, s Subject, types columns, limit int, fn func([]id.ID) error) error {
	var after []any
	for {
		var args db.Args
		query := "select id from " + t.Name + " where " + about(s, r, &args) + e.beyond(t, types, &args, after) + e.ordered(t, types) +
			" limit " + args.Add(limit)
		found, err := db.All(ctx, e.db.Q(ctx), db.Scalar[id.ID], query, args...)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := fn(found); err != nil || len(found) < limit {
			return err
		}
		after = []any{found[len(found)-1]}
	}
}
