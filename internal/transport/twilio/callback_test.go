package twilio_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	twilioclient "github.com/twilio/twilio-go/client"

	"switchboard/internal/reason"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
	"switchboard/internal/transport/twilio"
)

func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

const public = "https://sb.example/callbacks/twilio?delivery=42"

func callbacks(t *testing.T) transport.Callbacks {
	t.Helper()
	c, ok := sender(t, map[string]any{"callback_tokens": other}).(transport.Callbacks)
	if !ok {
		t.Fatal("the sender reads no callbacks")
	}
	return c
}

// posted is a signed form as it reaches us behind a proxy.
func posted(form url.Values, signature string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://10.0.0.7:8080/callbacks/twilio?delivery=42", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	r.Header.Set("X-Twilio-Signature", signature)
	return r
}

func values(pairs ...string) url.Values {
	out := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		out.Add(pairs[i], pairs[i+1])
	}
	return out
}

func TestSender_ParseCallback(t *testing.T) {
	twiml := transport.Reply{
		Status: 200, ContentType: "text/xml; charset=utf-8", Body: `<?xml version="1.0" encoding="UTF-8"?><Response></Response>`,
	}
	status := func(s transport.Status) transport.Callback {
		s.ProviderID, s.At = "SM1", now
		return transport.Callback{Statuses: []transport.Status{s}}
	}
	for name, c := range map[string]struct {
		form url.Values
		want transport.Callback
	}{
		"queued":    {values("MessageSid", "SM1", "MessageStatus", "queued"), status(transport.Status{State: transport.Accepted, Reason: reason.OK})},
		"sent":      {values("MessageSid", "SM1", "MessageStatus", "sent", "SmsStatus", "sent", "From", "+1"), status(transport.Status{State: transport.Sent, Reason: reason.OK})},
		"sms only":  {values("MessageSid", "SM1", "SmsStatus", "delivered"), status(transport.Status{State: transport.Delivered, Reason: reason.OK})},
		"delivered": {values("MessageSid", "SM1", "MessageStatus", "delivered"), status(transport.Status{State: transport.Delivered, Reason: reason.OK})},
		"read":      {values("MessageSid", "SM1", "MessageStatus", "read", "EventType", "READ"), status(transport.Status{State: transport.Read, Reason: reason.OK})},
		"undelivered": {
			values("MessageSid", "SM1", "MessageStatus", "undelivered", "ErrorCode", "30003"),
			status(transport.Status{State: transport.Undelivered, Reason: reason.ProviderUnavailable, Retry: true, Code: "30003", Detail: "30003"}),
		},
		"unknown handset": {
			values("MessageSid", "SM1", "MessageStatus", "undelivered", "ErrorCode", "30005", "ErrorMessage", "Unknown\nhandset"),
			status(transport.Status{State: transport.Undelivered, Reason: reason.AddressDead, Code: "30005", Detail: "30005: Unknown handset"}),
		},
		"failed": {
			values("MessageSid", "SM1", "MessageStatus", "failed", "ErrorCode", "63016", "ChannelStatusMessage", "outside the window"),
			status(transport.Status{State: transport.Failed, Reason: reason.WindowClosed, Code: "63016", Detail: "63016: outside the window"}),
		},
		"filtered": {
			values("MessageSid", "SM1", "MessageStatus", "undelivered", "ErrorCode", "30007"),
			status(transport.Status{State: transport.Undelivered, Reason: reason.ProviderRejected, Code: "30007", Detail: "30007"}),
		},
		"failed for an unknown reason": {
			values("MessageSid", "SM1", "MessageStatus", "failed"),
			status(transport.Status{State: transport.Failed, Reason: reason.ProviderRejected}),
		},
		"canceled":       {values("MessageSid", "SM1", "MessageStatus", "canceled"), status(transport.Status{State: transport.Failed, Reason: reason.Cancelled})},
		"unknown status": {values("MessageSid", "SM1", "MessageStatus", "levitating"), transport.Callback{}},
		"no message":     {values("CallSid", "CA1"), transport.Callback{}},
		"inbound sms": {
			values("MessageSid", "SM1", "SmsStatus", "received", "From", "+15551230001", "To", "+15550006666", "Body", "STOP", "OptOutType", "STOP", "NumMedia", "0"),
			transport.Callback{Reply: twiml, Inbound: []transport.Inbound{{
				Transport: transport.SMS, ProviderID: "SM1", From: "+15551230001", To: "+15550006666", Text: "STOP", OptOut: "STOP", At: now,
			}}},
		},
		"inbound whatsapp": {
			values("MessageSid", "SM1", "SmsStatus", "received", "From", "whatsapp:+15551230001", "To", "whatsapp:+15550007777", "Body", "a\x00b\xff",
				"ProfileName", "Ann", "OptOutType", "odd", "NumMedia", "2", "MediaUrl0", "https://m/0", "MediaContentType0", "image/jpeg", "MediaUrl1", "https://m/1"),
			transport.Callback{Reply: twiml, Inbound: []transport.Inbound{{
				Transport: transport.WhatsApp, ProviderID: "SM1", From: "+15551230001", To: "+15550007777", Text: "ab\ufffd", Profile: "Ann", At: now,
				Media: []transport.Media{{URL: "https://m/0", ContentType: "image/jpeg"}, {URL: "https://m/1"}},
			}}},
		},
		"inbound with absurd media": {
			values("MessageSid", "SM1", "From", "+15551230001", "NumMedia", "999999999"),
			transport.Callback{Reply: twiml, Inbound: []transport.Inbound{{Transport: transport.SMS, ProviderID: "SM1", From: "+15551230001", At: now}}},
		},
		"inbound from nobody": {values("MessageSid", "SM1", "Body", "x"), transport.Callback{Reply: twiml}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []setting.Secret{token, other} {
				got, err := callbacks(t).ParseCallback(posted(c.form, twilio.Sign(key, public, c.form)), public)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestSender_ParseCallback_byGET(t *testing.T) {
	address := "https://sb.example/callbacks/twilio?MessageSid=SM1&MessageStatus=sent"
	r := httptest.NewRequest(http.MethodGet, "http://10.0.0.7/callbacks/twilio?MessageSid=SM9&MessageStatus=sent", nil)
	r.Header.Set("X-Twilio-Signature", twilio.Sign(token, address, nil))
	got, err := callbacks(t).ParseCallback(r, address)
	if err != nil || len(got.Statuses) != 1 || got.Statuses[0].ProviderID != "SM1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSender_ParseCallback_withABodyThatIsNoForm(t *testing.T) {
	const body = `{"a":1}`
	sum := sha256.Sum256([]byte(body))
	address := public + "&bodySHA256=" + hex.EncodeToString(sum[:])
	for name, c := range map[string]struct {
		body, address string
		want          error
	}{
		"right":   {body, address, nil},
		"changed": {body + " ", address, transport.ErrSignature},
		"no hash": {body, public, transport.ErrSignature},
		"no body": {"", public, nil},
	} {
		r := httptest.NewRequest(http.MethodPost, c.address, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Twilio-Signature", twilio.Sign(token, c.address, nil))
		if _, err := callbacks(t).ParseCallback(r, c.address); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSender_ParseCallback_refuses(t *testing.T) {
	form := values("MessageSid", "SM1", "MessageStatus", "sent")
	right := twilio.Sign(token, public, form)
	for name, c := range map[string]struct {
		request *http.Request
		address string
		want    error
	}{
		"no signature":    {posted(form, ""), public, transport.ErrSignature},
		"wrong signature": {posted(form, "AAAA"+right[4:]), public, transport.ErrSignature},
		"wrong token":     {posted(form, twilio.Sign("guess", public, form)), public, transport.ErrSignature},
		"wrong address":   {posted(form, right), strings.Replace(public, "42", "43", 1), transport.ErrSignature},
		"wrong host":      {posted(form, right), strings.Replace(public, "sb.", "tb.", 1), transport.ErrSignature},
		"changed form":    {posted(values("MessageSid", "SM2", "MessageStatus", "sent"), right), public, transport.ErrSignature},
		"another value":   {posted(values("MessageSid", "SM1", "MessageStatus", "sent", "MessageStatus", "read"), right), public, transport.ErrSignature},
	} {
		got, err := callbacks(t).ParseCallback(c.request, c.address)
		if !errors.Is(err, c.want) || got.Statuses != nil || got.Inbound != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if strings.Contains(err.Error(), token) {
			t.Errorf("%s: the token shows in %v", name, err)
		}
	}
}

func TestSender_ParseCallback_unreadable(t *testing.T) {
	for name, body := range map[string]string{
		"too long":   "Body=" + strings.Repeat("x", 200<<10),
		"bad escape": "Body=%zz",
		"semicolon":  "a=1;b=2",
	} {
		r := posted(nil, "x")
		r.Body = http.NoBody
		fresh := httptest.NewRequest(http.MethodPost, public, strings.NewReader(body))
		fresh.Header = r.Header
		if _, err := callbacks(t).ParseCallback(fresh, public); !errors.Is(err, transport.ErrCallback) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The example of Twilio's page on webhook security, computed by it.
func TestSign_published(t *testing.T) {
	form := values("CallSid", "CA1234567890ABCDE", "Caller", "+12349013030", "Digits", "1234", "From", "+12349013030", "To", "+18005551212")
	got := twilio.Sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form)
	if want := "0/KCTR6DLpKmkAf8muzZqo1nDgQ="; got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
}

func TestSender_ParseCallback_triesTheDefaultPort(t *testing.T) {
	form := values("MessageSid", "SM1", "MessageStatus", "sent")
	for signedURL, given := range map[string]string{
		"https://h/p?q":       "https://h:443/p?q",
		"https://h:443/p?q":   "https://h/p?q",
		"http://h:80":         "http://h",
		"http://h":            "http://h:8080",
		"https://[::1]/p":     "https://[::1]:443/p",
		"https://[::1]:443/p": "https://[::1]/p",
	} {
		if _, err := callbacks(t).ParseCallback(posted(form, twilio.Sign(token, signedURL, form)), given); err != nil {
			t.Errorf("signed for %s, given %s: %v", signedURL, given, err)
		}
	}
}

// The SDK's own check agrees on everything but what it is known to get wrong: equal parameters and IPv6 hosts.
func FuzzSign_againstTheSDK(f *testing.F) {
	f.Add("sb.example", "/callbacks?delivery=1", "MessageSid", "SM1", "Body", "Grüße & +")
	f.Add("sb.example:8443", "/", "b", "1", "a", "2")
	f.Fuzz(func(t *testing.T, host, tail, name1, value1, name2, value2 string) {
		u, err := url.Parse("https://" + host + tail)
		if err != nil || u.Host != host || host == "" || strings.ContainsAny(host, "[]@") || name1 == name2 || u.String() != "https://"+host+tail {
			return
		}
		form := values(name1, value1, name2, value2)
		sdk := twilioclient.NewRequestValidator(token)
		if !sdk.Validate(u.String(), map[string]string{name1: value1, name2: value2}, twilio.Sign(token, u.String(), form)) {
			t.Errorf("the SDK refuses the signature for %s %v", u, form)
		}
	})
}

func FuzzSender_ParseCallback(f *testing.F) {
	f.Add("POST", public, "application/x-www-form-urlencoded", "MessageSid=SM1&MessageStatus=sent")
	f.Add("GET", public+"&MessageSid=SM1", "", "")
	f.Add("POST", "http://[::1", "text/plain", "\xff")
	c, err := twilio.Factory().New(f.Context(), settings(nil), transport.Env{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, address, kind, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Method = method
		r.Header.Set("Content-Type", kind)
		form, _ := url.ParseQuery(body)
		if kind != "application/x-www-form-urlencoded" {
			form = nil
		}
		r.Header.Set("X-Twilio-Signature", twilio.Sign(token, address, form))
		got, err := c.(transport.Callbacks).ParseCallback(r, address)
		if err != nil && !errors.Is(err, transport.ErrCallback) && !errors.Is(err, transport.ErrSignature) {
			t.Errorf("an error of no kind: %v", err)
		}
		for _, s := range got.Statuses {
			if !s.State.Valid() || !s.Reason.Valid() || s.ProviderID == "" {
				t.Errorf("%+v", s)
			}
		}
	})
}
