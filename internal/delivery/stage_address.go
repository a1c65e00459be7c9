package delivery

import (
	"net/mail"
	"net/url"
	"strings"

	"switchboard/internal/directory"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// address: the person has one for the transport, and has confirmed it where that is asked for.
func address(c *sendCase) verdict {
	to, verified := addressOf(c.user, c.transport)
	switch {
	case to == "":
		return suppress(reason.NoAddress)
	case !verified:
		return suppress(reason.AddressUnverified)
	}
	return pass()
}

// addressed: the person has an address for the transport, confirmed or not.
func addressed(c *sendCase) verdict {
	if to, _ := addressOf(c.user, c.transport); to == "" {
		return suppress(reason.NoAddress)
	}
	return pass()
}

// addressOf returns where a user is reached by a transport, and whether it may be used. An address that is none by its
// form is the empty string. Webhooks are not confirmed; in-app and web need no address.
func addressOf(u directory.User, n transport.Name) (to string, verified bool) {
	switch n {
	case transport.Email:
		if a, err := mail.ParseAddress(u.Email); err == nil && a.Address == u.Email {
			return u.Email, u.EmailVerified
		}
	case transport.SMS, transport.WhatsApp, Voice:
		if isE164(u.Phone) {
			return u.Phone, u.PhoneVerified
		}
	case transport.Webhook:
		if a, err := url.Parse(u.WebhookURL); err == nil && (a.Scheme == "https" || a.Scheme == "http") && a.Hostname() != "" {
			return u.WebhookURL, true
		}
	case InApp, Web:
		return u.ID.String(), true
	}
	return "", false
}

// isE164 tells whether a text is an international number: a plus sign and 7 to 15 digits, the first not 0.
func isE164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
