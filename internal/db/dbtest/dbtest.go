// Package dbtest runs a test on every database that Switchboard supports, each test with an empty, migrated database of
// its own.
//
// SQLite needs nothing. PostgreSQL is used when SWITCHBOARD_TEST_POSTGRES holds the URL of a server where databases may be
// created; `make test` provides one. Without it the PostgreSQL half is skipped with its reason, and fails when CI=true.
package dbtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// Env is the environment variable that names the PostgreSQL server for tests.
const Env = "SWITCHBOARD_TEST_POSTGRES"

// Each runs test once for each database, as subtests named after them.
func Each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// URLs returns the URL of a fresh database of each kind that can be had here, by name; for tests that open it themselves
// or hand it to another process.
func URLs(t *testing.T) map[string]string {
	t.Helper()
	urls := map[string]string{"sqlite": SQLiteURL(t)}
	if os.Getenv(Env) != "" || os.Getenv("CI") == "true" {
		urls["postgres"] = PostgresURL(t)
	} else {
		t.Logf("PostgreSQL is not tested here: %s is not set; use `make test`", Env)
	}
	return urls
}

// SQLite opens a fresh database in a temporary folder.
func SQLite(t testing.TB) *db.DB { return open(t, SQLiteURL(t)) }

// Postgres opens a fresh database on the test server.
func Postgres(t testing.TB) *db.DB { return open(t, PostgresURL(t)) }

func open(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// template makes a migrated database once per process; tests copy it.
var (
	sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "switchboard-template")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "template.db")
		if err := migrate(path); err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	})
	postgresTemplate = sync.OnceValues(func() (string, error) {
		name := "switchboard_template_" + id.New().Short()
		if err := postgresExec("create database " + quote(name)); err != nil {
			return "", err
		}
		return name, migrate(databaseURL(name))
	})
)

func migrate(url string) error {
	ctx := context.Background()
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	if err := d.Migrate(ctx); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}

// SQLiteURL returns the URL of a fresh, migrated database file.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	content, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "switchboard.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// PostgresURL returns the URL of a fresh, migrated database on the test server, and drops it when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	if os.Getenv(Env) == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: in CI PostgreSQL must be tested", Env)
		}
		t.Skipf("PostgreSQL is not tested here: %s is not set; use `make test`", Env)
	}
	template, err := postgresTemplate()
	if err != nil {
		t.Fatal(err)
	}
	name := "switchboard_test_" + id.New().Short()
	if err := postgresExec(fmt.Sprintf("create database %s template %s", quote(name), quote(template))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := postgresExec("drop database " + quote(name) + " with (force)"); err != nil {
			t.Error(err)
		}
	})
	return databaseURL(name)
}

func databaseURL(name string) string {
	u, err := url.Parse(os.Getenv(Env))
	if err != nil {
		return ""
	}
	u.Path = "/" + name
	return u.String()
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func postgresExec(query string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv(Env))
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", Env, err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, query)
	return err
}
