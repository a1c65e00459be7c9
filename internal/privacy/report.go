package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"switchboard/internal/id"
)

// Signed is a document with the server's signature of its compact JSON, so that how it is indented does not matter.
type Signed struct {
	Document  json.RawMessage `json:"document"`
	KeyID     string          `json:"key-id"`
	Signature []byte          `json:"signature"`
}

// Report says what a purge has done. It holds nothing of what was purged but its id.
type Report struct {
	Format      string           `json:"format"`
	PurgeID     id.ID            `json:"purge-id"`
	Subject     Subject          `json:"subject"`
	ReferenceID string           `json:"reference-id"`
	RequestID   string           `json:"request-id"`
	KeyID       id.ID            `json:"requested-by-key-id"`
	UserID      id.ID            `json:"requested-by-user-id"`
	RequestedAt time.Time        `json:"requested-at"`
	StartedAt   time.Time        `json:"started-at"`
	FinishedAt  time.Time        `json:"finished-at"`
	Tables      map[string]Tally `json:"tables"`
	Tombstones  []Subject        `json:"tombstones"`
	Archive     *Archive         `json:"archive"`
}

// The formats that are signed; being part of what is signed, they keep one from being taken for the other.
const (
	reportFormat   = "switchboard-purge-report-1"
	manifestFormat = "switchboard-export-1"
	indexFormat    = "switchboard-installation-1"
)

func (p Purge) report() Report {
	r := Report{
		Format: reportFormat, PurgeID: p.ID, Subject: Subject{p.Kind, p.EntityID, p.OrganizationID}, ReferenceID: p.ReferenceID,
		RequestID: p.RequestID, KeyID: p.KeyID, UserID: p.UserID, RequestedAt: p.CreatedAt, StartedAt: p.StartedAt,
		FinishedAt: p.FinishedAt, Tables: p.Counts, Tombstones: p.Subjects,
	}
	if p.Archived.File != "" {
		r.Archive = &p.Archived
	}
	return r
}

// sign signs a document.
func sign(ctx context.Context, by Signer, document any) (Signed, error) {
	raw, err := json.Marshal(document)
	if err != nil {
		return Signed{}, err
	}
	key, signature, err := by.Sign(ctx, raw)
	if err != nil {
		return Signed{}, fmt.Errorf("signing: %w", err)
	}
	return Signed{Document: raw, KeyID: key, Signature: signature}, nil
}

// Verifier tells whether a key has signed a message.
type Verifier func(ctx context.Context, keyID string, message, signature []byte) error

// open checks the signature of a document and reads it into v, whose format must be the one given.
func (s Signed) open(ctx context.Context, verify Verifier, format string, v any) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, s.Document); err != nil {
		return fmt.Errorf("the document is not JSON: %w", err)
	}
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(s.Document, &head); err != nil || head.Format != format {
		return fmt.Errorf("the document is no %s", format)
	}
	if err := verify(ctx, s.KeyID, compact.Bytes(), s.Signature); err != nil {
		return fmt.Errorf("the signature does not hold: %w", err)
	}
	return json.Unmarshal(s.Document, v)
}

// VerifyReport reads a report and tells whether the server has signed it as it is.
func VerifyReport(ctx context.Context, raw []byte, verify Verifier) (Report, error) {
	var (
		signed Signed
		r      Report
	)
	if err := json.Unmarshal(raw, &signed); err != nil {
		return r, fmt.Errorf("this is no report: %w", err)
	}
	return r, signed.open(ctx, verify, reportFormat, &r)
}
