package chathook_test

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
	"switchboard/internal/transport/chathook"
	"switchboard/internal/transport/transporttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func sender(t *testing.T, raw map[string]any) transport.Sender {
	t.Helper()
	s, err := chathook.Factory().New(t.Context(), raw, transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func local(t *testing.T, key string) transport.Sender {
	t.Helper()
	raw := map[string]any{"allow_private": true, "timeout": "60s", "slack_hosts": "", "teams_hosts": ""}
	raw[key] = "127.0.0.1"
	return sender(t, raw)
}

const path = "/services/T0SECRET/B0SECRET/XXSECRETXX"

func TestConformance(t *testing.T) {
	transporttest.Run(t, transporttest.Suite{
		Start: func(t *testing.T) (transporttest.Counterpart, transport.Sender, transport.Message) {
			c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200, Body: "ok"}, func(transporttest.Request) string { return "" })
			return c, local(t, "slack_hosts"), transport.Message{
				Transport: transport.Webhook, DeliveryID: id.New(), AttemptID: id.New(), To: c.URL + path + "?sig=S3CRETQUERY", Text: "hello",
			}
		},
		Answers: func(c transporttest.Counterpart) []transporttest.Answer {
			echo := "no_service at " + path + "?sig=S3CRETQUERY\r\nsigned S3CRETQUERY" + strings.Repeat(" blah", 500)
			return c.(*transporttest.HTTP).Statuses(echo, want)
		},
		Secrets: []string{"T0SECRET", "B0SECRET", "XXSECRETXX", "S3CRETQUERY"},
		Keyless: true,
	})
}

// want is the policy, written out.
func want(status int, header http.Header) transporttest.Verdict {
	switch status {
	case 401, 403, 404, 410:
		return transporttest.Verdict{Reason: reason.AddressDead}
	}
	e := transport.StatusError(status, header, time.Now())
	if e == nil {
		return transporttest.Verdict{}
	}
	return transporttest.Verdict{Reason: e.Reason, Retry: e.Retry, RetryAfter: e.RetryAfter, Ambiguous: e.Ambiguous}
}

func TestSender_bodies(t *testing.T) {
	for _, tc := range []struct {
		name, hosts string
		m           transport.Message
	}{
		{"slack", "slack_hosts", transport.Message{Title: "WAN 1 <down> *now*", Text: "Running on LTE & battery.\n<!everyone> <https://evil.test|click>"}},
		{"slack_text_only", "slack_hosts", transport.Message{Text: "hello"}},
		{"slack_title_only", "slack_hosts", transport.Message{Title: "WAN 1\nis down"}},
		{"teams", "teams_hosts", transport.Message{Title: "WAN 1 is down", Text: "Running on LTE."}},
		{"teams_text_only", "teams_hosts", transport.Message{Text: "hello"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := transporttest.NewHTTP(t, transporttest.Reply{Status: 202}, func(transporttest.Request) string { return "" })
			tc.m.Transport, tc.m.DeliveryID, tc.m.To = transport.Webhook, id.New(), c.URL+path
			result, err := local(t, tc.hosts).Send(t.Context(), tc.m)
			if err != nil || result.State != transport.Delivered {
				t.Fatalf("Send = %+v, %v", result, err)
			}
			got := c.Requests()[0]
			if kind := got.Header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", kind)
			}
			golden(t, tc.name+".json", string(got.Body)+"\n")
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestSender_cutsLongTexts(t *testing.T) {
	c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200}, func(transporttest.Request) string { return "" })
	m := transport.Message{Transport: transport.Webhook, DeliveryID: id.New(), To: c.URL + path, Text: strings.Repeat("ä", 20_000)}
	if _, err := local(t, "slack_hosts").Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if body := string(c.Requests()[0].Body); strings.Count(body, "ä") != 11_999 || !strings.Contains(body, "…") {
		t.Errorf("%d characters were sent", strings.Count(body, "ä"))
	}
}

func TestSender_Claims(t *testing.T) {
	s, ok := sender(t, map[string]any{"slack_hosts": "hooks.slack.com, chat.example.org"}).(transport.Claimer)
	if !ok {
		t.Fatal("the sender claims no addresses")
	}
	for to, want := range map[string]bool{
		"https://hooks.slack.com/services/a/b/c":    true,
		"https://HOOKS.slack.com/services/a/b/c":    true,
		"https://chat.example.org:8443/hooks/x":     true,
		"https://acme.webhook.office.com/x":         true,
		"https://a.b.webhook.office.com/x":          true,
		"https://webhook.office.com/x":              false,
		"https://evilwebhook.office.com/x":          false,
		"https://evilhooks.slack.com/x":             false,
		"https://hooks.slack.com.evil.test/x":       false,
		"https://evil.test/?x=hooks.slack.com":      false,
		"https://user@evil.test/@hooks.slack.com":   false,
		"ftp://hooks.slack.com/x":                   false,
		"hooks.slack.com":                           false,
		"https://hooks.slack.com@evil.test/service": false,
		"":    false,
		"://": false,
	} {
		if got := s.Claims(transport.Webhook, to); got != want {
			t.Errorf("Claims(%q) = %v", to, got)
		}
	}
	if s.Claims(transport.Email, "https://hooks.slack.com/x") {
		t.Error("another transport is claimed")
	}
}

func TestSender_refusesOtherHosts(t *testing.T) {
	_, err := sender(t, nil).Send(t.Context(), transport.Message{Transport: transport.Webhook, DeliveryID: id.New(), To: "https://example.org/hook", Text: "x"})
	if e, ok := errors.AsType[*transport.Error](err); !ok || e.Reason != reason.AddressDead || e.Retry {
		t.Errorf("Send = %v", err)
	}
}

func TestSender_keepsToPublicAddresses(t *testing.T) {
	c := transporttest.NewHTTP(t, transporttest.Reply{Status: 200}, func(transporttest.Request) string { return "" })
	s := sender(t, map[string]any{"slack_hosts": "127.0.0.1"})
	_, err := s.Send(context.Background(), transport.Message{Transport: transport.Webhook, DeliveryID: id.New(), To: c.URL + path, Text: "x"})
	if e, ok := errors.AsType[*transport.Error](err); !ok || e.Retry || len(c.Requests()) != 0 {
		t.Errorf("Send to loopback = %v, %d requests", err, len(c.Requests()))
	}
}

func TestFactory_refuses(t *testing.T) {
	for key, values := range map[string][]any{
		"timeout": {"2m", "999ms"}, "slack_hosts": {"https://x", "*."}, "teams_hosts": {"*"}, "colour": {"red"},
	} {
		for _, value := range values {
			_, err := chathook.Factory().New(t.Context(), map[string]any{key: value}, transport.Env{})
			if e, ok := errors.AsType[*errs.Error](err); !ok || len(e.Fields) != 1 || e.Fields[0].Path != key {
				t.Errorf("%s = %v: %v", key, value, err)
			}
		}
	}
}

func FuzzSender_Claims(f *testing.F) {
	f.Add("https://hooks.slack.com/services/a")
	f.Add("https://a@b:c/d?e#f")
	s := chathook.New(chathook.Settings{SlackHosts: []string{"*.example.org"}, Timeout: time.Second}, transport.Env{})
	f.Fuzz(func(t *testing.T, to string) {
		if s.Claims(transport.Webhook, to) && !strings.Contains(strings.ToLower(to), ".example.org") {
			t.Errorf("%q is claimed", to)
		}
	})
}
