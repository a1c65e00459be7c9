// Package accessdb keeps keys, tokens and answers in SQL; it implements access.Store.
package accessdb

import (
	"switchboard/internal/access"
	"switchboard/internal/db"
)

// Store is access.Store on a database.
type Store struct{ db *db.DB }

// New returns a store on d.
func New(d *db.DB) *Store { return &Store{d} }

var _ access.Store = (*Store)(nil)
