package consent

import "time"

// What a consent goes through. The newest invitation of a number is the one that a reply answers; STOP and START are
// about the number and so about all of its consents.
//
//	            yes, START         no         STOP              anything else      taken back   30 days
//	pending     accepted           rejected   rejected, stopped  (answered once)    revoked      revoked
//	accepted    –                  –          revoked, stopped   –                  revoked      –
//	rejected    accepted           –          stopped            –                  revoked      –
//	revoked     –                  –          –                  –                  –            –
//
// "stopped" is a mark on rejected and revoked consents that ended with a STOP. START takes it off: what was revoked by
// the STOP is accepted again, and what was never agreed to stays rejected and can be asked again. A mere yes does
// neither. What was taken back without a text stays revoked whatever the person writes: the organization does not want to
// text them, or they have said so elsewhere.
//
// Races. Every writer locks the number first and reads the consent after that, so the order of commits is the order of
// decisions, and each decision is one row of the table above. Taking back wins over a reply in either order.

// Answer is what a person is sent back.
type Answer string

// The answers.
const (
	Silence         Answer = ""
	AnswerAccepted  Answer = "accept"           // the consent's own words
	AnswerUnclear   Answer = "invalid-response" // likewise
	AnswerStopped   Answer = "stopped"
	AnswerRestarted Answer = "restarted"
	AnswerHelp      Answer = "help"
)

// Step is what an input makes of a consent.
type Step struct {
	State    State
	Stopped  bool
	Reminded bool
	Entries  []What // what the ledger says of it, in order; none: nothing has changed
	Answer   Answer
}

// on is the table above. An input that is a text must be for this consent: see Decide.
func (c Consent) on(in Input) Step {
	same := Step{State: c.State, Stopped: c.Stopped, Reminded: c.Reminded}
	switch in {
	case Agree, Start:
		return c.onYes(in, same)
	case Refuse:
		if c.State == Pending {
			return same.to(Rejected, Silence, Replied, WasRejected)
		}
	case Stop:
		return c.onStop(same)
	case Help:
		same.Entries = []What{HelpAsked}
	case Unclear:
		if c.State == Pending && !c.Reminded {
			same.Reminded = true
			return same.to(Pending, AnswerUnclear, Replied)
		}
	case Withdraw:
		if c.State != Revoked || c.Stopped {
			same.Stopped = false
			return same.to(Revoked, Silence, WasRevoked)
		}
	case Lapse:
		if c.State == Pending {
			return same.to(Revoked, Silence, Expired)
		}
	}
	return same
}

// to is the step to a state.
func (s Step) to(state State, answer Answer, entries ...What) Step {
	s.State, s.Answer, s.Entries = state, answer, entries
	return s
}

func (c Consent) onYes(in Input, same Step) Step {
	switch {
	case c.Stopped && in == Start && c.State == Revoked:
		same.Stopped = false
		return same.to(Accepted, Silence, Replied, Restored)
	case c.Stopped && in == Start:
		same.Stopped = false
		return same.to(c.State, Silence, Replied)
	case c.Stopped:
		return same
	case c.State == Pending, c.State == Rejected:
		return same.to(Accepted, AnswerAccepted, Replied, WasAccepted)
	}
	return same
}

func (c Consent) onStop(same Step) Step {
	if c.Stopped || c.State == Revoked {
		return same
	}
	same.Stopped = true
	switch c.State {
	case Pending:
		return same.to(Rejected, Silence, Replied, WasRejected)
	case Accepted:
		return same.to(Revoked, Silence, Replied, WasRevoked)
	case Rejected, Revoked:
	}
	return same.to(c.State, Silence, Replied)
}

// Outcome is what a text changes.
type Outcome struct {
	Number Number
	Steps  []Step // one for each consent, in their order
	Answer Answer
	// About is the consent in whose words the answer is, by its place; -1 when it is about the number.
	About int
}

// Decide tells what a text from a number changes: for the number, for its consents (the newest invitation first), and
// what is answered. There is at most one answer to a text. transport is the one that the text came by: a question is
// answered by the way it was asked, while STOP, START and HELP count whatever they come by.
//
// It is a function of its arguments.
func Decide(n Number, consents []Consent, in Input, transport Type, now time.Time) Outcome {
	out := Outcome{Number: n, Steps: make([]Step, len(consents)), About: -1}
	switch in {
	case Stop:
		out.Number.Stopped = true
		if !n.Stopped {
			out.Answer = AnswerStopped
		}
	case Start:
		out.Number.Stopped = false
		if n.Stopped {
			out.Answer = AnswerRestarted
		}
	case Help:
		out.Answer = AnswerHelp
	case Unclear, Agree, Refuse, Withdraw, Lapse:
	}
	asked := asks(consents, transport, now)
	for i, c := range consents {
		out.Steps[i] = Step{State: c.State, Stopped: c.Stopped, Reminded: c.Reminded}
		switch {
		case c.lapsed(now):
			out.Steps[i] = c.on(Lapse)
		case i == asked, in == Stop, in == Start && c.Stopped, in == Help && c.State.live():
			out.Steps[i] = c.on(in)
		}
		if out.Steps[i].Answer != Silence {
			out.Answer, out.About = out.Steps[i].Answer, i
		}
	}
	return out
}

// asks returns the place of the consent whose question a reply answers; -1 when there is none.
func asks(consents []Consent, transport Type, now time.Time) int {
	newest := -1
	for i, c := range consents {
		open := c.State == Pending || c.State == Rejected
		if c.Type == transport && open && c.invited(now) && (newest < 0 || c.InvitedAt.After(consents[newest].InvitedAt)) {
			newest = i
		}
	}
	return newest
}
