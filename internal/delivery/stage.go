package delivery

import (
	"time"

	"switchboard/internal/directory"
	"switchboard/internal/reason"
	"switchboard/internal/transport"
)

// A stage answers one question about a delivery that is about to be sent: may it go on? It is a function of the case
// alone, so that the same stages send and explain.
type stage func(c *sendCase) verdict

// sendCase is all that the stages look at, gathered beforehand.
type sendCase struct {
	now        time.Time // fixed once for all stages and all deliveries of a batch
	transport  transport.Name
	held       reason.Reason // for which it was held until now; empty when it was not
	urgent     bool
	expiresAt  time.Time
	user       directory.User
	known      bool // the user exists
	providers  Providers
	recent     int // how many the person was sent by this transport in the last hour
	cap        int // how many they may be; 0 means any number
	pace       *pacer
	zones      *zones
	individual bool // it is addressed to an individual, whose user this is
}

// verdict is what a stage says. The zero verdict lets the delivery pass.
type verdict struct {
	reason reason.Reason // empty: pass
	until  time.Time     // set: hold until then, and ask all stages again; zero: suppress
}

var pass verdict

func suppress(r reason.Reason) verdict { return verdict{reason: r} }

func hold(r reason.Reason, until time.Time) verdict { return verdict{reason: r, until: until} }

// reach is the stages that depend on the person and the transport alone, in the order in which a person would be told
// of them; they are what Explain goes through.
func reach() []stage {
	return []stage{active, preference, consent, provider, expiry, quiet, frequency, address, carrier}
}

// decide asks the stages in order and returns the first objection.
func decide(c *sendCase, stages []stage) verdict {
	for _, s := range stages {
		if v := s(c); v != pass {
			return v
		}
	}
	return pass
}

// active: the person's account takes part.
func active(c *sendCase) verdict {
	if c.individual && c.user.ID.IsZero() {
		return suppress(reason.NoAddress) // a person without an account, who has nothing to be reached by
	}
	if !c.known || !c.user.Active() {
		return suppress(reason.UserInactive)
	}
	return pass
}

// preference: the person accepts the transport.
func preference(c *sendCase) verdict {
	if !c.user.Accepts(string(c.transport)) {
		return suppress(reason.PreferenceOff)
	}
	if c.transport == transport.SMS && c.user.SMSMode == directory.SMSDisabled {
		return suppress(reason.PreferenceOff)
	}
	return pass
}

// consent: the person has not told the number to stop. STOP holds for the number on every path that uses it.
func consent(c *sendCase) verdict {
	if c.user.PhoneUnsubscribed && usesPhone(c.transport) {
		return suppress(reason.OptedOut)
	}
	return pass
}

func usesPhone(n transport.Name) bool {
	return n == transport.SMS || n == transport.WhatsApp || n == Voice
}

// provider: somebody serves the transport. It stands before the stages that hold, because what can never be sent need
// not be waited for.
func provider(c *sendCase) verdict {
	if _, served := c.providers.Route(c.transport); !served {
		return suppress(reason.ProviderUnset)
	}
	return pass
}

// carrier: of the providers of the transport, one serves this address.
func carrier(c *sendCase) verdict {
	to, _ := addressOf(c.user, c.transport)
	if _, served := c.providers.For(c.transport, to); !served {
		return suppress(reason.ProviderUnset)
	}
	return pass
}

// expiry: the content is still of use. It stands before the stages that hold, because they hold until the expiry at the
// latest.
func expiry(c *sendCase) verdict {
	if !c.expiresAt.IsZero() && !c.now.Before(c.expiresAt) {
		return suppress(reason.Expired)
	}
	return pass
}

// frequency: the person has not had too many within the hour.
func frequency(c *sendCase) verdict {
	if c.cap > 0 && c.recent >= c.cap && !c.urgent {
		return suppress(reason.Capped)
	}
	return pass
}
