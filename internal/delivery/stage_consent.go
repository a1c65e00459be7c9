package delivery

import (
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// consent: the person has not told the number to stop. STOP holds for the number on every path that uses it.
func consent(c *sendCase) verdict {
	if c.user.PhoneUnsubscribed && usesPhone(c.transport) {
		return suppress(reason.OptedOut)
	}
	return pass()
}

func usesPhone(n transport.Name) bool {
	return n == transport.SMS || n == transport.WhatsApp || n == Voice
}
