package accessdb

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/db"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/page"
)

var _ access.SnifferStore = (*Store)(nil)

const snifferColumns = "id, organization_id, user_id, created_at, valid_until"

func scanSniffer(r db.Row) (n access.Sniffer, err error) {
	return n, r.Scan(&n.ID, &n.OrganizationID, &n.UserID, &n.CreatedAt, &n.ValidUntil)
}

const snifferLogColumns = `id, organization_id, sniffer_id, created_at, method, path, query_string, user_agent, content_type, body,
	response, status, request_id, trace_id, message`

func scanSnifferLog(r db.Row) (l access.SnifferLog, err error) {
	return l, r.Scan(&l.ID, &l.OrganizationID, &l.SnifferID, &l.CreatedAt, &l.Method, &l.Path, &l.Query, &l.UserAgent, &l.ContentType,
		&l.Body, &l.Response, &l.Status, &l.RequestID, &l.TraceID, &l.Message)
}

func missingSniffer(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return errs.MissingRecord("sniffer")
	}
	return err
}

// InsertSniffer implements access.SnifferStore.
func (s *Store) InsertSniffer(ctx context.Context, n access.Sniffer) error {
	return s.db.Q(ctx).Defer(ctx, "insert into sniffers ("+snifferColumns+") values ($1,$2,$3,$4,$5)",
		n.ID, n.OrganizationID, n.UserID, n.CreatedAt, n.ValidUntil)
}

// GetSniffer implements access.SnifferStore.
func (s *Store) GetSniffer(ctx context.Context, organization, sniffer id.ID) (access.Sniffer, error) {
	n, err := db.Get(ctx, s.db.Q(ctx), scanSniffer,
		"select "+snifferColumns+" from sniffers where id = $1 and organization_id = $2", sniffer, organization)
	return n, missingSniffer(err)
}

// ListSniffers implements access.SnifferStore.
func (s *Store) ListSniffers(ctx context.Context, organization, user id.ID, p page.Offset) (page.List[access.Sniffer], error) {
	var w db.Where
	w.And("organization_id = %s", organization)
	if !user.IsZero() {
		w.And("user_id = %s", user)
	}
	total, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64], "select count(*) from sniffers"+w.String(), w.Args...)
	if err != nil {
		return page.List[access.Sniffer]{}, err
	}
	query := "select " + snifferColumns + " from sniffers" + w.String() + " order by id desc limit " + w.Args.Add(p.Limit) + " offset " + w.Args.Add(p.Offset)
	items, err := db.All(ctx, s.db.Q(ctx), scanSniffer, query, w.Args...)
	return page.List[access.Sniffer]{Items: items, Total: int(total)}, err
}

// CountLiveSniffers implements access.SnifferStore.
func (s *Store) CountLiveSniffers(ctx context.Context, organization id.ID, at time.Time) (int, error) {
	n, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64],
		"select count(*) from sniffers where organization_id = $1 and valid_until > $2", organization, at)
	return int(n), err
}

// LiveSniffers implements access.SnifferStore.
func (s *Store) LiveSniffers(ctx context.Context, at time.Time) ([]access.Sniffer, error) {
	return db.All(ctx, s.db.Q(ctx), scanSniffer, "select "+snifferColumns+" from sniffers where valid_until > $1 order by id", at)
}

// DeleteSniffer implements access.SnifferStore. The logs go with it.
func (s *Store) DeleteSniffer(ctx context.Context, organization, sniffer id.ID) error {
	n, err := s.db.Q(ctx).Exec(ctx, "delete from sniffers where id = $1 and organization_id = $2", sniffer, organization)
	if err == nil && n == 0 {
		err = errs.MissingRecord("sniffer")
	}
	return err
}

