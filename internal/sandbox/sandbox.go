// Package sandbox is the other side of the wires: a mail server, a Twilio and a receiver of webhooks on loopback, for
// development, demonstrations and tests. The real providers of package transport speak to it as they would to the real
// services, so the whole path runs without an account anywhere.
//
// What arrives is kept in an outbox that can be read over HTTP, over Go and on a web page with fake phones and
// inboxes, where one can also answer. The services can be told to fail, and certain addresses always do (see Magic).
//
// It is not a simulator of carriers: it checks what the services check of a request, answers what they answer and calls
// back as they do. It keeps everything in memory: the last 10,000 captures or 256 MiB of them, whichever is less, with
// texts and raw requests cut at 256 KiB each. It has no login of its own and therefore listens on loopback only, unless
// told otherwise, and refuses browsers that come by another name.
//
// It is written against the services' published interfaces and shares no code with package transport, so that a
// mistake there does not cancel out here.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"switchboard/internal/clock"
)

// The credentials that the Twilio here takes when Options name none.
const (
	DefaultAccountSID = "AC00000000000000000000000000005a4d"
	DefaultAuthToken  = "sandbox-auth-token"
)

// DefaultWebhookSecret is what webhooks to the sandbox are signed with by the providers that it names.
const DefaultWebhookSecret = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC0w" //nolint:gosec // it protects nothing

// Options is what code sets. The zero Options listens on the default ports.
type Options struct {
	// Addr is where the HTTP side listens; empty means 127.0.0.1:8081. Port 0 takes a free one.
	Addr string
	// SMTPAddr is where the mail server listens; empty means 127.0.0.1:1025. Port 0 takes a free one.
	SMTPAddr string
	// Exposed permits addresses that are not loopback. Whoever reaches them can read every message.
	Exposed bool

	// AccountSID and AuthToken are the Twilio credentials; the token also signs what is posted to the server.
	AccountSID, AuthToken string
	// InboundURL is where incoming SMS and WhatsApp messages are posted; SetInboundURL can give it later.
	InboundURL string
	// CallbackDelay is how long after one status the next is reported; zero means at once.
	CallbackDelay time.Duration
	// ReportRead lets WhatsApp messages be read, and not only delivered.
	ReportRead bool
	// WhatsAppWindow lets free text to WhatsApp fail with 63016, as it does in earnest, unless the person has written
	// within 24 hours. Templates always pass.
	WhatsAppWindow bool
	// WebhookSecrets by the name of a receiver; its webhooks must then be signed.
	WebhookSecrets map[string]string

	Clock clock.Clock  // nil means the system's
	Log   *slog.Logger // nil means none
}

// Sandbox is the services. Make one with New.
type Sandbox struct {
	options  Options
	now      clock.Clock
	log      *slog.Logger
	outbox   *outbox
	failures failures
	phones   phones
	twilio   messages
	hooks    hooks
	client   *http.Client

	// ctx ends with Stop; whatever waits or calls back hangs on it.
	ctx     context.Context
	cancel  context.CancelFunc
	pending sync.WaitGroup

	mu       sync.Mutex
	state    lifeState
	inbound  string
	listener net.Listener
	mailbox  net.Listener
	server   *http.Server
	mail     *gosmtp.Server
}

type lifeState int

const (
	fresh lifeState = iota
	running
	stopped
)

