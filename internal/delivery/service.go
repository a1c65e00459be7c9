package delivery

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/consent"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/transport"
	"switchboard/internal/tx"
)

// Transactions runs transactions and what is to follow them. *db.DB does.
type Transactions interface {
	tx.Runner
	// AfterCommit runs fn once the transaction of ctx is committed, and at once when there is none.
	AfterCommit(ctx context.Context, fn func())
}

// Directory is what this context asks of package directory, whose Service it is. The methods check no permission.
type Directory interface {
	Users(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error)
	Individuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]directory.Individual, error)
	Organization(ctx context.Context, organization id.ID) (directory.Organization, error)
}

// Phones finds those who have a telephone number, in every organization. Package directory's Service does.
type Phones interface {
	// UsersWithPhone returns the users with this number (E.164), in no order.
	UsersWithPhone(ctx context.Context, phone string) ([]directory.User, error)
}

// Consents is what this context asks of package consent, whose Ledger it is.
type Consents interface {
	// Hear takes in a text, once, and returns what is to be answered; nil is nothing.
	Hear(ctx context.Context, t consent.Text, users []directory.User) (*consent.Reply, error)
	// Standings tells where users of an organization stand with being reached by a transport, by user. Users without a
	// number are absent.
	Standings(ctx context.Context, organization id.ID, t consent.Type, users []directory.User) (map[id.ID]consent.Standing, error)
}

// Providers is the providers that the server runs. *transport.Set is one.
type Providers interface {
	// Send makes one attempt by the provider of the message's transport; its errors are those of transport.Sender.
	Send(ctx context.Context, m transport.Message) (transport.Result, error)
	// Route tells whether a transport is served at all, and by whom when the address makes no difference.
	Route(n transport.Name) (provider string, ok bool)
	// For returns the provider that serves an address of a transport.
	For(n transport.Name, to string) (provider string, ok bool)
	// Retry returns the policy for a transport.
	Retry(n transport.Name) transport.Policy
	// Callbacks returns the reader of a provider's callbacks.
	Callbacks(provider string) (transport.Callbacks, bool)
}

// Options is what a Service is made with. Everything is required unless it says otherwise. The store, the directory, the
// phones, the consents and the events must take part in the transactions of Tx.
type Options struct {
	Store     Store
	Tx        Transactions
	Directory Directory
	Phones    Phones
	Consents  Consents
	Events    event.Recorder
	Providers Providers
	Clock     clock.Clock
	Logger    *slog.Logger
	// Metrics takes the counters; nil counts nowhere.
	Metrics prometheus.Registerer
	// PublicURL is where providers reach the server, without a path; empty asks them for no reports.
	PublicURL string
	// HourlyCap is how many deliveries a person is sent by one transport within an hour; 0 means any number.
	HourlyCap int
	// ConsentFirst keeps messages of conversations from people who have not accepted to be texted. Alerts go to who has
	// not been asked.
	ConsentFirst bool
	// Random spreads retries; nil is the runtime's.
	Random transport.Random
}

// Service keeps the ledger's rules. It is safe for concurrent use. It sends nothing by itself: see Dispatcher.
type Service struct {
	opt     Options
	metrics *metrics
	zones   zones
	bell    bell // rung when there may be work
}

// New returns a service.
func New(o Options) *Service {
	if o.Random == nil {
		o.Random = runtimeRandom{}
	}
	return &Service{opt: o, metrics: newMetrics(o.Metrics), bell: bell{ch: make(chan struct{})}}
}

// runtimeRandom is the runtime's generator, which is safe for concurrent use.
type runtimeRandom struct{}

func (runtimeRandom) Float64() float64 { return rand.Float64() } //nolint:gosec // it spreads retries, it hides nothing

// QueueAge returns for how long the oldest due delivery has been waiting; 0 when none is.
func (s *Service) QueueAge(ctx context.Context) (time.Duration, error) {
	now := s.opt.Clock()
	var age time.Duration
	for _, n := range Transports() {
		due, found, err := s.opt.Store.NextDue(ctx, []transport.Name{n})
		if err != nil {
			return 0, err
		}
		if found {
			age = max(age, now.Sub(due))
		}
	}
	return age, nil
}

// Callbacks returns the reader of what a provider reports. NotFound: there is no such provider, or it reports nothing.
func (s *Service) Callbacks(provider string) (transport.Callbacks, error) {
	c, ok := s.opt.Providers.Callbacks(provider)
	if !ok {
		return nil, errs.MissingRecord("provider with callbacks")
	}
	return c, nil
}

// PublicURL is where providers reach the server, without a path; empty when it is not known.
func (s *Service) PublicURL() string { return strings.TrimRight(s.opt.PublicURL, "/") }

// record appends an entry about each delivery whose content is followed, as the server itself.
func (s *Service) record(ctx context.Context, contents map[id.ID]Content, deliveries ...Delivery) error {
	for _, d := range deliveries {
		c := contents[d.ContentID]
		if !c.Followed {
			continue
		}
		ctx := actor.With(ctx, actor.System(d.OrganizationID))
		if err := s.opt.Events.Record(ctx, changeOf(c, d)); err != nil {
			return err
		}
	}
	return nil
}

// The types of the entries that this context writes to the event log.
const (
	// EventPrefix and a state make the type of the entry about a delivery that has come to that state, where its content
	// is followed.
	EventPrefix       = "delivery.delivery."
	EventRetried      = "delivery.delivery.retried" // by hand; the data is that of a change of state
	EventTextReceived = "delivery.text.received"
)

// changed is what subscribers learn of a delivery: no address.
type changed struct {
	SourceType   string `json:"source-type"`
	SourceID     id.ID  `json:"source-id"`
	UserID       id.ID  `json:"user-id"`
	IndividualID id.ID  `json:"individual-id"`
	Transport    string `json:"transport"`
	State        string `json:"state"`
	Reason       string `json:"reason"`
}

func changeOf(c Content, d Delivery) event.Change {
	return event.Change{
		OrganizationID: d.OrganizationID, Type: EventPrefix + string(d.State), Subject: d.ID,
		Data: changed{
			SourceType: c.Source.Type, SourceID: c.Source.ID, UserID: d.UserID, IndividualID: d.IndividualID,
			Transport: string(d.Transport), State: string(d.State), Reason: string(d.Reason),
		},
	}
}

// bell wakes whoever waits for work.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}

// next returns a channel that the next ring closes. Take it before looking for work, or a ring may be missed.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}
