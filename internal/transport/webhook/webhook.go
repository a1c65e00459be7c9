// Package webhook posts messages to other people's servers, signed as Standard Webhooks says
// (https://www.standardwebhooks.com), so that any of its libraries can check them.
//
// The answer of the receiver is the arrival: a message is Delivered or it failed. Receivers recognise a repetition by
// webhook-id, which is the delivery's id, and the body stays the same over the attempts of a delivery when the message
// says when it happened. It is not a queue: it makes one attempt.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/reason"
	"switchboard/internal/redact"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
	"switchboard/internal/transport/egress"
)

// Settings is what an operator sets.
type Settings struct {
	// Secrets sign what has no secrets of its own. All sign at once, so a receiver can change over.
	Secrets []setting.Secret `key:"secrets" doc:"Signing secrets for receivers that have none of their own: whsec_ and 24 to 64 bytes in base64. Every secret signs, which lets a receiver change over."`
	// Timeout of one attempt.
	Timeout time.Duration `key:"timeout" default:"15s" doc:"How long one attempt may take, from 1s to 60s."`
	// AllowPrivate lets calls go to our own network.
	AllowPrivate bool `key:"allow_private" doc:"Whether receivers may be on private, loopback and link-local addresses. Leave it off when anybody but the operator can name a receiver."`
}

// Check records what cannot be used.
func (s *Settings) Check(f *errs.Fields) {
	if s.Timeout < time.Second || s.Timeout > time.Minute {
		f.Add("timeout", "must be between 1s and 60s")
	}
	if _, err := signers(s.Secrets); err != nil {
		f.Add("secrets", "%v", err)
	}
}

// Factory makes webhook senders.
func Factory() transport.Factory {
	return transport.Factory{
		Transports: []transport.Name{transport.Webhook},
		Doc:        "Posts signed JSON to URLs (Standard Webhooks).",
		Settings:   setting.Describe(Settings{}),
		Retry:      transport.Webhooks(),
		New:        transport.Configured(func(s Settings, env transport.Env) (transport.Sender, error) { return New(s, env), nil }),
	}
}

// Sender posts webhooks.
type Sender struct {
	settings Settings
	http     *transport.HTTP
	now      clock.Clock
}

var _ transport.Sender = (*Sender)(nil)

// New returns a Sender with settings that were checked.
func New(settings Settings, env transport.Env) *Sender {
	options := transport.HTTPOptions{Timeout: settings.Timeout, UserAgent: env.Agent()}
	if !settings.AllowPrivate {
		options.Control, options.ErrRefused = egress.Control, egress.ErrRefused
	}
	return &Sender{settings: settings, http: transport.NewHTTP(options), now: env.Now()}
}

// Close gives idle connections back.
func (s *Sender) Close() error { return s.http.Close() }

// Send posts m to the URL that is its address.
//
// Every answer but 2xx and 410 is retried, 4xx too: receivers are programs that are being deployed, and Standard
// Webhooks asks for it. 410 says that nobody wants these messages any more and is address-dead.
func (s *Sender) Send(ctx context.Context, m transport.Message) (transport.Result, error) {
	req, err := s.request(m)
	if err != nil {
		return transport.Result{}, err
	}
	answer, failure := s.http.Do(ctx, req)
	if failure != nil {
		return transport.Result{}, failure
	}
	detail := s.detail(answer, m)
	if e := transport.StatusError(answer.Status, answer.Header, s.now()); e != nil {
		return transport.Result{}, verdict(e, answer, s.now(), detail)
	}
	return transport.Result{State: transport.Delivered, Detail: detail}, nil
}

// verdict is where receivers of webhooks differ from providers.
func verdict(e *transport.Error, answer transport.Answer, now time.Time, detail string) *transport.Error {
	e.Detail = detail
	switch {
	case answer.Status == http.StatusGone:
		e.Reason = reason.AddressDead
	case answer.Status == http.StatusUnauthorized || !e.Retry:
		e.Reason, e.Retry = reason.ProviderRejected, true
		e.RetryAfter = transport.RetryAfter(answer.Header, now)
	}
	return e
}

