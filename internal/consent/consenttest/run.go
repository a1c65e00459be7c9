// Package consenttest is what every consent.Store must do, as one suite, and the records that tests make.
package consenttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/consent"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/tx"
)

// At is when everything that this package makes was made.
var At = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Consent returns a pending consent that nobody has stored.
func Consent(organization, user id.ID) consent.Consent {
	return consent.Consent{
		ID: id.New(), OrganizationID: organization, UserID: user, Type: consent.SMS, State: consent.Pending,
		Messages: consent.Messages{Initial: "May we?", Accept: "Thanks", InvalidResponse: "YES or STOP?"}, Language: "en_US",
		Number: "+15551230001", NumberHash: "hash of " + user.String(), InvitedAt: At, CreatedAt: At, ModifiedAt: At,
	}
}

// Run runs the suite on an empty store whose transactions are those of runner. tamper runs a statement on the store's
// table of entries as somebody would who has the database and not the program.
func Run(t *testing.T, s consent.Store, runner tx.Runner, tamper func(t *testing.T, statement string) error) {
	for _, c := range []struct {
		name string
		test func(*testing.T, suite)
	}{
		{"secret", secrets},
		{"numbers", numbers},
		{"insert and update", updates},
		{"one live consent", live},
		{"of a number", ofNumber},
		{"newest", newest},
		{"pending", pending},
		{"list", lists},
		{"entries", entries},
		{"append only", appendOnly},
		{"transactions", transactions},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, suite{s, runner, id.New(), tamper}) })
	}
}

// suite is a store that already holds what earlier tests made, and an organization of its own.
type suite struct {
	consent.Store
	tx     tx.Runner
	org    id.ID
	tamper func(t *testing.T, statement string) error
}

func (s suite) insert(t *testing.T, c consent.Consent) consent.Consent {
	t.Helper()
	must(t, s.Insert(t.Context(), c))
	return c
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

func wantCode(t *testing.T, what string, err error, code errs.Code) {
	t.Helper()
	if !errs.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code.Name)
	}
}

func secrets(t *testing.T, s suite) {
	first, err := s.Secret(t.Context())
	must(t, err)
	second, err := s.Secret(t.Context())
	must(t, err)
	same(t, "secret", second, first)
	if len(first) != 32 {
		t.Errorf("%d bytes", len(first))
	}
}

func numbers(t *testing.T, s suite) {
	hash := s.org.String()
	set := func(stopped bool) {
		t.Helper()
		must(t, s.tx.Do(t.Context(), func(ctx context.Context) error {
			n, err := s.LockNumber(ctx, hash)
			if err != nil {
				return err
			}
			same(t, "before", n, consent.Number{Hash: hash, Stopped: !stopped && n.Stopped})
			n.Stopped = stopped
			return s.SaveNumber(ctx, n, At)
		}))
	}
	find := func() map[string]bool {
		t.Helper()
		found, err := s.FindStopped(t.Context(), []string{"another", hash})
		must(t, err)
		return found
	}
	same(t, "unheard of", find(), map[string]bool{})
	set(true)
	same(t, "stopped", find(), map[string]bool{hash: true})
	set(false)
	same(t, "started", find(), map[string]bool{})
	none, err := s.FindStopped(t.Context(), nil)
	must(t, err)
	same(t, "of none", none, map[string]bool{})
}

func updates(t *testing.T, s suite) {
	c := s.insert(t, Consent(s.org, id.New()))
	got, err := s.Get(t.Context(), s.org, c.ID)
	must(t, err)
	same(t, "inserted", got, c)
	c.State, c.Reminded, c.Stopped, c.Number, c.Entries, c.Head, c.ModifiedAt = consent.Rejected, true, true, "", 3, "head", At.Add(time.Hour)
	must(t, s.Update(t.Context(), c))
	got, err = s.Lock(t.Context(), s.org, c.ID)
	must(t, err)
	same(t, "updated", got, c)
	_, err = s.Get(t.Context(), id.New(), c.ID)
	wantCode(t, "another organization's", err, errs.CodeNotFound)
	_, err = s.Lock(t.Context(), s.org, id.New())
	wantCode(t, "unknown", err, errs.CodeNotFound)
	imported := Consent(s.org, id.New())
	imported.State, imported.InvitedAt = consent.Accepted, time.Time{}
	s.insert(t, imported)
	got, err = s.Get(t.Context(), s.org, imported.ID)
	must(t, err)
	same(t, "never invited", got, imported)
}

