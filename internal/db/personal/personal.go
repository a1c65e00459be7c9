// Package personal declares what of a database is about whom, and does from these declarations what people may ask for:
// count it, hand it out, erase it and bring it back.
//
// Every package that owns tables declares each of them, with every column, in one place. What is declared is all there
// is: no table has code of its own for exporting or erasing, and a table or column that nobody declared is found by
// Engine.Check, which a test runs on the schemas of both databases.
//
// The package knows no table and no rule about who may do what; that is package privacy's.
package personal

import (
	"context"
	"fmt"
	"strings"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// Kind is what a subject is.
type Kind string

// The kinds of subjects.
const (
	Individual   Kind = "individual"
	Group        Kind = "individual-group"
	Organization Kind = "organization"
	User         Kind = "user" // the account; its individuals are subjects of their own
)

// Kinds lists the kinds.
func Kinds() []Kind { return []Kind{Individual, Group, Organization, User} }

// Subject is whose data is meant. An organization is its own OrganizationID.
type Subject struct {
	Kind           Kind
	ID             id.ID
	OrganizationID id.ID
}

// Table declares one table. Lists of columns are separated by spaces.
type Table struct {
	Name string
	// Only names the database that has the table, or has it so; empty for both.
	Only db.Dialect
	// Key are the columns of the primary key; rows are walked in its order.
	Key string
	// Personal are the columns that tell something about a person, and Plain the rest. Together they are every column.
	Personal, Plain string
	// JSON are those of both that hold JSON, which an export shows as such.
	JSON string
	// Links are columns that name rows of the same table: an erasure empties them first, an import fills them last.
	Links string
	// Rules say which rows are about a subject and what happens to them. A table with an organization_id needs none for
	// organizations: its rows go with theirs.
	Rules []Rule
	// Others says why the kinds of subjects that no rule speaks of have nothing here of their own.
	Others string
	// Withheld says why the rows are no part of an export; empty when they are.
	Withheld string
	// Arriving are the values that columns have in a row that an import inserts, whatever the export says: what waited to be
	// done when it was exported is not done again.
	Arriving map[string]any
	// Restored does what follows from a row that an import has brought back, such as counting it.
	Restored func(ctx context.Context, d *db.DB, row Row) error
}

// Rule says which rows of a table are about a subject, and what an erasure does with them.
type Rule struct {
	Kind Kind
	// Where is a condition in which :id stands for the subject and :organization for its organization. It may ask other
	// tables, but of those declared below its own only what an erasure leaves there, because these are erased first.
	Where string
	// Blanks are the values that columns get; nil deletes the row. Columns in Touched change with them by other hands, so
	// that an import that brings a blanked row back does not take them for somebody's later change.
	Blanks  map[string]any
	Touched string
	// Because says why the rows stay as they are; they are exported nevertheless.
	Because string
	// Shared rows are the subject's in part only, and go on changing without it: they are in no export.
	Shared bool
}

// Delete has the rows deleted.
func Delete(kind Kind, where string) Rule { return Rule{Kind: kind, Where: where} }

// Blank has columns of the rows set to values without meaning.
func Blank(kind Kind, where string, values map[string]any) Rule {
	return Rule{Kind: kind, Where: where, Blanks: values}
}

// Keep has the rows exported and left as they are.
func Keep(kind Kind, where, because string) Rule {
	return Rule{Kind: kind, Where: where, Because: because}
}

// AlongWith adds columns to Touched.
func (r Rule) AlongWith(touched string) Rule {
	r.Touched = touched
	return r
}

// Unexported leaves the rows out of exports.
func (r Rule) Unexported() Rule {
	r.Shared = true
	return r
}

// Columns are all that the table has.
func (t Table) Columns() []string {
	return append(strings.Fields(t.Personal), strings.Fields(t.Plain)...)
}

// has tells whether a space-separated list has a column.
func has(list, column string) bool {
	return strings.Contains(" "+strings.Join(strings.Fields(list), " ")+" ", " "+column+" ")
}

const organizationColumn = "organization_id"

// rules returns the rules for a kind.
func (t Table) rules(k Kind) []Rule {
	var out []Rule
	for _, r := range t.Rules {
		if r.Kind == k {
			out = append(out, r)
		}
	}
	if len(out) == 0 && k == Organization && has(t.Plain, organizationColumn) {
		out = append(out, Delete(Organization, organizationColumn+" = :organization"))
	}
	return out
}

// condition puts the subject into a rule's condition.
func (s Subject) condition(where string, args *db.Args) string {
	var b strings.Builder
	for {
		before, name, after, found := nextName(where)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		// Each place has a placeholder of its own: PostgreSQL gives a placeholder one type.
		if name == ":id" {
			b.WriteString(args.Add(s.ID))
		} else {
			b.WriteString(args.Add(s.OrganizationID))
		}
		where = after
	}
}

func nextName(where string) (before, name, after string, found bool) {
	at := -1
	for _, n := range []string{":id", ":organization"} {
		if i := strings.Index(where, n); i >= 0 && (at < 0 || i < at) {
			at, name = i, n
		}
	}
	if at < 0 {
		return where, "", "", false
	}
	return where[:at], name, where[at+len(name):], true
}

// check returns what is wrong with a declaration by itself.
func (t Table) check() []string {
	var out []string
	wrong := func(format string, args ...any) { out = append(out, t.Name+": "+fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, c := range t.Columns() {
		if seen[c] {
			wrong("column %s is declared twice", c)
		}
		seen[c] = true
	}
	for _, list := range []string{t.Key, t.JSON, t.Links} {
		for c := range strings.FieldsSeq(list) {
			if !seen[c] {
				wrong("column %s is used and not declared", c)
			}
		}
	}
	if t.Key == "" {
		wrong("has no key")
	}
	unspoken := 0
	for _, k := range Kinds() {
		if len(t.rules(k)) == 0 {
			unspoken++
		}
	}
	if (unspoken > 0) != (t.Others != "") {
		wrong("%d kinds of subjects have no rule, and Others says %q", unspoken, t.Others)
	}
	for _, r := range t.Rules {
		if len(r.Blanks) > 0 && r.Because != "" {
			wrong("a rule both changes and keeps")
		}
		for c := range r.Blanks {
			if !seen[c] {
				wrong("a rule blanks column %s, which is not declared", c)
			}
		}
	}
	return out
}
