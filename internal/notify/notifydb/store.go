// Package notifydb keeps notification groups, topics, schedules and alerts in SQL; it implements notify.Store on both
// databases. It holds no rule beyond what the store's contract says.
package notifydb

import (
	"errors"

	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/notify"
)

// Store is notify.Store on a database.
type Store struct{ db *db.DB }

// New returns a store on d.
func New(d *db.DB) *Store { return &Store{d} }

var _ notify.Store = (*Store)(nil)

// chunk bounds how many values stand in one "in (…)".
const chunk = 500

// found turns the absence of a row into errs.CodeNotFound.
func found[T any](v T, err error, what string) (T, error) {
	if errors.Is(err, db.ErrNoRows) {
		return v, errs.MissingRecord(what)
	}
	return v, err
}

// changed is errs.CodeNotFound when a statement changed no row.
func changed(n int64, err error, what string) error {
	if err == nil && n == 0 {
		return errs.MissingRecord(what)
	}
	return err
}
