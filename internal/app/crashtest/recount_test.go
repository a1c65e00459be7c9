package crashtest

import (
	"context"
	"fmt"
	"testing"

	"switchboard/internal/db"
)

// recount compares what the database counts with what there is in it. No server is running.
type recount struct {
	t      *testing.T
	db     *db.DB
	record *record
	world  *world
}

func (r recount) all() {
	r.t.Helper()
	for _, rule := range rules() {
		r.none(rule.broken, rule.query)
	}
	r.log()
	r.once("message", "messages", "text", r.record.messages)
	r.once("event", "notify_alerts", "title", r.record.events)
	r.once("user", "users", "username", r.record.people)
	r.planned()
}

// rule is a query that finds what breaks a promise. Its columns are two texts that tell what it found.
type rule struct{ broken, query string }

func rules() []rule {
	return []rule{
		{"a channel counts its messages wrongly", `select cast(c.id as text), cast(c.message_seq as text) from channels c where c.message_seq <>
			(select count(*) from messages m where m.channel_id = c.id and not m.draft and m.source <> 'system')`},
		{"a channel counts its own lines wrongly", `select cast(c.id as text), cast(c.system_count as text) from channels c where c.system_count <>
			(select count(*) from messages m where m.channel_id = c.id and m.source = 'system')`},
		{"a place in a channel is taken twice, or none", `select cast(m.channel_id as text), cast(m.seq as text) from messages m
			where not m.draft and m.source <> 'system' group by m.channel_id, m.seq having count(*) > 1 or m.seq < 1`},
		{"a channel's last message is not the last", `select cast(c.id as text), cast(c.last_message_id as text) from channels c where c.message_seq > 0 and
			c.last_message_id is distinct from (select m.id from messages m where m.channel_id = c.id and m.seq = c.message_seq and m.source <> 'system')`},
		{"what a subscriber need not read is counted wrongly", `select cast(s.channel_id as text), cast(s.exempt_after as text) from subscribers s where s.exempt_after <>
			(select count(*) from messages m where m.channel_id = s.channel_id and not m.draft and m.source <> 'system' and m.seq > s.read_seq
				and (m.individual_id = s.individual_id or m.auto_ack = 'all' or (m.auto_ack <> '' and m.auto_ack = s.side)))`},
		{"a subscriber has read what there is not", `select cast(s.channel_id as text), cast(s.read_seq as text) from subscribers s
			join channels c on c.id = s.channel_id where s.read_seq > c.message_seq`},
		{"acknowledgements overlap", `select cast(a.channel_id as text), cast(a.to_seq as text) from acks a join acks b on b.channel_id = a.channel_id
			and b.individual_id = a.individual_id and b.to_seq < a.to_seq where b.to_seq >= a.from_seq`},
		{"an acknowledgement goes beyond the mark", `select cast(a.channel_id as text), cast(a.to_seq as text) from acks a join subscribers s
			on s.channel_id = a.channel_id and s.individual_id = a.individual_id where a.to_seq > s.read_seq`},
		{"a channel's stream has a gap", `select cast(e.stream as text), cast(max(e.stream_offset) as text) from events e where e.stream is not null
			group by e.stream having count(*) <> max(e.stream_offset) or min(e.stream_offset) <> 1`},
		{"a channel counts its stream wrongly", `select cast(c.id as text), cast(c.stream_offset as text) from channels c where c.stream_offset <>
			(select count(*) from events e where e.stream = c.id)`},
		{"a message was posted without the log knowing, or more than once", `select cast(m.id as text), m.text from messages m where not m.draft and 1 <>
			(select count(*) from events e where e.subject = m.id and e.type = 'messaging.message.posted')`},
		{"an event was opened without the log knowing, or more than once", `select cast(a.id as text), a.title from notify_alerts a where 1 <>
			(select count(*) from events e where e.subject = a.id and e.type = 'notify.alert.opened')`},
		{"a consumer has not come to the end of the log", `select c.name, cast(c.position as text) from consumers c where c.position <>
			(select coalesce(max(e.seq), 0) from events e)`},
		{"a user is counted wrongly", counted("user", "users")},
		{"an individual is counted wrongly", counted("individual", "individuals")},
		{"a group is counted wrongly", counted("group", "individual_groups")},
		{"a content counts its deliveries wrongly", `select cast(c.id as text), cast(c.deliveries as text) from delivery_contents c where c.deliveries <>
			(select count(*) from deliveries d where d.content_id = c.id)`},
		{"something was planned twice", `select c.source_type, cast(c.source_id as text) from delivery_contents c group by c.source_type, c.source_id having count(*) > 1`},
		{"a person was to be told twice of one thing", `select cast(d.content_id as text), d.transport from deliveries d where d.state <> 'suppressed'
			group by d.content_id, d.user_id, d.transport having count(*) > 1`},
		{"an Idempotency-Key has no answer of its own", `select k.route, k.idempotency_key from idempotency_keys k where k.status >= 300 or k.body = ''`},
	}
}

