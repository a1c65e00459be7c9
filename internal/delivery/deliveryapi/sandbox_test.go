package deliveryapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"

	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliveryapi"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/page"
	"switchboard/internal/reason"
	"switchboard/internal/sandbox"
	"switchboard/internal/transport"
	"switchboard/internal/transport/all"
	"switchboard/internal/vault/vaulttest"
	"switchboard/internal/web"
)

// hasty is providers that try again soon.
type hasty struct{ *transport.Set }

func (hasty) Retry(transport.Name) transport.Policy {
	return transport.Policy{Attempts: 3, First: 10 * time.Millisecond, Factor: 1, Max: 10 * time.Millisecond}
}

// wire is a ledger whose providers speak their real protocols to the sandbox, which reports back over HTTP.
type wire struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	people  directory.Store
	store   *deliverydb.Store
	service *delivery.Service
	org     id.ID
	users   int
	news    chan struct{} // something was logged
}

// handlerLater lets a server listen before its handler, which must know its address, exists.
type handlerLater struct{ http.Handler }

func newWire(t *testing.T, d *db.DB, o sandbox.Options) *wire {
	t.Helper()
	o.Addr, o.SMTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	box, err := sandbox.New(o)
	w := &wire{t: t, sandbox: box, people: directorydb.New(d, vaulttest.Box()), store: deliverydb.New(d), news: make(chan struct{}, 1)}
	w.must(err)
	w.must(box.Start(t.Context()))
	t.Cleanup(func() { w.must(box.Stop(context.Background())) })
	later := &handlerLater{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { later.ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	box.SetInboundURL(server.URL + "/callbacks/text")

	log := eventlog.New(d, clock.System, slog.New(slog.DiscardHandler))
	log.Start()
	t.Cleanup(log.Stop)
	set, err := transport.Open(t.Context(), transport.Config{Providers: box.Providers()}, all.Factories(), transport.Env{})
	w.must(err)
	t.Cleanup(func() { w.must(set.Close()) })
	people := directory.New(w.people, d, log, clock.System)
	w.service = delivery.New(delivery.Options{
		Store: w.store, Tx: d, Directory: people, Phones: people,
		Consents: consent.NewLedger(consentdb.New(d), d, log, people, clock.System), Events: log, Providers: hasty{set}, Clock: clock.System,
		Logger: slog.New(slog.DiscardHandler), PublicURL: server.URL,
	})
	api := web.New(web.Options{Codes: delivery.Codes()})
	deliveryapi.Mount(api, w.service)
	later.Handler = api

	org := directorytest.Organization("Acme")
	w.must(w.people.InsertOrganization(t.Context(), org))
	w.org = org.ID
	w.run(log)
	return w
}

// run starts what works in the background, and stops it before the sandbox goes.
func (w *wire) run(log *eventlog.Log) {
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		log.Tail(ctx, ready, func([]event.Entry) {
			select {
			case w.news <- struct{}{}:
			default:
			}
		})
	}()
	<-ready
	dispatcher := delivery.NewDispatcher(w.service, delivery.DispatcherOptions{SendTimeout: 2 * time.Second, Poll: 20 * time.Millisecond, Tick: 50 * time.Millisecond})
	dispatcher.Start()
	w.t.Cleanup(func() {
		dispatcher.Stop(context.Background())
		cancel()
		<-done
	})
}

func (w *wire) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// send enqueues a delivery to somebody new who is reached at an address.
func (w *wire) send(n transport.Name, address string) delivery.Source {
	w.t.Helper()
	w.users++
	u := directorytest.User(w.org, fmt.Sprint("user", w.users))
	switch n {
	case transport.Email:
		u.Email, u.EmailVerified = address, true
	case transport.Webhook:
		u.WebhookURL = address
	default:
		u.Phone, u.PhoneVerified = address, true
	}
	w.must(w.people.InsertUser(w.t.Context(), u))
	source := delivery.Source{Type: notify.SourceAlert, ID: id.New()}
	w.must(w.service.Enqueue(w.t.Context(), delivery.Content{
		OrganizationID: w.org, Source: source, Title: "Link down", Body: "WAN 2 of Köln", Followed: true, At: clock.System(),
	}, []delivery.Recipient{{UserID: u.ID, Transport: n}}))
	return source
}

func (w *wire) delivery(s delivery.Source) delivery.Delivery {
	w.t.Helper()
	list, err := w.store.OfSource(w.t.Context(), w.org, s)
	w.must(err)
	return list[0]
}

// await waits until a delivery has come to a state.
func (w *wire) await(s delivery.Source, wanted delivery.State) delivery.Delivery {
	w.t.Helper()
	patience := time.After(2 * time.Minute)
	for {
		d := w.delivery(s)
		if d.State == wanted {
			return d
		}
		select {
		case <-w.news:
		case <-patience:
			attempts, _ := w.store.Attempts(w.t.Context(), []id.ID{d.ID})
			w.t.Fatalf("the delivery is %s (%s) and not %s: %+v", d.State, d.Reason, wanted, attempts[d.ID])
		}
	}
}

func (w *wire) outcomes(d delivery.Delivery) []delivery.Outcome {
	w.t.Helper()
	all, err := w.store.Attempts(w.t.Context(), []id.ID{d.ID})
	w.must(err)
	var out []delivery.Outcome
	for _, a := range all[d.ID] {
		out = append(out, a.Outcome)
	}
	return out
}

func (w *wire) address(n transport.Name) string {
	switch n {
	case transport.Email:
		return fmt.Sprintf("user%d@example.org", w.users)
	case transport.Webhook:
		return w.sandbox.WebhookURL("ops")
	case transport.SMS, transport.WhatsApp:
	}
	return fmt.Sprintf("+4917000%05d", w.users)
}

func TestSandbox_everyTransport(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWire(t, d, sandbox.Options{ReportRead: true})
		for n, want := range map[transport.Name]delivery.State{
			transport.Email: delivery.Sent, transport.SMS: delivery.Delivered, transport.WhatsApp: delivery.Read, transport.Webhook: delivery.Delivered,
		} {
			got := w.await(w.send(n, w.address(n)), want)
			if o := w.outcomes(got); !slices.Equal(o, []delivery.Outcome{delivery.Accepted}) {
				t.Errorf("%s: outcomes %v", n, o)
			}
			found := w.sandbox.Outbox(sandbox.Filter{Transport: string(n)})
			if len(found) != 1 || !strings.Contains(found[0].Text+found[0].Title, "Link down") {
				t.Errorf("%s: the sandbox holds %+v", n, found)
			}
		}
	})
}

