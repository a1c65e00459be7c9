package consent_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/consent"
	"switchboard/internal/consent/consentdb"
	"switchboard/internal/db"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/db/personal"
	"switchboard/internal/directory"
	"switchboard/internal/directory/directorytest"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

func everything() page.Offset { return page.Offset{Limit: 100} }

// TestPolicy is who may do what, for every kind of caller, about ann's consent.
func TestPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ann.ID)
	code := func(err error) string {
		e, ok := errors.AsType[*errs.Error](err)
		if !ok {
			return ""
		}
		return e.Code.Name
	}
	for who, want := range map[string]struct {
		create, get, proof, revoke string
		listed                     int
		number                     string
	}{
		"nobody":        {"Unauthenticated", "Unauthenticated", "Unauthenticated", "Unauthenticated", 0, ""},
		"unscoped":      {"Denied", "Denied", "Denied", "Denied", 0, ""},
		"stranger":      {"NotFound", "NotFound", "NotFound", "NotFound", 0, ""},
		"other person":  {"Denied", "NotFound", "NotFound", "NotFound", 0, ""},
		"leader":        {"Denied", "", "Denied", "Denied", 1, "+1********01"},
		"person":        {"Denied", "", "", "", 1, annsNumber},
		"machine":       {"DuplicateConsent", "", "", "", 1, "+1********01"},
		"administrator": {"DuplicateConsent", "", "", "", 1, annsNumber},
	} {
		t.Run(who, func(t *testing.T) { //nolint:paralleltest // one world
			ctx := w.everyone()[who]
			_, err := w.Create(ctx, consent.NewConsent{UserID: w.ann.ID, Type: consent.SMS})
			same(t, "create", code(err), want.create)
			got, err := w.Get(ctx, c.ID)
			same(t, "get", code(err), want.get)
			same(t, "number", got.Number, want.number)
			_, err = w.Proof(ctx, c.ID)
			same(t, "proof", code(err), want.proof)
			list, err := w.List(ctx, id.Nil, everything())
			if err == nil {
				same(t, "listed", len(list.Items), want.listed)
				same(t, "total", list.Total, want.listed)
			}
			ofAnn, err := w.List(ctx, w.ann.ID, everything())
			if err == nil {
				same(t, "listed of ann", len(ofAnn.Items), want.listed)
			}
			if want.revoke != "" {
				same(t, "revoke", code(w.Revoke(ctx, c.ID)), want.revoke)
			}
		})
	}
	same(t, "after all refusals", w.state(c), consent.Pending)
	same(t, "the ledger", w.ledger(c), "requested invited")
	for _, who := range []string{"person", "machine", "administrator"} {
		c := w.ask(w.ben.ID)
		if who == "person" {
			who = "other person"
		}
		w.must(w.Revoke(w.everyone()[who], c.ID))
		w.must(w.Revoke(w.everyone()[who], c.ID)) // taking back twice changes nothing
		same(t, who+" takes back", w.ledger(c), "requested invited revoked")
	}
}

