// Package deliverytest is what every delivery.Store must do, as one suite, and the records that tests make.
package deliverytest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/delivery"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/transport"
	"switchboard/internal/tx"
)

// Noon is the present of the suite.
var Noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Run runs the suite on an empty store whose transactions are those of runner.
func Run(t *testing.T, s delivery.Store, runner tx.Runner) {
	for _, c := range []struct {
		name string
		test func(*testing.T, suite)
	}{
		{"insert", inserts},
		{"insert many", insertsMany},
		{"expire", expires},
		{"reword", rewords},
		{"claim", claims},
		{"claim never twice", claimsOnce},
		{"leases", leases},
		{"begin and finish", beginsAndFinishes},
		{"abandon", abandons},
		{"save under a lease", saves},
		{"sent since", countsSent},
		{"depth", depths},
		{"attempted", findsAttempted},
		{"advance", advances},
		{"callbacks", keepsCallbacks},
		{"pending", findsPending},
		{"texts", keepsTexts},
		{"get", gets},
		{"list", lists},
		{"of a source", readsSource},
		{"waiting", readsWaiting},
		{"waiting for people", readsWaitingFor},
		{"forgo", forgoes},
		{"states", readsStates},
		{"transactions", rollsBack},
		{"skew", tellsSkew},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, suite{s, runner, id.New()}) })
	}
}

// suite is a store that already holds what earlier tests made, and an organization of its own.
type suite struct {
	delivery.Store
	tx  tx.Runner
	org id.ID
}

// Content returns a content of an organization about a source.
func Content(organization id.ID, s delivery.Source) delivery.Content {
	return delivery.Content{
		ID: id.New(), OrganizationID: organization, Source: s, Title: "Link down", Body: "WAN 2 of Köln \U0001F4A5",
		Data: map[string]any{"severity": "high", "n": json.Number("12345678901234567890")}, At: Noon.Add(-time.Second),
	}
}

// Delivery returns a queued delivery of a content that is due at Noon.
func Delivery(c delivery.Content, n transport.Name) delivery.Delivery {
	return delivery.Delivery{
		ID: id.New(), OrganizationID: c.OrganizationID, ContentID: c.ID, UserID: id.New(), Transport: n, State: delivery.Queued,
		DueAt: Noon, CreatedAt: Noon.Add(-time.Minute), UpdatedAt: Noon.Add(-time.Minute),
	}
}

// transportOf returns a transport that no other test uses, so that tests share one table.
func (s suite) transportOf() transport.Name { return transport.Name("t-" + s.org.Short()) }

// enqueue stores a content with n deliveries by the suite's transport.
func (s suite) enqueue(t *testing.T, n int) (delivery.Content, []delivery.Delivery) {
	t.Helper()
	c := Content(s.org, delivery.Source{Type: "alert", ID: id.New()})
	list := make([]delivery.Delivery, n)
	for i := range list {
		list[i] = Delivery(c, s.transportOf())
	}
	if n > 0 {
		must(t, s.Insert(t.Context(), c, list))
	}
	return c, list
}

func (s suite) claim(t *testing.T, now time.Time, limit int) delivery.Claimed {
	t.Helper()
	c, err := s.Claim(t.Context(), []transport.Name{s.transportOf()}, now, time.Minute, limit)
	must(t, err)
	return c
}

func (s suite) get(t *testing.T, i id.ID) delivery.Delivery {
	t.Helper()
	d, _, err := s.Get(t.Context(), s.org, i)
	must(t, err)
	return d
}

func (s suite) attempts(t *testing.T, i id.ID) []delivery.Attempt {
	t.Helper()
	found, err := s.Attempts(t.Context(), []id.ID{i})
	must(t, err)
	return found[i]
}

// begin claims all that is due and opens an attempt for each.
func (s suite) begin(t *testing.T, now time.Time) (delivery.Claimed, []delivery.Attempt) {
	t.Helper()
	c := s.claim(t, now, 100)
	attempts := make([]delivery.Attempt, len(c.Deliveries))
	for i, d := range c.Deliveries {
		attempts[i] = delivery.Attempt{
			ID: id.New(), DeliveryID: d.ID, Provider: "twilio", Address: "+491701234567", StartedAt: now, Outcome: delivery.Open,
		}
	}
	must(t, s.Begin(t.Context(), c.Lease, attempts, now))
	return c, attempts
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantMissing(t *testing.T, what string, err error) {
	t.Helper()
	if !errs.Is(err, errs.CodeNotFound) {
		t.Errorf("%s: %v, want not found", what, err)
	}
}

var errBoom = errors.New("boom")

func rollsBack(t *testing.T, s suite) {
	c := Content(s.org, delivery.Source{Type: "alert", ID: id.New()})
	d := Delivery(c, s.transportOf())
	err := s.tx.Do(t.Context(), func(ctx context.Context) error {
		must(t, s.Insert(ctx, c, []delivery.Delivery{d}))
		if _, _, err := s.Get(ctx, s.org, d.ID); err != nil {
			t.Errorf("inside the transaction: %v", err)
		}
		return errBoom
	})
	if !errors.Is(err, errBoom) {
		t.Fatal(err)
	}
	_, _, err = s.Get(t.Context(), s.org, d.ID)
	wantMissing(t, "after the rollback", err)
}

func tellsSkew(t *testing.T, s suite) {
	// Both clocks are this machine's.
	ahead, err := s.Skew(t.Context(), time.Now)
	if err != nil || ahead.Abs() > 5*time.Second {
		t.Errorf("Skew = %v, %v", ahead, err)
	}
}
