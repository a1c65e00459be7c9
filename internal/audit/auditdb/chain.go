package auditdb

import (
	"context"
	"fmt"
	"time"

	"switchboard/internal/audit"
	"switchboard/internal/db"
	"switchboard/internal/id"
)

const selectHead = "select block, place, seq, hash from audit_head"

func scanHead(r db.Row) (h audit.Head, err error) {
	var raw []byte
	err = r.Scan(&h.Block, &h.Place, &h.Seq, &raw)
	copy(h.Hash[:], raw)
	return h, err
}

// Head implements audit.Store.
func (s *Store) Head(ctx context.Context) (audit.Head, error) {
	return db.Get(ctx, s.db.Q(ctx), scanHead, selectHead)
}

// floor is the seq above which all waiting rows are. SQLite's one writer commits in the order of seq, so what waits is above
// what is placed, and it needs no index to be found. On PostgreSQL a late transaction may have a lower seq.
func (s *Store) floor(h audit.Head) int64 {
	if s.db.Dialect() == db.SQLite {
		return h.Seq
	}
	return 0
}

// Waiting implements audit.Store. The head is read first: when it is still the head later, nobody has placed rows since.
func (s *Store) Waiting(ctx context.Context, limit int) (audit.Head, []audit.Event, error) {
	h, err := s.Head(ctx)
	if err != nil {
		return h, nil, err
	}
	events, err := db.All(ctx, s.db.Q(ctx), scanEvent,
		"select "+columns+" from audit where place is null and seq > $1 order by seq limit $2", s.floor(h), limit)
	return h, events, err
}

// place gives the next places to rows that have none, in the order of seq.
const place = `update audit set place = $1 + n.place
	from (select seq, row_number() over (order by seq) as place from audit where place is null and %s) n
	where audit.seq = n.seq`

// Place implements audit.Store.
func (s *Store) Place(ctx context.Context, after audit.Head, events []audit.Event) (bool, error) {
	q := s.db.Q(ctx)
	h, mine, err := db.Find(ctx, q, scanHead, selectHead+s.db.SkipLocked())
	if err != nil || !mine || h != after {
		return false, err
	}
	which, values := s.these(events)
	n, err := q.Exec(ctx, fmt.Sprintf(place, which), append([]any{h.Place}, values...)...)
	if err == nil && n != int64(len(events)) {
		err = fmt.Errorf("auditdb: of %d rows that waited %d do", len(events), n)
	}
	return err == nil, err
}

// these is the condition that a row is one of events, and its arguments from $2 on. On PostgreSQL a late transaction may have a
// seq between theirs; on SQLite none has.
func (s *Store) these(events []audit.Event) (string, []any) {
	if s.db.Dialect() == db.SQLite {
		return "seq between $2 and $3", []any{events[0].Seq, events[len(events)-1].Seq}
	}
	list := make([]int64, len(events))
	for i, e := range events {
		list[i] = e.Seq
	}
	return "seq = any($2)", []any{list}
}

// Append implements audit.Store.
func (s *Store) Append(ctx context.Context, b audit.Block, events []audit.Event) error {
	q := s.db.Q(ctx)
	leaves := make([]byte, 0, len(b.Leaves)*len(audit.Hash{}))
	for _, l := range b.Leaves {
		leaves = append(leaves, l[:]...)
	}
	if err := q.Defer(ctx, "insert into audit_blocks ("+blockColumns+") values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)",
		b.Number, b.First, b.Size, b.At, leaves, b.Root[:], b.Previous[:], b.Hash[:], b.KeyID, b.Signature); err != nil {
		return err
	}
	highest := int64(0)
	counts := map[[2]string]int{}
	for _, e := range events {
		highest = max(highest, e.Seq)
		counts[[2]string{e.OrganizationID.String(), e.Action}]++
	}
	for of, n := range counts {
		if err := q.Defer(ctx, `insert into audit_totals (organization_id, action, total) values ($1,$2,$3)
			on conflict (organization_id, action) do update set total = audit_totals.total + excluded.total`, of[0], of[1], n); err != nil {
			return err
		}
	}
	return q.Defer(ctx, "update audit_head set block = $1, place = $2, seq = case when seq > $3 then seq else $3 end, hash = $4",
		b.Number, b.Last(), highest, b.Hash[:])
}

