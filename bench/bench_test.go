package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/db/dbtest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := parse([]string{"-binary", "b", "-only", "posts,live", "-runs", "5", "-seconds", "0.5", "-large", "0"}, io.Discard)
	if err != nil || s.large != 0 || s.binary != "b" || s.runs != 5 || s.window() != 500*time.Millisecond || !s.wants("live") || s.wants("size") {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := parse(nil, io.Discard); err != nil || !s.wants("size") || s.large != 1_000_000 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, args := range [][]string{{"-only", "post"}, {"-runs", "0"}, {"-seconds", "-1"}, {"-large", "-1"}, {"more"}, {"-nonsense"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestRun_nothingToMeasure(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), settings{binary: filepath.Join(t.TempDir(), "none")}, io.Discard); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Error(err)
	}
}

func TestSink(t *testing.T) {
	t.Parallel()
	s, err := openSink()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("it spoke: %d, %v", n, err)
	}
	s.close()
	if _, err := net.Dial("tcp", s.listener.Addr().String()); err == nil {
		t.Error("it still takes connections")
	}
}

// TestSpin lets three writers work for twenty milliseconds, of which each call takes one.
func TestSpin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, took, elapsed, err := spin(t.Context(), 3, 20*time.Millisecond, func(context.Context, int) error {
			time.Sleep(time.Millisecond)
			return nil
		})
		if err != nil || n != 60 || elapsed != 20*time.Millisecond {
			t.Errorf("%d calls in %s, %v", n, elapsed, err)
		}
		if len(took) != 60 || slices.Max(took) != time.Millisecond || slices.Min(took) != time.Millisecond {
			t.Errorf("the calls took %v", took)
		}
		if _, _, _, err := spin(t.Context(), 1, time.Minute, func(context.Context, int) error { return io.ErrUnexpectedEOF }); err == nil {
			t.Error("an error went unnoticed")
		}
	})
}

func TestBareSQLite(t *testing.T) {
	t.Parallel()
	b, err := openBareSQLite(t.Context(), filepath.Join(t.TempDir(), "bare.db"), 2)
	if err != nil {
		t.Fatal(err)
	}
	testBare(t, b, func(query string) (n int) {
		if err := b.db.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	})
	var mode string
	if err := b.conns[1].QueryRowContext(t.Context(), "pragma synchronous").Scan(&mode); err != nil || mode != "2" {
		t.Errorf("synchronous = %s, %v; want 2, which is FULL", mode, err)
	}
	if err := b.close(); err != nil {
		t.Error(err)
	}
}

func TestBarePostgres(t *testing.T) {
	t.Parallel()
	b, err := openBarePostgres(t.Context(), dbtest.PostgresURL(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	testBare(t, b, func(query string) (n int) {
		if err := b.conns[0].QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	})
	if err := b.close(); err != nil {
		t.Error(err)
	}
}

// testBare checks that each call stores what it says.
func testBare(t *testing.T, b bare, count func(query string) int) {
	t.Helper()
	for writer := range 2 {
		if err := b.commit(t.Context(), writer); err != nil {
			t.Fatal(err)
		}
		if err := b.bulk(t.Context(), writer); err != nil {
			t.Fatal(err)
		}
	}
	if commits, rows := count("select count(*) from bare_commits"), count("select count(*) from bare_deliveries"); commits != 2 || rows != 2*people {
		t.Errorf("%d commits and %d rows", commits, rows)
	}
}

func TestSyncCost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := syncCost(dir, 3)
	if err != nil || len(s) != 3 || s.median() <= 0 {
		t.Errorf("%v, %v", s, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestNumbersIn(t *testing.T) {
	t.Parallel()
	frame := `{"push":{"channel":"channel:x","pub":{"data":{"data":{"message":"bench 000000000012: the quick"}},"offset":1}}}` + "\n" +
		`{"push":{"pub":{"data":{"data":{"message":"bench 000000000345: the quick"}}}}}` + `{"message":"bench 0000"}`
	if got := numbersIn([]byte(frame)); !slices.Equal(got, []int64{12, 345}) {
		t.Errorf("%v", got)
	}
	if got := numbersIn([]byte(`{"message":"bench not-a-number"}`)); got != nil {
		t.Errorf("%v", got)
	}
}

func TestListensOn(t *testing.T) {
	t.Parallel()
	host, err := listensOn(strings.NewReader("Switchboard listens on http://127.0.0.1:4711 (reference at http://127.0.0.1:4711/docs)\n"))
	if host != "127.0.0.1:4711" || err != nil {
		t.Errorf("%q, %v", host, err)
	}
	if _, err := listensOn(strings.NewReader("panic: no\n")); err == nil || !strings.Contains(err.Error(), "panic") {
		t.Error(err)
	}
	if _, err := listensOn(strings.NewReader("")); err == nil {
		t.Error("it printed nothing")
	}
}

// TestRun measures everything once, and briefly: that the bench works with the server as it is now.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the server and runs it")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "switchboard")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "switchboard/cmd/switchboard")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out strings.Builder
	if err := run(t.Context(), settings{binary: binary, dir: dir, runs: 1, seconds: .2, large: 2000}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SQLite", "messages posted/s", "post to live subscriber", "deliveries planned/s", "start to ready", "size, MiB", "a leader acts as one of a group", "the first 100 users, of 2,000", "fsync"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "should be") {
		t.Errorf("something is missing:\n%s", out.String())
	}
	if left, err := filepath.Glob(filepath.Join(dir, "bench-data-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	t.Log("\n" + out.String())
}
