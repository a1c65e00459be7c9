package twilio

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"switchboard/internal/reason"
	"switchboard/internal/redact"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
)

// maxCallback is longer than any form that Twilio sends, in bytes: the longest has a text of 4,096 characters and ten
// media URLs.
const maxCallback = 128 << 10

// maxMedia is how many files a message can bring.
const maxMedia = 10

// ParseCallback reads a status callback (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status) or
// an incoming message (https://www.twilio.com/docs/messaging/guides/webhook-request), by POST or by GET. An incoming
// message is answered with an empty TwiML document, so that Twilio replies nothing by itself.
func (s *Sender) ParseCallback(r *http.Request, publicURL string) (transport.Callback, error) {
	form, err := s.verified(r, publicURL)
	if err != nil {
		return transport.Callback{}, err
	}
	status := form.Get("MessageStatus")
	if status == "" {
		status = form.Get("SmsStatus")
	}
	switch {
	case form.Get("MessageSid") == "":
		return transport.Callback{}, nil
	case status == "" || status == "received" || status == "receiving":
		return transport.Callback{Inbound: s.inbound(form), Reply: silence()}, nil
	}
	return transport.Callback{Statuses: s.statuses(form, status)}, nil
}

// verified returns the parameters of a request whose signature holds.
func (s *Sender) verified(r *http.Request, publicURL string) (url.Values, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxCallback+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the body broke off", transport.ErrCallback)
	case len(body) > maxCallback:
		return nil, fmt.Errorf("%w: the body is larger than %d bytes", transport.ErrCallback, maxCallback)
	}
	tokens := append([]setting.Secret{s.settings.AuthToken}, s.settings.CallbackTokens...)
	signature := r.Header.Get("X-Twilio-Signature")
	form := url.Values{}
	isForm := hasForm(r)
	if isForm {
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil, fmt.Errorf("%w: the body is not a form", transport.ErrCallback)
		}
	}
	if !signed(tokens, publicURL, form, signature) || (!isForm && len(body) > 0 && !bodyMatches(publicURL, body)) {
		return nil, transport.ErrSignature
	}
	if r.Method != http.MethodGet {
		return form, nil
	}
	u, err := url.Parse(publicURL) // and not r.URL, which nobody has signed
	if err != nil {
		return nil, fmt.Errorf("%w: the address is not a URL", transport.ErrCallback)
	}
	return u.Query(), nil
}

func hasForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// silence is the TwiML that says nothing back.
func silence() transport.Reply {
	return transport.Reply{
		Status: http.StatusOK, ContentType: "text/xml; charset=utf-8",
		Body: `<?xml version="1.0" encoding="UTF-8"?><Response></Response>`,
	}
}

// progress is how far a message is with each of Twilio's statuses. "receiving" and "received" are of incoming ones.
var progress = map[string]transport.State{
	"accepted": transport.Accepted, "scheduled": transport.Accepted, "queued": transport.Accepted, "sending": transport.Accepted,
	"sent":      transport.Sent,
	"delivered": transport.Delivered, "partially_delivered": transport.Delivered,
	"read":        transport.Read,
	"undelivered": transport.Undelivered,
	"failed":      transport.Failed, "canceled": transport.Failed,
}

func (s *Sender) statuses(form url.Values, status string) []transport.Status {
	state, known := progress[status]
	if !known {
		return nil
	}
	out := transport.Status{ProviderID: form.Get("MessageSid"), State: state, Reason: reason.OK, At: s.now()}
	switch {
	case status == "canceled":
		out.Reason = reason.Cancelled
	case state == transport.Undelivered || state == transport.Failed:
		s.blame(&out, form)
	}
	return []transport.Status{out}
}

// blame says why a message did not arrive. A code that is not known is taken as final.
func (s *Sender) blame(out *transport.Status, form url.Values) {
	code, _ := strconv.Atoi(form.Get("ErrorCode"))
	what := meaningOf(code, rejected)
	out.Reason, out.Retry = what.reason, what.retry
	out.Code = redact.Line(form.Get("ErrorCode"))
	detail := form.Get("ErrorMessage")
	if detail == "" {
		detail = form.Get("ChannelStatusMessage")
	}
	out.Detail = s.redactor.Line(strings.TrimSuffix(form.Get("ErrorCode")+": "+detail, ": "))
}

func (s *Sender) inbound(form url.Values) []transport.Inbound {
	from, to := form.Get("From"), form.Get("To")
	if from == "" {
		return nil
	}
	in := transport.Inbound{
		Transport: transport.SMS, ProviderID: form.Get("MessageSid"),
		From: strings.TrimPrefix(from, whatsappPrefix), To: strings.TrimPrefix(to, whatsappPrefix),
		Text: clean(form.Get("Body")), Profile: clean(form.Get("ProfileName")),
		OptOut: optOut(form.Get("OptOutType")), Media: media(form), At: s.now(),
	}
	if strings.HasPrefix(from, whatsappPrefix) {
		in.Transport = transport.WhatsApp
	}
	return []transport.Inbound{in}
}

// clean makes a text one that databases take.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}

func optOut(kind string) string {
	switch kind {
	case "STOP", "START", "HELP":
		return kind
	}
	return ""
}

func media(form url.Values) []transport.Media {
	n, _ := strconv.Atoi(form.Get("NumMedia"))
	var out []transport.Media
	for i := range min(n, maxMedia) {
		if u := form.Get("MediaUrl" + strconv.Itoa(i)); u != "" {
			out = append(out, transport.Media{URL: u, ContentType: form.Get("MediaContentType" + strconv.Itoa(i))})
		}
	}
	return out
}
