package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// phones is what people have said: who has opted out of whom, and who wrote when.
type phones struct {
	mu    sync.Mutex
	stops map[[2]string]bool // the person's number and ours
	wrote map[string]time.Time
}

// The words on which Twilio acts by itself.
var (
	stopWords  = []string{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
	startWords = []string{"START", "YES", "UNSTOP"}
	helpWords  = []string{"HELP", "INFO"}
)

// heard notes what a person wrote and returns the kind of keyword that it is, if any.
func (p *phones) heard(person, ours, text string, now time.Time) (optOut string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stops == nil {
		p.stops, p.wrote = map[[2]string]bool{}, map[string]time.Time{}
	}
	if len(p.wrote) < maxCaptures {
		p.wrote[person] = now
	}
	switch word := strings.ToUpper(strings.TrimSpace(text)); {
	case slices.Contains(stopWords, word):
		if len(p.stops) < maxCaptures {
			p.stops[[2]string{person, ours}] = true
		}
		return "STOP"
	case slices.Contains(startWords, word):
		delete(p.stops, [2]string{person, ours})
		return "START"
	case slices.Contains(helpWords, word):
		return "HELP"
	}
	return ""
}

func (p *phones) optedOut(person, ours string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stops[[2]string{person, ours}]
}

func (p *phones) wroteWithin(person string, since time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.wrote[person]
	return ok && at.After(since)
}

// Said is a message from a person.
type Said struct {
	From  string   `json:"from"`            // the person's number, E.164
	To    string   `json:"to"`              // the server's number; empty means +15005550006
	Body  string   `json:"body"`            // at most 1,600 characters
	Media []string `json:"media,omitempty"` // URLs, at most ten
	Name  string   `json:"name,omitempty"`  // the WhatsApp profile
	// URL is where it is posted; empty means the server's inbound URL.
	URL string `json:"url,omitempty"`
}

func (m *Said) check() *apiError {
	m.From, m.To = bare(m.From), bare(m.To)
	defaultTo(&m.To, "+15005550006")
	switch {
	case !e164.MatchString(m.From):
		return invalid("from", "must be a number in E.164, such as +15551230001")
	case !e164.MatchString(m.To) && !shortcode.MatchString(m.To):
		return invalid("to", "must be a number in E.164 or a short code")
	case m.Body == "" && len(m.Media) == 0:
		return invalid("body", "is required, or media")
	case len([]rune(m.Body)) > 1600:
		return invalid("body", "must have at most 1600 characters")
	case len(m.Media) > 10:
		return invalid("media", "must be at most ten URLs")
	case m.URL != "" && !httpURL(m.URL):
		return invalid("url", "must be an http or https URL")
	}
	return nil
}

func (s *Sandbox) postInbound(r *http.Request, transport string) (any, error) {
	var m Said
	if err := decode(r, &m); err != nil {
		return nil, err
	}
	return s.Say(r.Context(), transport, m)
}

// Say is a person writing to the server by "sms" or "whatsapp". It is posted as Twilio posts it, signed, and the answer
// of the server is returned, whatever its status. STOP and START act on later messages as they do at Twilio.
//
// Errors name the member of m that is wrong, or say that the server did not answer.
func (s *Sandbox) Say(ctx context.Context, transport string, m Said) (Answered, error) {
	if transport != "sms" && transport != "whatsapp" {
		return Answered{}, invalid("transport", "must be sms or whatsapp")
	}
	if problem := m.check(); problem != nil {
		return Answered{}, problem
	}
	target := firstOf(m.URL, s.inboundURL())
	if target == "" {
		return Answered{}, &apiError{Status: http.StatusConflict, Field: "url", Message: "is required, because no inbound URL is configured"}
	}
	now := s.now()
	sid := newSID("SM")
	optOut := s.phones.heard(m.From, m.To, m.Body, now)
	form := inboundForm(s.options.AccountSID, sid, transport, m, optOut)
	answered, err := s.postSigned(ctx, target, form)
	status := "received"
	if err != nil || answered.Status/100 != 2 {
		status = "refused"
	}
	s.outbox.add(Capture{
		Direction: Inbound, Transport: transport, From: m.From, To: m.To, Text: m.Body, ReceivedAt: now, ProviderID: sid, Status: status,
		Raw: Raw{Method: http.MethodPost, Path: target, Body: form.Encode()},
	})
	if err != nil {
		return Answered{}, &apiError{Status: http.StatusBadGateway, Message: fmt.Sprintf("the server did not answer: %v", err)}
	}
	return answered, nil
}

// inboundForm is what Twilio posts of an incoming message.
func inboundForm(account, sid, transport string, m Said, optOut string) url.Values {
	prefix := ""
	if transport == "whatsapp" {
		prefix = "whatsapp:"
	}
	form := url.Values{
		"AccountSid": {account}, "ApiVersion": {"2010-04-01"}, "MessageSid": {sid}, "SmsSid": {sid}, "SmsMessageSid": {sid},
		"From": {prefix + m.From}, "To": {prefix + m.To}, "Body": {m.Body}, "SmsStatus": {"received"},
		"NumMedia": {strconv.Itoa(len(m.Media))}, "NumSegments": {strconv.Itoa(segments(m.Body))},
	}
	for i, u := range m.Media {
		form.Set("MediaUrl"+strconv.Itoa(i), u)
		form.Set("MediaContentType"+strconv.Itoa(i), "application/octet-stream")
	}
	if transport == "whatsapp" {
		form.Set("ProfileName", firstOf(m.Name, m.From))
		form.Set("WaId", strings.TrimPrefix(m.From, "+"))
		form.Set("MessageType", "text")
	}
	if optOut != "" {
		form.Set("OptOutType", optOut)
	}
	return form
}
