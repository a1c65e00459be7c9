// Package apptest starts whole servers for tests and speaks to them from outside: over their wires, in their dialects,
// with the sandbox as the other side. It knows the application's public seams and no rule of any context.
//
// A server here is a demo on free ports of this machine, in the process of the test, where several run side by side. What
// happens when a process dies is package crashtest's.
package apptest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard/internal/app"
	"switchboard/internal/config"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/id"
)

// Options are what a test chooses about a server. The zero value is a demo on SQLite in a folder of the test's own.
type Options struct {
	Data        string        // folder of demo.json; empty: a fresh one
	DatabaseURL string        // empty: SQLite in a fresh migrated file, or in Data when that is given
	Clock       *Clock        // nil: the system's
	Settings    []string      // further settings, "path=value"
	Config      func(*Config) // changes what the settings gave; may be nil
	Logger      *slog.Logger  // nil: nothing is logged
}

// ReplicatorName is the replicator that every server has; its file is not there unless a test makes it.
const ReplicatorName = "staff"

// Config is what an operator sets.
type Config = config.Config

// Server is a running server.
type Server struct {
	Client
	App    *app.App
	Demo   Demo
	Config Config // what it was started with

	document func() (*Promises, error)
}

// Demo is what demo.json says.
type Demo struct {
	URL                 string  `json:"url"`
	SandboxURL          string  `json:"sandbox_url"`
	Keys                Keys    `json:"keys"`
	OrganizationID      id.ID   `json:"organization_id"`
	OtherOrganizationID id.ID   `json:"other_organization_id"`
	Users               []Thing `json:"users"`
	Individuals         []Thing `json:"individuals"`
	IndividualGroups    []Thing `json:"individual_groups"`
	Sites               []Thing `json:"sites"`
	Topics              []Thing `json:"topics"`
	Schedules           []Thing `json:"schedules"`
	NotificationGroups  []Thing `json:"notification_groups"`
	Channels            []Thing `json:"channels"`
}

// Keys are the demo's, by role.
type Keys struct {
	Administrator      string `json:"administrator"`
	Leader             string `json:"leader"`
	Member             string `json:"member"`
	Service            string `json:"service"`
	OtherAdministrator string `json:"other_administrator"`
}

// Thing is a record that the demo made.
type Thing struct {
	ID   id.ID  `json:"id"`
	Name string `json:"name"`
}

// Named returns the id of the thing with a name; the test fails when there is none.
func Named(t *testing.T, things []Thing, name string) id.ID {
	t.Helper()
	for _, thing := range things {
		if thing.Name == name {
			return thing.ID
		}
	}
	t.Fatalf("the demo has no %q: %v", name, things)
	return id.Nil
}

// Start starts a server and stops it when the test ends.
func Start(t *testing.T, o Options) *Server {
	t.Helper()
	c := Settings(t, o)
	options := app.Options{Version: "test", Logger: o.Logger}
	if o.Clock != nil {
		options.Clock = o.Clock.Now
	}
	a, err := app.New(t.Context(), c, options)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{App: a, Config: c}
	s.document = sync.OnceValues(s.promises)
	t.Cleanup(func() { s.kept(t) })
	t.Cleanup(func() { s.Stop(t) })
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Demo = readDemo(t, c.Server.Data)
	s.Client = Client{URL: a.URL(), SandboxURL: a.SandboxURL(), http: newHTTPClient(t), held: s.document}
	return s
}

// kept fails the test when an answer was not as the document says.
func (s *Server) kept(t *testing.T) {
	t.Helper()
	p, err := s.document()
	if err != nil {
		t.Fatalf("reading the OpenAPI document: %v", err)
	}
	p.report(t)
}

// Stop stops the server; what is under way has twenty seconds. A second Stop does nothing.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	if s.http != nil {
		s.http.CloseIdleConnections() // or they would be waited for
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.App.Stop(ctx); err != nil {
		t.Errorf("stopping the server: %v", err)
	}
}

// Restart stops the server and starts it again on the same data, as Start would with o.
func (s *Server) Restart(t *testing.T, o Options) *Server {
	t.Helper()
	s.Stop(t)
	o.Data, o.DatabaseURL = s.Config.Server.Data, s.Config.DatabaseURL()
	return Start(t, o)
}

// Settings are what Start would start a server with.
func Settings(t *testing.T, o Options) Config {
	t.Helper()
	flags := map[string]string{
		"listen": "127.0.0.1:0", "sandbox.listen": "127.0.0.1:0", "demo": "true", "data": o.Data, "database.url": o.DatabaseURL,
	}
	if o.DatabaseURL == "" && o.Data == "" {
		flags["database.url"] = dbtest.SQLiteURL(t)
	}
	if o.Data == "" {
		flags["data"] = t.TempDir()
	}
	if flags["database.url"] == "" {
		delete(flags, "database.url")
	}
	for _, setting := range o.Settings {
		path, value, _ := strings.Cut(setting, "=")
		flags[path] = value
	}
	c, err := config.Load(config.Source{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	c.Replicators = map[string]map[string]any{ReplicatorName: {
		"kind": "directory.jsonl", "organization": "Demo Hospital", "path": filepath.Join(c.Server.Data, ReplicatorName+".jsonl"), "interval": "24h",
	}}
	if o.Config != nil {
		o.Config(&c)
	}
	return c
}

func readDemo(t *testing.T, folder string) Demo {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d Demo
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Each runs a test with a server on each database, as subtests named after them.
func Each(t *testing.T, o Options, test func(t *testing.T, s *Server)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mine := o
			mine.DatabaseURL = url(t)
			test(t, Start(t, mine))
		})
	}
}

// Handler is the server's HTTP side without the wire: for thousands of requests, and for bodies that a server refuses
// before they are sent.
func (s *Server) Handler() http.Handler { return held(s.App.Handler(), s.document) }
