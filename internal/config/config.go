// Package config is every setting of the server, in one place: its name, its default, one line of documentation and its
// check. The reference page and the environment variables are made from the same structs.
//
// A setting comes from, in rising order of precedence: its default, the configuration file (YAML), the environment
// (SWITCHBOARD_<SECTION>_<KEY>; a secret also from the file that SWITCHBOARD_…_FILE names), the command line. What is not
// known is an error. The settings of providers are each provider's own; they stand under providers.<name> and are checked
// when the provider is made.
package config

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/setting"
)

// Config is what an operator sets.
type Config struct {
	Server   Server
	Database Database
	Secrets  Secrets
	Access   Access
	Delivery Delivery
	Live     Live
	Privacy  Privacy
	Sandbox  Sandbox
	Log      Log
	// Providers by name, each with its kind and the settings of that kind; Routes says which transport goes by which.
	Providers map[string]map[string]any
	Routes    map[string]string
	// Issuers are the sections of access.oidc by name, each the settings of one identity provider.
	Issuers map[string]map[string]any
	// Replicators by name, each with its kind and the settings of that kind.
	Replicators map[string]map[string]any
}

// Server is the settings without a section.
type Server struct {
	Listen          string        `key:"listen" default:"127.0.0.1:8080" doc:"Address and port of the HTTP server. An address that is not loopback should stand behind TLS."`
	PublicURL       string        `key:"public_url" doc:"Where clients and providers reach the server, such as https://switchboard.example.org; providers report to it and sign for it. Default: the listen address."`
	Data            string        `key:"data" default:"data" doc:"Folder of the database and of demo.json; created when missing."`
	Demo            bool          `key:"demo" default:"false" doc:"Fill an empty database with a demo organization and point every transport at the sandbox."`
	ShutdownTimeout time.Duration `key:"shutdown_timeout" default:"20s" doc:"How long a stopping server waits for requests and sends that are under way."`
	TrustedProxy    bool          `key:"trusted_proxy" default:"false" doc:"Take the caller's address from the last entry of X-Forwarded-For; set it only behind a proxy that writes the header."`
	AllowedOrigins  []string      `key:"allowed_origins" doc:"Origins of web pages whose scripts may call the APIs and follow channels, such as https://app.example.org; pages of this server always may."`
}

// Check implements setting.Checker.
func (s *Server) Check(f *errs.Fields) {
	checkAddress(f, "listen", s.Listen)
	if s.PublicURL != "" && !httpURL(s.PublicURL) {
		f.Add("public_url", "must be an http or https address without a path")
	}
	if s.ShutdownTimeout <= 0 {
		f.Add("shutdown_timeout", "must be longer than nothing")
	}
	for _, origin := range s.AllowedOrigins {
		if !httpURL(origin) {
			f.Add("allowed_origins", "must be addresses such as https://app.example.org")
		}
	}
}

// Database is the section database.
type Database struct {
	URL            setting.Secret `key:"url" doc:"postgres://user:password@host:5432/name for PostgreSQL. Default: SQLite, in the data folder."`
	MaxConnections int            `key:"max_connections" default:"0" doc:"Open connections at most; 0 means 4 readers on SQLite and 16 connections on PostgreSQL."`
}

// Check implements setting.Checker.
func (d *Database) Check(f *errs.Fields) {
	u := d.URL.Reveal()
	if u != "" && !strings.HasPrefix(u, "postgres://") && !strings.HasPrefix(u, "postgresql://") && !strings.HasPrefix(u, "sqlite:") {
		f.Add("url", "must begin with postgres:// (or sqlite: and a path)")
	}
	if d.MaxConnections < 0 {
		f.Add("max_connections", "must not be negative")
	}
}

// Secrets is the section secrets.
type Secrets struct {
	KeyFile string `key:"key_file" doc:"File of the keys that secrets in the database are sealed with; every node needs the same keys. Default: secrets.key in the data folder, made at the first start."`
}

// Access is the section access.
type Access struct {
	RequestsPerSecond int `key:"requests_per_second" default:"10000" doc:"What one key may ask for on one node, twice that in a burst; beyond it answers are 429 with Retry-After. 0 means no limit."`
}

