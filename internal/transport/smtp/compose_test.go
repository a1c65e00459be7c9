package smtp_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/errs"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
	"switchboard/internal/transport/smtp"
	"switchboard/internal/transport/transporttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func full() transport.Message {
	return transport.Message{
		Transport:   transport.Email,
		DeliveryID:  id.MustParse("01920000-0000-7000-8000-000000000001"),
		To:          "Änn Example <ann@example.org>",
		ReplyTo:     "desk@example.com",
		Title:       "Pumpe 7: Druck fällt — bitte prüfen, bevor der Behälter leerläuft 🚒",
		Text:        "Grüße\n.\nFrom here\r\n" + strings.Repeat("a long line ", 20) + "\rend\n",
		HTML:        "<p>Grüße &amp; <b>mehr</b></p>\n",
		Unsubscribe: "https://sb.example/unsubscribe/" + strings.Repeat("t0ken", 20) + "?a=1&b=2",
		At:          time.Date(2026, 3, 1, 11, 59, 30, 0, time.FixedZone("", 3600)),
	}
}

// The golden files hold the mails as they came over the wire; \r shows as ␍.
func TestSender_Send_golden(t *testing.T) {
	for name, change := range map[string]func(*transport.Message){
		"both": func(*transport.Message) {},
		"text": func(m *transport.Message) {
			m.HTML, m.Unsubscribe, m.ReplyTo, m.Title, m.To = "", "", "", "Plain", "ann@example.org"
		},
		"html":     func(m *transport.Message) { m.Text, m.At = "", time.Time{} },
		"override": func(m *transport.Message) { m.HTML, m.From = "", `"Desk, Night" <night@example.net>` },
	} {
		t.Run(name, func(t *testing.T) {
			c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
			m := full()
			change(&m)
			if _, err := sender(t, settings(c.Addr, nil)).Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".eml", bytes.ReplaceAll(c.Mails()[0].Source, []byte("\r"), []byte("␍")))
		})
	}
}

