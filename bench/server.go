package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"switchboard/internal/id"
)

// server is the binary under measurement, with a folder and a database of its own.
type server struct {
	binary, dir string
	database    string // postgres URL; empty for SQLite
	sink        *sink

	cmd    *exec.Cmd
	stdout io.Closer
	stderr *bytes.Buffer
	host   string // where it listens
}

// sink is a mail server that takes every connection and never says a word: what is due for it stays due, and the server
// is busy with one attempt at most. So the work of planning is measured without that of sending.
type sink struct {
	listener net.Listener
	done     chan struct{}
}

func openSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{l, make(chan struct{})}
	go func() {
		defer close(s.done)
		var held []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				for _, h := range held {
					_ = h.Close()
				}
				return
			}
			held = append(held, c)
		}
	}()
	return s, nil
}

func (s *sink) close() {
	_ = s.listener.Close()
	<-s.done
}

// config is the file that the server is started with. Limits that would be reached by one key alone are raised.
func (s *server) config() string {
	_, port, _ := net.SplitHostPort(s.sink.listener.Addr().String())
	return fmt.Sprintf(`listen: 127.0.0.1:0
data: %q
database: {url: %q}
access: {requests_per_second: 1000000}
delivery: {concurrency: 1}
log: {level: warn}
shutdown_timeout: 1s
providers:
  sink: {kind: smtp, host: 127.0.0.1, port: %s, tls: none, from: bench@sink.test, timeout: 10m, connections: 1}
`, s.dir, s.database, port)
}

// prepare writes the configuration.
func (s *server) prepare() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(s.configPath(), []byte(s.config()), 0o600)
}

func (s *server) configPath() string { return filepath.Join(s.dir, "bench.yaml") }

// environment is ours without settings of a Switchboard that this machine may have.
func environment() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SWITCHBOARD_") {
			out = append(out, v)
		}
	}
	return out
}

// startTimeout bounds a start, migrations included.
const startTimeout = 30 * time.Second

// start runs the binary and returns how long it took from there until /readyz answered 200.
func (s *server) start(ctx context.Context) (took time.Duration, err error) {
	s.stderr = &bytes.Buffer{}
	s.cmd = exec.Command(s.binary, "serve", "--config", s.configPath())
	s.cmd.Env, s.cmd.Stderr = environment(), s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		return 0, err
	}
	s.stdout = out
	guard := time.AfterFunc(startTimeout, func() { _ = s.cmd.Process.Kill() })
	defer guard.Stop()
	if s.host, err = listensOn(out); err == nil {
		err = s.ready(ctx)
	}
	took = time.Since(begun)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("the server did not start: %w\n%s", err, s.stderr), s.stop())
	}
	return took, nil
}

// listensOn reads the address from the first line that the server prints.
func listensOn(out io.Reader) (string, error) {
	line, err := bufio.NewReader(out).ReadString('\n')
	_, rest, found := strings.Cut(line, "http://")
	if !found {
		return "", fmt.Errorf("it printed %q: %w", line, errors.Join(err, io.ErrUnexpectedEOF))
	}
	host, _, _ := strings.Cut(rest, " ")
	return strings.TrimSpace(host), nil
}

// ready asks until the server says that it can work.
func (s *server) ready(ctx context.Context) error {
	r := newRequest(s.host, "GET", "/readyz", "", "", "")
	for {
		c, err := dial(s.host)
		if err != nil {
			return err
		}
		status, problem, err := c.do(&r)
		c.close()
		switch {
		case err != nil:
			return err
		case status == 200:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("not ready: %s", problem)
		}
		pause(ctx, time.Millisecond)
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the process that start made: by asking first.
func (s *server) stop() error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	force := time.AfterFunc(15*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer force.Stop()
	err := s.cmd.Wait()
	_ = s.stdout.Close()
	s.cmd = nil
	if err != nil {
		return fmt.Errorf("the server ended badly: %w\n%s", err, s.stderr)
	}
	return nil
}

// key makes an API key of a role, and the organization when there is none. more are further flags of the command.
func (s *server) key(ctx context.Context, role string, more ...string) (string, error) {
	made, err := s.newKey(ctx, role, more...)
	return made.Key, err
}

// madeKey is what the command prints of a new key.
type madeKey struct {
	Key          string `json:"key"`
	Organization id.ID  `json:"organization_id"`
}

func (s *server) newKey(ctx context.Context, role string, more ...string) (made madeKey, err error) {
	args := append([]string{"token", "create", "--config", s.configPath(), "--organization", "Bench", "--role", role, "--json"}, more...)
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = environment()
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return made, fmt.Errorf("making a key: %w", err)
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Key == "" {
		return made, fmt.Errorf("making a key: %q is not what was expected: %w", out, err)
	}
	return made, nil
}

// version runs the binary for its version: what it takes to start a process of its size.
func (b *bench) version(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	err := exec.CommandContext(ctx, b.binary, "version").Run()
	return time.Since(begun), err
}