func TestService_List(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anns, bens := w.ask(w.ann.ID), w.ask(w.ben.ID)
	list, err := w.List(w.admin(), id.Nil, page.Offset{Limit: 1})
	w.must(err)
	if len(list.Items) != 1 || list.Items[0].ID != bens.ID || list.Total != 2 {
		t.Errorf("a page: %+v", list)
	}
	list, err = w.List(w.as(actor.Leader, &w.leader), id.Nil, everything())
	w.must(err)
	if len(list.Items) != 1 || list.Items[0].ID != anns.ID {
		t.Errorf("a leader's: %+v", list)
	}
	fellow, fellowsSelf := w.person(w.org.ID, "fellow", "+12015550160")
	beside := directorytest.Group(w.org.ID, "Ward 8")
	beside.LeaderIDs = []id.ID{w.leader.ID, fellowsSelf.ID}
	w.must(w.rows.InsertGroup(t.Context(), beside))
	fellows := w.ask(fellow.ID)
	list, err = w.List(w.as(actor.Leader, &w.leader), id.Nil, everything())
	w.must(err)
	same(t, "a fellow leader's is not listed", len(list.Items), 1)
	_, err = w.Get(w.as(actor.Leader, &w.leader), fellows.ID)
	w.refused("a fellow leader's", err, errs.CodeNotFound)
	list, err = w.List(w.as(actor.Leader, &w.leader), w.ben.ID, everything())
	w.must(err)
	same(t, "of who is not led", len(list.Items), 0)
	var crowd []id.ID
	for range 1001 {
		i := directorytest.Individual(w.org.ID, "One", "Of Many")
		w.must(w.rows.InsertIndividual(t.Context(), i))
		crowd = append(crowd, i.ID)
	}
	g := directorytest.Group(w.org.ID, "Everybody")
	g.LeaderIDs, g.IndividualIDs = []id.ID{w.leader.ID}, crowd
	w.must(w.rows.InsertGroup(t.Context(), g))
	_, err = w.List(w.as(actor.Leader, &w.leader), id.Nil, everything())
	w.refused("of a crowd", err, errs.CodeParameter, "filter[user-id]")
	list, err = w.List(w.as(actor.Leader, &w.leader), w.ann.ID, everything())
	w.must(err)
	same(t, "of one in the crowd", len(list.Items), 1)
	w.must(consent.CheckOrganization(w.admin(), w.org.ID))
	w.refused("another organization", consent.CheckOrganization(w.admin(), w.other.ID), errs.CodeNotFound)
}

func TestService_Create(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ann.ID)
	want := consent.Consent{
		ID: c.ID, OrganizationID: w.org.ID, UserID: w.ann.ID, Type: consent.SMS, State: consent.Pending, Language: "en_US", Number: annsNumber,
		Messages:   consent.Messages{Initial: "May we text you?", Accept: "Welcome", InvalidResponse: "YES or STOP?"},
		NumberHash: c.NumberHash, InvitedAt: w.clock(), Entries: 2, Head: c.Head, CreatedAt: w.clock(), ModifiedAt: w.clock(),
	}
	same(t, "consent", c, want)
	got, err := w.Get(w.admin(), c.ID)
	w.must(err)
	same(t, "stored", got, want)
	same(t, "sent", w.outbox.sent, []consent.Invitation{{Consent: want, Words: "May we text you?", ExpiresAt: w.clock().Add(consent.InvitationLife)}})
	same(t, "events", w.events(), []string{consent.EventRequested})
	entries, err := w.store.Entries(t.Context(), w.org.ID, c.ID)
	w.must(err)
	first := entries[0]
	if first.Shown != "May we text you?" || first.RequestID != "request" || first.KeyID == "" || first.Source != consent.ByAPI ||
		first.Personal.RemoteAddr != "192.0.2.7" || first.Personal.Number != annsNumber || first.Language != "en_US" {
		t.Errorf("the first entry: %+v", first)
	}
	if strings.Contains(c.NumberHash, annsNumber[1:]) {
		t.Error("the hash shows the number")
	}
}

func TestService_Create_wording(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ben.Locale, w.ben.LocaleExplicit = "es_MX", true
	w.must(w.rows.UpdateUser(t.Context(), w.ben))
	c, err := w.Create(w.admin(), consent.NewConsent{UserID: w.ben.ID, Type: consent.SMS})
	w.must(err)
	if !strings.HasPrefix(c.Messages.Initial, "Ours desea") {
		t.Errorf("asked in %s: %q", c.Language, c.Messages.Initial)
	}
	same(t, "a Spanish yes", w.says(bensNumber, "¡Sí!"), "accept: "+c.Messages.Accept)
}

