package apptest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard/internal/app/apptest"
	"switchboard/internal/db/dbtest"
	"switchboard/internal/sandbox"
)

// ward is a server whose providers are those of a sandbox that can fail, and whose clock can be moved on.
type ward struct {
	*apptest.Server
	t     *testing.T
	box   *sandbox.Sandbox
	clock *apptest.Clock
	key   string
}

func newWard(t *testing.T, url string) *ward {
	t.Helper()
	clock := &apptest.Clock{}
	o, box := apptest.WithSandbox(t, apptest.Options{DatabaseURL: url, Clock: clock}, 5*time.Second)
	w := &ward{Server: apptest.Start(t, o), t: t, box: box, clock: clock}
	w.key = w.Demo.Keys.Administrator
	leader := apptest.Named(t, w.Demo.Users, "leader")
	w.Want(t, 200, w.key, "PATCH /v1/users/"+leader.String()+"/", map[string]any{"data": map[string]any{
		"type": "users", "id": leader, "attributes": map[string]any{"webhook-url": box.WebhookURL("leader")},
	}})
	return w
}

func eachWard(t *testing.T, test func(w *ward)) {
	t.Helper()
	for name, url := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newWard(t, url(t)))
		})
	}
}

// fail lets services, by default every one, fail at their next calls: one for each delivery of the demo's group on call.
func (w *ward) fail(mode string, taken bool, transports ...string) {
	w.t.Helper()
	if len(transports) == 0 {
		transports = sandbox.Transports()
	}
	for _, transport := range transports {
		count := 1
		if transport == "email" {
			count = 2
		}
		w.box.Fail(sandbox.Failure{Transport: transport, Mode: mode, Count: count, Taken: taken, Delay: 50})
	}
}

func (w *ward) post(title string) string {
	w.t.Helper()
	return w.Want(w.t, 202, w.key, "POST /events", map[string]any{
		"topic": "wan-failover", "site": w.Demo.Sites[1].ID, "severity": "high", "title": title, "dedup_key": title,
	}).Text(w.t, "id")
}

func (w *ward) deliveries(eventID string) []delivery {
	w.t.Helper()
	var e event
	w.Want(w.t, 200, w.key, "GET /events/"+eventID, nil).Into(w.t, &e)
	return e.Deliveries
}

// await waits until every delivery is as holds says.
func (w *ward) await(eventID, what string, holds func(delivery) bool) []delivery {
	w.t.Helper()
	var found []delivery
	apptest.Eventually(w.t, what, func() error {
		found = w.deliveries(eventID)
		if len(found) != 5 {
			return apptest.Errorf("there are %d deliveries", len(found))
		}
		for _, d := range found {
			if !holds(d) {
				return apptest.Errorf("%+v", d)
			}
		}
		return nil
	})
	return found
}

// arrived tells whether a delivery has come as far as the sandbox lets it.
func arrived(d delivery) bool {
	return d.State == "delivered" || d.State == "sent" && d.Channel == "email"
}

// captured counts what the sandbox has taken of an event, by transport.
func (w *ward) captured(title string) map[string][]sandbox.Capture {
	out := map[string][]sandbox.Capture{}
	for _, c := range w.box.Outbox(sandbox.Filter{Limit: 10_000}) {
		if strings.Contains(c.Title+c.Text, title) {
			out[c.Transport] = append(out[c.Transport], c)
		}
	}
	return out
}

// TestFailures_passing lets each service fail once in each way that may pass: the message is sent again later, and
// arrives once.
func TestFailures_passing(t *testing.T) {
	t.Parallel()
	eachWard(t, func(w *ward) {
		for _, mode := range []string{sandbox.ModeBroken, sandbox.ModeRateLimited, sandbox.ModeReset, sandbox.ModeTimeout} {
			title := "Passing " + mode
			w.fail(mode, false)
			id := w.post(title)
			for _, d := range w.await(id, "the first attempts fail", failedOnce) {
				if d.State == "queued" && !slices.Contains([]string{"provider-unavailable", "provider-rate-limited"}, d.Reason) {
					w.t.Errorf("%s by %s waits because of %q", mode, d.Channel, d.Reason)
				}
			}
			if left := w.box.Failures(); len(left) > 0 {
				w.t.Fatalf("not asked to fail: %+v", left)
			}
			w.clock.Advance(3 * time.Minute) // beyond the first gap of every transport
			for _, d := range w.await(id, "the second attempts arrive", arrived) {
				if len(d.Attempts) != 2 || d.Attempts[1].Outcome != "accepted" && d.Attempts[0].Outcome != "accepted" {
					w.t.Errorf("%s by %s: %+v", mode, d.Channel, d.Attempts)
				}
			}
			w.once(title, mode)
		}
	})
}

// failedOnce tells whether the first attempt of a delivery has failed. The second may be under way: it follows after seconds.
func failedOnce(d delivery) bool {
	return len(d.Attempts) > 0 && slices.Contains([]string{"failed", "ambiguous"}, d.Attempts[0].Outcome)
}

func (w *ward) once(title, mode string) {
	w.t.Helper()
	for transport, want := range map[string]int{"email": 2, "sms": 1, "whatsapp": 1, "webhook": 1} {
		if got := len(w.captured(title)[transport]); got != want {
			w.t.Errorf("%s: %d by %s arrived, want %d", mode, got, transport, want)
		}
	}
}

