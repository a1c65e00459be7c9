package deliverytest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"switchboard/internal/delivery"
	"switchboard/internal/id"
	"switchboard/internal/page"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

func inserts(t *testing.T, s suite) {
	c := Content(s.org, delivery.Source{Type: "alert", ID: id.New()})
	c.Urgent, c.Followed, c.ExpiresAt = true, true, Noon.Add(time.Hour)
	queued, muted, person := Delivery(c, transport.SMS), Delivery(c, transport.Email), Delivery(c, delivery.Push)
	queued.GroupID = id.New()
	queued.DueAt = Noon.Add(time.Hour)
	muted.State, muted.Reason, muted.DueAt = delivery.Suppressed, reason.MutedAlways, time.Time{}
	person.UserID, person.IndividualID = id.Nil, id.New()
	person.DueAt = Noon.Add(time.Hour)
	must(t, s.Insert(t.Context(), c, []delivery.Delivery{queued, muted, person}))
	for _, want := range []delivery.Delivery{queued, muted, person} {
		got, content, err := s.Get(t.Context(), s.org, want.ID)
		must(t, err)
		same(t, "delivery", got, want)
		same(t, "content", content, c)
	}
}

func insertsMany(t *testing.T, s suite) {
	// More than fits into one statement, or one document.
	c, list := s.enqueue(t, 2500)
	got, err := s.OfSource(t.Context(), s.org, c.Source)
	must(t, err)
	same(t, "all, in their order", got, list)
	taken := 0
	for {
		claimed := s.claim(t, Noon, 700) // identifiers in more than one statement
		if len(claimed.Deliveries) == 0 {
			break
		}
		taken += len(claimed.Deliveries)
	}
	if taken != len(list) {
		t.Errorf("%d deliveries claimed of %d", taken, len(list))
	}
}

func claims(t *testing.T, s suite) {
	c, list := s.enqueue(t, 3)
	if early := s.claim(t, Noon.Add(-time.Second), 10); len(early.Deliveries) != 0 {
		t.Errorf("%d deliveries claimed before they are due", len(early.Deliveries))
	}
	two := s.claim(t, Noon, 2)
	if len(two.Deliveries) != 2 || two.Lease.IsZero() {
		t.Fatalf("claimed %d deliveries under %v", len(two.Deliveries), two.Lease)
	}
	same(t, "the content", two.Contents, map[id.ID]delivery.Content{c.ID: c})
	want := list[slices.IndexFunc(list, func(d delivery.Delivery) bool { return d.ID == two.Deliveries[0].ID })]
	want.DueAt = Noon.Add(time.Minute)
	same(t, "a claimed delivery but for the end of its lease", two.Deliveries[0], want)
	if third := s.claim(t, Noon, 10); len(third.Deliveries) != 1 {
		t.Errorf("%d deliveries are left, want 1", len(third.Deliveries))
	}
	none, err := s.Claim(t.Context(), []transport.Name{"another", "one more"}, Noon, time.Minute, 10)
	if err != nil || len(none.Deliveries) != 0 {
		t.Errorf("by transports that nothing goes by: %d, %v", len(none.Deliveries), err)
	}
	due, found, err := s.NextDue(t.Context(), []transport.Name{s.transportOf(), "another"})
	if err != nil || !found || !due.Equal(Noon.Add(time.Minute)) {
		t.Errorf("NextDue = %v, %v, %v", due, found, err)
	}
	if _, found, err := s.NextDue(t.Context(), []transport.Name{"another"}); err != nil || found {
		t.Errorf("NextDue of nothing = %v, %v", found, err)
	}
}

func claimsOnce(t *testing.T, s suite) {
	_, list := s.enqueue(t, 90)
	var (
		mu   sync.Mutex
		got  = map[id.ID]int{}
		pool sync.WaitGroup
	)
	for range 5 {
		pool.Go(func() {
			for {
				c, err := s.Claim(context.Background(), []transport.Name{s.transportOf()}, Noon, time.Minute, 7)
				if err != nil {
					t.Error(err)
				}
				if len(c.Deliveries) == 0 {
					return
				}
				mu.Lock()
				for _, d := range c.Deliveries {
					got[d.ID]++
				}
				mu.Unlock()
			}
		})
	}
	pool.Wait()
	for _, d := range list {
		if got[d.ID] != 1 {
			t.Errorf("%v was claimed %d times", d.ID, got[d.ID])
		}
	}
}

