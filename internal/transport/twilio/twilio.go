// Package twilio sends SMS and WhatsApp messages over Twilio's Messages resource
// (https://www.twilio.com/docs/messaging/api/message-resource) and reads the callbacks that it makes.
//
// It speaks the wire protocol by net/http and not through twilio-go, although that would add only 0.2 MB (its signature
// check) to 1 MB (its Messages client) to the binary: a sender must know whether a request may have been taken when
// the connection breaks, must bound and redact what it reads, and the SDK's signature check looks only at the first of
// several equal parameters and mistakes IPv6 hosts. The tests hold both implementations against each other.
//
// Twilio takes no idempotency key: a message that is sent again after an ambiguous failure can arrive twice.
package twilio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/reason"
	"switchboard/internal/redact"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
)

// Factory makes Twilio senders.
func Factory() transport.Factory {
	return transport.Factory{
		Transports: []transport.Name{transport.SMS, transport.WhatsApp},
		Doc:        "Sends SMS and WhatsApp messages over Twilio or a server that speaks its API.",
		Settings:   setting.Describe(Settings{}),
		Retry:      transport.Messages(),
		New:        transport.Configured(func(s Settings, env transport.Env) (transport.Sender, error) { return New(s, env), nil }),
	}
}

// Sender sends messages and reads callbacks.
type Sender struct {
	settings Settings
	endpoint string
	http     *transport.HTTP
	redactor *redact.Redactor
	now      clock.Clock
}

var (
	_ transport.Sender    = (*Sender)(nil)
	_ transport.Callbacks = (*Sender)(nil)
)

// New returns a Sender with settings that were checked.
func New(settings Settings, env transport.Env) *Sender {
	secrets := append([]setting.Secret{settings.AuthToken}, settings.CallbackTokens...)
	redactor := redact.New(secrets...).WithBasicAuth(settings.AccountSID, settings.AuthToken)
	return &Sender{
		settings: settings,
		endpoint: strings.TrimRight(settings.BaseURL, "/") + "/2010-04-01/Accounts/" + settings.AccountSID + "/Messages.json",
		http:     transport.NewHTTP(transport.HTTPOptions{Timeout: settings.Timeout, Redactor: redactor, UserAgent: env.Agent()}),
		redactor: redactor,
		now:      env.Now(),
	}
}

// Close gives idle connections back.
func (s *Sender) Close() error { return s.http.Close() }

// Send creates a message at Twilio. Its Transport is SMS or WhatsApp; To and From are in E.164, with or without the
// prefix "whatsapp:".
func (s *Sender) Send(ctx context.Context, m transport.Message) (transport.Result, error) {
	form, err := s.form(m)
	if err != nil {
		return transport.Result{}, err
	}
	req, buildErr := http.NewRequest(http.MethodPost, s.endpoint, strings.NewReader(form.Encode()))
	if buildErr != nil {
		return transport.Result{}, transport.Rejected(reason.ProviderUnset, "the setting base_url is not a URL")
	}
	req.SetBasicAuth(s.settings.AccountSID, s.settings.AuthToken.Reveal())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	answer, failure := s.http.Do(ctx, req)
	if failure != nil {
		return transport.Result{}, failure
	}
	return s.read(answer)
}

// form builds the parameters of a message.
func (s *Sender) form(m transport.Message) (url.Values, error) {
	form := url.Values{}
	prefix := ""
	switch m.Transport {
	case transport.SMS:
	case transport.WhatsApp:
		prefix = whatsappPrefix
	default:
		return nil, transport.Rejected(reason.ProviderRejected, "this provider does not serve the transport %q", m.Transport)
	}
	to := strings.TrimPrefix(m.To, whatsappPrefix)
	if !numberPattern.MatchString(to) {
		return nil, transport.Rejected(reason.AddressDead, "the address is not a number in E.164")
	}
	form.Set("To", prefix+to)
	if err := s.addSender(form, m, prefix); err != nil {
		return nil, err
	}
	if err := addContent(form, m); err != nil {
		return nil, err
	}
	if err := addExpiry(form, m.ExpiresAt, s.now()); err != nil {
		return nil, err
	}
	if m.CallbackURL != "" {
		form.Set("StatusCallback", m.CallbackURL)
	}
	return form, nil
}

const whatsappPrefix = "whatsapp:"

