package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/access"
	"switchboard/internal/access/accessapi"
	"switchboard/internal/access/accessdb"
	"switchboard/internal/access/accessoidc"
	"switchboard/internal/actor"
	"switchboard/internal/aggregate"
	"switchboard/internal/aggregate/aggregateapi"
	"switchboard/internal/audit"
	"switchboard/internal/audit/auditapi"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/clock"
	"switchboard/internal/config"
	"switchboard/internal/consent"
	"switchboard/internal/consent/consentapi"
	"switchboard/internal/consent/consentdb"
	"switchboard/internal/db"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliveryapi"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directoryapi"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/live"
	"switchboard/internal/messaging"
	"switchboard/internal/messaging/messagingapi"
	"switchboard/internal/messaging/messagingdb"
	"switchboard/internal/notify"
	"switchboard/internal/notify/notifyapi"
	"switchboard/internal/notify/notifydb"
	"switchboard/internal/privacy"
	"switchboard/internal/privacy/privacyapi"
	"switchboard/internal/replication"
	"switchboard/internal/replication/replicationapi"
	"switchboard/internal/replication/replicationdb"
	"switchboard/internal/transport"
	"switchboard/internal/vault"
	"switchboard/internal/vault/vaultdb"
	"switchboard/internal/web"
)

// services is the rules of every context.
type services struct {
	vault     *vault.Service
	directory *directory.Service
	access    *access.Service
	sniffers  *access.Sniffers
	aggregate *aggregate.Service
	audit     *audit.Service
	chainer   *audit.Chainer
	messaging *messaging.Service
	notify    *notify.Service
	consent   *consent.Service
	delivery  *delivery.Service
	privacy   *privacy.Service
	feeds     *replication.Service
}

// assemble connects the parts. Nothing runs yet.
func (a *App) assemble(o Options) error {
	a.services = a.newServices(o.Clock)
	guard := &accessapi.Guard{
		Access: a.services.access, Sniffers: a.services.sniffers,
		Limits: accessapi.NewLimiter(a.cfg.Access.RequestsPerSecond, o.Clock), Logger: a.log,
	}
	a.web = web.New(web.Options{
		Version: o.Version, BaseURL: a.cfg.Server.PublicURL, Logger: a.log, Metrics: a.metrics, Codes: codes(), Wrap: guard.Wrap,
		AllowOrigins: a.cfg.Server.AllowedOrigins,
	})
	hub, err := live.New(live.Options{
		Log: a.events, Authenticate: a.services.access.Authenticate, MayFollow: a.services.messaging.CanRead,
		Followed: a.services.messaging.Followed, Denied: a.liveDenied, Connected: guard.Connected,
		Origins: a.cfg.Server.AllowedOrigins, MaxConnections: a.cfg.Live.MaxConnections, Logger: a.log, Metrics: a.metrics,
	})
	if err != nil {
		return err
	}
	a.hub = hub
	a.mount(guard)
	return nil
}

// liveDenied records what a live connection was denied; its request goes on.
func (a *App) liveDenied(ctx context.Context, door string, err error) {
	if err := a.services.access.Denied(ctx, access.NewDenial(door, "", err)); err != nil {
		a.log.Error("a denied attempt is not in the audit", "error", err, "route", door)
	}
}

func (a *App) newServices(now clock.Clock) services {
	people := directory.New(directorydb.New(a.db, a.vault), a.db, a.events, now)
	consents := consent.NewLedger(consentdb.New(a.db), a.db, a.events, people, now)
	d := delivery.New(delivery.Options{
		Store: a.deliveries(), Tx: a.db, Directory: people, Phones: people, Consents: consents, Events: a.events, Providers: a.providers,
		Clock: now, Logger: a.log, Metrics: a.metrics, PublicURL: a.publicURL(), HourlyCap: a.cfg.Delivery.HourlyCap,
		ConsentFirst: a.cfg.Delivery.ConsentFirst,
	})
	conversations := messaging.New(messagingdb.New(a.db), people, a.db, a.events, now)
	return services{
		vault:     a.vault,
		directory: people,
		audit:     audit.New(auditdb.New(a.db), a.events, a.vault, now),
		chainer:   audit.NewChainer(auditdb.New(a.db), a.db, a.vault, now, a.log),
		access:    a.newAccess(a.events, people, now),
		sniffers:  a.newSniffers(people, now),
		aggregate: aggregate.New(aggregate.Sources{
			Visible:        people.VisibleIndividuals,
			UnreadMessages: conversations.UnreadMessages, LastMessage: conversations.LastMessageTimes,
			LastLogin: people.LastActive, PendingConsent: consents.Pending,
		}),
		messaging: conversations,
		privacy:   a.newPrivacy(a.events, people, conversations, now),
		notify:    notify.New(notifydb.New(a.db), a.db, a.events, people, d.Outbox(), now),
		consent:   consent.New(consents, d.Invitations(), notary{a.vault}),
		delivery:  d,
		feeds:     newReplication(a.replicators, a.db, a.events, people, a.vault, now),
	}
}

