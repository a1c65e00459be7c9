package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
	"switchboard/internal/transport/transporttest"
	"switchboard/internal/transport/webhook"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	secretA = setting.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte("an old secret of enough bytes")))
	secretB = setting.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte("a new secret of enough bytes!")))
)

func sender(t *testing.T, raw map[string]any, env transport.Env) transport.Sender {
	t.Helper()
	s, err := webhook.Factory().New(t.Context(), raw, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func local(t *testing.T, secrets ...any) transport.Sender {
	t.Helper()
	return sender(t, map[string]any{"allow_private": true, "timeout": "60s", "secrets": secrets}, transport.Env{})
}

func TestConformance(t *testing.T) {
	const path = "/hooks/T0SECRETPATH"
	transporttest.Run(t, transporttest.Suite{
		Start: func(t *testing.T) (transporttest.Counterpart, transport.Sender, transport.Message) {
			c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200, Body: "thanks"}, func(r transporttest.Request) string {
				return r.Header.Get("webhook-id")
			})
			m := transport.Message{Transport: transport.Webhook, DeliveryID: id.New(), AttemptID: id.New(), To: c.URL + path + "?key=S3CRETQUERY", Text: "hello"}
			m.To = strings.Replace(m.To, "http://", "http://user:PASSWD00@", 1)
			return c, local(t, secretA.Reveal()), m
		},
		Answers: func(c transporttest.Counterpart) []transporttest.Answer {
			h := c.(*transporttest.HTTP)
			echo := "you sent " + secretA.Reveal() + " to " + h.URL + path + "?key=S3CRETQUERY\nas http://user:PASSWD00@host/ and PASSWD00\x00 Cannot POST " + path + " with S3CRETQUERY" + strings.Repeat(" blah", 500)
			return h.Statuses(echo, verdict)
		},
		Secrets: []string{secretA.Reveal(), strings.TrimPrefix(secretA.Reveal(), "whsec_"), "T0SECRETPATH", "S3CRETQUERY", "PASSWD00"},
	})
}

// verdict is the whole policy for webhooks, written out.
func verdict(status int, header http.Header) transporttest.Verdict {
	after := transport.RetryAfter(header, time.Now())
	switch {
	case status/100 == 2:
		return transporttest.Verdict{}
	case status == 410:
		return transporttest.Verdict{Reason: reason.AddressDead}
	case status == 429:
		return transporttest.Verdict{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: after}
	case status == 408 || status == 425 || status == 503:
		return transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true, RetryAfter: after}
	case status/100 == 5:
		return transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true, RetryAfter: after, Ambiguous: true}
	}
	return transporttest.Verdict{Reason: reason.ProviderRejected, Retry: true, RetryAfter: after}
}

func message() transport.Message {
	return transport.Message{
		Transport:  transport.Webhook,
		DeliveryID: id.MustParse("01920000-0000-7000-8000-000000000001"),
		AttemptID:  id.MustParse("01920000-0000-7000-8000-000000000002"),
		Type:       "message.posted",
		At:         time.Date(2026, 3, 1, 12, 0, 0, 7_000_000, time.UTC),
		Data: map[string]any{
			"text": "Grüße & <b>fish</b>\u2028", "channel": map[string]any{"id": "c1", "name": "ops"}, "attempts": 3, "tags": []string{"a", "b"},
		},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestBody_golden(t *testing.T) {
	for name, m := range map[string]transport.Message{
		"data.json": message(),
		"text.json": {DeliveryID: message().DeliveryID, At: message().At, Title: "Pump 7", Text: "Pressure is low."},
	} {
		body, err := webhook.Body(m, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, append(body, '\n'))
	}
}

func TestBody_doesNotChangeBetweenAttempts(t *testing.T) {
	m := message()
	first, _ := webhook.Body(m, time.Unix(1, 0))
	m.AttemptID = id.New()
	second, _ := webhook.Body(m, time.Unix(2, 0))
	if string(first) != string(second) {
		t.Errorf("%s\n%s", first, second)
	}
	m.At = time.Time{}
	if third, _ := webhook.Body(m, time.Unix(0, 0)); !strings.Contains(string(third), `"1970-01-01T00:00:00.000Z"`) {
		t.Errorf("%s", third)
	}
}

func TestSender_Send_request(t *testing.T) {
	c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200}, nil)
	at := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	s := sender(t, map[string]any{"allow_private": "true", "secrets": secretA.Reveal()}, transport.Env{Clock: clock.At(at), UserAgent: "switchboard/1"})
	m := message()
	m.To = c.URL + "/hook"
	result, err := s.Send(t.Context(), m)
	if err != nil || result.State != transport.Delivered || result.ProviderID != "" {
		t.Fatalf("%+v, %v", result, err)
	}
	got := c.Requests()[0]
	want := map[string]string{
		"Content-Type": "application/json", "User-Agent": "switchboard/1", "Webhook-Id": m.DeliveryID.String(), "Webhook-Timestamp": "1772368200",
	}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), value)
		}
	}
	if got.Method != "POST" || got.URI != "/hook" {
		t.Errorf("%s %s", got.Method, got.URI)
	}
}