func leases(t *testing.T, s suite) {
	_, list := s.enqueue(t, 2)
	first := s.claim(t, Noon, 10)
	ids := first.IDs()
	n, err := s.Extend(t.Context(), first.Lease, ids[:1], Noon.Add(time.Hour))
	if n != 1 || err != nil {
		t.Errorf("Extend = %d, %v", n, err)
	}
	second := s.claim(t, Noon.Add(2*time.Minute), 10)
	if len(second.Deliveries) != 1 || second.Deliveries[0].ID != ids[1] {
		t.Fatalf("after one lease has ended: %v", second.IDs())
	}
	held, err := s.Leased(t.Context(), first.Lease, ids)
	must(t, err)
	same(t, "still held", held, map[id.ID]reason.Reason{ids[0]: ""})
	if n, err := s.Extend(t.Context(), first.Lease, ids, Noon.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("extending a lease of which one row is lost: %d, %v", n, err)
	}
	if n, err := s.Extend(t.Context(), first.Lease, nil, Noon); n != 0 || err != nil {
		t.Errorf("extending nothing: %d, %v", n, err)
	}
	if len(list) != len(ids) {
		t.Errorf("%d of %d claimed", len(ids), len(list))
	}
}

func beginsAndFinishes(t *testing.T, s suite) {
	s.enqueue(t, 2)
	c, attempts := s.begin(t, Noon)
	for i, d := range c.Deliveries {
		got := s.get(t, d.ID)
		if got.State != delivery.Sending || got.Provider != "twilio" || got.Attempts != 1 || !got.UpdatedAt.Equal(Noon) {
			t.Errorf("begun: %+v", got)
		}
		same(t, "open attempts", s.attempts(t, d.ID), []delivery.Attempt{attempts[i]})
	}
	done := attempts[0]
	done.FinishedAt, done.Outcome, done.Reason = Noon.Add(time.Second), delivery.Refused, reason.AddressDead
	done.Code, done.ProviderID, done.Detail = "21211", "SM-"+s.org.Short(), "21211: not a number"
	must(t, s.Finish(t.Context(), []delivery.Attempt{done}))
	same(t, "finished", s.attempts(t, done.DeliveryID), []delivery.Attempt{done})
	same(t, "the other", s.attempts(t, attempts[1].DeliveryID), attempts[1:])

	again, more := s.begin(t, Noon.Add(time.Hour))
	if len(again.Deliveries) != 2 || again.Deliveries[0].State != delivery.Sending || again.Deliveries[0].Attempts != 1 {
		t.Fatalf("claimed from a worker that died: %+v", again.Deliveries)
	}
	var of []delivery.Attempt
	for _, a := range append(slices.Clone(attempts), more...) {
		if a.DeliveryID == attempts[1].DeliveryID {
			of = append(of, a)
		}
	}
	same(t, "oldest first", s.attempts(t, attempts[1].DeliveryID), of)
	must(t, s.Begin(t.Context(), id.New(), nil, Noon))
	must(t, s.Finish(t.Context(), nil))
}

func abandons(t *testing.T, s suite) {
	s.enqueue(t, 2)
	_, attempts := s.begin(t, Noon)
	closed := attempts[1]
	closed.FinishedAt, closed.Outcome = Noon, delivery.Accepted
	must(t, s.Finish(t.Context(), []delivery.Attempt{closed}))
	n, err := s.Abandon(t.Context(), []id.ID{attempts[0].DeliveryID, attempts[1].DeliveryID}, Noon.Add(time.Minute))
	if n != 1 || err != nil {
		t.Errorf("Abandon = %d, %v", n, err)
	}
	want := attempts[0]
	want.FinishedAt, want.Outcome = Noon.Add(time.Minute), delivery.Unknown
	same(t, "the open one", s.attempts(t, want.DeliveryID), []delivery.Attempt{want})
	same(t, "the closed one", s.attempts(t, closed.DeliveryID), []delivery.Attempt{closed})
}

func saves(t *testing.T, s suite) {
	s.enqueue(t, 3)
	c, _ := s.begin(t, Noon)
	want := c.Deliveries[0]
	want.State, want.Reason, want.Address = delivery.Held, reason.QuietHours, "a@example.org"
	want.DueAt, want.Attempts, want.Provider = Noon.Add(time.Hour), 4, "smtp"
	want.ProviderID, want.SentAt, want.UpdatedAt = "x", Noon.Add(time.Second), Noon.Add(2*time.Second)
	finished := c.Deliveries[1]
	finished.State, finished.DueAt = delivery.Sent, time.Time{}
	must(t, s.Save(t.Context(), c.Lease, []delivery.Delivery{want, finished}))
	same(t, "saved", s.get(t, want.ID), want)
	if n, err := s.Extend(t.Context(), c.Lease, c.IDs(), Noon.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d rows are still under the lease, %v", n, err)
	}
	want.State = delivery.Failed
	must(t, s.Save(t.Context(), c.Lease, []delivery.Delivery{want})) // the lease is gone
	stranger := c.Deliveries[2]
	stranger.State = delivery.Failed
	must(t, s.Save(t.Context(), id.New(), []delivery.Delivery{stranger}))
	for i, state := range map[id.ID]delivery.State{want.ID: delivery.Held, stranger.ID: delivery.Sending} {
		if got := s.get(t, i); got.State != state {
			t.Errorf("without the lease %s became %s", state, got.State)
		}
	}
	if left := s.claim(t, Noon.Add(24*time.Hour), 10); len(left.Deliveries) != 2 {
		t.Errorf("%d deliveries wait, want the held and the open one", len(left.Deliveries))
	}
	must(t, s.Save(t.Context(), c.Lease, nil))
}

