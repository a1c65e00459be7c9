package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"

	"github.com/prometheus/client_golang/prometheus"

	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
	"switchboard/internal/vault/vaulttest"
)

// world is one organization with a ledger over a real database, a real directory and providers of the test's making.
type world struct {
	*testing.T
	db        *db.DB
	log       *eventlog.Log
	people    *directory.Service
	store     directory.Store
	providers *script
	metrics   *prometheus.Registry
	now       clock.Clock
	org       id.ID
	service   *delivery.Service
}

// bubble runs a test in a world of its own in which time passes only when everybody waits.
func bubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	url := dbtest.SQLiteURL(t)
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		test(t, newWorld(t, d, clock.System))
	})
}

func newWorld(t *testing.T, d *db.DB, now clock.Clock) *world {
	t.Helper()
	w := &world{T: t, db: d, log: eventlog.New(d, now, quietLog()), providers: newScript(), metrics: prometheus.NewRegistry(), now: now}
	w.store = directorydb.New(d, vaulttest.Box())
	w.people = directory.New(w.store, d, w.log, now)
	o := directorytest.Organization("Acme")
	w.must(w.store.InsertOrganization(t.Context(), o))
	w.org = o.ID
	w.service = delivery.New(w.options())
	return w
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (w *world) options() delivery.Options {
	return delivery.Options{
		Store: deliverydb.New(w.db), Tx: w.db, Directory: w.people, Phones: w.people,
		Consents: consent.NewLedger(consentdb.New(w.db), w.db, w.log, w.people, w.now), Events: w.log, Providers: w.providers,
		Clock: w.now, Logger: quietLog(), Metrics: w.metrics, PublicURL: "https://example.org/",
	}
}

// another returns a second process on the same database, with a store of its own when one is given.
func (w *world) another(store delivery.Store) *delivery.Service {
	o := w.options()
	o.Metrics = prometheus.NewRegistry()
	if store != nil {
		o.Store = store
	}
	return delivery.New(o)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// phone gives every user a number of their own.
func phone(n int) string { return fmt.Sprintf("+4917000%05d", n) }

// user stores a user who can be reached by everything.
func (w *world) user(n int, change ...func(u *directory.User)) directory.User {
	w.Helper()
	u := directorytest.User(w.org, fmt.Sprintf("user%d", n))
	u.Email, u.EmailVerified = fmt.Sprintf("user%d@example.org", n), true
	u.Phone, u.PhoneVerified = phone(n), true
	u.WebhookURL = fmt.Sprintf("https://hooks.example.org/user%d", n)
	for _, c := range change {
		c(&u)
	}
	w.must(w.store.InsertUser(w.Context(), u))
	return u
}

// alert returns a content that no deliveries have yet.
func (w *world) alert() delivery.Content {
	return delivery.Content{
		OrganizationID: w.org, Source: delivery.Source{Type: notify.SourceAlert, ID: id.New()}, Title: "Link down", Body: "WAN 2", At: w.now(),
	}
}

// enqueue stores deliveries to users by a transport, and returns their source.
func (w *world) enqueue(c delivery.Content, n transport.Name, users ...directory.User) delivery.Source {
	w.Helper()
	list := make([]delivery.Recipient, len(users))
	for i, u := range users {
		list[i] = delivery.Recipient{UserID: u.ID, Transport: n}
	}
	w.must(w.service.Enqueue(w.Context(), c, list))
	return c.Source
}

// start runs a dispatcher of a service until the test ends, or until it is stopped.
func (w *world) start(s *delivery.Service, o delivery.DispatcherOptions) *delivery.Dispatcher {
	d := delivery.NewDispatcher(s, o)
	d.Start()
	w.Cleanup(func() { d.Stop(context.Background()) })
	return d
}

// deliveries returns the ledger of a source.
func (w *world) deliveries(s delivery.Source) []delivery.Delivery {
	w.Helper()
	list, err := deliverydb.New(w.db).OfSource(w.Context(), w.org, s)
	w.must(err)
	return list
}

func (w *world) delivery(s delivery.Source) delivery.Delivery {
	w.Helper()
	list := w.deliveries(s)
	if len(list) != 1 {
		w.Fatalf("%d deliveries, want one", len(list))
	}
	return list[0]
}

func (w *world) attempts(d delivery.Delivery) []delivery.Attempt {
	w.Helper()
	all, err := deliverydb.New(w.db).Attempts(w.Context(), []id.ID{d.ID})
	w.must(err)
	return all[d.ID]
}

func (w *world) outcomes(d delivery.Delivery) []delivery.Outcome {
	w.Helper()
	var out []delivery.Outcome
	for _, a := range w.attempts(d) {
		out = append(out, a.Outcome)
	}
	return out
}

// is checks state and reason of a delivery.
func (w *world) is(d delivery.Delivery, s delivery.State, r reason.Reason) {
	w.Helper()
	if d.State != s || d.Reason != r {
		w.Errorf("the delivery is %s (%s), want %s (%s)", d.State, d.Reason, s, r)
	}
}

// counter returns a metric's value.
func (w *world) counter(name string) float64 {
	w.Helper()
	families, err := w.metrics.Gather()
	w.must(err)
	var total float64
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

// events returns the types of the entries about a delivery.
func (w *world) events(subject id.ID) []string {
	w.Helper()
	types, err := db.All(w.Context(), w.db.Q(w.Context()), db.Scalar[string],
		"select type from events where subject = $1 order by seq", subject)
	w.must(err)
	return types
}

// script is providers that answer as they are told.
type script struct {
	mu       sync.Mutex
	answer   func(ctx context.Context, m transport.Message) (transport.Result, error)
	policy   transport.Policy
	unserved map[transport.Name]bool
	sent     []transport.Message
	at       []time.Time
}

func newScript() *script {
	return &script{answer: accept, policy: transport.Policy{Attempts: 3, First: 10 * time.Second, Factor: 2, Max: time.Hour}}
}

// accept takes every message, under an id made of the attempt's.
func accept(_ context.Context, m transport.Message) (transport.Result, error) {
	return transport.Result{ProviderID: "SM" + m.AttemptID.String(), State: transport.Accepted, Detail: "201 Created"}, nil
}

func fail(e *transport.Error) func(context.Context, transport.Message) (transport.Result, error) {
	return func(context.Context, transport.Message) (transport.Result, error) { return transport.Result{}, e }
}

var errUnavailable = &transport.Error{Reason: reason.ProviderUnavailable, Retry: true, Code: "503", Detail: "come back"}

func (s *script) set(answer func(ctx context.Context, m transport.Message) (transport.Result, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// first answers the first calls as given, and takes everything after that.
func (s *script) first(answers ...func(ctx context.Context, m transport.Message) (transport.Result, error)) {
	n := 0
	s.set(func(ctx context.Context, m transport.Message) (transport.Result, error) {
		s.mu.Lock()
		i := n
		n++
		s.mu.Unlock()
		if i < len(answers) {
			return answers[i](ctx, m)
		}
		return accept(ctx, m)
	})
}

func (s *script) Send(ctx context.Context, m transport.Message) (transport.Result, error) {
	s.mu.Lock()
	s.sent, s.at = append(s.sent, m), append(s.at, time.Now())
	answer := s.answer
	s.mu.Unlock()
	return answer(ctx, m)
}

func (s *script) Route(n transport.Name) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !n.Valid() || s.unserved[n] {
		return "", false
	}
	return "carrier", true
}

func (s *script) For(n transport.Name, to string) (string, bool) {
	if strings.HasSuffix(to, "@nowhere.example") {
		return "", false
	}
	if strings.HasPrefix(to, "+1") {
		return "western", true
	}
	return s.Route(n)
}

func (s *script) Retry(transport.Name) transport.Policy { return s.policy }

func (s *script) Callbacks(string) (transport.Callbacks, bool) { return nil, false }

func (s *script) messages() []transport.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]transport.Message(nil), s.sent...)
}

// gaps returns the times between the sends.
func (s *script) gaps() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []time.Duration
	for i := 1; i < len(s.at); i++ {
		out = append(out, s.at[i].Sub(s.at[i-1]))
	}
	return out
}

