package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Block seals a run of rows that follow each other in the chain.
type Block struct {
	Number    int64 // from 1 without gaps
	First     int64 // the place of its first row
	Size      int64 // how many rows
	At        time.Time
	Leaves    []Hash // of its rows, in order; may be left out of an export
	Root      Hash   // of Leaves
	Previous  Hash   // the hash of the block before; zero for the first
	Hash      Hash
	KeyID     string // of the signature; empty where nothing signs
	Signature []byte
}

// Last is the place of its last row.
func (b Block) Last() int64 { return b.First + b.Size - 1 }

// root is the hash of leaves in their order.
func root(leaves []Hash) Hash {
	d := newDigest("leaves 1")
	for _, l := range leaves {
		d.Write(l[:])
	}
	return d.sum()
}

// sum is what Hash must be.
func (b Block) sum() Hash {
	d := newDigest("block 1")
	for _, n := range []int64{b.Number, b.First, b.Size, b.At.UnixMicro()} {
		d.number(n)
	}
	d.Write(b.Root[:])
	d.Write(b.Previous[:])
	return d.sum()
}

// message is what is signed.
func (b Block) message() []byte { return []byte("switchboard audit head " + b.Mark().String()) }

// Mark is the end of the chain as of this block.
func (b Block) Mark() Mark { return Mark{Place: b.Last(), Hash: b.Hash} }

// Signer signs for the server.
type Signer interface {
	// Sign returns a signature of message and the id of the key that made it.
	Sign(ctx context.Context, message []byte) (keyID string, signature []byte, err error)
	// Verify returns an error unless the key of this id signed the message.
	Verify(ctx context.Context, keyID string, message, signature []byte) error
}

// seal makes the block of events that follows head. The events stand in their order.
func seal(ctx context.Context, signer Signer, head Head, events []Event, at time.Time) (Block, error) {
	b := Block{
		Number: head.Block + 1, First: head.Place + 1, Size: int64(len(events)), At: at, Leaves: make([]Hash, len(events)),
		Previous: head.Hash,
	}
	for i, e := range events {
		b.Leaves[i] = e.Leaf()
	}
	b.Root = root(b.Leaves)
	b.Hash = b.sum()
	if signer == nil {
		return b, nil
	}
	var err error
	b.KeyID, b.Signature, err = signer.Sign(ctx, b.message())
	return b, err
}

// Head is the end of the chain. The zero Head is that of an empty one.
type Head struct {
	Block int64
	Place int64
	Seq   int64 // the highest that has a place
	Hash  Hash
}

// Mark names the end of the chain at some moment, to be kept outside of the database: as long as the chain still has this hash at
// this place, nothing before it was changed since.
type Mark struct {
	Place int64
	Hash  Hash
}

// Mark is what to keep of the head.
func (h Head) Mark() Mark { return Mark{h.Place, h.Hash} }

// String is "<place>:<hash>".
func (m Mark) String() string { return strconv.FormatInt(m.Place, 10) + ":" + m.Hash.String() }

// ParseMark reads what String wrote.
func ParseMark(s string) (m Mark, err error) {
	place, digits, _ := strings.Cut(s, ":")
	m.Place, err = strconv.ParseInt(place, 10, 64)
	if err == nil {
		m.Hash, err = ParseHash(digits)
	}
	if err != nil || m.Place < 0 || m.String() != s {
		return Mark{}, fmt.Errorf("%q is no head: it looks like 1234:<64 hexadecimal digits>", s)
	}
	return m, nil
}
