package personal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"switchboard/internal/db"
	"switchboard/internal/vault"
)

// Engine does with a database what the declarations say.
type Engine struct {
	db     *db.DB
	tables []Table // of this database, parents first
	mu     sync.Mutex
	types  map[string]columns // by table; read when first needed
	sealer vault.Sealer       // nil when nothing is sealed
	sealed []vault.Column
}

// columns are the types of a table's columns.
type columns map[string]columnType

type columnType string

const (
	typeID    columnType = "uuid"
	typeTime  columnType = "timestamptz"
	typeText  columnType = "text"
	typeInt   columnType = "bigint"
	typeBool  columnType = "boolean"
	typeBytes columnType = "bytea"
)

// New returns the engine for declarations in the order in which their rows can be inserted: a table stands behind those
// that it refers to.
func New(d *db.DB, tables []Table) *Engine {
	e := &Engine{db: d}
	for _, t := range tables {
		if t.Only == "" || t.Only == d.Dialect() {
			e.tables = append(e.tables, t)
		}
	}
	return e
}

// Tables returns the declarations for this database.
func (e *Engine) Tables() []Table { return slices.Clone(e.tables) }

// table finds a declaration.
func (e *Engine) table(name string) (Table, bool) {
	i := slices.IndexFunc(e.tables, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return Table{}, false
	}
	return e.tables[i], true
}

const sqliteColumns = `select t.name, c.name, lower(c.type) from sqlite_schema t join pragma_table_info(t.name) c
	where t.type = 'table' and t.name not like 'sqlite\_%' escape '\' order by t.name, c.cid`

const postgresColumns = `select table_name, column_name, data_type from information_schema.columns
	where table_schema = current_schema() order by table_name, ordinal_position`

// schema reads the columns of the database.
func (e *Engine) schema(ctx context.Context) (map[string]columns, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.types != nil {
		return e.types, nil
	}
	query := sqliteColumns
	if e.db.Dialect() == db.Postgres {
		query = postgresColumns
	}
	out := map[string]columns{}
	err := e.db.Q(ctx).Query(ctx, func(r db.Row) error {
		var table, column, typ string
		if err := r.Scan(&table, &column, &typ); err != nil {
			return err
		}
		if out[table] == nil {
			out[table] = columns{}
		}
		out[table][column] = typeOf(typ)
		return nil
	}, query)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	e.types = out
	return out, nil
}

func typeOf(name string) columnType {
	switch name {
	case "timestamp with time zone":
		return typeTime
	case "integer", "smallint":
		return typeInt
	case "blob":
		return typeBytes
	}
	return columnType(name)
}

// migrations is the table of the tool that migrates; it says nothing about anybody.
const migrations = "goose_db_version"

// Check compares the declarations with the schema of the database and returns everything in which they differ: a table or
// column that is not declared, one that is declared and does not exist, a type that the engine cannot read, a table that
// stands before one that it refers to.
func (e *Engine) Check(ctx context.Context) error {
	types, err := e.schema(ctx)
	if err != nil {
		return err
	}
	var out []error
	wrong := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	for name := range types {
		if _, declared := e.table(name); !declared && name != migrations {
			wrong("%s: the table is not declared; say in the personal.go of the package that owns it what is personal in it", name)
		}
	}
	for i, t := range e.tables {
		for _, text := range t.check() {
			wrong("%s", text)
		}
		if j := slices.IndexFunc(e.tables, func(o Table) bool { return o.Name == t.Name }); j != i {
			wrong("%s: declared twice", t.Name)
		}
		out = append(out, compare(t, types[t.Name])...)
	}
	referring, err := e.references(ctx)
	if err != nil {
		return err
	}
	place := func(name string) int {
		return slices.IndexFunc(e.tables, func(t Table) bool { return t.Name == name })
	}
	for _, r := range referring {
		if r.from != r.to && place(r.from) < place(r.to) {
			wrong("%s refers to %s and must be declared below it", r.from, r.to)
		}
	}
	slices.SortFunc(out, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(out...)
}

// compare tells in what a declaration differs from a table.
func compare(t Table, live columns) []error {
	var out []error
	if live == nil {
		return []error{fmt.Errorf("%s: declared, and there is no such table", t.Name)}
	}
	declared := t.Columns()
	for c, typ := range live {
		if !slices.Contains(declared, c) {
			out = append(out, fmt.Errorf("%s: column %s is neither Personal nor Plain", t.Name, c))
		}
		if !slices.Contains([]columnType{typeID, typeTime, typeText, typeInt, typeBool, typeBytes}, typ) {
			out = append(out, fmt.Errorf("%s: column %s has the type %q, which no export can write", t.Name, c, typ))
		}
	}
	for _, c := range declared {
		if _, ok := live[c]; !ok {
			out = append(out, fmt.Errorf("%s: column %s is declared and does not exist", t.Name, c))
		}
	}
	return out
}

type reference struct{ from, to string }

const sqliteReferences = `select t.name, f."table" from sqlite_schema t join pragma_foreign_key_list(t.name) f where t.type = 'table'`

const postgresReferences = `select a.relname, b.relname from pg_constraint c join pg_class a on a.oid = c.conrelid
	join pg_class b on b.oid = c.confrelid where c.contype = 'f' and c.connamespace = current_schema()::regnamespace`

func (e *Engine) references(ctx context.Context) ([]reference, error) {
	query := sqliteReferences
	if e.db.Dialect() == db.Postgres {
		query = postgresReferences
	}
	return db.All(ctx, e.db.Q(ctx), func(r db.Row) (ref reference, err error) {
		return ref, r.Scan(&ref.from, &ref.to)
	}, query)
}
