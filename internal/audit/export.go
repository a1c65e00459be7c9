package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"switchboard/internal/actor"
	"switchboard/internal/event"
	"switchboard/internal/id"
)

// Line is one line of an export: a block, or a row of the block before it.
type Line struct {
	Block *BlockLine `json:"block,omitempty"`
	Event *EventLine `json:"event,omitempty"`
}

// BlockLine is a block as it is exported. Leaves stand in it when rows of the block follow: rows that were not asked for, such as
// other organizations', are then shown by their hash alone.
type BlockLine struct {
	Number    int64     `json:"number"`
	First     int64     `json:"first"`
	Size      int64     `json:"size"`
	At        time.Time `json:"at"`
	Leaves    []Hash    `json:"leaves,omitempty"`
	Root      Hash      `json:"root"`
	Previous  Hash      `json:"previous"`
	Hash      Hash      `json:"hash"`
	KeyID     string    `json:"key_id,omitempty"`
	Signature []byte    `json:"signature,omitempty"`
}

// EventLine is a row as it is exported, with all that its hash is made of.
type EventLine struct {
	Place          int64           `json:"place"`
	Seq            int64           `json:"seq"`
	ID             id.ID           `json:"id"`
	OrganizationID id.ID           `json:"organization_id"`
	KeyID          id.ID           `json:"actor_id"`
	UserID         id.ID           `json:"user_id"`
	IndividualID   id.ID           `json:"individual_id"`
	Role           actor.Role      `json:"role"`
	Via            actor.Via       `json:"via"`
	Action         string          `json:"action"`
	Subject        id.ID           `json:"subject_id"`
	At             time.Time       `json:"at"`
	RequestID      string          `json:"request_id"`
	RemoteAddr     string          `json:"remote_addr"`
	Detail         json.RawMessage `json:"detail"`
	Salt           []byte          `json:"salt,omitempty"`
	DetailHash     []byte          `json:"detail_hash,omitempty"`
	PurgeID        id.ID           `json:"purge_id,omitzero"`
	Hash           Hash            `json:"hash"`
}

// LineOf is an event for an export.
func LineOf(e Event) EventLine {
	detail := json.RawMessage(e.Detail)
	if !json.Valid(detail) { // somebody changed it: the export is to show that, not to fail
		detail, _ = json.Marshal(e.Detail)
	}
	return EventLine{
		Place: e.Place, Seq: e.Seq, ID: e.ID, OrganizationID: e.OrganizationID, KeyID: e.KeyID, UserID: e.UserID,
		IndividualID: e.IndividualID, Role: e.Role, Via: e.Via, Action: e.Action, Subject: e.Subject, At: e.At, RequestID: e.RequestID,
		RemoteAddr: e.RemoteAddr, Detail: detail, Salt: e.Salt, DetailHash: e.DetailHash, PurgeID: e.PurgeID, Hash: e.Leaf(),
	}
}

func (l EventLine) event() Event {
	return Event{
		Place: l.Place, Seq: l.Seq, ID: l.ID, OrganizationID: l.OrganizationID, KeyID: l.KeyID, UserID: l.UserID,
		IndividualID: l.IndividualID, Role: l.Role, Via: l.Via, Action: l.Action, Subject: l.Subject, At: l.At, RequestID: l.RequestID,
		RemoteAddr: l.RemoteAddr, Detail: string(l.Detail), Salt: l.Salt, DetailHash: l.DetailHash, PurgeID: l.PurgeID,
	}
}

