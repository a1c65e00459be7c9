package sandbox_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"switchboard/internal/clock"
	"switchboard/internal/sandbox"
)

var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret of quite enough bytes"))

// hook posts a signed webhook.
func hook(t *testing.T, url, secret string, at time.Time, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		signature, _ := signer.Sign("msg_1", at, []byte(body))
		req.Header.Set("webhook-id", "msg_1")
		req.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
		req.Header.Set("webhook-signature", signature)
	}
	return do(t, req)
}

func TestWebhook(t *testing.T) {
	const body = `{"type":"message.posted","data":{}}`
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another secret of enough bytes"))
	s := start(t, sandbox.Options{Clock: clock.At(noon), WebhookSecrets: map[string]string{"strict": secret}})
	if status, _ := call(t, "PUT", s.URL()+"/webhook/later", map[string]string{"secret": secret}); status != 204 {
		t.Errorf("%d", status)
	}
	for name, c := range map[string]struct {
		receiver, secret string
		at               time.Time
		status           int
		verified         string
	}{
		"no secret known":  {"open", "", noon, 200, "unknown"},
		"signed":           {"strict", secret, noon, 200, "yes"},
		"told later":       {"later", secret, noon, 200, "yes"},
		"unsigned":         {"strict", "", noon, 401, "no"},
		"wrong secret":     {"strict", other, noon, 401, "no"},
		"too old":          {"strict", secret, noon.Add(-6 * time.Minute), 401, "no"},
		"too new":          {"strict", secret, noon.Add(6 * time.Minute), 401, "no"},
		"within tolerance": {"strict", secret, noon.Add(-4 * time.Minute), 200, "yes"},
	} {
		s.Clear()
		status, answered := hook(t, s.WebhookURL(c.receiver), c.secret, c.at, body)
		found := s.Outbox(sandbox.Filter{Transport: "webhook", To: c.receiver})
		if status != c.status || len(found) != 1 {
			t.Errorf("%s: %d %v, %d captured", name, status, answered, len(found))
			continue
		}
		verified := "unknown"
		if v := found[0].Verified; v != nil {
			verified = map[bool]string{true: "yes", false: "no"}[*v]
		}
		if verified != c.verified || found[0].Title != "message.posted" || found[0].Text != body || found[0].Raw.Path != "/webhook/"+c.receiver {
			t.Errorf("%s: verified %s, %+v", name, verified, found[0])
		}
	}
	s.SetWebhookSecret("strict", "")
	if status, _ := hook(t, s.WebhookURL("strict"), "", noon, body); status != 200 {
		t.Errorf("a secret that was taken back: %d", status)
	}
}

func TestWebhook_failures(t *testing.T) {
	s := start(t, sandbox.Options{})
	for _, c := range []struct {
		failure sandbox.Failure
		status  int
		taken   int
	}{
		{sandbox.Failure{Mode: sandbox.ModeRateLimited, RetryAfter: 7}, 429, 0},
		{sandbox.Failure{Mode: sandbox.ModeBroken}, 500, 0},
		{sandbox.Failure{Mode: sandbox.ModeBroken, Taken: true}, 500, 1},
		{sandbox.Failure{Mode: sandbox.ModeReject}, 400, 0},
		{sandbox.Failure{Mode: sandbox.ModeSlow, Delay: 1}, 200, 1},
	} {
		s.Clear()
		c.failure.Transport = "webhook"
		s.Fail(c.failure)
		if status, body := hook(t, s.WebhookURL("x"), "", noon, "{}"); status != c.status {
			t.Errorf("%+v: %d %v", c.failure, status, body)
		}
		if found := s.Outbox(sandbox.Filter{}); len(found) != c.taken {
			t.Errorf("%+v: captured %d", c.failure, len(found))
		}
	}
	s.Fail(sandbox.Failure{Transport: "webhook", Mode: sandbox.ModeReset})
	response, err := http.Post(s.WebhookURL("x"), "application/json", bytes.NewReader([]byte("{}")))
	if err == nil {
		_ = response.Body.Close()
		t.Error("the connection was not reset")
	}
}

func TestWebhook_tooLarge(t *testing.T) {
	s := start(t, sandbox.Options{})
	if status, body := hook(t, s.WebhookURL("x"), "", noon, string(make([]byte, 10<<20+1))); status != 413 {
		t.Errorf("%d %v", status, body)
	}
	if status, _ := hook(t, s.WebhookURL("x"), "", noon, string(bytes.Repeat([]byte("x"), 10<<20))); status != 200 {
		t.Errorf("%d", status)
	}
	if found := s.Outbox(sandbox.Filter{}); len(found) != 1 || len(found[0].Raw.Body) != 256<<10 || !found[0].Raw.Cut {
		t.Errorf("%d captured", len(found))
	}
}
