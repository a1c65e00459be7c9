package sandbox

import (
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"unicode/utf8"
)

const sample = "From: =?utf-8?q?=C3=84nn?= <ann@example.com>\r\nTo: bob@example.org\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nMessage-ID: <1@example.com>\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n" +
	"--i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=\r\n!\r\n" +
	"--i\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n--i--\r\n" +
	"--o\r\nContent-Type: text/plain\r\n\r\nan attachment\r\n--o--\r\n"

func TestParseMail(t *testing.T) {
	for name, c := range map[string]struct {
		source                  string
		title, from, text, html string
	}{
		"nested":       {sample, "Grüße", "Änn <ann@example.com>", "Grüße!", "<b>hi</b>"},
		"plain":        {"Subject: x\r\n\r\nline 1\r\nline 2\r\n", "x", "", "line 1\nline 2\n", ""},
		"html only":    {"Content-Type: text/html\r\n\r\n<p>", "", "", "", "<p>"},
		"broken type":  {"Content-Type: ;;;\r\n\r\ntext", "", "", "text", ""},
		"broken parts": {"Content-Type: multipart/mixed\r\n\r\nno parts", "", "", "", ""},
		"no headers":   {"\r\n\r\n", "", "", "\n", ""},
		"no mail":      {"\x00", "", "", "", ""},
	} {
		got := parseMail([]byte(c.source))
		if got.Title != c.title || got.From != c.from || got.Text != c.text || got.HTML != c.html || got.Raw.Body != c.source {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParseMail(f *testing.F) {
	f.Add(sample)
	f.Add("Content-Type: multipart/x; boundary=\"\"\r\n\r\n--\r\n")
	f.Add("Subject: =?x?q?y?=\r\nContent-Transfer-Encoding: base64\r\n\r\n!!")
	f.Fuzz(func(t *testing.T, source string) {
		got := parseMail([]byte(source))
		if !utf8.ValidString(got.Text) || !utf8.ValidString(got.HTML) || got.Raw.Body != source {
			t.Errorf("%+v", got)
		}
	})
}

func serving(t *testing.T) *Sandbox {
	t.Helper()
	s, err := New(Options{Addr: "127.0.0.1:0", SMTPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(t.Context()) })
	return s
}

func TestMailServer(t *testing.T) {
	s := serving(t)
	auth := smtp.PlainAuth("", "anyone", "anything", "127.0.0.1")
	to := []string{"bob@example.org", "carol@example.org"}
	if err := smtp.SendMail(s.SMTPAddr(), auth, "bounce@example.com", to, []byte(sample)); err != nil {
		t.Fatal(err)
	}
	found := s.Outbox(Filter{Transport: "email"})
	if len(found) != 2 || found[0].To != "bob@example.org" || found[1].To != "carol@example.org" {
		t.Fatalf("%+v", found)
	}
	c := found[0]
	if c.Title != "Grüße" || c.ProviderID != "1@example.com" || c.Fields["envelope_from"] != "bounce@example.com" || c.Raw.Headers["Mime-Version"] != "1.0" {
		t.Errorf("%+v", c)
	}
}

func TestMailServer_magic(t *testing.T) {
	s := serving(t)
	for local, f := range mailFates() {
		err := smtp.SendMail(s.SMTPAddr(), nil, "a@example.com", []string{strings.ToUpper(local) + "@example.org"}, []byte(sample))
		want := fmt.Sprintf("%d %d.%d.%d", f.code, f.enhanced[0], f.enhanced[1], f.enhanced[2])
		if err == nil || !strings.HasPrefix(unquoted(err), want) {
			t.Errorf("%s: %v, want %s", local, err, want)
		}
	}
	if found := s.Outbox(Filter{}); len(found) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestMailServer_failures(t *testing.T) {
	s := serving(t)
	for _, c := range []struct {
		failure Failure
		want    string // the beginning of the error
		taken   int
	}{
		{Failure{Transport: "email", Mode: ModeRateLimited}, "450 4.7.1", 0},
		{Failure{Transport: "email", Mode: ModeBroken}, "451 4.3.0", 0},
		{Failure{Transport: "email", Mode: ModeBroken, Taken: true}, "451 4.3.0", 1},
		{Failure{Transport: "email", Mode: ModeReject}, "550 5.1.1", 0},
		{Failure{Transport: "email", Mode: ModeSlow, Delay: 1}, "", 1},
	} {
		s.Clear()
		s.Fail(c.failure)
		err := smtp.SendMail(s.SMTPAddr(), nil, "a@example.com", []string{"b@example.org"}, []byte(sample))
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(unquoted(err), c.want) {
			t.Errorf("%+v: %v", c.failure, err)
		}
		if found := s.Outbox(Filter{}); len(found) != c.taken {
			t.Errorf("%+v: captured %d", c.failure, len(found))
		}
	}
	s.Fail(Failure{Transport: "email", Mode: ModeReset})
	if err := smtp.SendMail(s.SMTPAddr(), nil, "a@example.com", []string{"b@example.org"}, []byte(sample)); err == nil {
		t.Error("the connection was not reset")
	}
	if left := s.Failures(); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

// unquoted is a reply as it was on the wire; net/smtp quotes its text.
func unquoted(err error) string { return strings.ReplaceAll(err.Error(), `"`, "") }
