package smtp

import (
	"crypto/x509"
	"net"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"switchboard/internal/errs"
	"switchboard/internal/setting"
)

// Settings is what an operator sets.
type Settings struct {
	// Host and Port are where the mail server is.
	Host string `key:"host,required" doc:"The mail server that takes our mail for delivery."`
	Port int    `key:"port" default:"0" doc:"Its port; 0 means 587 for starttls, 465 for tls and 25 for none."`
	// TLS is how the connection is protected.
	TLS string `key:"tls" default:"starttls" doc:"How the connection is protected: starttls (must be offered), tls (from the first byte) or none."`
	// CAFile adds to the authorities of the system.
	CAFile string `key:"ca_file" doc:"A file of PEM certificates that are trusted beside the system's, for a mail server with its own authority."`
	// Username and Password log in; without a username there is no login.
	Username string         `key:"username" doc:"The name to log in with; empty means no login."`
	Password setting.Secret `key:"password" doc:"The password to log in with. It is sent only over TLS or to this machine."`
	// Auth is the mechanism of the login.
	Auth string `key:"auth" default:"auto" doc:"How to log in: auto (the best that the server offers), plain, login, cram-md5 or scram-sha-256."`
	// From is the sender of mail that names none.
	From string `key:"from,required" doc:"The sender, such as Switchboard <alerts@example.com>."`
	// MessageDomain is the right side of every Message-ID.
	MessageDomain string `key:"message_domain" doc:"The right side of every Message-ID; empty means the domain of from."`
	// Hello is our name in EHLO.
	Hello string `key:"hello" doc:"Our name in EHLO; empty means the domain of from."`
	// Connections, Idle and MailsPerConnection bound the pool.
	Connections        int           `key:"connections" default:"4" doc:"How many connections may be open at once, from 1 to 100."`
	Idle               time.Duration `key:"idle" default:"30s" doc:"How long a connection is kept for the next mail, from 0s to 10m."`
	MailsPerConnection int           `key:"mails_per_connection" default:"100" doc:"How many mails go over one connection before it is closed."`
	// Timeout of one attempt.
	Timeout time.Duration `key:"timeout" default:"30s" doc:"How long one attempt may take once it has a connection to itself, from 1s to 10m."`
}

// The values of TLS.
const (
	tlsStart  = "starttls"
	tlsDirect = "tls"
	tlsNone   = "none"
)

func mechanisms() []string { return []string{"auto", "plain", "login", "cram-md5", "scram-sha-256"} }

var domainPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// Check records what cannot be used.
func (s *Settings) Check(f *errs.Fields) {
	errs.OneOf(f, "tls", s.TLS, tlsStart, tlsDirect, tlsNone)
	errs.OneOf(f, "auth", s.Auth, mechanisms()...)
	s.checkNumbers(f)
	if strings.ContainsAny(s.Host, " /@\r\n") {
		f.Add("host", "must be a host name or an address, without a port")
	}
	if s.Username != "" && s.TLS == tlsNone && !s.loopback() {
		f.Add("tls", "must not be none with a username, unless the server is on this machine")
	}
	if a, err := parseAddress(s.From); err != nil || !domainPattern.MatchString(domainOf(a.Address)) {
		f.Add("from", "must be an e-mail address, with or without a name")
	}
	if s.MessageDomain != "" && !domainPattern.MatchString(s.MessageDomain) {
		f.Add("message_domain", "must be a domain name")
	}
	if s.Hello != "" && !domainPattern.MatchString(s.Hello) {
		f.Add("hello", "must be a domain name")
	}
	if s.CAFile != "" {
		if _, err := authorities(s.CAFile); err != "" {
			f.Add("ca_file", "%s", err)
		}
	}
}

func (s *Settings) checkNumbers(f *errs.Fields) {
	if s.Port < 0 || s.Port > 65535 {
		f.Add("port", "must be between 0 and 65535")
	}
	if s.Connections < 1 || s.Connections > 100 {
		f.Add("connections", "must be between 1 and 100")
	}
	if s.Idle < 0 || s.Idle > 10*time.Minute {
		f.Add("idle", "must be between 0s and 10m")
	}
	if s.MailsPerConnection < 1 {
		f.Add("mails_per_connection", "must be at least 1")
	}
	if s.Timeout < time.Second || s.Timeout > 10*time.Minute {
		f.Add("timeout", "must be between 1s and 10m")
	}
}

// loopback tells whether the server is on this machine.
func (s *Settings) loopback() bool {
	ip := net.ParseIP(s.Host)
	return s.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// port is the port to dial.
func (s *Settings) port() int {
	switch {
	case s.Port != 0:
		return s.Port
	case s.TLS == tlsDirect:
		return 465
	case s.TLS == tlsNone:
		return 25
	}
	return 587
}

// authorities returns the system's certificate authorities and those of a file, or what is wrong with the file.
func authorities(file string) (pool *x509.CertPool, problem string) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, "cannot be read"
	}
	pool, err = x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, "holds no PEM certificate"
	}
	return pool, ""
}

// parseAddress reads one address with or without a name. Nothing in it can break a header: control characters, also
// those that an encoded word hides, are refused.
func parseAddress(s string) (*mail.Address, error) {
	if slices.ContainsFunc([]rune(s), isControl) {
		return nil, errAddress
	}
	a, err := mail.ParseAddress(s)
	if err != nil || slices.ContainsFunc([]rune(a.Name+a.Address), isControl) || len(a.Address) > maxAddress {
		return nil, errAddress
	}
	return a, nil
}

// maxAddress is the longest path of RFC 5321, in bytes.
const maxAddress = 254

func isControl(c rune) bool {
	return c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == '\u2028' || c == '\u2029'
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
