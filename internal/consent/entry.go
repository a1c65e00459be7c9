package consent

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"switchboard/internal/id"
)

// What is what an entry of the ledger says.
type What string

// What entries say.
const (
	Requested   What = "requested"  // somebody asked for the consent; shown is the question
	Invited     What = "invited"    // the question was handed to delivery
	Imported    What = "imported"   // it was given elsewhere; the evidence says how
	Replied     What = "replied"    // a text came; the personal part has its words
	Answered    What = "answered"   // a text was handed to delivery; shown is that text
	HelpAsked   What = "help-asked" // a text asked who we are
	WasAccepted What = "accepted"
	WasRejected What = "rejected"
	WasRevoked  What = "revoked"
	Restored    What = "restored" // START brought it back
	Expired     What = "expired"  // nobody answered within InvitationLife
)

// Source says how an entry came about.
type Source string

// The sources.
const (
	ByText   Source = "text"   // the person wrote
	ByAPI    Source = "api"    // somebody with a key, or the command line
	ByServer Source = "server" // the server itself
)

// Facts are what an entry seals: its hash is the SHA-256 of their JSON, members in this order,
// without blanks and without escaping of HTML. A member that is added later must be left out when empty, or the hashes of older entries
// would not come out any more.
type Facts struct {
	ConsentID      string `json:"consent-id"`
	Number         int    `json:"entry"` // from 1, without gaps
	At             string `json:"at"`    // RFC 3339 in UTC, with milliseconds
	What           What   `json:"what"`
	State          State  `json:"state"` // afterwards
	Source         Source `json:"source"`
	KeyID          string `json:"key-id"`     // of an API call
	UserID         string `json:"user-id"`    // who made it
	RequestID      string `json:"request-id"` // of it
	Provider       string `json:"provider"`   // that brought a text
	ProviderID     string `json:"provider-id"`
	NumberHash     string `json:"number-hash"`
	Language       string `json:"language"`
	Shown          string `json:"shown"`  // the exact text that the person was sent
	Detail         string `json:"detail"` // for a person to read
	PersonalDigest string `json:"personal-digest"`
	Previous       string `json:"previous"` // the hash of the entry before; empty for the first
}

// Personal is the part of an entry that a purge blanks. The entry seals a salted digest of it, so that blanking breaks
// no seal and whoever still has the original can show that it is the one.
type Personal struct {
	Number     string `json:"number"` // E.164
	Words      string `json:"words"`  // of a text, exactly
	RemoteAddr string `json:"remote-addr"`
	Evidence   string `json:"evidence"` // of a consent that was given elsewhere
}

// Entry is one line of a ledger.
type Entry struct {
	Facts
	Personal *Personal `json:"personal"` // null once it was purged
	Salt     string    `json:"salt"`     // of PersonalDigest; empty once it was purged
	Hash     string    `json:"hash"`
}

// Blanked tells whether the personal part was purged.
func (e Entry) Blanked() bool { return e.Personal == nil }

// instant is how the ledger spells an instant.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// canonical is JSON with members in the order of the type and nothing escaped that need not be.
func canonical(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("consent: %T cannot be encoded: %v", v, err)) // it is made of texts and one number
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Sealed is the bytes that the entry's hash is of.
func (f Facts) Sealed() []byte { return canonical(f) }

func hashOf(sealed []byte) string {
	sum := sha256.Sum256(sealed)
	return hex.EncodeToString(sum[:])
}

func (p Personal) digest(salt string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write(canonical(p))
	return hex.EncodeToString(mac.Sum(nil))
}

// seal completes an entry as the next of a consent's ledger, and moves the consent on.
func (c *Consent) seal(f Facts, p Personal) Entry {
	c.Entries++
	f.ConsentID, f.Number, f.State, f.Previous = c.ID.String(), c.Entries, c.State, c.Head
	f.NumberHash, f.Language = c.NumberHash, c.Language
	salt := rand.Text()
	f.PersonalDigest = p.digest(salt)
	e := Entry{Facts: f, Personal: &p, Salt: salt, Hash: hashOf(f.Sealed())}
	c.Head = e.Hash
	return e
}

// The ways in which a ledger is broken.
var (
	errGap      = errors.New("entries are missing or out of order")
	errChain    = errors.New("an entry does not follow from the one before it")
	errSeal     = errors.New("an entry was changed")
	errPersonal = errors.New("the personal part of an entry was changed")
)

// CheckEntries tells whether a whole ledger is as it was written: every entry there, in order, unchanged. Blanked
// personal parts are no change. The error names the first entry that is wrong.
func CheckEntries(entries []Entry) error {
	previous := ""
	for i, e := range entries {
		var broken error
		switch {
		case e.Facts.Number != i+1 || e.ConsentID != entries[0].ConsentID:
			broken = errGap
		case e.Previous != previous:
			broken = errChain
		case e.Hash != hashOf(e.Sealed()):
			broken = errSeal
		case e.Personal != nil && e.Personal.digest(e.Salt) != e.PersonalDigest:
			broken = errPersonal
		}
		if broken != nil {
			return fmt.Errorf("entry %d: %w", i+1, broken)
		}
		previous = e.Hash
	}
	return nil
}

// HashNumber is what is kept of a number for good. Under one secret the same number always has the same hash, so that a
// STOP outlives the purge of the person. There are few enough numbers to try them all: whoever knows the secret can find
// the number of a hash, so it is a pseudonym and not oblivion.
func HashNumber(secret []byte, number string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(number))
	return hex.EncodeToString(mac.Sum(nil))
}

func text(i id.ID) string {
	if i.IsZero() {
		return ""
	}
	return i.String()
}