func live(t *testing.T, s suite) {
	user := id.New()
	first := s.insert(t, Consent(s.org, user))
	err := s.Insert(t.Context(), Consent(s.org, user))
	wantCode(t, "a second", err, consent.DuplicateConsent)
	voice := Consent(s.org, user)
	voice.Type = "voice"
	s.insert(t, voice)
	find := func(t2 consent.Type) (consent.Consent, bool) {
		t.Helper()
		c, found, err := s.LockLive(t.Context(), s.org, user, t2)
		must(t, err)
		return c, found
	}
	got, _ := find(consent.SMS)
	same(t, "live", got, first)
	first.State = consent.Revoked
	must(t, s.Update(t.Context(), first))
	if _, found := find(consent.SMS); found {
		t.Error("a revoked one is live")
	}
	second := s.insert(t, Consent(s.org, user))
	got, _ = find(consent.SMS)
	same(t, "the second", got, second)
	if _, found, _ := s.LockLive(t.Context(), id.New(), user, consent.SMS); found {
		t.Error("another organization's")
	}
}

func ofNumber(t *testing.T, s suite) {
	hash := s.org.String()
	make := func(org id.ID, state consent.State, stopped bool) id.ID {
		t.Helper()
		c := Consent(org, id.New())
		c.State, c.Stopped, c.NumberHash = state, stopped, hash
		return s.insert(t, c).ID
	}
	pending := make(s.org, consent.Pending, false)
	make(s.org, consent.Revoked, false)
	accepted := make(id.New(), consent.Accepted, false)
	stopped := make(s.org, consent.Revoked, true)
	rejected := make(s.org, consent.Rejected, false)
	s.insert(t, Consent(s.org, id.New())) // of another number
	list, err := s.LockOfNumber(t.Context(), hash)
	must(t, err)
	var got []id.ID
	for _, c := range list {
		got = append(got, c.ID)
	}
	same(t, "what a text can change", got, []id.ID{rejected, stopped, accepted, pending})
}

func newest(t *testing.T, s suite) {
	ann, bob, cy := id.New(), id.New(), id.New()
	old := Consent(s.org, ann)
	old.State = consent.Revoked
	s.insert(t, old)
	anns := s.insert(t, Consent(s.org, ann))
	voice := Consent(s.org, ann)
	voice.Type = "voice"
	s.insert(t, voice)
	bobs := s.insert(t, Consent(s.org, bob))
	s.insert(t, Consent(id.New(), cy))
	got, err := s.FindNewest(t.Context(), s.org, consent.SMS, []id.ID{ann, bob, cy})
	must(t, err)
	same(t, "newest", got, map[id.ID]consent.Consent{ann: anns, bob: bobs})
	got, err = s.FindNewest(t.Context(), s.org, consent.SMS, nil)
	must(t, err)
	same(t, "of nobody", len(got), 0)
}

func pending(t *testing.T, s suite) {
	ann, bob, cy := id.New(), id.New(), id.New()
	s.insert(t, Consent(s.org, ann))
	voice := Consent(s.org, ann)
	voice.Type = "voice"
	s.insert(t, voice)
	accepted := Consent(s.org, bob)
	accepted.State = consent.Accepted
	s.insert(t, accepted)
	s.insert(t, Consent(s.org, cy))
	got, err := s.CountPending(t.Context(), s.org, []id.ID{ann, bob}, At.Add(-time.Second))
	must(t, err)
	same(t, "pending", got, map[id.ID]int{ann: 2})
	got, err = s.CountPending(t.Context(), s.org, []id.ID{ann, bob}, At)
	must(t, err)
	same(t, "invited too long ago", got, map[id.ID]int{})
	got, err = s.CountPending(t.Context(), id.New(), []id.ID{ann}, At.Add(-time.Second))
	must(t, err)
	same(t, "another organization's", got, map[id.ID]int{})
}

