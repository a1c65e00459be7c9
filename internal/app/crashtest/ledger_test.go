package crashtest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"switchboard/internal/db"
	"switchboard/internal/id"
)

// finish lets the server work everything off, stops it well and compares the ledger with what the other side saw, and all
// counters with what they count.
func (tr *trial) finish(rounds int) {
	tr.t.Helper()
	tr.sandbox.Heal()
	tr.drain()
	tr.program.stop()
	tr.outbox.collect(tr.t, tr.sandbox)
	d := tr.open()
	defer d.Close()
	r := recount{tr.t, d, tr.record, tr.world}
	r.all()
	sum := tr.settle(d)
	tr.t.Logf("%d kills; %d requests, %d of them cut off; %d messages, %d events and %d people acknowledged; %s",
		rounds, tr.record.requests, tr.record.cutIn, acknowledged(tr.record.messages), acknowledged(tr.record.events),
		acknowledged(tr.record.people), sum)
}

func acknowledged(list []*request) int {
	n := 0
	for _, q := range list {
		if q.acked {
			n++
		}
	}
	return n
}

// drain waits until nothing is left to be done.
func (tr *trial) drain() {
	tr.t.Helper()
	// The log is worked off in order: when the newest message has been planned, so has every other.
	marker := "the last message of the trial"
	tr.world.admin.must(tr.t, http.MethodPost, "/v1/messaging-messages/", resource("messaging-messages", map[string]any{
		"channel-id": tr.world.channels[0], "message": marker, "include-destinations": []string{"sms"},
	}), nil)
	awaitText(tr.t, tr.sandbox, marker)
	poll(tr.t, "the last lease to end", tr.none("sending"))
	tr.program.stop()
	tr.hurry()
	tr.program.start()
	poll(tr.t, "the queue to be empty", tr.none("queued", "held", "sending"))
}

// none tells whether the ledger has no delivery in any of the states.
func (tr *trial) none(states ...string) func() error {
	return func() error {
		for _, state := range states {
			var list struct {
				Meta map[string]int `json:"meta"`
			}
			tr.world.admin.must(tr.t, http.MethodGet, "/v1/deliveries/?page[limit]=1&filter[state]="+state, nil, &list)
			if n := list.Meta["page[total]"]; n > 0 {
				return fmt.Errorf("%d are %s", n, state)
			}
		}
		return nil
	}
}

// hurry lets the time pass until what failed before is tried again, which can be hours after several failures.
func (tr *trial) hurry() {
	tr.t.Helper()
	d := tr.open()
	defer d.Close()
	now := time.Now()
	_, err := d.Q(tr.t.Context()).Exec(tr.t.Context(), "update deliveries set due_at = $1 where state in ('queued', 'held') and due_at > $2", now, now)
	if err != nil {
		tr.t.Fatal(err)
	}
}

// open opens the database, which no server uses now.
func (tr *trial) open() *db.DB {
	tr.t.Helper()
	d, err := db.Open(tr.t.Context(), tr.database, db.Options{})
	if err != nil {
		tr.t.Fatal(err)
	}
	return d
}

// entry is a delivery of the ledger with its attempts, by how they ended.
type entry struct {
	id                       id.ID
	state, reason, transport string
	read                     int // by how many individuals that the recipient is, in the channel
	attempts                 map[string]int
}

// takenBack tells whether no attempt was to follow, because the message was read where it was posted.
func (e entry) takenBack() bool {
	return e.state == "suppressed" && e.reason == "read-elsewhere" && e.read > 0
}

// unclear is how many attempts of it may have been taken without anybody knowing.
func (e entry) unclear() int { return e.attempts["unknown"] + e.attempts["ambiguous"] }

func ledger(ctx context.Context, d *db.DB) ([]entry, error) {
	list, err := db.All(ctx, d.Q(ctx), func(r db.Row) (entry, error) {
		e := entry{attempts: map[string]int{}}
		return e, r.Scan(&e.id, &e.state, &e.reason, &e.transport, &e.read)
	}, `select d.id, d.state, d.reason, d.transport, (select count(*) from delivery_contents c
			join messages m on m.id = c.source_id join subscribers s on s.channel_id = m.channel_id and s.read_seq >= m.seq
			join individuals i on i.id = s.individual_id
			where c.id = d.content_id and (i.id = d.individual_id or i.owner_type = 'user' and i.owner_id = d.user_id))
		from deliveries d`)
	if err != nil {
		return nil, err
	}
	at := map[id.ID]int{}
	for i, e := range list {
		at[e.id] = i
	}
	type attempt struct {
		delivery id.ID
		outcome  string
	}
	attempts, err := db.All(ctx, d.Q(ctx), func(r db.Row) (a attempt, err error) {
		return a, r.Scan(&a.delivery, &a.outcome)
	}, "select delivery_id, outcome from delivery_attempts")
	for _, a := range attempts {
		list[at[a.delivery]].attempts[a.outcome]++
	}
	return list, err
}

// summary is what came of the deliveries, for the log of the test.
type summary struct {
	deliveries, taken, unclear, repeated int
	states, attempts                     map[string]int
}

