package smtp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchboard/internal/clock"
	"switchboard/internal/id"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
	"switchboard/internal/transport/smtp"
	"switchboard/internal/transport/transporttest"
)

const password = "pa55word-of-the-relay"

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// settings are those of a server at addr without TLS.
func settings(addr string, with map[string]any) map[string]any {
	host, port, _ := net.SplitHostPort(addr)
	out := map[string]any{"host": host, "port": port, "tls": "none", "from": "Switchboard <alerts@example.com>", "timeout": "5m"}
	maps.Copy(out, with)
	return out
}

func sender(t *testing.T, raw map[string]any) transport.Sender {
	t.Helper()
	s, err := smtp.Factory().New(t.Context(), raw, transport.Env{Clock: clock.At(now)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func email() transport.Message {
	return transport.Message{
		Transport: transport.Email, DeliveryID: id.New(), AttemptID: id.New(), To: "ann@example.org", Title: "Pump 7", Text: "Pressure is low.",
	}
}

// authority makes a certificate for 127.0.0.1 and the file that makes one trust it.
func authority(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

func TestConformance(t *testing.T) {
	transporttest.Run(t, transporttest.Suite{
		Start: func(t *testing.T) (transporttest.Counterpart, transport.Sender, transport.Message) {
			c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
			return c, sender(t, settings(c.Addr, nil)), email()
		},
		Answers: func(c transporttest.Counterpart) []transporttest.Answer {
			return answers(c.(*transporttest.SMTP), transporttest.StepGreeting, transporttest.StepMail, transporttest.StepRcpt, transporttest.StepData, transporttest.StepDot)
		},
	})
}

func TestConformance_overTLSWithLogin(t *testing.T) {
	config, file := authority(t)
	plain := base64.StdEncoding.EncodeToString([]byte("\x00relay\x00" + password))
	transporttest.Run(t, transporttest.Suite{
		Start: func(t *testing.T) (transporttest.Counterpart, transport.Sender, transport.Message) {
			c := transporttest.NewSMTP(t, transporttest.SMTPOptions{TLS: config, Auth: "PLAIN"})
			return c, sender(t, settings(c.Addr, map[string]any{"tls": "starttls", "ca_file": file, "username": "relay", "password": password})), email()
		},
		Answers: func(c transporttest.Counterpart) []transporttest.Answer {
			return answers(c.(*transporttest.SMTP), transporttest.StepAuth)
		},
		Secrets: []string{password, plain},
	})
}

// answers is every code from 400 to 599 at the given steps, and the enhanced codes that make a difference.
func answers(s *transporttest.SMTP, steps ...string) []transporttest.Answer {
	echo := " you said AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00relay\x00"+password)) + " with " + password + " see https://mail.example/help?for=ann"
	var out []transporttest.Answer
	add := func(step, reply string, want transporttest.Verdict) {
		out = append(out, transporttest.Answer{Name: step + " " + reply, Script: func() { s.Answer(step, reply) }, Want: want})
	}
	for _, step := range steps {
		for code := 400; code <= 599; code++ {
			add(step, fmt.Sprint(code, echo), verdict(step, code))
		}
		add(step, "451 4.7.1 greylisted", transporttest.Verdict{Reason: reason.ProviderRateLimited, Retry: true})
		add(step, "421 4.7.0 too many connections", transporttest.Verdict{Reason: reason.ProviderRateLimited, Retry: true})
	}
	dead := transporttest.Verdict{Reason: reason.AddressDead}
	refused := transporttest.Verdict{Reason: reason.ProviderRejected}
	if len(steps) == 1 {
		return out
	}
	for _, reply := range []string{"550 5.1.1 no", "550 5.1.10 null MX", "553 5.1.3 no", "550 5.1.2 no", "550 5.1.6 moved", "550 5.2.1 disabled"} {
		add(transporttest.StepRcpt, reply, dead)
		add(transporttest.StepDot, reply, dead)
		add(transporttest.StepMail, reply, refused)
	}
	for _, reply := range []string{"550 User unknown", "550 no such user here", "550 Requested action not taken: mailbox unavailable", "553 address does not exist"} {
		add(transporttest.StepRcpt, reply, dead)
		add(transporttest.StepDot, reply, refused)
	}
	for _, reply := range []string{"550 5.7.1 relaying denied", "550 relaying denied", "552 5.2.2 mailbox full", "552 5.3.4 too big", "554 5.7.1 spam, user unknown"} {
		add(transporttest.StepRcpt, reply, refused)
	}
	add(transporttest.StepDot, "199 what", transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true, Ambiguous: true})
	add(transporttest.StepMail, "354 what", transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true})
	return out
}

