package transporttest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// SMTP is a scripted mail server.
type SMTP struct {
	// Addr is its host and port.
	Addr string

	options  SMTPOptions
	listener net.Listener
	arrived  chan struct{}
	quit     chan struct{}
	running  sync.WaitGroup

	mu       sync.Mutex
	replies  map[string]string // by step; missing means as usual
	final    func(c net.Conn) (reply string)
	mails    []Mail
	sessions map[net.Conn]bool
	opened   int
	logins   []string
}

// SMTPOptions is what a scripted mail server offers.
type SMTPOptions struct {
	TLS      *tls.Config // offers STARTTLS
	Direct   bool        // speaks TLS from the first byte
	Auth     string      // the mechanisms it names: "PLAIN LOGIN"
	Features []string    // further lines of the answer to EHLO
}

// Mail is one mail that arrived whole.
type Mail struct {
	From, To string // as in MAIL and RCPT, with what follows the address
	Source   []byte // CRLF line ends, dots undoubled
}

var _ Counterpart = (*SMTP)(nil)

// The steps at which a scripted mail server can be told to answer otherwise.
const (
	StepGreeting = "GREETING"
	StepHello    = "EHLO"
	StepAuth     = "AUTH"
	StepMail     = "MAIL"
	StepRcpt     = "RCPT"
	StepData     = "DATA"
	StepDot      = "DOT"
	StepNoop     = "NOOP"
)

// NewSMTP starts a mail server that lives as long as the test.
func NewSMTP(t testing.TB, o SMTPOptions) *SMTP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &SMTP{
		Addr: listener.Addr().String(), options: o, listener: listener,
		arrived: make(chan struct{}, 1024), quit: make(chan struct{}), sessions: map[net.Conn]bool{},
	}
	s.Accept()
	s.running.Go(s.listen)
	t.Cleanup(func() {
		close(s.quit)
		s.Down()
		s.running.Wait()
	})
	return s
}

func (s *SMTP) listen() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.sessions[conn] = true
		s.opened++
		s.mu.Unlock()
		s.running.Go(func() {
			s.serve(conn)
			_ = conn.Close()
			s.mu.Lock()
			delete(s.sessions, conn)
			s.mu.Unlock()
		})
	}
}

// script replaces everything that was scripted before.
func (s *SMTP) script(replies map[string]string, final func(net.Conn) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies, s.final = replies, final
}

// Answer answers at one step with reply ("550 5.1.1 no such user") and goes on as usual at the others. Sessions that
// are open are ended, so that the steps before a mail come again.
func (s *SMTP) Answer(step, reply string) {
	s.script(map[string]string{step: reply}, nil)
	s.Drop()
}

// Accept takes every mail.
func (s *SMTP) Accept() { s.script(nil, nil) }

const tookIt = "250 2.0.0 taken as 4711"

// Slow takes every mail, once gate is closed.
func (s *SMTP) Slow(gate <-chan struct{}) {
	s.script(nil, func(net.Conn) string {
		select {
		case <-gate:
		case <-s.quit:
		}
		return tookIt
	})
}

// Hang reads every mail and never answers.
func (s *SMTP) Hang() {
	s.script(nil, func(c net.Conn) string {
		_, _ = c.Read(make([]byte, 1)) // until the client or the test ends it
		return ""
	})
}

// Reset reads every mail and breaks the connection with a TCP reset.
func (s *SMTP) Reset() {
	s.script(nil, func(c net.Conn) string {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		return ""
	})
}

// Drop ends every session without a word, as a server does that restarts.
func (s *SMTP) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.sessions {
		_ = conn.Close()
	}
}

// Down stops listening and ends every session.
func (s *SMTP) Down() {
	_ = s.listener.Close()
	s.Drop()
}

// Arrived receives once for every mail.
func (s *SMTP) Arrived() <-chan struct{} { return s.arrived }

// Mails lists what arrived, in order.
func (s *SMTP) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Opened is how many connections were made.
func (s *SMTP) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Logins lists what was sent to log in, decoded: mechanism, a space and the rest.
func (s *SMTP) Logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.logins...)
}

// Keys lists the Message-IDs of what arrived, in order.
func (s *SMTP) Keys() []string {
	var out []string
	for _, m := range s.Mails() {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.Source))
		if err != nil {
			out = append(out, "")
			continue
		}
		out = append(out, parsed.Header.Get("Message-Id"))
	}
	return out
}

