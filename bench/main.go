// Command bench measures what a Switchboard binary does on the machine at hand and prints one table, each figure beside the
// machine's own limit measured in the same run: durable messages a second beside bare commits a second, and so on. It judges
// nothing; there is no pass and no fail.
//
//	make bench
//	go run ./bench -binary bin/switchboard -only posts,live
//	go run ./bench -only scale -large 100000
//
// It drives the real binary over loopback as a client would, on SQLite and, when SWITCHBOARD_TEST_POSTGRES names a server, on
// PostgreSQL. Rounds of the server and of its limit take turns, so that a machine that is busy for a while slows both. The
// generator of the load shares the processors with what it measures; how much of them it took is printed too.
//
// Where the time of a request goes is shown by the benchmarks of this folder, which run the server inside the test:
//
//	go test ./bench -run '^$' -bench Post -cpuprofile cpu.out
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	binary  string
	dir     string
	runs    int
	seconds float64
	large   int             // people in the large organization; 0 leaves it out
	only    map[string]bool // empty: everything
}

// parts are what -only chooses from.
var parts = []string{"posts", "fanout", "live", "scale", "start", "size"}

// wants tells whether a part is to be measured.
func (s settings) wants(part string) bool { return len(s.only) == 0 || s.only[part] }

// window is how long the server is loaded in one run.
func (s settings) window() time.Duration { return time.Duration(s.seconds * float64(time.Second)) }

func parse(args []string, stderr io.Writer) (settings, error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	var (
		s    settings
		only string
	)
	f.StringVar(&s.binary, "binary", "bin/switchboard", "the binary to measure")
	f.StringVar(&s.dir, "dir", "", "folder for the databases, which should be on the disk that matters; default: beside the binary")
	f.IntVar(&s.runs, "runs", 3, "how often each figure is measured")
	f.Float64Var(&s.seconds, "seconds", 2.5, "how long one measurement under load takes")
	f.IntVar(&s.large, "large", 1_000_000, "people in the organization that scale compares with one of 1,000; 0 leaves scale out")
	f.StringVar(&only, "only", "", "parts to measure, comma-separated: "+strings.Join(parts, ", "))
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.runs < 1 || s.seconds <= 0 || s.large < 0 || f.NArg() > 0 {
		return s, errors.New("-runs and -seconds must be more than nothing, -large no less, and there are no arguments")
	}
	s.only = map[string]bool{}
	for part := range strings.SplitSeq(only, ",") {
		if part == "" {
			continue
		}
		if !slices.Contains(parts, part) {
			return s, fmt.Errorf("-only %s: there are %s", part, strings.Join(parts, ", "))
		}
		s.only[part] = true
	}
	return s, nil
}

func main() {
	s, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, s, os.Stdout)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures and prints. What it started and made is gone when it returns.
func run(ctx context.Context, s settings, out io.Writer) (err error) {
	begun := time.Now()
	binary, err := filepath.Abs(s.binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("there is nothing to measure: %w (make build)", err)
	}
	parent := s.dir
	if parent == "" {
		parent = filepath.Dir(binary)
	}
	dir, err := os.MkdirTemp(parent, "bench-data-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	describe(out, dir)
	b := &bench{settings: s, binary: binary, dir: dir, progress: os.Stderr}
	err = b.measure(ctx)
	b.table.print(out) // what there is, whatever went wrong after it
	for _, n := range b.notes {
		fmt.Fprintln(out, "*", n)
	}
	fmt.Fprintf(out, "\nThe bench took %s.\n", time.Since(begun).Round(time.Second))
	return err
}

// measure takes every figure.
func (b *bench) measure(ctx context.Context) error {
	if err := b.sqlite(ctx); err != nil {
		return fmt.Errorf("SQLite: %w", err)
	}
	server := os.Getenv(postgresEnv)
	if server == "" {
		b.note("PostgreSQL was not measured: %s is not set; `make bench` sets it", postgresEnv)
	} else if err := b.postgres(ctx, server); err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	if b.wants("size") {
		return b.size()
	}
	return nil
}

// bench is one run of the command.
type bench struct {
	settings
	binary, dir string
	table       table
	notes       []string
	progress    io.Writer
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

// note keeps a remark for below the table; the same remark once.
func (b *bench) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(b.notes, n) {
		b.notes = append(b.notes, n)
	}
}
