package eventlog

import (
	"context"

	"switchboard/internal/db"
)

const sequenceBatch = 1000

// number gives the next numbers to committed entries that have none, in the order of row_id.
const number = `update events set seq = $1 + n.place
	from (select row_id, row_number() over (order by row_id) as place
	      from (select row_id from events where seq is null order by row_id limit $2) u) n
	where events.row_id = n.row_id`

// sequence numbers entries whenever something was written, and wakes the other nodes. Every node runs one; the lock on
// event_head makes them take turns. A node that dies before numbering what it wrote is covered by the others' polling.
func (l *Log) sequence(ctx context.Context) {
	for ctx.Err() == nil {
		woken := l.written.next()
		n, err := l.numberOnce(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			l.logger.Error("numbering the event log failed; trying again", "error", err)
			wait(ctx, nil, pollInterval)
		case n > 0:
			l.numbered.set()
			if err := l.db.Notify(ctx, channel); err != nil && ctx.Err() == nil {
				l.logger.Warn("other nodes could not be woken; they will poll", "error", err)
			}
		default:
			wait(ctx, woken, pollInterval)
		}
	}
}

func (l *Log) numberOnce(ctx context.Context) (n int64, err error) {
	waiting, err := db.Get(ctx, l.db.Q(ctx), db.Scalar[bool], "select exists (select 1 from events where seq is null)")
	if err != nil || !waiting {
		return 0, err
	}
	err = l.db.Do(ctx, func(ctx context.Context) error {
		q := l.db.Q(ctx)
		head, err := db.Get(ctx, q, db.Scalar[int64], "select seq from event_head for update")
		if err != nil {
			return err
		}
		if n, err = q.Exec(ctx, number, head, sequenceBatch); err != nil {
			return err
		}
		return q.Defer(ctx, "update event_head set seq = seq + $1", n)
	})
	return n, err
}