// reply returns what to answer at a step.
func (s *SMTP) reply(step, usual string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if scripted, ok := s.replies[step]; ok {
		return scripted
	}
	return usual
}

// session is one connection.
type session struct {
	*SMTP
	raw  net.Conn
	text *textproto.Conn
	mail Mail
}

func (s *SMTP) serve(raw net.Conn) {
	var conn io.ReadWriteCloser = raw
	if s.options.Direct {
		conn = tls.Server(raw, s.options.TLS)
	}
	c := &session{SMTP: s, raw: raw, text: textproto.NewConn(conn)}
	if !c.say(s.reply(StepGreeting, "220 test ESMTP")) {
		return
	}
	for {
		line, err := c.text.ReadLine()
		if err != nil || !c.command(line) {
			return
		}
	}
}

// say writes a reply and tells whether the session goes on.
func (c *session) say(reply string) bool {
	return reply != "" && c.text.PrintfLine("%s", strings.ReplaceAll(reply, "\n", "\r\n")) == nil && !strings.HasPrefix(reply, "421")
}

func (c *session) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		return c.say(c.reply(StepHello, c.hello()))
	case "STARTTLS":
		if !c.say("220 go ahead") {
			return false
		}
		c.text = textproto.NewConn(tls.Server(c.raw, c.options.TLS))
		return true
	case "AUTH":
		return c.auth(rest)
	case "MAIL":
		c.mail = Mail{From: strings.TrimPrefix(rest, "FROM:")}
		return c.say(c.reply(StepMail, "250 2.1.0 ok"))
	case "RCPT":
		c.mail.To = strings.TrimPrefix(rest, "TO:")
		return c.say(c.reply(StepRcpt, "250 2.1.5 ok"))
	case "DATA":
		return c.data()
	case "NOOP":
		return c.say(c.reply(StepNoop, "250 2.0.0 ok"))
	case "RSET":
		return c.say("250 2.0.0 ok")
	case "QUIT":
		c.say("221 2.0.0 bye")
		return false
	}
	return c.say("502 5.5.2 what")
}

func (c *session) hello() string {
	lines := append([]string{"test"}, c.options.Features...)
	if c.options.TLS != nil && !c.options.Direct {
		lines = append(lines, "STARTTLS")
	}
	if c.options.Auth != "" {
		lines = append(lines, "AUTH "+c.options.Auth)
	}
	for i := range lines {
		sign := "-"
		if i == len(lines)-1 {
			sign = " "
		}
		lines[i] = "250" + sign + lines[i]
	}
	return strings.Join(lines, "\n")
}

// auth takes any password.
func (c *session) auth(rest string) bool {
	mechanism, initial, _ := strings.Cut(rest, " ")
	said := []string{decode(initial)}
	if strings.EqualFold(mechanism, "LOGIN") {
		said = nil
		for _, prompt := range []string{"Username:", "Password:"} {
			if !c.say("334 " + base64.StdEncoding.EncodeToString([]byte(prompt))) {
				return false
			}
			line, err := c.text.ReadLine()
			if err != nil {
				return false
			}
			said = append(said, decode(line))
		}
	}
	c.mu.Lock()
	c.logins = append(c.logins, mechanism+" "+strings.Join(said, "\x00"))
	c.mu.Unlock()
	return c.say(c.reply(StepAuth, "235 2.7.0 welcome"))
}

func decode(s string) string {
	out, _ := base64.StdEncoding.DecodeString(s)
	return string(out)
}

func (c *session) data() bool {
	reply := c.reply(StepData, "354 go on")
	if !c.say(reply) {
		return false
	}
	if !strings.HasPrefix(reply, "354") {
		return true
	}
	source, err := readDots(c.text.R)
	if err != nil {
		return false
	}
	c.mail.Source = source
	c.mu.Lock()
	c.mails = append(c.mails, c.mail)
	final := c.final
	c.mu.Unlock()
	c.arrived <- struct{}{}
	if final != nil {
		return c.say(final(c.raw))
	}
	return c.say(c.reply(StepDot, tookIt))
}

// readDots reads to the final dot and keeps the line ends as they came.
func readDots(r *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if string(line) == ".\r\n" {
			return out, nil
		}
		out = append(out, bytes.TrimPrefix(line, []byte("."))...)
	}
}
