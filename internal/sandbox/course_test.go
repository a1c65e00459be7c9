package sandbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func texted(t *testing.T, s *Sandbox, pairs ...string) *message {
	t.Helper()
	form := url.Values{"To": {"+15551230001"}, "From": {"+15005550006"}, "Body": {"x"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	m, code, _ := s.newMessage(form)
	if code != 0 {
		t.Fatalf("refused with %d", code)
	}
	s.take(m, "sms", form, Raw{})
	return m
}

// Statuses come one delay after the other.
func TestReport_takesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{CallbackDelay: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		m := texted(t, s)
		go s.report(m)
		for _, want := range []string{"queued", "sent", "delivered", "delivered"} {
			synctest.Wait()
			if got := s.Outbox(Filter{})[0].Status; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			time.Sleep(time.Second)
		}
		if got, _ := s.twilio.get(m.sid); got.status != "delivered" || got.sent.IsZero() {
			t.Errorf("%+v", got)
		}
	})
}

// A message whose statuses are still to come does not hold up Stop.
func TestReport_endsWithStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{CallbackDelay: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		m := texted(t, s)
		go func() {
			s.report(m)
			close(done)
		}()
		synctest.Wait()
		began := time.Now()
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		<-done
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it took %v", waited)
		}
		if got := s.Outbox(Filter{})[0].Status; got != "queued" {
			t.Errorf("it is %s", got)
		}
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !wait(t.Context(), time.Minute) || time.Since(began) != time.Minute {
			t.Errorf("waited %v", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if wait(ctx, time.Minute) || time.Since(began) != time.Second {
			t.Errorf("waited %v", time.Since(began))
		}
		if wait(ctx, 0) {
			t.Error("a context that has ended waits for nothing and says so")
		}
	})
}

// A slow answer is as slow as was asked for.
func TestFailHTTP_slow(t *testing.T) {
	for name, c := range map[string]struct {
		failure Failure
		want    time.Duration
	}{
		"default": {Failure{Mode: ModeSlow}, 2 * time.Second},
		"asked":   {Failure{Mode: ModeSlow, Delay: 1500}, 1500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			if failHTTP(httptest.NewRecorder(), r, &c.failure, nil) || time.Since(began) != c.want {
				t.Errorf("%s: %v", name, time.Since(began))
			}
		})
	}
}

func TestFailHTTP_callerGivesUp(t *testing.T) {
	for _, mode := range []string{ModeSlow, ModeTimeout} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r := httptest.NewRequest(http.MethodPost, "/", nil).WithContext(ctx)
			w := httptest.NewRecorder()
			if !failHTTP(w, r, &Failure{Mode: mode, Delay: 60_000}, nil) || w.Body.Len() != 0 {
				t.Errorf("%s: it was answered", mode)
			}
		})
	}
}

// What Twilio remembers is bounded.
func TestMessages_put_forgetsTheOldest(t *testing.T) {
	var m messages
	for range maxCaptures + 5 {
		m.put(&message{sid: newSID("SM")})
	}
	if len(m.bySID) != maxCaptures || len(m.order) != maxCaptures {
		t.Errorf("%d and %d", len(m.bySID), len(m.order))
	}
}

func TestPhones_heard(t *testing.T) {
	var p phones
	for text, want := range map[string]string{
		"STOP": "STOP", " stopall\n": "STOP", "Unsubscribe": "STOP", "cancel": "STOP", "end": "STOP", "quit": "STOP", "revoke": "STOP", "optout": "STOP",
		"start": "START", "YES": "START", "unstop": "START", "help": "HELP", "info": "HELP",
		"please stop": "", "stop.": "", "": "", "no": "",
	} {
		if got := p.heard("a", "b", text, noon); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	p.heard("a", "b", "stop", noon)
	for _, c := range []struct {
		person, ours string
		want         bool
	}{{"a", "b", true}, {"a", "c", false}, {"c", "b", false}} {
		if got := p.optedOut(c.person, c.ours); got != c.want {
			t.Errorf("%s of %s: %v", c.person, c.ours, got)
		}
	}
}

func TestFilterOf(t *testing.T) {
	for query, want := range map[string]Filter{
		"":                                {},
		"transport=email&to=a+b@x.y":      {Transport: "email", To: "a+b@x.y"},
		"to=%2B15551230001":               {To: "+15551230001"},
		"to=+15551230001":                 {To: "+15551230001"},
		"to=whatsapp:%2B15551230001":      {To: "+15551230001"},
		"since=7&limit=3":                 {After: 7, Limit: 3},
		"since=2026-03-01T12:00:00Z":      {Since: noon},
		"since=2026-03-01T13:00:00+01:00": {Since: noon},
		"direction=all":                   {Direction: "all"},
	} {
		got, err := filterOf(httptest.NewRequest(http.MethodGet, "/outbox?"+query, nil))
		if !got.Since.Equal(want.Since) {
			t.Errorf("%s: since %v", query, got.Since)
		}
		got.Since, want.Since = time.Time{}, time.Time{}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", query, got, err)
		}
	}
}

func FuzzFilterOf(f *testing.F) {
	f.Add("to=+1&since=1&limit=1&transport=sms&direction=all")
	f.Add("%zz&;")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/outbox", nil)
		r.URL.RawQuery = query
		got, err := filterOf(r)
		if err == nil && (got.Limit < 0 || got.Limit > maxCaptures) {
			t.Errorf("%q: %+v", query, got)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"from":"+15551230001","body":"x"}`)
	f.Add(`{"from":1}`)
	f.Add(`{"media":[null]}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, into := range []interface{ check() *apiError }{&Said{}, &Failure{}} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			if err := decode(r, into); err != nil && err.Error() == "" {
				t.Errorf("%q is refused without a word", body)
			} else if err == nil {
				into.check()
			}
		}
	})
}