// Export hands out the rows of the times of f, of one organization or (Nil) of all, oldest first, and the blocks from the first of
// them to the last, so that VerifyExport can tell whether they are what was sealed. The rest of f is no matter. That it was
// done is audited first, in each of the organizations.
//
// It checks no permission: it is for the operator. An error of write ends it.
func (s *Service) Export(ctx context.Context, f Filter, organizations []id.ID, write func(Line) error) error {
	changes := make([]event.Change, len(organizations))
	for i, o := range organizations {
		changes[i] = event.Change{OrganizationID: o, Type: ActionExported, After: Seen{By: f.asked()}}
	}
	if err := s.events.Audit(ctx, changes...); err != nil {
		return err
	}
	span, err := s.store.Span(ctx, f)
	if err != nil || span.Last < span.First {
		return err
	}
	number, err := s.store.BlockOf(ctx, span.First)
	if err != nil {
		return err
	}
	for {
		blocks, err := s.store.Blocks(ctx, number-1, verifyBatch)
		if err != nil {
			return err
		}
		for _, b := range blocks {
			if b.First > span.Last {
				return nil
			}
			if err := s.exportBlock(ctx, f, b, write); err != nil {
				return err
			}
			number = b.Number + 1
		}
		if len(blocks) == 0 {
			return nil
		}
	}
}

func (s *Service) exportBlock(ctx context.Context, f Filter, b Block, write func(Line) error) error {
	all, err := s.store.Placed(ctx, f.OrganizationID, Span{b.First, b.Last()})
	if err != nil {
		return err
	}
	events := all[:0]
	for _, e := range all {
		if !e.At.Before(f.From) && (f.Until.IsZero() || e.At.Before(f.Until)) {
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		b.Leaves = nil
	}
	line := BlockLine(b)
	if err := write(Line{Block: &line}); err != nil {
		return err
	}
	for _, e := range events {
		line := LineOf(e)
		if err := write(Line{Event: &line}); err != nil {
			return err
		}
	}
	return nil
}

// maxLine bounds a line of an export: a block's with all its leaves, or a row with a large record before and after.
const maxLine = 16 << 20

// VerifyExport is Verify for an export, which needs no database. signer may be nil: then signatures are not looked at. What was
// not exported is not missed, except between the first block and the last.
func VerifyExport(ctx context.Context, r io.Reader, signer Signer, keep ...Mark) (Report, error) {
	v := &verifier{signer: signer, keep: keep}
	var (
		block  *Block
		events []Event
	)
	end := func() error {
		if block == nil {
			return nil
		}
		if block.Leaves == nil && len(events) > 0 {
			return &Problem{Fault: FaultInserted, Place: events[0].Place, Text: "rows follow a block that shows no hashes"}
		}
		return v.rows(*block, events, true)
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		line, err := parseLine(lines.Bytes())
		if err != nil {
			return v.report, fmt.Errorf("line %d: %w", n, err)
		}
		if line.Event != nil {
			if block == nil {
				return v.report, fmt.Errorf("line %d: a row stands before its block", n)
			}
			e := line.Event.event()
			if e.Leaf() != line.Event.Hash {
				return v.report, &Problem{Fault: FaultChanged, Place: e.Place, Text: "the row does not have the hash that stands beside it"}
			}
			events = append(events, e)
			continue
		}
		if err := end(); err != nil {
			return v.report, err
		}
		b := Block(*line.Block)
		if err := v.block(ctx, b); err != nil {
			return v.report, err
		}
		block, events = &b, nil
	}
	if err := lines.Err(); err != nil {
		return v.report, fmt.Errorf("reading the export: %w", err)
	}
	if err := end(); err != nil {
		return v.report, err
	}
	for _, m := range keep {
		if m.Place > v.last.Last() {
			return v.report, &Problem{Fault: FaultCut, Place: v.last.Last() + 1, Text: fmt.Sprintf("the export ends before the head that was kept, at %d", m.Place)}
		}
	}
	return v.report, nil
}

var errLine = errors.New("is neither a block nor a row")

func parseLine(raw []byte) (Line, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var line Line
	if err := dec.Decode(&line); err != nil {
		return Line{}, err
	}
	if (line.Block == nil) == (line.Event == nil) {
		return Line{}, errLine
	}
	if b := line.Block; b != nil && (b.Size < 1 || b.First < 1 || b.Leaves != nil && int64(len(b.Leaves)) != b.Size) {
		return Line{}, errors.New("is a block that cannot be")
	}
	return line, nil
}
