package messagingtest

import (
	"testing"

	"switchboard/internal/db"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

// CheckCounters recounts a channel from its messages, acks and log entries and compares that with what is stored.
func (w *World) CheckCounters(t testing.TB, channel id.ID) {
	t.Helper()
	ctx := t.Context()
	c, err := w.Store.GetChannel(ctx, w.Org, channel)
	must(t, err)
	all, err := w.Store.MessageIDs(ctx, w.Org, channel)
	must(t, err)
	found, err := w.Store.FindMessages(ctx, w.Org, all)
	must(t, err)
	places := map[int64]bool{}
	var system int64
	for _, m := range found {
		switch {
		case m.Draft:
		case m.Source == messaging.FromSystem:
			system++
		case places[m.Seq] || m.Seq < 1:
			t.Errorf("place %d is taken twice, or none", m.Seq)
		default:
			places[m.Seq] = true
		}
	}
	if int64(len(places)) != c.MessageSeq || system != c.SystemCount {
		t.Errorf("the channel counts %d messages and %d of its own; there are %d and %d", c.MessageSeq, c.SystemCount, len(places), system)
	}
	subs, err := w.Store.FindSubscribers(ctx, w.Org, []id.ID{channel})
	must(t, err)
	for _, sub := range subs[channel] {
		w.checkSubscriber(t, c, sub, found)
	}
	w.checkOffsets(t, c)
}

func (w *World) checkSubscriber(t testing.TB, c messaging.Channel, sub messaging.Subscriber, all map[id.ID]messaging.Message) {
	t.Helper()
	var unread int64
	for _, m := range all {
		mine := m.AuthorID == sub.IndividualID || m.AutoAck.Covers(sub.Side)
		if !m.Draft && m.Source != messaging.FromSystem && m.Seq > sub.ReadSeq && !mine && !m.Removed() {
			unread++
		}
	}
	if got := c.MessageSeq - sub.ReadSeq - sub.ExemptAfter; got != unread {
		t.Errorf("subscriber %v counts %d unread, there are %d (read %d, exempt %d)", sub.IndividualID, got, unread, sub.ReadSeq, sub.ExemptAfter)
	}
	if sub.ReadSeq > c.MessageSeq || sub.ExemptAfter < 0 {
		t.Errorf("subscriber %v has read %d of %d, %d exempt", sub.IndividualID, sub.ReadSeq, c.MessageSeq, sub.ExemptAfter)
	}
	acks, err := w.Store.FindAcks(t.Context(), w.Org, c.ID, 0, c.MessageSeq)
	must(t, err)
	last := int64(-1)
	for _, a := range acks {
		if a.IndividualID != sub.IndividualID {
			continue
		}
		if a.FromSeq <= last || a.ToSeq < a.FromSeq || a.ToSeq > sub.ReadSeq {
			t.Errorf("subscriber %v: ack %d..%d after %d, read %d", sub.IndividualID, a.FromSeq, a.ToSeq, last, sub.ReadSeq)
		}
		last = a.ToSeq
	}
}

// checkOffsets looks at the rows of the log, because PostgreSQL's are numbered later.
func (w *World) checkOffsets(t testing.TB, c messaging.Channel) {
	t.Helper()
	offsets, err := db.All(t.Context(), w.DB.Q(t.Context()), db.Scalar[int64],
		"select stream_offset from events where stream = $1 order by stream_offset", c.ID)
	must(t, err)
	for i, offset := range offsets {
		if offset != int64(i)+1 {
			t.Errorf("entry %d of the stream has offset %d", i+1, offset)
			return
		}
	}
	if int64(len(offsets)) != c.StreamOffset {
		t.Errorf("the stream has %d entries, the channel counts %d", len(offsets), c.StreamOffset)
	}
}
