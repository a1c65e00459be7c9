package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"

	"switchboard/internal/id"
)

// Column is a column whose values are sealed. A context's store declares each of its own and app lists them all, so that
// rotation and status miss none.
type Column struct {
	Table, Name string
	// Key is the columns of the table's primary key, in its order.
	Key []string
	// Global tells that the rows belong to no organization.
	Global bool
}

// String is the column's name for people and for binding.
func (c Column) String() string { return c.Table + "." + c.Name }

// At names one value of the column. key is the values of the primary key without organization_id, in its order.
func (c Column) At(organization id.ID, key ...string) Place { return Place{c, organization, key} }

// Place is where a value stands: organization, table, column and row. A sealed value opens at its own place alone.
type Place struct {
	column       Column
	organization id.ID
	key          []string
}

// Column is the column that the value stands in.
func (p Place) Column() Column { return p.column }

// Equal tells whether two places are the same.
func (p Place) Equal(q Place) bool { return p.context() == q.context() }

// context is what a value is bound to. Every part has its length in front, so that no two places are written alike.
func (p Place) context() string {
	b := make([]byte, 0, 256)
	write := func(part string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	write("switchboard sealed value")
	write(p.column.Table)
	write(p.column.Name)
	write(p.organization.String())
	for _, part := range p.key {
		write(part)
	}
	return string(b)
}

// Sealer seals what a store writes and opens what it reads. It is for concurrent use. The empty text stays the empty text.
type Sealer interface {
	// Seal returns plain as only a holder of the key can read it.
	Seal(at Place, plain string) (string, error)
	// Open returns what was sealed at this place.
	//
	// Errors: ErrNoKey when no key of the ring fits, ErrBroken when the text was changed, belongs to another place, or was
	// never sealed. Neither holds anything of the text.
	Open(at Place, sealed string) (string, error)
}

// Box is a Sealer with a ring.
type Box struct{ ring atomic.Pointer[Ring] }

var _ Sealer = (*Box)(nil)

// NewBox returns a box with a ring; vaults have one of their own.
func NewBox(r Ring) *Box {
	var b Box
	b.ring.Store(&r)
	return &b
}

// Ring returns the ring; an empty one before there is any.
func (b *Box) Ring() Ring {
	if r := b.ring.Load(); r != nil {
		return *r
	}
	return Ring{}
}

// A sealed text is "sealed.", the id of its key, a dot, and nonce and ciphertext in base64.
const sealedPrefix = "sealed."

// SealedWith is how texts sealed with a key begin; with any key for "".
func SealedWith(key KeyID) string {
	if key == "" {
		return sealedPrefix
	}
	return sealedPrefix + string(key) + "."
}

// Seal implements Sealer.
func (b *Box) Seal(at Place, plain string) (string, error) {
	if plain == "" {
		return "", nil
	}
	k, ok := b.Ring().Current()
	if !ok {
		return "", fmt.Errorf("sealing %s: %w", at.column, ErrNoKey)
	}
	return k.seal(at, plain)
}

// Open implements Sealer.
func (b *Box) Open(at Place, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	name, body, err := split(sealed)
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", at.column, err)
	}
	k, ok := b.Ring().Find(name)
	if !ok {
		return "", fmt.Errorf("opening %s, sealed with key %s: %w", at.column, name, ErrNoKey)
	}
	return k.open(at, body)
}

func split(sealed string) (KeyID, string, error) {
	rest, ok := strings.CutPrefix(sealed, sealedPrefix)
	name, body, found := strings.Cut(rest, ".")
	if !ok || !found || len(name) != KeyIDLength {
		return "", "", ErrBroken
	}
	return KeyID(name), body, nil
}

// aead returns the cipher of one place. Each place has a key of its own, derived from the ring's, so that random nonces do
// not repeat under one key however many values there are.
func (k Key) aead(context string) (cipher.AEAD, error) {
	own, err := hkdf.Expand(sha256.New, k.secret[:], context, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (k Key) seal(at Place, plain string) (string, error) {
	context := at.context()
	a, err := k.aead(context)
	if err != nil {
		return "", err
	}
	body := a.Seal(make([]byte, 0, len(plain)+a.Overhead()), nil, []byte(plain), []byte(context))
	out := make([]byte, 0, len(sealedPrefix)+KeyIDLength+1+base64.RawURLEncoding.EncodedLen(len(body)))
	out = append(out, SealedWith(k.ID)...)
	return string(base64.RawURLEncoding.AppendEncode(out, body)), nil
}

func (k Key) open(at Place, body string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", at.column, ErrBroken)
	}
	context := at.context()
	a, err := k.aead(context)
	if err != nil {
		return "", err
	}
	plain, err := a.Open(make([]byte, 0, len(raw)), nil, raw, []byte(context))
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", at.column, ErrBroken)
	}
	return string(plain), nil
}
