package delivery

import (
	"time"

	"switchboard/internal/consent"
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
	withdrawn  reason.Reason // for which it was taken back; empty when it was not
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
	standing   consent.Standing
	// needsConsent: it is sent only to who has agreed.
	needsConsent bool
}

// verdict is what a stage says. The zero verdict lets the delivery pass.
type verdict struct {
	reason reason.Reason // empty: pass
	until  time.Time     // set: hold until then, and ask all stages again; zero: suppress
}

func pass() verdict { return verdict{} }

func suppress(r reason.Reason) verdict { return verdict{reason: r} }

func hold(r reason.Reason, until time.Time) verdict { return verdict{reason: r, until: until} }

// reach is the stages that depend on the person and the transport alone, in the order in which a person would be told
// of them; they are what Explain goes through.
func reach() []stage {
	return []stage{withdrawn, active, preference, agreement, provider, expiry, quiet, frequency, address, carrier}
}

// answering is the stages for what answers a text of the person. They have just written from there, so neither wishes nor
// quiet hours, nor that the number is not verified or has just been stopped, speak against the one text that says so.
func answering() []stage {
	return []stage{provider, expiry, addressed, carrier}
}

// decide asks the stages in order and returns the first objection.
func decide(c *sendCase, stages []stage) verdict {
	for _, s := range stages {
		if v := s(c); v.reason != "" {
			return v
		}
	}
	return pass()
}
