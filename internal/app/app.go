// Package app puts the parts of the server together, and starts and stops them. It is the one place that knows every part;
// it has no rules of its own. An App is a value: a test can run several in one process.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"switchboard/internal/access/accessoidc"
	"switchboard/internal/clock"
	"switchboard/internal/config"
	"switchboard/internal/db"
	"switchboard/internal/delivery"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/live"
	"switchboard/internal/messaging"
	"switchboard/internal/notify"
	"switchboard/internal/replication"
	"switchboard/internal/sandbox"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
	"switchboard/internal/transport/all"
	"switchboard/internal/vault"
	"switchboard/internal/web"
)

// Options are what code, not an operator, chooses.
type Options struct {
	Logger  *slog.Logger // nil: nothing is logged
	Version string
	// Clock is what the whole server goes by, whatever the database's clock says. nil: the system's, and the database's for what
	// several nodes must agree on.
	Clock clock.Clock
}

// App is the server.
type App struct {
	cfg     config.Config
	log     *slog.Logger
	metrics *prometheus.Registry

	db        *db.DB
	vault     *vault.Service
	events    *eventlog.Log
	services  services
	providers *transport.Set
	issuers   *accessoidc.Set
	hub       *live.Hub
	web       *web.Server
	sandbox   *sandbox.Sandbox
	listener  net.Listener
	started   time.Time
	ownClock  bool // Options.Clock was given

	replicators map[string]replication.Replicator // of the configuration

	resources lifecycle // what New took
	running   lifecycle // what Start started
	failed    chan error
	health    health
}

// New opens the database, migrates it and takes the addresses to listen on. It starts nothing. When it fails, everything
// that it took is given back.
func New(ctx context.Context, cfg config.Config, o Options) (_ *App, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &App{
		cfg: cfg, log: o.Logger, metrics: prometheus.NewRegistry(), failed: make(chan error, 1), started: time.Now(), ownClock: o.Clock != nil,
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		if err != nil {
			err = errors.Join(err, a.resources.down(context.WithoutCancel(ctx), a.log))
		}
	}()
	if err := a.openDatabase(ctx); err != nil {
		return nil, err
	}
	if err := a.openVault(ctx, o.Clock); err != nil {
		return nil, err
	}
	if err := a.openSandbox(ctx); err != nil {
		return nil, err
	}
	if err := a.openListener(ctx); err != nil {
		return nil, err
	}
	if err := a.openProviders(ctx, o.Clock); err != nil {
		return nil, err
	}
	if err := a.openIssuers(o.Clock); err != nil {
		return nil, err
	}
	if a.replicators, err = openReplicators(cfg); err != nil {
		return nil, err
	}
	return a, a.assemble(o)
}

func (a *App) openDatabase(ctx context.Context) error {
	err := a.resources.up("database", func() (err error) {
		a.db, err = db.Open(ctx, a.cfg.DatabaseURL(), db.Options{MaxConns: a.cfg.Database.MaxConnections})
		return err
	}, func(context.Context) error { return a.db.Close() })
	if err != nil {
		return err
	}
	return a.db.Migrate(ctx)
}

// openVault makes the event log, which records what is done to keys, and reads the keys of the server's secrets. Nothing that
// is sealed can be read or written before.
func (a *App) openVault(ctx context.Context, now clock.Clock) error {
	a.events = eventlog.New(a.db, now, a.log)
	a.vault = a.newVault(now)
	if err := a.vault.Unlock(ctx); err != nil {
		return fmt.Errorf("opening the secrets: %w", err)
	}
	return nil
}

func (a *App) openSandbox(ctx context.Context) error {
	if a.cfg.SandboxListen() == "" {
		return nil
	}
	s, err := sandbox.New(sandbox.Options{Addr: a.cfg.SandboxListen(), SMTPAddr: "127.0.0.1:0", Log: a.log})
	if err != nil {
		return err
	}
	a.sandbox = s
	return a.resources.up("sandbox", func() error { return s.Start(ctx) }, s.Stop)
}

