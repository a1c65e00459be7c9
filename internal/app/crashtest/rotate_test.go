package crashtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/vault"
	"switchboard/internal/vault/vaultdb"
	"switchboard/internal/vault/vaulttest"
)

// rotation is a database full of sealed values whose keys are being changed.
type rotation struct {
	*testing.T
	binary, data, url string
	organization, key id.ID
}

const rotatedValues = 3000

// TestRotation_killed kills `switchboard secrets rotate` at many points. Whatever it had done: every value can be read, and
// going on brings it to its end.
func TestRotation_killed(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &rotation{T: t, binary: binary, data: t.TempDir(), url: url, organization: id.New(), key: id.New()}
			r.fill()
			for _, lines := range []int{0, 1, 2, 7, 14} { // of the 15 that it prints
				r.killAfter(lines)
				r.readable()
			}
			out, err := r.command("rotate", "--resume").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			r.readable()
			r.finished()
		})
	}
}

func (r *rotation) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(r.Context(), r.binary, append([]string{"secrets"}, args...)...)
	c.Env = append(os.Environ(), "SWITCHBOARD_DATA="+r.data, "SWITCHBOARD_DATABASE_URL="+r.url)
	return c
}

// open is a node that starts now.
func (r *rotation) open() (*db.DB, *vault.Service) {
	r.Helper()
	d, err := db.Open(r.Context(), r.url, db.Options{})
	if err != nil {
		r.Fatal(err)
	}
	s := vault.New(vault.Options{
		Store: vaultdb.New(d), Tx: d, Clock: clock.System, Logger: slog.New(slog.DiscardHandler), Events: eventlog.New(d, clock.System, slog.New(slog.DiscardHandler)),
		KeyFile: filepath.Join(r.data, "secrets.key"), Generate: true, Columns: []vault.Column{vaulttest.Column()},
	})
	if err := s.Unlock(r.Context()); err != nil {
		r.Fatal(err)
	}
	return d, s
}

func (r *rotation) fill() {
	d, s := r.open()
	defer d.Close()
	rows := make([][]any, rotatedValues)
	for i := range rows {
		name := fmt.Sprintf("%04d", i)
		sealed, err := s.Seal(vaulttest.Place(r.organization, r.key, name), "secret "+name)
		if err != nil {
			r.Fatal(err)
		}
		rows[i] = []any{r.organization, r.key, "POST /x", name, "", 200, sealed, time.Now()}
	}
	if err := d.Do(r.Context(), func(ctx context.Context) error {
		return db.InsertMany(ctx, d, "idempotency_keys (organization_id, key_id, route, idempotency_key, request_hash, status, body, created_at)", rows, "")
	}); err != nil {
		r.Fatal(err)
	}
}

// killAfter begins a rotation and kills it when it has told of its progress so many times.
func (r *rotation) killAfter(lines int) {
	c := r.command("rotate")
	progress, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		r.Fatal(err)
	}
	told := bufio.NewScanner(progress)
	for range lines {
		told.Scan()
	}
	if err := c.Process.Kill(); err != nil {
		r.Fatal(err)
	}
	for told.Scan() { // to its end, or it could not be waited for
	}
	if err := c.Wait(); err == nil {
		r.Logf("the rotation was over before it was killed after %d lines", lines)
	}
}

func (r *rotation) readable() {
	d, s := r.open()
	defer d.Close()
	n := 0
	err := d.Q(r.Context()).Query(r.Context(), func(row db.Row) error {
		var name, sealed string
		if err := row.Scan(&name, &sealed); err != nil {
			return err
		}
		n++
		text, err := s.Open(vaulttest.Place(r.organization, r.key, name), sealed)
		if err == nil && text != "secret "+name {
			err = fmt.Errorf("%s reads %q", name, text)
		}
		return err
	}, "select idempotency_key, body from idempotency_keys")
	if err != nil || n != rotatedValues {
		r.Fatalf("%d values were read: %v", n, err)
	}
}

func (r *rotation) finished() {
	out, err := r.command("status", "--json").Output()
	if err != nil {
		r.Fatal(err)
	}
	var status struct {
		Unsealed int64
		Keys     []struct {
			State  string
			Values int64
		}
	}
	if err := json.Unmarshal(out, &status); err != nil {
		r.Fatal(err)
	}
	for _, k := range status.Keys {
		if (k.State == "current") != (k.Values > 0) || status.Unsealed != 0 || !strings.Contains("current retired unused", k.State) {
			r.Fatalf("the status is %s", out)
		}
	}
}