func (s *Sender) addSender(form url.Values, m transport.Message, prefix string) error {
	from := strings.TrimPrefix(m.From, whatsappPrefix)
	switch {
	case from != "":
		form.Set("From", prefix+from)
	case m.Transport == transport.WhatsApp && s.settings.WhatsAppFrom != "":
		form.Set("From", prefix+s.settings.WhatsAppFrom)
	case m.Transport == transport.SMS && s.settings.MessagingServiceSID != "":
		form.Set("MessagingServiceSid", s.settings.MessagingServiceSID)
	case m.Transport == transport.SMS && s.settings.From != "":
		form.Set("From", s.settings.From)
	default:
		return transport.Rejected(reason.ProviderUnset, "no sender is set for %s", m.Transport)
	}
	return nil
}

func addContent(form url.Values, m transport.Message) error {
	if m.Template != nil {
		form.Set("ContentSid", m.Template.ID)
		if len(m.Template.Variables) > 0 {
			variables, err := json.Marshal(m.Template.Variables) // a map of texts; keys come out in order
			if err != nil {
				return transport.Rejected(reason.ProviderRejected, "the variables of the template cannot be written as JSON")
			}
			form.Set("ContentVariables", string(variables))
		}
		return nil
	}
	if m.Text == "" && len(m.Media) == 0 {
		return transport.Rejected(reason.ProviderRejected, "the message has neither a text nor media nor a template")
	}
	if m.Text != "" {
		form.Set("Body", m.Text)
	}
	form["MediaUrl"] = m.Media
	return nil
}

// maxValidity is the longest time for which Twilio keeps trying, and what it does without being told.
const maxValidity = 36000 * time.Second

func addExpiry(form url.Values, expires, now time.Time) error {
	if expires.IsZero() {
		return nil
	}
	left := expires.Sub(now)
	if left <= 0 {
		return transport.Rejected(reason.Expired, "the message had lost its use before it was sent")
	}
	if left < maxValidity {
		form.Set("ValidityPeriod", strconv.Itoa(max(1, int(left/time.Second))))
	}
	return nil
}

// message is what is read of Twilio's message object, and problem of its error object.
type message struct {
	SID          string `json:"sid"`
	Status       string `json:"status"`
	ErrorCode    int    `json:"error_code"`
	ErrorMessage string `json:"error_message"`
}

type problem struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// read turns an answer into a result or a failure.
func (s *Sender) read(answer transport.Answer) (transport.Result, error) {
	if e := transport.StatusError(answer.Status, answer.Header, s.now()); e != nil {
		return transport.Result{}, s.explain(e, answer)
	}
	var m message
	if err := json.Unmarshal(answer.Body, &m); err != nil {
		// The status says that it was taken; sending it again because of a broken body would repeat it.
		return transport.Result{State: transport.Accepted, Detail: fmt.Sprintf("%d without a readable body", answer.Status)}, nil
	}
	if m.Status == "failed" || m.Status == "undelivered" {
		what := meaningOf(m.ErrorCode, rejected)
		return transport.Result{}, &transport.Error{
			Reason: what.reason, Retry: what.retry, Code: strconv.Itoa(m.ErrorCode), Detail: s.redactor.Line(m.Status + ": " + m.ErrorMessage),
		}
	}
	return transport.Result{ProviderID: m.SID, State: transport.Accepted, Detail: s.redactor.Line(m.Status)}, nil
}

// explain adds Twilio's own error code to what the status says.
func (s *Sender) explain(e *transport.Error, answer transport.Answer) *transport.Error {
	var p problem
	if err := json.Unmarshal(answer.Body, &p); err != nil || p.Code == 0 {
		e.Detail = s.redactor.Line(fmt.Sprintf("%d %s: %s", answer.Status, http.StatusText(answer.Status), answer.Body))
		return e
	}
	e.Code = strconv.Itoa(p.Code)
	e.Detail = s.redactor.Line(fmt.Sprintf("%d: %s", p.Code, p.Message))
	if what, known := meanings[p.Code]; known {
		e.Reason, e.Retry = what.reason, what.retry
		e.RetryAfter = 0
		if e.Retry {
			e.RetryAfter = transport.RetryAfter(answer.Header, s.now())
		}
		e.Ambiguous = e.Ambiguous && what == unavailable
	}
	return e
}

func meaningOf(code int, otherwise meaning) meaning {
	if what, known := meanings[code]; known {
		return what
	}
	return otherwise
}
