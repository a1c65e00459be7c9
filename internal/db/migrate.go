package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrationFiles holds NNNNN_name.sql for both databases; where they must differ there are NNNNN_name.sqlite.sql and
// NNNNN_name.postgres.sql instead.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// dialectFS hides the files of the other database.
type dialectFS struct {
	fs.FS
	hidden string
}

// ReadDir implements fs.ReadDirFS.
func (f dialectFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), f.hidden) }), err
}

func migrations(d Dialect) (fs.FS, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	other := "." + string(Postgres) + ".sql"
	if d == Postgres {
		other = "." + string(SQLite) + ".sql"
	}
	return dialectFS{files, other}, err
}

func (e *sqliteEngine) migrate(ctx context.Context) error {
	conn, err := sql.Open("sqlite", sqliteDSN(e.path, "immediate", -2000))
	if err != nil {
		return err
	}
	defer conn.Close()
	return migrate(ctx, conn, SQLite)
}

func (e *postgresEngine) migrate(ctx context.Context) error {
	conn := stdlib.OpenDB(*e.conns.Config().ConnConfig.Copy())
	defer conn.Close()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // one node migrates, the others wait
	if err != nil {
		return err
	}
	return migrate(ctx, conn, Postgres, goose.WithSessionLocker(locker))
}

func migrate(ctx context.Context, conn *sql.DB, d Dialect, opts ...goose.ProviderOption) error {
	files, err := migrations(d)
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if d == Postgres {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, conn, files, append(opts, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	sources := p.ListSources()
	newest := sources[len(sources)-1].Version
	current, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema version: %w", err)
	}
	if current > newest {
		return fmt.Errorf("%w: it is at version %d and this binary knows up to %d; run the newer binary, or restore a backup",
			ErrNewerSchema, current, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}