func TestService_Create_refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("ä", 1601)
	unverified, _ := w.person(w.org.ID, "unverified", "+12015550103")
	unverified.PhoneVerified = false
	w.must(w.rows.UpdateUser(t.Context(), unverified))
	numberless, _ := w.person(w.org.ID, "numberless", "")
	sms := func(user id.ID) consent.NewConsent { return consent.NewConsent{UserID: user, Type: consent.SMS} }
	_, err := w.Create(w.admin(), consent.NewConsent{
		Type: "pigeon", Messages: consent.Messages{Initial: long, Accept: long, InvalidResponse: long}, Evidence: &consent.Evidence{Text: strings.Repeat("x", 4001)},
	})
	w.refused("everything wrong", err, errs.CodeInvalid, "user_id", "type", "args.messages.initial", "args.messages.accept",
		"args.messages.invalid_response", "evidence.source", "evidence.text", "evidence.obtained_at")
	early := sms(w.ann.ID)
	early.Evidence = &consent.Evidence{Source: "paper", ObtainedAt: w.clock().Add(time.Second)}
	_, err = w.Create(w.admin(), early)
	w.refused("evidence of the future", err, errs.CodeInvalid, "evidence.obtained_at")
	_, err = w.Create(w.admin(), sms(id.New()))
	w.refused("nobody", err, errs.CodeNotFound, "user_id")
	_, err = w.Create(w.admin(), sms(w.twin.ID))
	w.refused("another organization's", err, errs.CodeNotFound, "user_id")
	_, err = w.Create(w.admin(), sms(unverified.ID))
	w.refused("unverified", err, consent.NumberUnusable)
	_, err = w.Create(w.admin(), sms(numberless.ID))
	w.refused("no number", err, consent.NumberUnusable)
	w.says(annsNumber, "stop")
	_, err = w.Create(w.admin(), sms(w.ann.ID))
	w.refused("stopped", err, consent.NumberOptedOut)
	w.must(w.people.SetPhoneUnsubscribed(w.admin(), w.org.ID, w.ben.ID, true))
	_, err = w.Create(w.admin(), sms(w.ben.ID))
	w.refused("marked", err, consent.NumberOptedOut)
	w.outbox.err = errors.New("no outbox")
	if _, err := w.Create(w.admin(), sms(w.ben.ID)); err == nil {
		t.Error("made without its question")
	}
	list, err := w.List(w.admin(), id.Nil, everything())
	w.must(err)
	same(t, "stored after refusals", list.Total, 0)
	same(t, "events after refusals", w.events(), []string{})
}

func TestService_Create_again(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.ask(w.ann.ID)
	again := consent.NewConsent{UserID: w.ann.ID, Type: consent.SMS}
	_, err := w.Create(w.admin(), again)
	w.refused("pending", err, consent.DuplicateConsent)
	if e, _ := errors.AsType[*errs.Error](err); e.Meta["id"] != first.ID {
		t.Errorf("meta: %v", e.Meta)
	}
	w.says(annsNumber, "no")
	second := w.ask(w.ann.ID)
	same(t, "yes", w.says(annsNumber, "yes"), "accept: Welcome")
	same(t, "the first stays refused", w.state(first), consent.Rejected)
	_, err = w.Create(w.admin(), again)
	w.refused("accepted", err, consent.DuplicateConsent)
	// Another number: what was said of the old one says nothing of it.
	w.ann.Phone = "+12015550109"
	w.must(w.rows.UpdateUser(t.Context(), w.ann))
	third := w.ask(w.ann.ID)
	same(t, "the second", w.ledger(second), "requested invited replied accepted answered revoked")
	entries, err := w.store.Entries(t.Context(), w.org.ID, second.ID)
	w.must(err)
	same(t, "what was taken back is about", entries[len(entries)-1].Personal.Number, annsNumber)
	// Nobody answers for a month.
	w.pass(consent.InvitationLife)
	fourth := w.ask(w.ann.ID)
	same(t, "the third", w.ledger(third), "requested invited expired")
	same(t, "the fourth", w.state(fourth), consent.Pending)
}

