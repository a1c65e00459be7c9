package consent

import (
	"context"
	"encoding/json"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/directory"
	"switchboard/internal/errs"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

// Invitation is a question that is to be sent.
type Invitation struct {
	Consent   Consent
	Words     string
	ExpiresAt time.Time // of no use after that
}

// Outbox sends questions. Package delivery implements it.
type Outbox interface {
	// Invite queues the question, in the transaction of ctx.
	Invite(ctx context.Context, i Invitation) error
}

// Service is consents as the APIs use them: for the actor of the context value, by the rules of policy.go. It is safe for
// concurrent use.
type Service struct {
	*Ledger
	outbox Outbox
	signer Signer
}

// New returns a service over a ledger. A nil signer leaves proofs without a signature.
func New(l *Ledger, o Outbox, s Signer) *Service { return &Service{Ledger: l, outbox: o, signer: s} }

// NewConsent is what a consent is asked for with.
type NewConsent struct {
	UserID   id.ID
	Type     Type
	Messages Messages // what is empty is said in words of ours, in the person's language
	// Evidence, when it is given, is how the person has agreed already, elsewhere. Nothing is sent then.
	Evidence *Evidence
}

// Evidence is how somebody came to agree before this server knew of it.
type Evidence struct {
	ObtainedAt time.Time `json:"obtained-at"` // not in the future
	Source     string    `json:"source"`      // 1 to 255 characters: a form, a system
	Text       string    `json:"text"`        // at most 4,000 characters: what they agreed to, or where the paper is
}

// check gathers what is wrong with a request.
func (n NewConsent) check(now time.Time) error {
	var f errs.Fields
	if n.UserID.IsZero() {
		f.Require("user_id")
	}
	errs.OneOf(&f, "type", n.Type, Types()...)
	f.Text("args.messages.initial", n.Messages.Initial, 0, maxText)
	f.Text("args.messages.accept", n.Messages.Accept, 0, maxText)
	f.Text("args.messages.invalid_response", n.Messages.InvalidResponse, 0, maxText)
	if e := n.Evidence; e != nil {
		f.Text("evidence.source", e.Source, 1, 255)
		f.Text("evidence.text", e.Text, 0, 4000)
		switch {
		case e.ObtainedAt.IsZero():
			f.Require("evidence.obtained_at")
		case e.ObtainedAt.After(now):
			f.Add("evidence.obtained_at", "must not be in the future")
		}
	}
	return f.Err()
}

// Create asks a user for consent, and queues the question; with evidence the consent is accepted at once.
//
// NotFound: no such user. DuplicateConsent, NumberOptedOut, NumberUnusable. One transaction, with the entry
// EventRequested or EventAccepted.
func (s *Service) Create(ctx context.Context, n NewConsent) (Consent, error) {
	a, err := mayAsk(ctx)
	if err != nil {
		return Consent{}, err
	}
	now := s.now()
	if err := n.check(now); err != nil {
		return Consent{}, err
	}
	var c Consent
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		u, err := s.reachable(ctx, a.OrganizationID, n)
		if err != nil {
			return err
		}
		o, err := s.people.Organization(ctx, a.OrganizationID)
		if err != nil {
			return err
		}
		c, err = s.ask(ctx, a, n, u, o, now)
		return err
	})
	if err != nil {
		return Consent{}, err
	}
	return shown(a, c), nil
}

// reachable returns the user when there is a number to ask at.
func (s *Service) reachable(ctx context.Context, organization id.ID, n NewConsent) (directory.User, error) {
	found, err := s.people.Users(ctx, organization, []id.ID{n.UserID})
	if err != nil {
		return directory.User{}, err
	}
	u, ok := found[n.UserID]
	switch {
	case !ok:
		return u, errs.MissingRecord("user").At("user_id")
	case u.Phone == "":
		return u, NumberUnusable.Errorf("the user has no telephone number").With("missing", "phone")
	case !u.PhoneVerified:
		return u, NumberUnusable.Errorf("the telephone number of the user is not verified").With("missing", "verification")
	}
	return u, nil
}

// ask makes the consent, in the transaction of ctx.
func (s *Service) ask(ctx context.Context, a actor.Actor, n NewConsent, u directory.User, o directory.Organization, now time.Time) (Consent, error) {
	hash, err := s.hash(ctx, u.Phone)
	if err != nil {
		return Consent{}, err
	}
	number, err := s.store.LockNumber(ctx, hash)
	if err != nil {
		return Consent{}, err
	}
	if number.Stopped || u.PhoneUnsubscribed {
		return Consent{}, NumberOptedOut.Errorf("the person has told our number to stop; only their START lifts that")
	}
	w := writing{at: now, source: ByAPI, by: a, personal: Personal{Number: u.Phone, RemoteAddr: a.RemoteAddr}}
	if err := s.makeWay(ctx, n, hash, w); err != nil {
		return Consent{}, err
	}
	c := Consent{
		ID: id.New(), OrganizationID: o.ID, UserID: u.ID, Type: n.Type, Messages: n.Messages.or(wordingIn(u.Locale), o.Title()),
		Language: u.Locale, Number: u.Phone, NumberHash: hash, CreatedAt: now, ModifiedAt: now,
	}
	if n.Evidence != nil {
		return s.importAs(ctx, c, *n.Evidence, w)
	}
	c.InvitedAt = now
	if err := s.store.Insert(ctx, c); err != nil {
		return Consent{}, err
	}
	w.entries, w.shown = []What{Requested, Invited}, c.Messages.Initial
	c, err = s.step(ctx, c, Step{State: Pending}, w)
	if err != nil {
		return Consent{}, err
	}
	return c, s.outbox.Invite(ctx, Invitation{Consent: c, Words: c.Messages.Initial, ExpiresAt: now.Add(InvitationLife)})
}

