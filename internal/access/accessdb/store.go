// Package accessdb keeps keys, tokens and answers in SQL; it implements access.Store.
package accessdb

import (
	"switchboard/internal/access"
	"switchboard/internal/db"
	"switchboard/internal/vault"
)

// Store is access.Store on a database.
type Store struct {
	db     *db.DB
	sealer vault.Sealer
}

// New returns a store on d; sealer seals what SealedColumns lists.
func New(d *db.DB, sealer vault.Sealer) *Store { return &Store{d, sealer} }

// SealedColumns are the columns of this store that nobody reads without a key.
func SealedColumns() []vault.Column { return []vault.Column{answerBody} }

var _ access.Store = (*Store)(nil)
