package deliveryapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/delivery"
	"switchboard/internal/delivery/deliveryapi"
	"switchboard/internal/delivery/deliverydb"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorydb"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
	"switchboard/internal/notify"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
	"switchboard/internal/transport/twilio"
	"switchboard/internal/vault/vaulttest"
	"switchboard/internal/web"
)

const (
	publicURL = "https://switchboard.example.org"
	authToken = "12345678901234567890123456789012"
	phone     = "+491701234567"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a server over a real database with two organizations and the ledger of one alert and one message. A bearer
// token is the name of one of its actors.
type world struct {
	*web.Server
	t          *testing.T
	db         *db.DB
	log        *eventlog.Log
	people     directory.Store
	store      *deliverydb.Store
	delivery   *delivery.Service
	org, other directory.Organization
	ann, ben   directory.User
	annsSelf   directory.Individual
	alert      id.ID
	message    id.ID
	failed     id.ID // to ann by SMS, with two attempts and a callback
	queued     id.ID // to ben by SMS
	muted      id.ID // to ben by e-mail, by a rule of the group
	said       id.ID // to ann's individual by SMS, sent
	theirs     id.ID // of the other organization, failed
	actors     map[string]actor.Actor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t, publicURL)
}

// newWorldAt is newWorld under another public URL.
func newWorldAt(t *testing.T, publicURL string) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.SQLite(t), org: directorytest.Organization("Ours"), other: directorytest.Organization("Theirs")}
	at := clock.At(now)
	w.log = eventlog.New(w.db, at, slog.New(slog.DiscardHandler))
	w.people, w.store = directorydb.New(w.db, vaulttest.Box()), deliverydb.New(w.db)
	people := directory.New(w.people, w.db, w.log, at)
	set, err := transport.Open(t.Context(), transport.Config{Providers: map[string]map[string]any{"twilio": {
		"kind": "twilio", "account_sid": "AC00000000000000000000000000000001", "auth_token": authToken, "from": "+15551230000",
	}}}, map[string]transport.Factory{"twilio": twilio.Factory()}, transport.Env{Clock: at})
	w.must(err)
	t.Cleanup(func() { w.must(set.Close()) })
	w.delivery = delivery.New(delivery.Options{
		Store: w.store, Tx: w.db, Directory: people, Phones: people,
		Consents: consent.NewLedger(consentdb.New(w.db), w.db, w.log, people, at), Events: w.log, Providers: set, Clock: at,
		Logger: slog.New(slog.DiscardHandler), PublicURL: publicURL,
	})
	w.Server = web.New(web.Options{Wrap: w.authenticate, Codes: delivery.Codes()})
	deliveryapi.Mount(w.Server, w.delivery)
	w.populate()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) populate() {
	ctx := w.t.Context()
	w.must(w.people.InsertOrganization(ctx, w.org))
	w.must(w.people.InsertOrganization(ctx, w.other))
	w.ann, w.annsSelf = directorytest.Person(ctx, w.t, w.people, w.org.ID, "ann", directory.Participant)
	w.ann.Phone, w.ann.PhoneVerified = phone, true
	w.must(w.people.UpdateUser(ctx, w.ann))
	w.ben, _ = directorytest.Person(ctx, w.t, w.people, w.org.ID, "ben", directory.Provider)
	third, _ := directorytest.Person(ctx, w.t, w.people, w.other.ID, "third", directory.Provider)

	w.alert, w.message = id.New(), id.New()
	group := id.New()
	alert := w.enqueue(w.org.ID, delivery.Source{Type: notify.SourceAlert, ID: w.alert}, "Link down",
		delivery.Recipient{UserID: w.ann.ID, GroupID: group, Transport: transport.SMS},
		delivery.Recipient{UserID: w.ben.ID, GroupID: group, Transport: transport.SMS},
		delivery.Recipient{UserID: w.ben.ID, GroupID: group, Transport: transport.Email, Skip: reason.MutedAlways})
	w.failed, w.queued, w.muted = alert[0].ID, alert[1].ID, alert[2].ID
	w.said = w.enqueue(w.org.ID, delivery.Source{Type: delivery.SourceMessage, ID: w.message}, "Ben",
		delivery.Recipient{UserID: w.ann.ID, IndividualID: w.annsSelf.ID, Transport: transport.SMS})[0].ID
	w.theirs = w.enqueue(w.other.ID, delivery.Source{Type: notify.SourceAlert, ID: w.alert}, "Theirs",
		delivery.Recipient{UserID: third.ID, Transport: transport.SMS})[0].ID
	w.attempted(ctx)

	all := []string{"*"}
	w.actors = map[string]actor.Actor{
		"administrator": {OrganizationID: w.org.ID, Role: actor.Administrator, Scopes: all},
		"machine":       {OrganizationID: w.org.ID, Role: actor.Service, Scopes: all},
		"leader":        {OrganizationID: w.org.ID, Role: actor.Leader, UserID: w.ben.ID, Individuals: []id.ID{w.ben.PrimaryIndividualID}, Scopes: all},
		"member":        {OrganizationID: w.org.ID, Role: actor.Member, UserID: w.ann.ID, Individuals: []id.ID{w.annsSelf.ID}, Scopes: all},
		"stranger":      {OrganizationID: w.other.ID, Role: actor.Administrator, Scopes: all},
		"reader":        {OrganizationID: w.org.ID, Role: actor.Administrator, Scopes: []string{"deliveries:read"}},
		"scopeless":     {OrganizationID: w.org.ID, Role: actor.Administrator, Scopes: []string{"messaging-messages"}},
	}
}

