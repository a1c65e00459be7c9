// Package replicationdb keeps external ids and the state of replicators in SQL, on both databases.
package replicationdb

import (
	"context"
	"errors"

	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/replication"
)

// Store implements replication.Store.
type Store struct{ db *db.DB }

// New returns the store in d.
func New(d *db.DB) *Store { return &Store{db: d} }

var _ replication.Store = (*Store)(nil)

// chunk bounds the values in one statement.
const chunk = 500

const linkColumns = "record_id, organization_id, source, kind, external_id, document, created_at, synced_at"

func scanLink(r db.Row) (replication.Link, error) {
	var (
		l        replication.Link
		document string
	)
	err := r.Scan(&l.RecordID, &l.OrganizationID, &l.Source, (*string)(&l.Kind), &l.ExternalID, &document, &l.CreatedAt, &l.SyncedAt)
	l.Document = []byte(document)
	return l, err
}

// FindLinks implements replication.Store.
func (s *Store) FindLinks(ctx context.Context, organization id.ID, source string, kind replication.Kind, externalIDs []string) (map[string]replication.Link, error) {
	out := make(map[string]replication.Link, len(externalIDs))
	err := db.Chunks(externalIDs, chunk, func(part []string) error {
		var w db.Where
		w.And("organization_id = %s", organization)
		w.And("source = %s", source)
		w.And("kind = %s", string(kind))
		w.Raw("external_id <> ''") // as the index says it
		w.Raw("external_id in (" + db.List(&w.Args, part) + ")")
		return s.links(ctx, &w, "", func(l replication.Link) { out[l.ExternalID] = l })
	})
	return out, err
}

// FindLinksOf implements replication.Store.
func (s *Store) FindLinksOf(ctx context.Context, organization id.ID, source string, records []id.ID) (map[id.ID]replication.Link, error) {
	out := make(map[id.ID]replication.Link, len(records))
	err := db.Chunks(records, chunk, func(part []id.ID) error {
		var w db.Where
		w.And("organization_id = %s", organization)
		w.And("source = %s", source)
		w.Raw("record_id in (" + db.List(&w.Args, part) + ")")
		return s.links(ctx, &w, "", func(l replication.Link) { out[l.RecordID] = l })
	})
	return out, err
}

// LinksOf implements replication.Store.
func (s *Store) LinksOf(ctx context.Context, organization, record id.ID) ([]replication.Link, error) {
	out := []replication.Link{}
	var w db.Where
	w.And("organization_id = %s", organization)
	w.And("record_id = %s", record)
	err := s.links(ctx, &w, " order by source", func(l replication.Link) { out = append(out, l) })
	return out, err
}

func (s *Store) links(ctx context.Context, w *db.Where, tail string, keep func(replication.Link)) error {
	return s.db.Q(ctx).Query(ctx, func(r db.Row) error {
		l, err := scanLink(r)
		if err == nil {
			keep(l)
		}
		return err
	}, "select "+linkColumns+" from external_ids"+w.String()+tail, w.Args...)
}

// PutLink implements replication.Store.
func (s *Store) PutLink(ctx context.Context, l replication.Link) error {
	document := string(l.Document)
	if document == "" {
		document = "{}"
	}
	_, err := s.db.Q(ctx).Exec(ctx, "insert into external_ids ("+linkColumns+`) values ($1,$2,$3,$4,$5,$6,$7,$8)
		on conflict (record_id, source) do update set external_id = excluded.external_id, document = excluded.document,
		synced_at = excluded.synced_at where external_ids.organization_id = excluded.organization_id`,
		l.RecordID, l.OrganizationID, l.Source, string(l.Kind), l.ExternalID, document, l.CreatedAt, l.SyncedAt)
	if errs.Is(err, errs.CodeDuplicate) {
		return replication.DuplicateExternalID.Errorf("another record has this external id").At("externalId").Because(err)
	}
	return err
}

// DeleteLink implements replication.Store.
func (s *Store) DeleteLink(ctx context.Context, organization id.ID, source string, record id.ID) error {
	_, err := s.db.Q(ctx).Exec(ctx, "delete from external_ids where record_id = $1 and source = $2 and organization_id = $3",
		record, source, organization)
	return err
}

// must turns a change of no row, or a row that is not there, into an error.
func must(changed int64, err, otherwise error) error {
	if err == nil && changed == 0 || errors.Is(err, db.ErrNoRows) {
		return otherwise
	}
	return err
}
