package delivery

import "switchboard/internal/reason"

// active: the person's account takes part.
func active(c *sendCase) verdict {
	if c.individual && c.user.ID.IsZero() {
		return suppress(reason.NoAddress) // a person without an account, who has nothing to be reached by
	}
	if !c.known || !c.user.Active() {
		return suppress(reason.UserInactive)
	}
	return pass()
}
