package eventlog

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/internal/event"
)

func numbered(from, to int64, data string) []event.Entry {
	var out []event.Entry
	for seq := from; seq <= to; seq += 2 { // a log has holes where transactions failed
		out = append(out, event.Entry{Seq: seq, Data: json.RawMessage(data)})
	}
	return out
}

func TestNewest_since(t *testing.T) {
	t.Parallel()
	var n newest
	if _, ok := n.since(0, 10); ok {
		t.Error("nothing is gathered, and the database is not asked")
	}
	n.begin(10)
	n.add(numbered(11, 19, "{}"))
	for name, c := range map[string]struct {
		after       int64
		limit       int
		first, last int64
		ok          bool
	}{
		"behind what is kept": {after: 9, limit: 10},
		"all":                 {after: 10, limit: 10, first: 11, last: 19, ok: true},
		"from a hole":         {after: 12, limit: 10, first: 13, last: 19, ok: true},
		"the limit":           {after: 11, limit: 2, first: 13, last: 15, ok: true},
		"the end":             {after: 19, limit: 10, ok: true},
		"beyond the end":      {after: 30, limit: 10, ok: true},
	} {
		got, ok := n.since(c.after, c.limit)
		if ok != c.ok || (c.first == 0) != (len(got) == 0) {
			t.Errorf("%s: %d entries, %t", name, len(got), ok)
			continue
		}
		if len(got) > 0 && (got[0].Seq != c.first || got[len(got)-1].Seq != c.last) {
			t.Errorf("%s: %d to %d", name, got[0].Seq, got[len(got)-1].Seq)
		}
	}
	n.end()
	if _, ok := n.since(15, 10); ok {
		t.Error("what is not gathered any more is still read")
	}
}

func TestNewest_bounds(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{"many": "{}", "large": strings.Repeat("x", newestBytes/100)} {
		var n newest
		n.begin(0)
		var held []event.Entry
		for from := int64(1); from < 40_000; from += 200 {
			n.add(numbered(from, from+198, data))
			if held == nil {
				held, _ = n.since(0, 50)
			}
		}
		last := n.entries[len(n.entries)-1].Seq
		if len(n.entries) > newestEntries || n.bytes > newestBytes || len(n.entries) < 2 {
			t.Errorf("%s: %d entries of %d bytes are kept", name, len(n.entries), n.bytes)
		}
		if got, ok := n.since(n.after, 1); !ok || got[0].Seq != n.entries[0].Seq || n.after >= got[0].Seq {
			t.Errorf("%s: after %d comes %d", name, n.after, got[0].Seq)
		}
		if _, ok := n.since(n.after-1, 1); ok {
			t.Errorf("%s: there is a gap after what was dropped", name)
		}
		if last != 39_999 || held[0].Seq != 1 || held[49].Seq != 99 {
			t.Errorf("%s: the last is %d; a reader holds %d to %d", name, last, held[0].Seq, held[49].Seq)
		}
	}
}