// importAs stores a consent that was given elsewhere.
func (s *Service) importAs(ctx context.Context, c Consent, e Evidence, w writing) (Consent, error) {
	if err := s.store.Insert(ctx, c); err != nil {
		return Consent{}, err
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return Consent{}, err
	}
	w.entries, w.personal.Evidence, w.detail = []What{Imported, WasAccepted}, string(raw), "obtained at "+instant(e.ObtainedAt)
	return s.step(ctx, c, Step{State: Accepted}, w)
}

// makeWay closes what stands in the way of a new consent: an invitation that nobody answered, and a consent for a number
// that the person no longer has. DuplicateConsent: anything else.
func (s *Service) makeWay(ctx context.Context, n NewConsent, hash string, w writing) error {
	a := w.by
	old, found, err := s.store.LockLive(ctx, a.OrganizationID, n.UserID, n.Type)
	if err != nil || !found {
		return err
	}
	w.personal = Personal{Number: old.Number, RemoteAddr: w.personal.RemoteAddr}
	step := old.on(Lapse)
	switch {
	case old.lapsed(w.at):
	case old.NumberHash != hash:
		step, w.detail = old.on(Withdraw), "the number has changed"
	default:
		return DuplicateConsent.Errorf("the user has a consent of this type that is %s", old.State).With("id", old.ID)
	}
	w.entries = step.Entries
	return s.write(ctx, old, step, w)
}

// Get returns a consent that the actor may see. NotFound: any other.
func (s *Service) Get(ctx context.Context, consent id.ID) (Consent, error) {
	a, err := require(ctx, "read")
	if err != nil {
		return Consent{}, err
	}
	c, err := s.get(ctx, a, consent)
	return shown(a, c), err
}

func (s *Service) get(ctx context.Context, a actor.Actor, consent id.ID) (Consent, error) {
	c, err := s.store.Get(ctx, a.OrganizationID, consent)
	if err != nil {
		return Consent{}, err
	}
	visible, err := s.visible(ctx, a, c)
	if err != nil {
		return Consent{}, err
	}
	if !visible {
		return Consent{}, errs.MissingRecord("user-consent")
	}
	return c, nil
}

// List returns the consents that the actor may see, of one user or (Nil) of all, newest first. InvalidParameter: a
// leader of too many people must name one.
func (s *Service) List(ctx context.Context, user id.ID, p page.Offset) (page.List[Consent], error) {
	a, err := require(ctx, "read")
	if err != nil {
		return page.List[Consent]{}, err
	}
	users, err := s.audience(ctx, a, user)
	if err != nil {
		return page.List[Consent]{}, err
	}
	list, err := s.store.List(ctx, Filter{OrganizationID: a.OrganizationID, Users: users}, p)
	return page.Map(list, func(c Consent) Consent { return shown(a, c) }), err
}

// Revoke takes a consent back, whatever its state. What is revoked already stays so. NotFound: not to be seen. Denied:
// it is somebody else's. One transaction, with the entry EventRevoked.
func (s *Service) Revoke(ctx context.Context, consent id.ID) error {
	a, err := require(ctx, "write")
	if err != nil {
		return err
	}
	return s.tx.Do(ctx, func(ctx context.Context) error {
		c, err := s.get(ctx, a, consent)
		if err != nil {
			return err
		}
		if !decides(a, c) {
			return errs.Forbidden("the consent is not yours to take back")
		}
		if _, err := s.store.LockNumber(ctx, c.NumberHash); err != nil {
			return err
		}
		if c, err = s.store.Lock(ctx, a.OrganizationID, consent); err != nil {
			return err
		}
		step := c.on(Withdraw)
		if step.Entries == nil {
			return nil
		}
		return s.write(ctx, c, step, writing{
			at: s.now(), source: ByAPI, by: a, entries: step.Entries, personal: Personal{Number: c.Number, RemoteAddr: a.RemoteAddr},
		})
	})
}

// Proof returns the whole ledger of a consent, signed. That it was read is audited. NotFound: not to be seen. Denied: it is
// somebody else's.
func (s *Service) Proof(ctx context.Context, consent id.ID) (Proof, error) {
	a, err := require(ctx, "read")
	if err != nil {
		return Proof{}, err
	}
	var p Proof
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		c, err := s.get(ctx, a, consent)
		if err != nil {
			return err
		}
		if !decides(a, c) {
			return errs.Forbidden("the proof is for administrators, services and the person alone")
		}
		if c, err = s.store.Lock(ctx, a.OrganizationID, consent); err != nil {
			return err
		}
		entries, err := s.store.Entries(ctx, a.OrganizationID, consent)
		if err != nil {
			return err
		}
		if p, err = proofOf(ctx, s.signer, c, entries, s.now()); err != nil {
			return err
		}
		return s.events.Audit(ctx, event.Change{OrganizationID: a.OrganizationID, Type: "consent.proof.read", Subject: c.ID})
	})
	return p, err
}
