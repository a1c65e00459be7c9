package directorydb

import (
	"context"
	"slices"

	"switchboard/internal/db"
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// The kinds of records that are counted, and of those with words.
const (
	kindUser       = "user"
	kindIndividual = "individual"
	kindGroup      = "group"
)

// shards is over how many rows a count is spread.
const shards = 16

// tally adds n to the count of a list. record chooses the shard.
func (s *Store) tally(ctx context.Context, org id.ID, kind string, record id.ID, n int) error {
	return s.tallyShard(ctx, org, kind, shard(record), n)
}

func shard(record id.ID) int { return int(record[len(record)-1]) % shards }

func (s *Store) tallyShard(ctx context.Context, org id.ID, kind string, shard, n int) error {
	if n == 0 {
		return nil
	}
	return s.db.Q(ctx).Defer(ctx, `insert into directory_counts (organization_id, kind, shard, count) values ($1,$2,$3,$4)
		on conflict (organization_id, kind, shard) do update set count = directory_counts.count + excluded.count`,
		org, kind, shard, n)
}

// tallyShards adds to every shard of a count.
func (s *Store) tallyShards(ctx context.Context, org id.ID, kind string, counts [shards]int) error {
	for n, count := range counts {
		if err := s.tallyShard(ctx, org, kind, n, count); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) count(ctx context.Context, org id.ID, kind string) (int, error) {
	n, err := db.Get(ctx, s.db.Q(ctx), db.Scalar[int64],
		"select cast(coalesce(sum(count), 0) as bigint) from directory_counts where organization_id = "+of("$1")+" and kind = $2", org, kind)
	return int(n), err
}

// index stores the words of a record's name in place of those it had.
func (s *Store) index(ctx context.Context, org id.ID, kind string, record id.ID, texts ...string) error {
	if err := s.unindex(ctx, record); err != nil {
		return err
	}
	return s.addWords(ctx, org, kind, record, texts...)
}

func (s *Store) unindex(ctx context.Context, record id.ID) error {
	return s.db.Q(ctx).Defer(ctx, "delete from directory_words where record_id = $1", record)
}

func (s *Store) addWords(ctx context.Context, org id.ID, kind string, record id.ID, texts ...string) error {
	return db.InsertMany(ctx, s.db, wordColumns, wordRows(org, kind, record, texts...), "")
}

const wordColumns = "directory_words (organization_id, kind, word, record_id)"

func wordRows(org id.ID, kind string, record id.ID, texts ...string) [][]any {
	words := directory.Words(texts...)
	rows := make([][]any, len(words))
	for i, w := range words {
		rows[i] = []any{org, kind, []byte(w), record}
	}
	return rows
}

// named narrows a list to the records whose names have, for each word of text, one that begins with it. A text without
// words finds nothing. The longest word, which begins the fewest, finds the candidates; the others are looked up in the few
// words of each.
func (l *list) named(org id.ID, text string) {
	words := directory.Words(text)
	if len(words) == 0 {
		l.whole = false
		l.where.Raw("1 = 0")
		return
	}
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	for n, w := range words {
		if n == 0 {
			l.and(`t.id in (select record_id from directory_words
				where organization_id = %s and kind = %s and word >= %s and word < %s)`, org, l.kind, []byte(w), after(w))
		} else {
			// A value, not an "exists", of which a planner might make a join over all words that begin so.
			l.and(`(select 1 from directory_words w where w.record_id = t.id and w.word >= %s and w.word < %s limit 1) is not null`, []byte(w), after(w))
		}
	}
}

// after is the least that is greater than every word that begins with w: no byte of UTF-8 is 0xff.
func after(w string) []byte { return append([]byte(w), 0xff) }