func countsSent(t *testing.T, s suite) {
	s.enqueue(t, 4)
	c, _ := s.begin(t, Noon)
	list := c.Deliveries
	for i := range list {
		list[i].State, list[i].SentAt = delivery.Sent, Noon.Add(-time.Duration(i)*time.Minute)
	}
	list[3].State, list[3].SentAt = delivery.Failed, time.Time{}
	must(t, s.Save(t.Context(), c.Lease, list))
	users := []id.ID{list[0].UserID, list[1].UserID, list[2].UserID, list[3].UserID}
	got, err := s.SentSince(t.Context(), users, s.transportOf(), Noon.Add(-time.Minute))
	must(t, err)
	same(t, "sent within the minute", got, map[id.ID]int{users[0]: 1, users[1]: 1})
	got, err = s.SentSince(t.Context(), users, "another", Noon.Add(-time.Hour))
	must(t, err)
	same(t, "by another transport", got, map[id.ID]int{})
}

func depths(t *testing.T, s suite) {
	c, list := s.enqueue(t, 3)
	late := Delivery(c, s.transportOf())
	late.DueAt = Noon.Add(time.Hour)
	c.ID = id.New()
	must(t, s.Insert(t.Context(), c, []delivery.Delivery{late}))
	got, err := s.Depth(t.Context(), Noon.Add(time.Second))
	must(t, err)
	same(t, "what is due", got[s.transportOf()], delivery.Depth{Due: len(list), Oldest: Noon})
	s.claim(t, Noon.Add(time.Second), 10)
	got, err = s.Depth(t.Context(), Noon.Add(time.Second))
	must(t, err)
	if d, there := got[s.transportOf()]; there {
		t.Errorf("what is claimed does not wait: %+v", d)
	}
}

func expires(t *testing.T, s suite) {
	about := delivery.Source{Type: delivery.SourceMessage, ID: id.New()}
	never, late, early, other := Content(s.org, about), Content(s.org, about), Content(s.org, about), Content(s.org, delivery.Source{Type: "alert", ID: about.ID})
	foreign := Content(id.New(), about)
	late.ExpiresAt, early.ExpiresAt = Noon.Add(time.Hour), Noon.Add(-time.Hour)
	want := map[id.ID]time.Time{never.ID: Noon, late.ID: Noon, early.ID: early.ExpiresAt, other.ID: {}, foreign.ID: {}}
	var ids []id.ID
	for _, c := range []delivery.Content{never, late, early, other, foreign} {
		d := Delivery(c, s.transportOf())
		must(t, s.Insert(t.Context(), c, []delivery.Delivery{d}))
		ids = append(ids, d.ID)
	}
	must(t, s.Expire(t.Context(), s.org, about, Noon))
	must(t, s.Expire(t.Context(), s.org, delivery.Source{Type: about.Type, ID: id.New()}, Noon))
	_, contents, err := s.Lock(t.Context(), ids)
	must(t, err)
	for i, at := range want {
		if got := contents[i].ExpiresAt; !got.Equal(at) {
			t.Errorf("a content expires at %v, want %v", got, at)
		}
	}
}

func rewords(t *testing.T, s suite) {
	ctx := t.Context()
	c, list := s.enqueue(t, 3)
	first, second := id.New(), id.New()
	must(t, s.Reword(ctx, c.ID, first, "new", []id.ID{list[0].ID, list[2].ID}))
	s.enqueue(t, 1)
	must(t, s.Reword(ctx, first, second, "newer", []id.ID{list[0].ID, list[2].ID}))
	_, contents, err := s.Lock(ctx, []id.ID{list[0].ID, list[1].ID, list[2].ID})
	must(t, err)
	want := c
	want.ID, want.Body = second, "newer"
	same(t, "the contents", contents, map[id.ID]delivery.Content{c.ID: c, second: want})
	page, _, err := s.List(ctx, delivery.Filter{OrganizationID: s.org}, page.Offset{Limit: 10})
	must(t, err)
	if page.Total != 4 || len(page.Items) != 4 {
		t.Errorf("%d of %d deliveries are listed, want 4", len(page.Items), page.Total)
	}
}