// AppendLogs implements access.SnifferStore. Counting comes first: it locks the sniffer's row against its deletion, and finds
// out whether there still is one.
func (s *Store) AppendLogs(ctx context.Context, logs []access.SnifferLog, keep int) error {
	of := map[id.ID][][]any{}
	for _, l := range logs {
		of[l.SnifferID] = append(of[l.SnifferID], []any{
			l.ID, l.OrganizationID, l.SnifferID, l.CreatedAt, l.Method, l.Path, l.Query, l.UserAgent, l.ContentType,
			l.Body, l.Response, l.Status, l.RequestID, l.TraceID, l.Message,
		})
	}
	return s.db.Do(ctx, func(ctx context.Context) error {
		for _, sniffer := range ordered(of) {
			if err := s.appendTo(ctx, sniffer, of[sniffer], keep); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) appendTo(ctx context.Context, sniffer id.ID, rows [][]any, keep int) error {
	q := s.db.Q(ctx)
	count, found, err := db.Find(ctx, q, db.Scalar[int64],
		"update sniffers set log_count = log_count + $1 where id = $2 returning log_count", len(rows), sniffer)
	if err != nil || !found {
		return err
	}
	if err := db.InsertMany(ctx, s.db, "sniffer_logs ("+snifferLogColumns+")", rows, ""); err != nil {
		return err
	}
	excess := count - int64(keep)
	if excess <= 0 {
		return nil
	}
	if err := q.Defer(ctx, `delete from sniffer_logs where id in
		(select id from sniffer_logs where sniffer_id = $1 order by id limit $2)`, sniffer, excess); err != nil {
		return err
	}
	return q.Defer(ctx, "update sniffers set log_count = log_count - $1 where id = $2", excess, sniffer)
}

// ordered returns the keys in one order for everybody, so that two transactions never wait for each other.
func ordered[V any](m map[id.ID]V) []id.ID {
	return slices.SortedFunc(maps.Keys(m), func(a, b id.ID) int { return bytes.Compare(a[:], b[:]) })
}

// fetchedLogs is how many logs are read at a time, each of which may have two bodies of 64 KiB.
const fetchedLogs = 50

// ListSnifferLogs implements access.SnifferStore. What comes after the first fetch is looked for behind the last log that was
// seen, so that requests recorded meanwhile move nothing.
func (s *Store) ListSnifferLogs(ctx context.Context, organization, sniffer id.ID, p page.Offset, most int) (page.List[access.SnifferLog], error) {
	q := s.db.Q(ctx)
	total, err := db.Get(ctx, q, db.Scalar[int64], "select log_count from sniffers where id = $1 and organization_id = $2", sniffer, organization)
	if err != nil {
		return page.List[access.SnifferLog]{}, missingSniffer(err)
	}
	out := page.List[access.SnifferLog]{Items: []access.SnifferLog{}, Total: int(total)}
	size, skip, last := 0, p.Offset, id.Nil
	for more := true; more && len(out.Items) < p.Limit; skip = 0 {
		limit := min(fetchedLogs, p.Limit-len(out.Items))
		got, err := s.snifferLogsBehind(ctx, organization, sniffer, last, page.Offset{Limit: limit, Offset: skip})
		if err != nil {
			return page.List[access.SnifferLog]{}, err
		}
		for _, l := range got {
			if size += l.Size(); size > most && len(out.Items) > 0 {
				return out, nil
			}
			out.Items, last = append(out.Items, l), l.ID
		}
		more = len(got) == limit
	}
	return out, nil
}

// snifferLogsBehind returns logs older than last; all for Nil.
func (s *Store) snifferLogsBehind(ctx context.Context, organization, sniffer, last id.ID, p page.Offset) ([]access.SnifferLog, error) {
	var w db.Where
	w.And("sniffer_id = %s", sniffer)
	w.And("organization_id = %s", organization)
	if !last.IsZero() {
		w.And("id < %s", last)
	}
	query := "select " + snifferLogColumns + " from sniffer_logs" + w.String() + " order by id desc limit " + w.Args.Add(p.Limit) + " offset " + w.Args.Add(p.Offset)
	return db.All(ctx, s.db.Q(ctx), scanSnifferLog, query, w.Args...)
}

// PruneSniffers implements access.SnifferStore, a few at a time: each may take many logs with it.
func (s *Store) PruneSniffers(ctx context.Context, endedBefore time.Time) (int64, error) {
	var total int64
	for {
		n, err := s.db.Q(ctx).Exec(ctx, "delete from sniffers where id in (select id from sniffers where valid_until < $1 order by valid_until limit 5)", endedBefore)
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}
