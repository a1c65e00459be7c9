package consent

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard/internal/id"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// standings are all the ways in which a consent can stand.
func standings() map[string]Consent {
	return map[string]Consent{
		"pending":           {State: Pending},
		"pending, reminded": {State: Pending, Reminded: true},
		"accepted":          {State: Accepted},
		"rejected":          {State: Rejected},
		"rejected, stopped": {State: Rejected, Stopped: true},
		"revoked":           {State: Revoked},
		"revoked, stopped":  {State: Revoked, Stopped: true},
	}
}

func inputs() []Input { return []Input{Unclear, Stop, Start, Help, Agree, Refuse, Withdraw, Lapse} }

// told is a step in one line.
func (s Step) told() string {
	marks := ""
	if s.Reminded {
		marks += ", reminded"
	}
	if s.Stopped {
		marks += ", stopped"
	}
	said := make([]string, len(s.Entries))
	for i, w := range s.Entries {
		said[i] = string(w)
	}
	return strings.TrimRight(fmt.Sprintf("%s%s | %s | %s", s.State, marks, strings.Join(said, " "), s.Answer), "| ")
}

// TestConsent_on is the whole machine: every standing with every input. What is not listed changes nothing and says
// nothing.
func TestConsent_on(t *testing.T) {
	t.Parallel()
	want := map[string]map[Input]string{
		"pending": {
			Agree: "accepted | replied accepted | accept", Start: "accepted | replied accepted | accept", Refuse: "rejected | replied rejected",
			Stop: "rejected, stopped | replied rejected", Help: "pending | help-asked", Unclear: "pending, reminded | replied | invalid-response",
			Withdraw: "revoked | revoked", Lapse: "revoked | expired",
		},
		"pending, reminded": {
			Agree: "accepted, reminded | replied accepted | accept", Start: "accepted, reminded | replied accepted | accept",
			Refuse: "rejected, reminded | replied rejected", Stop: "rejected, reminded, stopped | replied rejected",
			Help: "pending, reminded | help-asked", Withdraw: "revoked, reminded | revoked", Lapse: "revoked, reminded | expired",
		},
		"accepted": {Stop: "revoked, stopped | replied revoked", Help: "accepted | help-asked", Withdraw: "revoked | revoked"},
		"rejected": {
			Agree: "accepted | replied accepted | accept", Start: "accepted | replied accepted | accept", Stop: "rejected, stopped | replied",
			Help: "rejected | help-asked", Withdraw: "revoked | revoked",
		},
		"rejected, stopped": {Start: "rejected | replied", Help: "rejected, stopped | help-asked", Withdraw: "revoked | revoked"},
		"revoked":           {Help: "revoked | help-asked"},
		"revoked, stopped":  {Start: "accepted | replied restored", Help: "revoked, stopped | help-asked", Withdraw: "revoked | revoked"},
	}
	for name, c := range standings() {
		for _, in := range inputs() {
			expected, listed := want[name][in]
			if !listed {
				expected = Step{State: c.State, Stopped: c.Stopped, Reminded: c.Reminded}.told()
			}
			if got := c.on(in).told(); got != expected {
				t.Errorf("%s, %q: %s, want %s", name, in, got, expected)
			}
		}
	}
}

// TestConsent_on_laws is what must hold whatever the table says.
func TestConsent_on_laws(t *testing.T) {
	t.Parallel()
	for name, c := range standings() {
		for _, in := range inputs() {
			step := c.on(in)
			changed := step.State != c.State || step.Stopped != c.Stopped || step.Reminded != c.Reminded
			if changed && len(step.Entries) == 0 {
				t.Errorf("%s, %q: changes and leaves no trace", name, in)
			}
			after := c
			after.State, after.Stopped, after.Reminded = step.State, step.Stopped, step.Reminded
			// The first START of who has refused by STOP opens the number again, the second is a yes to the question.
			late := c.State == Rejected && c.Stopped && in == Start
			if twice := after.on(in); twice.Answer != Silence && !late {
				t.Errorf("%s, %q twice: answered %s again", name, in, twice.Answer)
			}
			if c.State == Revoked && !c.Stopped && step.State != Revoked {
				t.Errorf("%s, %q: what was taken back comes back", name, in)
			}
			if step.State == Accepted && c.State != Accepted && in != Agree && in != Start {
				t.Errorf("%s, %q: accepted without a yes", name, in)
			}
			if in == Stop && step.State == Accepted {
				t.Errorf("%s: accepted after STOP", name)
			}
		}
	}
}

