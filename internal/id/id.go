// Package id is the one kind of identifier that every record has: a UUIDv7, so that identifiers sort by
// the time they were made and indexes stay append-mostly.
//
// One record has three spellings, all of the same sixteen bytes, and every API accepts those that it may meet:
// the canonical UUID (courier, legacy notification groups), the UUID behind a prefix such as "usr_"
// (notification groups) and a short form of 22 letters and digits (groups). The package knows nothing of what an
// identifier names.
package id

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/google/uuid"
)

// ID identifies one record. The zero ID means "none" and is stored as NULL.
type ID uuid.UUID

// Nil is the zero ID.
var Nil ID

// ErrSyntax is returned for text that is no identifier in the spelling asked for.
var ErrSyntax = errors.New("not an identifier")

// New returns a fresh identifier. Identifiers made by one process are strictly increasing.
func New() ID {
	return ID(uuid.Must(uuid.NewV7()))
}

// Derived returns the identifier that stands for a name of several parts: always the same one for the same parts, and
// another one for others. It is a UUIDv8 of a SHA-256, so that nobody can choose parts to share an identifier.
func Derived(parts ...string) ID {
	h := sha256.New()
	for _, part := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // or "a","bc" would be "ab","c"
		_, _ = io.WriteString(h, part)
	}
	i := ID(h.Sum(nil)[:16])
	i[6] = i[6]&0x0f | 0x80
	i[8] = i[8]&0x3f | 0x80
	return i
}

// Parse reads the canonical 36-character spelling, in either case.
func Parse(s string) (ID, error) {
	if len(s) != 36 {
		return Nil, ErrSyntax
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return Nil, ErrSyntax
	}
	return ID(u), nil
}

// MustParse is Parse for constants; it panics on a bad one.
func MustParse(s string) ID {
	i, err := Parse(s)
	if err != nil {
		panic(fmt.Sprintf("id: %q: %v", s, err))
	}
	return i
}

// ParsePrefixed reads a canonical identifier that may stand behind prefix and an underscore
// ("usr_0190…" for the prefix "usr").
func ParsePrefixed(prefix, s string) (ID, error) {
	return Parse(strings.TrimPrefix(s, prefix+"_"))
}

// Prefixed returns the canonical spelling behind prefix and an underscore.
func (i ID) Prefixed(prefix string) string {
	return prefix + "_" + i.String()
}

// IsZero tells whether i is Nil; encoding/json's omitzero uses it.
func (i ID) IsZero() bool { return i == Nil }

// String returns the canonical spelling.
func (i ID) String() string { return uuid.UUID(i).String() }

const (
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	shortLen = 22 // 62^22 > 2^128
)

var base = big.NewInt(int64(len(alphabet)))

// Short returns the 22-character base-62 spelling, which sorts as the identifier does.
func (i ID) Short() string {
	n := new(big.Int).SetBytes(i[:])
	out := []byte(strings.Repeat("0", shortLen))
	rest := new(big.Int)
	for p := shortLen - 1; n.Sign() > 0; p-- {
		n.DivMod(n, base, rest)
		out[p] = alphabet[rest.Int64()]
	}
	return string(out)
}

// ParseShort reads what Short wrote. The spelling is case-sensitive and every identifier has exactly one.
func ParseShort(s string) (ID, error) {
	if len(s) != shortLen {
		return Nil, ErrSyntax
	}
	n := new(big.Int)
	for _, c := range []byte(s) {
		digit := strings.IndexByte(alphabet, c)
		if digit < 0 {
			return Nil, ErrSyntax
		}
		n.Mul(n, base).Add(n, big.NewInt(int64(digit)))
	}
	if n.BitLen() > 128 {
		return Nil, ErrSyntax
	}
	var i ID
	n.FillBytes(i[:])
	return i, nil
}

// MarshalText writes the canonical spelling, and nothing for Nil.
func (i ID) MarshalText() ([]byte, error) {
	if i.IsZero() {
		return nil, nil
	}
	return []byte(i.String()), nil
}

// UnmarshalText reads the canonical spelling; empty text is Nil.
func (i *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*i = Nil
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*i = parsed
	return nil
}

// MarshalJSON writes the canonical spelling as a string, and null for Nil.
func (i ID) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + i.String() + `"`), nil
}

// Value stores Nil as NULL and any other identifier as its canonical text, which both databases take
// for a uuid column.
func (i ID) Value() (driver.Value, error) {
	if i.IsZero() {
		return nil, nil
	}
	return i.String(), nil
}

// Scan reads what Value stored.
func (i *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i = Nil
		return nil
	case string:
		return i.UnmarshalText([]byte(v))
	case []byte:
		return i.UnmarshalText(v)
	case [16]byte:
		*i = v
		return nil
	}
	return fmt.Errorf("id: cannot scan %T", src)
}