func TestSender_Send_signsWithEverySecret(t *testing.T) {
	c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200}, nil)
	for name, m := range map[string]transport.Message{
		"settings": {To: c.URL, DeliveryID: id.New()},
		"message":  {To: c.URL, DeliveryID: id.New(), Secrets: []setting.Secret{secretB, secretA}},
	} {
		s := local(t, secretA.Reveal(), secretB.Reveal())
		if name == "message" {
			s = local(t)
		}
		if _, err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		requests := c.Requests()
		got := requests[len(requests)-1]
		for _, secret := range []setting.Secret{secretA, secretB} {
			receiver, err := standardwebhooks.NewWebhook(secret.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			if err := receiver.Verify(got.Body, got.Header); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := receiver.Verify(append(got.Body, ' '), got.Header); err == nil {
				t.Errorf("%s: a changed body verifies", name)
			}
		}
	}
}

func TestSender_Send_refusesPrivateAddresses(t *testing.T) {
	c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200}, nil)
	s := sender(t, map[string]any{"secrets": secretA.Reveal()}, transport.Env{})
	_, port, _ := strings.Cut(strings.TrimPrefix(c.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "169.254.169.254", "2130706433", "127.1"} {
		_, err := s.Send(t.Context(), transport.Message{To: "http://" + host + ":" + port + "/", DeliveryID: id.New()})
		e := transport.AsError(err)
		if e == nil {
			t.Errorf("%s was called", host)
			continue
		}
		numeric := host == "2130706433" || host == "127.1" // odd spellings are names to the resolver, and unknown ones
		if !numeric && (e.Retry || e.Reason != reason.ProviderRejected) {
			t.Errorf("%s: %+v", host, e)
		}
	}
	if n := len(c.Requests()); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

func TestSender_Send_refusesWhatCannotBeSent(t *testing.T) {
	c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200}, nil)
	s := local(t, secretA.Reveal())
	for name, c := range map[string]struct {
		message transport.Message
		want    reason.Reason
	}{
		"no address":    {transport.Message{}, reason.AddressDead},
		"relative":      {transport.Message{To: "/hook"}, reason.AddressDead},
		"scheme":        {transport.Message{To: "file:///etc/passwd"}, reason.AddressDead},
		"no host":       {transport.Message{To: "http:///hook"}, reason.AddressDead},
		"port only":     {transport.Message{To: "http://:80/hook"}, reason.AddressDead},
		"line break":    {transport.Message{To: "http://h/\r\nHost: x"}, reason.AddressDead},
		"bad escape":    {transport.Message{To: "http://h/%zz"}, reason.AddressDead},
		"too long":      {transport.Message{To: "http://h/" + strings.Repeat("x", 9000)}, reason.AddressDead},
		"bad secret":    {transport.Message{To: c.URL, Secrets: []setting.Secret{"whsec_short"}}, reason.ProviderUnset},
		"not for JSON":  {transport.Message{To: c.URL, Data: map[string]any{"x": math.Inf(1)}}, reason.ProviderRejected},
		"not for JSON2": {transport.Message{To: c.URL, Data: map[string]any{"x": func() {}}}, reason.ProviderRejected},
	} {
		_, err := s.Send(t.Context(), c.message)
		if e := transport.AsError(err); e == nil || e.Retry || e.Ambiguous || e.Reason != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := local(t).Send(t.Context(), transport.Message{To: c.URL})
	if e := transport.AsError(err); e == nil || e.Retry || e.Reason != reason.ProviderUnset {
		t.Errorf("without a secret: %v", err)
	}
	if n := len(c.Requests()); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

func TestFactory_settings(t *testing.T) {
	key := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for name, c := range map[string]struct {
		raw   map[string]any
		fault string
	}{
		"nothing":         {map[string]any{}, ""},
		"24 bytes":        {map[string]any{"secrets": key(24)}, ""},
		"64 bytes":        {map[string]any{"secrets": []any{key(64), key(25)}}, ""},
		"23 bytes":        {map[string]any{"secrets": key(23)}, "secrets"},
		"65 bytes":        {map[string]any{"secrets": key(65)}, "secrets"},
		"no prefix":       {map[string]any{"secrets": key(32)[6:]}, "secrets"},
		"not base64":      {map[string]any{"secrets": "whsec_" + strings.Repeat("!", 40)}, "secrets"},
		"one of two":      {map[string]any{"secrets": []any{key(32), "whsec_"}}, "secrets"},
		"no time":         {map[string]any{"timeout": "0s"}, "timeout"},
		"too much time":   {map[string]any{"timeout": "2m"}, "timeout"},
		"unknown setting": {map[string]any{"secret": key(32)}, "secret"},
	} {
		s, err := webhook.Factory().New(t.Context(), c.raw, transport.Env{})
		if c.fault == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			_ = s.Close()
			continue
		}
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Path != c.fault {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSender_Send_address(f *testing.F) {
	for _, seed := range []string{"http://127.0.0.1/", "https://example.com", "http://[::1", "//x", "http://a b/", "http://h\x7f/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		s := webhook.New(webhook.Settings{Timeout: time.Second, Secrets: []setting.Secret{secretA}}, transport.Env{})
		defer s.Close()
		ctx := cancelled(t)
		_, err := s.Send(ctx, transport.Message{To: address, DeliveryID: id.New()})
		if e := transport.AsError(err); e == nil || e.Ambiguous || !e.Reason.Valid() {
			t.Errorf("%q: %v", address, err)
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add(`{"secrets":["whsec_AAAA"],"timeout":"1s"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var raw map[string]any
		if json.Unmarshal([]byte(text), &raw) != nil {
			return
		}
		if s, err := webhook.Factory().New(t.Context(), raw, transport.Env{}); err == nil {
			_ = s.Close()
		}
	})
}
