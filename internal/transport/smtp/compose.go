package smtp

import (
	"encoding/base64"
	"errors"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

var errAddress = errors.New("not an e-mail address")

// letter is a mail that is ready for the wire.
type letter struct {
	from, to  string // of the envelope
	messageID string // without the angle brackets
	body      *gomail.Msg
}

// compose makes a mail of a message. The same message gives the same bytes at every attempt, when it says when it
// happened; now stands in for a missing m.At.
func (s *Settings) compose(m transport.Message, now time.Time) (letter, error) {
	from, err := s.sender(m.From)
	if err != nil {
		return letter{}, err
	}
	to, addressErr := parseAddress(m.To)
	if addressErr != nil {
		return letter{}, transport.Rejected(reason.AddressDead, "the address is not an e-mail address")
	}
	at := m.At
	if at.IsZero() {
		at = now
	}
	l := letter{from: from.Address, to: to.Address, messageID: m.DeliveryID.String() + "@" + s.messageDomain()}
	l.body = gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("part"+m.DeliveryID.Short()))
	l.body.FromMailAddress(from)
	l.body.AddToMailAddress(to)
	l.body.SetMessageIDWithValue(l.messageID)
	l.body.SetDateWithValue(at.UTC())
	l.body.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office replies
	for _, add := range []func(*gomail.Msg, transport.Message) error{addReplyTo, addSubject, addUnsubscribe, addBody} {
		if err := add(l.body, m); err != nil {
			return letter{}, err
		}
	}
	return l, nil
}

// sender returns the From of a mail.
func (s *Settings) sender(override string) (*mail.Address, error) {
	if override == "" {
		override = s.From
	}
	from, err := parseAddress(override)
	if err != nil {
		return nil, transport.Rejected(reason.ProviderRejected, "the sender is not an e-mail address")
	}
	return from, nil
}

func (s *Settings) messageDomain() string {
	if s.MessageDomain != "" {
		return s.MessageDomain
	}
	return s.fromDomain()
}

func (s *Settings) fromDomain() string {
	from, err := parseAddress(s.From)
	if err != nil {
		return "localhost"
	}
	return domainOf(from.Address)
}

func addReplyTo(out *gomail.Msg, m transport.Message) error {
	if m.ReplyTo == "" {
		return nil
	}
	a, err := parseAddress(m.ReplyTo)
	if err != nil {
		return transport.Rejected(reason.ProviderRejected, "the address for replies is not an e-mail address")
	}
	out.ReplyToMailAddress(a)
	return nil
}

func addSubject(out *gomail.Msg, m transport.Message) error {
	if slices.ContainsFunc([]rune(m.Title), isControl) {
		return transport.Rejected(reason.ProviderRejected, "the subject has a line break or another control character")
	}
	switch {
	case m.Title == "":
	case strings.Contains(m.Title, "=?") || slices.ContainsFunc(strings.Fields(m.Title), unfoldable):
		out.SetGenHeaderPreformatted("Subject", encodedWords(m.Title))
	default:
		out.Subject(m.Title)
	}
	return nil
}

// unfoldable tells whether a word would make a header line longer than mail servers take (RFC 5322 §2.1.1).
func unfoldable(word string) bool { return len(word) > 200 }

// encodedWords writes a header value wholly in the encoded words of RFC 2047, each on a line of its own. It is for
// values that look like encoded words themselves, which mail programs would decode into something else, and for those
// that cannot be folded.
func encodedWords(s string) string {
	const most = 45 // bytes in a word, which makes 60 of base64 and 72 in all
	var words []string
	for rest := strings.ToValidUTF8(s, "\ufffd"); rest != ""; {
		n := min(most, len(rest))
		for n < len(rest) && !utf8.RuneStart(rest[n]) {
			n--
		}
		words = append(words, "=?UTF-8?b?"+base64.StdEncoding.EncodeToString([]byte(rest[:n]))+"?=")
		rest = rest[n:]
	}
	return strings.Join(words, "\r\n ")
}

// addUnsubscribe adds the headers of RFC 8058.
func addUnsubscribe(out *gomail.Msg, m transport.Message) error {
	if m.Unsubscribe == "" {
		return nil
	}
	u, err := url.Parse(m.Unsubscribe)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.ContainsFunc(m.Unsubscribe, notInURL) {
		return transport.Rejected(reason.ProviderRejected, "the address for unsubscribing is not a URL")
	}
	out.SetGenHeader("List-Unsubscribe", "<"+m.Unsubscribe+">")
	if u.Scheme == "https" {
		out.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	return nil
}

// notInURL tells whether a character cannot stand in a URL within angle brackets (RFC 3986 §2).
func notInURL(c rune) bool { return c <= ' ' || c >= 0x7f || c == '<' || c == '>' }

// addBody adds the text, the HTML or both as alternatives, the richer one last.
func addBody(out *gomail.Msg, m transport.Message) error {
	switch {
	case m.Text != "" && m.HTML != "":
		out.SetBodyString(gomail.TypeTextPlain, lines(m.Text))
		out.AddAlternativeString(gomail.TypeTextHTML, lines(m.HTML))
	case m.Text != "":
		out.SetBodyString(gomail.TypeTextPlain, lines(m.Text))
	case m.HTML != "":
		out.SetBodyString(gomail.TypeTextHTML, lines(m.HTML))
	default:
		return transport.Rejected(reason.ProviderRejected, "the message has neither a text nor HTML")
	}
	return nil
}

// lines makes every line end with CRLF, as the wire wants it.
func lines(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	return strings.ReplaceAll(s, "\n", "\r\n")
}
