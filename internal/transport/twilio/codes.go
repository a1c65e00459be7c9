package twilio

import "switchboard/internal/reason"

// meaning is what an error code says about sending the same message again.
type meaning struct {
	reason reason.Reason
	retry  bool
}

var (
	dead        = meaning{reason.AddressDead, false}
	optedOut    = meaning{reason.OptedOut, false}
	rejected    = meaning{reason.ProviderRejected, false}
	closed      = meaning{reason.WindowClosed, false}
	expired     = meaning{reason.Expired, false}
	limited     = meaning{reason.ProviderRateLimited, true}
	unavailable = meaning{reason.ProviderUnavailable, true}
	// unset is for what an operator must mend at Twilio or in the settings. It is retried, since that can happen before
	// the attempts run out.
	unset = meaning{reason.ProviderUnset, true}
)

// meanings are Twilio's error codes (https://www.twilio.com/docs/api/errors), those of answers and those of callbacks
// together: the lists overlap. What is not here follows the HTTP status of an answer, and is rejected in a callback.
var meanings = map[int]meaning{
	10001: unset,       // account not active
	14107: limited,     // message rate limit exceeded
	20003: unset,       // authentication failed
	20005: unset,       // account not active
	20404: unset,       // no such account
	20429: limited,     // too many requests
	20500: unavailable, // internal server error
	20503: unavailable, // service unavailable
	21211: dead,        // invalid To number
	21212: unset,       // invalid From number
	21214: dead,        // To number cannot be reached
	21217: dead,        // number does not appear valid
	21265: dead,        // To cannot be a short code
	21268: dead,        // To is an information service
	21401: dead,        // invalid number
	21408: rejected,    // region not permitted
	21421: dead,        // invalid number
	21602: rejected,    // body required
	21603: unset,       // From required
	21604: dead,        // To required
	21606: unset,       // From is not ours or cannot send SMS
	21608: rejected,    // trial account, number not verified
	21610: optedOut,    // STOP was replied
	21611: limited,     // the queue of From is full
	21612: rejected,    // no route between the two numbers
	21614: dead,        // To is not a mobile number
	21617: rejected,    // body too long
	21619: rejected,    // nothing to send
	21659: unset,       // From is no Twilio number
	21660: unset,       // From belongs to another account
	21703: unset,       // messaging service without a sender
	21705: unset,       // unknown messaging service
	21730: unavailable, // maintenance
	30001: limited,     // queue overflow
	30002: unset,       // account suspended
	30003: unavailable, // handset switched off or out of reach
	30004: rejected,    // blocked by the recipient's side
	30005: dead,        // unknown handset
	30006: dead,        // landline or unreachable carrier
	30007: rejected,    // filtered by the carrier
	30008: unavailable, // unknown
	30009: unavailable, // missing segment
	30010: rejected,    // price over the limit
	30022: limited,     // A2P rate limit
	30023: limited,     // A2P daily cap
	30032: unset,       // toll-free number not verified
	30034: unset,       // number not registered for A2P
	30036: expired,     // validity period over
	63001: unset,       // channel credentials refused
	63003: dead,        // To is not on the channel
	63005: rejected,    // channel did not accept the content
	63007: unset,       // no such channel sender
	63010: unavailable, // internal error of the channel
	63012: unavailable, // internal error of the channel's provider
	63013: rejected,    // against the channel's policy
	63016: closed,      // free text outside the 24-hour window
	63018: limited,     // rate limit of the channel
	63023: unavailable, // generic error of the channel
	63024: dead,        // invalid recipient
	63033: optedOut,    // recipient has unsubscribed
	63038: limited,     // daily limit of the account
	63041: rejected,    // template paused
	63042: rejected,    // template disabled
}
