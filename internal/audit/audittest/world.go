// Package audittest is what tests of the audit are built of, and the conformance suite of its store.
package audittest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/audit"
	"switchboard/internal/audit/auditdb"
	"switchboard/internal/db"
	"switchboard/internal/event"
	"switchboard/internal/eventlog"
	"switchboard/internal/id"
)

// Noon is when a world begins.
var Noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// World is a database with an audit that is signed by a key of the world's.
type World struct {
	*audit.Service
	DB      *db.DB
	Store   audit.Store
	Chainer *audit.Chainer
	Log     *eventlog.Log
	Signer  *Signer
	Org     id.ID

	mu  sync.Mutex
	now time.Time
}

// New returns a world on d.
func New(d *db.DB) *World {
	w := &World{DB: d, Store: auditdb.New(d), Signer: NewSigner(), Org: id.New(), now: Noon}
	quiet := slog.New(slog.DiscardHandler)
	w.Log = eventlog.New(d, w.Clock, quiet)
	w.Service = audit.New(w.Store, w.Log, w.Signer, w.Clock)
	w.Chainer = audit.NewChainer(w.Store, d, w.Signer, w.Clock, quiet)
	return w
}

// Clock is the world's clock.
func (w *World) Clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Pass lets time pass.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Administrator is one of an organization.
func Administrator(organization id.ID) actor.Actor {
	return actor.Actor{
		OrganizationID: organization, KeyID: id.New(), UserID: id.New(), Individuals: []id.ID{id.New()}, Role: actor.Administrator,
		Scopes: []string{"*"}, Via: actor.ViaKey, RequestID: "r-1", RemoteAddr: "192.0.2.1",
	}
}

// Write writes n rows, each in a transaction of its own, and returns their subjects.
func (w *World) Write(t testing.TB, who actor.Actor, action string, n int) []id.ID {
	t.Helper()
	ctx := actor.With(t.Context(), who)
	subjects := make([]id.ID, n)
	for i := range subjects {
		subjects[i] = id.New()
		c := event.Change{OrganizationID: who.OrganizationID, Type: action, Subject: subjects[i], After: map[string]string{"text": fmt.Sprintf("<secret %d>", i)}}
		if err := w.Log.Audit(ctx, c); err != nil {
			t.Fatal(err)
		}
		w.Pass(time.Millisecond)
	}
	return subjects
}

// Chain gives every row its place.
func (w *World) Chain(t testing.TB) {
	t.Helper()
	if _, err := w.Chainer.Chain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Exec runs a statement behind everybody's back.
func (w *World) Exec(t testing.TB, query string, args ...any) int64 {
	t.Helper()
	n, err := w.DB.Q(t.Context()).Exec(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Disarm takes the triggers away, as somebody would who owns the database and wants to change the audit.
func (w *World) Disarm(t testing.TB) {
	t.Helper()
	triggers := map[string][]string{"audit": {"audit_fixed", "audit_kept"}, "audit_blocks": {"audit_blocks_kept"}}
	on := func(table string) string { return " on " + table }
	if w.DB.Dialect() == db.SQLite {
		triggers["audit_blocks"] = append(triggers["audit_blocks"], "audit_blocks_fixed")
		on = func(string) string { return "" }
	}
	for table, names := range triggers {
		for _, name := range names {
			w.Exec(t, "drop trigger "+name+on(table))
		}
	}
}

// Signer signs with one Ed25519 key.
type Signer struct {
	ID  string
	key ed25519.PrivateKey
}

// NewSigner returns a signer with a key of its own.
func NewSigner() *Signer {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return &Signer{ID: id.New().Short(), key: key}
}

// Sign implements audit.Signer.
func (s *Signer) Sign(_ context.Context, message []byte) (string, []byte, error) {
	return s.ID, ed25519.Sign(s.key, message), nil
}

// Verify implements audit.Signer.
func (s *Signer) Verify(_ context.Context, keyID string, message, signature []byte) error {
	public, _ := s.key.Public().(ed25519.PublicKey)
	if keyID != s.ID || !ed25519.Verify(public, message, signature) {
		return errors.New("the signature does not fit")
	}
	return nil
}