func (a *App) deliveries() delivery.Store {
	if a.ownClock {
		return byOurClock{deliverydb.New(a.db)}
	}
	return deliverydb.New(a.db)
}

// byOurClock is a store whose database's clock is not asked.
type byOurClock struct{ delivery.Store }

func (byOurClock) Skew(context.Context, func() time.Time) (time.Duration, error) { return 0, nil }

func (a *App) newAccess(events *eventlog.Log, people *directory.Service, now clock.Clock) *access.Service {
	return access.New(access.Options{
		Store: accessdb.New(a.db, a.vault), Tx: a.db, Events: events, Directory: people, Clock: now, Resources: Resources(),
		Issuers: a.issuers.Issuers(), SignIn: signIn{people, replicationdb.New(a.db)}, Seen: people.Seen, Logger: a.log,
	})
}

func (a *App) newSniffers(people *directory.Service, now clock.Clock) *access.Sniffers {
	return access.NewSniffers(access.SnifferOptions{
		Store: accessdb.New(a.db, a.vault), Tx: a.db, Events: a.events, Directory: people, Clock: now, Logger: a.log, Metrics: a.metrics,
	})
}

// signIn finds who signs in elsewhere, by what the directory or another system says.
type signIn struct {
	*directory.Service
	links *replicationdb.Store
}

// UserKnownAs implements access.SignIn.
func (s signIn) UserKnownAs(ctx context.Context, organization id.ID, source, externalID string) (id.ID, bool, error) {
	links, err := s.links.FindLinks(ctx, organization, source, replication.Users, []string{externalID})
	link, ok := links[externalID]
	return link.RecordID, ok, err
}

// mount registers every endpoint: this is the list of contexts.
func (a *App) mount(guard *accessapi.Guard) {
	s := a.services
	a.mountHealth(a.web)
	guard.Mount(a.web)
	auditapi.Mount(a.web, s.audit)
	aggregateapi.Mount(a.web, s.aggregate)
	a.hub.Mount(a.web)
	directoryapi.Mount(a.web, s.directory)
	messagingapi.Mount(a.web, s.messaging, s.directory, s.delivery.Destinations())
	notifyapi.Mount(a.web, s.notify)
	consentapi.Mount(a.web, s.consent)
	deliveryapi.Mount(a.web, s.delivery)
	replicationapi.Mount(a.web, s.feeds, a.cfg.Server.PublicURL)
	privacyapi.Mount(a.web, s.privacy)
}

// codes is the catalogue of errors.
func codes() []errs.Code {
	return slices.Concat(access.Codes(), directory.Codes(), messaging.Codes(), notify.Codes(), consent.Codes(), delivery.Codes(), replication.Codes(), privacy.Codes())
}

// Resources is the catalogue of what scopes name.
func Resources() []actor.Resource {
	return slices.Concat(access.Resources(), aggregate.Resources(), audit.Resources(), directory.Resources(), messaging.Resources(), notify.Resources(), consent.Resources(), delivery.Resources(), replication.Resources(), privacy.Resources())
}

// sealedColumns is everything in the database that is sealed: the stores of the contexts declare it.
func sealedColumns() []vault.Column {
	return slices.Concat(accessdb.SealedColumns(), directorydb.SealedColumns())
}

func (a *App) newVault(now clock.Clock) *vault.Service {
	return vault.New(vault.Options{
		Store: vaultdb.New(a.db), Tx: a.db, Clock: now, Logger: a.log, Events: a.events,
		KeyFile: a.cfg.KeyFile(), Generate: a.cfg.Secrets.KeyFile == "", Columns: sealedColumns(),
	})
}

// Migrate brings the configured database to the schema of this binary.
func Migrate(ctx context.Context, cfg config.Config) error {
	d, err := db.Open(ctx, cfg.DatabaseURL(), db.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	return errors.Join(d.Migrate(ctx), d.Close())
}

// Routes returns the route table. It needs no configuration and leaves nothing behind.
func Routes(ctx context.Context) ([]web.Route, error) {
	dir, err := os.MkdirTemp("", "switchboard-routes")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d, err := db.Open(ctx, filepath.Join(dir, "empty.db"), db.Options{MaxConns: 1})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	a := &App{db: d, log: slog.New(slog.DiscardHandler), metrics: prometheus.NewRegistry(), providers: &transport.Set{}, issuers: &accessoidc.Set{}}
	a.events = eventlog.New(a.db, clock.System, a.log)
	a.vault = a.newVault(clock.System) // stays locked
	if err := a.assemble(Options{Clock: clock.System}); err != nil {
		return nil, err
	}
	return a.web.Routes(), nil
}
