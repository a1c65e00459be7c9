package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// build makes the binary as it is shipped.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "switchboard")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "switchboard/cmd/switchboard")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	return path
}

// program is the server as it is run again and again on the same data and the same port.
type program struct {
	t      *testing.T
	binary string
	dir    string
	env    []string
	host   string
	config map[string]any

	client *http.Client
	child  *child // nil while none runs
}

// child is one process.
type child struct {
	cmd    *exec.Cmd
	output *lockedBuffer
	exited chan struct{} // closed when the process has ended
	err    error         // of its end
}

// lockedBuffer is what a process writes, read while it may still write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newProgram writes the configuration for a database and takes a free port.
func newProgram(t *testing.T, binary, database string, providers map[string]map[string]any) *program {
	t.Helper()
	p := &program{
		t: t, binary: binary, dir: t.TempDir(), host: freeAddress(t),
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 32}},
	}
	t.Cleanup(p.client.CloseIdleConnections)
	p.config = map[string]any{
		"listen": p.host, "data": p.dir, "database": map[string]any{"url": database},
		"delivery": map[string]any{"lease": shortestLease.String()}, "log": map[string]any{"level": "warn"}, "providers": providers,
	}
	raw, err := json.Marshal(p.config) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.configFile(), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SWITCHBOARD_") {
			p.env = append(p.env, v)
		}
	}
	t.Cleanup(p.kill)
	return p
}

// shortestLease is the shortest lease that the settings take. What a killed process was sending is taken up after it.
const shortestLease = 10 * time.Second

func (p *program) configFile() string { return filepath.Join(p.dir, "switchboard.yaml") }

// freeAddress finds a port that is free now. Each process of the trial listens there, so that reports about what one of
// them has sent reach the next. It is below those that systems give to whoever asks for any, so that nobody gets it between two
// processes.
func freeAddress(t *testing.T) string {
	t.Helper()
	const first, ports = 20000, 12000
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(ports))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// launch starts a process and does not wait for it to be ready.
func (p *program) launch() {
	p.t.Helper()
	if p.child != nil {
		p.t.Fatal("one is running already")
	}
	c := &child{output: &lockedBuffer{}, exited: make(chan struct{})}
	c.cmd = exec.Command(p.binary, "serve", "--config", p.configFile())
	c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = p.env, c.output, c.output
	if err := c.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	p.child = c
}

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

// start starts a process and waits until it says that it is ready.
func (p *program) start() {
	p.t.Helper()
	p.launch()
	p.ready()
}

func (p *program) ready() {
	p.t.Helper()
	poll(p.t, "the server to be ready", func() error {
		select {
		case <-p.child.exited:
			p.t.Fatalf("the server ended instead of starting: %v\n%s", p.child.err, p.child.output)
		default:
		}
		answer, err := p.client.Get("http://" + p.host + "/readyz")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %d", answer.StatusCode)
		}
		return nil
	})
}

// kill ends the process as a power cut would, if one runs.
func (p *program) kill() {
	if p.child == nil {
		return
	}
	_ = p.child.cmd.Process.Signal(syscall.SIGKILL)
	<-p.child.exited
	p.child = nil
	p.client.CloseIdleConnections()
}

// stop asks the process to end, and fails when it does not do so well.
func (p *program) stop() {
	p.t.Helper()
	_ = p.child.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.child.exited:
	case <-time.After(patience):
		p.t.Errorf("the server does not stop:\n%s", p.child.output)
		p.kill()
		return
	}
	if p.child.err != nil {
		p.t.Errorf("the server ended badly: %v\n%s", p.child.err, p.child.output)
	}
	p.child = nil
}

// secret makes an API key of a role; the organization is made with the first.
func (p *program) secret(role string) string {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), p.binary, "token", "create", "--config", p.configFile(), "--organization", "Crash", "--role", role, "--json")
	cmd.Env = p.env
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		p.t.Fatalf("making a key: %v: %s", err, exit.Stderr)
	}
	var made struct{ Key string }
	if err := errors.Join(err, json.Unmarshal(out, &made)); err != nil || made.Key == "" {
		p.t.Fatalf("making a key: %v in %q", err, out)
	}
	return made.Key
}

// poll asks until there is no error, and fails when that takes longer than patience.
func poll(t *testing.T, what string, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}