// dead is the store of a process that dies: from then on nothing that it writes arrives.
type dead struct {
	delivery.Store
	mu   sync.Mutex
	died bool
}

var errDead = errors.New("the process is dead")

func (d *dead) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.died = true
}

func (d *dead) check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.died {
		return errDead
	}
	return nil
}

func (d *dead) Claim(ctx context.Context, n []transport.Name, now time.Time, lease time.Duration, limit int) (delivery.Claimed, error) {
	if err := d.check(); err != nil {
		return delivery.Claimed{}, err
	}
	return d.Store.Claim(ctx, n, now, lease, limit)
}

func (d *dead) Extend(ctx context.Context, lease id.ID, ids []id.ID, until time.Time) (int64, error) {
	if err := d.check(); err != nil {
		return 0, err
	}
	return d.Store.Extend(ctx, lease, ids, until)
}

func (d *dead) Finish(ctx context.Context, attempts []delivery.Attempt) error {
	if err := d.check(); err != nil {
		return err
	}
	return d.Store.Finish(ctx, attempts)
}

// benchWorld is a service over a database for benchmarks, without anybody in it.
func benchWorld(b *testing.B, d *db.DB) *world {
	b.Helper()
	w := &world{db: d, log: eventlog.New(d, clock.System, quietLog()), providers: newScript(), metrics: prometheus.NewRegistry(), now: clock.System, org: id.New()}
	w.store = directorydb.New(d, vaulttest.Box())
	w.people = directory.New(w.store, d, w.log, clock.System)
	w.service = delivery.New(w.options())
	return w
}
