package twilio_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
	"switchboard/internal/transport/transporttest"
	"switchboard/internal/transport/twilio"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "t0ken-0f-the-acc0unt"
	other   = "0ther-t0ken"
	taken   = `{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued","error_code":null,"error_message":null}`
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func settings(with map[string]any) map[string]any {
	out := map[string]any{
		"account_sid": account, "auth_token": token, "from": "+15550006666", "whatsapp_from": "+15550007777", "timeout": "60s",
	}
	maps.Copy(out, with)
	return out
}

func sender(t *testing.T, with map[string]any) transport.Sender {
	t.Helper()
	s, err := twilio.Factory().New(t.Context(), settings(with), transport.Env{Clock: clock.At(now), UserAgent: "switchboard/1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func counterpart(t *testing.T) *transporttest.HTTP {
	t.Helper()
	return transporttest.NewHTTP(t, transporttest.Reply{Status: 201, Body: taken}, nil)
}

func sms() transport.Message {
	return transport.Message{Transport: transport.SMS, DeliveryID: id.New(), AttemptID: id.New(), To: "+15551230001", Text: "Pump 7 is down"}
}

func TestConformance(t *testing.T) {
	transporttest.Run(t, transporttest.Suite{
		Start: func(t *testing.T) (transporttest.Counterpart, transport.Sender, transport.Message) {
			c := counterpart(t)
			return c, sender(t, map[string]any{"base_url": c.URL, "callback_tokens": other}), sms()
		},
		Answers: func(c transporttest.Counterpart) []transporttest.Answer {
			h := c.(*transporttest.HTTP)
			echo := "Authorization: Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0MGtlbi0wZi10aGUtYWNjMHVudA== " +
				token + " and " + other + " at https://h/?" + url.QueryEscape(token) + "\n" + strings.Repeat("blah ", 500)
			return append(h.Statuses(echo, nil), codes(h, echo)...)
		},
		Secrets: []string{token, other, "QUMwMTIzNDU2Nzg5", "t0ken"},
		Keyless: true,
	})
}

// codes are answers with Twilio's own error codes.
func codes(h *transporttest.HTTP, echo string) []transporttest.Answer {
	minute := time.Minute
	var out []transporttest.Answer
	for _, c := range []struct {
		status, code int
		want         transporttest.Verdict
	}{
		{401, 20003, transporttest.Verdict{Reason: reason.ProviderUnset, Retry: true, RetryAfter: minute}},
		{404, 20404, transporttest.Verdict{Reason: reason.ProviderUnset, Retry: true, RetryAfter: minute}},
		{429, 20429, transporttest.Verdict{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: minute}},
		{400, 21211, transporttest.Verdict{Reason: reason.AddressDead}},
		{400, 21614, transporttest.Verdict{Reason: reason.AddressDead}},
		{400, 21610, transporttest.Verdict{Reason: reason.OptedOut}},
		{403, 21610, transporttest.Verdict{Reason: reason.OptedOut}},
		{400, 21408, transporttest.Verdict{Reason: reason.ProviderRejected}},
		{400, 21606, transporttest.Verdict{Reason: reason.ProviderUnset, Retry: true, RetryAfter: minute}},
		{400, 21611, transporttest.Verdict{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: minute}},
		{400, 63016, transporttest.Verdict{Reason: reason.WindowClosed}},
		{400, 63024, transporttest.Verdict{Reason: reason.AddressDead}},
		{400, 63038, transporttest.Verdict{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: minute}},
		{400, 99999, transporttest.Verdict{Reason: reason.ProviderRejected}},
		{500, 20500, transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true, RetryAfter: minute, Ambiguous: true}},
		{503, 20503, transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true, RetryAfter: minute}},
		{500, 21611, transporttest.Verdict{Reason: reason.ProviderRateLimited, Retry: true, RetryAfter: minute}},
		{502, 99999, transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true, RetryAfter: minute, Ambiguous: true}},
	} {
		body, _ := json.Marshal(map[string]any{"code": c.code, "message": echo, "status": c.status})
		reply := transporttest.Reply{Status: c.status, Header: map[string]string{"Retry-After": "60"}, Body: string(body)}
		out = append(out, transporttest.Answer{
			Name: fmt.Sprintf("%d with %d", c.status, c.code), Script: func() { h.Answer(reply) }, Want: c.want,
		})
	}
	return out
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// wire writes a request as it arrived, one parameter a line.
func wire(r transporttest.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URI)
	for _, name := range []string{"Authorization", "Content-Type", "Accept", "User-Agent"} {
		fmt.Fprintf(&b, "%s: %s\n", name, r.Header.Get(name))
	}
	b.WriteString("\n" + strings.ReplaceAll(string(r.Body), "&", "&\n") + "\n")
	return b.String()
}

