package consent

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ProofFormat is the name and the version of what a Proof holds.
const ProofFormat = "switchboard-consent-proof/1"

// Proof is a consent's whole ledger, for somebody who does not trust the database that it came from: every entry seals the
// one before it, and the signature is over the newest.
type Proof struct {
	Format         string  `json:"format"`
	ConsentID      string  `json:"consent-id"`
	OrganizationID string  `json:"organization-id"`
	UserID         string  `json:"user-id"`
	Type           Type    `json:"type"`
	State          State   `json:"state"`
	Entries        []Entry `json:"entries"`
	Head           string  `json:"head"` // the hash of the newest entry
	IssuedAt       string  `json:"issued-at"`
	// The signature is Ed25519, over Statement; all three are empty when the server has no signing key. Keys and
	// signatures are base64.
	KeyID     string `json:"key-id"`
	PublicKey string `json:"public-key"`
	Signature string `json:"signature"`
}

// Statement is what the signature is over: lines of text.
func (p Proof) Statement() []byte {
	return []byte(strings.Join([]string{
		p.Format, p.ConsentID, p.OrganizationID, p.UserID, string(p.Type), string(p.State), strconv.Itoa(len(p.Entries)), p.Head, p.IssuedAt,
	}, "\n"))
}

// Signature is what a Signer answers.
type Signature struct {
	KeyID     string
	PublicKey ed25519.PublicKey
	Bytes     []byte
}

// Signer signs with the server's key.
type Signer interface {
	Sign(ctx context.Context, message []byte) (Signature, error)
}

// proofOf makes the proof of a consent. Without a signer it is not signed.
func proofOf(ctx context.Context, signer Signer, c Consent, entries []Entry, now time.Time) (Proof, error) {
	p := Proof{
		Format: ProofFormat, ConsentID: c.ID.String(), OrganizationID: c.OrganizationID.String(), UserID: c.UserID.String(), Type: c.Type,
		State: c.State, Entries: entries, Head: c.Head, IssuedAt: instant(now),
	}
	if signer == nil {
		return p, nil
	}
	s, err := signer.Sign(ctx, p.Statement())
	if err != nil {
		return Proof{}, err
	}
	p.KeyID, p.PublicKey = s.KeyID, base64.StdEncoding.EncodeToString(s.PublicKey)
	p.Signature = base64.StdEncoding.EncodeToString(s.Bytes)
	return p, nil
}

// The ways in which a proof is none.
var (
	errFormat    = errors.New("this is not a proof of consent that this version can read")
	errHead      = errors.New("the newest entry is not the one that was signed")
	errSignature = errors.New("the signature does not fit")
	errKey       = errors.New("it was signed with another key than the one that was expected")
)

// Verify tells whether the proof is whole and, where it is signed, signed by the key that it names. pinned is the public
// key that is expected, in base64; with an empty one any key will do, which proves that the proof is whole but not whose
// it is. signed is false for a proof without a signature, which is an error when a key is expected.
func (p Proof) Verify(pinned string) (signed bool, err error) {
	if p.Format != ProofFormat || len(p.Entries) == 0 || p.Entries[0].ConsentID != p.ConsentID {
		return false, errFormat
	}
	if err := CheckEntries(p.Entries); err != nil {
		return false, err
	}
	last := p.Entries[len(p.Entries)-1]
	if last.Hash != p.Head || last.State != p.State {
		return false, errHead
	}
	if pinned != "" && pinned != p.PublicKey {
		return false, errKey
	}
	if p.Signature == "" {
		return false, nil
	}
	key, err1 := base64.StdEncoding.DecodeString(p.PublicKey)
	signature, err2 := base64.StdEncoding.DecodeString(p.Signature)
	if err1 != nil || err2 != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, p.Statement(), signature) {
		return false, errSignature
	}
	return true, nil
}

// ReadProof reads a proof as it was saved: by the command line, or as the API has answered it.
func ReadProof(raw []byte) (Proof, error) {
	var saved struct {
		Proof
		Data struct {
			Attributes Proof `json:"attributes"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &saved); err != nil {
		return Proof{}, fmt.Errorf("%w: %w", errFormat, err)
	}
	if saved.Format == "" {
		return saved.Data.Attributes, nil
	}
	return saved.Proof, nil
}
