package vault

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// keySize is that of AES-256.
const keySize = 32

// KeyID names a key without telling anything of it: twelve hexadecimal digits made from the key.
type KeyID string

// KeyIDLength is how long every KeyID is.
const KeyIDLength = 12

// Key is a secret that values are sealed with.
type Key struct {
	ID     KeyID
	secret [keySize]byte
	// Next tells that the key is not to seal yet: it is being brought to every node before one of them begins to use it.
	Next bool
}

// NewKey makes a key.
func NewKey() Key {
	var secret [keySize]byte
	_, _ = rand.Read(secret[:]) // never fails
	return keyOf(secret)
}

func keyOf(secret [keySize]byte) Key {
	sum := sha256.Sum256(append([]byte("switchboard key id\x00"), secret[:]...))
	return Key{ID: KeyID(hex.EncodeToString(sum[:KeyIDLength/2])), secret: secret}
}

// String tells which key it is and not the key.
func (k Key) String() string { return "key " + string(k.ID) }

// GoString is String, so that no verb shows the key.
func (k Key) GoString() string { return k.String() }

// Ring is the keys that a node holds, the newest first. One of them seals, all of them open. A Ring is not changed once it is
// made.
type Ring struct {
	keys    []Key
	current KeyID
}

// NewRing returns a ring whose first key seals.
func NewRing(keys ...Key) Ring {
	r := Ring{keys: keys}
	if first, ok := r.first(); ok {
		r.current = first.ID
	}
	return r
}

// Keys lists the keys.
func (r Ring) Keys() []Key { return slices.Clone(r.keys) }

// Find returns the key of an id.
func (r Ring) Find(id KeyID) (Key, bool) {
	i := slices.IndexFunc(r.keys, func(k Key) bool { return k.ID == id })
	if i < 0 {
		return Key{}, false
	}
	return r.keys[i], true
}

// Current returns the key that seals; false on an empty ring.
func (r Ring) Current() (Key, bool) { return r.Find(r.current) }

// first returns the newest key that may seal.
func (r Ring) first() (Key, bool) {
	i := slices.IndexFunc(r.keys, func(k Key) bool { return !k.Next })
	if i < 0 {
		return Key{}, false
	}
	return r.keys[i], true
}

// sealing returns the ring with another key that seals, if it has it.
func (r Ring) sealing(key KeyID) Ring {
	if _, ok := r.Find(key); ok {
		r.current = key
	}
	return r
}

// without returns the ring with some keys taken out.
func (r Ring) without(gone func(Key) bool) Ring {
	return Ring{keys: slices.DeleteFunc(slices.Clone(r.keys), gone), current: r.current}
}

// promoted returns the ring with its Next key, or a new one, in front and sealing.
func (r Ring) promoted() Ring {
	rest, first := slices.Clone(r.keys), NewKey()
	if i := slices.IndexFunc(rest, func(k Key) bool { return k.Next }); i >= 0 {
		first = rest[i]
		first.Next = false
		rest = slices.Delete(rest, i, i+1)
	}
	return NewRing(append([]Key{first}, rest...)...)
}

const header = `# The keys that Switchboard seals secrets with, newest first: 32 random bytes each, in base64. What is sealed with a key can
# only be read with it, so keep a copy of this file apart from the copies of the database. docs/secrets.md says more.
`

const nextPrefix = "next "

// Text writes the ring as a key file holds it.
func (r Ring) Text() string {
	var b strings.Builder
	b.WriteString(header)
	for _, k := range r.keys {
		if k.Next {
			b.WriteString(nextPrefix)
		}
		b.WriteString(base64.StdEncoding.EncodeToString(k.secret[:]) + "\n")
	}
	return b.String()
}

// ParseRing reads a key file: a key a line, the newest first, "next " before one that is not to seal yet. Empty lines and
// lines that begin with # are passed over.
//
// The error names a line and never quotes it.
func ParseRing(text string) (Ring, error) {
	var keys []Key
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rest, next := strings.CutPrefix(line, nextPrefix)
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil || len(raw) != keySize {
			return Ring{}, fmt.Errorf("line %d is no key: a key is %d bytes in base64, as `openssl rand -base64 32` makes them", n, keySize)
		}
		k := keyOf([keySize]byte(raw))
		if slices.ContainsFunc(keys, func(other Key) bool { return other.ID == k.ID }) {
			return Ring{}, fmt.Errorf("line %d holds key %s a second time", n, k.ID)
		}
		k.Next = next
		keys = append(keys, k)
	}
	if err := lines.Err(); err != nil {
		return Ring{}, fmt.Errorf("a line is too long to be a key")
	}
	r := NewRing(keys...)
	if _, ok := r.first(); !ok {
		return Ring{}, fmt.Errorf("there is no key in it that seals")
	}
	return r, nil
}