// Every way in which a service can fail once ends with the message delivered, unless it said no for good.
func TestSandbox_everyFailure(t *testing.T) {
	t.Parallel()
	w := newWire(t, dbtest.SQLite(t), sandbox.Options{})
	arrived := map[transport.Name]delivery.State{
		transport.Email: delivery.Sent, transport.SMS: delivery.Delivered, transport.WhatsApp: delivery.Delivered, transport.Webhook: delivery.Delivered,
	}
	for _, n := range transport.Names() {
		for _, mode := range sandbox.Modes() {
			w.sandbox.Fail(sandbox.Failure{Transport: string(n), Mode: mode, Delay: 1})
			source := w.send(n, w.address(n))
			final := mode == sandbox.ModeReject && n != transport.Webhook // receivers of webhooks never say no for good
			if final {
				got := w.await(source, delivery.Failed)
				if got.Reason != reason.AddressDead {
					t.Errorf("%s %s: %s", n, mode, got.Reason)
				}
				continue
			}
			got := w.await(source, arrived[n])
			want := 2
			if mode == sandbox.ModeSlow {
				want = 1
			}
			outcomes := w.outcomes(got)
			if len(outcomes) != want || outcomes[want-1] != delivery.Accepted {
				t.Errorf("%s %s: outcomes %v", n, mode, outcomes)
			}
			lost := mode == sandbox.ModeTimeout || mode == sandbox.ModeReset
			if lost && outcomes[0] != delivery.Ambiguous {
				t.Errorf("%s %s: outcomes %v", n, mode, outcomes)
			}
		}
	}
}