func counted(kind, table string) string {
	return fmt.Sprintf(`select cast(o.id as text), '%[1]s' from organizations o
		where (select coalesce(sum(n.count), 0) from directory_counts n where n.organization_id = o.id and n.kind = '%[1]s')
			<> (select count(*) from %[2]s t where t.organization_id = o.id and t.deleted_at is null)`, kind, table)
}

// none fails for each row of a query.
func (r recount) none(broken, query string) {
	r.t.Helper()
	type found struct{ a, b string }
	rows, err := db.All(r.t.Context(), r.db.Q(r.t.Context()), func(row db.Row) (f found, err error) {
		return f, row.Scan(&f.a, &f.b)
	}, query)
	if err != nil {
		r.t.Errorf("%s: %v", broken, err)
		return
	}
	for i, f := range rows {
		if i == 3 {
			r.t.Errorf("%s: %d more", broken, len(rows)-i)
			return
		}
		r.t.Errorf("%s: %s %s", broken, f.a, f.b)
	}
}

// number runs a query with one number for an answer.
func (r recount) number(query string, args ...any) int {
	r.t.Helper()
	ctx := context.Background()
	n, err := db.Get(ctx, r.db.Q(ctx), db.Scalar[int], query, args...)
	if err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// log checks the numbering of the event log: every entry has its place, and no place is empty.
func (r recount) log() {
	r.t.Helper()
	entries, numbered := r.number("select count(*) from events"), r.number("select count(seq) from events")
	if entries != numbered {
		r.t.Errorf("%d entries of the log have no place", entries-numbered)
	}
	if head := r.number("select cast(coalesce(max(seq), 0) as bigint) from events"); head != entries {
		r.t.Errorf("the log has %d entries and ends at %d", entries, head)
	}
}

// once checks that what clients asked for was done at most once, and exactly once where somebody was told so.
func (r recount) once(what, table, column string, requests []*request) {
	r.t.Helper()
	for _, q := range requests {
		n := r.number(fmt.Sprintf("select count(*) from %s where %s = $1", table, column), q.text)
		switch {
		case q.acked && n == 0:
			r.t.Errorf("LOST: the %s %q was acknowledged", what, q.text)
		case n > 1:
			r.t.Errorf("REPEATED: the %s %q is there %d times; its Idempotency-Key is %q", what, q.text, n, q.key)
		}
	}
}

// planned checks that everybody is told of every event, and of every message that was to leave: all of them or, where the
// whole was not stored, nobody.
func (r recount) planned() {
	r.t.Helper()
	for _, q := range r.record.events {
		n := r.number(`select count(*) from deliveries d join delivery_contents c on c.id = d.content_id
			join notify_alerts a on a.id = c.source_id where a.title = $1`, q.text)
		if stored := r.number("select count(*) from notify_alerts where title = $1", q.text); n != stored*r.world.told {
			r.t.Errorf("%d deliveries tell of the event %q, which is there %d times; want %d each", n, q.text, stored, r.world.told)
		}
	}
	for _, q := range r.record.messages {
		stored := r.number("select count(*) from messages where text = $1", q.text)
		contents := r.number("select count(*) from delivery_contents c join messages m on m.id = c.source_id where m.text = $1", q.text)
		switch {
		case !q.destined && contents != 0:
			r.t.Errorf("the message %q was to stay where it is, and left", q.text)
		case q.destined && contents > stored:
			r.t.Errorf("the message %q was planned %d times", q.text, contents)
		case q.destined && contents < stored && r.readers(q) > 0:
			r.t.Errorf("LOST: the message %q was not planned", q.text)
		}
	}
}

// readers is how many subscribers a message is unread to, by its author and its auto-ack alone.
func (r recount) readers(q *request) int {
	return r.number(`select count(*) from messages m join subscribers s on s.channel_id = m.channel_id
		where m.text = $1 and s.individual_id is distinct from m.individual_id and m.auto_ack <> 'all' and m.auto_ack <> s.side`, q.text)
}
