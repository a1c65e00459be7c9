package delivery

import (
	"switchboard/internal/directory"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// preference: the person accepts the transport.
func preference(c *sendCase) verdict {
	if !c.user.Accepts(string(c.transport)) {
		return suppress(reason.PreferenceOff)
	}
	if c.transport == transport.SMS && c.user.SMSMode == directory.SMSDisabled {
		return suppress(reason.PreferenceOff)
	}
	return pass()
}
