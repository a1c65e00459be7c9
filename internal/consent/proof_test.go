package consent

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"switchboard/internal/id"
)

// notary signs with a key of its own.
type notary struct{ key ed25519.PrivateKey }

func newNotary(t *testing.T) notary {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return notary{key}
}

func (n notary) public() string {
	return base64.StdEncoding.EncodeToString(n.key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is one
}

func (n notary) Sign(_ context.Context, message []byte) (Signature, error) {
	return Signature{KeyID: "k1", PublicKey: n.key.Public().(ed25519.PublicKey), Bytes: ed25519.Sign(n.key, message)}, nil //nolint:forcetypeassert // it is one
}

type brokenNotary struct{}

func (brokenNotary) Sign(context.Context, []byte) (Signature, error) {
	return Signature{}, errors.New("no key")
}

// proven is a consent with three entries, and its proof.
func proven(t *testing.T, n Signer) Proof {
	t.Helper()
	c := Consent{ID: id.New(), OrganizationID: id.New(), UserID: id.New(), Type: SMS, State: Pending, NumberHash: "ab", Language: "en_US"}
	entries := []Entry{
		c.seal(Facts{At: instant(noon), What: Requested, Source: ByAPI, Shown: "<May> we & you? ✓"}, Personal{Number: "+15551230001", RemoteAddr: "10.0.0.1"}),
		c.seal(Facts{At: instant(noon), What: Replied, Source: ByText, Provider: "text", ProviderID: "SM1"}, Personal{Number: "+15551230001", Words: "Yes!"}),
	}
	c.State = Accepted
	entries = append(entries, c.seal(Facts{At: instant(noon), What: WasAccepted, Source: ByText}, Personal{}))
	p, err := proofOf(t.Context(), n, c, entries, noon)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProof_Verify(t *testing.T) {
	t.Parallel()
	n := newNotary(t)
	p := proven(t, n)
	raw, err := json.MarshalIndent(p, "", "   ")
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := json.Marshal(map[string]any{"data": map[string]any{"id": p.ConsentID, "type": "user-consent-proofs", "attributes": p}, "meta": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, saved := range map[string][]byte{"as the command line saves it": raw, "as the API answers it": wrapped} {
		read, err := ReadProof(saved)
		if err != nil {
			t.Fatal(err)
		}
		for _, pinned := range []string{"", n.public()} {
			if signed, err := read.Verify(pinned); !signed || err != nil {
				t.Errorf("%s, with key %q: %v, %v", name, pinned, signed, err)
			}
		}
	}
}

// TestProof_Verify_tampered changes everything that a proof says, one thing at a time.
func TestProof_Verify_tampered(t *testing.T) {
	t.Parallel()
	n, other := newNotary(t), newNotary(t)
	for name, change := range map[string]func(p *Proof){
		"format":             func(p *Proof) { p.Format = "another" },
		"consent":            func(p *Proof) { p.ConsentID = id.New().String() },
		"organization":       func(p *Proof) { p.OrganizationID = id.New().String() },
		"user":               func(p *Proof) { p.UserID = id.New().String() },
		"type":               func(p *Proof) { p.Type = "voice" },
		"state":              func(p *Proof) { p.State = Revoked },
		"issued at":          func(p *Proof) { p.IssuedAt = "2020-01-01T00:00:00.000Z" },
		"head":               func(p *Proof) { p.Head = p.Entries[0].Hash },
		"no entries":         func(p *Proof) { p.Entries = nil },
		"first left out":     func(p *Proof) { p.Entries = p.Entries[1:] },
		"last left out":      func(p *Proof) { p.Entries = p.Entries[:2] },
		"middle left out":    func(p *Proof) { p.Entries = append(p.Entries[:1:1], p.Entries[2]) },
		"order":              func(p *Proof) { p.Entries[0], p.Entries[1] = p.Entries[1], p.Entries[0] },
		"words":              func(p *Proof) { p.Entries[1].Personal.Words = "No" },
		"number":             func(p *Proof) { p.Entries[1].Personal.Number = "+15550000000" },
		"salt":               func(p *Proof) { p.Entries[1].Salt = "x" },
		"what was shown":     func(p *Proof) { p.Entries[0].Shown = "May we sell your data?" },
		"when":               func(p *Proof) { p.Entries[1].At = instant(noon.AddDate(1, 0, 0)) },
		"what":               func(p *Proof) { p.Entries[2].What = Imported },
		"an entry's state":   func(p *Proof) { p.Entries[1].State = Accepted },
		"a hash":             func(p *Proof) { p.Entries[1].Hash = p.Entries[0].Hash },
		"another's entry":    func(p *Proof) { p.Entries[1] = proven(t, nil).Entries[1] },
		"signature":          func(p *Proof) { p.Signature = base64.StdEncoding.EncodeToString(make([]byte, 64)) },
		"no base64":          func(p *Proof) { p.Signature = "*" },
		"another key":        func(p *Proof) { p.PublicKey = other.public() },
		"half a key":         func(p *Proof) { p.PublicKey = "AAAA" },
		"resealed, unsigned": func(p *Proof) { p.Entries[1].Shown = "x"; p.Entries[1].Hash = hashOf(p.Entries[1].Sealed()) },
	} {
		p := proven(t, n)
		change(&p)
		if signed, err := p.Verify(""); err == nil {
			t.Errorf("%s was changed and nobody noticed (signed: %v)", name, signed)
		}
	}
	p := proven(t, n)
	if _, err := p.Verify(other.public()); !errors.Is(err, errKey) {
		t.Errorf("with another key than expected: %v", err)
	}
	p.Signature = ""
	if signed, err := p.Verify(""); signed || err != nil {
		t.Errorf("without a signature: %v, %v", signed, err)
	}
	if _, err := proven(t, nil).Verify(n.public()); !errors.Is(err, errKey) {
		t.Errorf("unsigned where a key is expected: %v", err)
	}
}

// resealed makes a ledger whose chain and seals hold, whatever was changed in it, and a proof of it that nobody signed.
func (p *Proof) resealed() {
	p.Signature, p.Head = "", ""
	for i := range p.Entries {
		e := &p.Entries[i]
		e.Previous = p.Head
		e.Hash = hashOf(e.Sealed())
		p.Head, p.State = e.Hash, e.State
	}
}

// What a signature would show too is noticed without one.
func TestProof_Verify_unsigned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(p *Proof)
		want   error
	}{
		"nothing":                {func(*Proof) {}, nil},
		"head":                   {func(p *Proof) { p.Head = p.Entries[0].Hash }, errHead},
		"state":                  {func(p *Proof) { p.State = Revoked }, errHead},
		"a number left out":      {func(p *Proof) { p.Entries[2].Number = 4; p.resealed() }, errGap},
		"an entry of another":    {func(p *Proof) { p.Entries[2].ConsentID = id.New().String(); p.resealed() }, errGap},
		"all entries of another": {func(p *Proof) { *p, p.ConsentID = proven(t, nil), id.New().String() }, errFormat},
	} {
		p := proven(t, nil)
		c.change(&p)
		if signed, err := p.Verify(""); signed || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, signed, err, c.want)
		}
	}
}

