package notify

import "switchboard/internal/actor"

// Resources lists what the scopes of this context name.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: scopeGroups, Actions: actor.ReadWrite(), Doc: "Notification groups: who is told of what, where and when."},
		{Name: scopeTopics, Actions: actor.ReadWrite(), Doc: "Topics that there are events of."},
		{Name: scopeSchedules, Actions: actor.ReadWrite(), Doc: "Schedules of quiet and of active hours."},
		{Name: scopeAlerts, Actions: actor.ReadWrite(), Doc: "Events that are raised, and what became of them."},
	}
}
