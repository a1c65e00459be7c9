// Package smtp hands e-mail to a mail server (RFC 5321, submission by RFC 6409) over connections that it keeps.
//
// It composes and speaks by go-mail and decides by itself what a reply means, when a connection is fit for another mail
// and when an attempt may have succeeded. It queues nothing and is no mail server: what the server accepts is the
// server's to deliver, and whether it arrived shows only in a bounce. A server does not recognise a repetition, but
// mailboxes often do: the Message-ID is the delivery's id at every attempt.
//
// Deficiencies: no DKIM (the mail server signs), no attachments, no internationalised domain names in their Unicode
// form unless the server offers SMTPUTF8.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"

	"switchboard/internal/clock"
	"switchboard/internal/errs"
	"switchboard/internal/redact"
	"switchboard/internal/setting"
	"switchboard/internal/transport"
)

// Factory makes senders of e-mail.
func Factory() transport.Factory {
	return transport.Factory{
		Transports: []transport.Name{transport.Email},
		Doc:        "Hands e-mail to a mail server over SMTP.",
		Settings:   setting.Describe(Settings{}),
		Retry:      transport.Mail(),
		New:        transport.Configured(func(s Settings, env transport.Env) (transport.Sender, error) { return New(s, env) }),
	}
}

// Sender sends e-mail.
type Sender struct {
	settings Settings
	hello    string
	tls      *tls.Config
	pool     *pool
	redactor *redact.Redactor
	now      clock.Clock
}

var _ transport.Sender = (*Sender)(nil)

// New returns a Sender with settings that were checked. It reads the file of certificates again and fails when that has
// become unreadable.
func New(settings Settings, env transport.Env) (*Sender, error) {
	config, err := tlsConfig(settings)
	if err != nil {
		return nil, errs.InvalidField("ca_file", "%v", err)
	}
	s := &Sender{
		settings: settings,
		hello:    settings.Hello,
		tls:      config,
		redactor: redact.New(settings.Password, "\x00"+setting.Secret(settings.Username)+"\x00"+settings.Password),
		now:      env.Now(),
	}
	if s.hello == "" {
		s.hello = settings.fromDomain()
	}
	s.pool = &pool{
		slots: make(chan struct{}, settings.Connections),
		keep:  settings.Idle,
		limit: settings.MailsPerConnection,
		dial:  s.dial,
	}
	return s, nil
}

// Close ends the idle connections, which takes a second at most.
func (s *Sender) Close() error {
	s.pool.close()
	return nil
}

// Send hands m to the server as one mail to one recipient. The ProviderID is the Message-ID without its brackets, by
// which bounces refer to the mail. Media, Template, Data and CallbackURL are not used.
func (s *Sender) Send(ctx context.Context, m transport.Message) (transport.Result, error) {
	l, err := s.settings.compose(m, s.now())
	if err != nil {
		return transport.Result{}, err
	}
	if err := s.pool.acquire(ctx); err != nil {
		return transport.Result{}, s.explain(ctx, err)
	}
	defer s.pool.release()
	limited, cancel := context.WithTimeout(ctx, s.settings.Timeout)
	defer cancel()
	answer, err := s.attempt(limited, l)
	if err != nil {
		if limited.Err() != nil {
			err = errors.Join(err, limited.Err()) // or else it says only that the connection was closed
		}
		return transport.Result{}, s.explain(ctx, err)
	}
	return transport.Result{ProviderID: l.messageID, State: transport.Accepted, Detail: s.redactor.Line(answer)}, nil
}

// attempt sends one mail over one connection.
func (s *Sender) attempt(ctx context.Context, l letter) (answer string, err error) {
	c, err := s.pool.get(ctx)
	if err != nil {
		return "", err
	}
	stop := c.watch(ctx)
	answer, err = c.deliver(l)
	fit := c.usable(err)
	if !stop() || !fit {
		_ = c.raw.Close()
		return answer, err
	}
	s.pool.put(c)
	return answer, err
}

// explain turns an error of a session into a failure. ctx is the caller's.
func (s *Sender) explain(ctx context.Context, err error) *transport.Error {
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return e
	}
	at := connecting
	if f, ok := errors.AsType[*failure](err); ok {
		at = f.at
	}
	if code, text, ok := asReply(err); ok {
		return replyError(at, code, text, s.redactor)
	}
	e := transport.Unavailable("%s", s.redactor.Line(err.Error()))
	e.Ambiguous = at == final
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Detail = "the attempt was called off"
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		e.Detail = "no answer in time"
	}
	return e.Because(ctx.Err())
}
