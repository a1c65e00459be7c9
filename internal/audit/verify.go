package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"switchboard/internal/id"
)

// Fault is the kind of a Problem.
type Fault string

// The faults.
const (
	FaultChanged    Fault = "changed"   // a row is not what it was
	FaultRemoved    Fault = "removed"   // a row is not there
	FaultInserted   Fault = "inserted"  // a row stands where none was placed
	FaultReordered  Fault = "reordered" // a row stands at the place of another
	FaultCut        Fault = "cut"       // the end of the chain is not there
	FaultBlock      Fault = "block"     // a block is not what it was, or not there
	FaultUnsigned   Fault = "unsigned"  // a block has no signature and should
	FaultSignature  Fault = "signature" // a signature does not fit
	FaultUnchained  Fault = "unchained" // rows have been waiting for their places too long
	FaultPurge      Fault = "purge"     // a row names a purge that the audit does not know
	FaultOtherChain Fault = "head"      // the chain does not have the hash that was kept elsewhere
)

// Problem is the first thing that is wrong with the chain.
type Problem struct {
	Fault Fault
	Place int64 // where; 0 when it is no place
	Block int64 // 0 when it is no block
	Text  string
}

// Error is the problem for people. A Problem is an error, so that a command that finds one fails.
func (p *Problem) Error() string {
	where := ""
	switch {
	case p.Place != 0:
		where = fmt.Sprintf(" at place %d", p.Place)
	case p.Block != 0:
		where = fmt.Sprintf(" at block %d", p.Block)
	}
	return fmt.Sprintf("the audit was tampered with or damaged%s: %s", where, p.Text)
}

// Report is what a verification went through.
type Report struct {
	Rows, Blocks int64
	Hidden       int64 // rows of which an export shows the hash alone
	Signed       int64 // blocks whose signature fits
	Purged       int64 // rows whose detail a purge took
	Late         int64 // rows placed more than MaxWait after their time: the server was down, or they were put in later
	FirstLate    int64 // the place of the first of them
	Waiting      int64 // rows that have no place yet
	Head         Mark
}

// MaxWait is how long a row may be without a place before that counts against the chain.
const MaxWait = 10 * time.Minute

// verifier goes along a chain, block by block.
type verifier struct {
	signer Signer // nil: signatures are not looked at
	keep   []Mark // that the chain must agree with
	report Report
	last   Block // the one before
	signed bool  // a signature was seen
	begun  bool
	purges map[id.ID]id.ID // those that the audit knows, and whose they are
}

// block checks a block against the one before it.
func (v *verifier) block(ctx context.Context, b Block) error {
	wrong := func(f Fault, format string, args ...any) error {
		return &Problem{Fault: f, Block: b.Number, Text: fmt.Sprintf(format, args...)}
	}
	if v.begun {
		switch {
		case b.Number != v.last.Number+1:
			return wrong(FaultBlock, "it follows block %d", v.last.Number)
		case b.First != v.last.Last()+1 || b.Size < 1:
			return wrong(FaultBlock, "it holds %d rows from %d, and the block before ends at %d", b.Size, b.First, v.last.Last())
		case b.Previous != v.last.Hash:
			return wrong(FaultBlock, "it does not name the hash of the block before")
		}
	}
	if b.Leaves != nil && (int64(len(b.Leaves)) != b.Size || root(b.Leaves) != b.Root) {
		return wrong(FaultBlock, "its list of hashes is not the one that was sealed")
	}
	if b.sum() != b.Hash {
		return wrong(FaultBlock, "its hash does not fit what it holds")
	}
	if err := v.signature(ctx, b); err != nil {
		return err
	}
	for _, m := range v.keep {
		if m.Place == b.Last() && m.Hash != b.Hash {
			return &Problem{Fault: FaultOtherChain, Place: m.Place, Text: fmt.Sprintf("the hash is %s and was %s when it was kept", b.Hash, m.Hash)}
		}
		if b.First <= m.Place && m.Place < b.Last() {
			return &Problem{Fault: FaultOtherChain, Place: m.Place, Text: "no block ends here, and one did when the head was kept"}
		}
	}
	v.last, v.begun, v.report.Head = b, true, b.Mark()
	v.report.Blocks++
	return nil
}

func (v *verifier) signature(ctx context.Context, b Block) error {
	switch {
	case v.signer == nil:
	case len(b.Signature) > 0:
		if err := v.signer.Verify(ctx, b.KeyID, b.message(), b.Signature); err != nil {
			return &Problem{Fault: FaultSignature, Block: b.Number, Text: fmt.Sprintf("its signature by key %q: %v", b.KeyID, err)}
		}
		v.signed = true
		v.report.Signed++
	case v.signed:
		return &Problem{Fault: FaultUnsigned, Block: b.Number, Text: "it has no signature, and those before it have"}
	}
	return nil
}