func TestSender_Send_golden(t *testing.T) {
	const service = "MG0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		with    map[string]any
		message transport.Message
	}{
		"sms": {nil, transport.Message{
			Transport: transport.SMS, To: "+15551230001", Title: "not sent", Text: "Grüße & 50% +1\n🚒",
			CallbackURL: "https://sb.example/callbacks/twilio?delivery=1&x=2", ExpiresAt: now.Add(90 * time.Second),
		}},
		"sms_service": {map[string]any{"messaging_service_sid": service}, transport.Message{
			Transport: transport.SMS, To: "+15551230001", Text: "t", ExpiresAt: now.Add(48 * time.Hour),
		}},
		"sms_from_override": {map[string]any{"messaging_service_sid": service}, transport.Message{
			Transport: transport.SMS, To: "+15551230001", From: "+15559990000", Text: "t", ExpiresAt: now.Add(300 * time.Millisecond),
		}},
		"mms": {nil, transport.Message{
			Transport: transport.SMS, To: "+15551230001", Media: []string{"https://sb.example/1.jpg?a=b", "https://sb.example/2.jpg"},
		}},
		"whatsapp": {nil, transport.Message{Transport: transport.WhatsApp, To: "+15551230001", Text: "hello"}},
		"whatsapp_prefixed": {nil, transport.Message{
			Transport: transport.WhatsApp, To: "whatsapp:+15551230001", From: "whatsapp:+15558880000", Text: "hello",
		}},
		"whatsapp_template": {nil, transport.Message{
			Transport: transport.WhatsApp, To: "+15551230001", Text: "not sent",
			Template: &transport.Template{ID: "HX0123456789abcdef0123456789abcdef", Variables: map[string]string{"2": "b \"q\"", "1": "a & b", "10": "c"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := counterpart(t)
			with := map[string]any{"base_url": h.URL + "/"}
			maps.Copy(with, c.with)
			result, err := sender(t, with).Send(t.Context(), c.message)
			if err != nil {
				t.Fatal(err)
			}
			want := transport.Result{ProviderID: "SM0123456789abcdef0123456789abcdef", State: transport.Accepted, Detail: "queued"}
			if result != want {
				t.Errorf("got %+v", result)
			}
			golden(t, name+".txt", wire(h.Requests()[0]))
		})
	}
}

func TestSender_Send_refusesWhatCannotBeSent(t *testing.T) {
	h := counterpart(t)
	for name, c := range map[string]struct {
		with   map[string]any
		change func(*transport.Message)
		want   reason.Reason
	}{
		"no address":         {nil, func(m *transport.Message) { m.To = "" }, reason.AddressDead},
		"no plus":            {nil, func(m *transport.Message) { m.To = "15551230001" }, reason.AddressDead},
		"letters":            {nil, func(m *transport.Message) { m.To = "+1555CALLME" }, reason.AddressDead},
		"too long":           {nil, func(m *transport.Message) { m.To = "+1234567890123456" }, reason.AddressDead},
		"injected":           {nil, func(m *transport.Message) { m.To = "+15551230001&From=+1" }, reason.AddressDead},
		"line break":         {nil, func(m *transport.Message) { m.To = "+15551230001\n" }, reason.AddressDead},
		"nothing to say":     {nil, func(m *transport.Message) { m.Text = "" }, reason.ProviderRejected},
		"expired":            {nil, func(m *transport.Message) { m.ExpiresAt = now }, reason.Expired},
		"wrong transport":    {nil, func(m *transport.Message) { m.Transport = transport.Email }, reason.ProviderRejected},
		"no transport":       {nil, func(m *transport.Message) { m.Transport = "" }, reason.ProviderRejected},
		"no SMS sender":      {map[string]any{"from": ""}, func(*transport.Message) {}, reason.ProviderUnset},
		"no WhatsApp sender": {map[string]any{"whatsapp_from": ""}, func(m *transport.Message) { m.Transport = transport.WhatsApp }, reason.ProviderUnset},
	} {
		m := sms()
		c.change(&m)
		with := map[string]any{"base_url": h.URL}
		maps.Copy(with, c.with)
		_, err := sender(t, with).Send(t.Context(), m)
		if e := transport.AsError(err); e == nil || e.Retry || e.Ambiguous || e.Reason != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(h.Requests()); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

func TestSender_Send_readsWhatTwilioAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want transport.Result
		err  *transport.Error
	}{
		"accepted by a service": {`{"sid":"SM1","status":"accepted"}`, transport.Result{ProviderID: "SM1", State: transport.Accepted, Detail: "accepted"}, nil},
		"cut off":               {`{"sid":"SM1`, transport.Result{State: transport.Accepted, Detail: "201 without a readable body"}, nil},
		"empty":                 {``, transport.Result{State: transport.Accepted, Detail: "201 without a readable body"}, nil},
		"failed at once": {
			`{"sid":"SM1","status":"failed","error_code":21610,"error_message":"Stopped"}`,
			transport.Result{},
			&transport.Error{Reason: reason.OptedOut, Code: "21610", Detail: "failed: Stopped"},
		},
		"undelivered at once": {
			`{"sid":"SM1","status":"undelivered","error_code":77777}`,
			transport.Result{},
			&transport.Error{Reason: reason.ProviderRejected, Code: "77777", Detail: "undelivered:"},
		},
	} {
		h := transporttest.NewHTTP(t, transporttest.Reply{Status: 201, Body: c.body}, nil)
		got, err := sender(t, map[string]any{"base_url": h.URL}).Send(t.Context(), sms())
		if got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
		if e := transport.AsError(err); (e == nil) != (c.err == nil) || e != nil && *e != *c.err {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestFactory_settings(t *testing.T) {
	for name, c := range map[string]struct {
		with   map[string]any
		faults []string
	}{
		"good":               {nil, nil},
		"alphanumeric":       {map[string]any{"from": "ACME Fire"}, nil},
		"short code":         {map[string]any{"from": "12345"}, nil},
		"whatsapp only":      {map[string]any{"from": ""}, nil},
		"sandbox":            {map[string]any{"base_url": "http://127.0.0.1:8081"}, nil},
		"missing":            {map[string]any{"account_sid": "", "auth_token": ""}, []string{"account_sid", "auth_token"}},
		"account":            {map[string]any{"account_sid": "AC1"}, []string{"account_sid"}},
		"base url":           {map[string]any{"base_url": "ftp://x"}, []string{"base_url"}},
		"base url, no host":  {map[string]any{"base_url": "https:///x"}, []string{"base_url"}},
		"base url, no URL":   {map[string]any{"base_url": "https://x/%"}, []string{"base_url"}},
		"service only":       {map[string]any{"from": "", "whatsapp_from": "", "messaging_service_sid": "MG" + strings.Repeat("a", 32)}, nil},
		"short timeout":      {map[string]any{"timeout": "999ms"}, []string{"timeout"}},
		"shortest timeout":   {map[string]any{"timeout": "1s"}, nil},
		"base url with user": {map[string]any{"base_url": "https://u:p@x"}, []string{"base_url"}},
		"base url query":     {map[string]any{"base_url": "https://x?y=z"}, []string{"base_url"}},
		"service":            {map[string]any{"messaging_service_sid": "MG"}, []string{"messaging_service_sid"}},
		"from":               {map[string]any{"from": "a sender that is too long"}, []string{"from"}},
		"whatsapp from":      {map[string]any{"whatsapp_from": "whatsapp:+15550007777"}, []string{"whatsapp_from"}},
		"no sender":          {map[string]any{"from": "", "whatsapp_from": ""}, []string{"from"}},
		"timeout":            {map[string]any{"timeout": "1h"}, []string{"timeout"}},
		"unknown":            {map[string]any{"token": "x"}, []string{"token"}},
	} {
		s, err := twilio.Factory().New(t.Context(), settings(c.with), transport.Env{})
		if s != nil {
			_ = s.Close()
		}
		var got []string
		if e, ok := errors.AsType[*errs.Error](err); ok {
			for _, f := range e.Fields {
				got = append(got, f.Path)
			}
		}
		if !slices.Equal(got, c.faults) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add(`{"account_sid":"AC0123456789abcdef0123456789abcdef","auth_token":"x","from":"+1555"}`)
	f.Add(`{"base_url":"http://[::1"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var raw map[string]any
		if json.Unmarshal([]byte(text), &raw) != nil {
			return
		}
		s, err := twilio.Factory().New(t.Context(), raw, transport.Env{})
		if err == nil {
			ctx, cancel := cancelled(t)
			defer cancel()
			if _, err := s.Send(ctx, sms()); transport.AsError(err) == nil {
				t.Error("a call that was off got through")
			}
			_ = s.Close()
		}
	})
}

func FuzzSender_Send_answer(f *testing.F) {
	f.Add(201, taken)
	f.Add(400, `{"code":21610,"message":"x"}`)
	f.Add(400, `{"code":"x"}`)
	f.Add(500, "\xff")
	h := transporttest.NewHTTP(f, transporttest.Reply{}, nil)
	s, err := twilio.Factory().New(f.Context(), settings(map[string]any{"base_url": h.URL}), transport.Env{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == http.StatusNoContent || status == http.StatusNotModified {
			return
		}
		h.Answer(transporttest.Reply{Status: status, Body: body})
		_, err := s.Send(t.Context(), sms())
		if e := transport.AsError(err); e != nil && (!e.Reason.Valid() || strings.Contains(e.Detail, token)) {
			t.Errorf("%d %q: %+v", status, body, e)
		}
	})
}
