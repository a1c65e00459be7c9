package consentdb

import (
	"context"
	"encoding/json"

	"switchboard/internal/consent"
	"switchboard/internal/db"
	"switchboard/internal/id"
)

// Append implements consent.EntryStore.
func (s *Store) Append(ctx context.Context, organization id.ID, entries []consent.Entry) error {
	rows := make([][]any, len(entries))
	for i, e := range entries {
		personal, salt := "", e.Salt
		if e.Personal != nil {
			raw, err := json.Marshal(e.Personal)
			if err != nil {
				return err
			}
			personal = string(raw)
		}
		rows[i] = []any{e.ConsentID, e.Number, organization, string(e.Sealed()), e.Hash, personal, salt}
	}
	return db.InsertMany(ctx, s.db, "consent_entries (consent_id, entry, organization_id, sealed, hash, personal, salt)", rows, "")
}

func scanEntry(r db.Row) (e consent.Entry, err error) {
	var sealed, personal string
	if err := r.Scan(&sealed, &e.Hash, &personal, &e.Salt); err != nil {
		return e, err
	}
	if personal != "" {
		e.Personal = &consent.Personal{}
		if err := json.Unmarshal([]byte(personal), e.Personal); err != nil {
			return e, err
		}
	}
	return e, json.Unmarshal([]byte(sealed), &e.Facts)
}

// Entries implements consent.EntryStore.
func (s *Store) Entries(ctx context.Context, organization, wanted id.ID) ([]consent.Entry, error) {
	return db.All(ctx, s.q(ctx), scanEntry, `select sealed, hash, personal, salt from consent_entries
		where consent_id = $1 and organization_id = $2 order by entry`, wanted, organization)
}