// TestFailures_forGood lets the services that know their addressees refuse: the delivery ends with a reason and is not
// tried again, until somebody retries it by hand. A receiver of webhooks that refuses is asked again, like one that is
// down.
func TestFailures_forGood(t *testing.T) {
	t.Parallel()
	eachWard(t, func(w *ward) {
		w.fail(sandbox.ModeReject, false, "email", "sms", "whatsapp")
		id := w.post("Refused")
		found := w.await(id, "the deliveries fail", func(d delivery) bool { return d.State == "failed" || d.Channel == "webhook" && arrived(d) })
		for _, d := range found {
			if d.Channel == "webhook" {
				continue
			}
			if len(d.Attempts) != 1 || d.Attempts[0].Detail == "" || !slices.Contains([]string{"provider-rejected", "address-dead"}, d.Reason) {
				w.t.Errorf("refused by %s: %+v", d.Channel, d)
			}
		}
		w.clock.Advance(time.Hour)
		apptest.Eventually(w.t, "the queue is empty", func() error { return w.idle() })
		if got := w.captured("Refused"); len(got) != 1 {
			w.t.Errorf("something arrived beside the webhook: %v", got)
		}
		for _, d := range found {
			if d.Channel == "webhook" {
				w.Want(w.t, 409, w.key, "POST /v1/deliveries/"+bare(d.ID)+"/retry/", map[string]any{})
				continue
			}
			if r := w.Do(w.t, w.key, "POST /v1/deliveries/"+bare(d.ID)+"/retry/", map[string]any{}); r.Status/100 != 2 {
				w.t.Fatalf("retrying: %d %s", r.Status, r.Body)
			}
		}
		w.await(id, "what is retried by hand arrives", arrived)
		w.once("Refused", "retried by hand")
	})
}

// idle tells whether nothing waits to be sent.
func (w *ward) idle() error {
	for _, state := range []string{"queued", "sending", "held"} {
		if r := w.Do(w.t, w.key, "GET /v1/deliveries/?filter[state]="+state, nil); r.Status != 200 || r.Len(w.t, "data") != 0 {
			return apptest.Errorf("%d %s", r.Status, r.Body)
		}
	}
	return nil
}

// TestFailures_slow lets each service take its time: it is waited for, and nothing is sent twice.
func TestFailures_slow(t *testing.T) {
	t.Parallel()
	eachWard(t, func(w *ward) {
		w.fail(sandbox.ModeSlow, false)
		for _, d := range w.await(w.post("Slow"), "the deliveries arrive", arrived) {
			if len(d.Attempts) != 1 {
				w.t.Errorf("slow by %s: %+v", d.Channel, d.Attempts)
			}
		}
		w.once("Slow", "slow")
	})
}

// TestFailures_answerLost lets the services take the message and lose the answer. Nobody can know then, so the message is
// sent again, and says by the same mark that it is the same.
func TestFailures_answerLost(t *testing.T) {
	t.Parallel()
	eachWard(t, func(w *ward) {
		w.fail(sandbox.ModeReset, true)
		id := w.post("Lost answer")
		for _, d := range w.await(id, "the answers get lost", failedOnce) {
			if d.Attempts[0].Outcome != "ambiguous" {
				w.t.Errorf("%s: the outcome of the lost answer is %q", d.Channel, d.Attempts[0].Outcome)
			}
		}
		w.clock.Advance(3 * time.Minute)
		w.await(id, "the repetitions arrive", arrived)
		got := w.captured("Lost answer")
		for _, transport := range []string{"email", "webhook"} {
			marks := map[string]int{}
			for _, c := range got[transport] {
				marks[c.ProviderID+c.To]++
			}
			for mark, n := range marks {
				if n != 2 {
					w.t.Errorf("%s: %d messages are marked %q, want 2", transport, n, mark)
				}
			}
		}
		page := string(w.Want(w.t, 200, "", "GET /metrics", nil).Body)
		if !strings.Contains(page, "switchboard_delivery_ambiguous_total") {
			w.t.Error("the repetitions are not counted")
		}
	})
}

// TestFailures_stopWhileSending stops the server while every service takes its time: what was sent is on record, and the
// next server sends none of it again.
func TestFailures_stopWhileSending(t *testing.T) {
	t.Parallel()
	eachWard(t, func(w *ward) {
		w.fail(sandbox.ModeSlow, false)
		id := w.post("Stopped")
		w.await(id, "the attempts are under way", func(d delivery) bool { return d.State == "sending" || arrived(d) })
		next := *w
		o := apptest.Options{Clock: w.clock, Config: func(c *apptest.Config) { c.Providers = w.Config.Providers }}
		next.Server = w.Restart(w.t, o)
		for _, d := range next.await(id, "the deliveries are on record", func(d delivery) bool { return d.State == "sent" || arrived(d) }) {
			if len(d.Attempts) != 1 || d.Attempts[0].Outcome != "accepted" {
				w.t.Errorf("%s: %+v", d.Channel, d.Attempts)
			}
		}
		next.once("Stopped", "stopped while sending")
	})
}