func TestService_Create_evidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := w.Create(w.admin(), consent.NewConsent{UserID: w.ann.ID, Type: consent.SMS, Evidence: &consent.Evidence{
		ObtainedAt: w.clock().AddDate(-1, 0, 0), Source: "admission form", Text: "Box 12, folder 3",
	}})
	w.must(err)
	same(t, "state", c.State, consent.Accepted)
	same(t, "nothing is sent", len(w.outbox.sent), 0)
	same(t, "ledger", w.ledger(c), "imported accepted")
	same(t, "events", w.events(), []string{consent.EventAccepted})
	entries, err := w.store.Entries(t.Context(), w.org.ID, c.ID)
	w.must(err)
	if !strings.Contains(entries[0].Personal.Evidence, "Box 12") || !strings.Contains(entries[0].Detail, "2025-11-22") {
		t.Errorf("%+v", entries[0])
	}
	same(t, "STOP", strings.SplitN(w.says(annsNumber, "STOP"), ":", 2)[0], "stopped")
	same(t, "after STOP", w.state(c), consent.Revoked)
}

func TestService_Proof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ann.ID)
	w.says(annsNumber, "Yes!")
	p, err := w.Service.Proof(w.admin(), c.ID)
	w.must(err)
	if signed, err := p.Verify(""); signed || err != nil {
		t.Errorf("%v, %v", signed, err)
	}
	same(t, "state", p.State, consent.Accepted)
	reply := p.Entries[2]
	if reply.Personal.Words != "Yes!" || reply.ProviderID != "SM1" || reply.Source != consent.ByText || reply.KeyID != "" {
		t.Errorf("the reply: %+v", reply)
	}
	n, err := db.Get(t.Context(), w.db.Q(t.Context()), db.Scalar[int64], "select count(*) from audit where action = 'consent.proof.read'")
	w.must(err)
	same(t, "audited", n, 1)
}

// The audit names who asked and who took back. What a text said is nobody's act here.
func TestService_audit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.ask(w.ann.ID)
	w.says(annsNumber, "yes")
	w.must(w.Revoke(w.as(actor.Member, &w.annsSelf), c.ID))
	got, err := db.All(t.Context(), w.db.Q(t.Context()), db.Scalar[string],
		"select action || ' by ' || role || ' ' || coalesce(user_id, '') from audit where action like 'consent.%' order by at, id")
	w.must(err)
	same(t, "audit", got, []string{
		consent.EventRequested + " by administrator ", consent.EventRevoked + " by member " + w.ann.ID.String(),
	})
}

func TestLedger_Allowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allowed := func(u directory.User) string {
		t.Helper()
		ok, why, err := w.Allowed(t.Context(), w.org.ID, u.ID, consent.SMS)
		w.must(err)
		if ok != (why == "ok") {
			t.Errorf("%v because %s", ok, why)
		}
		return string(why)
	}
	same(t, "never asked", allowed(w.ann), "no-consent")
	w.ask(w.ann.ID)
	same(t, "asked", allowed(w.ann), "no-consent")
	w.says(annsNumber, "yes")
	same(t, "accepted", allowed(w.ann), "ok")
	same(t, "somebody else", allowed(w.ben), "no-consent")
	same(t, "nobody", allowed(directory.User{ID: id.New()}), "no-address")
	same(t, "another organization's", allowed(w.twin), "no-address")
	w.says(annsNumber, "stop")
	same(t, "stopped", allowed(w.ann), "opted-out")
	w.says(annsNumber, "start")
	same(t, "started", allowed(w.ann), "ok")
	w.must(w.people.SetPhoneUnsubscribed(w.admin(), w.org.ID, w.ann.ID, true))
	same(t, "marked, though the number itself was never stopped", allowed(w.ann), "opted-out")
	w.must(w.people.SetPhoneUnsubscribed(w.admin(), w.org.ID, w.ann.ID, false))
	w.ann.PhoneVerified = false
	w.must(w.rows.UpdateUser(t.Context(), w.ann))
	same(t, "unverified", allowed(w.ann), "address-unverified")
	w.ann.PhoneVerified, w.ann.Phone = true, "+12015550109"
	w.must(w.rows.UpdateUser(t.Context(), w.ann))
	same(t, "another number", allowed(w.ann), "no-consent")
}

