package apptest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// Rows is how many rows each table of a database has.
type Rows map[string]int64

// CountRows counts the rows of every table but goose's own and the audit's: reading and being refused leave rows there, and the
// server moves them by itself. What is to be in the audit has tests of its own.
func CountRows(t *testing.T, d *db.DB) Rows {
	t.Helper()
	names := tables(t, d)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = "select '" + name + "' as name, count(*) as n from " + name
	}
	out := Rows{}
	err := d.Q(t.Context()).Query(t.Context(), func(r db.Row) error {
		var (
			name string
			n    int64
		)
		err := r.Scan(&name, &n)
		out[name] = n
		return err
	}, strings.Join(parts, " union all "))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// AwaitRest waits until every consumer of the event log has handled all there is. The positions of those that want little of it
// are stored about once a second, so this takes as long.
func (s *Server) AwaitRest(t *testing.T) {
	t.Helper()
	const behind = `select count(*) from events where seq is null or seq > (select min(position) from consumers)`
	Eventually(t, "the consumers handle what has happened", func() error {
		n, err := db.Get(t.Context(), s.App.DB().Q(t.Context()), db.Scalar[int64], behind)
		if err == nil && n > 0 {
			err = Errorf("%d entries are still to be handled", n)
		}
		return err
	})
}

// Changed lists what differs between two counts, sorted: "messages 3 → 4".
func (r Rows) Changed(later Rows) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(later)) {
		if r[name] != later[name] {
			out = append(out, fmt.Sprintf("%s %d → %d", name, r[name], later[name]))
		}
	}
	return out
}

func tables(t *testing.T, d *db.DB) []string {
	t.Helper()
	query := "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'goose_%' and name not like 'audit%' order by name"
	if d.Dialect() == db.Postgres {
		query = "select table_name::text from information_schema.tables where table_schema = current_schema() and table_name not like 'goose_%' and table_name not like 'audit%' order by 1"
	}
	names, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], query)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 10 {
		t.Fatalf("only %d tables were found: %v", len(names), names)
	}
	return names
}

// Tables lists every table of a database, sorted.
func Tables(t *testing.T, d *db.DB) []string {
	t.Helper()
	query := "select name from sqlite_master where type = 'table' order by name"
	if d.Dialect() == db.Postgres {
		query = "select table_name::text from information_schema.tables where table_schema = current_schema() order by 1"
	}
	names, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], query)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Dump writes every row of some tables, as text.
func Dump(t *testing.T, d *db.DB, names ...string) []byte {
	t.Helper()
	var out []byte
	for _, name := range names {
		columns := columnsOf(t, d, name)
		texts := make([]string, len(columns))
		for i, c := range columns {
			texts[i] = "coalesce(cast(" + c + " as text), '')"
		}
		lines, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], "select "+strings.Join(texts, " || '|' || ")+" from "+name)
		if err != nil {
			t.Fatalf("reading %s: %v", name, err)
		}
		for _, line := range lines {
			out = append(out, name+": "+line+"\n"...)
		}
	}
	return out
}

// Content is a digest of every row of an organization, by table.
type Content map[string][32]byte

// ContentOf reads every row that belongs to an organization, in whatever table it is. Tables whose rows name no
// organization are left out, and so are the columns in which a request leaves its trace without changing anything.
func ContentOf(t *testing.T, d *db.DB, organization id.ID) Content {
	t.Helper()
	out := Content{}
	for _, name := range tables(t, d) {
		columns := columnsOf(t, d, name)
		if !slices.Contains(columns, "organization_id") {
			continue
		}
		sum, err := digest(t.Context(), d, name, columns, organization)
		if err != nil {
			t.Fatalf("reading %s: %v", name, err)
		}
		out[name] = sum
	}
	return out
}

// Changed lists the tables whose rows differ, sorted.
func (c Content) Changed(later Content) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(later)) {
		if c[name] != later[name] {
			out = append(out, name)
		}
	}
	return out
}

// traces are the columns that reading and being refused may change.
func traces() []string { return []string{"last_used_at", "last_active_at", "opened_at"} }

func columnsOf(t *testing.T, d *db.DB, table string) []string {
	t.Helper()
	query := "select name from pragma_table_info($1) order by cid"
	if d.Dialect() == db.Postgres {
		query = "select column_name::text from information_schema.columns where table_schema = current_schema() and table_name = $1 order by ordinal_position"
	}
	names, err := db.All(t.Context(), d.Q(t.Context()), db.Scalar[string], query, table)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(traces(), n) })
}

// digest reads rows as texts, in the order of these.
func digest(ctx context.Context, d *db.DB, table string, columns []string, organization id.ID) ([32]byte, error) {
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = "coalesce(cast(" + c + " as text), '∅')"
	}
	row := strings.Join(texts, " || '|' || ")
	lines, err := db.All(ctx, d.Q(ctx), db.Scalar[string], "select "+row+" from "+table+" where organization_id = $1 order by 1", organization)
	return sha256.Sum256([]byte(strings.Join(lines, "\n"))), err
}