// rows checks the rows of a block. Of a partial list those that are missing count as hidden.
func (v *verifier) rows(b Block, events []Event, partial bool) error {
	next := b.First
	for _, e := range events {
		wrong := func(f Fault, place int64, text string) error { return &Problem{Fault: f, Place: place, Text: text} }
		switch {
		case e.Place < next && e.Place >= b.First:
			return wrong(FaultInserted, e.Place, "there is more than one row")
		case e.Place < next || e.Place > b.Last():
			return wrong(FaultInserted, e.Place, "the row is not of its block")
		case e.Place > next && !partial:
			return wrong(FaultRemoved, next, "the row is missing")
		}
		v.report.Hidden += e.Place - next
		if leaf := e.Leaf(); leaf != b.Leaves[e.Place-b.First] {
			if slices.Contains(b.Leaves, leaf) {
				return wrong(FaultReordered, e.Place, fmt.Sprintf("row %s was elsewhere", e.ID))
			}
			return wrong(FaultChanged, e.Place, fmt.Sprintf("row %s is not what it was", e.ID))
		}
		v.count(b, e)
		next = e.Place + 1
	}
	if next <= b.Last() && !partial {
		return &Problem{Fault: FaultRemoved, Place: next, Text: "the row is missing"}
	}
	v.report.Hidden += b.Last() + 1 - next
	return nil
}

func (v *verifier) count(b Block, e Event) {
	v.report.Rows++
	if !e.PurgeID.IsZero() {
		v.report.Purged++
	}
	if b.At.Sub(e.At) > MaxWait {
		if v.report.Late++; v.report.FirstLate == 0 {
			v.report.FirstLate = e.Place
		}
	}
}

// verifyBatch is how many blocks are read at a time.
const verifyBatch = 50

// Verify goes through the whole chain and compares it with the rows, and with heads that were kept elsewhere. The error is a
// *Problem when the audit is not what it was, with the report of how far that was found to be right; any other error says that
// it could not be told. Rows may be written meanwhile. It reads everything and is for the operator.
func (s *Service) Verify(ctx context.Context, keep ...Mark) (Report, error) {
	v := &verifier{signer: s.signer, keep: keep, last: Block{First: 1}, begun: true, purges: map[id.ID]id.ID{}} // the first block follows an empty one
	head, err := s.store.Head(ctx)
	if err != nil {
		return v.report, err
	}
	for {
		n, err := s.verifyNext(ctx, v)
		if err != nil {
			return v.report, err
		}
		if n > 0 {
			continue
		}
		// Blocks may have come since the last look, but not rows without a block.
		beyond, err := s.store.Beyond(ctx, Span{1, v.last.Last()})
		if err != nil {
			return v.report, err
		}
		if n, err = s.verifyNext(ctx, v); err != nil {
			return v.report, err
		}
		if n > 0 {
			continue
		}
		if beyond > 0 {
			return v.report, &Problem{Fault: FaultInserted, Place: v.last.Last() + 1, Text: fmt.Sprintf("%d rows have places that no block seals", beyond)}
		}
		return v.report, s.verifyEnd(ctx, v, head)
	}
}

// verifyNext checks the next blocks and returns how many there were.
func (s *Service) verifyNext(ctx context.Context, v *verifier) (int, error) {
	blocks, err := s.store.Blocks(ctx, v.last.Number, verifyBatch)
	if err != nil {
		return 0, err
	}
	for _, b := range blocks {
		if err := v.block(ctx, b); err != nil {
			return 0, err
		}
		events, err := s.store.Placed(ctx, id.Nil, Span{b.First, b.Last()})
		if err == nil {
			err = v.rows(b, events, false)
		}
		if err == nil {
			err = s.verifyPurges(ctx, v, events)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(blocks), nil
}

// verifyPurges holds rows without detail to naming a purge that is in the audit itself, or taking the detail away would be
// a way to hide it.
func (s *Service) verifyPurges(ctx context.Context, v *verifier, events []Event) error {
	for _, e := range events {
		if e.PurgeID.IsZero() || v.purges[e.PurgeID] == e.OrganizationID {
			continue
		}
		known, err := s.store.Audited(ctx, e.OrganizationID, e.PurgeID)
		if err != nil {
			return err
		}
		if !known {
			return &Problem{Fault: FaultPurge, Place: e.Place, Text: fmt.Sprintf("its detail was taken by a purge %s, of which the audit knows nothing", e.PurgeID)}
		}
		v.purges[e.PurgeID] = e.OrganizationID
	}
	return nil
}

// verifyEnd checks that the chain ends where it should. head is what it was before the verification.
func (s *Service) verifyEnd(ctx context.Context, v *verifier, head Head) error {
	if v.last.Number < head.Block || v.last.Last() < head.Place {
		return &Problem{Fault: FaultCut, Place: v.last.Last() + 1, Text: fmt.Sprintf("the chain ends before its head at %d", head.Place)}
	}
	now, err := s.store.Head(ctx)
	if err != nil {
		return err
	}
	if now.Block == v.last.Number && now.Mark() != v.report.Head && v.last.Number > 0 || now.Block < v.last.Number {
		return &Problem{Fault: FaultBlock, Block: v.last.Number, Text: "it is not the head that is stored"}
	}
	for _, m := range v.keep {
		if m.Place > v.last.Last() {
			return &Problem{Fault: FaultCut, Place: v.last.Last() + 1, Text: fmt.Sprintf("the chain reached %d when its head was kept, and ends before", m.Place)}
		}
	}
	waiting, oldest, err := s.store.Unplaced(ctx)
	if err != nil {
		return err
	}
	v.report.Waiting = waiting
	if waiting > 0 && s.now().Sub(oldest) > MaxWait {
		return &Problem{Fault: FaultUnchained, Text: fmt.Sprintf("%d rows have no place, the oldest since %s; is no server running?", waiting, oldest.Format(time.RFC3339))}
	}
	return nil
}

// IsProblem tells whether an error of a verification says that the audit is not what it was.
func IsProblem(err error) bool {
	_, ok := errors.AsType[*Problem](err)
	return ok
}
