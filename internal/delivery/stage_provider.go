package delivery

import "switchboard/internal/reason"

// provider: somebody serves the transport. It stands before the stages that hold, because what can never be sent need
// not be waited for.
func provider(c *sendCase) verdict {
	if _, served := c.providers.Route(c.transport); !served {
		return suppress(reason.ProviderUnset)
	}
	return pass()
}

// carrier: of the providers of the transport, one serves this address.
func carrier(c *sendCase) verdict {
	to, _ := addressOf(c.user, c.transport)
	if _, served := c.providers.For(c.transport, to); !served {
		return suppress(reason.ProviderUnset)
	}
	return pass()
}
