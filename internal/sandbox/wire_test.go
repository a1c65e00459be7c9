package sandbox_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/clock"
	"switchboard/internal/sandbox"
)

// lines writes a form one parameter a line, in order, with the sid blotted out.
func lines(form url.Values) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			fmt.Fprintf(&b, "%s=%s\n", name, sidPattern.ReplaceAllString(value, "SM<sid>"))
		}
	}
	return b.String()
}

// The forms that Twilio posts, as they arrive.
func TestForms_golden(t *testing.T) {
	l := listen(t)
	s := start(t, sandbox.Options{InboundURL: l.url, Clock: clock.At(noon)})
	for _, c := range []struct {
		name string
		post func()
		n    int
	}{
		{"status_sms", func() { create(t, s, sms("StatusCallback", l.url)) }, 2},
		{"status_undelivered", func() { create(t, s, sms("To", "+15005550012", "StatusCallback", l.url)) }, 2},
		{"status_service", func() {
			create(t, s, sms("From", "", "MessagingServiceSid", "MG0123456789abcdef0123456789abcdef", "StatusCallback", l.url))
		}, 2},
		{"status_whatsapp", func() {
			create(t, s, sms("To", "whatsapp:"+person, "From", "whatsapp:"+ours, "StatusCallback", l.url))
		}, 2},
		{"inbound_sms", func() {
			say(t, s, "sms", sandbox.Said{From: person, Body: "Grüße & mehr", Media: []string{"https://m/1?a=b"}})
		}, 1},
		{"inbound_stop", func() { say(t, s, "sms", sandbox.Said{From: "+15551239999", Body: "stop"}) }, 1},
		{"inbound_whatsapp", func() { say(t, s, "whatsapp", sandbox.Said{From: person, To: ours, Body: "hi", Name: "Ann"}) }, 1},
	} {
		l.mu.Lock()
		l.all = nil
		l.mu.Unlock()
		c.post()
		l.statuses(t, c.n)
		l.mu.Lock()
		last := l.all[len(l.all)-1].form
		l.mu.Unlock()
		golden(t, c.name+".txt", lines(last))
	}
}

func say(t *testing.T, s *sandbox.Sandbox, transport string, m sandbox.Said) {
	t.Helper()
	if answered, err := s.Say(t.Context(), transport, m); err != nil || answered.Status != 200 {
		t.Errorf("%+v, %v", answered, err)
	}
}

// Every address that is documented as magic does what is said of it.
func TestMagic_isAsDocumented(t *testing.T) {
	s := start(t, sandbox.Options{})
	codes := func(outcome string) string {
		_, code, _ := strings.Cut(outcome, "(")
		code, _, _ = strings.Cut(code, ")")
		return code
	}
	for _, m := range sandbox.Magic() {
		switch {
		case m.Transport == "email":
			to := strings.Replace(m.Address, "…", "example.org", 1)
			err := smtp.SendMail(s.SMTPAddr(), nil, "a@example.com", []string{to}, []byte("Subject: x\r\n\r\nx\r\n"))
			if err == nil || !strings.Contains("refused: "+strings.ReplaceAll(err.Error(), `"`, ""), m.Outcome) {
				t.Errorf("%s: %v, documented %s", m.Address, err, m.Outcome)
			}
		case strings.Contains(m.Outcome, "refused"):
			form := sms("To", m.Address)
			if strings.Contains(m.Outcome, "as the sender") {
				form = sms("From", m.Address)
			}
			if _, body := create(t, s, form); fmt.Sprint(body["code"]) != codes(m.Outcome) {
				t.Errorf("%s: %v, documented %s", m.Address, body, m.Outcome)
			}
		case strings.Contains(m.Outcome, "undelivered") || strings.Contains(m.Outcome, "failed"):
			s.Clear()
			create(t, s, sms("To", "whatsapp:"+m.Address, "From", "whatsapp:"+ours))
			found, err := s.Await(t.Context(), sandbox.Filter{}, func(found []sandbox.Capture) bool {
				return len(found) == 1 && found[0].ErrorCode != 0
			})
			if err != nil || fmt.Sprint(found[0].ErrorCode) != codes(m.Outcome) || !strings.HasPrefix(m.Outcome, found[0].Status) {
				t.Errorf("%s: %+v, documented %s", m.Address, found, m.Outcome)
			}
		}
	}
}

