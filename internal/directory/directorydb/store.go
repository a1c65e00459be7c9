// Package directorydb keeps the directory in SQL, on both databases.
//
// Deletes are soft: the row stays with its deleted_at, and every statement here passes it over. What is derived from the
// rows (memberships, the words of names, the counts of lists) is kept for live rows only and changes in the same
// transaction.
package directorydb

import (
	"context"
	"errors"
	"fmt"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/vault"
)

// Store implements directory.Store.
type Store struct {
	db     *db.DB
	sealer vault.Sealer
}

// New returns the store in d; sealer seals what SealedColumns lists.
func New(d *db.DB, sealer vault.Sealer) *Store { return &Store{db: d, sealer: sealer} }

// SealedColumns are the columns of this store that nobody reads without a key.
func SealedColumns() []vault.Column { return []vault.Column{webhookURL} }

var _ directory.Store = (*Store)(nil)

// living is an organization that is not deleted, with a mark for its identifier; NULL when it is, so that nothing in it is
// found.
const living = "(select o.id from organizations o where o.id = %s and o.deleted_at is null)"

// of is living for a placeholder that is known.
func of(mark string) string { return fmt.Sprintf(living, mark) }

// chunk bounds the identifiers in one statement.
const chunk = 500

// must turns a change of no row, or a row that is not there, into NotFound.
func must(changed int64, err error, what string) error {
	if err == nil && changed == 0 || errors.Is(err, db.ErrNoRows) {
		return errs.MissingRecord(what)
	}
	return err
}

// as gives an error of a broken unique index the code that the domain has for it.
func as(err error, code errs.Code, message string) error {
	if errs.Is(err, errs.CodeDuplicate) {
		return code.Errorf("%s", message).Because(err)
	}
	return err
}

// find runs a query for the rows of an organization with these ids, a chunk at a time, and hands each to keep.
func find[T any](ctx context.Context, s *Store, org id.ID, ids []id.ID, scan func(db.Row) (T, error),
	selectFrom, tail string, keep func(T),
) error {
	return db.Chunks(ids, chunk, func(ids []id.ID) error {
		var w db.Where
		w.And("organization_id = "+living, org)
		w.Raw("id in (" + db.List(&w.Args, ids) + ")")
		w.Raw("deleted_at is null")
		return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
			v, err := scan(r)
			if err == nil {
				keep(v)
			}
			return err
		}, selectFrom+w.String()+tail, w.Args...)
	})
}

// list is what the lists have in common: rows of one table, newest first.
type list struct {
	table, columns, kind string
	where                db.Where
	// whole is false once a condition beyond the organization narrows the list, so that its rows must be counted.
	whole bool
}

func listOf(table, columns, kind string, org id.ID) *list {
	l := &list{table: table, columns: columns, kind: kind, whole: true}
	l.where.And("t.organization_id = "+living, org)
	l.where.Raw("t.deleted_at is null")
	return l
}

// and narrows the list.
func (l *list) and(format string, values ...any) {
	l.whole = false
	l.where.And(format, values...)
}

// in narrows the list to some identifiers.
func (l *list) in(column string, ids []id.ID) {
	l.whole = false
	l.where.Raw(column + " in (" + db.List(&l.where.Args, ids) + ")")
}

func (l *list) from() string { return " from " + l.table + " t" + l.where.String() }

// total counts the list.
func (l *list) total(ctx context.Context, s *Store, org id.ID) (int, error) {
	if l.whole {
		return s.count(ctx, org, l.kind)
	}
	n, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select count(*)"+l.from(), l.where.Args...)
	return int(n), err
}

// read returns a page by offset.
func read[T any](ctx context.Context, s *Store, l *list, org id.ID, p page.Offset, scan func(db.Row) (T, error)) (page.List[T], error) {
	total, err := l.total(ctx, s, org)
	if err != nil || total <= p.Offset {
		return page.List[T]{Items: []T{}, Total: total}, err
	}
	args := l.where.Args
	rows := l.from() + " order by t.id desc limit " + args.Add(p.Limit) + " offset " + args.Add(p.Offset)
	if p.Offset > 0 { // what is passed over is passed over in the index; PostgreSQL would make a row of each
		rows = " from " + l.table + " t where t.id in (select t.id" + rows + ") order by t.id desc"
	}
	query := "select " + l.columns + rows
	items, err := db.All(ctx, s.db.Q(ctx), scan, query, args...)
	return page.List[T]{Items: items, Total: total}, err
}

// turn returns a page by cursor.
func turn[T any](ctx context.Context, s *Store, l *list, p page.Cursor, scan func(db.Row) (T, error)) (page.List[T], error) {
	cursor, order := p.After, "desc"
	if !p.Before.IsZero() {
		cursor, order = p.Before, "asc"
	}
	if !cursor.IsZero() {
		args := l.where.Args
		mark := args.Add(cursor)
		if _, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select 1"+l.from()+" and t.id = "+mark, args...); err != nil {
			return page.List[T]{}, must(1, err, "record")
		}
		if order == "asc" {
			l.where.And("t.id > %s", cursor)
		} else {
			l.where.And("t.id < %s", cursor)
		}
	}
	args := l.where.Args
	query := "select " + l.columns + l.from() + " order by t.id " + order + " limit " + args.Add(p.Limit+1)
	items, err := db.All(ctx, s.db.Q(ctx), scan, query, args...)
	if err != nil {
		return page.List[T]{}, err
	}
	out := page.List[T]{More: len(items) > p.Limit}
	out.Items = items[:min(len(items), p.Limit)]
	if order == "asc" {
		reverse(out.Items)
	}
	return out, nil
}

func reverse[T any](s []T) {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
}