// What was taken before the connection broke is sent again under the same key, and the ledger says that it may have
// arrived twice.
func TestSandbox_takenAndLost(t *testing.T) {
	t.Parallel()
	w := newWire(t, dbtest.SQLite(t), sandbox.Options{})
	w.sandbox.Fail(sandbox.Failure{Transport: "webhook", Mode: sandbox.ModeReset, Taken: true})
	d := w.await(w.send(transport.Webhook, w.address(transport.Webhook)), delivery.Delivered)
	if o := w.outcomes(d); !slices.Equal(o, []delivery.Outcome{delivery.Ambiguous, delivery.Accepted}) {
		t.Errorf("outcomes %v", o)
	}
	found := w.sandbox.Outbox(sandbox.Filter{Transport: "webhook"})
	if len(found) != 2 || found[0].ProviderID != d.ID.String() || found[1].ProviderID != d.ID.String() {
		t.Errorf("the receiver got %+v", found)
	}
}

func TestSandbox_magicNumbers(t *testing.T) {
	t.Parallel()
	w := newWire(t, dbtest.SQLite(t), sandbox.Options{})
	for number, want := range map[string]struct {
		state    delivery.State
		reason   reason.Reason
		attempts int
	}{
		"+15005550001": {delivery.Failed, reason.AddressDead, 1},
		"+15005550004": {delivery.Failed, reason.OptedOut, 1},
		"+15005550010": {delivery.Failed, reason.GaveUp, 3}, // the phone stays off
		"+15005550011": {delivery.Failed, reason.AddressDead, 1},
		"+15005550012": {delivery.Failed, reason.ProviderRejected, 1},
		"+15005550014": {delivery.Sent, "", 1},
		"+15005550015": {delivery.Delivered, "", 1},
		"+15005550016": {delivery.Failed, reason.WindowClosed, 1},
		"+15005550018": {delivery.Failed, reason.GaveUp, 3},
	} {
		n := transport.SMS
		if want.reason == reason.WindowClosed {
			n = transport.WhatsApp
		}
		d := w.await(w.send(n, number), want.state)
		if got := len(w.outcomes(d)); d.Reason != want.reason || got != want.attempts {
			t.Errorf("%s: %s after %d attempts, want %s after %d", number, d.Reason, got, want.reason, want.attempts)
		}
	}
}

func TestSandbox_stop(t *testing.T) {
	t.Parallel()
	w := newWire(t, dbtest.SQLite(t), sandbox.Options{})
	const number = "+491701112233"
	w.await(w.send(transport.SMS, number), delivery.Delivered)
	say := func(text string) {
		t.Helper()
		answer, err := w.sandbox.Say(t.Context(), "sms", sandbox.Said{From: number, To: "+15005550006", Body: text})
		w.must(err)
		if answer.Status != 200 {
			t.Fatalf("the callback was answered with %d", answer.Status)
		}
	}
	say("STOP")
	users, err := w.people.ListUsers(t.Context(), directory.UserFilter{OrganizationID: w.org, Username: "user1"}, page.Offset{Limit: 1})
	w.must(err)
	u := users.Items[0]
	if !u.PhoneUnsubscribed {
		t.Fatal("STOP did not unsubscribe")
	}
	again := func() delivery.Source {
		t.Helper()
		source := delivery.Source{Type: notify.SourceAlert, ID: id.New()}
		w.must(w.service.Enqueue(t.Context(), delivery.Content{OrganizationID: w.org, Source: source, Title: "x", Followed: true, At: clock.System()},
			[]delivery.Recipient{{UserID: u.ID, Transport: transport.SMS}}))
		return source
	}
	if d := w.await(again(), delivery.Suppressed); d.Reason != reason.OptedOut {
		t.Errorf("suppressed as %s", d.Reason)
	}
	say("start")
	w.await(again(), delivery.Delivered)
}
