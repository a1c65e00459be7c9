package db

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// openLogged opens a database with one table in which everything so far is in the file of the database itself.
func openLogged(t *testing.T) (d *DB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db")
	d, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Do(context.Background(), func(ctx context.Context) error {
		_, err := d.Q(ctx).Exec(ctx, "create table things (name text not null, body blob)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := d.Scrub(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d, path
}

func insertThing(t *testing.T, d *DB, size int) {
	t.Helper()
	err := d.Do(context.Background(), func(ctx context.Context) error {
		_, err := d.Q(ctx).Exec(ctx, "insert into things (name, body) values ('one', zeroblob($1))", size)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// withoutLog counts the things in a copy of the database that lacks its log.
func withoutLog(t *testing.T, path string) (n int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "alone.db")
	if err := os.WriteFile(alone, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := sql.Open("sqlite", alone)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.QueryRow("select count(*) from things").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCheckpointer has what was written brought into the database while it is open, but not inside the commit.
func TestCheckpointer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, path := openLogged(t)
		defer d.Close()
		time.Sleep(checkpointPause)
		synctest.Wait() // until the checkpoint of the table is over
		insertThing(t, d, 1)
		if n := withoutLog(t, path); n != 0 {
			t.Errorf("%d things are in the database at the commit", n)
		}
		time.Sleep(checkpointPause)
		synctest.Wait()
		if n := withoutLog(t, path); n != 1 {
			t.Errorf("%d things are in the database after the pause", n)
		}
	})
}

// TestCheckpointer_longLog has the log begin anew once it has grown long.
func TestCheckpointer_longLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _ := openLogged(t)
		defer d.Close()
		const third = maxLogPages / 3 * 4096
		for range 4 {
			insertThing(t, d, third)
		}
		e, _ := d.engine.(*sqliteEngine)
		if pages := e.copier.checkpoint(); pages <= maxLogPages {
			t.Fatalf("the log has only %d pages", pages)
		}
		insertThing(t, d, 1)
		time.Sleep(checkpointPause)
		synctest.Wait()
		insertThing(t, d, 1)
		if pages := e.copier.checkpoint(); pages > 100 {
			t.Errorf("the log still has %d pages", pages)
		}
	})
}

// TestCheckpointer_stop ends one that waits, and one whose writer has stopped already.
func TestCheckpointer_stop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _ := openLogged(t)
		insertThing(t, d, 1)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		e, _ := d.engine.(*sqliteEngine)
		e.writer.pause(func() { t.Error("a stopped writer paused") })
	})
}

// TestSQLiteWriter_pause lets a checkpoint reach the end of the log while others are waiting to write.
func TestSQLiteWriter_pause(t *testing.T) {
	t.Parallel()
	d, _ := openLogged(t)
	defer d.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				insertThing(t, d, 100)
			}
		})
	}
	e, _ := d.engine.(*sqliteEngine)
	for range 20 {
		insertThing(t, d, 1)
		e.writer.pause(func() {
			var busy, pages, copied int
			if err := e.copier.db.QueryRow("pragma wal_checkpoint(passive)").Scan(&busy, &pages, &copied); err != nil || busy != 0 || copied != pages {
				t.Errorf("%d of %d pages are copied (busy %d, %v)", copied, pages, busy, err)
			}
		})
	}
	cancel()
	writers.Wait()
}
