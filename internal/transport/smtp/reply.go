package smtp

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	"switchboard/internal/reason"
	"switchboard/internal/redact"
	"switchboard/internal/transport"
)

// stage is how far an attempt has come.
type stage int

const (
	connecting stage = iota // dialling, greeting, EHLO, STARTTLS
	loggingIn               // AUTH
	sender                  // MAIL FROM
	recipient               // RCPT TO
	content                 // DATA, up to but without the final dot
	final                   // after the final dot: the server may have taken the mail
)

// enhancedPattern finds the enhanced status code at the beginning of a reply (RFC 3463).
var enhancedPattern = regexp.MustCompile(`^([245])\.(\d{1,3})\.(\d{1,3})\b`)

// unknownPattern finds what servers without enhanced codes say of an address that they do not have.
var unknownPattern = regexp.MustCompile(`(?i)user unknown|unknown user|no such (user|recipient|mailbox|address|person)|does ?n[o']t exist|` +
	`(user|recipient|mailbox|address) (was )?not found|invalid (recipient|mailbox)|mailbox unavailable|no mailbox`)

// deadCodes are the enhanced codes that speak of the address and not of the message (RFC 3463 §3.2, RFC 7504):
// bad mailbox, bad domain, bad syntax, moved without a trace, null MX, mailbox disabled.
var deadCodes = map[string]bool{
	"5.1.1": true, "5.1.2": true, "5.1.3": true, "5.1.6": true, "5.1.10": true, "5.2.1": true,
}

// replyError turns a reply of the server into a failure.
//
//	before MAIL FROM   every refusal is the server's own trouble and retried; 5xx to AUTH is provider-not-configured
//	4xx                retried: provider-rate-limited for 4.7.x (greylisting, rate limits), else provider-unavailable
//	5xx to RCPT TO     address-dead when the enhanced code or, without one, the text says so
//	other 5xx          provider-rejected
//	anything else      a server that does not speak the protocol: provider-unavailable, retried, ambiguous at the end
func replyError(at stage, code int, text string, redactor *redact.Redactor) *transport.Error {
	enhanced := enhancedPattern.FindString(text)
	e := &transport.Error{
		Reason: reason.ProviderUnavailable, Retry: true,
		Code:   strings.TrimSpace(strconv.Itoa(code) + " " + enhanced),
		Detail: redactor.Line(fmt.Sprintf("%d %s", code, text)),
	}
	switch {
	case code >= 400 && code <= 499:
		if strings.HasPrefix(enhanced, "4.7.") {
			e.Reason = reason.ProviderRateLimited
		}
	case code < 500 || code > 599:
		e.Ambiguous = at == final
	case at == loggingIn:
		e.Reason = reason.ProviderUnset
	case at == connecting:
	case isDead(at, code, enhanced, text):
		e.Reason, e.Retry = reason.AddressDead, false
	default:
		e.Reason, e.Retry = reason.ProviderRejected, false
	}
	return e
}

func isDead(at stage, code int, enhanced, text string) bool {
	switch {
	case enhanced != "":
		return deadCodes[enhanced] && at >= recipient
	case code == 551:
		return at == recipient
	case code == 550 || code == 553:
		return at == recipient && unknownPattern.MatchString(text)
	}
	return false
}

// asReply returns the server's reply in err, when it is one.
func asReply(err error) (code int, text string, ok bool) {
	reply, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		return 0, "", false
	}
	return reply.Code, reply.Msg, true
}