func (a *App) openListener(ctx context.Context) error {
	return a.resources.up("listener", func() (err error) {
		a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.Server.Listen)
		return err
	}, func(context.Context) error {
		if err := a.listener.Close(); !errors.Is(err, net.ErrClosed) { // the HTTP server closes it too
			return err
		}
		return nil
	})
}

// openProviders makes the providers of the configuration. Where it names none, those of the sandbox stand in.
func (a *App) openProviders(ctx context.Context, now clock.Clock) error {
	providers := a.cfg.Providers
	if a.sandbox != nil && len(providers) == 0 {
		providers = a.sandbox.Providers()
		a.sandbox.SetInboundURL(a.URL() + "/callbacks/text")
	}
	return a.resources.up("providers", func() (err error) {
		a.providers, err = transport.Open(ctx, transportConfig(providers, a.cfg.Routes), all.Factories(), transport.Env{Clock: now})
		return err
	}, func(context.Context) error { return a.providers.Close() })
}

// openIssuers makes the identity providers of the configuration. It asks none of them anything.
func (a *App) openIssuers(now clock.Clock) error {
	return a.resources.up("identity providers", func() (err error) {
		a.issuers, err = accessoidc.Open(a.cfg.Issuers, now)
		return err
	}, func(context.Context) error { return a.issuers.Close() })
}

// CheckIssuers tells what is wrong with the identity providers of a configuration, without asking any.
func CheckIssuers(cfg config.Config) error {
	set, err := accessoidc.Open(cfg.Issuers, clock.System)
	if err != nil {
		return fmt.Errorf("the identity providers are not usable: %w", err)
	}
	return set.Close()
}

// IssuerSettings lists the settings of an identity provider, for the reference page.
func IssuerSettings() []setting.Setting { return accessoidc.Settings() }

func transportConfig(providers map[string]map[string]any, routes map[string]string) transport.Config {
	c := transport.Config{Providers: providers, Routes: map[transport.Name]string{}}
	for name, to := range routes {
		c.Routes[transport.Name(name)] = to
	}
	return c
}

// CheckProviders tells what is wrong with the providers of a configuration, without connecting to any.
func CheckProviders(ctx context.Context, cfg config.Config) error {
	set, err := transport.Open(ctx, transportConfig(cfg.Providers, cfg.Routes), all.Factories(), transport.Env{})
	if err != nil {
		return fmt.Errorf("the providers are not usable: %w", err)
	}
	return set.Close()
}

// Start serves. What it starts runs until Stop.
func (a *App) Start(ctx context.Context) error {
	if err := a.start(ctx); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	a.health.up()
	a.log.Info("started", "url", a.URL(), "database", a.db.Dialect(), "took", time.Since(a.started).Round(time.Millisecond))
	return nil
}

