package delivery

import "switchboard/internal/reason"

// frequency: the person has not had too many within the hour.
func frequency(c *sendCase) verdict {
	if c.cap > 0 && c.recent >= c.cap && !c.urgent {
		return suppress(reason.Capped)
	}
	return pass()
}