func (s summary) String() string {
	return fmt.Sprintf("%d deliveries %v with attempts %v, taken %d times; %d were unclear after a crash or a lost answer, %d of those were taken more than once",
		s.deliveries, s.states, s.attempts, s.taken, s.unclear, s.repeated)
}

// settle compares the ledger with what was taken.
func (tr *trial) settle(d *db.DB) summary {
	tr.t.Helper()
	entries, err := ledger(tr.t.Context(), d)
	if err != nil {
		tr.t.Fatal(err)
	}
	sum := summary{deliveries: len(entries), states: map[string]int{}, attempts: map[string]int{}}
	known := map[id.ID]bool{}
	for _, e := range entries {
		known[e.id] = true
		taken := tr.outbox.taken[e.id]
		sum.states[e.state]++
		sum.taken += taken
		for outcome, n := range e.attempts {
			sum.attempts[outcome] += n
		}
		if e.unclear() > 0 {
			sum.unclear++
			if taken > 1 {
				sum.repeated++
			}
		}
		if problem := judge(e, taken); problem != "" {
			tr.t.Errorf("delivery %v by %s, %s (%s), attempts %v, taken %d times: %s", e.id, e.transport, e.state, e.reason, e.attempts, taken, problem)
		}
	}
	for delivery, n := range tr.outbox.taken {
		if !known[delivery] {
			tr.t.Errorf("delivery %v was taken %d times and is not in the ledger", delivery, n)
		}
	}
	for _, c := range tr.outbox.strange {
		tr.t.Errorf("something left that names no delivery: %+v", c)
	}
	return sum
}

// judge says what is wrong with a delivery that was taken so many times; nothing when all is well.
func judge(e entry, taken int) string {
	accepted := e.attempts["accepted"]
	switch {
	case e.takenBack() && e.attempts["open"] == 0 && accepted == 0 && taken <= e.unclear():
		return ""
	case e.state != "sent" && e.state != "delivered" && e.state != "read":
		return "every delivery of the trial can be made"
	case e.attempts["open"] > 0:
		return "an attempt was never closed"
	case taken == 0:
		return "LOST: it is said to be sent"
	case taken < accepted:
		return "fewer left than were accepted"
	case taken > accepted+e.unclear():
		return "REPEATED without a trace of it in the ledger"
	case e.unclear() == 0 && taken != 1:
		return "REPEATED although every attempt had a clear end"
	}
	return ""
}

func TestJudge(t *testing.T) {
	t.Parallel()
	type attempts = map[string]int
	for name, tc := range map[string]struct {
		entry entry
		taken int
		fine  bool
	}{
		"sent once":                            {entry{state: "sent", attempts: attempts{"accepted": 1}}, 1, true},
		"failed, then arrived":                 {entry{state: "delivered", attempts: attempts{"failed": 2, "accepted": 1}}, 1, true},
		"a crash before the call":              {entry{state: "sent", attempts: attempts{"unknown": 1, "accepted": 1}}, 1, true},
		"a crash after the call":               {entry{state: "sent", attempts: attempts{"unknown": 1, "accepted": 1}}, 2, true},
		"told of by a callback alone":          {entry{state: "delivered", attempts: attempts{"ambiguous": 1}}, 1, true},
		"lost":                                 {entry{state: "sent", attempts: attempts{"accepted": 1}}, 0, false},
		"lost in a crash":                      {entry{state: "sent", attempts: attempts{"unknown": 1}}, 0, false},
		"twice":                                {entry{state: "sent", attempts: attempts{"accepted": 1}}, 2, false},
		"twice, both known":                    {entry{state: "sent", attempts: attempts{"accepted": 2}}, 2, false},
		"more often than tried":                {entry{state: "sent", attempts: attempts{"unknown": 1, "accepted": 1}}, 3, false},
		"forgotten":                            {entry{state: "sending", attempts: attempts{"open": 1}}, 1, false},
		"never closed":                         {entry{state: "sent", attempts: attempts{"open": 1, "accepted": 1}}, 1, false},
		"read where it was posted":             {entry{state: "suppressed", reason: "read-elsewhere", read: 1, attempts: attempts{"unknown": 1}}, 1, true},
		"read, and never sent":                 {entry{state: "suppressed", reason: "read-elsewhere", read: 1}, 0, true},
		"said to be read":                      {entry{state: "suppressed", reason: "read-elsewhere"}, 0, false},
		"read, and sent more often than tried": {entry{state: "suppressed", reason: "read-elsewhere", read: 1, attempts: attempts{"unknown": 1}}, 2, false},
		"read, and accepted":                   {entry{state: "suppressed", reason: "read-elsewhere", read: 1, attempts: attempts{"accepted": 1}}, 1, false},
		"suppressed for something else":        {entry{state: "suppressed", reason: "cancelled", read: 1}, 0, false},
		"given up":                             {entry{state: "failed", attempts: attempts{"failed": 1}}, 0, false},
	} {
		if problem := judge(tc.entry, tc.taken); (problem == "") != tc.fine {
			t.Errorf("%s: %q", name, problem)
		}
	}
}