func (a *App) start(ctx context.Context) error {
	if a.cfg.Server.Demo {
		if err := a.seedDemo(ctx); err != nil {
			return fmt.Errorf("making the demo: %w", err)
		}
	}
	a.events.Start()
	if err := a.running.up("event log", nil, func(context.Context) error { a.events.Stop(); return nil }); err != nil {
		return err
	}
	s := a.services
	cleaner, planner := notify.NewCleaner(s.notify), delivery.NewPlanner(s.delivery, s.messaging)
	for _, c := range []eventlog.Consumer{
		{Name: messaging.ConsumerName, Wants: messaging.Follows, Handle: s.messaging.Follow},
		{Name: notify.CleanerName, Wants: cleaner.Wants, Handle: cleaner.Handle},
		{Name: delivery.PlannerName, Wants: planner.Wants, Handle: planner.Handle},
	} {
		if err := a.consume(ctx, c); err != nil {
			return err
		}
	}
	follow := background(func(ctx context.Context) {
		a.events.Tail(ctx, nil, func(entries []event.Entry) {
			s.access.Follow(entries)
			s.sniffers.Follow(entries)
		})
	})
	dispatcher := delivery.NewDispatcher(s.delivery, delivery.DispatcherOptions{Concurrency: a.cfg.Delivery.Concurrency, Lease: a.cfg.Delivery.Lease})
	dispatcher.Start()
	server := web.HTTPServer(context.WithoutCancel(ctx), a.Handler(), a.log)
	return errors.Join(
		a.running.up("chain of the audit", nil, background(s.chainer.Run)),
		a.running.up("purges", nil, background(a.purge)),
		a.running.up("key cache", nil, follow),
		a.running.up("key usage", nil, s.access.Flush),
		a.running.up("key usage loop", nil, loop(a.log, "key usage", 30*time.Second, s.access.Flush)),
		a.running.up("secrets loop", nil, loop(a.log, "secrets", 10*time.Second, s.vault.Refresh)),
		a.running.up("clean-up loop", nil, loop(a.log, "clean-up", time.Hour, func(ctx context.Context) error {
			_, err := s.access.Prune(ctx)
			_, err2 := s.sniffers.Prune(ctx)
			return errors.Join(err, err2)
		})),
		a.running.up("sniffers", func() error { s.sniffers.Start(); return nil }, func(context.Context) error { s.sniffers.Stop(); return nil }),
		a.running.up("replicators", nil, a.replicate(ctx)),
		a.running.up("dispatcher", nil, func(ctx context.Context) error { dispatcher.Stop(ctx); return nil }),
		a.running.up("HTTP server", func() error { a.serve(server); return nil }, server.Shutdown),
		a.running.up("live connections", func() error { return a.hub.Start(ctx) }, a.hub.Stop),
	)
}

// consume runs a durable consumer of the log. It is registered first, so that it sees all that is written from now on.
func (a *App) consume(ctx context.Context, c eventlog.Consumer) error {
	if err := a.events.Register(ctx, c.Name); err != nil {
		return err
	}
	return a.running.up("consumer "+c.Name, nil, background(func(ctx context.Context) { a.events.Consume(ctx, c) }))
}

// replicate registers the replicators of the configuration, so that a server that is ready lists them, and polls them in
// the background. One that is not ready, because its organization is not there yet, is tried again.
func (a *App) replicate(ctx context.Context) (stop func(context.Context) error) {
	if err := a.services.feeds.Register(ctx); err != nil {
		a.log.Warn("a replicator is not ready", "error", err)
	}
	return background(func(ctx context.Context) { a.services.feeds.Run(ctx, a.log) })
}

// background runs fn in a goroutine until the returned stop is called.
func background(fn func(ctx context.Context)) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(ctx)
	}()
	return func(context.Context) error {
		cancel()
		<-done
		return nil
	}
}

func (a *App) serve(server *http.Server) {
	go func() {
		if err := server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("the HTTP server stopped: %w", err)
		}
	}()
}

// Failed delivers the error of a part that stopped by itself.
func (a *App) Failed() <-chan error { return a.failed }

// Stop finishes what is under way until ctx ends, hands back the rest and closes everything. It may be called early and
// twice.
func (a *App) Stop(ctx context.Context) error {
	a.health.down()
	err := a.running.down(ctx, a.log)
	return errors.Join(err, a.resources.down(ctx, a.log))
}

// URL is where the server listens.
func (a *App) URL() string { return "http://" + a.listener.Addr().String() }

// publicURL is where others reach the server.
func (a *App) publicURL() string {
	if a.cfg.Server.PublicURL != "" {
		return a.cfg.Server.PublicURL
	}
	if a.listener == nil {
		return ""
	}
	return a.URL()
}

// SandboxURL is where the sandbox listens; empty without one.
func (a *App) SandboxURL() string {
	if a.sandbox == nil {
		return ""
	}
	return a.sandbox.URL()
}

// Handler is the HTTP side, for tests that need no listener.
func (a *App) Handler() http.Handler {
	if a.cfg.Server.TrustedProxy {
		return behindProxy(a.web)
	}
	return a.web
}

// DB is the database, for tests that look behind the API.
func (a *App) DB() *db.DB { return a.db }