func asked(ago time.Duration, state State) Consent {
	return Consent{ID: id.New(), Type: SMS, State: state, InvitedAt: noon.Add(-ago)}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	older, newer, accepted := asked(2*time.Hour, Pending), asked(time.Hour, Pending), asked(90*day, Accepted)
	refused, gone := asked(time.Minute, Rejected), asked(31*day, Pending)
	imported := Consent{Type: SMS, State: Accepted}
	stopped := Consent{Type: SMS, State: Revoked, Stopped: true}
	takenBack := asked(time.Hour, Revoked)
	for _, tc := range []struct {
		name     string
		stopped  bool // the number, before
		consents []Consent
		says     Input
		by       Type
		want     string // states after, then whether the number is stopped, then the answer and in whose words
	}{
		{"yes to the newest question", false, []Consent{newer, older}, Agree, SMS, "accepted pending; open; accept 0"},
		{"whatever the order", false, []Consent{older, newer}, Agree, SMS, "pending accepted; open; accept 1"},
		{"START is a yes", false, []Consent{newer, older}, Start, SMS, "accepted pending; open; accept 0"},
		{"no to the newest question", false, []Consent{newer, older}, Refuse, SMS, "rejected pending; open;"},
		{"no, thought better of", false, []Consent{refused, older}, Agree, SMS, "accepted pending; open; accept 0"},
		{"neither", false, []Consent{newer, older}, Unclear, SMS, "pending pending; open; invalid-response 0"},
		{"a yes by another way", false, []Consent{newer}, Agree, "whatsapp", "pending; open;"},
		{"STOP by another way", false, []Consent{newer, accepted, imported}, Stop, "whatsapp", "rejected revoked revoked; stopped; stopped"},
		{"STOP stops all", false, []Consent{newer, older, accepted, refused}, Stop, SMS, "rejected rejected revoked rejected; stopped; stopped"},
		{"STOP again", true, []Consent{stopped}, Stop, SMS, "revoked; stopped;"},
		{"STOP of nobody", false, nil, Stop, SMS, "; stopped; stopped"},
		{"START after STOP", true, []Consent{stopped, takenBack}, Start, SMS, "accepted revoked; open; restarted"},
		{"START for nothing", false, []Consent{accepted}, Start, SMS, "accepted; open;"},
		{"a yes after STOP", true, []Consent{stopped}, Agree, SMS, "revoked; stopped;"},
		{"HELP", false, []Consent{newer, accepted}, Help, SMS, "pending accepted; open; help"},
		{"HELP after STOP", true, nil, Help, SMS, "; stopped; help"},
		{"a yes that comes too late", false, []Consent{gone}, Agree, SMS, "revoked; open;"},
		{"late, beside one in time", false, []Consent{newer, gone}, Agree, SMS, "accepted revoked; open; accept 0"},
		{"a yes in a conversation", false, []Consent{accepted, imported}, Agree, SMS, "accepted accepted; open;"},
		{"chatter", false, []Consent{accepted, takenBack}, Unclear, SMS, "accepted revoked; open;"},
		{"a yes after it was taken back", false, []Consent{takenBack}, Agree, SMS, "revoked; open;"},
	} {
		out := Decide(Number{Hash: "h", Stopped: tc.stopped}, tc.consents, tc.says, tc.by, noon)
		states := make([]string, len(out.Steps))
		for i, s := range out.Steps {
			states[i] = string(s.State)
		}
		number, answer := "open", ""
		if out.Number.Stopped {
			number = "stopped"
		}
		if out.Answer != Silence {
			answer = " " + string(out.Answer)
		}
		if out.About >= 0 {
			answer += fmt.Sprint(" ", out.About)
		}
		if got := strings.Join(states, " ") + "; " + number + ";" + answer; got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestDecide_isPure(t *testing.T) {
	t.Parallel()
	consents := []Consent{asked(time.Hour, Pending), asked(2*time.Hour, Accepted)}
	before := slices.Clone(consents)
	first := Decide(Number{}, consents, Stop, SMS, noon)
	if diff := cmp.Diff(first, Decide(Number{}, consents, Stop, SMS, noon)); diff != "" {
		t.Errorf("two answers to one question: %s", diff)
	}
	if diff := cmp.Diff(before, consents); diff != "" {
		t.Errorf("its arguments changed: %s", diff)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{"+15551230001": "+1********01", "+123": "", "": ""} {
		if got := mask(number); got != want {
			t.Errorf("mask(%q) = %q", number, got)
		}
	}
}

func TestMessages_or(t *testing.T) {
	t.Parallel()
	got := Messages{Initial: " ", Accept: "Ours"}.or(wordingIn("es_MX"), "50% Clinic %s")
	if !strings.HasPrefix(got.Initial, "50% Clinic %s desea") || got.Accept != "Ours" || !strings.Contains(got.InvalidResponse, "no entendimos") {
		t.Errorf("%+v", got)
	}
	for _, a := range []Answer{AnswerStopped, AnswerRestarted, AnswerHelp} {
		for _, l := range []string{"en_US", "es_ES", "de_DE", ""} {
			if s := wordingIn(l).say(a, "Clinic"); !strings.HasPrefix(s, "Clinic: ") || len([]rune(s)) > 160 {
				t.Errorf("%s in %q: %q", a, l, s)
			}
		}
	}
}
