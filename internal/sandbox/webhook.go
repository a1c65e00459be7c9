package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// hooks are the secrets of receivers, by name.
type hooks struct {
	mu      sync.Mutex
	secrets map[string]string
}

func (h *hooks) set(secrets map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.secrets == nil {
		h.secrets = map[string]string{}
	}
	maps.Copy(h.secrets, secrets)
}

func (h *hooks) secret(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.secrets[name]
}

// SetWebhookSecret makes the receiver of that name insist on signatures; an empty secret ends that.
func (s *Sandbox) SetWebhookSecret(name, secret string) { s.hooks.set(map[string]string{name: secret}) }

// WebhookURL is the address of the receiver of that name.
func (s *Sandbox) WebhookURL(name string) string { return s.URL() + "/webhook/" + name }

func (s *Sandbox) putWebhook(r *http.Request) (any, error) {
	var body struct {
		Secret string `json:"secret"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if _, err := standardwebhooks.NewWebhook(body.Secret); err != nil {
		return nil, invalid("secret", "must be whsec_ and base64")
	}
	s.SetWebhookSecret(r.PathValue("name"), body.Secret)
	return nil, nil
}

// receiveWebhook is POST /webhook/{name}: 200, or 401 when a secret is known and no signature is made with it.
func (s *Sandbox) receiveWebhook(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(r)
	if !ok {
		refuse(w, &apiError{Status: http.StatusRequestEntityTooLarge, Message: "the body is larger than 10 MiB"})
		return
	}
	name := r.PathValue("name")
	words := func(status int) {
		refuse(w, &apiError{Status: status, Message: "this was asked for with POST /failures"})
	}
	f := s.failures.next("webhook")
	if f != nil && !f.Taken && failHTTP(w, r, f, words) {
		return
	}
	c := s.captureWebhook(name, r, body)
	switch {
	case f != nil && f.Taken && failHTTP(w, r, f, words):
	case c.Verified != nil && !*c.Verified:
		refuse(w, &apiError{Status: http.StatusUnauthorized, Field: standardwebhooks.HeaderWebhookSignature, Message: "does not match the secret"})
	default:
		answer(w, http.StatusOK, map[string]bool{"ok": true})
	}
}

func (s *Sandbox) captureWebhook(name string, r *http.Request, body []byte) Capture {
	c := Capture{
		Direction: Outbound, Transport: "webhook", To: name, From: r.UserAgent(), ReceivedAt: s.now(), Status: "delivered",
		ProviderID: r.Header.Get(standardwebhooks.HeaderWebhookID), Text: string(body), Raw: rawOf(r, body),
	}
	var envelope struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(body, &envelope) == nil {
		c.Title = envelope.Type
	}
	if secret := s.hooks.secret(name); secret != "" {
		verified := s.verify(secret, r.Header, body)
		c.Verified = &verified
	}
	s.outbox.add(c)
	return c
}

// tolerance is how old or new a webhook may be.
const tolerance = 5 * time.Minute

func (s *Sandbox) verify(secret string, h http.Header, body []byte) bool {
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil || hook.VerifyIgnoringTimestamp(body, h) != nil {
		return false
	}
	seconds, err := strconv.ParseInt(h.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	return err == nil && s.now().Sub(time.Unix(seconds, 0)).Abs() <= tolerance
}