// Check implements setting.Checker.
func (a *Access) Check(f *errs.Fields) {
	if a.RequestsPerSecond < 0 {
		f.Add("requests_per_second", "must not be negative")
	}
}

// Delivery is the section delivery.
type Delivery struct {
	Concurrency  int           `key:"concurrency" default:"32" doc:"Sends under way at once for each transport."`
	Lease        time.Duration `key:"lease" default:"1m" doc:"How long a node holds a delivery that it is sending; after a crash it is taken up again when this has passed."`
	ConsentFirst bool          `key:"consent_first" default:"false" doc:"Text messages of conversations to nobody who has not accepted (user-consents). Alerts go to who was not asked; who has refused, taken back or sent STOP is never texted, whatever this is."`
	HourlyCap    int           `key:"hourly_cap" default:"0" doc:"Deliveries to one person by one transport in an hour, beyond which they are suppressed as capped, except urgent ones; 0 means no cap."`
}

// Check implements setting.Checker.
func (d *Delivery) Check(f *errs.Fields) {
	if d.Concurrency < 1 || d.Concurrency > 1000 {
		f.Add("concurrency", "must be between 1 and 1000")
	}
	if d.Lease < 10*time.Second {
		f.Add("lease", "must be at least 10s")
	}
	if d.HourlyCap < 0 {
		f.Add("hourly_cap", "must not be negative")
	}
}

// Privacy is the section privacy.
type Privacy struct {
	ArchiveFolder string `key:"archive_folder" doc:"Folder for the exports that purges write before they remove anything, when asked to. Default: archives in the data folder."`
}

// Live is the section live.
type Live struct {
	MaxConnections int `key:"max_connections" default:"10000" doc:"Live connections on this node at most."`
}

// Check implements setting.Checker.
func (l *Live) Check(f *errs.Fields) {
	if l.MaxConnections < 1 {
		f.Add("max_connections", "must be at least 1")
	}
}

// Sandbox is the section sandbox.
type Sandbox struct {
	Listen string `key:"listen" doc:"Address and port of the sandbox: the providers' side of the wire, for development and tests. Empty means none, but 127.0.0.1:8081 with demo."`
}

// Check implements setting.Checker.
func (s *Sandbox) Check(f *errs.Fields) {
	if s.Listen == "" {
		return
	}
	checkAddress(f, "listen", s.Listen)
	if host, _, err := net.SplitHostPort(s.Listen); err == nil && !loopback(host) {
		f.Add("listen", "must be a loopback address: the sandbox shows everything to anybody")
	}
}

// Log is the section log.
type Log struct {
	Level  string `key:"level" default:"info" doc:"debug, info, warn or error."`
	Format string `key:"format" default:"text" doc:"text or json."`
}

// Check implements setting.Checker.
func (l *Log) Check(f *errs.Fields) {
	errs.OneOf(f, "level", l.Level, "debug", "info", "warn", "error")
	errs.OneOf(f, "format", l.Format, "text", "json")
}

func checkAddress(f *errs.Fields, key, address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" || strings.ContainsAny(host, " /") {
		f.Add(key, "must be an address and a port, such as 127.0.0.1:8080")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func httpURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && (u.Path == "" || u.Path == "/") && u.RawQuery == ""
}

// DatabaseURL is the database to open.
func (c *Config) DatabaseURL() string {
	if u := c.Database.URL.Reveal(); u != "" {
		return u
	}
	return "sqlite:" + c.Server.Data + "/switchboard.db"
}

// KeyFile is the file of the keys that secrets are sealed with.
func (c *Config) KeyFile() string {
	if c.Secrets.KeyFile != "" {
		return c.Secrets.KeyFile
	}
	return filepath.Join(c.Server.Data, "secrets.key")
}

// SandboxListen is where the sandbox listens; empty for none.
func (c *Config) SandboxListen() string {
	if c.Sandbox.Listen == "" && c.Server.Demo {
		return "127.0.0.1:8081"
	}
	return c.Sandbox.Listen
}
