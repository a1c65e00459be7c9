package personal

import (
	"fmt"
	"maps"
	"slices"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/vault"
)

// Sealed tells the engine which columns are sealed and what opens them. Exports then have what was sealed, because another
// server could not open it, and imports seal it anew. It is called before the engine is used.
func (e *Engine) Sealed(sealer vault.Sealer, columns []vault.Column) *Engine {
	e.sealer, e.sealed = sealer, columns
	return e
}

// opened reads rows as scanner does, with what is sealed in them opened.
func (e *Engine) opened(t Table, names []string, types columns) func(db.Row) (Row, error) {
	scan := scanner(names, types)
	return func(r db.Row) (Row, error) {
		row, err := scan(r)
		if err != nil {
			return nil, err
		}
		return row, e.convert(t, row, func(at vault.Place, text string) (string, error) { return e.sealer.Open(at, text) })
	}
}

// sealing returns rows as they are stored.
func (e *Engine) sealing(t Table, rows []Row) ([]Row, error) {
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = maps.Clone(r)
		if err := e.convert(t, out[i], func(at vault.Place, text string) (string, error) { return e.sealer.Seal(at, text) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// convert puts each text of a sealed column through fn.
func (e *Engine) convert(t Table, row Row, fn func(vault.Place, string) (string, error)) error {
	for _, c := range e.sealed {
		text, ok := row[c.Name].(string)
		if c.Table != t.Name || !ok {
			continue
		}
		text, err := fn(placeOf(c, row), text)
		if err != nil {
			return err
		}
		row[c.Name] = text
	}
	return nil
}

func placeOf(c vault.Column, row Row) vault.Place {
	organization := row.ID(organizationColumn)
	if c.Global {
		organization = id.Nil
	}
	key := slices.DeleteFunc(slices.Clone(c.Key), func(column string) bool { return column == organizationColumn })
	for i, column := range key {
		key[i] = fmt.Sprint(row[column])
	}
	return c.At(organization, key...)
}
