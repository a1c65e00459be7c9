package consent

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/clock"
	"switchboard/internal/directory"
	"switchboard/internal/event"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/tx"
)

// Directory is what this context asks of package directory, whose Service it is. Only ActAs looks at the actor.
type Directory interface {
	Organization(ctx context.Context, organization id.ID) (directory.Organization, error)
	Users(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]directory.User, error)
	Individuals(ctx context.Context, organization id.ID, individuals []id.ID) (map[id.ID]directory.Individual, error)
	IndividualsOfUsers(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID][]directory.Individual, error)
	Memberships(ctx context.Context, organization id.ID, individuals []id.ID) ([]directory.Membership, error)
	Groups(ctx context.Context, organization id.ID, groups []id.ID) (map[id.ID]directory.Group, error)
	ActAs(ctx context.Context, individual id.ID) (id.ID, error)
	// SetPhoneUnsubscribed notes that a user takes no more messages at the number, or does again. Setting what is set
	// already does nothing.
	SetPhoneUnsubscribed(ctx context.Context, organization, user id.ID, unsubscribed bool) error
}

// The types of the entries that this context writes to the event log. Their subject is the consent.
const (
	EventRequested = "consent.consent.requested"
	EventAccepted  = "consent.consent.accepted"
	EventRejected  = "consent.consent.rejected"
	EventRevoked   = "consent.consent.revoked"
)

// Changed is their data: no number and no words.
type Changed struct {
	ConsentID id.ID `json:"consent-id"`
	UserID    id.ID `json:"user-id"`
	Type      Type  `json:"type"`
	State     State `json:"state"`
}

// Ledger keeps the rules that hold whoever asks. It checks no permission: delivery and other contexts call it. It is safe
// for concurrent use.
type Ledger struct {
	store  Store
	tx     tx.Runner
	events event.Recorder
	people Directory
	now    clock.Clock

	secret atomic.Pointer[[]byte] // of the store, once it was read
}

// NewLedger returns a ledger. The store, the directory and the recorder must take part in the transactions of runner.
func NewLedger(store Store, runner tx.Runner, events event.Recorder, people Directory, now clock.Clock) *Ledger {
	return &Ledger{store: store, tx: runner, events: events, people: people, now: now}
}

// Text is what a person wrote to one of our numbers.
type Text struct {
	ID         id.ID // ours for it
	Provider   string
	ProviderID string
	Transport  Type
	From       string // E.164
	Words      string
	Input      Input // what it says; see Understand
	Handled    bool  // the provider itself has acted on the keyword, and answered it
	At         time.Time
}

// Reply is what is to be sent to whoever wrote, in the name of one of their organizations.
type Reply struct {
	OrganizationID, UserID id.ID
	// About is the consent in whose words it is, or the text that it answers.
	About id.ID
	Kind  Answer
	Words string
}

// Hear takes in a text from a number: what it changes for every consent of the number is stored, users, who are all those
// that have the number, are marked as unsubscribed or not, and what is to be answered is returned; nil is nothing. The
// caller sees to it that a text is heard once, however often its provider repeats it, in the same transaction.
//
// A number that nobody has is remembered all the same: a STOP holds for who is given the number later.
func (l *Ledger) Hear(ctx context.Context, t Text, users []directory.User) (*Reply, error) {
	hash, err := l.hash(ctx, t.From)
	if err != nil {
		return nil, err
	}
	var reply *Reply
	err = l.tx.Do(ctx, func(ctx context.Context) error {
		h := hearing{Ledger: l, text: t, users: sorted(users)}
		n, err := l.store.LockNumber(ctx, hash)
		if err != nil {
			return err
		}
		if h.consents, err = l.store.LockOfNumber(ctx, hash); err != nil {
			return err
		}
		n.Stopped = n.Stopped || slices.ContainsFunc(users, func(u directory.User) bool { return u.PhoneUnsubscribed })
		out := Decide(n, h.consents, t.Input, t.Transport, t.At)
		if err := h.mark(ctx, out.Number); err != nil {
			return err
		}
		reply, err = h.apply(ctx, out)
		return err
	})
	return reply, err
}

