package consent

import "switchboard/internal/actor"

// Resources lists what scopes name here.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: resource, Actions: actor.ReadWrite(), Doc: "Consents: who may be texted, and the proof of it."},
	}
}
