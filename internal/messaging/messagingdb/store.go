// Package messagingdb keeps conversations in SQL, on both databases.
//
// Place is the one statement that every post waits for: it updates the channel's row and answers all that a post must know.
// What a post writes besides travels with the commit.
package messagingdb

import (
	"errors"

	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/messaging"
)

// Store implements messaging.Store.
type Store struct{ db *db.DB }

// New returns the store in d.
func New(d *db.DB) *Store { return &Store{db: d} }

var _ messaging.Store = (*Store)(nil)

// chunk bounds the identifiers in one statement.
const chunk = 500

// must turns a row that is not there into NotFound.
func must(err error, what string) error {
	if errors.Is(err, db.ErrNoRows) {
		return errs.MissingRecord(what)
	}
	return err
}

// changed turns a change of no row into NotFound.
func changed(n int64, err error, what string) error {
	if err == nil && n == 0 {
		return errs.MissingRecord(what)
	}
	return err
}

// within adds the bounds of a span.
func within(w *db.Where, column string, s messaging.Span) {
	if !s.From.IsZero() {
		w.And(column+" >= %s", s.From)
	}
	if !s.Until.IsZero() {
		w.And(column+" < %s", s.Until)
	}
}
