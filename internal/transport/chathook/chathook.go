// Package chathook posts to the incoming webhooks of chat services: Slack and what takes its form (Mattermost, Rocket.Chat,
// Discord's /slack addresses), and Microsoft Teams.
//
// It serves the transport "webhook" for the hosts of its settings alone; other receivers get signed JSON from package
// webhook. The address is the secret: it is never shown. These services take no idempotency key, so a repetition after
// an answer that was lost shows twice. Buttons, threads and mentions are not spoken.
//
// Sources: https://api.slack.com/messaging/webhooks and
// https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook.
package chathook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

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
	SlackHosts   []string      `key:"slack_hosts" default:"hooks.slack.com" doc:"Hosts whose webhooks take Slack's form; *.example.org is every host below example.org."`
	TeamsHosts   []string      `key:"teams_hosts" default:"*.webhook.office.com, *.logic.azure.com, *.api.powerplatform.com" doc:"Hosts whose webhooks take the form of Microsoft Teams."`
	Timeout      time.Duration `key:"timeout" default:"15s" doc:"How long one attempt may take, from 1s to 60s."`
	AllowPrivate bool          `key:"allow_private" doc:"Whether these hosts may be on private, loopback and link-local addresses."`
}

// Check records what cannot be used.
func (s *Settings) Check(f *errs.Fields) {
	if s.Timeout < time.Second || s.Timeout > time.Minute {
		f.Add("timeout", "must be between 1s and 60s")
	}
	for key, hosts := range map[string][]string{"slack_hosts": s.SlackHosts, "teams_hosts": s.TeamsHosts} {
		for _, h := range hosts {
			if name := strings.TrimPrefix(h, "*."); name == "" || strings.ContainsAny(name, "*/: ") {
				f.Add(key, "must be names of hosts, such as hooks.example.org or *.example.org")
				break
			}
		}
	}
}

// Factory makes chathook senders.
func Factory() transport.Factory {
	return transport.Factory{
		Transports: []transport.Name{transport.Webhook},
		Doc:        "Posts to incoming webhooks of Slack, Mattermost and Microsoft Teams.",
		Settings:   setting.Describe(Settings{}),
		Retry:      transport.Messages(),
		New:        transport.Configured(func(s Settings, env transport.Env) (transport.Sender, error) { return New(s, env), nil }),
	}
}

// Sender posts to chat services.
type Sender struct {
	settings Settings
	http     *transport.HTTP
	now      clock.Clock
}

var _ transport.Claimer = (*Sender)(nil)

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

// Claims tells whether an address is a webhook of one of the hosts.
func (s *Sender) Claims(n transport.Name, to string) bool {
	return n == transport.Webhook && s.form(to) != nil
}

// form returns how the host of an address wants its body; nil for a host that is not ours.
func (s *Sender) form(to string) func(transport.Message) any {
	u, err := url.Parse(to)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil
	}
	switch host := strings.ToLower(u.Hostname()); {
	case listed(s.settings.SlackHosts, host):
		return slack
	case listed(s.settings.TeamsHosts, host):
		return teams
	}
	return nil
}

func listed(hosts []string, host string) bool {
	for _, h := range hosts {
		h = strings.ToLower(h)
		below, wild := strings.CutPrefix(h, "*")
		if h == host || wild && strings.HasSuffix(host, below) {
			return true
		}
	}
	return false
}

// Send posts m to the webhook that is its address. Taken means arrived: the services show it at once.
func (s *Sender) Send(ctx context.Context, m transport.Message) (transport.Result, error) {
	form := s.form(m.To)
	if form == nil {
		return transport.Result{}, transport.Rejected(reason.AddressDead, "the address is not a webhook of a chat service that is set up here")
	}
	body, err := json.Marshal(form(m))
	if err != nil {
		return transport.Result{}, transport.Rejected(reason.ProviderRejected, "the text cannot be written as JSON")
	}
	req, err := http.NewRequest(http.MethodPost, m.To, bytes.NewReader(body))
	if err != nil {
		return transport.Result{}, transport.Rejected(reason.AddressDead, "the address is not a URL")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	answer, failure := s.http.Do(ctx, req)
	if failure != nil {
		return transport.Result{}, failure
	}
	detail := s.detail(answer, m.To)
	if e := transport.StatusError(answer.Status, answer.Header, s.now()); e != nil {
		return transport.Result{}, verdict(e, answer.Status, detail)
	}
	return transport.Result{State: transport.Delivered, Detail: detail}, nil
}

// verdict is where these services differ from the policy of all: a webhook that was deleted answers 404 or 410, one that may
// not post any more 401 or 403, and none of them comes back.
func verdict(e *transport.Error, status int, detail string) *transport.Error {
	e.Detail = detail
	switch status {
	case http.StatusNotFound, http.StatusGone, http.StatusUnauthorized, http.StatusForbidden:
		e.Reason, e.Retry, e.RetryAfter = reason.AddressDead, false, 0
	}
	return e
}

// detail is the service's answer for people; what it quotes of the address is hidden.
func (s *Sender) detail(answer transport.Answer, to string) string {
	var hide []setting.Secret
	if u, err := url.Parse(to); err == nil {
		password, _ := u.User.Password()
		for _, part := range append(strings.Split(u.Path, "/"), u.RequestURI(), u.RawQuery, password) {
			if len(part) >= 6 { // "services" is no secret, but hiding it does no harm
				hide = append(hide, setting.Secret(part))
			}
		}
		for _, values := range u.Query() {
			for _, v := range values {
				hide = append(hide, setting.Secret(v))
			}
		}
	}
	return redact.New(hide...).Line(fmt.Sprintf("%d %s: %s", answer.Status, http.StatusText(answer.Status), answer.Body))
}

// maxText is what the services show of a text, in characters; Teams takes 28 KB in all.
const maxText = 12_000

func clip(s string) string {
	if runes := []rune(s); len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return s
}

type slackMessage struct {
	Text string `json:"text"`
}

// control escapes what Slack gives a meaning, so that a text cannot mention everybody or hide a link.
var control = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func slack(m transport.Message) any {
	text := control.Replace(clip(m.Text))
	if m.Title != "" {
		title := strings.NewReplacer("*", "∗", "\n", " ").Replace(control.Replace(clip(m.Title)))
		text = strings.TrimSuffix("*"+title+"*\n"+text, "\n")
	}
	return slackMessage{Text: text}
}

type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string       `json:"contentType"`
	Content     adaptiveCard `json:"content"`
}

type adaptiveCard struct {
	Schema  string      `json:"$schema"`
	Type    string      `json:"type"`
	Version string      `json:"version"`
	Body    []textBlock `json:"body"`
}

type textBlock struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitempty"`
	Size   string `json:"size,omitempty"`
	Wrap   bool   `json:"wrap"`
}

func teams(m transport.Message) any {
	card := adaptiveCard{Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4"}
	if m.Title != "" {
		card.Body = append(card.Body, textBlock{Type: "TextBlock", Text: clip(m.Title), Weight: "Bolder", Size: "Medium", Wrap: true})
	}
	if m.Text != "" {
		card.Body = append(card.Body, textBlock{Type: "TextBlock", Text: clip(m.Text), Wrap: true})
	}
	return teamsMessage{Type: "message", Attachments: []teamsAttachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: card}}}
}
