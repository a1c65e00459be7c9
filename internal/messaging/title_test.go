package messaging_test

import (
	"testing"

	"switchboard/internal/directory"
	"switchboard/internal/id"
	"switchboard/internal/messaging"
)

func TestTitle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, second(w.Directory.SetPreference(w.Admin(t), directory.NewPreference{
		Name: directory.DefaultChannelTitle, Type: directory.PreferenceJSON,
		Texts: map[string]string{"en_US": "With {{individual.name}}", "es_US": "Con {{individual.name}}"},
	})))
	set, err := w.Directory.Preferences(t.Context(), w.Org)
	must(t, err)
	people, err := w.Directory.Individuals(t.Context(), w.Org, []id.ID{w.Nurse.ID, w.Doctor.ID, w.Clerk.ID, w.Ada.ID, w.Ben.ID})
	must(t, err)
	nameless := people[w.Doctor.ID]
	nameless.FirstName = ""
	people[w.Doctor.ID] = nameless
	in := func(side messaging.Side, list ...directory.Individual) []messaging.Subscriber {
		var out []messaging.Subscriber
		for _, i := range list {
			out = append(out, messaging.Subscriber{IndividualID: i.ID, Side: side})
		}
		return out
	}
	team := in(messaging.Providers, w.Nurse, w.Doctor, w.Clerk)
	for _, tc := range []struct {
		name         string
		participant  id.ID
		caller       id.ID
		locale, want string
		subs         []messaging.Subscriber
	}{
		{"the participant, to the team", w.Ada.ID, w.Nurse.ID, "en_US", "With ada", append(team, in(messaging.Participants, w.Ada)...)},
		{"in the viewer's language", w.Ada.ID, w.Nurse.ID, "es_MX", "Con ada", append(team, in(messaging.Participants, w.Ada)...)},
		{"the team, to the participant", w.Ada.ID, w.Ada.ID, "", "With nurse, clerk", append(team, in(messaging.Participants, w.Ada)...)},
		{"to a machine", id.Nil, id.Nil, "", "With ada, ben, nurse", append(team, in(messaging.Participants, w.Ada, w.Ben)...)},
		{"nobody else", id.Nil, w.Nurse.ID, "", "With", in(messaging.Providers, w.Nurse)},
		{"a participant who is gone", id.New(), w.Nurse.ID, "", "With clerk", team},
	} {
		v := messaging.View{Channel: messaging.Channel{ParticipantID: tc.participant}, Caller: tc.caller}
		if got := messaging.Title(v, set, tc.locale, tc.subs, people); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
