package delivery

import "switchboard/internal/reason"

// expiry: the content is still of use. It stands before the stages that hold, because they hold until the expiry at the
// latest.
func expiry(c *sendCase) verdict {
	if !c.expiresAt.IsZero() && !c.now.Before(c.expiresAt) {
		return suppress(reason.Expired)
	}
	return pass()
}
