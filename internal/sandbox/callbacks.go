package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the service's choice
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// errorTexts are what Twilio says of the codes that statuses carry.
func errorTexts() map[int]string {
	return map[int]string{
		30003: "Unreachable destination handset",
		30005: "Unknown destination handset",
		30007: "Carrier violation",
		30008: "Unknown error",
		63016: "Failed to send freeform message because you are outside the allowed window.",
	}
}

// report takes a message through its course and posts each status to its StatusCallback.
func (s *Sandbox) report(m *message) {
	for _, status := range m.course {
		if !wait(s.ctx, s.options.CallbackDelay) {
			return
		}
		code := 0
		if status == "failed" || status == "undelivered" {
			code = m.courseCode
		}
		s.twilio.advance(m, status, code, s.now())
		s.outbox.update(m.seq, func(c *Capture) { c.Status, c.ErrorCode = status, code })
		if m.callback == "" {
			continue
		}
		reported := Callback{Status: status, At: s.now()}
		answered, err := s.postSigned(s.ctx, m.callback, statusForm(m, status, code))
		reported.Answer = answered.Status
		if err != nil {
			reported.Error = err.Error()
		}
		s.outbox.update(m.seq, func(c *Capture) { c.Callbacks = append(c.Callbacks, reported) })
	}
}

// statusForm is what Twilio posts to a StatusCallback.
func statusForm(m *message, status string, code int) url.Values {
	form := url.Values{
		"AccountSid": {m.account}, "ApiVersion": {"2010-04-01"}, "From": {m.from}, "To": {m.to},
		"MessageSid": {m.sid}, "MessageStatus": {status}, "SmsSid": {m.sid}, "SmsStatus": {status},
	}
	if m.service != "" {
		form.Set("MessagingServiceSid", m.service)
	}
	if code != 0 {
		form.Set("ErrorCode", strconv.Itoa(code))
		form.Set("ErrorMessage", errorTexts()[code])
	}
	if m.whatsapp {
		form.Set("ChannelPrefix", "whatsapp")
		form.Set("ChannelToAddress", bare(m.to))
		form.Set("EventType", strings.ToUpper(status))
	}
	return form
}

// Answered is what the server answered to something that was posted to it.
type Answered struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	Body        string `json:"body"`
}

// postSigned posts a form as Twilio does.
func (s *Sandbox) postSigned(ctx context.Context, target string, form url.Values) (Answered, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		return Answered{}, fmt.Errorf("the URL %q cannot be called", target)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	req.Header.Set("Accept", "*/*")
	req.Header.Set("X-Twilio-Signature", signature(s.options.AuthToken, target, form))
	response, err := s.client.Do(req)
	if err != nil {
		return Answered{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return Answered{response.StatusCode, response.Header.Get("Content-Type"), string(body)}, err
}

// signature is X-Twilio-Signature: the URL and the parameters in the order of their names, keyed with the auth token.
func signature(token, target string, form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	var signed strings.Builder
	signed.WriteString(target)
	for _, name := range names {
		signed.WriteString(name + form.Get(name))
	}
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = io.WriteString(mac, signed.String())
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
