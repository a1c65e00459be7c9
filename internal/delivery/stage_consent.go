package delivery

import (
	"switchboard/internal/consent"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// agreement: the person has not told the number to stop, which holds on every path that uses it, and has neither refused
// nor taken back consent to the transport. Who was never asked is reached, except with what needs consent first.
func agreement(c *sendCase) verdict {
	switch {
	case !usesPhone(c.transport):
		return pass()
	case c.user.PhoneUnsubscribed || c.standing.Stopped:
		return suppress(reason.OptedOut)
	case c.standing.State == consent.Rejected || c.standing.State == consent.Revoked:
		return suppress(reason.NoConsent)
	case c.needsConsent && c.standing.State != consent.Accepted:
		return suppress(reason.NoConsent)
	}
	return pass()
}

func usesPhone(n transport.Name) bool {
	return n == transport.SMS || n == transport.WhatsApp || n == Voice
}

// needsConsent tells whether a content is sent only to who has agreed to be texted: messages of conversations, where the
// server is set so.
func (s *Service) needsConsent(c Content, n transport.Name) bool {
	return s.opt.ConsentFirst && c.Source.Type == SourceMessage && n == transport.SMS
}