// verdict is the whole policy for bare codes, written out.
func verdict(step string, code int) transporttest.Verdict {
	switch {
	case code < 500 || step == transporttest.StepGreeting:
		return transporttest.Verdict{Reason: reason.ProviderUnavailable, Retry: true}
	case step == transporttest.StepAuth:
		return transporttest.Verdict{Reason: reason.ProviderUnset, Retry: true}
	case step == transporttest.StepRcpt && code == 551:
		return transporttest.Verdict{Reason: reason.AddressDead}
	}
	return transporttest.Verdict{Reason: reason.ProviderRejected}
}

func TestSender_Send_result(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	m := email()
	got, err := sender(t, settings(c.Addr, nil)).Send(t.Context(), m)
	want := transport.Result{ProviderID: m.DeliveryID.String() + "@example.com", State: transport.Accepted, Detail: "2.0.0 taken as 4711"}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	arrived := c.Mails()[0]
	if arrived.From != "<alerts@example.com>" || arrived.To != "<ann@example.org>" {
		t.Errorf("the envelope is from %s to %s", arrived.From, arrived.To)
	}
}

func TestSender_Send_reusesConnections(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	for _, step := range []struct {
		with   map[string]any
		opened int
	}{
		{nil, 1},
		{map[string]any{"mails_per_connection": 2}, 3},
		{map[string]any{"idle": "0s"}, 5},
	} {
		before := c.Opened()
		s := sender(t, settings(c.Addr, step.with))
		for range 5 {
			if _, err := s.Send(t.Context(), email()); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.Opened() - before; got != step.opened {
			t.Errorf("%v: %d connections for 5 mails, want %d", step.with, got, step.opened)
		}
	}
}

func TestSender_Send_keepsTheConnectionAfterARefusal(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	s := sender(t, settings(c.Addr, nil))
	c.Answer(transporttest.StepRcpt, "550 5.1.1 no such user")
	for range 3 {
		if _, err := s.Send(t.Context(), email()); transport.AsError(err).Reason != reason.AddressDead {
			t.Errorf("%v", err)
		}
	}
	c.Accept()
	if _, err := s.Send(t.Context(), email()); err != nil || c.Opened() != 1 {
		t.Errorf("%d connections, %v", c.Opened(), err)
	}
}

func TestSender_Send_reconnectsWhenTheServerHasGone(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	s := sender(t, settings(c.Addr, nil))
	for round := range 4 {
		if _, err := s.Send(t.Context(), email()); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if round == 2 {
			c.Answer(transporttest.StepNoop, "421 4.4.2 idle for too long")
			continue
		}
		c.Drop()
	}
	if n := len(c.Mails()); n != 4 {
		t.Errorf("%d mails of 4", n)
	}
}

func TestSender_Send_boundsItsConnections(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	s := sender(t, settings(c.Addr, map[string]any{"connections": 2}))
	gate := make(chan struct{})
	c.Slow(gate)
	done := make(chan error)
	for range 6 {
		go func() {
			_, err := s.Send(t.Context(), email())
			done <- err
		}()
	}
	for range 2 {
		<-c.Arrived()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := s.Send(ctx, email())
	if e := transport.AsError(err); e == nil || e.Ambiguous || !e.Retry || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a connection: %v", err)
	}
	close(gate)
	for range 6 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := c.Opened(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestSender_Send_ownTimeout(t *testing.T) {
	c := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	c.Hang()
	s, err := smtp.New(smtp.Settings{
		Host: "127.0.0.1", Port: port(c.Addr), TLS: "none", From: "a@example.com", Connections: 1, MailsPerConnection: 1, Timeout: time.Second,
	}, transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Send(t.Context(), email())
	if e := transport.AsError(err); e == nil || !e.Retry || !e.Ambiguous || e.Detail != "no answer in time" || errors.Unwrap(e) != nil {
		t.Errorf("%+v", e)
	}
}

func port(addr string) int {
	a, _ := net.ResolveTCPAddr("tcp", addr)
	return a.Port
}

func TestSender_Send_protection(t *testing.T) {
	config, file := authority(t)
	for name, c := range map[string]struct {
		options transporttest.SMTPOptions
		with    map[string]any
		want    string // part of the detail; empty for success
	}{
		"starttls":             {transporttest.SMTPOptions{TLS: config}, map[string]any{"tls": "starttls", "ca_file": file}, ""},
		"tls":                  {transporttest.SMTPOptions{TLS: config, Direct: true}, map[string]any{"tls": "tls", "ca_file": file}, ""},
		"starttls not offered": {transporttest.SMTPOptions{}, map[string]any{"tls": "starttls"}, "offers no STARTTLS"},
		"starttls, stranger":   {transporttest.SMTPOptions{TLS: config}, map[string]any{"tls": "starttls"}, "certificate"},
		"tls, stranger":        {transporttest.SMTPOptions{TLS: config, Direct: true}, map[string]any{"tls": "tls"}, "certificate"},
	} {
		server := transporttest.NewSMTP(t, c.options)
		_, err := sender(t, settings(server.Addr, c.with)).Send(t.Context(), email())
		e := transport.AsError(err)
		switch {
		case c.want == "" && e != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (e == nil || !e.Retry || e.Ambiguous || !strings.Contains(e.Detail, c.want)):
			t.Errorf("%s: %v", name, err)
		}
		if arrived := len(server.Mails()); (c.want == "") != (arrived == 1) {
			t.Errorf("%s: %d mails arrived", name, arrived)
		}
	}
}

func TestSender_Send_login(t *testing.T) {
	config, file := authority(t)
	for name, c := range map[string]struct {
		offered string
		auth    string
		want    string
	}{
		"auto takes plain":     {"LOGIN PLAIN", "auto", "PLAIN \x00relay\x00" + password},
		"auto takes login":     {"XOAUTH2 LOGIN", "auto", "LOGIN relay\x00" + password},
		"plain":                {"LOGIN PLAIN", "plain", "PLAIN \x00relay\x00" + password},
		"login":                {"LOGIN PLAIN", "login", "LOGIN relay\x00" + password},
		"plain is not offered": {"LOGIN", "plain", ""},
		"nothing is offered":   {"", "auto", ""},
	} {
		server := transporttest.NewSMTP(t, transporttest.SMTPOptions{TLS: config, Auth: c.offered})
		s := sender(t, settings(server.Addr, map[string]any{
			"tls": "starttls", "ca_file": file, "username": "relay", "password": password, "auth": c.auth,
		}))
		_, err := s.Send(t.Context(), email())
		if c.want == "" {
			if e := transport.AsError(err); e == nil || e.Reason != reason.ProviderUnset || !e.Retry {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if got := server.Logins(); err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestSender_Send_lettersOutsideASCII(t *testing.T) {
	m := email()
	m.To = "jürgen@example.org"
	old := transporttest.NewSMTP(t, transporttest.SMTPOptions{})
	s := sender(t, settings(old.Addr, nil))
	_, err := s.Send(t.Context(), m)
	if e := transport.AsError(err); e == nil || e.Retry || e.Reason != reason.ProviderRejected {
		t.Errorf("%v", err)
	}
	if _, err := s.Send(t.Context(), email()); err != nil || old.Opened() != 1 {
		t.Errorf("afterwards: %v over %d connections", err, old.Opened())
	}
	modern := transporttest.NewSMTP(t, transporttest.SMTPOptions{Features: []string{"8BITMIME", "SMTPUTF8"}})
	if _, err := sender(t, settings(modern.Addr, nil)).Send(t.Context(), m); err != nil {
		t.Error(err)
	}
	if got := modern.Mails()[0]; got.To != "<jürgen@example.org>" || !strings.Contains(got.From, "SMTPUTF8") {
		t.Errorf("the envelope is from %s to %s", got.From, got.To)
	}
}
