package messagingtest

import (
	"testing"
	"time"

	"switchboard/internal/id"
)

func aggregates(t *testing.T, s suite) {
	ann, bob, cy := id.New(), id.New(), id.New()
	c, other, old := s.create(t, s.channel(), ann, bob), s.create(t, s.channel(), ann), s.create(t, s.channel(), bob)
	for range 3 {
		s.post(t, c, ann, "")
	}
	s.post(t, other, bob, "")
	s.post(t, old, ann, "")
	old, err := s.GetChannel(t.Context(), s.org, old.ID)
	must(t, err)
	old.ArchivedAt = at.Add(time.Hour)
	must(t, s.UpdateChannel(t.Context(), old))

	everybody := []id.ID{ann, bob, cy}
	unread, err := s.CountUnread(t.Context(), s.org, everybody)
	must(t, err)
	// One's own messages are not unread to oneself, and what is archived does not count.
	same(t, "unread", unread, map[id.ID]int{ann: 1, bob: 3})
	last, err := s.LastMessages(t.Context(), s.org, everybody)
	must(t, err)
	same(t, "who was posted to", len(last), 2)
	if last[ann].IsZero() || last[bob].IsZero() {
		t.Errorf("last messages: %v", last)
	}
	stranger := id.New()
	unread, err = s.CountUnread(t.Context(), stranger, everybody)
	must(t, err)
	last, err = s.LastMessages(t.Context(), stranger, everybody)
	must(t, err)
	same(t, "in another organization", len(unread)+len(last), 0)
	many := make([]id.ID, 1000)
	for i := range many {
		many[i] = id.New()
	}
	unread, err = s.CountUnread(t.Context(), s.org, append(many, bob))
	must(t, err)
	same(t, "among many", unread, map[id.ID]int{bob: 3})
}