const blockColumns = "number, first, size, at, leaves, root, previous, hash, key_id, signature"

func scanBlock(r db.Row) (b audit.Block, err error) {
	var leaves, root, previous, hash []byte
	err = r.Scan(&b.Number, &b.First, &b.Size, &b.At, &leaves, &root, &previous, &hash, &b.KeyID, &b.Signature)
	copy(b.Root[:], root)
	copy(b.Previous[:], previous)
	copy(b.Hash[:], hash)
	b.Leaves = make([]audit.Hash, len(leaves)/len(audit.Hash{}))
	for i := range b.Leaves {
		copy(b.Leaves[i][:], leaves[i*len(audit.Hash{}):])
	}
	return b, err
}

// Blocks implements audit.Store.
func (s *Store) Blocks(ctx context.Context, after int64, limit int) ([]audit.Block, error) {
	return db.All(ctx, s.db.Q(ctx), scanBlock,
		"select "+blockColumns+" from audit_blocks where number > $1 order by number limit $2", after, limit)
}

// BlockOf implements audit.Store.
func (s *Store) BlockOf(ctx context.Context, place int64) (int64, error) {
	number, _, err := db.Find(ctx, s.db.Q(ctx), db.Scalar[int64],
		"select number from audit_blocks where first <= $1 order by first desc limit 1", place)
	return number, err
}

// Placed implements audit.Store.
func (s *Store) Placed(ctx context.Context, organization id.ID, span audit.Span) ([]audit.Event, error) {
	var w db.Where
	w.Raw("place is not null")
	w.And("place between %s and %s", span.First, span.Last)
	if !organization.IsZero() {
		w.And(db.Checked("organization_id")+" = %s", organization)
	}
	return db.All(ctx, s.db.Q(ctx), scanEvent, "select "+columns+" from audit"+w.String()+" order by place, seq", w.Args...)
}

// Beyond implements audit.Store.
func (s *Store) Beyond(ctx context.Context, span audit.Span) (int64, error) {
	return db.Get(ctx, s.db.Q(ctx), db.Scalar[int64],
		"select count(*) from audit where place is not null and (place < $1 or place > $2)", span.First, span.Last)
}

// Unplaced implements audit.Store.
func (s *Store) Unplaced(ctx context.Context) (count int64, oldest time.Time, err error) {
	err = s.db.Q(ctx).Query(ctx, func(r db.Row) error { return r.Scan(&count, &oldest) },
		"select count(*), min(at) from audit where place is null")
	return count, oldest, err
}

// Audited implements audit.Store.
func (s *Store) Audited(ctx context.Context, organization, subject id.ID) (bool, error) {
	h, err := s.Head(ctx)
	if err != nil {
		return false, err
	}
	return db.Get(ctx, s.db.Q(ctx), db.Scalar[bool], `select
		exists (select 1 from audit where organization_id = $1 and subject = $2 and place is not null) or
		exists (select 1 from audit where organization_id = $1 and subject = $2 and place is null and seq > $3)`,
		organization, subject, s.floor(h))
}

// Span implements audit.Store.
func (s *Store) Span(ctx context.Context, f audit.Filter) (span audit.Span, err error) {
	w := where(audit.Filter{From: f.From, Until: f.Until})
	if !f.OrganizationID.IsZero() {
		w.And("organization_id = %s", f.OrganizationID)
	}
	err = s.db.Q(ctx).Query(ctx, func(r db.Row) error { return r.Scan(&span.First, &span.Last) },
		"select coalesce(min(place), 1), coalesce(max(place), 0) from audit"+w.String(), w.Args...)
	return span, err
}
