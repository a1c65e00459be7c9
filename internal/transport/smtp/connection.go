package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	gosmtp "github.com/wneessen/go-mail/smtp"

	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// connection is one session with the server. One goroutine uses it at a time.
type connection struct {
	raw    net.Conn // below TLS; closing it ends whatever waits
	client *gosmtp.Client
	mails  int         // sent over it
	expiry *time.Timer // while idle
}

// failure is an error of a session and how far it had come.
type failure struct {
	at  stage
	err error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// watch ends the connection when ctx ends. The caller must call stop; false means that the connection is ended.
func (c *connection) watch(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.raw.Close() })
}

// dial opens a session up to the login.
func (s *Sender) dial(ctx context.Context) (*connection, error) {
	dialer := net.Dialer{KeepAlive: 30 * time.Second}
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.settings.Host, strconv.Itoa(s.settings.port())))
	if err != nil {
		return nil, &failure{connecting, err}
	}
	c := &connection{raw: raw}
	stop := c.watch(ctx)
	if err := s.greet(ctx, c); err != nil {
		stop()
		_ = raw.Close()
		return nil, err
	}
	if !stop() {
		return nil, &failure{connecting, ctx.Err()}
	}
	return c, nil
}

// greet goes from the first byte to the login.
func (s *Sender) greet(ctx context.Context, c *connection) error {
	conn := c.raw
	if s.settings.TLS == tlsDirect {
		secured := tls.Client(c.raw, s.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return &failure{connecting, err}
		}
		conn = secured
	}
	client, err := gosmtp.NewClient(conn, s.settings.Host)
	if err != nil {
		return &failure{connecting, err}
	}
	c.client = client
	if err := client.Hello(s.hello); err != nil {
		return &failure{connecting, err}
	}
	if s.settings.TLS == tlsStart {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return refusal("the mail server offers no STARTTLS")
		}
		if err := client.StartTLS(s.tls); err != nil {
			return &failure{connecting, err}
		}
	}
	return s.login(client)
}

// refusal is for what the operator must mend. It is retried, since that can happen in time.
func refusal(text string) *transport.Error {
	return &transport.Error{Reason: reason.ProviderUnset, Retry: true, Detail: text}
}

func (s *Sender) login(client *gosmtp.Client) error {
	if s.settings.Username == "" {
		return nil
	}
	_, offered := client.Extension("AUTH")
	mechanism := choose(s.settings.Auth, strings.Fields(strings.ToLower(offered)))
	user, password := s.settings.Username, s.settings.Password.Reveal()
	var auth gosmtp.Auth
	switch mechanism {
	case "scram-sha-256":
		auth = gosmtp.ScramSHA256Auth(user, password)
	case "plain":
		auth = gosmtp.PlainAuth("", user, password, s.settings.Host, s.settings.loopback())
	case "login":
		auth = gosmtp.LoginAuth(user, password, s.settings.Host, s.settings.loopback())
	case "cram-md5":
		auth = gosmtp.CRAMMD5Auth(user, password)
	default:
		return refusal("the mail server offers no way to log in that the setting auth permits")
	}
	if err := client.Auth(auth); err != nil {
		return &failure{loggingIn, err}
	}
	return nil
}

// choose returns the mechanism to log in with, or the empty string when the server does not offer it.
func choose(setting string, offered []string) string {
	wanted := []string{setting}
	if setting == "auto" {
		wanted = []string{"scram-sha-256", "plain", "login", "cram-md5"}
	}
	for _, mechanism := range wanted {
		if slices.Contains(offered, mechanism) {
			return mechanism
		}
	}
	return ""
}

// deliver sends one mail and returns the server's answer to it.
func (c *connection) deliver(l letter) (string, error) {
	c.mails++
	if utf8Address(l.from + l.to) {
		if ok, _ := c.client.Extension("SMTPUTF8"); !ok {
			return "", transport.Rejected(reason.ProviderRejected, "the mail server takes no address with letters outside ASCII")
		}
	}
	if err := c.client.Mail("<" + l.from + ">"); err != nil {
		return "", &failure{sender, err}
	}
	if err := c.client.Rcpt("<" + l.to + ">"); err != nil {
		return "", &failure{recipient, err}
	}
	w, err := c.client.Data()
	if err != nil {
		return "", &failure{content, err}
	}
	if _, err := l.body.WriteTo(w); err != nil {
		return "", &failure{content, err}
	}
	if err := w.Close(); err != nil {
		return "", &failure{final, err}
	}
	if d, ok := w.(*gosmtp.DataCloser); ok {
		return d.ServerResponse(), nil
	}
	return "", nil
}

func utf8Address(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c >= 0x80 })
}

// alive asks the server whether it is still there.
func (c *connection) alive(ctx context.Context) bool {
	stop := c.watch(ctx)
	err := c.client.Noop()
	return stop() && err == nil
}

// usable makes the connection ready for the next mail after err, if it can.
func (c *connection) usable(err error) bool {
	if _, untouched := errors.AsType[*transport.Error](err); err == nil || untouched {
		return true
	}
	code, _, ok := asReply(err)
	return ok && code != 421 && code >= 400 && c.client.Reset() == nil
}

// quit says good-bye and closes; the server has until the deadline to answer.
func (c *connection) quit(deadline time.Time) {
	if c.expiry != nil {
		c.expiry.Stop()
	}
	if c.raw.SetDeadline(deadline) == nil {
		_ = c.client.Quit()
	}
	_ = c.raw.Close()
}

// tlsConfig returns the configuration that settings ask for.
func tlsConfig(s Settings) (*tls.Config, error) {
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if s.CAFile == "" {
		return config, nil
	}
	pool, problem := authorities(s.CAFile)
	if problem != "" {
		return nil, fmt.Errorf("ca_file %s", problem)
	}
	config.RootCAs = pool
	return config, nil
}