func TestLedger_Pending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask(w.ann.ID)
	count := func() map[id.ID]int {
		t.Helper()
		n, err := w.Pending(t.Context(), w.org.ID, []id.ID{w.ann.ID, w.ben.ID})
		w.must(err)
		return n
	}
	same(t, "asked", count(), map[id.ID]int{w.ann.ID: 1})
	w.pass(consent.InvitationLife)
	same(t, "asked too long ago", count(), map[id.ID]int{})
}

// A purge takes what is personal and leaves what was decided; an import brings it back, and not something else.
func TestLedger_purge(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorldOn(t, d)
		c, bens := w.ask(w.ann.ID), w.ask(w.ben.ID)
		w.says(annsNumber, "My name is Ann")
		w.says(annsNumber, "STOP")
		engine := personal.New(d, consentdb.Personal())
		ann := personal.Subject{Kind: personal.User, ID: w.ann.ID, OrganizationID: w.org.ID}
		var saved []personal.Line
		w.must(engine.Export(t.Context(), []personal.Subject{ann}, func(table string, line []byte) error {
			saved = append(saved, personal.Line{Table: table, JSON: slices.Clone(line)})
			return nil
		}))
		counts, err := engine.EraseAll(t.Context(), ann, 3)
		w.must(err)
		same(t, "erased", counts, map[string]personal.Tally{"consents": {Blanked: 1}, "consent_entries": {Blanked: 7}})
		same(t, "the ledger holds", w.ledger(c), "requested invited replied answered replied rejected answered")
		personalParts := func(c consent.Consent) (n int) {
			entries, err := w.store.Entries(t.Context(), w.org.ID, c.ID)
			w.must(err)
			for _, e := range entries {
				if !e.Blanked() {
					n++
				}
			}
			return n
		}
		same(t, "personal parts", personalParts(c), 0)
		same(t, "somebody else's", personalParts(bens), 2)
		got, err := w.Get(w.admin(), c.ID)
		w.must(err)
		same(t, "the number", got.Number, "")
		// The STOP outlives the record of who sent it.
		_, err = w.Create(w.admin(), newSMS(w.ann.ID))
		w.refused("asked again", err, consent.NumberOptedOut)

		outcome, err := engine.Import(t.Context(), saved)
		w.must(err)
		same(t, "brought back", outcome, personal.Outcome{Restored: 8})
		same(t, "personal parts", personalParts(c), 7)
		w.ledger(c)
		_, err = d.Q(t.Context()).Exec(t.Context(), "update consent_entries set personal = '{}' where personal <> ''")
		if err == nil {
			t.Error("another personal part was taken")
		}
	})
}

// What another server brings is counted.
func TestLedger_import(t *testing.T) {
	t.Parallel()
	from, to := newWorld(t), newWorld(t)
	c := from.ask(from.ann.ID)
	var saved []personal.Line
	subject := personal.Subject{Kind: personal.User, ID: from.ann.ID, OrganizationID: from.org.ID}
	from.must(personal.New(from.db, consentdb.Personal()).Export(t.Context(), []personal.Subject{subject}, func(table string, line []byte) error {
		saved = append(saved, personal.Line{Table: table, JSON: slices.Clone(line)})
		return nil
	}))
	_, err := personal.New(to.db, consentdb.Personal()).Import(t.Context(), saved)
	to.must(err)
	same(t, "the ledger", to.ledger(c), "requested invited")
	list, err := to.store.List(t.Context(), consent.Filter{OrganizationID: from.org.ID}, everything())
	to.must(err)
	same(t, "counted", list.Total, 1)
}
