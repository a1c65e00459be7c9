package live_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"switchboard/internal/db/dbtest"
)

// TestHub_records shows that following is recorded before anything is sent, not done when it cannot be, and that what a known
// caller is denied is recorded too.
func TestHub_records(t *testing.T) {
	t.Parallel()
	s := newStudio(t, dbtest.SQLite(t))
	told := func() (followed int, denied []string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.followed, slices.Clone(s.denied)
	}
	set := func(allowed bool, unrecorded error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.allowed, s.unrecorded = allowed, unrecorded
	}
	stream := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/live/sse?channel="+s.channel.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer good")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	subscribe := func() *wireError {
		c := s.dial("good")
		var pending []reply
		c.next(&pending)
		c.send(map[string]any{"id": 2, "subscribe": map[string]any{"channel": "channel:" + s.channel.String()}})
		return c.next(&pending).Error
	}

	if e := subscribe(); e != nil {
		t.Errorf("subscribing: %+v", e)
	}
	if status := stream(); status != http.StatusOK {
		t.Errorf("a stream: %d", status)
	}
	if followed, denied := told(); followed != 2 || len(denied) != 0 {
		t.Errorf("%d followings and %v are recorded", followed, denied)
	}
	set(true, errors.New("no database"))
	if e := subscribe(); e == nil {
		t.Error("a subscription that cannot be recorded is taken")
	}
	if status := stream(); status != http.StatusInternalServerError {
		t.Errorf("a stream that cannot be recorded: %d", status)
	}
	set(false, nil)
	if e := subscribe(); e == nil {
		t.Error("a subscription is taken that is not allowed")
	}
	if status := stream(); status != http.StatusForbidden {
		t.Errorf("a stream that is not allowed: %d", status)
	}
	if _, denied := told(); !slices.Equal(denied, []string{"GET /live/websocket", "GET /live/sse"}) {
		t.Errorf("denied: %v", denied)
	}
}
