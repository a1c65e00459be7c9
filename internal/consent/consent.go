// Package consent knows who has agreed to be texted, and can prove it.
//
// A consent is one person's answer to one question of one organization: may we reach you by this transport at this
// number? The question (the invitation) goes out as a text, and the person's reply decides. Every step is an entry of a
// ledger that is only ever appended to, each entry sealed over the one before it; the state of a consent follows from
// its entries and is kept beside them, in the same transaction. Proof of a consent is its whole ledger, signed.
//
// STOP is about a number and not about a consent: a person cannot know which organizations stand behind the number that
// they answer. It therefore holds for everybody on this server who has the person's number, in every organization and by
// every transport that uses a telephone, until a START from the same number.
//
// The rules of what a text means are pure functions: word.go reads a text, state.go decides what it changes. The package
// sends nothing and speaks to no provider: it says what is to be answered, and delivery does.
package consent

import (
	"time"

	"switchboard/internal/id"
)

// Type is what a person consents to be reached by: the name of a transport.
type Type string

// SMS is the one type that can be asked for.
const SMS Type = "sms"

// Types lists the types that can be asked for.
func Types() []Type { return []Type{SMS} }

// State is where a consent stands.
type State string

// The states.
const (
	Pending  State = "pending"  // the person was asked and has not answered
	Accepted State = "accepted" // may be texted
	Rejected State = "rejected" // the person has answered no
	Revoked  State = "revoked"  // it was taken back, by the person or by the organization, or nobody ever answered
)

// States lists them.
func States() []State { return []State{Pending, Accepted, Rejected, Revoked} }

// live tells whether another consent of the same person and type is in the way.
func (s State) live() bool { return s == Pending || s == Accepted }

// Messages are the texts of the conversation about a consent.
type Messages struct {
	Initial         string `json:"initial"`          // the question
	Accept          string `json:"accept"`           // the answer to a yes
	InvalidResponse string `json:"invalid-response"` // the answer, once, to what is neither yes nor no
}

// Consent is one person's answer to one organization, as its ledger has it at present.
type Consent struct {
	ID, OrganizationID, UserID id.ID
	Type                       Type
	State                      State
	Messages                   Messages
	Language                   string // of the person when it was asked for, such as es_MX
	// Number is the number that it is about, in E.164; empty once it was purged. NumberHash stays.
	Number     string
	NumberHash string
	Reminded   bool      // the invalid-response was sent
	Stopped    bool      // it ended with a STOP, so a START brings it back
	InvitedAt  time.Time // zero for one that nobody was asked about
	Entries    int       // how many its ledger has
	Head       string    // the hash of the newest
	CreatedAt  time.Time
	ModifiedAt time.Time
}

// InvitationLife is how long a reply counts as the answer to an invitation. Later a yes is likely to be meant for
// something else.
const InvitationLife = 30 * 24 * time.Hour

// invited tells whether a reply at an instant may be the answer to the consent's question.
func (c Consent) invited(now time.Time) bool {
	return !c.InvitedAt.IsZero() && now.Before(c.InvitedAt.Add(InvitationLife))
}

// lapsed tells whether nobody has answered for too long.
func (c Consent) lapsed(now time.Time) bool { return c.State == Pending && !c.invited(now) }

// Number is what is known of a telephone number, whoever has it.
type Number struct {
	Hash    string
	Stopped bool // a STOP has come from it, and no START since
}

// mask makes a number one that tells its owner which of theirs it is, and nobody else where to write.
func mask(number string) string {
	const head, tail = 2, 2
	if len(number) <= head+tail {
		return ""
	}
	masked := []byte(number)
	for i := head; i < len(masked)-tail; i++ {
		masked[i] = '*'
	}
	return string(masked)
}
