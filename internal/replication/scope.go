package replication

import "switchboard/internal/actor"

// Resources lists what the scopes of this context name.
func Resources() []actor.Resource {
	return []actor.Resource{
		{Name: scopeReplicators, Actions: actor.ReadWrite(), Doc: "What came of the polls of other systems, and asking for one."},
		{Name: scopeSCIM, Actions: actor.ReadWrite(), Doc: "Users and groups over SCIM, for identity providers."},
	}
}
