package delivery

import "switchboard/internal/actor"

// Resources lists what the scopes of this context name.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: resource, Actions: actor.ReadWrite(), Doc: "Deliveries: what became of every message to every person."},
	}
}