// What the services say when they are told to fail, on the wire.
func TestFailures_onTheWire(t *testing.T) {
	s := start(t, sandbox.Options{})
	for _, c := range []struct {
		failure sandbox.Failure
		status  int
		code    float64
		after   string
	}{
		{sandbox.Failure{Transport: "sms", Mode: sandbox.ModeRateLimited}, 429, 20429, "1"},
		{sandbox.Failure{Transport: "sms", Mode: sandbox.ModeRateLimited, RetryAfter: 90}, 429, 20429, "90"},
		{sandbox.Failure{Transport: "sms", Mode: sandbox.ModeBroken}, 500, 20500, ""},
		{sandbox.Failure{Transport: "sms", Mode: sandbox.ModeReject}, 400, 21211, ""},
		{sandbox.Failure{Transport: "sms", Mode: sandbox.ModeBroken, Taken: true}, 500, 20500, ""},
		{sandbox.Failure{Transport: "whatsapp", Mode: sandbox.ModeRateLimited}, 201, 0, ""}, // another transport's
	} {
		s.Clear()
		s.Heal()
		s.Fail(c.failure)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+messagesPath+".json", strings.NewReader(sms().Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(sandbox.DefaultAccountSID, sandbox.DefaultAuthToken)
		response, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		code, _ := body["code"].(float64)
		if response.StatusCode != c.status || code != c.code || response.Header.Get("Retry-After") != c.after {
			t.Errorf("%+v: %d %v %v", c.failure, response.StatusCode, body, response.Header)
		}
		taken := len(s.Outbox(sandbox.Filter{})) == 1
		if want := c.failure.Taken || c.status == 201; taken != want {
			t.Errorf("%+v: captured %v", c.failure, taken)
		}
	}
}

// A failure that lasts for several calls lasts for exactly those, however they come.
func TestFailures_countUnderLoad(t *testing.T) {
	s := start(t, sandbox.Options{})
	s.Fail(sandbox.Failure{Transport: "sms", Mode: sandbox.ModeBroken, Count: 20})
	var group sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 10 {
		group.Go(func() {
			for range 5 {
				status, _ := create(t, s, sms())
				mu.Lock()
				got[status]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if got[500] != 20 || got[201] != 30 {
		t.Errorf("%v", got)
	}
	found, err := s.AwaitCount(t.Context(), sandbox.Filter{Limit: 1000}, 30)
	if err != nil || len(found) != 30 {
		t.Errorf("%d captured, %v", len(found), err)
	}
	for i := 1; i < len(found); i++ {
		if found[i].Seq <= found[i-1].Seq || found[i].ID == found[i-1].ID {
			t.Errorf("%d comes after %d", found[i].Seq, found[i-1].Seq)
		}
	}
}

// A client that polls with the last seq sees every capture once.
func TestOutbox_polling(t *testing.T) {
	s := start(t, sandbox.Options{})
	var seen []string
	last := 0.0
	for round := range 4 {
		for n := range round {
			create(t, s, sms("Body", fmt.Sprint(round, n)))
		}
		_, body := call(t, "GET", fmt.Sprintf("%s/outbox?since=%v", s.URL(), last), nil)
		for _, c := range body["data"].([]any) {
			seen = append(seen, c.(map[string]any)["text"].(string))
		}
		last = body["last"].(float64)
	}
	if got := strings.Join(seen, ","); got != "1 0,2 0,2 1,3 0,3 1,3 2" {
		t.Errorf("%s", got)
	}
}

func TestSandbox_onIPv6(t *testing.T) {
	if probe, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here")
	} else {
		_ = probe.Close()
	}
	s := start(t, sandbox.Options{Addr: "[::1]:0", SMTPAddr: "[::1]:0"})
	if status, _ := create(t, s, sms()); status != 201 {
		t.Errorf("%d", status)
	}
	host, port, err := net.SplitHostPort(s.SMTPAddr())
	if err != nil || host != "::1" || port == "0" {
		t.Errorf("%s", s.SMTPAddr())
	}
	if p := s.Providers(); p["email"]["host"] != "::1" || p["text"]["base_url"] != s.URL() {
		t.Errorf("%v", p)
	}
}