func lists(t *testing.T, s suite) {
	ann, bob := id.New(), id.New()
	var all []consent.Consent
	for i := range 40 {
		user := ann
		if i%4 == 0 {
			user = bob
		}
		c := Consent(s.org, user)
		c.State = consent.Revoked
		all = append([]consent.Consent{s.insert(t, c)}, all...)
	}
	s.insert(t, Consent(id.New(), ann))
	list := func(users []id.ID, limit, offset int) page.List[consent.Consent] {
		t.Helper()
		l, err := s.List(t.Context(), consent.Filter{OrganizationID: s.org, Users: users}, page.Offset{Limit: limit, Offset: offset})
		must(t, err)
		return l
	}
	same(t, "a page", list(nil, 3, 1), page.List[consent.Consent]{Items: all[1:4], Total: 40})
	same(t, "of one", list([]id.ID{bob}, 100, 0).Total, 10)
	same(t, "of both", len(list([]id.ID{bob, ann}, 100, 0).Items), 40)
	same(t, "of nobody", list([]id.ID{}, 100, 0), page.List[consent.Consent]{Items: []consent.Consent{}})
	same(t, "past the end", list(nil, 10, 50), page.List[consent.Consent]{Items: []consent.Consent{}, Total: 40})
	l, err := s.List(t.Context(), consent.Filter{OrganizationID: id.New()}, page.Offset{Limit: 10})
	must(t, err)
	same(t, "of an organization without", l, page.List[consent.Consent]{Items: []consent.Consent{}})
}

// ledger stores a consent with two entries.
func (s suite) ledger(t *testing.T, user id.ID) (consent.Consent, []consent.Entry) {
	t.Helper()
	c := s.insert(t, Consent(s.org, user))
	list := []consent.Entry{
		{
			Facts:    consent.Facts{ConsentID: c.ID.String(), Number: 1, What: consent.Requested, Shown: "<May we?> ✓", State: consent.Pending},
			Personal: &consent.Personal{Number: c.Number, RemoteAddr: "10.0.0.1"}, Salt: "salt", Hash: "h1",
		},
		{
			Facts:    consent.Facts{ConsentID: c.ID.String(), Number: 2, What: consent.Replied, Previous: "h1", State: consent.Accepted},
			Personal: &consent.Personal{Number: c.Number, Words: "Yes"}, Salt: "pepper", Hash: "h2",
		},
	}
	must(t, s.Append(t.Context(), s.org, list))
	return c, list
}

func entries(t *testing.T, s suite) {
	c, want := s.ledger(t, id.New())
	s.ledger(t, id.New())
	got, err := s.Entries(t.Context(), s.org, c.ID)
	must(t, err)
	same(t, "entries", got, want)
	got, err = s.Entries(t.Context(), id.New(), c.ID)
	must(t, err)
	same(t, "another organization's", len(got), 0)
	wantCode(t, "an entry twice", s.Append(t.Context(), s.org, want[1:]), errs.CodeDuplicate)
}

func appendOnly(t *testing.T, s suite) {
	c, want := s.ledger(t, id.New())
	where := " where consent_id = '" + c.ID.String() + "'"
	for _, statement := range []string{
		"delete from consent_entries" + where,
		"update consent_entries set sealed = '{}'" + where,
		"update consent_entries set hash = 'x'" + where,
		"update consent_entries set entry = entry + 10" + where,
		"update consent_entries set organization_id = consent_id" + where,
		"update consent_entries set consent_id = organization_id" + where,
		"update consent_entries set personal = '{\"words\":\"No\"}'" + where,
		"update consent_entries set salt = 'x'" + where,
		"update consent_entries set personal = '', salt = '', hash = 'x'" + where,
	} {
		if err := s.tamper(t, statement); err == nil {
			t.Errorf("the database has taken: %s", statement)
		}
	}
	got, err := s.Entries(t.Context(), s.org, c.ID)
	must(t, err)
	same(t, "entries", got, want)
	must(t, s.tamper(t, "update consent_entries set personal = '', salt = ''"+where))
	got, err = s.Entries(t.Context(), s.org, c.ID)
	must(t, err)
	for i := range want {
		want[i].Personal, want[i].Salt = nil, ""
	}
	same(t, "blanked", got, want)
}

func transactions(t *testing.T, s suite) {
	errLater := errors.New("something later fails")
	c := Consent(s.org, id.New())
	err := s.tx.Do(t.Context(), func(ctx context.Context) error {
		if err := s.Insert(ctx, c); err != nil {
			return err
		}
		if err := s.Append(ctx, s.org, []consent.Entry{{Facts: consent.Facts{ConsentID: c.ID.String(), Number: 1}, Hash: "h"}}); err != nil {
			return err
		}
		return errLater
	})
	if !errors.Is(err, errLater) {
		t.Fatal(err)
	}
	_, err = s.Get(t.Context(), s.org, c.ID)
	wantCode(t, "rolled back", err, errs.CodeNotFound)
	list, err := s.List(t.Context(), consent.Filter{OrganizationID: s.org}, page.Offset{Limit: 10})
	must(t, err)
	same(t, "nor counted", list.Total, 0)
}