func (w *world) enqueue(org id.ID, s delivery.Source, title string, to ...delivery.Recipient) []delivery.Delivery {
	w.t.Helper()
	w.must(w.delivery.Enqueue(w.t.Context(), delivery.Content{OrganizationID: org, Source: s, Title: title, Body: "WAN 2", At: now}, to))
	list, err := w.store.OfSource(w.t.Context(), org, s)
	w.must(err)
	return list
}

// attempted gives the deliveries their past.
func (w *world) attempted(ctx context.Context) {
	c, err := w.store.Claim(ctx, []transport.Name{transport.SMS}, now, time.Minute, 100)
	w.must(err)
	for _, d := range c.Deliveries {
		outcomes := []delivery.Outcome{delivery.Accepted}
		switch d.ID {
		case w.queued:
			_, err := w.store.Extend(ctx, c.Lease, []id.ID{d.ID}, now)
			w.must(err)
			d.DueAt = now
			w.must(w.store.Save(ctx, c.Lease, []delivery.Delivery{d}))
			continue
		case w.failed, w.theirs:
			outcomes = []delivery.Outcome{delivery.Ambiguous, delivery.Refused}
		}
		w.play(ctx, c.Lease, d, outcomes)
	}
}

func (w *world) play(ctx context.Context, lease id.ID, d delivery.Delivery, outcomes []delivery.Outcome) {
	var attempts []delivery.Attempt
	for i, o := range outcomes {
		a := delivery.Attempt{
			ID: id.New(), DeliveryID: d.ID, Provider: "twilio", Address: phone, StartedAt: now.Add(time.Duration(i) * time.Second),
			FinishedAt: now.Add(time.Duration(i)*time.Second + 300*time.Millisecond), Outcome: o,
		}
		switch o {
		case delivery.Accepted:
			a.ProviderID, a.Detail = "SM-"+d.ID.String(), "201 Created"
		case delivery.Ambiguous:
			a.Reason, a.Detail = reason.ProviderUnavailable, "no answer in time"
		default:
			a.Reason, a.Code, a.Detail = reason.AddressDead, "21211", "21211: "+phone+" is not a number"
		}
		attempts = append(attempts, a)
	}
	w.must(w.store.Begin(ctx, lease, attempts, now))
	w.must(w.store.Finish(ctx, attempts))
	last := attempts[len(attempts)-1]
	d.Address, d.Provider, d.ProviderID, d.Attempts, d.DueAt = phone, "twilio", last.ProviderID, len(attempts), time.Time{}
	d.State, d.Reason, d.SentAt = delivery.Failed, last.Reason, time.Time{}
	if last.Outcome == delivery.Accepted {
		d.State, d.SentAt = delivery.Sent, last.FinishedAt
	}
	w.must(w.store.Save(ctx, lease, []delivery.Delivery{d}))
	if d.ID == w.failed {
		w.must(w.store.InsertCallback(ctx, delivery.Callback{
			ID: id.New(), OrganizationID: w.org.ID, DeliveryID: d.ID, Provider: "twilio", ProviderID: "SM1", State: transport.Undelivered,
			Reason: reason.AddressDead, Code: "30003", Detail: "30003: " + phone, ReceivedAt: now.Add(time.Minute), Settled: true,
		}))
	}
}

func (w *world) authenticate(op web.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a, ok := w.actors[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok && !op.Public {
			web.WriteError(rw, r, errs.CodeUnauthenticated.Errorf("no key was sent"))
			return
		}
		next.ServeHTTP(rw, r.WithContext(actor.With(r.Context(), a)))
	})
}

// events counts what was recorded.
func (w *world) events() int {
	w.t.Helper()
	entries, err := w.log.Read(w.t.Context(), 0, 1000)
	w.must(err)
	return len(entries)
}

func (w *world) ledger(i id.ID) delivery.Delivery {
	w.t.Helper()
	d, _, err := w.store.Get(w.t.Context(), w.org.ID, i)
	w.must(err)
	return d
}