func sorted(users []directory.User) []directory.User {
	return slices.SortedFunc(slices.Values(users), func(a, b directory.User) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
}

// hearing is one text being heard.
type hearing struct {
	*Ledger
	text     Text
	users    []directory.User
	consents []Consent
}

// mark notes for the number and for everybody who has it whether it is stopped.
func (h *hearing) mark(ctx context.Context, n Number) error {
	if h.text.Input != Stop && h.text.Input != Start {
		return nil
	}
	if err := h.store.SaveNumber(ctx, n, h.text.At); err != nil {
		return err
	}
	for _, u := range h.users {
		ctx := actor.With(ctx, actor.System(u.OrganizationID))
		if err := h.people.SetPhoneUnsubscribed(ctx, u.OrganizationID, u.ID, n.Stopped); err != nil {
			return err
		}
	}
	return nil
}

// apply writes what an outcome says to the ledgers and returns the reply.
func (h *hearing) apply(ctx context.Context, out Outcome) (*Reply, error) {
	reply, err := h.reply(ctx, out)
	if err != nil {
		return nil, err
	}
	for i, step := range out.Steps {
		if step.Entries == nil {
			continue
		}
		w := writing{
			at: h.text.At, source: ByText, text: h.text, entries: step.Entries,
			personal: Personal{Number: h.text.From, Words: h.text.Words},
		}
		if h.text.Handled {
			w.detail = "the provider has acted on the keyword and answered it"
		}
		if reply != nil && reply.About == h.consents[i].ID {
			w.shown = reply.Words
			w.entries = append(slices.Clone(w.entries), Answered)
		}
		if err := h.write(ctx, h.consents[i], step, w); err != nil {
			return nil, err
		}
	}
	return reply, nil
}

// reply words the answer. A keyword that the provider has answered is not answered again, and neither is a number that
// nobody here has, because nobody would be charged with it.
func (h *hearing) reply(ctx context.Context, out Outcome) (*Reply, error) {
	if out.Answer == Silence || len(h.users) == 0 || out.About < 0 && h.text.Handled {
		return nil, nil //nolint:nilnil // there is nothing to say, which is no error
	}
	speaker := h.users[0]
	about := h.text.ID
	if c, found := h.consent(out.About); found {
		i := slices.IndexFunc(h.users, func(u directory.User) bool { return u.ID == c.UserID })
		if i < 0 {
			return nil, nil //nolint:nilnil // the person has another number by now
		}
		speaker, about = h.users[i], c.ID
	}
	words, err := h.words(ctx, out, speaker)
	return &Reply{OrganizationID: speaker.OrganizationID, UserID: speaker.ID, About: about, Kind: out.Answer, Words: words}, err
}

// consent is the one that an answer is about: the one in whose words it is, or the newest.
func (h *hearing) consent(about int) (Consent, bool) {
	switch {
	case about >= 0:
		return h.consents[about], true
	case len(h.consents) > 0 && slices.ContainsFunc(h.users, func(u directory.User) bool { return u.ID == h.consents[0].UserID }):
		return h.consents[0], true
	}
	return Consent{}, false
}

func (h *hearing) words(ctx context.Context, out Outcome, speaker directory.User) (string, error) {
	switch out.Answer {
	case AnswerAccepted:
		return h.consents[out.About].Messages.Accept, nil
	case AnswerUnclear:
		return h.consents[out.About].Messages.InvalidResponse, nil
	case Silence, AnswerStopped, AnswerRestarted, AnswerHelp:
	}
	o, err := h.people.Organization(ctx, speaker.OrganizationID)
	return wordingIn(speaker.Locale).say(out.Answer, o.Title()), err
}

// writing is what the entries of one step have in common.
type writing struct {
	at       time.Time
	source   Source
	by       actor.Actor // of an API call
	text     Text        // of a text
	entries  []What
	shown    string // by the entries that show something
	detail   string
	personal Personal
}

// facts is what one entry says.
func (w writing) facts(what What) (Facts, Personal) {
	f := Facts{At: instant(w.at), What: what, Source: w.source, Detail: w.detail}
	p := w.personal
	switch what {
	case Expired, Answered: // nobody's act but the server's
		f.Source, p.Words, p.RemoteAddr = ByServer, "", ""
		if what == Answered {
			f.Shown = w.shown
		}
		return f, p
	case Requested:
		f.Shown = w.shown
	case Replied, HelpAsked:
		f.Provider, f.ProviderID = w.text.Provider, w.text.ProviderID
	case Invited, Imported, WasAccepted, WasRejected, WasRevoked, Restored:
		p.Words = "" // stand in the entry of the reply
	}
	f.KeyID, f.UserID, f.RequestID = text(w.by.KeyID), text(w.by.UserID), w.by.RequestID
	return f, p
}

// write takes a step of a consent: its entries, its row and what others are told of it.
func (l *Ledger) write(ctx context.Context, c Consent, step Step, w writing) error {
	_, err := l.step(ctx, c, step, w)
	return err
}

func (l *Ledger) step(ctx context.Context, c Consent, step Step, w writing) (Consent, error) {
	before := c.State
	c.State, c.Stopped, c.Reminded, c.ModifiedAt = step.State, step.Stopped, step.Reminded, w.at
	entries := make([]Entry, len(w.entries))
	for i, what := range w.entries {
		f, p := w.facts(what)
		entries[i] = c.seal(f, p)
	}
	if err := l.store.Append(ctx, c.OrganizationID, entries); err != nil {
		return c, err
	}
	if err := l.store.Update(ctx, c); err != nil || c.State == before {
		return c, err
	}
	return c, l.record(ctx, w, c, before)
}

// record tells others of a new state.
func (l *Ledger) record(ctx context.Context, w writing, c Consent, before State) error {
	typ := map[State]string{Accepted: EventAccepted, Rejected: EventRejected, Revoked: EventRevoked, Pending: EventRequested}[c.State]
	change := event.Change{
		OrganizationID: c.OrganizationID, Type: typ, Subject: c.ID, After: map[string]State{"state": c.State},
		Data: Changed{ConsentID: c.ID, UserID: c.UserID, Type: c.Type, State: c.State},
	}
	if before != "" {
		change.Before = map[string]State{"state": before}
	}
	if w.source != ByAPI {
		ctx = actor.With(ctx, actor.System(c.OrganizationID))
	}
	return l.events.Record(ctx, change)
}

// hash is HashNumber under the store's secret.
func (l *Ledger) hash(ctx context.Context, number string) (string, error) {
	known := l.secret.Load()
	if known == nil {
		secret, err := l.store.Secret(ctx)
		if err != nil {
			return "", err
		}
		known = &secret
		l.secret.Store(known)
	}
	return HashNumber(*known, number), nil
}

// Standing is where somebody stands with being reached by a transport.
type Standing struct {
	// Stopped: the number has told us to stop, by whatever transport.
	Stopped bool
	// State is that of the newest consent for the user's present number; empty when there is none.
	State State
}

// Standings tells where users of an organization stand, by user. Users without a number are absent.
func (l *Ledger) Standings(ctx context.Context, organization id.ID, t Type, users []directory.User) (map[id.ID]Standing, error) {
	out := make(map[id.ID]Standing, len(users))
	hashOf := make(map[id.ID]string, len(users))
	var hashes []string
	var ids []id.ID
	for _, u := range users {
		if u.Phone == "" {
			continue
		}
		hash, err := l.hash(ctx, u.Phone)
		if err != nil {
			return nil, err
		}
		hashOf[u.ID], hashes, ids = hash, append(hashes, hash), append(ids, u.ID)
	}
	stopped, err := l.store.FindStopped(ctx, hashes)
	if err != nil {
		return nil, err
	}
	newest, err := l.store.FindNewest(ctx, organization, t, ids)
	if err != nil {
		return nil, err
	}
	for user, hash := range hashOf {
		s := Standing{Stopped: stopped[hash]}
		if c, asked := newest[user]; asked && c.NumberHash == hash {
			s.State = c.State
		}
		out[user] = s
	}
	for _, u := range users {
		if s, ok := out[u.ID]; ok && u.PhoneUnsubscribed {
			s.Stopped = true
			out[u.ID] = s
		}
	}
	return out, nil
}

// Allowed tells whether a user may be reached in a conversation by a transport, and if not what is missing: an address,
// its verification, or the consent. A user that does not exist has no address.
func (l *Ledger) Allowed(ctx context.Context, organization, user id.ID, t Type) (bool, reason.Reason, error) {
	found, err := l.people.Users(ctx, organization, []id.ID{user})
	if err != nil {
		return false, "", err
	}
	u := found[user]
	standings, err := l.Standings(ctx, organization, t, []directory.User{u})
	if err != nil {
		return false, "", err
	}
	switch s, has := standings[user]; {
	case !has:
		return false, reason.NoAddress, nil
	case s.Stopped:
		return false, reason.OptedOut, nil
	case !u.PhoneVerified:
		return false, reason.AddressUnverified, nil
	case s.State != Accepted:
		return false, reason.NoConsent, nil
	}
	return true, reason.OK, nil
}

// Pending counts the consents that users were asked for and may still answer; users without are absent.
func (l *Ledger) Pending(ctx context.Context, organization id.ID, users []id.ID) (map[id.ID]int, error) {
	return l.store.CountPending(ctx, organization, users, l.now().Add(-InvitationLife))
}