// New returns a sandbox that listens nowhere yet.
//
// Errors: an address that cannot be read, or one that is not loopback without Exposed.
func New(o Options) (*Sandbox, error) {
	defaultTo(&o.Addr, "127.0.0.1:8081")
	defaultTo(&o.SMTPAddr, "127.0.0.1:1025")
	defaultTo(&o.AccountSID, DefaultAccountSID)
	defaultTo(&o.AuthToken, DefaultAuthToken)
	for _, addr := range []string{o.Addr, o.SMTPAddr} {
		if err := checkAddr(addr, o.Exposed); err != nil {
			return nil, err
		}
	}
	s := &Sandbox{options: o, now: o.Clock, log: o.Log, inbound: o.InboundURL}
	if s.now == nil {
		s.now = clock.System
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.outbox = newOutbox(maxCaptures, maxBytes)
	s.hooks.set(o.WebhookSecrets)
	s.client = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

func defaultTo(value *string, otherwise string) {
	if *value == "" {
		*value = otherwise
	}
}

// checkAddr keeps the sandbox off the network.
func checkAddr(addr string, exposed bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("sandbox: %q is not an address with a port", addr)
	}
	if exposed || host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("sandbox: %q is not a loopback address, and everybody who reaches it could read every message", addr)
	}
	return nil
}

// errStopped says that a sandbox runs only once.
var errStopped = errors.New("sandbox: already stopped")

// Start listens and returns. A second Start does nothing; one after Stop fails.
func (s *Sandbox) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == running {
		return nil
	}
	if s.state == stopped {
		return errStopped
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.Addr)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	mailbox, err := config.Listen(ctx, "tcp", s.options.SMTPAddr)
	if err != nil {
		_ = listener.Close()
		return fmt.Errorf("sandbox: %w", err)
	}
	s.listener, s.mailbox, s.state = listener, mailbox, running
	s.server = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return s.ctx },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.mail = s.mailServer()
	s.pending.Go(func() { _ = s.server.Serve(listener) })
	s.pending.Go(func() { _ = s.mail.Serve(mailbox) })
	s.log.Info("sandbox started", "url", s.url(), "smtp", mailbox.Addr().String())
	return nil
}

// Stop ends everything and waits for it, until ctx is done. It may come before Start and more than once.
func (s *Sandbox) Stop(ctx context.Context) error {
	s.mu.Lock()
	was := s.state
	s.state = stopped
	s.mu.Unlock()
	s.cancel()
	if was == running {
		_ = s.mailbox.Close() // the mail server may not know of it yet
		_ = s.mail.Close()
		_ = s.server.Close()
	}
	s.client.CloseIdleConnections()
	done := make(chan struct{})
	go func() {
		s.pending.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enter counts a piece of work that Stop waits for, and tells whether it may begin; then the caller must leave.
func (s *Sandbox) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == running {
		s.pending.Add(1)
	}
	return s.state == running
}

func (s *Sandbox) leave() { s.pending.Done() }

// URL is the address of the HTTP side, without a slash at the end: the base_url of a Twilio provider. Before Start it
// is what Options say.
func (s *Sandbox) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url()
}

func (s *Sandbox) url() string {
	if s.listener == nil {
		return "http://" + s.options.Addr
	}
	return "http://" + s.listener.Addr().String()
}

// SMTPAddr is the host and port of the mail server.
func (s *Sandbox) SMTPAddr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mailbox == nil {
		return s.options.SMTPAddr
	}
	return s.mailbox.Addr().String()
}

// SetInboundURL says where incoming SMS and WhatsApp messages are posted, for servers that know their own address late.
func (s *Sandbox) SetInboundURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inbound = url
}

func (s *Sandbox) inboundURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbound
}

// Providers returns settings of providers that speak to this sandbox, by the names "email", "text" and "webhook", as a
// transport.Config takes them. Call it after Start when a port is 0.
func (s *Sandbox) Providers() map[string]map[string]any {
	host, port, _ := net.SplitHostPort(s.SMTPAddr())
	return map[string]map[string]any{
		"email": {"kind": "smtp", "host": host, "port": port, "tls": "none", "from": "Switchboard <switchboard@sandbox.test>"},
		"text": {
			"kind": "twilio", "base_url": s.URL(), "account_sid": s.options.AccountSID, "auth_token": s.options.AuthToken,
			"from": "+15005550006", "whatsapp_from": "+15005550006",
		},
		"webhook": {"kind": "webhook", "allow_private": true, "secrets": []string{DefaultWebhookSecret}},
	}
}
