package sandbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// maxMail is the largest mail that is taken, in bytes.
const maxMail = 25 << 20

// hangTime bounds how long a mail that is never answered keeps its connection: the other side has long gone by then.
const hangTime = 10 * time.Minute

// mailServer takes mail for everybody, with or without a login, and offers no TLS: it is on loopback.
func (s *Sandbox) mailServer() *gosmtp.Server {
	server := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) {
		return &mailSession{sandbox: s, conn: c}, nil
	}))
	server.Domain = "sandbox.test"
	server.AllowInsecureAuth = true
	server.MaxMessageBytes = maxMail
	server.MaxRecipients = 100
	server.EnableSMTPUTF8 = true
	server.ReadTimeout = 5 * time.Minute
	server.WriteTimeout = time.Minute
	server.ErrorLog = smtpLog{s}
	return server
}

// smtpLog gives what the mail server has to say to the sandbox's log.
type smtpLog struct{ *Sandbox }

func (l smtpLog) Printf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l smtpLog) Println(v ...any)               { l.log.Debug(fmt.Sprint(v...)) }

// mailSession is one connection.
type mailSession struct {
	sandbox *Sandbox
	conn    *gosmtp.Conn
	from    string
	to      []string
}

var _ gosmtp.AuthSession = (*mailSession)(nil)

func (m *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth takes every name and password.
func (m *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(string, string, string) error { return nil }), nil
}

func (m *mailSession) Reset()        { m.from, m.to = "", nil }
func (m *mailSession) Logout() error { return nil }

func (m *mailSession) Mail(from string, _ *gosmtp.MailOptions) error {
	m.from = from
	return nil
}

func (m *mailSession) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	local, _, _ := strings.Cut(strings.ToLower(to), "@")
	if f, ok := mailFates()[local]; ok {
		return &gosmtp.SMTPError{Code: f.code, EnhancedCode: gosmtp.EnhancedCode(f.enhanced), Message: f.text}
	}
	m.to = append(m.to, to)
	return nil
}

func (m *mailSession) Data(r io.Reader) error {
	source, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	f := m.sandbox.failures.next("email")
	if f != nil && f.Mode != ModeSlow {
		if f.Taken {
			m.capture(source)
		}
		return m.fail(f)
	}
	if f != nil && !wait(m.sandbox.ctx, f.delay()) {
		return errors.New("stopped")
	}
	m.capture(source)
	return nil
}

// fail does what f says in place of the answer to a mail.
func (m *mailSession) fail(f *Failure) error {
	refused := func(code int, enhanced gosmtp.EnhancedCode, text string) error {
		return &gosmtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
	}
	switch f.Mode {
	case ModeRateLimited:
		return refused(450, gosmtp.EnhancedCode{4, 7, 1}, "too many mails, try again later")
	case ModeReject:
		return refused(550, gosmtp.EnhancedCode{5, 1, 1}, "no such user here")
	case ModeReset:
		reset(m.conn.Conn())
	case ModeTimeout:
		ctx, cancel := context.WithTimeout(m.sandbox.ctx, hangTime)
		defer cancel()
		<-ctx.Done()
		_ = m.conn.Conn().Close()
	}
	return refused(451, gosmtp.EnhancedCode{4, 3, 0}, "internal error")
}

// capture keeps the mail once for each recipient.
func (m *mailSession) capture(source []byte) {
	c := parseMail(source)
	c.Transport, c.Direction, c.Status = "email", Outbound, "delivered"
	c.ReceivedAt = m.sandbox.now()
	c.Fields = map[string]string{"envelope_from": m.from}
	if c.From == "" {
		c.From = m.from
	}
	for _, to := range m.to {
		c.To = to
		m.sandbox.outbox.add(c)
	}
}

// parseMail reads what it can of a mail; what it cannot read stays in the source.
func parseMail(source []byte) Capture {
	c := Capture{Raw: Raw{Headers: map[string]string{}, Body: string(source)}}
	parsed, err := mail.ReadMessage(bytes.NewReader(source))
	if err != nil {
		return c
	}
	for name, values := range parsed.Header {
		c.Raw.Headers[name] = decodeWords(strings.Join(values, ", "))
	}
	c.Title = decodeWords(parsed.Header.Get("Subject"))
	c.From = decodeWords(parsed.Header.Get("From"))
	c.ProviderID = strings.Trim(parsed.Header.Get("Message-Id"), "<> ")
	readPart(&c, parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body, 0)
	return c
}

func decodeWords(s string) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s
	}
	return decoded
}

// maxDepth bounds how deep parts within parts are read.
const maxDepth = 8

// readPart finds the first text and the first HTML of a body, through multiparts of any kind.
func readPart(c *Capture, contentType, encoding string, body io.Reader, depth int) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return
			}
			readPart(c, part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, depth+1)
		}
	}
	switch {
	case kind == "text/plain" && c.Text == "":
		c.Text = readText(encoding, body)
	case kind == "text/html" && c.HTML == "":
		c.HTML = readText(encoding, body)
	}
}

func readText(encoding string, body io.Reader) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, _ := io.ReadAll(io.LimitReader(body, maxBody+1)) // what can be read of it
	return strings.ReplaceAll(strings.ToValidUTF8(string(text), "\ufffd"), "\r\n", "\n")
}

func enhancedLine(f mailFate) string {
	return fmt.Sprintf("refused: %d %d.%d.%d %s", f.code, f.enhanced[0], f.enhanced[1], f.enhanced[2], f.text)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