// detail is the receiver's answer for people: the status and the beginning of the body.
func (s *Sender) detail(answer transport.Answer, m transport.Message) string {
	hide := append(addressSecrets(m.To), s.secrets(m)...)
	return redact.New(hide...).Line(fmt.Sprintf("%d %s: %s", answer.Status, http.StatusText(answer.Status), answer.Body))
}

// addressSecrets lists what of a URL a receiver may have quoted and nobody else should see: "Cannot POST /hooks/T0K3N".
func addressSecrets(raw string) []setting.Secret {
	u, err := url.Parse(raw)
	if err != nil {
		return nil
	}
	parts := []string{u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	if password, ok := u.User.Password(); ok {
		parts = append(parts, password)
	}
	out := make([]setting.Secret, len(parts))
	for i, part := range parts {
		out[i] = setting.Secret(part)
	}
	return out
}

func (s *Sender) secrets(m transport.Message) []setting.Secret {
	if len(m.Secrets) > 0 {
		return m.Secrets
	}
	return s.settings.Secrets
}

// request builds the signed request.
func (s *Sender) request(m transport.Message) (*http.Request, error) {
	if err := checkURL(m.To); err != nil {
		return nil, err
	}
	keys, err := signers(s.secrets(m))
	if err != nil {
		return nil, transport.Rejected(reason.ProviderUnset, "%v", err)
	}
	if len(keys) == 0 {
		return nil, transport.Rejected(reason.ProviderUnset, "no signing secret is set for this receiver")
	}
	now := s.now()
	body, err := Body(m, now)
	if err != nil {
		return nil, transport.Rejected(reason.ProviderRejected, "the payload cannot be written as JSON")
	}
	req, err := http.NewRequest(http.MethodPost, m.To, bytes.NewReader(body))
	if err != nil {
		return nil, transport.Rejected(reason.AddressDead, "the address is not a URL")
	}
	signature, err := sign(keys, m.DeliveryID.String(), now, body)
	if err != nil {
		return nil, transport.Rejected(reason.ProviderUnset, "the payload cannot be signed")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(standardwebhooks.HeaderWebhookID, m.DeliveryID.String())
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return req, nil
}

// maxURL is longer than any URL that servers commonly take, in bytes.
const maxURL = 8000

func checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxURL:
		return transport.Rejected(reason.AddressDead, "the address is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return transport.Rejected(reason.AddressDead, "the address is not an http or https URL")
	case u.Hostname() == "":
		return transport.Rejected(reason.AddressDead, "the address has no host")
	}
	return nil
}

// payload is the body, in the order of Standard Webhooks' examples.
type payload struct {
	ID        string         `json:"id"`
	Type      string         `json:"type"`
	Timestamp string         `json:"timestamp"`
	Data      map[string]any `json:"data"`
}

// Body returns what is posted for m: {"id", "type", "timestamp", "data"} with keys of data in order. now stands in for
// a missing m.At.
//
// Errors: only what encoding/json says of data that JSON cannot hold.
func Body(m transport.Message, now time.Time) ([]byte, error) {
	at := m.At
	if at.IsZero() {
		at = now
	}
	p := payload{
		ID: m.DeliveryID.String(), Type: m.Type, Data: m.Data,
		Timestamp: at.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if p.Type == "" {
		p.Type = "message"
	}
	if p.Data == nil {
		p.Data = map[string]any{"title": m.Title, "text": m.Text}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

const secretPrefix = "whsec_"

// signers reads signing secrets. The error says nothing of them but their number in the list.
func signers(secrets []setting.Secret) ([]*standardwebhooks.Webhook, error) {
	var out []*standardwebhooks.Webhook
	for i, secret := range secrets {
		encoded, ok := strings.CutPrefix(secret.Reveal(), secretPrefix)
		size := len(strings.TrimRight(encoded, "=")) * 6 / 8
		key, err := standardwebhooks.NewWebhook(encoded)
		if !ok || err != nil || size < 24 || size > 64 {
			return nil, fmt.Errorf("secret %d must be whsec_ and 24 to 64 bytes in base64", i+1)
		}
		out = append(out, key)
	}
	return out, nil
}

// sign returns the signatures of all keys, separated by spaces.
func sign(keys []*standardwebhooks.Webhook, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		signature, err := key.Sign(id, at, body)
		if err != nil {
			return "", err
		}
		signatures[i] = signature
	}
	return strings.Join(signatures, " "), nil
}
