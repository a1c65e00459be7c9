// Package audit is the record of who did what: its rules for reading it, and the chain that shows whether it was changed.
//
// Rows are written by package eventlog, in the transaction of what they tell of; that is the one door. They are written without a
// place in the chain, so that a write pays for one insert and waits for no neighbour. A Chainer, one at a time, gives committed
// rows their places and seals each run of it into a Block. A row counts as recorded from its commit; between the commit and
// its block (about a second) it is protected by the database alone.
//
// A row's leaf is the hash of everything in it, the detail standing in as a hash of its own that is salted with random bytes of
// the row. So the detail of rows about a person can be purged, and its salt with it: what was there can no longer be guessed,
// the leaf stays what it was, and the row tells which purge did it. A block's hash covers the hash of the block before, the
// places and the leaves in order. The server signs it. Blocks instead of a hash kept in each row: the chain then costs the
// database one insert and one update of a whole run instead of a write per row, every head comes signed, and a part of the
// chain can be shown to somebody without the rows that are not theirs, whose leaves tell nothing.
//
// There is one chain for the database and not one for each organization. A tail that is cut off shows by the head alone,
// and ten thousand organizations would make ten thousand heads to keep elsewhere, most of which never move; one head that
// moves all the time covers everybody.
//
// What the chain cannot show: that a row which was never written is missing, or that somebody who may write to the database put
// in a row of their own. The latter gets its place at the end like any other, which is why rows that are much older than
// their block are counted.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/id"
)

// Event is one row: something that somebody did, or was refused, or read.
type Event struct {
	Seq            int64 // in the order of writing, with gaps
	Place          int64 // in the chain, from 1 without gaps; 0 until it has one
	ID             id.ID
	OrganizationID id.ID
	KeyID          id.ID // whose key; zero for nobody, as in a provider's callback
	UserID         id.ID // zero for a machine
	IndividualID   id.ID // as whom; zero for a machine that acted as nobody
	Role           actor.Role
	Via            actor.Via
	Action         string // "messaging.message.posted"
	Subject        id.ID
	At             time.Time
	RequestID      string
	RemoteAddr     string
	Detail         string // {"before":…,"after":…}; after a purge {}
	Salt           []byte // gone after a purge
	DetailHash     []byte // kept by a purge; otherwise it follows from Salt and Detail
	PurgeID        id.ID  // the purge that took the detail; zero for none
}

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	*h = parsed
	return err
}

// ParseHash reads what String wrote.
func ParseHash(s string) (h Hash, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(h) {
		return h, fmt.Errorf("a hash has %d hexadecimal digits", 2*len(h))
	}
	return Hash(raw), nil
}

// digest hashes parts, each with its length in front, so that no two lists of parts are hashed alike. It begins with what the
// hash is of, so that no hash passes for one of another kind.
type digest struct{ hash.Hash }

func newDigest(kind string) digest {
	d := digest{sha256.New()}
	d.text("switchboard audit " + kind)
	return d
}

func (d digest) bytes(b []byte) {
	d.number(int64(len(b)))
	d.Write(b)
}

func (d digest) text(s string) { d.bytes([]byte(s)) }

func (d digest) id(i id.ID) { d.Write(i[:]) }

func (d digest) number(n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // two's complement is what is meant
	d.Write(b[:])
}

func (d digest) sum() (h Hash) {
	d.Sum(h[:0])
	return h
}

// DetailSum is the hash that stands for the detail in the leaf.
func (e Event) DetailSum() []byte {
	if !e.PurgeID.IsZero() {
		return e.DetailHash
	}
	d := newDigest("detail 1")
	d.bytes(e.Salt)
	d.text(e.Detail)
	sum := d.sum()
	return sum[:]
}

// Leaf is the hash of the row. The place is not in it: that follows from where the leaf stands in its block. Nor is the purge,
// which comes later.
func (e Event) Leaf() Hash {
	d := newDigest("row 1")
	d.number(e.Seq)
	for _, i := range []id.ID{e.ID, e.OrganizationID, e.KeyID, e.UserID, e.IndividualID, e.Subject} {
		d.id(i)
	}
	for _, s := range []string{string(e.Role), string(e.Via), e.Action, e.RequestID, e.RemoteAddr} {
		d.text(s)
	}
	d.number(e.At.UnixMicro())
	d.bytes(e.DetailSum())
	return d.sum()
}
