package audit

import "switchboard/internal/actor"

// Resources lists what the scopes of this context name.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: resource, Actions: []string{actor.Read}, Doc: "The audit: who did what, when, from where and as whom."},
	}
}