// A purge leaves a proof of what was decided, without a word of the person.
func TestProof_Verify_blanked(t *testing.T) {
	t.Parallel()
	p := proven(t, newNotary(t))
	for i := range p.Entries {
		p.Entries[i].Personal, p.Entries[i].Salt = nil, ""
	}
	if signed, err := p.Verify(""); !signed || err != nil || !p.Entries[0].Blanked() {
		t.Errorf("%v, %v", signed, err)
	}
}

func TestProofOf_signerFails(t *testing.T) {
	t.Parallel()
	if _, err := proofOf(t.Context(), brokenNotary{}, Consent{}, nil, noon); err == nil {
		t.Error("a proof without the signature that was asked for")
	}
}

func TestHashNumber(t *testing.T) {
	t.Parallel()
	a, b := HashNumber([]byte("one"), "+15551230001"), HashNumber([]byte("two"), "+15551230001")
	if a == b || a != HashNumber([]byte("one"), "+15551230001") || len(a) != 64 {
		t.Errorf("%s, %s", a, b)
	}
}

func FuzzReadProof(f *testing.F) {
	f.Add([]byte(`{"format":"switchboard-consent-proof/1","entries":[{"entry":1}]}`))
	f.Add([]byte(`{"data":{"attributes":{"format":"x","entries":[{"personal":null}]}}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ReadProof(raw)
		if err != nil {
			return
		}
		if signed, err := p.Verify(""); signed && err == nil {
			t.Errorf("%s is signed", raw)
		}
	})
}