func TestSender_Send_sameBytesAtEveryAttempt(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	s := sender(t, settings(c.Addr, nil))
	m := full()
	for range 2 {
		m.AttemptID = id.New()
		if _, err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Mails(); !bytes.Equal(got[0].Source, got[1].Source) {
		t.Errorf("%s\n%s", got[0].Source, got[1].Source)
	}
}

func TestSender_Send_refusesWhatCannotBeSent(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	s := sender(t, settings(c.Addr, nil))
	for name, c := range map[string]struct {
		change func(*transport.Message)
		want   reason.Reason
	}{
		"no address":              {func(m *transport.Message) { m.To = "" }, reason.AddressDead},
		"no domain":               {func(m *transport.Message) { m.To = "ann" }, reason.AddressDead},
		"two addresses":           {func(m *transport.Message) { m.To = "a@example.org, b@example.org" }, reason.AddressDead},
		"header in address":       {func(m *transport.Message) { m.To = "a@example.org\r\nBcc: b@example.org" }, reason.AddressDead},
		"header in name":          {func(m *transport.Message) { m.To = "=?utf-8?q?a=0D=0ABcc:_b@example.org?= <a@example.org>" }, reason.AddressDead},
		"header in quoted name":   {func(m *transport.Message) { m.To = "\"a\r\nBcc: b@example.org\" <a@example.org>" }, reason.AddressDead},
		"command in address":      {func(m *transport.Message) { m.To = "\"a\\\r\nRSET\"@example.org" }, reason.AddressDead},
		"NUL in address":          {func(m *transport.Message) { m.To = "a\x00@example.org" }, reason.AddressDead},
		"too long":                {func(m *transport.Message) { m.To = strings.Repeat("a", 250) + "@example.org" }, reason.AddressDead},
		"CR in subject":           {func(m *transport.Message) { m.Title = "a\rb" }, reason.ProviderRejected},
		"header in subject":       {func(m *transport.Message) { m.Title = "a\r\nBcc: b@example.org" }, reason.ProviderRejected},
		"line separator":          {func(m *transport.Message) { m.Title = "a\u2028b" }, reason.ProviderRejected},
		"NUL in subject":          {func(m *transport.Message) { m.Title = "a\x00b" }, reason.ProviderRejected},
		"header in sender":        {func(m *transport.Message) { m.From = "a@example.org\nBcc: b@example.org" }, reason.ProviderRejected},
		"header in reply address": {func(m *transport.Message) { m.ReplyTo = "a@example.org\nBcc: b@example.org" }, reason.ProviderRejected},
		"header in unsubscribe":   {func(m *transport.Message) { m.Unsubscribe = "https://h/\r\nBcc: b@example.org" }, reason.ProviderRejected},
		"second unsubscribe":      {func(m *transport.Message) { m.Unsubscribe = "https://h/>, <https://evil/" }, reason.ProviderRejected},
		"unsubscribe has a space": {func(m *transport.Message) { m.Unsubscribe = "https://h/a b" }, reason.ProviderRejected},
		"unsubscribe has letters": {func(m *transport.Message) { m.Unsubscribe = "https://h/ä" }, reason.ProviderRejected},
		"unsubscribe by mail":     {func(m *transport.Message) { m.Unsubscribe = "mailto:a@example.org" }, reason.ProviderRejected},
		"nothing to say":          {func(m *transport.Message) { m.Text, m.HTML = "", "" }, reason.ProviderRejected},
	} {
		m := full()
		c.change(&m)
		_, err := s.Send(t.Context(), m)
		if e := transport.AsError(err); e == nil || e.Retry || e.Ambiguous || e.Reason != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := c.Opened(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// Whatever is in a message, the headers of the mail are ours and say what was meant.
func FuzzSender_Send(f *testing.F) {
	f.Add("ann@example.org", "Pump 7", "text", "<p>html</p>", "desk@example.com", "https://h/u")
	f.Add("=?utf-8?q?a=0Ab?= <a@b.c>", "a\r\nBcc: x@y.z", ".\r\n.", "\xff", "x\r\ny@z", "https://h/\r\nX: y")
	f.Add("\"a b\"@example.org", "=?utf-8?q?a=0D=0Ab?=", "", "x", "", "")
	c := transporttest.NewSMTP(f, transporttest.SMTPOptions{Features: []string{"SMTPUTF8"}})
	s, err := smtp.Factory().New(f.Context(), settings(c.Addr, nil), transport.Env{})
	if err != nil {
		f.Fatal(err)
	}
	known := []string{
		"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "List-Unsubscribe", "List-Unsubscribe-Post",
		"Message-Id", "Mime-Version", "Reply-To", "Subject", "To",
	}
	f.Fuzz(func(t *testing.T, to, title, text, html, reply, unsubscribe string) {
		m := transport.Message{DeliveryID: id.New(), To: to, Title: title, Text: text, HTML: html, ReplyTo: reply, Unsubscribe: unsubscribe}
		if _, err := s.Send(t.Context(), m); err != nil {
			return
		}
		<-c.Arrived()
		mails := c.Mails()
		parsed, err := mail.ReadMessage(bytes.NewReader(mails[len(mails)-1].Source))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range parsed.Header {
			if !slices.Contains(known, name) || len(values) != 1 {
				t.Errorf("header %s: %q", name, values)
			}
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil || strings.ToValidUTF8(title, "\ufffd") != got && strings.TrimSpace(title) == title && utf8.ValidString(title) {
			t.Errorf("the subject %q came as %q, %v", title, got, err)
		}
		if _, err := io.Copy(io.Discard, parsed.Body); err != nil {
			t.Error(err)
		}
	})
}

func TestSender_Send_subjects(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	s := sender(t, settings(c.Addr, nil))
	for _, title := range []string{
		"a", "=?utf-8?q?a=0D=0Ab?=", strings.Repeat("ü", 500), strings.Repeat("x", 5000), strings.Repeat("word ", 300) + "end",
		"two  spaces" + strings.Repeat("  and two more", 20), "tail =?", "🚒" + strings.Repeat("🚒", 99) + "=?",
	} {
		m := full()
		m.Title = title
		if _, err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		mails := c.Mails()
		source := mails[len(mails)-1].Source
		parsed, err := mail.ReadMessage(bytes.NewReader(source))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil || got != title {
			t.Errorf("%.40q came as %.40q, %v", title, got, err)
		}
		for line := range bytes.Lines(source) {
			if len(line) > 998 {
				t.Errorf("%.40q makes a line of %d bytes", title, len(line))
			}
		}
	}
}

func TestFactory_settings(t *testing.T) {
	_, file := authority(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		with   map[string]any
		faults []string
	}{
		"good":                     {nil, nil},
		"login on this machine":    {map[string]any{"username": "u", "host": "localhost"}, nil},
		"ca file":                  {map[string]any{"ca_file": file}, nil},
		"missing":                  {map[string]any{"host": "", "from": ""}, []string{"host", "from"}},
		"host with port":           {map[string]any{"host": "mail.example.com:25 "}, []string{"host"}},
		"port":                     {map[string]any{"port": 70000}, []string{"port"}},
		"tls":                      {map[string]any{"tls": "ssl"}, []string{"tls"}},
		"auth":                     {map[string]any{"auth": "ntlm"}, []string{"auth"}},
		"login in the clear":       {map[string]any{"username": "u", "host": "mail.example.com"}, []string{"tls"}},
		"from":                     {map[string]any{"from": "alerts"}, []string{"from"}},
		"from with header":         {map[string]any{"from": "a@example.com\nBcc: b@example.com"}, []string{"from"}},
		"message domain":           {map[string]any{"message_domain": "a b"}, []string{"message_domain"}},
		"hello":                    {map[string]any{"hello": "x\r\ny"}, []string{"hello"}},
		"ca file is missing":       {map[string]any{"ca_file": "/nowhere/ca.pem"}, []string{"ca_file"}},
		"ca file without a key":    {map[string]any{"ca_file": empty}, []string{"ca_file"}},
		"connections":              {map[string]any{"connections": 0}, []string{"connections"}},
		"too many connections":     {map[string]any{"connections": 101}, []string{"connections"}},
		"the most":                 {map[string]any{"port": 65535, "connections": 100, "idle": "10m", "timeout": "10m"}, nil},
		"the least":                {map[string]any{"port": 0, "connections": 1, "idle": "0s", "mails_per_connection": 1, "timeout": "1s"}, nil},
		"names of its own":         {map[string]any{"message_domain": "mail.example.com", "hello": "relay.example.com"}, nil},
		"from without a domain":    {map[string]any{"from": "alerts@[192.0.2.1]"}, []string{"from"}},
		"idle before now":          {map[string]any{"idle": "-1s"}, []string{"idle"}},
		"timeout too long":         {map[string]any{"timeout": "11m"}, []string{"timeout"}},
		"idle":                     {map[string]any{"idle": "1h"}, []string{"idle"}},
		"mails":                    {map[string]any{"mails_per_connection": 0}, []string{"mails_per_connection"}},
		"timeout":                  {map[string]any{"timeout": "1ms"}, []string{"timeout"}},
		"unknown":                  {map[string]any{"user": "x"}, []string{"user"}},
		"several mistakes at once": {map[string]any{"port": -1, "timeout": "0s"}, []string{"port", "timeout"}},
	} {
		s, err := smtp.Factory().New(t.Context(), settings("127.0.0.1:25", c.with), transport.Env{})
		if s != nil && err == nil {
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
