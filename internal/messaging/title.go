package messaging

import (
	"switchboard/internal/directory"
	"switchboard/internal/id"
)

// maxTitled is how many people a title names.
const maxTitled = 3

// Title is what a channel without a name is called by who looks at it: the title that the organization has set, in the
// viewer's locale (empty: the organization's). It is empty when nothing of it is left.
func Title(v View, set directory.Preferences, locale string, subscribers []Subscriber, people map[id.ID]directory.Individual) string {
	return set.ChannelTitle(locale, others(v, subscribers, people))
}

// others are the names that stand for a channel to its viewer: that of the participant whom it serves, or of the first
// others in it, participants before providers.
func others(v View, subs []Subscriber, people map[id.ID]directory.Individual) []string {
	if !v.ParticipantID.IsZero() && v.ParticipantID != v.Caller {
		if name := people[v.ParticipantID].Name(); name != "" {
			return []string{name}
		}
	}
	var out []string
	for _, side := range []Side{Participants, Providers} {
		for _, sub := range subs {
			name := people[sub.IndividualID].Name()
			if sub.Side == side && sub.IndividualID != v.Caller && name != "" && len(out) < maxTitled {
				out = append(out, name)
			}
		}
	}
	return out
}
