package personal

import (
	"maps"
	"slices"
	"strings"

	"switchboard/internal/db"
)

// tuple spells columns as one value.
func tuple(columns []string) string {
	if len(columns) == 1 {
		return columns[0]
	}
	return "(" + strings.Join(columns, ",") + ")"
}

// marks spells the placeholders of a key's values.
func marks(args *db.Args, key []any) string {
	if len(key) == 1 {
		return args.Add(key[0])
	}
	return "(" + db.List(args, key) + ")"
}

// walk returns the key in the spelling by which rows are ordered: byte by byte on both databases.
func (e *Engine) walk(t Table, types columns) []string {
	key := strings.Fields(t.Key)
	if e.db.Dialect() != db.Postgres {
		return key
	}
	for i, c := range key {
		if types[c] == typeText {
			key[i] = c + ` collate "C"`
		}
	}
	return key
}

// beyond continues a walk behind a row.
func (e *Engine) beyond(t Table, types columns, args *db.Args, after []any) string {
	if len(after) == 0 {
		return ""
	}
	return " and " + tuple(e.walk(t, types)) + " > " + marks(args, after)
}

func (e *Engine) ordered(t Table, types columns) string {
	return " order by " + strings.Join(e.walk(t, types), ", ")
}

// about is the condition for the rows that a rule speaks of.
func about(s Subject, r Rule, args *db.Args) string { return "(" + s.condition(r.Where, args) + ")" }

// aboutAny is the condition for the rows of a table that are about any of the subjects; empty when none can be. Several
// rules are a union of keys, so that each finds its rows by its own index, and a row that two find is one.
func aboutAny(t Table, subjects []Subject, args *db.Args) string {
	type part struct {
		Subject
		Rule
	}
	var parts []part
	for _, s := range subjects {
		for _, r := range t.rules(s.Kind) {
			if !r.Shared {
				parts = append(parts, part{s, r})
			}
		}
	}
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return about(parts[0].Subject, parts[0].Rule, args)
	}
	key := strings.Fields(t.Key)
	selects := make([]string, len(parts))
	for i, p := range parts {
		selects[i] = "select " + list(key) + " from " + t.Name + " where " + about(p.Subject, p.Rule, args)
	}
	return tuple(key) + " in (" + strings.Join(selects, " union ") + ")"
}

// list spells columns one after the other.
func list(columns []string) string { return strings.Join(columns, ", ") }

// unblanked narrows a rule that blanks to the rows in which something is left to blank.
func unblanked(r Rule, args *db.Args) string {
	if len(r.Blanks) == 0 {
		return ""
	}
	conds := make([]string, 0, len(r.Blanks))
	for _, c := range slices.Sorted(maps.Keys(r.Blanks)) {
		if r.Blanks[c] == nil {
			conds = append(conds, c+" is not null")
		} else {
			conds = append(conds, c+" is distinct from "+args.Add(r.Blanks[c]))
		}
	}
	return " and (" + strings.Join(conds, " or ") + ")"
}

// assignments spells what a rule that blanks sets.
func assignments(r Rule, args *db.Args) string {
	out := make([]string, 0, len(r.Blanks))
	for _, c := range slices.Sorted(maps.Keys(r.Blanks)) {
		if r.Blanks[c] == nil {
			out = append(out, c+" = null")
		} else {
			out = append(out, c+" = "+args.Add(r.Blanks[c]))
		}
	}
	return strings.Join(out, ", ")
}

// among is the condition for rows with one of some keys.
func (e *Engine) among(t Table, keys [][]any, args *db.Args) string {
	columns := strings.Fields(t.Key)
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = marks(args, k)
	}
	values := strings.Join(list, ",")
	if len(columns) > 1 && e.db.Dialect() == db.SQLite { // PostgreSQL would take the placeholders of VALUES for text
		values = "values " + values
	}
	return tuple(columns) + " in (" + values + ")"
}

// keyOf returns the values of a row's key.
func keyOf(t Table, r Row) []any {
	var out []any
	for c := range strings.FieldsSeq(t.Key) {
		out = append(out, r[c])
	}
	return out
}
