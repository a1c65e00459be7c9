package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"switchboard/internal/errs"
)

// ErrNewerSchema is wrapped by Migrate when the database was written by a newer Switchboard.
var ErrNewerSchema = errors.New("the database has a newer schema than this binary knows")

// PostgreSQL error codes, from its manual, appendix A.
const (
	pgUniqueViolation      = "23505"
	pgForeignKeyViolation  = "23503"
	pgSerializationFailure = "40001"
	pgDeadlockDetected     = "40P01"
	pgLockNotAvailable     = "55P03"
)

// Translate turns a driver's error into one of the kernel's: a broken unique index is errs.CodeDuplicate, a reference to
// nothing is errs.CodeNotFound, a database that is busy or gone is errs.CodeUnavailable. The driver's error stays
// reachable for the log. Anything else is returned as it is, and is internal.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*errs.Error](err); known {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows) {
		return ErrNoRows
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translatePostgres(e)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return translateSQLite(e)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return errs.CodeUnavailable.Errorf("the database cannot be reached").Because(err)
	}
	return err
}

func translatePostgres(e *pgconn.PgError) error {
	switch e.Code {
	case pgUniqueViolation:
		return errs.CodeDuplicate.Errorf("a record with the same value exists").Because(e)
	case pgForeignKeyViolation:
		return errs.CodeNotFound.Errorf("a record that this refers to does not exist").Because(e)
	case pgSerializationFailure, pgDeadlockDetected, pgLockNotAvailable:
		return errs.CodeUnavailable.Errorf("the database is busy; try again").Because(e)
	}
	return e
}

func translateSQLite(e *sqlite.Error) error {
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return errs.CodeDuplicate.Errorf("a record with the same value exists").Because(e)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return errs.CodeNotFound.Errorf("a record that this refers to does not exist").Because(e)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return errs.CodeUnavailable.Errorf("the database is busy; try again").Because(e)
	case sqlite3.SQLITE_FULL:
		return errs.CodeUnavailable.Errorf("the disk of the database is full").Because(e)
	}
	return e
}
